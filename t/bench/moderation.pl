#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to look for 10,000 words in every answer: CPU of the server per
# event of the upstream, with the list and without, in one run, interleaved:
# perl t/bench/moderation.pl [ROUNDS [EVENTS]] (5 of 100 events in 100 streams).
# And how long patterns take that would take for ever, until their limits end
# them: milliseconds of CPU for a question. Exits with 1 when the list costs more
# than 1.15 times, or a question a millisecond more than an innocent one.
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
my ($QUESTIONS, $MORE) = (100, 1);

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
<ChatProvider quick>
    ChatProviderType openai
    ChatProviderURL ${\$up->url};n=1
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatUse up
ChatRoute stream
<Location /listed>
    ChatModerationList words file:%%DIR%%/words.txt in=output
</Location>
<Location /patterns>
    ChatUse quick
    ChatRequestMessageLength 50000
    ChatModerationList patterns file:%%DIR%%/patterns.txt match=regex in=input
</Location>
END

# Real beginnings, with an end that no text of the mock has.
srand 1;
my @syllables = map { my $c = $_; map { "$c$_" } qw(a e i o u) } 'b' .. 'z';
my %words;
$words{ join('', map { $syllables[rand @syllables] } 1 .. 2 + rand 4) . "zz" } = 1 while keys %words < $WORDS;
$t->write_file('words.txt', join "\n", sort keys %words);
$t->write_file('patterns.txt', "(a+)+\$\n\\s+\$\nnever there\n");
$t->allow_log(qr/AH00484/);    # of a machine that is busy with other things
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

# Milliseconds of the server's CPU for a question, answered or refused because a
# pattern has reached its limits.
sub question ($text) {
    my $before = cpu($t->pid);
    for (1 .. $QUESTIONS) {
        my $res = $t->post_json('/patterns', { messages => [ { role => 'user', content => $text } ] });
        die "$res->{status}: $res->{body}\n" unless $res->{status} == 503 || $res->{status} == 200;
    }
    return 1e3 * (cpu($t->pid) - $before) / $QUESTIONS;
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
my %question = (innocent => 'b' x 40_000, exponential => 'a' x 40 . '!', quadratic => ' ' x 40_000 . 'x');
my %ms = map { $_ => question($question{$_}) } sort keys %question;
my ($worst) = sort { $b <=> $a } @ms{qw(exponential quadratic)};
printf "ms/question: %.2f innocent, %.2f exponential, %.2f quadratic: %.2f more allowed: %s\n", @ms{qw(innocent exponential quadratic)}, $MORE,
    $worst <= $ms{innocent} + $MORE ? 'ok' : 'MISSED';
$t->stop;
$up->stop;
done_testing;
exit($ratio > $ALLOWED || $worst > $ms{innocent} + $MORE);
