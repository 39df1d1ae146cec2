# SPDX-License-Identifier: Apache-2.0
#
# What the benchmarks measure with: processor time and memory of a process and
# all below it, which core runs what, medians, and what machine this is. The
# peers are in Bench/Peers.pm, what is done to them in Bench/Workloads.pm.
package ChatTest::Bench;

use v5.36;
use Exporter 'import';
use POSIX       ();
use Time::HiRes ();

our @EXPORT_OK = qw(cores peer_cores pin pin_away schedule_as schedule busy_clock busy_since cpu cpu_ns tree pss median summary ratios open_files raise_files machine now_ns
    first_line slurp);

sub slurp ($file) {
    open my $fh, '<:raw', $file or return '';
    local $/;
    return <$fh> // '';
}

sub first_line (@command) {
    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or return '';
    my ($line) = grep { /\S/ } <$fh>;
    close $fh;
    return ($line // '') =~ s/\s+\z//r;
}

sub now_ns () {
    return int 1e9 * Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
}

# ---- processes ----

# These and all that they have started.
sub tree (@roots) {
    my %below;
    for my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $parent) = slurp($file) =~ /^(\d+) \(.*\) \S (\d+) /s or next;
        push $below{$parent}->@*, $pid;
    }
    my @all;
    my @next = @roots;
    while (defined(my $pid = shift @next)) {
        push @all, $pid;
        push @next, ($below{$pid} // [])->@*;
    }
    return @all;
}

# Seconds of user and system time, with those of children that have ended.
sub cpu (@roots) {
    my $ticks = 0;
    for my $pid (tree(@roots)) {
        my @field = split / /, slurp("/proc/$pid/stat") =~ s/.*\) //sr;
        $ticks += $_ for map { $_ // 0 } @field[ 11 .. 14 ];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Nanoseconds on a processor, of all threads that are there.
sub cpu_ns (@pids) {
    my $sum = 0;
    for my $pid (@pids) {
        $sum += (split ' ', slurp($_))[0] // 0 for glob "/proc/$pid/task/*/schedstat";
    }
    return $sum;
}

# KiB of their own and their share of what they share.
sub pss (@roots) {
    my $sum = 0;
    $sum += slurp("/proc/$_/smaps_rollup") =~ /^Pss:\s+(\d+) kB/m ? $1 : 0 for tree(@roots);
    return $sum;
}

# ---- cores ----

sub cores () {
    return scalar(() = slurp('/proc/cpuinfo') =~ /^processor/mg) || 1;
}

sub _can_pin () {
    state $can = cores() > 1 && first_line('taskset', '-p', $$) =~ /mask/;
    return $can;
}

sub _taskset ($cpus, @pids) {
    return if !_can_pin();
    system('sh', '-c', 'exec taskset -a -p -c "$@" >/dev/null 2>&1', 'sh', $cpus, $_) for @pids;
    return;
}

# How many cores what is measured has for itself, the first ones.
my $OWN = 1;
sub peer_cores ($n) { $OWN = $n; return }

sub pin (@roots) {
    return _taskset('0-' . ($OWN - 1), tree(@roots));
}

# How a peer is scheduled: batch, as docs/tuning.md has it, or other, the
# kernel's default. Threads that it makes later are, too.
my $POLICY = 'other';
sub schedule_as ($policy) {
    die "BENCH_SCHED is batch or other, not \"$policy\"\n" if $policy !~ /^(?:batch|other)$/;
    $POLICY = $policy if $policy eq 'other' || first_line('chrt', '--batch', '0', 'echo', 'yes') eq 'yes';
    return;
}

sub schedule (@roots) {
    return if $POLICY eq 'other';
    system('sh', '-c', 'exec chrt --batch --all-tasks --pid 0 "$1" >/dev/null 2>&1', 'sh', $_) for tree(@roots);
    return;
}

# Mock, load and stores, other machines in real life, share the others.
sub pin_away (@pids) {
    return _taskset("$OWN-" . (cores() - 1), @pids);
}

# Ticks of the cores that are not measured, or of the only one: [busy, all].
sub busy_clock () {
    my ($busy, $all) = (0, 0);
    for my $line (grep { cores() < 2 || (/^cpu(\d+)/)[0] >= $OWN } slurp('/proc/stat') =~ /^cpu\d+ .*/mg) {
        my (undef, @ticks) = split ' ', $line;
        $all += $_ for @ticks[ 0 .. 7 ];
        $busy += $_ for @ticks[ 0 .. 2, 5 .. 7 ];
    }
    return [ $busy, $all ];
}

# Percent of their time since then. At 100 the load is what is measured.
sub busy_since ($then) {
    my $now = busy_clock();
    return 100 * ($now->[0] - $then->[0]) / ($now->[1] - $then->[1] || 1);
}

# ---- files ----

sub open_files () {
    my ($soft) = slurp('/proc/self/limits') =~ /^Max open files\s+(\d+)/m;
    return $soft // 1024;
}

# Runs this program again with as many as are allowed, up to $most.
sub raise_files ($most) {
    my ($soft, $hard) = slurp('/proc/self/limits') =~ /^Max open files\s+(\d+)\s+(\d+)/m;
    return if !$hard || $soft >= $most || $soft >= $hard;
    my $n = $hard < $most ? $hard : $most;
    exec 'sh', '-c', "ulimit -n $n && exec \"\$0\" \"\$@\"", $^X, $0, @ARGV;
}

# ---- numbers ----

sub median (@values) {
    my @sorted = sort { $a <=> $b } @values;
    return $sorted[ $#sorted / 2 ] if @sorted % 2;
    return ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# [median, least, most], or undef without values.
sub summary (@values) {
    my @sorted = sort { $a <=> $b } grep { defined } @values;
    return @sorted ? [ median(@sorted), @sorted[ 0, -1 ] ] : undef;
}

# Value by value, each with that of the same round.
sub ratios ($these, $those) {
    return map { defined $these->[$_] && $those->[$_] ? $these->[$_] / $those->[$_] : undef } 0 .. $#$these;
}

# ---- the machine ----

sub machine () {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my ($memory) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
    return {
        date   => POSIX::strftime('%Y-%m-%d %H:%M UTC', gmtime),
        kernel => join(' ', (POSIX::uname())[ 0, 2, 4 ]),
        cpu    => $cpu // 'unknown',
        cores  => cores(),
        pinned => _can_pin() ? 1 : 0,
        own    => $OWN,
        policy => $POLICY,
        memory => sprintf('%.1f GiB', ($memory // 0) / 1048576),
        files  => open_files(),
        load   => (slurp('/proc/loadavg') =~ /^(\S+)/)[0],
    };
}

1;
