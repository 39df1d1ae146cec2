# SPDX-License-Identifier: Apache-2.0
#
# One budget for a Node application and Apache: the real rate-limiter-flexible
# (npm, pinned in t/real/rate-limiter) beside us on one Redis.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;
use JSON::PP;

my $NODE = "$FindBin::Bin/real/rate-limiter";
if (!-d "$NODE/node_modules") {
    ChatTest::skip_or_fail('rate-limiter-flexible cannot be installed (npm ci)')
        if system("cd '$NODE' && npm ci --silent --no-audit --no-fund > /dev/null 2>&1") != 0;
}

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;
my $t     = ChatTest->new(conf => <<"END")->start;
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
ChatLimit common 5/1m "expr=%{QUERY_STRING}" compat=rate-limiter-flexible
<Location /app>
    ChatLimit common 5/1m "expr=%{QUERY_STRING}" compat=rate-limiter-flexible prefix=chat_user
</Location>
END

sub node ($prefix, $key, $times) {
    open my $fh, '-|', 'node', "$NODE/consume.mjs", $redis->port, $prefix, $key, 5, 60, $times or die "node: $!";
    my $text = do { local $/; <$fh> };
    close $fh;
    return decode_json($text // '[]');
}

sub apache ($path, $times) {
    return map { $t->sse($path, $t->turn(n => 1))->{status} } 1 .. $times;
}

sub ttl ($key) { return $redis->ask('PTTL', $key) }

# ---- Apache first ----

is join(' ', apache('/?u1', 2)), '200 200', 'Apache takes two of five';
is $redis->ask('GET', 'rlflx:u1'), 2, 'under the key of the package, as its number';
cmp_ok ttl('rlflx:u1'), '>', 50_000, 'with its end';
cmp_ok ttl('rlflx:u1'), '<=', 60_000, 'a minute from the first';
is_deeply [ map { $_->[0] ? 1 : 0 } @{ node('rlflx', 'u1', 4) } ], [ 1, 1, 1, 0 ], 'the application gets the other three';
is join(' ', apache('/?u1', 1)), '429', 'and then Apache none';

# ---- the application first ----

is_deeply node('rlflx', 'u2', 3), [ [ JSON::PP::true, 1 ], [ JSON::PP::true, 2 ], [ JSON::PP::true, 3 ] ], 'the application takes three';
my $end = ttl('rlflx:u2');
is join(' ', apache('/?u2', 3)), '200 200 429', 'Apache gets the other two';
cmp_ok ttl('rlflx:u2'), '<=', $end, 'and does not move the end of the window';
is_deeply [ map { $_->[0] ? 1 : 0 } @{ node('rlflx', 'u2', 1) } ], [0], 'and then the application none';
is join(' ', apache('/?u2', 1)), '429', 'its refused tries count, as it has it, and change nothing for us';

# ---- as made by the application's administrator ----

$redis->ask('SET', 'rlflx:u3', 4, 'EX', 30);
is join(' ', apache('/?u3', 2)), '200 429', 'points set by hand hold';
$redis->ask('SET', 'rlflx:u4', -3, 'EX', 30);
is join(' ', apache('/?u4', 9)), '200 200 200 200 200 200 200 200 429', 'a reward, below zero, holds too';

# ---- another prefix ----

is join(' ', apache('/app?u1', 1)), '200', 'another prefix is another budget';
is $redis->ask('GET', 'chat_user:u1'), 1, 'under its own key';
is_deeply [ map { $_->[1] } @{ node('chat_user', 'u1', 1) } ], [2], 'which the application shares';
is_deeply [ grep { /common/ } @{ $redis->ask('KEYS', '*') } ], [], 'nothing else is stored';

$t->stop;
$redis->stop;
$up->stop;
done_testing;
