# SPDX-License-Identifier: Apache-2.0
#
# Something in the place of Redis that replies what no Redis of ours would: an
# array of a billion elements, arrays in arrays, lines and texts without an end,
# bytes one by one, a reply too many. None of it stops the streams of the others,
# holds a worker for long, grows the child, or is taken for an answer.
use v5.36;
use IO::Select;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time);
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;

my %REPLY = (
    'a billion elements'   => ["*1000000000\r\n"],
    'more than a billion'  => ["*2147483647\r\n:1\r\n"],
    'arrays in arrays'     => [ "*5\r\n" . "*60000\r\n" x 2000 ],
    'arrays in arrays, 2'  => [ "*5\r\n:1\r\n*1000000000\r\n" ],
    'too many elements'    => [ "*70000\r\n" . ":1\r\n" x 70_000 ],
    'a line without end'   => [ '-' . 'x' x 1_000_000, 'repeat' ],
    'a text without end'   => [ "\$500000000\r\n" . 'x' x 1_000_000, 'repeat' ],
    'byte by byte'         => [ '*', 'drip' ],
    'numbers without end'  => [ "*1000000000\r\n" . ":1\r\n" x 100_000, 'repeat' ],
    'depth'                => [ "*1\r\n" x 100_000 ],
);

my $well = "*5\r\n:1\r\n:3\r\n:1000\r\n:1\r\n:0\r\n";
my %FINE = (well => [$well], 'well, and one more' => [ $well . "*5\r\n:0\r\n:9\r\n:9000\r\n:1\r\n:1\r\n" ]);

# Replies to every command that way.
my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1) or die "no port: $!";
my $said = "/tmp/chat-hostile-$$";
sub hostile () {
    my $parent = getppid;
    my %conn;
    my $select = IO::Select->new($listener);
    $SIG{PIPE} = 'IGNORE';
    while (getppid == $parent) {
        for my $s ($select->can_read(0.01)) {
            if ($s == $listener) {
                my $c = $listener->accept or next;
                $c->blocking(0);
                $select->add($c);
                next;
            }
            my $n = sysread $s, my $bytes, 65536;
            if (!$n) {
                $select->remove($s);
                delete $conn{$s};
                close $s;
                next;
            }
            my $which = do { open my $fh, '<', $said or die $!; <$fh> };
            my ($text, $how) = ($REPLY{$which} // $FINE{$which})->@*;
            $conn{$s} = { s => $s, out => $text, again => $text, how => $how // '' };
        }
        for my $c (values %conn) {
            if (!length $c->{out}) {
                $c->{out} = $c->{how} eq 'drip' ? ('1' x 1) : $c->{how} eq 'repeat' ? 'x' x 1_000_000 : next;
            }
            my $n = syswrite $c->{s}, $c->{out};
            substr $c->{out}, 0, $n // 0, '' if defined $n;
        }
    }
    POSIX::_exit(0);
}
my $pid = fork // die "fork: $!";
hostile() if !$pid;

my $up = ChatTest::Upstream->new->start;
my $t  = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf(4), modules => [qw(status socache_shmcb)],
    conf => 'ChatRedis redis://127.0.0.1:' . $listener->sockport . " command=300ms\nChatStreamEngines 1\n" . chat_conf(
        free    => $up->url,
        limited  => { url => $up->url, location => 'ChatLimit l 1000/1h ip' },
        blocking => { url => $up->url, location => "ChatRoute message\nChatModelDefault m\nChatLimit l 1000/1h ip" },
        shut     => { url => $up->url, location => 'ChatLimit l 1000/1h ip fail=closed' },
    ))->start;
$t->allow_log(qr/CHAT1011: Redis is not asked for a while/, qr/CHAT1019: Redis has not counted since the start/, qr/AH00(?:484|161|286)/);

sub memory () {
    my ($child) = $t->children;
    open my $fh, '<', "/proc/$child/status" or return 0;
    my ($kb) = map { /^VmHWM:\s+(\d+)/ } <$fh>;
    return $kb / 1024;
}

sub say_as ($which) {
    open my $fh, '>', $said or die $!;
    print {$fh} $which;
}

# With a session a worker asks, else the engine.
sub ask ($path) {
    return $path eq '/blocking' ? $t->post_json($path, { message => 'q', session_id => 's' }) : $t->sse($path, $t->turn(n => 1));
}

for my $which (sort keys %REPLY) {
    my ($before, $mark) = (memory(), $t->mark);
    # Somebody else's stream, of a word each 20 ms, while its engine and then a
    # worker ask.
    my $other = $t->connect;
    $other->request(POST => '/free', body => JSON::PP::encode_json($t->turn(n => 400, pace => 20)),
        headers => [ 'Content-Type' => 'application/json' ]);
    say_as($which);
    my $asker = fork // die "fork: $!";
    if (!$asker) {
        my $fine = grep { ask($_)->{status} == 200 } '/limited', '/blocking';
        POSIX::_exit($fine == 2 ? 0 : 1);
    }
    my ($last, $gap, $gone) = (undef, 0, 0);
    $other->response(on_event => sub ($event, $res) {
        $gap = $event->{at} - $last if defined $last && $event->{at} - $last > $gap;
        $last = $event->{at};
        return $gone++ < 10 if $gone || waitpid($asker, WNOHANG) == $asker;
        return 1;
    }, timeout => 20);
    is $?, 0, "$which: those who ask are counted in the table" if $gone;
    ok $gone, "$which: ... soon";
    $other->close;
    cmp_ok $gap, '<', scaled(0.4), sprintf '... the others go on (%.0f ms)', 1000 * $gap;
    cmp_ok memory() - $before, '<', 64, '... and the child does not grow';
    my @why = $t->error_log($mark) =~ /CHAT1013: Redis did not count: (.*)/g;
    is scalar @why, 2, "... by Redis neither: @why[0 .. $#why && 0]";
    # Twice in a row, and not thrice: Redis is still asked.
    say_as('well');
    $mark = $t->mark;
    is ask('/limited')->{headers}{ratelimit}, '"l";r=997;t=1', '... which is asked again';
}

# An answer, and one that nobody asked for: to the engine that has it, and on a
# connection of a worker.
for my $path ('/limited', '/blocking') {
    say_as('well, and one more');
    is ask($path)->{status}, 200, "$path: an answer with another behind it";
    say_as('well');
    is ask($path)->{headers}{ratelimit}, $_, "$path: ... which is not the next one's" for ('"l";r=997;t=1') x 2;
}

say_as('a billion elements');
is ask('/shut')->{status}, 503, 'fail=closed: an answer that is none lets nobody through';

kill 'KILL', $pid;
waitpid $pid, 0;
unlink $said;
$t->stop;
$up->stop;
done_testing;
