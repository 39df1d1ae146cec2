# SPDX-License-Identifier: Apache-2.0
#
# Thousands of streams at once in one child: every byte of each is right, no
# thread is held, and nothing is left of them afterwards.
#
# Runs alone: it opens thousands of streams.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Streams;
use ChatTest::Upstream;

my $MANY = $ENV{CHAT_TEST_STREAMS} || fewer(5000);
my $THREADS = 64;     # workers
my $OF_HTTPD = 2;     # a child's main thread and its listener
my $CHECKED = checker()->name;

need_files(3 * $MANY + 1000);
my $up = ChatTest::Upstream->new->start;

# That all workers are busy while thousands arrive at once, httpd calls an error.
sub server ($threads, $engines, %o) {
    my $t = ChatTest->new(modules => ['status'], mpm => 'event', mpm_conf => mpm_conf($threads),
        log_level => 'notice', %o, conf => "ChatStreamEngines $engines\n" . chat_conf(chat => $up->url));
    return $t->allow_log(qr/AH00484: server reached MaxRequestWorkers/)->start;
}

# ---- all at once ----

sub at_once ($engines) {
    my $t = server($THREADS, $engines);
    my $pid = child($t);
    my $before = held($t, $pid);
    my $pace = scaled(700);
    $up->reset;

    my $job = load_start($t->url('/chat'), c => $MANY, r => scaled(2000), t => scaled(60),
        b => load_body($t, "n=2;size=80;pace=$pace"));
    wait_for("all $MANY streams to be open at once", sub {
        sleep 0.1;
        return $up->stats->{open} == $MANY;
    }, 30);
    is counters($t)->{Parked}, $MANY, "$MANY streams are open at once";
    my $during = held($t, $pid);
    cmp_ok $during->{threads}, '<=', $THREADS + $engines + 8, 'they hold no threads';
    is $during->{threads} - $THREADS - $OF_HTTPD, $engines, '... but the engines\' own' unless $CHECKED;
    is_deeply [ $t->children ], [$pid], 'in one child';
    my @carried = grep { $_ > 100 } $during->{watched}->@*;
    is @carried, $engines, 'every engine carries some';
    cmp_ok $carried[0], '>', 0.9 * $carried[-1], '... as many as another';
    note sprintf '%d streams: %d KiB resident, %.1f each', $MANY, $during->{rss},
        ($during->{rss} - $before->{rss}) / $MANY;

    my $res = load_ok("$MANY streams at once are right in every byte", $job);
    note "gaps where $pace ms were sent: p50 $res->{gap_ms}{p50}, p99 $res->{gap_ms}{p99}, worst $res->{gap_ms}{max}";
    cmp_ok $res->{gap_ms}{p50}, '>', 0.8 * $pace, 'events leave one by one';
    cmp_ok $res->{gap_ms}{p99}, '<', $pace + scaled(6000), '... and soon';

    my $c = ends_are($t, 'each was counted once', { map { $_ => 0 } keys counters($t)->%* }, Done => $MANY);
    is $c->{Bytes}, $res->{bytes}, '... with its bytes';
    wait_for('all but kept upstream connections to be closed', sub {
        return let_go(held($t, $pid), $before, $up->stats->{connections} - 1, $engines);
    });
    cmp_ok $up->stats->{connections} - 1, '<=', 256 * $engines, 'of which there are few';
    $t->stop;
}

subtest "$MANY streams on one engine" => sub { at_once(1) };
subtest "$MANY streams on two engines" => sub { at_once(2) };

# ---- one after another ----

my $EACH = int(fewer(2000) / 100) || 1;    # of a hundred clients
my $SAME = 1536;    # KiB that the allocator may still spread over

# Of twenty streams so many end in each way.
my @KINDS = (
    [ 15, 'end well',       'pace=2' ],
    [ 2,  'are left',       'pace=5', A => 2 ],
    [ 2,  'are broken off', 'fault=rst;after=2', e => 'broken' ],
    [ 1,  'are refused',    'status=429;retry=1', S => 429 ],
);

sub round ($t) {
    for (@KINDS) {
        my ($share, $end, $params, %o) = @$_;
        load_ok("$share of 20 streams $end", $t->url('/chat'), t => scaled(60), c => 5 * $share,
            m => $EACH, b => load_body($t, "n=3;size=80;$params"), %o);
    }
}

subtest 'memory and files after twelve thousand streams are as before' => sub {
    my $t = server(128, 1, env => { MALLOC_ARENA_MAX => 1 });
    $t->expect_log(qr/CHAT0902/);
    my $pid = child($t);
    my $first = held($t, $pid);
    round($t) for 1 .. 2; # each worker has had a stream, and its thread its memory
    settled($t);
    my $warm = held($t, $pid);
    round($t) for 1 .. 4;
    my $c = settled($t);
    my $after = held($t, $pid);
    note explain $c;
    cmp_ok $c->{Started}, '>=', 540 * $EACH, "$c->{Started} streams were started";
    is $c->{Done} + $c->{Cancelled} + $c->{UpstreamErrors}, $c->{Started}, 'and ended';
    note "resident: $first->{rss} KiB at first, $warm->{rss} warm, $after->{rss} after";
    cmp_ok $after->{rss}, '<', $warm->{rss} + $SAME, "at most $SAME KiB more are used" unless $CHECKED;
    wait_for('all but kept upstream connections to be closed', sub {
        return let_go(held($t, $pid), $first, $up->stats->{connections} - 1);
    });
    $t->stop;
};

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
