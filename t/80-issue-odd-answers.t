# SPDX-License-Identifier: Apache-2.0
#
# Answers of gateways that are odd in one thing: where a refusal or a count
# stands, how a call of a tool is cut into chunks, what form a text has, what an
# event or a status is called. What it says is told whole, once and by its name.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $JSON = JSON::PP->new->canonical;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

sub data (@chunks) { return join '', map { 'data: ' . (ref $_ ? $JSON->encode($_) : $_) . "\n\n" } @chunks }
sub typed (@events) { return join '', map { "event: $_->{type}\ndata: " . $JSON->encode($_) . "\n\n" } @events }

sub answer ($body, %o) {
    my $type = $o{type} // 'text/event-stream';
    return 'HTTP/1.1 ' . ($o{status} // '200 OK') . "\r\n" . ($type ? "Content-Type: $type\r\n" : '')
        . "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body);
}

sub delta ($delta, $reason = undef, %more) { return { choices => [ { index => 0, delta => $delta, finish_reason => $reason } ], %more } }
sub hi (%more) { return delta({ content => 'Hi' }, 'stop', %more) }
sub completions (@chunks) { return answer(data(@chunks, '[DONE]')) }
sub counted ($usage) { return completions(hi(), { choices => [], usage => $usage }) }
sub call (%call) { return delta({ tool_calls => [ { index => 0, %call } ] }) }
sub called (@calls) { return completions(@calls, delta({}, 'tool_calls')) }
sub json ($v, $type = 'application/json') { return answer($JSON->encode($v), type => $type) }

sub part ($part, $reason = undef, %more) { return { candidates => [ { content => { parts => [$part] }, $reason ? (finishReason => $reason) : () } ], %more } }
sub gemini (@chunks) { return answer(data(@chunks)) }
sub responses (@events) { return answer(data(@events)) }
my $completed = { type => 'response.completed', response => { status => 'completed', output => [] } };
my $piece = { type => 'response.output_text.delta', delta => 'Hi' };

my $start = { type => 'message_start', message => { usage => { input_tokens => 15, output_tokens => 0 } } };
my @block = (
    { type => 'content_block_start', index => 0, content_block => { type => 'text', text => '' } },
    { type => 'content_block_delta', index => 0, delta => { type => 'text_delta', text => 'Hi' } },
);
sub stopped ($reason, %more) { return ({ type => 'message_delta', delta => { stop_reason => $reason }, %more }, { type => 'message_stop' }) }
sub tool ($input, @pieces) {
    return answer(typed($start, { type => 'content_block_start', index => 0, content_block => { type => 'tool_use', id => 'a', name => 'w', input => $input } },
        (map { { type => 'content_block_delta', index => 0, delta => { type => 'input_json_delta', partial_json => $_ } } } @pieces),
        { type => 'content_block_stop', index => 0 }, stopped('tool_use')));
}

my $limited = { code => 429, message => 'x' };
my $minimax = { choices => undef, base_resp => { status_code => 1008, status_msg => 'x' } };
my $ok = 'Hi stop';
my $one = 'w{"a":1} tool_calls';
my %weather = (name => 'w', arguments => '{"a":1}');

# name => [ type of the provider, bytes, what is told: text, calls and end, or a status and a code; with counts: in+out ]
my %CASES = (
    # refusals
    in_the_choice  => [ openrouter => completions({ choices => [ { index => 0, delta => {}, error => $limited } ] }), '429 upstream_rate_limited' ],
    choice_behind  => [ openrouter => completions(delta({ content => 'Hi' }), { choices => [ { index => 0, delta => {}, error => $limited } ] }), 'Hi upstream_rate_limited' ],
    choice_body    => [ openrouter => json({ choices => [ { index => 0, error => $limited } ] }), '429 upstream_rate_limited' ],
    in_a_list      => [ compatible => completions([ { error => $limited } ]), '429 upstream_rate_limited' ],
    in_an_error    => [ compatible => completions({ error => { error => $limited } }), '429 upstream_rate_limited' ],
    in_a_text      => [ compatible => completions({ error => { code => undef, message => $JSON->encode({ error => $limited }) } }), '429 upstream_rate_limited' ],
    of_errors      => [ compatible => completions({ errors => [$limited] }), '429 upstream_rate_limited' ],
    flat           => [ compatible => completions($limited), '429 upstream_rate_limited' ],
    detail         => [ compatible => completions({ detail => 'x' }), '502 upstream_error' ],
    no_success     => [ compatible => completions({ success => $FALSE, msg => 'x' }), '502 upstream_error' ],
    minimax        => [ compatible => completions($minimax), '502 upstream_error' ],
    minimax_good   => [ compatible => completions(hi(base_resp => { status_code => 0, status_msg => '' })), $ok ],
    called_stream  => [ compatible => json({ error => $limited }, 'text/event-stream'), '429 upstream_rate_limited' ],
    called_nothing => [ compatible => json({ error => $limited }, ''), '429 upstream_rate_limited' ],
    claude_stream  => [ anthropic  => json({ type => 'error', error => { type => 'overloaded_error' } }, 'text/event-stream'), '503 upstream_overloaded' ],
    claude_text    => [ anthropic  => answer(data({ type => 'error', error => 'overloaded_error' })), '503 upstream_overloaded' ],
    gemini_list    => [ gemini     => gemini([ { error => { code => 429, status => 'RESOURCE_EXHAUSTED' } } ]), '429 upstream_rate_limited' ],
    no_error_text  => [ compatible => completions(hi(error => '')), $ok ],
    no_error       => [ compatible => completions(hi(error => {})), $ok ],
    no_error_zero  => [ deepseek   => completions(hi(error => 0)), $ok ],

    # marks of the end, names and heads
    unspecified    => [ gemini     => gemini(part({ text => 'Hi' }, 'FINISH_REASON_UNSPECIFIED')), 'Hi upstream_truncated' ],
    then_specified => [ gemini     => gemini(part({ text => 'Hi' }, 'FINISH_REASON_UNSPECIFIED'), part({ text => '' }, 'STOP')), $ok ],
    not_blocked    => [ gemini     => gemini(part({ text => 'Hi' }, undef, promptFeedback => { blockReason => 'BLOCK_REASON_UNSPECIFIED' })), 'Hi upstream_truncated' ],
    gemini_done    => [ gemini     => gemini(part({ text => 'Hi' }, 'STOP'), '[DONE]'), $ok ],
    gemini_null    => [ gemini     => gemini('null', part({ text => 'Hi' }, 'STOP'), 'ping'), $ok ],
    gemini_chunks  => [ gemini     => gemini([ part({ text => 'H' }), part({ text => 'i' }, 'STOP') ]), $ok ],
    claude_renamed => [ anthropic  => answer(join '', map { "event: data\n" . data($_) } $start, @block, stopped('end_turn')), $ok ],
    openai_renamed => [ openai     => answer(join '', map { "event: chunk\n" . data($_) } $piece, $completed), $ok ],
    created        => [ compatible => answer(data(hi(), '[DONE]'), status => '201 Created'), $ok ],
    accepted       => [ openai     => answer(data($piece, $completed), status => '202 Accepted'), $ok ],
    created_page   => [ compatible => answer(data(hi(), '[DONE]'), status => '201 Created', type => ''), '502 upstream_error' ],
    type_twice     => [ compatible => answer(data(hi(), '[DONE]'), type => 'text/event-stream, text/event-stream'), $ok ],

    # counts
    other_names    => [ compatible => counted({ input_tokens => 5, output_tokens => 2 }), "$ok 5+2" ],
    total_is_more  => [ compatible => counted({ prompt_tokens => 32, completion_tokens => 9, total_tokens => 135 }), "$ok 32+103" ],
    total_alone    => [ mistral    => counted({ prompt_tokens => 5, total_tokens => 12 }), "$ok 5+7" ],
    total_is_less  => [ compatible => counted({ prompt_tokens => 5, completion_tokens => 2, total_tokens => 5 }), "$ok 5+2" ],
    gemini_tools   => [ gemini     => gemini(part({ text => 'Hi' }, 'STOP', usageMetadata => { promptTokenCount => 5, candidatesTokenCount => 2, toolUsePromptTokenCount => 100, thoughtsTokenCount => 3 })), "$ok 105+5" ],
    gemini_total   => [ gemini     => gemini(part({ text => 'Hi' }, 'STOP', usageMetadata => { promptTokenCount => 5, totalTokenCount => 17 })), "$ok 5+12" ],
    claude_names   => [ anthropic  => answer(typed({ type => 'message_start', message => {} }, @block, stopped('end_turn', usage => { prompt_tokens => 15, completion_tokens => 4 }))), "$ok 15+4" ],
    openai_names   => [ openai     => responses($piece, { type => 'response.completed', response => { usage => { prompt_tokens => 5, completion_tokens => 2 } } }), "$ok 5+2" ],

    # calls
    of_old         => [ compatible => called(delta({ function_call => { name => 'w', arguments => '' } }), delta({ function_call => { arguments => '{"a":1}' } })), $one ],
    name_later     => [ compatible => called(call(id => 'a', type => 'function'), call(function => { name => 'w' }), call(function => { arguments => '{"a":1}' })), $one ],
    name_at_last   => [ compatible => called(call(id => 'a', function => { name => '', arguments => '{"a":' }), call(id => 'a', function => { name => 'w', arguments => '1}' })), $one ],
    names_later    => [ compatible => called(call(id => 'a'), call(index => 1, id => 'b', function => { name => undef }), call(index => 1, function => \%weather)), ' w{"a":1} tool_calls' ],
    name_never     => [ compatible => called(call(id => 'a', function => { arguments => '{"a":1}' })), '{"a":1} tool_calls' ],
    name_null      => [ compatible => called(call(id => 'a', function => { name => 'w', arguments => '{"a":' }), call(id => '', function => { name => 'null', arguments => '1}' })), $one ],
    twice          => [ compatible => called((call(id => 'a', function => \%weather)) x 2), $one ],
    twice_nameless => [ compatible => called((call(function => \%weather)) x 2), 'w{"a":1} w{"a":1} tool_calls' ],
    twice_differs  => [ compatible => called(call(id => 'a', function => \%weather), call(id => 'a', function => { name => 'w', arguments => '{"a":2}' })), 'w{"a":1} w{"a":2} tool_calls' ],
    no_call        => [ compatible => completions(delta({ content => 'Hi', tool_calls => [undef] }, 'stop')), $ok ],
    claude_twice   => [ anthropic  => tool({ a => 1 }, '{"a":1}'), "$one" ],
    claude_again   => [ anthropic  => tool({ a => 1 }, '{"a"', ':1}'), "$one" ],
    claude_string  => [ anthropic  => tool('{"a":1}'), $one ],
    gemini_string  => [ gemini     => gemini(part({ functionCall => { name => 'w', args => '{"a":1}' } }, 'STOP')), $one ],
    gemini_twice   => [ gemini     => gemini((part({ functionCall => { id => 'x', name => 'w', args => { a => 1 } } }, 'STOP')) x 2), $one ],
    gemini_nothing => [ gemini     => gemini(part({ functionCall => {} }), part({ text => 'Hi' }, 'STOP')), $ok ],
    openai_object  => [ openai     => responses({ type => 'response.output_item.done', output_index => 0, item => { type => 'function_call', call_id => 'a', name => 'w', arguments => { a => 1 } } }, $completed), $one ],

    # texts
    text_object    => [ compatible => completions(delta({ content => { type => 'text', text => 'Hi' } }, 'stop')), $ok ],
    text_list      => [ compatible => completions(delta({ content => [ 'H', 'i' ] }, 'stop')), $ok ],
    text_of_old    => [ compatible => completions({ choices => [ { index => 0, text => 'Hi', finish_reason => 'stop' } ] }), $ok ],
    thought        => [ compatible => completions(delta({ content => [ { type => 'reasoning', text => 'hm' }, { type => 'text', text => 'Hi' } ] }, 'stop')), "(hm)$ok" ],
    summary        => [ compatible => completions(delta({ content => [ { type => 'reasoning', summary => [ { type => 'summary_text', text => 'hm' } ] }, { type => 'text', text => 'Hi' } ] }, 'stop')), "(hm)$ok" ],
    openai_done    => [ openai     => responses({ type => 'response.output_text.done', text => 'Hi' }, $completed), $ok ],
    openai_both    => [ openai     => responses($piece, { type => 'response.output_text.done', text => 'Hi' }, $completed), $ok ],
    openai_cut     => [ openai     => responses({ type => 'response.incomplete', response => { status => 'incomplete', incomplete_details => { reason => 'max_output_tokens' },
        output => [ { type => 'message', content => [ { type => 'output_text', text => 'Hi' } ] } ] } }), 'Hi length' ],
);

my $up = ChatTest::Answers->new(map { $_ => $CASES{$_}[1] } keys %CASES)->start;
my %types = map { $_->[0] => 1 } values %CASES;
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault m\n</Location>\n",
    map {
        my $type = $_;
        "<ChatProvider $type>\nChatProviderType $type\nChatProviderURL ${\$up->url}\nChatProviderBreaker off\n</ChatProvider>\n",
            map { "<Location /$type/$_>\nChatRoute " . ($_ eq 'own' ? $type =~ m{^(?:compatible|mistral)$} ? "openai" : $type : $_) . "\nChatUse $type\n</Location>\n" } qw(stream own);
    } sort keys %types)->start;
$t->expect_log(qr/CHAT0902: /);

sub ask ($type, $route, $name, %more) { return $t->sse("/$type/$route", { messages => [ { role => 'user', content => "answer($name)" } ], %more }) }

# Events of the route stream, in short.
sub told (@events) {
    my ($text, $end, $usage, @calls) = ('', '', '');
    for my $said (map { $JSON->decode($_->{data}) } @events) {
        $text .= $said->{text} if $said->{type} eq 'text';
        $text .= "($said->{text})" if $said->{type} eq 'reasoning';
        $calls[ $said->{index} ] = $said->{name} if $said->{type} eq 'tool_call';
        $calls[ $said->{index} ] .= $said->{text} if $said->{type} eq 'tool_arguments';
        $end = $said->{finishReason} // $said->{code} // $end;
        $usage = join '+', map { $_ // '?' } $said->{usage}->@{qw(inputTokens outputTokens)} if $said->{usage};
    }
    return (join(' ', length $text ? $text : (), @calls, $end), $usage);
}

for my $name (sort keys %CASES) {
    my ($type, undef, $want) = $CASES{$name}->@*;
    my ($sum) = $want =~ s/ (\d+\+\d+)\z// ? $1 : undef;
    my $res = ask($type, 'stream', $name);
    my ($said, $usage) = $res->{events}->@* ? told($res->{events}->@*) : ("$res->{status} " . $JSON->decode($res->{body})->{code}, '');
    is $said, $want, "$name: what is told";
    is $usage, $sum, '... and counted' if $sum;
    my $refused = $want =~ /^\d/;
    $res = ask($type, 'own', $name);
    is $refused ? "$res->{status} " . ($JSON->decode($res->{body})->{code} // '') : $res->{clean} ? 'clean' : 'broken off',
        $refused ? $want : $want =~ /upstream_/ ? 'broken off' : 'clean', '... and so it is where bytes pass unchanged';
}

$t->stop;
done_testing;
