# SPDX-License-Identifier: Apache-2.0
#
# Limits of money: what an answer may cost is reserved, and what it has cost is
# charged, exactly, on three Apaches with one Redis as in one server's table;
# months and days of the calendar; whoever is near the end is told.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_start load_wait);
use ChatTest::Redis;
use ChatTest::Upstream;
use JSON::PP;
use POSIX qw(strftime);

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

# 2.50 and 10 dollars for a million: 25,000 and 100,000 of 1e-10 USD a token. An
# answer of the mock to a question of 20 tokens with 16 pieces is 0.00021 USD.
my $CONF = <<"END";
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "@{[ $up->url ]};size=4;cached=0"
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderTimeout total=30s
    ChatProviderBreaker off
</ChatProvider>
ChatModel m mock price-in=2.50 price-out=10
ChatModel unpriced mock
ChatModel half mock price-in=1 price-out=1 fallback=unpriced
ChatModelDefault m
SetHandler chat
ChatRoute stream
ChatAuth guest
<Location /cap>
    ChatLimit cap 0.01/1h "expr=%{QUERY_STRING}" unit=cost
</Location>
<Location /near>
    ChatLimit near 0.00055/1h "expr=%{QUERY_STRING}" unit=cost
    ChatLimit tokens 1000/1h "expr=%{QUERY_STRING}" unit=tokens warn=95
</Location>
<Location /far>
    ChatLimit far 0.00055/1h "expr=%{QUERY_STRING}" unit=cost warn=0
</Location>
<Location /cut>
    ChatLimit cut 0.01/1h "expr=%{QUERY_STRING}" unit=cost cut=on
</Location>
<Location /calendar>
    ChatLimit month 1/1mo ip unit=cost
    ChatLimit day 1000/1d ip zone=utc
    ChatLimit there 1000/1d ip zone=+14:00
</Location>
<Location /shadow>
    ChatLimit used 0/1mo ip unit=cost shadow=on
</Location>
<Location /whole>
    ChatRoute openai
    ChatUse mock
    ChatRequestFormat provider
    ChatRetry 2 unsafe=on
    ChatLimit whole 0.01/1h "expr=%{QUERY_STRING}" unit=cost
</Location>
<Location /model>
    ChatLimit dear 0.0001/1h ip unit=cost model=m
</Location>
END
my @t = map { ChatTest->new(conf => "ChatRedis @{[ $redis->url ]} connect=5s command=5s\n$CONF")->start } 1 .. 3;
my $alone = ChatTest->new(conf => $CONF)->start;
$_->allow_log(qr/CHAT0902/, qr/AH00(?:161|286|484)/) for @t, $alone;

# A question that is reckoned as the mock counts it, 10 and the last two digits
# of the seed.
sub body ($seed, $mock, %o) {
    my $text = 'mock(' . join(';', "seed=$seed", map { "$_=$mock->{$_}" } sort keys %$mock) . ') ';
    my $len = 4 * (10 + $seed % 100 - 4);
    return { messages => [ { role => 'user', content => $text . 'x' x ($len - length $text) } ], maxOutputTokens => 16, %o };
}

sub ask ($t, $path, $seed, $mock, %o) {
    return $t->sse($path, body($seed, $mock, ($o{with} // {})->%*), map { $_ => $o{$_} } grep { $_ ne 'with' } keys %o);
}

sub used ($key) { return $redis->ask('GET', "{chat}:$key") // 0 }
sub done ($res) { return (grep { $_->{event} eq 'done' } $res->{events}->@*)[0] }

# ---- what it costs, and what is left ----

my $res = ask($t[0], '/cap?one', 30, { n => 7 });
is $res->{status}, 200, 'an answer';
is used('cap:m3600:e:one'), 40 * 25_000 + 7 * 100_000, '... costs what was billed, to the 1e-10 dollar';
is $res->{headers}{'ratelimit-policy'}, '"cap";q=10000;w=3600;qu="micro-usd"', '... of millionths of a dollar';
is $res->{headers}{ratelimit} =~ s/;t=.*//r, '"cap";r=' . (10000 - (40 * 25_000 + 16 * 100_000) / 10_000), '... of which it had reserved some';
is $redis->ask('ZCARD', 'chat-leases:{chat}:cap:m3600:e:one') // 0, 0, '... which came back';
for my $case ([ rst => { fault => 'rst-head' }, 0 ], [ 500 => { status => 500 }, 0 ], [ cut => { n => 9, fault => 'close', after => 9 }, 5 * 100_000 + 40 * 25_000 ]) {
    my ($what, $mock, $cost) = @$case;
    ask($t[0], "/cap?$what", 30, $mock);
    is used("cap:m3600:e:$what"), $cost, "$what: costs what was answered";
}
ask($t[0], '/cap?left', 30, { n => 9, fault => 'hang', after => 10 }, abort_after => 7);
wait_for(sub { used('cap:m3600:e:left') == 40 * 25_000 + 6 * 100_000 }, 'who leaves pays for what was streamed', 10);

# ---- five hundred at once ----

# No question is reckoned at less than the mock counts. Each reserves 0.0004475
# USD, of which 22 are in the cap, and costs less.
my $CAP = 0.01 * 1e10;
my $QUESTION = encode_json({ messages => [ { role => 'user', content => 'mock(seed={i};n=16) ' . 'x' x 444 } ], maxOutputTokens => 16, model => 'm' });

sub rush ($path, $servers, %o) {
    my %sum;
    my @jobs = map { load_start($_->url($path), c => int(510 / @$servers), b => $QUESTION, D => 'stream', S => 200, X => 429, p => 'size=4;cached=0;n=16', %o) } @$servers;
    for my $job (@jobs) {
        my $r = load_wait($job);
        is_deeply $r->{failures}, [], "$path: no request went otherwise";
        $sum{$_} += $r->{answers}{$_} for keys $r->{answers}->%*;
    }
    return \%sum;
}

# What the mock was asked, by its own count.
sub bills ($up) {
    my $calls = $up->_ask('GET', '/_calls');
    my $sum = 0;
    for (keys %$calls) {
        my ($seed) = split / /;
        $sum += $calls->{$_} * ((10 + $seed % 100) * 25_000 + 16 * 100_000);
    }
    return $sum;
}

for my $run ([ 'three Apaches and one Redis', @t ], [ 'a server alone', $alone ]) {
    my ($what, @servers) = @$run;
    my $name = @servers > 1 ? 'three' : 'alone';
    $up->reset;
    my $sum = rush("/cap?$name", \@servers, s => 1000);
    is $sum->{200} + $sum->{429}, 510, "$what: all were asked";
    cmp_ok $sum->{200}, '>=', 22, '... as many pass as fit at once';
    cmp_ok bills($up), '<=', $CAP, '... and what the provider bills is below the cap';
    my $more = 0;
    $more++ while $more < 60 && ask($servers[0], "/cap?$name", 9_999_999 - $more, { n => 16 })->{status} == 200;
    cmp_ok $more, '<', 60, '... up to which more pass';
    cmp_ok bills($up), '<=', $CAP, '... and not beyond';
    my $left = $CAP - bills($up);
    cmp_ok $left, '<', 109 * 25_000 + 16 * 100_000, '... until none fits any more';
    if (@servers > 1) {
        is used("cap:m3600:e:$name"), bills($up), '... what is charged is what was billed, to the 1e-10 dollar';
        is $redis->ask('ZCARD', "chat-leases:{chat}:cap:m3600:e:$name") // 0, 0, '... and nothing stays reserved';
    }
    my $no = ask($servers[0], "/cap?$name", 99, { n => 16 });
    is "$no->{status} $no->{json}{code}", '429 rate_limited', '... who comes then is told';
    like $no->{json}{message}, qr/^Too much money would be spent: the limit "cap" allows 0\.01 in 1 hour\./, '... in dollars';
}

# Those who leave, and who get nothing, with them.
my @jobs = (
    load_start($t[0]->url('/cap?mixed'), c => 150, b => $QUESTION, D => 'stream', S => 200, X => 429, p => 'size=4;cached=0;n=16', s => 2000),
    load_start($t[1]->url('/cap?mixed'), c => 150, b => $QUESTION =~ s/\{i\}/{i};pace=5/r, D => 'stream', S => 200, X => 429, p => 'size=4;cached=0;n=16;pace=5', s => 4000, A => 6),
    load_start($t[2]->url('/cap?mixed'), c => 150, b => $QUESTION =~ s/\{i\}/{i};status=500/r, D => 'stream', S => 502, X => 429, p => 'status=500', s => 6000),
);
my $most = 0;
for my $job (@jobs) {
    load_wait($job);
    $most = used('cap:m3600:e:mixed') if used('cap:m3600:e:mixed') > $most;
}
cmp_ok $most, '<=', $CAP, 'with those who leave and those who fail no more is spent';
wait_for(sub { !$redis->ask('ZCARD', 'chat-leases:{chat}:cap:m3600:e:mixed') }, '... and all that was not used comes back', 15);

# ---- near the end, and at it ----

unlike done(ask($t[0], '/near?a', 30, { n => 16 }))->{data}, qr/notice/, 'at half of it nobody is told';
my $notice = (JSON::PP->new->decode(done(ask($t[0], '/near?a', 30, { n => 16 }))->{data}))->{notice};
my $until = delete $notice->{resetAt};
is_deeply $notice, { code => 'limit_near', limit => 'near', unit => 'usd', most => 0.00055, remaining => 0.00003 }, 'near the end one is';
cmp_ok abs($until - time - 3600), '<', 60, '... and until when';
is ask($t[0], '/near?a', 30, { n => 16 })->{status}, 429, '... before it comes';
my $whole = ask($alone, '/near?b', 30, { n => 16 }, with => { stream => JSON::PP::false });
is $whole->{json}{notice}, undef, 'so with a whole answer';
is ask($alone, '/near?b', 30, { n => 16 }, with => { stream => JSON::PP::false })->{json}{notice}{limit}, 'near', '... and in a server alone';
ask($t[0], '/far?a', 30, { n => 16 });
unlike ask($t[0], '/far?a', 30, { n => 16 })->{body}, qr/notice/, 'warn=0 says nothing';
$res = ask($t[0], '/cut?a', 40, { n => 40, fault => 'hang', after => 20 });
is scalar(grep { $_->{event} eq 'text' } $res->{events}->@*), 16, 'an answer ends where its money does';
like $res->{body}, qr/event: error\ndata: \{[^\n]*"code":"budget_exhausted"/, '... with an event that says so';
is used('cut:m3600:e:a'), 50 * 25_000 + 16 * 100_000, '... which is what it cost';

# ---- the calendar ----

ask($t[0], '/calendar', 30, { n => 7 });
my ($month, $day, $there) = map { my $at = $_; sub { strftime shift, gmtime(time + $at) } } 0, 0, 14 * 3600;
is used('month:m2678400:127.0.0.1:' . $month->('%Y-%m')), 1_700_000, 'a month of the calendar has a counter of its own';
is used('day:r86400:127.0.0.1:' . $day->('%Y-%m-%d')), 1, '... so has a day';
is used('there:r86400:127.0.0.1:' . $there->('%Y-%m-%d')), 1, '... and one elsewhere';
my $ttl = $redis->ask('TTL', '{chat}:day:r86400:127.0.0.1:' . $day->('%Y-%m-%d'));
my $rest = 86400 - time % 86400;
ok $ttl >= $rest && $ttl <= $rest + 62, '... that lives a minute longer than it';
$res = ask($t[0], '/calendar', 30, { n => 7 });
my %t = $res->{headers}{ratelimit} =~ /"(\w+)";r=\d+;t=(\d+)/g;
cmp_ok abs($t{day} - (86400 - time % 86400)), '<=', 3, '... but is told to end with it';
cmp_ok abs($t{there} - (86400 - (time + 14 * 3600) % 86400)), '<=', 3, '... there, too';

# ---- what has no price ----

$_->expect_log(qr/CHAT1040: ChatLimit cap counts money, and the model \S+, or one that may stand in for it, has no price/) for $t[0];
for my $model (qw(unpriced half)) {
    my $no = ask($t[0], '/cap?none', 30, { n => 1 }, with => { model => $model });
    is "$no->{status} $no->{json}{code}", '500 misconfigured', "$model: what nobody knows the price of is not asked";
}
is ask($t[0], '/shadow', 30, { n => 1 }, with => { model => 'unpriced' })->{status}, 200, 'a policy that only looks on refuses nothing';
is ask($t[0], '/model', 30, { n => 1 }, with => { model => 'unpriced' })->{status}, 200, 'a cap of one model holds for that alone';
is ask($t[0], '/model', 30, { n => 1 })->{status}, 429, '... and there it does';

# ---- what nobody waited for ----

my $calls = $up->calls;
$res = $t[0]->request('POST', '/whole?one', json => { model => 'm', stream => JSON::PP::false, max_output_tokens => 16,
    input => body(30, { n => 3, fault => 'close-head' })->{messages}[0]{content} });
is $res->{status}, 502, 'a whole answer that never came';
is $up->calls, $calls + 1, '... is not asked for again: it may be billed';
cmp_ok used('whole:m3600:e:one'), '>=', 16 * 100_000, '... and what was reserved for it stays charged';

# ---- a server that is killed ----

my $c = $t[0]->connect;
$c->request('POST', '/cap?killed', headers => { 'Content-Type' => 'application/json' }, body => encode_json(body(50, { n => 9, fault => 'hang', after => 8 })));
my $leases = 'chat-leases:{chat}:cap:m3600:e:killed';
wait_for(sub { $redis->ask('ZCARD', $leases) }, 'an answer is being made', 10);
$t[0]->kill;
$c->rest;
is used('cap:m3600:e:killed'), 60 * 25_000 + 16 * 100_000, 'what a killed server had reserved stays so';
my ($lease) = @{ $redis->ask('ZRANGE', $leases, 0, 0) };
$redis->ask('ZADD', $leases, 1, $lease);
ask($t[1], '/cap?killed', 30, { n => 7 });
wait_for(sub { used('cap:m3600:e:killed') == 1_700_000 }, '... until its lease ends', 10);

$_->stop for @t[ 1, 2 ], $alone;
$redis->stop;
$up->stop;
done_testing;
