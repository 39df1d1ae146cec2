# SPDX-License-Identifier: Apache-2.0
#
# A Redis that is gone, frozen, emptied, read-only, without its scripts, or
# suddenly wants a password: each policy does what it says, nobody waits past
# the deadlines, and no late answer is taken for another question's.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_start load_wait);
use ChatTest::Redis;
use ChatTest::Upstream;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;
my $t     = ChatTest->new(modules => ['status'], conf => <<"END")->start;
ChatRedis ${\$redis->url} connect=300ms command=300ms
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
<Location /open>
    ChatLimit open 1000/1h "expr=%{QUERY_STRING}" fail=open
</Location>
<Location /closed>
    ChatLimit closed 1000/1h "expr=%{QUERY_STRING}" fail=closed
</Location>
<Location /local>
    ChatLimit local 2/1h "expr=%{QUERY_STRING}" fail=local
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END
$t->allow_log(qr/CHAT1011: Redis is not asked for a while/, qr/AH00(?:161|286|484)/);

my $longest = 0;

sub ask ($path) {
    my $res = $t->sse($path, $t->turn(n => 1));
    my $took = $res->{head_at} - $res->{sent_at};
    $longest = $took if $took > $longest;
    return $res;
}

sub left ($path) {
    my $said = ask($path)->{headers}{ratelimit} // return undef;
    return $said =~ /;r=(\d+)/ ? $1 : undef;
}

# Redis is asked again by itself: the shared counter goes down again.
sub recovers ($name, $query) {
    my $mark = $t->mark('error');
    wait_for(sub { defined left("/open?$query") }, "$name: Redis is asked again", 40);
    my $was = left("/open?$query");
    is left("/open?$query"), $was - 1, "$name: and counts";
}

sub behaves_without ($name, $query) {
    for my $n (1 .. 4) {
        is ask("/open?$query")->{status}, 200, "$name: fail=open lets through ($n)";
        my $no = ask("/closed?$query");
        is $no->{status}, 503, "$name: fail=closed refuses ($n)";
        is $no->{json}{code}, 'limits_unavailable', "$name: as an outage, not as a limit ($n)" if $n == 1;
        like $no->{headers}{'retry-after'}, qr/^\d+$/, "$name: and says when to come back ($n)" if $n == 1;
    }
    is join(' ', map { ask("/local?$query")->{status} } 1 .. 3), '200 200 429',
        "$name: fail=local counts in the server's own table";
}

is left('/open?well'), 999, 'a Redis that is well counts';

# ---- gone ----

my $mark = $t->mark('error');
$redis->stop;
behaves_without('gone', 'gone');
my @down = $t->error_log($mark) =~ /CHAT1011: Redis is not asked/g;
is scalar @down, 1, 'that it is gone is logged once';
$redis->start;
recovers('back', 'back');
like $t->error_log($mark), qr/CHAT1010: Redis answers again/, 'that it is back is logged';

# ---- frozen: the deadline, then the breaker ----

my $before = left('/open?ice');
$longest = 0;
$redis->freeze;
behaves_without('frozen', 'ice');
cmp_ok $longest, '<', scaled(1), 'frozen: nobody waits much longer than the deadlines';
my $from = time;
ask('/open?ice') for 1 .. 20;
cmp_ok time - $from, '<', scaled(5), 'frozen: and once it is known, nobody waits at all';
$redis->thaw;
recovers('thawed', 'thaw');
# What timed out may have been counted by the Redis that woke up, but its
# answers went to nobody: every number from now on is its own question's.
my @numbers = map { left("/open?number=$_") } 1 .. 10;
is_deeply \@numbers, [ (999) x 10 ], 'thawed: no late answer is taken for another question\'s';

# ---- frozen while hundreds ask at once ----

for my $round (1 .. 3) {
    my $asked = $redis->calls->{evalsha} // 0;
    my $job = load_start($t->url("/open?crowd-$round"), c => 300, r => 600, p => 'n=1');
    wait_for(sub { ($redis->calls->{evalsha} // 0) > $asked + 20 }, "crowd $round: Redis counts", 10);
    $redis->freeze;
    select undef, undef, undef, 0.4;
    $redis->thaw;
    my $r = load_wait($job);
    is_deeply $r->{failures}, [], "crowd $round: everybody passes, whatever becomes of Redis";
    recovers("crowd $round", "after-crowd-$round");
    @numbers = map { left("/open?crowd-$round-$_") } 1 .. 10;
    is_deeply \@numbers, [ (999) x 10 ], "crowd $round: each has its own answer";
}

# ---- emptied, and without its scripts ----

left('/open?flush');
$redis->ask('FLUSHALL');
is left('/open?flush'), 999, 'flushed: the count begins anew';
$redis->ask('SCRIPT', 'FLUSH');
is left('/open?flush'), 998, 'without its scripts: they are sent again, with no failure';
$redis->stop;
$redis->start;
recovers('restarted', 'restart');

# ---- read-only ----

$redis->ask('REPLICAOF', '127.0.0.1', '1');
$redis->ask('CONFIG', 'SET', 'replica-read-only', 'yes');
behaves_without('read-only', 'replica');
$redis->ask('REPLICAOF', 'NO', 'ONE');
recovers('writable', 'writable');

# ---- another one, that wants a password ----

$redis->stop;
$redis->start(password => 'a-secret-that-nobody-told');
behaves_without('with a password', 'password');
$redis->stop;
$redis->start(password => '');
recovers('without a password', 'nopass');

like $t->get('/server-status?auto')->{body}, qr/^ChatLimit-open: \d+ 0 0 [1-9]\d* 0$/m,
    'mod_status tells how often a policy had to do without';

$t->stop;
$redis->stop;
$up->stop;
done_testing;
