#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What streams feel of services of moderation that they do not ask: how late
# their events are while questions and answers of others wait for a service that
# says nothing, or drips, and while clients wait for the same service without this
# server, so that what the service costs the machine is in both, in one run,
# interleaved: perl t/bench/hooks.pl [ROUNDS [STREAMS [WAITING]]] (5 of 200
# streams, 400). Exits with 1 when the 99th percentile is more than twice as late,
# and more than two milliseconds.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(median pin pin_away);
use ChatTest::Client;
use ChatTest::Load qw(load);
use ChatTest::Moderator;
use ChatTest::Streams qw(mpm_conf);
use ChatTest::Upstream;

my ($rounds, $streams, $waiting) = ($ARGV[0] || 5, $ARGV[1] || 200, $ARGV[2] || 400);
my ($EVENTS, $ALLOWED, $FLOOR) = (100, 2, 2);

my $up = ChatTest::Upstream->new->start;
my $service = ChatTest::Moderator->start;
my $t = ChatTest->new(mpm => 'event', log_level => 'notice', mpm_conf => mpm_conf(32), conf => <<"END");
SetHandler chat
ChatAuth guest
ChatModelDefault mock-1
<ChatProvider up>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatUse up
ChatRoute stream
<Location /wait>
    ChatModerationURL patient ${\$service->url} timeout=60s cache=off in=input,output fail=closed
</Location>
END
$t->start;

# Others that wait, at this server or at the service itself: half of them for
# one that is silent, half for one that drips.
my %AT = (
    server  => [ $t->port, '/wait', '{"messages":[{"role":"user","content":"%s"}]}' ],
    service => [ $service->url =~ /:([0-9]+)/, '/', '{"input":["%s"]}' ],
);
sub others ($where) {
    my ($port, $path, $body) = $AT{$where}->@*;
    my @clients = map {
        my $client = ChatTest::Client->new(port => $port);
        my $how = $_ % 2 ? 'silent' : 'dripping';
        $client->request(POST => $path, headers => { 'Content-Type' => 'application/json' }, body => sprintf $body, "be-$how $_");
        $client;
    } 1 .. $waiting;
    my $asked = 0;
    ChatTest::wait_for('all to wait', sub { ($asked += () = $service->asked) >= $waiting });
    return @clients;
}

# Milliseconds by which the 99th of a hundred events is late.
sub measure ($n) {
    my $res = load($t->url('/plain'), c => $streams, D => 'stream', t => 120, r => 200, p => "n=$EVENTS;pace=20",
        b => qq({"messages":[{"role":"user","content":"mock(seed={i};n=$EVENTS;pace=20)"}]}));
    die "$n: @{ $res->{failures} }\n" if $res->{exit};
    return $res->{over_ms}{p99};
}

pin($t->pid);
pin_away($$, $up->pid, $service->{pid});

my %late;
measure('warm');
for (1 .. $rounds) {
    for my $where (qw(service server)) {
        my @clients = others($where);
        push $late{$where}->@*, measure($where);
        $_->close for @clients;
    }
}
my ($beside, $here) = map { median($late{$_}->@*) } qw(service server);
my $ok = $here <= $ALLOWED * $beside || $here <= $FLOOR;
printf "p99 of %d streams: %.2f ms late beside %d that wait for services here, %.2f ms where they wait without this server:"
    . " %.2f times, %.2f allowed: %s\n", $streams, $here, $waiting, $beside, $here / $beside, $ALLOWED, $ok ? 'ok' : 'MISSED';
$t->stop;
$up->stop;
done_testing;
exit(!$ok);
