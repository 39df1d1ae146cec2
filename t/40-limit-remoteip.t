# SPDX-License-Identifier: Apache-2.0
#
# Behind a proxy: the client's address counts, as mod_remoteip has it, and of
# IPv6 the network that one customer has.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

sub server ($remoteip) {
    return ChatTest->new(modules => ['remoteip'], conf => <<"END")->start;
$remoteip
ChatRedis ${\$redis->url} connect=5s command=5s
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
ChatLimit each 1/1h ip
<Location /wide>
    ChatLimit each off
    ChatLimit wide 1/1h ip ipv4=24 ipv6=48
</Location>
<Location /exempt>
    ChatLimitExempt net=203.0.113.0/24 net=2001:db8:ffff::/48
</Location>
END
}

sub statuses ($t, $path, @from) {
    return join ' ',
        map { $t->sse($path, $t->turn(n => 1), headers => { 'X-Forwarded-For' => $_ })->{status} } @from;
}

my $t = server("RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1");
is statuses($t, '/', ('198.51.100.7') x 2, '198.51.100.8'), '200 429 200', 'each client of a proxy has its own';
is statuses($t, '/', '192.0.2.66, 198.51.100.9', '192.0.2.77, 198.51.100.9'), '200 429',
    'what a client says before its proxy does is not believed';
is statuses($t, '/', '2001:db8:1:2::1', '2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:3::1'), '200 429 200',
    'two addresses of one /64 share, that of another does not';
is statuses($t, '/', '2001:DB8:1:2:0:0:0:9'), '429', 'however it is written';
is statuses($t, '/', '::ffff:198.51.100.7'), '429', 'IPv4 in IPv6 is IPv4';
is statuses($t, '/wide', '198.51.100.20', '198.51.100.99', '198.51.101.1'), '200 429 200', 'ipv4=24';
is statuses($t, '/wide', '2001:db8:1:a::1', '2001:db8:1:b::1', '2001:db8:2:a::1'), '200 429 200', 'ipv6=48';
is statuses($t, '/exempt', ('203.0.113.5') x 2, ('2001:db8:ffff::1') x 2), '200 200 200 200', 'a network is exempt by it';
is statuses($t, '/exempt', ('203.0.114.5') x 2), '200 429', 'and no other';
ok $redis->ask('GET', '{chat}:each:r3600:198.51.100.7'), 'the key has the address';
ok $redis->ask('GET', '{chat}:each:r3600:2001:db8:1:2::/64'), 'or the network';
$t->stop;

$redis->ask('FLUSHALL');
$t = server('');
is statuses($t, '/', '198.51.100.7', '198.51.100.8'), '200 429', 'without mod_remoteip the header is nobody';
$t->stop;
$redis->ask('FLUSHALL');
$t = server("RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.99");
is statuses($t, '/', '198.51.100.7', '198.51.100.8'), '200 429', 'nor when somebody else sends it than the proxy';
$t->stop;

$redis->stop;
$up->stop;
done_testing;
