# SPDX-License-Identifier: Apache-2.0
#
# The benchmark can be run: two peers, every workload, in tiny sizes, and what
# it makes of its numbers. Nothing is said here about how fast anything is.
#
# Runs alone: it is a benchmark.
use v5.36;
use File::Temp ();
use JSON::PP   ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Bench qw(summary ratios tree cpu pss);
use ChatTest::Bench::House;
use ChatTest::Bench::Report qw(report);
use ChatTest::Bench::ScaleReport qw(report_scale);

# ---- its arithmetic ----

is_deeply summary(3, 1, undef, 2, 10), [ 2.5, 1, 10 ], 'a summary is the median, the least and the most of what there is';
is summary(undef), undef, '... of nothing there is none';
is_deeply [ ratios([ 2, undef, 9 ], [ 1, 1, 3 ]) ], [ 2, undef, 3 ], 'ratios are taken round by round';

my $child = fork // die "fork: $!\n";
if (!$child) {
    my $busy = 0;
    $busy++ while (times)[0] < 0.3;
    exec 'sleep', 60;
}
ok wait_for('the child to have worked', sub { cpu($child) >= 0.25 }, 30), 'the time of a process is what it has used';
ok 0 + (grep { $_ == $child } tree($$)), 'a child is found below its parent';
cmp_ok cpu($$), '>=', cpu($child), '... and counts with it';
cmp_ok pss($child), '>', 0, 'a process has memory';
kill 'KILL', $child;
waitpid $child, 0;

# ---- its report ----

my $dir = File::Temp::tempdir(CLEANUP => 1);

sub printed ($sub) {
    open my $out, '>', \my $text or die $!;
    my $stdout = select $out;
    $sub->();
    select $stdout;
    return $text;
}

my %made_up = (
    machine => { map { $_ => 1 } qw(date kernel cpu cores memory files load pinned own policy) },
    minutes => 1,
    size    => { events => 1, pace => 1, clients => 1 },
    rounds  => 3,
    work    => [qw(streams short)],
    peers   => [ { name => 'nginx', title => 'N' }, { name => 'proxy', title => 'P' },
        { name => 'governed', title => 'G' }, { name => 'next', title => 'X', absent => 'no node' }, { name => 'bare', title => 'B' } ],
    failed => { bare => { start => ['it said no'] } },
    result => {
        nginx    => { streams => { count => [ 5, 5, 5 ], us => [ 10, 20, 40 ], late_p99 => [ 1, 1, 1 ] }, short => { us => [ 50, 50, 50 ] } },
        proxy    => { streams => { us => [ 20, 20, 20 ] }, short => { us => [ 100, 100, 100 ] } },
        governed => { streams => { us => [ 10, 22, 80 ], late_p99 => [ 1, 1, 1 ] }, short => { us => [ 140, 160, 170 ] } },
    },
);
my $text = printed(sub { report($dir, \%made_up) });
like $text, qr/^\| G \| – \| 22 \(10\.\.80\) \| 1\.10x \(1\.00\.\.2\.00\) \| 1\.10x \(0\.50\.\.4\.00\) \|/m,
    'a row has the median, its spread, and the ratios to both';
like $text, qr/^\| X \| absent: no node \|/m, 'who is not there has a row that says why';
like $text, qr/^\| B \| failed, see below \|/m, '... as has who failed';
like $text, qr/^- bare, start, 1 of 3 rounds: it said no$/m, '... with the reason below';
like $text, qr/^\| CPU per live event.*\| 1\.10 \(1\.\.2\) \| met \|$/m, 'a promise that is just kept is kept';
like $text, qr/^\| CPU per request.*\| 1\.60 \(1\.40\.\.1\.70\) \| \*\*missed\*\* \|$/m, '... one that is not is said to be missed';
like $text, qr/^\| memory per open stream.*not measured \|$/m, '... and what was not measured is not kept';

my %live = (us => [ 20, 10, 30 ], core => [ (40) x 3 ], load => [ (50) x 3 ]);
$text = printed(sub {
    report_scale($dir, { %made_up, failed => ['children 4: it said no'], found => {
        events => { 2000 => { %live, rate => [ (2000) x 3 ], busiest => [ (9) x 3 ] },
            10000 => { %live, rate => [ (10000) x 3 ], busiest => [ (25) x 3 ] } } } });
});
like $text, qr/^\| 10000 \| 10000 \| 20 \(10\.\.30\) \| 40 \| 25 \|/m, 'growth has a row for each point';
like $text, qr/^At 10000 events a second the cores of mock and load.* 50 % busy, before mod_chat's core with 40 %\. .* full at about 40000 events/m,
    '... and words for what is full first';
like $text, qr/^- children 4: it said no$/m, '... and for what failed';

my $house = ChatTest::Bench::House->new($dir);
like $house->install("$dir/p", 10, 'echo first; echo "npm error nobody | there"; exit 3'),
    qr/^its installation failed: npm error nobody   there$/, 'a peer that cannot be installed is absent for a reason';
is $house->install("$dir/p", 10, 'touch once'), undef, '... one that can is there';
ok -e "$dir/p/once", '... in its folder';

# ---- a run ----

skip_or_fail('no stores: ' . $house->no_stores) if $house->no_stores;
local @ENV{qw(BENCH_SCALE_SWEEPS BENCH_SCALE_ROUNDS BENCH_SCALE_SECONDS BENCH_SCALE_RATE BENCH_SCALE_STREAMS)}
    = ('streams prompts', 1, 0.2, 1000, 100);
local @ENV{qw(BENCH_PEERS BENCH_ROUNDS BENCH_STREAMS BENCH_IDLE BENCH_EVENTS BENCH_PACE BENCH_SECONDS BENCH_ARRIVALS BENCH_MANY BENCH_MANY_PACE BENCH_OUT BENCH_WORKLOADS)}
    = ('proxy governed', 1, 8, 12, 6, 20, 0.2, 50, 40, 50, $dir, '');
my $said = qx("$^X" "$FindBin::Bin/bench/run.pl" 2>"$dir/stderr");
is $?, 0, 'the benchmark runs' or diag do { local (@ARGV, $/) = "$dir/stderr"; <> };
my $res = JSON::PP::decode_json(do { local (@ARGV, $/) = "$dir/result.json"; <> });
is $res->{machine}{policy}, 'batch', '... with peers scheduled as the docs advise';
is_deeply $res->{failed}, {}, 'nothing of it failed' or diag explain $res->{failed};
is $res->{result}{governed}{streams}{count}[0], 8, 'so many streams as asked for';
is $res->{result}{proxy}{idle}{count}[0], 12, '... and silent ones';
is $res->{result}{governed}{arrivals}{count}[0], 15, '... and so many that arrive by a schedule';
for my $peer (qw(proxy governed)) {
    my @none = grep { !defined $res->{result}{$peer}{ $_->[0] }{ $_->[1] }[0] }
        [qw(streams us)], [qw(streams first_p50)], [qw(streams late_p90)], [qw(streams late_p999)],
        [qw(arrivals us)], [qw(arrivals first_p50)], [qw(arrivals first_p90)], [qw(arrivals first_p99)], [qw(arrivals first_p999)], [qw(short rps)], [qw(short us)],
        [qw(prompts us_1)], [qw(prompts us_100)], [qw(idle kib)], [qw(storm ms)];
    is_deeply \@none, [], "every workload measured $peer";
}
is_deeply $res->{tls}{failed}, {}, 'nothing failed over TLS' or diag explain $res->{tls}{failed};
for my $peer (qw(proxy governed)) {
    my @none = grep { !defined $res->{tls}{result}{$peer}{ $_->[0] }{ $_->[1] }[0] }
        [qw(streams us)], [qw(streams late_p999)], [qw(short us)], [qw(idle kib)];
    is_deeply \@none, [], "$peer was measured over TLS";
}
is_deeply [ map { [ @$_{qw(open failed died)} ] } $res->{many}->@* ], [ ([ 40, 0, undef ]) x 2 ], 'many streams were open in one child, and in several'
    or diag explain $res->{many};
is_deeply [ grep { !defined } map { @$_{qw(kib kernel files threads pg redis over_p999 late_p999)} } $res->{many}->@* ], [],
    '... and what they take was measured';
is_deeply [ sort grep { /^us/ } keys $res->{result}{governed}{refused}->%* ], [qw(us_400 us_401 us_429)],
    'refusals of all kinds were measured where there are such';
like $said, qr/^\| Apache mod_proxy_http.*\| 1\.00x \(1\.00\.\.1\.00\) \|/m, 'the table has its row of reference';
like $said, qr/^\| mod_chat, governed: .*\| \d[\d.]*x \(/m, '... and ratios to it';
is scalar(() = $said =~ /^### .*, TLS on both sides$/mg), 3, '... and those over TLS have tables of their own';
is scalar(() = $said =~ /^### /mg), 13, '... and every part has its table';

local @ENV{qw(DUEL_PEERS DUEL_ROUNDS DUEL_SECONDS DUEL_STREAMS DUEL_TURN)} = ('proxy governed', 1, 1, 8, 0.1);
$said = qx("$^X" "$FindBin::Bin/bench/duel.pl" 2>"$dir/stderr");
is $?, 0, 'peers are measured side by side' or diag do { local (@ARGV, $/) = "$dir/stderr"; <> };
is scalar(() = $said =~ /^\| mod_chat, governed: .*\| \d+\.\d\dx \|/mg), 3, '... in three ways';

$said = qx("$^X" "$FindBin::Bin/bench/persisted.pl" 1 16 2>"$dir/stderr");
like $said, qr/^a request, kept \(sqlite\), 200 a second +[\d.]+ us +[\d.]+ us +[\d.]+ x, 2\.00 allowed: /m, 'what it costs to keep an answer is measured'
    or diag $said, do { local (@ARGV, $/) = "$dir/stderr"; <> };
like $said, qr/^an event, resumable \(sqlite\) .* 1\.10 allowed: /m, '... and that it can be resumed';

$said = qx("$^X" "$FindBin::Bin/bench/followers.pl" 12 6 2>"$dir/stderr");
is $?, 0, 'readers of streams that are kept are measured' or diag $said, do { local (@ARGV, $/) = "$dir/stderr"; <> };
like $said, qr/^12 streams \(spool\), each followed: 12 whole\n.*\nconnections to the database meanwhile: \d+, of which 0 held;/m,
    '... all of them, and none holds a connection to the database';

$said = qx("$^X" "$FindBin::Bin/bench/hooks.pl" 1 4 6 2>"$dir/stderr");
like $said, qr/^p99 of 4 streams: [\d.]+ ms late beside 6 that wait for services here, [\d.]+ ms where they wait without this server:/m,
    'what is felt of services of moderation is measured' or diag $said, do { local (@ARGV, $/) = "$dir/stderr"; <> };

qx("$^X" "$FindBin::Bin/bench/scale.pl" 2>"$dir/stderr");
is $?, 0, 'growth is measured' or diag do { local (@ARGV, $/) = "$dir/stderr"; <> };
$res = JSON::PP::decode_json(do { local (@ARGV, $/) = "$dir/scale.json"; <> });
is_deeply $res->{failed}, [], 'nothing of it failed' or diag explain $res->{failed};
is_deeply [ map { [ sort { $a <=> $b } keys $_->%* ] } @{ $res->{found} }{qw(streams prompts)} ], [ [100], [ 1, 10, 100, 400 ] ],
    '... at every point';
is_deeply [ grep { !defined $res->{found}{streams}{100}{$_}[0] } qw(rate us core busiest load late_p999) ], [], '... in every respect';
done_testing;
