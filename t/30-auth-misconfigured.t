# SPDX-License-Identifier: Apache-2.0
#
# What is missing is named in the log, once somebody needs it, and costs a 503:
# a 401 would sign out everybody's front end. And no log holds a token, however
# loud it is and whatever the database says.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Postgres;

my $pg = ChatTest::Postgres->new->start;
my $env = { APP_SECRET => $ChatTest::BetterAuth::SECRET };
my $token = 'T0k3n' . 'abcdefghijklmnopqrstuvwxyz1';
my $value = ChatTest::BetterAuth::signed($token);
my $cookie = "better-auth.session_token=$value";
my $location = <<'END';
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth bearer better-auth guest
    ChatAuthSecret env:APP_SECRET
</Location>
END

sub server ($conf, @modules) {
    my $t = ChatTest->new(modules => [qw(authn_core authz_user), @modules], env => $env,
        log_level => join(' ', 'info chat:trace8', map { "$_:trace8" } @modules), conf => "$conf\n");
    $t->write_file('htdocs/members', "for members\n");
    return $t;
}

sub status ($t, $path, @headers) {
    return $t->get($path, headers => \@headers)->{status};
}

sub quiet ($t) {
    is index($t->error_log, $_), -1, 'no part of the token is in the log' for substr($token, 0, 12), substr($value, -20);
}

my $t = server("ChatAuthSession kysely-pgsql\n$location");
$t->expect_log(qr/CHAT0202: ChatAuthSession needs mod_dbd, which is not loaded/,
    qr/CHAT0203: session look-up failed: mod_dbd is not loaded: load it, and set DBDriver and DBDParams/);
$t->start;
is status($t, '/members', Cookie => $cookie), 503, 'without mod_dbd a session is a 503';
is status($t, '/members'), 401, '... and nobody is still nobody';
quiet($t);
$t->stop;

$t = server("ChatAuthSession kysely-pgsql\n$location", 'dbd');
$t->expect_log(qr/CHAT0219: ChatAuthSession needs a database/, qr/AH02654: not configured/, qr/CHAT0203: session look-up failed: .*DBDriver and DBDParams must be set for this server/);
$t->start;
is status($t, '/members', Cookie => $cookie), 503, 'so it is without DBDriver';
$t->stop;

$t = server(<<'END', 'dbd');
ChatAuthSession kysely-pgsql
<Location />
    AuthType Chat
    Require valid-user
</Location>
<Location /cookie>
    ChatAuth better-auth guest
</Location>
<Location /bearer>
    ChatAuth bearer guest
</Location>
END
$t->expect_log(qr/CHAT0116: ChatAuth better-auth in <Location \/cookie>/, qr/CHAT0116: ChatAuth bearer in <Location \/bearer>/);
$t->allow_log(qr/CHAT0219: /);
$t->expect_log(qr/CHAT0305: .* no ChatAuthSecret tells what they are signed with/);
$t->start;
is status($t, '/cookie', Cookie => $cookie), 503, 'without ChatAuthSecret a cookie is a 503';
is status($t, '/cookie'), 503, '... and guests are not let in by a mistake';
is status($t, '/bearer', Authorization => "Bearer $value"), 503, '... nor is a Bearer token known';
is status($t, '/bearer'), 401, '... but who sends none needs none';
quiet($t);
$t->stop;

# ---- what the database says ----

# A column of another type: PostgreSQL quotes what is no such thing.
$pg->sql('create table session (token uuid, "userId" text, "expiresAt" timestamptz); create table "user" (id text)');
my $dbd = "DBDriver pgsql\nDBDParams \"${\$pg->params}\"\n";
$t = server(<<"END", 'dbd');
${dbd}ChatAuthSession sql "select id, 9999999999, null, 0 from \\"user\\" where cast(%s as uuid) is not null"
$location
END
$t->expect_log(qr/CHAT0203: session look-up failed: its reason quotes the token and is withheld/);
$t->start;
is status($t, '/members', Cookie => $cookie), 503, 'a statement that the database cannot run is a 503';
quiet($t);
$t->stop;

$t = server(<<"END", 'dbd');
${dbd}ChatAuthSession kysely-pgsql admin
$location
END
$t->expect_log(qr/CHAT0203: session look-up failed: ERROR:  column u\.role does not exist$/);
$t->start;
is status($t, '/members', Cookie => $cookie), 503, 'a layout that does not fit is a 503';
quiet($t);
$t->stop;

# ---- connections that live for one request ----

$pg->sql(qq{drop table session; create table session (token text, "userId" text, "expiresAt" timestamptz);
    insert into "user" values ('u'); insert into session values ('$token', 'u', now() + interval '1 hour')});
$t = server(<<"END", 'dbd');
${dbd}DBDPersist off
ChatAuthSession kysely-pgsql
$location
END
$t->start;
is join(' ', map { status($t, '/members', Cookie => $cookie) } 1 .. 5), '200 200 200 200 200',
    'with DBDPersist off sessions are found as well';
is $pg->sql(q{select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()}), 0,
    '... and no connection stays';
quiet($t);
$t->stop;

$pg->stop;
done_testing;
