# SPDX-License-Identifier: Apache-2.0
#
# The official SDKs point at Apache instead of their provider: requests in the
# provider's own words pass unchanged, but for what the administrator decides;
# answers come back as they were, streamed and whole; the key is ours.
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

# The provider, its route, what is in its section, and below the location: what
# the SDK has in its base and the path that it appends.
my %is = (
    messages    => { route => 'anthropic', base => $up->url, path => '/v1/messages' },
    gemini      => { route => 'gemini', base => "$bare/v1beta", path => '/v1beta/models/mock-1:streamGenerateContent', whole => '/v1beta/models/mock-1:generateContent' },
    responses   => { route => 'openai', base => $up->url, sdk => '/v1', path => '/v1/responses' },
    completions => { route => 'openai', base => $up->url, sdk => '/v1', path => '/v1/chat/completions', lines => ['ChatProviderAPI chat-completions'] },
);
my $t = ChatTest->new(conf => join "\n", "MaxKeepAliveRequests 0", map({
    my $is = $is{$_};
    ("<ChatProvider p-$_>", "ChatProviderType $is->{route}", "ChatProviderURL $is->{base}", 'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off',
        ($is->{lines} // [])->@*, '</ChatProvider>', "<Location /$_>", 'SetHandler chat', "ChatRoute $is->{route}", "ChatUse p-$_", 'ChatAuth guest',
        'ChatRequestFormat provider', '</Location>');
} sort keys %is), '')->start;
my $sdk = ChatTest::OpenAI->new(of => 'providers');

my %tool = (name => 'weather', description => 'Of a city.');
my %schema = (type => 'object', properties => { city => { type => 'string' } });

sub params ($api, $script, @more) {
    my $text = "mock($script)";
    my $picture = 'iVBORw0KGgo=';
    return $api eq 'gemini' ? {
        model => 'mock-1', contents => [ { role => 'user', parts => [ { text => $text }, { inlineData => { mimeType => 'image/png', data => $picture } } ] } ],
        config => { temperature => 0.5, tools => [ { functionDeclarations => [ { %tool, parametersJsonSchema => \%schema } ] } ], @more },
    } : $api eq 'messages' ? {
        model => 'mock-1', max_tokens => 99, metadata => { user_id => 'u' }, tools => [ { %tool, input_schema => \%schema } ],
        messages => [ { role => 'user', content => [ { type => 'text', text => $text }, { type => 'image', source => { type => 'base64', media_type => 'image/png', data => $picture } } ] } ], @more,
    } : $api eq 'responses' ? {
        model => 'mock-1', metadata => { k => 'v' }, tools => [ { type => 'function', %tool, parameters => \%schema, strict => $FALSE } ],
        input => [ { role => 'user', content => [ { type => 'input_text', text => $text }, { type => 'input_image', image_url => "data:image/png;base64,$picture" } ] } ], @more,
    } : {
        model => 'mock-1', seed => 7, logit_bias => { 50256 => -100 }, tools => [ { type => 'function', function => { %tool, parameters => \%schema } } ], stream_options => { include_usage => $TRUE },
        messages => [ { role => 'user', content => [ { type => 'text', text => $text }, { type => 'image_url', image_url => { url => "data:image/png;base64,$picture" } } ] } ], @more,
    };
}

# To Apache, or to the mock itself.
sub job ($api, $script, %o) {
    my $params = params($api, $script);
    delete $params->{stream_options} if ($o{how} // '') eq 'whole';
    my $base = delete $o{direct} ? ($is{$api}{sdk} ? $bare . $is{$api}{sdk} : $bare) : $t->url("/$api") . ($is{$api}{sdk} // '');
    return { api => $api, base => $base, params => $params, key => 'sk-of-the-client', %o };
}

sub last_call () {
    my $last = $up->last;
    return ($last, $last->{body} && $JSON->decode($last->{body}));
}

for my $api (sort keys %is) {
    my $script = 'seed=11;n=8;utf8=1;size=40;reason=2;comments=1';
    my %direct;
    for my $how ('stream', 'whole') {
        my $want = $sdk->run(job($api, $script, direct => 1, how => $how));
        my (undef, $asked) = last_call();
        $up->reset;
        my $got = $sdk->run(job($api, $script, how => $how));
        my ($last, $sent) = last_call();
        is_deeply $got->{error}, undef, "$api, $how: the SDK is content";
        # ChatProviderStore is off.
        my %ours = $is{$api}{route} eq 'openai' ? (store => $FALSE) : ();
        is_deeply $sent, { %$asked, %ours }, '... its request is passed on as it was';
        is $JSON->encode([ $got->{text}, $got->{events} // $got->{whole}, $got->{usage} ]),
            $JSON->encode([ $want->{text}, $want->{events} // $want->{whole}, $want->{usage} ]), '... it decodes what it decodes without us';
        like $got->{text}, qr/^s11d0 .*s11d7 /s, '... which is the text';
        is $last->{path} =~ s/\?alt=sse$//r, $how eq 'whole' ? $is{$api}{whole} // $is{$api}{path} : $is{$api}{path}, '... it was asked for where the provider has it';
        my $headers = $JSON->encode($last->{headers});
        ok $headers =~ $t->canary_key && $headers !~ /sk-of-the-client/, '... with our key alone';
    }
    my ($tools, $error, $failed, $left) = $sdk->run(job($api, 'tools=1', how => 'whole'), job($api, 'status=429;retry=3'),
        job($api, 'fault=error-nested;after=4'), job($api, 'n=1000;pace=20', abort => 4));
    is_deeply [ map { $_->{name} } $tools->{calls}->@* ], ['weather'], "$api: a tool is called";
    is $error->{error}{status}, 429, '... a refusal is the status that the SDK knows';
    ok $failed->{error}, '... an error in mid-stream is one';
    is $left->{status}, 200, '... and who leaves';
    ok wait_for('the upstream to be let go', sub { !$up->stats->{open} }), '... ends the call';
}

$t->expect_log(qr/CHAT0902: /);
$sdk->stop;
$t->stop;
$up->stop;
done_testing;
