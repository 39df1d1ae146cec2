# SPDX-License-Identifier: Apache-2.0
#
# Answers that two readers of HTTP/1.1 read differently (RFC 9112, 6 and 7, 11.1
# and 11.2), each with an answer behind it that nobody has asked for. Whatever
# is made of such an answer, nobody gets that one: not who asked, nor who asks
# next. And what clients send becomes one request each, however it is worded.
# Parked, and on a thread of its own.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams qw(chat_conf mpm_conf upstream_of);
use File::Temp qw(tempdir);
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER);

# ---- what an upstream says ----

sub events ($tag) {
    return join '', map { "event: $_->[0]\ndata: {\"type\":\"$_->[0]\"$_->[1]}\n\n" }
        [ 'response.created', '' ], [ 'response.output_text.delta', ",\"delta\":\"<$tag>\"" ],
        [ 'response.completed', ',"response":{"usage":{"input_tokens":1,"output_tokens":1}}' ];
}

my $TYPE = "Content-Type: text/event-stream\r\n";
my $OK = "HTTP/1.1 200 OK\r\n$TYPE";
my $TE = "Transfer-Encoding: chunked\r\n";
sub chunk ($body, $behind = '', $end = "\r\n") { return sprintf("%x%s%s%s%s", length $body, $behind, $end, $body, $end) }
# Without the last event, after which nothing is read any more.
sub unfinished () { return s/event: response.completed.*//sr }
sub chunked ($body) { return chunk($body) . "0\r\n\r\n" }
sub sized ($body, $more = '') { return "${OK}${more}Content-Length: " . length($body) . "\r\n\r\n$body" }
my $EVIL = sized(events('EVIL'));

# name => [ what comes of it: own, or error; is the connection used again; the
# answer to a request whose events are $_ ]. What has "evil" in its name ends
# with the answer that nobody has asked for.
my %SAY = (
    plain            => [ own => 1, sub { sized($_) } ],
    chunks           => [ own => 1, sub { "$OK$TE\r\n" . chunked($_) } ],
    extension        => [ own => 1, sub { "$OK$TE\r\n" . chunk($_, ';a=b;c="d"') . "0;last\r\n\r\n" } ],
    trailers         => [ own => 1, sub { "$OK$TE\r\n" . chunk($_) . "0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n" } ],
    'same-length'    => [ own => 1, sub { sized($_, 'Content-Length: ' . length($_) . "\r\n") } ],
    interim          => [ own => 1, sub { "HTTP/1.1 103 Early\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n" x 50 . sized($_) } ],
    'bare-lf-head'   => [ own => 1, sub { sized($_) =~ s/\A(.*?\r\n\r\n)/$1 =~ tr{\r}{}dr/esr } ],

    # The chunks count; who says both is not believed any further.
    'both-evil'          => [ own => 0, sub { "${OK}Content-Length: 3\r\n$TE\r\n" . chunked($_) . $EVIL } ],
    'both-other-evil'    => [ own => 0, sub { "$OK${TE}Content-Length: @{[ length $EVIL ]}\r\n\r\n" . chunked($_) . $EVIL } ],
    'both-alone'         => [ own => 0, sub { "${OK}Content-Length: 3\r\n$TE\r\n" . chunked($_) } ],
    'old-chunks-evil'    => [ own => 0, sub { ("$OK${TE}Connection: keep-alive\r\n\r\n" =~ s/1\.1/1.0/r) . chunked($_) . $EVIL } ],
    'shorter-evil'       => [ own => 0, sub { sized($_) . $EVIL } ],
    'zero-chunk-evil'    => [ own => 0, sub { "$OK$TE\r\n" . chunked($_) . "\r\n$EVIL" } ],
    'until-the-end'      => [ own => 0, sub { "$OK\r\n$_" } ],

    'two-lengths-evil'   => [ error => 0, sub { sized($_, "Content-Length: 5\r\n") . $EVIL } ],
    'list-of-lengths'    => [ error => 0, sub { sized($_) =~ s/(Content-Length: )(\d+)/$1$2, 5/r } ],
    'plus-length-evil'   => [ error => 0, sub { (sized($_) =~ s/(Content-Length: )/$1+/r) . $EVIL } ],
    'hex-length-evil'    => [ error => 0, sub { (sized($_) =~ s/(Content-Length: )\d+/sprintf '%s0x%x', $1, length $_/er) . $EVIL } ],
    'empty-length'       => [ error => 0, sub { sized($_) =~ s/(Content-Length: )\d+/$1/r } ],
    'gzip-chunked-evil'  => [ error => 0, sub { "${OK}Transfer-Encoding: gzip, chunked\r\n\r\n" . chunked($_) . $EVIL } ],
    'chunked-gzip-evil'  => [ error => 0, sub { "${OK}Transfer-Encoding: chunked, gzip\r\n\r\n" . chunked($_) . $EVIL } ],
    'chunked-twice-evil' => [ error => 0, sub { "$OK$TE$TE\r\n" . chunked($_) . $EVIL } ],
    'xchunked-evil'      => [ error => 0, sub { "${OK}Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n" . chunked($_) . $EVIL } ],
    'fold-evil'          => [ error => 0, sub { sized($_, "X-A: b\r\n c: d\r\n") . $EVIL } ],
    'fold-coding-evil'   => [ error => 0, sub { sized($_, "Transfer-Encoding:\r\n chunked\r\n") . $EVIL } ],
    'cr-in-field-evil'   => [ error => 0, sub { sized($_, "X-A: b\rTransfer-Encoding: chunked\r\n") . $EVIL } ],
    'nul-in-field-evil'  => [ error => 0, sub { sized($_, "X-A: b\0c\r\n") . $EVIL } ],
    'no-colon-evil'      => [ error => 0, sub { sized($_, "X-A\r\n") . $EVIL } ],
    'space-in-name-evil' => [ error => 0, sub { sized($_, "X A: b\r\n") . $EVIL } ],
    'nine-evil'          => [ error => 0, sub { "HTTP/0.9\r\n" . sized($_) . $EVIL } ],
    'switching-evil'     => [ error => 0, sub { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" . sized($_) . $EVIL } ],
    'no-content-evil'    => [ error => 0, sub { "HTTP/1.1 204 No Content\r\nContent-Length: @{[ length ]}\r\n\r\n$_$EVIL" } ],
    'bare-lf-size-evil'  => [ error => 0, sub { "$OK$TE\r\n" . chunk($_, '', "\n") . "0\n\n$EVIL" } ],
    'bare-lf-ext-evil'   => [ error => 0, sub { "$OK$TE\r\n" . chunk($_, ";\n" . (sprintf '%x', length $EVIL)) . "0\r\n\r\n$EVIL" } ],
    'cr-in-ext-evil'     => [ error => 0, sub { "$OK$TE\r\n" . chunk($_, ";a\rb") . "0\r\n\r\n$EVIL" } ],
    'bare-lf-data-evil'  => [ error => 0, sub { "$OK$TE\r\n" . (chunk(unfinished()) =~ s/\r\n\z/\n/r) . "0\r\n\r\n$EVIL" } ],
    'wrap-size-evil'     => [ error => 0, sub { "$OK$TE\r\n" . (sprintf "%x%016x\r\n", 1, length) . "$_\r\n0\r\n\r\n$EVIL" } ],
    'minus-size-evil'    => [ error => 0, sub { "$OK$TE\r\n-1\r\n$_\r\n0\r\n\r\n$EVIL" } ],
    'space-size-evil'    => [ error => 0, sub { "$OK$TE\r\n " . chunked($_) . $EVIL } ],
    'long-size-evil'     => [ error => 0, sub { "$OK$TE\r\n" . '0' x 8192 . chunked($_) . $EVIL } ],
    'long-ext-evil'      => [ error => 0, sub { "$OK$TE\r\n" . chunk($_, ';' . 'a' x 8192) . "0\r\n\r\n$EVIL" } ],
    'bare-lf-trailer-evil' => [ error => 0, sub { "$OK$TE\r\n" . chunk(unfinished()) . "0\r\nA: b\n\r\n$EVIL" } ],
    'short'              => [ error => 0, sub { sized($_) =~ s/event: response.completed.*//sr } ],
    'long-head'          => [ error => 0, sub { sized($_, join '', ('X-A: ' . 'a' x 1000 . "\r\n") x 200) } ],
    'reset'              => [ error => 0, sub { '' } ],
    'interim-flood'      => [ error => 0, sub { "HTTP/1.1 100 Continue\r\n\r\n" x 20_000 . sized($_) } ],
);

# ---- the upstream ----

my $DIR = tempdir('chat-framing-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $SEEN = "$DIR/requests";

sub note_request ($text) {
    open my $fh, '>>', $SEEN or die "$SEEN: $!\n";
    syswrite $fh, "$text\n";
    return;
}

# Requests as strictly as they have to be written: anything else is noted.
sub serve_request ($conn, $head) {
    my ($line, @fields) = split /\r\n/, $head;
    my @lengths = $head =~ /^Content-Length: (\d+)\r$/mgi;
    my $proper = $line eq 'POST /v1/responses HTTP/1.1' && @lengths == 1 && $head !~ /^Transfer-Encoding/mi
        && !(grep { !/^[\w-]+: [^\0-\x08\x0a-\x1f\x7f]+\z/ } @fields);
    # The first of it says how much of it is read.
    my $length = $proper ? $lengths[0] : 0;
    my $some = $length < 2000 ? $length : 2000;
    read($conn, my $body, $some) == $some or return 0;
    read $conn, $body, $length - $some, $some unless $body =~ /say=early/;
    my ($tag) = $body =~ /tag=(\w+)/;
    my ($say) = $body =~ /say=([\w-]+)/;
    note_request($proper && ($body =~ /say=early/ || JSON::PP->new->decode($body)) ? "proper $tag" : "nonsense $head");
    # Only who reads on would see what follows of the request.
    return syswrite($conn, sized(events("$tag\@$$"))) && 0 if $say eq 'early';
    # Read, and not even acknowledged.
    return setsockopt($conn, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) && 0 if $say eq 'reset';
    local $_ = events("$tag\@$$");
    syswrite $conn, $SAY{$say}[2]->();
    return $say !~ /until|short/;
}

my $url = upstream_of(sub ($conn, $head) {
    while (defined $head && serve_request($conn, $head)) {
        local $/ = "\r\n\r\n";
        $head = readline $conn;
    }
});

# ---- the clients ----

# What one request gets: own, error, or whose answer else; and which connection
# it came by.
my $n = 0;
sub ask ($t, $pconn, $say, %o) {
    my $tag = sprintf 't%dx%d', $$, ++$n;
    my $text = $t->canary_prompt . " tag=$tag say=$say " . ($o{text} // '');
    $$pconn //= $t->connect;
    $$pconn->request(POST => '/up', headers => [ 'Content-Type' => 'application/json', ($o{headers} // [])->@* ],
        body => JSON::PP::encode_json({ messages => [ { role => 'user', content => $text } ], ($o{body} // {})->%* }));
    my $res = $$pconn->response;
    undef $$pconn if $res->{status} != 200 || !$res->{clean};
    my ($theirs, $by) = $res->{body} =~ /<(\w+)(?:@(\d+))?>/;
    return ('error', 0, $res) if ($res->{status} != 200 || !$res->{clean}) && ($theirs // $tag) eq $tag;
    return (($theirs // 'nothing') eq $tag ? 'own' : $theirs, $by, $res);
}

# An answer of each kind between two that are as they should be.
sub answers ($t) {
    my (%got, %wanted, $conn);
    for my $say (sort keys %SAY) {
        my ($end, $again) = $SAY{$say}->@*;
        my ($first, $before) = ask($t, \$conn, 'plain');
        my ($second) = ask($t, \$conn, $say);
        my ($third, $after) = ask($t, \$conn, 'chunks');
        $got{$say} = "$first $second $third " . ($before == $after ? 'again' : 'anew');
        $wanted{$say} = "own $end own " . ($again ? 'again' : 'anew');
    }
    is_deeply \%got, \%wanted, 'nobody gets what he has not asked for';
    return;
}

# An answer that is there before the request was read: what follows of that may
# be taken for the next one.
sub early ($t) {
    my $conn;
    my ($first, $before) = ask($t, \$conn, 'plain');
    my ($second, undef, $res) = ask($t, \$conn, 'early', text => 'POST /v1/evil HTTP/1.1 ' x 30_000);
    my ($third, $after) = ask($t, \$conn, 'plain');
    is "$first $second $third", 'own own own', 'an early answer is an answer' or diag substr $res->{body}, 0, 500;
    isnt $after, $before, '... and the last on its connection';
    return;
}

# What stands in a request may look like the end of it.
my $REQUEST = "\r\n\r\nPOST /v1/evil HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}";

sub requests ($t) {
    my $conn;
    my @own = map { (ask($t, \$conn, 'plain', @$_))[0] } [ text => $REQUEST ], [ text => "\r\n0\r\n\r\n" ],
        [ headers => [ 'X-Request-Id' => "a\tb", 'Transfer-Encodin' => 'chunked', Expect => '' ] ], [ headers => [ Traceparent => '0' x 5000 ] ];
    is_deeply \@own, [ ('own') x 4 ], 'text that looks like a request is text';
    my @refused = map { (ask($t, \$conn, 'plain', body => { model => $_ }))[2]{status} } "m HTTP/1.1$REQUEST", "m\r\nX: y", "m\0";
    ok !(grep { $_ >= 500 } @refused), 'names of models that look like requests' or diag "@refused";

    # The same on this side: two lengths, a length and chunks.
    my $body = JSON::PP::encode_json({ messages => [ { role => 'user', content => $t->canary_prompt . ' tag=tX say=plain' } ] });
    my $chunks = chunked($body);
    for my $head ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: @{[ length $body ]}\r\nContent-Length: 5", "Transfer-Encoding: chunked, identity", "Content-Length: +@{[ length $body ]}") {
        my $raw = $t->connect;
        my $sent = $head =~ /chunked/ ? $chunks : $body;
        $raw->send("POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n$head\r\n\r\n${sent}POST /up HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n");
        my $answers = $raw->rest =~ s/<tX@\d+>/OWN/gr;
        unlike $answers, qr/OWN.*OWN/s, "$head: one answer at most";
        $raw->close;
    }
    return;
}

sub seen () {
    open my $fh, '<', $SEEN or die "$SEEN: $!\n";
    return readline $fh;
}

for my $mpm (qw(event worker)) {
    subtest $mpm => sub {
        my $t = ChatTest->new(mpm => $mpm, modules => ['status'], mpm_conf => mpm_conf(8), 
            conf => chat_conf(up => { url => "$url/v1", location => "ChatRequestMessageLength 900000\nChatRequestTotalLength 900000" }))->start;
        $t->expect_log(qr/CHAT0902: /);
        answers($t);
        early($t);
        requests($t);
        $t->stop;
    };
}
my %times;
$times{$_}++ for map { /^proper (\w+)$/ ? $1 : () } seen();
is_deeply [ grep { !/^proper \w+$/ } seen() ], [], 'the upstream has seen no nonsense';
is_deeply [ grep { $_ ne 'tX' && $times{$_} != 1 } sort keys %times ], [], '... and each request once';
done_testing;
