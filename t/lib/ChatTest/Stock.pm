# SPDX-License-Identifier: Apache-2.0
#
# Debian's own httpd configuration, copied to a temporary directory, with its
# paths and its port moved there: what a2enmod and our scripts do to it can be
# looked at and started.
#
#   my $stock = ChatTest::Stock->new;
#   $stock->install;                        # make install DESTDIR=...
#   $stock->run('a2enmod', '-q', 'chat');   # (ok, output)
#   $stock->start; ... $stock->stop;
package ChatTest::Stock;

use v5.36;
use File::Temp ();
use Cwd        ();
use IO::Socket::INET;
use POSIX       qw(WNOHANG);
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);
use ChatTest::Httpd;

my $ROOT = $ChatTest::Httpd::ROOT;
my @LIVE;

sub available ($class) {
    return -e '/etc/apache2/apache2.conf' && -x '/usr/sbin/a2enmod';
}

sub new ($class) {
    my $dir = File::Temp::tempdir('chat-stock-XXXXXX', TMPDIR => 1, CLEANUP => !$ENV{CHAT_TEST_KEEP});
    chmod 0755, $dir;
    my $self = bless { dir => $dir, etc => "$dir/etc", port => ChatTest::Httpd::free_port() }, $class;
    system('cp', '-rP', '/etc/apache2', $self->{etc}) == 0 or die "cannot copy /etc/apache2\n";
    mkdir "$dir/$_" or die "$dir/$_: $!\n" for qw(run log lock state);
    unlink glob("$self->{etc}/sites-enabled/*"), glob("$self->{etc}/mods-enabled/chat.*");
    $self->write('etc/ports.conf', "Listen 127.0.0.1:$self->{port}\n");
    $self->append('etc/envvars', <<"END");
export APACHE_PID_FILE=$dir/run/apache2.pid
export APACHE_RUN_DIR=$dir/run
export APACHE_LOCK_DIR=$dir/lock
export APACHE_LOG_DIR=$dir/log
END
    return $self;
}

sub dir ($self)  { return $self->{dir} }
sub etc ($self)  { return $self->{etc} }
sub port ($self) { return $self->{port} }

sub write ($self, $name, $text, $how = '>') {
    my $file = "$self->{dir}/$name";
    open my $fh, $how, $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
    return $file;
}

sub append ($self, $name, $text) {
    return $self->write($name, $text, '>>');
}

sub read ($self, $name) {
    open my $fh, '<', "$self->{dir}/$name" or return '';
    local $/;
    return <$fh> // '';
}

sub edit ($self, $name, $sub) {
    local $_ = $self->read($name);
    $sub->();
    return $self->write($name, $_);
}

sub env ($self, %more) {
    return (
        PATH                   => "$ENV{PATH}:/usr/sbin:/sbin",
        LANG                   => 'C',
        APACHE_CONFDIR         => $self->{etc},
        APACHE_STATE_DIRECTORY => "$self->{dir}/state",
        (map { $_ => $ENV{$_} } grep { exists $ENV{$_} } qw(HOME APXS TMPDIR)),
        %more,
    );
}

sub _exec ($self, $out, $env, @command) {
    %ENV = $self->env(%$env);
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>>', $out;
    open STDERR, '>&', \*STDOUT;
    chdir $ROOT;
    { no warnings 'exec'; exec @command }
    print "cannot run $command[0]: $!\n";
    POSIX::_exit(127);
}

# (ok, what it said). A hash in front is more environment.
sub run ($self, @command) {
    my $env = ref $command[0] ? shift @command : {};
    my $out = $self->write('run.out', '');
    my $pid = fork // die "fork: $!\n";
    $self->_exec($out, $env, @command) if !$pid;
    waitpid $pid, 0;
    my $ok = $? == 0;
    return ($ok, $self->read('run.out'));
}

sub make ($self, @words) {
    return $self->run('make', '--no-print-directory', '-f', 'Makefile.apxs',
        "DESTDIR=$self->{dir}/out", @words);
}

# make install, then carried over into the copied configuration, as unpacking
# would do where DESTDIR is empty.
sub install ($self) {
    my ($ok, $said) = $self->make('install');
    die "make install: $said\n" if !$ok;
    for my $name (qw(chat.load chat.conf)) {
        my $text = $self->read("out/etc/apache2/mods-available/$name");
        $text =~ s{^LoadModule chat_module \K(?=/)}{$self->{dir}/out}m;
        $text =~ s{(?<![\w.])/etc/apache2/}{$self->{etc}/}g;
        $self->write("etc/mods-available/$name", $text);
    }
    return $said;
}

# The parts of a2enmod's and httpd's command lines that name this copy.
sub httpd ($self, @flags) {
    return ('sh', '-c', '. "$APACHE_CONFDIR/envvars"; exec apache2 -d "$APACHE_CONFDIR" "$@"', 'sh', @flags);
}

sub configtest ($self) {
    return $self->run($self->httpd('-t'));
}

# Start @command (default: httpd in the foreground) and wait for the port.
sub start ($self, @command) {
    my $env = ref $command[0] ? shift @command : {};
    @command = $self->httpd('-DFOREGROUND') if !@command;
    my $out = $self->write('start.out', '');
    my $pid = $self->{pid} = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp;
        $self->_exec($out, $env, @command);
    }
    push @LIVE, $pid;
    my $until = clock_gettime(CLOCK_MONOTONIC) + 20;
    while (clock_gettime(CLOCK_MONOTONIC) < $until && waitpid($pid, WNOHANG) == 0) {
        return $self if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Proto => 'tcp');
        sleep 0.02;
    }
    die "it did not start:\n", $self->read('start.out'), $self->read('log/error.log'), "\n";
}

# True when it ended by itself after the signal, with status 0.
sub stop ($self, $signal = 'TERM') {
    my $pid = delete $self->{pid} or return 0;
    my ($until, $ended) = (clock_gettime(CLOCK_MONOTONIC) + 20, 0);
    kill $signal, $pid;
    sleep 0.02 until ($ended = waitpid($pid, WNOHANG)) || clock_gettime(CLOCK_MONOTONIC) > $until;
    my $ok = $ended && $? == 0;
    kill 'KILL', -$pid;
    waitpid $pid, 0 if !$ended;
    @LIVE = grep { $_ != $pid } @LIVE;
    return $ok;
}

my $OWNER = $$;

END {
    local $?;
    for my $pid ($$ == $OWNER ? @LIVE : ()) {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
}

1;
