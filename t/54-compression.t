# SPDX-License-Identifier: Apache-2.0
#
# mod_deflate and mod_brotli switched on for everything, and a client that
# would take what they make: a stream is not compressed, does not wait, is
# still parked, and has the headers that it promises.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP ();

my $up = ChatTest::Upstream->new(lean => 1)->start;
my $parks = ($ENV{CHAT_VARIANT} // '') ne 'nopark';
my @ACCEPT = ('Accept-Encoding' => 'gzip, deflate, br');
my $UUID7 = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

my %FIXED = (
    'content-type'      => 'text/event-stream; charset=utf-8',
    'cache-control'     => 'no-store, no-transform',
    'x-accel-buffering' => 'no',
    'x-chat-model'      => 'gpt-4o-mini',
);

sub server ($conf, @modules) {
    my $t = ChatTest->new(mpm => 'event', modules => [ qw(status deflate brotli), @modules ],
        conf => "<Files *.txt>\nForceType text/plain\n</Files>\n$conf\n" . chat_conf(chat => $up->url));
    $t->write_file('htdocs/a.txt', "hello, world\n" x 1000);
    return $t->start;
}

# The headers of an answer, but for those that only httpd cares for.
sub headers ($res) {
    my %headers = $res->{headers}->%*;
    delete @headers{qw(date server)};
    return \%headers;
}

sub stream ($t, $mock, %o) {
    my $headers = delete $o{headers} // [];
    return $t->sse('/chat', $t->turn(%$mock), keep => 1, headers => [ @ACCEPT, @$headers ], %o);
}

# How many events came 15 ms at least after the one before.
sub apart ($res) {
    my ($last, $n) = (0, 0);
    for my $event ($res->{events}->@*) {
        $n++ if $event->{at} - $last > 0.015;
        $last = $event->{at};
    }
    return $n;
}

sub check ($conf, $encoding) {
    my $t = server($conf);
    is $t->get('/a.txt', headers => {@ACCEPT})->{headers}{'content-encoding'}, $encoding, 'a file is compressed';

    my $parked;
    my $mock = { seed => 1, n => 10, pace => 40 };
    my $res = stream($t, $mock, headers => [ 'X-Request-ID' => 'mine-1' ],
        on_event => sub { $parked //= counters($t)->{Parked}; 1 });
    is_deeply headers($res), { %FIXED, 'x-request-id' => 'mine-1', connection => 'keep-alive', 'transfer-encoding' => 'chunked' },
        'a stream has these headers and no others';
    is $parked, $parks ? 1 : 0, $parks ? '... is parked' : '... is not parked';
    ok $res->{clean}, '... ends cleanly';
    my $direct = $up->url . '/responses';
    my (undef, $original) = $t->curl('-H', 'Content-Type: application/json', '-d',
        JSON::PP::encode_json({ model => 'gpt-4o-mini', stream => JSON::PP::true, input => 'mock(seed=1;n=10)' }), $direct);
    is $res->{body}, $original, '... has the bytes that were sent';
    cmp_ok apart($res), '>=', 10, '... and each event comes by itself';

    # An error may be compressed, if it is whole and says so.
    my @ask = ('-i', '-H', 'Content-Type: application/json', '-H', 'X-Request-ID: mine-2', $t->url('/chat'));
    my (undef, $plain)      = $t->curl('--http1.1', '-d', '{"messages":[]}', @ask);
    my (undef, $compressed) = $t->curl('--http1.1', '-d', '{"messages":[]}', '--compressed', @ask);
    s/.*?\r\n\r\n//s for $plain, my $body = $compressed;
    is $body, $plain, 'an error is the same to those that take compressed ones';
    is eval { JSON::PP::decode_json($plain)->{requestId} }, 'mine-2', '... and what it has to be' or diag $plain;
    $t->stop;
}

subtest 'SetOutputFilter DEFLATE' => \&check, 'SetOutputFilter DEFLATE', 'gzip';
subtest 'SetOutputFilter BROTLI_COMPRESS' => \&check, 'SetOutputFilter BROTLI_COMPRESS', 'br';
subtest 'both, brotli first' => \&check, 'SetOutputFilter BROTLI_COMPRESS;DEFLATE', 'br';
subtest 'by type, as Debian has it' => \&check,
    'AddOutputFilterByType DEFLATE text/html text/plain text/xml text/css text/javascript', 'gzip';
subtest 'by type, event streams and JSON too' => \&check,
    "AddOutputFilterByType DEFLATE text/plain text/event-stream application/json\n"
    . 'AddOutputFilterByType BROTLI_COMPRESS text/event-stream application/json', 'gzip';

# ---- headers ----

subtest 'Connection and X-Request-ID' => sub {
    my $t = server('');
    my @CASES = (
        # what the client says, what it is told
        [ undef,                      'keep-alive' ],
        [ 'keep-alive',               'Keep-Alive' ],
        [ 'close',                    'close' ],
        [ 'Upgrade, HTTP2-Settings',  'keep-alive' ],    # curl --http2
        [ 'TE',                       'keep-alive' ],
    );
    for my $case (@CASES) {
        my ($said, $told) = @$case;
        my $res = stream($t, { n => 2 }, headers => [ $said ? (Connection => $said) : () ]);
        is $res->{headers}{connection}, $told, 'Connection: ' . ($said // '(nothing)') . " is answered by $told";
        is_deeply { map { $_ => $res->{headers}{$_} } keys %FIXED }, \%FIXED, '... with the others';
        next if $told eq 'close';
        ok $t->sse('/chat', $t->turn(n => 2), conn => $res->{conn})->{clean}, '... and it is kept';
    }
    is stream($t, { n => 2 }, version => '1.0')->{headers}{connection} // 'close', 'close', 'HTTP/1.0 is told close, or nothing';

    is stream($t, { n => 2 }, headers => [ 'X-Request-ID' => $_ ])->{headers}{'x-request-id'}, $_, 'a good id is kept'
        for 'a', 'A.b_c-9', 'x' x 128;
    like stream($t, { n => 2 }, headers => [ 'X-Request-ID' => $_ ])->{headers}{'x-request-id'}, $UUID7, 'another is replaced'
        for '', 'a b', 'x' x 129, 'a/b';
    like stream($t, { n => 2 })->{headers}{'x-request-id'}, $UUID7, 'one is made where there is none';
    $t->stop;
};

subtest 'HTTP/2 has no Connection header' => sub {
    my $t = server("Protocols h2c http/1.1\nSetOutputFilter DEFLATE", 'http2');
    my ($exit, $out) = $t->curl('--http2-prior-knowledge', '-i', '-H', 'Accept-Encoding: gzip, br', '-H', 'X-Request-ID: mine-3',
        '-H', 'Content-Type: application/json', '-d', JSON::PP::encode_json($t->turn(n => 2)), $t->url('/chat'));
    is $exit, 0, 'a stream';
    my ($head) = $out =~ /\A(.*?)\r\n\r\n/s;
    my %headers = $head =~ /^([^:\s]+): (.*?)\r?$/mg;
    delete @headers{qw(date server)};
    is_deeply \%headers, { %FIXED, 'x-request-id' => 'mine-3' }, 'has these headers and no others';
    $t->stop;
};

$up->stop;
done_testing;
