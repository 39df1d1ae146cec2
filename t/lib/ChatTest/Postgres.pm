# SPDX-License-Identifier: Apache-2.0
#
# A private PostgreSQL for one test file: its own data in a temporary
# directory, a Unix socket there and no port. The documentation is at the end.
package ChatTest::Postgres;

use v5.36;
use File::Temp ();
use POSIX      qw(WNOHANG);
use Time::HiRes qw(sleep time);
use ChatTest    ();

my $OWNER = $$;
my %LIVE;    # pid => 1

# The newest server there is; initdb is not in PATH on Debian.
sub bin_dir {
    my ($dir) = map { s{/initdb\z}{}r } sort { _version($b) <=> _version($a) }
        grep { -x } glob('/usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb'),
        map { "$_/initdb" } split /:/, $ENV{PATH};
    return $dir;
}

sub _version ($path) {
    return $path =~ m{(\d+)/bin} ? $1 : 0;
}

sub new ($class, %o) {
    my $self = bless { bin => bin_dir(), conf => {}, %o }, $class;
    ChatTest::skip_or_fail('PostgreSQL (initdb) is not installed') unless $self->{bin};
    $self->{dir} = File::Temp::tempdir('chat-pg-XXXXXX', TMPDIR => 1, CLEANUP => !$ENV{CHAT_TEST_KEEP});
    chmod 0755, $self->{dir};

    # It ends with this process, and it refuses to run as root.
    $self->{as} = [ 'setpriv', '--pdeathsig=INT' ];
    if ($> == 0) {
        my ($user) = grep { defined getpwnam $_ } 'postgres', 'nobody';
        my ($uid, $gid) = (getpwnam $user)[2, 3];
        push $self->{as}->@*, "--reuid=$uid", "--regid=$gid", '--clear-groups';
        chown $uid, $gid, $self->{dir};
    }
    $self->_run("$self->{bin}/initdb", '-D', "$self->{dir}/data", '-U', 'chat', '-A', 'trust',
        '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions');
    return $self;
}

sub _run ($self, @command) {
    my $log = "$self->{dir}/run.log";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        chdir '/';
        { no warnings 'exec'; exec($self->{as}->@*, @command) }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    die "$command[0] failed:\n" . _slurp($log) . "\n" if $?;
}

sub _slurp ($file, $from = 0) {
    open my $fh, '<:raw', $file or return '';
    seek $fh, $from, 0;
    local $/;
    return <$fh> // '';
}

# Every statement goes to the log, with its parameters.
sub start ($self) {
    my %conf = (
        fsync => 'off', max_connections => 50, shared_buffers => '16MB', dynamic_shared_memory_type => 'mmap',
        log_statement => 'all', log_line_prefix => '%m [%p] ', listen_addresses => '',
        unix_socket_directories => $self->{dir}, $self->{conf}->%*);
    my $log = "$self->{dir}/postgres.log";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        chdir '/';
        setpgrp;
        { no warnings 'exec'; exec($self->{as}->@*, "$self->{bin}/postgres", '-D', "$self->{dir}/data",
            map { ('-c', "$_=$conf{$_}") } sort keys %conf) }
        POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $LIVE{$pid} = 1;
    my $until = time + ChatTest::scaled(30);
    while (system("$self->{bin}/pg_isready", '-q', '-h', $self->{dir}) != 0) {
        die "PostgreSQL did not start:\n" . _slurp($log) . "\n"
            if time > $until || waitpid($pid, WNOHANG) != 0;
        sleep 0.05;
    }
    if (!$self->{created}++) {
        $self->sql('CREATE DATABASE chat', 'postgres');
    }
    return $self;
}

sub _end ($self, $signal) {
    my $pid = delete $self->{pid} or return;
    CORE::kill $signal, $signal eq 'KILL' ? -$pid : $pid;
    waitpid $pid, 0;
    delete $LIVE{$pid};
}

sub stop ($self)    { $self->_end('INT'); return $self }
sub restart ($self) { return $self->stop->start }

# The server and one process for each connection; each has a group of its own.
sub _processes ($self) {
    my @found = $self->{pid};
    for my $stat (glob '/proc/[0-9]*/stat') {
        push @found, $1 if _slurp($stat) =~ /^(\d+) \(.*\) \S (\d+) /s && $2 == $self->{pid};
    }
    return @found;
}

# It takes connections and questions, as its kernel does for it, and answers
# none. The server itself goes first: then no process is added.
sub freeze ($self) {
    CORE::kill 'STOP', $_ for $self->{pid}, $self->_processes;
    return $self;
}

sub thaw ($self) {
    CORE::kill 'CONT', $_ for reverse $self->_processes;
    return $self;
}

# As a crash: nobody says goodbye to the clients.
sub kill ($self) {
    $self->_end('KILL');
    unlink "$self->{dir}/data/postmaster.pid";
    return $self;
}

# What libpq and node's pg connect with.
sub params ($self) { return "host=$self->{dir} dbname=chat user=chat connect_timeout=5" }
sub url ($self) { return "postgresql://chat\@/chat?host=$self->{dir}" }
sub dir ($self) { return $self->{dir} }

# Rows as psql prints them, columns separated by "|".
sub sql ($self, $sql, $database = 'chat') {
    open my $fh, '-|', "$self->{bin}/psql", '-h', $self->{dir}, '-U', 'chat', '-d', $database,
        '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql
        or die "psql: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh or die "psql failed on: $sql\n";
    chomp $out;
    return $out;
}

sub mark ($self) { return -s "$self->{dir}/postgres.log" // 0 }
sub log ($self, $from = 0) { return _slurp("$self->{dir}/postgres.log", $from) }

# The statements that were executed for a bound parameter since $mark, oldest
# first: how often somebody asked.
sub asked ($self, $from = 0) {
    return $self->log($from) =~ /LOG:  execute \S+: (.*)/g;
}

END {
    local $?;
    for my $pid ($$ == $OWNER ? keys %LIVE : ()) {
        CORE::kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
}

1;

__END__

=head1 NAME

ChatTest::Postgres - a private PostgreSQL for one test file

=head1 SYNOPSIS

    my $pg = ChatTest::Postgres->new->start;
    $pg->sql('CREATE TABLE t (n int)');
    my $t = ChatTest->new(modules => ['dbd'],
        conf => "DBDriver pgsql\nDBDParams \"${\$pg->params}\"\n")->start;
    $pg->restart;

=head1 METHODS

=over

=item new(conf => { name => value }), start

initdb in a temporary directory, then the server, as the user postgres (or
nobody) when the tests run as root. Skips the test file when there is no
PostgreSQL. The database is C<chat>, its owner too.

=item stop, restart, kill

stop ends all sessions in order; kill is SIGKILL for all its processes.

=item freeze, thaw

SIGSTOP and SIGCONT for all its processes.

=item params, url, dir

For DBDParams and libpq; for node's pg; the directory with the socket.

=item sql($statement, $database)

Runs it with psql; returns the rows, columns separated by C<|>.

=item log($from), mark, asked($from)

The server's log; asked returns the statements with parameters in it.

=back

=cut
