# SPDX-License-Identifier: Apache-2.0
#
# An engine's channel to Redis: all of its streams ask on one connection and no
# worker waits for it. However a question is cut short, by its client, by Redis
# or by the server's stop, nothing is called that was not allowed, each answer is
# its own question's, and nothing is left.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Redis;
use ChatTest::Streams;
use ChatTest::Upstream;

my $WORKERS = 4;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;
my $t     = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf($WORKERS), modules => ['status'],
    conf => 'ChatRedis ' . $redis->url . " command=1m\n" . chat_conf(
        open => { url => $up->url, location => 'ChatLimit open 1000/1h expr=%{QUERY_STRING} fail=open' },
        shut => { url => $up->url, location => 'ChatLimit shut 1000/1h expr=%{QUERY_STRING} fail=closed' },
        few  => { url => $up->url, location => 'ChatLimit few 5/1h expr=%{QUERY_STRING}' },
        places => { url => $up->url, location => 'ChatLimit places 3 expr=%{QUERY_STRING} unit=streams' },
    ))->start;
$t->allow_log(qr/AH00(?:484|161|286)/, qr/CHAT1011: Redis is not asked for a while/);

sub asks ($path, $params = 'n=1', %o) {
    return load_start($t->url($path), b => load_body($t, $params), p => $params, t => scaled(40), k => 1, %o);
}

sub left ($query) {
    my $res = $t->sse("/open?$query", $t->turn(n => 1));
    return $res->{status} == 200 && ($res->{headers}{ratelimit} // '') =~ /;r=(\d+)/ ? $1 : undef;
}

sub waiting ($n) {
    return wait_for("$n streams to ask", sub { counters($t)->{Parked} == $n });
}

# ---- one connection ----

is left('one'), 999, 'the first question is answered, with the script';
load_ok('many ask at once', asks('/open?one', 'n=1', c => 30, m => 10));
is left('one'), 1000 - 1 - 300 - 1, 'each of them is counted once';
my ($connections) = $redis->ask('INFO', 'clients') =~ /connected_clients:(\d+)/;
cmp_ok $connections - 1, '<=', 1 + $WORKERS, 'the line, and at most one for each worker that came before it';

my $some = load_wait(asks('/few?some', 'n=1', c => 20, X => 429, e => 'any'));
is_deeply $some->{answers}, { 200 => 5, 429 => 15 }, 'of twenty at once five are let through';
my $refused = settled($t);
is $refused->{Started}, 1 + 300 + 1 + 5, 'what was refused never was a stream';

my $no = $t->sse('/few?some', $t->turn(n => 1));
is $no->{status}, 429, 'one more is refused';
is $no->{json}{code}, 'rate_limited', '... in the words of its route';
like $no->{headers}{'retry-after'}, qr/^\d+$/, '... until when';
like $no->{headers}{ratelimit}, qr/"few";r=0;t=\d+/, '... by which policy';

# ---- Redis says nothing for a while ----

$up->reset;
$redis->freeze;
my @jobs = map { asks("/open?frozen-$_", 'n=3', s => 100 * $_, c => 6) } 1, 2;
waiting(12);
is $t->get('/server-status?auto')->{status}, 200, 'while twelve wait for Redis, four workers serve others';
is $up->calls, 0, '... and no call is made';
$redis->thaw;
load_ok('answered late they go on', $_) for @jobs;
is left("frozen-$_"), 1000 - 6 - 1, '... and are counted' for 1, 2;

# ---- clients leave while they wait ----

$up->reset;
$redis->freeze;
my $gone = asks('/places?gone', 'n=1000;pace=20', c => 3, A => '0:100', e => 'any');
waiting(3);
load_wait($gone);
is counters($t)->{Parked}, 3, 'a client that leaves has to wait for the answer';
$redis->thaw;
settled($t);
is $up->calls, 0, '... and nothing is called for it';
my @held = map { asks('/places?gone', 'n=3', s => $_) } 1 .. 3;
load_ok('its place is free', $_) for @held;

# ---- Redis closes the connection ----

is left('killed'), 999, 'before Redis closes idle connections';
$redis->ask('CLIENT', 'KILL', 'TYPE', 'normal');
is left('killed'), 998, 'after it: nobody notices';
like $t->get('/server-status?auto')->{body}, qr/^ChatLimit-open: \d+ 0 0 0 0$/m, '... and no policy had to do without';

my $crowd = asks('/open?flushed', 'n=1', c => 20, m => 20);
$redis->ask('SCRIPT', 'FLUSH') while left('flushing') > 980;
load_ok('scripts vanish while many ask', $crowd);
is left('flushed'), 1000 - 400 - 1, '... and each is counted once';

# ---- it dies with questions in it ----

$redis->freeze;
@jobs = (asks('/open?dies', 'n=2', c => 4, s => 500), asks('/shut?dies', 'n=2', c => 4, s => 600, S => 503));
waiting(8);
$redis->stop;
load_ok('fail=open lets them through', $jobs[0]);
load_ok('fail=closed refuses them',    $jobs[1]);
$redis->start;
wait_for('Redis to be asked again', sub { defined left('again') }, 40);
settled($t);

# ---- the server restarts, and stops ----

$redis->freeze;
my $over = asks('/open?restart', 'n=3', c => 5, s => 700);
waiting(5);
$t->graceful;
$redis->thaw;
load_ok('a graceful restart waits for them', $over);
left('ready');

$redis->freeze;
my $cut = asks('/places?stop', 'n=3', c => 3, s => 800, e => 'any');
waiting(3);
$t->signal('TERM');
ok $t->wait_exit(scaled(20)), 'a stop does not';
load_wait($cut);
$redis->thaw;
$t->stop(gone => 1);
$redis->stop;
$up->stop;
done_testing;
