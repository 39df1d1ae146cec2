# SPDX-License-Identifier: Apache-2.0
#
# A private httpd with mod_chat for one test file. The documentation is at the
# end; perldoc t/lib/ChatTest.pm shows it.
package ChatTest;

use v5.36;
use parent 'ChatTest::Httpd';
use Exporter 'import';
use JSON::PP   ();
use Test::More ();
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);
use ChatTest::Client;
use ChatTest::Sockets ();

our @EXPORT = qw(wait_for scaled fewer skip_or_fail);

my @ALIVE;

sub new ($class, %o) {
    my $tag = sprintf '%08x%08x', rand 2**32, $$ ^ time;
    my $self = $class->SUPER::new(%o,
        canary_key    => "sk-canary-$tag",
        canary_prompt => "canary prompt $tag");
    $self->{allowed} = [];
    $self->{leaks} = [];
    $self->write_file('canary.key', "$self->{canary_key}\n", 0600);
    return $self;
}

sub canary_key ($self)    { return $self->{canary_key} }
sub canary_prompt ($self) { return $self->{canary_prompt} }
sub dir ($self)           { return $self->{dir} }
sub htdocs ($self)        { return "$self->{dir}/htdocs" }
sub port ($self)          { return $self->{port} }
sub tls_port ($self)      { return $self->{tls_port} }
sub pid ($self)           { return $self->{pid} }
sub mpm ($self)           { return $self->{mpm} }

# The certificate of tls => 1, for a client's list of those it trusts.
sub ca ($self) {
    return ($self->certificate)[0];
}

sub url ($self, $path = '/', %o) {
    return $o{tls} ? "https://localhost:$self->{tls_port}$path"
        : "http://127.0.0.1:$self->{port}$path";
}

# ---- time ----

sub _scale ($self) {
    state $checker = ChatTest::Checker->new(root => $ChatTest::Httpd::ROOT,
        variant => $ENV{CHAT_VARIANT} || 'plain');
    return $checker->scale;
}

sub scaled ($seconds) {
    return $seconds * _scale(undef);
}

# So many when nothing slows the server down, fewer under a checker.
sub fewer ($n) {
    my $less = int $n / _scale(undef);
    return $less || 1;
}

sub wait_for ($what, $sub, $seconds = 10) {
    ($what, $sub) = ($sub, $what) if ref $what;
    my $until = clock_gettime(CLOCK_MONOTONIC) + scaled($seconds);
    while (1) {
        my $value = $sub->();
        return $value if $value;
        last if clock_gettime(CLOCK_MONOTONIC) > $until;
        sleep 0.01;
    }
    Test::More::fail("waited $seconds s for $what");
    return;
}

sub skip_or_fail ($why) {
    die "would be skipped, but CHAT_SKIPS_AS_FAILS is set: $why\n" if $ENV{CHAT_SKIPS_AS_FAILS};
    Test::More::plan(skip_all => $why);
}

# ---- life ----

sub start ($self) {
    $self->launch;
    push @ALIVE, $self;
    return $self;
}

# The log's size now: what error_log($mark) and wait_log(from => $mark) skip.
sub mark ($self, $log = 'error.log') {
    return -s "$self->{dir}/$log" // 0;
}

sub _again ($self, $signal, $seconds) {
    my $mark = $self->mark;
    $self->signal($signal);
    wait_for("httpd to resume after $signal", sub {
        $self->error_log($mark) =~ /resuming normal operations/ || !$self->alive;
    }, $seconds);
    return $self;
}

sub graceful ($self, $seconds = 20) { return $self->_again('USR1', $seconds) }

sub restart ($self, $seconds = 30) {
    $self->_let_workers_rest;
    return $self->_again('HUP', $seconds);
}

sub reload ($self, $conf) {
    $self->{conf} = $conf;
    $self->_write_conf;
    return $self->graceful;
}

# SIGTERM, or SIGWINCH with graceful => 1; then every promise is checked.
sub stop ($self, %o) {
    my @wrong;
    if ($self->alive) {
        $self->_scan_status;
        $self->_let_workers_rest unless $o{graceful};
        $self->signal($o{graceful} ? 'WINCH' : 'TERM');
        my $seconds = $o{seconds} // 20;
        if (!$self->wait_exit(scaled($seconds))) {
            push @wrong, "httpd was still there $seconds s after the signal";
        }
    }
    elsif (!$o{gone}) {
        push @wrong, 'httpd had ended by itself';
    }
    push @wrong, $self->_examine(%o);
    Test::More::ok(!@wrong, $o{name} // 'the server stops cleanly, logs nothing unannounced, leaks nothing')
        or Test::More::diag(join "\n", map { substr $_, 0, 4000 } @wrong);
    return !@wrong;
}

# httpd's children can crash when the SIGTERM of a stop or a restart meets a worker that is just closing a
# connection: their main thread looks at the sockets of all workers without a
# lock (close_worker_sockets). That is not ours to test: let them finish. The
# stress test, which stops under load, has a control for it.
sub _let_workers_rest ($self) {
    my $until = clock_gettime(CLOCK_MONOTONIC) + 0.5;
    while (clock_gettime(CLOCK_MONOTONIC) < $until) {
        last if !ChatTest::Sockets::open_at(grep { $_ } $self->port, $self->{tls_port});
        sleep 0.01;
    }
    sleep 0.1;
    return;
}

# SIGKILL for parent and children, as a crash of the machine would be.
sub kill ($self) {
    $self->kill_group;
    $self->{killed} = 1;
    @ALIVE = grep { $_ != $self } @ALIVE;
    return $self;
}

sub _examine ($self, %o) {
    my @wrong;
    if (my @left = $self->survivors) {
        push @wrong, "processes left behind: @left";
    }
    $self->kill_group;
    @ALIVE = grep { $_ != $self } @ALIVE;
    push @wrong, sprintf 'httpd exited with status 0x%x', $self->{exit}
        if $self->{exit} && !$self->{killed} && !$o{gone};
    push @wrong, $self->_unannounced, $self->_missing;
    push @wrong, $self->{checker}->complaints("$self->{dir}/check");
    push @wrong, map { "core dump: $_" } glob "$self->{dir}/core* $self->{dir}/run/core*";
    push @wrong, $self->_leaks;
    return @wrong;
}

# ---- logs ----

sub error_log ($self, $from = 0)  { return $self->slurp('error.log',  $from) }
sub access_log ($self, $from = 0) { return $self->slurp('access.log', $from) }

sub expect_log ($self, @patterns) {
    push $self->{allowed}->@*, map { { re => $_, must => 1, seen => 0 } } @patterns;
    return $self;
}

sub allow_log ($self, @patterns) {
    push $self->{allowed}->@*, map { { re => $_, must => 0, seen => 0 } } @patterns;
    return $self;
}

# The match of $re in a log, as soon as it is there.
sub wait_log ($self, $re, %o) {
    my $log = ($o{log} // 'error') . '.log';
    return wait_for("$re in $log", sub {
        $self->slurp($log, $o{from} // 0) =~ /($re)/ ? $1 : undef;
    }, $o{seconds} // 10);
}

sub wait_access ($self, $re, %o) {
    return $self->wait_log(qr/^.*$re.*$/m, %o, log => 'access');
}

# What the machine makes httpd say, whatever we do: mod_ssl built for another
# patch release of OpenSSL.
my $MACHINE = qr/AH01882: Init: this version of mod_ssl was compiled against/;

# A server that a checker slows down may run out of workers.
my $SLOW = qr/AH00484: server reached MaxRequestWorkers/;

# Lines of the error log at warn or above, or in no format, that nobody
# announced.
sub _unannounced ($self) {
    my @bad;
    for my $line (split /\n/, $self->error_log) {
        my $known = 0;
        for my $a ($self->{allowed}->@*) {
            $a->{seen} += $known = 1 if $line =~ $a->{re};
        }
        next if $known || $line eq '' || $line =~ $MACHINE;
        next if $self->{checker}->name && $line =~ $SLOW;
        next if $line =~ /^\[[^\]]+\] \[\w+:(?:notice|info|debug|trace\d)\]/
            && $line !~ /AH00052|AH00051/;
        push @bad, "unannounced in the error log: $line";
        last if @bad > 20;
    }
    return @bad;
}

sub _missing ($self) {
    return map { "announced, but never logged: $_->{re}" }
        grep { $_->{must} && !$_->{seen} } $self->{allowed}->@*;
}

# ---- canaries ----

# Every response passes here. The key may be nowhere; the prompt may not come
# back in an error.
sub _witness ($self, $res, $what = "a response") {
    for my $part (qw(raw_head body)) {
        my $text = $res->{$part} // next;
        push $self->{leaks}->@*, "the canary key is in the $part of $what"
            if index($text, $self->{canary_key}) >= 0;
        push $self->{leaks}->@*, "the canary prompt is in the $part of $what"
            if index($text, $self->{canary_prompt}) >= 0
            && ($part eq 'raw_head' || ($res->{status} || 0) >= 400);
    }
}

sub _scan_status ($self) {
    for my $path (($self->has_module('status') ? ('/server-status', '/server-status?auto') : ()),
        ($self->has_module('info') ? '/server-info' : ()))
    {
        my $res = eval { $self->get($path, timeout => scaled(5)) } or next;
        push $self->{leaks}->@*, "the canary prompt is on $path"
            if index($res->{body}, $self->{canary_prompt}) >= 0;
    }
}

sub _leaks ($self) {
    my @leaks = $self->{leaks}->@*;
    for my $log (qw(error.log access.log stdout)) {
        my $text = $self->slurp($log);
        for my $canary (qw(canary_key canary_prompt)) {
            push @leaks, "the $canary is in $log" if index($text, $self->{$canary}) >= 0;
        }
    }
    return @leaks;
}

# ---- requests ----

sub connect ($self, %o) {
    return ChatTest::Client->new(
        port    => $o{tls} ? $self->{tls_port} : $self->{port},
        ca      => ($o{tls} ? $self->ca : undef),
        witness => sub ($res) { $self->_witness($res) },
        %o, timeout => scaled($o{timeout} // 30));
}

# %o: headers, body, json (encoded as the body), tls, timeout, conn (an open
# connection to go on with), close (default: yes unless conn is given).
sub request ($self, $method, $path, %o) {
    my $conn = $o{conn} // $self->connect(map { $_ => $o{$_} }
        grep { exists $o{$_} } qw(tls timeout rcvbuf linger0));
    my @headers = ref $o{headers} eq 'ARRAY' ? $o{headers}->@* : ($o{headers} // {})->%*;
    if (exists $o{json}) {
        $o{body} = ref $o{json} ? JSON::PP->new->utf8->canonical->encode($o{json}) : $o{json};
        push @headers, 'Content-Type' => 'application/json'
            unless grep { /^content-type$/i } @headers;
    }
    push @headers, Connection => 'close'
        unless $o{conn} || $o{keep} || grep { /^connection$/i } @headers;
    $conn->request($method, $path, headers => \@headers, body => $o{body}, version => $o{version} // '1.1');
    my $res = $conn->response(map { $_ => $o{$_} }
        grep { exists $o{$_} } qw(on_event on_data abort_after));
    $res->{conn} = $conn if $o{conn} || $o{keep};
    return $res;
}

sub get ($self, $path, %o) {
    return $self->request('GET', $path, %o);
}

sub post_json ($self, $path, $json, %o) {
    return $self->request('POST', $path, %o, json => $json);
}

# As post_json, for a stream.
sub sse ($self, $path, $json, %o) {
    return $self->request('POST', $path, %o, json => $json);
}

# Send bytes as they are, read all until the server closes.
sub raw ($self, $bytes, %o) {
    my $conn = $self->connect(%o);
    $conn->send($bytes);
    my $text = $conn->rest(timeout => scaled($o{timeout} // 30));
    $self->_witness({ body => $text, status => 400 }, 'a raw answer');
    return $text;
}

# A chat request whose only message carries the canary prompt. Words of %mock
# tell mock_llm what to do: turn(seed => 7, n => 20).
sub turn ($self, %mock) {
    my $script = join ';', map { "$_=$mock{$_}" } sort keys %mock;
    return { messages => [ { role => 'user',
        content => $self->{canary_prompt} . ($script ? " mock($script)" : '') } ] };
}

# curl, for what needs HTTP/2. (exit status, stdout, stderr)
sub curl ($self, @args) {
    my $err = "$self->{dir}/curl.err";
    open my $fh, '-|', 'sh', '-c', 'err=$1; shift; exec curl -sS "$@" 2>"$err"', 'sh', $err, @args
        or die "curl: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh;
    my $exit = $? >> 8;
    $self->_witness({ body => $out, status => 0 }, 'what curl received');
    return ($exit, $out, $self->slurp('curl.err'));
}

END {
    for my $self (@ALIVE) {
        next unless $self->{pid} && $self->{owner} // $$ == $$;
        Test::More::diag('a server was left running: its test did not stop it');
        $? ||= 1;
    }
}

1;

__END__

=head1 NAME

ChatTest - a private httpd with mod_chat for one test file

=head1 SYNOPSIS

    use v5.36;
    use Test::More;
    use FindBin;
    use lib "$FindBin::Bin/lib";
    use ChatTest;
    use ChatTest::Upstream;

    my $up = ChatTest::Upstream->new->start;
    my $t = ChatTest->new(modules => ['status'], conf => <<"END")->start;
    <ChatProvider mock>
        ChatProviderType openai
        ChatProviderURL  ${\$up->url}
        ChatProviderKey  env:CHAT_CANARY_KEY
    </ChatProvider>
    <Location /chat>
        SetHandler chat
        ChatRoute openai
        ChatUse mock
        ChatAuth guest
        ChatModelDefault gpt-test
    </Location>
    END

    my $res = $t->sse('/chat', $t->turn(seed => 1, n => 5));
    is $res->{status}, 200, 'a guest is answered';
    ok $res->{clean}, 'and the answer ends cleanly';

    $t->stop;
    $up->stop;
    done_testing;

=head1 STARTING

=head2 ChatTest->new(%options)

Makes the temporary directory and chooses ports; starts nothing.

=over

=item conf

Inline configuration, main server. C<%%PORT%% %%TLS_PORT%% %%DIR%% %%HTDOCS%%
%%ROOT%%> stand for what is only known then.

=item modules

Beyond unixd, log_config, logio and authz_core: C<< [qw(dbd status ssl)] >>.
What they need themselves comes along. C<status> also mounts /server-status.

=item mpm, mpm_conf

event (default, or CHAT_TEST_MPM), worker, prefork; and text instead of the
small default numbers.

=item tls, tls_conf

C<< tls => 1 >> adds a TLS virtual host with a certificate of its own for
localhost and 127.0.0.1 on C<tls_port>.

=item chat, module

C<< chat => 0 >> leaves mod_chat out (a control). module: another .so.

=item env

Variables for httpd's environment, which otherwise holds PATH, HOME, LANG and
CHAT_CANARY_KEY alone.

=item log_level

Default: CHAT_LOGLEVEL, or C<info chat:debug>.

=item single

One process, C<httpd -X>.

=back

=head2 start, stop(%o), kill, graceful, restart, reload($conf)

start dies with httpd's own words. graceful and restart return when the server
has resumed. stop sends SIGTERM (graceful => 1: SIGWINCH) and is one test: it
fails when httpd does not leave in C<seconds> (20), exits with an error, leaves
a process or a core behind, logged a line of level warn or above (or one in no
format) that nobody announced, did not log what was announced, when a checker
complains or when a canary is found. C<< gone => 1 >>: it has ended already,
and should have. C<name> names the test.

=head2 configtest($conf)

Returns (ok, output) of C<httpd -t> for this configuration. Works without
start.

=head2 write_file($name, $text, $mode), slurp($name), dir, htdocs

Files below the temporary directory, written with mode 0644 unless told.

=head1 REQUESTS

=head2 get($path, %o), post_json($path, $data, %o), sse($path, $data, %o), request($method, $path, %o)

Each on a connection of its own, closed after it. Options: headers (hash, or
array of pairs), body, json, version ('1.0'), tls, timeout (seconds for the
whole answer), rcvbuf, linger0; keep => 1 leaves the connection open in
C<< $res->{conn} >>; conn => $connection goes on with an open one.
on_event => sub ($event, $res), on_data => sub ($bytes, $res): a false result
closes the connection at once; so does abort_after => $events.

=head2 connect(%o)

A ChatTest::Client: send($bytes), request(...), response(%o), rest, close,
half_close, closed($seconds). For pipelining, send several requests and read
as many responses.

=head2 raw($bytes), curl(@args), turn(%mock)

raw sends bytes and returns all that came until the server closed. curl
returns (exit status, stdout, stderr); C<< $t->ca >> is the certificate for
--cacert. turn is a request body: one message with the canary prompt and the
script for mock_llm (see t/tools/mock_llm -h).

=head2 url($path, tls => 1), port, tls_port, ca

=head1 A RESPONSE

    status reason version raw_head
    headers     { lower-case name => value }
    body        decoded; json: the same, parsed, or undef
    chunks      [ sizes as they came, 0 last ]
    events      [ { event, data, id, retry, raw, at } ]
    comments    [ { text, at } ]
    clean       1 when the framing says that the body is whole
    ended       chunked | length | close | none: clean
                eof | reset | timeout | aborted | bad chunk | garbage: not
    sent_at head_at first_at ended_at    CLOCK_MONOTONIC seconds

"close" is clean only for an answer without length and chunks (HTTP/1.0).

=head1 LOGS

=head2 error_log($from), access_log($from), mark($log)

=head2 expect_log(@patterns), allow_log(@patterns)

Announce lines: expected ones must come, allowed ones may.

=head2 wait_log($re, seconds, from), wait_access($re, ...)

Returns the match (for the access log: the line) when it is there.

=head1 OTHER

=head2 wait_for($sub, $what, $seconds), scaled($seconds), fewer($n)

Poll until true; a failed test when time is up. Times are stretched under the
checkers; fewer gives the same share of a load.

=head2 skip_or_fail($why)

Skip the whole file; with CHAT_SKIPS_AS_FAILS set, fail instead.

=head2 children, proc_status($pid), alive, survivors, wait_exit($seconds), signal($name)

=head2 canary_key, canary_prompt

Made for each run. The key is in httpd's environment as CHAT_CANARY_KEY and in
the root-only file %%DIR%%/canary.key: use it as every provider's key. The
prompt is in every turn(). stop looks for both in the logs; every answer, error
body and status page is looked at as it comes.

=cut
