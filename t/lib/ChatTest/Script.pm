# SPDX-License-Identifier: Apache-2.0
#
# An HTTP server for a test, in a process of its own: it takes one request on each
# connection, writes what a class that inherits from it makes of that, and closes
# the connection.
#
#   sub steps ($self, $head, $body) { ... }   # in the server's process
#
# gives strings, each written by itself; 'hang': write nothing until the peer
# leaves; or a function that gets the connection. What is one short string is
# written by the one process, for many may come at once; the rest by a process
# that is forked for it.
package ChatTest::Script;

use v5.36;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();

# Bytes that a connection takes before anybody reads them.
my $AT_ONCE = 32_768;

sub new ($class, %members) {
    return bless { %members, owner => $$, dir => File::Temp->newdir }, $class;
}

# Again, when it was stopped: on the same port.
sub start ($self) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port} // 0, Proto => 'tcp', Listen => 1024, ReuseAddr => 1)
        or die "no port: $!\n";
    $self->{port} = $listener->sockport;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        close_others($listener);
        $self->_serve($listener, getppid);
        POSIX::_exit(0);
    }
    close $listener;
    return $self;
}

sub port ($self) { return $self->{port} }

# ---- files that both processes see ----

# Whole, or not at all: it is read as soon as it is there.
sub write_file ($self, $name, $text) {
    open my $fh, '>:raw', "$self->{dir}/$name.$$" or die $!;
    print $fh $text;
    close $fh or die $!;
    rename "$self->{dir}/$name.$$", "$self->{dir}/$name" or die $!;
    return;
}

sub read_file ($self, $name) {
    open my $fh, '<:raw', "$self->{dir}/$name" or return;
    local $/;
    return scalar(<$fh>) // '';
}

# ---- its process ----

# In a process that was forked: who waits for the end of a pipe that was open
# before would wait for this process, too.
sub close_others (@handles) {
    my %keep = map { fileno($_) => 1 } @handles;
    $keep{$_} or POSIX::close($_) for 3 .. 255;
    return;
}

# The head and the body of a request that is there as a whole.
sub _parse ($text) {
    my ($head) = $$text =~ /\A(.*?\r\n\r\n)/s or return;
    my $size = length($head) + ($head =~ /^Content-Length: (\d+)/mi ? $1 : 0);
    return length $$text >= $size ? (substr($head, 0, -4), substr $$text, length $head) : ();
}

# Until it is killed, or whoever started it is gone.
sub _serve ($self, $listener, $parent) {
    local $SIG{CHLD} = 'IGNORE';
    local $SIG{PIPE} = 'IGNORE';
    my $ready = IO::Select->new($listener);
    my %text;
    while (getppid == $parent) {
        for my $conn ($ready->can_read(1)) {
            if ($conn == $listener) {
                my $new = $listener->accept or next;
                $ready->add($new);
                next;
            }
            my $text = \($text{ fileno $conn } //= '');
            my $more = sysread $conn, $$text, 65536, length $$text;
            my @request = $more ? _parse($text) : ();
            next if $more && !@request;
            delete $text{ fileno $conn };
            $ready->remove($conn);
            $self->_answer($conn, $ready, $self->steps(@request)) if @request;
            close $conn;
        }
    }
    return;
}

sub _answer ($self, $conn, $others, @rest) {
    my $short = @rest == 1 && !ref $rest[0] && $rest[0] ne 'hang' && length $rest[0] <= $AT_ONCE;
    if (!$short) {
        fork // die "fork: $!\n" and return;
        close $_ for $others->handles;
    }
    ref ? $_->($conn) : $_ eq 'hang' ? sysread($conn, my $nothing, 1) : syswrite($conn, $_) for @rest;
    shutdown $conn, 2;    # another process may have it, too
    POSIX::_exit(0) if !$short;
    return;
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if $self->{owner} == $$;
    return;
}

1;
