# SPDX-License-Identifier: Apache-2.0
#
# Answers with a word that must not be seen, in a form that hides it and cut
# anywhere, and as many with an innocent one; and clients that ask for them, some
# at a time. CHAT_MODERATION_ANSWERS says how many there are.
package ChatTest::Generated;

use v5.36;
use Encode qw(decode_utf8);
use Exporter 'import';
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();

our @EXPORT_OK = qw(generated faults answer_to texts_of);

# Clients at a time: they wait as long as they work.
my $CLIENTS = 4;

my @UNSEEN = ("\x{200b}", "\x{ad}", "\x{200d}", "\x{feff}", "\x{2060}", "\x{fe0f}", "\x{e0041}");

# %o: also, what else nobody sees; before, the text in front for the number of the
# answer; after; most, characters of a piece. BAD and GOOD with their numbers => [pieces].
sub generated ($n, $before, %o) {
    srand 7;
    return map { ("bad$_" => [ _pieces('banned', $before->($_), %o) ], "good$_" => [ _pieces('bannet', $before->($_), %o) ]) } 1 .. $n;
}

sub _pieces ($word, $before, %o) {
    my @unseen = (@UNSEEN, ($o{also} // [])->@*);
    my $hidden = join '', map { (rand() < 0.3 ? chr(ord($_) + 0xfee0) : rand() < 0.5 ? uc : $_) . (rand() < 0.4 ? $unseen[rand @unseen] : '') } split //, $word;
    my $text = $before . $hidden . (rand() < 0.5 ? '' : $o{after}->());
    my @pieces;
    while (length $text) {
        push @pieces, substr $text, 0, 1 + int(rand $o{most}), '';
    }
    return @pieces;
}

# The bytes of an answer from 127.0.0.1:$port; no more is done with them, for there
# may be very many.
sub answer_to ($port, $path, %question) {
    my $body = JSON::PP::encode_json(\%question);
    my $conn = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no connection: $!\n";
    print $conn "POST $path HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    local $/;
    return scalar(<$conn>) // '';
}

# All values of that member in them, joined.
sub texts_of ($name, $bytes) {
    my $text = join '', $bytes =~ /"\Q$name\E":"((?:[^"\\]|\\.)*)"/g;
    return $text =~ /\\/ ? JSON::PP->new->utf8->allow_nonref->decode(qq("$text")) : decode_utf8($text);
}

# What $check->(NUMBER), a list of names, has found amiss in 1 .. $n: how often
# each, and 'looked' at as many. It runs in processes of its own.
sub faults ($n, $check) {
    my (%sum, @from);
    for my $client (0 .. $CLIENTS - 1) {
        my $pid = open(my $fh, '-|') // die "fork: $!\n";
        if (!$pid) {
            my %found;
            for (my $i = 1 + $client; $i <= $n; $i += $CLIENTS) {
                $found{$_}++ for 'looked', $check->($i);
            }
            syswrite STDOUT, join '', map { "$_ $found{$_}\n" } keys %found;
            POSIX::_exit(0);
        }
        push @from, $fh;
    }
    for my $fh (@from) {
        while (<$fh>) {
            my ($name, $times) = /^(\w+) (\d+)$/ or next;
            $sum{$name} += $times;
        }
        close $fh;
    }
    return \%sum;
}

1;
