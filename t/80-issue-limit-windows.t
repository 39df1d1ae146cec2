# SPDX-License-Identifier: Apache-2.0
#
# What was reserved in one window is not taken off the next one, which an
# application that shares the key may have begun: neither by the lease of a child
# that died, nor by what is given back late.
use v5.36;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new(n => 1)->start;
my $t     = ChatTest->new(conf => <<"END")->start;
ChatRedis ${\$redis->url} connect=5s command=100ms
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute completions
ChatUse mock
ChatAuth guest
<Location /app>
    ChatLimit shared 1000/1h expr=%{QUERY_STRING} unit=tokens compat=rate-limiter-flexible prefix=p
</Location>
<Location /own>
    ChatLimit own 1000/1h expr=%{QUERY_STRING} unit=tokens
</Location>
<Location /guard>
    ChatLimit guard 1000/1h expr=%{QUERY_STRING} compat=rate-limiter-flexible prefix=g fail=closed
</Location>
END

sub ask ($path) {
    return $t->post_json($path, { model => 'm', stream => JSON::PP::true, max_tokens => 20,
        messages => [ { role => 'user', content => 'q' } ] });
}

sub counted ($key, $want, $what) {
    wait_for($what, sub { ($redis->ask('GET', $key) // -1) == $want });
    is $redis->ask('GET', $key), $want, $what;
}

# One answer in a window of its own, settled: what one costs.
is ask('/app?cost')->{status}, 200, 'an answer';
wait_for('it to be settled', sub { $redis->ask('GET', 'p:cost') && !$redis->ask('EXISTS', 'chat-leases:{p:cost}') });
my $cost = $redis->ask('GET', 'p:cost');
cmp_ok $cost, '>', 1, 'it costs something';

# ---- leases of children that have died ----

# A lease of 300 that is overdue, of the window that ends in so many ms ("never").
sub die_holding ($leases, $ms) {
    my $now = int(time * 1000);
    my $of = !defined $ms ? '' : $ms eq 'never' ? '@0' : sprintf '@%.0f', ($now + $ms) / 100;
    return $redis->ask('ZADD', $leases, $now - 1, "deadbeef$of:300");
}
sub ttl ($key) { return $redis->ask('PTTL', $key) }

my %key = ('/app' => 'p:%s', '/own' => '{chat}:own:t3600:e:%s');
for my $path (sort keys %key) {
    my $key = sprintf $key{$path}, 'same';
    my $leases = $path eq '/app' ? "chat-leases:{$key}" : "chat-leases:$key";
    ask("$path?same");
    counted($key, $cost, "$path: a window");
    $redis->ask('INCRBY', $key, 300);
    die_holding($leases, ttl($key));
    ask("$path?same");
    counted($key, 2 * $cost, "$path: what a child held that died comes back in its window");

    my %next = (
        'of an application'       => sub ($k) { $redis->ask('SET', $k, 900, 'EX', 3500) },
        'of another length'       => sub ($k) { $redis->ask('SET', $k, 900, 'EX', 60) },
        'without an end'          => sub ($k) { $redis->ask('SET', $k, 900) },
    );
    delete $next{'without an end'} if $path eq '/own';    # where it gets one
    for my $which (sort keys %next) {
        my $who = $which =~ tr/ /-/r;
        my $k = sprintf $key{$path}, $who;
        my $of = $leases =~ s/same/$who/r;
        ask("$path?$who");
        counted($k, $cost, "$path: a window, and then one $which");
        die_holding($of, ttl($k));
        $next{$which}->($k);
        is ask("$path?$who")->{status}, 200, '... which has room for one more';
        counted($k, 900 + $cost, '... loses nothing by what was held in the last');
    }
    my $bare = sprintf $key{$path}, 'bare';
    die_holding($leases =~ s/same/bare/r, undef);
    $redis->ask('SET', $bare, 900, 'EX', 3500);
    ask("$path?bare");
    counted($bare, 900 + $cost, "$path: nor by a lease of which nobody knows the window");
}

# A window without an end, of an application, is one window for ever.
$redis->ask('SET', 'p:endless', 300);
ask('/app?endless');
counted('p:endless', 300 + $cost, 'a window without an end');
die_holding('chat-leases:{p:endless}', 'never');
ask('/app?endless');
counted('p:endless', 2 * $cost, '... in which what was held comes back');
is $redis->ask('TTL', 'p:endless'), -1, '... and which still has no end';

# ---- what Redis counts late ----

# Redis hangs while it is asked, and is given up; then an application begins a
# new window before what was counted late is given back.
for ([ '/app', 'p:late', 'chat-leases:{p:late}' ], [ '/guard', 'g:late', 'chat-leases:{g:late}' ]) {
    my ($path, $key, $leases) = @$_;
    my $mark = $t->mark;
    $redis->freeze;
    ask("$path?late") for 1 .. 4;
    $t->wait_log(qr/CHAT1011/, from => $mark);
    $redis->thaw;
    wait_for("$path: Redis to count late", sub { $redis->ask('EXISTS', $key) });
    my $held = $redis->ask('ZCARD', $leases);
    $redis->ask('SET', $key, 900, 'EX', 3500);
    $redis->ask('CONFIG', 'RESETSTAT');
    wait_for("$path: what was counted late to be given back", sub { ($redis->calls->{zrem} // 0) >= 2 * $held }, 30);
    is $redis->ask('GET', $key), 900, "$path: ... not from the new window ($held held)";
    wait_for("$path: Redis to be asked again", sub { ask("$path?well"); $redis->ask('EXISTS', $key =~ s/late/well/r) }, 30);
}
$t->allow_log(qr/CHAT1011: Redis is not asked for a while/);

$t->stop;
$redis->stop;
$up->stop;
done_testing;
