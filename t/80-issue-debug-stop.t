# SPDX-License-Identifier: Apache-2.0
#
# With httpd -X connections outlive the child's pool. A stream that was open
# when the server was stopped was then ended a second time, by an engine that
# was gone, and what was left of its request freed memory that was gone as well.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 1000, pace => 50)->start;
my $t = ChatTest->new(mpm => 'event', single => 1, conf => chat_conf(a => $up->url, b => $up->url) . <<'END')->start;
<Location /two>
    SetHandler chat
    ChatRoute openai
    ChatUse a b
    ChatAuth guest
</Location>
END

# The second one may still need what was asked.
my $conn = $t->connect;
$conn->request(POST => '/two', body => JSON::PP::encode_json($t->turn(seed => 1)), headers => [ 'Content-Type' => 'application/json' ]);
ok wait_for('the stream to be open', sub { $up->stats->{open} }), 'a stream is open';
$t->stop(name => 'a server that is one process stops as any other');
ok wait_for('the upstream to be let go', sub { !$up->stats->{open} }), '... and its stream ends';

$up->stop;
done_testing;
