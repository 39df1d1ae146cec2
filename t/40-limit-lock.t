# SPDX-License-Identifier: Apache-2.0
#
# The table in shared memory is touched in its lock alone: while nobody holds it
# the memory is out of reach, and who reaches for it dies. Whatever is done with
# a counter is done here once: asked, refused, settled, left, expired, buried.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;
use File::Temp ();
use JSON::PP qw(encode_json);

plan skip_all => 'a checker has locks of its own' if checker()->name;

my $BYTES = 1024 * 1024;
my $dir   = File::Temp->newdir('chat-lock-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";
my $so    = "$dir/guard.so";
my $wrong = qx(cc -shared -fPIC -D_GNU_SOURCE -Wall -Werror -o $so $FindBin::Bin/tools/preload/guard.c 2>&1);
is $wrong, '', 'the guard is built' or BAIL_OUT($wrong);

my $up = ChatTest::Upstream->new->start;
my $t  = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf(4), modules => ['status'],
    env  => { LD_PRELOAD => $so, CHAT_TEST_GUARD => $BYTES, CHAT_TEST_GUARD_LOG => "$dir/touched" },
    conf => "ChatLimitTable $BYTES\n" . chat_conf(
        requests => { url => $up->url, location => 'ChatLimit requests 2/1h ip' },
        tokens   => { url => $up->url, location => 'ChatLimit tokens 100000/1h ip unit=tokens' },
        places   => { url => $up->url, location => 'ChatLimit places 2 ip unit=streams' },
    ))->start;
$t->allow_log(qr/AH00052: child pid \d+ exit signal Killed/, qr/AH00(?:161|286|484)/, qr/CHAT0902/);

sub statuses ($path, $n, %mock) {
    return join ' ', map { $t->sse($path, $t->turn(n => 2, %mock))->{status} } 1 .. $n;
}

# Two answers that go on and on.
sub hold () {
    my @conns = map { $t->connect } 1 .. 2;
    $_->request(POST => '/places', body => encode_json($t->turn(n => 1000, pace => 20)), headers => [ 'Content-Type' => 'application/json' ])
        for @conns;
    wait_for('two places to be taken', sub { counters($t)->{Live} == 2 });
    return @conns;
}

is statuses('/requests', 3), '200 200 429', 'requests are counted';
is statuses('/tokens', 3), '200 200 200', 'tokens are reserved and settled';
is statuses('/tokens', 1, status => 400), '400', '... and given back';
is statuses('/places', 3), '200 200 200', 'places are taken and given back';

my @held = hold();
is statuses('/places', 1), '429', 'a third is refused';
$_->close for @held;
settled($t);
is statuses('/places', 1), '200', 'they are free again';

@held = hold();
kill KILL => $t->children;
wait_for('those of a killed child to be free', sub { statuses('/places', 1) eq '200' });
$_->close for @held;
$t->graceful;
is statuses('/requests', 1), '429', 'a reload forgets nothing';

ok !-e "$dir/touched", 'nobody touched the table outside of its lock';
$t->stop;
$up->stop;
done_testing;
