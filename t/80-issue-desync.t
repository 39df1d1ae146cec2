# SPDX-License-Identifier: Apache-2.0
#
# Bytes that an upstream had sent unasked on a kept connection were taken for the
# answer to the next request: another user got them, and each one after that the
# answer to somebody else's request. Whatever is said after an answer, between
# two requests or before the first, by plain TCP and by TLS, parked and on a
# thread of its own: everybody gets the answer to what he asked.
#
# CHAT_TEST_REQUESTS=10000 is the long form (make stress).
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Desync;
use ChatTest::Streams qw(checker mpm_conf);
use ChatTest::Upstream;
use File::Temp qw(tempdir);
use JSON::PP ();

my $REQUESTS = fewer($ENV{CHAT_TEST_REQUESTS} // 1000);
my $VICTIMS = 2; # requests after each that has the upstream say too much
my $CLIENTS = 4;

my $DIR = tempdir('chat-desync-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $TLS = [ "$DIR/cert.pem", "$DIR/cert.key" ];
my $out = qx(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=up -addext 'subjectAltName=IP:127.0.0.1' -keyout $TLS->[1] -out $TLS->[0] 2>&1);
die "openssl: $out\n" if $?;

my %up = (
    plain       => ChatTest::Desync->new, tls       => ChatTest::Desync->new(tls => $TLS),
    plain_early => ChatTest::Desync->new(early => 1), tls_early => ChatTest::Desync->new(early => 1, tls => $TLS),
);

sub server ($mpm, @preload) {
    my %checker = checker()->env($DIR);
    my $conf = join '', map { <<"END" } sort keys %up;
<ChatProvider $_>
    ChatProviderType    openai
    ChatProviderURL     @{[ $up{$_}->url ]}
    ChatProviderTimeout first=10s
    ChatProviderBreaker off
</ChatProvider>
<Location /$_>
    SetHandler chat
    ChatRoute openai
    ChatUse $_
    ChatAuth guest
</Location>
END
    return ChatTest->new(mpm => $mpm, modules => ['status'], mpm_conf => mpm_conf(8), conf => $conf,
        env => { CHAT_TEST_TRUST => $TLS->[0], LD_PRELOAD => join ':', grep { defined } $checker{LD_PRELOAD}, map { ChatTest::Upstream::tool($_) } 'trust.so', @preload })->start;
}

# One request, and what it got: "own", "error", or whose answer else.
my $n = 0;
sub ask ($t, $conn, $path, $words = '') {
    my $tag = sprintf 't%dx%d', $$, ++$n;
    my $text = $t->turn->{messages}[0]{content} . " tag=$tag $words";
    $$conn //= $t->connect;
    $$conn->request(POST => "/$path", headers => [ 'Content-Type' => 'application/json' ],
        body => JSON::PP::encode_json({ messages => [ { role => 'user', content => $text } ] }));
    my $res = $$conn->response;
    undef $$conn if $res->{status} != 200 || !$res->{clean};
    my @tags = $res->{body} =~ /<(\w+)>/g;
    my $got = $res->{status} != 200 || !$res->{clean} ? (grep { $_ ne $tag } @tags)[0] // 'error' : "@tags" eq $tag ? 'own' : "@tags" || 'nothing';
    return ($got, $tag);
}

sub desync ($t, $wire, $watched, $many) {
    my (%got, %deaf);
    my $conn;
    my @ways = map { my $frame = $_; map { my $when = $_; map { [ $frame, $when, $_ ] } @ChatTest::Desync::SAY } qw(glued soon late) } qw(chunked length);
    push @ways, map { [ @$_, 'close=1' ] } grep { $_->[2] eq 'whole' } @ways;
    for my $i (0 .. int $many / (1 + $VICTIMS)) {
        my ($frame, $when, $say, @close) = $ways[ $i % @ways ]->@*;
        my $way = "$frame $when $say @close";
        my ($got, $tag) = ask($t, \$conn, $wire, "frame=$frame when=$when say=$say @close");
        $got{"$way: $got"}++ if $got ne 'own';
        # Now it is in the kernel, or has been read: later requests are later.
        $deaf{"$way: not said"}++ if !$up{$wire}->hear(said => $tag, scaled(10));
        # Every other time the engine may see it first.
        $deaf{"$way: not closed"}++ if $watched && $i % 2 && !$up{$wire}->hear(closed => $tag, scaled(10));
        for (1 .. $VICTIMS) {
            my ($theirs) = ask($t, \$conn, $wire);
            $got{"after $way: $theirs"}++ if $theirs ne 'own';
        }
    }
    is_deeply \%got, {}, "$wire: everybody gets his own answer";
    is_deeply \%deaf, {}, $watched ? '... and such a connection is closed as it is idle' : '... whatever was said';
    return;
}

# Several at a time. The upstream says too much with the end of the answer: what
# comes later might meet a request that is on its way.
sub together ($t, $wire, $many) {
    my @jobs = map {
        my $pid = open(my $fh, '-|') // die "fork: $!\n";
        if (!$pid) {
            my $conn;
            for my $i (1 .. $many / $CLIENTS) {
                my $say = $ChatTest::Desync::SAY[ rand @ChatTest::Desync::SAY ];
                my ($got) = ask($t, \$conn, $wire, $i % 2 ? "frame=chunked when=glued say=$say" : '');
                print "$say: $got\n" if $got ne 'own';
            }
            POSIX::_exit(0) if close STDOUT;
        }
        $fh;
    } 1 .. $CLIENTS;
    my @wrong = map { readline $_ } @jobs;
    close $_ for @jobs;
    is_deeply \@wrong, [], "$wire, $CLIENTS at a time: everybody gets his own answer";
    return;
}

# What comes before the first request is nobody's answer. By TCP it is noticed
# where it is there in time, which connected.so sees to; over TLS it cannot be
# told from what TLS itself says then. But it belongs to no other request.
sub early ($mpm) {
    my $t = server($mpm, 'connected.so');
    my %got;
    for my $wire (qw(plain tls)) {
        my $conn;
        $got{$wire}{ (ask($t, \$conn, "${wire}_early"))[0] }++ for 1 .. 5;
    }
    is_deeply $got{plain}, { error => 5 }, 'an answer to nothing is nobody\'s';
    is_deeply [ grep { !/^(?:EVIL|error|own)$/ } keys $got{tls}->%* ], [], '... and over TLS nobody gets another one\'s';
    $t->expect_log(qr/CHAT0902: .*upstream_error: the upstream answered before it was asked/);
    $t->stop;
    return;
}

for my $mpm (qw(event worker)) {
    subtest $mpm => sub {
        my $t = server($mpm);
        my $parks = $mpm eq 'event' && ($ENV{CHAT_VARIANT} // '') ne 'nopark';
        desync($t, $_, $parks, $REQUESTS / 8) for qw(plain tls);
        together($t, $_, $REQUESTS / 8) for qw(plain tls);
        $t->stop;
        early($mpm);
    };
}
$_->stop for values %up;
done_testing;
