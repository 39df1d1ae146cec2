# SPDX-License-Identifier: Apache-2.0
#
# A PostgreSQL that loses a connection at a chosen question: before the server
# has it, or when it has done what was asked and has not told. The documentation
# is at the end.
package ChatTest::CutDatabase;

use v5.36;
use parent 'ChatTest::Postgres';
use File::Temp ();
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

sub start ($self) {
    $self->SUPER::start;
    return $self if $self->{proxy};
    $self->{door} = File::Temp::tempdir('chat-cut-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $self->{door};
    my %listen = map { $_ => IO::Socket::UNIX->new(Local => "$self->{door}/$_", Listen => 64) // die "$_: $!\n" } '.s.PGSQL.5432', 'order';
    chmod 0777, "$self->{door}/.s.PGSQL.5432";
    $self->{proxy} = fork // die "fork: $!\n";
    if (!$self->{proxy}) {
        $SIG{TERM} = sub { POSIX::_exit(0) };
        $SIG{PIPE} = 'IGNORE';
        eval { _carry(@listen{ '.s.PGSQL.5432', 'order' }, "$self->{dir}/.s.PGSQL.5432") };
        warn $@;
        POSIX::_exit(1);
    }
    return $self;
}

sub params ($self) { return $self->SUPER::params =~ s/host=\S+/host=$self->{door}/r }

sub _order ($self, $order) {
    my $socket = IO::Socket::UNIX->new(Peer => "$self->{door}/order") // die "order: $!\n";
    $socket->syswrite("$order\n");
    return readline $socket;
}

sub arm ($self, $n, $when) { $self->_order("$n $when"); return }
sub disarm ($self) { chomp(my $n = $self->_order('0 -')); return $n }

sub stop ($self) {
    if (my $pid = delete $self->{proxy}) {
        CORE::kill TERM => $pid;
        waitpid $pid, 0;
    }
    return $self->SUPER::stop;
}

# ---- in between ----

# Whole messages at the beginning of what was read; each but the first of a
# client has a type.
sub _take ($bytes, $typed) {
    my $head = $typed ? 1 : 0;
    return if length $$bytes < $head + 4;
    my $len = $head + unpack 'N', substr $$bytes, $head, 4;
    return if length $$bytes < $len;
    return substr $$bytes, 0, $len, '';
}

sub _carry ($clients, $orders, $server) {
    my ($left, $when) = (0, '');
    my $all = IO::Select->new($clients, $orders);
    my %pair;    # socket => { other, from_client, in, typed, mute }
    my $drop = sub ($socket) {
        for my $one ($socket, $pair{$socket}{other}) {
            $all->remove($one);
            delete $pair{$one};
            close $one;
        }
    };
    while (1) {
        for my $socket ($all->can_read) {
            if ($socket == $orders) {
                my $order = $orders->accept;
                my $told = readline $order;
                print $order "$left\n";
                ($left, $when) = split ' ', $told;
                next;
            }
            if ($socket == $clients) {
                my $client = $clients->accept;
                my $to = IO::Socket::UNIX->new(Peer => $server) or next;
                $pair{$client} = { other => $to, from_client => 1, in => '' };
                $pair{$to} = { other => $client, in => '', typed => 1 };
                $all->add($client, $to);
                next;
            }
            my $from = $pair{$socket} // next;
            if (!sysread $socket, $from->{in}, 65536, length $from->{in}) {
                $drop->($socket);
                next;
            }
            while (defined(my $message = _take(\$from->{in}, $from->{typed}))) {
                my $type = $from->{typed} ? substr $message, 0, 1 : '';
                $from->{typed} = 1;
                my $cuts = $from->{from_client} && $type =~ /[QS]/ && $left && !--$left;
                if ($cuts && $when eq 'before' || $from->{mute} && $type eq 'Z') {
                    $drop->($socket);
                    last;
                }
                $pair{ $from->{other} }{mute} = 1 if $cuts;
                syswrite $from->{other}, $message unless $from->{mute};
            }
        }
    }
}

1;

__END__

=head1 NAME

ChatTest::CutDatabase - a PostgreSQL that loses connections where it is told to

=head1 SYNOPSIS

    my $pg = ChatTest::CutDatabase->new->start;
    $pg->arm(2, 'after');
    ...
    is $pg->disarm, 0, 'it came to that';

=head1 METHODS

As ChatTest::Postgres, and

=over

=item arm($n, 'before' | 'after')

The C<$n>th question from now on, of whichever connection, loses its connection:
before the server has it, or when it is done, but nobody has been told.

=item disarm

No more of that. Returns how many questions were missing until then.

=back

=cut
