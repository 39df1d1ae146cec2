# SPDX-License-Identifier: Apache-2.0
#
# One server that stands between the load and the mock: whether it can be here,
# its start and its end, and how it is asked. Bench/Peers.pm has the list.
package ChatTest::Bench::Peer;

use v5.36;
use POSIX qw(WNOHANG);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);
use ChatTest::Bench qw(pin schedule cpu pss slurp);
use ChatTest::Httpd ();

my $OWNER = $$;
my %LIVE;    # pid, leader of its group

# title; path; load (sse_load's letters); model; streams, idle, arrivals (the
# most that are asked of it); tls: it and the mock speak it; refusals => { status => more of load, path }; install =>
# sub ($bench): why it cannot be here, or nothing; begin => sub ($self, $bench),
# which sets pid and port, or httpd.
sub new ($class, $name, %o) {
    return bless { name => $name, load => {}, model => 'gpt-4o-mini', refusals => {}, %o }, $class;
}

sub name ($self)  { return $self->{name} }
sub title ($self) { return $self->{title} }

# Why it is absent, or ''. Installs it, where that is how it comes.
sub absent ($self, $bench) {
    return $self->{absent} //= do {
        my $why = $self->{install} ? eval { $self->{install}->($bench) // '' } // $@ : '';
        $why =~ s/\s+\z//r;
    };
}

# What it is made of, each with its version.
sub versions ($self, $bench) {
    return $self->{version} ? [ $self->{version}->($bench) ] : [];
}

# Dies when it does not come up.
sub start ($self, $bench) {
    $self->{dir} = $bench->scratch($self->{name});
    remove_tree($self->{dir});
    make_path($self->{dir});
    $self->{begin}->($self, $bench);
    if (my $t = $self->{httpd}) {
        @$self{qw(pid port)} = ($t->pid, $self->{tls} ? $t->tls_port : $t->port);
    }
    if ($self->{pid}) {
        pin($self->{pid});
        schedule($self->{pid});
    }
    return $self;
}

sub stop ($self) {
    if (my $t = delete $self->{httpd}) {
        $t->stop(seconds => 30);
    }
    elsif (my $pid = $self->{pid}) {
        _end($pid);
    }
    delete @$self{qw(pid port)};
    return;
}

sub _end ($pid) {
    my $until = time + 5;
    kill 'TERM', $pid;
    sleep 0.02 until waitpid($pid, WNOHANG) || time > $until;
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    delete $LIVE{$pid};
}

# A program in a group of its own, up when its port answers. %o: env, seconds,
# dir, path: of a GET that has to be answered by anything.
sub run ($self, $command, %o) {
    my $log = "$self->{dir}/output";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp;
        %ENV = (%ENV, ($o{env} // {})->%*);
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        chdir($o{dir} // $self->{dir});
        { no warnings 'exec'; exec @$command }
        print "cannot run $command->[0]: $!\n";
        POSIX::_exit(127);
    }
    $LIVE{$pid} = 1;
    pin($pid);
    $self->{pid} = $pid;
    my $until = time + ($o{seconds} // 20);
    while (time < $until && !waitpid($pid, WNOHANG)) {
        return if _answers($self->{port}, $o{path});
        sleep 0.05;
    }
    delete $self->{pid};
    _end($pid);
    die "$self->{name} does not come up: " . (join ' | ', (split /\n/, slurp($log))[ -3 .. -1 ]) . "\n";
}

sub _answers ($port, $path) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp', Timeout => 5) or return 0;
    return 1 if !$path;
    print $s "GET $path HTTP/1.0\r\n\r\n";
    return defined readline $s;
}

sub free_port ($self) {
    return $self->{port} = ChatTest::Httpd::free_port();
}

# ---- asking ----

sub url ($self, $path = $self->{path}) {
    my $scheme = $self->{tls} ? 'https' : 'http';
    return "$scheme://127.0.0.1:$self->{port}$path";
}

# Whom it stands before.
sub mock ($self, $bench) {
    return $self->{tls} ? $bench->tls_up : $bench->up;
}

# A request that tells the mock what to do; $filler bytes of prompt before it.
sub body ($self, $script, $filler = 0) {
    my $prompt = substr 'The quick brown fox jumps over the lazy dog. ' x (1 + $filler / 45), 0, $filler;
    $script = join ';', 'seed={i}', $script || ();
    return qq({"model":"$self->{model}","stream":true,"messages":[{"role":"user","content":"${prompt}mock($script)"}]});
}

sub cpu_now ($self) { return $self->{pid} ? cpu($self->{pid}) : 0 }
sub pss_now ($self) { return $self->{pid} ? pss($self->{pid}) : 0 }

END {
    local $?;
    for my $pid ($$ == $OWNER ? keys %LIVE : ()) {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
}

1;
