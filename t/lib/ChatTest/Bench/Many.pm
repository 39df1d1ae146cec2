# SPDX-License-Identifier: Apache-2.0
#
# As many slow streams as the limits of this machine let be open at once: in one
# child process of httpd, and in several. Each process, of the mock and of the
# load, too, may have so many files; each stream needs one in those, and three
# in the server. Who is late, what fails, and what it takes.
package ChatTest::Bench::Many;

use v5.36;
use Exporter 'import';
use POSIX       qw(ceil);
use List::Util  qw(min max sum0);
use Time::HiRes qw(sleep time);
use ChatTest::Bench        qw(open_files slurp tree pin_away);
use ChatTest::Bench::Peers qw(governed_as);
use ChatTest::Load         qw(load_start load_wait);
use ChatTest::Upstream     ();

our @EXPORT_OK = qw(many mpm);

my $THREADS = 128;
my $SPARE   = 1000;    # files of a process that are not for streams

# How many connections one process of the load and one of the mock can have: of
# its files, and of ports to one address, half of which Linux finds at once. For
# each of the others it searches them all.
sub _each () {
    my ($low, $high) = slurp('/proc/sys/net/ipv4/ip_local_port_range') =~ /(\d+)\s+(\d+)/;
    return min(open_files() - $SPARE, $high ? int 0.45 * ($high - $low) : 10000);
}

# [title, streams, children, streams of each that it takes, note]
sub _shapes ($wanted) {
    my $files = open_files();
    my $child = max(1, int(($files - $SPARE) / 3));
    my $one = min($wanted, $child, 9000);
    my $why = $one == $child && $child < 9000 ? "$files open files allow $child" : '';
    # Children take connections as they come, not in turn: each has room for
    # more than its share.
    my $children = max(2, ceil($wanted / (0.7 * $child)));
    return ([ 'one child', $one, 1, $one + 100, $why ],
        [ "$children children", $wanted, $children, min($child, ceil(1.4 * $wanted / $children) + 100), '' ]);
}

# Room for so many streams in each child, before it leaves more to the others.
sub mpm ($children, $each) {
    # Each takes ThreadsPerChild + this * idle threads connections and leaves
    # more to the others, before ChatStreamMax has to refuse them.
    my $factor = max(1, int($each / $THREADS) - 2);
    return <<"END";
StartServers $children
ServerLimit $children
ThreadLimit $THREADS
ThreadsPerChild $THREADS
MaxRequestWorkers @{[ $children * $THREADS ]}
MinSpareThreads 1
MaxSpareThreads @{[ $children * $THREADS ]}
MaxConnectionsPerChild 0
AsyncRequestWorkerFactor $factor
MaxKeepAliveRequests 0
ListenBacklog 8192
END
}

# An address, a provider and a location for each mock. Chat Completions, whose streams have
# the fewest events that say nothing.
sub _conf ($each, @mocks) {
    return join '', "ChatStreamMax $each\n", map { <<"END" } 0 .. $#mocks;
<ChatProvider many$_>
    ChatProviderType openai
    ChatProviderURL  ${\$mocks[$_]->url}
    ChatProviderAPI  chat-completions
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
<Location /many$_>
    ChatUse many$_
</Location>
Listen 127.0.0.@{[ $_ + 2 ]}:%%PORT%%
END
}

# What is held now by these processes, and by the kernel for all sockets.
sub _footprint (@roots) {
    my %is = (pss => ChatTest::Bench::pss(@roots), threads => 0, files => 0);
    for my $pid (tree(@roots)) {
        $is{threads} += (slurp("/proc/$pid/status") =~ /^Threads:\s+(\d+)/m ? $1 : 0);
        $is{files} += () = glob "/proc/$pid/fd/*";
    }
    my ($slab) = slurp('/proc/meminfo') =~ /^Slab:\s+(\d+)/m;
    my ($pages) = slurp('/proc/net/sockstat') =~ /^TCP:.* mem (\d+)/m;
    $is{kernel} = ($slab // 0) + 4 * ($pages // 0);
    return \%is;
}

# Connections that the server has to its stores; one of each is ours.
sub _stores ($house) {
    my ($redis) = $house->redis->ask('INFO', 'clients') =~ /connected_clients:(\d+)/;
    my $pg = $house->postgres->sql(q{select count(*) from pg_stat_activity where backend_type = 'client backend'});
    return (redis => $redis - 1, pg => $pg - 1);
}

sub _mocks ($count) {
    my @mocks = map { ChatTest::Upstream->new->start } 1 .. $count;
    pin_away(map { $_->pid } @mocks);
    return @mocks;
}

sub _url ($peer, $mock) {
    return $peer->url("/many$mock") =~ s{//127\.0\.0\.1:}{'//127.0.0.' . ($mock + 2) . ':'}er;
}

# One load for each mock; together 1,500 new streams a second.
sub _begin ($house, $peer, $size, $streams, $mocks) {
    my $each = ceil($streams / $mocks);
    my ($ramp, $pace) = (max(1, int $streams / 1.5), $size->{many_pace});
    my %cookie = $peer->{load}->($house);
    return map { load_start(_url($peer, $_), %cookie, a => 'completions', r => $ramp, t => 60 + int 12 * $pace / 1000,
        c => min($each, $streams - $_ * $each), b => $peer->body("n=4;pace=$pace;ts=1")) } 0 .. $mocks - 1;
}

# How many are open when all are, or when there have not been more for a while.
sub _until_open ($want, @mocks) {
    my ($most, $open, $at) = (0, 0, time);
    while (($open = sum0 map { $_->stats->{open} } @mocks) < $want) {
        ($most, $at) = ($open, time) if $open > $most;
        last if time > $at + 2 && $open > $want / 2 || time > $at + 15;
        sleep 0.2;
    }
    return $open;
}

# What the loads have to say together: failures, and the worst of each number.
sub _together (@results) {
    my ($why) = map { $_->{failures}[0] // () } @results;
    my %is = (failed => sum0(map { $_->{failed} // 1 } @results), why => $why);
    for my $share (qw(p50 p99 p999 max)) {
        $is{"late_$share"} = max map { $_->{latency_ms}{$share} // -1 } @results;
        $is{"over_$share"} = max map { $_->{over_ms}{$share} // -1 } @results;
    }
    return %is;
}

sub _measure ($house, $size, $shape) {
    my ($title, $streams, $children, $each, $note) = @$shape;
    my @mocks = _mocks(ceil($streams / _each()));
    my $peer = governed_as($title, mpm($children, $each), _conf($each, @mocks))->start($house);
    my $before = _footprint($peer->{pid});
    my $cpu = $peer->cpu_now;
    my @jobs = _begin($house, $peer, $size, $streams, scalar @mocks);
    my $open = _until_open($streams, @mocks);
    my $held = _footprint($peer->{pid});
    my %stores = _stores($house);
    my %is = (title => $title, streams => $streams, children => $children, open => $open, note => $note, %stores,
        _together(map { load_wait($_) } @jobs));
    my $events = sum0 map { $_->stats->{events} } @mocks;
    $is{us} = 1e6 * ($peer->cpu_now - $cpu) / ($events || 1);
    $peer->stop;
    $_->stop for @mocks;
    my $more = sub ($what) { ($held->{$what} - $before->{$what}) / ($open || 1) };
    return { %is, threads => $held->{threads}, files => $more->('files'), kib => $more->('pss'), kernel => $more->('kernel') / 2 };
}

# One result for each shape; with "died" where there is none.
sub many ($house, $size) {
    return [ map { my $shape = $_; eval { _measure($house, $size, $shape) } // { title => $shape->[0], died => "$@" } }
        _shapes($size->{many}) ];
}

1;
