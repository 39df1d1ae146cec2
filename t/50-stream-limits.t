# SPDX-License-Identifier: Apache-2.0
#
# Limits of number and of time: places for streams, time-outs of upstreams,
# names that are looked up, signs of life, and httpd's own Timeout.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Streams;
use ChatTest::Upstream;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# One that pauses in the middle of an event and between two.
my @PIECES = ("event: a\ndata: 1\n\nevent: b\nda", "ta: 2\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n");
my $pausing = upstream_of(sub ($conn, $head) {
    print {$conn} "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    for (@PIECES) {
        print {$conn} $_;
        Time::HiRes::sleep(scaled(0.35));
    }
});
my $up = ChatTest::Upstream->new->start;

# A listener whose queue is full: who connects waits for an answer for ever.
my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp') or die "no socket: $!\n";
my @queue = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $deaf->sockport, Blocking => 0) } 1 .. 4;
# One that takes connections but says nothing.
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50, Proto => 'tcp') or die "no socket: $!\n";
my $closed = ChatTest::Httpd::free_port();

# ---- Timeout, while everything else is tested ----

my $patient = ChatTest::Upstream->new->start;

# Streams of more than three times Timeout: some flow, some are silent.
sub outlive ($timeout) {
    my $t = ChatTest->new(modules => ['status'], mpm => 'event', tls => 1,
        conf => "Timeout $timeout\n" . chat_conf(chat => $patient->url))->start;
    my $ms = 3300 * $timeout;
    return [ $timeout, $t, map {
        my ($tls, $script) = @$_;
        load_start($t->url('/chat', tls => $tls), c => fewer(50), t => scaled(60), b => load_body($t, $script));
    } map { [ $_, 'n=42;pace=' . int $ms / 50 ], [ $_, "n=3;pace=1;first=$ms" ] } 0, 1 ];
}

my @outliving = map { outlive(scaled($_)) } 1, 3;

# ---- places ----

sub hold ($t, $n, %o) {
    my $open = counters($t)->{Live};
    my @conns = map { $t->connect(%o) } 1 .. $n;
    $_->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 1, fault => 'hang', after => 1))) for @conns;
    wait_for("$n streams to be open", sub { counters($t)->{Live} == $open + $n });
    return @conns;
}

for my $mpm (qw(event worker)) {
    subtest "ChatStreamMax, $mpm" => sub {
        my $t = ChatTest->new(modules => ['status'], mpm => $mpm, tls => 1,
            conf => "ChatStreamMax 6\n" . chat_conf(chat => $up->url))->start;
        $up->reset;
        my @held = (hold($t, 3), hold($t, 3, tls => 1));
        wait_for('all to be asked upstream', sub { $up->stats->{requests} == 6 });
        $up->reset;
        for my $tls (0, 1) {
            my $res = $t->sse('/chat', $t->turn(seed => 2), tls => $tls);
            is $res->{status}, 503, 'one more is refused';
            is $res->{json}{code}, 'busy', '... as the contract says';
            like $res->{headers}{'retry-after'}, qr/^[1-9]\d*$/, '... and told when to come again';
        }
        is $up->stats->{requests}, 0, 'no upstream was asked';
        is counters($t)->{Refused}, 2, 'both are counted';
        like $t->wait_access(qr/" 503 /), qr/outcome=refused/, 'and logged';
        (shift @held)->close;
        wait_for('a place', sub { counters($t)->{Live} == 5 });
        is $t->sse('/chat', $t->turn(seed => 2, n => 1))->{status}, 200, 'when one has left there is a place';
        is $t->sse('/chat', $t->turn(seed => 2, n => 1))->{status}, 200, '... and again';
        $_->close for hold($t, 1);
        $_->close for @held;
        ends_are($t, 'all are counted', { map { $_ => 0 } keys counters($t)->%* }, Done => 2, Cancelled => 7);
        $t->stop;
    };
}

# ---- time ----

# Within $ms and some seconds: without the limit it would be a minute or more.
sub in_time ($name, $ms, $took) {
    cmp_ok $took, '>=', $ms - 20, "$name: not before $ms ms";
    cmp_ok $took, '<', $ms + scaled(5000), '... but then';
}

sub timed ($name, $ms, $sub) {
    my $from = now();
    my $res = $sub->();
    in_time($name, $ms, 1000 * (now() - $from));
    return $res;
}

# Path, what the mock does, ms, what comes of it: a status, or a broken stream.
my @TIMES = (
    [ connect => '',                        300, 504, 'connect, no answer to the SYN' ],
    [ shake   => '',                        300, 504, 'connect, no TLS handshake' ],
    [ first   => 'fault=hang-head',         300, 504, 'first, no head' ],
    [ first   => 'first=60000',             300, 504, 'first, no body' ],
    [ first   => 'fault=slow-head;pace=20', 300, 504, 'first, a head that crawls' ],
    [ idle    => 'fault=hang;after=3',      300, 200, 'idle' ],
    [ total   => 'n=10000;pace=20',         700, 200, 'total, while it flows' ],
    [ total   => 'fault=hang;after=3',      700, 200, 'total, in silence' ],
    [ total   => 'fault=hang-head',         700, 504, 'total, before the head' ],
);
my @IN_TIME = (
    [ first => 'n=4;pace=50',   'first is kept' ],
    [ total => 'n=4;pace=50',   'total is kept' ],
    [ idle  => 'n=3;pace=150',  'idle counts from the last byte' ],
    [ first => 'n=0;pace=400',  'first is for the first byte only' ],
    [ off   => 'n=0;first=1500', 'nothing counts when off' ],
);

# Several of each at once, so that it does not take long.
sub run_out ($t) {
    my @jobs;
    for my $tls (0, 1) {
        for my $case (@TIMES) {
            my ($path, $script, $ms, $status, $name) = @$case;
            my $job = load_start($t->url("/$path", tls => $tls), c => 2, t => scaled(20), S => $status,
                e => ($script =~ /hang/ ? 'broken' : 'any'), b => load_body($t, $script));
            push @jobs, [ $job, $name . ($tls ? ', over TLS' : ''), $ms ];
        }
    }
    for (@jobs) {
        my ($job, $name, $ms) = @$_;
        in_time($name, $ms, 1000 * load_ok("$name runs out", $job)->{seconds});
    }
    return 2 * @jobs;
}

for my $mpm (qw(event worker)) {
    subtest "ChatProviderTimeout, $mpm" => sub {
        my %limit = map { $_ => { url => $up->url, provider => "ChatProviderTimeout $_=300ms" } } qw(first idle);
        my $t = ChatTest->new(modules => ['status'], mpm => $mpm, tls => 1, mpm_conf => mpm_conf(64), conf => chat_conf(%limit,
            total   => { url => $up->url, provider => 'ChatProviderTimeout total=700ms' },
            off     => { url => $up->url, provider => 'ChatProviderTimeout first=off idle=off total=off' },
            connect => { url => 'http://127.0.0.1:' . $deaf->sockport, provider => 'ChatProviderTimeout connect=300ms' },
            shake   => { url => 'https://127.0.0.1:' . $mute->sockport, provider => 'ChatProviderTimeout connect=300ms' },
        ))->expect_log(qr/CHAT0902: .* timeout: /)->start;
        my $before = counters($t);
        $up->reset;
        my $n = run_out($t);
        my $c = ends_are($t, 'all are counted as time-outs', $before, Timeouts => $n);
        is scalar(() = $t->access_log =~ /outcome=timeout/g), $n, '... and logged';
        is $up->stats->{open}, 0, 'no call is left';

        my $res = $t->sse('/first', $t->turn(fault => 'hang-head'));
        is "$res->{status} $res->{json}{code}", '504 upstream_timeout', 'before the first byte the client is told';
        $res = $t->sse('/total', $t->turn(n => 10_000, pace => 20));
        ok !$res->{clean} && $res->{events}->@* > 10, 'later its stream does not end cleanly' or diag $res->{ended};

        my @whole = map { [ $_->[2], load_start($t->url("/$_->[0]"), c => 5, b => load_body($t, $_->[1])) ] } @IN_TIME;
        load_ok(@$_) for @whole;
        $t->stop;
    };
}

subtest 'a slow client is not the upstream\'s fault' => sub {
    my $t = ChatTest->new(modules => ['status'], mpm => 'event', conf => chat_conf(
        idle => { url => $up->url, provider => 'ChatProviderTimeout idle=' . scaled(500) . 'ms' }))->start;
    load_ok('it is not timed out', $t->url('/idle'), c => 10, B => 4096, w => '2000:' . scaled(1500),
        b => load_body($t, 'n=300;size=1000;lean=1'));
    ends_are($t, 'all are done', { map { $_ => 0 } keys counters($t)->%* }, Done => 10);
    $t->stop;
};

# ---- upstreams that are not there ----

for my $mpm (qw(event worker)) {
    subtest "upstreams that cannot be reached, $mpm" => sub {
        my $t = ChatTest->new(modules => ['status'], mpm => $mpm, conf => chat_conf(
            chat => $up->url, closed => "http://127.0.0.1:$closed/v1", nowhere => 'https://nowhere.test/v1',
            map { $_ => { url => "http://$_.test:" . $up->port . '/v1', key => 0 } } qw(slow two)));
        my $log = $t->write_file('dns.log', '', 0666);
        my $wait = scaled(4000);
        $t->{env} = dns_env($t->dir, $log, 'nowhere.test=0: two.test=0:127.0.0.2,127.0.0.1 '
            . "slow.test=$wait:127.0.0.1");
        $t->expect_log(qr/CHAT0902: .*provider=closed /, qr/CHAT0902: .*provider=nowhere /, qr/\] \[client \S+\] CHAT0502: upstream host nowhere\.test: /);
        $t->start;

        my $before = counters($t);
        for (1, 2) {
            my $res = timed('a closed port', 0, sub { $t->post_json('/closed', $t->turn) });
            is $res->{status}, 502, '... is a 502';
            is $res->{json}{code}, 'upstream_unreachable', '... as the contract says';
        }
        like $t->wait_access(qr{"POST /closed .* 502 }), qr/outcome=upstream_error/, '... and logged';
        ends_are($t, '... and counted', $before, UpstreamErrors => 2);
        load_ok('the second address is tried when the first refuses', $t->url('/two'), c => 5, m => 2,
            b => load_body($t));

        $before = counters($t);
        for (1 .. 3) {
            my $res = timed('a name that nobody knows', 0, sub { $t->post_json('/nowhere', $t->turn) });
            is $res->{status}, 502, '... is a 502';
            is $res->{json}{code}, 'upstream_unreachable', '... as the contract says';
        }
        ends_are($t, '... and counted', $before, UpstreamErrors => 3);

        my $running = load_start($t->url('/chat'), c => 10, b => load_body($t, 'n=150;pace=20'));
        wait_for('streams to run', sub { counters($t)->{Live} == 10 });
        my $from = now();
        my $slow = load_start($t->url('/slow'), c => 10, s => 500, b => load_body($t));
        Time::HiRes::sleep(0.1);
        cmp_ok counters($t)->{Live}, '>=', 10, 'the server answers while a name is looked up';
        load_ok('ten that wait for a slow name get their streams', $slow);
        cmp_ok 1000 * (now() - $from), '>=', $wait - 20, '... when it has been found';
        my $res = load_ok('streams that ran meanwhile', $running);
        note "gaps of 20 ms: p50 $res->{gap_ms}{p50}, p99 $res->{gap_ms}{p99}, worst $res->{gap_ms}{max}";
        cmp_ok $res->{gap_ms}{max}, '<', 0.75 * $wait, '... did not wait';
        $res = timed('a name that was found before', 0, sub { $t->sse('/slow', $t->turn(seed => 1, n => 1)) });
        is $res->{status}, 200, '... is at hand';

        my %asked;
        $asked{$_}++ for split /\n/, $t->slurp($log);
        is $asked{'slow.test'}, 1, 'each name is asked for once';
        is $asked{'two.test'}, 1, '... for all who want it';
        cmp_ok $asked{'nowhere.test'}, '<=', 3, '... and bad news too are shared';
        $t->stop;
    };
}

# ---- signs of life ----

# The comments of a body: where they stand, and the body without them.
sub comments ($body) {
    my ($inside, $n) = (0, 0);
    while ($body =~ s/^(.*?): ping\n\n//s) {
        my $before = $1;
        $n++;
        $inside++ if length $before && $before !~ /\n\n\z/;
        $body = $before . $body;
    }
    return ($n, $inside, $body);
}

my $PAUSE = scaled(350);

# While these run, the rest is asked.
my @BEATS = (
    # path, what the mock does, fewest comments in each stream, most
    [ chat => "n=0;pace=$PAUSE",  8, 64, 'silence is filled with comments' ],
    # One every 100 ms would be eight; a busy machine is silent now and then.
    [ chat => 'n=40;pace=20',     0, 3,  'no comment where there is no silence' ],
    [ none => "n=1;first=$PAUSE", 0, 0,  'nor where none is asked for' ],
    [ chat => "n=1;head=$PAUSE",  0, 0,  'nor before the upstream has answered' ],
    [ both => "n=1;head=$PAUSE",  2, 12, 'but then, too, with early headers' ],
);

sub beats ($t, $tls) {
    my $n = 5;
    my @jobs = map { [ @$_, load_start($t->url("/$_->[0]", tls => $tls), c => $n, C => 1, b => load_body($t, $_->[1])) ] } @BEATS;
    return sub {
        for (@jobs) {
            my ($path, $script, $least, $most, $name, $job) = @$_;
            my $res = load_ok("/$path, $script", $job);
            my $each = $res->{comments} / $n;
            ok $each >= $least && $each <= $most, $name or diag "$each in a stream";
        }
    };
}

sub pauses ($t, %o) {
    my $body = $t->sse('/pause', $t->turn, %o)->{body};
    my ($n, $inside, $rest) = comments($body);
    is $rest, join('', @PIECES), 'an upstream that pauses in an event';
    is $inside, 0, '... gets no comment into it' or diag $body;
    cmp_ok $n, '>=', 2, '... but behind it';
    like $body, qr/\Aevent: a\ndata: 1\n\nevent: b\ndata: 2\n\n: ping/, '... at once';
}

sub early ($t, %o) {
    my $from = now();
    my $first;
    my $res = $t->sse('/early', $t->turn(seed => 1, n => 2, head => 4 * $PAUSE), %o,
        on_data => sub ($d, $r) { $first //= [ now() - $from, $d ]; 1 });
    cmp_ok $first->[0], '<', 4 * $PAUSE / 1000, 'early headers come before the upstream\'s';
    is $first->[1], ": ping\n\n", '... with a comment';
    is $res->{comments}->@*, 1, '... one';
    like $res->{headers}{'content-type'}, qr{^text/event-stream}, '... and say what it will be';
    ok $res->{clean} && $res->{events}->@* == 10, '... and it is';
    for my $case ([ early => $t->turn(status => 429) ], [ early => $t->turn(fault => 'close-head') ], [ refuse => $t->turn ]) {
        $res = $t->sse("/$case->[0]", $case->[1], %o);
        is $res->{status}, 200, 'who has said 200 early';
        ok !$res->{clean}, '... breaks off when the upstream refuses' or diag $res->{ended};
    }
}

for my $mpm (qw(event worker)) {
    subtest "ChatStreamHeartbeat and ChatStreamEarlyHeaders, $mpm" => sub {
        my $beat = 'ChatStreamHeartbeat ' . scaled(100) . 'ms';
        my $early = 'ChatStreamEarlyHeaders on';
        my $t = ChatTest->new(modules => ['status'], mpm => $mpm, tls => 1, mpm_conf => mpm_conf(64), conf => chat_conf(
            chat   => { url => $up->url, location => $beat },
            pause  => { url => $pausing, location => $beat },
            early  => { url => $up->url, location => $early },
            both   => { url => $up->url, location => "$early\n$beat" },
            refuse => { url => "http://127.0.0.1:$closed/v1", location => $early },
            none   => $up->url))->expect_log(qr/CHAT0902: /)->start;
        my @running = map { beats($t, $_) } 0, 1;
        for my $tls (0, 1) {
            is $t->sse('/chat', $t->turn(head => $PAUSE, status => 429), tls => $tls)->{status}, 429,
                'the upstream\'s status can be told after silence, ' . ($tls ? 'over TLS' : 'plain');
            pauses($t, tls => $tls);
            early($t, tls => $tls);
        }
        $_->() for @running;
        settled($t);
        $t->stop;
    };
}

# ---- Timeout ----

for (@outliving) {
    my ($timeout, $t, @jobs) = @$_;
    load_ok("streams of more than three times Timeout $timeout are whole", $_) for @jobs;
    settled($t);
    $t->stop;
}

$_->close for @queue;
ok $_->stop, 'an upstream has seen no nonsense' for $up, $patient;
done_testing;
