# SPDX-License-Identifier: Apache-2.0
#
# A network between clients and servers that loses connections where it is told
# to: a request whose query has cut=K is cut behind the event K of its answer,
# one with cut=all behind its first. The documentation is at the end.
package ChatTest::Cutter;

use v5.36;
use IO::Select;
use IO::Socket::INET;
use POSIX  ();
use Socket qw(SOL_SOCKET SO_LINGER);

# So much of what stands behind the event comes, too, as in real life.
my $TORN = 14;

sub new ($class, @ports) {
    my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1') or die "listen: $@\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{CHLD} = 'IGNORE';
        $SIG{TERM} = sub { POSIX::_exit(0) };
        for (my $n = 0; my $client = $listener->accept; $n++) {
            next if fork // 0;
            eval { _carry($client, $ports[ $n % @ports ]) };
            POSIX::_exit(0);
        }
        POSIX::_exit(0);
    }
    return bless { port => $listener->sockport, pid => $pid, owner => $$ }, $class;
}

sub url ($self, $path = '') { return "http://127.0.0.1:$self->{port}$path" }

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if ($self->{owner} // 0) == $$;
    return;
}

# ---- one connection, one request ----

sub _put ($to, $bytes) {
    while (length $bytes) {
        my $n = syswrite($to, $bytes) // die "gone\n";
        substr $bytes, 0, $n, '';
    }
    return;
}

sub _carry ($client, $port) {
    local $SIG{PIPE} = 'IGNORE';
    my $head = '';
    until ($head =~ /\r\n\r\n/) { sysread($client, $head, 65536, length $head) or return }
    my ($cut) = $head =~ /^\S+ \S*[?&]cut=(\w+)/;
    $head =~ s/^Connection:[^\n]*\n//mi;
    $head =~ s/\n/\nConnection: close\r\n/;
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return;
    _put($server, $head);
    my $answer = { to => $client, raw => '', text => '', cut => $cut };
    my $both = IO::Select->new($client, $server);
    while (!$answer->{lost}) {
        for my $from ($both->can_read) {
            sysread($from, my $bytes, 65536) or return;
            if    ($from == $client) { _put($server, $bytes) }
            elsif ($answer->{cut})   { _take($answer, $bytes) }
            else                     { _put($client, $bytes) }
        }
    }
    return;
}

# ---- an answer that is to be cut ----

sub _take ($answer, $bytes) {
    $answer->{raw} .= $bytes;
    _head($answer) or return if !$answer->{has_head};
    _chunks($answer);
    my $id = $answer->{cut} eq 'all' ? '\d+' : $answer->{cut};
    if ($answer->{text} =~ /^id: $id\n(?:.+\n)+\n/m) {
        _chunk($answer, substr $answer->{text}, 0, $+[0] + $TORN);
        # By a reset, or as if it had ended.
        $answer->{to}->setsockopt(SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0) if $answer->{cut} ne 'all' && $answer->{cut} % 2;
        $answer->{lost} = 1;
    }
    elsif ($answer->{over}) {
        _chunk($answer, $answer->{text});
        _put($answer->{to}, "0\r\n\r\n");
    }
    elsif ($answer->{text} =~ s/\A(.*\n\n)//s) {
        _chunk($answer, $1); # whole events
    }
    return;
}

# Only a stream is cut. A browser comes back after some seconds, if it is not
# told another time.
sub _head ($answer) {
    $answer->{raw} =~ s/\A(.*?\r\n\r\n)//s or return 0;
    my $head = $1;
    $answer->{has_head} = 1;
    _put($answer->{to}, $head);
    if ($head =~ /^transfer-encoding: *chunked/mi) {
        _chunk($answer, "retry: 10\n\n");
        return 1;
    }
    _put($answer->{to}, $answer->{raw});
    $answer->{cut} = undef;
    return 0;
}

# Out of the chunks that have come whole.
sub _chunks ($answer) {
    while ($answer->{raw} =~ /\A([0-9a-f]+)\r\n/i && length $answer->{raw} >= $+[0] + hex($1) + 2) {
        my ($from, $len) = ($+[0], hex $1);
        $answer->{over} = 1 if !$len;
        $answer->{text} .= substr $answer->{raw}, $from, $len;
        substr $answer->{raw}, 0, $from + $len + 2, '';
    }
    return;
}

sub _chunk ($answer, $part) {
    _put($answer->{to}, sprintf("%x\r\n%s\r\n", length $part, $part)) if length $part;
    return;
}

1;

__END__

=head1 NAME

ChatTest::Cutter - a network that loses connections

=head1 SYNOPSIS

    my $net = ChatTest::Cutter->new($t->port, $u->port);
    ... $net->url('/api/v1/chat/stream/ID?cut=3') ...
    $net->stop;

=head1 METHODS

=over

=item new(@ports), url($path), stop

Each connection goes to the next of these ports, and carries one request.

=back

=cut
