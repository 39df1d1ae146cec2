# SPDX-License-Identifier: Apache-2.0
#
# How much may be said on each route: by people, by the model before, and in
# all. What is written down holds on every route, what is not is the route's.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 1)->start;
my %PATH = (openai => '/openai', stream => '/stream', completions => '/completions');
my $conf = join '', "MaxKeepAliveRequests 0\n<ChatProvider mock>\nChatProviderType openai\nChatProviderURL ${\$up->url}\n",
    "ChatProviderKey env:CHAT_CANARY_KEY\n</ChatProvider>\n",
    (map { "<Location /$_>\nSetHandler chat\nChatRoute $_\nChatUse mock\nChatAuth guest\n</Location>\n" } qw(openai stream message completions)),
    (map { my $route = $_; map { my ($name, @lines) = @$_; "<Location /$route/$name>\n" . join("\n", @lines) . "\n</Location>\n" } (
        [ 'less', 'ChatRequestMessageLength 10', 'ChatRequestAnswerLength 20', 'ChatRequestMessages 4', 'ChatRequestTotalLength 50' ],
        [ 'more', 'ChatRequestMessageLength 5000' ],
        [ 'short', 'ChatRequestMessageLength 10' ],
    ) } qw(openai stream completions)),
    "<Location /message/less>\nChatRequestMessageLength 10\n</Location>\n",
    "<Directory \"%%DIR%%/htdocs/open\">\nAllowOverride Limit FileInfo AuthConfig\n</Directory>\n";
my $t = ChatTest->new(modules => ['authz_core']);
$t->{conf} = $conf =~ s/%%DIR%%/$t->dir/er;
mkdir $t->htdocs . '/open';
$t->write_file('htdocs/open/.htaccess',
    "SetHandler chat\nChatRoute stream\nChatUse mock\nChatAuth guest\nChatRequestAnswerLength 20\n");
$t->start;

sub said ($role, $n) { return { role => $role, content => 'a' x $n } }

# user, then who spoke before of that length, and user again.
sub before ($role, $n) {
    return [ said(user => 1), said($role, $n), said(user => 1) ];
}

sub verdict ($path, $messages, %more) {
    my $res = $t->post_json($path, { messages => $messages, %more });
    return $res->{status} == 200 ? 'yes' : "$res->{status} "
        . ($res->{json}{issues} ? join('.', $res->{json}{issues}[0]{path}->@*) : $res->{json}{error}{param});
}

sub many ($n) { return [ map { said(($_ % 2 ? 'assistant' : 'user'), 1) } 1 .. $n ] }

# ---- what nobody wrote down ----

for my $case (
    # a route, what is taken, what is one too much, and where that is said
    [ openai => before(assistant => 4000), before(assistant => 4001), 'messages.1.content', 'what the model said' ],
    [ openai => before(user => 4000),      before(user => 4001),      'messages.1.content', 'what people say' ],
    [ openai => many(30),                  many(31),                  'messages',           'messages' ],
    [ openai => [ map { said(user => 4000) } 1 .. 10 ], [ (map { said(user => 4000) } 1 .. 10), said(user => 1) ], 'messages', 'all of it' ],
    [ stream => before(assistant => 65536), before(assistant => 65537), 'messages.1.content', 'what the model said' ],
    [ stream => before(user => 4000),       before(user => 4001),       'messages.1.content', 'what people say' ],
    [ stream => before(system => 4000),     before(system => 4001),     'messages.1.content', 'what the system says' ],
    [ stream => many(200),                  many(201),                  'messages',           'messages' ],
    [ stream => [ map { said(assistant => 50_000) } 1 .. 8 ], [ (map { said(assistant => 50_000) } 1 .. 8), said(user => 1) ],
        'messages', 'all of it' ],
) {
    my ($route, $fits, $over, $where, $name) = @$case;
    is verdict($PATH{$route}, $fits), 'yes',         "$route: $name, as much as may be";
    is verdict($PATH{$route}, $over), "400 $where", "$route: ... and one more";
}

sub tool ($content, $arguments) {
    return [ said(user => 1), { role => 'assistant', content => '', toolCalls => [ { id => 'c', name => 'f', arguments => $arguments } ] },
        { role => 'tool', toolCallId => 'c', content => $content } ];
}
my @TOOLS = (tools => [ { name => 'f' } ]);
is verdict('/stream', tool('r' x 65536, 'a' x 65536), @TOOLS), 'yes', 'stream: what a tool got and gave is as long as an answer';
is verdict('/stream', tool('r' x 65537, '{}'), @TOOLS), '400 messages.2.content', '... and no longer';
is verdict('/stream', tool('r', 'a' x 65537), @TOOLS), '400 messages.1.toolCalls.0.arguments', '... neither';

is verdict('/completions', before(user => 120_000)),      'yes', 'completions: a document';
is verdict('/completions', before(assistant => 120_000)), 'yes', '... an answer of any length';
is verdict('/completions', many(300)),                    'yes', '... and as many messages as an agent has';
is verdict('/completions', many(61), max_tokens => 32_000), 'yes', '... with room for a long answer';
is $t->post_json('/completions', { messages => [ said(user => 1_048_576) ] })->{status}, 413, 'but not more than a body may be';
is $t->post_json('/message', { message => 'a' x 4001 })->{status}, 400, 'message: what people say is bounded';

# ---- what somebody wrote down ----

for my $route (qw(openai stream completions)) {
    my $at = sub (@path) { return '400 ' . ($route eq 'completions' ? "messages[1].content" : 'messages.1.content') };
    is verdict("/$route/less", before(user => 10)),      'yes', "$route: MessageLength is for people";
    is verdict("/$route/less", before(user => 11)),      $at->(), '... and no more';
    is verdict("/$route/less", before(assistant => 20)), 'yes', "$route: AnswerLength is for the model";
    is verdict("/$route/less", before(assistant => 21)), $at->(), '... and no more';
    is verdict("/$route/less", many(4)), 'yes', "$route: so many messages";
    is verdict("/$route/less", many(5)), '400 messages', '... and no more';
    is verdict("/$route/less", [ said(assistant => 20), said(assistant => 20), said(user => 11 - 1), said(user => 1) ]), '400 messages',
        "$route: so much in all";
    is verdict("/$route/more", before(assistant => 5000)), 'yes', "$route: who may say more may be answered with as much";
    is verdict("/$route/more", before(user => 5001)), $at->(), '... that is the end of it';
    is verdict("/$route/short", before(assistant => 4000)), 'yes', "$route: who may say little is answered as before";
}
is $t->post_json('/message/less', { message => 'a' x 11 })->{status}, 400, 'message: so much and no more';
is verdict('/open/x', before(assistant => 20)), 'yes', 'in .htaccess';
is verdict('/open/x', before(assistant => 21)), '400 messages.1.content', '... too';

$t->stop;
$up->stop;
done_testing;
