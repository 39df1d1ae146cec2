# SPDX-License-Identifier: Apache-2.0
#
# Graceful restarts and a graceful stop with streams in flight: none is cut,
# new requests are served meanwhile, and an old child leaves with its last
# stream.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use File::Temp ();
use ChatTest::Load qw(load_start load_end load_ok);
use ChatTest::Streams;
use ChatTest::Upstream;
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);

my $up = ChatTest::Upstream->new(lean => 1)->start;

sub now () {
    return clock_gettime(CLOCK_MONOTONIC);
}

# Threads for all streams of some generations: a build that cannot park needs
# them.
sub server (%o) {
    return ChatTest->new(mpm => 'event', modules => ['status'], tls => 1, %o,
        conf => chat_conf(chat => $up->url), mpm_conf => <<'END')->start;
StartServers 1
ServerLimit 16
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 2048
MinSpareThreads 1
MaxSpareThreads 2048
AsyncRequestWorkerFactor 100
END
}

# Those of @pids that have not ended yet.
sub living ($t, @pids) {
    return grep { $t->slurp("/proc/$_/stat") =~ /^\d+ \(.*\) [^Z]/s } @pids;
}

# Streams as sse_load opens them; k: the server may close an idle connection,
# as one that restarts does.
sub streams ($t, $params, %o) {
    my $tls = delete $o{tls};
    return load_start($t->url('/chat', tls => $tls), b => load_body($t, $params), p => "lean=1;$params",
        t => scaled(90), k => 1, %o);
}

subtest 'graceful, ten times under load' => sub {
    my $t = server();
    # Streams of 1 to 2 s, one after another, until all restarts are over.
    my $clients = fewer(50);
    my ($pace1, $pace2) = map { int scaled($_) } 65, 75;
    my $plain = streams($t, "n=20;pace=$pace1", c => $clients, m => 1000, r => 500);
    my $tls = streams($t, "n=20;pace=$pace2", tls => 1, c => $clients, m => 1000, r => 500, s => 100_000);
    wait_for('the load to be there', sub { counters($t)->{Live} == 2 * $clients });

    my (%generation, @failed);
    my @first = $t->children;
    for my $n (1 .. 10) {
        # Clients that waited for a new child start, and end, together.
        wait_for('streams to run', sub { counters($t)->{Live} >= $clients });
        $t->graceful;
        my $res = $t->sse('/chat', $t->turn(seed => 900_000 + $n, n => 3));
        push @failed, "round $n: $res->{status} $res->{ended}" if !$res->{clean};
        my ($pid) = $t->wait_log(qr/\[pid \d+:.*CHAT0901: id=$res->{headers}{'x-request-id'} /) =~ /\[pid (\d+)/;
        $generation{$pid} = 1;
    }
    is_deeply \@failed, [], 'new requests are served meanwhile';
    is keys %generation, 10, '... each time by a new child';
    delete @generation{@first};
    is keys %generation, 10, '... and never by the first';

    my $whole = 0;
    $whole += load_ok("no stream is cut ($_->[0])", load_end($_->[1]))->{ok} for [ plain => $plain ], [ TLS => $tls ];
    ok wait_for('the old children to end', sub { living($t, $t->children) == 1 }),
        'old children end with their streams';
    ends_are($t, 'each stream is counted once, and as done', { map { $_ => 0 } keys counters($t)->%* }, Done => $whole + 10);
    $t->stop;
};

subtest 'an old child lives as long as its last stream' => sub {
    my $t = server();
    my ($old) = $t->children;
    my $conn = $t->connect(timeout => 60);
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(n => 40, pace => int scaled(50))));
    my ($seen, $new, $live);
    my $res = $conn->response(on_event => sub ($event, $res) {
        return 1 if ++$seen != 5;
        $t->graceful;
        $new = $t->sse('/chat', $t->turn(n => 3));
        $live = counters($t)->{Live};
        return 1;
    });
    ok $res->{clean}, 'the stream that was there is whole';
    is +(grep { $_->{event} eq 'response.output_text.delta' } $res->{events}->@*), 40, '... with all its events';
    ok $new->{clean}, 'another is served by a new child';
    is $live, 1, '... while the first goes on';
    my ($log) = $t->wait_log(qr/\[pid $old:.*CHAT0901: .*outcome=complete/);
    ok $log, 'the old child carried the first to its end';
    ok wait_for('the old child to end', sub { !living($t, $old) }), 'and ends then';
    is living($t, $t->children), 1, 'another one has taken over';
    $t->stop;
};

# What the package does when it is upgraded. The new module is one that can be told
# from the old: it does not park.
subtest 'a reload takes a new module, and the old one ends its streams' => sub {
    plan skip_all => 'the two are alike' if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain';
    my $build = "$ChatTest::Httpd::ROOT/build/plain";
    my $dir = File::Temp::tempdir(CLEANUP => 1);
    system('cp', "$build/mod_chat.so", "$build/tools/mod_chat_nopark.so", $dir) == 0 or die "cp: $?\n";
    my $t = server(module => "$dir/mod_chat.so");
    my $old = streams($t, 'n=300;pace=10', c => 4);
    wait_for('four streams', sub { counters($t)->{Parked} == 4 });
    my ($child) = $t->children;
    # As dpkg does: a new file of the old name.
    rename "$dir/mod_chat_nopark.so", "$dir/mod_chat.so" or die $!;
    $t->graceful;
    my $new = streams($t, 'n=100;pace=10', c => 2, s => 500);
    wait_for('two more', sub { counters($t)->{Live} == 6 });
    is counters($t)->{Parked}, 4, 'those that begin now are the new module\'s, the numbers those of both';
    is_deeply [ living($t, $child) ], [$child], '... and the old child is there';
    load_ok('streams of the old module end', $old);
    load_ok('... and those of the new', $new);
    wait_for('the old child to leave', sub { !living($t, $child) }, 30);
    $t->stop;
};

subtest 'graceful-stop waits for the streams' => sub {
    my $t = server();
    my ($child) = $t->children;
    my $clients = fewer(50);
    my @jobs = map { streams($t, 'n=30;pace=50', c => $clients, tls => $_, s => 1 + 1000 * $_) } 0, 1;
    wait_for('the load to be there', sub { counters($t)->{Live} == 2 * $clients });
    my $from = now();
    $t->signal('WINCH');
    wait_for('the port to be closed', sub { !eval { $t->connect->close; 1 } });
    ok $t->alive, 'the server takes no more, but is still there';
    load_ok("no stream is cut ($_->[0])", $_->[1]) for [ plain => $jobs[0] ], [ TLS => $jobs[1] ];
    ok $t->wait_exit(scaled(10)), 'it leaves after the last';
    cmp_ok now() - $from, '>', 1, '... and not before';
    my @lines = grep { /"POST/ } split /\n/, $t->access_log;
    is +(grep { /outcome=complete$/ } @lines), 2 * $clients, 'every one has its line in the access log';
    $t->stop(gone => 1);
};
$up->stop;
done_testing;
