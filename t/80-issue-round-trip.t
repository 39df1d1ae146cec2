# SPDX-License-Identifier: Apache-2.0
#
# What a provider says beside text and calls goes back to it with the next
# request, in its own form and unchanged, and to nobody else: thoughts, with
# their signatures or encrypted, and what stands at a call. Two turns with a
# tool, for each provider, on both routes that have tools.
use v5.36;
use Test::More;
use FindBin;
use File::Temp ();
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $JSON = JSON::PP->new->canonical->allow_nonref;
my $FALSE = JSON::PP::false;

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

my %TOOL = (name => 'weather', description => 'w', parameters => { type => 'object', properties => { city => { type => 'string' } } });
my $CALLS = [ { id => 'call_x', type => 'function', function => { name => 'weather', arguments => '{"city":"Bern"}' } } ];

# name => [ type, more of its section, what it says, of what it is told then the part that is looked at, what that is ]
my %CASES = (
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

# ---- a client of each route, which keeps what it does not understand ----

sub merged ($message, $delta) {
    for my $key (keys %$delta) {
        $message->{$key} = ref $delta->{$key} ? [ ($message->{$key} // [])->@*, $delta->{$key}->@* ] : ($message->{$key} // '') . ($delta->{$key} // '')
            if $key ne 'tool_calls' && $key ne 'role' && defined $delta->{$key};
    }
    for my $c (($delta->{tool_calls} // [])->@*) {
        my $call = $message->{tool_calls}[ $c->{index} ] //= { %$c, function => { $c->{function}->%*, arguments => '' } };
        delete $call->{index};
        $call->{function}{arguments} .= $c->{function}{arguments} // '';
    }
}

my %ROUTES = (
    stream => {
        tools  => \%TOOL,
        events => sub (@data) {
            my %m = (role => 'assistant', content => '');
            for my $v (@data) {
                my %take = (
                    text => sub { $m{content} .= $v->{text} }, reasoning => sub { $m{reasoning} .= $v->{text} },
                    reasoning_detail => sub { push $m{reasoningDetails}->@*, $v->{detail} },
                    tool_call => sub { push $m{toolCalls}->@*, { id => $v->{callId}, name => $v->{name}, arguments => '', exists $v->{extra} ? (extra => $v->{extra}) : () } },
                    tool_arguments => sub { $m{toolCalls}[ $v->{index} ]{arguments} .= $v->{text} },
                );
                ($take{ $v->{type} } // sub { })->();
            }
            delete $m{content} if $m{content} eq '';
            return \%m;
        },
        whole => sub ($v) { return { role => 'assistant', (length $v->{text} ? (content => $v->{text}) : ()), map { exists $v->{$_} ? ($_ => $v->{$_}) : () } qw(reasoning reasoningDetails toolCalls) } },
        given => sub ($m) { map { { role => 'tool', toolCallId => $_->{id}, content => 'Cold.' } } $m->{toolCalls}->@* },
    },
    completions => {
        tools  => { type => 'function', function => \%TOOL },
        events => sub (@data) {
            my %m = (role => 'assistant', content => undef);
            merged(\%m, $_) for map { map { $_->{delta} } $_->{choices}->@* } @data;
            $m{content} = undef if !length($m{content} // '');
            return \%m;
        },
        whole => sub ($v) { return $v->{choices}[0]{message} },
        given => sub ($m) { map { { role => 'tool', tool_call_id => $_->{id}, content => 'Cold.' } } $m->{tool_calls}->@* },
    },
);

# ---- all of them ----

my $up = ChatTest::Answers->new(map { $_ => ChatTest::Answers::stream(map { utf8::encode(my $x = $_); $x } $CASES{$_}[1]->@*) } keys %CASES)->start;
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault gpt-5\n</Location>\n",
    map {
        my $type = $_;
        "<ChatProvider $type>\nChatProviderType $type\nChatProviderURL ${\$up->url}\nChatProviderKey env:CHAT_CANARY_KEY\n</ChatProvider>\n",
            map { "<Location /$type/$_>\nChatRoute $_\nChatUse $type\n</Location>\n" } sort keys %ROUTES;
    } sort keys %CASES)->start;

sub ask ($type, $route, $streamed, $name, @more) {
    my $res = $t->post_json("/$type/$route", { messages => [ { role => 'user', content => "answer($name)" }, @more ], tools => [ $ROUTES{$route}{tools} ],
        stream => $streamed ? JSON::PP::true : $FALSE });
    is $res->{status}, 200, "$type, $route: an answer of $name" or diag $res->{body};
    return $res;
}

sub answered ($type, $route, $streamed) {
    my $res = ask($type, $route, $streamed, $type);
    return $ROUTES{$route}{whole}->($JSON->decode($res->{text} // do { my $x = $res->{body}; utf8::decode($x); $x })) if !$streamed;
    my @data = map { my $x = $_->{data}; utf8::decode($x) if !utf8::is_utf8($x); $JSON->decode($x) } grep { $_->{data} ne '[DONE]' } $res->{events}->@*;
    return $ROUTES{$route}{events}->(@data);
}

sub told ($name) {
    my $body = $up->asked($name);
    utf8::decode($body);
    return $JSON->decode($body);
}

for my $type (sort keys %CASES) {
    my ($lines, undef, $look, $want) = $CASES{$type}->@*;
    for my $route (sort keys %ROUTES) {
        my $said;
        for my $streamed (0, 1) {
            my $how = "$type, $route, " . ($streamed ? 'streamed' : 'whole');
            $said = answered($type, $route, $streamed);
            ask($type, $route, $streamed, $type, $said, $ROUTES{$route}{given}->($said));
            is $JSON->encode([ $look->(told($type)) ]), $JSON->encode($want), "$how: what it said comes back in its own form"
                or diag $JSON->encode($said);
        }
        for my $other (grep { $_ ne $type } sort keys %CASES) {
            # Both have one form, and nothing in it says whose it is; at a call it says Google's.
            next if $type =~ /^(?:openrouter|compatible)$/ && $other =~ /^(?:openrouter|compatible)$/ || "$type $other" eq 'compatible gemini';
            ask($other, $route, 1, $other, $said, $ROUTES{$route}{given}->($said));
            unlike $up->asked($other), qr/SIG-|$type\//, "$type, $route: ... and is nothing for $other";
        }
    }
}
# As docs/stream.md prints it.
SKIP: {
    skip 'node is not installed', 1 if system('node --version > /dev/null 2>&1') != 0;
    open my $page, '<:raw', "$FindBin::Bin/../docs/stream.md" or die $!;
    my ($code) = do { local $/; <$page> } =~ /^<!-- test: by t\/80-issue-round-trip.t -->\n```js\n(.*?)^```$/ms;
    my $res = ask('anthropic', 'stream', 1, 'anthropic');
    my $events = join ',', map { $_->{data} } $res->{events}->@*;
    my $script = File::Temp->new(SUFFIX => '.mjs');
    print $script $code, "for (const e of [$events]) take[e.type]?.(e);\nconsole.log(JSON.stringify(message));\n";
    close $script;
    my $said = $JSON->decode(do { my $x = `node $script`; utf8::decode($x); $x });
    ask('anthropic', 'stream', 0, 'anthropic', $said, $ROUTES{stream}{given}->($said));
    is $JSON->encode([ $CASES{anthropic}[2]->(told('anthropic')) ]), $JSON->encode($CASES{anthropic}[3]), 'the code of the page keeps all of it';
}

like $JSON->encode(told('openai')->{include}), qr/reasoning.encrypted_content/, 'thoughts are asked for where they are not kept';

$t->stop;
done_testing;
