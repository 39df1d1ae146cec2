# SPDX-License-Identifier: Apache-2.0
#
# An upstream whose answers are written down byte by byte, for what mock_llm
# would never say. A request picks one by naming it in its body: answer(NAME).
#
#   my $odd = ChatTest::Answers->new(
#       gone  => "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
#       quiet => [ $head . $event, 'hang' ],
#   )->start;
#   ChatProviderURL ${\$odd->url}
#
# Steps of a list are bytes, or the word hang: silence until the peer leaves.
# After the last one the connection is closed. What was asked for last by a name
# is asked(NAME), the body, and head(NAME).
package ChatTest::Answers;

use v5.36;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();

sub new ($class, %answers) {
    return bless { answers => \%answers, owner => $$, dir => File::Temp->newdir }, $class;
}

# A whole answer: $status, the header lines and the body.
sub whole ($status, $headers, $body) {
    return "HTTP/1.1 $status Scripted\r\n" . join('', map { "$_\r\n" } @$headers)
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body";
}

# The start of an event stream whose end is the end of the connection.
sub stream (@events) {
    return join '', "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n", @events;
}

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

sub port ($self) { return $self->{port} }
sub url ($self)  { return "http://127.0.0.1:$self->{port}/v1" }

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

# Of a request with this head.
sub _size ($head) {
    return length($head) + ($head =~ /^Content-Length: (\d+)/mi ? $1 : 0);
}

# Whole, or not at all: it is read as soon as there is an answer.
sub _keep ($self, $name, $text) {
    open my $fh, '>:raw', "$self->{dir}/$$" or die $!;
    print $fh $text;
    close $fh or die $!;
    rename "$self->{dir}/$$", "$self->{dir}/$name.asked" or die $!;
}

sub _request ($self, $name) {
    open my $fh, '<:raw', "$self->{dir}/$name.asked" or return;
    local $/;
    return split /\r\n\r\n/, scalar <$fh>, 2;
}

sub asked ($self, $name) { return ($self->_request($name))[1] }
sub head ($self, $name)  { return ($self->_request($name))[0] }

sub _answer ($self, $conn) {
    local $SIG{PIPE} = 'IGNORE';
    my $text = '';
    until ($text =~ /\A(.*?\r\n\r\n)/s && length $text >= _size($1)) {
        sysread($conn, $text, 65536, length $text) or return;
    }
    my ($name) = $text =~ /answer\((\w+)\)/;
    $self->_keep($name, $text) if defined $name;
    my $answer = $self->{answers}{ $name // '' } // whole(500, [], "no answer is named so\n");
    for my $step (ref $answer ? @$answer : $answer) {
        $step eq 'hang' ? sysread($conn, my $nothing, 1) : syswrite($conn, $step);
    }
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
