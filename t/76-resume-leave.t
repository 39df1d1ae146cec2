# SPDX-License-Identifier: Apache-2.0
#
# Streams whose client has left, and which go on: by every way in which clients
# are driven, whatever the stream was doing. And stops, which end a stream in
# all of these states.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Probe;
use ChatTest::Streams;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my ($port) = $up->url =~ /:(\d+)/;
# TSan takes the end of prefork's children, inside a signal handler, for an error.
my $TSAN = ($ENV{CHAT_VARIANT} // '') eq 'tsan';
my ($COMPLETE, $GONE, $STALLED, $CANCELLED, $SHUTDOWN) = map { "why=$_" } 0, 2, 3, 4, 9;

sub server ($mpm, %o) {
    return ChatTest::Probe->new(modules => ['status'], mpm => $mpm, tls => 1,
        tls_conf => '', ($mpm eq 'event' ? (mpm_conf => mpm_conf(32)) : ()), location => 'ChatStreamStallTimeout 1s', %o)->start;
}

sub ending ($t, $id) {
    return wait_for("the end of $id", sub { $t->error_log =~ /probe (?:write|call) $id: (why=\S+ left=\d+ bytes=\d+)/ && $1 }) // '';
}

sub ask ($t, $path, %o) {
    my $client = $t->client(%o);
    $client->request(GET => "/probe/$path");
    return $client;
}

for my $mpm (qw(event worker), $TSAN ? () : 'prefork') {
    my $t = server($mpm);
    for my $tls (0, 1) {
        my $over = $mpm . ($tls ? ' over TLS' : '');
        my $id = $t->new_id;
        my $client = ask($t, "finish/write/$id?n=30&ms=" . scaled(20) . '&size=10', tls => $tls);
        $client->response(on_event => sub (@) { 0 });
        like ending($t, $id), qr/^$COMPLETE left=1/, "$over: a stream goes on when its client closes the connection";
        is $t->get("load/$id")->{body}, "last=30 ended=1\n" . $t->events(1, 30, 10), '... and all of it is there';

        # No byte was sent yet.
        $id = $t->new_id;
        $client = ask($t, "finish/write/$id?n=3&ms=" . scaled(100), tls => $tls);
        wait_for('the stream', sub { $t->get("find/$id")->{status} == 200 });
        $client->close;
        like ending($t, $id), qr/^$COMPLETE left=[01]/, '... whenever that is';
    }
    my $id = $t->new_id;
    my $client = $t->client(linger0 => 1);
    $client->request(GET => "/probe/finish/write/$id?n=30&ms=" . scaled(20));
    $client->response(on_event => sub (@) { 0 });
    like ending($t, $id), qr/^$COMPLETE left=1/, "$mpm: or resets it";

    # It does not use the processor meanwhile, nor a worker where it is parked.
    $id = $t->new_id;
    ask($t, "finish/write/$id?n=2&ms=" . scaled(1000))->response(on_event => sub (@) { 0 });
    my $before = cpu_of($t);
    like ending($t, $id), qr/^$COMPLETE left=1/, "$mpm: a stream that waits without its client";
    cmp_ok cpu_of($t) - $before, '<', scaled(0.3), '... does not spin';

    if ($mpm eq 'event') {
        $id = $t->new_id;
        $client = $t->client(rcvbuf => 4096);
        $client->request(GET => "/probe/finish/write/$id?n=3000&ms=1&size=4000");
        like ending($t, $id), qr/^$COMPLETE left=1/, "$mpm: a client that takes nothing has left, too";
        $client->close;
        $id = $t->new_id;
        $client = $t->client(rcvbuf => 4096);
        $client->request(GET => "/probe/write/$id?n=3000&ms=1&size=4000");
        like ending($t, $id), qr/^$STALLED left=0/, '... and ends a stream that does not go on';
        $client->close;
    }

    # Calls of an upstream, in the states that they can be in.
    $id = $t->new_id;
    $client = ask($t, "finish/call/$id?port=$port&path=nowhere&wait=" . scaled(100));
    like $t->wait_log(qr/CHAT0512: one more call/) // '', qr/one more/, "$mpm: between two calls";
    $client->close;
    wait_for('the client to have left', sub { $t->error_log =~ /CHAT0515/ });
    is $t->get("stop/$id")->{status}, 200, '... a stop';
    like ending($t, $id), qr/^$CANCELLED left=/, '... is heard';

    my %bytes;
    for my $what ('call', 'finish/call') {
        $id = $t->new_id;
        $client = ask($t, "$what/$id?port=$port&path=v1/chat/completions&say=mock(n=40;seed=1;pace=" . scaled(20) . ')');
        my $events = 0;
        $client->response(on_event => sub (@) { $what eq 'call' || ++$events < 3 });
        ($bytes{$what}) = ending($t, $id) =~ /^$COMPLETE left=[01] bytes=(\d+)/;
    }
    ok $bytes{call} > 1000, "$mpm: what an upstream says";
    is $bytes{'finish/call'}, $bytes{call}, '... goes on to the end without a client';

    $id = $t->new_id;
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
    $client = ask($t, "call/$id?port=" . $silent->sockport . '&path=x');
    my $call = $silent->accept;
    $t->get("stop/$id");
    like ending($t, $id), qr/^$CANCELLED left=0 bytes=0/, "$mpm: before the upstream says anything";
    my $closed = '';
    wait_for('the call to be closed', sub { sysread($call, $closed, 4096) == 0 });
    is $client->response->{body}, '{}', '... which the client is told';

    # A stop of the server. The MPM worker closes the sockets of its threads
    # while they work, which TSan sees.
    if ($TSAN && $mpm eq 'worker') {
        $t->stop;
        next;
    }
    $id = $t->new_id;
    ask($t, "finish/write/$id?n=1000&ms=50")->response(on_event => sub (@) { 0 });
    $t->stop(name => "$mpm: the server stops with a stream whose client has left");
    if ($mpm ne 'prefork') {
        like $t->error_log, qr/probe write $id: $SHUTDOWN left=1/, '... which is told';
    }
}

# ---- over HTTP/2, where each stream has a thread of httpd's ----

my $h2 = server('event', modules => [ 'status', 'http2' ], tls_conf => 'Protocols h2 http/1.1');
sub curl ($path, @more) {
    return qx(curl -skN --http2 @more 'https://localhost:${\ $h2->tls_port}/probe/$path');
}
my $id2 = $h2->new_id;
my $some = curl("finish/write/$id2?n=40&ms=" . scaled(25), '--max-time', scaled(0.4));
is $some, substr($h2->events(1, 40), 0, length $some), 'HTTP/2: what a client has before it leaves';
like ending($h2, $id2), qr/^$COMPLETE left=1/, '... goes on without it';
is curl("follow/$id2?after=3"), $h2->events(4, 40), '... and is resumed';
$id2 = $h2->new_id;
my $waits = ask($h2, "write/$id2?n=20&ms=" . scaled(25));
wait_for('the stream', sub { $h2->get("find/$id2")->{status} == 200 });
is curl("follow/$id2"), $h2->events(1, 20), '... followed while it is written';
$waits->response;
$id2 = $h2->new_id;
$waits = ask($h2, "call/$id2?port=$port&path=v1/chat/completions&say=mock(n=1000;pace=20)", tls => 1);
wait_for('the call', sub { $up->stats->{open} });
curl("stop/$id2");
like ending($h2, $id2), qr/^$CANCELLED left=0/, '... and stopped';
$waits->close;
$h2->stop;

# ---- gracefully: such a stream is waited for like any other ----

my $t = server('event');
my $id = $t->new_id;
ask($t, "finish/write/$id?n=20&ms=" . scaled(50))->response(on_event => sub (@) { 0 });
$t->graceful;
like ending($t, $id), qr/^$COMPLETE left=1/, 'a graceful restart waits for a stream whose client has left';
is $t->get("load/$id")->{body} =~ s/\n.*//sr, 'last=20 ended=1', '... and keeps its log';
$id = $t->new_id;
ask($t, "finish/write/$id?n=20&ms=" . scaled(50))->response(on_event => sub (@) { 0 });
$t->stop(graceful => 1, name => 'and so does a graceful stop');
like $t->error_log, qr/probe write $id: $COMPLETE left=1/, '... to its end';

done_testing;

# Seconds of processor time that the children have used.
sub cpu_of ($t) {
    my $ticks = 0;
    for my $pid ($t->children) {
        open my $stat, '<', "/proc/$pid/stat" or next;
        my @field = split ' ', <$stat> =~ s/.*\) //sr;
        $ticks += $field[11] + $field[12];
    }
    return $ticks / 100;
}
