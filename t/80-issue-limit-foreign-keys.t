# SPDX-License-Identifier: Apache-2.0
#
# Whoever could write .htaccess could count in any key of Redis, by compat= with
# a prefix of his choice and an expression, and give it an end: an application's
# number without one was raised, and soon gone. Now such a policy belongs to the
# server's own files, and even there the end of a key is its owner's.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

my $WHO    = '"expr=%{HTTP:X-Who}"';
my $COMPAT = 'compat=rate-limiter-flexible';
my %FILE   = (
    compat  => "ChatLimit mine 1000/1s $WHO $COMPAT prefix=app\n",
    bare    => "ChatLimit mine 1000/1s $WHO $COMPAT\n",
    empty   => "ChatLimit mine 1000/1s $WHO $COMPAT prefix=\n",
    prefix  => "ChatLimit mine 1000/1s $WHO prefix=app\n",
    tokens  => "ChatLimit mine 1000/1s $WHO unit=tokens $COMPAT prefix=app\n",
    shadow  => "ChatLimit mine 1000/1s $WHO shadow=on prefix=app $COMPAT\n",
    files   => "<Files \"*\">\nChatLimit mine 1000/1s $WHO $COMPAT prefix=app\n</Files>\n",
    if      => "<If \"true\">\nChatLimit mine 1000/1s $WHO $COMPAT prefix=app\n</If>\n",
);
# What may be written there counts among our own keys.
my %OWN = (
    requests => "ChatLimit mine 1000/1s $WHO\n",
    tokens   => "ChatLimit mine 1000000/1s $WHO unit=tokens\n",
    streams  => "ChatLimit mine 1000 $WHO unit=streams\n",
    closed   => "ChatLimit mine 1000/1s $WHO fail=closed\n",
);

my $t = ChatTest->new(conf => <<"END");
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
<Directory "%%HTDOCS%%">
    AllowOverride Limit
    Require all granted
</Directory>
<Directory "%%HTDOCS%%/listed">
    AllowOverride None
    AllowOverrideList ChatLimit
</Directory>
<Location /app>
    ChatLimit common 10000/1m $WHO $COMPAT prefix=app
</Location>
<Location /budget>
    ChatLimit budget 100000/1m $WHO unit=tokens $COMPAT prefix=app
</Location>
END

sub htaccess ($name, $text) {
    mkdir $t->htdocs . "/$name" or die "$name: $!";
    $t->write_file("htdocs/$name/.htaccess", $text);
}

htaccess($_, $FILE{$_}) for sort keys %FILE;
htaccess("own-$_", $OWN{$_}) for sort keys %OWN;
htaccess('listed', $FILE{compat});
$t->start;
$t->expect_log(qr{htaccess: ChatLimit: compat= and prefix= cannot be written in \.htaccess: write such a policy in the server's configuration});

sub ask ($path, $who) {
    return $t->sse($path, $t->turn(n => 1), headers => { 'X-Who' => $who });
}

# The application's own: numbers with and without an end, and other things.
sub write_keys () {
    $redis->ask('FLUSHALL');
    $redis->ask('SET', 'app:next', 4711);
    $redis->ask('SET', 'app:hour', 3, 'EX', 3600);
    $redis->ask('SET', 'app:text', 'words');
    $redis->ask('RPUSH', 'app:list', 'a');
    $redis->ask('ZADD', 'app:board', 5, 'kim');
    $redis->ask('SET', 'next', 1);
}
my @KEYS = qw(app:next app:hour app:text app:list app:board next);

sub keys_are () {
    return join ' ', map {
        my $ttl = $redis->ask('TTL', $_);
        "$_=" . unpack('H*', $redis->ask('DUMP', $_) // '') . '/' . ($ttl > 3000 ? 'hour' : $ttl);
    } @KEYS;
}

# ---- .htaccess ----

write_keys();
my $before = keys_are();
for my $name ((sort keys %FILE), 'listed') {
    is ask("/$name/page", $_)->{status}, 500, "$name in .htaccess is refused ($_)" for qw(next hour app:next);
}
for my $name (sort keys %OWN) {
    is ask("/own-$name/page", $_)->{status}, 200, "$name with a key of our own is not ($_)" for qw(app:next app:list next);
}
is keys_are(), $before, 'no key of the application is another';
is_deeply [ grep { !/^(?:\{chat\}:|chat-leases:|app:|next$)/ } @{ $redis->ask('KEYS', '*') } ], [], 'all others are in our name space';

# ---- the server's own files ----

write_keys();
my %is = map { $_ => ask('/app', $_)->{status} } qw(next hour text list board new);
is $is{next}, 200, 'a number without an end';
is $redis->ask('GET', 'app:next'), 4712, '... is counted in';
is $redis->ask('TTL', 'app:next'), -1,   '... and has none';
is $redis->ask('GET', 'app:hour'), 4, 'a number with an end is counted in';
cmp_ok $redis->ask('TTL', 'app:hour'), '>', 3000, '... and has the same';
is $redis->ask('GET', 'app:new'), 1, 'a new one';
is $redis->ask('TTL', 'app:new'), 60, '... ends with its window';
is "$is{text} $is{list} $is{board}", '200 200 200', 'what is none is handled as fail= says';
is_deeply [ map { $redis->ask('TTL', "app:$_") } qw(text list board) ], [ -1, -1, -1 ], '... and stays';
is $redis->ask('GET', 'app:text'), 'words', '... as it is';

write_keys();
my $left = ask('/budget', 'next')->{headers}{ratelimit} // '';
like $left, qr/"budget";r=\d+;t=60/, 'a budget in a number without an end';
wait_for('it to be settled', sub { !$redis->ask('ZCARD', 'chat-leases:{app:next}') });
my $cost = $redis->ask('GET', 'app:next') - 4711;
cmp_ok $cost, '>', 0, '... is charged what was used';
cmp_ok $cost, '<', 1000, '... not what was reserved';
is $redis->ask('TTL', 'app:next'), -1, '... and the number has no end';

$t->expect_log(qr/CHAT1014: a key in Redis that a policy counts under holds something else/);
$t->stop;
$redis->stop;
$up->stop;
done_testing;
