# SPDX-License-Identifier: Apache-2.0
#
# The words of the contracts, ours and the providers': writes a request in any
# of them, reads an answer in any of them, and reads what an upstream was told.
# For tests that ask one thing of all. Pure.
#
#   asked($contract, %ask)   a request's body
#       text, system, stream => 0|1; tools => [{ name, description, parameters }];
#       calls => [{ id, name, arguments }] and results => [ text of each ], which
#       follow the text; back => the message with the calls, as it was said; json => 1; schema, strict => 0|1
#   said($contract, $res)    { text, calls, finish, usage => [in, out, cached],
#       ended: how many events say that it is over, error: its code, last: the
#       last thing said is the end or the error, events, back: the message as
#       stream and completions give it back }
#   told($wire, $body)       { system, texts, tools, calls, results, json,
#       schema, strict }
#
# Contracts: chat (the module's own requests), stream, message, ui; completions,
# responses, messages (Anthropic) and gemini, which are wires as well.
package ChatTest::Wires;

use v5.36;
use Exporter 'import';
use JSON::PP ();

our @EXPORT_OK = qw(asked said told);

my $JSON = JSON::PP->new->canonical;
my $BYTES = JSON::PP->new->utf8;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

# ---- requests ----

sub flag ($yes) {
    return $yes ? $TRUE : $FALSE;
}

sub maybe ($name, $value) {
    return defined $value ? ($name => $value) : ();
}

sub listed ($name, @list) {
    return @list ? ($name => \@list) : ();
}

sub strictly (%ask) {
    return exists $ask{strict} ? (strict => flag($ask{strict})) : ();
}

# The messages of a request: the question, the calls, what they gave.
sub messages_of ($ask, $calls, $result) {
    my @calls = ($ask->{calls} // [])->@*;
    my @results = ($ask->{results} // [])->@*;
    return (
        { role => 'user', content => $ask->{text} },
        ($ask->{back} // (@calls ? { role => 'assistant', $calls->(@calls) } : ())),
        map { $result->($calls[$_], $results[$_]) } 0 .. $#results,
    );
}

# Our own requests; those of the route stream have tools.
sub ask_chat (%ask) {
    my @messages = messages_of(\%ask,
        sub { content => '', toolCalls => [ map { +{ $_->%{qw(id name arguments)} } } @_ ] },
        sub ($call, $text) { { role => 'tool', content => $text, toolCallId => $call->{id} } });
    my $format = $ask{schema} ? { type => 'json_schema', schema => $ask{schema}, strictly(%ask) } : $ask{json} ? { type => 'json_object' } : undef;
    return { messages => \@messages, maybe(system => $ask{system}), listed(tools => ($ask{tools} // [])->@*), maybe(responseFormat => $format),
        ($ask{stream} ? () : (stream => $FALSE)) };
}

sub ask_message (%ask) {
    my $format = $ask{schema} ? { type => 'json_schema', schema => $ask{schema} } : $ask{json} ? { type => 'json_object' } : undef;
    return { message => $ask{text}, maybe(system => $ask{system}), listed(tools => ($ask{tools} // [])->@*), maybe(responseFormat => $format),
        ($ask{stream} ? () : (stream => $FALSE)) };
}

# Calls and what was given for them are parts of one message.
sub ask_ui (%ask) {
    my @calls = ($ask{calls} // [])->@*;
    my %result = map { $calls[$_]{id} => $ask{results}[$_] } 0 .. $#calls;
    my $answer = $ask{back} // { role => 'assistant', parts => [ map { { type => "tool-$_->{name}", toolCallId => $_->{id}, input => $JSON->decode($_->{arguments}) } } @calls ] };
    my @parts = map { exists $_->{toolCallId} ? { %$_, state => 'output-available', output => $result{ $_->{toolCallId} } } : $_ } $answer->{parts}->@*;
    my %chat = ask_chat(%ask, calls => [], results => [], back => undef)->%*;
    return { %chat, id => 'chat-1', trigger => 'submit-message', messages => [ { id => 'u', role => 'user', parts => [ { type => 'text', text => $ask{text} } ] },
        (@calls ? { id => 'a', role => 'assistant', parts => \@parts } : ()) ] };
}

sub ask_completions (%ask) {
    my @messages = messages_of(\%ask,
        sub { content => undef, tool_calls => [ map { +{ id => $_->{id}, type => 'function', function => { $_->%{qw(name arguments)} } } } @_ ] },
        sub ($call, $text) { { role => 'tool', content => $text, tool_call_id => $call->{id} } });
    my $format = $ask{schema} ? { type => 'json_schema', json_schema => { name => 'form', schema => $ask{schema}, strictly(%ask) } }
        : $ask{json} ? { type => 'json_object' } : undef;
    return {
        messages => [ ($ask{system} ? { role => 'system', content => $ask{system} } : ()), @messages ],
        listed(tools => map { { type => 'function', function => $_ } } ($ask{tools} // [])->@*),
        maybe(response_format => $format),
        ($ask{stream} ? (stream => $TRUE, stream_options => { include_usage => $TRUE }) : ()),
    };
}

sub ask_responses (%ask) {
    my @input = map {
        my $m = $_;
        $m->{role} eq 'tool' ? { type => 'function_call_output', call_id => $m->{id}, output => $m->{content} }
            : $m->{calls} ? map { { type => 'function_call', call_id => $_->{id}, $_->%{qw(name arguments)} } } $m->{calls}->@*
            : $m
    } messages_of(\%ask, sub { calls => [@_] }, sub ($call, $text) { { role => 'tool', id => $call->{id}, content => $text } });
    my $format = $ask{schema} ? { type => 'json_schema', name => 'form', schema => $ask{schema}, strictly(%ask) }
        : $ask{json} ? { type => 'json_object' } : undef;
    return { input => \@input, maybe(instructions => $ask{system}), listed(tools => map { { type => 'function', %$_ } } ($ask{tools} // [])->@*),
        ($format ? (text => { format => $format }) : ()), ($ask{stream} ? (stream => $TRUE) : ()) };
}

sub ask_messages (%ask) {
    my @all = messages_of(\%ask,
        sub { content => [ map { { type => 'tool_use', id => $_->{id}, name => $_->{name}, input => $JSON->decode($_->{arguments}) } } @_ ] },
        sub ($call, $text) { { role => 'user', content => [ { type => 'tool_result', tool_use_id => $call->{id}, content => $text } ] } });
    my @results = map { $_->{content}->@* } splice @all, 2;
    my @tools = map { { name => $_->{name}, description => $_->{description}, input_schema => $_->{parameters} } } ($ask{tools} // [])->@*;
    return { messages => [ @all, (@results ? { role => 'user', content => \@results } : ()) ], max_tokens => 500, maybe(system => $ask{system}),
        listed(tools => @tools), ($ask{schema} ? (output_config => { format => { type => 'json_schema', schema => $ask{schema} } }) : ()),
        ($ask{stream} ? (stream => $TRUE) : ()) };
}

sub ask_gemini (%ask) {
    my @all = messages_of(\%ask,
        sub { parts => [ map { { functionCall => { name => $_->{name}, args => $JSON->decode($_->{arguments}) } } } @_ ] },
        sub ($call, $text) { { parts => [ { functionResponse => { name => $call->{name}, response => { result => $text } } } ] } });
    my ($question, $calls, @results) = @all;
    my @contents = ({ role => 'user', parts => [ { text => $question->{content} } ] },
        ($calls   ? { role => 'model', parts => $calls->{parts} }                     : ()),
        (@results ? { role => 'user',  parts => [ map { $_->{parts}->@* } @results ] } : ()));
    my @functions = map { { name => $_->{name}, description => $_->{description}, parametersJsonSchema => $_->{parameters} } } ($ask{tools} // [])->@*;
    my %config = ($ask{json} || $ask{schema} ? (responseMimeType => 'application/json') : (), maybe(responseJsonSchema => $ask{schema}));
    return { contents => \@contents, ($ask{system} ? (systemInstruction => { parts => [ { text => $ask{system} } ] }) : ()),
        (@functions ? (tools => [ { functionDeclarations => \@functions } ]) : ()), (%config ? (generationConfig => \%config) : ()) };
}

my %ASK = (ui => \&ask_ui, chat => \&ask_chat, stream => \&ask_chat, message => \&ask_message, completions => \&ask_completions,
    responses => \&ask_responses, messages => \&ask_messages, gemini => \&ask_gemini);

sub asked ($contract, %ask) {
    return $ASK{$contract}->(%ask);
}

# ---- answers ----

my %FINISH = (
    end_turn   => 'stop', tool_use   => 'tool_calls', max_tokens => 'length', refusal    => 'content_filter',
    STOP       => 'stop', MAX_TOKENS => 'length',     SAFETY     => 'content_filter',
    completed  => 'stop', incomplete => 'length',
);

sub finish_of ($said, $word) {
    $said->{finish} = $FINISH{$word} // $word if defined $word;
}

sub usage_of ($said, $usage, $in, $out, $cached) {
    return unless $usage && defined $usage->{$in};
    $said->{usage} = [ $usage->{$in}, $usage->{$out}, $cached ];
}

sub fail_of ($said, $code) {
    $said->{error} = $code // '?';
}

sub call_at ($said, $index) {
    return $said->{calls}[$index] //= { id => '', name => '', arguments => '' };
}

sub take_completions ($said, $v) {
    return fail_of($said, $v->{error}{code} // $v->{code}) if $v->{error} || ($v->{object} // '') eq 'error';
    my $choice = $v->{choices}[0] // {};
    my $delta = $choice->{delta} // $choice->{message} // {};
    $said->{text} .= $delta->{content} // '' if !ref $delta->{content};
    my $back = $said->{back} //= { role => 'assistant', content => undef };
    $back->{$_} .= $delta->{$_} for grep { length($delta->{$_} // '') && !ref $delta->{$_} } qw(content reasoning_content);
    push $back->{reasoning_details}->@*, ($delta->{reasoning_details} // [])->@* if $delta->{reasoning_details};
    my $n = 0;
    for my $c (($delta->{tool_calls} // [])->@*) {
        my $call = call_at($said, $c->{index} // $n++);
        $call->{id} = $c->{id} if $c->{id};
        $call->{name} .= $c->{function}{name} // '';
        $call->{arguments} .= $c->{function}{arguments} // '';
        my $again = $back->{tool_calls}[ $c->{index} // $n - 1 ] //= { type => 'function', map { exists $c->{$_} ? ($_ => $c->{$_}) : () } qw(id extra_content) };
        $again->{function} = { $call->%{qw(name arguments)} };
    }
    finish_of($said, $choice->{finish_reason});
    usage_of($said, $v->{usage}, 'prompt_tokens', 'completion_tokens', $v->{usage}{prompt_tokens_details}{cached_tokens}) if $v->{usage};
}

sub item_of ($said, $item) {
    if ($item->{type} eq 'message') {
        $said->{text} .= join '', map { $_->{text} // '' } $item->{content}->@*;
    }
    elsif ($item->{type} eq 'function_call') {
        push $said->{calls}->@*, { id => $item->{call_id}, $item->%{qw(name arguments)} };
    }
}

sub end_response ($said, $r) {
    return fail_of($said, $r->{error}{code}) if $r->{status} eq 'failed';
    finish_of($said, $r->{status});
    $said->{finish} = 'tool_calls' if $said->{calls}->@*;
    usage_of($said, $r->{usage}, 'input_tokens', 'output_tokens', $r->{usage}{input_tokens_details}{cached_tokens}) if $r->{usage};
}

sub take_responses ($said, $v) {
    my $type = $v->{type} // '';
    if (($v->{object} // '') eq 'response') {
        item_of($said, $_) for $v->{output}->@*;
        return end_response($said, $v);
    }
    $said->{text} .= $v->{delta} if $type eq 'response.output_text.delta';
    item_of($said, $v->{item}) if $type eq 'response.output_item.added' && $v->{item}{type} eq 'function_call';
    $said->{calls}[-1]{arguments} .= $v->{delta} if $type eq 'response.function_call_arguments.delta';
    end_response($said, $v->{response}) if $type =~ /^response\.(?:completed|incomplete|failed)$/;
    fail_of($said, $v->{code} // $v->{error}{code}) if $type eq 'error' || $v->{error};
}

sub messages_usage ($said, $u) {
    my $cached = $u->{cache_read_input_tokens};
    $said->{usage} = [ $u->{input_tokens} + ($u->{cache_creation_input_tokens} // 0) + ($cached // 0), $u->{output_tokens}, $cached ]
        if defined $u->{input_tokens};
    $said->{usage}[1] = $u->{output_tokens} if $said->{usage} && defined $u->{output_tokens};
}

sub take_block ($said, $block) {
    $said->{text} .= $block->{text} if $block->{type} eq 'text';
    push $said->{calls}->@*, { $block->%{qw(id name)}, arguments => $block->{input}->%* ? $JSON->encode($block->{input}) : '' }
        if $block->{type} eq 'tool_use';
}

sub take_messages ($said, $v) {
    my $type = $v->{type} // '';
    if ($type eq 'message') {
        take_block($said, $_) for $v->{content}->@*;
        finish_of($said, $v->{stop_reason});
        return messages_usage($said, $v->{usage});
    }
    messages_usage($said, $v->{message}{usage}) if $type eq 'message_start';
    take_block($said, $v->{content_block}) if $type eq 'content_block_start';
    $said->{text} .= $v->{delta}{text} // '' if $type eq 'content_block_delta';
    $said->{calls}[-1]{arguments} .= $v->{delta}{partial_json} if defined $v->{delta}{partial_json};
    finish_of($said, $v->{delta}{stop_reason}) if $type eq 'message_delta';
    messages_usage($said, $v->{usage}) if $type eq 'message_delta';
    fail_of($said, $v->{error}{type}) if $type eq 'error';
}

sub take_gemini ($said, $v) {
    return fail_of($said, $v->{error}{status}) if $v->{error};
    my $candidate = $v->{candidates}[0] // {};
    for my $part (($candidate->{content}{parts} // [])->@*) {
        $said->{text} .= $part->{text} // '' unless $part->{thought};
        my $call = $part->{functionCall} // next;
        push $said->{calls}->@*, { id => 'none', name => $call->{name}, arguments => $JSON->encode($call->{args}) };
    }
    finish_of($said, $candidate->{finishReason});
    $said->{finish} = 'tool_calls' if $candidate->{finishReason} && $said->{calls}->@*;
    my $u = $v->{usageMetadata} // return;
    $said->{usage} = [ $u->{promptTokenCount}, $u->{candidatesTokenCount} + ($u->{thoughtsTokenCount} // 0), $u->{cachedContentTokenCount} ];
}

sub take_stream ($said, $v) {
    my $type = $v->{type};
    my $back = $said->{back} //= { role => 'assistant' };
    if (!defined $type) {
        $said->{text} = $v->{text};
        $said->{calls} = [ ($v->{toolCalls} // [])->@* ];
        $back->{$_} = $v->{$_} for grep { exists $v->{$_} } qw(reasoning reasoningDetails toolCalls);
        $back->{content} = $v->{text} if length $v->{text};
    }
    elsif ($type eq 'text') {
        $said->{text} .= $v->{text};
        $back->{content} .= $v->{text};
    }
    elsif ($type eq 'reasoning') {
        $back->{reasoning} .= $v->{text};
    }
    elsif ($type eq 'reasoning_detail') {
        push $back->{reasoningDetails}->@*, $v->{detail};
    }
    elsif ($type eq 'tool_call') {
        call_at($said, $v->{index})->@{qw(id name)} = $v->@{qw(callId name)};
        $back->{toolCalls}[ $v->{index} ] = { id => $v->{callId}, name => $v->{name}, arguments => '', exists $v->{extra} ? (extra => $v->{extra}) : () };
    }
    elsif ($type eq 'tool_arguments') {
        call_at($said, $v->{index})->{arguments} .= $v->{text};
        $back->{toolCalls}[ $v->{index} ]{arguments} .= $v->{text};
    }
    elsif ($type eq 'error') {
        fail_of($said, $v->{code});
    }
    finish_of($said, $v->{finishReason});
    usage_of($said, $v->{usage}, qw(inputTokens outputTokens), $v->{usage}{cachedInputTokens}) if $v->{usage};
}

sub take_message ($said, $v) {
    $said->{text} .= $v->{chunk} // $v->{message} // '' if !$v->{status};
    fail_of($said, $v->{code}) if ($v->{status} // '') eq 'error';
    $said->{finish} = $v->{finish_reason} // 'stop' if defined $v->{message} || ($v->{status} // '') eq 'done';
    usage_of($said, $v->{usage}, qw(input_tokens output_tokens), undef) if $v->{usage};
}

# As a page keeps it, too.
sub take_ui ($said, $v) {
    my $type = $v->{type};
    my $parts = ($said->{back} //= { role => 'assistant', parts => [] })->{parts};
    my $call = sub { my ($n) = grep { ($said->{calls}[$_]{id} // '') eq $v->{toolCallId} } 0 .. $said->{calls}->$#*; $n };
    if ($type =~ /^(text|reasoning)-start$/) {
        push @$parts, { type => $1, text => '' };
    }
    elsif ($type =~ /^(text|reasoning)-delta$/) {
        $parts->[-1]{text} .= $v->{delta};
        $said->{text} .= $v->{delta} if $1 eq 'text';
    }
    elsif ($type =~ /^(?:text|reasoning)-end$/) {
        $parts->[-1]{providerMetadata} = $v->{providerMetadata} if $v->{providerMetadata};
    }
    elsif ($type eq 'tool-input-start') {
        call_at($said, scalar $said->{calls}->@*)->@{qw(id name)} = $v->@{qw(toolCallId toolName)};
    }
    elsif ($type eq 'tool-input-delta') {
        $said->{calls}[ $call->() ]{arguments} .= $v->{inputTextDelta};
    }
    elsif ($type eq 'tool-input-available') {
        push @$parts, { type => "tool-$v->{toolName}", toolCallId => $v->{toolCallId}, input => $v->{input},
            $v->{providerMetadata} ? (callProviderMetadata => $v->{providerMetadata}) : () };
    }
    elsif ($type eq 'data-usage') {
        usage_of($said, $v->{data}, qw(inputTokens outputTokens), $v->{data}{cachedInputTokens});
    }
    elsif ($type eq 'error') {
        fail_of($said, 'upstream_error');
    }
    finish_of($said, $v->{finishReason} =~ tr/-/_/r) if defined $v->{finishReason};
}

my %TAKE = (
    ui => \&take_ui,
    stream    => \&take_stream,    message  => \&take_message,  completions => \&take_completions,
    responses => \&take_responses, messages => \&take_messages, gemini      => \&take_gemini,
);

# What says that a stream is over.
my %END = (
    ui => qr/"type":"finish"/,
    stream => qr/"type":"done"/, message => qr/"status":"done"/, completions => qr/^\[DONE\]$/, responses => qr/"type":"response\.(?:completed|incomplete)"/,
    messages => qr/"type":"message_stop"/, gemini => qr/"finishReason"/,
);

sub said ($contract, $res) {
    my %said = (text => '', calls => [], ended => 0, last => 0, events => scalar $res->{events}->@*);
    if (!$res->{events}->@*) {
        $TAKE{$contract}->(\%said, $BYTES->decode($res->{body}));
        return \%said;
    }
    for my $event ($res->{events}->@*) {
        my $over = $event->{data} =~ $END{$contract} ? 1 : 0;
        $TAKE{$contract}->(\%said, $BYTES->decode($event->{data})) if $event->{data} ne '[DONE]';
        $said{ended} += $over;
        $said{last} = $over || $said{error} || ($said{ended} && $event->{data} eq '[DONE]') ? 1 : 0;
    }
    return \%said;
}

# ---- what an upstream was told ----

# Text, or the text of parts.
sub flat ($content) {
    return ref $content ? join '', map { $_->{text} // '' } @$content : $content // '';
}

sub told_completions ($b) {
    my @m = $b->{messages}->@*;
    my $format = $b->{response_format} // {};
    return {
        system  => join("\n", map { flat($_->{content}) } grep { $_->{role} =~ /^(?:system|developer)$/ } @m),
        texts   => [ map { flat($_->{content}) } grep { $_->{role} eq 'user' } @m ],
        tools   => [ map { $_->{function} } ($b->{tools} // [])->@* ],
        calls   => [ map { { id => $_->{id}, $_->{function}->%{qw(name arguments)} } } map { ($_->{tool_calls} // [])->@* } @m ],
        results => [ map { { of => $_->{tool_call_id}, text => flat($_->{content}) } } grep { $_->{role} eq 'tool' } @m ],
        json    => ($format->{type} // '') eq 'json_object',
        schema  => $format->{json_schema}{schema}, strict => $format->{json_schema}{strict},
    };
}

sub told_responses ($b) {
    my @items = $b->{input}->@*;
    my $format = $b->{text}{format} // {};
    return {
        system  => join("\n", $b->{instructions} // (), map { flat($_->{content}) } grep { ($_->{role} // '') eq 'system' } @items),
        texts   => [ map { flat($_->{content}) } grep { ($_->{role} // '') eq 'user' } @items ],
        tools   => [ ($b->{tools} // [])->@* ],
        calls   => [ map { { id => $_->{call_id}, $_->%{qw(name arguments)} } } grep { ($_->{type} // '') eq 'function_call' } @items ],
        results => [ map { { of => $_->{call_id}, text => $_->{output} } } grep { ($_->{type} // '') eq 'function_call_output' } @items ],
        json    => ($format->{type} // '') eq 'json_object',
        schema  => $format->{schema}, strict => $format->{strict},
    };
}

# A schema always binds there, and with Gemini.
sub told_messages ($b) {
    my @m = $b->{messages}->@*;
    my @blocks = map { ref $_->{content} ? $_->{content}->@* : () } @m;
    my $schema = $b->{output_config}{format}{schema};
    return {
        system  => flat($b->{system}),
        texts   => [ grep { length } map { flat($_->{content}) } grep { $_->{role} eq 'user' } @m ],
        tools   => [ map { { name => $_->{name}, description => $_->{description}, parameters => $_->{input_schema} } } ($b->{tools} // [])->@* ],
        calls   => [ map { { $_->%{qw(id name)}, arguments => $JSON->encode($_->{input}) } } grep { $_->{type} eq 'tool_use' } @blocks ],
        results => [ map { { of => $_->{tool_use_id}, text => flat($_->{content}) } } grep { $_->{type} eq 'tool_result' } @blocks ],
        schema  => $schema, strict => $schema && 1,
    };
}

sub told_gemini ($b) {
    my @parts = map { my $role = $_->{role}; map { { role => $role, %$_ } } $_->{parts}->@* } $b->{contents}->@*;
    my $config = $b->{generationConfig} // {};
    my $schema = $config->{responseJsonSchema};
    return {
        system  => flat($b->{systemInstruction}{parts}),
        texts   => [ map { $_->{text} } grep { defined $_->{text} && $_->{role} eq 'user' } @parts ],
        tools   => [ map { { name => $_->{name}, description => $_->{description}, parameters => $_->{parametersJsonSchema} } } map { $_->{functionDeclarations}->@* } ($b->{tools} // [])->@* ],
        calls   => [ map { { id => $_->{name}, name => $_->{name}, arguments => $JSON->encode($_->{args}) } } map { $_->{functionCall} // () } @parts ],
        results => [ map { { of => $_->{name}, text => $_->{response}{result} } } map { $_->{functionResponse} // () } @parts ],
        json    => ($config->{responseMimeType} // '') eq 'application/json' && !$schema,
        schema  => $schema, strict => $schema && 1,
    };
}

my %TOLD = (completions => \&told_completions, responses => \&told_responses, messages => \&told_messages, gemini => \&told_gemini);

sub told ($wire, $body) {
    return $TOLD{$wire}->($JSON->decode($body));
}

1;
