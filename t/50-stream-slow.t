# SPDX-License-Identifier: Apache-2.0
#
# Clients that read slowly, or not at all, while their upstreams flood them:
# nobody else waits, little is held for them, and in the end they are let go.
#
# Runs alone: floods are measured against what the child holds.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Streams;
use ChatTest::Upstream;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $CHECKED = checker()->name;
my $MIB = 1024;    # in KiB
my $STALL = 2 * scaled(1);

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(modules => ['status'], mpm => 'event', tls => 1, mpm_conf => mpm_conf(32),
    conf => chat_conf(
        chat  => $up->url,
        stall => { url => $up->url, location => "ChatStreamStallTimeout ${STALL}s" }))->start;
my $pid = child($t);

# A few hundred events each, twenty ms apart, checked to the byte.
sub others ($name) {
    my $n = fewer(100);
    my $res = load_ok("$n other streams $name", $t->url('/chat'), c => $n, t => scaled(60), s => 5000,
        b => load_body($t, 'n=50;size=40;pace=20'));
    note "their gaps: p50 $res->{gap_ms}{p50}, p99 $res->{gap_ms}{p99}, worst $res->{gap_ms}{max}";
    return $res->{gap_ms};
}

# MiB of text in events of 1,000 bytes, as fast as they are taken.
sub flood ($mib, $more = '') {
    return load_body($t, "n=@{[ $mib * 1000 ]};size=1000;lean=1$more");
}

my $alone = others('run alone');

# ---- slow readers ----

for my $tls (0, 1) {
    my $with = $tls ? 'over TLS' : 'plain';
    my $n = fewer(30);
    my $before = held($t, $pid);
    my $job = load_start($t->url('/chat', tls => $tls), c => $n, B => 4096, w => '2000:' . scaled(2500),
        t => scaled(60), b => flood(2));
    wait_for('the slow readers to be connected', sub { counters($t)->{Parked} == $n });
    my $gaps = others("beside $n slow readers $with");
    cmp_ok $gaps->{p50}, '<', $alone->{p50} + scaled(100), 'do not wait for them';
    cmp_ok $gaps->{max}, '<', $alone->{max} + scaled(500), '... once';
    my $during = held($t, $pid);
    is counters($t)->{Parked}, $n, 'which are still there';
    cmp_ok $during->{rss}, '<', $before->{rss} + 20 * $MIB, '... and take little memory' unless $CHECKED;
    note sprintf 'memory: %d KiB before, %d KiB with them', $before->{rss}, $during->{rss};
    load_ok('the slow ones get every byte in the end', $job);
    settled($t);
}

# ---- one that does not read at all ----

# KiB in the kernel's send queue from the server to a client's port.
sub send_queue ($port) {
    my $way = sprintf '[0-9A-F]+:%04X [0-9A-F]+:%04X', $t->port, $port;
    return $t->slurp('/proc/net/tcp') =~ /^ *\d+: $way \w\w (\w{8}):/m ? hex($1) / 1024 : 0;
}

subtest 'a client that takes nothing' => sub {
    my $before = counters($t);
    my $held = held($t, $pid);
    $up->reset;
    my $conn = $t->connect(rcvbuf => 4096);
    $conn->request('POST', '/stall', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 77, n => 30_000, size => 1000)));
    wait_for('the first bytes', sub { IO::Select->new($conn->{rfh})->can_read(0) });
    my $since = clock_gettime(CLOCK_MONOTONIC);
    my ($queue, $rss) = (0, 0);
    others('go on');
    wait_for('the upstream to be let go', sub {
        my $now = send_queue($conn->{rfh}->sockport);
        $queue = $now if $now > $queue;
        $now = held($t, $pid)->{rss};
        $rss = $now if $now > $rss;
        return $up->stats->{closed_by_peer}->@*;
    });
    my $waited = $up->stats->{closed_by_peer}[0]{ns} / 1e9 - $since;
    cmp_ok $waited, '>', $STALL - 0.2, 'is waited for as long as ChatStreamStallTimeout says';
    cmp_ok $waited, '<', $STALL + scaled(3), '... and not much longer';
    is $up->stats->{closed_by_peer}[0]{seed}, 77, 'it is its call that was ended';
    cmp_ok $up->stats->{closed_by_peer}[0]{events}, '<', 10_000, '... of which not everything was taken';
    ends_are($t, 'it is counted as stalled', $before, Done => fewer(100), Stalled => 1);
    my $line = $t->wait_access(qr{"POST /stall });
    like $line, qr/outcome=cancelled/, 'the log tells';
    like $line, qr/ X=X /, '... that the connection was cut';
    ok $queue > 0, 'meanwhile something waited in the kernel';
    cmp_ok $queue, '<', 256, '... but little';
    cmp_ok $rss, '<', $held->{rss} + 4 * $MIB, '... and here' unless $CHECKED;
    note sprintf '%.1f s; %.0f KiB in the kernel, %d KiB resident before, %d meanwhile', $waited, $queue,
        $held->{rss}, $rss;
};

# While a client is slow nobody looks at its upstream. When that closed its
# connection, curl took it for an idle one of its own, and closed it as it made
# another one, which got the same descriptor: the slow client read on in somebody
# else's answer. As all of it has to be read by then, the upstreams say more and
# more.
subtest 'a connection that waits for a slow client is nobody else\'s' => sub {
    my $before = counters($t);
    $t->expect_log(qr/CHAT0902: .*the upstream ended within its answer/);
    $up->reset;
    my @slow = map { $t->connect(rcvbuf => 4096) } 1 .. 16;
    $slow[$_]->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 100 + $_, n => 400, size => 1000, lean => 1, fault => 'close', after => 30 + 2 * $_))) for 0 .. $#slow;
    wait_for('their upstreams to close', sub { my $s = $up->stats; $s->{requests} == @slow && !$s->{open} });
    cmp_ok counters($t)->{Parked}, '>', 4, 'most have not heard of it yet';
    is $t->sse('/chat', $t->turn(n => 1, pace => 500, keep => 0))->{status}, 200, 'a second passes';
    my $conn = $t->connect;
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 90, n => 20, pace => 100, keep => 0)));
    my @got;
    my $other = $conn->response(on_event => sub (@) { @got = map { $_->response } @slow if !@got; return 1 });
    is_deeply [ map { join ',', sort { $a <=> $b } keys { map { $_ => 1 } $_->{body} =~ /"delta":"s(\d+)d/g }->%* } @got ],
        [ 100 .. 115 ], 'each gets what is its own';
    is_deeply [ map { $_->{clean} } @got ], [ (0) x @slow ], '... and no clean end';
    is scalar(() = $other->{body} =~ /"delta":"s90d/g), 20, 'as does who asks meanwhile';
    ok $other->{clean}, '... to the end';
    $_->close for @slow, $conn;
    ends_are($t, 'all are counted', $before, Done => 2, UpstreamErrors => 16);
};

subtest 'clients that take nothing over TLS' => sub {
    my $n = fewer(20);
    my $before = counters($t);
    my $held = held($t, $pid);
    my $mark = $t->mark('access.log');
    my $job = load_start($t->url('/stall', tls => 1), c => $n, B => 4096, w => '2000:' . 1500 * $STALL, e => 'any',
        t => scaled(30), b => flood(30));
    wait_for('them to be connected', sub { counters($t)->{Parked} == $n });
    my $gaps = others('go on');
    cmp_ok $gaps->{max}, '<', $alone->{max} + scaled(500), 'do not wait for them';
    ends_are($t, 'are counted as stalled', $before, Done => fewer(100), Stalled => $n);
    load_wait($job);
    my $log = $t->access_log($mark);
    is scalar(() = $log =~ m{"POST /stall .* outcome=cancelled}g), $n, 'and logged';
    cmp_ok held($t, $pid)->{rss}, '<', $held->{rss} + 8 * $MIB, 'and take little memory' unless $CHECKED;
};

subtest 'a client that reads a little, but reads' => sub {
    my $before = counters($t);
    my $conn = $t->connect(rcvbuf => 4096);
    $conn->request('POST', '/stall', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 78, n => 3000, size => 1000, lean => 1)));
    my ($got, $until) = (0, clock_gettime(CLOCK_MONOTONIC) + 2 * $STALL);
    while (clock_gettime(CLOCK_MONOTONIC) < $until) {
        Time::HiRes::sleep(0.05);
        my $n = sysread $conn->{rfh}, my $in, 4096;
        $got += $n // 0;
    }
    cmp_ok $got, '>', 4096, 'gets what it reads';
    is counters($t)->{Stalled}, $before->{Stalled}, 'and is not taken for one that does not';
    $conn->close;
    ends_are($t, 'before it leaves', $before, Cancelled => 1);
};

is_deeply [ $t->children ], [$pid], 'no child has died';
$t->stop;

subtest 'where a thread drives the stream httpd\'s Timeout holds' => sub {
    my $t = ChatTest->new(modules => ['status'], mpm => 'worker',
        conf => "Timeout $STALL\n" . chat_conf(chat => $up->url))->start;
    my $before = counters($t);
    $up->reset;
    my $conn = $t->connect(rcvbuf => 4096);
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 79, n => 30_000, size => 1000)));
    wait_for('the upstream to be let go', sub { $up->stats->{closed_by_peer}->@* });
    ends_are($t, 'the client is taken for gone', $before, Cancelled => 1);
    like $t->wait_access(qr{"POST /chat }), qr/ X=X .*outcome=cancelled/, '... and logged so';
    $t->stop;
};
ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
