# SPDX-License-Identifier: Apache-2.0
#
# Messages over HTTP, on both databases: asking within a conversation, branches,
# corrections, feedback, deletion; requests that are repeated; following a
# stream from elsewhere, and stopping it. docs/conversations.md says what is
# shown here.
use v5.36;
use Test::More;
use FindBin;
use IO::Select;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new(n => 3)->start;

sub answers ($res, $status, $code, $name) {
    is $res->{status}, $status, $name or diag $res->{body};
    is $res->{json}{code}, $code, "... in a word: $code" if $code;
    return $res;
}

sub events ($res, $type) {
    return grep { $_->{type} eq $type } map { $JSON->decode($_->{data}) } $res->{events}->@*;
}

sub text_of ($res) { return join '', map { $_->{text} } events($res, 'text') }

sub run ($db) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up)->start;
    my $id = $t->as('ann', 'POST', 'conversations')->{json}{id};
    my $path = "conversations/$id/messages";
    my $list = sub ($query = '') { $t->as('ann', 'GET', "$path?$query")->{json} };

    # ---- asking ----
    my $res = $t->as('ann', 'POST', $path, json => { content => 'Hello mock(seed=1)' });
    is $res->{status}, 200, 'a question is answered' or diag $res->{body}, $t->error_log;
    my ($start) = events($res, 'start');
    is $start->{conversationId}, $id, '... in that conversation';
    my $one = text_of($res);
    my $page = $list->();
    is_deeply [ map { "$_->{role} $_->{status}" } $page->{data}->@* ], [ 'user complete', 'assistant complete' ], 'both messages are kept';
    my ($question, $answer) = $page->{data}->@*;
    is_deeply $question->{parts}, [ { type => 'text', text => 'Hello mock(seed=1)' } ], 'the question';
    is_deeply $answer->{parts}, [ { type => 'text', text => $one } ], 'the answer';
    is_deeply [ $answer->@{qw(id parentId conversationId model)} ], [ $start->{messageId}, $question->{id}, $id, 'm' ], '... where it belongs';
    is_deeply [ $question->{id}, $question->{parentId} ], [ $start->{userMessageId}, undef ], '... below the question';
    cmp_ok $answer->{usage}{outputTokens}, '>', 0, 'with what it took';
    is_deeply $t->as('ann', 'GET', "$path/$answer->{id}")->{json}, $answer, 'one of them';
    is $page->{nextCursor}, undef, 'no more of them';
    $res = $t->as('ann', 'POST', $path, json => { content => 'And? mock(seed=2)', stream => JSON::PP::false });
    is $res->{status}, 201, 'or in one piece' or diag $res->{body};

    # ---- branches ----
    $res = $t->as('ann', 'POST', "$path/$answer->{id}/regenerate", json => {});
    is $res->{status}, 200, 'an answer anew' or diag $res->{body};
    is_deeply [ map { [ $_->@{qw(role siblings siblingIndex)} ] } $list->()->{data}->@* ],
        [ [ 'user', 1, 1 ], [ 'assistant', 2, 2 ] ], '... is a sibling, and shown';
    is scalar $list->('branch=all')->{data}->@*, 5, 'all branches are there';
    my ($first) = grep { !$_->{nextCursor} } $list->('branch=all');
    my (@all, $before);
    for (1 .. 5) {
        my $part = $list->('branch=all&limit=2' . ($before ? "&before=$before" : ''));
        unshift @all, map { $_->{id} } $part->{data}->@*;
        $before = $part->{nextCursor} or last;
    }
    is_deeply \@all, [ map { $_->{id} } $list->('branch=all')->{data}->@* ], 'page by page as well';
    $t->as('ann', 'PATCH', "conversations/$id", json => { currentMessageId => $answer->{id} });
    is $list->()->{data}[-1]{id}, $answer->{id}, 'another leaf is shown';
    answers($t->as('ann', 'PATCH', "conversations/$id", json => { currentMessageId => ChatTest::Chats::uuid() }), 400, 'invalid_request', 'but none of elsewhere');
    answers($t->as('ann', 'GET', "$path?branch=x"), 400, 'invalid_request', 'a branch that is none');
    answers($t->as('ann', 'POST', $path, json => { content => 'x', parentId => ChatTest::Chats::uuid() }), 400, 'invalid_request', 'a parent of elsewhere');
    for my $owner (qw(ann bob)) {
        my $other = $t->as($owner, 'POST', 'conversations')->{json}{id};
        my ($elsewhere) = events($t->as($owner, 'POST', "conversations/$other/messages", json => { content => 'Elsewhere mock(seed=7)' }), 'start');
        my $calls = $up->calls;
        answers($t->as('ann', 'POST', $path, json => { content => 'x', parentId => $elsewhere->{messageId} }), 400, 'invalid_request', "a parent of ${owner}'s other conversation");
        answers($t->as('ann', 'POST', "$path/$elsewhere->{messageId}/regenerate", json => {}), 400, 'invalid_request', '... nor is its answer made anew here');
        answers($t->as('ann', 'PATCH', "conversations/$id", json => { currentMessageId => $elsewhere->{messageId} }), 400, 'invalid_request', '... or shown');
        is $up->calls, $calls, '... and the provider is not asked';
    }
    answers($t->as('ann', 'POST', "conversations/@{[ ChatTest::Chats::uuid() ]}/messages", json => { content => 'x' }), 404, 'not_found', 'no conversation');
    answers($t->as('ann', 'POST', "$path/$question->{id}x/regenerate", json => {}), 400, 'invalid_id', 'no id');
    answers($t->as('ann', 'POST', $path, json => { parts => [ { type => 'text', text => 'x' } ], content => 'y' }), 400, 'invalid_request', 'two contents');

    # ---- one that is full ----
    for my $row ([ 'message_count = 1999', '2,001st message' ], [ 'bytes = 4 * 1024 * 1024 - 10', 'more than 4 MiB' ]) {
        my $full = $t->as('ann', 'POST', 'conversations')->{json}{id};
        $t->sql("update chat_conversation set $row->[0] where id = '$full'");
        my $calls = $up->calls;
        answers($t->as('ann', 'POST', "conversations/$full/messages", json => { content => 'One more mock(seed=8)' }), 413, 'conversation_too_long', $row->[1]);
        is $up->calls, $calls, '... for which the provider is not asked';
        is scalar $t->as('ann', 'GET', "conversations/$full/messages")->{json}{data}->@*, 0, '... and of which nothing is kept';
    }

    # ---- corrections and feedback ----
    my $parts = [ { type => 'text', text => 'better' }, { type => 'tool-call', callId => 'c', name => 'f', arguments => '{}' } ];
    $res = $t->as('ann', 'PATCH', "$path/$answer->{id}", json => { parts => $parts });
    is $res->{status}, 200, 'an answer is corrected' or diag $res->{body};
    is_deeply $t->as('ann', 'GET', "$path/$answer->{id}")->{json}{parts}, $parts, '... to that';
    answers($t->as('ann', 'PATCH', "$path/$question->{id}", json => { parts => $parts }), 400, 'invalid_request', 'a question is not');
    for ([ [ { type => 'x' } ], [ 'parts', 0, 'type' ] ], [ [ { type => 'text' } ], [ 'parts', 0, 'text' ] ], [ 'x', ['parts'] ], [ [ ({ type => 'text', text => '' }) x 65 ], ['parts'] ]) {
        my $no = answers($t->as('ann', 'PATCH', "$path/$answer->{id}", json => { parts => $_->[0] }), 400, 'invalid_request', 'parts that are none');
        is_deeply $no->{json}{issues}[0]{path}, $_->[1], '... and where';
    }
    is $t->as('ann', 'PUT', "$path/$answer->{id}/feedback", json => { kind => 'negative', reason => 'dull' })->{status}, 204, 'feedback';
    is_deeply $t->as('ann', 'GET', "$path/$answer->{id}")->{json}{feedback}, { kind => 'negative', reason => 'dull' }, '... is kept';
    is $t->as('ann', 'PUT', "$path/$answer->{id}/feedback", json => { kind => undef })->{status}, 204, '... and taken back';
    is $t->as('ann', 'GET', "$path/$answer->{id}")->{json}{feedback}, undef, '... is none';
    answers($t->as('ann', 'PUT', "$path/$answer->{id}/feedback", json => { kind => 'great' }), 400, 'invalid_request', 'feedback that is none');
    $res = $t->as('ann', 'POST', "conversations/$id/fork", json => { messageId => $answer->{id} });
    is $res->{status}, 201, 'a branch is copied' or diag $res->{body};
    is $res->{json}{messageCount}, 2, '... and no other';
    is $t->as('ann', 'DELETE', "$path/$answer->{id}")->{status}, 204, 'a message is deleted';
    is scalar $list->('branch=all')->{data}->@*, 2, '... with all below it';

    # ---- once more ----
    my %key = (headers => { 'Idempotency-Key' => 'a key' });
    my $made = $t->as('ann', 'POST', 'conversations', json => { title => 'once' }, %key);
    my $again = $t->as('ann', 'POST', 'conversations', json => '{ "title" : "once" }', %key);
    is_deeply [ $again->@{qw(status json)}, $again->{headers}->@{qw(location etag)} ],
        [ $made->@{qw(status json)}, $made->{headers}->@{qw(location etag)} ], 'the same key has the same answer';
    is $again->{headers}{'idempotency-replayed'}, 'true', '... and says so';
    is $made->{headers}{'idempotency-replayed'}, undef, 'the first does not';
    answers($t->as('ann', 'POST', 'conversations', json => { title => 'twice' }, %key), 422, 'idempotency_mismatch', 'another body is refused');
    is $t->as('bob', 'POST', 'conversations', json => { title => 'once' }, %key)->{status}, 201, "a key is its user's";
    answers($t->as('ann', 'POST', 'conversations', json => {}, headers => { 'Idempotency-Key' => 'x' x 256 }), 400, 'invalid_request', 'a key that is too long');
    %key = (headers => { 'Idempotency-Key' => 'ask' }, json => { content => 'Once mock(seed=3)' });
    $res = $t->as('ann', 'POST', $path, %key);
    is $res->{status}, 200, 'a question with a key';
    my ($said) = events($res, 'start');
    my $no = answers($t->as('ann', 'POST', $path, %key), 409, 'already_exists', '... is asked once');
    is $no->{json}{streamId}, $said->{streamId}, '... and its stream can be followed';

    # ---- following ----
    my $stream = "chat/stream/$said->{streamId}";
    my $followed = $t->as('ann', 'GET', $stream);
    is $followed->{status}, 200, 'it is followed' or diag $followed->{body};
    is $followed->{body}, $res->{body}, 'to the last byte';
    is $followed->{headers}{'content-type'}, 'text/event-stream; charset=utf-8', 'as a stream';
    my $bytes = join '', map { $_->{raw} // '' } $res->{events}->@*;
    my @ids = map { $_->{id} } $res->{events}->@*;
    is_deeply \@ids, [ 1 .. @ids ], 'events have ids';
    my $rest = $t->as('ann', 'GET', "$stream?after=2");
    is_deeply [ map { $_->{id} } $rest->{events}->@* ], [ 3 .. @ids ], 'from behind an event';
    $rest = $t->as('ann', 'GET', "$stream?after=1", headers => { 'Last-Event-ID' => 4 });
    is_deeply [ map { $_->{id} } $rest->{events}->@* ], [ 5 .. @ids ], 'Last-Event-ID counts more';
    is $t->as('ann', 'GET', "$stream?after=" . @ids)->{status}, 204, 'nothing is left';
    my $huge = '9' x 18;
    is $t->as('ann', 'GET', "$stream?after=$huge")->{status}, 204, '... nor behind what never was';
    for my $no ('x', '-1', '', '1.0', '9223372036854775807', '9' x 400) {
        like answers($t->as('ann', 'GET', "$stream?after=$no"), 400, 'invalid_request', 'after is a number, not ' . substr $no, 0, 20)->{json}{message},
            qr/from 0 to $huge\.$/, '... so large at most';
    }
    answers($t->as('ann', 'GET', $stream, headers => { 'Last-Event-ID' => $_ }), 400, 'invalid_request', 'so is Last-Event-ID, not ' . substr $_, 0, 20)
        for '1x', '-1', '+1', '1, 2', "\xd9\xa1", '9223372036854775808', '9' x 400, $said->{streamId};
    answers($t->as('bob', 'GET', $stream), 404, 'not_found', "somebody else's");
    answers($t->as('ann', 'GET', 'chat/stream/' . ChatTest::Chats::uuid()), 404, 'not_found', 'none');
    answers($t->as('ann', 'GET', 'chat/stream/x'), 400, 'invalid_id', 'no id');
    is_deeply $t->as('ann', 'POST', "$stream/stop")->{json}, { status => 'ended' }, 'it cannot be stopped any more';

    # ---- stopping ----
    my $stopped;
    $res = $t->as('ann', 'POST', $path, json => { content => 'Long mock(seed=4;n=500;pace=20)' }, on_event => sub ($event, $res) {
        my ($begun) = events($res, 'start');
        return 1 if $stopped || $event->{event} ne 'text';
        is $t->as('bob', 'POST', "chat/stream/$begun->{streamId}/stop")->{status}, 404, 'nobody else stops it';
        is_deeply $t->as('ann', 'GET', "conversations/$id")->{json}{stream}, { id => $begun->{streamId}, messageId => $begun->{messageId} }, 'it is seen that it runs';
        answers($t->as('ann', 'POST', $path, json => { content => 'Another' }), 409, 'conversation_busy', 'nothing else is asked meanwhile');
        $stopped = $t->as('ann', 'POST', "chat/stream/$begun->{streamId}/stop", json => { seen => 3 });
        return 1;
    });
    is_deeply [ $stopped->@{qw(status json)} ], [ 202, { status => 'stopping' } ], 'it is stopped';
    is +(events($res, 'done'))[0]{finishReason}, 'stopped', '... and says so';
    wait_for('the stream to end', sub { !$t->as('ann', 'GET', "conversations/$id")->{json}{stream} });
    my $left = $list->()->{data}[-1];
    is_deeply [ $left->{status}, $left->{parts} ], [ 'cancelled', [ { type => 'text', text => text_of($res) } ] ], 'what was shown is kept';

    # ---- deleted while it runs ----
    for my $way ([ 'the answer', sub ($c, $begun) { "conversations/$c/messages/$begun->{messageId}" }, 204 ],
        [ 'its question', sub ($c, $begun) { "conversations/$c/messages/$begun->{userMessageId}" }, 204 ],
        [ 'the conversation', sub ($c, $begun) { "conversations/$c" }, 204 ],
        [ 'all conversations', sub (@) { 'conversations?confirm=all' }, 200 ], [ 'all of the user', sub (@) { 'me?confirm=all' }, 200 ])
    {
        my ($what, $path_of, $status) = @$way;
        my $c = $t->as('ann', 'POST', 'conversations')->{json}{id};
        my ($begun, $deleted, $follower);
        $res = $t->as('ann', 'POST', "conversations/$c/messages", json => { content => 'Long mock(seed=5;n=500;pace=20)' }, on_event => sub ($event, $res) {
            return 1 if $deleted || $event->{event} ne 'text';
            ($begun) = events($res, 'start');
            $follower = $t->connect;
            $follower->request('GET', "/api/v1/chat/stream/$begun->{streamId}", headers => [ Authorization => 'Bearer ann' ]);
            IO::Select->new($follower->{rfh})->can_read(scaled(30));
            $deleted = $t->as('ann', 'DELETE', $path_of->($c, $begun));
            return 1;
        });
        is $deleted->{status}, $status, "$what is deleted while it is written" or diag $deleted->{body};
        is +(events($res, 'done'))[0]{finishReason}, 'stopped', '... which ends the answer';
        is $follower->response->{body}, $res->{body}, '... for who follows it, too';
        wait_for('the model is let go', sub { !$up->stats->{open} });
        my $next = $t->as('ann', 'POST', "conversations/$c/messages", json => { content => 'Next mock(seed=6)' });
        is $next->{status}, $status == 204 && $what ne 'the conversation' ? 200 : 404, '... and the conversation goes on, or is gone' or diag $next->{body};
        is $t->as('ann', 'GET', "chat/stream/$begun->{streamId}")->{status}, 404, '... and nobody follows it any more';
    }
    $t->stop;
}

for my $db (ChatTest::Chats::databases()) {
    subtest $db => sub { run($db) };
}
$up->stop;
done_testing;
