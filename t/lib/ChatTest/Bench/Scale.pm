# SPDX-License-Identifier: Apache-2.0
#
# How what mod_chat costs grows: with the events a second, with the streams that
# they are spread over, with the prompt, with engines and with children. One
# thing is changed at a time. What starting the streams costs is not in what an
# event costs: processor time is taken while all are open and none has ended.
package ChatTest::Bench::Scale;

use v5.36;
use Exporter 'import';
use List::Util  qw(min max);
use POSIX       ();
use Time::HiRes qw(sleep time);
use ChatTest::Bench            qw(open_files slurp tree busy_clock busy_since);
use ChatTest::Bench::Many      qw(mpm);
use ChatTest::Bench::Peers     qw(governed_as);
use ChatTest::Bench::Workloads qw(closed_loop settled warm_up);
use ChatTest::Load             qw(load_start load_wait);

our @EXPORT_OK = qw(sweeps);

my $FRAME = 8;    # events of an answer besides its pieces of text

# Seconds of processor time of each thread, by id.
sub _threads ($peer) {
    my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());
    my %is;
    for my $file (map { glob "/proc/$_/task/*/stat" } tree($peer->{pid})) {
        my @field = split / /, slurp($file) =~ s/.*\) //sr;
        $is{$file} = ($field[11] // 0) / $tick + ($field[12] // 0) / $tick;
    }
    return \%is;
}

sub _wait_open ($mock, $want) {
    my $until = time + 30;
    while ($mock->stats->{open} < $want) {
        die "of $want streams only " . $mock->stats->{open} . " were open\n" if time > $until;
        sleep 0.1;
    }
    return;
}

# So many streams that have so many events a second together.
sub _live ($house, $peer, $size, $streams, $rate) {
    my $mock = $peer->mock($house);
    my $pace = max(1, int 0.5 + 1000 * $streams / $rate);
    my $ramp = max(1, $streams / 1.5);
    my $life = $ramp + 1000 * (1.5 * $size->{window} + 0.3);
    my $n = max(1, POSIX::ceil($life / $pace) - $FRAME);
    my $job = load_start($peer->url, $peer->{load}->($house), t => 120, c => $streams, r => int $ramp,
        b => $peer->body("n=$n;pace=$pace;ts=1"));
    my $got = eval {
        _wait_open($mock, $streams);
        my ($cpu, $busy, $threads, $events, $at) = ($peer->cpu_now, busy_clock(), _threads($peer), $mock->stats->{events}, time);
        sleep $size->{window};
        my $now = _threads($peer);
        my ($seconds, $more) = (time - $at, $mock->stats->{events} - $events);
        my $used = $peer->cpu_now - $cpu;
        {
            rate => $more / $seconds,
            us   => 1e6 * $used / ($more || 1),
            core => 100 * $used / $seconds,
            busiest => 100 * max(map { $now->{$_} - ($threads->{$_} // 0) } keys %$now) / $seconds,
            load => busy_since($busy),
        };
    };
    my $why = $@;
    my $res = load_wait($job);
    die $why || "$res->{failures}[0]\n" if $why || $res->{failed};
    return { %$got, map { ("late_$_" => $res->{latency_ms}{$_}) } qw(p50 p90 p99 p999) };
}

sub _prompt ($house, $peer, $size, $kb) {
    my $file = $house->write($house->scratch('prompt'), $peer->body('n=1', $kb * 1000));
    my %is = closed_loop($house, $peer, $size, "prompts of $kb KB", $peer->{path}, b => "\@$file");
    return { us => $is{us}, rps => $is{rps}, load => $is{busy}, first_p99 => $is{first_p99} };
}

# Short requests while so many other streams are open and silent.
sub _beside ($house, $peer, $size, $streams) {
    my $job = load_start($peer->url, $peer->{load}->($house), t => 120, c => $streams, r => int $streams / 2,
        b => $peer->body('n=1000;pace=60000'));
    my %is = eval { _wait_open($peer->mock($house), $streams); sleep 0.5; _short($house, $peer, $size) };
    my $why = $@;
    kill 'KILL', $job->{pid};
    load_wait($job);
    die $why if $why;
    settled($peer->mock($house), 10);
    $peer->mock($house)->reset; # what it says of each that left takes long to read
    return %is;
}

sub _short ($house, $peer, $size) {
    my %is = closed_loop($house, $peer, $size, 'short requests', $peer->{path}, script => 'n=1');
    return (short_us => $is{us}, rps => $is{rps});
}

# Name => points, server of a point, and what is done to it.
sub _plan ($size) {
    my $most = int((open_files() - 1000) / 3);
    my $live = sub ($streams, $rate) { sub ($house, $peer) { _live($house, $peer, $size, min($streams, $size->{streams_most}), $rate) } };
    my @base = (1, 1);
    my $rate = min(10000, $size->{rate_most});
    return (
        [ events  => map { [ $_, @base, $live->(1000, $_) ] } grep { $_ <= $size->{rate_most} } 2000, 5000, 10000, 20000, 40000 ],
        [ streams => map { my $count = $_; [ $_, @base, sub ($house, $peer) {
            my $live = $live->($count, min(5000, $rate))->($house, $peer);
            return { %$live, _beside($house, $peer, $size, $count) };
        } ] } grep { $_ <= $most && $_ <= $size->{streams_most} } 100, 1000, 3000, 6000 ],
        [ prompts => map { my $kb = $_; [ $kb, @base, sub ($house, $peer) { _prompt($house, $peer, $size, $kb) } ] } 1, 10, 100, 400 ],
        [ engines => map { [ $_, $_, 1, $live->(1000, $rate) ] } 1, 2, 4 ],
        [ children => map { [ $_, 1, $_, sub ($house, $peer) {
            my $live = $live->(1000, $rate)->($house, $peer);
            return { %$live, _short($house, $peer, $size) };
        } ] } 1, 2, 4 ],
    );
}

sub _server ($house, $engines, $children) {
    my $conf = join "\n", "ChatStreamEngines $engines", 'ChatRequestBody 2M', 'ChatRequestMessageLength 500000',
        'ChatRequestTotalLength 500000', '';
    my $peer = governed_as('mod_chat, governed', mpm($children, 20000), $conf)->start($house);
    warm_up($house, $peer, {});
    return $peer;
}

# Every point once; a server goes on as long as the next one wants the same.
# $found->{sweep}{point}{metric} gets one value more; failures go to $told.
sub sweeps ($house, $size, $found, $told) {
    my ($peer, $is) = (undef, '');
    my %plan = map { $_->[0] => $_ } _plan($size);
    for my $sweep ($size->{sweeps}->@*) {
        my ($name, @points) = ($plan{$sweep} // die "no such sweep: $sweep\n")->@*;
        for my $point (@points) {
            my ($at, $engines, $children, $do) = @$point;
            if ($is ne "$engines $children") {
                $peer->stop if $peer;
                ($peer, $is) = (_server($house, $engines, $children), "$engines $children");
            }
            my $got = eval { $do->($house, $peer) };
            $told->("$name $at: $@") if !$got;
            push $found->{$name}{$at}{$_}->@*, $got->{$_} for keys %{ $got // {} };
        }
    }
    $peer->stop if $peer;
    return;
}

1;
