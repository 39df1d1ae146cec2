# SPDX-License-Identifier: Apache-2.0
#
# What Bench/Scale.pm found, as tables, as one plot for each sweep, and in words:
# what is full first.
package ChatTest::Bench::ScaleReport;

use v5.36;
use Exporter 'import';
use List::Util qw(max);
use ChatTest::Bench         qw(summary first_line open_files);
use ChatTest::Bench::Report qw(cell number machine_lines write_all);

our @EXPORT_OK = qw(report_scale);

my @LIVE = (
    [ 'events/s',                 'rate' ],
    [ 'CPU us per event',         'us' ],
    [ 'a core, %',                'core' ],
    [ 'its busiest thread, %',    'busiest' ],
    [ 'event latency, ms: 50 %',  'late_p50' ],
    [ '99 %',                     'late_p99' ],
    [ '99.9 %',                   'late_p999' ],
    [ 'load\'s cores busy, %',    'load' ],
);
my @REQUESTS = ([ 'requests/s', 'rps' ], [ 'CPU us per request', 'us' ], [ 'load\'s cores busy, %', 'load' ]);

# name, title, what is changed, columns.
my @SWEEPS = (
    [ events   => 'Events a second, in 1000 streams',     'events/s asked for', @LIVE ],
    [ streams  => 'Streams, with 5000 events a second',   'streams',      @LIVE,
        [ 'short requests/s beside as many silent ones', 'rps' ], [ 'CPU us per request', 'short_us' ] ],
    [ prompts  => 'Prompts',                              'KB of prompt', @REQUESTS ],
    [ engines  => 'Engines of a child, 1000 streams with 10000 events a second', 'ChatStreamEngines', @LIVE ],
    [ children => 'Children, 1000 streams with 10000 events a second', 'children', @LIVE,
        [ 'short requests/s', 'rps' ], [ 'CPU us per request', 'short_us' ] ],
);

sub _points ($of) { return sort { $a <=> $b } keys %{ $of // {} } }

sub _table ($of, $what, @columns) {
    my @lines = ("| $what | " . join(' | ', map { $_->[0] } @columns) . ' |', '|---|' . '---|' x @columns);
    for my $at (_points($of)) {
        push @lines, "| $at | " . join(' | ', map { cell(summary(($of->{$at}{ $_->[1] } // [])->@*)) } @columns) . ' |';
    }
    return @lines, '';
}

sub _median ($of, $metric) {
    my $is = summary(($of->{$metric} // [])->@*);
    return $is ? $is->[0] : undef;
}

# What was nearest to its end at the highest rate, and where that end is.
sub _full_first ($found) {
    my ($most) = reverse _points($found->{events}) or return;
    my $of = $found->{events}{$most};
    my %is = (
        'the engine, one thread,'                 => _median($of, 'busiest'),
        'mod_chat\'s core'                         => _median($of, 'core'),
        'the cores of mock and load, not mod_chat,' => _median($of, 'load'),
    );
    my ($first, $next) = sort { $is{$b} <=> $is{$a} } grep { defined $is{$_} } keys %is;
    my $rate = _median($of, 'rate');
    my @text = sprintf 'At %s events a second %s came first, %s %% busy, before %s with %s %%.',
        number($rate), $first, number($is{$first}), $next, number($is{$next});
    my $busiest = _median($of, 'busiest');
    push @text, sprintf 'The thread of an engine would be full at about %s events a second.', number(100 * $rate / $busiest) if $busiest;
    push @text, sprintf 'Of streams it is open files that end first: %d in one child with %d.', (open_files() - 256) / 3, open_files();
    return (join(' ', @text), '');
}

# ---- plots ----

sub _plot ($out, $of, $name, $title, $what, $metric) {
    my (@rows, $top);
    my @points = _points($of);
    for my $at (@points) {
        my $is = summary(($of->{$at}{$metric} // [])->@*) or next;
        push @rows, "$at @$is";
        $top = max($top // 0, 1.2 * $is->[2]);
    }
    return if !@rows || !$top;
    my ($low, $high) = ($points[0] / 1.4, $points[-1] * 1.4);
    my $short = $metric eq 'us' ? $name eq 'prompts' ? 'CPU us per request' : 'CPU us per event' : $metric;
    my $ticks = join ', ', map { qq("$_" $_) } @points;
    open my $gnuplot, '|-', 'gnuplot' or return;
    print $gnuplot <<"END";
set terminal svg size 640,320 background "white"
set output "$out/scale-$name.svg"
set title "$title"
set xlabel "$what"
set ylabel "$short"
set logscale x
set xtics ($ticks)
set xrange [$low:$high]
set yrange [0:$top]
set grid y
unset key
\$rows << EOD
@{[ join "\n", @rows ]}
EOD
plot \$rows using 1:2 with lines lw 2, \$rows using 1:2:3:4 with yerrorbars pt 7
END
    close $gnuplot or return;
    return "![$title](scale-$name.svg)";
}

# Writes scale.json, scale.md and the plots into $out, and prints the tables.
sub report_scale ($out, $r) {
    my $can = first_line('gnuplot', '--version') =~ /^gnuplot \d/;
    my @text = ('### How it grows', '', machine_lines($r), '');
    for my $sweep (@SWEEPS) {
        my ($name, $title, $what, @columns) = @$sweep;
        my $of = $r->{found}{$name} or next;
        push @text, "#### $title", '', _table($of, $what, @columns);
        push @text, grep { defined } $can ? _plot($out, $of, $name, $title, $what, 'us') : 'The plot is absent: gnuplot is not installed.';
        push @text, '';
    }
    push @text, '#### What is full first', '', _full_first($r->{found});
    push @text, '#### What failed', '', (map { '- ' . substr s/\s+/ /gr, 0, 300 } $r->{failed}->@*), '' if $r->{failed}->@*;
    return write_all($out, 'scale', join("\n", @text), $r);
}

1;
