# SPDX-License-Identifier: Apache-2.0
#
# The policies that the README shows, as they stand there: guests, two plans,
# bursts and days. conf/chat.conf has the same behind comments.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $ROOT = "$FindBin::Bin/..";

sub slurp ($file) {
    open my $fh, '<', "$ROOT/$file" or die "$file: $!";
    local $/;
    return <$fh>;
}

my ($sample) = slurp('README.md') =~ /^## Rate limits\n.*?```apache\n(.*?)^```$/ms;
my @lines = $sample =~ /^ +(ChatLimit.*)$/mg;
cmp_ok scalar @lines, '>=', 10, 'the README shows policies';
my @behind = slurp('conf/chat.conf') =~ /^ +#(ChatLimit.*)$/mg;
is_deeply \@behind, \@lines, 'conf/chat.conf has the same behind comments';

my $up = ChatTest::Upstream->new->start;
my $t  = ChatTest->new(modules => ['remoteip'], conf => <<"END")->start;
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
<ChatProvider openai>
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse openai
ChatAuth guest
# Who is who, here, is what they say.
ChatLimitTier "%{HTTP:X-Tier}"
$sample
END

sub ask ($tier, $from) {
    return $t->sse('/api/chat-openai', $t->turn(n => 1), headers => { 'X-Tier' => $tier, 'X-Forwarded-For' => $from });
}

sub statuses ($n, @who) {
    my %sum;
    $sum{ ask(@who)->{status} }++ for 1 .. $n;
    return \%sum;
}

is_deeply statuses(12, 'guest', '192.0.2.1'), { 200 => 10, 429 => 2 }, 'a guest has ten requests';
my $no = ask('guest', '192.0.2.1');
like $no->{json}{message}, qr/^Too many requests: the limit "address" allows 10 in 5 minutes\. Try again in \d+ s\.$/, 'in five minutes';
cmp_ok $no->{headers}{'retry-after'}, '>', 60, 'and not again in one';
is_deeply statuses(12, 'free', '192.0.2.2'), { 200 => 10, 429 => 2 }, 'the free plan has ten a minute';
like ask('free', '192.0.2.2')->{json}{message}, qr/"free" allows 10\b/, 'by its own name';
is_deeply statuses(22, 'standard', '192.0.2.3'), { 200 => 20, 429 => 2 }, 'the standard plan more, but not all in ten seconds';
like ask('standard', '192.0.2.3')->{json}{message}, qr/"burst" allows 20\b/, 'which is a burst';
my $yes = ask('standard', '192.0.2.4');
is $yes->{headers}{'ratelimit-policy'},
    '"standard";q=60;w=60, "standard-day";q=100000;w=86400;qu="tokens", "burst";q=20;w=10, "day";q=500;w=86400, "open";q=3;qu="concurrent-requests"',
    'an answer tells what holds';
like ask('free', '192.0.2.5')->{headers}{ratelimit}, qr/"free";r=9;.*"free-day";r=[89]\d\d\d;.*"day";r=499;/, 'and what is left';
is_deeply statuses(3, 'nobody', '192.0.2.6'), { 200 => 3 }, 'who is of no plan';
like ask('nobody', '192.0.2.6')->{headers}{ratelimit}, qr/^"burst";r=16;/, 'is held by what holds all';

$t->stop;
$up->stop;
done_testing;
