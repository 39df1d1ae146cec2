# SPDX-License-Identifier: Apache-2.0
#
# A provider that repeats the key it was sent, wherever it can: the key reaches
# no client and no log, however its pieces are cut, and all else does. And one that
# repeats the question when it refuses: no error has it.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $t = ChatTest->new;
my $key = $t->canary_key;
my $prompt = 'tell me of the yellow submarine in Kyiv';
my $half = length($key) / 2;
my @half = (substr($key, 0, $half), substr($key, $half));

my $created = qq(event: response.created\ndata: {"type":"response.created","response":{"status":"in_progress"}}\n\n);
my $completed = qq(event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","output":[]}}\n\n);

sub text ($text) {
    return qq(event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"i","output_index":0,)
        . qq("content_index":0,"delta":"$text"}\n\n);
}

sub json ($status, $body, @headers) {
    return ChatTest::Answers::whole($status, [ 'Content-Type: application/json', @headers ], $body);
}

my $error = qq(event: error\ndata: {"type":"error","code":"$key","message":"Incorrect API key: $key","param":"$key"}\n\n);
my $whole = qq({"id":"r","object":"response","status":"completed","output":[{"type":"message","role":"assistant",)
    . qq("content":[{"type":"output_text","text":"it is $key, yes"}]}],"usage":{"input_tokens":1,"output_tokens":1}});
my $up = ChatTest::Answers->new(
    event    => ChatTest::Answers::stream($created, $error),
    pieces   => [ ChatTest::Answers::stream($created), substr($error, 0, index($error, $half[1])), substr($error, index($error, $half[1])) ],
    text     => ChatTest::Answers::stream($created, text("my key is $key, and ..."), $completed),
    deltas   => ChatTest::Answers::stream($created, map({ text($_) } "my key is ", $key, " ..."), $completed),
    breaks   => [ ChatTest::Answers::stream($created, qq(event: x\ndata: {"key":"), substr($key, 0, -1)) ],
    whole    => json(200, $whole),
    refused  => json(400, qq({"error":{"message":"key $key ($half[0]***) is no good","code":"$key","type":"$key","param":"$key"}})),
    prompt   => json(400, qq({"error":{"message":"Not this: $prompt. Ask for less.","code":"x_y","param":"messages[0]"}})),
    denied   => json(401, qq({"error":{"message":"key $key is no good","code":"$key"}})),
    json200  => json(200, qq({"error":{"message":"key $key is no good","code":"$key"}})),
    line     => ChatTest::Answers::whole(500, ['Content-Type: text/plain'], "bad key $key"),
    page     => ChatTest::Answers::whole(500, ['Content-Type: text/html'], "<p>bad key $key</p>"),
    header   => json(400, '{"error":{"message":"no"}}', "X-Request-Id: $key"),
)->start;

sub location ($path, @lines) {
    return join "\n", "<Location /$path>", 'SetHandler chat', 'ChatUse p', 'ChatAuth guest', @lines, "</Location>\n";
}
$t->{conf} = join '', "MaxKeepAliveRequests 0\n<ChatProvider p>\nChatProviderType openai\nChatProviderURL ${\$up->url}\n",
    "ChatProviderKey env:CHAT_CANARY_KEY\nChatProviderBreaker off\n</ChatProvider>\n",
    location(openai => 'ChatRoute openai'), location(native => 'ChatRoute openai', 'ChatRequestFormat provider'),
    location(stream => 'ChatRoute stream'), location(completions => 'ChatRoute completions'), location(message => 'ChatRoute message');
$t->start;
$t->expect_log(qr/CHAT0902: /);

sub ask ($route, $name, $whole = 0) {
    my $text = "answer($name)" . ($name eq 'prompt' ? " $prompt" : '');
    my $stream = $whole ? JSON::PP::false() : JSON::PP::true();
    my %body = (
        native  => { model => 'm', input => $text, stream => $stream },
        message => { message => $text, stream => $stream },
    );
    return $t->post_json("/$route", $body{$route} // { messages => [ { role => 'user', content => $text } ], ($route eq 'openai' ? () : (stream => $stream)) });
}

for my $route (qw(openai native stream completions message)) {
    my $res = ask($route, 'prompt', $route ne 'openai');
    is $res->{status}, 400, "$route: a refusal that repeats the question";
    unlike $res->{body}, qr/\Q$prompt\E/, '... which the error does not';
    like $res->{body}, qr/Ask for less\./, '... but says the rest';
}

for my $route (qw(openai native stream completions message)) {
    for my $name (qw(event pieces text deltas breaks refused denied json200 line page header)) {
        for my $whole ($route eq 'openai' ? 0 : $route eq 'native' ? () : 1, $route eq 'openai' ? () : 0) {
            my $res = ask($route, $name, $whole);
            unlike $res->{raw_head} . $res->{body}, qr/\Q$key\E|\Q${\substr $key, 0, -1}\E/, "$route, $name, " . ($whole ? 'whole' : 'streamed') . ': no key';
        }
    }
}

# ---- and nothing else is lost ----

my $passed = ask(openai => 'event')->{body};
is $passed, $created . $error =~ s/\Q$key\E/***/gr, 'an event that passes is the same but for the key';
is ask(openai => 'pieces')->{body}, $passed, '... however it is cut';
is ask(openai => 'text')->{body}, $created . text('my key is ***, and ...') . $completed, 'so is a text';
like ask(openai => 'breaks')->{body}, qr/^\Q$created\Eevent: x\ndata: \{"key":"\*\*\*$/, 'what breaks off in the middle of it is none either';
my $got = ask(native => 'whole', 1);
is "$got->{status} $got->{body}", '200 ' . $whole =~ s/\Q$key\E/***/r, 'so is one JSON text';
like ask(completions => 'refused')->{json}{error}{message}, qr/^key \*\*\* \(\*\*\*\) is no good$/, 'a refusal is told without it';
is ask(stream => 'text', 1)->{json}{text}, 'my key is ***, and ...', 'a gathered answer, too';

$t->stop;
unlike $t->error_log . $t->access_log, qr/\Q$key\E/, 'no key is in a log';
$up->stop;
done_testing;
