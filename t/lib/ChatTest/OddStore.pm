# SPDX-License-Identifier: Apache-2.0
#
# An object store that checks nothing, and answers wrongly where it is told so:
#
#   my $store = ChatTest::OddStore->new->start;
#   $store->answers(GET => "HTTP/1.1 200 OK\r\n...");   # 'hang': never
#   $store->answers;                                     # as a store does
#
# Its objects are files below dir; asked() are the methods that it was asked with.
package ChatTest::OddStore;

use v5.36;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX    ();

sub new ($class) {
    my $self = bless { owner => $$, dir => File::Temp->newdir }, $class;
    $self->answers;
    return $self;
}

sub start ($self) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port} // 0, Proto => 'tcp', Listen => 64, ReuseAddr => 1) or die "no port: $!\n";
    $self->{port} = $listener->sockport;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        $self->_serve($listener, getppid);
        POSIX::_exit(0);
    }
    close $listener;
    return $self;
}

sub endpoint ($self) { return "http://127.0.0.1:$self->{port}" }

sub _write ($self, $name, $text) {
    open my $fh, '>:raw', "$self->{dir}/$name.$$" or die $!;
    print $fh $text;
    close $fh or die $!;
    rename "$self->{dir}/$name.$$", "$self->{dir}/$name" or die $!;
    return;
}

sub _read ($self, $name) {
    open my $fh, '<:raw', "$self->{dir}/$name" or return;
    local $/;
    return scalar(<$fh>) // '';
}

# What is answered to each method from now on.
sub answers ($self, %all) {
    return $self->_write('answers', JSON::PP->new->latin1->encode(\%all));
}

sub asked ($self) { return split /\n/, $self->_read('asked') // '' }

sub forget ($self) { unlink "$self->{dir}/asked"; return }

# The names of its objects.
sub objects ($self) { return map { s{.*/object-}{}r } glob "$self->{dir}/object-*" }

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

sub _whole ($status, $body = '', $type = 'application/xml', $length = length $body) {
    return "HTTP/1.1 $status As It Is\r\nContent-Type: $type\r\nContent-Length: $length\r\nConnection: close\r\n\r\n$body";
}

sub _do ($self, $method, $name, $type, $body) {
    if ($method eq 'PUT') {
        $self->_write($name, "$type\n$body");
        return _whole(200);
    }
    if ($method eq 'DELETE') {
        unlink "$self->{dir}/$name";
        return _whole(204);
    }
    my $object = $self->_read($name) // return _whole(404);
    my ($is, $bytes) = split /\n/, $object, 2;
    return $method eq 'HEAD' ? _whole(200, '', $is, length $bytes) : _whole(200, $bytes, $is);
}

sub _answer ($self, $conn) {
    local $SIG{PIPE} = 'IGNORE';
    my $text = '';
    until ($text =~ /\A(.*?\r\n\r\n)/s && length $text >= length($1) + ($1 =~ /^Content-Length: (\d+)/mi ? $1 : 0)) {
        sysread($conn, $text, 65536, length $text) or return;
    }
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($method, $name) = $head =~ m{^(\w+) [^? ]*/([0-9a-f-]{36})/file} or return;
    my ($type) = $head =~ /^Content-Type: (.*?)\r?$/mi;
    open my $fh, '>>', "$self->{dir}/asked" or die $!;
    syswrite $fh, "$method\n";
    my $told = JSON::PP->new->latin1->decode($self->_read('answers'))->{$method};
    return sysread($conn, my $nothing, 1) if ($told // '') eq 'hang';
    my $answer = $self->_do($method, "object-$name", $type // '', $body);
    syswrite $conn, $told // $answer;
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
