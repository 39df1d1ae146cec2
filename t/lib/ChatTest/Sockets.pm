# SPDX-License-Identifier: Apache-2.0
#
# The TCP connections of this machine, by sock_diag(7): /proc/net/tcp is thousands of
# lines after a load, which the kernel writes and a test would read each time.
package ChatTest::Sockets;

use v5.36;
use Socket qw(AF_INET IPPROTO_TCP SOCK_RAW);

use constant {
    AF_NETLINK          => 16,
    NETLINK_SOCK_DIAG   => 4,
    SOCK_DIAG_BY_FAMILY => 20,
    NLM_F_DUMP          => 0x301,
    NLMSG_DONE          => 3,
};

# All states (tcp_states.h) but TIME_WAIT (6) and LISTEN (10).
my $OPEN = (1 << 13) - 1 & ~(1 << 6 | 1 << 10 | 1);

# How many connections over IPv4 have one of these ports on this side, neither over
# nor listening.
sub open_at (@ports) {
    my %is = map { $_ => 1 } @ports;
    socket my $kernel, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG or die "no sock_diag: $!\n";
    my $ask = pack 'CCCx L x48', AF_INET, IPPROTO_TCP, 0, $OPEN;
    syswrite $kernel, pack('L S S L L', 16 + length $ask, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1, 0) . $ask or die "sock_diag: $!\n";
    my $n = 0;
    while (sysread $kernel, my $said, 65536) {
        while (length $said >= 16) {
            my ($length, $type, $port) = unpack 'L S x14 S>', $said;
            return $n if $type == NLMSG_DONE;
            die "sock_diag: error\n" if $type != SOCK_DIAG_BY_FAMILY;
            $n++ if $is{$port};
            substr $said, 0, $length + 3 & ~3, '';
        }
    }
    die "sock_diag: $!\n";
}

1;
