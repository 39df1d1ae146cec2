# SPDX-License-Identifier: Apache-2.0
#
# The mock LLM and the load client against each other, without httpd: what
# other tests rely on must be right, and must notice what is wrong.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use Time::HiRes qw(sleep);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Load qw(load load_start load_wait load_ok close_latency);
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $many = $ENV{CHAT_TEST_STREAMS} // 1000;
my $body = '{"stream":true,"stream_options":{"include_usage":true},"input":"mock(seed={i}%s)"}';

# What the mock is told, in its body, and sse_load with it.
sub body ($params = '') {
    return (b => sprintf $body, length $params ? ";$params" : '');
}

sub url ($api = 'responses') {
    return $up->url . "/$api";
}

my $res = load_ok("$many streams at once are right in every byte", url(), body('n=20;pace=50;size=80'),
    c => $many, r => 500);
is $res->{ok}, $many, 'each was counted';
is $res->{events}, 28 * $many, 'each event was seen';

$res = load_ok('a paced stream', url(), body('n=20;pace=50'), c => 5);
ok $res->{gap_ms}{p50} > 45 && $res->{gap_ms}{p50} < scaled(100), 'keeps its pace'
    or diag explain $res->{gap_ms};

load_ok('many requests go over one connection', url(), body('n=2'), c => 50, m => 40);
$res = load_ok('requests may be pipelined', url(), body('n=2'), c => 50, m => 40, P => 4);
is $res->{connects}, 50, 'on the same connections';

load_ok('Chat Completions are spoken too', url('chat/completions'), body('n=9'), c => 20, a => 'completions');
load_ok($_, url(), body($_), c => 10, m => 3)
    for 'utf8=1;size=60', 'eol=crlf', 'eol=cr', 'comments=1', 'bom=1', 'chunk=1', 'split=1;n=1', 'chunk=7;split=3',
    'reason=3', 'lean=1', 'usage=0', 'keep=0', 'frame=close', 'n=0', 'size=0', 'head=20;first=20';
load_ok('one event of 8 MiB', url(), body('n=1;size=8388608;lean=1'));
load_ok('and in full', url(), body('n=1;size=8388608'), c => 2);

$res = load_ok('timestamps measure the way', url(), body('n=20;pace=5;ts=1'), c => 20);
is $res->{latency_ms}{count}, 400, 'each delta has one';
ok $res->{latency_ms}{p50} < 50, 'and it is short' or diag explain $res->{latency_ms};

subtest 'requests by a schedule wait for nobody' => sub {
    for my $rate ('200', '200:poisson') {
        my $job = load_start(url(), body('n=2'), c => 40, o => $rate);
        kill 'STOP', $up->pid;
        sleep 0.5;
        kill 'CONT', $up->pid;
        my $res = load_ok("$rate a second", $job);
        is $res->{ok}, 40, 'each of them was sent';
        ok $res->{first_ms}{p50} >= 100, '... and its time counts from when it was due' or diag explain $res->{first_ms};
    }
};

subtest 'parameters come from the path and from the query too' => sub {
    load_ok('path', $up->url(n => 7, size => 9) . '/responses', body(), p => 'n=7;size=9');
    load_ok('query', url() . '?n=7', body(), p => 'n=7');
};

subtest 'every fault is what it says' => sub {
    for my $fault (qw(rst close cut)) {
        load_ok("$fault breaks the body", url(), body("fault=$fault;after=6"), c => 20, e => 'broken');
        my $bad = load(url(), body("fault=$fault;after=6"));
        is $bad->{failed}, 1, '... which is no clean end';
    }
    for my $fault (qw(error-flat error-nested error-failed incomplete noend)) {
        load_ok("$fault ends properly", url(), body("fault=$fault;after=6"), c => 20, m => 2);
        load_ok('... with chunks of chat completions', url('chat/completions'), body("fault=$fault"),
            a => 'completions');
        my $bad = load(url(), body("fault=$fault;after=6"), e => 'broken');
        is $bad->{failed}, 1, '... which is no break';
    }
    like load(url(), body('fault=badchunk'), e => 'broken')->{failures}[0], qr/bad chunk/, 'badchunk is not HTTP';
    for my $fault (qw(rst-head close-head garbage html redirect longhead)) {
        is load(url(), body("fault=$fault"))->{failed}, 1, "$fault is no stream";
    }
    load_ok('slow-head arrives in the end', url(), body('fault=slow-head;pace=1'), c => 20);
    for my $fault (qw(hang hang-head)) {
        my $bad = load(url(), body("fault=$fault;after=5"), t => 1);
        like $bad->{failures}[0], qr/out of time/, "$fault hangs";
    }
    load_ok('an error status', url(), body("status=$_;retry=3"), S => $_, E => 'retry-after: 3', m => 2)
        for 400, 401, 429, 500, 529;
};

# ---- the four APIs ----

# Its path, its word for a stream, and how its request names tools, JSON and
# what a tool gave.
my @weather = (name => 'weather');
my %schema = (type => 'json_schema', schema => {});
my %api = (
    responses => {
        path   => 'responses', tools => [ { type => 'function', @weather } ], json => { text => { format => {%schema} } },
        result => { input => [ { role => 'user', content => 'MOCK' }, { type => 'function_call_output', output => '1' } ] },
    },
    completions => {
        path   => 'chat/completions', tools => [ { type => 'function', function => {@weather} } ],
        json   => { response_format => {%schema} },
        result => { messages => [ { role => 'user', content => 'MOCK' }, { role => 'tool', content => '1' } ] },
    },
    messages => {
        path   => 'messages', tools => [ {@weather} ], json => { output_config => { format => {%schema} } },
        result => { messages => [ { role => 'user', content => 'MOCK' }, { role => 'user', content => [ { type => 'tool_result' } ] } ] },
    },
    gemini => {
        path   => 'models/m:streamGenerateContent?alt=sse', whole => 'models/m:generateContent',
        tools  => [ { functionDeclarations => [ {@weather} ] } ], json => { generationConfig => { responseMimeType => 'application/json' } },
        result => { contents => [ { role => 'user', parts => [ { text => 'MOCK' } ] }, { role => 'user', parts => [ { functionResponse => {} } ] } ] },
    },
);
my $JSON = JSON::PP->new->canonical;

sub request ($params, %members) {
    my $text = $JSON->encode({ input => 'MOCK', %members });
    return $text =~ s/MOCK/mock($params)/r;
}

# The answer of the mock itself to one request: { status, headers, body, json,
# events }, read by ChatTest's own client.
sub ask ($path, $body, %headers) {
    my $conn = ChatTest::Client->new(port => $up->port, timeout => 30);
    $conn->request(POST => "/v1/$path", headers => { 'Content-Type' => 'application/json', Connection => 'close', %headers }, body => $body);
    return $conn->response;
}

# ... and what it says, of a stream or of a whole answer in any API.
sub decoded ($res) {
    return $res->{json} ? $res->{json} : map { $JSON->decode($_->{data}) } grep { $_->{data} ne '[DONE]' } $res->{events}->@*;
}

# Every value under that key, in the order of the document's canonical form.
sub under ($key, @values) {
    my @found;
    while (@values) {
        my $v = shift @values;
        push @found, $v->{$key} if ref $v eq 'HASH' && exists $v->{$key};
        unshift @values, ref $v eq 'HASH' ? map { $v->{$_} } sort keys %$v : ref $v eq 'ARRAY' ? @$v : ();
    }
    return @found;
}

sub whole_path ($name) {
    return $api{$name}{whole} // $api{$name}{path};
}

for my $name (sort keys %api) {
    my $is = $api{$name};
    subtest "$name: every kind of answer" => sub {
        my %load = (a => $name);
        load_ok("a stream with $_", url($is->{path}), b => request("seed={i};$_", stream => JSON::PP::true, stream_options => { include_usage => JSON::PP::true }, tools => $is->{tools}),
            %load, c => 3, m => 2)
            for 'tools=2;pieces=4;utf8=1', 'tools=1;both=1;reason=2', 'refuse=1', 'finish=length', 'finish=filter', 'json=1;utf8=1;size=60',
            'lead=3;wait=2', 'as=openrouter;reason=1', 'as=azure', 'as=deepseek;comments=1', 'tools=1;times=2';

        my $res = ask($is->{path}, request('tools=2;pieces=3;utf8=1', stream => JSON::PP::true, tools => $is->{tools}));
        my @said = decoded($res);
        my @names = grep { $_ eq 'weather' } under(name => @said);
        cmp_ok scalar @names, '>=', 2, 'tools are called by the names that they have in the request';
        my %piece = (
            completions => sub { map { under(arguments => $_) } grep { (($_->{choices}[0] // {})->{delta}{tool_calls}[0] // {})->{index} } @_ },
            messages    => sub { map { under(partial_json => $_) } grep { ($_->{index} // 0) == 1 } @_ },
            responses   => sub { map { $_->{delta} } grep { $_->{type} =~ /arguments.delta/ && $_->{output_index} == 1 } @_ },
            gemini      => sub { $JSON->encode((under(args => @_))[1]) },
        );
        my @pieces = grep { length } $piece{$name}->(@said);
        is scalar @pieces, $name eq 'gemini' ? 1 : 3, '... the arguments in as many pieces as was said';
        is $JSON->decode(join '', @pieces)->{n}, 1, '... which are JSON together';

        $res = ask(whole_path($name), request('tools=1', tools => $is->{tools}));
        is scalar(grep { $_ eq 'weather' } under(name => $res->{json})), 1, '... also in a whole answer';
        for my $none ([ 'what a tool gave' => $is->{result}->%* ], [ 'no tool' => tool_choice => 'none', toolConfig => { functionCallingConfig => { mode => 'NONE' } } ]) {
            my ($what, %members) = @$none;
            $res = ask(whole_path($name), request('tools=1', tools => $is->{tools}, %members));
            is scalar(grep { $_ eq 'weather' } under(name => $res->{json})), 0, "... not where the request wants $what";
        }

        $res = ask(whole_path($name), request('n=2;utf8=1;size=60', $is->{json}->%*));
        my ($text) = grep { defined && /answer/ } map { under($_, $res->{json}) } qw(text content);
        is scalar $JSON->decode($text)->{answer}->@*, 2, 'who asks for JSON gets JSON';
        unlike ask(whole_path($name), request('json=0', $is->{json}->%*))->{body}, qr/answer/, '... unless it is told otherwise';

        my %key = (completions => 'Authorization: Bearer ', responses => 'Authorization: Bearer ', messages => 'X-Api-Key: ', gemini => 'X-Goog-Api-Key: ');
        my ($header, $value) = split /: /, $key{$name}, 2;
        is ask($is->{path}, request('badkey=zz,1234'), $header => "${value}sk-001234")->{status}, $name eq 'gemini' ? 400 : 401, 'a bad key is refused';
        is ask($is->{path}, request('badkey=zz,1234;badcode=403'), $header => "${value}sk-001234")->{status}, 403, '... as one that may not';
        is ask($is->{path}, request('badkey=zz,1234'), $header => "${value}sk-001235")->{status}, 200, '... and no other';
    };
}

subtest 'an answer without streaming is cut where it is told' => sub {
    for my $fault (qw(cut close rst)) {
        ok !ask('responses', request("fault=$fault"))->{clean}, $fault;
    }
    for my $n (0, 1, 100, 300) {
        my $res = ask('responses', request("fault=close-byte;after=$n", stream => JSON::PP::true));
        ok !$res->{clean}, "after byte $n";
    }
    load_ok('or not at all', url(), body('fault=rst-byte;after=10000000'), c => 3, m => 2);
};

subtest 'only the first calls of a seed fail' => sub {
    for my $o ('status=429;retry=2;retryms=1500', 'status=529', 'fault=rst-head', 'fault=close;after=0', 'fault=error-flat;after=0') {
        $up->reset;
        my @seen = map { my $res = ask('responses', request("seed=$_;times=2;$o", stream => JSON::PP::true)); $res->{clean} && $res->{status} == 200 && $res->{body} !~ /server_error/ ? 1 : 0 } (7) x 4, 8;
        is "@seen", '0 0 1 1 0', "$o: two of them, each seed for itself";
        is_deeply [ $up->calls, $up->calls(seed => 7), $up->calls(seed => 8, path => '/v1/responses', key => '-'), $up->calls(path => qr/messages/) ],
            [ 5, 4, 1, 0 ], '... all of them counted';
    }
    my $res = ask('responses', request('seed=9;status=429;retry=2;retryms=1500'), Authorization => 'Bearer sk-abcdefghij');
    is "$res->{headers}{'retry-after'} $res->{headers}{'retry-after-ms'}", '2 1500', 'an error says when to come again';
    like ask('models/m:generateContent', request('status=429;retryms=1500'))->{body}, qr/"retryDelay":"1\.500s"/, '... Gemini in its body';
    is $up->stats->{keys}{cdefghij}, 1, 'calls are counted by the end of the key';
    is $up->stats->{paths}{'/v1/responses'}, 6, '... and by path';
    is scalar(() = $up->all), 7, '... and remembered';
};

subtest 'each has its own way to say no' => sub {
    my %said = (
        ''           => { error => { code => 'insufficient_quota' } },
        'openrouter' => { error => { code => 429 } },
        'vllm'       => { object => 'error', code => 429 },
        'azure'      => { error => { code => '429' } },
    );
    for my $as (sort keys %said) {
        my $json = ask('chat/completions', request('status=429;quota=1' . ($as ? ";as=$as" : '')))->{json};
        is $JSON->encode([ $json->{object}, $json->{code} // $json->{error}{code} ]),
            $JSON->encode([ $said{$as}{object}, $said{$as}{code} // $said{$as}{error}{code} ]), $as || 'openai';
    }
    is ask('messages', request('status=429;quota=1'))->{json}{error}{details}{error_code}, 'enforced_spend_limit_reached', 'anthropic';
    like ask('chat/completions', request('fault=error-nested;after=0;as=openrouter', stream => JSON::PP::true))->{body},
        qr/\Adata: .*"finish_reason":"error".*"error":\{"code":502/, 'an error may be the first event';
};

# ---- what a gateway makes of it ----

# The pieces of the text that seed 1 has; of them, and of more, an answer.
my @text = map { under(content => $_->{choices}[0]{delta}) }
    decoded(ask('chat/completions', request('n=2;reason=0', stream => JSON::PP::true)));
@text = grep { length } @text;

sub event ($v, $name = undef) {
    return ($name ? "event: $name\n" : '') . 'data: ' . (ref $v ? $JSON->encode($v) : $v) . "\n\n";
}

sub streamed ($type, %members) {
    return event({ type => $type, id => 'a', %members }, $type);
}

sub chunk ($delta, $finish = undef) {
    return event({ id => 'a', choices => [ { index => 0, delta => $delta, finish_reason => $finish } ] });
}

my @usage = (usage => { inputTokens => 11, outputTokens => 2 });
my @start = streamed('start');
my @said = map { streamed(text => text => $_) } @text;
my @done = streamed('done', finishReason => 'stop', @usage);
my @failed = streamed('error', code => 'x');
my @call = (streamed(tool_call => index => 0, callId => 'c', name => 'lookup'),
    map { streamed(tool_arguments => index => 0, text => $_) } split /(?=,)/, (under(arguments => ask('chat/completions', request('tools=1'))->{json}))[0]);
my @called = streamed('done', finishReason => 'tool_calls', usage => { inputTokens => 11, outputTokens => 3 });
my @chunks = map { event({ chunk => $_, id => 'a' }) } @text;
my @over = event({ status => 'done', usage => { input_tokens => 11, output_tokens => 2 } });

# name => [ dialect, what to expect, the events, why they are wrong ]
my %answers = (
    good          => [ stream => {}, [ @start, @said, @done ] ],
    regrouped     => [ stream => {}, [ @start, streamed(text => text => join('', @text)), @done ] ],
    thoughts      => [ stream => { p => 'reason=2' }, [ @start, (streamed(reasoning => text => 'hm')) x 2, @said, streamed('done', finishReason => 'stop', usage => { inputTokens => 11, outputTokens => 4 }) ] ],
    calls         => [ stream => { p => 'tools=1' }, [ @start, @call, @called ] ],
    failed        => [ stream => { p => 'fault=close;after=7', e => 'failed' }, [ @start, @said, @failed ] ],
    comment       => [ stream => { C => 1 }, [ @start, ": beat\n\n", @said, @done ] ],
    less          => [ stream => {}, [ @start, $said[0], @done ], qr/not whole/ ],
    more          => [ stream => {}, [ @start, @said, $said[0], @done ], qr/more text/ ],
    twice         => [ stream => {}, [ @start, $said[0], @said, @done ], qr/the text differs/ ],
    two_ends      => [ stream => {}, [ @start, @said, @done, @failed ], qr/after the terminal/ ],
    no_end        => [ stream => {}, [ @start, @said ], qr/no terminal event/ ],
    no_start      => [ stream => {}, [ @said, @done ], qr/start is not/ ],
    late_start    => [ stream => {}, [ @start, @said, @start, @done ], qr/start is not/ ],
    error         => [ stream => {}, [ @start, @said, @failed ], qr/with an error/ ],
    no_error      => [ stream => { e => 'failed' }, [ @start, @said, @done ], qr/without an error/ ],
    beat          => [ stream => {}, [ @start, ": beat\n\n", @said, @done ], qr/does not belong/ ],
    half          => [ stream => {}, [ @start, @said, substr($done[0], 0, -2) ], qr/not whole/ ],
    no_thoughts   => [ stream => { p => 'reason=1' }, [ @start, @said, streamed('done', finishReason => 'stop', usage => { inputTokens => 11, outputTokens => 3 }) ], qr/thoughts are missing/ ],
    late_thoughts => [ stream => { p => 'reason=1' }, [ @start, @said, streamed(reasoning => text => 'hm'), @done ], qr/after the text/ ],
    no_call       => [ stream => { p => 'tools=1' }, [ @start, @called ], qr/calls are missing/ ],
    half_call     => [ stream => { p => 'tools=1' }, [ @start, $call[0], @called ], qr/other arguments/ ],
    other_call    => [ stream => { p => 'tools=1' }, [ @start, $call[0] =~ s/lookup/look/r, @call[ 1 .. $#call ], @called ], qr/another name/ ],
    reason        => [ stream => { p => 'finish=length' }, [ @start, @said, @done ], qr/another reason/ ],
    usage         => [ stream => {}, [ @start, @said, $done[0] =~ s/11/12/r ], qr/usage differs/ ],
    ids           => [ stream => {}, [ @start, $said[0] =~ s/"a"/"b"/r, $said[1], @done ], qr/the id changes/ ],
    names         => [ stream => {}, [ @start, $said[0] =~ s/event: text/event: done/r, $said[1], @done ], qr/type and name/ ],
    m_good        => [ message => {}, [ @chunks, @over ] ],
    m_failed      => [ message => { p => 'fault=close;after=7', e => 'failed' }, [ @chunks, event({ status => 'error' }) ] ],
    m_less        => [ message => {}, [ $chunks[0], @over ], qr/not whole/ ],
    m_no_end      => [ message => {}, [@chunks], qr/no terminal event/ ],
    m_two_ends    => [ message => {}, [ @chunks, @over, @over ], qr/after the terminal/ ],
    c_good        => [ completions => {}, [ (map { chunk({ content => $_ }) } '', @text), chunk({}, 'stop'), event('[DONE]') ] ],
    c_no_reason   => [ completions => {}, [ (map { chunk({ content => $_ }) } @text), event('[DONE]') ], qr/without a finish_reason/ ],
    c_no_end      => [ completions => {}, [ (map { chunk({ content => $_ }) } @text), chunk({}, 'stop') ], qr/no terminal event/ ],
    c_late        => [ completions => {}, [ chunk({ content => $text[0] }), chunk({}, 'stop'), chunk({ content => $text[1] }), event('[DONE]') ], qr/after its finish_reason/ ],
);

subtest 'what is said in the dialects of a gateway is checked, too' => sub {
    my $gateway = ChatTest::Answers->new(map { ($_ => ChatTest::Answers::whole(200, ['Content-Type: text/event-stream'], join '', $answers{$_}[2]->@*)) } keys %answers)->start;
    for my $name (sort keys %answers) {
        my ($dialect, $o, undef, $why) = $answers{$name}->@*;
        my $params = join ';', 'n=2', $o->{p} // ();
        my $got = load($gateway->url, %$o, p => $params, D => $dialect, b => "answer($name)");
        if ($why) {
            like $got->{failures}[0] // 'nothing', $why, "$dialect: $name is wrong";
        }
        else {
            is_deeply $got->{failures}, [], "$dialect: $name is right";
        }
    }
    $gateway->stop;
};

subtest 'the newest mock() counts' => sub {
    like ask('responses', '{"input":[{"content":"mock(seed=1)"},{"content":"mock(seed=2)"}]}')->{body}, qr/s2d0/, 'as in a session';
};

subtest 'the load client sees what is wrong' => sub {
    my %wrong = (
        'another text'   => [ body(), b => '{"stream":true}', s => 2 ],
        'an event less'  => [ body(), p => 'n=6' ],
        'an event more'  => [ body(), p => 'n=4' ],
        'no comments'    => [ body(), p => 'comments=1' ],
        'another status' => [ body(), S => 503 ],
        'a header less'  => [ body(), E => 'x-nobody: sends this' ],
    );
    for my $what (sort keys %wrong) {
        $res = load(url(), $wrong{$what}->@*);
        is $res->{failed}, 1, $what;
        ok $res->{exit}, '... shows in the exit status';
    }
    load_ok('comments may be allowed', $up->url(comments => 1) . '/responses', body(), C => 1);
    $res = load($up->url(comments => 1) . '/responses', body());
    like $res->{failures}[0], qr/the text differs/, '... or not';
};

# How soon is measured by t/bench; the last of them wait for other tests.
subtest 'an abort is seen by the mock at once' => sub {
    for my $case ([ 'in mid-stream', body('n=1000;pace=10'), A => 3 ], [ 'while it hangs', body('fault=hang'), A => 3 ],
        [ 'before the head', body('fault=hang-head'), A => '0:200' ])
    {
        my ($name, %o) = @$case;
        $up->reset;
        $res = load_ok($name, url(), %o, c => 100, r => 200);
        my ($ms, $lost);
        wait_for(sub {
            ($ms, $lost) = close_latency($res, $up->stats);
            return !@$lost;
        }, 'every close');
        is @$ms, 100, '100 of 100';
        ok $ms->[49] < scaled(20), 'half of them in time' or diag "p50 $ms->[49] ms, p99 $ms->[98] ms";
        is $up->stats->{open}, 0, 'nothing is left open';
    }
};

subtest 'a slow reader makes the mock wait' => sub {
    my $slow = load_start(url(), body('n=100;size=65536;lean=1'), w => '4096:700', B => 4096, c => 3);
    load_ok('which delays nobody else', url(), body('n=10;pace=20'), c => 50);
    $res = load_ok('and gets everything', $slow);
    ok $res->{seconds} >= 0.7, 'in the end';
};

subtest 'TLS on both sides' => sub {
    my @files = ChatTest->new(chat => 0)->certificate;
    my $tls = ChatTest::Upstream->new(tls => \@files)->start;
    my $url = $tls->url . '/responses';
    load_ok('streams', $url, body('n=20;pace=20'), c => 200, m => 2);
    load_ok('8 MiB', $url, body('n=1;size=8388608;lean=1'));
    $res = load_ok('aborts', $url, body('fault=hang'), A => 3, c => 50);
    wait_for(sub { !((close_latency($res, $tls->stats))[1]->@*) }, 'every close');
    ok $tls->stop, 'the mock exits well';
};

subtest 'the control channel' => sub {
    load(url() . '?n=1', body(), H => [ 'Authorization: Bearer sk-x', 'X-Two: b' ]);
    my $last = $up->last;
    is $last->{method}, 'POST', 'method';
    is $last->{path}, '/v1/responses?n=1', 'path';
    is $last->{headers}{authorization}, 'Bearer sk-x', 'headers';
    like $last->{body}, qr/mock\(seed=1\)/, 'body';
    $up->reset;
    is $up->stats->{requests}, 0, 'reset';
};

ok $up->stop, 'the mock exits well when its input ends';
done_testing;
