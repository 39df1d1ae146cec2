# SPDX-License-Identifier: Apache-2.0
#
# POST, DELETE and GET below /api/chat, with the tables of an app: what is in
# them afterwards is what the app's own queries would have left there.
use v5.36;
use Test::More;
use FindBin;
use Encode ();
use JSON::PP ();
use POSIX ();
use lib "$FindBin::Bin/lib";
use ChatTest qw(wait_for);
use ChatTest::Answers;
use ChatTest::Hybrid;
use ChatTest::Upstream;

my $JSON   = JSON::PP->new->utf8->canonical;
my $ANSWER = '44444444-4444-4444-8444-%012x';
my $HEAD   = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Vercel-AI-UI-Message-Stream: v1\r\nX-Own: yes\r\nX-Powered-By: Next.js\r\n"
    . "Set-Cookie: a=b\r\nConnection: close\r\n\r\n";

sub frames (@chunks) { return join '', map { 'data: ' . (ref ? $JSON->encode($_) : $_) . "\n\n" } @chunks }

my $made = 0;

sub told ($text, @more) {
    return frames({ type => 'start', messageId => sprintf($ANSWER, ++$made) }, { type => 'start-step' }, { type => 'text-start', id => '0' },
        { type => 'text-delta', id => '0', delta => $text }, { type => 'text-end', id => '0' }, { type => 'finish-step' }, @more, { type => 'finish' }, '[DONE]');
}

my $hello = told('Hello', { type => 'data-usage', data => { totalTokens => 7, modelId => 'm' } });
my $app = ChatTest::Answers->new(
    hello => [ $HEAD . $hello ],
    plain => [ "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" . told('Plain') ],
    slow  => [ $HEAD . frames({ type => 'start' }, { type => 'text-start', id => '0' }, { type => 'text-delta', id => '0', delta => 'slow' }), 'hang' ],
    map({ ("n$_" => [ $HEAD . told("Answer $_") ]) } 1 .. 20),
)->start;
my $app_url = 'http://127.0.0.1:' . $app->port;
my $up = ChatTest::Upstream->new(n => 3)->start;
my $t = ChatTest::Hybrid->new(
    app   => $app_url,
    where => "ChatStoreCount 2/24h tier=guest\nChatStoreCount 1000/24h\nChatStreamHeartbeat 1s\nChatStreamOnLeave finish",
    conf  => <<"END")->start;
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /both>
    SetHandler chat
    ChatRoute ui-message
    ChatUse app
    ChatStore vercel
    ChatStoreSave apache
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
</Location>
<Location /models>
    SetHandler chat
    ChatRoute ui-message
    ChatUse up
    ChatModelDefault gpt
    ChatStore vercel
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
</Location>
<Location /guests>
    SetHandler chat
    ChatRoute ui-message
    ChatUse app
    ChatStore vercel
    ChatAuth authjs guest
    ChatAuthSecret env:AUTH_SECRET
</Location>
END
my ($ann, $bob, $gus) = map { ChatTest::Hybrid::id($_) } qw(ann bob gus);

sub refused ($res, $status, $code, $what) {
    is $res->{status}, $status, "$what: $status" or diag $res->{body};
    is $res->{json}{code}, $code, '... ' . (length $code ? $code : 'without a code');
    is join(' ', sort keys $res->{json}->%*), 'code message', '... and no more than the page knows';
}

# At another location than /api/chat.
sub ask_at ($path, $user, $chat, $text, %o) {
    return $t->sse($path, $t->body($chat, $text, %o), headers => { $t->cookie($user) });
}

# ---- what a question leaves behind ----

{
    my ($c, $m, $theirs, $their_m) = map { $t->uuid } 1 .. 4;
    my @parts = ({ type => 'text', text => "answer(hello) \"quoted\" \x{20ac}" }, { type => 'file', mediaType => 'image/png', name => 'a.png', url => 'https://example.test/a.png' });
    my $res = $t->ask('ann', $c, '', id => uc $m, visibility => 'public', parts => [ map { { %$_, more => 1 } } @parts ]);

    is $res->{status}, 200, 'the app answers' or diag $res->{body};
    is $res->{body}, $hello, '... byte for byte';
    is $res->{headers}{'x-vercel-ai-ui-message-stream'}, 'v1', '... with its header';
    is $res->{headers}{$_}, undef, "... but not $_" for qw(x-own x-powered-by set-cookie);
    like $res->{headers}{'content-type'}, qr/^text\/event-stream/, '... as an event stream';

    $t->drizzle(saveChat => { id => $theirs, userId => $ann, title => $t->chat_row($c)->{title}, visibility => 'public' });
    $t->drizzle(saveMessages => { messages => [ { id => $their_m, chatId => $theirs, role => 'user', parts => \@parts } ] });
    $t->drizzle(createStreamId => { streamId => $t->uuid, chatId => $theirs });
    my ($mine, $other) = map { $t->drizzle(getChatById => { id => $_ }) } $c, $theirs;
    my ($my_messages, $other_messages) = map { $t->drizzle(getMessagesByChatId => { id => $_ }) } $c, $theirs;
    is $mine->{title}, "answer(hello) \"quoted\" \x{20ac}", 'the title is the beginning of the question';
    cmp_ok abs(as_time($mine->{createdAt}) - as_time($other->{createdAt})), '<', 60, 'times are those of the app: UTC';
    is $my_messages->[0]{id}, $m, 'ids are in lower case';
    for my $row ($mine, $other, @$my_messages, @$other_messages) {
        like delete $row->{createdAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/, '... in milliseconds';
        delete @$row{qw(id chatId)};
    }
    is_deeply $mine, $other, 'a chat is as the app saves it';
    is_deeply $my_messages, $other_messages, '... and so is the question, and there is no other message: the app saves its answers';
    is $t->sql(qq{select parts::text from "Message_v2" where id = '$m'}),
        qq([{"type":"text","text":"answer(hello) \\"quoted\\" \xe2\x82\xac"},{"type":"file","mediaType":"image/png","name":"a.png","url":"https://example.test/a.png"}]),
        '... in the order of its schema';
    is scalar $t->drizzle(getStreamIdsByChatId => { chatId => $c })->@*, 1, '... and there is a stream';

    my $asked = $JSON->decode($app->asked('hello'));
    is_deeply $asked->{message}, { id => $m, role => 'user', parts => \@parts }, 'the app is told the question';
    is_deeply [ @$asked{qw(id selectedChatModel selectedVisibilityType existingMessages)} ], [ $c, 'chat-model', 'public', [] ], '... and the rest';

    $t->drizzle(saveMessages => { messages => [ { id => $t->uuid, chatId => $c, role => 'assistant', parts => [ { type => 'text', text => 'By the app' } ] } ] });
    my $history = $t->drizzle(getMessagesByChatId => { id => $c });
    $t->ask('ann', $c, 'answer(plain)');
    is_deeply $JSON->decode($app->asked('plain'))->{existingMessages}, $history, 'the second time it is told the rows that its own query gives';
    refused($t->ask('ann', $c, 'answer(hello)', id => $m), 400, '', 'an id that a message has already');
    is scalar(() = $t->messages($c)), 3, '... leaves nothing behind';
    is $t->drizzle(getMessageCountByUserId => { id => $ann, differenceInHours => 24 }), 3, 'the app counts them as its own';
}

sub as_time ($text) {
    return $t->sql("select extract(epoch from '$text'::timestamptz)");
}

{
    my $c = $t->uuid;
    my $res = $t->ask('ann', $c, '', parts => [], model => 'answer(hello)');
    is $t->chat_row($c)->{title}, 'New Chat', 'a question without a text gives no title' or diag $res->{body};
    is_deeply [ $t->messages($c) ]->[0]{parts}, [], '... but is one for the app';
}

# ---- who answers saves ----

{
    my $c = $t->uuid;
    my $res = ask_at('/both', 'ann', $c, 'answer(hello)');
    my ($question, $answer) = $t->messages($c);
    is $res->{body}, $hello, 'with ChatStoreSave apache the bytes are the same';
    is $answer->{id}, sprintf($ANSWER, 1), 'the answer is kept under the id that its page knows';
    is_deeply $answer->{parts}, [ { type => 'step-start' }, { type => 'text', text => 'Hello', state => 'done' }, { type => 'data-usage', data => { totalTokens => 7, modelId => 'm' } } ], '... as parts';
    is_deeply [ @$answer{qw(role attachments)} ], [ 'assistant', [] ], '... of the assistant';
    is_deeply $t->chat_row($c)->{lastContext}, { totalTokens => 7, modelId => 'm' }, '... with what it took';

    $res = ask_at('/models', 'ann', $c = $t->uuid, 'Hi');
    is $res->{status}, 200, 'a model answers without the app' or diag $res->{body};
    ($question, $answer) = $t->messages($c);
    my ($start) = grep { ref && $_->{type} eq 'start' } $t->chunks($res);
    is $answer->{id}, $start->{messageId}, '... under the id of its stream';
    is_deeply $answer->{parts}, [ { type => 'step-start' }, { type => 'text', text => $t->text($res), state => 'done' } ], '... with its text';
    my ($usage) = grep { ref && $_->{type} eq 'data-usage' } $t->chunks($res);
    is_deeply $t->chat_row($c)->{lastContext}, $usage->{data}, '... and what it took';
    ask_at('/models', 'ann', $c, 'And now?');
    is_deeply [ map { "$_->{role}: $_->{content}" } $JSON->decode($up->last->{body})->{messages}->@* ],
        [ 'user: Hi', 'assistant: ' . $t->text($res), 'user: And now?' ], 'it is told what was said before';
    $t->sql(q{alter table "Chat" drop column "lastContext"});
    is ask_at('/models', 'ann', $c = $t->uuid, 'Hi')->{status}, 200, 'newer apps have no column for that';
    is scalar(() = $t->messages($c)), 2, '... and keep the answer all the same';
    my $gone = $t->request('DELETE', "/models?id=$c", headers => { $t->cookie('ann') });
    is $gone->{json}{lastContext} // 'none', 'none', '... and tell nothing of it';
    $t->sql(q{alter table "Chat" add column "lastContext" jsonb});
}

# ---- who may, and how often ----

refused($t->ask('', $t->uuid, 'answer(hello)'), 401, 'unauthorized:chat', 'nobody');
refused(ask_at('/guests', '', $t->uuid, 'answer(hello)'), 401, 'unauthorized:chat', 'a guest without a row');
{
    my $c = $t->uuid;
    $t->ask('ann', $c, 'answer(hello)', visibility => 'public');
    refused($t->ask('bob', $c, 'answer(hello)'), 403, 'forbidden:chat', 'a public chat of another user');
    is scalar(() = $t->messages($c)), 1, '... is not written to';

    my @all = map { $t->ask('gus', $t->uuid, 'answer(hello)') } 1 .. 3;
    is join(' ', map { $_->{status} } @all), '200 200 200', 'a guest may ask 2 times, and once more';
    refused($t->ask('gus', my $last = $t->uuid, 'answer(hello)'), 429, 'rate_limit:chat', 'and then not');
    is $t->chat_row($last), undef, '... and no chat is made';
    $t->sql(qq{update "Message_v2" set "createdAt" = "createdAt" - interval '25 hours' where id in (select m.id from "Message_v2" m join "Chat" c on c.id = m."chatId" where c."userId" = '$gus' limit 1)});
    is $t->ask('gus', $t->uuid, 'answer(hello)')->{status}, 200, '... before a day is over';
}
{
    my ($token) = ChatTest::Hybrid::mint({ by => 'auth-core', secret => $ChatTest::Hybrid::SECRET, salt => 'authjs.session-token', claims => { sub => 'user_7', id => 'user_7' } },);
    my ($stray) = ChatTest::Hybrid::mint({ by => 'auth-core', secret => $ChatTest::Hybrid::SECRET, salt => 'authjs.session-token', claims => { id => $t->uuid, type => 'regular' } });
    $t->expect_log(qr/CHAT0845: the user's id is no UUID/);
    refused($t->sse('/api/chat', $t->body($t->uuid, 'answer(hello)'), headers => { Cookie => "authjs.session-token=$token" }), 401, 'unauthorized:chat', 'an id that is none of the app');
    refused($t->sse('/api/chat', $t->body(my $c = $t->uuid, 'answer(hello)'), headers => { Cookie => "authjs.session-token=$stray" }), 400, '', 'a user whose row is gone');
    is $t->chat_row($c), undef, '... and no chat is made';
}

# ---- twenty at once ----

{
    my $c = $t->uuid;
    my @pids;
    for my $n (1 .. 20) {
        my $pid = fork // die $!;
        if (!$pid) {
            my $res = $t->ask($n % 2 ? 'ann' : 'bob', $c, "answer(n$n)");
            POSIX::_exit($res->{status} == 200 ? 0 : $res->{status} == 403 ? 3 : 9);
        }
        push @pids, $pid;
    }
    my %ends;
    for my $pid (@pids) {
        waitpid $pid, 0;
        $ends{ $? >> 8 }++;
    }
    is_deeply \%ends, { 0 => 10, 3 => 10 }, 'of two users who begin a chat at once, ten times each, one has it';
    is $t->sql(qq{select count(*) from "Chat" where id = '$c'}), 1, '... once';
    is scalar(() = $t->messages($c)), 10, '... and all messages are his';
}

# ---- deleting ----

sub remove ($user, $id, $path = '/api/chat') { return $t->request('DELETE', $path . (defined $id ? "?id=$id" : ''), headers => { $t->cookie($user) }) }

{
    my ($c, $theirs) = map { $t->uuid } 1 .. 2;
    $t->ask('ann', $c, 'answer(hello)');
    $t->drizzle(saveChat => { id => $theirs, userId => $ann, title => 'answer(hello)', visibility => 'private' });
    my ($message) = $t->messages($c);
    $t->drizzle(voteMessage => { chatId => $c, messageId => $message->{id}, isUpvoted => JSON::PP::true });
    refused(remove('ann', undef), 400, 'bad_request:api', 'no id');
    refused(remove('', undef), 400, 'bad_request:api', '... of nobody');
    refused(remove('ann', 'x'), 400, 'bad_request:api', 'an id that is none');
    refused(remove('', $c), 401, 'unauthorized:chat', 'nobody deletes');
    refused(remove('bob', $c), 403, 'forbidden:chat', 'nor does another user');
    refused(remove('ann', $t->uuid), 403, 'forbidden:chat', 'a chat that is not there');
    is scalar(() = $t->messages($c)), 1, '... and all of it is still there';
    my $row = $t->drizzle(getChatById => { id => $c });
    my $res = remove('ann', uc $c);
    is $res->{status}, 200, 'its owner does';
    is_deeply $res->{json}, $row, '... and is told what it was, as the app tells it';
    my $other = $t->drizzle(deleteChatById => { id => $theirs });
    is join(' ', sort keys $res->{json}->%*), join(' ', sort keys %$other), '... with the same members';
    is $t->sql(qq{select (select count(*) from "$_" where "chatId" = '$c')}), 0, "... nothing is left in $_" for qw(Message_v2 Vote_v2 Stream);
    is $t->chat_row($c), undef, '... nor the chat';
}

# ---- following ----

sub follow ($user, $c, %o) { return $t->request('GET', "/api/chat/$c/stream", headers => { $t->cookie($user) }, %o) }

{
    my $c = $t->uuid;
    my $conn = $t->connect;
    my $body = $JSON->encode($t->body($c, 'answer(slow)'));
    $conn->send("POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" . join('', map { "$_\r\n" } 'Cookie: ' . { $t->cookie('ann') }->{Cookie}) . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    wait_for(sub { $app->asked('slow') }, 'an answer is being written');
    refused(follow('bob', $c), 403, 'forbidden:chat', 'a private stream of another user');
    refused(follow('', $c), 401, 'unauthorized:chat', '... of nobody');
    refused(follow('ann', $t->uuid), 404, 'not_found:chat', '... of no chat');
    refused(follow('ann', 'x'), 400, 'bad_request:api', '... and of no id');
    my $seen = '';
    my $res = $t->request('GET', "/api/chat/$c/stream", headers => { $t->cookie('ann') }, on_data => sub ($bytes, $res) { ($seen .= $bytes) !~ /"slow"/ });
    like $seen, qr/data: \{"type":"start"\}\n\n.*"delta":"slow"/s, 'its owner follows it from its beginning';
    is remove('ann', $c)->{status}, 200, 'a chat is deleted while it is written to';
    wait_for(sub { $conn->closed(0.1) || $t->error_log =~ /outcome=cancelled/ }, '... which ends that');
    is $t->chat_row($c), undef, '... and nothing comes back';

    $c = $t->uuid;
    ask_at('/both', 'ann', $c, 'answer(n1)');
    $res = $t->request('GET', "/both/$c/stream", headers => { $t->cookie('ann') });
    my ($chunk) = grep { ref } $t->chunks($res);
    is $chunk->{type}, 'data-appendMessage', 'who comes when it is over gets the row' or diag $res->{body};
    is_deeply $JSON->decode(Encode::encode('UTF-8', $chunk->{data})), $t->drizzle(getMessagesByChatId => { id => $c })->[1], '... as the app has it';
    $t->sql(qq{update "Message_v2" set "createdAt" = "createdAt" - interval '16 seconds' where "chatId" = '$c'});
    $res = $t->request('GET', "/both/$c/stream", headers => { $t->cookie('ann') });
    is "$res->{status} $res->{body}", '200 ', '... but not after a while';
    $t->drizzle(saveChat => { id => $c = $t->uuid, userId => $ann, title => 'x', visibility => 'public' });
    refused(follow('bob', $c), 404, 'not_found:stream', 'a public chat without a stream');
    is $t->request('POST', "/api/chat/$c/stream", body => '')->{status}, 405, 'nobody posts there';
    refused($t->request('GET', '/api/chat/other'), 404, 'not_found:chat', 'and elsewhere is nothing');
}

$t->stop;
$_->stop for $app, $up;
done_testing;
