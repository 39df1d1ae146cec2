#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to tell of requests: CPU of the server per governed request with
# metrics, a JSON line in ChatLog and a trace of each hundredth, against the same
# without any of them, for which mod_chat_uncounted.so is loaded. A duel: answers
# of one piece, the least that a request can be, and of twenty.
# perl t/bench/telemetry.pl [TURNS [SECONDS]] (80 of 0.2).
# Exits with 1 when it is more than 1.05 times.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest::Bench qw(median pin_away);
use ChatTest::Bench::Duel qw(duel);
use ChatTest::Bench::House;
use ChatTest::Bench::Peers qw(governed_as);
use ChatTest::Httpd ();
use ChatTest::Otel;

my %size = (seconds => $ARGV[0] || 80, turn => $ARGV[1] || 0.2, streams => 16, events => 20, pace => 0);
my $ALLOWED = 1.05;

my $house = ChatTest::Bench::House->new('');
my $why = $house->no_stores;
die "$why\n" if $why;
my $otel = ChatTest::Otel->new;
pin_away($$, $otel->pid, $house->up->pid);

my $MPM = "StartServers 1\nServerLimit 1\nThreadsPerChild 128\nMaxRequestWorkers 128\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxKeepAliveRequests 0\n";
my $silent = governed_as('nothing is told', $MPM, '', module => "$ChatTest::Httpd::ROOT/build/plain/tools/mod_chat_uncounted.so");
my $told = governed_as('all is told', $MPM, <<"END");
ChatLog chat.json
ChatTraceExport ${\$otel->url}
ChatTrace on ratio=0.01
END
($silent->{name}, $told->{name}) = qw(silent told);

my $missed = 0;
for my $kind (qw(short twenty)) {
    my $is = duel($house, $kind, \%size, $silent, $told);
    my $ratio = median($is->{told}{ratio}->@*);
    $missed ||= $ratio > $ALLOWED;
    printf "%-6s  us/request %5.1f without, %5.1f with metrics, log and traces: %.3f times, %.2f allowed: %s\n", $kind,
        (map { median($is->{$_}{us}->@*) } qw(silent told)), $ratio, $ALLOWED, $ratio > $ALLOWED ? 'MISSED' : 'ok';
}
my $spans = $otel->spans;
printf "spans that came: %d\n", $spans;
$missed ||= !$spans;
$house->stop;
done_testing;
exit $missed;
