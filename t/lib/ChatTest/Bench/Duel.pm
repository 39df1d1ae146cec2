# SPDX-License-Identifier: Apache-2.0
#
# A duel: peers that are all up on one core and are measured at the same time, live
# streams all at once, requests in turns of a fraction of a second. What the machine
# does besides, and how fast its clock runs at that moment, holds for all of them
# alike; so a ratio within a second tells more than two numbers of different minutes.
package ChatTest::Bench::Duel;

use v5.36;
use Exporter 'import';
use Time::HiRes qw(sleep time);
use ChatTest::Bench qw(cpu_ns median ratios summary tree);
use ChatTest::Bench::Workloads qw(load_of warm_up);
use ChatTest::Load qw(load_start load_end load_wait);

our @EXPORT_OK = qw(duel duel_table);

sub _ns ($peer) {
    return cpu_ns($peer->{tree}->@*);
}

sub _right ($peer, $res) {
    return $res if !$res->{failed} && $res->{ok};
    die $peer->name . ': ' . ($res->{failures}[0] // 'no answer') . "\n";
}

# Microseconds for each event, [of each second] by peer: live streams of all.
sub _events ($house, $size, @peers) {
    my $n = int 1000 * ($size->{seconds} + 4) / $size->{pace};
    my @job = map { load_start($_->url, load_of($house, $_, c => $size->{streams}, r => 1000, script => "n=$n;pace=$size->{pace}")) }
        @peers;
    my $events = $size->{streams} * 1000 / $size->{pace};
    my %us;
    sleep 3;
    my $at = time;
    my @was = map { _ns($_) } @peers;
    for my $second (1 .. $size->{seconds}) {
        my $wait = $at + $second - time;
        sleep $wait if $wait > 0;
        for my $i (0 .. $#peers) {
            my $now = _ns($peers[$i]);
            push $us{ $peers[$i]->name }->@*, ($now - $was[$i]) / 1000 / $events;
            $was[$i] = $now;
        }
    }
    _right($peers[$_], load_wait($job[$_])) for 0 .. $#peers;
    return \%us;
}

# The same for each request of so many pieces: as many as can be answered, of
# each peer in turn.
sub _requests ($house, $size, $pieces, @peers) {
    my %us;
    for my $peer ((@peers) x $size->{seconds}) {
        my $was = _ns($peer);
        my $job = load_start($peer->url, load_of($house, $peer, c => 16, m => 1000000, k => 1, script => "n=$pieces"));
        sleep $size->{turn};
        my $res = _right($peer, load_end($job));
        push $us{ $peer->name }->@*, (_ns($peer) - $was) / 1000 / $res->{ok};
    }
    return \%us;
}

my %KIND = (
    events => \&_events,
    short  => sub ($house, $size, @peers) { _requests($house, $size, 1,  @peers) },
    twenty => sub ($house, $size, @peers) { _requests($house, $size, 20, @peers) },
);

# { peer => { us => [of each second], ratio => [to the first peer's] } }. Dies
# when an answer was wrong.
sub duel ($house, $kind, $size, @peers) {
    for my $peer (@peers) {
        $peer->start($house);
        warm_up($house, $peer, $size);
        $peer->{tree} = [ tree($peer->{pid}) ];
    }
    my $us = $KIND{$kind}->($house, $size, @peers);
    $_->stop for @peers;
    return { map { $_ => { us => $us->{$_}, ratio => [ ratios($us->{$_}, $us->{ $peers[0]->name }) ] } } keys %$us };
}

# Rows of a table: the median second of all rounds, and the medians of the rounds.
sub duel_table ($rounds, @peers) {
    my $text = '';
    for my $peer (@peers) {
        my @of = map { $_->{ $peer->name } // () } @$rounds or next;
        my @each = map { median($_->{ratio}->@*) } @of;
        my ($all, $us) = map { my $what = $_; median(map { $_->{$what}->@* } @of) } qw(ratio us);
        my (undef, $least, $most) = summary(@each)->@*;
        $text .= sprintf "| %s | %.1f | %.2fx | %.2f..%.2f |\n", $peer->title, $us, $all, $least, $most;
    }
    return $text;
}

1;
