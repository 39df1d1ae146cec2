# SPDX-License-Identifier: Apache-2.0
#
# Three Apaches and one Redis: limits and budgets hold to the point, a request
# costs one round trip, and what was not used comes back.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_start load_wait);
use ChatTest::Redis;
use ChatTest::Upstream;
use JSON::PP;

my $redis = ChatTest::Redis->new(password => 'sesame-' . $$)->start;
my $up    = ChatTest::Upstream->new->start;
my $conf  = <<"END";
ChatRedis ${\$redis->url(3)} password=env:REDIS_PASSWORD connect=5s command=5s
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderTimeout total=30s
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
<Location /hundred>
    ChatLimit hundred 100/1h "expr=%{QUERY_STRING}"
</Location>
<Location /budget>
    ChatLimit budget 3000/1h "expr=%{QUERY_STRING}" unit=tokens reserve=150
</Location>
<Location /three>
    ChatLimit a 100/1h ip
    ChatLimit b 100000/1h ip unit=tokens
    ChatLimit c 100 ip unit=streams
</Location>
END
my @t = map { ChatTest->new(conf => $conf, env => { REDIS_PASSWORD => 'sesame-' . $$ })->start } 1 .. 3;

# Some 200 requests at once, over the three; how many of each status.
sub rush ($path) {
    my %sum;
    my @jobs = map { load_start($_->url($path), c => 67, S => 200, X => 429, p => 'n=1') } @t;
    for my $job (@jobs) {
        my $r = load_wait($job);
        is_deeply $r->{failures}, [], 'no request went otherwise';
        $sum{$_} += $r->{answers}{$_} for keys %{ $r->{answers} };
    }
    return \%sum;
}

sub ask ($t, $path, %o) {
    return $t->sse($path, { %{ $t->turn(n => 1, %{ delete $o{mock} // {} }) }, %{ delete $o{with} // {} } }, %o);
}

sub redis (@words) {
    return $redis->in_db(3, @words);
}

# ---- to the point ----

for my $run (1 .. 3) {
    my $sum = rush("/hundred?run=$run");
    is $sum->{200}, 100, "run $run: 100 of 201 requests at once pass, on three Apaches";
    is $sum->{429}, 101, "run $run: and the others are told to wait";
    is redis('GET', "{chat}:hundred:r3600:e:run=$run"), 100, "run $run: what was refused is not charged";
}

# Each reserves 150 and its prompt, more than the mock ever bills, with which all
# are settled: 19 fit at once, and more when some of them are over in time.
for my $run (1 .. 2) {
    my $sum = rush("/budget?run=$run");
    my $key = "{chat}:budget:t3600:e:run=$run";
    cmp_ok $sum->{200}, '>=', 19, "run $run: requests with a budget pass";
    cmp_ok redis('GET', $key), '<=', 3000, "run $run: and all together stay below it";
    is redis('ZCARD', "chat-leases:$key") // 0, 0, "run $run: nothing stays reserved";
    cmp_ok redis('TTL', $key), '>', 3500, "run $run: the window has its end";
}

# ---- one question a request ----

ask($t[0], '/three');
my $before = $redis->calls->{evalsha} // 0;
ask($t[0], '/three');
is $redis->calls->{evalsha} - $before, 2, 'three policies: one question, and one settling';
my @keys = sort @{ redis('KEYS', '*:[abc]:*') };
is_deeply \@keys, [ map { "{chat}:$_:127.0.0.1" } qw(a:r3600 b:t3600) ], 'all keys share a slot, and no stream is open';

# ---- what comes back ----

$_->expect_log(qr/CHAT0902/) for $t[0];
$_->allow_log(qr/CHAT0902/, qr/AH00(?:161|286|484)/) for @t;
my $used = sub ($what) { redis('GET', "{chat}:budget:t3600:e:$what") // 0 };
my $settled = sub ($what, $name) {
    wait_for(sub { !redis('ZCARD', "chat-leases:{chat}:budget:t3600:e:$what") }, "$name: the lease is gone", 10);
};
ask($t[0], '/budget?kind=plain');
my $plain = $used->('kind=plain');
cmp_ok $plain, '>', 0, 'an answer costs what was billed';
cmp_ok $plain, '<', 60, 'and no more';
my @table = (
    # what, mock, most that may stay charged
    [ refused => { status => 500 }, 0 ],
    [ busy    => { status => 429 }, 0 ],
    [ reset   => { fault => 'rst-head' }, 0 ],
    [ cut     => { n => 8, fault => 'close', after => 6 }, 40 ],
    [ failed  => { n => 8, fault => 'error-flat', after => 6 }, 40 ],
);
for my $row (@table) {
    my ($what, $mock, $most) = @$row;
    ask($t[0], "/budget?kind=$what", mock => $mock);
    $settled->("kind=$what", $what);
    cmp_ok $used->("kind=$what"), '<=', $most, "$what: what was not used is given back";
}
ask($t[0], '/budget?kind=aborted', mock => { n => 300, pace => 20 }, abort_after => 8);
$settled->('kind=aborted', 'aborted');
my $aborted = $used->('kind=aborted');
cmp_ok $aborted, '>', 0, 'aborted: what was streamed is charged';
cmp_ok $aborted, '<', 50, 'and the rest is given back';

# ---- a server that is killed ----

# Of a killed child its parent gives back what it held, so that both must go.

my $c = $t[0]->connect;
$c->request('POST', '/three?x', headers => { 'Content-Type' => 'application/json' },
    body => encode_json($t[0]->turn(n => 400, pace => 50)));
my ($open, $tokens) = ('{chat}:c:s0:127.0.0.1', '{chat}:b:t3600:127.0.0.1');
wait_for(sub { redis('ZCARD', $open) }, 'a stream is open', 10);
my $charged = redis('GET', $tokens);
$t[0]->kill;
$c->rest;
is redis('ZCARD', $open), 1, 'the place of a killed server stays taken';
my ($lease) = @{ redis('ZRANGE', $open, 0, 0) };
my $left = redis('ZSCORE', $open, $lease) / 1000 - time;
ok $left > 60 && $left < 95, 'until the longest answer is over, and a minute';
# The day comes sooner.
redis('ZADD', $open, 1, $lease);
my ($promise) = @{ redis('ZRANGE', "chat-leases:$tokens", 0, 0) };
redis('ZADD', "chat-leases:$tokens", 1, $promise);
is ask($t[1], '/three')->{status}, 200, 'then the next question';
wait_for(sub { !redis('ZCARD', $open) }, 'frees the place', 10);
cmp_ok redis('GET', $tokens), '<', $charged, 'and gives the tokens back';

$_->stop for @t[ 1, 2 ];
$redis->stop;
$up->stop;
done_testing;
