# SPDX-License-Identifier: Apache-2.0
#
# The test library itself. Stopping a server is the assertion that every other
# file relies on, so each of its reasons to fail is made to happen here once.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

# Run a small test file of its own; returns (exit status, its output).
sub run_test ($code) {
    my $dir = File::Temp::tempdir(CLEANUP => 1);
    open my $fh, '>', "$dir/x.t" or die $!;
    print $fh qq{use v5.36; use Test::More; use lib "$FindBin::Bin/lib"; use ChatTest;\n}, <<'END', $code, "\ndone_testing;\n";
sub server (%o) {
    my $t = ChatTest->new(chat => 0, %o);
    $t->write_file('htdocs/a.txt', "hello\n");
    return $t->start;
}
END
    close $fh;
    my $out = qx($^X $dir/x.t 2>&1);
    return ($? >> 8, $out);
}

sub fails ($name, $code, $because) {
    my ($exit, $out) = run_test($code);
    ok $exit != 0, $name;
    like $out, $because, '... for that reason';
}

my ($exit, $out) = run_test(<<'END');
my $t = server(modules => ['status']);
is $t->get('/a.txt')->{body}, "hello\n", 'served';
is $t->get('/nothing')->{status}, 404, 'not found';
$t->graceful;
is $t->get('/a.txt')->{status}, 200, 'after a graceful restart';
$t->restart;
$t->stop;
END
is $exit, 0, 'a server that does nothing wrong stops cleanly' or diag $out;

fails 'an unannounced error', 'my $t = server(modules => ["actions"], conf => "Script GET /gone");
    $t->write_file("error.log", "[x] [core:error] [pid 1] boom\n"); $t->stop;',
    qr/unannounced in the error log: .*boom/;
fails 'a line in no format', 'my $t = server(); $t->write_file("error.log", "double free or corruption\n"); $t->stop;',
    qr/unannounced in the error log: double free/;
fails 'a crashed child', 'my $t = server(); my ($c) = $t->children; CORE::kill SEGV => $c;
    $t->wait_log(qr/AH0005[12]/); $t->stop;', qr/AH0005[12]/;
fails 'an announced line that never came', 'my $t = server(); $t->expect_log(qr/CHAT9999/); $t->stop;',
    qr/announced, but never logged/;
fails 'a server that died', 'my $t = server(); CORE::kill KILL => $t->pid; $t->wait_exit(5); $t->stop;',
    qr/httpd had ended by itself/;
fails 'a server nobody stopped', 'my $t = server(); pass("done");', qr/a server was left running/;
fails 'a report of a checker', 'my $t = server(); $t->write_file("check/asan.1", "==1==ERROR: AddressSanitizer"); $t->stop;',
    qr/AddressSanitizer/;
fails 'an error seen by valgrind', 'my $t = server(); $t->write_file("check/memcheck.1",
    "==1== Memcheck, a memory error detector\n==1== ERROR SUMMARY: 2 errors from 1 contexts\n"); $t->stop;', qr/ERROR SUMMARY/;
fails 'a core dump', 'my $t = server(); $t->write_file("core.123", ""); $t->stop;', qr/core dump/;
fails 'the canary key in an answer', 'my $t = server(modules => [qw(headers env)],
    conf => qq{PassEnv CHAT_CANARY_KEY\nHeader set X-Key "%{CHAT_CANARY_KEY}e"}); $t->get("/a.txt"); $t->stop;',
    qr/canary key is in the raw_head/;
fails 'the canary prompt in an error body', 'my $t = ChatTest->new(chat => 0);
    $t->{conf} = sprintf q{ErrorDocument 404 "sorry: %s"}, $t->canary_prompt; $t->start->get("/x"); $t->stop;',
    qr/canary prompt is in the body/;
fails 'the canary prompt in the access log', 'my $t = server();
    $t->get("/a.txt", headers => { Referer => "x" }); $t->write_file("access.log", $t->canary_prompt); $t->stop;',
    qr/canary_prompt is in access\.log/;
fails 'a process left behind', 'my $t = server(); my $p = fork // die;
    if (!$p) { setpgrp 0, $t->pid; sleep 30; POSIX::_exit(0) } $t->stop;', qr/processes left behind/;

subtest 'a configuration that is refused' => sub {
    my $t = ChatTest->new(chat => 0);
    my ($ok) = $t->configtest('# nothing');
    ok $ok, 'a good one is accepted';
    ($ok, my $said) = $t->configtest('Nonsense on');
    ok !$ok, 'a bad one is not';
    like $said, qr/Invalid command 'Nonsense'/, 'and httpd says why';
    $t->{conf} = 'Nonsense on';
    ok !eval { $t->start }, 'start dies';
    like $@, qr/Nonsense/, 'with the reason';
};

subtest 'two servers do not fight for a port' => sub {
    my $one = ChatTest->new(chat => 0)->start;
    my $two = ChatTest->new(chat => 0);
    $two->{port} = $one->port;
    $two->start;
    isnt $two->port, $one->port, 'the second moved on';
    $_->stop for $one, $two;
};

subtest 'answers of every kind are read right' => sub {
    my $t = ChatTest->new(chat => 0, tls => 1, modules => [qw(asis mime)], conf => <<'END')->start;
AddHandler send-as-is asis
END
    $t->write_file('htdocs/sse.asis', "Content-Type: text/event-stream\n\n"
        . ": hi\n\nevent: a\ndata: 1\ndata: 2\nid: 7\n\ndata: last\r\n\r\ndata: cut");
    $t->write_file('htdocs/a.txt', 'x' x 100_000);
    for my $tls (0, 1) {
        my $res = $t->get('/sse.asis', tls => $tls);
        is scalar $res->{events}->@*, 2, 'events';
        is $res->{events}[0]{event}, 'a', 'type';
        is $res->{events}[0]{data}, "1\n2", 'data lines are joined';
        is $res->{events}[0]{id}, 7, 'id';
        is $res->{events}[0]{raw}, "event: a\ndata: 1\ndata: 2\nid: 7\n\n", 'raw';
        is $res->{comments}[0]{text}, 'hi', 'comment';
        ok $res->{clean}, 'clean';
        is length $t->get('/a.txt', tls => $tls)->{body}, 100_000, 'a long body';
    }
    my $conn = $t->connect;
    $conn->send(join '', map { $conn->request_text('GET', '/a.txt') } 1 .. 3);
    is length $conn->response->{body}, 100_000, 'pipelined' for 1 .. 3;
    undef $conn;
    my $got = 0;
    my $res = $t->get('/a.txt', on_data => sub ($data, $r) { ($got += length $data) < 10 });
    is $res->{ended}, 'aborted', 'a client may leave';
    ok !$res->{clean}, 'which is not clean';
    is $t->raw("HEAD /a.txt HTTP/1.0\r\n\r\n") =~ /^HTTP\/1\.1 200/, 1, 'raw';
    my ($exit, $out) = $t->curl('--cacert', $t->ca, $t->url('/a.txt', tls => 1));
    is length $out, 100_000, 'curl';
    $t->wait_access(qr/a\.txt/);
    $t->stop;
};

done_testing;
