# SPDX-License-Identifier: Apache-2.0
#
# What configtest can find out before a reload does: faults that would stop the
# start are refused there, and what cannot be meant is warned of. Each row is told
# once; beside it stands what looks alike and is right.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

my $t = ChatTest->new(modules => [qw(authn_core authz_user authz_host dbd socache_shmcb socache_dbm socache_redis rewrite)]);
my $bare = ChatTest->new;

my $PROVIDER = "<ChatProvider p>\nChatProviderType openai\nChatProviderURL http://127.0.0.1:1/v1\n</ChatProvider>\n";
my $MODEL    = "${PROVIDER}ChatModel m p alias=n\n";
my $SECRET   = 'ChatAuthSecret file:canary.key';
my $DB       = "DBDriver pgsql\nChatAuthSession kysely-pgsql\n";

sub at ($path, @lines) { return join "\n", "<Location $path>", @lines, '</Location>', '' }

sub route ($path, $route, @lines) { return at($path, 'SetHandler chat', "ChatRoute $route", @lines) }

sub host (@conf) { return join "\n", '<VirtualHost 127.0.0.1:9>', 'ServerName own.example', @conf, '</VirtualHost>', '' }

sub shown ($conf) { return substr $conf =~ s/\s*\n\s*/ | /gr, 0, 110 }

sub warned ($conf, $id, $sentence, $server = $t) {
    my ($ok, $said) = $server->configtest($conf);
    ok $ok, 'accepted: ' . shown($conf) or diag $said;
    is scalar(() = $said =~ /CHAT$id: /g), 1, '... and warned of once' or diag $said;
    like $said, qr/CHAT$id: $sentence$/m, '... in a sentence';
}

sub refused ($conf, $sentence, $server = $t) {
    my ($ok, $said) = $server->configtest($conf);
    ok !$ok, 'refused: ' . shown($conf);
    like $said, $sentence, '... in a sentence';
}

sub fine ($conf, $server = $t) {
    my ($ok, $said) = $server->configtest($conf);
    is $said, "Syntax OK\n", 'nothing to say: ' . shown($conf);
}

my $AT = qr/at \S+:\d+/;

# ---- a route and its handler ----

warned(at('/x', 'ChatRoute stream'), '0113', qr/ChatRoute "stream" $AT: no "SetHandler chat" stands there, so mod_chat is never asked/);
warned(at('/x', 'SetHandler none', 'ChatRoute mock'), '0113', qr/ChatRoute "mock" $AT: .*/);
warned(host(at('/x', 'ChatRoute health')), '0113', qr/ChatRoute "health" $AT: .*/);
fine($_) for
    at('/x', 'ChatRoute mock') . at('/', 'SetHandler chat'),
    at('/x', 'ChatRoute mock') . at('/x/y', 'SetHandler chat'),
    at('/x', 'ChatRoute mock', '<If "true">', 'SetHandler chat', '</If>'),
    at('/x', 'ChatRoute mock', 'SetHandler "%{env:HANDLER}"'),
    at('/x', 'ChatRoute mock', 'SetHandler "chat"'),
    at('/x', 'ChatRoute mock') . "<LocationMatch ^/x/(a|b)>\nSetHandler chat\n</LocationMatch>\n",
    at('/x', 'ChatRoute mock') . "RewriteRule ^/x - [H=chat]\n",
    at('/x', 'ChatRoute mock') . host('SetHandler chat'),
    "ChatRoute mock\n";

warned(at('/x', 'SetHandler chat'), '0114', qr/<Location \/x> has "SetHandler chat" but no ChatRoute: every answer will be a 404/);
warned("<LocationMatch ^/x>\nSetHandler chat\n</LocationMatch>\n", '0114', qr/<LocationMatch \^\/x> has .*/);
fine($_) for at('/x', 'SetHandler chat') . at('/x/y', 'ChatRoute mock'), "ChatRoute mock\n" . at('/x', 'SetHandler chat'),
    at('/x', 'SetHandler chat', '<If "true">', 'ChatRoute mock', '</If>');

warned(route('/a/b', 'mock') . route('/a', 'health'), '0115',
    qr/ChatRoute "mock" $AT is never used: the ChatRoute "health" $AT holds for this path as well and stands later, .*/);
warned(route('/a/b', 'mock') . "<LocationMatch ^/a/>\nSetHandler chat\nChatRoute health\n</LocationMatch>\n", '0115', qr/.* never used: .*/);
fine($_) for route('/a', 'health') . route('/a/b', 'mock'), route('/ab', 'mock') . route('/a', 'health');

# ---- who may ask ----

warned($MODEL . route('/x', 'stream'), '0103', qr/ChatRoute "stream" $AT: no ChatAuth says who may use it, so everybody gets a 401/);
warned($MODEL . route('/x', 'stream') . at('/y', 'ChatAuth guest'), '0103', qr/.*/);
fine($_) for $MODEL . route('/x', 'stream', 'ChatAuth none'), $MODEL . "ChatAuth guest\n" . route('/x', 'stream'),
    $MODEL . route('/x', 'stream') . at('/x', 'ChatAuth guest');

warned($DB . $MODEL . route('/x', 'stream', 'ChatAuth better-auth guest'), '0116',
    qr/ChatAuth better-auth in <Location \/x>: no ChatAuthSecret says what sessions are signed with, .*/);
warned($DB . $MODEL . route('/x', 'stream', 'ChatAuth bearer') . at('/y', $SECRET), '0116', qr/ChatAuth bearer in .*/);
fine($_) for $DB . $MODEL . route('/x', 'stream', 'ChatAuth bearer', 'ChatAuthBearer unsigned', 'ChatAuth guest'),
    $DB . $MODEL . route('/x', 'stream', 'ChatAuth better-auth') . host($SECRET);

warned($MODEL . route('/x', 'stream', 'ChatAuth user'), '0117', qr/ChatAuth user in <Location \/x>: no AuthType .*/);
fine($_) for $MODEL . route('/x', 'stream', 'ChatAuth user', 'AuthType None'), $MODEL . route('/x', 'stream', 'ChatAuth user guest');

warned(at('/x', 'AuthType Chat', 'Require valid-user'), '0122',
    qr/"AuthType Chat" $AT: no ChatAuth says who may come in there, so everybody gets a 401/);
warned(at('/x', 'AuthType Chat', 'Require valid-user') . at('/y', 'ChatAuth guest'), '0122', qr/.*/);
warned("<Directory />\nAuthType \"Chat\"\n</Directory>\n", '0122', qr/.*/);
fine($_) for at('/x', 'AuthType Chat') . at('/', 'ChatAuth guest'), at('/x', 'AuthType Basic'),
    "<Directory />\nAuthType Chat\n</Directory>\n" . at('/x', 'ChatAuth guest'), at('/x', 'AuthType Chat') . host('ChatAuth guest');

my $session = $MODEL . "ChatAuthSession kysely-pgsql\n" . route('/x', 'stream', 'ChatAuth bearer', $SECRET =~ s/canary/strong/r);
$_->write_file('strong.key', 's' x 40, 0600) for $t, $bare;
warned($session, '0219', qr/ChatAuthSession needs a database, but no DBDriver names one: nobody can sign in/);
warned($session, '0202', qr/ChatAuthSession needs mod_dbd, which is not loaded: nobody can sign in/, $bare);
fine("DBDriver pgsql\n$session");
fine("ChatAuthSession kysely-pgsql\n", $bare);    # nobody signs in

warned(route('/x', 'limits'), '0123', qr/ChatRoute "limits" $AT: no Require guards it, .*/);
warned(route('/x', 'limits') . at('/y', 'Require local') . "<Directory />\nRequire all granted\n</Directory>\n", '0123', qr/.*/);
fine($_) for route('/x', 'limits', 'Require local'), route('/x', 'limits') . at('/', 'Require local'),
    route('/x', 'limits', '<RequireAny>', 'Require local', '</RequireAny>'),
    route('/x', 'limits') . "<LocationMatch />\nRequire local\n</LocationMatch>\n";

$_->write_file('words.txt', "word\n") for $t, $bare;
my $soft = 'ChatModerationList soft file:%%DIR%%/words.txt action=replace';
warned($PROVIDER . route('/x', 'openai', 'ChatAuth guest', 'ChatUse p', $soft), '0162',
    qr/ChatModerationList "soft" in <Location \/x> has action=replace, and answers there pass unchanged: they are blocked; .*/);
warned($PROVIDER . $soft . "\n" . route('/x', 'openai', 'ChatAuth guest', 'ChatUse p', 'ChatRequestFormat provider'), '0162', qr/.* and requests and answers there pass .*/);
fine($_) for $PROVIDER . route('/x', 'openai', 'ChatAuth guest', 'ChatUse p', "$soft in=input"),
    $PROVIDER . $soft . "\n" . route('/x', 'openai', 'ChatAuth guest', 'ChatUse p', 'ChatModerationList soft off'),
    $PROVIDER . route('/x', 'stream', 'ChatAuth guest', 'ChatUse p', $soft);

# ---- providers, models, limits ----

warned($MODEL . route('/x', 'stream', 'ChatAuth guest', 'ChatModelDefault k'), '0118',
    qr/ChatModelDefault "k" in <Location \/x> is no ChatModel of this server: who names no model will be refused/);
warned($MODEL . "ChatModelDefault k\n" . route('/x', 'stream', 'ChatAuth guest'), '0118', qr/.*/);
warned($MODEL . route('/x', 'stream', 'ChatAuth guest', 'ChatModelAllow m zz'), '0119',
    qr/ChatModelAllow "zz" in <Location \/x>: no ChatModel of this server is called so/);
warned($MODEL . route('/x', 'stream', 'ChatAuth guest', "ChatModelAllow $_"), '0119', qr/.*/) for 'y* z*', 'n';
fine($_) for $MODEL . route('/x', 'stream', 'ChatAuth guest', 'ChatModelDefault n', 'ChatModelAllow ? to-come-*'),
    $PROVIDER . route('/x', 'stream', 'ChatAuth guest', 'ChatUse p', 'ChatModelDefault k', 'ChatModelAllow z*'),
    $MODEL . route('/x', 'stream', 'ChatAuth guest', 'ChatModelDefault k') . host('ChatModel k p');

warned(route('/x', $_, 'ChatAuth guest'), '0120', qr/ChatRoute "$_" $AT has no provider to ask: .*/) for qw(openai stream);
fine(route('/x', 'openai', 'ChatAuth guest') . host($PROVIDER =~ s/ p>/ openai>/r));

refused($PROVIDER =~ s{/v1}{/v1$_}r, qr/ChatProviderURL does not accept "\S+": write the base URL, .* appends \S+ itself$/m) for
    qw(/chat/completions /chat/completions/ /responses /messages /completions /models/gemini-pro:generateContent);
warned("<ChatProvider openai>\nChatProviderURL https://api.openai.com/\nChatProviderKey file:canary.key\n</ChatProvider>\nChatModel m openai\n",
    '0124', qr/<ChatProvider openai> $AT: the API of api\.openai\.com is below a path: write ChatProviderURL https:\/\/api\.openai\.com\/v1/);
warned("<ChatProvider anthropic>\nChatProviderURL https://api.anthropic.com/v1\n</ChatProvider>\n" . route('/x', 'anthropic', 'ChatAuth guest'),
    '0125', qr/<ChatProvider anthropic> $AT has no ChatProviderKey, and api\.anthropic\.com refuses whoever sends none/);

my $compat = 'ip compat=rate-limiter-flexible';
warned(route('/x', 'mock', "ChatLimit a 3/1m $compat", "ChatLimit b 9/1h $compat"), '0121',
    qr/ChatLimit "a" and "b" in <Location \/x> count in the same keys, for both have prefix=rlflx: .*/);
warned("ChatLimit a 3/1m $compat prefix=app\n" . route('/x', 'mock', "ChatLimit b 9/1h $compat prefix=app"), '0121', qr/.*/);
fine($_) for route('/x', 'mock', "ChatLimit a 3/1m $compat", "ChatLimit b 9/1h $compat prefix=b"),
    route('/x', 'mock', "ChatLimit a 3/1m $compat tier=one", "ChatLimit b 9/1h $compat tier=two"),
    route('/x', 'mock', "ChatLimit a 3/1m $compat") . route('/y', 'mock', "ChatLimit b 9/1h $compat");

# ---- what would stop the start ----

refused("ChatRedis redis://127.0.0.1/x\n", qr/^CHAT1301: ChatRedis "redis:\/\/127\.0\.0\.1\/x": the database is a number/m);
refused('ChatRedis rediss://127.0.0.1 ca=' . $t->dir . "/strong.key\n", qr/^CHAT1301: ChatRedis "rediss:\/\/127\.0\.0\.1": /m);
refused("ChatAuthCache 30s\n", qr/^CHAT0314: ChatAuthCache needs mod_socache_shmcb: load it/m, $bare);
refused("ChatAuthCache 30s\nChatAuthCacheStore $_->[0]\n", qr/^CHAT0312: ChatAuthCacheStore: \w+ refuses "\Q$_->[1]\E": $_->[2]/m) for
    [ 'shmcb:/tmp/x(12)', '/tmp/x(12)', qr/Invalid argument: size/ ],
    [ 'dbm:/nowhere/x', '/nowhere/x', qr/there is no folder \/nowhere\/$/m ],
    [ 'redis:127.0.0.1:port', '127.0.0.1:port', qr/write HOST:PORT/ ],
    [ 'redis', '', qr/List of server names/ ];
refused("ChatContextStore dbm:/nowhere/x\n", qr/^CHAT0216: ChatContextStore: dbm refuses "\/nowhere\/x": there is no folder/m);
warned("ChatContextStore shmcb:/nowhere/x(512000)\n", '0218', qr/ChatContextStore: shmcb refuses .* there is no folder \/nowhere\//);
warned("ChatAuthCache 30s\nChatAuthCacheStore shmcb:/nowhere/x(512000)\n", '0316', qr/ChatAuthCacheStore: shmcb .*/);
fine("ChatAuthCache 30s\nChatAuthCacheStore redis:127.0.0.1:6379,localhost:6380\nChatContextStore shmcb\n");

done_testing;
