# SPDX-License-Identifier: Apache-2.0
#
# A refusal that comes in a 200, as an event or as the body: the code, the
# status and the rules that it would have had with a status of its own.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $JSON = JSON::PP->new->canonical;

sub event ($json, $type = undef) { return ($type ? "event: $type\n" : '') . 'data: ' . $JSON->encode($json) . "\n\n" }
sub claude ($type) { return event({ type => 'error', error => { type => $type, message => 'of org-1' } }, 'error') }
my $block = event({ type => 'content_block_start', index => 0, content_block => { type => 'text', text => 'Hi' } }, 'content_block_start');
my $spare = event({ choices => [ { index => 0, delta => { content => 'spare' }, finish_reason => 'stop' } ] }) . "data: [DONE]\n\n";

# name => [ type, bytes, status, code, is the spare asked ]
my %CASES = (
    overloaded => [ anthropic  => ChatTest::Answers::stream(claude('overloaded_error')),                        503, 'upstream_overloaded',   1 ],
    limited    => [ anthropic  => ChatTest::Answers::stream(claude('rate_limit_error')),                        429, 'upstream_rate_limited', 1 ],
    question   => [ anthropic  => ChatTest::Answers::stream(claude('invalid_request_error')),                   400, 'upstream_rejected',     0 ],
    unheard    => [ anthropic  => ChatTest::Answers::stream(claude('brand_new_error')),                         502, 'upstream_error',        0 ],
    google     => [ gemini     => ChatTest::Answers::stream(event({ error => { code => 503, status => 'UNAVAILABLE' } })), 503, 'upstream_overloaded', 1 ],
    number     => [ compatible => ChatTest::Answers::stream(event({ error => { code => 429, message => 'x' } })), 429, 'upstream_rate_limited', 1 ],
    quota      => [ compatible => ChatTest::Answers::stream(event({ error => { code => 'insufficient_quota' } })), 502, 'upstream_quota',       1 ],
    failed     => [ openai     => ChatTest::Answers::stream(event({ type => 'response.failed',
        response => { status => 'failed', error => { code => 'rate_limit_exceeded' } } }, 'response.failed')),  429, 'upstream_rate_limited', 1 ],
    body       => [ compatible => ChatTest::Answers::whole(200, ['Content-Type: application/json'],
        $JSON->encode({ error => { type => 'overloaded_error', code => 529 } })),                               503, 'upstream_overloaded',   1 ],
    behind     => [ anthropic  => [ ChatTest::Answers::stream(": wait\n\n"), "event: error\nda", claude('overloaded_error') =~ s/.*?\nda//r ], 503, 'upstream_overloaded', 1 ],
    middle     => [ anthropic  => ChatTest::Answers::stream($block, claude('overloaded_error')),                200, 'upstream_overloaded',   0 ],
);

my $up = ChatTest::Answers->new(map { $_ => $CASES{$_}[1] } keys %CASES)->start;
my $other = ChatTest::Answers->new(map { $_ => ChatTest::Answers::stream($spare) } keys %CASES)->start;
my %types = map { $_->[0] => 1 } values %CASES;
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault m\nChatRetry 1\n</Location>\n",
    "<ChatProvider spare>\nChatProviderType compatible\nChatProviderURL ${\$other->url}\n</ChatProvider>\n",
    (map {
        my $type = $_;
        "<ChatProvider $type>\nChatProviderType $type\nChatProviderURL ${\$up->url}\nChatProviderKey env:CHAT_CANARY_KEY\nChatProviderBreaker off\n</ChatProvider>\n",
            (map { ("<Location /$type/$_>\nChatRoute $_\nChatUse $type\n</Location>\n", "<Location /two/$type/$_>\nChatRoute $_\nChatUse $type spare\n</Location>\n") }
            qw(stream completions)),
            "<ChatProvider spare-$type>\nChatProviderType $type\nChatProviderURL ${\$other->url}\n</ChatProvider>\n",
            "<Location /$type/own>\nChatRoute openai\nChatUse $type\n</Location>\n<Location /two/$type/own>\nChatRoute openai\nChatUse $type spare-$type\n</Location>\n";
    } sort(keys %types)),
    "<ChatProvider fragile>\nChatProviderType anthropic\nChatProviderURL ${\$up->url}\nChatProviderBreaker 2 cooldown=60s\n</ChatProvider>\n",
    map { "<Location /fragile/$_>\nChatRoute $_\nChatUse fragile\n</Location>\n" } qw(stream anthropic))->start;
$t->expect_log(qr/CHAT0902: |CHAT11\d\d: /);

sub ask ($path, $name, %more) { return $t->sse($path, { messages => [ { role => 'user', content => "answer($name)" } ], %more }) }

for my $name (sort keys %CASES) {
    my ($type, undef, $status, $code, $spared) = $CASES{$name}->@*;
    my $res = ask("/$type/stream", $name);
    my $said = $res->{events}->@* ? $JSON->decode($res->{events}[-1]{data}) : $JSON->decode($res->{body});
    is "$res->{status} $said->{code}", "$status $code", "$name: the status and the code that it would have had";
    unlike $res->{body}, qr/org-1/, '... in our words';
    $res = ask("/$type/completions", $name);
    is $res->{status}, $status == 200 ? 502 : $status, '... also of a whole answer' if $name ne 'middle';
    $res = ask("/two/$type/stream", $name);
    is $res->{body} =~ /spare/ ? 1 : 0, $spared, '... and the spare is asked as for that status';
    $res = ask("/$type/own", $name);
    $said = $name eq 'middle' ? { code => $code } : $JSON->decode($res->{body});
    is "$res->{status} $said->{code}", "$status $code", '... and so it is where bytes pass unchanged';
    is $res->{body}, join('', $block, claude('overloaded_error')), '... but for what comes behind an answer' if $name eq 'middle';
    $res = ask("/two/$type/own", $name);
    is $res->{body} =~ /spare/ ? 1 : 0, $spared, '... and the spare is asked';
}

# ---- the breaker ----

is ask('/fragile/anthropic', 'question')->{status}, 400, 'what is wrong with the question is no failure of the provider' for 1 .. 3;
is ask("/fragile/$_", 'overloaded')->{status}, 503, "$_: overloaded" for qw(stream anthropic);
is $JSON->decode(ask('/fragile/stream', 'question')->{body})->{code}, 'upstream_unavailable', 'two of them open the breaker, on whichever route';

$t->stop;
done_testing;
