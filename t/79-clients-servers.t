# SPDX-License-Identifier: Apache-2.0
#
# Two whole servers with one PostgreSQL and one Redis: clients whose every
# connection is another server's come back to what they have missed; of two tabs
# that ask at once, one has an answer; and what one server is told, to stop or to
# delete, ends the answer that the other one writes; and of two servers one goes.
use v5.36;
use Test::More;
use FindBin;
use IO::Select;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Browser;
use ChatTest::Postgres;
use ChatTest::Redis;
use ChatTest::Returns;
use ChatTest::Upstream;

ChatTest::skip_or_fail($_) for ChatTest::Browser::missing() // ();
ChatTest::skip_or_fail('PostgreSQL is not installed') if !ChatTest::Postgres::bin_dir();

my $JSON = JSON::PP->new->utf8;
my $up = ChatTest::Upstream->new->start;
my $pg = ChatTest::Postgres->new->start;
my $redis = ChatTest::Redis->new->start;

sub server ($mpm) {
    return returns_server(mpm => $mpm, upstream => $up, db => 'pgsql', pg => $pg, resume => 'redis', conf => 'ChatRedis ' . $redis->url . "\n");
}

sub conversation ($t) { return $t->as('ann', 'POST', 'conversations', json => {})->{json}{id} }

# A question of which nobody waits for the answer.
sub begin ($t, $c, $script) {
    my $conn = $t->connect(timeout => scaled(30));
    $conn->request('POST', "/api/v1/conversations/$c/messages", headers => [ 'Content-Type' => 'application/json', Authorization => 'Bearer ann' ],
        body => $JSON->encode({ content => "And? mock($script)" }));
    return $conn;
}

sub messages ($t, $c) { return $t->as('ann', 'GET', "conversations/$c/messages")->{json}{data}->@* }

# Two tabs, each at its own server.
sub two_tabs ($t, $u, $name) {
    my (%found, %kept);
    for my $round (1 .. 5) {
        my $c = conversation($t);
        my @open = map { begin($_, $c, "seed=$round;n=3;pace=150") } $round % 2 ? ($t, $u) : ($u, $t);
        my @res = map { $_->response } @open;
        $found{ join ' ', map { $_->{status} . ($_->{json} ? " $_->{json}{code}" : '') } sort { $a->{status} <=> $b->{status} } @res }++;
        $kept{ join ' ', map { "$_->{role} $_->{status}" } messages($u, $c) }++;
        is $up->calls(seed => $round), 1, "$name: the model is asked once";
        is begin($t, $c, 'n=1')->response->{status}, 200, '... and then again';
    }
    is_deeply \%found, { '200 409 conversation_busy' => 5 }, "$name: of two tabs that ask at once one has an answer, and one is told to wait";
    is_deeply \%kept, { 'user complete assistant complete' => 5 }, '... and nothing else is kept';
    return;
}

# An answer that would take minutes, and what ends it, by the other server.
sub ended ($t, $u, $name, $how) {
    my $c = conversation($t);
    my $conn = begin($t, $c, 'n=4000;pace=50');
    my $done;
    my $res = $conn->response(on_event => sub ($event, $res) {
        $done //= $how->($u, $c, $JSON->decode($event->{data})->{streamId});
        1;
    });
    my $last = $JSON->decode($res->{events}[-1]{data});
    is $last->{finishReason}, 'stopped', "$name ends an answer of the other server" or diag explain $last;
    ok $res->{clean}, '... by an end that says so';
    cmp_ok scalar $res->{events}->@*, '<', 1000, '... soon';
    wait_for('the model is let go', sub { !$up->stats->{open} });
    return $c;
}

# The machine of a server goes; the other one looks after what nobody has said to
# be alive for a minute.
sub looked_after ($t, $u, $name) {
    my $c = conversation($t);
    my $res = begin($t, $c, 'n=4000;pace=50;size=30')->response(on_event => sub ($event, $res) {
        $t->kill if $res->{events}->@* == 20;
        return 1;
    });
    my $heard = join '', map { $_->{type} eq 'text' ? $_->{text} : () } map { $JSON->decode($_->{data}) } $res->{events}->@*;
    is begin($u, $c, 'n=1')->response->{status}, 409, "$name: an answer of a server that is gone runs for a while";
    $pg->sql("update chat_stream set heartbeat_at = 1 where status = 'running'");
    my ($kept) = wait_for(sub { (messages($u, $c))[1]{status} ne 'streaming' }, 'it is over', 30) ? (messages($u, $c))[1] : {};
    is $kept->{status}, 'partial', '... until the other one has looked after it';
    my $text = join '', map { $_->{text} // '' } ($kept->{parts} // [])->@*;
    cmp_ok length($heard) - length $text, '<', 90, '... so that what was heard is kept, but for an event or two';
    ok length $text && (index($heard, $text) == 0 || index($text, $heard) == 0), '... and nothing else';
    is begin($u, $c, 'n=1')->response->{status}, 200, '... and the conversation goes on';
    return;
}

for my $mpm (qw(event prefork)) {
    my ($t, $u) = (server($mpm), server($mpm));
    my $name = "two servers, $mpm";
    $up->reset;
    parser_returns($name, [ $t, $u ], short => $mpm ne 'event');
    browser_returns($name, [ $t, $u ]) if $mpm eq 'event';
    two_tabs($t, $u, $name);

    my $c = ended($t, $u, "$name: a stop", sub ($at, $c, $stream) { $at->as('ann', 'POST', "chat/stream/$stream/stop") });
    wait_for('it is kept', sub { (messages($u, $c))[1]{status} eq 'cancelled' });
    is begin($u, $c, 'n=1')->response->{status}, 200, '... and the next turn is taken';

    my $follower;
    $c = ended($t, $u, "$name: to delete the conversation", sub ($at, $c, $stream) {
        $follower = $at->connect(timeout => scaled(30));
        $follower->request('GET', "/api/v1/chat/stream/$stream", headers => [ Authorization => 'Bearer ann' ]);
        IO::Select->new($follower->{rfh})->can_read(scaled(30)); # it is there
        $at->as('ann', 'DELETE', "conversations/$c");
    });
    my $res = $follower->response;
    ok $res->{clean} && $res->{body} =~ /event: done\n.*"finishReason":"stopped".*\n\n\z/, '... for who follows it, too' or diag $res->{body};
    is $u->as('ann', 'GET', "conversations/$c")->{status}, 404, '... and it is gone';
    if ($mpm eq 'event') {
        $t->allow_log(qr/exit signal Killed/);
        killed_under_readers($name, 1, $t, sub ($id) { kill KILL => $t->children }, $t, ($u) x 3);
        looked_after($u, $t, $name);
    }
    $_->stop for $t, $mpm eq 'event' ? () : $u;
}
$_->stop for $up, $pg, $redis;
done_testing;
