# SPDX-License-Identifier: Apache-2.0
#
# Events that come together go on together, in one chunk and one packet; those
# that come by themselves are not held back for others. An answer that comes
# whole goes out whole: head, body and end.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams qw(chat_conf);
use ChatTest::Upstream;
use JSON::PP ();
use Socket qw(IPPROTO_TCP);

my $up = ChatTest::Upstream->new(lean => 1)->start;

# The chunks of an answer, each with its events.
sub chunks ($t, $tls, %mock) {
    my $request = $t->connect->request_text('POST', '/chat', body => JSON::PP::encode_json($t->turn(%mock)),
        headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]);
    my (undef, $body) = split /\r\n\r\n/, $t->raw($request, tls => $tls), 2;
    my @chunks;
    while ($body =~ /\G([0-9a-f]+)\r\n/gc && hex $1) {
        push @chunks, substr $body, pos $body, hex $1;
        pos($body) += 2 + hex $1;
    }
    return @chunks;
}

sub events (@chunks) {
    return scalar grep { /^data: / } map { split /^/ } @chunks;
}

# Segments with data that have come on a connection, from Linux' tcp_info.
sub packets ($conn) {
    return unpack 'x152 L', getsockopt($conn->{rfh}, IPPROTO_TCP, 11);
}

# What the answers of one kept connection needed.
sub packets_of_answers ($t, $count, %mock) {
    my $conn = $t->connect;
    my @needed;
    for (1 .. $count) {
        my $before = packets($conn);
        $conn->request('POST', '/chat', headers => { 'Content-Type' => 'application/json' },
            body => JSON::PP::encode_json($t->turn(%mock)));
        $conn->response;
        push @needed, packets($conn) - $before;
    }
    return @needed;
}

for my $mpm (qw(event worker)) {
    my $t = ChatTest->new(mpm => $mpm, tls => 1, conf => chat_conf(chat => $up->url))->start;
    for my $tls (0, 1) {
        my $how = $mpm . ($tls ? ', TLS' : '');
        my @all = chunks($t, $tls, n => 30, pace => 0);
        is events(@all), 38, "$how: all events are there";
        cmp_ok scalar @all, '<', 10, '... in a few chunks';
        my @paced = chunks($t, $tls, n => 6, pace => int scaled(40));
        cmp_ok scalar @paced, '>=', 6, '... but each by itself when it comes so';
        ok !(grep { events($_) > 6 } @paced[ 0 .. $#paced - 1 ]), '... and none waits for the next';
    }
    if ($mpm eq 'event') {
        my @needed = sort { $a <=> $b } packets_of_answers($t, 9, n => 1, pace => 0);
        is $needed[0], 1, 'a short answer that comes in one read is one packet' or note "@needed";
    }
    $t->stop;
}
$up->stop;
done_testing;
