# SPDX-License-Identifier: Apache-2.0
#
# A Redis that stood still for a second had users locked out for eleven minutes:
# what could not be given back then, or was taken by a question that had been
# given up, stayed on lease. Whatever happens to Redis and to the children, each
# reservation has one end: soon after Redis answers, with no request to help, the
# places are free and the tokens are those that were used.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Streams;
use File::Temp ();
use JSON::PP   ();

my $dir = File::Temp->newdir('chat-unsettled-XXXXXX', TMPDIR => 1);

# An answer of 15 tokens, which goes on when $dir/go is there, unless the
# request is for /quick.
sub answer ($conn, $head) {
    my $chunk = sub ($text) { printf {$conn} "%x\r\n%s\r\n", length $text, $text };
    my $delta = sub ($delta, $finish) {
        $chunk->('data: ' . JSON::PP::encode_json({ id => 'c', object => 'chat.completion.chunk', created => 1, model => 'm',
            choices => [ { index => 0, delta => $delta, finish_reason => $finish } ] }) . "\n\n");
    };
    print {$conn} "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    $delta->({ role => 'assistant', content => 'w' }, undef);
    if ($head !~ m{ /quick/}) {
        open my $fh, '>', "$dir/started.$$";
        close $fh;
        until (-e "$dir/go" || !-d "$dir") { select undef, undef, undef, 0.01 }
    }
    $delta->({}, 'stop');
    $chunk->('data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
        . '"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}' . "\n\n");
    $chunk->("data: [DONE]\n\n");
    print {$conn} "0\r\n\r\n";
    close $conn;
}

my $up    = upstream_of(\&answer);
my $redis = ChatTest::Redis->new->start;

my %LIMIT = (
    places    => 'places 3 ip unit=streams',
    tokens    => 'tokens 100000/1h ip unit=tokens',
    unlimited => 'unlimited 3 ip unit=streams fail=open',
    shut      => 'shut 3 ip unit=streams fail=closed',
    budget    => 'budget 100000/1h ip unit=tokens fail=closed',
    requests  => 'requests 1000/1h ip fail=closed',
    both      => "both 1000/1h ip\nChatLimit guard 1000/1h ip fail=closed",
    other     => 'other 1000000/1h expr=%{QUERY_STRING} fail=open',
);

sub server ($mpm, %o) {
    my $command = $o{command} // '100ms';
    my $chat = join '', map {
        my $provider = $o{quick}{$_} || $_ eq 'other' ? 'quick' : 'held';
        <<"END" } sort keys %LIMIT;
<Location /$_>
    SetHandler chat
    ChatRoute completions
    ChatUse $provider
    ChatAuth guest
    ChatLimit $LIMIT{$_}
</Location>
END
    my $t = ChatTest->new(mpm => $mpm, modules => ['status'], mpm_conf => mpm_conf(16),
        conf => ($o{table} ? '' : 'ChatRedis ' . $redis->url . " command=$command\n") . <<"END" . $chat)->start;
<ChatProvider held>
    ChatProviderType compatible
    ChatProviderURL $up/held
    ChatProviderTimeout total=5m
    ChatProviderBreaker off
</ChatProvider>
<ChatProvider quick>
    ChatProviderType compatible
    ChatProviderURL $up/quick
    ChatProviderBreaker off
</ChatProvider>
END
    $t->{table} = $o{table};
    $t->allow_log(qr/CHAT1011: Redis is not asked for a while/, qr/CHAT1019: /, qr/AH00(?:161|286|484)/,
        qr/AH00052: child pid \d+ exit signal Killed/, qr/CHAT0902/);
    return $t;
}

# ---- what is asked ----

sub body ($t) {
    return { %{ $t->turn }, model => 'm', stream => JSON::PP::true, max_tokens => 9000 };
}

sub ask ($t, $path) { return $t->sse($path, body($t)) }

# Asked, and not waited for.
sub begin ($t, $path) {
    my $conn = $t->connect;
    $conn->request(POST => $path, body => JSON::PP::encode_json(body($t)), headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]);
    return $conn;
}

sub hold_back () {
    unlink "$dir/go", glob "$dir/started.*";
}

sub go_on () {
    open my $fh, '>', "$dir/go" or die $!;
}

sub well ($t) {
    return wait_for('Redis to be asked', sub { defined ask($t, '/other?well')->{headers}{ratelimit} }, 30);
}

# So many streams that have begun.
sub hold ($t, %n) {
    my $sum = 0;
    well($t) if !$t->{table};
    hold_back();
    my @conns = map { my $path = $_; map { begin($t, "/$path") } 1 .. $n{$path} } sort keys %n;
    $sum += $_ for values %n;
    wait_for("$sum answers to begin", sub { (() = glob "$dir/started.*") == $sum });
    return @conns;
}

sub finish (@conns) {
    go_on();
    return map { my $res = $_->response; $_->close; $res } @conns;
}

# Whoever is not let past makes the server give up Redis.
sub open_breaker ($t) {
    my $mark = $t->mark;
    my $n = 0;
    wait_for('Redis to be given up', sub {
        ask($t, '/other?opens=' . $n++);
        $t->error_log($mark) =~ /CHAT1011/;
    });
}

# ---- what Redis says ----

sub key ($name, $unit) { return "{chat}:$name:$unit:127.0.0.1" }
sub places ($name) { return $redis->ask('ZCARD', key($name, 's0')) }
sub used ($name, $unit = 't3600') { return $redis->ask('GET', key($name, $unit)) // 0 }
sub reserved ($name) { return $redis->ask('ZCARD', 'chat-leases:' . key($name, 't3600')) }

sub is_soon ($what, $sub, $want, $seconds = 30) {
    my $got;
    wait_for("$what: $want", sub { ($got = $sub->()) eq $want }, $seconds);
    return is $got, $want, $what;
}

# The questions that were given up are run by a Redis that wakes.
sub wakes ($asked, $n) {
    $redis->thaw;
    wait_for('Redis to run what was asked of it', sub { calls() >= $asked + $n });
}

sub calls () {
    my $calls = $redis->calls;
    return ($calls->{evalsha} // 0) + ($calls->{eval} // 0);
}

# ---- the cases ----

sub away_at_settling ($t, $name) {
    my $used = used('tokens');
    my @held = hold($t, places => 3, tokens => 3);
    is places('places'), 3, "$name: three places are taken";
    $redis->freeze;
    open_breaker($t);
    is $_->{ended}, 'chunked', "$name: an answer that ends when nobody asks Redis is whole" for finish(@held);
    $redis->thaw;
    is_soon("$name: the places are free again", sub { places('places') }, 0);
    is_soon("$name: nothing is reserved", sub { reserved('tokens') }, 0);
    is used('tokens'), $used + 3 * 15, "$name: what was used is charged, once";
}

# It hears late that it is to settle, and once more.
sub frozen_for ($t, $name, $seconds) {
    my $used = used('tokens');
    my @held = hold($t, places => 1, tokens => 1);
    $redis->freeze;
    finish(@held);
    select undef, undef, undef, $seconds;
    $redis->thaw;
    is_soon("$name, frozen for $seconds s: the place is free again", sub { places('places') }, 0);
    is_soon("$name, frozen for $seconds s: nothing is reserved", sub { reserved('tokens') }, 0);
    is used('tokens'), $used + 15, "$name, frozen for $seconds s: what was used is charged, once";
}

# Two questions: a third failure would have Redis given up.
sub late ($t, $name, $path, $status, $sub) {
    go_on();
    well($t);
    my $was = $sub->();
    my $asked = calls();
    $redis->freeze;
    my @conns = map { begin($t, "/$path") } 1 .. 2;
    is $_->response->{status}, $status, "$name, $path: asked of a Redis that stands still" for @conns;
    wakes($asked, 2);
    is_soon("$name, $path: what it counts late it gives back", $sub, $was);
    $_->close for @conns;
}

sub killed ($t, $name, $signal) {
    my $used = used('tokens');
    my @held = hold($t, places => 3, tokens => 3);
    cmp_ok used('tokens'), '>', $used + 3 * 9000, "$name: tokens are reserved";
    kill $signal, $t->children;
    is_soon("$name, $signal: the places of a child are free again", sub { places('places') }, 0);
    is_soon("$name, $signal: nothing is reserved", sub { reserved('tokens') }, 0);
    is used('tokens'), $used, "$name, $signal: nor charged";
    go_on();
    $_->close for @held;
}

sub reloaded ($t, $name) {
    my $used = used('tokens');
    my @held = hold($t, places => 3, tokens => 3);
    $redis->freeze;
    open_breaker($t);
    my @old = $t->children;
    $t->graceful;
    finish(@held);
    wait_for('the old child to be gone', sub { !grep { kill 0, $_ } @old }, 20);
    $redis->thaw;
    is_soon("$name, reloaded: the places are free again", sub { places('places') }, 0);
    is_soon("$name, reloaded: nothing is reserved", sub { reserved('tokens') }, 0);
    is used('tokens'), $used + 3 * 15, "$name, reloaded: what was used is charged, once";
}

sub replaced ($t, $name) {
    my @held = hold($t, places => 2, tokens => 2);
    $redis->stop;
    open_breaker($t);
    finish(@held);
    $redis->start;
    well($t);
    is_soon("$name, replaced: nothing is charged there", sub { join ' ', grep { !/other/ } @{ $redis->ask('KEYS', '*') } }, '');
    @held = hold($t, places => 3);
    is places('places'), 3, "$name, replaced: it counts anew";
    finish(@held);
    is_soon("$name, replaced: and gives back", sub { places('places') }, 0);
}

# Who settles a lease that has expired charges what was used.
sub expired ($t, $name) {
    my $used = used('tokens');
    my @held = hold($t, tokens => 2);
    my $leases = 'chat-leases:' . key('tokens', 't3600');
    $redis->ask('ZADD', $leases, 1, $_) for $redis->ask('ZRANGE', $leases, 0, 0)->@*;
    push @held, hold($t, tokens => 1);
    my $reserved = used('tokens') - $used;
    cmp_ok $reserved, '<', 3 * 9000, "$name: a lease that has expired is given back";
    finish(@held);
    is_soon("$name, expired: nothing is reserved", sub { reserved('tokens') }, 0);
    is used('tokens'), $used + 3 * 15, "$name, expired: each of them is charged what it used";
}

for my $mpm (qw(event worker)) {
    my $t = server($mpm);
    away_at_settling($t, $mpm);
    frozen_for($t, $mpm, $_) for 0.05, 0.5, 3;
    killed($t, $mpm, 'KILL');
    expired($t, $mpm);
    reloaded($t, $mpm);
    replaced($t, $mpm);
    $t->stop;

    $t = server($mpm, quick => { map { $_ => 1 } keys %LIMIT });
    late($t, $mpm, places    => 200, sub { places('places') });
    late($t, $mpm, unlimited => 200, sub { places('unlimited') });
    late($t, $mpm, shut      => 503, sub { places('shut') });
    late($t, $mpm, tokens    => 200, sub { used('tokens') });
    late($t, $mpm, budget    => 503, sub { used('budget') });
    late($t, $mpm, requests  => 503, sub { used('requests', 'r3600') });
    late($t, $mpm, both      => 503, sub { used('both', 'r3600') . ' ' . used('guard', 'r3600') });
    $t->stop;
}

# ---- questions on their way when their child has to go ----

for my $signal (qw(HUP USR1 KILL)) {
    my $t = server('event', quick => { places => 1, requests => 1 }, command => '1m');
    ask($t, '/other?line');
    my $asked = calls();
    $redis->freeze;
    my @conns = map { begin($t, $_) } ('/places') x 2, ('/requests') x 2;
    wait_for('four to ask', sub { counters($t)->{Parked} == 4 });
    if ($signal eq 'KILL') {
        kill KILL => $t->children;
    }
    else {
        $t->_again($signal, 20);
    }
    wakes($asked, 4);
    is_soon("$signal while Redis is asked: the places are free", sub { places('places') }, 0);
    is_soon("$signal while Redis is asked: who was refused pays nothing", sub { used('requests', 'r3600') }, 0) if $signal ne 'USR1';
    $_->close for @conns;
    $redis->ask('FLUSHALL');
    $t->stop;
}

# ---- when to come back ----

for my $table (0, 1) {
    my $t = server('event', table => $table);
    my $name = $table ? 'table' : 'Redis';
    my @held = hold($t, places => 3);
    my $no = ask($t, '/places');
    is $no->{status}, 429, "$name: three are open, the fourth is refused";
    cmp_ok $no->{headers}{'retry-after'}, '>', 300, "$name: until the first of them has to end, and a minute";
    cmp_ok $no->{headers}{'retry-after'}, '<=', 360, "$name: not longer";
    like $no->{headers}{ratelimit}, qr/"places";r=0;t=$no->{headers}{'retry-after'}$/, "$name: as RateLimit says";
    push @held, hold($t, tokens => 11);
    $no = ask($t, '/tokens');
    is $no->{status}, 429, "$name: eleven have reserved all tokens";
    cmp_ok $no->{headers}{'retry-after'}, '>', 300, "$name: until the first of them has to give back";
    cmp_ok $no->{headers}{'retry-after'}, '<=', 360, "$name: not until the window ends";
    finish(@held);
    my $later = wait_for('the tokens to be given back', sub { my $res = ask($t, '/tokens'); $res->{status} == 200 && $res });
    like $later->{headers}{ratelimit}, qr/"tokens";r=\d+;t=3[56]\d\d$/, "$name: the window ends when it ends";
    $t->stop;
}

$redis->stop;
done_testing;
