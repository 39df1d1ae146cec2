# SPDX-License-Identifier: Apache-2.0
#
# An event that is larger than what is kept of one: an image in the middle of an
# answer, or on its way. Bytes that pass pass whole; the text of the others is
# all there, and a child does not grow by it.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $JSON = JSON::PP->new->canonical;
my $IMAGE = 'iVBORw0KGgo/' x 700_000;    # 8 MB

sub event ($data, $type = undef) { return (defined $type ? "event: $type\n" : '') . 'data: ' . $JSON->encode($data) . "\n\n" }
sub google (@parts) { return { content => { role => 'model', parts => \@parts } } }
sub response ($type, %v) { return event({ type => $type, %v }, $type) }

my %SAY = (
    gemini => [ event({ candidates => [ google({ text => 'See ' }) ] }),
        event({ candidates => [ { google({ text => 'this: ' }, { inlineData => { mimeType => 'image/png', data => $IMAGE } }, { text => 'a dot.' })->%*,
            finishReason => 'STOP' } ], usageMetadata => { promptTokenCount => 7, candidatesTokenCount => 1290 } }) ],
    openai => [ response('response.image_generation_call.partial_image', output_index => 0, partial_image_b64 => $IMAGE),
        response('response.output_item.done', output_index => 0, item => { type => 'image_generation_call', result => $IMAGE }),
        (map { response('response.output_text.delta', output_index => 1, delta => $_) } 'See ', 'this: ', 'a dot.'),
        response('response.completed', response => { status => 'completed', output => [ { type => 'image_generation_call', result => $IMAGE } ],
            usage => { input_tokens => 7, output_tokens => 1290 } }) ],
    compatible => [ event({ choices => [ { index => 0, delta => { content => 'See this: ' } } ] }),
        event({ choices => [ { index => 0, delta => { content => 'a dot.', images => [ { image_url => { url => "data:image/png;base64,$IMAGE" } } ] }, finish_reason => 'stop' } ],
            usage => { prompt_tokens => 7, completion_tokens => 1290 } }), "data: [DONE]\n\n" ],
    toolarge => [ event({ candidates => [ google({ text => $IMAGE }) ] }) ],
);
my %type = map { $_ => $_ eq 'toolarge' ? 'gemini' : $_ } keys %SAY;

my $up = ChatTest::Answers->new(map { $_ => ChatTest::Answers::stream($SAY{$_}->@*) } keys %SAY)->start;
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault m\n</Location>\n",
    map {
        my $name = $_;
        "<ChatProvider $name>\nChatProviderType $type{$name}\nChatProviderURL ${\$up->url}\n</ChatProvider>\n",
            map { "<Location /$name/$_>\nChatRoute $_\nChatUse $name\n</Location>\n" } qw(openai stream completions);
    } sort keys %SAY)->start;
$t->expect_log(qr/CHAT0902: .*event_too_large/);

sub ask ($path, $name, %more) { return $t->sse($path, { messages => [ { role => 'user', content => "answer($name)" } ], %more }, timeout => 60) }

for my $name (grep { $_ ne 'toolarge' } sort keys %SAY) {
    my $res = ask("/$name/openai", $name);
    ok $res->{clean} && $res->{body} eq join('', $SAY{$name}->@*), "$name: every byte passes";
    $res = ask("/$name/stream", $name);
    my @said = map { $JSON->decode($_->{data}) } $res->{events}->@*;
    is join('', map { $_->{text} // '' } @said), 'See this: a dot.', '... and of a stream that is taken apart all text';
    is_deeply [ $said[-1]->@{qw(type finishReason)}, $said[-1]{usage}->@{qw(inputTokens outputTokens)} ], [ 'done', 'stop', 7, 1290 ], '... with its end and its counts';
    $res = ask("/$name/completions", $name);
    is $JSON->decode($res->{body})->{choices}[0]{message}{content}, 'See this: a dot.', '... also whole';
}
my $res = ask('/toolarge/stream', 'toolarge');
is $JSON->decode($res->{body})->{code}, 'upstream_error', 'a text that is too large to be kept is an error, and is not left out';

$t->stop;
done_testing;
