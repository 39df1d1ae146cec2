# SPDX-License-Identifier: Apache-2.0
#
# A stream that had to wait for its client went on only by chance when the
# client's buffer filled while the upstream was being read: events of 8 MiB hung
# until some time-out. It goes on as soon as the client reads again.
use v5.36;
use Test::More;
use FindBin;
use Time::HiRes qw(sleep);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(tls => 1, conf => <<"END")->start;
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
</ChatProvider>
<Location />
    SetHandler chat
    ChatAuth guest
    ChatRoute openai
</Location>
<Location /mock>
    ChatRoute mock
    ChatMock pace=0 words=100000
</Location>
END

my $SIZE = 8 * 1024 * 1024;

# The head is read, then nothing until the client's buffers are full and the
# upstream has to wait, then all.
sub read_late ($path, $json, %o) {
    my $conn = $t->connect(rcvbuf => 16384, timeout => 60, %o);
    my $paused = 0;
    $conn->request(POST => $path, body => JSON::PP::encode_json($json),
        headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]);
    my $res = $conn->response(on_data => sub ($data, $res) {
        sleep 0.3 if !$paused++;
        return 1;
    });
    $conn->close;
    return $res;
}

for my $tls (0, 1) {
    my $name = $tls ? 'TLS' : 'plain';
    my $res = read_late('/chat', $t->turn(n => 1, size => $SIZE, lean => 1), tls => $tls);
    is $res->{ended}, 'chunked', "$name: an event of 8 MiB arrives";
    my ($delta) = map { $_->{data} } grep { $_->{event} eq 'response.output_text.delta' } $res->{events}->@*;
    cmp_ok length($delta // ''), '>', $SIZE, '... whole';
}
wait_for('the upstream to be done', sub { $up->stats->{open} == 0 });

my $res = read_late('/mock/responses', { model => 'm', input => 'x', stream => JSON::PP::true });
is $res->{ended}, 'chunked', 'so does what has no upstream';
like $res->{events}[-1]{event}, qr/^response\.completed$/, '... to its end';

$t->stop;
$up->stop;
done_testing;
