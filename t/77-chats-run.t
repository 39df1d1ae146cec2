# SPDX-License-Identifier: Apache-2.0
#
# Answers that are kept, on SQLite and on PostgreSQL: what is in the tables and
# what the client was told, for every way in which an answer ends; what the
# model is told of what was said before; sessions of the route message.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;

my $JSON = JSON::PP->new->canonical;
my ($t, $kind);

sub told () {
    return map { "$_->{role}: " . ($_->{content} // JSON::PP->new->canonical->encode($_->{tool_calls})) } $JSON->decode($t->up->last->{body})->{messages}->@*;
}

sub is_refused ($res, $status, $code, $what) {
    is $res->{status}, $status, "$kind: $what: $status" or diag $res->{body};
    is $res->{json}{code}, $code, "... $code";
    return $res->{json};
}

# What docs/stream.md shows, for this conversation.
sub as_printed ($c) {
    my ($body) = $t->slurp("$FindBin::Bin/../docs/stream.md") =~ /^```json\n(\{"conversationId".*?)^```$/ms;
    return $t->sse('/chat', { $JSON->decode($body)->%*, conversationId => $c }, headers => ChatTest::Kept::as('ann'));
}

# ---- one turn, as it ends ----

sub whole_answers () {
    my $c = $t->uuid;
    my $res = $t->ask($c, 'Hello', model => 'm', system => 'Be brief.');
    my ($start) = $t->events($res, 'start');
    my ($done) = $t->events($res, 'done');
    my ($question, $answer) = $t->messages($c);

    is $res->{status}, 200, "$kind: a new conversation is made by its first message" or diag $res->{body};
    is $start->{conversationId}, $c, '... start names it';
    is $start->{userMessageId}, $question->{id}, '... the question';
    is $start->{messageId}, $answer->{id}, '... the answer';
    my ($stream) = $t->rows("select * from chat_stream where conversation_id = '$c'");
    is $start->{streamId}, $stream->{id}, '... and the stream';
    is $stream->{status}, 'complete', '... which is over';
    is $stream->{last_event}, scalar $res->{events}->@*, '... with that many events';
    is_deeply [ map { $_->{id} } $res->{events}->@* ], [ 1 .. $res->{events}->@* ], 'each event has the next id';
    is_deeply [ @$question{qw(role status text)} ], [ 'user', 'complete', 'Hello' ], 'the question is kept';
    is_deeply $question->{parts}, [ { type => 'text', text => 'Hello' } ], '... as parts';
    is_deeply [ @$answer{qw(role status model provider finish_reason error_code parent_id)} ],
        [ 'assistant', 'complete', 'm', 'up', 'stop', undef, $question->{id} ], 'the answer is kept';
    is_deeply $answer->{parts}, [ { type => 'text', text => $t->text($res) } ], '... with its text';
    is $answer->{text}, $t->text($res), '... once more for the search';
    is_deeply [ @$answer{qw(input_tokens output_tokens)} ], [ @{ $done->{usage} }{qw(inputTokens outputTokens)} ], '... its tokens';
    is $answer->{cost_e10}, sprintf('%.0f', $done->{usage}{costUsd} * 1e10), '... and what it cost';
    my ($conversation) = $t->rows("select * from chat_conversation where id = '$c'");
    is_deeply [ @$conversation{qw(title user_id current_message_id system)} ], [ 'Hello', 'user:ann', $answer->{id}, 'Be brief.' ],
        'the conversation has a title and a leaf';

    $res = $t->ask($c, 'And?', model => 'm');
    is_deeply [ told() ], [ 'system: Be brief.', 'user: Hello', "assistant: $answer->{text}", 'user: And?' ], 'the model is told what was said before';
    is scalar(() = $t->messages($c)), 4, '... and four messages are kept';

    my $branch = $t->ask($c, 'Or?', model => 'm', parentId => $answer->{id});
    is_deeply [ told() ], [ 'system: Be brief.', 'user: Hello', "assistant: $answer->{text}", 'user: Or?' ], 'a branch knows nothing of its sibling';
    $t->ask($c, 'Anew', model => 'm', parentId => undef);
    is_deeply [ told() ], [ 'system: Be brief.', 'user: Anew' ], '... and a new root of nothing';

    is as_printed($c)->{status}, 200, '... and the request of docs/stream.md is one';

    $res = $t->ask($c, 'Whole', model => 'm', stream => JSON::PP::false);
    is $res->{status}, 200, 'a whole answer is kept, too';
    is $res->{json}{messageId}, $t->last_message($c)->{id}, '... and says where';
    is $t->last_message($c)->{text}, $res->{json}{text}, '... with its text';
    return $c;
}

# What comes in parts other than text.
sub parts_of_answers () {
    my $c = $t->uuid;
    my $res = $t->ask($c, 'Think', model => 'm', mock => { reason => 2, both => 1, tools => 2 }, tools => [ { name => 'get_weather' } ]);
    my $answer = $t->last_message($c);
    my @types = map { $_->{type} } $answer->{parts}->@*;
    my @calls = grep { $_->{type} eq 'tool-call' } $answer->{parts}->@*;

    is "@types", 'reasoning text tool-call tool-call', "$kind: thoughts, text and calls are parts" or diag $res->{body};
    is $answer->{finish_reason}, 'tool_calls', '... it waits for tools';
    is $calls[1]{arguments}, join('', map { $_->{text} } grep { $_->{index} == 1 } $t->events($res, 'tool_arguments')), '... with their arguments';

    my @results = map { { role => 'tool', toolCallId => $_->{callId}, content => "r$_->{callId}" } } @calls;
    is_refused($t->ask($c, '', model => 'm', messages => [ { %{ $results[0] }, toolCallId => 'nobody' } ]), 400, 'invalid_request', 'a result of no call');
    is $t->last_message($c)->{id}, $answer->{id}, '... leaves nothing behind';
    $res = $t->ask($c, '', model => 'm', messages => \@results);
    is $res->{status}, 200, 'what tools gave goes on' or diag $res->{body};
    my @told = $JSON->decode($t->up->last->{body})->{messages}->@*;
    is_deeply [ map { $_->{role} } @told ], [qw(user assistant tool tool)], '... behind the calls';
    is_deeply [ map { $_->{id} } $told[1]{tool_calls}->@* ], [ map { $_->{callId} } @calls ], '... both';
    my ($tool) = grep { $_->{role} eq 'tool' } $t->messages($c);
    is_deeply $tool->{parts}, [ map { { type => 'tool-result', callId => $_->{callId}, content => "r$_->{callId}" } } @calls ], '... and is one message';
    is $t->last_message($c)->{parent_id}, $tool->{id}, '... which the answer follows';

    # A call that nobody answered is not told.
    $t->ask($c, 'Never mind', model => 'm', parentId => $answer->{id});
    is join(' ', map { $_->{role} . ($_->{tool_calls} ? '!' : '') } $JSON->decode($t->up->last->{body})->{messages}->@*), 'user assistant user',
        'calls that nobody answered are no calls';

    $c = $t->uuid;
    $t->ask($c, 'No', model => 'm', mock => { refuse => 1 });
    like join(' ', map { $_->{type} } $t->last_message($c)->{parts}->@*), qr/refusal|text/, 'a refusal is kept';
}

# [ mock, status of the client, status, error, has text ]
sub broken_answers () {
    state $seed = 100;
    my @ways = (
        [ { fault => 'close', after => 2 }, 200, 'partial', 'upstream_truncated', 1 ],
        [ { fault => 'rst',   after => 2 }, 200, 'partial', 'upstream_truncated', 1 ],
        [ { fault => 'noend', after => 2 }, 200, 'partial', 'upstream_truncated', 1 ],
        [ { fault => 'error-nested', after => 2 }, 200, 'partial', qr/^upstream_/, 1 ],
        [ { fault => 'rst-head' }, 502, 'failed', qr/^upstream_/, 0 ],
        [ { status => 500 }, 502, 'failed', qr/^upstream_/, 0 ],
        [ { status => 429 }, 429, 'failed', 'upstream_rate_limited', 0 ],
        [ { fault => 'html' }, 502, 'failed', qr/^upstream_/, 0 ],
    );
    for my $way (@ways) {
        my ($mock, $status, $kept, $error, $text) = @$way;
        my $c = $t->uuid;
        my $what = "$kind: " . join ' ', map { "$_=$mock->{$_}" } sort keys %$mock;
        my $res = $t->ask($c, 'Fail', model => 'm', mock => { ($text ? (times => 1) : ()), seed => ++$seed, %$mock });
        my $answer = $t->settled($c) or next;
        is $res->{status}, $status, "$what: the client gets $status";
        is $answer->{status}, $kept, "... the answer is $kept";
        like $answer->{error_code} // '', ref $error ? $error : qr/^$error$/, '... and why';
        is $answer->{text}, $text ? $t->text($res) : '', '... with what the client got';
        my ($stream) = $t->rows("select * from chat_stream where conversation_id = '$c'");
        isnt $stream->{status}, 'running', '... no stream runs';
        is $t->ask($c, 'Again', model => 'm', $text ? () : (parentId => undef))->{status}, 200, '... and the next turn is taken';
        my @told = $JSON->decode($t->up->last->{body})->{messages}->@*;
        is scalar(grep { $_->{role} eq 'assistant' } @told), $text, '... which knows what there was';
    }
}

sub leaving () {
    my $c = $t->uuid;
    my $res = $t->ask($c, 'Stay', model => 'm', mock => { n => 2000, pace => 20 }, abort_after => 3);
    my $answer = $t->settled($c);
    is $answer->{status}, 'cancelled', "$kind: who leaves has cancelled";
    is $answer->{finish_reason}, 'stopped', '... and it was stopped';
    is index($answer->{text}, $t->text($res)), 0, '... all that was seen is kept';

    $c = $t->uuid;
    $res = $t->ask($c, 'Go on', model => 'm', path => '/finish', mock => { n => 20, pace => 10 }, abort_after => 3);
    $answer = $t->settled($c);
    is $answer->{status}, 'complete', 'with finish the answer is made to its end';
    is index($answer->{text}, $t->text($res)), 0, '... and kept';
    cmp_ok length $answer->{text}, '>', length $t->text($res), '... more of it than was seen';
}

# ---- who may ask ----

sub refusals ($c) {
    my ($question, $answer) = $t->messages($c);
    my $calls = $t->up->calls;
    my $rows = $t->rows('select id from chat_message');

    is_refused($t->ask($c, 'x', path => '/open', user => ''), 401, 'unauthorized', 'a guest');
    is_refused($t->ask($c, 'x', user => 'ben'), 404, 'not_found', "somebody else's conversation");
    is_refused($t->ask($c, 'x', parentId => $t->uuid), 400, 'invalid_request', 'a parent that is not there');
    is_refused($t->ask($t->uuid, 'x', path => '/off'), 400, 'unsupported', 'a location that keeps nothing');
    is_refused($t->ask('x', 'x'), 400, 'invalid_request', 'an id that is none');
    my $again = is_refused($t->ask($c, 'x', id => $question->{id}), 409, 'already_exists', 'a question that was asked');
    my ($stream) = $t->rows("select id from chat_stream where message_id = '$answer->{id}'");
    is $again->{streamId}, $stream->{id}, '... whose stream is named';
    is_refused($t->ask($t->uuid, 'x' x 50_000, model => 'small'), 400, 'context_length_exceeded', 'more than the model reads');
    is $t->up->calls, $calls, 'the provider was asked of none of it';
    is $t->rows('select id from chat_message'), $rows, '... and nothing is kept of it';
}

sub two_at_once () {
    my $c = $t->uuid;
    $t->ask($c, 'First', model => 'm');
    my $busy;
    my $res = $t->ask($c, 'One', model => 'm', mock => { n => 5, pace => 30 }, on_event => sub ($event, $r) {
        $busy //= $t->ask($c, 'Two', model => 'm');
        1;
    });
    is $res->{status}, 200, "$kind: of two at once one is answered";
    is_refused($busy, 409, 'conversation_busy', '... and the other is not');
    is scalar(() = $t->messages($c)), 4, '... nor kept';
    is $t->ask($c, 'Three', model => 'm')->{status}, 200, 'then the next is answered';
}

# ---- what the model can read ----

sub long_conversations () {
    my $c = $t->uuid;
    $t->ask($c, "turn $_ " . 'x' x 1000, model => 'small') for 1 .. 8;
    my @told = told();
    my @questions = grep { /^user/ } @told;
    cmp_ok scalar @questions, '<', 8, "$kind: of a long conversation the model is told the end";
    cmp_ok scalar @questions, '>', 1, '... not the last turn alone';
    like $told[0], qr/^user: turn/, '... by whole turns';
    like $told[-1], qr/^user: turn 8 /, '... the last one is there';
    my @numbers = map { /turn (\d)/ } @questions;
    is_deeply \@numbers, [ $numbers[0] .. 8 ], '... without a gap';
}

# ---- sessions ----

sub sessions () {
    my $say = sub ($text, $session, %o) {
        $t->post_json('/say', { message => $text, session_id => $session, %o }, headers => ChatTest::Kept::as($o{as} // 'ann'));
    };
    my $res = $say->('one', 's1');
    is $res->{status}, 200, "$kind: a session of the route message" or diag $res->{body};
    ok !(grep { defined $_->{data} && $_->{data} =~ /conversationId/ } $res->{events}->@*), '... whose events are as they were';
    $say->('two', 's1');
    is_deeply [ map { s/:.*//r } told() ], [qw(user assistant user)], '... is a conversation';
    $t->post_json('/say', { message => 'three', session_id => 's1' }, headers => ChatTest::Kept::as('ben'));
    is_deeply [ told() ], ['user: three'], "... its user's own";
    my @found = $t->rows(q{select distinct conversation_id, user_id from chat_message where text in ('one', 'two', 'three') order by user_id});
    is_deeply [ map { $_->{user_id} } @found ], [qw(user:ann user:ben)], '... one for each of them';
    my $c = $t->uuid;
    $say->('four', $c);
    is scalar(() = $t->messages($c)), 2, 'a session that is named by a UUID is the conversation of that id';
    is $t->ask($c, 'five', model => 'm')->{status}, 200, '... which the route stream goes on with';
    is_deeply [ map { s/:.*//r } told() ], [qw(user assistant user)], '... knowing what was said';
}

sub connections () {
    my (@open, @c);
    for (1 .. 12) {
        push @c, $t->uuid;
        my $conn = $t->connect;
        $conn->request('POST', '/chat', headers => [ 'Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%* ],
            body => $JSON->encode({ conversationId => $c[-1], model => 'm', messages => [ { role => 'user', content => 'Long mock(n=40;pace=50)' } ] }));
        push @open, $conn;
    }
    wait_for(sub { $t->up->stats->{open} == 12 }, 'all of them run');
    my $res = $t->ask($t->uuid, 'Meanwhile', model => 'm');
    is $res->{status}, 200, "$kind: more streams than connections to the database are open" or diag $res->{body};
    my @responses = map { $_->response } @open;
    is scalar(grep { $_->{clean} } @responses), 12, '... all end well';
    is scalar(grep { $t->last_message($_)->{status} eq 'complete' } @c), 12, '... and are kept';
}

for (qw(sqlite pgsql)) {
    $kind = $_;
    next if $kind eq 'pgsql' && !ChatTest::Postgres::bin_dir();
    $t = ChatTest::Kept->new(kind => $kind, dbd => "DBDMin 1\nDBDKeep 1\nDBDMax 2", conf => 'ChatModel small up context=2000 max-output=100',
        more => { finish => 'ChatStreamOnLeave finish', off => 'ChatStore off' })->start;
    $t->allow_log(qr/CHAT0902.*(?:truncated|upstream_error)/);
    my $c = whole_answers();
    parts_of_answers();
    broken_answers();
    leaving();
    refusals($c);
    two_at_once();
    long_conversations();
    sessions();
    connections();
    $t->stop;
}

done_testing;
