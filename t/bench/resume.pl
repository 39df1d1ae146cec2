#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to log a stream, and to follow one: CPU of the server per event
# of the upstream, of as many streams that are not logged, that are, and that
# are each followed by one reader as well, interleaved:
# perl t/bench/resume.pl [ROUNDS [EVENTS [STREAMS]]] (5 of 100 events in 1000
# streams). BENCH_RESUME=redis for logs in Redis. Exits with 1 when an event
# that is logged in a file costs more than 1.1 times one that is not.
use v5.36;
use FindBin;
use Test::More;
use Time::HiRes qw(sleep);
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(cpu median pin pin_away raise_files);
use ChatTest::Load qw(load_start load_wait);
use ChatTest::Probe;
use ChatTest::Redis;
use ChatTest::Streams qw(mpm_conf);
use ChatTest::Upstream;

my ($rounds, $events, $streams) = ($ARGV[0] || 5, $ARGV[1] || 100, $ARGV[2] || 1000);
raise_files(8 * $streams + 1000);
my $way = $ENV{BENCH_RESUME} // 'spool';

my $up = ChatTest::Upstream->new->start;
my ($port) = $up->url =~ /:(\d+)/;
my $redis = $way eq 'redis' ? ChatTest::Redis->new->start : undef;
my $t = ChatTest::Probe->new(mpm => 'event', resume => "$way age=60s", log_level => 'warn', mpm_conf => mpm_conf(64),
    conf => 'ChatStreamMax ' . (2 * $streams + 100) . ($redis ? "\nChatRedis " . $redis->url : ''))->start;
my $seed = 100000000001;

# Microseconds of the server's CPU per event of the upstream.
sub measure ($logged, $followed) {
    my %o = (c => $streams, s => $seed, a => 'completions', D => 'completions', p => "n=$events;size=20", t => 300);
    my $path = "00000000-0000-7000-8000-{i}?logged=$logged&port=$port&path=v1/chat/completions&say=mock(seed={i};n=$events;size=20;first=2000;pace=40)";
    my $last = sprintf '00000000-0000-7000-8000-%012d', $seed + $streams - 1;
    $seed += $streams;
    my $before = cpu($t->pid);
    my $job = load_start($t->url("/probe/call/$path"), %o);
    my $readers;
    if ($followed) {
        wait_for('all streams', sub { $t->get("find/$last")->{status} == 200 }, 60);
        $readers = load_start($t->url("/probe/follow/$path"), %o, I => 1);
    }
    for my $res (map { load_wait($_) } $job, $readers // ()) {
        die "$res->{failures}[0]\n" if $res->{exit};
    }
    return 1e6 * (cpu($t->pid) - $before) / ($streams * $events);
}

pin($t->pid);
pin_away($$, $up->pid, ($redis ? $redis->{pid} : ()));

my (%us, %cases);
%cases = (plain => [ 0, 0 ], logged => [ 1, 0 ], followed => [ 1, 1 ]);
measure(0, 0);
for (1 .. $rounds) {
    push $us{$_}->@*, measure($cases{$_}->@*) for qw(plain logged followed);
}
my %m = map { $_ => median($us{$_}->@*) } keys %us;
printf "%-9s %6.2f us/event (%.2f x)\n", $_, $m{$_}, $m{$_} / $m{plain} for qw(plain logged followed);
my $ratio = median(map { $us{logged}[$_] / $us{plain}[$_] } 0 .. $rounds - 1);
printf "an event that is logged (%s): %.2f times one that is not, 1.1 allowed: %s\n", $way, $ratio, $ratio <= 1.1 ? 'ok' : 'MISSED';
printf "a reader: %.2f times a stream of its own\n", ($m{followed} - $m{logged}) / $m{plain};
$t->stop;
$up->stop;
done_testing;
exit($ratio > 1.1);
