# SPDX-License-Identifier: Apache-2.0
#
# A redis-server of its own for one test file: free port, temporary folder,
# and the ways in which one falls ill. Its protocol is spoken here, so that
# questions see what Apache sees.
package ChatTest::Redis;
use v5.36;
use File::Temp ();
use IO::Socket::INET;
use POSIX ();

# %o: password; tls: [certificate, key], files, for a second port.
sub new ($class, %o) {
    my $self = bless { %o, dir => File::Temp->newdir('chat-redis-XXXXXX', TMPDIR => 1) }, $class;
    $self->{port} = _free_port();
    $self->{tls_port} = _free_port() if $o{tls};
    chmod 0711, "$self->{dir}"; # httpd's children come to the socket in it
    return $self;
}

sub _free_port () {
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0) or die "no port: $!";
    return $s->sockport;
}

sub port ($self) { return $self->{port} }
sub tls_port ($self) { return $self->{tls_port} }
sub url ($self, $db = 0) { return "redis://127.0.0.1:$self->{port}/$db" }
sub unix_url ($self, $db = 0) { return "unix://$self->{dir}/socket?db=$db" }

# %o: password replaces the one from new ('' for none).
sub start ($self, %o) {
    my $password = $o{password} // $self->{password} // '';
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        { exec 'redis-server', '--port', $self->{port}, '--bind', '127.0.0.1', '--save', '',
            '--dir', "$self->{dir}", '--unixsocket', "$self->{dir}/socket", '--unixsocketperm', '777', '--requirepass', $password, $self->_tls }
        POSIX::_exit(127);
    }
    $self->{pid}    = $pid;
    $self->{secret} = $password;
    for (1 .. 200) {
        my $pong = eval { $self->ask('PING') };
        return $self if $pong && $pong eq 'PONG';
        select undef, undef, undef, 0.02;
    }
    die 'redis-server does not start: ' . do { local (@ARGV, $/) = "$self->{dir}/log"; <> };
}

sub _tls ($self) {
    my ($cert, $key) = ($self->{tls} // return)->@*;
    return ('--tls-port', $self->{tls_port}, '--tls-cert-file', $cert, '--tls-key-file', $key,
        '--tls-ca-cert-file', $cert, '--tls-auth-clients', 'no');
}

sub _signal ($self, $name) {
    kill $name, $self->{pid} if $self->{pid};
    return $self;
}

sub freeze ($self) { return $self->_signal('STOP') }
sub thaw ($self)   { return $self->_signal('CONT') }

sub stop ($self) {
    my $pid = delete $self->{pid} // return $self;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return $self;
}

# One command on a connection of its own. Dies with Redis's words on an error.
sub ask ($self, @words) { return $self->in_db(0, @words) }

sub in_db ($self, $db, @words) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5)
        or die "no Redis: $!";
    my @commands = (($self->{secret} ? [ 'AUTH', $self->{secret} ] : ()), ($db ? [ 'SELECT', $db ] : ()), \@words);
    my $answer;
    for my $c (@commands) {
        print {$s} '*' . @$c . "\r\n" . join '', map { '$' . length($_) . "\r\n$_\r\n" } @$c;
        $answer = _read($s);
    }
    return $answer;
}

sub _read ($s) {
    my $line = <$s> // die "Redis closed the connection\n";
    $line =~ s/\r\n\z//;
    my ($type, $rest) = (substr($line, 0, 1), substr $line, 1);
    return $rest if $type eq '+' || $type eq ':';
    die "$rest\n" if $type eq '-';
    return undef if $rest < 0;
    if ($type eq '*') {
        return [ map { _read($s) } 1 .. $rest ];
    }
    my $data = '';
    read($s, $data, $rest - length $data, length $data) or die 'short' while length $data < $rest;
    <$s>;
    return $data;
}

# { command => calls } since the start or the last CONFIG RESETSTAT.
sub calls ($self) {
    return { $self->ask('INFO', 'commandstats') =~ /^cmdstat_([^:]+):calls=(\d+)/mg };
}

sub DESTROY ($self) {
    local $?;
    $self->stop;
}

1;
