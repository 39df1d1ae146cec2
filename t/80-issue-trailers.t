# SPDX-License-Identifier: Apache-2.0
#
# An upstream that never stopped sending headers after its answer had them all
# kept: hundreds of megabytes in seconds. More than 64 KiB of them are an error
# of the upstream; a few are none.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Desync;
use ChatTest::Streams qw(chat_conf mpm_conf upstream_of);
use IO::Select;

my $LINE = 'X-Trailer: ' . 'a' x 1000 . "\r\n";
my $MOST = 64 * 1024 * 1024;

# Sends so many lines, then the end; tells how many bytes it got rid of.
pipe(my $told, my $tell) or die "pipe: $!\n";
my $upstream = sub ($count) {
    return upstream_of(sub ($conn, $head) {
        read $conn, my $body, ($head =~ /^Content-Length: (\d+)/mi)[0];
        # Without its last event, after which nothing is read any more.
        my $events = "event: response.created\ndata: {\"type\":\"response.created\"}\n\n";
        my $answer = $count > 1 ? "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            . sprintf("%x\r\n%s\r\n0\r\n", length $events, $events) : ChatTest::Desync::answer('fine') =~ s/\r\n\z//r;
        syswrite $conn, $answer;
        my $sent = 0;
        for (1 .. $count) {
            my $n = syswrite $conn, $LINE x 16 or last;
            last if ($sent += $n) >= $MOST;
        }
        syswrite $conn, "\r\n";
        sysread $conn, my $rest, 1;
        syswrite $tell, "$sent\n";
    });
};
my %up = (few => $upstream->(1), endless => $upstream->(1_000_000));

for my $mpm (qw(event worker)) {
    my $t = ChatTest->new(mpm => $mpm, modules => ['http2'], tls => 1, tls_conf => "Protocols h2 http/1.1\n",
        mpm_conf => mpm_conf(8), conf => chat_conf(map { $_ => "$up{$_}/v1" } keys %up))->start;
    my $res = $t->sse('/few', $t->turn);
    ok $res->{clean}, "$mpm: 16 KiB of headers after an answer";
    like $res->{body}, qr/<fine>/, '... which the client gets';
    like $t->wait_log(qr/CHAT0901: .*/), qr/outcome=complete/, '... and the log tells';

    $t->expect_log(qr/CHAT0902: .*64 KiB of headers after the answer/);
    $res = $t->sse('/endless', $t->turn);
    ok !$res->{clean}, 'headers without an end: no clean end';
    ok $t->wait_log(qr/CHAT0902: .*64 KiB of headers after the answer/), '... but an error of the upstream';
    cmp_ok sent(), '<', $MOST / 4, '... which is closed';

    # A client of HTTP/2.
    my $out = qx(@{[ join ' ', qw(curl -sS --http2 --cacert), $t->ca ]} -H 'Content-Type: application/json' -d '{"messages":[{"role":"user","content":"hi"}]}' '@{[ $t->url('/endless', tls => 1) ]}' 2>&1);
    isnt $? >> 8, 0, 'a client of HTTP/2 is told, too';
    cmp_ok sent(), '<', $MOST / 4, '... and its upstream closed';
    $t->stop;
}

# The most that an upstream told since.
sub sent {
    my ($most, $text) = (0, '');
    wait_for('the upstream to end', sub {
        return if !IO::Select->new($told)->can_read(0.1);
        sysread $told, $text, 4096, length $text;
        ($most) = sort { $b <=> $a } $text =~ /^(\d+)\n/mg;
        return $most > 64 * 1024;
    });
    return $most;
}
done_testing;
