# SPDX-License-Identifier: Apache-2.0
#
# The route completions as OpenAI's own client sees it, with nothing but another
# base URL: every provider behind one location, told apart by the model.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::OpenAI;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;

# model => [ type, where, what else stands in the section ]
my %is = (
    'gpt-responses'  => [ 'openai',     "$bare/responses/v1" ],
    'gpt-chunks'     => [ 'openai',     "$bare/chunks/v1", 'ChatProviderAPI chat-completions' ],
    'claude'         => [ 'anthropic',  "$bare/anthropic/v1" ],
    'gemini'         => [ 'gemini',     "$bare/gemini/v1beta" ],
    'vendor/routed'  => [ 'openrouter', "$bare/openrouter/v1;as=openrouter;comments=1" ],
    'deepseek-chat'  => [ 'deepseek',   "$bare/deepseek/v1;as=deepseek;comments=1" ],
    'mistral-large'  => [ 'mistral',    "$bare/mistral/v1;ask=0" ],
    'local:8b'       => [ 'compatible', "$bare/compatible/v1;as=vllm" ],
);
my @models = sort keys %is;

my $conf = <<'END';
MaxKeepAliveRequests 0
AllowEncodedSlashes On
<Location />
    SetHandler chat
    ChatAuth guest
</Location>
END
for my $model (@models) {
    my ($type, $url, $line) = $is{$model}->@*;
    my $name = $model =~ s/\W+/-/gr;
    $conf .= join "\n", "<ChatProvider $name>", "ChatProviderType $type", "ChatProviderURL $url", 'ChatProviderKey env:CHAT_CANARY_KEY',
        'ChatProviderBreaker off', $line // (), '</ChatProvider>', "ChatModel $model $name upstream=mock-1 price-in=1 price-out=2", '';
}
$conf .= <<'END';
<Location /v1/chat/completions>
    ChatRoute completions
</Location>
<Location /v1/models>
    ChatRoute models
</Location>
<Location /closed/chat/completions>
    ChatRoute completions
    ChatAuth none
</Location>
<Location /limited/chat/completions>
    ChatRoute completions
    ChatLimit once 1/1h ip
</Location>
<Location /few/chat/completions>
    ChatRoute completions
    ChatModelAllow claude
</Location>
END
my $t = ChatTest->new(conf => $conf)->start;
my $sdk = ChatTest::OpenAI->new(base => $t->url('/v1'));
my $seed = 1;

sub job ($model, $script, %params) {
    my %more = (delete $params{more} // {})->%*;
    return { api => 'completions', %more, params => { model => $model, messages => [ { role => 'user', content => "mock($script)" } ], %params } };
}

# The text that the mock has for a script, as it says it by itself.
sub text_of ($script) {
    my $conn = ChatTest::Client->new(port => $up->port, timeout => 10);
    $conn->request(POST => '/v1/chat/completions', headers => [ Connection => 'close' ],
        body => $JSON->encode({ messages => [ { role => 'user', content => "mock($script)" } ] }));
    return $conn->response->{json}{choices}[0]{message}{content};
}

# ---- text and usage ----

my @usage = (stream_options => { include_usage => $TRUE });
for my $model (@models) {
    my $script = 'seed=' . $seed++ . ';n=9;size=50;utf8=1;reason=2';
    my $text = text_of($script);
    my ($stream, $silent, $whole, $helper) = $sdk->run(job($model, $script, @usage), job($model, $script),
        job($model, $script, stream => $FALSE), job($model, $script, @usage, more => { how => 'helper' }));
    is_deeply [ map { $_->{error} // () } $stream, $silent, $whole, $helper ], [], "$model: the SDK is content with what it gets";
    ok $_->{finished}, '... the answer ends' for $stream, $whole, $helper;
    is $_->{text}, $text, '... with the provider\'s text' for $stream, $silent, $whole, $helper;
    my %counts = (prompt_tokens => 10 + $seed - 1, completion_tokens => 11, total_tokens => 20 + $seed,
        prompt_tokens_details => { cached_tokens => 3 });
    for my $res ($stream, $whole, $helper) {
        is_deeply { map { $_ => $res->{usage}{$_} } keys %counts }, \%counts, '... and its counts';
    }
    is $silent->{usage}, undef, '... which are not in a stream that nobody asked for them';
    is_deeply [ map { $_->{choices}->@* ? () : $_->{usage}{total_tokens} } $stream->{events}->@* ], [ 20 + $seed ], '... but in a chunk of their own, once';
    is_deeply [ map { $_->{model} } $whole->{whole}, $helper->{whole}, $stream->{events}[0] ], [ ($model) x 3 ], '... under the name that clients know';
    is_deeply [ map { $_->{choices}[0]{finish_reason} } $whole->{whole}, $helper->{whole} ], [qw(stop stop)], '... and why it ended';
    my %ids = map { $_->{id} => 1 } $stream->{events}->@*;
    is scalar keys %ids, 1, '... all chunks have one id';
    is $stream->{headers}{'x-chat-model'}, $model, '... and a header has the model';
}
my $paths = $up->stats->{paths};
for my $model (@models) {
    my ($path) = $is{$model}[1] =~ m{^\Q$bare\E(/\w+)};
    ok +(grep { m{^\Q$path\E/} } keys %$paths), "$model was asked for at its own provider";
}

# ---- tools ----

my @tools = map { { type => 'function', function => $_ } } (
    { name => 'weather', description => 'the weather', parameters => { type => 'object', properties => { q => { type => 'string' } } } },
    { name => 'clock',   description => 'the time',    parameters => { type => 'object', properties => { n => { type => 'integer' } } } },
);
my %gives = (weather => { rain => $FALSE }, clock => '12:00');

for my $model (@models) {
    my $script = 'seed=' . $seed++ . ';tools=2;pieces=4;utf8=1;size=40';
    my $text = text_of($script =~ s/;tools=2//r);
    my @is = (tools => \@tools);
    my ($streamed, $whole, $calls, $forced) = $sdk->run(
        job($model, $script, @is, stream => $TRUE, more => { how => 'tools', gives => \%gives }),
        job($model, $script, @is, more => { how => 'tools', gives => \%gives }),
        job($model, $script, @is, stream => $FALSE),
        job($model, $script =~ s/tools=2/tools=1/r, @is, stream => $FALSE, tool_choice => { type => 'function', function => { name => 'weather' } }));
    is_deeply [ map { $_->{error} // () } $streamed, $whole, $calls, $forced ], [], "$model: the SDK can use tools";
    for my $res ($streamed, $whole) {
        is_deeply [ map { [ $_->{name}, $_->{arguments}{n} ] } $res->{calls}->@* ], [ [ weather => 0 ], [ clock => 1 ] ], '... both at once are called';
        is $res->{text}, $text, '... what they gave makes it answer';
        is_deeply [ map { $_->{role} } $res->{messages}->@* ], [qw(user assistant tool tool assistant)], '... in a conversation as OpenAI has it';
    }
    is_deeply $streamed->{calls}, $whole->{calls}, '... with the same arguments, streamed or whole';
    my $choice = $calls->{whole}{choices}[0];
    my %ids = map { $_->{id} => 1 } $choice->{message}{tool_calls}->@*;
    is scalar keys %ids, 2, '... each call has an id';
    is "$choice->{finish_reason} " . ($choice->{message}{content} // 'null'), 'tool_calls null', '... and there is no text beside them';
    is $forced->{whole}{choices}[0]{message}{tool_calls}[0]{function}{name}, 'weather', '... one may be demanded';
}

# ---- JSON ----

my %schema = (type => 'object', properties => { answer => { type => 'array', items => { type => 'string' } } },
    required => ['answer'], additionalProperties => $FALSE);

sub format_of (%o) {
    return (response_format => { type => 'json_schema', json_schema => { name => 'answer', schema => \%schema, %o } });
}

for my $model (@models) {
    my $script = 'seed=' . $seed++ . ';n=3;json=1;utf8=1;size=40';
    my $want = JSON::PP->new->decode(text_of($script));
    my @strict = $model =~ /deepseek/ ? () : (strict => $TRUE);
    my ($parsed, $streamed, $any) = $sdk->run(job($model, $script, format_of(@strict), more => { how => 'parse' }),
        job($model, $script, format_of(@strict), more => { how => 'helper' }), job($model, $script, response_format => { type => 'json_object' }));
    is_deeply [ map { $_->{error} // () } $parsed, $streamed, $any ], [], "$model: the SDK gets JSON";
    is_deeply $parsed->{parsed}, $want, '... which its parse() reads';
    is_deeply $streamed->{parsed}, $want, '... also from a stream';
    is_deeply eval { JSON::PP->new->decode($any->{text}) }, $want, '... and without a schema';
}

# ---- pictures ----

my $png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ';
for my $model (@models) {
    my $script = 'mock(seed=' . $seed++ . ')';
    my @content = ({ type => 'text', text => "What is it? $script" }, { type => 'image_url', image_url => { url => "data:image/png;base64,$png" } });
    my ($res) = $sdk->run(job($model, '', messages => [ { role => 'developer', content => 'Be brief.' }, { role => 'user', content => \@content } ]));
    ok $res->{finished}, "$model: a picture is looked at" or diag explain $res;
    like $up->last->{body}, qr/"[^"]*\Q$png\E"/, '... which the provider has got';
    like $up->last->{body}, qr/image.png/, '... with its type';
}

# ---- errors, as the SDK's own classes ----

sub error_is ($res, $want, $name) {
    my $e = $res->{error} // {};
    is join(' ', map { $e->{$_} // '-' } qw(name status code param)), $want, $name or diag explain $res;
    return $e;
}

my @hi = ('claude', 'seed=1');
my %none = (more => { base => $t->url('/closed') });
my @bad = (
    [ job(@hi, temperature => 3), 'BadRequestError 400 decimal_above_max_value temperature', 'a number that is too large' ],
    [ job(@hi, n => 2),           'BadRequestError 400 unsupported n',                      'what nobody could honour' ],
    [ job(@hi, messages => []),   'BadRequestError 400 empty_array messages',               'no messages' ],
    [ job(@hi, messages => [ { role => 'tool', content => 'x', tool_call_id => 'y' } ]),
        'BadRequestError 400 invalid_value messages[0].tool_call_id', 'an answer to no call' ],
    [ job('nobody', 'seed=1'), 'NotFoundError 404 model_not_found model', 'a model that is not there' ],
    [ job('gemini', 'seed=1', more => { base => $t->url('/few') }), 'PermissionDeniedError 403 model_forbidden model', 'a model that is not for you' ],
    [ job(@hi, %none),                  'AuthenticationError 401 invalid_api_key -', 'nobody, streamed' ],
    [ job(@hi, %none, stream => $FALSE), 'AuthenticationError 401 invalid_api_key -', 'nobody' ],
    [ job('deepseek-chat', 'seed=1', format_of(strict => $TRUE)), 'BadRequestError 400 unsupported -', 'what this provider cannot promise' ],
);
my $asked = $up->stats->{requests};
my @said = $sdk->run(map { $_->[0] } @bad);
error_is($said[$_], $bad[$_][1], "$bad[$_][2] is a $bad[$_][1]") for 0 .. $#bad;
is $up->stats->{requests}, $asked, '... and no provider was asked';

my ($first) = $sdk->run(job(@hi, more => { base => $t->url('/limited') }));
is $first->{error}, undef, 'one request is within the limit';
my ($second) = $sdk->run(job(@hi, more => { base => $t->url('/limited') }));
error_is($second, 'RateLimitError 429 rate_limit_exceeded -', '... the next one is a RateLimitError');
like $second->{headers}{'retry-after'}, qr/^\d+$/, '... which says when to come again';

for my $model (@models) {
    my @cases = (
        [ 'status=400', 'BadRequestError 400 upstream_rejected -' ],       [ 'status=401', 'InternalServerError 502 upstream_auth -' ],
        [ 'status=429;retry=7', 'RateLimitError 429 rate_limit_exceeded -' ], [ 'status=500', 'InternalServerError 502 upstream_error -' ],
        [ 'status=529;retry=7', 'InternalServerError 503 upstream_overloaded -' ],
    );
    my @jobs = map { my $script = 'seed=' . $seed++ . ";$_->[0]"; (job($model, $script), job($model, $script, stream => $FALSE)) } @cases;
    my @got = $sdk->run(@jobs);
    for my $i (0 .. $#got) {
        my ($script, $want) = $cases[ $i / 2 ]->@*;
        my $e = error_is($got[$i], $want, "$model, $script: " . ($i % 2 ? 'whole' : 'streamed'));
        unlike $e->{message}, qr/org-|mocked|sk-/, '... without the provider\'s own words';
    }

    my ($error, $cut, $failed, $broken) = $sdk->run((map { job($model, 'seed=' . $seed++ . ";n=12;after=8;fault=$_") } qw(error-nested close)),
        map { job($model, 'seed=' . $seed++ . ";n=12;after=8;fault=$_", stream => $FALSE) } qw(error-nested close));
    # What the provider's word would have been as a status, and its code where it has one.
    my ($code, $status) = $model =~ /claude|gemini/ ? ('upstream_overloaded', 503) : ('server_error', 502);
    $code = 'upstream_error' if $model =~ /routed/;
    for my $case ([ $error, $code ], [ $cut, 'upstream_truncated' ]) {
        my ($res, $code) = @$case;
        error_is($res, "APIError - $code -", "$model: $code in mid-stream is thrown");
        like $res->{text}, qr/^s\d+d0 /, '... after the text that came before it';
        ok !$res->{finished}, '... and nothing is whole';
    }
    error_is($failed, "InternalServerError $status $code -", '... without a stream it is a status');
    error_is($broken, 'InternalServerError 502 upstream_truncated -', '... as is one that breaks off');
}

for my $model (@models) {
    my @cut = map { job($model, 'seed=' . $seed++ . ";json=1;finish=$_", format_of(), more => { how => 'parse' }) } qw(length filter);
    my ($long, $filtered) = $sdk->run(@cut);
    is $long->{error}{name}, 'LengthFinishReasonError', "$model: JSON that was cut off is not parsed";
    is $filtered->{error}{name}, 'ContentFilterFinishReasonError', '... nor what was filtered';
}

my ($again) = $sdk->run(job('claude', 'seed=' . $seed++ . ';status=429;retry=0;times=1', more => { retries => 2 }));
is "$again->{requests} " . ($again->{error} ? 'failed' : 'well'), '2 well', 'the SDK tries again by itself what it may';

# ---- leaving ----

my %left = map { my $is = $seed++; ($is => job($_, "seed=$is;n=1000;pace=20", more => { abort => 3 })) } @models;
$sdk->run(map { $left{$_} } sort keys %left);
for my $is (sort keys %left) {
    wait_for("the upstream of $left{$is}{params}{model} to be told", sub {
        grep { $_->{seed} == $is && $_->{events} < 200 } $up->stats->{closed_by_peer}->@*;
    });
}
pass 'abort() closes the call to every provider';
$sdk->stop;

# ---- models ----

my $said = qx{node $ChatTest::OpenAI::DIR/openai/models.mjs ${\$t->url('/v1')} claude vendor/routed nobody};
is $?, 0, 'models are served at the same base';
my $listed = $JSON->decode($said);
is join(' ', sort map { $_->{id} } $listed->{list}->@*), "@models", 'models.list() has all of them';
is $listed->{one}{$_}{id}, $_, "models.retrieve('$_')" for 'claude', 'vendor/routed';
is join(' ', map { $listed->{one}{nobody}{$_} } qw(kind status code)), 'NotFoundError 404 model_not_found', '... and no other';

$t->allow_log(qr/CHAT0902: /);
$t->stop;
$up->stop;
done_testing;
