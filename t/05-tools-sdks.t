# SPDX-License-Identifier: Apache-2.0
#
# The mock LLM is what the official SDKs take it for, in all four APIs, streamed
# and whole: text, thoughts, tools, JSON, refusals, errors. And the SDKs' drivers
# say what they have seen: other tests rely on both.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::OpenAI;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->canonical;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);
my $up = ChatTest::Upstream->new->start;
my $sdk = ChatTest::OpenAI->new(of => 'providers');
my $openai = ChatTest::OpenAI->new(base => $up->url);
my $page = ChatTest::OpenAI->new(of => 'eventsource', base => $up->url);

my $bare = $up->url =~ s{/v1$}{}r;
my %base = (messages => $bare, gemini => $bare, completions => $up->url, responses => $up->url);
my %weather = (name => 'weather', description => 'Of a city.');
my %schema = (type => 'object', properties => { q => { type => 'string' }, n => { type => 'integer' } }, required => [ 'q', 'n' ]);

# A question, with a tool, in the words of each SDK.
sub params ($api, $script, %o) {
    my @user = (role => 'user', content => "mock($script)");
    my %model = (model => 'mock-1');
    return $api eq 'gemini' ? {
        %model, contents => "mock($script)",
        config => { $o{tools} ? (tools => [ { functionDeclarations => [ { %weather, parametersJsonSchema => \%schema } ] } ]) : (),
            $o{json} ? (responseMimeType => 'application/json', responseJsonSchema => \%schema) : () },
    } : {
        %model, $api eq 'responses' ? (input => [ {@user} ]) : (messages => [ {@user} ]),
        $api eq 'messages'    ? (max_tokens => 100) : (),
        $api eq 'completions' ? (stream_options => { include_usage => $TRUE }) : (),
        !$o{tools} ? () : (tools => [
            $api eq 'completions' ? { type => 'function', function => { %weather, parameters => \%schema } }
            : $api eq 'messages'  ? { %weather, input_schema => \%schema }
            :                       { type => 'function', %weather, parameters => \%schema, strict => $FALSE }
        ]),
        !$o{json} ? () : $api eq 'completions' ? (response_format => { type => 'json_schema', json_schema => { name => 'x', schema => \%schema } })
        : $api eq 'messages' ? (output_config => { format => { type => 'json_schema', schema => \%schema } })
        :                      (text => { format => { type => 'json_schema', name => 'x', schema => \%schema } }),
    };
}

sub job ($api, $script, %o) {
    my $params = params($api, $script, %o);
    delete $params->{stream_options} if $o{how};
    return { api => $api, base => $base{$api}, params => $params, ($o{how} ? (how => $o{how}) : ()) };
}

# Tokens as each API counts them: { of the request, of the answer }.
sub tokens ($u) {
    return join ' ', $u->{prompt_tokens} // $u->{promptTokenCount} // $u->{input_tokens} + ($u->{cache_read_input_tokens} // 0),
        $u->{completion_tokens} // $u->{output_tokens} // $u->{candidatesTokenCount} + ($u->{thoughtsTokenCount} // 0);
}

for my $api (sort keys %base) {
    subtest $api => sub {
        my ($said, $whole, $called, $json, $helped) = $sdk->run(
            job($api, 'seed=3;n=6;utf8=1;size=40;reason=2'), job($api, 'seed=3;n=6;utf8=1;size=40;reason=2', how => 'whole'),
            job($api, 'seed=3;tools=2;utf8=1', tools => 1, how => 'whole'), job($api, 'n=2', json => 1, how => 'whole'),
            $api eq 'messages' ? job($api, 'seed=3;tools=1;reason=1', tools => 1, how => 'helper') : ());
        is_deeply [ grep { $_->{error} } $said, $whole, $called, $json, $helped // () ], [], 'nothing is wrong';
        like $said->{text}, qr/^s3d0 .*s3d5 /s, 'a stream says its text';
        is $whole->{text}, $said->{text}, '... the whole the same';
        is tokens($_->{usage}), '13 8', '... with the same tokens' for $said, $whole;
        is_deeply [ map { $_->{name} } $called->{calls}->@* ], [ 'weather', 'weather' ], 'the tool is called';
        is $called->{calls}[1]{arguments}{n}, 1, '... with arguments';
        is scalar $JSON->decode($json->{text})->{answer}->@*, 2, 'JSON is said where it is asked for';
        is $helped->{calls}[0]{arguments}{n}, 0, 'the accumulator puts the arguments together' if $helped;

        my @errors = $sdk->run(map { job($api, $_) } 'status=429;retry=1', 'status=500', 'badkey=key-of-the-sdk', 'fault=error-nested;after=4',
            'fault=cut;after=4');
        is $errors[0]{error}{status}, 429, 'an error has its status';
        is $errors[1]{error}{status}, 500, '... each its own';
        is $errors[2]{error}{status}, $api eq 'gemini' ? 400 : 401, '... that of the key';
        ok $errors[3]{error}, 'an error in mid-stream is one';
        ok $errors[4]{error}, '... and a connection that breaks';
    };
}

subtest "OpenAI's SDK goes all its ways" => sub {
    my %chat = (api => 'completions');
    my ($parsed, $helped, $round, $streamed, $models, $refused, $again) = $openai->run(
        { %chat, how => 'parse', params => { params(completions => 'n=2', json => 1)->%*, stream_options => undef } },
        { %chat, how => 'helper', params => params(completions => 'n=2', json => 1) },
        (map { { %chat, how => 'tools', gives => { weather => { rain => $TRUE } }, params => { params(completions => 'seed=4;tools=2', tools => 1)->%*, $_->%* } } }
            { stream => $FALSE, stream_options => undef }, { stream => $TRUE }),
        { api => 'models' }, { %chat, how => 'helper', params => params(completions => 'refuse=1') },
        { %chat, retries => 2, params => params(completions => 'seed=77;status=503;retryms=1;times=2') });
    is_deeply [ map { $_->{error} // () } $parsed, $helped, $round, $streamed, $models, $refused, $again ], [], 'nothing is wrong';
    is scalar $_->{parsed}{answer}->@*, 2, 'a schema is parsed' for $parsed, $helped;
    for my $r ($round, $streamed) {
        is "$r->{requests} " . join(' ', map { "$_->{name} $_->{arguments}{n}" } $r->{calls}->@*), '2 weather 0 weather 1', 'a round trip with tools';
        is join(' ', map { $_->{role} } $r->{messages}->@*), 'user assistant tool tool assistant', '... has all its messages';
        like $r->{text}, qr/^s4d0 /, '... and ends with text';
    }
    is $models->{whole}[0]{id}, 'mock-1', 'the models are listed';
    like $refused->{whole}{choices}[0]{message}{refusal}, qr/^s1d0/, 'a refusal is one';
    is "$again->{requests} $again->{status}", '3 200', 'it tries again';
    is $up->calls(seed => 77), 3, '... which the mock has counted';
};

subtest 'a page reads events' => sub {
    my %ask = (stream => $TRUE, input => 'mock(seed=5;n=3;utf8=1;comments=1;split=3)');
    my ($r, $c, $left, $no) = $page->run({ path => '/responses', body => \%ask },
        { path => '/chat/completions', body => { %ask, messages => [] } }, { path => '/responses', body => { %ask, input => 'mock(pace=20;n=1000)' }, abort => 3 },
        { path => '/responses', body => { %ask, input => 'mock(status=429)' } });
    is $r->{events}[0]{event}, 'response.created', 'named ones';
    is $r->{comments}, scalar $r->{events}->@*, '... between comments';
    is $c->{events}[-1]{data}, '[DONE]', '... unnamed ones';
    like $c->{text}, qr/^s5d0 .*s5d2 /s, '... with text';
    is $left->{error}{name}, 'AbortError', '... and leaves when it likes';
    # What had come with the third event is read as well.
    ok $left->{events}->@* >= 3 && $left->{events}->@* < 500, '... not at the end' or diag scalar $left->{events}->@*;
    is "$no->{status} $no->{json}{error}{code}", '429 rate_limit_exceeded', 'what is no stream is JSON';
};

$_->stop for $sdk, $openai, $page;
ok $up->stop, 'the mock exits well';
done_testing;
