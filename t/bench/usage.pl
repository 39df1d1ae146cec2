#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to count what users use: CPU of the server per request with a
# limit, whose answer is one piece or twenty, with ChatUsage batch= and on,
# against the same without. On SQLite.
# perl t/bench/usage.pl [ROUNDS [REQUESTS]] (7 of 800).
# Exits with 1 when batch= costs more than 1.05 times.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(cpu median pin pin_away);
use ChatTest::Chats;
use ChatTest::Load qw(load);
use ChatTest::Upstream;

my ($rounds, $requests) = ($ARGV[0] || 7, $ARGV[1] || 800);
my $CLIENTS = 8;
my $missed = 0;

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest::Chats->new(
    upstream => $up, mpm => 'event', log_level => 'notice', conf => join('', map { <<"END" } [ off => 'off' ], [ batch => 'batch=10s' ], [ on => 'on' ]),
<Location /$_->[0]>
    ChatRoute openai
    ChatUse openai
    ChatStore off
    ChatUsage $_->[1]
    ChatAuth guest
    ChatLimit all 100000000/1d ip
</Location>
END
    mpm_conf => "StartServers 1\nServerLimit 1\nThreadsPerChild 64\nMaxRequestWorkers 64\nMinSpareThreads 1\nMaxSpareThreads 64\n")->start;
pin($t->pid);
pin_away($$, $up->pid);

# Microseconds of the server's CPU for a request.
sub request ($path, $first, $n) {
    my $before = cpu($t->pid);
    my $res = load($t->url("/$path"), c => $CLIENTS, m => $requests / $CLIENTS, p => "n=$n", s => $first, t => 120,
        b => qq({"model":"m","messages":[{"role":"user","content":"mock(seed={i};n=$n)"}]}));
    die "$path: $res->{failures}[0]\n" if $res->{failed};
    return 1e6 * (cpu($t->pid) - $before) / $requests;
}

my $first = 1;
for my $n (1, 20) {
    my %us;
    for my $round (0 .. $rounds) {
        for my $path (qw(off batch on)) {
            my $us = request($path, $first, $n);
            push $us{$path}->@*, $us if $round;
            $first += $requests;
        }
    }
    for my $path (qw(batch on)) {
        my $ratio = median(map { $us{$path}[$_] / $us{off}[$_] } 0 .. $rounds - 1);
        my $bad = $path eq 'batch' && $ratio > 1.05;
        $missed ||= $bad;
        printf "%-28s %8.1f us %8.1f us   %.3f x%s\n", "ChatUsage $path, $n pieces", median($us{off}->@*), median($us{$path}->@*), $ratio,
            $path eq 'batch' ? ", 1.05 allowed: " . ($bad ? 'MISSED' : 'ok') : '';
    }
}
$t->stop;
done_testing;
exit $missed;
