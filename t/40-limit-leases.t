# SPDX-License-Identifier: Apache-2.0
#
# What was reserved comes back by itself: after a thousand aborted streams, a
# hundred failed ones and children that are killed. In Redis and in our table.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load load_start load_wait);
use ChatTest::Redis;
use ChatTest::Upstream;
use JSON::PP;

my $STREAMS = fewer($ENV{CHAT_TEST_LEASES} // 1000);
my $redis   = ChatTest::Redis->new->start;
my $up      = ChatTest::Upstream->new->start;

sub server ($counter) {
    my $t = ChatTest->new(modules => ['status'], conf => <<"END")->start;
$counter
<ChatProvider slow>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=400;pace=20"
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderTimeout total=20s
</ChatProvider>
<ChatProvider sick>
    ChatProviderBreaker off
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=8;fault=rst;after=4"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatAuth guest
ChatLimit budget 1000000000/1h ip unit=tokens reserve=1000
ChatLimit open 100000 ip unit=streams
<Location /slow>
    ChatUse slow
</Location>
<Location /sick>
    ChatUse sick
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END
    $t->allow_log(qr/CHAT0902/, qr/AH00052: child pid \d+ exit signal Killed/, qr/AH00(?:161|286|484)/);
    return $t;
}

# What a question is told: tokens used, places taken (its own not counted).
sub state_of ($t) {
    my $said = $t->sse('/sick', $t->turn(n => 1, fault => 'none'))->{headers}{ratelimit} // '';
    my ($tokens) = $said =~ /"budget";r=(\d+)/;
    my ($open)   = $said =~ /"open";r=(\d+)/;
    return (defined $tokens ? 1_000_000_000 - $tokens : -1, defined $open ? 100_000 - $open - 1 : -1);
}

sub settles ($t, $name, $most) {
    my ($tokens, $open);
    wait_for(sub { ($tokens, $open) = state_of($t); $open == 0 }, "$name: every place is free again", 30);
    cmp_ok $tokens, '<=', $most, "$name: and no more is charged than could have been used";
    return $tokens;
}

sub check ($t, $name) {
    my $per = 400; # a prompt and the looker's own reservation, generously
    my $aborted = load($t->url('/slow'), c => 100, m => 1, A => 3, r => 500, p => 'n=400;pace=20');
    my $rounds  = $STREAMS / 100;
    load($t->url('/slow'), c => 100, A => 3, p => 'n=400;pace=20') for 2 .. $rounds;
    my $after = settles($t, "$name, $STREAMS aborted", ($STREAMS + 5) * $per);

    load($t->url('/sick'), c => 20, m => 5, e => 'any', k => undef, p => 'n=8');
    $after = settles($t, "$name, 100 failed", $after + 105 * $per);
    return $after;
}

# ---- our own table ----

my $t = server('');
my $after = check($t, 'table');
for my $n (1 .. 5) {
    my $job = load_start($t->url('/slow'), c => 20, e => 'any', t => 20, p => 'n=400;pace=20');
    wait_for(sub { (state_of($t))[1] >= 20 }, "table, kill $n: twenty streams are open", 10);
    kill 'KILL', $t->children;
    load_wait($job);
    $after = settles($t, "table, kill $n", $after + 30 * 400);
}
$t->graceful;
my ($tokens) = state_of($t);
cmp_ok $tokens, '>=', $after, 'table: a graceful restart forgets nothing';
$t->stop;

# ---- Redis ----

$t = server('ChatRedis ' . $redis->url . ' connect=5s command=5s');
$after = check($t, 'redis');
for my $n (1 .. 5) {
    my $job = load_start($t->url('/slow'), c => 20, e => 'any', t => 20, p => 'n=400;pace=20');
    wait_for(sub { (state_of($t))[1] >= 20 }, "redis, kill $n: twenty streams are open", 10);
    kill 'KILL', $t->children;
    load_wait($job);
    $after = settles($t, "redis, kill $n", $after + 30 * 400);
}

# A server that dies as a whole has nobody to give back: its leases end.
my $job = load_start($t->url('/slow'), c => 20, e => 'any', t => 20, p => 'n=400;pace=20');
wait_for(sub { (state_of($t))[1] >= 20 }, 'redis: twenty streams are open', 10);
my $charged = $redis->ask('GET', '{chat}:budget:t3600:127.0.0.1');
$t->kill;
load_wait($job);
cmp_ok $redis->ask('ZCARD', '{chat}:open:s0:127.0.0.1'), '>=', 20, 'redis: what a killed server had is on lease';
# The leases of streams that may last 20 s and a minute; let that time pass.
for my $key ('{chat}:open:s0:127.0.0.1', 'chat-leases:{chat}:budget:t3600:127.0.0.1') {
    $redis->ask('ZADD', $key, 1, $_) for @{ $redis->ask('ZRANGE', $key, 0, -1) };
}
$t = server('ChatRedis ' . $redis->url . ' connect=5s command=5s');
settles($t, 'redis, a server killed', $charged - 20 * 900);
is scalar @{ $redis->ask('ZRANGEBYSCORE', 'chat-leases:{chat}:budget:t3600:127.0.0.1', '-inf', '(' . time * 1000) }, 0,
    'redis: no lease is left that has ended';
$t->stop;

$redis->stop;
$up->stop;
done_testing;
