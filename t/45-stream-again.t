# SPDX-License-Identifier: Apache-2.0
#
# A stream whose call fails before the client got anything makes another: from
# which time it counts, what still ends it while it waits, and that it is one
# stream all the same. By an engine and by the request's own thread.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok);
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP ();

my $up = ChatTest::Upstream->new(lean => 1)->start;
my $nobody = 'http://127.0.0.1:' . ChatTest::Httpd::free_port() . '/v1';

sub ms ($ms) { return int(scaled($ms)) . 'ms' }

my $RETRY = 'ChatRetry 3 backoff=' . ms(20) . ' unsafe=on';
# Nobody waits for the end of that.
my $LATER = 'ChatRetry 3 backoff=60s wait=60s unsafe=on';

sub server ($mpm, %o) {
    my $first = ms(500);
    my $total = ms(700);
    my %routes = (
        chat      => { url => $up->url, location => $RETRY },
        hasty     => { url => $up->url, location => $RETRY, provider => "ChatProviderTimeout first=$first" },
        short     => { url => $up->url, location => $RETRY, provider => "ChatProviderTimeout total=$total" },
        later     => { url => $up->url, location => $LATER },
        impatient => { url => $up->url, location => $LATER, provider => "ChatProviderTimeout total=$total" },
        beating   => { url => $up->url, location => "$LATER\nChatStreamEarlyHeaders on\nChatStreamHeartbeat 100ms" },
        soon      => { url => $up->url, location => 'ChatRetry 2 backoff=' . ms(1000) },
        nobody    => { url => $nobody, location => $RETRY },
    );
    return ChatTest->new(mpm => $mpm, modules => ['status'], tls => 1, conf => chat_conf(%routes),
        ($mpm eq 'event' ? (mpm_conf => mpm_conf(64)) : ()), %o)->start;
}

# A request on its way.
my $seed = 0;

sub begin ($t, $path, $mock, %o) {
    my $conn = $t->connect(%o);
    $conn->{id} = 'again-' . ++$seed;
    $conn->request('POST', $path, body => JSON::PP::encode_json($t->turn(seed => $seed, %$mock)),
        headers => [ 'Content-Type' => 'application/json', 'X-Request-ID' => $conn->{id} ]);
    return $conn;
}

sub ask ($t, $path, %mock) {
    return $t->sse($path, $t->turn(seed => ++$seed, %mock));
}

# So many streams wait for the time of their next call: the upstream has
# answered them all.
sub wait_backoff ($t, $n, $mark) {
    wait_for("$n streams to wait", sub {
        my $said = () = $t->error_log($mark) =~ /CHAT0512: one more call/g;
        return $said >= $n && !$up->stats->{open};
    });
}

# ---- one more ----

my @ONCE = (
    [ 'refuses',                status => 503 ],
    [ 'has too much to do',     status => 429 ],
    [ 'fails without an answer', fault => 'rst-head' ],
    [ 'closes without one',     fault => 'close-head' ],
    [ 'answers with nonsense',  fault => 'garbage' ],
    [ 'answers with a page',    fault => 'html' ],
    [ 'breaks off before the first event', fault => 'rst', after => 0 ],
);

sub once_more ($t) {
    my $before = counters($t);
    for (@ONCE) {
        my ($name, %mock) = @$_;
        $up->reset;
        my $res = ask($t, '/chat', %mock, times => 1);
        is "$res->{status} $res->{clean}", '200 1', "an upstream that $name is asked again, and answers";
        is $up->stats->{requests}, 2, '... the second time';
    }
    my $res = ask($t, '/chat', status => 503, times => 2);
    is "$res->{status} $res->{clean}", '200 1', 'a third time';
    $before = ends_are($t, 'each was one stream, and is done', $before, Done => @ONCE + 1);

    $up->reset;
    $res = ask($t, '/chat', status => 503);
    is $res->{status}, 503, 'an upstream that always refuses: so does the last answer';
    is $up->stats->{requests}, 3, '... after so many calls as are set';
    my $mark = $t->mark;
    $res = ask($t, '/nobody');
    is $res->{status}, 502, 'an upstream that is not there';
    is scalar(() = $t->error_log($mark) =~ /CHAT0512: /g), 2, '... and was looked for as often';
    ends_are($t, 'they end as what their last call was', $before, UpstreamErrors => 2);
}

# ---- time ----

sub deadlines ($t) {
    my $before = counters($t);
    my $res = ask($t, '/hasty', fault => 'hang-head', times => 1);
    is "$res->{status} $res->{clean}", '200 1', 'an upstream that says nothing in time is asked again';
    $res = ask($t, '/hasty', head => int scaled(300), status => 503, times => 2);
    is "$res->{status} $res->{clean}", '200 1', 'each call has the time to the first byte for itself';
    $before = ends_are($t, '... done', $before, Done => 2);

    $up->reset;
    my $mark = $t->mark;
    $res = ask($t, '/short', head => int scaled(400), status => 503, times => 1);
    is $res->{status}, 504, 'all calls together have the total time';
    is $up->stats->{requests}, 2, '... both of them';
    is scalar(() = $t->error_log($mark) =~ /CHAT0512: /g), 1, '... and there is no third';
    $up->reset;
    $mark = $t->mark;
    $res = ask($t, '/impatient', status => 503, times => 1);
    is $res->{status}, 504, 'that is over while the next call is waited for';
    is $up->stats->{requests}, 1, '... and not made';
    $t->wait_log(qr/CHAT0902: .* timeout: the upstream did not answer in time/, from => $mark);

    # What an upstream says before its first event is that it lives.
    $mark = $t->mark;
    $res = ask($t, '/hasty', lead => 10, wait => 10);
    is "$res->{status} $res->{clean}", '200 1', 'comments before the first event are no event';
    $res = ask($t, '/hasty', lead => 1000, wait => 20);
    is $res->{status}, 504, '... and do not end the wait for one';
    $t->wait_log(qr/CHAT0902: .* timeout: the upstream did not answer in time/, from => $mark);
    $before = ends_are($t, '... which took too long', $before, Done => 1, Timeouts => 3);

    $mark = $t->mark;
    my $beats = 0;
    my $conn = begin($t, '/beating', { status => 503 });
    wait_backoff($t, 1, $mark);
    $conn->response(on_data => sub ($bytes, $r) { ($beats += () = $bytes =~ /^: ping$/mg) < 6 });
    is $beats, 6, 'heartbeats go on while the next call is waited for';
    ends_are($t, '... until the client leaves', $before, Cancelled => 1);
}

# ---- those who do not wait for the next call ----

sub leave ($t, $n, %o) {
    my $before = counters($t);
    my $mark = $t->mark;
    $up->reset;
    my @conns = map { begin($t, '/later', { status => 503 }, %o) } 1 .. $n;
    wait_backoff($t, $n, $mark);
    is counters($t)->{Live}, $n, "$n streams wait";
    $_->close for @conns;
    ends_are($t, '... and end when their clients leave', $before, Cancelled => $n);
    is $up->stats->{requests}, $n, '... with no other call';
}

sub graceful ($t) {
    my $before = counters($t);
    my $mark = $t->mark;
    my @conns = map { begin($t, '/soon', { status => 503, times => 1 }, tls => $_) } 0, 1, 1;
    wait_backoff($t, scalar @conns, $mark);
    my @pids = $t->children;
    $t->graceful;
    is scalar(grep { $_->response->{clean} } @conns), 3, 'a graceful restart ends nobody who waits';
    ends_are($t, '... all are done', $before, Done => 3);
    wait_for('the old child to leave', sub { my %now = map { $_ => 1 } $t->children; !grep { $now{$_} } @pids });
}

sub hard_stop ($t) {
    my $mark = $t->mark;
    my @conns = map { begin($t, '/later', { status => 503 }, tls => $_) } 0, 0, 1;
    wait_backoff($t, scalar @conns, $mark);
    $t->signal('TERM');
    ok $t->wait_exit(scaled(20)), 'a server that stops waits for nobody';
    is scalar(grep { $_->response->{status} } @conns), 0, '... and answers nobody';
    is scalar(() = $t->error_log($mark) =~ /CHAT0901: .* outcome=cancelled /g), 3, '... and logs them';
    $t->stop(gone => 1);
}

sub many ($t, $conns, $each, $how, %o) {
    my $before = counters($t);
    my $n = $conns * $each;
    $up->reset;
    load_ok("$n streams, each with one more call", $t->url('/chat', %o), c => $conns, m => $each, s => 10_000 * ++$seed, k => 1, p => "lean=1",
        t => scaled(60), b => load_body($t, "$how;times=1"));
    ends_are($t, '... are as many streams', $before, Done => $n);
    is $up->stats->{requests}, 2 * $n, '... and twice as many calls';
}

# TSan does not like how prefork's children end: inside a signal handler.
for my $mpm ('event', ($ENV{CHAT_VARIANT} // '') eq 'tsan' ? 'worker' : 'prefork') {
    subtest $mpm => sub {
        my $t = server($mpm);
        $t->expect_log(qr/CHAT0902: .* upstream_error: /, qr/CHAT0902: .* timeout: /);
        subtest 'one more call'   => sub { once_more($t) };
        subtest 'how long'        => sub { deadlines($t) };
        subtest 'clients leave'   => sub { leave($t, 4) };
        subtest '... over TLS'    => sub { leave($t, 3, tls => 1) };
        if ($mpm eq 'event') {
            subtest 'many'         => sub { many($t, 50, fewer(60), 'status=503') };
            subtest '... resets'   => sub { many($t, 20, fewer(50), 'fault=rst-head') };
            subtest '... over TLS' => sub { many($t, 10, fewer(50), 'status=503', tls => 1) };
            subtest 'a restart'    => sub { graceful($t) };
            subtest 'a stop'       => sub { hard_stop($t) };
        }
        else {
            subtest 'some' => sub { many($t, 4, fewer(40), 'status=503') };
            $t->stop;
        }
    };
}

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
