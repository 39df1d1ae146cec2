# SPDX-License-Identifier: Apache-2.0
#
# A tier of several words ("pro,beta") let its owner use the models of either,
# but ChatLimit compared the whole of it: the limits of both were off for them.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 1)->start;
my $t  = ChatTest->new(conf => <<"END")->start;
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatModel m mock tier=pro
SetHandler chat
ChatRoute stream
ChatUse mock
ChatAuth guest
ChatLimitTier "%{HTTP:X-Tier}"
ChatModelDefault m
<Location /pro>
    ChatLimit pro 2/1h ip tier=pro
</Location>
<Location /beta>
    ChatLimit beta 1/1h ip tier=beta
</Location>
<Location /prof>
    ChatLimit prof 1/1h ip tier=prof
</Location>
END

sub statuses ($path, @tiers) {
    return join ' ', map { $t->post_json($path, { stream => \0, messages => [ { role => 'user', content => 'x' } ] },
        headers => { 'X-Tier' => $_ })->{status} } @tiers;
}

is statuses('/pro', 'pro,beta', 'beta, pro', 'pro'), '200 200 429', 'the limit of the first word, or of any, counts';
is statuses('/beta', 'pro,beta', 'pro,beta'), '200 429', '... and that of the second';
is statuses('/prof', 'pro', 'pro,professor', 'pro prof,beta', 'pro,prof'), '200 200 200 429', 'a word is a whole word';
is statuses('/beta', 'beta'), '403', 'and a model of another tier stays forbidden';
$t->stop;
$up->stop;
done_testing;
