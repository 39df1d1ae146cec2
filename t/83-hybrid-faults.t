# SPDX-License-Identifier: Apache-2.0
#
# An app that is away, slow, broken or cut short, clients that leave and a
# database that is gone: what the page is told, and what is in the tables.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest qw(wait_for);
use ChatTest::Answers;
use ChatTest::Hybrid;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my $HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
my $SECRET = 'postgres://app:hunter2@10.0.0.7/db';

sub chunked (@chunks) {
    return map { my $text = 'data: ' . (ref ? $JSON->encode($_) : $_) . "\n\n"; sprintf("%x\r\n%s\r\n", length $text, $text) } @chunks;
}
my @BEGUN = ({ type => 'start', messageId => '44444444-4444-4444-8444-444444444444' }, { type => 'start-step' }, { type => 'text-start', id => '0' },
    { type => 'text-delta', id => '0', delta => 'Half' });
my @ENDED = ({ type => 'text-end', id => '0' }, { type => 'finish-step' }, { type => 'finish' }, '[DONE]');

sub json ($status, $body) { return ChatTest::Answers::whole($status, ['Content-Type: application/json'], $JSON->encode($body)) }

my $app = ChatTest::Answers->new(
    hello     => [ $HEAD, chunked(@BEGUN, @ENDED), "0\r\n\r\n" ],
    fault     => ChatTest::Answers::whole(500, ['Content-Type: text/plain'], "Error: $SECRET"),
    html      => ChatTest::Answers::whole(200, ['Content-Type: text/html'], "<html>$SECRET</html>"),
    json      => json(200, { secret => $SECRET }),
    nothing   => ChatTest::Answers::whole(404, [], ''),
    denied    => json(401, { code => 'unauthorized:chat', message => $SECRET }),
    silent    => [ 'hang' ],
    quiet     => [ $HEAD, 'hang' ],
    empty     => [ $HEAD, "0\r\n\r\n" ],
    cut       => [ $HEAD, chunked(@BEGUN) ],
    torn      => [ $HEAD, chunked(@BEGUN), "20\r\ndata: {\"type\":\"text-delta\",\"id\"" ],
    stalled   => [ $HEAD, chunked(@BEGUN), 'hang' ],
    unended   => [ $HEAD, chunked(@BEGUN), "0\r\n\r\n" ],
    told      => [ $HEAD, chunked(@BEGUN[ 0 .. 1 ], { type => 'error', errorText => 'Oops, an error occurred!' }, '[DONE]'), "0\r\n\r\n" ],
)->start;
my $url = 'http://127.0.0.1:' . $app->port;
my $up = ChatTest::Upstream->new(n => 3, pace => 100)->start;
my $more = '';
for my $name (qw(saves removes down)) {
    my $use = $name eq 'down' ? 'down' : 'app';
    my $save = $name eq 'down' ? 'usual' : 'apache';
    my $unanswered = $name eq 'removes' ? 'remove' : 'keep';
    $more .= <<"END";
<Location /$name>
    SetHandler chat
    ChatRoute ui-message
    ChatUse $use
    ChatRetry 1
    ChatStore vercel
    ChatStoreSave $save
    ChatStoreUnanswered $unanswered
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
</Location>
END
}
my $t = ChatTest::Hybrid->new(up => $up->url, where => "ChatModelDefault gpt\n", conf => <<"END")->start;
<ChatProvider app>
    ChatProviderType app
    ChatProviderURL $url
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderTimeout first=1s idle=1s
    ChatProviderBreaker off
</ChatProvider>
<ChatProvider down>
    ChatProviderType app
    ChatProviderURL http://127.0.0.1:1
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
$more
END
$t->allow_log(qr/CHAT09\d\d: id=/);

sub ask_at ($path, $chat, $text, %o) {
    my %how = map { exists $o{$_} ? ($_ => delete $o{$_}) : () } qw(on_event abort_after);
    return $t->sse("/$path", $t->body($chat, $text, %o), headers => { $t->cookie('ann') }, %how);
}

sub refused ($res, $status, $code, $what) {
    is $res->{status}, $status, "$what: $status" or diag $res->{body};
    is $res->{json}{code}, $code, "... $code";
    unlike $res->{body}, qr/hunter2|html/, '... and nothing of what the app said';
}

sub roles ($chat) { return join ' ', map { $_->{role} } $t->messages($chat) }

# ---- no answer ----

my %no_answer = (fault => 'a 500', html => 'a page', json => 'a JSON text', nothing => 'a 404', denied => 'a token that it refuses',
    silent => 'no answer in time', quiet => 'a head and no more', empty => 'an empty stream');
for my $name (sort keys %no_answer) {
    my ($kept, $removed) = map { $t->uuid } 1 .. 2;
    refused(ask_at('saves', $kept, "answer($name)"), 503, 'offline:chat', "the app gives $no_answer{$name}");
    is roles($kept), 'user', '... and the question stays';
    ask_at('removes', $removed, "answer($name)", id => (my $m = $t->uuid));
    is $t->chat_row($removed), undef, '... or goes, with its chat';
}
{
    my $c = $t->uuid;
    refused(ask_at('down', $c, 'Hello'), 503, 'offline:chat', 'the app is down');
    is roles($c), 'user', '... and the question stays';

    ask_at('removes', $c = $t->uuid, 'answer(hello)');
    my $m = $t->uuid;
    ask_at('removes', $c, 'answer(fault)', id => $m);
    is roles($c), 'user assistant', 'a chat with an answer stays as it was';
    is ask_at('removes', $c, 'answer(hello)', id => $m)->{status}, 200, '... and the same question can be asked again';
    is $t->sql(qq{select count(*) from "Stream" where "chatId" = '$c'}), 2, '... streams of no answer are gone, too';
}

# ---- half an answer ----

sub broken ($name, $what) {
    my $c = $t->uuid;
    $t->sql(q{delete from "Message_v2" where id = '44444444-4444-4444-8444-444444444444'});
    my $res = ask_at('saves', $c, "answer($name)");
    my ($question, $answer) = $t->messages($c);
    is $res->{status}, 200, "$what: it had begun";
    ok !$res->{clean}, '... and does not end well';
    is_deeply $answer->{parts}, [ { type => 'step-start' }, { type => 'text', text => 'Half', state => 'streaming' } ], '... what there was is kept'
        or diag $res->{body};
    return $res;
}
for my $name (qw(cut stalled unended)) {
    my $res = broken($name, "a stream that is $name");
    my @chunks = $t->chunks($res);
    is_deeply \@chunks, [ @BEGUN, { type => 'error', errorText => 'Oops, an error occurred!' }, '[DONE]' ], '... and its page is told so';
}
like broken('torn', 'a stream that is cut in an event')->{body}, qr/"id"\z/, '... which nobody can mend';
{
    my $c = $t->uuid;
    my $res = ask_at('removes', $c, 'answer(told)');
    is_deeply [ $t->chunks($res) ]->[2], { type => 'error', errorText => 'Oops, an error occurred!' }, 'an error of its own passes';
    is $t->chat_row($c), undef, '... and is no answer';

    $t->sql(q{delete from "Message_v2" where id = '44444444-4444-4444-8444-444444444444'});
    $res = ask_at('saves', $c = $t->uuid, 'answer(stalled)', abort_after => 4);
    wait_for(sub { roles($c) eq 'user assistant' }, 'what a client got that leaves is kept');
}

# ---- the end ----

{
    my ($c, $there) = $t->uuid;
    $t->sql(q{delete from "Message_v2" where id = '44444444-4444-4444-8444-444444444444'});
    my $res = ask_at('saves', $c, 'answer(hello)', on_event => sub ($event, $res) { $there //= roles($c) if $event->{data} eq '[DONE]'; 1 });
    is $there, 'user assistant', 'when the page has the end of what an app says, it is in the tables';
    ask_at('api/chat', $c = $t->uuid, 'Hello', on_event => sub ($event, $res) { $there = roles($c) if $event->{data} eq '[DONE]'; 1 });
    is $there, 'user assistant', '... and of what a model says';
}

# ---- the database ----

{
    my ($c, $killed) = $t->uuid;
    $t->expect_log(qr/CHAT0832: the database did not take an answer/, qr/CHAT0834: the database has taken the answer/);
    $t->allow_log(qr{CHAT02\d\d|\[dbd:error\]});
    my $res = ask_at('api/chat', $c, 'Hello', on_event => sub ($event, $res) { $t->{pg}->kill unless $killed++; 1 });
    is $res->{status}, 200, 'a database that goes away while an answer is given';
    ok $res->{clean}, '... disturbs nobody';
    refused(ask_at('api/chat', $t->uuid, 'Hello'), 503, 'offline:chat', 'without it nothing begins');
    refused($t->request('DELETE', "/api/chat?id=$c", headers => { $t->cookie('ann') }), 503, 'offline:chat', '... and nothing is deleted');
    $t->{pg}->start;
    $t->wait_log(qr/CHAT0834/, seconds => 40);
    my ($question, $answer) = $t->messages($c);
    is_deeply $answer->{parts}[1], { type => 'text', text => $t->text($res), state => 'done' }, 'the answer is there when it is back';
    ok $t->chat_row($c)->{lastContext}{totalTokens}, '... and what it took';
}
$t->stop;
$_->stop for $app, $up;

# ---- tables that are none ----

for my $sqlite ("DBDriver sqlite3\nDBDParams x.db\n") {
    my ($ok, $why) = ChatTest->new(modules => ['dbd'])->configtest("$sqlite<Location /x>\nChatStore vercel\n</Location>\n");
    ok !$ok, 'SQLite has no such tables';
    like $why, qr/ChatStore vercel needs "DBDriver pgsql": the tables of the app are in PostgreSQL/, '... and configtest says so';
}
$t = ChatTest::Hybrid->new(app => 'http://127.0.0.1:1', tables => 0, conf => "<Location /health>\nSetHandler chat\nChatRoute health\n</Location>\n")->start;
is $t->get('/health/ready')->{json}{details}{tables}, 'down', 'a server without the tables is not ready';
$t->expect_log(qr/CHAT0223: ChatStore: this role finds no table "\w+": the app's migrations make it/);
refused($t->ask('ann', $t->uuid, 'Hello'), 503, 'offline:chat', '... and answers nothing');
$t->stop;
done_testing;
