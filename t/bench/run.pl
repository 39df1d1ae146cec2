#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What mod_chat costs beside nginx, Apache's own proxy, the usual stack and the
# gateways that people use: make bench, see docs/benchmark.md. Settings, all
# from the environment:
#
#   BENCH_PEERS      of those in Bench/Peers.pm ("nginx bare governed"; all)
#   BENCH_WORKLOADS  of idle streams arrivals short prompts refused storm
#                    many (all)
#   BENCH_ROUNDS     each peer is started and measured so often (5)
#   BENCH_TLS        off, on, or both: without TLS, and then with TLS on both sides
#                    nginx proxy bare governed in idle, streams and short (both)
#   BENCH_TLS_ROUNDS for that part, and no more than BENCH_ROUNDS (3)
#   BENCH_STREAMS    live streams (1000)
#   BENCH_IDLE       silent ones, if the limit of open files allows (10000)
#   BENCH_EVENTS BENCH_PACE    pieces of each live stream, ms between them (80, 50)
#   BENCH_ARRIVALS   new streams a second of the schedule (200)
#   BENCH_MANY BENCH_MANY_PACE    streams over several children, once, governed,
#                    and ms between their events; 0 for none (20000, 5000)
#   BENCH_SECONDS    of a closed loop (1.5)
#   BENCH_SCHED      how peers are scheduled: batch, as docs/tuning.md has it, or other,
#                    the kernel's default (batch)
#   BENCH_OUT        folder of result.json, result.md and the plots (build/bench)
use v5.36;
use FindBin;
use List::Util qw(min);
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(raise_files pin_away schedule_as machine);
use ChatTest::Bench::House;
use ChatTest::Bench::Many qw(many);
use ChatTest::Bench::Peers qw(peers tls_peers);
use ChatTest::Bench::Report qw(report);
use ChatTest::Bench::Workloads qw(workloads warm_up settled);

raise_files(40000);
schedule_as($ENV{BENCH_SCHED} || 'batch');
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
    many      => setting(MANY      => 20000),
    many_pace => setting(MANY_PACE => 5000),
);
my $rounds = setting(ROUNDS => 5);
my $tls    = setting(TLS => 'both');
die "BENCH_TLS is on, off or both, not \"$tls\"\n" if $tls !~ /^(?:on|off|both)$/;
my $tls_rounds = min($rounds, setting(TLS_ROUNDS => 3));
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
my $asked = chosen(WORKLOADS => many => 1, map { $_->[0] => 1 } @work);
@work = grep { $asked->{ $_->[0] } } @work;

sub say_that ($text) {
    print STDERR "bench: $text\n";
    return;
}

sub begin ($part, $peer) {
    return 1 if $peer->{port};
    return 1 if eval {
        $peer->start($house);
        warm_up($house, $peer, $part->{size});
        1;
    };
    push $part->{failed}{ $peer->name }{start}->@*, $@;
    say_that($peer->name . ": $@");
    return 0;
}

# One peer, every workload. What fails is told, and measured anew
# in the next round.
sub visit ($part, $peer, $work, $round) {
    my $name = $peer->name;
    my $slot = $round - 1;
    for (@$work) {
        # Anew, where it does not let go of what its clients have left.
        $peer->stop if $peer->{port} && settled($peer->mock($house), 5);
        begin($part, $peer) or last;
        my ($work, $sub) = @$_;
        my $got = eval { $sub->($house, $peer, $part->{size}) };
        if (my $why = $@) {
            push $part->{failed}{$name}{$work}->@*, $why;
            say_that("$name, $work: $why");
            next;
        }
        $part->{result}{$name}{$work}{$_}[$slot] = $got->{$_} for keys %{ $got // {} };
    }
    $peer->stop;
    return;
}

# Every peer in every round, beginning with another one each time.
sub measure ($what, $rounds, $size, $work, @peers) {
    my %part = (size => $size, rounds => $rounds, work => [ map { $_->[0] } @$work ], result => {}, failed => {});
    my %absent = map { $_->name => $_->absent($house) } @peers;
    my $from = time;
    for my $round (1 .. $rounds) {
        my @order = grep { !$absent{ $_->name } } @peers;
        push @order, splice @order, 0, ($round - 1) % (@order || 1);
        for my $peer (@order) {
            say_that("round $round of $rounds$what: " . $peer->name);
            visit(\%part, $peer, $work, $round);
        }
    }
    $part{minutes} = sprintf '%.1f', (time - $from) / 60;
    $part{peers} = [ map { { name => $_->name, title => $_->title,
        ($absent{ $_->name } ? (absent => $absent{ $_->name }) : (versions => $_->versions($house))) } } @peers ];
    return \%part;
}

my $machine = machine();
$_->absent($house) for $tls eq 'on' ? () : @peers;
pin_away($$);

my $result = $tls eq 'on' ? undef : measure('', $rounds, \%size, \@work, @peers);
my @tls_peers = grep { $wanted->{ $_->name } } tls_peers();
my %same = map { $_ => 1 } qw(idle streams short);
my @tls_work = grep { $same{ $_->[0] } } @work;
if ($tls ne 'off' && @tls_peers && @tls_work) {
    my %most = (%size, idle => min($size{idle}, 3000));
    my $part = measure(', TLS', $tls_rounds, \%most, \@tls_work, @tls_peers);
    $part->{suffix} = ', TLS on both sides';
    $result ? ($result->{tls} = $part) : ($result = $part);
}

if ($tls ne 'on' && $asked->{many} && $wanted->{governed} && $size{many} > 0 && !$house->no_stores) {
    say_that('many streams');
    $result->{many} = many($house, \%size);
}

die "BENCH_TLS=on: nothing of that is measured over TLS\n" if !$result;
report($house->dir, { %$result, machine => $machine });
$house->stop;
done_testing;
