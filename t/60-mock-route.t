# SPDX-License-Identifier: Apache-2.0
#
# The mock route is an OpenAI API to the official SDK: both APIs, streams and
# whole answers, tools, JSON, errors, at the pace and the length that ChatMock
# says, and without a worker for a stream. Providers that point to it need no
# key.
use v5.36;
use utf8;
use Test::More;
use FindBin;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::OpenAI;

sub now () { return clock_gettime(CLOCK_MONOTONIC) }

my $t = ChatTest->new(modules => ['status'], mpm => 'event', mpm_conf => <<'E1', conf => <<'E2')->start;
StartServers 1
ServerLimit 1
ThreadLimit 8
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
AsyncRequestWorkerFactor 100
E1
MaxKeepAliveRequests 0
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=0 words=7
</Location>
<Location /mock/paced>
    ChatMock pace=50ms words=10
</Location>
<Location /mock/slow>
    ChatMock pace=100ms words=20
</Location>
<Location /mock/long>
    ChatMock pace=0 words=2000
</Location>
<Location /default>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=1ms
</Location>
<Location /mock/small>
    ChatRequestBody 1K
</Location>
# As "make run" has it: the whole way, over real HTTP.
<ChatProvider openai>
    ChatProviderURL http://127.0.0.1:%%PORT%%/mock
</ChatProvider>
<ChatProvider chunks>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL http://127.0.0.1:%%PORT%%/mock
</ChatProvider>
<ChatProvider local>
    ChatProviderType compatible
    ChatProviderURL http://127.0.0.1:%%PORT%%/mock
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatAuth guest
</Location>
<LocationMatch "^/v1/[a-z]+/(?!message|stream)">
    SetHandler chat
    ChatRoute completions
    ChatAuth guest
    ChatModelDefault any-model
</LocationMatch>
<LocationMatch "^/v1/[a-z]+/(message|stream)$">
    SetHandler chat
    ChatAuth guest
    ChatModelDefault any-model
</LocationMatch>
<LocationMatch "^/v1/[a-z]+/message$">
    ChatRoute message
</LocationMatch>
<LocationMatch "^/v1/[a-z]+/stream$">
    ChatRoute stream
</LocationMatch>
<Location /v1/openai>
    ChatUse openai
</Location>
<Location /v1/chunks>
    ChatUse chunks
</Location>
<Location /v1/local>
    ChatUse local
</Location>
E2
# Eight threads are few beside other tests.
$t->allow_log(qr/AH00484: server reached MaxRequestWorkers/);

my $sdk = ChatTest::OpenAI->new(base => $t->url('/mock'));
my $usage = { stream_options => { include_usage => JSON::PP::true } };
my %said = (
    responses   => { model => 'any-model', input => 'Hello there' },
    completions => { model => 'any-model', messages => [ { role => 'user', content => 'Hello there' } ] },
);

sub job ($api, $base = '', %params) {
    my $how = delete $params{how};
    return {
        api => $api, ($how ? (how => $how) : ()), base => $t->url("/mock$base"),
        params => { $said{$api}->%*, %params },
    };
}

# ---- both APIs, four ways each ----

my $false = JSON::PP::false;
my ($r, $r_sum, $r_whole, $c, $c_bare, $c_sum, $c_whole) = $sdk->run(
    job('responses'), job('responses', '', how => 'helper'), job('responses', '', stream => $false),
    job('completions', '', %$usage), job('completions'), job('completions', '', how => 'helper', %$usage),
    job('completions', '', stream => $false));

is_deeply [ grep { $_->{error} } $r, $r_sum, $r_whole, $c, $c_bare, $c_sum, $c_whole ], [], 'the SDK is content with every answer';
is_deeply [ map { $_->{type} } $r->{events}->@* ], [
    qw(response.created response.in_progress response.output_item.added response.content_part.added),
    ('response.output_text.delta') x 7,
    qw(response.output_text.done response.content_part.done response.output_item.done response.completed),
], "Responses: the events of a text, one delta for each word";
is_deeply [ map { $_->{sequence_number} } $r->{events}->@* ], [ 0 .. 14 ], '... numbered';
my $text = $r->{text};
my @words = split / /, $text;
is @words, 7, '... that say seven words';
is $text, 'You said “Hello there”. That is all.', '... the question among them';
is $r_sum->{text}, $text, "the SDK's own sum has the same text";
is $r_whole->{whole}{output_text}, $text, '... and so has the answer that is no stream';
is $_->{whole}{status}, 'completed', '... completed' for $r_sum, $r_whole;
is_deeply $r_whole->{whole}{usage}, $r->{usage}, '... with the same usage';
is "$r->{usage}{input_tokens} $r->{usage}{output_tokens} $r->{usage}{total_tokens}", '3 7 10', '... which fits what was said';
is $r->{events}[-1]{response}{model}, 'any-model', '... by the model that was asked for';
is $r->{headers}{'content-type'}, 'text/event-stream; charset=utf-8', '... as an event stream';
is $r_whole->{headers}{'content-type'}, 'application/json; charset=utf-8', '... or as JSON';

is $_->{text}, $text, 'Chat Completions: the same words' for $c, $c_bare, $c_sum;
is $c_whole->{whole}{choices}[0]{message}{content}, $text, '... also as no stream';
is $c->{events}[-1]{choices}->@*, 0, '... the last chunk is about the usage, when asked for';
is "$c->{usage}{prompt_tokens} $c->{usage}{completion_tokens} $c->{usage}{total_tokens}", '3 7 10', '... and has it';
is $c_bare->{usage}, undef, '... else there is none';
is $c_bare->{events}->@*, $c->{events}->@* - 1, '... and no such chunk';
is_deeply $c_whole->{whole}{usage}, $c->{usage}, '... but in a whole answer';
is $c_sum->{whole}{choices}[0]{finish_reason}, 'stop', '... which ends by itself';
like $t->sse('/mock/chat/completions', { $said{completions}->%*, stream => JSON::PP::true })->{body},
    qr/data: \[DONE\]\n\n\z/, '... and the stream with [DONE]';

# ---- tools and JSON ----

my %schema = (type => 'object', properties => { city => { type => 'string' }, days => { type => 'integer', minimum => 3 } });
my %clock = (name => 'clock', parameters => { type => 'object' });
my %weather = (name => 'weather', description => 'Of a city.', parameters => \%schema);
my %tools = (
    responses   => [ map { { type => 'function', strict => $false, %$_ } } \%clock, \%weather ],
    completions => [ map { { type => 'function', function => $_ } } \%clock, \%weather ],
);
my %json = (
    responses   => { text => { format => { type => 'json_schema', name => 'x', schema => \%schema } } },
    completions => { response_format => { type => 'json_schema', json_schema => { name => 'x', schema => \%schema } } },
);

# The calls in an answer, [name, arguments] each.
sub calls_of ($whole) {
    return map { [ $_->{name}, $_->{arguments} ] } $whole->{choices}
        ? map { $_->{function} } @{ $whole->{choices}[0]{message}{tool_calls} // [] }
        : grep { $_->{type} eq 'function_call' } $whole->{output}->@*;
}

for my $api (qw(responses completions)) {
    my %with = (tools => $tools{$api});
    my $message = $said{$api}{messages} ? 'messages' : 'input';
    my %asks = (%with, $message => [ { role => 'user', content => 'What does weather say?' } ]);
    my ($streamed, $whole, $required, $quiet, $none, $json, $jsons) = $sdk->run(
        job($api, '', how => 'helper', %asks), job($api, '', stream => $false, %asks),
        job($api, '', stream => $false, %with, tool_choice => 'required'), job($api, '', stream => $false, %with),
        job($api, '', stream => $false, %asks, tool_choice => 'none'), job($api, '', stream => $false, $json{$api}->%*),
        job($api, '', how => 'helper', $json{$api}->%*));
    is_deeply [ map { $_->{error} // () } $streamed, $whole, $required, $quiet, $none, $json, $jsons ], [], "$api: tools and schemas are understood";
    my $call = [ weather => '{"city":"mock","days":3}' ];
    is_deeply [ map { [ calls_of($_->{whole}) ] } $streamed, $whole ], [ [$call], [$call] ], '... a tool that is spoken of is called, streamed or whole';
    is_deeply [ calls_of($required->{whole}) ], [ [ clock => '{}' ] ], '... any, where one is required';
    is_deeply [ map { calls_of($_->{whole}) } $quiet, $none ], [], '... none where nobody speaks of one, or none may be called';
    is $_->{text}, '{"city":"mock","days":3}', '... JSON is said where it is asked for' for $json, $jsons;
}

# ---- what users may ask to be shown ----

my $try = sub { map { my $what = $_; map { job($_, q{}, ($said{$_}{messages} ? 'messages' : 'input') => [ { role => 'user', content => "try: $what" } ]) } qw(responses completions) }
    qw(markdown think tool) };
my ($md, $md_c, $think, $think_c, $tool, $tool_c) = $sdk->run($try->());
is_deeply [ map { $_->{error} // () } $md, $md_c, $think, $think_c, $tool, $tool_c ], [], 'the SDK is content with all that';
like $_->{text}, qr/\A# What.*^\| small.*^```python\n.*^\$\$\n.*Привіт/ms, 'try: markdown' for $md, $md_c;
is $_->{text}, "Begin with the **small** model. If its answer does not hold, ask the large one.\n", 'try: think' for $think, $think_c;
like join('', map { $_->{delta} } grep { $_->{type} eq 'response.reasoning_summary_text.delta' } $think->{events}->@*), qr/^The question.*says\.\z/, '... aloud';
like join('', map { $_->{choices}[0]{delta}{reasoning_content} // '' } $think_c->{events}->@*), qr/^The question.*says\.\z/, '... likewise';
my @refused = map { $t->post_json('/mock/responses', { model => 'm', input => "try: $_" }) } qw(fail limit);
is_deeply [ map { "$_->{status} $_->{json}{error}{code}" } @refused ], [ '500 server_error', '429 rate_limit_exceeded' ], 'try: fail, try: limit';
is $refused[1]{headers}{'retry-after'}, '20', '... with the seconds to wait';

# ---- ChatMock ----

my ($default, $long) = $sdk->run({ job('responses')->%*, base => $t->url('/default') }, job('completions', '/long'));
is scalar(split / /, $default->{text}), 40, '40 words when nothing else is written';
is scalar(split / /, $long->{text}), 2000, '... or two thousand';
like $long->{text}, qr/^You said “Hello there”\. I am a mock\..*\.\z/, '... beginning alike, and ending with a sentence';

my $paced = $t->sse('/mock/paced/responses', { $said{responses}->%*, stream => JSON::PP::true });
my @at = map { $_->{at} } grep { $_->{event} eq 'response.output_text.delta' } $paced->{events}->@*;
is @at, 10, 'ten words, 50 ms apart';
my @gaps = map { $at[$_] - $at[ $_ - 1 ] } 1 .. 9;
cmp_ok((sort { $a <=> $b } @gaps)[4], '>=', 0.045, '... each for itself, not earlier');
cmp_ok $at[-1] - $at[0], '<', scaled(0.45 + 0.4), '... nor much later';
cmp_ok $at[0] - $paced->{sent_at}, '<', scaled(0.4), '... the first at once';

# ---- what OpenAI would refuse ----

for my $case (
    [ { input => 'hi' }, undef, 'missing_required_parameter', qr/model/ ],
    [ { model => 'm' }, undef, 'missing_required_parameter', qr/input/ ],
    [ { model => 'm', input => [] }, undef, 'invalid_type', qr/input/ ],
    [ { model => 'm' }, 'completions', 'missing_required_parameter', qr/messages/ ],
    [ { model => 'm', messages => 'hi' }, 'completions', 'invalid_type', qr/messages/ ],
) {
    my ($params, $api, $code, $about) = @$case;
    my $res = $sdk->run({ api => $api // 'responses', params => $params });
    is "$res->{error}{name} $res->{error}{status} $res->{error}{code} $res->{error}{type}",
        "BadRequestError 400 $code invalid_request_error", "the SDK's BadRequestError: $code";
    like $res->{error}{message}, $about, '... says what about';
}
my $res = $t->post_json('/mock/responses', '{"model":');
is_deeply [ sort keys $res->{json}{error}->%* ], [qw(code message param type)], 'what is not JSON is refused in the same shape';
is "$res->{status} $res->{json}{error}{code}", '400 invalid_json', '... as such';
$res = $t->get('/mock/responses');
is "$res->{status} $res->{headers}{allow} $res->{json}{error}{code}", '405 POST method_not_allowed', 'a GET, too';
$res = $t->request(POST => '/mock/responses', body => 'x', headers => { 'Content-Type' => 'text/plain' });
is "$res->{status} $res->{json}{error}{code}", '415 unsupported_media_type', '... and plain text';
$res = $t->post_json('/mock/small/responses', { model => 'm', input => 'x' x 2000 });
is "$res->{status} $res->{json}{error}{code}", '413 payload_too_large', '... and what is too long';
is $t->post_json('/mock/embeddings', {})->{status}, 404, 'what it does not imitate is not found';

# ---- the whole way ----

my $body = { messages => [ { role => 'user', content => 'Hello there' } ] };
$res = $t->sse('/chat', $body, headers => [ 'X-Request-ID' => 'the-whole-way' ]);
is join('', map { $_->{json}{delta} // '' } map { { json => JSON::PP::decode_json($_->{data}) } } $res->{events}->@*), $text,
    'mod_chat in front of its own mock';
ok $res->{clean}, '... ends cleanly';
is scalar(() = $t->access_log =~ / id=the-whole-way .*outcome=complete/g), 2, '... under one id, on both ways';

for my $name (qw(openai chunks local)) {
    my $api = ChatTest::OpenAI->new(base => $t->url("/v1/$name"));
    my @user = (messages => [ { role => 'user', content => 'Hello there' } ]);
    my %ask = (model => 'any-model', @user);
    my ($c, $whole, $json, $round) = $api->run(
        { api => 'completions', params => { %ask, %$usage } }, { api => 'completions', params => { %ask, stream => $false } },
        { api => 'completions', how => 'parse', params => { %ask, $json{completions}->%* } },
        { api => 'completions', how => 'tools', gives => { weather => { rain => $false } }, params => {
            %ask, stream => JSON::PP::true, tools => $tools{completions}, messages => [ { role => 'user', content => 'weather?' } ] } });
    $api->stop;
    is_deeply [ map { $_->{error} // () } $c, $whole, $json, $round ], [], "$name, without a key: OpenAI's SDK is content";
    is_deeply [ $c->{text}, $whole->{text}, $c->{usage}{completion_tokens} ], [ $text, $text, 7 ], '... with the text, streamed or whole';
    is_deeply $json->{parsed}, { city => 'mock', days => 3 }, '... with an object by its schema';
    is_deeply [ $round->{calls}, $round->{text} ],
        [ [ { name => 'weather', arguments => { city => 'mock', days => 3 } } ], 'You said “weather?”. I am a mock.' ],
        '... and with a tool, there and back';
    my $said = $t->sse("/v1/$name/message", { message => 'Hello there' });
    is join('', map { JSON::PP::decode_json($_->{data})->{chunk} // '' } $said->{events}->@*), $text, '... so is whoever reads the route message';
    $said = $t->sse("/v1/$name/stream", {@user});
    is join('', map { $_->{event} eq 'text' ? JSON::PP::decode_json($_->{data})->{text} : '' } $said->{events}->@*), $text, '... or stream';
}

# ---- no worker for a stream ----

SKIP: {
    skip 'without parking each stream holds a worker', 5 if ($ENV{CHAT_VARIANT} // '') eq 'nopark';
    my $n = fewer(200);
    my $json = JSON::PP::encode_json({ $said{responses}->%*, stream => JSON::PP::true });
    my @open = map { $t->connect } 1 .. $n;
    my $started = now();
    $_->request(POST => '/mock/slow/responses', body => $json,
        headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]) for @open;
    my $busy = 99;
    wait_for("$n streams to be open at once", sub {
        my $page = $t->get('/server-status?auto')->{body};
        ($busy) = $page =~ /^BusyWorkers: (\d+)/m;
        return $page =~ /^ChatParked: $n$/m;
    });
    cmp_ok $busy, '<=', 4, "... of eight workers $busy are busy, with status pages";
    my @res = map { $_->response } @open;
    my $took = now() - $started;
    is scalar(grep { $_->{clean} && $_->{status} == 200 && $_->{events}->@* == 28 } @res), $n, 'all end well';
    # Eight at a time would take 50 s.
    cmp_ok $took, '<', scaled(25), sprintf '... together (%.1f s)', $took;
    my ($busiest) = sort { $b <=> $a } map { $t->proc_status($_)->{Threads} } $t->children;
    cmp_ok $busiest, '<=', 8 + 1 + 8, "... the child has $busiest threads";
    ok wait_for('no stream to be left', sub { $t->get('/server-status?auto')->{body} =~ /^ChatLive: 0$/m }),
        '... and no stream is left';
    $_->close for @open;
}

$sdk->stop;
$t->stop;
done_testing;
