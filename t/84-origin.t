# SPDX-License-Identifier: Apache-2.0
#
# Pages of other origins: preflights before anybody is asked who he is, headers
# on every answer of a listed origin and on none of another; and credentials
# that came in the clear.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Upstream;

my $PAGE = 'https://app.example';
my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(
    modules => [qw(alias dbd env headers remoteip setenvif authn_core authz_user)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
    tls     => 1,
    conf    => <<"END");
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession kysely-sqlite
RemoteIPHeader X-Client
ChatAuthSecret env:APP_SECRET
<ChatProvider mock>
    ChatProviderType anthropic
    ChatProviderURL  "${\$up->url};n=2"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
ChatModel mock-1 mock
<Location /api>
    SetHandler chat
    ChatModelDefault mock-1
    ChatAuth better-auth
    ChatRoute stream
    ChatOrigin $PAGE http://localhost:5173
</Location>
<Location /api/guests>
    ChatAuth guest
</Location>
<Location /api/limited>
    ChatAuth guest
    ChatLimit one 1/1h ip
</Location>
<Location /api/models>
    ChatRoute models
</Location>
<Location /api/required>
    AuthType Chat
    Require valid-user
</Location>
<Location /api/replaced>
    ChatAuth guest
    Header always set Access-Control-Allow-Origin https://other.example
</Location>
<Location /unlisted>
    SetHandler chat
    ChatRoute stream
    ChatAuth better-auth
</Location>
<Location /plain>
    ChatOrigin $PAGE
</Location>
<Location /secret>
    SetHandler chat
    ChatRoute models
    ChatAuth better-auth guest
    ChatAuthInsecure off
    SetEnvIf X-Told ^https\$ HTTPS=on
</Location>
<Location /secret/users>
    ChatRoute models
    ChatAuth better-auth
</Location>
<Location /secret/open>
    ChatRoute models
    ChatAuthInsecure on
</Location>
END
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $t->dir . '/app.db')->start;
my $s = $auth->sign_up;
$auth->stop;
$t->write_file('htdocs/plain', "a file\n");
$t->start;

sub cors ($res) {
    return { map { /^access-control-(.*)/ ? ($1 => $res->{headers}{$_}) : () } keys $res->{headers}->%* };
}
sub vary ($res) { return join ',', sort map { lc } split /\s*,\s*/, $res->{headers}{vary} // '' }

# ---- preflights ----

sub preflight ($path, %h) {
    return $t->request(OPTIONS => $path, headers => {
        Origin => $PAGE, 'Access-Control-Request-Method' => 'POST',
        'Access-Control-Request-Headers' => 'authorization,content-type,x-stainless-os', %h });
}
my %ALLOWED = (
    'allow-origin'      => $PAGE,
    'allow-credentials' => 'true',
    'allow-methods'     => 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'allow-headers'     => 'authorization,content-type,x-stainless-os',
    'max-age'           => 7200,
);
for my $path (qw(/api /api/models /api/required /api/some/thing)) {
    my $res = preflight($path);
    is $res->{status}, 204, "$path: a preflight is answered before anybody signs in";
    is_deeply cors($res), \%ALLOWED, '... with what may be sent';
    is vary($res), 'access-control-request-headers,access-control-request-method,origin', '... for this origin alone';
    is $res->{body}, '', '... and with no body';
}
is preflight('/api', Origin => 'http://localhost:5173')->{headers}{'access-control-allow-origin'}, 'http://localhost:5173',
    'each origin is told its own name';
is cors(preflight('/api', 'Access-Control-Request-Headers' => "x: y\x01"))->{'allow-headers'}, undef, 'names that are none are not repeated';
for my $origin ('https://evil.example', 'null', "$PAGE.evil.example", 'http://app.example', "$PAGE:444", 'https://APP.example', '*', '') {
    my $res = preflight('/api', Origin => $origin);
    is_deeply cors($res), {}, "\"$origin\" is told nothing";
    isnt $res->{status}, 204, '... and is no listed origin';
}
is_deeply cors(preflight('/unlisted')), {}, 'nor is anybody where no origin is listed';
is_deeply cors(preflight('/plain')), {}, 'nor where there is no route';
my $res = $t->request(OPTIONS => '/api/required', headers => { Origin => $PAGE });
is $res->{status}, 401, 'OPTIONS without a question is a request like others';

# ---- answers ----

my %TOLD = ('allow-origin' => $PAGE, 'allow-credentials' => 'true');
sub is_told ($res, $status, $what) {
    my $cors = cors($res);
    my $exposed = delete $cors->{'expose-headers'} // '';
    is $res->{status}, $status, $what;
    is_deeply $cors, \%TOLD, '... with the headers of the origin';
    my %exposed = map { lc() => 1 } split /, /, $exposed;
    is_deeply [ grep { !$exposed{$_} } grep { /^(?:x-(?!accel)|ratelimit|retry)/ } keys $res->{headers}->%* ], [], '... which may read ours';
    is vary($res), 'origin', '... and caches know that it counts';
}
my @turn = (json => $t->turn, headers => { Origin => $PAGE });
my $stream = $t->request(POST => '/api/guests', @turn);
is_told $stream, 200, 'a stream';
is $stream->{events}->@*, 4, '... to its end';
is_told $t->request(POST => '/api/guests', json => {}, headers => { Origin => $PAGE }), 400, 'a question that is none';
is_told $t->request(POST => '/api', @turn), 401, 'a user whom nobody knows';
is_told $t->request(GET => '/api/required', headers => { Origin => $PAGE }), 401, '... whom httpd refuses';
is_told $t->request(GET => '/api/models/none', headers => { Origin => $PAGE, Cookie => $s->{cookie} }), 404, 'what is not there';
is_told $t->request(DELETE => '/api/guests', headers => { Origin => $PAGE }), 405, 'a method that is none';
$t->request(POST => '/api/limited', @turn);
is_told $t->request(POST => '/api/limited', @turn), 429, 'one too many';
$up->stop;
my $away = $t->request(POST => '/api/guests', @turn);
is_told $away, 502, 'a provider that is away';
is_told $t->request(GET => '/api/models', headers => { Origin => $PAGE, Cookie => $s->{cookie} }), 200, 'the cookie of a listed origin';

$res = $t->request(GET => '/api/models', headers => { Cookie => $s->{cookie} });
is_deeply [ cors($res), vary($res) ], [ {}, 'origin' ], 'without an origin there is nothing to say, but to caches';
$res = $t->request(GET => '/api/models', headers => { Cookie => $s->{cookie}, Origin => 'https://evil.example' });
is_deeply [ cors($res), vary($res) ], [ {}, 'origin' ], '... nor to one that is not listed';
$res = $t->request(POST => '/api', json => $t->turn, headers => { Cookie => $s->{cookie}, Origin => 'https://evil.example' });
is_deeply [ $res->{status}, cors($res) ], [ 403, {} ], '... which may not use the cookie either';

$res = $t->request(OPTIONS => '/api/replaced', headers => { Origin => $PAGE });
is scalar(() = $res->{raw_head} =~ /^access-control-allow-origin:/mig), 1, 'mod_headers replaces what is sent here';
is $res->{headers}{'access-control-allow-origin'}, 'https://other.example', '... by its own';

# ---- credentials in the clear ----

my $FAR = '203.0.113.9';
sub models ($path, %h) {
    my $tls = delete $h{tls};
    my $cookie = delete $h{cookie} // 1;
    my $res = $t->request(GET => "/secret$path", tls => $tls, headers => {
        ($cookie ? (Cookie => $tls ? "__Secure-$s->{cookie}" : $s->{cookie}) : ()), %h });
    return join ' ', $res->{status}, $res->{json}{code} // ();
}
is models('/users'), '200', 'a cookie in the clear, from this machine';
is models('/users', 'X-Client' => $FAR), '403 https_required', '... from another one';
is models('', 'X-Client' => $FAR), '403 https_required', '... who is no guest instead';
is models('/users', 'X-Client' => $FAR, 'X-Forwarded-Proto' => 'https'), '403 https_required', '... whatever it says of itself';
is models('/users', 'X-Client' => $FAR, 'X-Told' => 'https'), '200', '... unless the administrator believes it';
is models('/users', 'X-Client' => $FAR, Cookie => 'better-auth.session_token=x.y'), '401 unauthorized', 'a cookie that does not hold is none';
is models('', 'X-Client' => $FAR, cookie => 0), '200', 'a guest has nothing to lose';
is models('/open', 'X-Client' => $FAR), '200', 'where it is allowed it is taken';
like $t->error_log, qr/CHAT0345: a credential came over plain http/, 'the log says why';

$t->expect_log(qr/CHAT0902: /);
$t->stop;
done_testing;
