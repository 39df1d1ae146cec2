# SPDX-License-Identifier: Apache-2.0
#
# One HTTP/1.1 connection to the server under test, on a raw socket, so that a
# test sees what a client library would hide: when each byte came, how the body
# ended, what came after it. TLS goes through "openssl s_client".
package ChatTest::Client;

use v5.36;
use Errno qw(EINTR EAGAIN EPIPE ECONNRESET);
use IO::Select;
use IO::Socket::INET;
use IPC::Open3 ();
use JSON::PP   ();
use Socket     qw(SOL_SOCKET SO_RCVBUF SO_LINGER);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

sub now () {
    return clock_gettime(CLOCK_MONOTONIC);
}

# %o: host, port, tls, ca (certificate file), timeout (seconds for each
# answer), rcvbuf (bytes), linger0 (close sends RST), witness (called with
# every finished response).
sub new ($class, %o) {
    my $self = bless {
        host    => $o{host} // '127.0.0.1',
        port    => $o{port},
        timeout => $o{timeout} // 30,
        witness => $o{witness},
        in      => '',
        eof     => 0,
    }, $class;
    return $o{tls} ? $self->_connect_tls(%o) : $self->_connect_tcp(%o);
}

sub _connect_tcp ($self, %o) {
    my $sock = IO::Socket::INET->new(Proto => 'tcp', Type => Socket::SOCK_STREAM)
        or die "no socket: $!\n";
    $sock->setsockopt(SOL_SOCKET, SO_RCVBUF, $o{rcvbuf}) if $o{rcvbuf};
    $sock->setsockopt(SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $o{linger0};
    my $to = Socket::pack_sockaddr_in($self->{port},
        Socket::inet_aton($self->{host}));
    CORE::connect($sock, $to)
        or die "cannot connect to $self->{host}:$self->{port}: $!\n";
    $sock->blocking(0);
    @$self{qw(rfh wfh)} = ($sock, $sock);
    return $self;
}

sub _connect_tls ($self, %o) {
    my @ca = $o{ca} ? ('-CAfile', $o{ca}, '-verify_return_error') : ();
    open my $err, '>', '/dev/null' or die $!;
    my $pid = IPC::Open3::open3(my $w, my $r, '>&' . fileno($err),
        qw(openssl s_client -quiet -connect), "$self->{host}:$self->{port}",
        @ca, ($o{alpn} ? ('-alpn', $o{alpn}) : ()));
    $_->blocking(0) for $r, $w;
    binmode $_ for $r, $w;
    @$self{qw(rfh wfh pid)} = ($r, $w, $pid);
    return $self;
}

# Bytes as they are. Dies when the peer is gone or takes nothing in time.
sub send ($self, $bytes) {
    local $SIG{PIPE} = 'IGNORE';
    my $sel = IO::Select->new($self->{wfh});
    my $end = now() + $self->{timeout};
    while (length $bytes) {
        my $n = syswrite $self->{wfh}, $bytes;
        if (defined $n) {
            substr $bytes, 0, $n, '';
            next;
        }
        die "cannot send: $!\n" unless $! == EAGAIN || $! == EINTR;
        die "cannot send: timeout\n" if now() > $end;
        $sel->can_write(0.5);
    }
    return $self;
}

# One request. %o: headers (array of pairs or hash), body, version ('1.1').
# Host and Content-Length are added unless given; nothing else is.
sub request_text ($self, $method, $path, %o) {
    my @h = ref $o{headers} eq 'ARRAY' ? $o{headers}->@* : ($o{headers} // {})->%*;
    my $text = "$method $path HTTP/" . ($o{version} // '1.1') . "\r\n";
    my %have;
    while (my ($name, $value) = splice @h, 0, 2) {
        $have{lc $name} = 1;
        $text .= "$name: $value\r\n" if defined $value;
    }
    $text .= "Host: $self->{host}:$self->{port}\r\n" unless $have{host};
    $text .= 'Content-Length: ' . length($o{body}) . "\r\n"
        if defined $o{body} && !$have{'content-length'} && !$have{'transfer-encoding'};
    return "$text\r\n" . ($o{body} // '');
}

sub request ($self, $method, $path, %o) {
    $self->{method} = $method;
    $self->{sent_at} = now();
    return $self->send($self->request_text($method, $path, %o));
}

# More input into $self->{in}. True, or false with $self->{why} set to eof,
# reset or timeout.
sub _fill ($self, $deadline) {
    while (1) {
        my $n = sysread $self->{rfh}, $self->{in}, 65536, length $self->{in};
        return $n if $n;
        if (defined $n) {
            $self->{why} = 'eof';
            return 0;
        }
        if ($! != EAGAIN && $! != EINTR) {
            $self->{why} = 'reset';
            return 0;
        }
        my $left = $deadline - now();
        if ($left <= 0) {
            $self->{why} = 'timeout';
            return 0;
        }
        IO::Select->new($self->{rfh})->can_read($left);
    }
}

# Everything until the peer closes or falls silent for good.
sub rest ($self, %o) {
    my $deadline = now() + ($o{timeout} // $self->{timeout});
    1 while $self->_fill($deadline);
    return delete($self->{in}) . ($self->{in} = '');
}

# Whether the peer has closed the connection, waiting for it at most $seconds.
sub closed ($self, $seconds = 5) {
    return !$self->_fill(now() + $seconds) && $self->{why} ne 'timeout';
}

# Read one response. %o: method (HEAD has no body), timeout, on_event and
# on_data (called with each; a false result aborts the connection).
# See "A RESPONSE" in ChatTest's documentation for the hash.
sub response ($self, %o) {
    my $res = {
        status => 0, reason => '', headers => {}, body => '', raw => '',
        chunks => [], events => [], comments => [], clean => 0, ended => '',
        sent_at => $self->{sent_at} // now(),
    };
    local $self->{deadline} = now() + ($o{timeout} // $self->{timeout});
    if ($self->_head($res)) {
        $res->{head_at} = now();
        $self->_body($res, \%o);
    }
    else {
        $res->{ended} = $self->{why};
    }
    $res->{ended_at} = now();
    $res->{clean} = $res->{ended} =~ /^(?:chunked|length|none|close)$/ ? 1 : 0;
    $res->{json} = eval { JSON::PP->new->utf8->allow_nonref->decode($res->{body}) };
    $self->{witness}->($res) if $self->{witness};
    return $res;
}

sub _head ($self, $res) {
    while ($self->{in} !~ /\r\n\r\n/) {
        $self->_fill($self->{deadline}) or return 0;
    }
    $self->{in} =~ s/\A(.*?)\r\n\r\n//s;
    $res->{raw_head} = $1;
    my ($first, @lines) = split /\r\n/, $1;
    @$res{qw(version status reason)} = $first =~ m{^HTTP/(\d\.\d) (\d+) ?(.*)}
        or ($self->{why} = 'garbage', return 0);
    for (@lines) {
        my ($name, $value) = /^([^:]+):[ \t]*(.*?)[ \t]*$/ or next;
        my $old = $res->{headers}{lc $name};
        $res->{headers}{lc $name} = defined $old ? "$old, $value" : $value;
    }
    if ($res->{status} =~ /^1/) {
        push $res->{interim}->@*, $res->{status};
        $res->{headers} = {};
        return $self->_head($res);
    }
    return 1;
}

sub _body ($self, $res, $o) {
    my $method = $o->{method} // $self->{method} // 'GET';
    my $h = $res->{headers};
    if ($method eq 'HEAD' || $res->{status} =~ /^(?:204|304)$/) {
        $res->{ended} = 'none';
    }
    elsif (lc($h->{'transfer-encoding'} // '') eq 'chunked') {
        $self->_chunked($res, $o);
    }
    elsif (defined $h->{'content-length'}) {
        $self->_counted($res, $o, $h->{'content-length'});
    }
    else {
        $self->_until_close($res, $o);
    }
}

# Take $n bytes of body from the input. False: the caller's hook wants to stop.
sub _take ($self, $res, $o, $n) {
    my $data = substr $self->{in}, 0, $n, '';
    $res->{first_at} //= now() if length $data;
    $res->{body} .= $data;
    my $go = $o->{on_data} ? $o->{on_data}->($data, $res) : 1;
    return 1 if $go && $self->_events($res, $o, $data);
    $res->{ended} = 'aborted';
    $self->close;
    return 0;
}

sub _counted ($self, $res, $o, $left) {
    while ($left > 0) {
        if (!length $self->{in} && !$self->_fill($self->{deadline})) {
            return $res->{ended} = $self->{why};
        }
        my $n = length $self->{in} < $left ? length $self->{in} : $left;
        $left -= $n;
        $self->_take($res, $o, $n) or return;
    }
    $res->{ended} = 'length';
}

sub _until_close ($self, $res, $o) {
    do {
        $self->_take($res, $o, length $self->{in}) or return;
    } while ($self->_fill($self->{deadline}));
    $res->{ended} = $self->{why} eq 'eof' ? 'close' : $self->{why};
}

sub _chunked ($self, $res, $o) {
    while (1) {
        my $line = $self->_line;
        return $res->{ended} = $self->{why} unless defined $line;
        $line =~ /^([0-9a-fA-F]+)\s*(?:;.*)?$/ or return $res->{ended} = 'bad chunk';
        my $left = hex $1;
        push $res->{chunks}->@*, $left;
        last unless $left;
        while ($left > 0) {
            if (!length $self->{in} && !$self->_fill($self->{deadline})) {
                return $res->{ended} = $self->{why};
            }
            my $n = length $self->{in} < $left ? length $self->{in} : $left;
            $left -= $n;
            $self->_take($res, $o, $n) or return;
        }
        my $crlf = $self->_line // return $res->{ended} = $self->{why};
        return $res->{ended} = 'bad chunk' if length $crlf;
    }
    while (1) {    # trailers, then the empty line
        my $line = $self->_line // return $res->{ended} = $self->{why};
        last unless length $line;
    }
    $res->{ended} = 'chunked';
}

sub _line ($self) {
    while ($self->{in} !~ /\r\n/) {
        $self->_fill($self->{deadline}) or return undef;
    }
    $self->{in} =~ s/\A(.*?)\r\n//s;
    return $1;
}

# Cut events out of what has come so far, as the WHATWG algorithm dispatches
# them. Every event carries its raw bytes and the time its last byte came.
sub _events ($self, $res, $o, $data) {
    return 1 unless ($res->{headers}{'content-type'} // '') =~ m{^text/event-stream};
    my $sse = $res->{_sse} //= { in => '', raw => '', cr => 0 };
    my $worth = $sse->{cr} || $data =~ /[\r\n]/;
    $sse->{in} .= $data;
    $sse->{cr} = $data =~ /\r\z/;
    return 1 unless $worth;
    while ($sse->{in} =~ s/\A([^\r\n]*)(\r\n|\n|\r(?!\z))//) {
        $sse->{raw} .= "$1$2";
        if (length $1) {
            _field($res, $sse, $1);
            next;
        }
        my %event = (event => '', data => undef, (delete $sse->{event} // {})->%*,
            raw => $sse->{raw}, at => now());
        $sse->{raw} = '';
        next unless defined $event{data};
        push $res->{events}->@*, \%event;
        return 0 if $o->{on_event} && !$o->{on_event}->(\%event, $res);
        return 0 if $o->{abort_after} && $res->{events}->@* >= $o->{abort_after};
    }
    return 1;
}

sub _field ($res, $sse, $line) {
    my ($field, $value) = $line =~ /^([^:]*)(?:: ?(.*))?$/s;
    my $event = $sse->{event} //= {};
    $value //= '';
    if ($field eq '') {
        push $res->{comments}->@*, { text => $value, at => now() };
    }
    elsif ($field eq 'data') {
        $event->{data} = defined $event->{data} ? "$event->{data}\n$value" : $value;
    }
    elsif ($field =~ /^(?:event|id|retry)$/) {
        $event->{$field} = $value;
    }
}

sub close ($self) {
    if (my $pid = delete $self->{pid}) {
        CORE::kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    my ($r, $w) = delete @$self{qw(rfh wfh)};
    CORE::close($_) for grep { defined } $r, ($w && $r && $w != $r ? $w : ());
    $self->{eof} = 1;
    return $self;
}

# Say that no more will be sent; the answer can still be read.
sub half_close ($self) {
    $self->{wfh}->shutdown(1);
    return $self;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->close if $self->{rfh};
}

1;
