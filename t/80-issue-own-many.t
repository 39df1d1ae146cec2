# SPDX-License-Identifier: Apache-2.0
#
# What a request in a provider's own words may cost is known before it is sent:
# several answers at once, and answers that go on when nobody waits for them, went
# past the budgets. And what only looks like a file is counted as the text it is.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use JSON::PP ();

my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;
my %is = (
    responses   => [ 'openai', "$bare/v1", '' ],
    completions => [ 'openai', "$bare/v1", 'ChatProviderAPI chat-completions' ],
    gemini      => [ 'gemini', "$bare/v1beta", '' ],
);
my $t = ChatTest->new(conf => join "\n", 'SetHandler chat', 'ChatAuth guest', 'ChatRequestFormat provider', 'ChatModelDefault mock-1',
    (map { ("<ChatProvider $_>", "ChatProviderType $is{$_}[0]", "ChatProviderURL $is{$_}[1]", $is{$_}[2], 'ChatProviderKey env:CHAT_CANARY_KEY',
        '</ChatProvider>', "<Location /$_>", "ChatRoute $is{$_}[0]", "ChatUse $_", '</Location>') } sort keys %is),
    '<Location /completions/few>', 'ChatLimit few 3000/1h ip unit=tokens', '</Location>', '')->start;

my @messages = (messages => [ { role => 'user', content => 'mock(n=1)' } ]);
my @contents = (contents => [ { role => 'user', parts => [ { text => 'mock(n=1)' } ] } ]);
for my $row (
    [ 'completions', { @messages, n => 2 }, 'n' ],
    [ 'completions', { @messages, n => 1 } ],
    [ 'responses', { input => 'mock(n=1)', background => JSON::PP::true }, 'background' ],
    [ 'responses', { input => 'mock(n=1)', background => JSON::PP::false } ],
    [ 'gemini', { @contents, generationConfig => { candidateCount => 2 } } ,'candidateCount' ],
    [ 'gemini', { @contents, generation_config => { candidate_count => 3 } }, 'candidate_count' ],
    [ 'gemini', { @contents, generationConfig => { candidateCount => 1 } } ],
) {
    my ($api, $request, $refused) = @$row;
    my $before = $up->stats->{requests};
    my $res = $t->post_json("/$api", $request);
    is $res->{status}, $refused ? 400 : 200, "$api: " . ($refused ? "$refused is refused" : 'and not without');
    is $up->stats->{requests} - $before, $refused ? 0 : 1, '... the provider hears nothing of it' if $refused;
}

my $text = 'data: ' . 'so many words ' x 2000;
is $t->post_json('/completions/few', { messages => [ { role => 'user', content => $text } ], max_tokens => 5 })->{status}, 429,
    'a text that begins like a file costs what a text costs';
my $image = 'data:image/png;base64,' . 'iVBORw0KGgo' x 3000;
is $t->post_json('/completions/few', { max_tokens => 5, messages => [ { role => 'user', content => [
    { type => 'text', text => 'mock(n=1)' }, { type => 'image_url', image_url => { url => $image } } ] } ] })->{status}, 200,
    'a picture does not cost what its bytes would';

$t->stop;
$up->stop;
done_testing;
