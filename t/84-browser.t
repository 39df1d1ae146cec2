# SPDX-License-Identifier: Apache-2.0
#
# A real browser, with pages of other origins than the server's: one that
# ChatOrigin lists gets a client secret by its cookie, and streams and errors
# with their headers; another one sees nothing.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Browser;
use ChatTest::Upstream;

if (my $missing = ChatTest::Browser::missing()) { ChatTest::skip_or_fail($missing) }
my $SECRET = 'secret-of-the-server-0123456789-0123456';
my $up = ChatTest::Upstream->new->start;
my ($pages, $others) = map {
    my $t = ChatTest->new(chat => 0, modules => ['mime'], conf => ChatTest::Browser::conf());
    ChatTest::Browser::serve($t);
    $t->start;
} 1 .. 2;
my $t = ChatTest->new(
    modules => [qw(dbd socache_shmcb)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET, SECRET => $SECRET },
    conf    => <<"END");
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession kysely-sqlite
<ChatProvider mock>
    ChatProviderType anthropic
    ChatProviderURL  ${\$up->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
ChatModel mock-1 mock
ChatAuthJWTSecret env:SECRET
ChatAuthJWT issuer=todoapp
ChatOrigin http://127.0.0.1:${\$pages->port}
<Location /api/chatkit>
    SetHandler chat
    ChatRoute chatkit-session
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /chatkit>
    SetHandler chat
    ChatRoute chatkit
    ChatModelDefault mock-1
    ChatAuth jwt
    ChatLimit two 2/1h user
</Location>
END
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $t->dir . '/app.db')->start;
my $s = $auth->sign_up;
$auth->stop;
$t->start;

my %session = (path => $t->url('/api/chatkit/session'), cookie => $s->{cookie}, credentials => 'include');
my $JSON = JSON::PP->new->utf8;
my ($session) = ChatTest::Browser::browse($pages->url('/page.html'), \%session);
is $session->{status}, 200, 'a page of another origin gets a client secret by its cookie';
my $secret = $JSON->decode($session->{whole})->{client_secret} // 'none';

my %chat = (path => $t->url('/chatkit'), body => { message => { role => 'user', content => 'mock(n=6;pace=60;seed=1)' } },
    headers => { Authorization => "Bearer $secret" });
my ($unknown, $first, $left, $limited) = ChatTest::Browser::browse($pages->url('/page.html'),
    { %chat, headers => { Authorization => 'Bearer x.y.z' } }, \%chat, { %chat, abort => 1 }, \%chat);
is "$unknown->{status} $unknown->{whole}", '401 {"error":"Invalid client secret"}', 'it reads why a secret does not hold';
is "$first->{status} $first->{end}", '200 clean', '... a stream';
is scalar $first->{events}->@*, 8, '... event by event';
cmp_ok $first->{pieces}, '>=', 4, '... as they come';
like $first->{headers}{'x-request-id'}, qr/^[0-9a-f-]{36}$/, '... and its id';
is $left->{end}, 'AbortError', '... which it may leave';
is "$limited->{status} $limited->{whole}", '429 {"error":"Rate limit exceeded","code":"RATE_LIMITED"}', '... and that it has asked too much';
like $limited->{headers}{$_} // '', qr/\d/, "... with $_" for qw(retry-after ratelimit ratelimit-policy x-ratelimit-reset);

my ($other, $again) = ChatTest::Browser::browse($others->url('/page.html'), \%session, \%chat);
is "$_->{status} $_->{end}", '0 TypeError', 'a page of an origin that is not listed sees nothing' for $other, $again;
is scalar(() = $t->access_log =~ m{"POST /chatkit }g), 4, '... for the browser does not even ask';

$_->stop for $t, $pages, $others, $up;
done_testing;
