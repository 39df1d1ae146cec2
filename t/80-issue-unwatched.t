# SPDX-License-Identifier: Apache-2.0
#
# A socket of one call that cannot be watched, for want of memory, ends that call
# and no other: curl took it for the end of all calls of its handle, and told
# none of them, so that the streams of others were silent until their time was
# over.
use v5.36;
use File::Temp ();
use JSON::PP   ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;

my ($held, $up) = map { ChatTest::Upstream->new(n => 1)->start } 1 .. 2;
my $dir = File::Temp->newdir('chat-unwatched-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";    # children remove the file
my $file = "$dir/fail";
my %checker = checker()->env($dir);
my $t = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf(4), modules => ['status'],
    env => { CHAT_TEST_UNWATCHED => $file,
        LD_PRELOAD => join ':', grep { defined } $checker{LD_PRELOAD}, ChatTest::Upstream::tool('unwatched.so') },
    conf => "ChatStreamEngines 1\n" . chat_conf(
        held => $held->url,
        once => $up->url,
    ))->start;

$t->expect_log(qr/CHAT0902: .*upstream_error: its connection cannot be watched/);

sub fail_once ($before) {
    open my $fh, '>', "$file.new" or die $!;
    print {$fh} $up->port . " $before";
    close $fh;
    rename "$file.new", $file or die $!;
}

# A connection that is being made, and one that was: each is watched by itself.
for my $before (0, 1, 0) {
    my $conn = $t->connect;
    $conn->request(POST => '/held', body => JSON::PP::encode_json($t->turn(n => 60, pace => 20)), headers => [ 'Content-Type' => 'application/json' ]);
    my ($begun, $status) = 0;
    my $res = $conn->response(timeout => 20, on_event => sub ($event, $so_far) {
        return 1 if $begun++;
        fail_once($before);
        $status = $t->sse('/once', $t->turn(n => 1, keep => 0))->{status};
        return 1;
    });
    $conn->close;
    ok !-e $file, 'a connection ' . ($before ? 'that is there' : 'on its way') . ' cannot be watched';
    is $status, 502, '... which its own client is told';
    is $res->{events}[-1]{event}, 'response.completed', '... and the stream of somebody else goes on to its end';
    is $t->sse('/once', $t->turn(n => 1, keep => 0))->{status}, 200, '... as does what comes later';
}
settled($t);
is counters($t)->{Live}, 0, 'nothing is left';

$t->stop;
$_->stop for $held, $up;
done_testing;
