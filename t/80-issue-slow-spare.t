# SPDX-License-Identifier: Apache-2.0
#
# Nobody waits for the name of a provider that is only there in case another one
# fails: it is looked up meanwhile, and passed over while it is not known.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams qw(counters dns_env);
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $port = $up->port;

for my $mpm (qw(event worker)) {
    my $t = ChatTest->new(mpm => $mpm, modules => ['status'], conf => join "\n",
        (map { ("<ChatProvider $_->[0]>", 'ChatProviderType openai', "ChatProviderURL $_->[1]", 'ChatProviderBreaker off', '</ChatProvider>') }
            [ good => $up->url ], [ bad => $up->url(status => 503) ], [ slow => "http://slow.test:$port/v1" ],
            [ spare => "http://spare.test:$port/v1" ], [ lost => "http://lost.test:$port/v1" ]),
        '<Location /x>', 'SetHandler chat', 'ChatRoute openai', 'ChatAuth guest', '</Location>',
        '<Location /x/good>', 'ChatUse good slow', '</Location>',
        '<Location /x/bad>', 'ChatUse bad slow', '</Location>',
        # time for a name server that answers
        '<Location /x/spare>', 'ChatUse bad lost spare', 'ChatRetry 2 backoff=' . scaled(200) . 'ms', '</Location>', '');
    my $log = $t->write_file('dns.log', '', 0666);
    # An hour: whoever waited for it would not come back.
    $t->{env} = dns_env($t->dir, $log, 'slow.test=3600000:127.0.0.1 spare.test=0:127.0.0.1 lost.test=0:');
    $t->expect_log(qr/CHAT0902: .*provider=bad /);
    $t->start;

    ok $t->sse('/x/good', $t->turn)->{clean}, "$mpm: the provider itself answers";
    is counters($t)->{UpstreamErrors}, 0, '... and nothing has failed';
    is $t->post_json('/x/bad', $t->turn)->{status}, 503, 'one whose name is not known yet is passed over';
    my $res = $t->sse('/x/spare', $t->turn);
    ok $res->{clean} && $res->{status} == 200, 'one whose name is known by then answers';
    $t->stop;
}
$up->stop;
done_testing;
