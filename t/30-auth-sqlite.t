# SPDX-License-Identifier: Apache-2.0
#
# The same sessions in a SQLite file that better-auth keeps.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;

my $t = ChatTest->new(
    modules => [qw(dbd authn_core authz_user)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
    conf    => <<"END");
MaxKeepAliveRequests 0
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
DBDMax 4
ChatAuthSession kysely-sqlite admin
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
END
my $file = $t->dir . '/app.db';
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $file, options => { admin => 1 })->start;
$t->write_file('htdocs/members', "for members\n");
$t->start;

sub status ($session) {
    return $t->get('/members', headers => { Cookie => $session->{cookie} })->{status};
}

sub sql ($sql) {
    open my $fh, '-|', 'sqlite3', $file, $sql or die "sqlite3: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh or die "sqlite3 failed on: $sql\n";
    chomp $out;
    return $out;
}

my $s = $auth->sign_up;
is status($s), 200, 'a user who signed up is let in';
like $t->error_log, qr/CHAT0301: identified by better-auth: user $s->{id}/, '... under the id of the account';
is $t->get('/members')->{status}, 401, 'nobody is not';
is status({ cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed('x' x 32) }), 401,
    'a token that no session has is not let in';
is status({ cookie => "better-auth.session_token=$s->{token}.AAAA" }), 401, 'nor a bad signature';

# Text compares as time does only while both are written alike.
is sql('select typeof("expiresAt") from session'), 'text', 'better-auth writes times as text';
my $expire = sub ($modifier) {
    sql(qq{update session set "expiresAt" = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '$modifier') where token = '$s->{token}'});
};
$expire->('+3 seconds');
is status($s), 200, 'a session that expires in three seconds is good';
$expire->('-1 seconds');
is status($s), 401, 'one that expired a second ago is not';
$expire->('+1 day');

my $leaving = $auth->sign_in($s->{email});
is status($leaving), 200, 'a second session of the same user';
$auth->sign_out($leaving);
is status($leaving), 401, '... ends when he signs out';
is status($s), 200, '... and the first goes on';

my $admin = $auth->sign_up;
sql(qq{update user set role = 'user,admin' where id = '$admin->{id}'});
is status($admin), 200, 'a list of roles does no harm';

sql(qq{update user set banned = 1 where id = '$admin->{id}'});
is status($admin), 403, 'a ban is a 403';
sql(qq{update user set "banExpires" = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 seconds') where id = '$admin->{id}'});
is status($admin), 200, '... until it ends';
sql(qq{update user set "banExpires" = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 minute') where id = '$admin->{id}'});
is status($admin), 403, '... which may be in a minute';

# A user who is gone has no sessions, also where nothing cascades.
sql(qq{pragma foreign_keys = off; delete from user where id = '$admin->{id}'});
is status($admin), 401, 'a session without its user is none';

# ---- the schema changes under a running server, as migrations do ----

$auth->stop;
sql('alter table user add column "favouriteColour" text');
is status($s), 200, 'the first request after a migration is answered';
sql('create index more on session("userId"); vacuum');
is status($s), 200, '... and after another';
like $t->error_log, qr/CHAT0201: asking the database again, after: /, '... with a new statement for the old one';

$t->expect_log(qr/CHAT0203: session look-up failed: no such table: session$/);
sql('alter table session rename to away');
is status($s), 503, 'a table that is missing is a 503, never a 401';
is status($s), 503, '... each time';
sql('alter table away rename to session');
is status($s), 200, '... until it is back';

# ---- nothing is left behind ----

SKIP: {
    skip 'takes too long under a checker', 2 if $t->{checker}->name;
    my ($child) = $t->children;
    my $conn = $t->connect;
    my $after_asking = sub ($n) {
        for (1 .. $n) {
            $conn->request('GET', '/members', headers => [ Cookie => $s->{cookie} ]);
            $conn->response->{status} == 200 or die "a look-up failed\n";
        }
        return $t->proc_status($child);
    };
    my $warm = $after_asking->(1000);
    my $later = $after_asking->(10_000);
    $conn->close;
    cmp_ok $later->{VmRSS} - $warm->{VmRSS}, '<', 300, 'ten thousand look-ups leave no memory behind (KiB)';
    # A connection that httpd is just closing may be among them.
    cmp_ok $later->{fds}, '<', $warm->{fds} + 5, '... and no file';
}

is index($t->error_log, $s->{token}), -1, 'no token is in the log';

$t->stop;
done_testing;
