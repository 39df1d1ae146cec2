#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Questions that come while one is on its way go to Redis together: each has
# its own answer, a bad one spoils no other, and one connection that breaks is
# one failure.
use v5.36;
use Test::More;
use FindBin;
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $CLIENTS = 24;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

sub server ($url) {
    return ChatTest->new(mpm => 'event', conf => <<"END")->start;
ChatRedis $url connect=5s command=5s
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
MaxKeepAliveRequests 0
<Location /each>
    ChatLimit each 1000/1h "expr=%{QUERY_STRING}" fail=closed
</Location>
<Location /open>
    ChatLimit each 1000/1h "expr=%{QUERY_STRING}" fail=open
</Location>
END
}

my $t = server($redis->url);
$t->allow_log(qr/CHAT1014/);

my $body = encode_json($t->turn(n => 1));
my @conn = map { $t->connect } 1 .. $CLIENTS;

sub ask_all ($path) {
    for my $n (keys @conn) {
        $conn[$n]->request('POST', "$path?of-$n", body => $body, headers => { 'Content-Type' => 'application/json' });
    }
    return;
}

# What each was told is left, undef when nothing was.
sub left_all () {
    return map { ($_->response->{headers}{ratelimit} // '') =~ /;r=(\d+)/ ? $1 : undef } @conn;
}

# All ask at once, each for its own.
sub crowd ($path) {
    ask_all($path);
    return left_all();
}

sub reads () { return $redis->ask('INFO', 'stats') =~ /^total_reads_processed:(\d+)/m ? $1 : undef }
sub evals () { my $calls = $redis->calls; return ($calls->{evalsha} // 0) + ($calls->{eval} // 0) }

# Each has used another share before.
my $round = 0;

sub used ($n) { return 10 * $n + $round }
sub start_with_used ($n) { return $redis->ask('SET', "{chat}:each:r3600:e:of-$n", used($n), 'EX', 3600) }

sub each_has_its_own ($name) {
    my @left = crowd('/each');
    $round++;
    return is_deeply \@left, [ map { 1000 - used($_) } keys @conn ], $name;
}

# ---- each its own ----

start_with_used($_) for keys @conn;
each_has_its_own("a crowd, and each has the answer to its own question ($_)") for 1 .. 10;

SKIP: {
    skip 'this Redis does not count its reads', 1 if !defined reads();
    my ($reads, $evals, $together) = (reads(), evals(), 0);
    for (1 .. 100) {
        my @left = crowd('/each');
        $round++;
        $together = evals() - $evals - (reads() - $reads);
        last if $together > 0;
    }
    cmp_ok $together, '>', 0, 'some of them went together';
}

# ---- a bad one among them ----

$redis->ask('DEL', '{chat}:each:r3600:e:of-7');
$redis->ask('LPUSH', '{chat}:each:r3600:e:of-7', 'no', 'counter');
for my $n (1 .. 5) {
    my @left = crowd('/open');
    $round++;
    is_deeply \@left, [ map { $_ == 7 ? undef : 1000 - used($_) } keys @conn ],
        "what is no counter spoils the answer to no other ($n)";
}
$redis->ask('DEL', '{chat}:each:r3600:e:of-7');
start_with_used(7);

# ---- without its scripts ----

$redis->ask('SCRIPT', 'FLUSH');
each_has_its_own('without its scripts: they are sent again, for each');
each_has_its_own('and are there again');

$_->close for @conn;
$t->stop;

# ---- a connection that breaks while some wait for it: spoken by hand ----

my $door = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1') or die "no port: $!";
my $u    = server('redis://127.0.0.1:' . $door->sockport);
my $ANSWER = "*5\r\n:1\r\n:1\r\n:3600000\r\n:3600000\r\n:0\r\n";
my $waits  = IO::Select->new($door);

# The questions of $n, by connection: [connection, how many]; fewer when for a
# while no more come.
sub questions ($n) {
    my %asked;
    while ($n > 0) {
        my @ready = $waits->can_read(scaled(5)) or last;
        for my $s (@ready) {
            if ($s == $door) {
                $waits->add($door->accept);
                next;
            }
            sysread $s, my $bytes, 65536 or die 'closed';
            my $got = () = $bytes =~ /EVALSHA/g;
            $asked{$s} = [ $s, ($asked{$s} ? $asked{$s}[1] : 0) + $got ];
            $n -= $got;
        }
    }
    return sort { $b->[1] <=> $a->[1] } values %asked;
}

sub answer (@asked) {
    syswrite $_->[0], $ANSWER x $_->[1] for @asked;
    return;
}

@conn = map { $u->connect } 1 .. $CLIENTS;
my $broken = 0;
for (1 .. 50) {
    ask_all('/open');
    my ($most, @others) = questions($CLIENTS);
    answer(@others);
    if ($most->[1] >= 3) {
        $broken = $most->[1];
        $waits->remove($most->[0]);
        $most->[0]->close;
    }
    else {
        answer($most);
    }
    my @left = left_all();
    is scalar(grep { !defined } @left), $broken, 'those that went by it, and no others, have no answer' if $broken;
    last if $broken;
}
cmp_ok $broken, '>=', 3, 'some went together by one connection, which broke';
ask_all('/open');
my @asked = questions($CLIENTS);
answer(@asked);
is_deeply [ left_all() ], [ (999) x $CLIENTS ], 'that was one failure: Redis is asked as before';

$_->close for @conn;
$u->stop;
$up->stop;
$redis->stop;
done_testing;
