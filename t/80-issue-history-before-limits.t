# SPDX-License-Identifier: Apache-2.0
#
# What had been said in a session was looked up before the limits were asked:
# whoever was to be refused cost the store a question all the same.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $up     = ChatTest::Upstream->new(n => 1)->start;
my $store  = ChatTest::Redis->new->start;
my $limits = ChatTest::Redis->new->start;

for my $where ('in Redis', 'in the table') {
    my $redis = $where eq 'in Redis' ? 'ChatRedis ' . $limits->url : '';
    my $t = ChatTest->new(modules => ['socache_redis'], conf => <<"END")->start;
ServerName one.test
ChatContextStore redis:127.0.0.1:${\$store->port}
$redis
<ChatProvider up>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute message
    ChatUse up
    ChatAuth guest
    ChatModelDefault m
    ChatLimit two 2/1h ip
</Location>
END
    my $say = sub { $t->post_json('/chat', { message => 'hello', session_id => 'a-session', stream => \0 }) };
    is $say->()->{status}, 200, "a session is answered, with limits counted $where" for 1 .. 2;
    my ($asked) = $store->ask('INFO', 'commandstats') =~ /^cmdstat_get:calls=(\d+)/m;
    cmp_ok $asked, '>=', 2, '... and was looked up';
    my $res = $say->();
    is $res->{status}, 429, 'one more is refused by the limit';
    ok $res->{headers}{'retry-after'}, '... which says when to come back';
    my ($again) = $store->ask('INFO', 'commandstats') =~ /^cmdstat_get:calls=(\d+)/m;
    is $again, $asked, '... and its session was not looked up';
    $t->stop;
}

$_->stop for $store, $limits, $up;
done_testing;
