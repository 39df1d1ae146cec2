# SPDX-License-Identifier: Apache-2.0
#
# Every provider behind every contract: what of text, tools, JSON, usage,
# errors, cancelling and broken answers comes through, judged by what the client
# really got and what the upstream really was told. The table of it is
# docs/matrix.md, which must say the same.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Upstream;
use ChatTest::Wires qw(asked said told);

my $JSON = JSON::PP->new->canonical->allow_nonref;
my $DOC = "$ChatTest::Httpd::ROOT/docs/matrix.md";
my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;

# ---- the providers ----

# name => [ the wire it speaks, where, what else stands in its section ]
my @rows = (
    [ 'openai'                   => 'responses',   "$bare/v1",                             'ChatProviderType openai' ],
    [ 'openai, chat-completions' => 'completions', "$bare/v1",                             "ChatProviderType openai\nChatProviderAPI chat-completions" ],
    [ 'anthropic'                => 'messages',    "$bare/v1",                             'ChatProviderType anthropic' ],
    [ 'gemini'                   => 'gemini',      "$bare/v1beta",                         'ChatProviderType gemini' ],
    [ 'openrouter'               => 'completions', "$bare/api/v1;as=openrouter;comments=1", 'ChatProviderType openrouter' ],
    [ 'deepseek'                 => 'completions', "$bare/v1;as=deepseek;comments=1",       'ChatProviderType deepseek' ],
    [ 'mistral'                  => 'completions', "$bare/v1;as=mistral;ask=0",             'ChatProviderType mistral' ],
    [ 'compatible'               => 'completions', "$bare/v1;as=vllm",                      'ChatProviderType compatible' ],
    [ 'compatible, Azure'        => 'completions', "$bare/openai/deployments/x;as=azure",
        "ChatProviderType compatible\nChatProviderAuth api-key\nChatProviderVersion 2024-10-21" ],
);
my @types = do {
    open my $fh, '<', "$ChatTest::Httpd::ROOT/include/chat_provider_list.h" or die $!;
    # Those whose streams only pass have nothing to be said in other words.
    my $list = do { local $/; <$fh> };
    map { /\A"(\w+)"/ && !/CHAT_PROVIDER_RELAYED/ ? $1 : () } $list =~ /^CHAT_PROVIDER\(\w+,\s*([^)]+)\)/mg;
};
my %is_type = map { $_ => 1 } @types;
@rows = grep { $is_type{ $_->[3] =~ s/\AChatProviderType (\w+).*/$1/sr } } @rows;
for my $type (@types) {
    ok +(grep { $_->[3] =~ /^ChatProviderType \Q$type\E$/m } @rows), "the provider $type is in the table";
}
my @providers = map { { name => $_->[0], id => $_->[0] =~ s/\W+/-/gr, wire => $_->[1], url => $_->[2], lines => $_->[3] } } @rows;

# How the provider's own clients call it, below a location.
my %own_path = (
    responses => sub ($s) { '/responses' },   completions => sub ($s) { '/chat/completions' },
    messages  => sub ($s) { '/v1/messages' }, gemini => sub ($s) { '/v1beta/models/mock-1:' . ($s ? 'streamGenerateContent?alt=sse' : 'generateContent') },
);

# ---- the contracts ----

my @contracts = (
    { id => 'chat',        name => 'Passthrough', route => 'openai', streams => [1], words => 'chat' },
    { id => 'own',         name => 'Passthrough of the provider\'s own requests', route => 'openai', streams => [ 1, 0 ], lines => 'ChatRequestFormat provider' },
    { id => 'stream',      name => 'The route stream',      route => 'stream',      streams => [ 1, 0 ], words => 'stream' },
    { id => 'message',     name => 'The route message',     route => 'message',     streams => [ 1, 0 ], words => 'message' },
    { id => 'completions', name => 'The route completions', route => 'completions', streams => [ 1, 0 ], words => 'completions' },
    { id => 'ui-message',  name => 'The route ui-message',  route => 'ui-message',  streams => [1], words => 'ui' },
);

# Ends that are odd, and yet are ends; the last is none: a refusal in a 200.
sub chunk ($delta, @more) { return 'data: ' . $JSON->encode({ choices => [ { index => 0, delta => $delta, @more } ] }) . "\n\n" }
sub named ($type, %v) { return "event: $type\ndata: " . $JSON->encode({ type => $type, %v }) . "\n\n" }
sub google ($text, @more) { return 'data: ' . $JSON->encode({ candidates => [ { content => { parts => [ { text => $text } ] }, @more } ] }) . "\r\n\r\n" }
my %said_by = (
    completions => { hi => chunk({ content => 'Hi ' }), end => [ chunk({ content => 'there' }), chunk({}, finish_reason => 'stop') ],
        terminal => "data: [DONE]\n\n", odd => chunk({}, finish_reason => 'new_reason'), refusal => qq(data: {"error":{"code":503,"message":"x"}}\n\n) },
    messages => { hi => named('content_block_start', index => 0, content_block => { type => 'text', text => 'Hi ' }),
        end => [ named('content_block_delta', index => 0, delta => { type => 'text_delta', text => 'there' }), named('message_delta', delta => { stop_reason => 'end_turn' }) ],
        terminal => named('message_stop'), odd => named('message_delta', delta => { stop_reason => 'new_reason' }),
        refusal => named('error', error => { type => 'overloaded_error', message => 'x' }) },
    gemini => { hi => google('Hi ', finishReason => 'STOP'), end => [ google('there', finishReason => 'STOP') ], terminal => '',
        odd => google('there', finishReason => 'NEW_REASON'), refusal => qq(data: {"error":{"code":503,"status":"UNAVAILABLE"}}\n\n) },
    responses => { hi => named('response.output_text.delta', output_index => 0, delta => 'Hi '), end => [ named('response.output_text.delta', output_index => 0, delta => 'there') ],
        terminal => named('response.completed', response => { status => 'completed' }),
        odd => named('response.incomplete', response => { status => 'incomplete', incomplete_details => { reason => 'new_reason' } }),
        refusal => named('response.failed', response => { status => 'failed', error => { code => 'server_is_overloaded' } }) },
);
sub without_blank_line ($text) { return $text =~ s/\s+\z//r }
my $odd = ChatTest::Answers->new(map {
    my ($wire, $by) = ($_, $said_by{$_});
    my @hi = ($by->{hi}, $by->{end}->@*);
    my %ends = (whole => [ @hi, $by->{terminal} ], line => [ map { without_blank_line($_) } join '', @hi, $by->{terminal} ],
        unknown => [ $by->{hi}, $by->{odd}, $wire eq 'responses' ? () : $by->{terminal} ], refused => [ $by->{refusal} ],
        ($wire eq 'responses' ? () : (silent => \@hi)));
    map { ("${wire}_$_" => ChatTest::Answers::stream($ends{$_}->@*)) } keys %ends;
} keys %said_by)->start;

my $conf = "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault mock-1\n</Location>\n";
for my $p (@providers) {
    $conf .= "<ChatProvider $p->{id}>\n$p->{lines}\nChatProviderURL $p->{url}\nChatProviderKey env:CHAT_CANARY_KEY\nChatProviderBreaker off\n</ChatProvider>\n";
    $conf .= "<ChatProvider odd-$p->{id}>\n$p->{lines}\nChatProviderURL ${\$odd->url}\nChatProviderBreaker off\n</ChatProvider>\n";
    for my $c (@contracts) {
        $conf .= join "\n", "<Location /$c->{id}/$p->{id}>", "ChatRoute $c->{route}", "ChatUse $p->{id}", $c->{lines} // (), "</Location>",
            "<Location /$c->{id}/odd-$p->{id}>", "ChatRoute $c->{route}", "ChatUse odd-$p->{id}", $c->{lines} // (), "</Location>\n";
    }
}
my $t = ChatTest->new(conf => $conf)->start;

# ---- asking ----

# The words that the answer is in: the contract's, or the provider's.
sub words_of ($at) {
    return $at->{contract}{words} && $at->{contract}{id} ne 'chat' ? $at->{contract}{words} : $at->{provider}{wire};
}

sub body_of ($at, %ask) {
    return { ($at->{contract}{id} eq 'own' && $at->{provider}{wire} ne 'gemini' ? (model => 'mock-1') : ()),
        asked($at->{contract}{words} // $at->{provider}{wire}, %ask, stream => $at->{stream})->%* };
}

sub path_of ($at) {
    return "/$at->{contract}{id}/" . ($at->{odd} ? 'odd-' : '') . $at->{provider}{id} . ($at->{contract}{id} eq 'own' ? $own_path{ $at->{provider}{wire} }->($at->{stream}) : '');
}

my $seed = 100;

sub script (%mock) {
    return 'mock(' . join(';', map { "$_=$mock{$_}" } sort keys %mock) . ')';
}

# One request: what came, as it was said, and what the upstream was told.
sub ask ($at, %ask) {
    my $before = $up->stats->{requests};
    my $res = $t->post_json(path_of($at), body_of($at, %ask), timeout => 10);
    my $got = { res => $res, status => $res->{status}, asked => $up->stats->{requests} - $before };
    $got->{said} = $res->{status} == 200 && length $res->{body} ? said(words_of($at), $res) : { text => '', calls => [] };
    $got->{told} = $got->{asked} ? told($at->{provider}{wire}, $up->last->{body}) : {};
    return $got;
}

# The same answer from the mock itself.
my %mocked;

sub mocked (%mock) {
    my $script = script(%mock);
    return $mocked{$script} //= do {
        my $conn = ChatTest::Client->new(port => $up->port, timeout => 10);
        my @tools = map { { type => 'function', function => { name => $_ } } } ('weather', 'clock') x !!$mock{tools};
        $conn->request(POST => '/v1/chat/completions', headers => [ Connection => 'close' ],
            body => $JSON->encode({ messages => [ { role => 'user', content => $script } ], (@tools ? (tools => \@tools) : ()) }));
        said(completions => $conn->response);
    };
}

# ---- judging ----

# A judge says "yes", or another word or sentence that may stand in the table;
# what must not be there at all it dies of.
sub wrong ($what, $got = undef) {
    die "$what\n" . ($got ? "$got->{status} " . substr($got->{res}{body}, 0, 1500) . "\n" : '');
}

# A clear 400 without asking anybody, as the table has it; undef when it was
# answered.
sub refusal ($got) {
    return if $got->{status} == 200;
    my $v = $got->{res}{json} // wrong('a refusal that is no JSON', $got);
    my $e = $v->{error} // $v;
    wrong('refused', $got) if $got->{status} != 400 || $got->{asked} || $e->{code} !~ /^(?:unsupported|invalid_\w+)$/;
    my $message = $v->{issues} ? "$v->{issues}[0]{message} (" . join('.', $v->{issues}[0]{path}->@*) . ')' : $e->{message};
    return "400 `$e->{code}`: $message";
}

sub text_is ($got, $text) {
    wrong('the text differs', $got) if $got->{said}{text} ne $text;
    wrong('it does not end once, and well', $got)
        if $got->{said}{error} || !$got->{res}{clean} || $got->{said}{events} && $got->{said}{ended} != 1;
}

my $LEFT_OUT = 'The request has no place for it: what else stands there is left out.';
my $IN_WORDS = 'The provider has no such member: it is asked for in the words of the system, and not promised.';
my $NO_MIDDLE = 'An answer that the provider gives at once has no middle.';

my @TOOLS = (
    { name => 'weather', description => 'the weather', parameters => { type => 'object', properties => { q => { type => 'string' } }, required => ['q'] } },
    { name => 'clock',   description => 'the time',    parameters => { type => 'object', properties => { n => { type => 'integer' } } } },
);
my %SCHEMA = (type => 'object', properties => { answer => { type => 'array', items => { type => 'string' } } }, required => ['answer'],
    additionalProperties => JSON::PP::false);

sub same ($x, $y) {
    return $JSON->encode($x) eq $JSON->encode($y);
}

sub by_value (@calls) {
    return [ map { [ $_->{name}, $JSON->decode($_->{arguments}) ] } @calls ];
}

sub judge_text ($at) {
    my %mock = (seed => $seed++, n => 6, size => 60, utf8 => 1);
    my $got = ask($at, text => 'Hi. ' . script(%mock));
    my $no = refusal($got);
    return $no if $no;
    wrong('the question is not what the provider is told', $got) if !same($got->{told}{texts}, [ 'Hi. ' . script(%mock) ]);
    text_is($got, mocked(%mock)->{text});
    wrong('why it ended', $got) if $got->{said}{finish} ne 'stop';
    return 'yes';
}

sub judge_system ($at) {
    my %mock = (seed => $seed++);
    my $got = ask($at, text => script(%mock), system => 'Be brief.');
    my $no = refusal($got);
    return $no if $no;
    text_is($got, mocked(%mock)->{text});
    return $LEFT_OUT if $got->{told}{system} eq '';
    wrong("the system's words are '$got->{told}{system}'") if $got->{told}{system} ne 'Be brief.';
    return 'yes';
}

# The definition, two calls in pieces, and what they gave.
sub judge_tools ($at) {
    my %mock = (seed => $seed++, tools => 2, pieces => 4, utf8 => 1, size => 40);
    my @is = (text => 'Well? ' . script(%mock), tools => \@TOOLS);
    my $got = ask($at, @is);
    my $no = refusal($got);
    return $no if $no;
    return $LEFT_OUT if !$got->{told}{tools}->@*;
    wrong('the tools are not what the provider is told', $got)
        if !same([ map { { $_->%{qw(name description parameters)} } } $got->{told}{tools}->@* ], \@TOOLS);
    my @calls = $got->{said}{calls}->@*;
    wrong('the calls differ', $got) if !same(by_value(@calls), by_value(mocked(%mock)->{calls}->@*));
    wrong('a call without an id', $got) if grep { !length $_->{id} } @calls;
    wrong('why it ended', $got) if $got->{said}{finish} ne 'tool_calls';

    $got = ask($at, @is, calls => \@calls, results => [ 'It rains.', '12:00' ]);
    $no = refusal($got);
    wrong("what the tools gave: $no") if $no;
    wrong('the calls do not come back to the provider', $got) if !same(by_value($got->{told}{calls}->@*), by_value(@calls));
    wrong('... by their ids', $got)
        if !same([ map { $_->{id} } $got->{told}{calls}->@* ], [ map { $_->{of} } $got->{told}{results}->@* ]);
    wrong('... with what they gave', $got) if !same([ map { $_->{text} } $got->{told}{results}->@* ], [ 'It rains.', '12:00' ]);
    text_is($got, mocked(%mock, tools => 0)->{text});
    return 'yes';
}

# How each has its thoughts back; undef: they are nothing that it gave.
my %BACK = (
    messages => qr/\{"signature":"c2lnbmVk","thinking":"(?:hm){2}","type":"thinking"\}/, gemini => qr/"thoughtSignature":"c2lnbmVk"/,
    responses => qr/"encrypted_content":"c2lnbmVk","id":"rs_/, openrouter => qr/"reasoning_details":\[\{"format":"unknown","index":0,"text":"hmhm","type":"reasoning.text"\}\]/,
    mistral => qr/\{"thinking":\[\{"text":"hmhm","type":"text"\}\],"type":"thinking"\}/, map { $_ => qr/"reasoning_content":"hmhm"/ } qw(deepseek compatible),
);

# The second turn of a conversation with thoughts and tools.
sub judge_round ($at) {
    my %mock = (seed => $seed++, tools => 2, pieces => 2, reason => 2, both => 1, n => 3);
    my @is = (text => 'Well? ' . script(%mock), tools => \@TOOLS);
    my $got = ask($at, @is);
    my $no = refusal($got);
    return $no if $no;
    return $LEFT_OUT if !$got->{told}{tools}->@*;
    my @calls = $got->{said}{calls}->@*;
    my $back = $at->{contract}{words} ? $got->{said}{back} : undef;
    $got = ask($at, @is, calls => \@calls, results => [ 'It rains.', '12:00' ], back => $back);
    $no = refusal($got);
    wrong("it is refused: $no") if $no;
    my $told = $JSON->encode($JSON->decode($up->last->{body}));
    my ($type) = $at->{provider}{lines} =~ /^ChatProviderType (\w+)/;
    my $want = $BACK{$type} // $BACK{ $at->{provider}{wire} };
    if ($at->{contract}{id} eq 'own') {
        my $sent = $JSON->encode(body_of($at, @is, calls => \@calls, results => [ 'It rains.', '12:00' ])->{ { gemini => 'contents', responses => 'input' }->{ $at->{provider}{wire} } // 'messages' });
        wrong('it is not what was sent', $got) if index($told, $sent) < 0;
        return 'yes';
    }
    wrong('its thoughts do not come back to it', $got) if $want && $told !~ $want;
    wrong('thoughts go to who did not give them', $got) if !$want && $told =~ /hmhm|c2lnbmVk/;
    wrong('the calls do not come back', $got) if !same(by_value($got->{told}{calls}->@*), by_value(@calls));
    return 'yes';
}

# The word for it: the provider's own in its own form, and in another one that
# has a place for it.
my %OVERLOADED = (responses => 'server_is_overloaded', messages => 'overloaded_error', gemini => 'UNAVAILABLE');

sub overloaded ($at) {
    my ($contract, $wire) = ($at->{contract}{id}, $at->{provider}{wire});
    my $kept = $contract eq 'own' || ($contract eq 'completions' && $wire eq 'responses');
    return ($kept && $OVERLOADED{$wire}) || 'upstream_overloaded';
}

# Ends that servers have, and a refusal that is none of an answer.
sub judge_odd ($at) {
    return $NO_MIDDLE if $at->{contract}{id} eq 'own' && !$at->{stream};
    my $wire = $at->{provider}{wire};
    for my $end (qw(whole line silent unknown refused)) {
        next if $end eq 'silent' && $wire eq 'responses';
        my $res = $t->post_json(path_of({ %$at, odd => 1 }), body_of($at, text => "answer(${wire}_$end)"), timeout => 10);
        my $got = { res => $res, status => $res->{status} };
        if ($end eq 'refused') {
            my $code = error_of($at, $got);
            wrong("a refusal in a 200 is a $got->{status} $code", $got) if $got->{status} != 503 || $code ne overloaded($at);
            next;
        }
        wrong("$end: it is refused", $got) if $got->{status} != 200;
        my $said = said(words_of($at), $res);
        if ($end eq 'unknown') {
            wrong('an unknown reason is a good end', $got) if $at->{contract}{words} && $at->{contract}{id} ne 'chat' && ($said->{finish} // '') eq 'stop' && !$said->{error};
            next;
        }
        # Where the bytes are the upstream's the last line is, too.
        my $text = $end eq 'line' && words_of($at) eq $wire && $at->{contract}{id} ne 'completions' ? qr/^Hi / : qr/^Hi there$/;
        wrong("$end: the text is '$said->{text}'", $got) if $said->{text} !~ $text;
        wrong("$end: it does not end well", $got) if $said->{error} || !$res->{clean};
    }
    return 'yes';
}

sub judge_json ($at, %how) {
    my %mock = (seed => $seed++, json => 1, n => 3);
    my $got = ask($at, text => script(%mock), %how);
    my $no = refusal($got);
    return $no if $no;
    text_is($got, mocked(%mock)->{text});
    wrong('the answer is no JSON', $got) if $JSON->decode($got->{said}{text})->{answer}->@* != 3;
    my $told = $got->{told};
    if ($how{schema}) {
        return 'yes' if same($told->{schema}, \%SCHEMA) && (!$how{strict} || $told->{strict});
        wrong('another schema', $got) if $told->{schema};
        return 'in words' if index($told->{system}, $JSON->encode(\%SCHEMA)) >= 0;
    }
    return 'yes' if $told->{json};
    return 'in words' if $told->{system} =~ /JSON object/;
    return $LEFT_OUT;
}

sub judge_object ($at) {
    return judge_none('Its API has a form for a schema alone.') if $at->{contract}{id} eq 'own' && $at->{provider}{wire} eq 'messages';
    return judge_json($at, json => 1);
}
sub judge_none ($why)    { return $why }
sub judge_schema ($at)   { return judge_json($at, schema => \%SCHEMA) }
sub judge_strict ($at)   { return judge_json($at, schema => \%SCHEMA, strict => 1) }

sub judge_usage ($at) {
    my %mock = (seed => $seed++, n => 7, reason => 2);
    my $got = ask($at, text => script(%mock));
    my ($in, $out, $cached) = ($got->{said}{usage} // wrong('there is none', $got))->@*;
    wrong('it is not the upstream\'s', $got) if $in != 10 + $mock{seed} % 100 || $out != 9 || defined $cached && $cached != 3;
    wrong('the cached tokens are missing', $got) if !defined $cached && $at->{contract}{id} ne 'message';
    return 'yes';
}

# Refused by the upstream before the first byte: a status, in the contract's own
# form.
sub error_of ($at, $got) {
    my $v = $got->{res}{json} // wrong('an error that is no JSON', $got);
    wrong("the upstream's words are passed on", $got) if "$got->{res}{raw_head}$got->{res}{body}" =~ /org-|mocked|canary/i;
    my $e = $at->{contract}{id} =~ /^(?:completions|own)$/ ? $v->{error} : $v;
    my $word = $e->{ $at->{contract}{id} eq 'own' ? { messages => 'type', gemini => 'status' }->{$at->{provider}{wire}} // 'code' : 'code' };
    wrong('it has another form', $got) if !$e || !length($e->{message} // '') || !length($word // '');
    return $word;
}

# What our code is where clients speak the provider's own API, or OpenAI's.
sub own_word ($at, $code) {
    my $wire = $at->{contract}{id} eq 'own' ? $at->{provider}{wire} : '';
    return { upstream_rejected => 'invalid_request_error', upstream_rate_limited => 'rate_limit_error', rate_limit_exceeded => 'rate_limit_error',
        upstream_overloaded => 'overloaded_error' }->{$code} // 'api_error' if $wire eq 'messages';
    return { upstream_rejected => 'INVALID_ARGUMENT', upstream_rate_limited => 'RESOURCE_EXHAUSTED', rate_limit_exceeded => 'RESOURCE_EXHAUSTED',
        upstream_overloaded => 'UNAVAILABLE' }->{$code} // 'INTERNAL' if $wire eq 'gemini';
    return $code;
}

sub judge_before ($at) {
    my %code = (400 => 'upstream_rejected', 429 => 'upstream_rate_limited', 500 => 'upstream_error', 529 => 'upstream_overloaded');
    $code{429} = 'rate_limit_exceeded' if $at->{contract}{id} =~ /^(?:completions|own)$/;
    my %status = (400 => 400, 429 => 429, 500 => 502, 529 => 503);
    for my $is (sort keys %code) {
        my $got = ask($at, text => script(seed => $seed++, status => $is, retry => 7));
        my $code = error_of($at, $got);
        wrong("a $is is a $got->{status} $code", $got) if $got->{status} != $status{$is} || $code ne own_word($at, $code{$is});
        wrong("a $is says when to come again", $got)
            if ($got->{res}{headers}{'retry-after'} // '') ne ($status{$is} =~ /429|503/ ? '7' : '');
    }
    return 'yes';
}

# In the middle of the answer, and how it is told then.
sub judge_middle ($at, $fault, $code) {
    my $own = $at->{contract}{id} eq 'own' && !$at->{stream};
    my %mock = (seed => $seed++, n => 12, fault => $fault, after => 8);
    my $got = ask($at, text => script(%mock));
    if (!$at->{stream}) {
        my $is = error_of($at, $got);
        my $status = $code eq 'upstream_overloaded' ? 503 : 502;
        wrong("it is a $got->{status} $is", $got) if $got->{status} != $status || $is ne own_word($at, $code);
        return 'yes';
    }
    my $said = $got->{said};
    my $whole = mocked(seed => $mock{seed}, n => 12)->{text};
    wrong('what came before it is not there', $got) if !length $said->{text} || index($whole, $said->{text}) != 0;
    wrong('it ends as if it were whole', $got) if $said->{ended} || $got->{res}{clean};
    return 'yes' if words_of($at) eq $at->{provider}{wire} && $at->{contract}{id} ne 'completions' && $code eq 'upstream_truncated';
    wrong('the error is not told, at the end', $got) if !$said->{error} || !$said->{last};
    wrong("its code is $said->{error}", $got) if $at->{contract}{words} && $at->{contract}{id} !~ /^(?:chat|ui-message)$/ && $said->{error} ne $code;
    return 'yes';
}

sub judge_after ($at) {
    return $NO_MIDDLE if $at->{contract}{id} eq 'own' && !$at->{stream};
    # Its own code, where that is one, is told where there is a place for it.
    my $failed = $at->{contract}{id} eq 'completions' && $at->{provider}{id} ne 'openrouter' ? 'server_error' : 'upstream_error';
    return judge_middle($at, 'error-nested', $at->{provider}{wire} =~ /^(?:messages|gemini)$/ ? 'upstream_overloaded' : $failed);
}

sub judge_truncated ($at) {
    my $whole = $at->{contract}{id} eq 'own' && !$at->{stream};
    return judge_middle($at, $whole ? 'cut' : 'close', 'upstream_truncated');
}

my @judges = (
    [ text                => \&judge_text ],   [ system              => \&judge_system ], [ tools           => \&judge_tools ],
    [ 'JSON object'       => \&judge_object ], [ 'JSON schema'       => \&judge_schema ], [ 'strict schema' => \&judge_strict ],
    [ usage               => \&judge_usage ],  [ 'error before'      => \&judge_before ], [ 'error after'   => \&judge_after ],
    [ 'truncation'        => \&judge_truncated ], [ 'round trip'     => \&judge_round ], [ 'odd ends'     => \&judge_odd ],
);

# Clients leave: those of a stream when they have got something, the others when
# the upstream has their request. A row of providers at once.
sub cancelled ($contract, $stream) {
    my (%gone, @open);
    $up->reset;
    for my $p (@providers) {
        my $at = { contract => $contract, provider => $p, stream => $stream };
        my $conn = $t->connect;
        my $script = script(seed => $seed, ($contract->{id} eq 'own' && !$stream ? (fault => 'hang-head') : (n => 1000, pace => 20)));
        $conn->request(POST => path_of($at), headers => { 'Content-Type' => 'application/json' },
            body => $JSON->encode(body_of($at, text => $script)));
        push @open, [ $conn, $seed++, $p->{id} ];
    }
    wait_for('the upstream to be asked', sub { $up->stats->{open} == @open });
    $stream ? $_->[0]->response(abort_after => 2) : $_->[0]->close for @open;
    for my $case (@open) {
        my ($conn, $is, $id) = @$case;
        $gone{$id} = wait_for("$contract->{id}, $id: the call to be closed", sub {
            scalar grep { $_->{seed} == $is && $_->{events} < 900 } $up->stats->{closed_by_peer}->@*;
        });
    }
    return \%gone;
}

# ---- the table ----

my %note;
my @notes;

sub cell_of ($text) {
    return $text if $text =~ /^(?:yes|WRONG)$/;
    my $shown = $text eq 'in words' ? 'in words' : $text eq $NO_MIDDLE ? 'n/a' : 'no';
    my $why = $text eq 'in words' ? $IN_WORDS : $text;
    push @notes, $why if !$note{$why};
    $note{$why} //= @notes;
    return "$shown ($note{$why})";
}

# What holds for a stream and for a whole answer, in one cell.
sub joined ($contract, @is) {
    my @cells = map { cell_of($_) } @is;
    return $cells[0] if @cells == 1 || $cells[0] eq $cells[1];
    return "$cells[0]; whole: $cells[1]";
}

sub table (@lines) {
    my @wide;
    for my $line (@lines) {
        for my $i (0 .. $#$line) {
            $wide[$i] = length $line->[$i] if length $line->[$i] > ($wide[$i] // 0);
        }
    }
    my @text = map { my $line = $_; '| ' . join(' | ', map { sprintf "%-$wide[$_]s", $line->[$_] } 0 .. $#$line) . ' |' } @lines;
    splice @text, 1, 0, '|' . join('|', map { '-' x ($_ + 2) } @wide) . '|';
    return join '', map { "$_\n" } @text;
}

my %about = (
    chat        => "`ChatRoute openai` and its siblings: the request is this module's, the stream is the\nprovider's own, unchanged. There is no whole answer.",
    own         => "The same routes with `ChatRequestFormat provider`: request and answer are the provider's\nown. Below `system`, `tools` and so on mean that its members arrive. Errors before the\nanswer are in OpenAI's form.",
    stream      => '`ChatRoute stream`; see [stream.md](stream.md).',
    message     => '`ChatRoute message`; see [stream.md](stream.md#the-route-message).',
    completions => '`ChatRoute completions`: OpenAI\'s Chat Completions.',
    'ui-message' => '`ChatRoute ui-message`: the UI message stream of the AI SDK.',
);

my $text = '';
for my $contract (@contracts) {
    my @lines = [ 'provider', (map { $_->[0] } @judges), 'cancel' ];
    my %gone = map { $_ => cancelled($contract, $_) } $contract->{streams}->@*;
    for my $p (@providers) {
        my @line = $p->{name};
        for my $judge (@judges, [ cancel => sub ($at) { $gone{ $at->{stream} }{ $p->{id} } ? 'yes' : wrong('the call goes on') } ]) {
            my ($what, $judge_it) = @$judge;
            my @is = map {
                my $at = { contract => $contract, provider => $p, stream => $_ };
                my $is = eval { $judge_it->($at) } // "WRONG";
                isnt $is, 'WRONG', "$contract->{name}, " . ($_ ? 'streamed' : 'whole') . ", $p->{name}: $what" or diag $@;
                $is;
            } $contract->{streams}->@*;
            push @line, joined($contract, @is);
        }
        push @lines, \@line;
    }
    $text .= "## $contract->{name}\n\n$about{$contract->{id}}\n\n" . table(@lines) . "\n";
}

my $n = 0;
my $doc = <<"END" . $text . "## Notes\n\n" . join '', map { sprintf "%d. %s\n", ++$n, $_ } @notes;
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by t/67-matrix.t: CHAT_WRITE=1 prove t/67-matrix.t -->
# What works where

Every provider behind every contract. This page is what `t/67-matrix.t` found when it
asked for each of these things, of an upstream that imitates the provider; the test
fails when the page says something else. `CHAT_WRITE=1 prove t/67-matrix.t` writes it
anew.

**How to read it.** A cell holds for a stream and, where the contract has them, for whole
answers (`"stream": false`); where they differ it says both. What is not "yes" has a note
at the end of the page, which for a request that cannot be carried is the 400 that the
client gets, before anybody is asked.

- *text*: the answer's text is the provider's to the last character, and ends once.
- *system*, *JSON object*, *JSON schema*, *strict schema*: the provider is told so in its own
  words.
- *tools*: definitions reach the provider, two calls at once come back with their arguments,
  and what the tools gave reaches it under the ids of the calls.
- *usage*: the counts are the provider's, with those cached where the contract has a place for
  them.
- *error before*: a 400, 429, 500 or 529 of the provider is a status and a code in the
  contract's own form, with `Retry-After`.
- *error after*: an error in mid-stream is the last thing that is said, with a code; of a
  whole answer it is a status.
- *truncation*: an answer that breaks off is not taken for a whole one: the contract's
  error event, a connection that does not end cleanly, or a 502.
- *round trip*: after an answer with thoughts and calls the next request, with what the tools
  gave, tells the provider its thoughts in its own form, with their signature where it signs
  them, and nobody else's.
- *odd ends*: an answer ends well with the last blank line missing, without a terminal event
  after a reason to finish, and with a reason in every piece; an unknown reason is no good
  end; a refusal in a 200, before any answer, has the status and the code of the refusal.
- *cancel*: when the client leaves, the call to the provider is closed.

END

if ($ENV{CHAT_WRITE}) {
    open my $fh, '>:utf8', $DOC or die "$DOC: $!\n";
    print $fh $doc;
    close $fh;
}
my $is = do {
    open my $fh, '<:utf8', $DOC or die "$DOC: $!\n";
    local $/;
    <$fh>;
};
is $is, $doc, 'docs/matrix.md says the same';

$t->allow_log(qr/CHAT0902: /);
$t->stop;
# It holds what the other would end with.
$odd->stop;
$up->stop;
done_testing;
