# SPDX-License-Identifier: Apache-2.0
#
# The smallest configuration: one MPM, authz_core and chat, nothing else that
# a server has to be told to load. What stands in the way of a stream depends
# on what is loaded, so each case is played by a server with many modules, too,
# and both must answer alike.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok);
use ChatTest::Streams qw(chat_conf load_body);
use ChatTest::Upstream;
use JSON::PP ();

my $up = ChatTest::Upstream->new(lean => 1)->start;

# What ChatTest loads where it is not built in: no choice of ours.
my %GIVEN = map { $_ => 1 } qw(unixd log_config logio);
my @MANY = qw(reqtimeout deflate brotli headers env setenvif rewrite status info substitute ratelimit);

sub server ($mpm, %o) {
    my $t = ChatTest->new(mpm => $mpm, %o, conf => chat_conf(chat => $up->url));
    $t->write_file('htdocs/a.txt', "hello\n");
    return $t->start;
}

sub loaded ($t) {
    return sort grep { !$GIVEN{$_} } $t->slurp('httpd.conf') =~ /^LoadModule (\w+)_module/mg;
}

# ---- what is asked, as text, and what is worth comparing of an answer ----

my $seed;

sub stream ($t, %mock) {
    my $body = JSON::PP::encode_json({ messages => [ { role => 'user',
        content => 'mock(seed=' . ++$seed . join('', map { ";$_=$mock{$_}" } sort keys %mock) . ')' } ] });
    return "POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-ID: id-$seed\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

sub plain ($t) {
    return "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n";
}

sub bad ($t) {
    return stream($t) =~ s{application/json}{text/whatever}r;
}

sub essence ($res) {
    my %headers = $res->{headers}->%*;
    delete @headers{qw(date server etag last-modified)};
    return { status => $res->{status}, headers => \%headers, body => $res->{body}, ended => $res->{ended} };
}

# Send @requests one after another ($together 0), or all at once; the answers.
sub play ($t, $together, @requests) {
    my $conn = $t->connect(timeout => 10);
    my @res;
    if ($together) {
        $conn->send(join '', @requests);
        @res = map { $conn->response } @requests;
    }
    else {
        @res = map { $conn->send($_)->response } @requests;
    }
    return map { essence($_) } @res;
}

my @CASES = (
    [ 'a stream',                             0, [qw(S)] ],
    [ 'stream after stream',                  0, [qw(S S S S)] ],
    [ 'a file, a stream, a file',             0, [qw(F S F)] ],
    [ 'an error, a stream, an error',         0, [qw(E S E S)] ],
    [ 'pipelined: stream after stream',       1, [qw(S S S S)] ],
    [ 'pipelined: a file, a stream, a file',  1, [qw(F S F)] ],
    [ 'pipelined: an error, a stream',        1, [qw(E S E S F)] ],
    [ 'pipelined: slow streams',              1, [qw(L L F)] ],
);

my %ASK = (
    S => sub ($t) { stream($t, n => 5) },
    L => sub ($t) { stream($t, n => 5, pace => 30) },
    F => \&plain,
    E => \&bad,
);
my %STATUS = (S => 200, L => 200, F => 200, E => 415);

sub answers ($t, $case) {
    my ($name, $together, $what) = @$case;
    $seed = 0;
    return [ play($t, $together, map { $ASK{$_}->($t) } @$what) ];
}

sub check ($mpm) {
    my ($small, $large) = (server($mpm), server($mpm, tls => 1, modules => \@MANY));
    is_deeply [ loaded($small) ], [ 'authz_core', 'chat', "mpm_$mpm" ], 'the smallest has three modules';
    for my $case (@CASES) {
        my $got = answers($small, $case);
        is_deeply [ map { "$_->{status} $_->{ended}" } @$got ],
            [ map { "$STATUS{$_} " . (/[SL]/ ? 'chunked' : 'length') } $case->[2]->@* ], $case->[0];
        is_deeply $got, answers($large, $case), '... as with many modules';
    }
    my $old = $small->sse('/chat', $small->turn(n => 5), version => '1.0');
    ok $old->{clean} && $old->{ended} eq 'close', 'HTTP/1.0 ends with the connection';
    is $old->{events}[-1]{event}, 'response.completed', '... and is whole';
    load_ok('many at once, one after another', $small->url('/chat'), b => load_body($small, 'n=5;pace=5'),
        c => 20, m => 5, p => 'lean=1;n=5');
    load_ok('... and pipelined', $small->url('/chat'), b => load_body($small, 'n=5;pace=5'),
        c => 20, m => 6, P => 3, p => 'lean=1;n=5');
    $_->stop for $small, $large;
}

subtest $_ => \&check, $_ for qw(event worker prefork);
$up->stop;
done_testing;
