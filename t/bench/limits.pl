#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What limits cost: requests per second and CPU per request with a policy in
# Redis, by TCP and by its Unix socket, and in this server's table, against none,
# in one run, interleaved: perl t/bench/limits.pl [ROUNDS [SECONDS]] (9 of 1).
# Answers of one piece, the least that a request can be, and of twenty, 5 ms
# apart. The server has one core for itself; clients, provider and Redis, which
# are other machines in real life, share what is left.
# Exits with 1 when a median ratio is below 0.85.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(cpu median pin pin_away);
use ChatTest::Load qw(load_start load_end);
use ChatTest::Redis;
use ChatTest::Upstream;

my ($rounds, $seconds) = ($ARGV[0] || 9, $ARGV[1] || 1);

# Pieces, and as many clients as keep the server busy.
my @ANSWERS = ([ 1, 16 ], [ 20, 500 ]);

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

sub server ($store) {
    my $t = ChatTest->new(mpm => 'event', log_level => 'notice', conf => <<"END");
$store
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url}"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
<Location /limited>
    ChatLimit much 1000000000/1h ip
</Location>
END
    # So httpd calls it when so many come at once.
    return $t->allow_log(qr/AH00484: server reached MaxRequestWorkers/)->start;
}

my %server = (
    tcp   => server('ChatRedis ' . $redis->url),
    unix  => server('ChatRedis ' . $redis->unix_url),
    table => server(''),
);

# One load: requests per second, and microseconds of the server's CPU each.
sub measure ($t, $path, $pieces, $clients) {
    my $before = cpu($t->pid);
    my $script = "n=$pieces;pace=" . ($pieces > 1 ? 5 : 0);
    my $job = load_start($t->url($path), c => $clients, m => 1000000, p => $script, k => 1, t => 300,
        b => qq({"messages":[{"role":"user","content":"mock(seed={i};$script)"}]}));
    sleep $seconds;
    my $res = load_end($job);
    die "$path: $res->{failures}[0]\n" if $res->{failed};
    return { rps => $res->{ok} / $res->{seconds}, us => 1e6 * (cpu($t->pid) - $before) / $res->{ok} };
}

pin(map { $_->pid } values %server);
pin_away($$, $up->pid, $redis->{pid});
measure($_, '/limited', 1, 16) for values %server;

my (%ratio, %us, %rps);
for my $n (1 .. $rounds) {
    for my $answer (@ANSWERS) {
        for my $store (qw(tcp unix table)) {
            my $what = "$store $answer->[0]";
            my %is = map { $_ => measure($server{$store}, $_, @$answer) } $n % 2 ? qw(/free /limited) : qw(/limited /free);
            push $ratio{$what}->@*, $is{'/limited'}{rps} / $is{'/free'}{rps};
            push $us{$what}{$_}->@*, $is{$_}{us} for keys %is;
            push $rps{$what}{$_}->@*, $is{$_}{rps} for keys %is;
        }
    }
}
my $missed = 0;
for my $answer (@ANSWERS) {
    for my $store (qw(tcp unix table)) {
        my $what = "$store $answer->[0]";
        my @sorted = sort { $a <=> $b } $ratio{$what}->@*;
        my $ratio = median(@sorted);
        $missed ||= $ratio < 0.85;
        printf "%-5s  pieces %2d  requests/s %6.0f -> %6.0f   ratio %.3f (%.3f to %.3f)   CPU %4.0f -> %4.0f us   %s\n", $store,
            $answer->[0], (map { median($rps{$what}{$_}->@*) } qw(/free /limited)), $ratio, @sorted[ 0, -1 ],
            (map { median($us{$what}{$_}->@*) } qw(/free /limited)), $ratio < 0.85 ? 'MISSED' : 'ok';
    }
}
$_->stop for values %server;
$up->stop;
$redis->stop;
done_testing;
exit $missed;
