# SPDX-License-Identifier: Apache-2.0
#
# The httpd process under test: its configuration, its start, its signals and
# its end. Knows nothing of requests; ChatTest builds on it.
package ChatTest::Httpd;

use v5.36;
use Cwd            qw(abs_path);
use Fcntl          qw(F_DUPFD);
use File::Basename qw(dirname);
use File::Temp     ();
use IO::Socket::INET;
use POSIX       qw(WNOHANG);
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);
use ChatTest::Checker;

our $ROOT = abs_path(dirname(__FILE__) . '/../../..');

my %NEEDS = (
    auth_basic => [qw(authn_core authn_file authz_user)],
    auth_form  => [qw(authn_core authn_file authz_user session session_cookie request)],
    brotli     => ['filter'],
    deflate    => ['filter'],
    proxy_http => ['proxy'],
    ssl        => ['socache_shmcb'],
);

my $OWNER = $$;
my @LIVE;    # pid, not yet reaped

sub new ($class, %o) {
    my $self = bless {
        mpm     => $ENV{CHAT_TEST_MPM} // 'event',
        variant => $ENV{CHAT_VARIANT} || 'plain',
        chat    => 1,
        modules => [],
        conf    => '',
        env     => {},
        %o,
    }, $class;
    $self->{checker} = ChatTest::Checker->new(root => $ROOT, variant => $self->{variant});
    $self->{dir} = File::Temp::tempdir('chat-test-XXXXXX', TMPDIR => 1,
        CLEANUP => !$ENV{CHAT_TEST_KEEP});
    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/$_", 0755 for qw(htdocs run check);
    $self->write_file('mime.types', "text/plain txt\ntext/html html\n");
    chmod 0777, "$self->{dir}/check";    # written by the unprivileged children
    $self->new_ports;
    return $self;
}

# Below the range that outgoing connections take, so that a load test cannot
# hold the port by chance.
sub free_port {
    for (1 .. 200) {
        my $port = 10000 + int rand 20000;
        my $try = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1) or next;
        close $try;
        return $port;
    }
    die "no free port on 127.0.0.1\n";
}

sub new_ports ($self) {
    $self->{port} = free_port();
    do { $self->{tls_port} = free_port() } while $self->{tls_port} == $self->{port};
}

sub _apxs ($what) {
    state %known;
    my $apxs = $ENV{APXS} || 'apxs';
    return $known{$what} //= qx($apxs -q $what 2>/dev/null) =~ s/\s+\z//r;
}

sub program ($self) {
    return $ENV{CHAT_HTTPD} || _apxs('SBINDIR') . '/' . _apxs('PROGNAME');
}

sub _static ($self) {
    state %static;
    my $program = $self->program;
    return $static{$program} //= { map { /^\s+(?:mod_)?(\w+)\.c$/ ? ($1 => 1) : () } qx($program -l) };
}

sub module_file ($self) {
    return $self->{module} // "$ROOT/build/$self->{variant}/mod_chat.so";
}

sub _load_modules ($self) {
    my (%seen, @lines);
    my @want = ("mpm_$self->{mpm}", qw(unixd log_config logio authz_core),
        ($self->{tls} ? 'ssl' : ()), $self->{modules}->@*);
    while (defined(my $m = shift @want)) {
        next if $seen{$m}++;
        if ($NEEDS{$m} && !$seen{"$m needs"}++) {
            unshift @want, $NEEDS{$m}->@*, $m;
            $seen{$m} = 0;
            next;
        }
        next if $self->_static->{$m};
        push @lines, "LoadModule ${m}_module \"" . _apxs('LIBEXECDIR') . "/mod_$m.so\"";
    }
    push @lines, 'LoadModule chat_module "' . $self->module_file . '"' if $self->{chat};
    return join "\n", @lines;
}

sub has_module ($self, $m) {
    return scalar grep { $_ eq $m } $self->{modules}->@*;
}

# One child that holds every stream, and room for the generations before it.
my %MPM_CONF = (
    threaded => <<'END',
StartServers 1
ServerLimit 16
ThreadLimit 64
ThreadsPerChild 32
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
MaxConnectionsPerChild 0
END
    prefork => <<'END',
StartServers 4
ServerLimit 64
MaxRequestWorkers 64
MinSpareServers 4
MaxSpareServers 64
MaxConnectionsPerChild 0
END
);

sub _mpm_conf ($self) {
    return $self->{mpm_conf} if defined $self->{mpm_conf};
    return $MPM_CONF{prefork} if $self->{mpm} eq 'prefork';
    return $MPM_CONF{threaded}
        . ($self->{mpm} eq 'event' ? "AsyncRequestWorkerFactor 400\n" : '');
}

sub _user ($self) {
    return '' if $> != 0;
    my ($user) = grep { defined getpwnam $_ } 'www-data', 'nobody';
    my $group = getgrgid +(getpwnam $user)[3];
    return "User $user\nGroup $group\n";
}

sub _tls ($self) {
    return '' unless $self->{tls};
    my ($cert, $key) = $self->certificate;
    return <<"END";
Listen 127.0.0.1:$self->{tls_port}
SSLSessionCache "shmcb:$self->{dir}/run/ssl(512000)"
<VirtualHost 127.0.0.1:$self->{tls_port}>
ServerName localhost
SSLEngine on
SSLCertificateFile "$cert"
SSLCertificateKeyFile "$key"
@{[ $self->fill($self->{tls_conf} // '') ]}
</VirtualHost>
END
}

sub certificate ($self) {
    my ($cert, $key) = map { "$self->{dir}/$_" } 'cert.pem', 'cert.key';
    if (!-e $cert) {
        my $out = qx(openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \\
            -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \\
            -addext 'basicConstraints=critical,CA:FALSE' \\
            -keyout $key -out $cert 2>&1);
        die "openssl req failed: $out\n" if $?;
        chmod 0600, $key;
    }
    return ($cert, $key);
}

# %%PORT%% and its like, which are only known now.
sub fill ($self, $text) {
    my %is = (PORT => $self->{port}, TLS_PORT => $self->{tls_port}, DIR => $self->{dir},
        HTDOCS => "$self->{dir}/htdocs", ROOT => $ROOT);
    $text =~ s/%%(\w+)%%/$is{$1} \/\/ die "unknown %%$1%% in conf\n"/ge;
    return $text;
}

our $LOG_FORMAT = '%h \"%r\" %>s b=%B I=%I O=%O D=%D X=%X k=%k id=%{CHAT_REQUEST_ID}e'
    . ' user=%{CHAT_USER}e model=%{CHAT_MODEL}e provider=%{CHAT_PROVIDER}e status=%{CHAT_STATUS}e'
    . ' ttft=%{CHAT_TTFT_MS}e ms=%{CHAT_DURATION_MS}e in=%{CHAT_INPUT_TOKENS}e'
    . ' out=%{CHAT_OUTPUT_TOKENS}e outcome=%{CHAT_OUTCOME}e';

sub conf_text ($self, $conf = $self->{conf}) {
    my $dir = $self->{dir};
    my $level = $self->{log_level} // $ENV{CHAT_LOGLEVEL} // ('info' . ($self->{chat} ? ' chat:debug' : ''));
    my $status = $self->has_module('status')
        ? "ExtendedStatus On\n<Location /server-status>\nSetHandler server-status\n</Location>\n" : '';
    return join "\n",
        "ServerRoot \"$dir\"", "ServerName 127.0.0.1", "PidFile \"$dir/run/httpd.pid\"",
        "DefaultRuntimeDir \"$dir/run\"", "Listen 127.0.0.1:$self->{port}",
        $self->_load_modules, $self->_user, $self->_mpm_conf,
        "DocumentRoot \"$dir/htdocs\"", "ErrorLog \"$dir/error.log\"", "LogLevel $level",
        ($ENV{CHAT_TEST_CORE} ? "CoreDumpDirectory \"$dir\"" : ()), $self->{checker}->directives($dir),
        "LogFormat \"$LOG_FORMAT\" test", "CustomLog \"$dir/access.log\" test",
        $status, $self->fill($conf), $self->_tls, '';
}

sub write_file ($self, $name, $text, $mode = 0644) {
    my $file = $name =~ m{^/} ? $name : "$self->{dir}/$name";
    open my $fh, '>', $file or die "$file: $!\n";
    chmod $mode, $file;
    print $fh $text;
    close $fh or die "$file: $!\n";
    return $file;
}

sub _write_conf ($self) {
    return $self->write_file('httpd.conf', $self->conf_text);
}

sub _environment ($self) {
    return (
        (map { $_ => $ENV{$_} } grep { exists $ENV{$_} } qw(PATH HOME TMPDIR LANG)),
        CHAT_CANARY_KEY => $self->{canary_key},
        $self->{checker}->env("$self->{dir}/check"),
        $self->{env}->%*,
    );
}

# Fork and run @command with httpd's environment and %more; output goes to $out,
# and @pipes are descriptors 3 and so on.
sub _spawn ($self, $out, $command, $more = {}, @pipes) {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    %ENV = ($self->_environment, %$more);
    setpgrp;
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>>', $out;
    open STDERR, '>&', \*STDOUT;
    my @high = map { fcntl $_, F_DUPFD, 20 } @pipes;
    POSIX::dup2($high[$_], 3 + $_), POSIX::close($high[$_]) for 0 .. $#high;
    umask 022;
    { no warnings 'exec'; exec @$command }
    print "cannot run $command->[0]: $!\n";
    POSIX::_exit(127);
}

# Does httpd accept this configuration? (ok, what it said)
sub configtest ($self, $conf = $self->{conf}) {
    my $file = $self->write_file('configtest.conf', $self->conf_text($conf));
    my $out = $self->write_file('configtest.out', '');
    my @command = ($self->program, '-t', '-d', $self->{dir}, '-f', $file);
    my $status = $self->{configtests}++ ? $self->_ready($out, @command) : undef;
    if (!defined $status) {
        waitpid $self->_spawn($out, \@command), 0;
        $status = $?;
    }
    return ($status == 0, $self->slurp('configtest.out'));
}

# The same from a process that has loaded the modules already (t/tools/preload/ready.c),
# in a quarter of the time: the status, or undef where there is none.
sub _ready ($self, $out, @command) {
    my $tool = "$ROOT/build/$self->{variant}/tools/ready.so";
    my %env = $self->_environment;
    return if !$self->{chat} || $self->{checker}->name || $env{LD_PRELOAD} || !-e $tool;
    my $modules = join "\n", $self->_load_modules =~ /"(.*?)"/g;
    my $is = join "\0", $modules, map { "$_=$env{$_}" } sort keys %env;
    if (($self->{ready}{is} // '') ne $is) {
        pipe my $asked, my $ask or die "pipe: $!\n";
        pipe my $told, my $tell or die "pipe: $!\n";
        my %more = (LD_PRELOAD => $tool, CHAT_READY => $modules, CHAT_READY_OUT => $out);
        $self->_spawn($out, \@command, \%more, $asked, $tell);
        $self->{ready} = { is => $is, ask => $ask, told => $told };
    }
    syswrite $self->{ready}{ask}, 'x';
    my $read = sysread $self->{ready}{told}, my $status, 4;
    return $read ? unpack 'i', $status : undef;
}

sub slurp ($self, $name, $from = 0) {
    my $file = $name =~ m{^/} ? $name : "$self->{dir}/$name";
    open my $fh, '<:raw', $file or return '';
    seek $fh, $from, 0;
    local $/;
    return <$fh> // '';
}

# Start, on other ports when somebody was faster. Dies with httpd's words.
sub launch ($self) {
    for (1 .. 5) {
        return $self if $self->_launch_once;
        last unless $self->{said} =~ /could not bind to address|Address already in use/;
        unlink "$self->{dir}/error.log";
        $self->new_ports;
    }
    die "httpd did not start:\n$self->{said}\n";
}

sub _launch_once ($self) {
    my $conf = $self->_write_conf;
    my @flags = $self->{single} ? ('-X') : ('-DFOREGROUND');
    $self->write_file('stdout', '');
    $self->{pid} = $self->_spawn("$self->{dir}/stdout", [ $self->{checker}->prefix("$self->{dir}/check"),
        $self->program, @flags, '-d', $self->{dir}, '-f', $conf ]);
    push @LIVE, $self->{pid};
    my $until = clock_gettime(CLOCK_MONOTONIC) + 20 * $self->{checker}->scale;
    while (clock_gettime(CLOCK_MONOTONIC) < $until) {
        return 1 if $self->_is_up;
        last if !$self->alive;
        sleep 0.02;
    }
    $self->{said} = $self->slurp('stdout') . $self->slurp('error.log');
    $self->kill_group;
    return 0;
}

sub _is_up ($self) {
    my $pid = $self->slurp('run/httpd.pid') =~ /^(\d+)/ ? $1 : 0;
    return $pid == $self->{pid} && ($self->{single} || (my @some = $self->children))
        && IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Proto => 'tcp');
}

# True while the parent process lives; its exit status is in {exit} after.
sub alive ($self) {
    my $pid = $self->{pid} or return 0;
    return 1 if waitpid($pid, WNOHANG) == 0;
    $self->_reaped;
    return 0;
}

sub _reaped ($self) {
    $self->{exit} = $?;
    $self->{last_pid} = delete $self->{pid};
    @LIVE = grep { $_ != $self->{last_pid} } @LIVE;
}

sub signal ($self, $name) {
    $self->{pid} or die "httpd does not run\n";
    CORE::kill $name, $self->{pid};
    return $self;
}

# Wait for the parent to leave. False when it did not in $seconds.
sub wait_exit ($self, $seconds) {
    my $until = clock_gettime(CLOCK_MONOTONIC) + $seconds;
    while ($self->alive) {
        return 0 if clock_gettime(CLOCK_MONOTONIC) > $until;
        sleep 0.01;
    }
    return 1;
}

sub kill_group ($self) {
    my $pid = $self->{pid} // $self->{last_pid} // return;
    CORE::kill 'KILL', -$pid;
    if ($self->{pid}) {
        waitpid $pid, 0;
        $self->_reaped;
    }
}

# The pids of httpd's children, oldest first.
sub children ($self) {
    my $parent = $self->{pid} // return;
    my @found;
    for my $stat (glob '/proc/[0-9]*/stat') {
        my $text = $self->slurp($stat);
        push @found, $1 if $text =~ /^(\d+) \(.*\) \S (\d+) /s && $2 == $parent;
    }
    return sort { $a <=> $b } @found;
}

# Processes of httpd's group that are still there after its end.
sub survivors ($self) {
    my $group = $self->{last_pid} // return;
    return if !CORE::kill 0 => -$group;
    my @found;
    for my $stat (glob '/proc/[0-9]*/stat') {
        my $text = $self->slurp($stat);
        push @found, $1 if $text =~ /^(\d+) \(.*\) ([^Z]) \d+ (\d+) /s && $3 == $group;
    }
    return @found;
}

# Name => value of /proc/PID/status (VmRSS and its like in KiB), and fds.
sub proc_status ($self, $pid) {
    my %is = map { /^(\w+):\s+(\S+)/ ? ($1 => $2) : () } split /\n/, $self->slurp("/proc/$pid/status");
    $is{fds} = () = glob "/proc/$pid/fd/*";
    return \%is;
}

END {
    local $?;
    for my $pid ($$ == $OWNER ? @LIVE : ()) {
        CORE::kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
}

1;
