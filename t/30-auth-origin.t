# SPDX-License-Identifier: Apache-2.0
#
# What a browser sends by itself is no proof of who made it send: the origin
# of requests that change something, and the names of cookies on https.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;

my $rules = <<'END';
<Location /members>
    AuthType Chat
    Require valid-user
    ChatAuth bearer better-auth
    ChatAuthSecret env:APP_SECRET
    ChatOrigin https://app.example:8443 http://localhost:5173
</Location>
<Location /plain-name>
    AuthType Chat
    Require valid-user
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
    ChatAuthCookie better-auth.session_token
</Location>
END
my $t = ChatTest->new(
    modules => [qw(dbd authn_core authz_user)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
    tls     => 1, tls_conf => $rules,
    conf    => "DBDriver sqlite3\nDBDParams \"%%DIR%%/app.db\"\nChatAuthSession kysely-sqlite\n$rules");
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $t->dir . '/app.db')->start;
my $s = $auth->sign_up;
$auth->stop;
$t->write_file("htdocs/$_", "for members\n") for qw(members plain-name);
$t->start;
my ($port, $tls_port) = ($t->port, $t->tls_port);

sub post (%h) {
    my ($tls, $method) = (delete $h{tls}, delete $h{method} // 'POST');
    my $cookie = $tls ? "__Secure-$s->{cookie}" : $s->{cookie};
    return $t->request($method, '/members', tls => $tls, headers => { Cookie => $cookie, %h })->{status};
}

my @table = (
    # what, expected, fields
    [ 'no Origin at all, as from curl',           200 ],
    [ 'this site',                                200, Origin => "http://127.0.0.1:$port" ],
    [ 'a listed site',                            200, Origin => 'https://app.example:8443' ],
    [ 'another listed site',                      200, Origin => 'http://localhost:5173' ],
    [ 'another site',                             403, Origin => 'https://evil.example' ],
    [ 'the literal null',                         403, Origin => 'null' ],
    [ 'nothing between the colons',               403, Origin => '' ],
    [ 'another port of this host',                403, Origin => 'http://127.0.0.1:1' ],
    [ 'no port of this host',                     403, Origin => 'http://127.0.0.1' ],
    [ 'a listed site on another port',            403, Origin => 'https://app.example' ],
    [ 'a listed site by another scheme',          403, Origin => 'http://app.example:8443' ],
    [ 'a site that ends like a listed one',       403, Origin => 'https://evil.app.example:8443' ],
    [ 'a site that starts like a listed one',     403, Origin => 'https://app.example:8443.evil.example' ],
    [ 'a listed site in other letters',           403, Origin => 'https://APP.example:8443' ],
    [ 'a user in front of this host',             403, Origin => "http://x\@127.0.0.1:$port" ],
    [ 'a path after this host',                   403, Origin => "http://127.0.0.1:$port/" ],
    [ 'two origins',                              403, Origin => "http://127.0.0.1:$port, https://evil.example" ],
    [ 'another scheme',                           403, Origin => "ftp://127.0.0.1:$port" ],

    # "Host" without a port is the default port, in each scheme
    [ 'this host, port 80 unsaid on both sides',  200, Host => 'chat.example', Origin => 'http://chat.example' ],
    [ 'port 80 said in Host',                     200, Host => 'chat.example:80', Origin => 'http://chat.example' ],
    [ 'port 80 said in Origin',                   200, Host => 'chat.example', Origin => 'http://chat.example:80' ],
    [ 'this host in other letters',               200, Host => 'Chat.Example', Origin => 'http://chat.example' ],
    [ 'TLS unwrapped in front of us',             200, Host => 'chat.example', Origin => 'https://chat.example' ],
    [ 'port 443 for port 80',                     403, Host => 'chat.example:80', Origin => 'https://chat.example' ],
    [ 'a sibling',                                403, Host => 'chat.example', Origin => 'http://www.chat.example' ],
    [ 'an address of version 6',                  200, Host => '[::1]:8080', Origin => 'http://[::1]:8080' ],
    [ 'another address of version 6',             403, Host => '[::1]:8080', Origin => 'http://[::2]:8080' ],

    # where the browser gives no Origin, it may say whether sites differ
    [ 'Sec-Fetch-Site: same-origin',              200, 'Sec-Fetch-Site' => 'same-origin' ],
    [ 'Sec-Fetch-Site: none',                     200, 'Sec-Fetch-Site' => 'none' ],
    [ 'Sec-Fetch-Site: same-site',                403, 'Sec-Fetch-Site' => 'same-site' ],
    [ 'Sec-Fetch-Site: cross-site',               403, 'Sec-Fetch-Site' => 'cross-site' ],
    [ 'a listed Origin, cross-site as it must be', 200, 'Sec-Fetch-Site' => 'cross-site', Origin => 'http://localhost:5173' ],
    [ 'a word of the future',                     403, 'Sec-Fetch-Site' => 'somewhere' ],

    # other methods
    [ 'DELETE from another site',                 403, method => 'DELETE', Origin => 'https://evil.example' ],
    [ 'a method of nobody from another site',     403, method => 'FROBNICATE', Origin => 'https://evil.example' ],
    [ 'GET from another site',                    200, method => 'GET', Origin => 'https://evil.example' ],
    [ 'HEAD from another site',                   200, method => 'HEAD', Origin => 'https://evil.example' ],

    # over TLS
    [ 'this site over TLS',                       200, tls => 1, Host => "localhost:$tls_port", Origin => "https://localhost:$tls_port" ],
    [ 'this site over TLS, port 443 unsaid',      200, tls => 1, Host => 'localhost', Origin => 'https://localhost' ],
    [ 'a page in the clear for a request over TLS', 403, tls => 1, Host => 'localhost', Origin => 'http://localhost' ],
    [ 'no Origin over TLS',                       200, tls => 1 ],
);
for (@table) {
    my ($what, $expected, @fields) = @$_;
    is post(@fields), $expected, $what;
}
like $t->error_log, qr/CHAT0307: request from https:\/\/evil\.example refused: ChatOrigin does not list it/,
    'the log names the directive';

is $t->request(POST => '/members', headers => { Authorization => "Bearer $s->{bearer}", Origin => 'https://evil.example' })
    ->{status}, 200, 'a Bearer token is no credential of a browser: its origin is not asked';
is $t->request(POST => '/members', headers => { Origin => 'https://evil.example' })->{status}, 401,
    'without a session there is nothing to protect';
is $t->request(POST => '/members', headers => { Cookie => "$s->{cookie}x", Origin => 'https://evil.example' })->{status}, 401,
    '... nor with a cookie that does not hold';

# ---- names ----

sub get ($path, $cookie, %o) {
    return $t->get($path, headers => { Cookie => $cookie }, %o)->{status};
}
is get('/members', $s->{cookie}), 200, 'in the clear the plain name counts';
is get('/members', "__Secure-$s->{cookie}"), 200, '... and the one that TLS in front of us sets';
is get('/members', "__Secure-$s->{cookie}", tls => 1), 200, 'on https the name has its prefix';
is get('/members', $s->{cookie}, tls => 1), 401, '... without it a sibling could have set it';
is get('/plain-name', $s->{cookie}, tls => 1), 200, '... unless ChatAuthCookie says so';
is get('/members', "better-auth.session_token=planted; __Secure-$s->{cookie}", tls => 1), 200,
    'a planted cookie beside the right one does no harm';

$t->stop;
done_testing;
