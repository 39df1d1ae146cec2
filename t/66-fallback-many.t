# SPDX-License-Identifier: Apache-2.0
#
# Many at once, each asking several upstreams before one answers: every client
# gets one whole answer, and every upstream as many calls as that takes.
#
# Runs alone: hundreds of clients ask at once.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok);
use ChatTest::Streams;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(lean => 1)->start;
my $rude = ChatTest::Upstream->new(keep => 0)->start;
my $nobody = 'http://127.0.0.1:' . ChatTest::Httpd::free_port() . '/v1';

sub server ($mpm) {
    my @chain = ('SetHandler chat', 'ChatAuth guest', 'ChatModelDefault mock-1', 'ChatUse nobody busy rude next', 'ChatRetry 2 backoff=1ms unsafe=on');
    my $routes = join '', map { join "\n", "<Location /all/$_>", "ChatRoute $_", @chain, "</Location>\n" } qw(openai stream completions);
    return ChatTest->new(mpm => $mpm, modules => ['status'], ($mpm eq 'event' ? (mpm_conf => mpm_conf(32)) : ()), conf => $routes . chat_conf(
        nobody => $nobody,
        busy   => $up->url(status => 503),
        rude   => $rude->url(fault => 'rst-head'),
        next   => $up->url,
    ))->start;
}

sub many ($t, $route, $conns, $each) {
    my $n = $conns * $each;
    my $before = counters($t);
    $_->reset for $up, $rude;
    load_ok("$n of the route $route", $t->url("/all/$route"), c => $conns, m => $each, s => 1, k => 1, p => 'lean=1', t => scaled(60),
        ($route ne 'openai' ? (D => $route) : ()), b => body($t, $route));
    my $paths = $up->stats->{paths};
    my ($busy) = map { $paths->{$_} } grep { /status=503/ } keys %$paths;
    my ($next) = map { $paths->{$_} } grep { !/status=503/ } keys %$paths;
    is_deeply [ $busy, $rude->stats->{requests}, $next ], [ 2 * $n, 2 * $n, $n ], '... each refused twice, dropped twice, and answered once';
    ends_are($t, '... are as many streams', $before, Done => $n);
}

sub body ($t, $route) {
    my $body = load_body($t);
    $body =~ s/\}\z/,"model":"mock-1","stream":true,"stream_options":{"include_usage":true}}/ if $route eq 'completions';
    return $body;
}

for my $mpm (qw(event worker prefork)) {
    my $t = server($mpm);
    for my $route (qw(openai stream completions)) {
        subtest "$mpm, $route" => sub { $mpm eq 'event' ? many($t, $route, 40, fewer(20)) : many($t, $route, 4, fewer(20)) };
    }
    $t->stop;
}

ok $up->stop && $rude->stop, 'the upstreams have seen no nonsense';
done_testing;
