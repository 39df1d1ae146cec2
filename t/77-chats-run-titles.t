# SPDX-License-Identifier: Apache-2.0
#
# Titles: the beginning of the first question at once, then what a model makes of
# it (ChatTitleModel), for which no client waits and no limit counts; and a stop
# of the server does not wait for it either.
use v5.36;
use Test::More;
use FindBin;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;
use ChatTest::Upstream;

my $titler = ChatTest::Upstream->new(n => 2)->start;
my $slow = ChatTest::Upstream->new(head => 30_000)->start;
my $broken = ChatTest::Upstream->new(status => 500)->start;
my $t = ChatTest::Kept->new(where => "ChatTitleModel title", more => { off => "ChatTitleModel off", slow => "ChatTitleModel slow", broken => "ChatTitleModel broken" }, conf => <<"END")->start;
<ChatProvider titler>
    ChatProviderType compatible
    ChatProviderURL ${\$titler->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatModel title titler
<ChatProvider slow>
    ChatProviderType compatible
    ChatProviderURL ${\$slow->url}
</ChatProvider>
ChatModel slow slow
<ChatProvider broken>
    ChatProviderType compatible
    ChatProviderURL ${\$broken->url}
</ChatProvider>
ChatModel broken broken
END
$t->allow_log(qr/CHAT0223/);

sub title_of ($c) {
    return ($t->rows("select title, title_by from chat_conversation where id = '$c'"))[0];
}

wait_for(sub { $t->ask($t->uuid, 'Ready?', model => 'm', path => '/off')->{status} == 200 }, 'the tables are there');

my $c = $t->uuid;
my $question = "How  long is\na piece of string, and " . 'who ' x 30;
my $answer = $t->ask($c, $question, model => 'm', path => '/off');
my $title = title_of($c);
is $title->{title_by}, 'text', 'the first title is the question';
like $title->{title}, qr/\AHow long is a piece of string, and (?:who )*who\z/, '... in one line, by whole words';
cmp_ok length $title->{title}, '<=', 80, '... not too long';
is $titler->calls, 0, '... and no model is asked where none is set';

$t->ask($c, 'And now?', model => 'm');
wait_for(sub { title_of($c)->{title_by} eq 'model' }, 'a model has named it');
my ($call) = $titler->last;
like $call->{body}, qr/piece of string/, 'the model is shown the question';
like $call->{body}, qr/\Q@{[ $t->last_message($c)->{text} ]}\E/, '... and the answer';
$t->wait_log(qr/CHAT0836: a title by model title: \d+ input and \d+ output tokens/);
pass 'its tokens are logged';
$t->ask($c, 'Once more', model => 'm');
is $titler->calls, 1, 'one that has a name is not named again';

# Whoever is named by its user stays so.
$c = $t->uuid;
$t->ask($c, 'Name', model => 'm', path => '/off');
system 'setpriv', '--reuid=' . (stat $t->dir . '/data/chats.db')[4], '--clear-groups', 'sqlite3', '-cmd', '.timeout 5000', $t->dir . '/data/chats.db',
    "update chat_conversation set title = 'Mine', title_by = 'user' where id = '$c'";
$t->ask($c, 'Name', model => 'm');
is title_of($c)->{title}, 'Mine', "a title of the user's own stays";
is $titler->calls, 1, '... and no model is asked for one';

$c = $t->uuid;
$t->expect_log(qr/CHAT0837: no title by model broken for conversation $c: upstream_error/);
is $t->ask($c, 'Break', model => 'm', path => '/broken')->{status}, 200, 'a model that fails holds up nobody';
$t->wait_log(qr/CHAT0837/);
is title_of($c)->{title}, 'Break', '... and the title stays';

$c = $t->uuid;
my $began = time;
my $res = $t->ask($c, 'Slow', model => 'm', path => '/slow');
ok $res->{clean}, 'nor does one that is slow';
wait_for(sub { $slow->stats->{open} }, 'it is being asked');
$t->stop(name => 'and a stop does not wait for it');
cmp_ok time - $began, '<', scaled(10), '... at all';

my ($fine, $said) = $t->configtest($t->{conf} =~ s/ChatTitleModel slow/ChatTitleModel none-such/r);
ok !$fine, 'a model that is not there is refused';
like $said, qr/ChatTitleModel "none-such" at \S+: this server has no ChatModel of that name/, '... in a sentence';

$_->stop for $titler, $slow, $broken;
done_testing;
