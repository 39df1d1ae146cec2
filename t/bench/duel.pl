#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What mod_chat costs beside others that do the same at the same time, on the
# same core: see ChatTest::Bench::Duel and docs/benchmark.md. From the
# environment:
#
#   DUEL_PEERS    the first is what the others are divided by (nginx haproxy
#                 proxy bare governed reencode busbar)
#   DUEL_KINDS    of events short twenty (all)
#   DUEL_ROUNDS DUEL_SECONDS    (3, 9)
#   DUEL_STREAMS DUEL_PACE      of each peer, and ms between pieces (300, 50)
#   DUEL_TURN     seconds for which a peer is asked for short answers, then another (0.3)
#   DUEL_TLS      on: from clients, and to the mock (off)
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(raise_files pin_away schedule_as);
use ChatTest::Bench::Duel qw(duel duel_table);
use ChatTest::Bench::House;
use ChatTest::Bench::Peers qw(duel_peers tls_peers);

raise_files(40000);
schedule_as($ENV{BENCH_SCHED} || 'batch');
$SIG{INT} = $SIG{TERM} = sub { exit 130 };
Test::More->builder->output('/dev/null');
Test::More->builder->failure_output(\*STDERR);

sub setting ($name, $default) {
    return length($ENV{"DUEL_$name"} // '') ? $ENV{"DUEL_$name"} : $default;
}

my %size = (
    seconds => setting(SECONDS => 9),
    streams => setting(STREAMS => 300),
    pace    => setting(PACE => 50),
    turn    => setting(TURN => 0.3),
);
my $house = ChatTest::Bench::House->new($ENV{BENCH_OUT} || '');
my %known = map { $_->name => $_ } setting(TLS => 'off') eq 'on' ? tls_peers() : duel_peers();
my @peers;
for my $name (split ' ', setting(PEERS => 'nginx haproxy proxy bare governed reencode busbar')) {
    my $peer = $known{$name} // next;
    my $why = $peer->absent($house);
    print STDERR "duel: $name is absent: $why\n" if $why;
    push @peers, $peer if !$why;
}
die "duel: fewer than two peers\n" if @peers < 2;
pin_away($$);

for my $kind (split ' ', setting(KINDS => 'events short twenty')) {
    my @rounds;
    for my $round (1 .. setting(ROUNDS => 3)) {
        print STDERR "duel: $kind, round $round\n";
        push @rounds, duel($house, $kind, \%size, @peers);
    }
    print "\n### $kind\n\n| | CPU us | of ", $peers[0]->name, "'s | rounds |\n|---|---|---|---|\n", duel_table(\@rounds, @peers);
}
$house->stop;
done_testing;
