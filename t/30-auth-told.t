# SPDX-License-Identifier: Apache-2.0
#
# Why somebody is not let in is in the log at info, by reason and at most once a
# second each; and a ChatAuthSecret that locks everybody out is a warning. No line
# holds a token or a cookie's value.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use ChatTest;
use ChatTest::BetterAuth;

my $files = tempdir(CLEANUP => 1);
chmod 0777, $files;
my $LATER = time + 3600;
system('sqlite3', "$files/app.db", <<"END") == 0 or die 'sqlite3';
create table s (token text, user text, expires int, banned int);
insert into s values ('token-of-a-good-user', 'good', $LATER, 0), ('token-of-a-late-user', 'late', 1, 0), ('token-of-a-banned-one', 'rude', $LATER, 1);
END
chmod 0666, "$files/app.db";

my $places = <<'END';
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth bearer better-auth user
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /none>
    ChatAuth none
</Location>
END

sub server (%o) {
    my $t = ChatTest->new(modules => [qw(dbd authn_core authz_user)], tls => 1, log_level => $o{level} // 'info', mpm_conf => "StartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\nMaxSpareThreads 8\n",
        env => { APP_SECRET => $o{secret} // $ChatTest::BetterAuth::SECRET }, conf => <<"END" . $places);
DBDriver sqlite3
DBDParams "$files/app.db"
ChatAuthSession sql "SELECT user, expires, NULL, banned FROM s WHERE token = %s"
END
    $t->write_file('htdocs/members', "for members\n");
    return $t;
}

sub cookie ($value, $name = 'better-auth.session_token') { return [ Cookie => "$name=$value" ] }
sub signed ($token) { return ChatTest::BetterAuth::signed($token) }

my $t = server();
$t->start;

sub ask ($headers, $path = '/members', %o) { return $t->get($path, headers => $headers, %o)->{status} }

my @why = (
    # what is sent, the status, the line
    [ 'nothing', [], 401, qr/CHAT0333: nobody has signed in: the request has no Bearer token, no session cookie of the names in ChatAuthCookie, no user whom Apache/ ],
    [ 'a cookie of another secret', cookie('token-of-a-good-user.' . 'A' x 43 . '='), 401, qr/CHAT0303: cookie better-auth\.session_token is signed with none of the secrets/ ],
    [ 'a cookie without a signature', cookie('token-of-a-good-user'), 401, qr/CHAT0328: cookie better-auth\.session_token has no signature/ ],
    [ 'a token of another secret', [ Authorization => 'Bearer token-of-a-good-user.' . 'A' x 43 . '=' ], 401, qr/CHAT0304: the Bearer token is signed with none/ ],
    [ 'a bare token', [ Authorization => 'Bearer token-of-a-good-user' ], 401, qr/CHAT0326: the Bearer token has no signature: .*ChatAuthBearer unsigned/ ],
    [ 'a session that is gone', cookie(signed('token-of-nobody-at-all')), 401, qr/CHAT0330: the database has no session of this token/ ],
    [ 'a session that has expired', cookie(signed('token-of-a-late-user')), 401, qr/CHAT0329: the session of user late has expired/ ],
    [ 'a banned user', cookie(signed('token-of-a-banned-one')), 403, qr/CHAT0331: the account of user rude is banned/ ],
);
for my $row (@why) {
    my ($what, $headers, $status, $line) = @$row;
    is ask($headers), $status, "$what is a $status";
    like $t->error_log, $line, '... and the log says why, at info';
}
is ask([], '/none'), 401, 'where there is no ChatAuth nobody is let in';
like $t->error_log, qr/CHAT0332: no ChatAuth lets anybody in at \/none/, '... which is said';
is ask(cookie(signed('token-of-a-good-user')), '/members', tls => 1), 401, 'the cookie of http over https is none';
like $t->error_log, qr/CHAT0327: cookie better-auth\.session_token came over https without the prefix __Secure-/, '... which is said';

my @session = @{ cookie(signed('token-of-a-good-user')) };
is ask(\@session), 200, 'who signed in is let in';
is $t->request('POST', '/members', headers => [ @session, Origin => 'https://app.example:5173', Host => 'chat.internal:8080' ])->{status}, 403,
    'a foreign page may not use the session';
like $t->error_log, qr{CHAT0307: request from https://app\.example:5173 refused: .* which by Host is http://chat\.internal:8080: a proxy},
    '... and the log has both names';
is $t->request('POST', '/members', headers => [ @session, 'Sec-Fetch-Site' => 'cross-site', Host => 'chat.internal' ])->{status}, 403, 'nor without Origin';
like $t->error_log, qr{CHAT0325: .*Sec-Fetch-Site says cross-site; its Host is http://chat\.internal}, '... which is said';

# More of the same in one second say no more.
my $mark = $t->mark;
ask([]) for 1 .. 60;
my @lines = grep { /CHAT0333/ } split /^/, $t->error_log($mark);
my %seconds = map { /(\d\d:\d\d:\d\d)\./ ? ($1 => 1) : () } @lines;
is scalar @lines, scalar keys %seconds, 'a reason is told once a second';
cmp_ok scalar @lines, '<', 60, '... however often it comes';
unlike $t->error_log, qr/token-of-|A{10}/, 'no line holds a token or a signature';
unlike $t->error_log, qr/CHAT0324/, 'where a signature has fitted, others that do not are no alarm';
$t->stop;

# Debian logs warnings alone.
$t = server(secret => 'another-secret-than-that-of-the-app', level => 'warn');
$t->expect_log(qr/CHAT0324: no session that this child has seen was signed with a secret of ChatAuthSecret, .*BETTER_AUTH_SECRET of the application\?/);
$t->start;
ask(\@session) for 1 .. 12;
$t->wait_log(qr/CHAT0324/);
is scalar(() = $t->error_log =~ /CHAT0324/g), 1, 'a secret that locks everybody out is a warning, once in a child';
$t->stop;

# A guest is not somebody who failed.
$places =~ s/ChatAuth bearer.*/ChatAuth better-auth guest/;
$t = server();
$t->start;
ask([]);
unlike $t->error_log, qr/CHAT03[23]\d/, 'who comes as a guest has not failed';
ask(cookie('no.signature'));
like $t->error_log, qr/CHAT0328/, '... but whose session does not hold has';
$t->stop;

done_testing;
