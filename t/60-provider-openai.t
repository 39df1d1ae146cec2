# SPDX-License-Identifier: Apache-2.0
#
# What a request becomes on its way to the upstream: OpenAI's Responses API and
# Chat Completions, byte for byte what the provider is told, and nothing that
# the client said to us alone.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $JSON = JSON::PP->new->canonical;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

sub provider ($name, $path, @lines) {
    return join "\n", "<ChatProvider $name>", 'ChatProviderType openai', "ChatProviderURL ${\$up->url}$path", @lines,
        "</ChatProvider>\n";
}

sub location ($name, @lines) {
    return join "\n", "<Location /$name>", "ChatUse $name", @lines, "</Location>\n";
}

my $KEY = 'ChatProviderKey env:CHAT_CANARY_KEY';
my $t = ChatTest->new(conf => join '',
    provider('responses', '', $KEY),
    provider('completions', '', $KEY, 'ChatProviderAPI chat-completions'),
    provider('stored',   '', $KEY, 'ChatProviderStore on'),
    provider('stored-completions', '', $KEY, 'ChatProviderStore on', 'ChatProviderAPI chat-completions'),
    provider('keyless', '/;n=1'),
    provider('file',    '', 'ChatProviderKey file:%%DIR%%/canary.key'),
    "<Location />\nSetHandler chat\nChatRoute openai\nChatAuth guest\n</Location>\n",
    (map { location($_) } qw(responses completions stored stored-completions keyless file)),
    "<Location /huge>\nChatUse responses\nChatRequestBody 4M\n</Location>\n",
    "<Location /responses/other>\nChatModelDefault vendor/model-2.5:free\n</Location>\n")->start;

# The request as the upstream got it, its body parsed; dies unless it was told.
sub told ($path, $request, %o) {
    $up->reset;
    my $res = $t->post_json($path, $request, %o);
    $res->{status} == 200 or die "$path: $res->{status} $res->{body}\n";
    my $last = $up->last;
    return { %$last, raw => $last->{body}, body => $JSON->decode($last->{body}), res => $res };
}

# As JSON, where 1, "1" and true are three things.
sub is_told ($path, $request, $want, $name) {
    is $JSON->encode(told($path, $request)->{body}), $JSON->encode($want), $name;
}

my @hi = (messages => [ { role => 'user', content => 'hi' } ]);
my @talk = (
    { role => 'system',    content => 'be kind' },
    { role => 'user',      content => "a\"b\\c\n\t\x{1f600} \x{e9}\x{2028}</script>" },
    { role => 'assistant', content => 'yes' },
    { role => 'user',      content => 'hi' },
);
my %schema = (type => 'object', properties => { n => { type => 'integer', enum => [ 1, 2.5, undef, $TRUE, "\x{e9}" ] } });

my %obfuscation = (stream_options => { include_obfuscation => $FALSE });
my %usage = (stream_options => { include_usage => $TRUE });
my %responses = (model => 'gpt-4o-mini', stream => $TRUE, store => $FALSE, %obfuscation);
my %completions = (model => 'gpt-4o-mini', stream => $TRUE, store => $FALSE, %usage);

# ---- bodies: [ what, our request, Responses, Chat Completions ] ----

my @input = (input => [ { role => 'user', content => 'hi' } ]);
for my $case (
    [ 'the least one', {@hi}, {@input}, {@hi} ],
    [
        'a talk with every role', { messages => \@talk },
        { input => \@talk }, { messages => \@talk },
    ],
    [
        'system', { @hi, system => 'be brief' },
        { @input, instructions => 'be brief' },
        { messages => [ { role => 'system', content => 'be brief' }, { role => 'user', content => 'hi' } ] },
    ],
    [
        'system beside a system message', { messages => \@talk, system => 'first' },
        { instructions => 'first', input => \@talk },
        { messages => [ { role => 'system', content => 'first' }, @talk ] },
    ],
    [ 'a model', { @hi, model => 'gpt-4.1' }, { @input, model => 'gpt-4.1' }, { @hi, model => 'gpt-4.1' } ],
    [ 'a temperature', { @hi, temperature => 0.7 }, { @input, temperature => 0.7 }, { @hi, temperature => 0.7 } ],
    [ 'temperature 0', { @hi, temperature => 0 }, { @input, temperature => 0 }, { @hi, temperature => 0 } ],
    [ 'temperature 2', { @hi, temperature => 2 }, { @input, temperature => 2 }, { @hi, temperature => 2 } ],

    # these answer 400 to any
    (map {
        [ "no temperature for $_", { @hi, model => $_, temperature => 1 }, { @input, model => $_ }, { @hi, model => $_ } ]
    } qw(o1 o3-mini o4-mini gpt-5 gpt-5-nano)),
    [
        '... but for gpt-5-chat', { @hi, model => 'gpt-5-chat-latest', temperature => 1 },
        { @input, model => 'gpt-5-chat-latest', temperature => 1 }, { @hi, model => 'gpt-5-chat-latest', temperature => 1 },
    ],
    [ 'maxOutputTokens', { @hi, maxOutputTokens => 256 }, { @input, max_output_tokens => 256 }, { @hi, max_completion_tokens => 256 } ],

    # the Responses API answers 400 to fewer than 16
    [ '... of one', { @hi, maxOutputTokens => 1 }, { @input, max_output_tokens => 16 }, { @hi, max_completion_tokens => 1 } ],
    [ '... of 16', { @hi, maxOutputTokens => 16 }, { @input, max_output_tokens => 16 }, { @hi, max_completion_tokens => 16 } ],
    [ '... at its cap', { @hi, maxOutputTokens => 16384 }, { @input, max_output_tokens => 16384 }, { @hi, max_completion_tokens => 16384 } ],
    [ 'responseFormat text', { @hi, responseFormat => 'text' }, {@input}, {@hi} ],
    (map {
        my %strict = defined $_ ? (strict => $_) : ();
        [
            'a schema' . (defined $_ ? ', strict ' . ($_ ? 'true' : 'false') : ''),
            { @hi, responseFormat => { type => 'json_schema', schema => \%schema, %strict } },
            { @input, text => { format => { type => 'json_schema', name => 'response', schema => \%schema, %strict } } },
            { @hi, response_format => { type => 'json_schema', json_schema => { name => 'response', schema => \%schema, %strict } } },
        ]
    } undef, $TRUE, $FALSE),
    [ 'an unknown member, which is ours to drop', { @hi, store => $TRUE, stream => $FALSE, tools => [1], user => 'me' }, {@input}, {@hi} ],
) {
    my ($what, $request, $as_responses, $as_completions) = @$case;
    is_told('/responses',   $request, { %responses,   %$as_responses },   "Responses: $what");
    is_told('/completions', $request, { %completions, %$as_completions }, "Chat Completions: $what");
}

like told('/responses', { @hi, temperature => 0.1 })->{raw}, qr/"temperature":0\.1[,}]/, 'a number stays as it was written, more or less';
is told('/responses/other', {@hi})->{body}{model}, 'vendor/model-2.5:free', 'ChatModelDefault';
is told('/responses/other', { @hi, model => 'gpt-4.1' })->{body}{model}, 'gpt-4.1', '... is only the default';
is told('/responses/other', { @hi, model => '' })->{body}{model}, 'vendor/model-2.5:free', '... also where the client names an empty one';
for my $path (qw(/stored /stored-completions)) {
    is told($path, {@hi})->{body}{store}, $TRUE, "$path: ChatProviderStore on is said";
}

# The greatest talk there may be.
my @long = map { { role => $_ % 2 ? 'assistant' : 'user', content => "\x{20ac}" x 1333 } } 0 .. 29;
my $long = told('/completions', { messages => \@long });
is_deeply $long->{body}{messages}, \@long, 'thirty messages of 1333 characters arrive';

# curl would ask "100 Continue" for more than a MiB, and wait for it.
my %huge = (type => 'json_schema', schema => { description => 'x' x (1024 * 1024) });
my $huge = told('/huge', { @hi, responseFormat => \%huge });
is length $huge->{body}{text}{format}{schema}{description}, 1024 * 1024, 'so does a schema of a MiB';
is $huge->{headers}{expect}, undef, '... without an Expect';

# ---- the request's head ----

is told('/responses', {@hi})->{method}, 'POST', 'it is a POST';
is told('/responses',   {@hi})->{path}, '/v1/responses',        '... to /responses of the base';
is told('/completions', {@hi})->{path}, '/v1/chat/completions', '... or to /chat/completions';
is told('/keyless',     {@hi})->{path}, '/v1/;n=1/responses',   '... and the base keeps its path parameters';

my @private = (
    Cookie                => 'better-auth.session_token=client-secret-1; a=b',
    Authorization         => 'Bearer client-secret-2',
    'Proxy-Authorization' => 'Basic client-secret-3',
    'X-Api-Key'           => 'client-secret-4',
    'OpenAI-Organization' => 'org-of-the-client',
    'OpenAI-Project'      => 'proj_of_the_client',
    'OpenAI-Beta'         => 'assistants=v2',
    'User-Agent'          => 'Client/1.0',
    Referer               => 'http://client.example/secret',
    'X-Forwarded-For'     => '192.0.2.1',
    Forwarded             => 'for=192.0.2.1',
    'Accept'              => 'application/json',
    'Accept-Language'     => 'de',
    'Accept-Encoding'     => 'gzip, br',
    'Traceparent'         => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'Idempotency-Key'     => 'client-secret-5',
    'X-Request-ID'        => 'from-the-client.7',
    'X-Client-Request-Id' => 'client-secret-6',
    TE                    => 'trailers',
);
for my $path (qw(/responses /completions)) {
    my $last = told($path, {@hi}, headers => \@private);
    my %seen = $last->{headers}->%*;
    my $length = length $last->{raw};
    is_deeply \%seen, {
        'host'                => '127.0.0.1:' . $up->port,
        'authorization'       => 'Bearer ' . $t->canary_key,
        'content-type'        => 'application/json',
        'accept'              => 'text/event-stream',
        'accept-encoding'     => 'identity',
        'user-agent'          => 'mod_chat/0.1.0',
        'x-request-id'        => 'from-the-client.7',
        'x-client-request-id' => 'from-the-client.7',
        'content-length'      => $length,
    }, "$path: of the client's header only the request's id goes on, with our key" or diag explain \%seen;
    is $last->{res}{headers}{'x-request-id'}, 'from-the-client.7', '... and comes back';
    unlike $last->{raw}, qr/client-secret|192\.0\.2/, '... nothing of it is in the body';
}

my $made = told('/responses', {@hi});
like $made->{headers}{'x-request-id'}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    'without an id of the client one is made';
is $made->{headers}{'x-request-id'}, $made->{res}{headers}{'x-request-id'}, '... the same for both sides';
my $refused = told('/responses', {@hi}, headers => [ 'X-Request-ID' => 'no good; an id' ]);
is $refused->{headers}{'x-request-id'}, $refused->{res}{headers}{'x-request-id'}, 'an unfit one of the client';
like $refused->{headers}{'x-request-id'}, qr/^[0-9a-f-]{36}$/, '... is replaced';

ok !exists told('/keyless', {@hi})->{headers}{authorization}, 'no key, no Authorization';
is told('/file', {@hi})->{headers}{authorization}, 'Bearer ' . $t->canary_key, 'a key from a file';

# ---- the answer's head: ours, and nothing of theirs ----

for my $path (qw(/responses /completions)) {
    my $res = told($path, {@hi})->{res};
    is_deeply [ sort keys $res->{headers}->%* ],
        [ qw(cache-control connection content-type date server transfer-encoding x-accel-buffering x-chat-model x-request-id) ],
        "$path: no header of the upstream reaches the client";
    is $res->{headers}{'content-type'}, 'text/event-stream; charset=utf-8', '... an event stream';
    is $res->{headers}{'cache-control'}, 'no-store, no-transform', '... that nobody keeps or changes';
    is $res->{headers}{'x-accel-buffering'}, 'no', '... or buffers';
}
my $alive = $t->sse('/responses', {@hi}, keep => 1);
is $alive->{headers}{connection}, 'keep-alive', 'a client of HTTP/1.1 is told that the connection stays';
is_deeply [ grep { /openai|cookie|ratelimit|cf-/ } keys $alive->{headers}->%* ], [], '... and not what the upstream said';
my $again = $t->sse('/responses', {@hi}, conn => $alive->{conn});
ok $again->{clean}, '... which it does';
$again->{conn}->close;

$t->stop;
$up->stop;
done_testing;
