# SPDX-License-Identifier: Apache-2.0
#
# Sizes and shapes: long prompts, huge events, tiny writes. Whatever the
# upstream sends arrives as it is, and costs the child little.
#
# Runs alone: it measures what large events cost the child.
use v5.36;
use utf8;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok);
use ChatTest::Streams;
use ChatTest::Upstream;

my $CHECKED = checker()->name;
my $ROOM = 64 * 1024;    # KiB that four events of 8 MiB may cost

# What an upstream of our own answers, in pieces of a few bytes.
my $ODD = join '',
    "\xEF\xBB\xBF: a byte order mark and a comment\r\n",
    ":\n::\r\n\r\n\r\r\n\n",
    "id: 1\nretry: 10\r\nunknown: field\nfield without colon\n",
    "data: no type\rdata:two lines\r\n\r",
    "event: empty\ndata\n\n",
    "data: \x00 NUL \xff\xfe no UTF-8 \xed\xa0\x80\n\n",
    ': ' . 'long comment ' x 2000 . "\n",
    'data: {"type":"unheard.of","text":"' . 'x' x 70_000 . qq("}\n\n),
    qq(event: response.completed\r\ndata: {"type":"response.completed","response":{"status":"completed","usage":null}}\r\n\r\n),
    ": after the end\n\n";
my $odd_url = upstream_of(sub ($conn, $head) {
    my ($step) = $head =~ m{/step(\d+)/};
    print {$conn} "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    for (my $at = 0; $at < length $ODD; $at += $step) {
        syswrite $conn, substr $ODD, $at, $step;
    }
});

my $up = ChatTest::Upstream->new->start;

my $LARGE = "ChatRequestMessageLength 70000\nChatRequestTotalLength 200000\n";
sub server ($mpm) {
    return ChatTest->new(modules => ['status'], mpm => $mpm, tls => 1,
        ($mpm eq 'event' ? (mpm_conf => mpm_conf(32)) : ()),
        conf => chat_conf(
            chat  => { url => $up->url, location => $LARGE },
            odd1  => "$odd_url/step1", odd7 => "$odd_url/step7", odd5000 => "$odd_url/step5000"))->start;
}

my $t = server('event');
# Each prompt holds a thread while it is read.
$t->allow_log(qr/AH00484: server reached MaxRequestWorkers/);
my $pid = child($t);

# ---- up ----

subtest 'a prompt of 64 KiB arrives whole' => sub {
    my %text = (
        'plain words'  => 'word ' x 13_107,
        'escapes'      => qq(\\"\n\t\b/\x7f) x 9_362,
        'beyond ASCII' => 'é€😀' x 7_281,
        'one long'     => 'a' x 65_536,
    );
    for my $what (sort keys %text) {
        my $turn = $t->turn(seed => 3, n => 2);
        $turn->{messages}[0]{content} .= $text{$what};
        for my $tls (0, 1) {
            my $res = $t->sse('/chat', $turn, tls => $tls);
            is $res->{status}, 200, $what . ($tls ? ' over TLS' : '');
            my $sent = JSON::PP->new->decode($up->last->{body});
            ok $sent->{input}[0]{content} eq $turn->{messages}[0]{content}, '... is what the upstream got'
                or diag substr $up->last->{body}, 0, 300;
        }
    }
};

subtest 'a hundred of them at once' => sub {
    my $body = load_body($t) =~ s/ mock\(/ mock(n=3;pace=5;/r;
    my $file = $t->write_file('body.json', $body =~ s/"\}\]\}$/@{[ 'x' x 65_000 ]}"}]}/r, 0600);
    load_ok('each gets its answer', $t->url('/chat', tls => $_), c => fewer(100), t => scaled(30), b => "\@$file") for 0, 1;
};

# ---- down ----

sub huge ($t, $pid, $tls) {
    my $with = $tls ? 'over TLS' : 'plain';
    load_ok("a first event of 8 MiB $with", $t->url('/chat', tls => $tls), t => scaled(60),
        b => load_body($t, 'n=1;size=8388608;lean=1'));
    my $before = $t->proc_status($pid);
    load_ok('four at once', $t->url('/chat', tls => $tls), c => 4, t => scaled(60), b => load_body($t, 'n=1;size=8388608;lean=1'));
    my $after = $t->proc_status($pid);
    note "resident: $before->{VmRSS} KiB before, $after->{VmRSS} after, at most $after->{VmHWM}";
    cmp_ok $after->{VmHWM} - $before->{VmRSS}, '<', $ROOM, '... cost less than 64 MiB' unless $CHECKED;
    load_ok('one whose text comes four times', $t->url('/chat', tls => $tls), t => scaled(60),
        b => load_body($t, 'n=1;size=8388608'));
}

subtest 'huge events' => sub { huge($t, $pid, $_) for 0, 1 };

# What the mock is told, how many streams of it.
my @SHAPES = (
    [ 'events without text',          'n=50;size=0' ],
    [ 'events of one byte',           'n=50;size=1' ],
    [ 'events near a read',           'n=20;size=4000' ],
    [ 'events of a read',             'n=20;size=4096' ],
    [ 'events near a TLS record',     'n=20;size=16200' ],
    [ 'events of a TLS record',       'n=20;size=16384' ],
    [ 'events larger than that',      'n=20;size=70000' ],
    [ 'a thousand in one write',      'n=1000;size=30' ],
    [ 'chunks of one byte',           'n=5;chunk=1' ],
    [ 'chunks of seven',              'n=20;chunk=7;size=100' ],
    [ 'chunks across events',         'n=20;chunk=1000;size=300' ],
    [ 'writes of one byte',           'n=2;split=1', 3 ],
    [ 'writes of seven',              'n=20;split=7;chunk=5;size=50' ],
    [ 'text beyond ASCII, cut anywhere', 'n=20;utf8=1;size=60;split=11' ],
    [ 'CRLF',                         'n=20;eol=crlf' ],
    [ 'CRLF, cut anywhere',           'n=10;eol=crlf;chunk=1' ],
    [ 'CR alone',                     'n=20;eol=cr' ],
    [ 'CR alone, cut anywhere',       'n=10;eol=cr;chunk=1' ],
    [ 'comments between events',      'n=20;comments=1' ],
    [ 'a byte order mark',            'n=20;bom=1' ],
    [ 'all of that',                  'n=20;bom=1;comments=1;eol=crlf;utf8=1;split=13;chunk=9;size=40' ],
    [ 'an end by closing',            'n=20;frame=close' ],
    [ 'reasoning first',              'n=20;reason=20;pace=1' ],
);

sub shapes ($t, %o) {
    for my $tls (0, 1) {
        for my $shape (@SHAPES) {
            my ($name, $params, $n) = @$shape;
            load_ok($name . ($tls ? ' over TLS' : ''), $t->url('/chat', tls => $tls), c => $n // fewer(10), m => 2,
                t => scaled(60), b => load_body($t, $params));
        }
    }
}

sub odd ($t) {
    for my $step (5000, 7, 1) {
        for my $tls (0, 1) {
            my $res = $t->sse("/odd$step", $t->turn, tls => $tls);
            ok $res->{body} eq $ODD, "bytes $step at a time" . ($tls ? ' over TLS' : '')
                or diag length($res->{body}) . ' of ' . length($ODD) . ' bytes';
            ok $res->{clean}, '... with a clean end';
        }
    }
}

subtest 'events of all shapes' => sub { shapes($t) };
subtest 'an odd stream'        => sub { odd($t) };
is_deeply [ $t->children ], [$pid], 'no child has died';
$t->stop;

subtest 'where a thread drives the stream' => sub {
    my $t = server('worker');
    huge($t, child($t), $_) for 0, 1;
    shapes($t);
    odd($t);
    $t->stop;
};

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
