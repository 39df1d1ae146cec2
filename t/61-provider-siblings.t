# SPDX-License-Identifier: Apache-2.0
#
# Anthropic, Gemini, OpenRouter, DeepSeek and Azure through Apache: what each
# is told, that its own bytes come back, that its own SDK decodes them as from
# the provider itself, and that its end, its errors and its refusals are
# understood.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok);
use ChatTest::OpenAI;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $JSON = JSON::PP->new->canonical;
my $TRUE = JSON::PP::true;
my $QUIET = scaled(2) . 's';

# The providers: base, where the SDK finds it, the path of a call, and what
# else stands in the section. A base that OpenRouter has sends usage unasked.
my $bare = $up->url =~ s{/v1$}{}r;
my %is = (
    anthropic  => { api => 'messages', base => "$bare/v1", sdk => $bare, path => '/v1/messages' },
    gemini     => { api => 'gemini', base => "$bare/v1beta", sdk => $bare,
        path => '/v1beta/models/mock-1:streamGenerateContent?alt=sse' },
    openrouter => { api => 'completions', base => "$bare/api/v1;ask=0;comments=1", path => '/api/v1;ask=0;comments=1/chat/completions' },
    deepseek   => { api => 'completions', base => $bare, path => '/chat/completions' },
    azure      => { api => 'completions', base => "$bare/openai/deployments/x", path => '/openai/deployments/x/chat/completions?api-version=2024-10-21',
        lines => [ 'ChatProviderType compatible', 'ChatProviderAuth api-key', 'ChatProviderVersion 2024-10-21' ] },
    local      => { api => 'completions', base => "$bare/v1", path => '/v1/chat/completions', lines => ['ChatProviderType compatible'], keyless => 1 },
);
$_->{sdk} //= $_->{base} for values %is;
my @all = sort keys %is;

# The routes of the providers that have one need no ChatUse.
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\n</Location>\n",
    (map {
        my $p = $is{$_};
        my $of = $p->{lines} ? "ChatRoute openai\nChatUse $_" : "ChatRoute $_";
        join "\n", "<ChatProvider $_>", "ChatProviderURL $p->{base}", ($p->{keyless} ? () : 'ChatProviderKey env:CHAT_CANARY_KEY'),
            "ChatProviderTimeout idle=$QUIET", ($p->{lines} // [])->@*, '</ChatProvider>',
            "<Location /api/chat-$_>", $of, 'ChatModelDefault mock-1', '</Location>', "<Location /bare/$_>", $of, '</Location>',
            "<Location /cut/$_>", $of, 'ChatModelDefault mock-1', "ChatLimit $_ 10000/1h ip unit=tokens reserve=40 cut=on", '</Location>', '';
    } @all),
    "<ChatProvider next>\nChatProviderType anthropic\nChatProviderURL $bare/v1\nChatProviderKey env:CHAT_CANARY_KEY\n",
    "ChatProviderVersion 2026-10-21\n</ChatProvider>\n<Location /next>\nChatRoute anthropic\nChatUse next\nChatModelDefault m\n</Location>\n",
    "<Location /other>\nChatRoute gemini\nChatUse anthropic\nChatModelDefault m\n</Location>\n")->start;
my $KEY = $t->canary_key;

# ---- what each is told ----

sub told ($path, $request, %o) {
    $up->reset;
    my $res = $t->post_json($path, $request, %o);
    $res->{status} == 200 or die "$path: $res->{status} $res->{body}\n";
    my $last = $up->last;
    return { %$last, raw => $last->{body}, body => $JSON->decode($last->{body}), res => $res };
}

my @talk = (
    { role => 'system',    content => 'be kind' },
    { role => 'user',      content => "a\"b\\c\n\t\x{1f600} \x{e9}\x{2028}</script>" },
    { role => 'assistant', content => 'yes' },
    { role => 'user',      content => 'hi' },
);
my %schema = (type => 'object', properties => { n => { type => 'integer', enum => [ 1, 2.5, undef, $TRUE, "\x{e9}" ] } });
my %full = (
    messages => \@talk, system => 'be brief', model => 'mock-1', temperature => 1.5, maxOutputTokens => 256,
    responseFormat => { type => 'json_schema', schema => \%schema },
);
my @said = @talk[ 1 .. 3 ];
my %chat = (model => 'mock-1', messages => [ { role => 'system', content => 'be brief' }, @talk ], temperature => 1.5,
    response_format => { type => 'json_schema', json_schema => { name => 'response', schema => \%schema } }, stream => $TRUE);
my %usage = (stream_options => { include_usage => $TRUE });

my %told = (
    anthropic => {
        model => 'mock-1', max_tokens => 256, system => "be brief\n\nbe kind", messages => \@said, temperature => 1,
        output_config => { format => { type => 'json_schema', schema => { %schema, additionalProperties => JSON::PP::false } } }, stream => $TRUE,
    },
    gemini => {
        contents => [ map { { role => $_->{role} =~ s/assistant/model/r, parts => [ { text => $_->{content} } ] } } @said ],
        systemInstruction => { parts => [ { text => "be brief\n\nbe kind" } ] },
        generationConfig  => {
            temperature => 1.5, maxOutputTokens => 256, responseMimeType => 'application/json', responseJsonSchema => \%schema,
        },
    },
    openrouter => { %chat, max_tokens => 256 },
    azure      => { %chat, %usage, max_completion_tokens => 256 },
    local      => { %chat, %usage, max_tokens            => 256 },
);

my %key = (anthropic => [ 'x-api-key' => $KEY ], gemini => [ 'x-goog-api-key' => $KEY ], azure => [ 'api-key' => $KEY ], local => []);
my @private = (
    Cookie            => 'better-auth.session_token=client-secret-1', Authorization => 'Bearer client-secret-2',
    'X-Api-Key'       => 'client-secret-3', 'X-Goog-Api-Key' => 'client-secret-4', 'Api-Key' => 'client-secret-5',
    'Anthropic-Beta'  => 'x', 'Anthropic-Version' => '1999-01-01', 'HTTP-Referer' => 'http://client-secret-6', 'X-Title' => 'client-secret-7',
    'X-Forwarded-For' => '192.0.2.1', 'X-Request-ID' => 'from-the-client',
);
for my $name (@all) {
    my $last = told("/api/chat-$name", \%full, headers => \@private);
    if ($told{$name}) {
        is $JSON->encode($last->{body}), $JSON->encode($told{$name}), "$name is told everything in its own words";
    }
    is "$last->{method} $last->{path}", "POST $is{$name}{path}", "$name: at the path it has";
    ok delete $last->{headers}{'content-length'} > 0, '... with a length';
    is_deeply $last->{headers}, {
        ($key{$name} // [ authorization => "Bearer $KEY" ])->@*,
        ($name eq 'anthropic' ? ('anthropic-version' => '2023-06-01') : ()),
        'host'            => '127.0.0.1:' . $up->port,
        'content-type'    => 'application/json',
        'accept'          => 'text/event-stream',
        'accept-encoding' => 'identity',
        'user-agent'      => 'mod_chat/0.1.0',
        'x-request-id'    => 'from-the-client',
    }, '... its own header for our key, and none of the client' or diag explain $last->{headers};
}

my $hint = told('/api/chat-deepseek', \%full)->{body};
is_deeply $hint->{response_format}, { type => 'json_object' }, 'deepseek is asked for JSON';
like $hint->{messages}[0]{content}, qr/^be brief\n\nAnswer with one JSON object .*:\n\{"properties":.*\}$/, '... with the schema in words';
is_deeply [ $hint->{max_tokens}, $hint->{max_completion_tokens} ], [ 256, undef ], '... and the older name for the most tokens';

my $next = told('/next', \%full);
is $next->{headers}{authorization}, "Bearer $KEY", "anthropic's next version takes the key as a Bearer token";
is_deeply [ $next->{headers}->@{qw(x-api-key anthropic-version)} ], [ undef, '2026-10-21' ], '... and says so';
ok !exists $next->{body}{temperature}, '... it knows no temperature';
is told('/other', \%full)->{path}, '/v1/messages', 'ChatUse decides what is spoken, not the name of the route';

# ---- what cannot be asked for ----

my @hi = (messages => [ { role => 'user', content => 'hi' } ]);

sub is_no ($path, $request, $code, $name) {
    my $before = $up->stats->{requests};
    my $res = $t->post_json($path, $request);
    is "$res->{status} $res->{json}{code}", "400 $code", $name;
    is $up->stats->{requests}, $before, '... and nobody is asked';
    return $res;
}

is_no("/bare/$_", {@hi}, 'model_required', "$_ without a model") for @all;
is told("/bare/$_", { @hi, model => 'mock-1' })->{method}, 'POST', "... but with one: $_" for @all;
for my $model ('../secret', 'a:generateContent', 'a?key=1', 'x/y') {
    my $res = is_no('/api/chat-gemini', { @hi, model => $model }, 'unsupported', "a model that would bend gemini's path: $model");
    unlike $res->{json}{message}, qr/\Q$model\E/, '... is not repeated';
}
is_no('/api/chat-anthropic', { messages => [ { role => 'assistant', content => 'x' } ] }, 'unsupported', 'anthropic wants the user first');
is_no('/api/chat-deepseek', { @hi, responseFormat => { type => 'json_schema', schema => {}, strict => $TRUE } }, 'unsupported',
    'deepseek cannot promise a strict schema');

# ---- each provider's own bytes ----

sub told_of ($id) {
    my $line = $t->wait_access(qr/ id=\Q$id\E /);
    my %is = $line =~ / (\w+)=(\S+)/g;
    my ($error) = $t->error_log =~ /\[chat:error\] .*CHAT0902: (id=\Q$id\E .*)/;
    return (\%is, $error // '');
}

my $n = 0;

sub ask ($path, $json) {
    my $id = sprintf 'try-%03d', ++$n;
    my $res = $t->post_json($path, $json, headers => [ 'X-Request-ID' => $id ]);
    return ($res, told_of($id));
}

sub original ($name, %mock) {
    my $conn = ChatTest::Client->new(port => $up->port, timeout => scaled(5));
    my $json = '{"stream":true,"stream_options":{"include_usage":true},"messages":"mock('
        . join(';', map { "$_=$mock{$_}" } sort keys %mock) . ')"}';
    $conn->request(POST => $is{$name}{path}, body => $json, headers => [ Connection => 'close' ]);
    my $res = $conn->response;
    $conn->close;
    return $res;
}

for my $name (@all) {
    my %script = (seed => 12, n => 30, size => 40, utf8 => 1, reason => 3, comments => 1, split => 500);
    my $whole = original($name, %script);
    my ($res, $is) = ask("/api/chat-$name", $t->turn(%script));
    is $res->{body}, $whole->{body}, "$name: its own bytes, unchanged";
    ok $res->{clean}, '... to a clean end';
    is "$is->{provider} $is->{outcome}", "$name complete", '... which is known for one';
    is "$is->{in} $is->{out}", '22 33', '... with its tokens';
    unlike $res->{raw_head}, qr/org-|set-cookie|cf-ray|ratelimit|anthropic|openai/i, '... and none of its headers';
}

for my $case ([ anthropic => 'messages' ], [ gemini => 'gemini' ], [ deepseek => 'completions' ]) {
    my ($name, $api) = @$case;
    load_ok("$name: many at once, every byte of each", $t->url("/api/chat-$name"), a => $api, c => fewer(20), m => 3,
        b => $JSON->encode($t->turn(seed => '{i}', n => 20, utf8 => 1, reason => 2, split => 300)), t => scaled(60));
}

# ---- decoded by the SDKs ----

my $sdk = ChatTest::OpenAI->new(of => 'providers');

sub direct ($name, $turn, %more) {
    my $p = $is{$name};
    my $text = $turn->{messages}[-1]{content};
    return {
        api => $p->{api}, base => $p->{sdk},
        params => {
            model => 'mock-1',
              $p->{api} eq 'gemini'   ? (contents   => $text)
            : $p->{api} eq 'messages' ? (max_tokens => 9, messages => [ { role => 'user', content => $text } ])
            :                           (%usage, messages => [ { role => 'user', content => $text } ]),
        },
        %more,
    };
}

sub through ($name, $turn, %more) {
    return {
        direct($name, $turn, %more)->%*,
        route => { url => $t->url("/api/chat-$name"), headers => { 'Content-Type' => 'application/json' }, body => $turn },
    };
}

my @sdk = grep { $_ ne 'local' } @all;
for my $name (@sdk) {
    my $turn = $t->turn(seed => 4711, n => 30, size => 40, utf8 => 1, reason => 2, comments => 1, split => 700);
    my ($theirs, $ours) = $sdk->run(direct($name, $turn), through($name, $turn));
    is $ours->{error}, undef, "$name: its SDK is content with what came through Apache";
    ok $ours->{finished}, '... the answer ends';
    like $ours->{text}, qr/^s4711d0 .*s4711d29 /s, '... all of it is there';
    is $ours->{text}, $theirs->{text}, '... the same text as from the provider itself';
    is_deeply $ours->{usage}, $theirs->{usage}, '... the same usage';
    is_deeply $ours->{events}, $theirs->{events}, '... the same ' . $ours->{events}->@* . ' events';

    my $cut = $t->turn(fault => 'noend', after => 7, n => 20);
    my $stopped = $sdk->run(through($name, $cut));
    ok !$stopped->{finished} && $stopped->{error}, '... one that stops short is an error to it';

    my $failed = $sdk->run(through($name, $t->turn(fault => 'error-flat', after => 4)));
    like "$failed->{error}{name} $failed->{error}{message}", qr/overload|server_error|an error|unavailable/i, '... so is an error event';

    my $limited = $sdk->run(through($name, $t->turn(status => 429, retry => 7)));
    is "$limited->{status} $limited->{error}{status} $limited->{headers}{'retry-after'}", '429 429 7', '... and a 429';

    my $seed = 900 + $n++;
    $sdk->run(through($name, $t->turn(seed => $seed, n => 500, pace => 20), abort => 3));
    wait_for("$name is told that the SDK has left", sub {
        grep { $_->{seed} == $seed && $_->{events} < 100 } $up->stats->{closed_by_peer}->@*;
    });
}
$sdk->stop;

# ---- a budget that ends an answer, in each provider's words ----

my %spent = (
    messages    => { type => 'error', error => { type => 'budget_exhausted' } },
    gemini      => { error => { code => 429, status => 'RESOURCE_EXHAUSTED', details => [ { reason => 'budget_exhausted' } ] } },
    completions => { error => { code => 'budget_exhausted', type => 'budget', param => undef } },
);
for my $name (@all) {
    my ($res, $is) = ask("/cut/$name", $t->turn(n => 400, size => 4));
    my $last = $JSON->decode($res->{events}[-1]{data});
    like delete $last->{error}{message}, qr/budget/, "$name: a budget that is gone ends an answer with a sentence";
    is_deeply $last, $spent{ $is{$name}{api} }, '... in an error of its own shape';
    is $is->{outcome}, 'limited', '... which is logged as our doing';
    cmp_ok scalar $res->{events}->@*, '<', 200, '... in good time';
    ok !$res->{clean}, '... and not as a clean end';
}

# ---- ends, errors, refusals ----

my %word = (messages => 'overloaded_error', gemini => 'UNAVAILABLE', completions => 'server_error');
for my $name (@all) {
    my $path = "/api/chat-$name";
    my $api = $is{$name}{api};
    my %o = (seed => 5, n => 10);

    for my $fault (qw(noend close rst)) {
        my ($res, $is) = ask($path, $t->turn(%o, fault => $fault, after => 4));
        my $whole = original($name, %o)->{body};
        is "$res->{status} $is->{outcome}", '200 truncated', "$name, $fault: no end is no success";
        ok !$res->{clean} && $res->{body} eq substr($whole, 0, length $res->{body}), '... nor a clean end, of bytes that are right';
    }
    # The last event alone is missing: a reason to finish before it is an end, but not where the connection is cut.
    my $last = scalar original($name, %o)->{events}->@* - 1;
    my $ends = $api eq 'gemini' ? 'truncated' : 'complete';
    my ($short, $how) = ask($path, $t->turn(%o, fault => 'noend', after => $last));
    is $short->{events}->@* . " $how->{outcome}", "$last $ends", "... where the terminal event alone is missing it is $ends";
    is $short->{clean} ? 'clean' : 'cut', $ends eq 'complete' ? 'clean' : 'cut', '... and the client can tell';
    ($short, $how) = ask($path, $t->turn(%o, fault => 'rst', after => $last)) if $ends eq 'complete';
    is $how->{outcome}, 'truncated', '... and by a cut never';

    my ($res, $is, $error) = ask($path, $t->turn(%o, fault => 'error-nested', after => 4));
    is $res->{body}, original($name, %o, fault => 'error-nested', after => 4)->{body}, "$name: an error event is passed on";
    ok !$res->{clean}, '... and then no clean end';
    is $is->{outcome}, 'upstream_error', '... it is no success';
    like $error, qr/ upstream_error: $word{$api}$/, '... but one in the log, by its own code';

    ($res, $is) = ask($path, $t->turn(%o, fault => 'hang', after => 4));
    is $is->{outcome}, 'timeout', "$name: silence is one, too";

    next if $api eq 'completions';
    ($res, $is) = ask($path, $t->turn(%o, fault => 'incomplete', after => 4));
    is "$is->{outcome} " . ($res->{clean} ? 'clean' : $res->{ended}), 'complete clean', "$name: the most tokens are an end as well";
}

my ($blocked, $how) = ask('/api/chat-gemini', $t->turn(fault => 'error-failed', after => 0));
ok $blocked->{clean} && $how->{outcome} eq 'complete', 'gemini: a blocked question is an answer, if a short one';

for my $case (
    [ 400, 400, 'upstream_rejected' ], [ 401, 502, 'upstream_auth' ], [ 402, 502, 'upstream_quota' ], [ 403, 502, 'upstream_auth' ],
    [ 404, 502, 'upstream_not_found' ], [ 429, 429, 'upstream_rate_limited', 7 ], [ 500, 502, 'upstream_error' ],
    [ 503, 503, 'upstream_overloaded', 7 ], [ 504, 504, 'upstream_timeout' ], [ 529, 503, 'upstream_overloaded', 7 ],
) {
    my ($theirs, $ours, $code, $retry) = @$case;
    for my $name (qw(anthropic gemini openrouter)) {
        # The mock says as OpenAI that the account may not use that model.
        ($ours, $code) = (400, 'model_not_found') if $theirs =~ /^40[34]$/ && $name eq 'openrouter';
        ($ours, $code) = (502, 'upstream_not_found') if $theirs == 404 && $name ne 'openrouter';
        ($ours, $code) = (502, 'upstream_auth') if $theirs == 403 && $name ne 'openrouter';
        my ($res, $is, $error) = ask("/api/chat-$name", $t->turn(status => $theirs, retry => 7, seed => $theirs));
        is "$res->{status} $res->{json}{code}", "$ours $code", "$name: a $theirs is a $ours";
        is $res->{headers}{'retry-after'}, $retry, '... Retry-After: ' . ($retry // 'none');
        unlike $res->{raw_head} . $res->{body}, qr/org-|canary|mocked|anthropic|projects/i, '... and none of its words';
        my $id = $name eq 'gemini' ? '-' : "req_$theirs";
        like $error, qr/provider=$name upstream=$theirs upstream-id=$id /, '... found again by its own id';
    }
}
for my $case ([ anthropic => 'invalid_request_error' ], [ gemini => 'INVALID_ARGUMENT' ]) {
    my ($name, $word) = @$case;
    is +(ask("/api/chat-$name", $t->turn(status => 400)))[0]{json}{message}, "The provider refused the request: $word.",
        "$name: a word for programs is passed on";
}
$t->expect_log(qr/CHAT0902: /);

$t->stop;
$up->stop;
done_testing;
