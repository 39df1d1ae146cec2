# SPDX-License-Identifier: Apache-2.0
#
# What somebody could try in order to have no limit, another's limit, or to
# take everybody's away. In our own table and in Redis.
#
# Runs alone: hundreds of clients ask at once.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;
use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use POSIX ();

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;
my $liar  = liar();
my $many  = join '', map { "    ChatLimit many-$_ 1000/1h ip\n" } 1 .. 99;
my $conf  = <<"END";
LimitRequestFieldSize 40000
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderTimeout total=20s
</ChatProvider>
<ChatProvider patient>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=400;pace=20"
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderTimeout total=300s
</ChatProvider>
<ChatProvider liar>
    ChatProviderType openai
    ChatProviderURL  http://127.0.0.1:$liar->{port}/v1
</ChatProvider>
<Directory "%%HTDOCS%%">
    AllowOverride Limit FileInfo
    Require all granted
</Directory>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
<Location /names>
    AuthType Basic
    AuthName names
    AuthBasicProvider anon
    Anonymous *
    Anonymous_MustGiveEmail off
    Require valid-user
    ChatAuth user
    ChatLimit who 1/1h user
</Location>
<Location /names/both>
    ChatLimit who off
    ChatLimit both 1/1h user+ip
</Location>
<Location /guest>
    ChatLimit who 1/1h user
</Location>
<Location /guest/both>
    ChatLimit who off
    ChatLimit both 1/1h user+ip
</Location>
<Location /guest/said>
    ChatLimit who 1/1h "expr=%{QUERY_STRING}"
</Location>
<Location /mixed/requests>
    ChatLimit mixed 2/1h ip
</Location>
<Location /mixed/streams>
    ChatLimit mixed 2 ip unit=streams
</Location>
<Location /mixed/tokens>
    ChatLimit mixed 100000/1h ip unit=tokens
</Location>
<Location /mixed/minute>
    ChatLimit mixed 1/1m ip
</Location>
<Location /wide>
    ChatLimit shrinks 5/1h ip
</Location>
<Location /tight>
    ChatLimit shrinks 2/1h ip
</Location>
<Location /many>
$many    ChatLimit few 2/1h ip
</Location>
<Location /no-tier>
    ChatLimitTier "%{file:/nonexistent}"
    ChatLimit tiered 1/1h ip tier=free
</Location>
<Location /no-key>
    ChatLimit ahead 1000/1h ip unit=tokens
    ChatLimit keyless 1/1h "expr=%{file:/nonexistent}"
</Location>
<Location /liar>
    ChatUse liar
    ChatLimit lied 1000000/1h ip unit=tokens
</Location>
<Location /once>
    ChatLimit once 2/1h ip
</Location>
END

# An upstream that bills more than any number can hold.
sub liar () {
    my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or die "liar: $!";
    my $port = $listen->sockport;
    my $pid = fork // die "fork: $!";
    return { port => $port, pid => $pid } if $pid;
    while (my $s = $listen->accept) {
        my ($head, $length) = ('', 0);
        while (my $line = <$s>) {
            $length = $1 if $line =~ /^content-length: (\d+)/i;
            last if $line eq "\r\n";
        }
        read $s, $head, $length;
        my $usage = '{"input_tokens":9223372036854775807,"output_tokens":9223372036854775807,"total_tokens":1}';
        print {$s} "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n",
            qq(event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","usage":$usage}}\n\n);
        close $s;
    }
    POSIX::_exit(0);
}

sub server ($counter) {
    my $t = ChatTest->new(modules => [qw(authn_core auth_basic authn_anon rewrite status)], conf => "$counter\n$conf");
    mkdir $t->htdocs . '/moved';
    $t->write_file('htdocs/moved/.htaccess', "RewriteEngine on\nRewriteRule ^there\$ /once [PT]\n");
    $t->allow_log(qr/CHAT1001: (?:ChatLimitTier|keyless) cannot be evaluated/, qr/Evaluation of expression from \S+ failed: Cannot open file/);
    return $t->start;
}

sub ask ($t, $path, %o) {
    return $t->sse($path, $t->turn(n => 1, %{ delete $o{mock} // {} }), %o);
}

sub statuses ($t, $n, $path, %o) {
    return join ' ', map { ask($t, $path, %o)->{status} } 1 .. $n;
}

sub as ($name) {
    return headers => { Authorization => 'Basic ' . encode_base64("$name:x", '') };
}

sub left ($res, $policy) {
    return ($res->{headers}{ratelimit} // '') =~ /"\Q$policy\E";r=(\d+)/ ? $1 : undef;
}

for my $counter ('', 'ChatRedis ' . $redis->url . ' connect=5s command=5s') {
    my $name = $counter ? 'redis' : 'table';
    my $t = server($counter);

    # ---- names that look like something else ----

    is statuses($t, 2, '/guest'), '200 429', "$name: a guest has one";
    my $long = 'x' x 10_000;
    for my $row (
        [ 'of an address'       => '127.0.0.1' ],
        [ 'of ten thousand'     => $long ],
        [ 'of one more'         => "${long}x" ],
        [ 'of a digest'         => sha256_hex($long) ],
        [ 'of a marked digest'  => '#' . sha256_hex($long) ],
        [ 'of control bytes'    => "a\x01\x7f\x1b[2J" ],
        [ 'of bytes'            => "\xff\xfe" ],
        [ 'of a pair'           => 'somebody+127.0.0.1' ],
        [ 'of the pair\'s half' => 'somebody' ],
        [ 'of braces'           => '}{chat}:who' ],
    ) {
        my ($what, $id) = @$row;
        is statuses($t, 2, '/names', as($id)), '200 429', "$name: so has a user with the name $what";
        is statuses($t, 2, '/names/both', as($id)), '200 429', "$name: ... and by name and address";
    }
    is statuses($t, 2, '/guest/both'), '200 429', "$name: ... and a guest by address";
    is statuses($t, 1, '/guest/said?u:somebody'), '200', "$name: who says that he is somebody";
    is statuses($t, 1, '/guest/said?127.0.0.1'), '200', "$name: or some address, uses up what is his own";

    # ---- one name for several things ----

    is statuses($t, 3, '/mixed/requests'), '200 200 429', "$name: a name counts requests in one place";
    is statuses($t, 3, '/mixed/streams'), '200 200 200', "$name: and open streams in another";
    is statuses($t, 2, '/mixed/tokens'), '200 200', "$name: and tokens";
    is statuses($t, 2, '/mixed/minute'), '200 429', "$name: and requests in another window";
    is statuses($t, 1, '/mixed/requests'), '429', "$name: none of which resets the first";

    is statuses($t, 3, '/wide'), '200 200 200', "$name: a limit of five";
    my $no = ask($t, '/tight');
    is $no->{status}, 429, "$name: is used up where it is two";
    is left($no, 'shrinks'), 0, "$name: and less than nothing is left nowhere";
    is statuses($t, 3, '/wide'), '200 200 429', "$name: while the others go on";

    # ---- many ----

    is statuses($t, 3, '/many'), '200 200 429', "$name: a hundred policies, and the last of them refuses";
    is left(ask($t, '/many'), 'many-99'), 998, "$name: then none of the others is charged";

    # ---- requests that are no question ----

    is $t->get('/once')->{status}, 405, "$name: GET";
    is $t->request('HEAD', '/once')->{status}, 405, "$name: and HEAD";
    is left(ask($t, '/once'), 'once'), 1, "$name: cost nothing";
    is left(ask($t, '/moved/there'), 'once'), 0, "$name: an internal redirect costs one";

    # ---- what cannot be evaluated ----

    is ask($t, '/no-tier')->{status}, 500, "$name: without a tier nobody passes";
    is ask($t, '/no-key')->{status}, 500, "$name: nor without a key";
    is left(ask($t, '/liar'), 'lied'), 1_000_000 - 1000 - input($t), "$name: a provider that bills the moon";
    wait_for(sub { my $l = left(ask($t, '/liar'), 'lied'); defined $l && $l > 900_000 }, "$name: is not believed", 5);
    ok $t->error_log =~ /CHAT1002: limit who refuses [0-9a-f]{16}:/, "$name: a refusal's line has a digest";
    ok $t->error_log !~ /exit signal/, "$name: no child has died";
    $t->stop;
}

# The estimate of the prompt: what the reservation is more than 1000.
sub input ($t) {
    my $turn = $t->turn(n => 1);
    return int(length($turn->{messages}[0]{content}) / 4) + 4;
}

# ---- Redis alone ----

my $t = ChatTest->new(modules => [qw(authn_core auth_basic authn_anon rewrite status)], conf => <<"END");
ChatRedis ${\$redis->url} connect=5s command=5s
$conf
<Location /common>
    ChatLimit ahead 1000/1h ip
    ChatLimit common 5/1h "expr=%{QUERY_STRING}" compat=rate-limiter-flexible prefix= fail=open
</Location>
<Location /common/shadow>
    ChatLimit common 5/1h "expr=%{QUERY_STRING}" compat=rate-limiter-flexible prefix= shadow=on
</Location>
<Location /common/tokens>
    ChatLimit common 5000/1h "expr=%{QUERY_STRING}" compat=rate-limiter-flexible unit=tokens
</Location>
<Location /said>
    ChatLimit said 5000/1h "expr=%{QUERY_STRING}" unit=tokens fail=closed
</Location>
<Location /places>
    ChatLimit places 100 ip unit=streams
    ChatLimit budget 100000/1h ip unit=tokens
</Location>
<Location /places/patient>
    ChatUse patient
</Location>
<Location /mixed-fail>
    ChatLimit first 10000/1h ip unit=tokens fail=local
    ChatLimit second 10/1h ip fail=closed
</Location>
<Location /mixed-fail/not>
    ChatLimit second 10/1h ip fail=open
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END
$t->start;
$t->expect_log(qr/CHAT1014: a key in Redis that a policy counts under holds something else: .*WRONGTYPE/);
$t->allow_log(qr/CHAT1011/);

$redis->ask('FLUSHALL');
$redis->ask('RPUSH', 'queue', 'job');
$redis->ask('SET', 'text', 'some text');
$redis->ask('SET', 'huge', '9223372036854775807');
ask($t, '/common?well');
my $ahead = $redis->ask('GET', '{chat}:ahead:r3600:127.0.0.1');
is statuses($t, 8, "/common?$_"), join(' ', (200) x 8), "somebody else's key, $_, counts nothing" for qw(queue text huge);
is $redis->ask('GET', '{chat}:ahead:r3600:127.0.0.1'), $ahead, 'nor does what is asked with it';
is $redis->ask('GET', 'text'), 'some text', 'it stays what it was';
is statuses($t, 5, '/common?well'), '200 200 200 200 429', 'and all others are counted as before: Redis is well';
ok $t->error_log !~ /CHAT1011/, 'and known to be';

$redis->ask('SET', 'low', '-99999999999999999', 'EX', 100);
is left(ask($t, '/common?low'), 'common'), 999999999999999,
    'more than a header can say is left of a number far below zero';
$redis->ask('SET', 'high', '999999999999999999', 'EX', 100);
is statuses($t, 1, '/common?high'), '429', 'one far above all limits refuses';
is statuses($t, 2, '/common/shadow?high'), '200 200', 'unless it is a shadow';

# Each value of an expression has a counter, whatever else is called like it.
is statuses($t, 1, "/said?$_"), '200', "a value of $_" for 'x', 'x:l', 'l', 'chat-leases:x', 'chat-leases:{chat}:said:t3600:e:x';
is statuses($t, 1, "/common/tokens?$_"), '200', "a shared value of $_" for 'x', 'x:l', 'chat-leases:x', '{x}', '{x}:l';

# A short stream does not let the lease of a long one go.
my $c = $t->connect;
$c->request('POST', '/places/patient', headers => { 'Content-Type' => 'application/json' }, body => encode_json($t->turn));
wait_for(sub { $redis->ask('ZCARD', '{chat}:places:s0:127.0.0.1') }, 'a long stream is open', 10);
ask($t, '/places');
for my $key ('{chat}:places:s0:127.0.0.1', 'chat-leases:{chat}:budget:t3600:127.0.0.1') {
    cmp_ok $redis->ask('PTTL', $key), '>', 300_000, "its lease is kept while a shorter one comes and goes: $key";
}
$c->close;

# Refused, with something asked that need not be.
my @children = sort $t->children;
$redis->stop;
is statuses($t, 6, '/mixed-fail'), join(' ', (503) x 6), 'without Redis a policy that is closed refuses';
is statuses($t, 2, '/mixed-fail/not'), '200 200', 'and where it is not, the other counts here';
is_deeply [ sort $t->children ], \@children, 'no child has died of it';

$t->stop;
kill 'KILL', $liar->{pid};
waitpid $liar->{pid}, 0;
$up->stop;
done_testing;
