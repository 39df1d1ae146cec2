# SPDX-License-Identifier: Apache-2.0
#
# A Redis that does not let us in: no connection that was refused stays open,
# neither of a worker's nor of those that it brings for an engine.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Streams;
use ChatTest::Upstream;

my $redis = ChatTest::Redis->new(password => 'what-nobody-was-told')->start;
my $up    = ChatTest::Upstream->new->start;

sub connected () {
    return $redis->ask('INFO', 'clients') =~ /^connected_clients:(\d+)/m ? $1 - 1 : -1;
}

sub asks_in_vain ($name, $redis_line, $mpm) {
    my $t = ChatTest->new(mpm => $mpm, mpm_conf => mpm_conf(4), modules => ['status'], env => { APP_REDIS => 'another' },
        conf => "ChatRedis $redis_line connect=5s command=5s\n"
            . chat_conf(open => { url => $up->url, location => 'ChatLimit open 1000/1h ip fail=open' }))->start;
    $t->allow_log(qr/CHAT1011: Redis is not asked for a while/, qr/CHAT1019: /);
    my $rejected = sub () {
        return () = $t->error_log =~ /CHAT1013: Redis did not count: (?:AUTH|SELECT|NOAUTH)/g;
    };
    wait_for("$name: Redis to refuse five times", sub {
        $t->sse('/open', $t->turn(n => 1));
        $rejected->() >= 5;
    }, 60);
    wait_for("$name: no connection to be open", sub { connected() == 0 });
    is connected(), 0, "$name: none is open";
    $t->stop;
}

for my $mpm (qw(event worker)) {
    asks_in_vain("$mpm, a wrong password", $redis->url . ' password=env:APP_REDIS', $mpm);
    asks_in_vain("$mpm, a wrong user", $redis->url . ' user=app password=env:APP_REDIS', $mpm);
    asks_in_vain("$mpm, a database without a password", $redis->url(1), $mpm);
}

$redis->stop;
$up->stop;
done_testing;
