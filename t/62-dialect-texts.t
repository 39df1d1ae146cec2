# SPDX-License-Identifier: Apache-2.0
#
# Every provider in every dialect: what the model said is what the client gets,
# in order, once and whole: text, thoughts, calls with their arguments, JSON, a
# refusal, the reason of the end and the tokens. Where the upstream fails, what
# came before, and one event that says so.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load load_ok);
use ChatTest::Upstream;

my $JSON = JSON::PP->new->canonical;
my $TRUE = JSON::PP::true;
my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;

# The API that each speaks, and its section.
my %is = (
    openai     => [ responses   => "$bare/v1" ],
    chunks     => [ completions => "$bare/v1", 'ChatProviderType openai', 'ChatProviderAPI chat-completions' ],
    anthropic  => [ messages    => "$bare/v1" ],
    gemini     => [ gemini      => "$bare/v1beta" ],
    openrouter => [ completions => "$bare/api/v1;as=openrouter;comments=1" ],
    deepseek   => [ completions => "$bare/v1;as=deepseek" ],
    azure      => [ completions => "$bare/v1;as=azure", 'ChatProviderType compatible', 'ChatProviderAuth api-key' ],
    vllm       => [ completions => "$bare/v1;as=vllm", 'ChatProviderType compatible' ],
);
my @dialects = qw(stream message completions);

my $t = ChatTest->new(conf => join "\n", 'MaxKeepAliveRequests 0', '<Location />', 'SetHandler chat', 'ChatAuth guest',
    'ChatModelDefault mock-1', '</Location>',
    map({
        my ($name, undef, $url, @lines) = ($_, $is{$_}->@*);
        ("<ChatProvider $name>", "ChatProviderURL $url", 'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off', @lines, '</ChatProvider>',
            map { ("<Location /$_/$name>", "ChatRoute $_", "ChatUse $name", '</Location>') } @dialects);
    } sort keys %is), '')->start;

# The request of a dialect that has this script, as sse_load's body.
sub body ($dialect, $script) {
    my $text = "mock(seed={i};$script)";
    my @tools = $script =~ /tools/ ? map { { name => $_, parameters => { type => 'object', properties => {} } } } qw(weather clock) : ();
    my %body = $dialect eq 'message' ? (message => $text) : (messages => [ { role => 'user', content => $text } ]);
    @body{qw(model stream stream_options)} = ('mock-1', $TRUE, { include_usage => $TRUE }) if $dialect eq 'completions';
    $body{tools} = $dialect eq 'stream' ? \@tools : [ map { { type => 'function', function => $_ } } @tools ] if @tools;
    return (D => $dialect, b => $JSON->encode(\%body));
}

for my $name (sort keys %is) {
    my ($as) = $is{$name}[1] =~ /;(as=\w+)/;
    my @api = (a => $is{$name}[0], p => $as // 'as=openai');
    for my $dialect (@dialects) {
        my $url = $t->url("/$dialect/$name");
        subtest "$name as $dialect" => sub {
            my @scripts = ('n=20;utf8=1;size=60;reason=2', 'finish=length', 'finish=filter', 'refuse=1', 'json=1', 'ts=1', 'lead=2;wait=5',
                'usage=0', 'n=3;size=200000', 'n=40;split=7');
            push @scripts, 'tools=2;pieces=5;utf8=1', 'tools=1;both=1;reason=1' if $dialect ne 'message';
            load_ok($_, $url, @api, body($dialect, $_), c => 3, m => 2) for @scripts;

            for my $fault (qw(rst close cut noend error-nested)) {
                load_ok("$fault in mid-stream", $url, @api, body($dialect, "n=20;fault=$fault;after=9"), c => 2, e => 'failed');
            }
            my $res = load($url, @api, body($dialect, 'n=20;fault=error-nested;after=0'), S => 502, X => 503, c => 2);
            is $res->{failed}, 0, 'an error before any text is a status' or diag "@{$res->{failures}}";
            load_ok('the most tokens', $url, @api, body($dialect, 'n=20;fault=incomplete;after=9'), c => 2);
        };
    }
}

$t->expect_log(qr/CHAT0902: /);
$t->stop;
$up->stop;
done_testing;
