# SPDX-License-Identifier: Apache-2.0
#
# ChatProviderType app: what an application is told, that its answer passes byte
# for byte, what becomes of one that is none, and that it is asked by the route
# ui-message alone. The real thing is in t/82-hybrid.t.
use v5.36;
use Test::More;
use FindBin;
use Digest::SHA qw(hmac_sha256 sha1);
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64url encode_base64 encode_base64url);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my @chunks = map { 'data: ' . $JSON->encode($_) . "\n\n" } (
    { type => 'start', messageId => 'm-1' }, { type => 'start-step' }, { type => 'text-start', id => '0' },
    { type => 'text-delta', id => '0', delta => "Gr\x{fc}\x{df}e \x{1f30d}" }, { type => 'brand-new', x => 1 }, { type => 'text-end', id => '0' }, { type => 'finish-step' },
    { type => 'data-usage', data => { inputTokens => 12, outputTokens => 34 } }, { type => 'finish', finishReason => 'stop' });
my $STREAM = join('', ": hello\n\n", @chunks, "data: [DONE]\n\n");
my $ERROR = qq(data: {"type":"error","errorText":"Oops"}\n\n);
sub head (@more) { return join '', map { "$_\r\n" } 'HTTP/1.1 200 OK', 'Connection: close', @more, '' }

my $app = ChatTest::Answers->new(
    whole => [ head('Content-Type: text/event-stream; x=y', 'X-Vercel-AI-UI-Message-Stream: v1', 'X-Vercel-AI-Other: o', 'Set-Cookie: a=b', 'X-Own: z', 'Server: next'), $STREAM ],
    plain => [ head(), $STREAM ],    # as the template's own route: no type at all
    html  => ChatTest::Answers::whole(200, ['Content-Type: text/html'], '<!DOCTYPE html><p>secret page</p>'),
    json  => ChatTest::Answers::whole(200, ['Content-Type: application/json'], '{"code":"rate_limit:chat","message":"secret words"}'),
    (map { ("no$_" => ChatTest::Answers::whole($_, ['Content-Type: application/json'], '{"code":"x:chat","message":"secret words"}')) } qw(400 401 429 500 503)),
    cut   => [ head('Content-Type: text/event-stream', 'Content-Length: 100000'), @chunks[ 0 .. 3 ] ],
    first => [ head('Content-Type: text/event-stream'), $ERROR, "data: [DONE]\n\n" ],
    later => [ head('Content-Type: text/event-stream'), @chunks[ 0 .. 3 ], $ERROR, "data: [DONE]\n\n" ],
    hang  => [ head('Content-Type: text/event-stream'), @chunks[ 0 .. 3 ], 'hang' ],
    mute  => ['hang'],
)->start;
my $base = $app->url =~ s{/v1$}{}r;
my $mock = ChatTest::Upstream->new->start;
my $closed = do { my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1'); my $p = $s->sockport; close $s; $p };
my $SECRET = 'a secret of tokens that is long enough';
my $secret = File::Temp->new;
print $secret "$SECRET\n";
close $secret;
chmod 0600, "$secret";

sub provider ($name, $url, @lines) {
    return join "\n", "<ChatProvider $name>", 'ChatProviderType app', "ChatProviderURL $url", 'ChatProviderBreaker off', @lines, "</ChatProvider>\n";
}
my $t = ChatTest->new(modules => [qw(auth_basic authn_core authn_file authz_core authz_user)], conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatRetry 1\n</Location>\n",
    provider('app', $base, 'ChatProviderKey env:CHAT_CANARY_KEY'),
    provider('signed', $base, "ChatProviderKey jwt:file:$secret"),
    provider('down', "http://127.0.0.1:$closed"),
    provider('slow', $base, 'ChatProviderTimeout first=300ms'),
    "<ChatProvider mock>\nChatProviderType openai\nChatProviderURL ${\$mock->url}\nChatProviderBreaker off\n</ChatProvider>\n",
    (map { "<Location /$_->[0]>\nChatRoute ui-message\nChatUse $_->[1]\n</Location>\n" }
        ['api/chat', 'app'], ['down', 'down'], ['slow', 'slow'], ['spare', 'down app'], ['mixed', 'down mock'], ['other', 'mock app']),
    "<Location /signed>\nChatRoute ui-message\nChatUse signed\nChatAuth user\nAuthType Basic\nAuthName x\nAuthBasicProvider file\nAuthUserFile %%DIR%%/passwords\nRequire valid-user\n</Location>\n",
);
$t->write_file('passwords', 'user:{SHA}' . encode_base64(sha1('pw')), 0644);
$t->start;
$t->expect_log(qr/CHAT0902: /);

sub body ($text, %more) {
    return { id => 'chat-1', trigger => 'submit-message', messages => [
        { id => 'u-0', role => 'user', parts => [ { type => 'text', text => 'Before' } ] },
        { id => 'a-0', role => 'assistant', parts => [ { type => 'text', text => 'Answer' } ], metadata => { x => 1 } },
        { id => 'u-1', role => 'user', parts => [ { type => 'text', text => $text } ] } ], %more };
}
sub ask ($name, %o) { return $t->post_json($o{path} // '/api/chat', body("answer($name)", ($o{more} // {})->%*), timeout => 10) }

# ---- what passes ----

{
    my $res = ask('whole', more => { selectedChatModel => 'chat-model-reasoning', selectedVisibilityType => 'public' });
    is $res->{status}, 200, 'the application answers';
    is $res->{body}, $STREAM, 'its bytes pass as they are';
    is $res->{headers}{'content-type'}, 'text/event-stream; x=y', 'and so does what it says of them';
    is $res->{headers}{'x-vercel-ai-ui-message-stream'}, 'v1', 'with the header of the stream';
    is $res->{headers}{'x-vercel-ai-other'}, 'o', 'and others of the SDK';
    is $res->{headers}{'set-cookie'}, undef, 'but no cookies';
    is $res->{headers}{'x-own'}, undef, 'nor others of its own';
    is $res->{headers}{'x-accel-buffering'}, 'no', 'and ours beside them';
    is_deeply $JSON->decode($app->asked('whole')), {
        id => 'chat-1', selectedChatModel => 'chat-model-reasoning', selectedVisibilityType => 'public',
        message => body('answer(whole)')->{messages}[2],
        existingMessages => [ map { my %m = (body('')->{messages}[$_]->%*, chatId => 'chat-1', attachments => []); delete $m{metadata}; \%m } 0, 1 ],
    }, 'it is told what the client said, and what was said before';
    like $t->wait_access(qr{"POST /api/chat HTTP/1.1" 200}), qr/ in=12 out=34 /, 'and what it cost is in the log';
    $res = ask('plain');
    is $res->{body}, $STREAM, 'an answer without a type is one';
    is $res->{headers}{'content-type'}, 'text/event-stream; charset=utf-8', 'and gets one';
    is $res->{headers}{'x-vercel-ai-ui-message-stream'}, 'v1', 'and its header';
    is $JSON->decode($app->asked('plain'))->{selectedChatModel}, 'chat-model', 'where nobody names a model it is the one of the template';
}

# ---- what is no answer ----

my %refused = (html => [ 502, 'upstream_error' ], json => [ 502, 'upstream_error' ], no400 => [ 400, 'upstream_rejected' ], no401 => [ 502, 'upstream_auth' ],
    no429 => [ 429, 'upstream_rate_limited' ], no500 => [ 502, 'upstream_error' ], no503 => [ 503, 'upstream_overloaded' ], first => [ 502, 'upstream_error' ]);
for my $name (sort keys %refused) {
    my $res = ask($name);
    is "$res->{status} " . ($JSON->decode($res->{body})->{code} // ''), "@{ $refused{$name} }", "$name is an error with a status";
    unlike $res->{body}, qr/secret page/, '... that has nothing of a page';
}
is ask('whole', path => '/down')->{status}, 502, 'an application that is down';
is ask('mute', path => '/slow')->{status}, 504, 'one that says nothing';
is ask('whole', path => '/spare')->{body}, $STREAM, 'another one stands in for it';
is ask('whole', path => '/mixed')->{status}, 502, 'but no provider, whose answer would be another';
like ask('whole', path => '/other')->{body}, qr/"text-delta"/, 'nor an application for a provider';

# ---- what breaks off ----

{
    my $res = ask('cut');
    is $res->{body}, join('', @chunks[ 0 .. 3 ], qq(data: {"type":"error","errorText":"The provider broke off in the middle of its answer."}\n\n), "data: [DONE]\n\n"),
        'what came before a cut has passed, and its page is told';
    ok !$res->{clean}, 'and the client sees that there is no more';
    $res = ask('later');
    is $res->{body}, join('', @chunks[ 0 .. 3 ], $ERROR, "data: [DONE]\n\n"), 'an error of its own passes';
}

# ---- a client that leaves ----

{
    my $res = $t->post_json('/api/chat', body('answer(hang)'), timeout => 10, abort_after => 3);
    is scalar $res->{events}->@*, 3, 'a client leaves in the middle';
    ok $t->wait_access(qr/outcome=cancelled/), 'and the call of the application is over';
}

# ---- tokens ----

{
    my $res = $t->post_json('/signed', body('answer(whole)'), timeout => 10, headers => [ Authorization => 'Basic dXNlcjpwdw==' ]);
    is $res->{status}, 200, 'a user is known here';
    my ($token) = $app->head('whole') =~ /^Authorization: Bearer ([\w-]+\.[\w-]+\.[\w-]+)\r?$/m;
    ok $token, 'the application is shown a token' or diag $app->head('whole');
    my ($header, $claims, $mac) = split /\./, $token // '';
    is $mac, encode_base64url(hmac_sha256("$header.$claims", $SECRET)), 'signed with the secret';
    my $is = $JSON->decode(decode_base64url($claims));
    is "$is->{iss} $is->{sub}", 'mod_chat user', 'for the user';
    cmp_ok abs($is->{iat} - time), '<', 30, 'now';
    is $is->{exp} - $is->{iat}, 300, 'and for five minutes';
}

$t->stop;
done_testing;
