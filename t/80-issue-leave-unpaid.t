# SPDX-License-Identifier: Apache-2.0
#
# A client that left before the first byte of its answer paid nothing for it:
# with answers that come whole, of which the first byte is the last, a budget
# held for nobody who hung up in time.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;

sub location ($name, $more) {
    return <<"END";
<Location /$name>
    SetHandler chat
    ChatRoute deepseek
    ChatUse mock
    ChatAuth guest
    ChatRequestFormat provider
    ChatLimit $name 1000/1h ip unit=tokens
    $more
</Location>
END
}

my %turn = (model => 'm', max_tokens => 400);

sub body ($script, %o) {
    return { %turn, messages => [ { role => 'user', content => "mock($script)" } ], %o };
}

for my $mpm (qw(event prefork)) {
    my $t = ChatTest->new(mpm => $mpm, conf => <<"END" . join('', map { location($_, '') } qw(whole streamed)) . location('waits', 'ChatRetry 2 backoff=60s wait=60s'))->start;
<ChatProvider mock>
    ChatProviderType compatible
    ChatProviderURL ${\$up->url}
    ChatProviderBreaker off
</ChatProvider>
END
    $t->expect_log(qr/CHAT0902: .* upstream_error: upstream_rejected/);
    # Asked, and left.
    my $leave = sub ($path, $body, $log = undef) {
        my ($mark, $requests) = ($t->mark, $up->stats->{requests});
        my $conn = $t->connect;
        $conn->request(POST => $path, body => JSON::PP::encode_json($body), headers => [ 'Content-Type' => 'application/json' ]);
        wait_for('the upstream to be asked', sub { $up->stats->{requests} > $requests });
        $t->wait_log($log, from => $mark) if $log;
        $conn->close;
        $t->wait_log(qr/CHAT0901: .* outcome=cancelled/, from => $mark);
    };
    my $left = sub ($path) {
        my $res = $t->post_json($path, body('status=400'));
        return ($res->{headers}{ratelimit} // '') =~ /r=(\d+)/ ? $1 : -1;
    };

    my $before = $left->('/whole');
    $leave->('/whole', body('fault=hang-head'));
    my $now = $left->('/whole');
    cmp_ok $before - $now, '>=', 400, "$mpm: who leaves an answer that is made whole has paid for it";
    cmp_ok $before - $now, '<', 500, '... once';
    $before = $left->('/streamed');
    $leave->('/streamed', body('fault=hang-head', stream => JSON::PP::true));
    $now = $left->('/streamed');
    cmp_ok $before - $now, '>', 0, '... and of one that had not begun, the question';
    cmp_ok $before - $now, '<', 400, '... not more';
    $before = $left->('/waits');
    $leave->('/waits', body('status=503', stream => JSON::PP::true), qr/CHAT0512: one more call/);
    is $left->('/waits'), $before, '... and nothing for waiting to ask again';
    $t->stop;
}

$up->stop;
done_testing;
