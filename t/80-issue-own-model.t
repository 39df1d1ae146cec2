# SPDX-License-Identifier: Apache-2.0
#
# Who may use which model holds for requests in a provider's own words as well.
# A gateway's members for further models went past it; and a model that only
# another kind of provider has was asked for there, in words it does not know.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $other = ChatTest::Upstream->new->start;
my $t = ChatTest->new(conf => <<"END")->start;
<ChatProvider gateway>
    ChatProviderType openrouter
    ChatProviderURL ${\$up->url}
</ChatProvider>
<ChatProvider claude>
    ChatProviderType anthropic
    ChatProviderURL ${\$up->url}
</ChatProvider>
<ChatProvider gpt>
    ChatProviderType openai
    ChatProviderURL ${\$other->url}
</ChatProvider>
ChatModel small claude fallback=large
ChatModel large gpt
<Location /gateway>
    SetHandler chat
    ChatRoute openrouter
    ChatUse gateway
    ChatAuth guest
    ChatRequestFormat provider
    ChatModelAllow cheap/*
</Location>
<Location /completions>
    SetHandler chat
    ChatRoute completions
    ChatUse gateway
    ChatAuth guest
    ChatModelAllow cheap/*
</Location>
<Location /claude>
    SetHandler chat
    ChatRoute anthropic
    ChatUse claude gpt
    ChatAuth guest
    ChatRequestFormat provider
</Location>
END

my %turn = (messages => [ { role => 'user', content => 'mock(seed=1)' } ], max_tokens => 5);

is $t->post_json('/gateway', { %turn, model => 'cheap/one', models => undef })->{status}, 200, 'a model that is allowed';
is $t->post_json('/gateway', { %turn, model => 'dear/one' })->{status}, 403, 'one that is not';
my @members = ([ models => ['dear/one'] ], [ route => 'fallback' ], [ preset => 'dear' ], [ fallbacks => ['dear/one'] ]);
for my $route (qw(gateway completions)) {
    $up->reset;
    for (@members) {
        my $res = $t->post_json("/$route", { %turn, model => 'cheap/one', @$_ });
        is $res->{status}, 400, "$route: $_->[0] is refused";
        is $res->{json}{error}{param}, $_->[0], '... by its name';
    }
    is $up->stats->{requests}, 0, '... all of them here';
}

is $t->post_json('/claude', { %turn, model => 'small' })->{status}, 200, 'a model of the provider whose words these are';
my $res = $t->post_json('/claude', { %turn, model => 'large' });
is $res->{status}, 404, 'one that only a provider of other words has';
is $other->stats->{requests}, 0, '... is not asked for there';

$t->stop;
$_->stop for $other, $up;
done_testing;
