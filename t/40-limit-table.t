# SPDX-License-Identifier: Apache-2.0
#
# The table without Redis when more is counted than it holds: who makes up keys
# loses his own counters, an idle one costs nobody anything, and it is told.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use JSON::PP;

my $up = ChatTest::Upstream->new->start;
my $t  = ChatTest->new(conf => <<"END")->start;
MaxKeepAliveRequests 0
ChatLimitTable 64K
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
<ChatProvider slow>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};fault=hang;after=3"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
<Location /victim>
    ChatLimit mine 3/1h "expr=%{QUERY_STRING}"
</Location>
<Location /short>
    ChatLimit short 3/10m "expr=%{QUERY_STRING}"
</Location>
<Location /idle>
    ChatLimit idle 5 "expr=%{QUERY_STRING}" unit=streams
</Location>
<Location /flood>
    ChatLimit flood 5/1d "expr=%{QUERY_STRING}"
</Location>
<Location /shade>
    ChatLimit shade 1/1d "expr=%{QUERY_STRING}" shadow=on
</Location>
<Location /open>
    ChatUse slow
    ChatLimit open 2 "expr=%{QUERY_STRING}" unit=streams
</Location>
END
my $ROOM = 1000; # counters that 64K hold, and some

sub ask ($path) { return $t->sse($path, $t->turn(n => 1))->{status} }

# One request for each of $n keys, on one connection.
sub flood ($path, $n) {
    my $conn = $t->connect;
    my $body = encode_json($t->turn);
    my %sum;
    for my $key (1 .. $n) {
        $conn->request('POST', "$path?$key", headers => { 'Content-Type' => 'application/json' }, body => $body);
        $sum{ $conn->response->{status} }++;
    }
    $conn->close;
    return \%sum;
}

my @victims = map { "victim-$_" } 1 .. 5;
for my $key (@victims) {
    is join(' ', map { ask("/$_->[0]?$key") } ([ 'victim' ]) x 4), '200 200 200 429', "$key has used up an hour";
    is join(' ', map { ask("/$_->[0]?$key") } ([ 'short' ]) x 4), '200 200 200 429', "... and ten minutes";
}
my $open = $t->connect;
$open->request('POST', '/open?somebody', headers => { 'Content-Type' => 'application/json' }, body => encode_json($t->turn));
wait_for(sub { $up->stats->{open} >= 1 }, 'and somebody has an answer running', 10);

sub still_refused ($after) {
    is join(' ', map { ask("/victim?$_") } @victims), join(' ', (429) x @victims), "$after an hour's counter stands";
    is join(' ', map { ask("/short?$_") } @victims), join(' ', (429) x @victims), "$after that of ten minutes, too";
}

is flood('/idle', 2 * $ROOM)->{200}, 2 * $ROOM, 'two thousand users have had an answer';
still_refused('when they are gone');
is flood('/shade', 2 * $ROOM)->{200}, 2 * $ROOM, 'two thousand shadows';
still_refused('after them');
ok $t->error_log !~ /CHAT1032/, 'and nobody was forgotten who counts';

is flood('/flood', 3 * $ROOM)->{200}, 3 * $ROOM, 'three thousand made-up keys';
still_refused('after them');
$t->expect_log(qr/CHAT1032: ChatLimitTable is too small: \d+ counters that were in use are forgotten/);
my @told = $t->error_log =~ /CHAT1032/g;
is scalar @told, 1, 'it is told, once a minute';
my $second = $t->connect;
$second->request('POST', '/open?somebody', headers => { 'Content-Type' => 'application/json' }, body => encode_json($t->turn));
wait_for(sub { $up->stats->{open} >= 2 }, 'there is place for a second answer', 10);
is ask('/open?somebody'), 429, 'and for no third: the first was not forgotten';

$_->close for $open, $second;
$t->stop;
$up->stop;
done_testing;
