#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# How soon an upstream is let go when the client has left, in milliseconds from
# the client's close() to the mock's end of file: perl t/bench/abort.pl [N]
# (300 for each case). The budget, p99: 5 ms, and 50 ms for HTTP/2 clients.
# Exits with 1 when it is missed.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Load qw(load close_latency);
use ChatTest::Streams;
use ChatTest::Upstream;

my $N = $ARGV[0] || 300;
my $up = ChatTest::Upstream->new->start;
my $missed = 0;

sub report ($case, $budget, $res) {
    my $stats;
    wait_for("$case: the calls to be closed", sub {
        $stats = $up->stats;
        return !$stats->{open};
    });
    my ($ms, $lost) = close_latency($res, $stats);
    my ($p50, $p99, $max) = map { $ms->[ $_ * $#$ms ] } 0.5, 0.99, 1;
    my $ok = @$ms && $stats->{closed_by_peer}->@* == $stats->{requests} && $p99 <= $budget;
    $missed ||= !$ok;
    printf "%-46s n=%-4d p50 %7.2f  p99 %7.2f  max %7.2f  budget %2d  %s\n", $case, scalar @$ms, $p50, $p99, $max,
        $budget, $ok ? 'ok' : 'MISSED';
}

my @CASES = (
    [ 'before the first byte', 'fault=hang-head',     '0:20' ],
    [ 'in mid-stream',         'n=20000;pace=5',      3 ],
    [ 'silent upstream',       'fault=hang;after=2',  '0:20' ],
);

for my $mpm (qw(event worker prefork)) {
    my $t = ChatTest->new(mpm => $mpm, tls => 1, log_level => 'notice', conf => chat_conf(chat => $up->url),
        ($mpm eq 'event' ? (mpm_conf => mpm_conf(32)) : ()))->start;
    for my $tls (0, 1) {
        for my $case (@CASES) {
            my ($name, $script, $when) = @$case;
            $up->reset;
            my $conns = $mpm eq 'prefork' ? 2 : 4;
            report("$mpm, " . ($tls ? 'TLS' : 'plain') . ", $name", 5, load($t->url('/chat', tls => $tls), c => $conns,
                m => $N / $conns, A => $when, e => 'any', t => 120, b => load_body($t, $script)));
        }
    }
    $t->stop;
}

my $t = ChatTest->new(modules => ['http2'], mpm => 'event', tls => 1, tls_conf => "Protocols h2 http/1.1\n",
    log_level => 'notice', mpm_conf => mpm_conf(32), conf => chat_conf(chat => $up->url))->start;
for my $cut (0, 1) {
    for my $case (@CASES) {
        my ($name, $script, $when) = @$case;
        my %when = $when =~ /^0:(\d+)/ ? (ms => $1) : (events => $when);
        $up->reset;
        report('HTTP/2, ' . ($cut ? 'connection cut' : 'stream reset') . ", $name", 50,
            h2_abort($t, params => $script, count => $N, cut => $cut, %when));
    }
}
$t->stop;
done_testing;
exit $missed;
