# SPDX-License-Identifier: Apache-2.0
#
# A client that leaves: its upstream is let go at once, whatever either of them
# was doing, and every trace of it is right. How many milliseconds "at once" is
# t/bench/abort.pl measures; here it is less than a second.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok close_latency);
use ChatTest::Streams;
use ChatTest::Upstream;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $up = ChatTest::Upstream->new->start;
my $SOON = scaled(1000);    # ms
my $EARLY = '0:' . int scaled(20);
my $t;

sub server ($mpm, %o) {
    my $conf = delete $o{conf} // '';
    $t = ChatTest->new(modules => [ 'status', ($o{modules} // [])->@* ], mpm => $mpm, tls => 1,
        ($mpm eq 'event' ? (mpm_conf => mpm_conf(32)) : ()), conf => $conf . chat_conf(chat => $up->url),
        tls_conf => $o{tls_conf})->start;
    return $t;
}

# What the upstream does, and when the client leaves: after so many events, or
# 0:ms after its request.
my @CASES = (
    [ 'before the upstream answers', 'fault=hang-head',            $EARLY, 499 ],
    [ 'before the first event',      'first=60000',                $EARLY, 499 ],
    [ 'while events flow',           'n=20000;pace=2',             3,      200 ],
    [ 'while they flood',            'n=20000;size=1000',          30,     200 ],
    [ 'while the upstream is silent', 'fault=hang;after=2',        2,      200 ],
    [ 'in the middle of an event',   'fault=hang;after=2;chunk=1', 2,      200 ],
);

# What came of $res->{aborts}. A client that leaves early may be gone before
# its request was read, and so before there was a call; under a checker most
# may be.
sub all_closed ($name, $res, $before, $others = 0) {
    my ($stats, $c);
    my $count = $res->{aborts}->@*;
    wait_for("the calls of those who left $name to be closed", sub {
        $c = counters($t);
        $stats = $up->stats;
        return !$c->{Live} && !$stats->{open};
    }) or die "no other case is tried: each would wait for what is still open\n";
    my ($ms, $lost) = close_latency($res, $stats);
    is $stats->{closed_by_peer}->@*, $stats->{requests} - $others, '... and so do their calls';
    cmp_ok @$ms, '>', $count / 2, '... which had begun' if scaled(1) == 1;
    cmp_ok $ms->[-1] // 0, '<', $SOON, '... soon' or diag "@$ms";
    is $c->{Cancelled} - $before->{Cancelled}, $c->{Started} - $before->{Started} - $others, '... are cancelled, for the counters';
    is $c->{Started} - $before->{Started}, ends($c) - ends($before), '... which are balanced';
}

sub leave ($name, $script, $when, $status, %o) {
    my $n = fewer($o{n} // 30);
    my $conns = $n < 20 ? 1 : $o{conns} // 10;
    my $before = counters($t);
    my $mark = $t->mark('access.log');
    $up->reset;
    my $res = load_ok("$n clients leave $name", $t->url('/chat', tls => $o{tls}), c => $conns, m => int($n / $conns),
        A => $when, R => $o{reset}, e => 'any', t => scaled(30), b => load_body($t, $script));
    all_closed($name, $res, $before);
    my @lines = grep { /POST/ } split /\n/, $t->access_log($mark);
    my $right = qr{"POST /chat [^"]*" (200|499) .* X=X .*outcome=cancelled};
    is scalar(grep { $_ !~ $right } @lines), 0, '... and logged';
    return if scaled(1) > 1;
    cmp_ok scalar(grep { /$right/ && $1 == $status } @lines), '>', @lines / 2, "... with $status"
        or diag join "\n", @lines;
}

sub all_cases ($how, %o) {
    subtest "$how: close" => sub { leave(@$_, %o) for @CASES };
    subtest "$how: reset" => sub { leave(@$_, %o, reset => 1) for @CASES };
}

# ---- a thread for all ----

server('event');
my $pid = child($t);
my $held = held($t, $pid);
all_cases('plain');
all_cases('TLS', tls => 1);

subtest 'clients that leave without waiting for anything' => sub {
    load_ok('100 of them', $t->url('/chat'), c => 10, m => fewer(100) / 10, A => '0:0', R => $_, e => 'any',
        b => load_body($t, 'fault=hang-head')) for 0, 1;
    my $c = settled($t);
    is $up->stats->{open}, 0, 'no call is left open';
    is $c->{Started}, ends($c), 'each stream that was started has ended';
};

subtest 'a client that says it will send no more counts as gone' => sub {
    my $before = counters($t);
    $up->reset;
    my $conn = $t->connect;
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(seed => 5, n => 1000, pace => 5)));
    my $res = $conn->response(on_event => sub ($e, $r) { $conn->half_close if $r->{events}->@* == 3; 1 });
    ok !$res->{clean}, 'its stream is broken off';
    is $up->stats->{closed_by_peer}[0]{seed}, 5, 'here and there';
    ends_are($t, 'it is counted as cancelled', $before, Cancelled => 1);
};

wait_for('every file to be closed', sub {
    return let_go(held($t, $pid), $held, $up->stats->{connections} - 1);
});
is_deeply [ $t->children ], [$pid], 'no child has died';
$t->stop;

# ---- a thread for each ----

for my $mpm (qw(worker prefork)) {
    server($mpm);
    subtest "$mpm: $_->[0]" => sub { leave($_->[1]->@*, n => 20, conns => 4, $_->[2]->%*) }
        for map { my $case = $_; ([ "$case->[0], plain", $case, {} ], [ "$case->[0], TLS", $case, { tls => 1, reset => 1 } ]) } @CASES;
    $t->stop;
}

# ---- HTTP/2 ----

server('event', modules => ['http2'], tls_conf => "Protocols h2 http/1.1\n", conf => "H2MaxWorkers 64\n");

# Silence for so long that nothing but us looks whether they are there.
my @H2_CASES = (
    [ 'before the first event',       'fault=hang-head',    ms => int scaled(400) ],
    [ 'while events flow',            'n=100;pace=20',      events => 3 ],
    [ 'while they flood',             'n=20000;size=1000',  events => 30 ],
    [ 'while the upstream is silent', 'fault=hang;after=2', ms => int scaled(400) ],
);

subtest 'HTTP/2: connections are cut' => sub {
    for (@H2_CASES) {
        my ($name, $params, %when) = @$_;
        my $before = counters($t);
        $up->reset;
        my $res = h2_abort($t, params => $params, count => 4, cut => 1, %when);
        pass "clients leave $name";
        all_closed($name, $res, $before);
    }
};

subtest 'HTTP/2: a stream is reset, another of the connection goes on' => sub {
    my $before = counters($t);
    $up->reset;
    my $res = h2_abort($t, params => 'n=100;pace=20', count => fewer(20), events => 3, other => 1);
    all_closed('while events flow', $res, $before, 1);
    ok $res->{other}{ended}, 'the other stream ends';
    is scalar(() = $res->{other}{body} =~ /^data: /mg), 108, '... and is whole';
    like $t->wait_access(qr{"POST /chat HTTP/2.0" 200 .* X=X }), qr/outcome=cancelled/, 'the log tells';
};

subtest 'HTTP/2: a curl that is killed' => sub {
    my $before = counters($t);
    $up->reset;
    my $pid = open my $fh, '-|', qw(curl -sSN --http2 --cacert), $t->ca, '-H', 'Content-Type: application/json',
        '-d', JSON::PP::encode_json($t->turn(seed => 1, n => 20000, pace => 5)), $t->url('/chat', tls => 1);
    ok readline $fh, 'gets its stream';
    CORE::kill KILL => $pid;
    close $fh;
    wait_for('its call to be closed', sub { $up->stats->{closed_by_peer}->@* });
    ends_are($t, 'is counted as cancelled', $before, Cancelled => 1);
};
$t->stop;

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
