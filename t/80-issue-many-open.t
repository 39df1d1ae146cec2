# SPDX-License-Identifier: Apache-2.0
#
# With more than 256 streams open on an engine no connection to an upstream was
# used again: each request made one, and closed it. And curl looked through those
# of all open streams for one to use: with 6,000 that cost a short request eight
# times the rest of it.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Streams;
use ChatTest::Upstream;

my $OPEN = 400; # several multi handles of the engine's are full
my $SHORT = 50;

need_files(3 * $OPEN + 1000);
my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(modules => ['status'], mpm => 'event', mpm_conf => mpm_conf(64), conf => chat_conf(chat => $up->url))->start;
$t->allow_log(qr/AH00484: server reached MaxRequestWorkers/);

my $job = load_start($t->url('/chat'), c => $OPEN, r => scaled(500), t => scaled(120), b => load_body($t, 'n=1000;pace=60000'));
wait_for("$OPEN streams to be open", sub { sleep 0.1; return $up->stats->{open} == $OPEN }, 30);

# But for the one that asks.
my $before = $up->stats->{accepted};
load_ok("$SHORT short streams beside $OPEN open ones", $t->url('/chat'), c => 1, m => $SHORT, k => 1, t => scaled(60), b => load_body($t, 'n=1'));
is $up->stats->{accepted} - $before - 1, 1, '... are made over one connection';
$before = $up->stats->{accepted};
load_ok('five at a time', $t->url('/chat'), c => 5, m => $SHORT, k => 1, t => scaled(60), b => load_body($t, 'n=1'));
cmp_ok $up->stats->{accepted} - $before - 1, '<=', 5, '... over no more than five';

# Their upstreams are closed with them. What was used in the meantime is kept for
# half a minute: afterwards no call would take it.
kill 'KILL', $job->{pid};
load_wait($job);
wait_for('the streams to be let go', sub { sleep 0.1; return !$up->stats->{open} }, 30);
cmp_ok $up->stats->{connections} - 1, '>', 0, 'connections are kept for the next call';
wait_for('them to be closed when none comes', sub { sleep 1; return $up->stats->{connections} == 1 }, 60);
is $up->stats->{connections} - 1, 0, '... but not for ever';
load_ok('and then', $t->url('/chat'), c => 1, m => 3, k => 1, t => scaled(60), b => load_body($t, 'n=1'));

$t->stop;
$up->stop;
done_testing;
