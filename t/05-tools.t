# SPDX-License-Identifier: Apache-2.0
#
# The mock LLM and the load client against each other, without httpd: what
# other tests rely on must be right, and must notice what is wrong.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load load_start load_wait load_ok close_latency);
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $many = $ENV{CHAT_TEST_STREAMS} // 1000;
my $body = '{"stream":true,"stream_options":{"include_usage":true},"input":"mock(seed={i}%s)"}';

# What the mock is told, in its body, and sse_load with it.
sub body ($params = '') {
    return (b => sprintf $body, length $params ? ";$params" : '');
}

sub url ($api = 'responses') {
    return $up->url . "/$api";
}

my $res = load_ok("$many streams at once are right in every byte", url(), body('n=20;pace=50;size=80'),
    c => $many, r => 500);
is $res->{ok}, $many, 'each was counted';
is $res->{events}, 28 * $many, 'each event was seen';

$res = load_ok('a paced stream', url(), body('n=20;pace=50'), c => 5);
ok $res->{gap_ms}{p50} > 45 && $res->{gap_ms}{p50} < scaled(100), 'keeps its pace'
    or diag explain $res->{gap_ms};

load_ok('many requests go over one connection', url(), body('n=2'), c => 50, m => 40);
$res = load_ok('requests may be pipelined', url(), body('n=2'), c => 50, m => 40, P => 4);
is $res->{connects}, 50, 'on the same connections';

load_ok('Chat Completions are spoken too', url('chat/completions'), body('n=9'), c => 20, a => 'completions');
load_ok($_, url(), body($_), c => 10, m => 3)
    for 'utf8=1;size=60', 'eol=crlf', 'eol=cr', 'comments=1', 'bom=1', 'chunk=1', 'split=1;n=1', 'chunk=7;split=3',
    'reason=3', 'lean=1', 'usage=0', 'keep=0', 'frame=close', 'n=0', 'size=0', 'head=20;first=20';
load_ok('one event of 8 MiB', url(), body('n=1;size=8388608;lean=1'));
load_ok('and in full', url(), body('n=1;size=8388608'), c => 2);

$res = load_ok('timestamps measure the way', url(), body('n=20;pace=5;ts=1'), c => 20);
is $res->{latency_ms}{count}, 400, 'each delta has one';
ok $res->{latency_ms}{p50} < 50, 'and it is short' or diag explain $res->{latency_ms};

subtest 'parameters come from the path and from the query too' => sub {
    load_ok('path', $up->url(n => 7, size => 9) . '/responses', body(), p => 'n=7;size=9');
    load_ok('query', url() . '?n=7', body(), p => 'n=7');
};

subtest 'every fault is what it says' => sub {
    for my $fault (qw(rst close cut)) {
        load_ok("$fault breaks the body", url(), body("fault=$fault;after=6"), c => 20, e => 'broken');
        my $bad = load(url(), body("fault=$fault;after=6"));
        is $bad->{failed}, 1, '... which is no clean end';
    }
    for my $fault (qw(error-flat error-nested error-failed incomplete noend)) {
        load_ok("$fault ends properly", url(), body("fault=$fault;after=6"), c => 20, m => 2);
        load_ok('... with chunks of chat completions', url('chat/completions'), body("fault=$fault"),
            a => 'completions');
        my $bad = load(url(), body("fault=$fault;after=6"), e => 'broken');
        is $bad->{failed}, 1, '... which is no break';
    }
    like load(url(), body('fault=badchunk'), e => 'broken')->{failures}[0], qr/bad chunk/, 'badchunk is not HTTP';
    for my $fault (qw(rst-head close-head garbage html redirect longhead)) {
        is load(url(), body("fault=$fault"))->{failed}, 1, "$fault is no stream";
    }
    load_ok('slow-head arrives in the end', url(), body('fault=slow-head;pace=1'), c => 20);
    for my $fault (qw(hang hang-head)) {
        my $bad = load(url(), body("fault=$fault;after=5"), t => 1);
        like $bad->{failures}[0], qr/out of time/, "$fault hangs";
    }
    load_ok('an error status', url(), body("status=$_;retry=3"), S => $_, E => 'retry-after: 3', m => 2)
        for 400, 401, 429, 500, 529;
};

subtest 'the load client sees what is wrong' => sub {
    my %wrong = (
        'another text'   => [ body(), b => '{"stream":true}', s => 2 ],
        'an event less'  => [ body(), p => 'n=6' ],
        'an event more'  => [ body(), p => 'n=4' ],
        'no comments'    => [ body(), p => 'comments=1' ],
        'another status' => [ body(), S => 503 ],
        'a header less'  => [ body(), E => 'x-nobody: sends this' ],
    );
    for my $what (sort keys %wrong) {
        $res = load(url(), $wrong{$what}->@*);
        is $res->{failed}, 1, $what;
        ok $res->{exit}, '... shows in the exit status';
    }
    load_ok('comments may be allowed', $up->url(comments => 1) . '/responses', body(), C => 1);
    $res = load($up->url(comments => 1) . '/responses', body());
    like $res->{failures}[0], qr/the text differs/, '... or not';
};

subtest 'an abort is seen by the mock within a millisecond or so' => sub {
    for my $case ([ 'in mid-stream', body('n=1000;pace=10'), A => 3 ], [ 'while it hangs', body('fault=hang'), A => 3 ],
        [ 'before the head', body('fault=hang-head'), A => '0:50' ])
    {
        my ($name, %o) = @$case;
        $up->reset;
        $res = load_ok($name, url(), %o, c => 100, r => 200);
        my ($ms, $lost);
        wait_for(sub {
            ($ms, $lost) = close_latency($res, $up->stats);
            return !@$lost;
        }, 'every close');
        is @$ms, 100, '100 of 100';
        ok $ms->[98] < scaled(20), 'in time' or diag "p99 $ms->[98] ms";
        is $up->stats->{open}, 0, 'nothing is left open';
    }
};

subtest 'a slow reader makes the mock wait' => sub {
    my $slow = load_start(url(), body('n=100;size=65536;lean=1'), w => '4096:700', B => 4096, c => 3);
    load_ok('which delays nobody else', url(), body('n=10;pace=20'), c => 50);
    $res = load_ok('and gets everything', $slow);
    ok $res->{seconds} >= 0.7, 'in the end';
};

subtest 'TLS on both sides' => sub {
    my @files = ChatTest->new(chat => 0)->certificate;
    my $tls = ChatTest::Upstream->new(tls => \@files)->start;
    my $url = $tls->url . '/responses';
    load_ok('streams', $url, body('n=20;pace=20'), c => 200, m => 2);
    load_ok('8 MiB', $url, body('n=1;size=8388608;lean=1'));
    $res = load_ok('aborts', $url, body('fault=hang'), A => 3, c => 50);
    wait_for(sub { !((close_latency($res, $tls->stats))[1]->@*) }, 'every close');
    ok $tls->stop, 'the mock exits well';
};

subtest 'the control channel' => sub {
    load(url() . '?n=1', body(), H => [ 'Authorization: Bearer sk-x', 'X-Two: b' ]);
    my $last = $up->last;
    is $last->{method}, 'POST', 'method';
    is $last->{path}, '/v1/responses?n=1', 'path';
    is $last->{headers}{authorization}, 'Bearer sk-x', 'headers';
    like $last->{body}, qr/mock\(seed=1\)/, 'body';
    $up->reset;
    is $up->stats->{requests}, 0, 'reset';
};

ok $up->stop, 'the mock exits well when its input ends';
done_testing;
