# SPDX-License-Identifier: Apache-2.0
#
# Stops of answers that are kept: from the same child and from another one, over
# HTTP/1.1 and HTTP/2, with and without a client, and before the first byte. In
# each MPM. What runs while the server is reloaded. And what conversations make of
# POST .../messages and .../regenerate.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;

my ($t, $mpm);

sub stop_stream ($id, %o) {
    return $t->post_json("/chat/$id/stop", {}, headers => ChatTest::Kept::as('ann'), %o);
}

sub is_cancelled ($c, $res, $what) {
    my $m = $t->settled($c) or return;
    is $m->{status}, 'cancelled', "$mpm: $what: the answer is cancelled";
    is $m->{finish_reason}, 'stopped', '... as stopped';
    is $m->{error_code}, undef, '... which is no error';
    is $m->{text}, $t->text($res), '... and is what its client has' if $res;
    my ($stream) = $t->rows("select status from chat_stream where conversation_id = '$c'");
    is $stream->{status}, 'cancelled', '... its stream, too';
    is $t->ask($c, 'Next', model => 'm', parentId => undef)->{status}, 200, '... and the next turn is taken';
}

sub stopped ($what, %o) {
    my $c = $t->uuid;
    my $id;
    my $res = $t->ask($c, 'Long', model => 'm', mock => { n => 500, pace => 20, ($o{mock} // {})->%* }, path => $o{path} // '/chat',
        stream => $o{whole} ? JSON::PP::false : JSON::PP::true, on_event => sub ($event, $r) {
            ($id) = map { $_->{streamId} } $t->events($r, 'start') unless $id;
            stop_stream($id) if $id && $r->{events}->@* == 3;
            1;
        });
    my ($done) = $t->events($res, 'done');
    ok $res->{clean}, "$mpm: $what: the client has a clean end" or diag $res->{ended};
    is $done->{finishReason}, 'stopped', '... that says why';
    is_cancelled($c, $res, $what);
}

# Nothing has come yet, so that only the database knows the stream.
sub stopped_early () {
    my $c = $t->uuid;
    my $conn = $t->connect(timeout => 30);
    $conn->request('POST', '/chat', headers => [ 'Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%* ],
        body => JSON::PP->new->canonical->encode({ conversationId => $c, model => 'm',
            messages => [ { role => 'user', content => 'Early mock(head=20000)' } ] }));
    my ($stream) = wait_for(sub { ($t->rows("select id from chat_stream where conversation_id = '$c'"))[0] }, 'it runs');
    wait_for(sub { $t->up->stats->{open} }, 'the provider is asked');
    is stop_stream($stream->{id})->{status}, 202, "$mpm: one of which nothing has come is stopped";
    my $res = $conn->response;
    is $res->{status}, 200, '... as an answer' or diag $res->{body};
    is_deeply [ map { $_->{event} } $res->{events}->@* ], [qw(start done)], '... without a text';
    is_cancelled($c, $res, 'early');
}

sub stopped_alone () {
    my $c = $t->uuid;
    my $id;
    $t->ask($c, 'Alone', model => 'm', mock => { n => 500, pace => 20 }, path => '/finish', on_event => sub ($event, $r) {
        ($id) = map { $_->{streamId} } $t->events($r, 'start');
        return 0;
    });
    is stop_stream($id)->{status}, 202, "$mpm: one whose client has left is stopped";
    is_cancelled($c, undef, 'alone');
    is stop_stream($id)->{json}{status}, 'ended', '... and is over then';
}

# Its client is away while the server takes a new configuration: another
# generation tells it the rest.
sub reloaded () {
    my $c = $t->uuid;
    my $id;
    my $first = $t->ask($c, 'Go on', model => 'm', mock => { n => 60, pace => int 40 * scaled(1) }, path => '/finish', on_event => sub ($event, $r) {
        ($id) = map { $_->{streamId} } $t->events($r, 'start');
        return $r->{events}->@* < 5;
    });
    my %old = map { $_ => 1 } $t->children;
    $t->graceful;
    wait_for(sub { grep { !$old{$_} } $t->children }, 'another generation');
    my $rest = $t->get("/finish/$id", headers => { ChatTest::Kept::as('ann')->%*, 'Last-Event-ID' => $first->{events}[-1]{id} });
    is $rest->{status}, 200, "$mpm: a reload: what runs is followed" or diag $rest->{body};
    my $m = $t->settled($c);
    is $m->{status}, 'complete', '... and made to its end';
    is $t->text($first) . $t->text($rest), $m->{text}, '... of which nothing is missing, and nothing twice';
    is $t->ask($c, 'Next', model => 'm')->{status}, 200, '... and the conversation goes on';
}

sub rest () {
    my $ann = ChatTest::Kept::as('ann');
    my $c = $t->post_json('/conversations', {}, headers => $ann)->{json}{id};
    my $res = $t->post_json("/conversations/$c/messages", { content => 'Hello', model => 'm' }, headers => $ann);
    is $res->{status}, 200, 'POST .../messages is answered' or diag $res->{body};
    my ($start) = $t->events($res, 'start');
    is $start->{conversationId}, $c, '... in its conversation';
    $res = $t->post_json("/conversations/$c/messages/$start->{messageId}/regenerate", { model => 'm' }, headers => $ann);
    my ($again) = $t->events($res, 'start');
    is $again->{userMessageId}, $start->{userMessageId}, '.../regenerate of an answer answers the same question' or diag $res->{body};
    isnt $again->{messageId}, $start->{messageId}, '... anew';
    is scalar(grep { $_->{role} eq 'user' } $t->messages($c)), 1, '... which is there once';
    $res = $t->post_json("/conversations/$c/messages/$start->{userMessageId}/regenerate", {}, headers => $ann);
    is scalar(grep { $_->{role} eq 'assistant' } $t->messages($c)), 3, 'of a question, too, by the model of the location' or diag $res->{body};
    $res = $t->post_json("/conversations/$c/messages", { parts => [ { type => 'text', text => 'And' }, { type => 'text', text => ' now?' } ],
        model => 'm', stream => JSON::PP::false }, headers => $ann);
    is $res->{status}, 201, 'a whole answer is a 201' or diag $res->{body};
    my $kept = $t->last_message($c);
    is_deeply [ map { [ @$_{qw(id role status)} ] } $res->{json}{data}->@* ],
        [ [ $kept->{parent_id}, 'user', 'complete' ], [ $kept->{id}, 'assistant', 'complete' ] ], '... of both messages, as they are kept';
    is $t->post_json('/conversations/' . $t->uuid . '/messages', { content => 'x' }, headers => $ann)->{status}, 404, 'none is made by the path';
    $res = $t->post_json("/conversations/$c/title", {}, headers => $ann);
    is $res->{status}, 200, 'POST .../title' or diag $res->{body};
    is $t->get("/conversations/$c", headers => $ann)->{json}{title}, $res->{json}{title}, '... is kept';
}

# TSan takes the end of prefork's children, inside a signal handler, for an error.
for ('event', ($ENV{CHAT_VARIANT} // '') eq 'tsan' ? () : 'prefork') {
    $mpm = $_;
    $t = ChatTest::Kept->new(mpm => $mpm, ($mpm eq 'event' ? (modules => ['http2'], tls => 1, tls_conf => 'Protocols h2 http/1.1') : ()), where => 'ChatModelDefault m',
        mpm_conf => $mpm eq 'event' ? "StartServers 3\nMinSpareThreads 1\nMaxSpareThreads 100\nThreadsPerChild 25\nServerLimit 4\nMaxRequestWorkers 100\n"
            : "StartServers 8\nServerLimit 20\nMaxRequestWorkers 20\n",
        more => { finish => 'ChatStreamOnLeave finish' }, conf => <<'END')->start;
<Location /conversations>
    SetHandler chat
    ChatRoute conversations
    ChatUse up
    ChatStore chat
    ChatModelDefault m
    ChatTitleModel m
    ChatAuth user
    AuthType Basic
    AuthName members
    AuthUserFile %%DIR%%/users
    Require valid-user
</Location>
END
    wait_for(sub { $t->ask($t->uuid, 'Ready?', model => 'm')->{status} == 200 }, 'the tables are there');
    # Each request has a connection of its own, so that most stops come from
    # another child than that of the stream.
    stopped("stop $_") for 1 .. 3;
    stopped_early();
    stopped_alone();
    reloaded();
    rest() if $mpm eq 'event';
    if ($mpm eq 'event') {
        my $c = $t->uuid;
        my ($rc, $out) = $t->curl('-sN', '--http2', '--cacert', $t->ca, '-u', 'ann:pw', '-H', 'Content-Type: application/json', '-d',
            qq({"conversationId":"$c","model":"m","messages":[{"role":"user","content":"Over HTTP/2"}]}), $t->url('/chat', tls => 1));
        like $out, qr/^id: 1\nevent: start\n.*event: done\n/ms, 'over HTTP/2 it is the same';
        is $t->last_message($c)->{status}, 'complete', '... and is kept';
    }
    $t->stop;
}

done_testing;
