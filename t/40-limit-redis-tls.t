# SPDX-License-Identifier: Apache-2.0
#
# rediss://: with a library that has TLS a certificate is believed only when a
# trusted CA has signed it for that host; without, the start is refused.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;
use File::Temp ();

my $variant = $ENV{CHAT_VARIANT} // 'plain';
my $has_tls = `ldd '$FindBin::Bin/../build/$variant/mod_chat.so'` =~ /hiredis_ssl/;
my $dir = File::Temp->newdir('chat-tls-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

sub certificate ($name, $san) {
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -addext subjectAltName=$san"
        . " -keyout $dir/$name.key -out $dir/$name.pem 2>/dev/null") == 0 or die "openssl\n";
    chmod 0644, "$dir/$name.pem", "$dir/$name.key";
    return ("$dir/$name.pem", "$dir/$name.key");
}

my ($cert, $key) = certificate('good', 'IP:127.0.0.1,DNS:localhost');
my ($other) = certificate('other', 'IP:127.0.0.1');
my ($elsewhere, $elsewhere_key) = certificate('elsewhere', 'DNS:cache.example,IP:192.0.2.1');

sub conf ($url, $up = 'http://127.0.0.1:9/v1') {
    return <<"END";
ChatRedis $url connect=2s command=1s
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "$up"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
ChatLimit closed 1000/1h ip fail=closed
END
}

if (!$has_tls) {
    my $t = ChatTest->new(conf => conf("rediss://127.0.0.1:6379 ca=$cert"));
    ok !eval { $t->start; 1 }, 'without TLS in the library the start is refused';
    ok "$@" . $t->error_log =~ /CHAT1301: ChatRedis "rediss:\/\/127\.0\.0\.1:6379": this build has no TLS to Redis, which needs hiredis 1\.0/,
        '... with a sentence';
    done_testing;
    exit;
}

my $up    = ChatTest::Upstream->new->start;
my $redis = ChatTest::Redis->new(tls => [ $cert, $key ], password => 'sesame')->start;
my $false = ChatTest::Redis->new(tls => [ $elsewhere, $elsewhere_key ], password => 'sesame')->start;

# Status of each request, and the server.
sub asked ($url, $n, $password = 'sesame') {
    my $t = ChatTest->new(env => { REDIS_PASSWORD => $password }, log_level => 'info chat:debug',
        conf => conf("$url password=env:REDIS_PASSWORD", $up->url . ';n=1'))->start;
    $t->allow_log(qr/CHAT1011/);
    return (join(' ', map { $t->sse('/', $t->turn(n => 1))->{status} } 1 .. $n), $t);
}

my $port = $redis->tls_port;
for my $host ('127.0.0.1', 'localhost') {
    my ($said, $t) = asked("rediss://$host:$port/2 ca=$cert", 5);
    is $said, '200 200 200 200 200', "rediss://$host: Redis counts";
    my @clients = $redis->ask('CLIENT', 'LIST') =~ /db=2/g;
    cmp_ok scalar @clients, '<=', scalar(my @children = $t->children) + 1, '... on connections that are kept';
    $redis->freeze;
    my $res = $t->sse('/', $t->turn(n => 1));
    is $res->{status}, 503, '... and a frozen one is not waited for';
    cmp_ok $res->{head_at} - $res->{sent_at}, '<', scaled(3), '... past the deadlines';
    $redis->thaw;
    $t->stop;
}
is $redis->in_db(2, 'GET', '{chat}:closed:r3600:127.0.0.1') >= 10, 1, 'in its database';

my @no = (
    [ 'of no CA that is known',        "rediss://127.0.0.1:$port ca=$other",                  qr/certificate is refused: self-signed certificate/ ],
    [ 'that the system does not know', "rediss://127.0.0.1:$port",                            qr/certificate is refused: self-signed certificate/ ],
    [ 'of another address',            'rediss://127.0.0.1:' . $false->tls_port . " ca=$elsewhere", qr/certificate is refused: IP address mismatch/ ],
    [ 'of another host',               'rediss://localhost:' . $false->tls_port . " ca=$elsewhere", qr/certificate is refused: hostname mismatch/i ],
);
for my $row (@no) {
    my ($what, $url, $why) = @$row;
    my ($said, $t) = asked($url, 1);
    is $said, '503', "a certificate $what";
    ok $t->error_log =~ $why, '... is refused, and the log says why' or diag grep { /CHAT1(?:01|30)/ } split /^/, $t->error_log;
    $t->stop;
}
my ($said, $t) = asked('rediss://127.0.0.1:' . $redis->port . " ca=$cert", 1);
is $said, '503', 'a port without TLS is nobody';
$t->stop;
($said, $t) = asked('redis://127.0.0.1:' . $port, 1);
is $said, '503', 'nor is one with TLS for who has none';
$t->stop;

$t = ChatTest->new(conf => conf("rediss://127.0.0.1:$port ca=$key"));
ok !eval { $t->start; 1 }, 'a file without a certificate';
ok "$@" . $t->error_log =~ /CHAT1301: .*no certificate can be read from ca=/, '... is refused at the start';

$_->stop for $redis, $false, $up;
done_testing;
