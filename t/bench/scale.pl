#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# How the cost of mod_chat, governed, grows with events, streams, prompts,
# engines and children: make bench-scale, or make bench BENCH_SCALE=on. The
# tables and plots are for docs/capacity.md. Settings, from the environment:
#
#   BENCH_SCALE_SWEEPS    of events streams prompts engines children (all)
#   BENCH_SCALE_ROUNDS    each point is measured so often (3)
#   BENCH_SCALE_SECONDS   of each point of live streams (3)
#   BENCH_SCALE_RATE      no more events a second than this (40000)
#   BENCH_SCALE_STREAMS   no more streams than this (6000)
#   BENCH_SECONDS         of a closed loop (1.5)
#   BENCH_SCHED           how mod_chat is scheduled: batch or other (batch)
#   BENCH_OUT             folder of scale.json, scale.md and plots (build/bench)
#
# mod_chat has half of the cores, four at most; mock and load have the others.
use v5.36;
use FindBin;
use List::Util qw(max min);
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(raise_files pin_away schedule_as peer_cores cores machine);
use ChatTest::Bench::House;
use ChatTest::Bench::Peers qw(governed_as);
use ChatTest::Bench::Scale qw(sweeps);
use ChatTest::Bench::ScaleReport qw(report_scale);

raise_files(40000);
schedule_as($ENV{BENCH_SCHED} || 'batch');
$SIG{INT} = $SIG{TERM} = sub { exit 130 };
Test::More->builder->output('/dev/null');
Test::More->builder->failure_output(\*STDERR);

sub setting ($name, $default) {
    my $value = $ENV{"BENCH_$name"} // '';
    return length $value ? $value : $default;
}

my $rounds = setting(SCALE_ROUNDS => 3);
my %size = (
    sweeps       => [ split /[\s,]+/, setting(SCALE_SWEEPS => 'events streams prompts engines children') ],
    window       => setting(SCALE_SECONDS => 3),
    rate_most    => setting(SCALE_RATE    => 40000),
    streams_most => setting(SCALE_STREAMS => 6000),
    seconds      => setting(SECONDS       => 1.5),
    clients      => 16,
);
my $house = ChatTest::Bench::House->new(setting(OUT => ''));
if (my $why = $house->no_stores) {
    print STDERR "bench: nothing is measured: $why\n";
    exit 1;
}
peer_cores(max(1, min(4, int(cores() / 2))));
my $machine = machine();
pin_away($$);

my (%found, @failed);
my $from = time;
for my $round (1 .. $rounds) {
    print STDERR "bench: growth, round $round of $rounds\n";
    sweeps($house, \%size, \%found, sub ($why) {
        push @failed, $why;
        print STDERR "bench: $why";
    });
}
report_scale($house->dir, {
    machine => $machine,
    minutes => sprintf('%.1f', (time - $from) / 60),
    rounds  => $rounds,
    size    => \%size,
    found   => \%found,
    failed  => \@failed,
    peers   => [ { versions => governed_as('', '', '')->versions($house) } ],
});
$house->stop;
done_testing;
