# SPDX-License-Identifier: Apache-2.0
#
# A hard stop and a killed child with streams in flight, and what the logs say
# of streams that finished, were aborted or were cut.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP    ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $up = ChatTest::Upstream->new(lean => 1)->start;

sub now () {
    return clock_gettime(CLOCK_MONOTONIC);
}

sub server (%o) {
    return ChatTest->new(mpm => 'event', modules => ['status'], conf => chat_conf(chat => $up->url), %o)->start;
}

my $seed = 0;

# A request on its way; its connection. The id leads to its lines in the logs.
sub begin ($t, $mock, %o) {
    my $conn = $t->connect(%o);
    $conn->{id} = 'test-' . ++$seed;
    $conn->request('POST', '/chat', body => JSON::PP::encode_json($t->turn(seed => $seed, %$mock)),
        headers => [ 'Content-Type' => 'application/json', 'X-Request-ID' => $conn->{id} ]);
    return $conn;
}

# name => value of a request's line in the access log, "line" itself too.
sub access_line ($t, $id) {
    my ($line) = $t->access_log =~ /^(.* id=\Q$id\E .*)$/m or return { line => '' };
    return { $line =~ /(\w+)=(\S*)/g, line => $line };
}

sub info_line ($t, $id) {
    return $t->error_log =~ /CHAT0901: (id=\Q$id\E .*)$/m ? $1 : '';
}

# Which of @conns have no such line, by their ids.
sub without ($t, $look, $re, @conns) {
    return [ grep { $look->($t, $_) !~ $re } map { $_->{id} } @conns ];
}

# A stop while streams flow, wait for their upstream, or for their client.
sub hard_stop ($n, $stalled, $parks, $logs, %o) {
    my $t = server(tls => 1, %o);
    $t->allow_log(qr/CHAT0514: /) unless $parks;    # a filter, which holds a thread
    my @flowing = map { begin($t, { n => 5000, pace => 5 }) } 1 .. $n;
    my @silent  = map { begin($t, { fault => 'hang', after => 3 }) } 1 .. $n;
    my @mute    = map { begin($t, { fault => 'hang-head' }) } 1 .. $n;
    my @secret  = map { begin($t, { n => 5000, pace => 5 }, tls => 1) } 1 .. 2;
    my @stalled = map { begin($t, { n => 20, size => 1_000_000 }, rcvbuf => 4096) } 1 .. $stalled;
    my @sent = (@flowing, @silent, @secret, @stalled);
    my @all = (@sent, @mute);
    wait_for('all streams to run', sub { counters($t)->{Live} == @all && $up->stats->{open} == @all }, 20);
    is counters($t)->{Parked}, $parks ? @all : 0, $parks ? 'all are parked' : 'none is parked';
    $_->_fill(now() + scaled(5)) for @sent;

    my $from = now();
    $t->signal('TERM');
    $t->wait_exit(scaled(20));
    cmp_ok now() - $from, '<', scaled(5), 'httpd leaves soon';
    my @ends = map { $_->response } @all;
    is_deeply [ grep { $_->{clean} || $_->{ended} eq 'timeout' } @ends ], [], 'every client sees its body cut';
    is_deeply [ grep { $_->{status} } @ends[ -$n .. -1 ] ], [], '... or no answer at all';
    wait_for('the upstream to be let go', sub { !$up->stats->{open} });
    if ($logs) {
        my $line = sub { access_line(@_)->{line} };
        is_deeply without($t, $line, qr/^127\.0\.0\.1 "POST/, @all), [], 'every request has its line in the access log';
        is_deeply without($t, $line, qr/ b=[1-9]\d* .* O=[1-9]\d* /, @sent), [], '... with the bytes that were sent';
        is_deeply without($t, $line, qr/ D=[1-9]\d* X=X .* outcome=cancelled$/, @all), [],
            '... and with its duration and outcome';
        is_deeply without($t, \&info_line, qr/outcome=cancelled .* ms=\d+ /, @all), [], 'and its line in the error log';
    }
    $t->stop(gone => 1);
}

my $EVENT_PARKS = ($ENV{CHAT_VARIANT} // '') ne 'nopark';
subtest 'SIGTERM with live streams' => \&hard_stop, 8, $EVENT_PARKS ? 2 : 0, $EVENT_PARKS, 1;
# Without clients that take nothing: the event MPM has no way to end a write
# that blocks.
subtest '... that are not parked' => \&hard_stop, 4, 0, 0, 1,
    modules => [qw(status substitute)], conf => "SetOutputFilter SUBSTITUTE\n" . chat_conf(chat => $up->url);
subtest '... on the worker MPM' => \&hard_stop, 4, 2, 0, 1, mpm => 'worker';
# A child of prefork ends in the signal's handler, whatever it does.
subtest '... on the prefork MPM' => \&hard_stop, 1, 2, 0, 0, mpm => 'prefork';

subtest 'SIGTERM while nothing but an idle connection is there' => sub {
    my $t = server();
    my $conn = begin($t, { n => 2 });
    ok $conn->response->{clean}, 'a stream that ended';
    $t->signal('TERM');
    ok $conn->closed(scaled(5)), 'its connection is closed';
    ok $t->wait_exit(scaled(5)), 'and httpd leaves';
    $t->stop(gone => 1);
};

subtest 'a child killed by SIGKILL' => sub {
    my $t = server();
    my ($old) = $t->children;
    my @of_old = map { begin($t, { n => 5000, pace => 5 }) } 1 .. 3;
    wait_for('three streams', sub { counters($t)->{Live} == 3 });
    $t->graceful;
    my @of_new = map { begin($t, { n => 5000, pace => 5 }) } 1 .. 5;
    wait_for('five more by another child', sub { counters($t)->{Live} == 8 });
    my $before = counters($t);

    my ($new) = grep { $_ != $old } $t->children;
    kill 'KILL', $new;
    ok !$_->response->{clean}, 'a client of the killed child sees its body cut' for $of_new[0];
    ok wait_for('the rest to be counted', sub { counters($t)->{Live} == 3 }), 'only the streams that are left are live';
    my $after = counters($t);
    is $after->{Parked}, $EVENT_PARKS ? 3 : 0, '... and parked';
    is $after->{Started}, 8, 'what was counted before stays counted';
    cmp_ok $after->{Bytes}, '>=', $before->{Bytes}, '... as are the bytes';
    ok $t->sse('/chat', $t->turn(n => 3))->{clean}, 'the server goes on';
    $_->close for @of_old;
    wait_for('all to be gone', sub { !counters($t)->{Live} });
    my $end = counters($t);
    is_deeply [ @$end{qw(Live Queued Parked Started Done Cancelled)} ], [ 0, 0, 0, 9, 1, 3 ],
        'and the counters stay true';
    $t->stop;
};

# ---- the access log ----

# Send a request byte by byte known, and read all until the server closes.
sub exchange ($t, $mock, $tls) {
    my $id = 'test-' . ++$seed;
    my $request = $t->connect->request_text('POST', '/chat',
        body => JSON::PP::encode_json($t->turn(seed => $seed, %$mock)),
        headers => [ 'Content-Type' => 'application/json', 'X-Request-ID' => $id, Connection => 'close' ]);
    my $answer = $t->raw($request, tls => $tls);
    $t->wait_access(qr/id=$id /);
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my $text = '';
    while ($body =~ /\G([0-9a-f]+)\r\n/gc && hex $1) {
        $text .= substr $body, pos $body, hex $1;
        last if pos($body) + 2 + hex $1 > length $body;
        pos($body) += 2 + hex $1;
    }
    return { access_line($t, $id)->%*, answer => length $answer, request => length $request, body => length $text };
}

sub check_log ($mpm) {
    my $t = server(mpm => $mpm, tls => 1);
    # 10 events, 9 waits of 50 ms and what the closing events take.
    my $is = exchange($t, { n => 10, pace => 50 }, 0);
    is $is->{b}, $is->{body}, 'finished: %B is the body';
    is $is->{O}, $is->{answer}, '... %O is all that came';
    is $is->{I}, $is->{request}, '... %I is all that was sent';
    is $is->{X}, '-', '... %X says that the connection was closed';
    cmp_ok $is->{D}, '>', 450_000, '... %D is as long as the stream';
    cmp_ok $is->{D}, '<', 1e6 * scaled(3), '... and no longer';
    is $is->{outcome}, 'complete', '... and it was complete';

    my $conn = begin($t, { n => 3 });
    ok $conn->response->{clean}, 'a stream on a connection that stays open';
    $t->wait_access(qr/id=$conn->{id} /);
    is access_line($t, $conn->{id})->{X}, '+', '... %X says so';
    $conn->close;

    $is = exchange($t, { n => 10, pace => 20 }, 1);
    is $is->{b}, $is->{body}, 'finished, TLS: %B is the body';
    cmp_ok $is->{O}, '>', $is->{answer}, '... %O counts the ciphertext';
    cmp_ok $is->{I}, '>', $is->{request}, '... and so does %I';

    $conn = begin($t, { n => 1000, pace => 20 });
    my $res = $conn->response(abort_after => 12);
    $t->wait_access(qr/id=$conn->{id} /);
    $is = access_line($t, $conn->{id});
    is $is->{X}, 'X', 'aborted: %X says so';
    cmp_ok $is->{b}, '>=', length $res->{body}, '... %B is what was sent until then';
    cmp_ok $is->{b}, '<', length($res->{body}) + 10_000, '... and no more';
    cmp_ok $is->{O}, '>', $is->{b}, '... %O has the head and the framing, too';
    cmp_ok $is->{D}, '>', 100_000, '... %D lasts until then';
    cmp_ok $is->{D}, '<', 1e6 * scaled(5), '... and no longer';
    is $is->{outcome}, 'cancelled', '... and it was cancelled';

    $t->expect_log(qr/CHAT0902: .*truncated/);
    $is = exchange($t, { n => 10, pace => 20, fault => 'close', after => 8 }, 0);
    is $is->{b}, $is->{body}, 'cut by the upstream: %B is what came';
    is $is->{O}, $is->{answer}, '... %O is all that came';
    is $is->{outcome}, 'truncated', '... and it was truncated';
    $t->stop;
}

subtest "the access log, $_" => \&check_log, $_ for qw(event worker);

$up->stop;
done_testing;
