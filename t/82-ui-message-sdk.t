# SPDX-License-Identifier: Apache-2.0
#
# The route ui-message as pages see it that are made with the real AI SDK
# (versions 5, 6 and 7): over every provider their messages are those that the
# SDK's own server makes of the same answer of a model, with thoughts and calls
# of tools. What a tool of the page gives goes back, and the chat goes on.
use v5.36;
use Test::More;
use FindBin;
use IPC::Open2;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $SDK = "$FindBin::Bin/real/ui-message";
my $JSON = JSON::PP->new->utf8->canonical;

ChatTest::skip_or_fail('npm ci in t/real/ui-message') unless -d "$SDK/node_modules/ai6";

my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;
my %is = (
    responses  => [ 'openai',     "$bare/v1" ],
    chunks     => [ 'openai',     "$bare/v1", 'ChatProviderAPI chat-completions' ],
    anthropic  => [ 'anthropic',  "$bare/v1" ],
    gemini     => [ 'gemini',     "$bare/v1beta" ],
    openrouter => [ 'openrouter', "$bare/api/v1;as=openrouter;comments=1" ],
    deepseek   => [ 'deepseek',   "$bare/v1;as=deepseek;comments=1" ],
    mistral    => [ 'mistral',    "$bare/v1;ask=0" ],
    compatible => [ 'compatible', "$bare/v1;as=vllm" ],
);
my @names = sort keys %is;
my $t = ChatTest->new(conf => join "\n", 'MaxKeepAliveRequests 0', '<Location />', 'SetHandler chat', 'ChatAuth guest', 'ChatModelDefault mock-1', '</Location>',
    (map {
        my ($type, $url, @more) = $is{$_}->@*;
        ("<ChatProvider $_>", "ChatProviderType $type", "ChatProviderURL $url", 'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off', @more, '</ChatProvider>',
            "ChatModel $_ $_ upstream=mock-1 price-in=1 price-out=2",
            map { ("<Location /$_->[0]/$_->[1]>", "ChatRoute $_->[0]", "ChatUse $_->[1]", "ChatModelDefault $_->[1]", '</Location>') } ['ui-message', $_], ['stream', $_])
    } @names), '')->start;

# ---- the SDK ----

my ($from, $to);
my $node = open2($from, $to, "cd $SDK && exec node chat.mjs");
$to->autoflush(1);

sub chat (%job) {
    print $to $JSON->encode(\%job), "\n";
    local $SIG{ALRM} = sub { die "the SDK does not come back\n" };
    alarm ChatTest::scaled(60);
    my $line = <$from> // die "the SDK has ended\n";
    alarm 0;
    return $JSON->decode($line);
}

# The same question to the same provider on the route stream: what its model says.
sub said ($name, %body) {
    my $res = $t->sse("/stream/$name", { messages => [ { role => 'user', content => delete $body{text} } ], %body }, timeout => 20);
    my (@events, %call);
    for my $data (map { $JSON->decode($_) } $res->{body} =~ /^data: (.*)$/mg) {
        my $type = $data->{type};
        push @events, { $type eq 'reasoning' ? 'reasoning' : 'text' => $data->{text} } if $type =~ /^(?:text|reasoning|refusal)$/;
        push @events, $call{ $data->{index} } = { id => $data->{callId}, tool => $data->{name}, input => '' } if $type eq 'tool_call';
        $call{ $data->{index} }{input} .= $data->{text} if $type eq 'tool_arguments';
    }
    return \@events;
}

# Without what a provider wants back, which is ours; the ids of calls that have
# none are made, and those of another answer.
sub plain ($message, %also) {
    my @parts = map { my %part = %$_; delete @part{qw(providerMetadata callProviderMetadata)}; $part{toolCallId} &&= 'made' if $also{made}; \%part } $message->{parts}->@*;
    return $JSON->encode({ %$message, parts => [ grep { $_->{type} ne 'reasoning' || length $_->{text} } @parts ] });
}

my @TOOLS = map { { name => $_, parameters => { type => 'object', properties => {} } } } qw(weather clock);
my $seed = 10;

for my $name (@names) {
    for my $what (
        [ 'a text' => 'n=6;size=40;utf8=1', {} ],
        [ 'thoughts and a text' => 'n=4;reason=3', {} ],
        [ 'a text and calls' => 'tools=2;pieces=4;both=1;utf8=1', { tools => \@TOOLS } ],
    ) {
        my ($title, $script, $more) = @$what;
        my $text = "mock(seed=${\ $seed++};$script)";
        my $events = said($name, text => $text, %$more);
        for my $version (5, 6, 7) {
            next if $title !~ /calls/ && $version != 6;
            my $ours = chat(version => $version, api => $t->url("/ui-message/$name"), text => $text, body => $more);
            my $theirs = chat(version => $version, events => $events, text => $text);
            is plain($ours->{messages}[1], made => 1), plain($theirs->{messages}[1], made => 1), "$name, version $version: $title is what the SDK's server makes of it";
            is $ours->{status}, 'ready', '... and no error' or diag $ours->{error};
            is_deeply [ sort keys $ours->{data}[0]{data}->%* ], [ grep { exists $ours->{data}[0]{data}{$_} } sort qw(modelId inputTokens outputTokens totalTokens cachedInputTokens reasoningTokens costUSD) ], '... with what it cost'
                if $version == 6;
            is $ours->{data}[0]{data}{modelId}, $name, '... of the model' if $version == 6;
        }
    }
}

# ---- tools of the page ----

for my $name (@names) {
    my $version = 5 + $seed % 3;
    my $text = "mock(seed=${\ $seed++};tools=1)";
    my $done = chat(version => $version, api => $t->url("/ui-message/$name"), text => $text, output => { rain => JSON::PP::true, words => 'Es regnet' }, body => { tools => \@TOOLS });
    my ($question, @answers) = $done->{messages}->@*;
    is scalar @answers, 1, "$name, version $version: the answer goes on after a tool" or diag explain $done;
    my @parts = $answers[0]{parts}->@*;
    is scalar(grep { $_->{type} eq 'step-start' } @parts), 2, '... with a second step';
    is_deeply [ map { $_->{output} } grep { ($_->{state} // '') eq 'output-available' } @parts ], [ { rain => JSON::PP::true, words => 'Es regnet' } ], '... and keeps what the tool gave';
    like $up->last->{body}, qr/rain.*Es regnet/s, '... which the provider was told';
}

# ---- what goes wrong ----

{
    my $wrong = chat(version => 6, api => $t->url('/ui-message/chunks'), text => 'x' x 5000);
    is $wrong->{status}, 'error', 'a question that is too long';
    is $JSON->decode($wrong->{error})->{code}, 'invalid_request', '... is refused in JSON, which the page gets';
    $wrong = chat(version => 6, api => $t->url('/ui-message/chunks'), text => "mock(seed=${\ $seed++};n=5;fault=close;after=3)");
    is $wrong->{status}, 'error', 'an answer that breaks off is an error';
    like $wrong->{error}, qr/^The provider/, '... in a sentence that may be shown';
}
$t->allow_log(qr/CHAT0902: /);
close $to;
waitpid $node, 0;
$t->stop;
$up->stop;
done_testing;
