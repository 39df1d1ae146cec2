# SPDX-License-Identifier: Apache-2.0
#
# How answers end that are not told as a provider's documentation has it: a
# reason in every chunk or an unknown one, one mark of two, an event without a
# blank line behind it, a head without a type. On every route: the whole text
# and one good end, or the text and one error.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $JSON = JSON::PP->new->canonical;

sub data (@chunks) { return join '', map { 'data: ' . (ref $_ ? $JSON->encode($_) : $_) . "\n\n" } @chunks }
sub typed (@events) { return join '', map { "event: $_->{type}\ndata: " . $JSON->encode($_) . "\n\n" } @events }

# In chunks, so that a body that ends well differs from one that is cut.
sub chunked ($body, %o) {
    my $type = exists $o{type} ? $o{type} : 'text/event-stream';
    my $size = sprintf '%x', length $body;
    return "HTTP/1.1 200 OK\r\n" . ($type ? "Content-Type: $type\r\n" : '') . "Connection: close\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n$size\r\n$body\r\n"
        . ($o{cut} ? '' : "0\r\n\r\n");
}

sub delta ($text, $reason = undef) { return { choices => [ { index => 0, delta => { content => $text }, finish_reason => $reason } ] } }
sub part ($text, $reason = undef) {
    return { candidates => [ { index => 0, content => { role => 'model', parts => [ { text => $text } ] }, $reason ? (finishReason => $reason) : () } ] };
}
my @block = (
    { type => 'message_start', message => { usage => { input_tokens => 15, output_tokens => 0 } } },
    { type => 'content_block_start', index => 0, content_block => { type => 'text', text => '' } },
    { type => 'content_block_delta', index => 0, delta => { type => 'text_delta', text => 'Hi there' } },
    { type => 'content_block_stop', index => 0 },
);
sub stopped ($reason) { return { type => 'message_delta', delta => { stop_reason => $reason }, usage => { output_tokens => 4 } } }
my $text = { type => 'response.output_text.delta', delta => 'Hi there' };
my $usage = { choices => [], usage => { prompt_tokens => 5, completion_tokens => 2 } };

# name => [ type of the provider, bytes, finishReason or error, text ]
my %CASES = (
    every_chunk     => [ gemini     => chunked(data(part('Hi', 'STOP'), part(' ', 'STOP'), part('there', 'STOP'))), 'stop' ],
    last_counts     => [ gemini     => chunked(data(part('Hi ', 'STOP'), part('there', 'MAX_TOKENS'))), 'length' ],
    gemini_cut      => [ gemini     => chunked(data(part('Hi there', 'STOP')), cut => 1), 'upstream_truncated' ],
    gemini_unknown  => [ gemini     => chunked(data(part('Hi there', 'NEW_WORD'))), 'other' ],
    gemini_no_blank => [ gemini     => chunked('data: ' . $JSON->encode(part('Hi there', 'STOP'))), 'stop' ],
    no_done         => [ compatible => chunked(data(delta('Hi'), delta(' there'), delta('', 'stop'), $usage)), 'stop' ],
    no_done_cut     => [ compatible => chunked(data(delta('Hi there'), delta('', 'stop'), $usage), cut => 1), 'upstream_truncated' ],
    neither         => [ compatible => chunked(data(delta('Hi there'))), 'upstream_truncated' ],
    abort           => [ compatible => chunked(data(delta('Hi there'), delta('', 'abort'), '[DONE]')), 'upstream_error' ],
    unknown         => [ compatible => chunked(data(delta('Hi there'), delta('', 'new_word'), '[DONE]')), 'other' ],
    twice           => [ compatible => chunked(data(delta('Hi'), delta(' there'),
        { choices => [ { index => 0, finish_reason => 'stop', message => { role => 'assistant', content => 'Hi there' } } ] }, '[DONE]')), 'stop' ],
    no_blank        => [ deepseek   => chunked(data(delta('Hi there')) . "data: [DONE]\n"), 'stop' ],
    no_line_end     => [ mistral    => chunked(data(delta('Hi there')) . 'data: [DONE]'), 'stop' ],
    half_a_line     => [ mistral    => chunked(data(delta('Hi there')) . 'data: [DO'), 'upstream_truncated' ],
    half_a_json     => [ openrouter => chunked(data(delta('Hi there')) . 'data: {"choices":[{"finish_reason":"stop"'), 'upstream_truncated' ],
    no_type         => [ compatible => chunked(data(delta('Hi there'), delta('', 'stop'), '[DONE]'), type => undef), 'stop' ],
    openai_no_type  => [ openai     => chunked(typed($text, { type => 'response.completed' }), type => undef), 'stop' ],
    openai_no_blank => [ openai     => chunked(typed($text) . 'data: {"type":"response.completed"}'), 'stop' ],
    openai_neither  => [ openai     => chunked(typed($text)), 'upstream_truncated' ],
    claude_reason   => [ anthropic  => chunked(typed(@block, stopped('end_turn'))), 'stop' ],
    claude_cut      => [ anthropic  => chunked(typed(@block, stopped('end_turn')), cut => 1), 'upstream_truncated' ],
    claude_unknown  => [ anthropic  => chunked(typed(@block, stopped('new_word'), { type => 'message_stop' })), 'other' ],
    claude_no_blank => [ anthropic  => chunked(typed(@block, stopped('end_turn')) . 'data: {"type":"message_stop"}'), 'stop' ],
);

my $up = ChatTest::Answers->new(map { $_ => $CASES{$_}[1] } keys %CASES)->start;
my %types = map { $_->[0] => 1 } values %CASES;
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault m\n</Location>\n",
    map {
        my $type = $_;
        "<ChatProvider $type>\nChatProviderType $type\nChatProviderURL ${\$up->url}\nChatProviderKey env:CHAT_CANARY_KEY\nChatProviderBreaker off\n</ChatProvider>\n",
            map { "<Location /$type/$_>\nChatRoute " . ($_ eq 'own' ? $type =~ m{^(?:compatible|mistral)$} ? "openai" : $type : $_) . "\nChatUse $type\n</Location>\n" }
            qw(stream message completions own);
    } sort keys %types)->start;

$t->expect_log(qr/CHAT0902: /);

sub ask ($type, $route, $name, %more) {
    my $body = $route eq 'message' ? { message => "answer($name)" } : { messages => [ { role => 'user', content => "answer($name)" } ] };
    return $t->sse("/$type/$route", { %$body, %more });
}

for my $name (sort keys %CASES) {
    my ($type, $bytes, $end) = $CASES{$name}->@*;
    my $good = $end !~ /^upstream/;

    my $res = ask($type, 'stream', $name);
    my @said = map { $JSON->decode($_->{data}) } $res->{events}->@*;
    is join('', map { $_->{text} // '' } @said), 'Hi there', "$name, stream: its text, once";
    is $said[-1]{finishReason} // $said[-1]{code}, $end, "... and $end";

    $res = ask($type, 'message', $name);
    @said = map { $JSON->decode($_->{data}) } $res->{events}->@*;
    is join('', map { $_->{chunk} // '' } @said), 'Hi there', "$name, message: its text";
    is $said[-1]{status}, $good && $end ne 'other' ? 'done' : 'error', '... and whether that is all';

    $res = ask($type, 'completions', $name, stream => JSON::PP::true);
    my $done = $res->{body} =~ /^data: \[DONE\]$/m;
    my ($reason) = $res->{body} =~ /"finish_reason":"(\w+)"/;
    is $done ? $reason : 'failed', $good ? $end : 'failed', "$name, completions: the same end";

    my $whole = ask($type, 'stream', $name, stream => JSON::PP::false);
    my $json = $JSON->decode($whole->{body});
    is $good ? "$json->{text} $json->{finishReason}" : "$whole->{status} $json->{code}", $good ? "Hi there $end" : "502 $end", "$name, whole: the same";

    $res = ask($type, 'own', $name);
    my ($sent) = $bytes =~ /\r\n\r\n[0-9a-f]+\r\n(.*?)\r\n(?:0\r\n\r\n)?\z/s;
    is $res->{body}, $sent, "$name, passed on: every byte";
    is $res->{clean} ? 'clean' : 'broken off', $good ? 'clean' : 'broken off', '... and how it ends';
}

$t->stop;
done_testing;
