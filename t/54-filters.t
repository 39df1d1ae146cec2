# SPDX-License-Identifier: Apache-2.0
#
# Output filters of httpd's own modules around a stream: those that leave it alone
# do not cost a thread, and do what they are there for. One that costs it is named
# in the log once for each location, and counted.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP ();

plan skip_all => 'this build parks nothing' if ($ENV{CHAT_VARIANT} // '') eq 'nopark';

my $up = ChatTest::Upstream->new(lean => 1)->start;

my @places = (
    # path, configuration, filters that cost a thread, headers that are expected
    [ plain        => '' ],
    [ expires      => "ExpiresActive On\nExpiresDefault \"access plus 1 hour\"", undef, { expires => qr/GMT/ } ],
    [ expiresbytype => "ExpiresActive On\nExpiresByType text/event-stream A60", undef, { expires => qr/GMT/ } ],
    [ nosession    => 'Session Off' ],
    [ session      => "Session On\nSessionCookieName seen path=/\nSessionMaxAge 600", undef, { 'set-cookie' => qr/^seen=/ } ],
    [ cache        => "CacheHeader on", undef, { 'x-cache' => qr/^INVALIDATE/ } ],
    [ otherwise    => "AddOutputFilterByType SUBSTITUTE text/html text/plain\nSubstitute s/a/b/" ],
    [ twofilters   => "AddOutputFilterByType SUBSTITUTE text/html\nAddOutputFilterByType INFLATE;DEFLATE text/html text/css\nSubstitute s/a/b/\n" ],
    [ all          => "ExpiresActive On\nExpiresDefault A60\nSession On\nSessionCookieName seen path=/\nSessionMaxAge 600\n"
            . "AddOutputFilterByType SUBSTITUTE text/html\nSubstitute s/a/b/", undef, { expires => qr/GMT/, 'set-cookie' => qr/^seen=/ } ],
    [ events       => "AddOutputFilterByType SUBSTITUTE text/html text/event-stream\nSubstitute s/never-there/x/", 'BYTYPE:SUBSTITUTE' ],
    [ substitute   => "SetOutputFilter SUBSTITUTE\nSubstitute s/never-there/x/", 'substitute' ],
    [ sessionrate  => "Session On\nSessionCookieName seen path=/\nSessionMaxAge 600\nSetOutputFilter SUBSTITUTE\nSubstitute s/never-there/x/", 'substitute', { 'set-cookie' => qr/^seen=/ } ],
);

my $conf = join '', map { <<"END" } @places;
<Location /$_->[0]>
    SetHandler chat
    ChatRoute openai
    ChatUse chat
    ChatAuth guest
    $_->[1]
</Location>
END

my $t = ChatTest->new(mpm => 'event', mpm_conf => "StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\nMinSpareThreads 1\nMaxSpareThreads 25\n",
    modules => [qw(status expires session session_cookie cache cache_socache socache_shmcb filter substitute deflate)],
    conf => chat_conf(chat => $up->url) . "CacheSocache shmcb\nCacheEnable socache /cache\nCacheEnable socache /all\n$conf");
$t->start;

sub filtered () { return $t->get('/server-status?auto')->{body} =~ /^ChatFiltered: (\d+)$/m ? $1 : undef }

my $n = 10;
my $original = do {
    my (undef, $text) = $t->curl('-H', 'Content-Type: application/json', '-d',
        JSON::PP::encode_json({ model => 'gpt-4o-mini', stream => JSON::PP::true, input => "mock(seed=1;n=$n)" }), $up->url . '/responses');
    $text;
};

for my $row (@places) {
    my ($path, undef, $filter, $headers) = @$row;
    my ($parked, $before) = (undef, filtered());
    my $res = $t->sse("/$path", $t->turn(seed => 1, n => $n, pace => 40), keep => 1,
        on_event => sub { $parked //= counters($t)->{Parked}; 1 });
    is $res->{status}, 200, "/$path answers";
    is $parked, $filter ? 0 : 1, $filter ? '... on a thread' : '... and is parked';
    is $res->{body}, $original, '... with the bytes of the provider' if defined $res->{body};
    ok $res->{clean}, '... to the end';
    my ($last, $apart) = (0, 0);
    for my $event ($res->{events}->@*) {
        $apart++ if $event->{at} - $last > 0.015;
        $last = $event->{at};
    }
    cmp_ok $apart, '>=', $n - 2, '... event by event' unless $filter;
    like $res->{headers}{$_} // '', $headers->{$_}, "... with its $_" for sort keys %{ $headers // {} };
    is filtered() - $before, $filter ? 1 : 0, $filter ? '... which is counted' : '... and costs nothing';
    next unless $filter;
    $t->expect_log(qr/CHAT0514: streams of the ChatRoute at \S+:\d+ hold a thread each, for the output filter $filter may block/i);
    $t->sse("/$path", $t->turn(n => 1)) for 1 .. 3;
}
my @said = $t->error_log =~ /CHAT0514/g;
is scalar @said, scalar(grep { $_->[2] } @places), 'each location is told of once';

# A refusal is no stream: the filters of its type see it.
my $bad = $t->post_json('/otherwise', { messages => [] });
is $bad->{status}, 400, 'a bad request is refused through the same filters';
ok $bad->{json}, '... in JSON that they have left alone';

$up->stop;
$t->stop;
done_testing;
