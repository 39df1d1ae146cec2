# SPDX-License-Identifier: Apache-2.0
#
# Logs of streams in Redis, which two servers share: what is written by one is
# read, resumed and stopped by the other. A Redis that is slow, ill or dead
# never delays a client, and what it lost is told.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Probe;
use ChatTest::Redis;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $redis = ChatTest::Redis->new(password => 'secret-of-redis')->start;
my ($COMPLETE, $GONE, $CANCELLED) = map { "why=$_" } 0, 2, 4;
my $EVENTS = 12;
# TSan takes the end of prefork's children, inside a signal handler, for an error.
my $TSAN = ($ENV{CHAT_VARIANT} // '') eq 'tsan';

sub server (%o) {
    my $t = ChatTest::Probe->new(resume => 'redis age=30s', %o);
    $t->write_file('redis.secret', "secret-of-redis\n", 0600);
    $t->{conf} = 'ChatRedis ' . ($o{url} // $redis->url) . " password=file:%%DIR%%/redis.secret connect=1s command=1s\n" . $t->{conf};
    return $t->start;
}

sub ends ($t, $id) {
    return wait_for("the end of $id", sub { $t->error_log =~ /probe (?:write|call) $id: (why=\S+ left=\d+ bytes=\d+)/ && $1 }) // '';
}

sub read_some ($t, $path, $n) {
    my $client = $t->client;
    $client->request(GET => "/probe/$path");
    my $left = $n;
    my $res = $client->response(on_event => sub (@) { --$left > 0 });
    $client->close;
    return $res->{body} =~ s/\A((?:.*?\n\n){$n}).*/$1/sr;
}

sub is_logged ($t, $id) {
    return wait_for("the log of $id", sub { $t->get("find/$id")->{status} == 200 });
}

for my $mpm ('event', $TSAN ? () : 'prefork') {
    my ($t, $u) = (server(mpm => $mpm), server(mpm => $mpm));
    my $whole = $t->events(1, $EVENTS, 10);
    my $id = $t->new_id;
    read_some($t, "finish/write/$id?n=$EVENTS&ms=" . scaled(40) . '&size=10', 1);
    my ($had, $n) = ('', 0);
    while ($n < $EVENTS) {
        my $more = read_some($n % 2 ? $t : $u, "follow/$id?after=$n", 1);
        last if $more eq '';
        $had .= $more;
        $n++;
    }
    is $had, $whole, "$mpm: a client that leaves after each event has all of them, to the byte, of either server";
    like ends($t, $id), qr/^$COMPLETE left=1/, '... and its stream has ended by itself, without it';
    wait_for('its end', sub { $u->get("load/$id")->{body} eq "last=$EVENTS ended=1\n$whole" });
    is $u->get("find/$id")->{body}, "$id owner=the same route=stream ended=1 broken=0\n", '... with whom it belongs to';
    is $u->get("follow/$id")->{body}, $whole, '... and can be read again';
    is $u->get("follow/$id?after=$EVENTS")->{status}, 204, '... with nothing behind its end';
    cmp_ok $redis->ask('TTL', "chat:{$id}:$_"), '>', 10, "... $_ for a while" for qw(events log);
    $u->get("remove/$id");
    is $t->get("follow/$id")->{status}, 404, '... until it is removed';

    # Entries hold several events each, and are resumed inside.
    $id = $t->new_id;
    $t->get("write/$id?n=200&ms=1&size=20");
    wait_for('its end', sub { $u->get("find/$id")->{body} =~ /ended=1/ });
    cmp_ok $redis->ask('XLEN', "chat:{$id}:events"), '<', 150, "$mpm: events are sent together";
    my @wrong = grep { $u->get("follow/$id?after=$_")->{body} ne $t->events($_ + 1, 200, 20) } map { $_ * 9 } 0 .. 22;
    is "@wrong", '', '... and resumed wherever one likes';

    # Many readers, of both.
    $id = $t->new_id;
    my $writer = $t->client;
    $writer->request(GET => "/probe/write/$id?n=$EVENTS&ms=" . scaled(60) . '&size=10');
    is_logged($u, $id);
    read_some($u, "follow/$id", 2);
    my @readers = map { my $c = ($_ % 2 ? $t : $u)->client; $c->request(GET => "/probe/follow/$id?after=" . $_ % 3); $c } 1 .. fewer(20);
    my $same = grep { my $res = $readers[$_]->response; $res->{clean} && $res->{body} eq $t->events(1 + ($_ + 1) % 3, $EVENTS, 10) } 0 .. $#readers;
    is $same, @readers, "$mpm: so many readers follow one stream";
    is $writer->response->{body}, $whole, '... as its own client does';

    for my $what ('write', 'finish/write') {
        $id = $t->new_id;
        my $client = $t->client;
        $client->request(GET => "/probe/$what/$id?n=1000&ms=100");
        my $events = 0;
        my $res = $client->response(on_event => sub (@) { ++$events == 2 ? $u->get("stop/$id")->{status} == 200 : 1 });
        like $res->{body}, qr/event: cancelled\n/, "$mpm: $what that the other server stops";
        like ends($t, $id), qr/^$CANCELLED left=0/, '... is cancelled';
        is $u->get("stop/$id")->{status}, 200, '... which may be asked for again';
    }

    # A process that dies says nothing; its readers are told when it has not said
    # for ten seconds that it lives.
    if ($mpm eq 'prefork') {
        $_->stop for $t, $u;
        next;
    }
    $id = $t->new_id;
    my $client = $t->client;
    $t->allow_log(qr/exit signal Killed/);
    $client->request(GET => "/probe/write/$id?n=50&ms=" . scaled(100) . '&kill=8');
    is_logged($u, $id);
    my $res = $u->client->request(GET => "/probe/follow/$id")->response(timeout => scaled(25));
    like $res->{body}, qr/\A(?:id: \d+\nevent: delta\n.*\n\n){5,8}event: error\n.*stream_gap/, "$mpm: a reader of a process that dies is told";
    $_->stop for $t, $u;
}

# ---- a Redis that is ill ----

my ($t, $u) = (server(), server());
my $lost = qr/CHAT12(?:09|11|05|06|07|08)/;
$_->allow_log($lost) for $t, $u;
my ($id, $res, $client, $follower);

# It stands still: nobody waits for it.
$id = $t->new_id;
$client = $t->client;
$client->request(GET => "/probe/write/$id?n=60&ms=20&size=50");
is_logged($u, $id);
$follower = $u->client;
$follower->request(GET => "/probe/follow/$id");
my $frozen = 0;
my $since = clock_gettime(CLOCK_MONOTONIC);
$res = $client->response(on_event => sub (@) { $redis->freeze if ++$frozen == 3; 1 });
is $res->{body}, $t->events(1, 60, 50), 'a Redis that stands still';
cmp_ok clock_gettime(CLOCK_MONOTONIC) - $since, '<', scaled(4), '... delays no client';
$redis->thaw;
is $follower->response->{body}, $t->events(1, 60, 50), '... nor is anything lost when it goes on soon';

# It dies: the stream goes on, and its reader is told.
$id = $t->new_id;
$client = $t->client;
$client->request(GET => "/probe/write/$id?n=5000&ms=20&size=50");
is_logged($u, $id);
$follower = $u->client;
$follower->request(GET => "/probe/follow/$id");
my ($events, $stop) = (0, 0);
$res = $client->response(on_event => sub (@) {
    $redis->stop if ++$events == 10;
    $stop = $t->get("stop/$id")->{status} if $events == 40;
    return 1;
});
is substr($res->{body}, 0, length $t->events(1, 39, 50)), $t->events(1, 39, 50), 'a Redis that dies ends no stream';
is $stop, 503, '... nobody else could hear that it is stopped';
like $res->{body}, qr/event: cancelled\n/, '... but its own process does';
$redis->start;
$res = $follower->response(timeout => scaled(25));
my $had = () = $res->{body} =~ /^id: /mg;
my $whole = $events - 1; # the last one is that it was cancelled
ok $res->{body} eq $t->events(1, $whole, 50) || $res->{body} =~ /\A\Q${\ $t->events(1, $had, 50)}\Eevent: error\n.*stream_gap/,
    '... whose reader misses nothing, or is told' or diag $res->{body};
is $t->get("write/" . ($id = $t->new_id) . '?n=3')->{body}, $t->events(1, 3), 'the next one';
wait_for('a log again', sub { $t->get('write/' . ($id = $t->new_id) . '?n=3'); $u->get("follow/$id")->{body} eq $t->events(1, 3) });
pass '... is logged again';

# A stop that nobody heard is found by whom it is for.
$id = $t->new_id;
$client = $t->client;
$client->request(GET => "/probe/write/$id?n=1000&ms=50");
is_logged($u, $id);
$redis->ask('SET', "chat:{$id}:stop", 1, 'EX', 60);
$redis->ask('CLIENT', 'KILL', 'TYPE', 'pubsub');
like $client->response->{body}, qr/event: cancelled\n/, 'a stop that was not heard is found with the next connection';

# What is in the place of a log, or of its entries.
my %foreign = (
    'no stream'    => [ [ 'SET', 'chat:{ID}:events', 'x' ] ],
    'no frames'    => [ [ 'XADD', 'chat:{ID}:events', '0-1', 'f', 'x' ] ],
    'an empty one' => [ [ 'XADD', 'chat:{ID}:events', '0-1', 'f', '' ] ],
    'more fields'  => [ [ 'XADD', 'chat:{ID}:events', '0-1', 'f', "id: 1\n\n", 'g', 'x' ] ],
    'a hole'       => [ [ 'XADD', 'chat:{ID}:events', '0-2', 'f', "id: 2\n\n" ] ],
    'another id'   => [ [ 'XADD', 'chat:{ID}:events', '7-1', 'f', "id: 1\n\n" ] ],
);
for my $name (sort keys %foreign) {
    $id = $t->new_id;
    $redis->ask('SET', "chat:{$id}:log", "0198 chat-log 1 o 1 stream a\n", 'EX', 60);
    $redis->ask(map { s/ID/$id/r } @$_) for $foreign{$name}->@*;
    $res = $t->client->request(GET => "/probe/follow/$id")->response(timeout => scaled(20));
    ok $res->{status} == 503 || $res->{body} =~ /\Aevent: error\n.*stream_gap/, "$name in the place of a log";
}
# An id that the log does not have. Redis has an event some time after the client
# had it, so that is waited for; what never comes is told.
sub frames ($first, $last) { return $t->events($first, $last) }

sub by_hand () {
    my $id = $t->new_id;
    $redis->ask('SET', 'chat:alive:0198',     1,                                     'EX', 60);
    $redis->ask('SET', "chat:{$id}:log",      "0198 chat-log 1 o 1 stream a\n", 'EX', 60);
    $redis->ask('XADD', "chat:{$id}:events", '0-3', 'f', frames(1, 3));
    return $id;
}

sub add_entry ($id, @entry) {
    $redis->ask('XADD', "chat:{$id}:events", @entry);
    $redis->ask('PUBLISH', "chat:{$id}:more", '');
    return;
}

sub follower ($id, $after) {
    my $follower = $u->client;
    $follower->request(GET => "/probe/follow/$id?after=$after");
    wait_for('a reader', sub { $redis->ask('PUBSUB', 'NUMSUB', "chat:{$id}:more")->[1] });
    return $follower;
}

my $told = qr/\Aevent: error\ndata: \{"type":"error","code":"stream_gap",.*\}\n\n\z/;

$id = by_hand();
$follower = follower($id, 5);
add_entry($id, '0-4', 'f', frames(4, 4));
add_entry($id, '0-6', 'f', frames(5, 6));
add_entry($id, '1-0', 'end', 1);
is $follower->response->{body}, frames(6, 6), 'a client that is ahead of Redis has what is behind its event';

$id = by_hand();
$follower = follower($id, 5);
add_entry($id, '0-4', 'f', frames(4, 4));
add_entry($id, '1-0', 'end', 1);
like $follower->response->{body}, $told, '... or is told, where the stream ends before it';

$id = by_hand();
$res = follower($id, 5)->response(timeout => scaled(20));
like $res->{body}, $told, '... or says nothing more';
ok $res->{clean}, '... which is the end';

$id = $t->new_id;
$client = $t->client;
$client->request(GET => "/probe/write/$id?n=100000&ms=20");
is_logged($u, $id);
like $_->client->request(GET => "/probe/follow/$id?after=90000")->response(timeout => scaled(20))->{body}, $told, '... or goes on far behind it'
    for $t, $u;
$t->get("stop/$id");
ends($t, $id);

$id = $t->new_id;
$redis->ask('SET', "chat:{$id}:log", 'x', 'EX', 60);
is $t->get("follow/$id")->{status}, 404, 'what is no log is not found';
$redis->ask('DEL', "chat:{$id}:log");
$redis->ask('LPUSH', "chat:{$id}:log", 'x');
is $t->get("follow/$id")->{status}, 503, '... or cannot be read';
is $t->get("write/$id?n=1")->{status}, 503, '... nor written';
$_->stop for $t, $u;

# ---- how it is reached ----

$t = server(url => $redis->unix_url(3));
$id = $t->new_id;
is $t->get("write/$id?n=5")->{body}, $t->events(1, 5), 'over a socket, in a database';
wait_for('its end', sub { $t->get("find/$id")->{body} =~ /ended=1/ });
is $redis->in_db(3, 'EXISTS', "chat:{$id}:events"), 1, '... are the keys';
unlike $t->error_log, qr/secret-of-redis|user one/, 'no secret is logged';
$t->stop;

my ($ok, $out) = ChatTest::Probe->new(resume => 'redis')->configtest;
ok !$ok, 'without ChatRedis it is refused';
like $out, qr/CHAT0130: ChatStreamResume redis at .*: there is no ChatRedis/, '... in words';
$redis->stop;

done_testing;
