# SPDX-License-Identifier: Apache-2.0
#
# t/tools/sse_load as a function: many streams at once, every byte checked.
package ChatTest::Load;

use v5.36;
use Exporter 'import';
use JSON::PP ();
use Test::More ();
use ChatTest::Upstream;

our @EXPORT_OK = qw(load load_start load_wait load_end load_ok close_latency);

# %o: sse_load's letters (c => 100, p => 'n=50', H => [..], C => 1 for flags).
# Numbers may be what fewer() and scaled() have left of them.
sub _command ($url, %o) {
    my %flag = map { $_ => 1 } qw(C I R k);
    $o{$_} = int $o{$_} || 1 for grep { defined $o{$_} } qw(c m t);
    my @args;
    for my $name (sort keys %o) {
        push @args, map { $flag{$name} ? ($_ ? "-$name" : ()) : ("-$name", $_) }
            ref $o{$name} ? $o{$name}->@* : $o{$name};
    }
    return (ChatTest::Upstream::tool('sse_load'), @args, $url);
}

# Start one in the background; load_wait gives its result.
sub load_start ($url, %o) {
    my $pid = open(my $fh, '-|', _command($url, %o)) // die "sse_load: $!\n";
    return { pid => $pid, fh => $fh };
}

sub load_wait ($job) {
    my $text = do { local $/; readline $job->{fh} } // '';
    close $job->{fh};
    my $exit = $?;
    my $res = eval { JSON::PP::decode_json($text) } // { failures => ["no result: $text"] };
    $res->{exit} = $exit;
    return $res;
}

# The same, but its clients send no more requests than they have by now.
sub load_end ($job) {
    kill TERM => $job->{pid};
    return load_wait($job);
}

sub load ($url, %o) {
    return load_wait(load_start($url, %o));
}

# One test: all streams were right. Returns the result. $url may be a job of
# load_start's, or what load_end gave.
sub load_ok ($name, $url, %o) {
    my $res = !ref $url ? load($url, %o) : $url->{pid} ? load_wait($url) : $url;
    Test::More::ok($res->{exit} == 0, $name)
        or Test::More::diag(join "\n", "exit $res->{exit}, failed " . ($res->{failed} // '?'),
            $res->{failures}->@*);
    return $res;
}

# Milliseconds from each abort to the moment the mock saw its connection close,
# sorted; and the seeds that it never saw close.
sub close_latency ($res, $stats) {
    my %seen = map { $_->{seed} => $_->{ns} } $stats->{closed_by_peer}->@*;
    my @ms = sort { $a <=> $b }
        map { exists $seen{ $_->{seed} } ? ($seen{ $_->{seed} } - $_->{ns}) / 1e6 : () } $res->{aborts}->@*;
    my @lost = grep { !exists $seen{$_} } map { $_->{seed} } $res->{aborts}->@*;
    return (\@ms, \@lost);
}

1;
