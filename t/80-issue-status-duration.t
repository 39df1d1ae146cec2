# SPDX-License-Identifier: Apache-2.0
#
# mod_status added the time since a worker's earlier request, or since 1970, to
# its durations whenever a parked request was finished by another worker than
# the one that began it.
use v5.36;
use Test::More;
use FindBin;
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);
use lib "$FindBin::Bin/lib";
use ChatTest;

my $t = ChatTest->new(modules => ['status'], mpm => 'event', conf => <<'END')->start;
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=20ms words=10
</Location>
END

my $json = JSON::PP::encode_json({ model => 'm', input => 'x', stream => JSON::PP::true });

# Ten at once, so that many workers begin and end them.
sub ten_streams {
    my @open = map { $t->connect } 1 .. 10;
    $_->request(POST => '/mock/responses', body => $json,
        headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]) for @open;
    return scalar grep { $_->response->{clean} } @open;
}

sub status ($name) {
    my ($n) = $t->get('/server-status?auto')->{body} =~ /^\Q$name\E: (\S+)$/m;
    return $n;
}

my $started = clock_gettime(CLOCK_MONOTONIC);
is ten_streams(), 10, 'ten streams, each on a worker that never worked before';
sleep 0.5;
is ten_streams(), 10, '... and ten more, half a second later';
wait_for('all to be counted', sub { status('Total Accesses') >= 20 });
my $most = 20 * 1000 * (clock_gettime(CLOCK_MONOTONIC) - $started);

cmp_ok status('Total Duration'), '<', $most, 'the server says that they took no longer than they can have taken';
cmp_ok status('DurationPerReq'), '<', $most, '... each of them, too';

$t->stop;
done_testing;
