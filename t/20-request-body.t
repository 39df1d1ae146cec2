# SPDX-License-Identifier: Apache-2.0
#
# What a request must be like before anybody looks at who sent it and what it
# asks: its method, its media type, its length, and a body that is JSON.
use v5.36;
use Test::More;
use FindBin;
use IO::Socket::INET;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 2)->start;
my $t = ChatTest->new(modules => ['reqtimeout'], conf => <<"END")->start;
RequestReadTimeout body=1
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  ${\$up->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
<Location />
    SetHandler chat
    ChatRoute openai
    ChatUse mock
    ChatAuth guest
    ChatModelDefault gpt-test
    ChatRequestBody 4k
    ChatRequestDepth 8
    ChatRequestValues 40
</Location>
<Location /httpd-limit>
    LimitRequestBody 1000
</Location>
END

my @JSON = ('Content-Type' => 'application/json');
my $BODY = '{"messages":[{"role":"user","content":"hello"}]}';

sub post ($body, %o) {
    return $t->request('POST', $o{path} // '/', body => $body, headers => [ @JSON, ($o{headers} // [])->@* ]);
}

sub code ($res) {
    return "$res->{status} " . ($res->{json} ? $res->{json}{code} : 'not json');
}

# White space that makes a body so long.
sub padded ($length) {
    return $BODY . ' ' x ($length - length $BODY);
}

sub chunked ($size, $body) {
    return join('', map { sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $body) . "0\r\n\r\n";
}

my @CHUNKED = ('Transfer-Encoding' => 'chunked');

is post($BODY)->{status}, 200, 'a request as it should be is answered';

# ---- method ----

for my $method (qw(GET HEAD OPTIONS PUT DELETE PATCH FROBNICATE)) {
    my $res = $t->request($method, '/', headers => \@JSON);
    is $res->{status}, 405, "$method is not allowed";
    is $res->{headers}{allow}, 'POST', "$method: Allow tells what is";
    is code($res), '405 method_not_allowed', "$method: with our code" if $method ne 'HEAD';
}

# ---- media type ----

for my $type ('application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8',
    'application/json;charset="UTF-8"', 'application/json ; x=y ; Charset = Utf-8', 'application/json;') {
    my $res = $t->request('POST', '/', body => $BODY, headers => ['Content-Type' => $type]);
    is $res->{status}, 200, "$type is a media type for JSON";
}

for my $type (undef, '', 'text/plain', 'application/jsonp', 'application/json+x', 'application/x-json',
    'text/json', 'application/json, text/plain', 'application/json charset=utf-8',
    'application/json; charset=latin1', 'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-16', 'application/json; charset',
    'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ';application/json') {
    my $res = $t->request('POST', '/', body => $BODY, headers => [ defined $type ? ('Content-Type' => $type) : () ]);
    is code($res), '415 unsupported_media_type', ($type // 'no type') . ' is none';
}

is post($BODY, headers => ['Content-Encoding' => 'identity'])->{status}, 200, 'identity encodes nothing';
is code(post($BODY, headers => ['Content-Encoding' => $_])), '415 unsupported_media_type', "$_ is not undone here"
    for qw(gzip br deflate x-gzip), 'identity, gzip';

# ---- length ----

is post(padded(4096))->{status}, 200, 'the longest body is taken';
is code(post(padded(4097))), '413 payload_too_large', 'one byte more is too long';
is post(chunked(100, padded(4096)), headers => \@CHUNKED)->{status}, 200, 'so without a length';
is code(post(chunked(100, padded(4097)), headers => \@CHUNKED)), '413 payload_too_large', 'and so';
is post(chunked(1, $BODY), headers => \@CHUNKED)->{status}, 200, 'a body may come byte by byte';

{
    my $conn = $t->connect;
    my @head = (headers => [ @JSON, Expect => '100-continue', 'Content-Length' => 4097 ]);
    my $res = $conn->request('POST', '/', @head)->response;
    is code($res), '413 payload_too_large', 'a client that asks first is told before it sends';
}

{
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port) or die $@;
    print $socket "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        . "Connection: close\r\nContent-Length: " . length($BODY) . "\r\n\r\n";
    like scalar <$socket>, qr{^HTTP/1\.1 100 }, 'or asked to go on';
    print $socket $BODY;
    is <$socket>, "\r\n", 'and no more';
    like scalar <$socket>, qr{^HTTP/1\.1 200 }, 'and then it is answered';
    1 while <$socket>;
}

# ---- JSON ----

my @broken = (
    [ '',                          'unexpected end at byte 0' ],
    [ '{"messages":',              'unexpected end at byte 12' ],
    [ "$BODY,",                    'unexpected character at byte ' . length $BODY ],
    [ "{\"a\":\"s3cret\x01\"}",    'control character in a string at byte 12' ],
    [ "{\"a\":\"s3cret\xff\"}",    'invalid UTF-8 at byte 12' ],
    [ '{"a":"s3cret\ud800"}',      'lone surrogate at byte 18' ],
    [ '[[[[[[[[["s3cret"]]]]]]]]]', 'nesting deeper than 8' ],
    [ '[' . join(',', (1) x 40) . ']', 'more than 40 values' ],
);
for (@broken) {
    my ($body, $why) = @$_;
    my $res = post($body);
    is code($res), '400 invalid_json', "$why: refused";
    is $res->{json}{message}, "The body is not acceptable JSON: $why.", "$why: and told";
    unlike $res->{body}, qr/s3cret/, "$why: without a word of the body";
}

{
    my $res = post('{"messages":[],"temperature":3}');
    is code($res), '400 invalid_request', 'JSON of another shape has issues';
    is_deeply [ map { join '.', $_->{path}->@* } $res->{json}{issues}->@* ], [qw(messages temperature)],
        'one for each thing that is wrong';
}

# ---- clients that do not send what they promised ----

{
    my $conn = $t->connect;
    $conn->request('POST', '/', headers => [ @JSON, 'Content-Length' => 100 ]);
    $conn->send('{"messages":')->half_close;
    is code($conn->response), '400 broken_body', 'a body that ends too early is refused';
}

{
    my $conn = $t->connect;
    $conn->request('POST', '/', headers => [ @JSON, 'Content-Length' => 100 ]);
    $conn->send('{"messages":');
    is code($conn->response), '408 request_timeout', 'a body that does not arrive is waited for, but not for ever';
}

{
    my $answers = $t->raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\nzz\r\n");
    like $answers, qr{^HTTP/1\.1 400 }, 'broken chunks are refused by httpd';
    unlike $answers, qr{HTTP/1.*HTTP/1|requestId}s, 'and once';
}

# ---- httpd's own limit ----

is code(post(padded(1001), path => '/httpd-limit')), '413 payload_too_large', 'LimitRequestBody holds too';
{
    my $answers = $t->raw("POST /httpd-limit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n" . chunked(500, padded(1500)));
    like $answers, qr{^HTTP/1\.1 413 }, 'also without a length, then in the words of httpd';
    unlike $answers, qr{HTTP/1.*HTTP/1|requestId}s, 'and once';
}

# ---- the connection after a refusal ----

for my $refused (
    [ 'a method',     'PUT',  [@JSON], $BODY ],
    [ 'a media type', 'POST', [ 'Content-Type' => 'text/plain' ], $BODY ],
) {
    my ($what, $method, $headers, $body) = @$refused;
    my $conn = $t->connect;
    $conn->request($method, '/', headers => $headers, body => $body);
    cmp_ok $conn->response->{status}, '>', 400, "$what is refused";
    $conn->request('POST', '/', headers => \@JSON, body => $BODY);
    is $conn->response->{status}, 200, "$what: its body is not taken for the next request";
}

$t->stop;
$up->stop;
done_testing;
