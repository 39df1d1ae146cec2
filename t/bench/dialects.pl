#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to say an answer in other words: CPU of the server per event of
# the upstream, for each dialect over each wire, against the same bytes passed
# through unchanged, in one run, interleaved:
# perl t/bench/dialects.pl [ROUNDS [EVENTS]] (5 of 100 events in 100 streams).
# Exits with 1 when "stream" over OpenAI's Responses costs more than 1.5 times.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(cpu median pin pin_away);
use ChatTest::Load qw(load);
use ChatTest::Streams qw(mpm_conf);
use ChatTest::Upstream;

my ($rounds, $events) = ($ARGV[0] || 5, $ARGV[1] || 100);
my $STREAMS = 100;

my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;
my %wire = (
    responses   => [ 'openai',    "$bare/v1" ],
    completions => [ 'openai',    "$bare/v1", 'ChatProviderAPI chat-completions' ],
    messages    => [ 'anthropic', "$bare/v1" ],
    gemini      => [ 'gemini',    "$bare/v1beta" ],
);
my @routes = qw(openai stream message completions ui-message);

my $t = ChatTest->new(mpm => 'event', log_level => 'notice', mpm_conf => mpm_conf(32), conf => join "\n",
    'SetHandler chat', 'ChatAuth guest', 'ChatModelDefault mock-1', 'ChatRequestBody 1M',
    (map {
        my ($type, $url, @more) = $wire{$_}->@*;
        ("<ChatProvider $_>", "ChatProviderType $type", "ChatProviderURL $url;n=$events;pace=20;size=20",
            'ChatProviderKey env:CHAT_CANARY_KEY', @more, '</ChatProvider>')
    } sort keys %wire),
    (map { my $w = $_; map { ("<Location /$w/$_>", "ChatRoute $_", "ChatUse $w", '</Location>') } @routes } sort keys %wire),
    '')->start;
# Microseconds of the server's CPU per event.
sub measure ($wire, $route) {
    my $body = $route eq 'message' ? '{"message":"mock(seed={i})"}'
        : $route eq 'ui-message' ? '{"messages":[{"role":"user","parts":[{"type":"text","text":"mock(seed={i})"}]}]}'
        : '{"stream":true,"messages":[{"role":"user","content":"mock(seed={i})"}]}';
    my $before = cpu($t->pid);
    my $res = load($t->url("/$wire/$route"), c => $STREAMS, a => $wire, ($route eq 'openai' ? () : (D => $route)), b => $body,
        p => "n=$events;size=20", t => 120);
    die "$wire $route: $res->{failures}[0]\n" if $res->{failed};
    return 1e6 * (cpu($t->pid) - $before) / ($STREAMS * $events);
}

pin($t->pid);
pin_away($$, $up->pid);

my %us;
measure($_, 'openai') for sort keys %wire;
for (1 .. $rounds) {
    for my $wire (sort keys %wire) {
        push $us{$wire}{$_}->@*, measure($wire, $_) for @routes;
    }
}
printf "%-12s %s\n", 'us/event', join ' ', map { sprintf '%18s', $_ } @routes;
for my $wire (sort keys %wire) {
    my $plain = median($us{$wire}{openai}->@*);
    printf "%-12s %s\n", $wire, join ' ',
        map { my $m = median($us{$wire}{$_}->@*); sprintf '%8.2f (%5.2f x)', $m, $m / $plain } @routes;
}
my $ratio = median($us{responses}{stream}->@*) / median($us{responses}{openai}->@*);
printf "stream over Responses: %.2f times what passing through costs, 1.5 allowed: %s\n", $ratio, $ratio <= 1.5 ? 'ok' : 'MISSED';
$t->stop;
$up->stop;
done_testing;
exit($ratio > 1.5);
