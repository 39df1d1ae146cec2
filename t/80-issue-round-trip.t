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
use ChatTest::Said;

my $JSON = JSON::PP->new->canonical->allow_nonref;
my $FALSE = JSON::PP::false;

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

my $up = ChatTest::Answers->new(map { $_ => said($_) } keys %CASES)->start;
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
