#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to look for 10,000 words in every answer: CPU of the server per
# event of the upstream, with the list and without, in one run, interleaved:
# perl t/bench/moderation.pl [ROUNDS [EVENTS]] (5 of 100 events in 100 streams).
# Exits with 1 when the list costs more than 1.15 times.
use v5.36;
use FindBin;
use IO::Select;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Bench qw(cpu median pin pin_away);
use ChatTest::Client;
use ChatTest::Streams qw(mpm_conf);
use ChatTest::Upstream;

my ($rounds, $events) = ($ARGV[0] || 5, $ARGV[1] || 100);
my ($STREAMS, $WORDS, $ALLOWED) = (100, 10_000, 1.15);

my $up = ChatTest::Upstream->new->start;
my @routes = qw(plain listed);

my $t = ChatTest->new(mpm => 'event', log_level => 'notice', mpm_conf => mpm_conf(32), conf => <<"END");
SetHandler chat
ChatAuth guest
ChatModelDefault mock-1
ChatRequestBody 1M
<ChatProvider up>
    ChatProviderType openai
    ChatProviderURL ${\$up->url};n=$events;pace=20;size=20
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatUse up
ChatRoute stream
<Location /listed>
    ChatModerationList words file:%%DIR%%/words.txt in=output
</Location>
END

# Real beginnings, with an end that no text of the mock has.
srand 1;
my @syllables = map { my $c = $_; map { "$c$_" } qw(a e i o u) } 'b' .. 'z';
my %words;
$words{ join('', map { $syllables[rand @syllables] } 1 .. 2 + rand 4) . "zz" } = 1 while keys %words < $WORDS;
$t->write_file('words.txt', join "\n", sort keys %words);
$t->start;

# All streams at once, read to their ends. The list moves the places where the
# text is cut, so that no byte can be foretold.
sub read_all ($route) {
    my (%text, @clients);
    for my $seed (1 .. $STREAMS) {
        my $client = ChatTest::Client->new(port => $t->port);
        $client->request(POST => "/$route", headers => { 'Content-Type' => 'application/json', Connection => 'close' },
            body => qq({"messages":[{"role":"user","content":"mock(seed=$seed)"}]}));
        push @clients, $client;
    }
    my $left = IO::Select->new(map { $_->{rfh} } @clients);
    while ($left->count) {
        for my $sock ($left->can_read(60)) {
            my $n = sysread $sock, $text{$sock}, 65536, length($text{$sock} // '');
            $left->remove($sock) if defined $n && !$n;
        }
    }
    my $whole = grep { /"type":"done"/ } values %text;
    die "$route: $whole of $STREAMS answers are whole\n" if $whole != $STREAMS;
    return;
}

# Microseconds of the server's CPU per event.
sub measure ($route) {
    my $before = cpu($t->pid);
    read_all($route);
    return 1e6 * (cpu($t->pid) - $before) / ($STREAMS * $events);
}

pin($t->pid);
pin_away($$, $up->pid);

my %us;
measure($_) for @routes;
for (1 .. $rounds) {
    push $us{$_}->@*, measure($_) for @routes;
}
my ($plain, $listed) = map { median($us{$_}->@*) } @routes;
my $ratio = $listed / $plain;
printf "us/event: %.2f without, %.2f with %d words: %.2f times, %.2f allowed: %s\n", $plain, $listed, $WORDS, $ratio, $ALLOWED,
    $ratio <= $ALLOWED ? 'ok' : 'MISSED';
$t->stop;
$up->stop;
done_testing;
exit($ratio > $ALLOWED);
