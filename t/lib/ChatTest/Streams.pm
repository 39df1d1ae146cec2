# SPDX-License-Identifier: Apache-2.0
#
# What the tests of streams share: a configuration with one location for each
# upstream, the counters of mod_status, and what a child holds.
package ChatTest::Streams;

use v5.36;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP   ();
use POSIX      ();
use Socket     ();
use Test::More ();
use ChatTest qw(wait_for skip_or_fail);

our @EXPORT = qw(chat_conf mpm_conf load_body h2_abort upstream_of counters ends settled
    ends_are held let_go child need_files dns_env checker);

# chat_conf(name => url, ...): each name is a provider and a location /name
# that streams from it for everybody. Instead of the url { url, provider,
# location, key }: lines for the provider and for the location; key => 0 for
# none. A provider is asked however often it fails, if no line says otherwise.
sub chat_conf (%routes) {
    my $text = '';
    for my $name (sort keys %routes) {
        my %o = ref $routes{$name} ? $routes{$name}->%* : (url => $routes{$name});
        my $breaker = ($o{provider} // '') =~ /Breaker/ ? '' : 'ChatProviderBreaker off';
        $text .= <<"END";
<ChatProvider $name>
    ChatProviderType openai
    ChatProviderURL  $o{url}
@{[ $o{key} // 1 ? 'ChatProviderKey env:CHAT_CANARY_KEY' : '' ]}
@{[ $o{provider} // '' ]}
$breaker
</ChatProvider>
<Location /$name>
    SetHandler chat
    ChatRoute openai
    ChatUse $name
    ChatAuth guest
@{[ $o{location} // '' ]}
</Location>
END
    }
    return $text;
}

# One child with so many workers, event or worker.
sub mpm_conf ($threads) {
    return <<"END";
StartServers 1
ServerLimit 4
ThreadLimit $threads
ThreadsPerChild $threads
MaxRequestWorkers $threads
MinSpareThreads 1
MaxSpareThreads $threads
<IfModule mpm_event_module>
AsyncRequestWorkerFactor 400
</IfModule>
MaxConnectionsPerChild 0
MaxKeepAliveRequests 0
ListenBacklog 8192
END
}

# sse_load's body for a chat request that tells the mock what to do.
sub load_body ($t, $params = '') {
    my $script = 'seed={i}' . (length $params ? ";$params" : '');
    return qq({"messages":[{"role":"user","content":") . $t->canary_prompt . qq( mock($script)"}]});
}

# HTTP/2 clients that leave, by t/tools/h2_abort.mjs. %o: params for the mock,
# count, events or ms, cut, other. Dies when they could not do their work.
sub h2_abort ($t, %o) {
    my $body = load_body($t, delete $o{params} // '');
    my %args = (url => $t->url('/chat', tls => 1), ca => $t->ca, body => $body, events => 0, ms => 0, %o);
    open my $fh, '-|', 'node', "$ChatTest::Httpd::ROOT/t/tools/h2_abort.mjs", JSON::PP::encode_json(\%args)
        or die "node: $!\n";
    my $text = do { local $/; <$fh> } // '';
    close $fh or die "h2_abort.mjs failed\n";
    return JSON::PP::decode_json($text);
}

# An upstream of our own: $answer is called with each connection and the head of
# its request, in a process that ends with the test. Returns the base URL. To be
# called before other things are started: that process holds what is open then.
my @FORKED;

sub upstream_of ($answer) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50, Proto => 'tcp')
        or die "no socket: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid) {
        push @FORKED, [ $$, $pid ];
        return 'http://127.0.0.1:' . $listener->sockport;
    }
    my $parent = getppid;
    my $ready = IO::Select->new($listener);
    $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
    while (getppid == $parent) {
        my $conn = $ready->can_read(1) && $listener->accept or next;
        next if fork;
        $conn->setsockopt(Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1);
        $conn->autoflush(1);
        my $head = do { local $/ = "\r\n\r\n"; readline $conn };
        $answer->($conn, $head);
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

END {
    for (@FORKED) {
        my ($owner, $pid) = @$_;
        CORE::kill TERM => $pid if $owner == $$;
    }
}

# ---- counters ----

my @ENDS = qw(Done Cancelled Stalled UpstreamErrors Timeouts Shutdown);

# Name => number of everything that mod_chat says in /server-status?auto.
sub counters ($t) {
    my $res = $t->get('/server-status?auto');
    return { $res->{body} =~ /^Chat(\w+): (\d+)$/mg };
}

sub ends ($c) {
    my $sum = 0;
    $sum += $c->{$_} for @ENDS;
    return $sum;
}

# The counters, when nothing runs any more and every stream has an end.
sub settled ($t, $seconds = 10) {
    my $c;
    wait_for('every stream to end', sub {
        $c = counters($t);
        return !$c->{Live} && !$c->{Parked} && !$c->{Queued} && $c->{Started} == ends($c);
    }, $seconds);
    return $c;
}

# One test: so many streams ended since $before, and so. Returns the counters.
sub ends_are ($t, $name, $before, %want) {
    my $now = settled($t);
    my %got = map { $_ => $now->{$_} - $before->{$_} } @ENDS, 'Started';
    my %all = ((map { $_ => 0 } @ENDS), %want);
    $all{Started} = ends(\%all);
    Test::More::is_deeply(\%got, \%all, $name) or Test::More::diag(Test::More::explain(\%got));
    return $now;
}

# ---- a child ----

# The only child, as soon as it serves.
sub child ($t) {
    $t->get('/');
    my @pids = $t->children;
    die 'one child was expected, there are ' . @pids . "\n" if @pids != 1;
    return $pids[0];
}

# What a child holds: files by kind, threads, KiB, and for every epoll set the
# number of sockets in it, largest last.
sub held ($t, $pid) {
    my $status = $t->proc_status($pid);
    my %is = (threads => $status->{Threads}, rss => $status->{VmRSS}, files => 0, socket => 0,
        eventfd => 0, eventpoll => 0);
    my (%socket, @sets);
    for my $file (glob "/proc/$pid/fd/*") {
        my $to = readlink $file // next;
        my ($fd) = $file =~ /(\d+)$/;
        my ($kind) = $to =~ /(socket|eventfd|eventpoll)/;
        $is{files}++;
        next unless $kind;
        $is{$kind}++;
        $socket{$fd} = 1 if $kind eq 'socket';
        push @sets, $fd if $kind eq 'eventpoll';
    }
    $is{watched} = [ sort { $a <=> $b } map {
        scalar grep { $socket{$_} } $t->slurp("/proc/$pid/fdinfo/$_") =~ /^tfd:\s*(\d+)/mg
    } @sets ];
    return \%is;
}

# No file is open that was not open $before, but so many connections to upstreams
# and the eventfds that an engine keeps for its next streams.
sub let_go ($now, $before, $upstreams, $engines = 1) {
    # curl has two more for each 32 connections, and those of an engine for one more.
    my $curls = 2 * ($engines + int($upstreams / 32));
    return $now->{files} - $now->{eventfd} <= $before->{files} - $before->{eventfd} + $upstreams + $curls
        && $now->{eventfd} <= $before->{eventfd} + 64 * $engines;
}

# httpd's environment with a name server of our own, see t/tools/preload/dns.c:
# "name=ms:address,address ...". Questions are noted in $log.
sub dns_env ($dir, $log, $names) {
    my $so = "$dir/dns.so";
    if (!-e $so) {
        my $out = qx(cc -shared -fPIC -D_GNU_SOURCE -o $so $ChatTest::Httpd::ROOT/t/tools/preload/dns.c 2>&1);
        die "dns.c cannot be built: $out\n" if $?;
    }
    my %checker = checker()->env($dir);
    return {
        CHAT_TEST_DNS     => $names,
        CHAT_TEST_DNS_LOG => $log,
        LD_PRELOAD        => join ':', grep { defined } $checker{LD_PRELOAD}, $so,
    };
}

# What slows the server down: its name is empty when nothing does.
sub checker {
    return ChatTest::Checker->new(root => $ChatTest::Httpd::ROOT, variant => $ENV{CHAT_VARIANT} || 'plain');
}

# Have so many open files, for this process and the httpd that it starts. Runs
# the test again with a higher limit when that is needed and allowed.
sub need_files ($n) {
    my ($soft, $hard) = map { s/\s//gr } qx(sh -c 'ulimit -Sn; ulimit -Hn');
    return if $soft eq 'unlimited' || $soft >= $n;
    skip_or_fail("$n open files are needed, the limit is $hard") if $hard ne 'unlimited' && $hard < $n;
    exec 'sh', '-c', "ulimit -n $n && exec \"\$0\" \"\$@\"", $^X, $0, @ARGV;
}

1;
