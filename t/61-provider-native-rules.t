# SPDX-License-Identifier: Apache-2.0
#
# Requests in a provider's own words: what nobody here knows of survives, what
# the administrator decides does not: the model's name, the most tokens, who may
# ask for what, which of the provider's calls there are, and whose key pays.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::OpenAI;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->ascii->canonical;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);
my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;

# Where each API is, what the SDK has in its base, what it appends, where the
# most tokens stand, and what is ours to say in a request.
my %is = (
    messages => {
        type   => 'anthropic', base => $up->url, sdk => '', path => '/v1/messages', most => ['max_tokens'],
        others => [qw(/v1/messages/count_tokens /v1/messages/batches /v1/complete)],
    },
    gemini => {
        type   => 'gemini', base => "$bare/v1beta", sdk => '', path => '/v1beta/models/%s:streamGenerateContent?alt=sse',
        most   => [qw(generationConfig maxOutputTokens)],
        others => [ map { "/v1beta/models/shown:$_" } qw(countTokens embedContent batchGenerateContent) ],
    },
    responses => {
        type   => 'openai', base => $up->url, sdk => '/v1', path => '/v1/responses', most => ['max_output_tokens'],
        others => [qw(/v1/chat/completions /v1/embeddings /v1/responses/compact)],
    },
    completions => {
        type   => 'openai', base => $up->url, sdk => '/v1', path => '/v1/chat/completions', most => ['max_completion_tokens'],
        others => [qw(/v1/responses /v1/embeddings /v1/completions)], lines => 'ChatProviderAPI chat-completions',
    },
);
my @apis = sort keys %is;

my $conf = "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatRequestFormat provider\n</Location>\n";
for my $api (@apis) {
    my $is = $is{$api};
    $conf .= join "\n", "<ChatProvider $api>", "ChatProviderType $is->{type}", "ChatProviderURL $is->{base}", 'ChatProviderKey env:CHAT_CANARY_KEY',
        'ChatProviderBreaker off', $is->{lines} // (), '</ChatProvider>',
        "ChatModel shown $api upstream=mock-1 max-output=300 alias=also", "ChatModel costly $api upstream=mock-2",
        "<Location /$api>", "ChatRoute $is->{type}", "ChatUse $api", 'ChatModelAllow shown', '</Location>',
        "<Location /$api/less>", 'ChatRequestMaxOutputTokens 50', '</Location>',
        "<Location /$api/ours>", 'ChatRequestFormat chat', 'ChatModelDefault shown', '</Location>', '';
}
my $t = ChatTest->new(conf => $conf)->start;
my $sdk = ChatTest::OpenAI->new(of => 'providers');

# ---- what the SDKs can say ----

my $png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk';

sub params ($api, $model, $text) {
    my $image = "data:image/png;base64,$png";
    my %new = (x_new => { a => [ 1, undef, $TRUE ] });
    return {
        messages => {
            model    => $model, max_tokens => 123456, service_tier => 'standard_only', metadata => { user_id => 'u-1' }, %new,
            system   => [ { type => 'text', text => 'Be brief.', cache_control => { type => 'ephemeral', ttl => '1h' } } ],
            thinking => { type => 'enabled', budget_tokens => 1024 },
            stop_sequences => ['END'], tool_choice => { type => 'auto', disable_parallel_tool_use => $TRUE },
            tools    => [
                { type => 'web_search_20250305', name => 'web_search', max_uses => 3 },
                { name => 'f', input_schema => { type => 'object' }, cache_control => { type => 'ephemeral' } },
            ],
            messages => [
                { role => 'user', content => [
                    { type => 'image', source => { type => 'base64', media_type => 'image/png', data => $png }, cache_control => { type => 'ephemeral' } },
                    { type => 'document', source => { type => 'url', url => 'https://example.com/a.pdf' }, citations => { enabled => $TRUE } },
                    { type => 'text', text => $text },
                ] },
                { role => 'assistant', content => [ { type => 'thinking', thinking => 'hm', signature => 'c2lnbmVk' }, { type => 'text', text => 'So' } ] },
                { role => 'user', content => $text },
            ],
        },
        gemini => {
            model    => $model,
            contents => [
                { role => 'user', parts => [
                    { inlineData => { mimeType => 'image/png', data => $png } }, { text => $text },
                    { fileData => { mimeType => 'video/mp4', fileUri => 'https://example.com/v' } },
                ] },
                { role => 'model', parts => [ { functionCall => { name => 'f', args => { a => 1 } }, thoughtSignature => 'c2lnbmVk' } ] },
                { role => 'user',  parts => [ { functionResponse => { name => 'f', response => { b => 2 } } }, { text => $text } ] },
            ],
            config => {
                maxOutputTokens => 123456, temperature => 0.25, topK => 7, seed => 42, candidateCount => 1, stopSequences => ['END'],
                cachedContent   => 'cachedContents/c1', systemInstruction => 'Be brief.', responseModalities => ['TEXT'],
                thinkingConfig  => { includeThoughts => $TRUE, thinkingBudget => 512 },
                safetySettings  => [ { category => 'HARM_CATEGORY_HARASSMENT', threshold => 'BLOCK_NONE' } ],
                tools           => [ { googleSearch => {} }, { codeExecution => {} } ],
            },
        },
        responses => {
            model     => $model, max_output_tokens => 123456, store => $TRUE, previous_response_id => 'resp_1', truncation => 'auto', %new,
            include   => ['reasoning.encrypted_content'], prompt_cache_key => 'k', service_tier => 'flex', metadata => { k => 'v' },
            reasoning => { effort => 'low', summary => 'auto' }, text => { verbosity => 'low' },
            tools     => [
                { type => 'web_search' }, { type => 'file_search', vector_store_ids => ['vs_1'] },
                { type => 'mcp', server_label => 'x', server_url => 'https://example.com/mcp' },
            ],
            input => [
                { role => 'user', content => [
                    { type => 'input_text', text => $text }, { type => 'input_image', image_url => $image, detail => 'low' },
                    { type => 'input_file', file_id => 'file_1' },
                ] },
                { type => 'reasoning', id => 'rs_1', summary => [], encrypted_content => 'x' },
                { role => 'user', content => $text },
            ],
        },
        completions => {
            model      => $model, max_completion_tokens => 123456, store => $TRUE, seed => 7, logit_bias => { 50256 => -100 }, %new,
            logprobs   => $TRUE, top_logprobs => 2, reasoning_effort => 'low', verbosity => 'low', user => 'u', metadata => { k => 'v' },
            modalities => ['text'], prediction => { type => 'content', content => 'x' }, stream_options => { include_usage => $TRUE },
            messages   => [
                { role => 'developer', content => 'Be brief.', name => 'd' },
                { role => 'user', content => [
                    { type => 'text', text => $text }, { type => 'image_url', image_url => { url => $image, detail => 'low' } },
                    { type => 'input_audio', input_audio => { data => 'AAAA', format => 'wav' } },
                ] },
            ],
        },
    }->{$api};
}

my @secret = qw(Cookie X-Api-Key X-Goog-Api-Key Api-Key OpenAI-Organization OpenAI-Project Anthropic-Beta X-Goog-User-Project X-Forwarded-For);

sub job ($api, $where, $model, $text, %o) {
    return { api => $api, base => $where . $is{$api}{sdk}, params => params($api, $model, $text), key => 'client-secret-0', %o };
}

sub asked_for ($api, $last) {
    my $body = $JSON->decode($last->{body});
    my ($in_path) = $last->{path} =~ m{/models/([^:]+):};
    my $at = $body;
    $at = $at->{$_} for $is{$api}{most}->@[ 0 .. $is{$api}{most}->$#* - 1 ];
    return { body => $body, model => $in_path // $body->{model}, most => delete $at->{ $is{$api}{most}[-1] } };
}

for my $api (@apis) {
    for my $how ('stream', 'whole') {
        my %how = ($how eq 'whole' ? (how => 'whole') : ());
        my $text = "é\x{1f600}\x{2028}</script> mock(seed=5)";
        my $direct = job($api, $bare, 'mock-1', $text, %how);
        my $through = job($api, $t->url("/$api"), 'also', $text, %how, headers => { map { $secret[$_] => 'client-secret-' . ($_ + 1) } 0 .. $#secret });
        delete $_->{params}{stream_options} for $how eq 'whole' ? ($direct, $through) : ();
        my $want = $sdk->run($direct);
        my $theirs = asked_for($api, $up->last);
        my $got = $sdk->run($through);
        my $last = $up->last;
        my $ours = asked_for($api, $last);
        is_deeply [ $got->{error}, $got->{text} ], [ undef, $want->{text} ], "$api, $how: a rich request is answered" or diag explain $got;
        is "$ours->{model} $ours->{most}", 'mock-1 300', '... by the model\'s own name, with no more tokens than it may have';
        $theirs->{body}{store} = $FALSE if $is{$api}{type} eq 'openai';
        is_deeply $ours->{body}, $theirs->{body}, '... and all else as the SDK would have said it to its provider';
        unlike $JSON->encode($last), qr/client-secret/, '... but for the keys of the client, which stay here';
    }
}

# ---- what only bytes can say ----

my %least = (
    messages    => '"model":"shown","max_tokens":9,"messages":[{"role":"user","content":"mock(seed=5)"}]',
    gemini      => '"contents":[{"parts":[{"text":"mock(seed=5)"}]}]',
    responses   => '"model":"shown","input":"mock(seed=5)"',
    completions => '"model":"shown","messages":[{"role":"user","content":"mock(seed=5)"}]',
);
my $odd = '"x":{"big":9007199254740993,"small":0.1,"tiny":1e-7,"neg":-5,"none":null,"no":false,"":"","list":[],"map":{},'
    . '"deep":[[[{"a":[1]}]]],"text":"\ud83d\ude00\u2028\u0001\"\\\\/"}';

sub path_of ($api) {
    return $is{$api}{path} =~ s/%s/shown/r;
}

sub post ($api, $body, %o) {
    my $path = $o{path} // path_of($api);
    return $t->request(POST => "/$api" . ($o{below} // '') . $path, body => $body, headers => { 'Content-Type' => 'application/json' });
}

for my $api (@apis) {
    my $res = post($api, "{$odd,$least{$api}}");
    is $res->{status}, 200, "$api: members that nobody knows are no error" or diag $res->{body};
    my $told = $up->last->{body};
    is_deeply $JSON->decode($told)->{x}, $JSON->decode("{$odd}")->{x}, '... they arrive';
    like $told, qr/"big":9007199254740993\b.*"small":0\.1\b/, '... with every digit';
    is scalar(() = $told =~ /"x":/g), 1, '... once';
}

# ---- how much ----

for my $api (@apis) {
    my ($outer, $most) = ($is{$api}{most}->@*, undef);
    my $name = $most // $outer;
    my %ask = map { ($_ => $most && $outer ne $name ? qq("$outer":{"$name":$_}) : qq("$name":$_)) } 40, 200, 9999;
    my $body = $least{$api} =~ s/"max_tokens":9,//r;
    for my $case ([ '', 40, 40 ], [ '', 200, 200 ], [ '', 9999, 300 ], [ '/less', 40, 40 ], [ '/less', 200, 50 ], [ '/less', 9999, 50 ]) {
        my ($below, $said, $want) = @$case;
        my $res = post($api, "{$ask{$said},$body}", below => $below);
        is $res->{status}, 200, "$api: $said tokens at $below" or diag $res->{body};
        is asked_for($api, $up->last)->{most}, $want, "... are $want";
    }
}
post('completions', '{"max_tokens":9999,"max_completion_tokens":9998,' . $least{completions} . '}');
is join(' ', $JSON->decode($up->last->{body})->@{qw(max_tokens max_completion_tokens)}), '300 300', 'both names of it are heeded';
post('gemini', '{"generation_config":{"max_output_tokens":9999},' . $least{gemini} . '}');
is $JSON->decode($up->last->{body})->{generation_config}{max_output_tokens}, 300, '... and both spellings';

# ---- who may ask for what ----

my %class = (messages => [qw(NotFoundError PermissionDeniedError)], gemini => [qw(ApiError ApiError)]);
for my $api (@apis) {
    my $asked = $up->stats->{requests};
    my ($unknown, $forbidden, $real) = $sdk->run(map { job($api, $t->url("/$api"), $_, 'mock(seed=5)') } qw(nobody costly mock-1));
    my @names = ($class{$api} // $class{messages})->@*;
    is "$unknown->{error}{name} $unknown->{error}{status}", "$names[0] 404", "$api: the SDK is told that there is no such model";
    is "$forbidden->{error}{name} $forbidden->{error}{status}", "$names[1] 403", '... or that it is not for this user';
    is "$real->{error}{name} $real->{error}{status}", "$names[0] 404", '... the provider\'s own name for one is no name here';
    unlike $JSON->encode([ map { $_->{error} } $unknown, $forbidden ]), qr/mock-|costly|shown/, '... without a word about others';
    like $unknown->{error}{message}, qr/There is no model of that name here\./, '... in words that the SDK finds';
    is $unknown->{error}{code}, 'model_not_found', '... and a code' if $is{$api}{type} eq 'openai';
    is $unknown->{error}{type}, 'not_found_error', '... or a type' if $api eq 'messages';

    for my $path ($is{$api}{others}->@*) {
        my $res = post($api, "{$least{$api}}", path => $path);
        my $word = $res->{json}{error}{ { messages => 'type', gemini => 'status' }->{$api} // 'code' };
        is "$res->{status} $word", '404 ' . ({ messages => 'not_found_error', gemini => 'NOT_FOUND' }->{$api} // 'not_found'),
            "$path is another call, which is not to be had";
        is $res->{headers}{'request-id'}, $api eq 'messages' ? $res->{headers}{'x-request-id'} : undef, '... and has the id where the SDK looks';
    }
    my $res = post($api, '{"messages":"hi"}');
    is $res->{status}, 400, 'a request of some other API is refused';
    $res = $t->post_json("/$api" . path_of($api), { messages => [ { role => 'user', content => 'hi' } ], maxOutputTokens => 9 })
        if $api =~ /gemini|responses/;
    is $res->{status}, 400, '... as is one in the words of this module';
    is $t->get("/$api" . path_of($api))->{status}, 405, '... or a GET';
    is $up->stats->{requests}, $asked, '... and nobody is asked';
    is $t->post_json("/$api/ours", { messages => [ { role => 'user', content => 'mock(seed=5)' } ] })->{status}, 200, 'those have a place of their own';
}
my $key = post('gemini', "{$least{gemini}}", path => '/v1beta/models/shown:generateContent?key=client-secret-9');
is $key->{status}, 200, 'a key in the query of gemini is no hindrance';
unlike $JSON->encode($up->last), qr/client-secret/, '... and stays here as well';

$sdk->stop;
$t->stop;
$up->stop;
done_testing;
