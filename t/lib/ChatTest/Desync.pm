# SPDX-License-Identifier: Apache-2.0
#
# An upstream that says more than it was asked for. What and when stands in the
# request: tag=NAME is what the answer to it has to repeat, frame=length or
# frame=chunked is how it ends, and after it comes say=WHAT, unless that is
# nothing,
#
#   when=glued   in the same write as the end of the answer
#   when=soon    in a write that follows at once
#   when=late    some milliseconds later
#
# It tells in a pipe when it has said all that: until then a request that was
# sent meanwhile may of course be given what was not meant for it.
package ChatTest::Desync;

use v5.36;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use POSIX ();
use Socket ();
use Time::HiRes qw(usleep);

our @SAY = qw(whole many half rest body garbage interim 408 blank);

# tls: [ certificate, key ]; early: each connection begins with an answer that
# nobody has asked for. Forks: to be made before other things are started.
sub new ($class, %o) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128) or die "no socket: $!\n";
    pipe(my $told, my $tell) or die "pipe: $!\n";
    my $self = bless { %o, port => $listener->sockport, told => $told, heard => '', owner => $$ }, $class;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        close $told;
        $self->{tell} = $tell;
        $self->_serve($listener, getppid);
        POSIX::_exit(0);
    }
    return $self;
}

sub url ($self) {
    return ($self->{tls} ? 'https' : 'http') . "://127.0.0.1:$self->{port}/v1";
}

# What it tells next of a request: "said", then "closed" once the other side
# has closed that connection. undef: nothing, for so many seconds.
sub hear ($self, $what, $tag, $seconds) {
    my $until = Time::HiRes::time() + $seconds;
    until ($self->{heard} =~ s/^$what $tag\n//m) {
        my $left = $until - Time::HiRes::time();
        return undef if $left <= 0 || !IO::Select->new($self->{told})->can_read($left);
        sysread $self->{told}, $self->{heard}, 65536, length $self->{heard} or return undef;
    }
    return 1;
}

sub answer ($tag, $frame = 'chunked', @more) {
    my $body = join '', map { "event: $_->[0]\ndata: {\"type\":\"$_->[0]\"$_->[1]}\n\n" }
        [ 'response.created', '' ], [ 'response.output_text.delta', ",\"delta\":\"<$tag>\"" ],
        [ 'response.completed', ',"response":{"usage":{"input_tokens":1,"output_tokens":1}}' ];
    my $head = join "\r\n", 'HTTP/1.1 200 OK', 'Content-Type: text/event-stream', @more;
    return "$head\r\nContent-Length: @{[ length $body ]}\r\n\r\n$body" if $frame eq 'length';
    return "$head\r\nTransfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body);
}

# What was not asked for, as the pieces in which it is said.
my %SAY = (
    nothing => [],
    whole   => [ answer('EVIL') ],
    many    => [ answer('EVIL') x 30 ],
    half    => [ substr answer('EVIL'), 0, 150 ],
    rest    => [ substr(answer('EVIL'), 0, 150), substr(answer('EVIL'), 150) . answer('EVIL') ],
    body    => [ "event: response.output_text.delta\ndata: {\"delta\":\"<EVIL>\"}\n\n" ],
    garbage => [ "\0\xff\x16\x03\x01 EVIL\n" ],
    interim => ["HTTP/1.1 100 Continue\r\n\r\n"],
    408     => ["HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\nConnection: close\r\n\r\nEVIL"],
    blank   => ["\r\n"],
);

sub _serve ($self, $listener, $parent) {
    my $ready = IO::Select->new($listener);
    $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
    while (getppid == $parent) {
        my $conn = $ready->can_read(1) && $listener->accept or next;
        next if fork;
        $conn->setsockopt(Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1);
        close $listener;
        if ($self->{tls}) {
            $conn = IO::Socket::SSL->start_SSL($conn, SSL_server => 1, SSL_cert_file => $self->{tls}[0], SSL_key_file => $self->{tls}[1])
                or POSIX::_exit(1);
        }
        syswrite $conn, answer('EVIL') if $self->{early};
        1 while $self->_one($conn);
        POSIX::_exit(0);
    }
    return;
}

sub _request ($conn) {
    my $text = '';
    until ($text =~ /\A(.*?\r\n\r\n)/s && length $text >= length($1) + ($1 =~ /^Content-Length: (\d+)/mi)[0]) {
        sysread($conn, $text, 65536, length $text) or return;
    }
    return $text;
}

sub _one ($self, $conn) {
    my $text = _request($conn);
    if (!defined $text) {
        syswrite $self->{tell}, "closed $self->{last}\n" if $self->{last};
        return 0;
    }
    my %ask = map { $_ => ($text =~ /\b$_=(\w+)/)[0] // '' } qw(tag frame say when close);
    my @pieces = $SAY{ $ask{say} || 'nothing' }->@*;
    my $answer = answer($ask{tag}, $ask{frame}, $ask{close} ? 'Connection: close' : ());
    $answer .= shift @pieces if @pieces && $ask{when} eq 'glued';
    syswrite $conn, $answer;
    return 1 if $ask{say} eq 'nothing';
    usleep(2000 + rand 4000) if $ask{when} eq 'late';
    for (@pieces) {
        syswrite $conn, $_;
        usleep(2000);
    }
    syswrite $self->{tell}, "said $ask{tag}\n";
    $self->{last} = $ask{tag};
    return 1;
}

sub stop ($self) {
    return if !$self->{pid} || $self->{owner} != $$;
    kill TERM => $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    $self->stop;
    return;
}

1;
