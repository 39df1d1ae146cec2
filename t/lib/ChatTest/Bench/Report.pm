# SPDX-License-Identifier: Apache-2.0
#
# The result of a run as JSON, as Markdown tables and, where there is gnuplot,
# as plots. Every number is the median of the rounds with the least and the
# most; every ratio is taken round by round.
package ChatTest::Bench::Report;

use v5.36;
use Exporter 'import';
use JSON::PP ();
use List::Util qw(max min);
use ChatTest::Bench qw(summary ratios first_line slurp);

our @EXPORT_OK = qw(report cell number machine_lines write_all);

# What is promised: name, peer, the sub that gives [value, least, most], limit.
my @BUDGET = (
    [ 'CPU per live event, governed, of nginx\'s',            'x',   1.1,
        sub ($r) { _ratio($r, 'governed', 'streams', 'us', 'nginx') } ],
    [ 'CPU per request of twenty pieces, governed, of mod_proxy_http\'s', 'x', 1.5,
        sub ($r) { _ratio($r, 'governed', 'arrivals', 'us', 'proxy') } ],
    [ 'CPU per request of one piece, governed, of mod_proxy_http\'s',     'x', 1.5,
        sub ($r) { _ratio($r, 'governed', 'short', 'us', 'proxy') } ],
    [ 'memory per open stream, governed',                     'KiB', 28,
        sub ($r) { _value($r, 'governed', 'idle', 'kib') } ],
    [ 'event latency, 99 of 100, governed, of nginx\'s',      'x',   1,
        sub ($r) { _ratio($r, 'governed', 'streams', 'late_p99', 'nginx') } ],
    (map { my $status = $_; [ "CPU per refusal with $status, governed", 'ms', 0.1,
        sub ($r) { _value($r, 'governed', 'refused', "us_$status", 1000) } ] } 400, 401, 429),
    [ 'all upstreams closed once all clients left, governed', 'ms',  100,
        sub ($r) { _value($r, 'governed', 'storm', 'ms') } ],
    (map { my $i = $_; [ 'later than its pace, 99.9 of 100 events, governed, ' . ('one child', 'several children')[$i], 'ms', 50,
        sub ($r) { my $is = ($r->{many} // [])->[$i] // {}; defined $is->{over_p999} && !$is->{failed} ? [ ($is->{over_p999}) x 3 ] : undef } ] } 0, 1),
);

# ---- numbers ----

sub _values ($r, $peer, $work, $metric) {
    my $of = ($r->{result}{$peer} // {})->{$work} // {};
    return $of->{$metric} // [];
}

sub _value ($r, $peer, $work, $metric, $divide = 1) {
    return summary(map { defined ? $_ / $divide : undef } _values($r, $peer, $work, $metric)->@*);
}

sub _ratio ($r, $peer, $work, $metric, $to) {
    return summary(ratios(_values($r, $peer, $work, $metric), _values($r, $to, $work, $metric)));
}

# Three digits that count.
sub number ($x) {
    my $digits = $x == int $x || abs $x >= 100 ? 0 : abs $x >= 10 ? 1 : abs $x >= 1 ? 2 : 3;
    return sprintf "%.${digits}f", $x;
}

sub cell ($summary, $spread = 1) {
    return '–' if !$summary;
    my ($median, @ends) = map { number($_) } @$summary;
    return $spread && "@ends" ne "$median $median" ? "$median ($ends[0]..$ends[1])" : $median;
}

sub _times ($summary) {
    return $summary ? join('..', map { sprintf '%.2f', $_ } @$summary) =~ s/^([\d.]+?)\.\.(.*)/$1x ($2)/r : '–';
}

# ---- tables ----

# Columns of [head, sub ($r, $name)].
sub _table ($r, $work, $empty, @columns) {
    my @lines = (
        '| | ' . join(' | ', map { $_->[0] } @columns) . ' |',
        '|---|' . '---|' x @columns);
    for my $peer ($r->{peers}->@*) {
        my ($name, $title) = $peer->@{qw(name title)};
        if ($peer->{absent}) {
            push @lines, "| $title | absent: $peer->{absent} |" . ' |' x $#columns;
            next;
        }
        my $why = $r->{failed}{$name} // {};
        my $failed = $why->{start} || $why->{$work};
        my @cells = map { $_->[1]->($r, $name) } @columns;
        if (!grep { $_ ne '–' } @cells) {
            push @lines, "| $title | " . ($failed ? 'failed, see below' : $empty) . ' |' . ' |' x $#columns;
            next;
        }
        push @lines, "| $title | " . join(' | ', @cells) . ' |';
    }
    return join "\n", @lines, '';
}

sub _of ($work, $metric, $divide = 1, $spread = 1) {
    return sub ($r, $name) { cell(_value($r, $name, $work, $metric, $divide), $spread) };
}

sub _beside ($work, $metric, $to) {
    return sub ($r, $name) { _times(_ratio($r, $name, $work, $metric, $to)) };
}

sub _quantiles ($head, $work, $metric) {
    return (
        [ "$head, ms: 50 %", _of($work => "${metric}_p50") ],
        [ '90 %',            _of($work => "${metric}_p90") ],
        [ '99 %',            _of($work => "${metric}_p99") ],
        [ '99.9 %',          _of($work => "${metric}_p999") ]);
}

my %TABLE = (
    streams => [ 'Live streams', 'nothing to measure',
        [ 'streams',                       _of(streams => 'count', 1, 0) ],
        [ 'CPU s per million events',      _of(streams => 'us') ],
        [ 'of nginx\'s',                   _beside(streams => 'us', 'nginx') ],
        [ 'of mod_proxy_http\'s',          _beside(streams => 'us', 'proxy') ],
        _quantiles('first byte', streams => 'first'),
        _quantiles('event latency', streams => 'late'),
        [ 'load\'s cores busy, %',         _of(streams => 'busy') ] ],
    arrivals => [ 'Streams that arrive by a schedule', 'nothing to measure',
        [ 'a second',                      _of(arrivals => 'rate', 1, 0) ],
        [ 'CPU s per 1000 streams',        _of(arrivals => 'us', 1000) ],
        [ 'of nginx\'s',                   _beside(arrivals => 'us', 'nginx') ],
        [ 'of mod_proxy_http\'s',          _beside(arrivals => 'us', 'proxy') ],
        _quantiles('first byte since due', arrivals => 'first'),
        [ 'event latency, ms: 99 %',       _of(arrivals => 'late_p99') ],
        [ 'load\'s cores busy, %',         _of(arrivals => 'busy') ] ],
    short => [ 'Short requests', 'nothing to measure',
        [ 'requests/s',                    _of(short => 'rps') ],
        [ 'CPU s per 1000 requests',       _of(short => 'us', 1000) ],
        [ 'of nginx\'s',                   _beside(short => 'us', 'nginx') ],
        [ 'of mod_proxy_http\'s',          _beside(short => 'us', 'proxy') ],
        [ 'stores\' CPU s per 1000',       _of(short => 'stores_us', 1000) ],
        [ 'load\'s cores busy, %',         _of(short => 'busy') ] ],
    prompts => [ 'Long prompts', 'nothing to measure',
        (map { my $kb = $_; (
            [ "$kb KB: requests/s",        _of(prompts => "rps_$kb") ],
            [ 'CPU s per 1000 requests',   _of(prompts => "us_$kb", 1000) ],
            [ 'of nginx\'s',               _beside(prompts => "us_$kb", 'nginx') ]) } 1, 100) ],
    idle => [ 'Memory', 'no process of its own',
        [ 'open streams',                  _of(idle => 'count', 1, 0) ],
        [ 'KiB per stream',                _of(idle => 'kib') ],
        [ 'of nginx\'s',                   _beside(idle => 'kib', 'nginx') ],
        [ 'of mod_proxy_http\'s',          _beside(idle => 'kib', 'proxy') ],
        [ 'MiB without streams',           _of(idle => 'baseline_mib') ] ],
    storm => [ 'All clients leave at once', 'nothing to measure',
        [ 'clients',                       _of(storm => 'count', 1, 0) ],
        [ 'ms until every upstream is closed', _of(storm => 'ms') ],
        [ 'still open after 5 s',          _of(storm => 'left') ] ],
    refused => [ 'Refused requests', 'refuses nothing itself',
        (map { my $status = $_; (
            [ "$status: per second",       _of(refused => "rps_$status") ],
            [ 'CPU ms each',               _of(refused => "us_$status", 1000) ]) } 401, 400, 429) ],
);

sub _budget ($r) {
    my @lines = ('| promise | at most | measured | |', '|---|---|---|---|');
    for (@BUDGET) {
        my ($name, $unit, $limit, $sub) = @$_;
        my $is = $sub->($r);
        push @lines, sprintf '| %s | %s %s | %s | %s |', $name, $limit, $unit, cell($is),
            !$is ? 'not measured' : $is->[0] <= $limit ? 'met' : '**missed**';
    }
    return join "\n", @lines, '';
}

# "5 rounds in 12.4 minutes", of the part that is the whole, too.
sub _rounds ($part) {
    return "$part->{rounds} rounds in $part->{minutes} minutes";
}

# When, on what and of what.
sub machine_lines ($r) {
    my $m = $r->{machine};
    my %seen;
    my @versions = grep { $_ && !$seen{$_}++ } map { ($_->{versions} // [])->@* } $r->{peers}->@*;
    my $curl = first_line('curl-config', '--version') || first_line('curl', '--version');
    my $own = $m->{own} == 1 ? 'one core' : "$m->{own} cores";
    my $policy = $m->{policy} eq 'batch' ? ', scheduled as SCHED_BATCH' : '';
    my $first = $m->{pinned} ? "the peer has $own for itself" : 'the peer shares its cores with everything else';
    return
        "- $m->{date}, " . _rounds($r) . ($r->{tls} ? ', with TLS ' . _rounds($r->{tls}) : '') . "; load average before: $m->{load}",
        "- $m->{cpu}, $m->{cores} cores, $m->{memory}, $m->{kernel}; $first$policy; $m->{files} open files",
        '- ' . join('; ', @versions, $curl);
}

sub _failures ($r) {
    my @lines = $r->{tls} ? map { s/^- [^,]+\K/, TLS/r } grep { /^- / } _failures($r->{tls}) : ();
    for my $name (sort keys $r->{failed}->%*) {
        for my $work (sort keys $r->{failed}{$name}->%*) {
            my @why = $r->{failed}{$name}{$work}->@*;
            push @lines, "- $name, $work, " . @why . " of $r->{rounds} rounds: " . substr $why[0] =~ s/\s+/ /gr, 0, 300;
        }
    }
    return @lines ? ('### What failed', '', @lines, '') : ();
}

sub _tables ($r) {
    my @text;
    my $suffix = $r->{suffix} // '';
    my %asked = map { $_ => 1 } $r->{work}->@*;
    for my $work (grep { $asked{$_} } qw(streams arrivals short prompts idle storm refused)) {
        my ($title, $empty, @columns) = $TABLE{$work}->@*;
        push @text, "### $title$suffix", '', _table($r, $work, $empty, @columns);
    }
    return @text;
}

# What was open at once, see Many.pm.
my @MANY = (
    [ 'open at once',               sub ($is) { $is->{open} } ],
    [ 'failed',                     sub ($is) { $is->{failed} } ],
    [ 'KiB per stream',             sub ($is) { $is->{kib} } ],
    [ 'the kernel\'s',              sub ($is) { $is->{kernel} } ],
    [ 'open files per stream',      sub ($is) { $is->{files} } ],
    [ 'threads in all',             sub ($is) { $is->{threads} } ],
    [ 'connections to PostgreSQL',  sub ($is) { $is->{pg} } ],
    [ 'to Redis',                   sub ($is) { $is->{redis} } ],
    [ 'later than its pace, ms: 99 %', sub ($is) { $is->{over_p99} } ],
    [ '99.9 %',                     sub ($is) { $is->{over_p999} } ],
    [ 'event latency, ms: 99.9 %',  sub ($is) { $is->{late_p999} } ],
);

sub _many ($r) {
    my @rows = ('| mod_chat, governed | ' . join(' | ', map { $_->[0] } @MANY) . ' |', '|---|' . '---|' x @MANY);
    my @notes;
    for my $is ($r->{many}->@*) {
        push @rows, "| $is->{title} | " . join(' | ', $is->{died} ? ('it did not run', ('') x $#MANY)
            : map { defined $_ ? number($_) : '–' } map { $_->[1]->($is) } @MANY) . ' |';
        push @notes, map { "- $is->{title}: " . substr s/\s+/ /gr, 0, 300 } grep { length } map { $_ // '' } @$is{qw(note why died)};
    }
    return ('### Very many slow streams', '',
        "An event every $r->{size}{many_pace} ms in each. The kernel's memory is half of what it needs more, the other half being mock's and load's.",
        '', @rows, '', (@notes, '') x !!@notes);
}

sub _markdown ($r, @plots) {
    my $size = $r->{size};
    my @text = ('### The run', '', machine_lines($r),
        "- $size->{events} events every $size->{pace} ms in each live stream, $size->{clients} clients in closed loops", '', _tables($r));
    push @text, _tables($r->{tls}) if $r->{tls};
    push @text, _many($r) if $r->{many};
    # Promises are about what goes without TLS.
    push @text, '### Promised and kept', '', _budget($r) if !$r->{suffix};
    push @text, _failures($r), @plots, '';
    return join "\n", @text;
}

# ---- plots ----

my @PLOTS = (
    [ 'cpu-per-event',   'CPU seconds per million events of live streams', 'streams', 'us',  1 ],
    [ 'cpu-per-request', 'CPU seconds per 1000 short requests',            'short',   'us',  1000 ],
    [ 'memory',          'KiB per open stream',                            'idle',    'kib', 1 ],
);

sub _plot ($r, $out, $file, $title, $work, $metric, $divide) {
    my (@rows, @all);
    for my $peer ($r->{peers}->@*) {
        my $is = _value($r, $peer->{name}, $work, $metric, $divide) or next;
        next if $is->[1] <= 0;
        push @rows, join ' ', qq("$peer->{name}"), @$is, number($is->[0]);
        push @all, @$is;
    }
    return if !@rows;
    my ($low, $high) = (min(@all) / 3, max(@all) * 3);
    open my $gnuplot, '|-', 'gnuplot' or return;
    print $gnuplot <<"END";
set terminal svg size 640,320 background "white"
set output "$out/$file.svg"
set title "$title, log scale"
set style fill solid 0.6
set boxwidth 0.6
set logscale y
set grid y
unset key
set xrange [-0.7:@{[ $#rows + 0.7 ]}]
set yrange [$low:$high]
\$rows << EOD
@{[ join "\n", @rows ]}
EOD
plot \$rows using 0:2:3:4:(0.6):xtic(1) with boxerrorbars, \\
    \$rows using 0:4:5 with labels offset 0,0.8
END
    close $gnuplot or return;
    return "![$title]($file.svg)";
}

sub _plots ($r, $out) {
    return 'Plots: absent, gnuplot is not installed.' if first_line('gnuplot', '--version') !~ /^gnuplot \d/;
    return map { _plot($r, $out, @$_) } @PLOTS;
}

# Writes result.json, result.md and the plots, and prints the tables.
sub report ($out, $r) {
    return write_all($out, 'result', _markdown($r, _plots($r, $out)), $r);
}

sub write_all ($out, $name, $text, $r) {
    my %file = (md => $text, json => JSON::PP->new->canonical->pretty->encode($r));
    for my $type (sort keys %file) {
        open my $fh, '>', "$out/$name.$type" or die "$out/$name.$type: $!\n";
        print $fh $file{$type};
        close $fh;
    }
    print $text;
    return;
}

1;
