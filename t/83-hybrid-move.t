# SPDX-License-Identifier: Apache-2.0
#
# An app moves the front half of /api/chat into Apache and back, on one database
# that nobody migrates: whoever answers, the history is one. And its sessions: the
# cookies of NextAuth 4 and Auth.js 5, as these packages make them.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Hybrid;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my $HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

# It saves nothing by itself: the test does, by the app's own queries.
my %answers = map {
    my $n = $_;
    ("n$n" => [ $HEAD . join '', map { "data: $_\n\n" } qq({"type":"start","messageId":"44444444-4444-4444-8444-00000000000$n"}), '{"type":"text-start","id":"0"}',
        qq({"type":"text-delta","id":"0","delta":"Answer $n"}), '{"type":"text-end","id":"0"}', '{"type":"finish"}', '[DONE]' ])
} 1 .. 4;
my $app = ChatTest::Answers->new(%answers)->start;
my $up = ChatTest::Upstream->new(n => 3)->start;
my $t = ChatTest::Hybrid->new(app => 'http://127.0.0.1:' . $app->port, where => "ChatStoreSave app\n", conf => <<"END")->start;
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatTitleModel title
ChatModel title up
<Location /direct>
    SetHandler chat
    ChatRoute ui-message
    ChatUse up
    ChatModelDefault title
    ChatStore vercel
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
</Location>
<Location /sessions>
    SetHandler chat
    ChatRoute ui-message
    ChatUse app
    ChatStore vercel
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
</Location>
END
my $ann = ChatTest::Hybrid::id('ann');

# What the app's own server does with a question and its answer.
sub by_app ($chat, $text, $answer, %o) {
    my @old = $t->drizzle(getChatById => { id => $chat });
    $t->drizzle(saveChat => { id => $chat, userId => $ann, title => $text, visibility => 'private' }) unless $old[0];
    my $history = $t->drizzle(getMessagesByChatId => { id => $chat });
    $t->drizzle(saveMessages => { messages => [ { id => $t->uuid, chatId => $chat, role => 'user', parts => [ { type => 'text', text => $text } ] } ] });
    $t->drizzle(createStreamId => { streamId => $t->uuid, chatId => $chat });
    save_answer($chat, $answer);
    return $history;
}

sub save_answer ($chat, $answer) {
    $t->drizzle(saveMessages => { messages => [ { id => $t->uuid, chatId => $chat, role => 'assistant', parts => [ { type => 'step-start' }, { type => 'text', text => $answer, state => 'done' } ] } ] });
    $t->drizzle(updateChatLastContextById => { chatId => $chat, context => { totalTokens => length $answer } });
}

sub said (@rows) { return join ' | ', map { my $m = $_; join ' ', $m->{role}, map { $_->{text} // () } $m->{parts}->@* } @rows }

# ---- there and back ----

for my $begins (qw(app apache)) {
    my $c = $t->uuid;
    my @said;
    for my $turn (1 .. 4) {
        my $is_app = ($begins eq 'app') == ($turn % 2);
        my $history;
        if ($is_app) {
            $history = by_app($c, "answer(n$turn)", "Answer $turn");
        }
        else {
            my $res = $t->ask('ann', $c, "answer(n$turn)");
            is $t->text($res), "Answer $turn", "$begins begins, turn $turn: Apache passes the answer on" or diag $res->{body};
            save_answer($c, "Answer $turn");
            $history = $JSON->decode($app->asked("n$turn"))->{existingMessages};
        }
        is said(@$history), join(' | ', @said), "$begins begins, turn $turn: what was said before is known";
        push @said, "user answer(n$turn)", "assistant Answer $turn";
    }
    is said($t->drizzle(getMessagesByChatId => { id => $c })->@*), join(' | ', @said), '... and all of it is in order';
    is $t->chat_row($c)->{lastContext}{totalTokens}, 8, '... with what the last one took';
    is scalar $t->drizzle(getStreamIdsByChatId => { chatId => $c })->@*, 4, '... and a stream for each';

    my $res = $t->sse('/direct', $t->body($c, 'And by a model?', model => ''), headers => { $t->cookie('ann') });
    is join(' | ', map { "$_->{role} $_->{content}" } $JSON->decode($up->last->{body})->{messages}->@*), join(' | ', @said, 'user And by a model?'),
        '... which a model is told as well' or diag $res->{body};
    my $row = $t->drizzle(getMessagesByChatId => { id => $c })->[-1];
    is said($row), 'assistant ' . $t->text($res), '... whose answer the app finds';
    is by_app($c, 'And by the app again?', 'Yes')->[-1]{id}, $row->{id}, '... before it goes on';
}

# ---- a title by a model ----

{
    my $c = $t->uuid;
    $t->sse('/direct', $t->body($c, 'What is the capital of Peru?', model => ''), headers => { $t->cookie('ann') });
    ChatTest::wait_for(sub { $t->chat_row($c)->{title} ne 'What is the capital of Peru?' }, 'a model gives a new chat a title');
    my $title = $t->chat_row($c)->{title};
    cmp_ok length $title, '>', 0, '... of some words';
    $t->sse('/direct', $t->body($c, 'And of Chile?', model => ''), headers => { $t->cookie('ann') });
    is $t->chat_row($c)->{title}, $title, '... once';
}

# ---- sessions ----

my %by = (
    'next-auth 4'               => [ 'next-auth.session-token', by => 'next-auth' ],
    'Auth.js 5'                 => [ 'authjs.session-token', by => 'auth-core', salt => 'authjs.session-token' ],
);
for my $kind (sort keys %by) {
    my ($cookie, %wish) = $by{$kind}->@*;
    my %other = (%wish, secret => 'somebody-elses-secret-0123456789-012345', claims => ChatTest::Hybrid::claims('ann'));
    my %good = (%wish, secret => $ChatTest::Hybrid::SECRET, claims => ChatTest::Hybrid::claims('ann'));
    my ($token, $foreign, $expired, $long) = ChatTest::Hybrid::mint(\%good, \%other, { %good, maxAge => -60 },
        { %good, claims => { ChatTest::Hybrid::claims('ann')->%*, picture => 'x' x 4000 } });
    my $tampered = $token;
    substr($tampered, -10, 1) =~ tr/A-Za-z/B-ZAb-za/;
    $tampered =~ tr/0-9/1-90/ if $tampered eq $token;
    my $half = int(length($long) / 2);
    my $pieces = "$cookie.0=" . substr($long, 0, $half) . "; $cookie.1=" . substr($long, $half);
    my %cookies = (accepted => "$cookie=$token", 'in pieces' => $pieces);
    my %none = (tampered => "$cookie=$tampered", expired => "$cookie=$expired", 'of another secret' => "$cookie=$foreign",
        'of another name' => "session=$token",
        '' => "$cookie=", 'in a piece alone' => "$cookie.1=$token");
    for my $name (sort keys %cookies) {
        my $res = $t->sse('/sessions', $t->body(my $c = $t->uuid, 'answer(n1)'), headers => { Cookie => $cookies{$name} });
        is $res->{status}, 200, "$kind: a cookie $name" or diag $res->{body};
        is $t->chat_row($c)->{userId}, $ann, '... is its user';
    }
    for my $name (sort keys %none) {
        my $res = $t->sse('/sessions', $t->body(my $c = $t->uuid, 'answer(n1)'), headers => { Cookie => $none{$name} });
        is "$res->{status} $res->{body}",
            '401 {"code":"unauthorized:chat","message":"You need to sign in to view this chat. Please sign in and try again."}', "$kind: one $name is not";
        is $t->chat_row($c), undef, '... and does nothing';
    }
}

# ---- what docs/hybrid.md shows ----

my %blocks;
my @found = $t->slurp("$FindBin::Bin/../docs/hybrid.md") =~ /^```(apache|sql)\n(.*?)^```$/gms;
while (my ($lang, $text) = splice @found, 0, 2) {
    push $blocks{$lang}->@*, $text;
}

sub printed ($conf) {
    return $conf =~ s{host=127\.0\.0\.1 dbname=app user=app passfile=\S+}{${\$t->{pg}->params} user=chat_httpd}r
        =~ s{http://127\.0\.0\.1:3000}{"http://127.0.0.1:" . $app->port}er =~ s{/etc/apache2/chat/}{$t->{dir}/}gr
        =~ s{(<ChatProvider openai>)}{"$1\nChatProviderURL " . $up->url . "\nChatProviderAPI chat-completions"}er;
}
$t->write_file('nextjs.token', "token\n", 0600);
$t->write_file('openai.key', $t->canary_key . "\n", 0600);
$t->write_file('auth.secret', "$ChatTest::Hybrid::SECRET\n", 0600);
$t->sql('create role chat_httpd login');
$t->sql($_) for $blocks{sql}->@*;
my ($first, $second) = map { printed($_) } $blocks{apache}->@*;
$t->reload($first);
{
    my $c = $t->uuid;
    my $res = $t->ask('ann', $c, 'answer(n1)');
    is $t->text($res), 'Answer 1', 'docs/hybrid.md: the app answers' or diag $res->{body};
    is said($t->messages($c)), 'user answer(n1)', '... and saves';
    is $t->request('DELETE', "/api/chat?id=$c", headers => { $t->cookie('ann') })->{status}, 200, '... with no more rights than it says';

    $t->reload("$first$second");
    $res = $t->ask('ann', $c = $t->uuid, 'And by a model?');
    is said($t->messages($c)), 'user And by a model? | assistant ' . $t->text($res), '... or a provider does' or diag $res->{body};
    is $JSON->decode($up->last->{body})->{model}, 'gpt-5.2', '... whose model has a name of the app';
}
$t->stop;
$_->stop for $app, $up;
done_testing;
