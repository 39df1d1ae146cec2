# SPDX-License-Identifier: Apache-2.0
#
# Connections that go on after a stream: to the client, plain and over TLS, one
# request after another or several at once, and to the upstream.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok);
use ChatTest::Streams;
use ChatTest::Upstream;

my $MANY = $ENV{CHAT_TEST_STREAMS} || fewer(5000);
my $CONNS = 50;

# As many workers as can be busy at once: httpd closes idle connections when
# there are none left.
my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(modules => ['status'], mpm => 'event', tls => 1, mpm_conf => mpm_conf(128),
    log_level => 'notice', conf => chat_conf(chat => $up->url))->expect_log(qr{CHAT0902: .* upstream=429 })->start;
$t->write_file('htdocs/a.txt', "static\n");
my $pid = child($t);

# ---- many short streams ----

for my $how ([ 'over keep-alive' ], [ 'over TLS', tls => 1 ], [ 'pipelined', P => 4 ],
    [ 'pipelined over TLS', tls => 1, P => 4 ])
{
    my ($name, %o) = @$how;
    my $before = counters($t);
    my $n = int($MANY / $CONNS) || 1;
    my $res = load_ok($n * $CONNS . " short streams $name", $t->url('/chat', tls => delete $o{tls}), c => $CONNS,
        m => $n, t => scaled(60 + $MANY / 100), b => load_body($t, 'n=1'), %o);
    note sprintf '%d streams/s', $res->{ok} / $res->{seconds};
    is $res->{connects}, $CONNS, '... on the same connections';
    ends_are($t, '... are all counted', $before, Done => $n * $CONNS);
}
is_deeply [ $t->children ], [$pid], 'no child has died';

# ---- one connection, in order ----

my $alone = $t->sse('/chat', $t->turn(seed => 7, n => 5));
is $alone->{events}->@*, 13, 'a stream has thirteen events';

sub is_stream ($res, $name) {
    is $res->{status}, 200, $name;
    ok $res->{body} eq $alone->{body}, '... whole' or diag $res->{body};
    ok $res->{clean}, '... with a clean end' or diag $res->{ended};
}

sub is_static ($res, $name) {
    is "$res->{status} $res->{body}", "200 static\n", $name;
}

sub stream_text ($conn, %o) {
    return $conn->request_text('POST', '/chat', headers => [ 'Content-Type' => 'application/json', ($o{headers} // [])->@* ],
        version => $o{version} // '1.1', body => JSON::PP::encode_json($t->turn(seed => 7, n => 5, pace => $o{pace} // 5)));
}

for my $tls (0, 1) {
    my $with = $tls ? 'over TLS' : 'plain';
    subtest "pipelined requests are answered in order, $with" => sub {
        my $conn = $t->connect(tls => $tls);
        my $stream = stream_text($conn);
        my $static = $conn->request_text('GET', '/a.txt');
        $conn->send($stream . $static . $stream . $stream . $static . $static . $stream);
        is_stream($conn->response(method => 'POST'), 'a stream');
        is_static($conn->response, 'a file behind it');
        is_stream($conn->response(method => 'POST'), 'a stream behind that') for 1, 2;
        is_static($conn->response, 'a file') for 1, 2;
        is_stream($conn->response(method => 'POST'), 'the last stream');
    };
    subtest "a connection goes on after a stream, $with" => sub {
        my $conn = $t->connect(tls => $tls);
        my %same = (conn => $conn, tls => $tls);
        for my $turn (1 .. 3) {
            is_stream($t->sse('/chat', $t->turn(seed => 7, n => 5), %same), "stream $turn");
            is_static($t->get('/a.txt', %same), "file $turn");
        }
        is $t->get('/chat', %same)->{status}, 405, 'a request that is refused here';
        is $t->sse('/chat', $t->turn(seed => 7, status => 429), %same)->{status}, 429, 'one that is refused there';
        is_stream($t->sse('/chat', $t->turn(seed => 7, n => 5), %same), 'a stream after those');
    };
    subtest "Connection: close, $with" => sub {
        my $conn = $t->connect(tls => $tls);
        my $res = $t->sse('/chat', $t->turn(seed => 7, n => 5), conn => $conn, headers => { Connection => 'close' });
        is_stream($res, 'a stream');
        is $res->{headers}{connection}, 'close', '... that says so';
        ok $conn->closed, '... and the connection is closed';
    };
}

subtest 'a request that comes while the stream runs is answered after it' => sub {
    my $conn = $t->connect;
    my $sent;
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 7, n => 5, pace => 20)));
    my $res = $conn->response(on_event => sub { $conn->send($conn->request_text('GET', '/a.txt')) if !$sent++; 1 });
    is_stream($res, 'the stream');
    is_static($conn->response(method => 'GET'), 'the file');
};

subtest 'the first half of a request comes while the stream runs' => sub {
    my $conn = $t->connect;
    my @half = unpack '(a20)*', stream_text($conn);
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 7, n => 5, pace => 20)));
    my $res = $conn->response(on_event => sub { $conn->send(shift @half) if @half > 3; 1 });
    is_stream($res, 'the stream');
    $conn->send(join '', @half);
    is_stream($conn->response(method => 'POST'), 'the next one');
};

subtest 'Expect: 100-continue' => sub {
    my $conn = $t->connect;
    my ($head, $body) = stream_text($conn, headers => [ Expect => '100-continue' ]) =~ /^(.*?\r\n\r\n)(.*)$/s;
    $conn->send($head);
    $conn->{in} = '';
    my $go = '';
    wait_for('the go-ahead', sub { sysread $conn->{rfh}, $go, 100, length $go; $go =~ /\r\n\r\n\z/ });
    like $go, qr{^HTTP/1\.1 100 }, 'the client is told to go on';
    $conn->send($body);
    is_stream($conn->response(method => 'POST'), 'and gets its stream');
    is_static($t->get('/a.txt', conn => $conn), 'and a file');
};

subtest 'HTTP/1.0' => sub {
    my $conn = $t->connect;
    $conn->send(stream_text($conn, version => '1.0'));
    my $res = $conn->response(method => 'POST');
    is $res->{body}, $alone->{body}, 'a stream without chunks';
    ok !$res->{headers}{'transfer-encoding'}, '... as the head says';
    is $res->{ended}, 'close', '... whose end is that of the connection';
};

subtest 'a client that asked for keep-alive is told of it' => sub {
    my $res = $t->sse('/chat', $t->turn(seed => 7, n => 5), keep => 1);
    is $res->{headers}{connection}, 'keep-alive', 'by default';
    $res = $t->sse('/chat', $t->turn(seed => 7, n => 5), keep => 1, headers => { Connection => 'keep-alive' });
    is lc $res->{headers}{connection}, 'keep-alive', 'and when asked';
};
$t->stop;

# ---- to the upstream ----

subtest 'an upstream connection is used again' => sub {
    my $t = ChatTest->new(modules => ['status'], conf => chat_conf(chat => $up->url))->start;
    $up->reset;
    my $before = $up->stats->{accepted};
    $t->sse('/chat', $t->turn(seed => $_, n => 2)) for 1 .. 20;
    is $up->stats->{requests}, 20, 'twenty calls';
    is $up->stats->{accepted} - $before - 2, 1, 'one connection';
    $t->sse('/chat', $t->turn(seed => 1, n => 2, keep => 0));
    $t->sse('/chat', $t->turn(seed => 1, n => 2));
    is $up->stats->{accepted} - $before - 3, 2, 'another when the upstream closed that';
    $t->stop;
};

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
