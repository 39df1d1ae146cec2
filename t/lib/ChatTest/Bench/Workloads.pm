# SPDX-License-Identifier: Apache-2.0
#
# What is done to each peer, and what is measured while it lasts. A workload
# takes the house, the peer and the sizes, and gives { metric => number }; it
# dies when a single byte of an answer was wrong.
package ChatTest::Bench::Workloads;

use v5.36;
use Exporter 'import';
use Time::HiRes qw(sleep time);
use ChatTest::Bench qw(now_ns open_files busy_clock busy_since);
use ChatTest::Load qw(load load_start load_end load_wait);

our @EXPORT_OK = qw(workloads closed_loop load_of warm_up settled);

# In the order in which they are done: memory first, in a process that has done
# nothing else yet.
sub workloads () {
    return (
        [ idle    => \&_idle ],
        [ streams => \&_streams ],
        [ arrivals => \&_arrivals ],
        [ short   => \&_short ],
        [ prompts => \&_prompts ],
        [ refused => \&_refused ],
        [ storm   => \&_storm ],
    );
}

sub _or_called ($value, $house) {
    return ref $value eq 'CODE' ? $value->($house) : ref $value eq 'HASH' ? %$value : ();
}

# sse_load's letters for a request of this peer's.
sub load_of ($house, $peer, %more) {
    return (t => 120, b => $peer->body(delete $more{script} // '', delete $more{filler} // 0),
        _or_called($peer->{load}, $house), %more);
}

sub _right ($res, $what) {
    return $res if !$res->{failed} && $res->{ok};
    die "$what: " . ($res->{failures}[0] // 'no answer') . ($res->{failed} ? " ($res->{failed} times)" : '') . "\n";
}

sub _at_most ($wanted, $most) {
    return defined $most && $most < $wanted ? $most : $wanted;
}

sub warm_up ($house, $peer, $size) {
    _right(load($peer->url, load_of($house, $peer, c => 4, m => 5, p => 'n=1', script => 'n=1')), 'warm-up');
    return;
}

# Until the mock has so many open; dies when that takes too long.
sub _until_open ($mock, $want, $seconds) {
    my $until = time + $seconds;
    my $open = -1;
    while (time < $until) {
        $open = $mock->stats->{open};
        return $open if $open >= $want;
        sleep 0.1;
    }
    die "of $want streams $open are open after $seconds s\n";
}

# How many are still open after so long at most: what a peer does not let go.
sub settled ($mock, $seconds) {
    my $until = time + $seconds;
    my $open;
    while ($open = $mock->stats->{open}) {
        return $open if time > $until;
        sleep 0.1;
    }
    return 0;
}

# Leave, all at once: the kernel closes what a killed client had open.
sub _drop ($job) {
    my $at = now_ns();
    kill 'KILL', $job->{pid};
    load_wait($job);
    return $at;
}

# Microseconds of the peer's time since then, where it has processes.
sub _us_each ($peer, $before, $count) {
    return $peer->{pid} ? 1e6 * ($peer->cpu_now - $before) / $count : undef;
}

# Under names of ours. What nothing was measured of is -1.
sub _quantiles ($name, $of) {
    return map { ("${name}_$_" => $of->{$_} >= 0 ? $of->{$_} : undef) } qw(p50 p90 p99 p999);
}

# ---- the workloads ----

# Streams in which next to nothing happens. A gateway that sees only by writing
# that its client has left is still told so.
sub _idle ($house, $peer, $size) {
    my $fit = int((open_files() - 1000) / 3);
    my $count = _at_most(_at_most($size->{idle}, $peer->{idle}), $fit);
    return if !$peer->{pid};
    my $before = $peer->pss_now;
    my $ramp = int $count / ($peer->{tls} ? 1 : 3);
    my $silence = int 0.5 + 4000 / 3 * $size->{seconds};
    my $job = load_start($peer->url, load_of($house, $peer, c => $count, r => $ramp, script => "n=1000;pace=$silence"));
    my $held = eval {
        _until_open($peer->mock($house), $count, 30);
        sleep 0.5;
        $peer->pss_now;
    };
    my $why = $@;
    _drop($job);
    die $why if !defined $held;
    return { count => $count, kib => ($held - $before) / $count, baseline_mib => $before / 1024 };
}

# Live ones.
sub _streams ($house, $peer, $size) {
    my $count = _at_most($size->{streams}, $peer->{streams});
    my $script = "n=$size->{events};pace=$size->{pace};ts=1";
    $peer->mock($house)->reset;
    my ($cpu, $busy) = ($peer->cpu_now, busy_clock());
    my $res = _right(load($peer->url, load_of($house, $peer, c => $count, r => 1000, script => $script)), 'streams');
    return {
        count => $count,
        busy  => busy_since($busy),
        us    => _us_each($peer, $cpu, $peer->mock($house)->stats->{events}),
        _quantiles(first => $res->{first_ms}),
        _quantiles(late  => $res->{latency_ms}),
    };
}

# Short streams that arrive by a schedule, whatever became of those before; each
# one's time counts from when it was due. The gaps are drawn from one seed: peers
# with the same rate see the same arrivals, in every round.
sub _arrivals ($house, $peer, $size) {
    my $rate = _at_most($size->{arrivals}, $peer->{arrivals});
    my $count = int($rate * $size->{seconds} * 1.5) || 1;
    $peer->mock($house)->reset;
    my ($cpu, $busy) = ($peer->cpu_now, busy_clock());
    my $res = _right(load($peer->url, load_of($house, $peer, c => $count, o => "$rate:poisson", script => 'n=20;pace=20;ts=1')),
        'arrivals');
    return {
        rate  => $rate,
        count => $count,
        busy  => busy_since($busy),
        us    => _us_each($peer, $cpu, $count),
        own   => $res->{start_ms}{p99},
        _quantiles(first => $res->{first_ms}),
        _quantiles(late  => $res->{latency_ms}),
    };
}

# As many as can be answered, one after the other on each connection.
sub closed_loop ($house, $peer, $size, $what, $path, %load) {
    my ($cpu, $stores, $busy) = ($peer->cpu_now, $house->stores_cpu, busy_clock());
    my $job = load_start($peer->url($path), load_of($house, $peer, c => $size->{clients}, m => 1000000, k => 1, %load));
    sleep $size->{seconds};
    my $res = _right(load_end($job), $what);
    return (
        busy      => busy_since($busy),
        rps       => $res->{ok} / $res->{seconds},
        requests  => $res->{ok},
        us        => _us_each($peer, $cpu, $res->{ok}),
        stores_us => 1e6 * ($house->stores_cpu - $stores) / $res->{ok},
        _quantiles(first => $res->{first_ms}),
    );
}

sub _short ($house, $peer, $size) {
    return { closed_loop($house, $peer, $size, 'short', $peer->{path}, script => 'n=1') };
}

sub _prompts ($house, $peer, $size) {
    my %is;
    for my $kb (1, 100) {
        my $file = $house->write($house->scratch('prompt'), $peer->body('n=1', $kb * 1000));
        my %got = closed_loop($house, $peer, { %$size, seconds => $size->{seconds} / 2 }, "prompts of $kb KB", $peer->{path},
            b => "\@$file");
        $is{"${_}_$kb"} = $got{$_} for qw(rps us);
    }
    return \%is;
}

sub _refused ($house, $peer, $size) {
    my %is;
    for my $status (sort keys $peer->{refusals}->%*) {
        my %more = _or_called($peer->{refusals}{$status}, $house);
        my $path = delete $more{path} // $peer->{path};
        if ($status == 429) {
            load($peer->url($path), load_of($house, $peer, m => 2, e => 'any', S => 200, X => 429, script => 'n=1', %more));
        }
        my %got = closed_loop($house, $peer, { %$size, seconds => $size->{seconds} / 2 }, "refused with $status", $path,
            script => 'n=1', S => $status, %more);
        $is{"${_}_$status"} = $got{$_} for qw(rps us);
    }
    return %is ? \%is : undef;
}

# All clients leave in the middle of an answer.
sub _storm ($house, $peer, $size) {
    my $count = _at_most($size->{streams}, $peer->{streams});
    my $job = load_start($peer->url, load_of($house, $peer, c => $count, r => 500, script => 'n=100000;pace=50'));
    eval { _until_open($peer->mock($house), $count, 20) };
    my $why = $@;
    sleep 0.3;
    $peer->mock($house)->reset;
    my $at = _drop($job);
    die $why if $why;
    sleep 0.3;
    my $left = settled($peer->mock($house), 5);
    my $last = $at;
    for my $closed ($peer->mock($house)->stats->{closed_by_peer}->@*) {
        $last = $closed->{ns} if $closed->{ns} > $last;
    }
    return { count => $count, left => $left, ms => $left ? undef : ($last - $at) / 1e6 };
}

1;
