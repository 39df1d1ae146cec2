# SPDX-License-Identifier: Apache-2.0
#
# An upstream that takes a request on a connection which is used again, and
# closes it without a word, may have done all the work: the request is not sent
# a second time unless the administrator wants that. But one that closes a
# connection as it is idle, and so never gets the request, has to get it. Where
# the request lies there unread as it closes, its kernel sends a reset, as it does
# for who has read all and breaks the connection off: that is no proof.
use v5.36;
use Test::More;
use FindBin;
use IO::Select;
use IO::Socket::INET;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams qw(mpm_conf);
use JSON::PP ();
use POSIX ();
use Time::HiRes ();

# Serves the first request of a connection and hangs up on the second. Writes a
# line for each that it got: connection, number.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64) or die "no port: $!\n";
my $url = 'http://127.0.0.1:' . $listener->sockport . '/v1';

my $ANSWER = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
    "event: response.created\ndata: {\"type\":\"response.created\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";

sub read_request ($conn) {
    my $text = '';
    until ($text =~ /\A(.*?\r\n\r\n)/s && length $text >= length($1) + ($1 =~ /^Content-Length: (\d+)/mi)[0]) {
        sysread($conn, $text, 65536, length $text) or return;
    }
    return $text;
}

# Closes each connection after its first answer, without saying so before. Writes
# a letter when there is something unread.
sub serve_once ($listener, $note) {
    my $parent = getppid;
    my $FIONREAD = 0x541b;
    while (getppid == $parent) {
        IO::Select->new($listener)->can_read(1) or next;
        my $conn = $listener->accept or next;
        read_request($conn) // next;
        syswrite $conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${ANSWER}0\r\n\r\n";
        Time::HiRes::usleep(rand 600); # about as long as the next request takes
        my $unread = pack 'i', 0;
        ioctl $conn, $FIONREAD, $unread or die "FIONREAD: $!\n";
        syswrite $note, 'u' if unpack 'i', $unread;
    }
    POSIX::_exit(0);
}

sub serve ($note) {
    my $parent = getppid;
    local $SIG{CHLD} = 'IGNORE';
    for (my $n = 1; getppid == $parent;) {
        IO::Select->new($listener)->can_read(1) or next;
        my $conn = $listener->accept or next;
        my $id = $n++;
        next if fork // die;
        for my $k (1, 2) {
            read_request($conn) // last;
            syswrite $note, "$id.$k\n";
            syswrite $conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${ANSWER}0\r\n\r\n"
                if $k == 1;
        }
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

pipe(my $told, my $note) or die $!;
my $pid = fork // die;
serve($note) if !$pid;
close $note;

# What came since, once nothing more does.
sub heard ($fh) {
    my $text = '';
    while (IO::Select->new($fh)->can_read(0.3)) {
        sysread($fh, $text, 4096, length $text) or last;
    }
    return $text;
}

# Which requests it has got since.
sub got {
    return join ' ', split /\n/, heard($told);
}

for my $mpm (qw(event prefork)) {
    my $t = ChatTest->new(mpm => $mpm, mpm_conf => $mpm eq 'event' ? mpm_conf(4) : "StartServers 1\nMaxRequestWorkers 1\n", conf => <<"END");
<ChatProvider once>
    ChatProviderType openai
    ChatProviderURL  $url
    ChatProviderBreaker off
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse once
ChatAuth guest
<Location /unsafe>
    ChatRetry 2 backoff=1ms unsafe=on
</Location>
END
    $t->expect_log(qr/CHAT0902: .*upstream_error/);
    $t->allow_log(qr/AH00161: /); # one child, so that it is the same for all
    $t->start;
    my ($first, $second) = map { $t->sse('/chat', $t->turn) } 1, 2;
    is $first->{status}, 200, "$mpm: the first request is answered";
    is $second->{status}, 502, '... the second, on the same connection, is not';
    like got(), qr/^(\d+)\.1 \1\.2$/, '... and was sent once';

    is $t->sse('/chat', $t->turn)->{status}, 200, 'with unsafe=on: a first';
    is $t->sse('/unsafe', $t->turn)->{status}, 200, '... and a second that is answered';
    like got(), qr/^(\d+)\.1 \1\.2 (?!\1)\d+\.1$/, '... on another connection';
    $t->stop;
}
kill KILL => $pid;
waitpid $pid, 0;

# The moment in which the other side has closed and we do not know it is short:
# often enough somebody meets it.
my $idle = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64) or die "no port: $!\n";
pipe($told, $note) or die $!;
$pid = fork // die;
serve_once($idle, $note) if !$pid;
close $note;
for my $mpm (qw(event worker)) {
    my $t = ChatTest->new(mpm => $mpm, mpm_conf => mpm_conf(4), conf => <<"END")->start;
<ChatProvider idle>
    ChatProviderType openai
    ChatProviderURL  http://127.0.0.1:${\$idle->sockport}/v1
    ChatProviderBreaker off
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse idle
ChatAuth guest
END
    my $conn = $t->connect;
    my $body = JSON::PP::encode_json($t->turn);
    my @failed = grep { $_ != 200 } map {
        $conn->request(POST => '/chat', body => $body, headers => [ 'Content-Type' => 'application/json' ]);
        $conn->response->{status}
    } 1 .. fewer(400);
    # Some more come between its look and its closing.
    cmp_ok scalar @failed, '<=', fewer(20) + length heard($told), "$mpm: a connection that was closed in the meantime fails nobody";
    $t->allow_log(qr/CHAT0902: .*upstream_error/);
    $conn->close;
    $t->stop;
}
kill KILL => $pid;
waitpid $pid, 0;
done_testing;
