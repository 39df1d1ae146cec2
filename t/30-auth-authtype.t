# SPDX-License-Identifier: Apache-2.0
#
# AuthType Chat: the app's sessions guard what is no chat at all, a file or an
# application behind mod_proxy, and name the user in logs. And the other way
# round: ChatAuth user takes whom another AuthType let in.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use ChatTest;
use ChatTest::BetterAuth;

my $t = ChatTest->new(
    modules => [qw(dbd dir headers proxy_http auth_basic authz_user)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
    conf    => <<'END');
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession kysely-sqlite
CustomLog "%%DIR%%/users.log" "%r|%u|%{X-User}i|%>s"
<Location />
    ChatAuthSecret env:APP_SECRET
    ChatAuth better-auth
</Location>
<Location /members>
    AuthType chat
    Require valid-user
</Location>
<Location /app>
    AuthType Chat
    Require valid-user
    ProxyPass http://127.0.0.1:%%PORT%%/backend
    RequestHeader set X-User expr=%{REMOTE_USER}
</Location>
<Location /anybody>
    AuthType Chat
    Require all granted
    ChatAuth better-auth guest
</Location>
<Location /no-guests>
    AuthType Chat
    Require valid-user
    ChatAuth better-auth guest
</Location>
<Location /only-anna>
    AuthType Chat
    Require user anna
</Location>
<Location /nobody>
    AuthType Chat
    Require valid-user
    ChatAuth none
</Location>
<Directory "%%HTDOCS%%/dir">
    AuthType Chat
    Require valid-user
    <Files index.html>
        Header set X-Index yes
    </Files>
</Directory>
<Location /lobby>
    AuthType Chat
    Require valid-user
    ChatAuth guest
    ErrorDocument 401 /members
</Location>
<Location /basic>
    AuthType Basic
    AuthName staff
    AuthUserFile "%%DIR%%/passwords"
    Require valid-user
</Location>
<Location /foreign>
    AuthType Elsewhere
    Require valid-user
</Location>
<Location /open>
    AuthType None
    Require all granted
</Location>
<ChatProvider nowhere>
    ChatProviderType openai
    ChatProviderURL  http://127.0.0.1:9
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
<Location /chat-staff>
    SetHandler chat
    ChatRoute openai
    ChatUse nowhere
    ChatAuth user
    AuthType Basic
    AuthName staff
    AuthUserFile "%%DIR%%/passwords"
    Require valid-user
</Location>
<Location /chat-members>
    SetHandler chat
    ChatRoute openai
    ChatUse nowhere
    ChatAuth user
    AuthType Chat
    Require all granted
</Location>
END
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $t->dir . '/app.db')->start;
my $s = $auth->sign_up;
$auth->stop;
$t->write_file("htdocs/$_", "this is $_\n") for qw(members anybody no-guests only-anna nobody basic open backend);
mkdir $t->htdocs . '/dir';
$t->write_file('htdocs/dir/index.html', "this is the index\n");
# "open sesame", in the only form that every build of APR reads
$t->write_file('passwords', "aladdin:{SHA}" . Digest::SHA::sha1_base64('open sesame') . "=\n");
$t->start;

my @cookie = (Cookie => $s->{cookie});
my @basic = (Authorization => 'Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==');

my $n = 0;

# Each request has a number: its line in the log is written after its answer.
sub get ($path, @headers) {
    $n++;
    return $t->get("$path?$n", headers => \@headers);
}

sub status (@request) {
    return get(@request)->{status};
}

# What the log of users says of $path in the last request.
sub logged ($path) {
    return $t->wait_log(qr{^GET \Q$path?$n\E HTTP.*$}m, log => 'users') =~ s/^[^|]*\|//r;
}

# ---- a file ----

is status('/members'), 401, 'a file is closed to the world';
is logged('/members'), '-|-|401', '... which has no name in the log';
is get('/members', @cookie)->{body}, "this is members\n", '... and open to a user of the app';
is logged('/members'), "$s->{id}|-|200", '... whose id is in the access log';

# ---- an application ----

is status('/app'), 401, 'a proxied application is closed to the world';
is get('/app', @cookie, 'X-User' => 'root')->{body}, "this is backend\n", '... and open to a user';
is logged('/backend'), "-|$s->{id}|200", '... whose id it is told, whatever the client says';

# ---- guests ----

is status('/anybody'), 200, 'where all are granted nobody is asked';
is status('/no-guests'), 401, 'where a user is required a guest is not enough';
is status('/no-guests', @cookie), 200, '... but a user is';
is status('/nobody', @cookie), 401, 'with ChatAuth none nobody is let in';
$t->expect_log(qr/AH01631: user $s->{id}: authorization failure for "\/only-anna"/);
is status('/only-anna', @cookie), 401, 'Require user means this one';

# ---- once per request ----

sub identified ($sub) {
    my $from = $t->mark;
    $sub->();
    return scalar(my @lines = $t->error_log($from) =~ /CHAT030[12]/g);
}
my $res;
is identified(sub { $res = get('/dir/', @cookie) }), 1, 'a request for a directory asks once';
is $res->{body}, "this is the index\n", '... though its index is another request inside';
is $res->{headers}{'x-index'}, 'yes', '... under other rules than the directory';

# A guest in the lobby is sent on to a page for users: there he must be one.
is identified(sub { $res = get('/lobby', @cookie) }), 2, 'a redirect to where other rules hold asks again';
is $res->{body}, "this is members\n", '... and may find a user';
$res = get('/lobby');
unlike $res->{body}, qr/this is members/, 'a guest is not taken along';
is $res->{status}, 401, '... but sent away';

# ---- other kinds of authentication ----

is status('/basic'), 401, 'Basic is still Basic';
like get('/basic')->{headers}{'www-authenticate'}, qr/^Basic/, '... with its own challenge';
is status('/basic', @cookie), 401, '... and takes no cookie';
is status('/basic', @basic), 200, '... but a password';
is logged('/basic'), 'aladdin|-|200', '... and names its own user';
$t->expect_log(qr/AH01796: AuthType Elsewhere configured without corresponding module/);
is status('/foreign', @cookie), 500, 'an AuthType that no module knows is none of ours';
is status('/open'), 200, 'AuthType None is still open';

# The provider is a closed port: 502 means that the way there was free.
$t->allow_log(qr/\[chat:error\]/);
my $turn = $t->turn;
my $mark = $t->mark;
is $t->post_json('/chat-staff', $turn)->{status}, 401, 'ChatAuth user: nobody without a password';
is $t->post_json('/chat-staff', $turn, headers => {@basic})->{status}, 502, 'whom Basic let in may chat';
like $t->error_log($mark), qr/CHAT0301: identified by user: user aladdin/, '... under his name there';
is $t->post_json('/chat-staff', $turn, headers => { @basic, Origin => 'http://evil.example' })->{status}, 403,
    '... unless a page of another site makes his browser ask';
is $t->post_json('/chat-members', $turn, headers => {@basic})->{status}, 401,
    'a password that nobody checked is no user';

$t->stop;
done_testing;
