# SPDX-License-Identifier: Apache-2.0
#
# Two graceful restarts within a second cut streams: a child that had just begun
# was told to end, and did not wait for connections that it had accepted but no
# worker had begun with. Streams that were parked on them were cut with the
# child, and their places in Redis stayed taken. The same when a child ends for
# MaxSpareThreads or MaxConnectionsPerChild.
#
# CHAT_TEST_SECONDS=60 CHAT_TEST_STREAMS=300 is the long form of the second part.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_start load_end load_ok);
use ChatTest::Redis;
use ChatTest::Streams;
use ChatTest::Upstream;
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);

my $SECONDS = $ENV{CHAT_TEST_SECONDS} // 5;
my $STREAMS = $ENV{CHAT_TEST_STREAMS} // 150;

need_files(3 * $STREAMS + 1000);
my $up = ChatTest::Upstream->new(lean => 1)->start;
my $redis = ChatTest::Redis->new->start;

sub server ($mpm_conf) {
    my $t = ChatTest->new(mpm => 'event', modules => ['status'], mpm_conf => <<"END",
StartServers 2
ServerLimit 60
ThreadLimit 64
ThreadsPerChild 32
MaxRequestWorkers 64
AsyncRequestWorkerFactor 400
$mpm_conf
END
        conf => "ChatRedis @{[ $redis->url ]} connect=5s command=5s\n" . chat_conf(chat => { url => $up->url, location => 'ChatLimit open 100000 ip unit=streams' }));
    return $t->start;
}

# ---- one connection, accepted by a child that ends before a worker has it ----

{
    my $dir = tempdir('chat-late-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0777, $dir;
    my %checker = checker()->env($dir);
    my $t = ChatTest->new(mpm => 'event', modules => ['status'], mpm_conf => mpm_conf(2) . "ServerLimit 16\nMaxRequestWorkers 32\n",
        env => { CHAT_TEST_LATE => $dir, LD_PRELOAD => join ':', grep { defined } $checker{LD_PRELOAD}, ChatTest::Upstream::tool('late.so') },
        conf => chat_conf(chat => $up->url))->start;
    my ($old) = $t->children;
    my $threads = sub { my @tasks = glob "/proc/$old/task/*"; scalar @tasks };
    my $all; # once the one that starts the others is gone
    wait_for('the threads of the child', sub {
        $all = $threads->();
        sleep 0.3;
        return $all >= 4 && $threads->() == $all;
    });
    open my $hold, '>', "$dir/hold" or die "$dir/hold: $!\n";
    my $conn = $t->connect(timeout => scaled(60));
    $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json($t->turn(n => 20, pace => 50)));
    wait_for('a worker to begin', sub { -e "$dir/held" });
    $t->signal('USR1');
    # The listener and the other worker.
    wait_for('the others to end', sub { $threads->() <= $all - 2 });
    unlink "$dir/hold" or die "$dir/hold: $!\n";
    my $res = $conn->response;
    is $res->{status}, 200, 'a connection that was accepted before the child was told to end is served';
    ok $res->{clean}, '... and its stream is not cut' or diag $res->{ended};
    $t->stop;
}

# ---- many ----

# All clients are served until $often has been done for so long.
sub none_cut ($name, $mpm_conf, $often) {
    $redis->ask('FLUSHALL');
    my $t = server($mpm_conf);
    $t->allow_log(qr/AH10159: server is within MinSpareThreads of MaxRequestWorkers/);
    my $job = load_start($t->url('/chat'), c => fewer($STREAMS), m => 100_000, r => 500, k => 1, H => 'Connection: close', t => $SECONDS + scaled(120),
        b => load_body($t, 'n=20;pace=50'), p => 'lean=1;n=20;pace=50');
    wait_for('the streams to be there', sub { sleep 0.1; return counters($t)->{Live} > 0 }, 30);
    my $until = clock_gettime(CLOCK_MONOTONIC) + $SECONDS;
    $often->($t) while clock_gettime(CLOCK_MONOTONIC) < $until;
    my $res = load_ok("$name: no stream is cut", load_end($job));
    note "$res->{ok} streams";
    settled($t, 60);
    is counters($t)->{Live}, 0, '... none is left over';
    my @left = grep { ref $redis->ask(TYPE => $_) || $redis->ask(TYPE => $_) eq 'zset' } $redis->ask(KEYS => '*')->@*;
    is_deeply [ map { "$_: " . $redis->ask(ZCARD => $_) } @left ], [], '... and none of their places is still taken';
    $t->stop;
    return;
}

my $FEW = "MinSpareThreads 32\nMaxSpareThreads 32\n";
my $MANY = "MinSpareThreads 32\nMaxSpareThreads 64\n";

none_cut('graceful, twice a second', $MANY, sub ($t) { $t->signal('USR1'); sleep 0.5 });
none_cut('children come and go by MaxConnectionsPerChild', "$MANY\nMaxConnectionsPerChild 40\n", sub ($t) { sleep 0.5 });
none_cut('... and by MaxSpareThreads', $FEW, sub ($t) { $t->signal('USR1'); sleep 2 });
$redis->stop;
$up->stop;
done_testing;
