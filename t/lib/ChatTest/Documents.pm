# SPDX-License-Identifier: Apache-2.0
#
# An HTTP server of documents that change: GET /NAME answers with what say()
# was last told of NAME, byte by byte. Of one that was told nothing, or hush(),
# the answer waits until there is one.
#
#   my $documents = ChatTest::Documents->new->start;
#   $documents->say(keys => ChatTest::Documents::json($text));
#   ChatAuthJWKS ${\$documents->url('keys')}
#   is $documents->asked('keys'), 1;
package ChatTest::Documents;

use v5.36;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();

sub new ($class) {
    return bless { owner => $$, dir => File::Temp->newdir }, $class;
}

# A whole answer.
sub answer ($status, $headers, $body) {
    return "HTTP/1.1 $status Scripted\r\n" . join('', map { "$_\r\n" } @$headers)
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body";
}
sub json ($text, @headers) { return answer(200, [ 'Content-Type: application/json', @headers ], $text) }

sub say ($self, $name, $bytes) {
    open my $fh, '>:raw', "$self->{dir}/$$" or die $!;
    print $fh $bytes;
    close $fh or die $!;
    rename "$self->{dir}/$$", "$self->{dir}/$name" or die $!;
}
sub hush ($self, $name) { unlink "$self->{dir}/$name" }

# How often.
sub asked ($self, $name) { return (-s "$self->{dir}/$name.asked") // 0 }
sub url ($self, $name)   { return "http://127.0.0.1:$self->{port}/$name" }

sub start ($self) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp', Listen => 64)
        or die "no port: $!\n";
    $self->{port} = $listener->sockport;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        $self->_serve($listener, getppid);
        POSIX::_exit(0);
    }
    close $listener;
    return $self;
}

# Until it is killed, or whoever started it is gone.
sub _serve ($self, $listener, $parent) {
    local $SIG{CHLD} = 'IGNORE';
    while (getppid == $parent) {
        IO::Select->new($listener)->can_read(1) or next;
        my $conn = $listener->accept or next;
        next if fork // die "fork: $!\n";
        $self->_answer($conn);
        POSIX::_exit(0);
    }
}

sub _answer ($self, $conn) {
    my ($text, $peer) = ('', IO::Select->new($conn));
    while ($text !~ /\r\n\r\n/) {
        sysread($conn, $text, 65536, length $text) or return;
    }
    my ($name) = $text =~ m{^GET /(\w+) } or return;
    open my $asked, '>>', "$self->{dir}/$name.asked" or die $!;
    syswrite $asked, '.';
    close $asked;
    until (-e "$self->{dir}/$name") {
        return if $peer->can_read(0.02);
    }
    open my $fh, '<:raw', "$self->{dir}/$name" or return;
    syswrite $conn, do { local $/; scalar <$fh> };
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if $self->{owner} == $$;
}

1;
