#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What limits cost: requests per second and CPU per request with a policy in
# Redis, and in this server's table, against none, in one run, interleaved:
# perl t/bench/limits.pl [ROUNDS [REQUESTS]] (9 of 6,000). Each request is a
# whole short stream. The server has one core for itself; clients, provider and
# Redis, which are other machines in real life, share what is left.
# Exits with 1 when the median ratio of a round is below 0.85.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(cpu median pin pin_away);
use ChatTest::Load qw(load);
use ChatTest::Redis;
use ChatTest::Upstream;

my ($rounds, $requests) = ($ARGV[0] || 9, $ARGV[1] || 6000);
my $CLIENTS = 16;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

sub server ($store) {
    return ChatTest->new(mpm => 'event', log_level => 'notice', conf => <<"END")->start;
$store
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
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
}

my %server = (
    tcp   => server('ChatRedis ' . $redis->url),
    unix  => server('ChatRedis ' . $redis->unix_url),
    table => server(''),
);

# One load: requests per second, and microseconds of the server's CPU each.
sub measure ($t, $path) {
    my $before = cpu($t->pid);
    my $res = load($t->url($path), c => $CLIENTS, m => $requests / $CLIENTS, p => 'n=1', k => 1, t => 300);
    die "$path: $res->{failures}[0]\n" if $res->{failed};
    return { rps => $res->{ok} / $res->{seconds}, us => 1e6 * (cpu($t->pid) - $before) / $res->{ok} };
}

pin(map { $_->pid } values %server);
pin_away($$, $up->pid, $redis->{pid});
measure($_, '/limited') for values %server;

my (%ratio, %us, %rps);
for my $n (1 .. $rounds) {
    for my $store (qw(tcp unix table)) {
        my ($free, $limited) = map { measure($server{$store}, $_) } $n % 2 ? qw(/free /limited) : qw(/limited /free);
        ($free, $limited) = ($limited, $free) unless $n % 2;
        push $ratio{$store}->@*, $limited->{rps} / $free->{rps};
        push $us{$store}{free}->@*, $free->{us};
        push $us{$store}{limited}->@*, $limited->{us};
        push $rps{$store}{free}->@*, $free->{rps};
        push $rps{$store}{limited}->@*, $limited->{rps};
    }
}
my $missed = 0;
for my $store (qw(tcp unix table)) {
    my @sorted = sort { $a <=> $b } $ratio{$store}->@*;
    my $ratio = median(@sorted);
    $missed ||= $ratio < 0.85;
    printf "%-5s  requests/s %6.0f -> %6.0f   ratio %.3f (%.3f to %.3f)   CPU %4.0f -> %4.0f us   %s\n", $store,
        (map { median($rps{$store}{$_}->@*) } qw(free limited)), $ratio, @sorted[ 0, -1 ],
        (map { median($us{$store}{$_}->@*) } qw(free limited)), $ratio < 0.85 ? 'MISSED' : 'ok';
}
$_->stop for values %server;
$up->stop;
$redis->stop;
done_testing;
exit $missed;
