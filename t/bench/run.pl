#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What mod_chat costs beside nginx, Apache's own proxy, the usual stack and the
# gateways that people use: make bench, see docs/benchmark.md. Settings, all
# from the environment:
#
#   BENCH_PEERS      of those in Bench/Peers.pm ("nginx bare governed"; all)
#   BENCH_WORKLOADS  of idle streams arrivals short prompts refused storm
#                    (all)
#   BENCH_ROUNDS     each peer is started and measured so often (5)
#   BENCH_STREAMS    live streams (1000)
#   BENCH_IDLE       silent ones, if the limit of open files allows (10000)
#   BENCH_EVENTS BENCH_PACE    pieces of each live stream, ms between them (80, 50)
#   BENCH_ARRIVALS   new streams a second of the schedule (200)
#   BENCH_SECONDS    of a closed loop (1.5)
#   BENCH_OUT        folder of result.json, result.md and the plots (build/bench)
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(raise_files pin_away machine);
use ChatTest::Bench::House;
use ChatTest::Bench::Peers qw(peers);
use ChatTest::Bench::Report qw(report);
use ChatTest::Bench::Workloads qw(workloads warm_up settled);

raise_files(40000);
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

# Starts and stops of httpd are tests of their own elsewhere.
Test::More->builder->output('/dev/null');
Test::More->builder->failure_output(\*STDERR);

sub setting ($name, $default) {
    my $value = $ENV{"BENCH_$name"} // '';
    return length $value ? $value : $default;
}

my %size = (
    streams => setting(STREAMS => 1000),
    idle    => setting(IDLE    => 10000),
    events  => setting(EVENTS  => 80),
    pace    => setting(PACE    => 50),
    seconds => setting(SECONDS => 1.5),
    arrivals => setting(ARRIVALS => 200),
    clients => 16,
);
my $rounds = setting(ROUNDS => 5);
my $house  = ChatTest::Bench::House->new(setting(OUT => ''));

# Those that a setting names, in its list's own order; all without.
sub chosen ($setting, %all) {
    my @names = split /[\s,]+/, setting($setting => '');
    my @unknown = grep { !exists $all{$_} } @names;
    die "BENCH_$setting: no such name: @unknown; there are " . join(' ', sort keys %all) . "\n" if @unknown;
    my %wanted = map { $_ => 1 } @names ? @names : keys %all;
    return \%wanted;
}

my @peers = peers();
my $wanted = chosen(PEERS => map { $_->name => 1 } @peers);
@peers = grep { $wanted->{ $_->name } } @peers;
my @work = workloads();
my $asked = chosen(WORKLOADS => map { $_->[0] => 1 } @work);
@work = grep { $asked->{ $_->[0] } } @work;

my $machine = machine();
my (%result, %absent, %failed);
for my $peer (@peers) {
    my $why = $peer->absent($house);
    $absent{ $peer->name } = $why if $why;
}
pin_away($$);

sub say_that ($text) {
    print STDERR "bench: $text\n";
    return;
}

sub begin ($peer) {
    return 1 if $peer->{port};
    return 1 if eval {
        $peer->start($house);
        warm_up($house, $peer, \%size);
        1;
    };
    push $failed{ $peer->name }{start}->@*, $@;
    say_that($peer->name . ": $@");
    return 0;
}

# One peer, every workload. What fails is told, and measured anew
# in the next round.
sub visit ($peer, $round) {
    my $name = $peer->name;
    my $slot = $round - 1;
    for (@work) {
        # Anew, where it does not let go of what its clients have left.
        $peer->stop if $peer->{port} && settled($house, 5);
        begin($peer) or last;
        my ($work, $sub) = @$_;
        my $got = eval { $sub->($house, $peer, \%size) };
        if (my $why = $@) {
            push $failed{$name}{$work}->@*, $why;
            say_that("$name, $work: $why");
            next;
        }
        $result{$name}{$work}{$_}[$slot] = $got->{$_} for keys %{ $got // {} };
    }
    $peer->stop;
    return;
}

my $from = time;
for my $round (1 .. $rounds) {
    my @order = grep { !$absent{ $_->name } } @peers;
    push @order, splice @order, 0, ($round - 1) % (@order || 1);
    for my $peer (@order) {
        say_that("round $round of $rounds: " . $peer->name);
        visit($peer, $round);
    }
}
$machine->{minutes} = sprintf '%.1f', (time - $from) / 60;

report($house->dir, {
    machine => $machine,
    size    => \%size,
    rounds  => $rounds,
    work    => [ map { $_->[0] } @work ],
    peers   => [ map { { name => $_->name, title => $_->title,
        ($absent{ $_->name } ? (absent => $absent{ $_->name }) : (versions => $_->versions($house))) } } @peers ],
    result  => \%result,
    failed  => \%failed,
});
$house->stop;
done_testing;
