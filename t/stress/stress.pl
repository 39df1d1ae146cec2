#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Stops a server in the very moment in which its clients start, finish or abort
# their streams, hundreds of times, and looks at how it went.
#
# httpd itself has a race there: at a hard stop its main thread closes the
# sockets of workers that may be destroying them (close_worker_sockets in
# server/mpm/event/event.c), whatever the handler. So every round is played
# twice: by httpd with mod_chat, and by a control without it whose clients do
# the same with a static file. t/stress/backtrace.c tells the stacks apart.
#
# What must hold:
#   - no crash in the module's arm has another stack than that one
#   - it is not more frequent there than in the control: Fisher's exact test,
#     one-sided, over all rounds with a hard stop, fails below p = 0.01
#   - graceful and graceful-stop crash never, and cut no stream
#   - a server is gone 10 s after its signal at the latest
#
#   stress.pl [-n ROUNDS] [-m MODE,...] [-s SEED] [-j]      -j: JSON, no table
#
# The mode "crash" is none of them: it kills the child, and so shows that a
# crash would be seen.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Getopt::Long qw(:config no_ignore_case bundling);
use IO::Select;
use IO::Socket::INET;
use JSON::PP    ();
use List::Util  qw(max min sum0);
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);
use ChatTest::Httpd;
use ChatTest::Upstream;

use constant { CLIENTS => 12, STUCK => 10, ALPHA => 0.01 };

my @HARD = qw(abort finish start flow);
my @SOFT = qw(graceful-stop graceful);

my %o = (n => 500, m => join(',', @HARD, @SOFT), s => time);
GetOptions(\%o, 'n=i', 'm=s', 's=i', 'j') or die "usage: stress.pl [-n ROUNDS] [-m MODE,...] [-s SEED] [-j]\n";
srand $o{s};
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);    # not without stopping the servers

my $scale = ChatTest::Checker->new(root => $ChatTest::Httpd::ROOT, variant => $ENV{CHAT_VARIANT} || 'plain')->scale;
my $upstream = ChatTest::Upstream->new(lean => 1)->start;

# ---- the two servers ----

sub shim ($dir) {
    my $so = "$dir/backtrace.so";
    system($ENV{CC} // 'cc', qw(-std=gnu11 -D_GNU_SOURCE -O1 -g -shared -fPIC -o), $so, "$FindBin::Bin/backtrace.c") == 0
        or die "cannot build t/stress/backtrace.c\n";
    return $so;
}

sub server ($with_module) {
    my $t = ChatTest::Httpd->new(
        canary_key => 'none', mpm => 'event', chat => $with_module, log_level => 'notice',
        conf     => $with_module ? chat_conf() : '',
        mpm_conf => <<'END');
StartServers 1
ServerLimit 32
ThreadLimit 16
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
MaxSpareThreads 16
AsyncRequestWorkerFactor 100
END
    $t->write_file('htdocs/a.txt', "hello\n");
    mkdir "$t->{dir}/crash";
    chmod 0777, "$t->{dir}/crash";
    my %checker = $t->{checker}->env("$t->{dir}/check");
    $t->{env} = {
        %checker,
        LD_PRELOAD     => join(' ', grep { defined } $checker{LD_PRELOAD}, shim($t->{dir})),
        CHAT_CRASH_DIR => "$t->{dir}/crash",
    };
    return $t;
}

sub chat_conf {
    return <<"END";
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  ${\$upstream->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatUse mock
    ChatAuth guest
</Location>
END
}

# ---- twelve clients ----

sub now () {
    return clock_gettime(CLOCK_MONOTONIC);
}

sub request_text ($t, %mock) {
    return "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" if !$t->{chat};
    my $script = join ';', map { "$_=$mock{$_}" } sort keys %mock;
    my $body = qq({"messages":[{"role":"user","content":"mock($script)"}]});
    return "POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

sub open_clients ($t, $n, %mock) {
    my @clients;
    for (1 .. $n) {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{port}, Proto => 'tcp')
            or die "cannot connect: $!\n";
        $sock->blocking(0);
        syswrite $sock, request_text($t, %mock);
        push @clients, { sock => $sock, in => '', open => 1 };
    }
    return @clients;
}

# Read until $enough of them have got what $wanted matches, or none can any
# more. How many have.
sub read_until ($wanted, $enough, @clients) {
    my $until = now() + STUCK * $scale;
    while (1) {
        my $have = grep { $_->{in} =~ $wanted } @clients;
        my %reading = map { fileno $_->{sock} => $_ } grep { $_->{open} } @clients;
        return $have if $have >= $enough || !%reading || now() > $until;
        for my $sock (IO::Select->new(map { $_->{sock} } values %reading)->can_read(0.1)) {
            my $c = $reading{ fileno $sock };
            $c->{open} = 0 unless sysread $sock, $c->{in}, 65536, length $c->{in};
        }
    }
}

# What tells a first sign, the end of the content and the end of the body.
sub sign ($t)  { return $t->{chat} ? qr/output_text\.delta/   : qr/hello\n/ }
sub whole ($t) { return $t->{chat} ? qr/"response\.completed"/ : qr/hello\n/ }
sub over ($t)  { return $t->{chat} ? qr/\r\n0\r\n\r\n\z/       : qr/hello\n/ }

sub hang_up (@clients) {
    close $_->{sock} for @clients;
}

# Up to 4 ms, so that the signal falls before, into and after the race.
sub wait_a_bit {
    sleep rand 0.004;
}

# ---- what they do before the signal; returns what they leave open ----

my %act = (
    abort => sub ($t) {
        my @clients = open_clients($t, CLIENTS, n => 2000, pace => 5);
        read_until(sign($t), CLIENTS, @clients) == CLIENTS or die "abort: a client got nothing\n";
        hang_up(@clients);
        return;
    },
    finish => sub ($t) {
        my @clients = open_clients($t, CLIENTS, n => 3, pace => 3);
        read_until(whole($t), 1, @clients) or die "finish: no client got all\n";
        return @clients;
    },
    start => sub ($t) {
        return open_clients($t, CLIENTS, n => 3, pace => 3);
    },
    # While the streams flow as fast as they can. The control's connections
    # hold no worker either: they are idle.
    flow => sub ($t) {
        my @clients = open_clients($t, CLIENTS, n => 100_000);
        read_until(sign($t), CLIENTS, @clients) == CLIENTS or die "flow: a client got nothing\n";
        return @clients;
    },
    crash => sub ($t) {
        kill 'SEGV', $t->children;
        return;
    },
);

# All three at once, and none may be harmed: the streams that run get their
# whole answer.
sub mingle ($t) {
    my @aborting  = open_clients($t, CLIENTS / 3, n => 2000, pace => 5);
    my @finishing = open_clients($t, CLIENTS / 3, n => 3,    pace => 3);
    my @running   = open_clients($t, CLIENTS / 3, n => 10,   pace => 5);
    read_until(sign($t), @aborting + @finishing + @running, @aborting, @finishing, @running);
    my @starting = open_clients($t, CLIENTS / 3, n => 3, pace => 3);
    hang_up(@aborting);
    return { streams => [ @finishing, @running ], starting => \@starting };
}

# ---- one round ----

# The port is open before the server can be stopped; an answer comes after.
sub launch ($t) {
    $t->launch;
    my ($c) = open_clients($t, 1, n => 1);
    read_until(over($t), 1, $c) or die "the server does not answer:\n" . slurp("$t->{dir}/error.log");
    hang_up($c);
}

# Those of @pids that have not ended yet.
sub living (@pids) {
    return grep { slurp("/proc/$_/stat") =~ /^\d+ \(.*\) [^Z]/s } @pids;
}

# Wait until all @pids have ended.
sub wait_gone ($row, @pids) {
    my $from = now();
    sleep 0.002 while living(@pids) && now() - $from < STUCK * $scale;
    $row->{stuck} += living(@pids);
    $row->{slowest} = max($row->{slowest}, now() - $from);
}

sub stop ($t, $row, $signal) {
    my $from = now();
    $t->signal($signal);
    if (!$t->wait_exit(STUCK * $scale) || $t->survivors) {
        $row->{stuck}++;
        $t->kill_group;
    }
    $row->{slowest} = max($row->{slowest}, now() - $from);
}

sub hard_round ($t, $mode, $row) {
    launch($t);
    my @clients = $act{$mode}->($t);
    wait_a_bit();
    stop($t, $row, 'TERM');
    hang_up(@clients);
}

sub whole_or_cut ($t, $row, @clients) {
    $row->{cut} += @clients - read_until(over($t), scalar @clients, @clients);
}

# The parent looks once a second whether its children have ended, or at once
# when it is told again.
sub graceful_stop_round ($t, $row) {
    launch($t);
    my @children = $t->children;
    my $at = mingle($t);
    wait_a_bit();
    $t->signal('WINCH');
    whole_or_cut($t, $row, $at->{streams}->@*);
    hang_up($at->{streams}->@*, $at->{starting}->@*);
    wait_gone($row, @children);
    stop($t, $row, 'WINCH');
}

# One server for all rounds. A request on its way in when the old generation
# leaves belongs to the next one, so those that start are whole, too.
sub graceful_round ($t, $row) {
    launch($t) if !$t->{pid};
    my $at = mingle($t);
    my @old = $t->children;
    wait_a_bit();
    $t->signal('USR1');
    whole_or_cut($t, $row, $at->{streams}->@*, $at->{starting}->@*);
    hang_up($at->{streams}->@*, $at->{starting}->@*);
    wait_gone($row, @old);
}

my %soft_round = ('graceful-stop' => \&graceful_stop_round, graceful => \&graceful_round);

# ---- crashes ----

sub slurp ($file) {
    open my $fh, '<', $file or return '';
    local $/;
    return <$fh> // '';
}

# From the crash outwards: [file, exported name or -].
sub frames ($text) {
    my @frames = map { [ split / / ] } grep { / 0x/ } split /\n/, $text;
    shift @frames while @frames && $frames[0][0] eq 'backtrace.so';
    shift @frames if @frames && $frames[0][0] =~ /^libc\b/;    # the signal's trampoline
    return @frames;
}

# httpd's own: the main thread, in one of the calls that close_worker_sockets
# makes, without us in sight. Nothing else on that thread closes sockets.
sub is_httpds_own ($text) {
    return 0 unless $text =~ /in the main thread/ && $text !~ /^mod_chat/m;
    my @frames = frames($text);
    my $called = '';
    while (@frames && $frames[0][0] =~ /^(?:libapr-1|libc|libpthread)\b/) {
        $called = (shift @frames)->[1];
    }
    return $called =~ /^apr_(?:os_sock_get|socket_timeout_set|socket_close)$/ && $frames[0][0] eq 'mod_mpm_event.so';
}

# What httpd says when a worker finds the socket closed by that call, and when
# all workers are busy with our twelve.
my $USUAL = qr/exit signal
    | \[mpm_event:error\].*\(9\)Bad\ file\ descriptor:\ AH\d+:\ process_\w+:\ apr_pollset_add\ failure
    | AH00484:\ server\ reached\ MaxRequestWorkers/x;

sub collect ($t, $row) {
    for my $file (glob "$t->{dir}/crash/*") {
        my $text = slurp($file);
        $row->{crashes}++;
        push $row->{foreign}->@*, $text if !is_httpds_own($text);
        unlink $file;
    }
    my $log = slurp("$t->{dir}/error.log");
    $row->{signals} += () = $log =~ /exit signal/g;
    push $row->{said}->@*, grep { !/:notice\]|$USUAL/ } split /\n/, $log;
    # The parent writes to it as long as it lives.
    truncate "$t->{dir}/error.log", 0;
    my @bad = $t->{checker}->complaints("$t->{dir}/check");
    push $row->{said}->@*, @bad;
    unlink glob "$t->{dir}/check/*" if @bad;
}

# ---- all rounds ----

sub play ($mode) {
    my %t = (module => server(1), control => server(0));
    my %row = map { $_ => { rounds => 0, crashes => 0, signals => 0, stuck => 0, cut => 0, slowest => 0,
        foreign => [], said => [] } } keys %t;
    my $from = now();
    for (1 .. $o{n}) {
        for my $arm (qw(module control)) {
            my ($t, $row) = ($t{$arm}, $row{$arm});
            $act{$mode} ? hard_round($t, $mode, $row) : $soft_round{$mode}->($t, $row);
            $row->{rounds}++;
            collect($t, $row);
        }
    }
    for my $arm (grep { $t{$_}{pid} } keys %t) {
        stop($t{$arm}, $row{$arm}, 'TERM');
        collect($t{$arm}, $row{$arm});
    }
    return { %row, seconds => now() - $from };
}

# P(at least $x of the $x + $y crashes fall to the first arm) when both arms
# crash alike: $m and $n rounds.
sub fisher ($x, $m, $y, $n) {
    my @lf = (0);
    push @lf, $lf[-1] + log $_ for 1 .. $m + $n;
    my $choose = sub ($a, $b) { $lf[$a] - $lf[$b] - $lf[ $a - $b ] };
    my $all = $x + $y;
    return min 1, sum0 map { exp($choose->($m, $_) + $choose->($n, $all - $_) - $choose->($m + $n, $all)) }
        grep { $all - $_ <= $n } $x .. min($all, $m);
}

sub verdict ($rows) {
    my (%sum, @wrong);
    for my $mode (sort keys %$rows) {
        my ($us, $them) = $rows->{$mode}->@{qw(module control)};
        push @wrong, "$mode: a crash with a stack of its own:\n$_" for $us->{foreign}->@*;
        push @wrong, "$mode: $us->{stuck} times a process was still there after ${\STUCK} s" if $us->{stuck};
        push @wrong, "$mode: $us->{cut} streams were cut" if $us->{cut};
        push @wrong, "$mode: the server said: $_" for $us->{said}->@*;
        push @wrong, "$mode: $us->{crashes} crashes left a stack, $us->{signals} were seen by the parent"
            if $us->{signals} > $us->{crashes};
        if (!$act{$mode}) {
            push @wrong, "$mode: $us->{crashes} crashes" if $us->{crashes};
            next;
        }
        $sum{$_}[0] += $rows->{$mode}{$_}{crashes}, $sum{$_}[1] += $rows->{$mode}{$_}{rounds} for qw(module control);
    }
    my $p = %sum ? fisher($sum{module}->@*, $sum{control}->@*) : 1;
    push @wrong, sprintf 'hard stops: %d crashes in %d rounds, the control has %d in %d (p = %.4f)',
        $sum{module}->@*, $sum{control}->@*, $p if $p < ALPHA;
    return { p => $p, wrong => \@wrong };
}

sub first_of ($n, $list) {
    my @list = @$list;
    return splice @list, 0, $n;
}

sub print_table ($rows, $verdict, @modes) {
    printf "%-14s %-8s %6s %8s %8s %6s %5s %9s\n", qw(mode arm rounds crashes foreign stuck cut slowest);
    for my $mode (@modes) {
        for my $arm (qw(module control)) {
            my $r = $rows->{$mode}{$arm};
            printf "%-14s %-8s %6d %8d %8d %6d %5d %7.2f s\n", $mode, $arm, @$r{qw(rounds crashes)},
                scalar $r->{foreign}->@*, @$r{qw(stuck cut slowest)};
        }
    }
    printf "%d s, seed %d; hard stops, module against control: p = %.3f\n",
        sum0(map { $_->{seconds} } values %$rows), $o{s}, $verdict->{p};
    say for first_of(20, $verdict->{wrong});
    for my $mode (@modes) {
        say "$mode, control: a stack of its own:\n$_" for $rows->{$mode}{control}{foreign}->@*;
        say "$mode, control: said: $_" for first_of(5, $rows->{$mode}{control}{said});
    }
}

my @modes = split /,/, $o{m};
my %rows = map {
    $act{$_} || $soft_round{$_} or die "no such mode: $_\n";
    $_ => play($_)
} @modes;
my $verdict = verdict(\%rows);
$upstream->stop;
if ($o{j}) {
    say JSON::PP->new->canonical->encode({ modes => \%rows, %$verdict, seed => $o{s} });
}
else {
    print_table(\%rows, $verdict, @modes);
}
exit($verdict->{wrong}->@* ? 1 : 0);
