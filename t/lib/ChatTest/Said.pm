# SPDX-License-Identifier: Apache-2.0
#
# What each type of provider says beside text and calls, in a turn that waits for
# a tool, and what it wants back of it with the next one.
package ChatTest::Said;

use v5.36;
use utf8;
use Exporter 'import';
use JSON::PP ();
use ChatTest::Answers;

our @EXPORT = qw(%CASES %TOOL said);

my $JSON = JSON::PP->new->canonical->allow_nonref;

sub event ($data, $type = undef) { return (defined $type ? "event: $type\n" : '') . 'data: ' . $JSON->encode($data) . "\n\n" }

# ---- what they say ----

sub blocks (@blocks) {
    my $i = 0;
    return map {
        my ($start, @deltas) = @$_;
        my $at = $i++;
        (event({ type => 'content_block_start', index => $at, content_block => $start }, 'content_block_start'),
            (map { event({ type => 'content_block_delta', index => $at, delta => $_ }, 'content_block_delta') } @deltas),
            event({ type => 'content_block_stop', index => $at }, 'content_block_stop'));
    } @blocks;
}

sub thinking ($signature, @texts) {
    return [ { type => 'thinking', thinking => '', signature => '' }, (map { { type => 'thinking_delta', thinking => $_ } } @texts),
        { type => 'signature_delta', signature => $signature } ];
}

my @claude = (
    event({ type => 'message_start', message => { id => 'msg_1', type => 'message', role => 'assistant', content => [], usage => { input_tokens => 9, output_tokens => 1 } } }, 'message_start'),
    blocks(thinking('SIG-A1/+==', 'It may be "cold" ', "in Zürich.\n"), [ { type => 'redacted_thinking', data => 'SIG-A2' } ],
        [ { type => 'text', text => '' }, { type => 'text_delta', text => "Einen Moment \x{1f600}." } ],
        thinking('SIG-A3'),
        [ { type => 'tool_use', id => 'toolu_1', name => 'weather', input => {} }, { type => 'input_json_delta', partial_json => '{"city":"Bern"}' } ]),
    event({ type => 'message_delta', delta => { stop_reason => 'tool_use' }, usage => { output_tokens => 20 } }, 'message_delta'),
    event({ type => 'message_stop' }, 'message_stop'),
);

sub google ($finish, @parts) {
    return event({ candidates => [ { index => 0, content => { role => 'model', parts => \@parts }, ($finish ? (finishReason => $finish) : ()) } ] });
}

my %CALL = (name => 'weather', args => { city => 'Bern' });
my @gemini = (
    google(undef, { text => 'Hm.', thought => JSON::PP::true }),
    google(undef, { text => 'Einen ' }), google(undef, { text => "Moment \x{1f600}.", thoughtSignature => 'SIG-G1' }), google(undef, { text => ' Ja.' }),
    google(undef, { functionCall => { id => 'fc-1', %CALL }, thoughtSignature => 'SIG-G2' }, { functionCall => { id => 'fc-2', %CALL } }),
    google('STOP', { text => '', thoughtSignature => 'SIG-G3' }),
);

sub chunk ($delta, $finish = undef) { return event({ choices => [ { index => 0, delta => $delta, finish_reason => $finish } ] }) }
sub call_delta (%more) { return { tool_calls => [ { index => 0, id => 'call_x', type => 'function', function => { name => 'weather', arguments => '{"city":"Bern"}' }, %more } ] } }

my %R = (type => 'reasoning.text', format => 'anthropic-claude-v1', index => 0, id => undef);
my @openrouter = (
    chunk({ role => 'assistant', reasoning => 'It ', reasoning_details => [ { %R, text => 'It ' } ] }),
    chunk({ reasoning => 'may.', reasoning_details => [ { %R, text => 'may.' } ] }),
    chunk({ reasoning_details => [ { %R, signature => 'SIG-R1' } ] }),
    chunk({ reasoning_details => [ { type => 'reasoning.encrypted', data => 'SIG-R2', id => 'rs_1', format => 'openai-responses-v1', index => 1 } ] }),
    chunk({ content => 'Wait.' }), chunk(call_delta()), chunk({}, 'tool_calls'), "data: [DONE]\n\n",
);
my @deepseek = (chunk({ role => 'assistant', reasoning_content => 'It ' }), chunk({ reasoning_content => 'may.' }), chunk(call_delta()), chunk({}, 'tool_calls'), "data: [DONE]\n\n");
my @compatible = (chunk({ role => 'assistant', content => 'Wait.' }), chunk(call_delta(extra_content => { google => { thought_signature => 'SIG-C1' } })),
    chunk({}, 'stop'), "data: [DONE]\n\n");

sub thought (@texts) { return { type => 'thinking', thinking => [ map { { type => 'text', text => $_ } } @texts ] } }
my @mistral = (chunk({ role => 'assistant', content => [ thought('It ') ] }), chunk({ content => [ thought('may. SIG-M1') ] }),
    chunk({ content => [ { type => 'text', text => 'Wait.' } ] }), chunk(call_delta()), chunk({}, 'tool_calls'), "data: [DONE]\n\n");

my $reasoning = { type => 'reasoning', id => 'rs_7', summary => [ { type => 'summary_text', text => 'Hm.' } ], encrypted_content => 'SIG-O1' };
my $called = { type => 'function_call', id => 'fc_1', call_id => 'call_x', name => 'weather', arguments => '{"city":"Bern"}', status => 'completed' };
my @responses = (
    event({ type => 'response.created', response => { status => 'in_progress', output => [] } }, 'response.created'),
    event({ type => 'response.output_item.added', output_index => 0, item => { type => 'reasoning', id => 'rs_7', summary => [], encrypted_content => 'SIG-O0' } }, 'response.output_item.added'),
    event({ type => 'response.reasoning_summary_text.delta', output_index => 0, summary_index => 0, delta => 'Hm.' }, 'response.reasoning_summary_text.delta'),
    event({ type => 'response.output_item.done', output_index => 0, item => $reasoning }, 'response.output_item.done'),
    event({ type => 'response.output_item.added', output_index => 1, item => { %$called, arguments => '' } }, 'response.output_item.added'),
    event({ type => 'response.output_item.done', output_index => 1, item => $called }, 'response.output_item.done'),
    event({ type => 'response.completed', response => { status => 'completed', output => [ $reasoning, $called ], usage => { input_tokens => 1, output_tokens => 2 } } }, 'response.completed'),
);

# ---- what they want ----

our %TOOL = (name => 'weather', description => 'w', parameters => { type => 'object', properties => { city => { type => 'string' } } });
my $CALLS = [ { id => 'call_x', type => 'function', function => { name => 'weather', arguments => '{"city":"Bern"}' } } ];

# name => [ type, more of its section, what it says, of what it is told then the part that is looked at, what that is ]
our %CASES = (
    anthropic => [ '', \@claude, sub ($b) { @{ $b->{messages} }[ 1, 2 ] }, [
            { role => 'assistant', content => [
                { type => 'thinking', thinking => qq(It may be "cold" in Zürich.\n), signature => 'SIG-A1/+==' },
                { type => 'redacted_thinking', data => 'SIG-A2' },
                { type => 'text', text => "Einen Moment \x{1f600}." },
                { type => 'thinking', thinking => '', signature => 'SIG-A3' },
                { type => 'tool_use', id => 'toolu_1', name => 'weather', input => { city => 'Bern' } } ] },
            { role => 'user', content => [ { type => 'tool_result', tool_use_id => 'toolu_1', content => 'Cold.' } ] } ] ],
    gemini => [ '', \@gemini, sub ($b) { @{ $b->{contents} }[ 1, 2 ] }, [
            { role => 'model', parts => [
                { text => "Einen Moment \x{1f600}.", thoughtSignature => 'SIG-G1' }, { text => ' Ja.' },
                { functionCall => { id => 'fc-1', %CALL }, thoughtSignature => 'SIG-G2' }, { functionCall => { id => 'fc-2', %CALL } },
                { text => '', thoughtSignature => 'SIG-G3' } ] },
            { role => 'user', parts => [ map { { functionResponse => { id => $_, name => 'weather', response => { result => 'Cold.' } } } } 'fc-1', 'fc-2' ] } ] ],
    openai => [ '', \@responses, sub ($b) { splice @{ $b->{input} }, 1; }, [
            $reasoning, { type => 'function_call', call_id => 'call_x', name => 'weather', arguments => '{"city":"Bern"}' },
            { type => 'function_call_output', call_id => 'call_x', output => 'Cold.' } ] ],
    openrouter => [ '', \@openrouter, sub ($b) { $b->{messages}[1] }, [
            { role => 'assistant', content => 'Wait.', reasoning_content => 'It may.', tool_calls => $CALLS, reasoning_details => [
                { %R, text => 'It may.', signature => 'SIG-R1' },
                { type => 'reasoning.encrypted', data => 'SIG-R2', id => 'rs_1', format => 'openai-responses-v1', index => 1 } ] } ] ],
    deepseek => [ '', \@deepseek, sub ($b) { $b->{messages}[1] }, [ { role => 'assistant', content => undef, reasoning_content => 'It may.', tool_calls => $CALLS } ] ],
    mistral => [ '', \@mistral, sub ($b) { $b->{messages}[1]{content} }, [ [ thought('It may. SIG-M1'), { type => 'text', text => 'Wait.' } ] ] ],
    compatible => [ '', \@compatible, sub ($b) { $b->{messages}[1] }, [
            { role => 'assistant', content => 'Wait.', tool_calls => [ { $CALLS->[0]->%*, extra_content => { google => { thought_signature => 'SIG-C1' } } } ] } ] ],
);

# The answer of a type of provider, for ChatTest::Answers.
sub said ($type) {
    return ChatTest::Answers::stream(map { utf8::encode(my $x = $_); $x } $CASES{$type}[1]->@*);
}

1;
