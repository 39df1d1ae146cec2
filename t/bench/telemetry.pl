#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to tell of requests: CPU of the server per governed request with
# metrics, a JSON line in ChatLog and a trace of each hundredth, against the same
# without any of them, for which mod_chat_uncounted.so is loaded. In one run,
# interleaved, answers of one piece, the least that a request can be, and of
# twenty:
# perl t/bench/telemetry.pl [ROUNDS [SECONDS]] (80 of 0.2: turns that short see the
# same machine).
# Exits with 1 when it is more than 1.05 times.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest::Bench qw(pin_away);
use ChatTest::Bench::House;
use ChatTest::Bench::Peers qw(governed_as);
use ChatTest::Bench::Workloads qw(closed_loop);
use ChatTest::Httpd ();
use ChatTest::Otel;

my ($rounds, $seconds) = ($ARGV[0] || 80, $ARGV[1] || 0.2);
my $ALLOWED = 1.05;

my $house = ChatTest::Bench::House->new('');
my $why = $house->no_stores;
die "$why\n" if $why;
my $otel = ChatTest::Otel->new;
pin_away($$, $otel->pid, $house->up->pid);

my $MPM = "StartServers 1\nServerLimit 1\nThreadsPerChild 128\nMaxRequestWorkers 128\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxKeepAliveRequests 0\n";
my %told = (
    silent => governed_as('nothing is told', $MPM, '', module => "$ChatTest::Httpd::ROOT/build/plain/tools/mod_chat_uncounted.so"),
    told   => governed_as('all is told', $MPM, <<"END"),
ChatLog chat.json
ChatTraceExport ${\$otel->url}
ChatTrace on ratio=0.01
<Location /metrics>
    ChatRoute metrics
    Require all granted
</Location>
END
);
$_->start($house) for values %told;

# How many requests were answered.
sub ask ($which, $pieces) {
    my %got = closed_loop($house, $told{$which}, { clients => 16, seconds => $seconds }, $which, $told{$which}{path}, script => "n=$pieces");
    return $got{requests};
}

my $missed = 0;
for my $pieces (1, 20) {
    ask($_, $pieces) for keys %told;
    my %requests;
    # All of it: what is sent is sent between requests, too.
    my %before = map { $_ => $told{$_}->cpu_now } keys %told;
    for my $n (1 .. $rounds) {
        $requests{$_} += ask($_, $pieces) for $n % 2 ? qw(silent told) : qw(told silent);
        # More often than Prometheus would.
        $told{told}{httpd}->get('/metrics') if $n % 5 == 0;
    }
    my ($silent, $told) = map { 1e6 * ($told{$_}->cpu_now - $before{$_}) / $requests{$_} } qw(silent told);
    my $ratio = $told / $silent;
    $missed ||= $ratio > $ALLOWED;
    printf "pieces %2d  us/request %5.1f without, %5.1f with metrics, log and traces: %.3f times, %.2f allowed: %s\n", $pieces, $silent, $told,
        $ratio, $ALLOWED, $ratio > $ALLOWED ? 'MISSED' : 'ok';
}
my $spans = $otel->spans;
printf "spans that came: %d\n", $spans;
$missed ||= !$spans;
$_->stop for values %told;
$house->stop;
done_testing;
exit $missed;
