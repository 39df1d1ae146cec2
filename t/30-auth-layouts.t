# SPDX-License-Identifier: Apache-2.0
#
# ChatAuthSession: every named layout against the tables of the adapter it is
# named after, a virtual host and a database each, and a statement of one's
# own. Kysely and Drizzle are better-auth's real adapters. Prisma's engine is
# a download of its own, so its tables are made here by hand, with the types
# that Prisma gives the schema better-auth generates, and so are the rows.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Postgres;

# Neither side's own time zone may matter.
my $pg = ChatTest::Postgres->new(conf => { timezone => 'Asia/Tokyo' })->start;
$ENV{TZ} = 'America/New_York';

my @hosts = (
    { name => 'kysely-pgsql' },
    { name => 'kysely-pgsql', admin => 1 },
    { name => 'kysely-pgsql', ids   => 'serial', id => qr/^[0-9]+\z/ },
    { name => 'kysely-pgsql', ids   => 'uuid', admin => 1, id => qr/^[0-9a-f]{8}-[0-9a-f-]{27}\z/ },
    { name => 'kysely-sqlite' },
    { name => 'kysely-sqlite', admin => 1 },
    { name => 'kysely-sqlite', ids   => 'serial', id => qr/^[0-9]+\z/ },
    { name => 'drizzle-pgsql' },
    { name => 'drizzle-pgsql', admin => 1 },
    { name => 'drizzle-pgsql', ids   => 'serial', id => qr/^[0-9]+\z/ },
    { name => 'drizzle-sqlite' },
    { name => 'drizzle-sqlite', admin => 1 },
    { name => 'prisma-pgsql' },
    { name => 'prisma-pgsql', admin => 1 },
);
for my $h (@hosts) {
    $h->{host} = join '-', $h->{name}, $h->{admin} ? 'admin' : 'plain', $h->{ids} // 'text';
    ($h->{adapter}, $h->{kind}) = split /-/, $h->{name};
}

my $t = ChatTest->new(
    modules => [qw(dbd authn_core authz_user)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET });

# ---- the databases ----

sub database ($h) {
    return $t->dir . "/$h->{host}.db" if $h->{kind} eq 'sqlite';
    $pg->sql(qq{create database "$h->{host}"}, 'postgres') unless $h->{made}++;
    return $pg->url =~ s{/chat\?}{/$h->{host}?}r;
}

sub sql ($h, $sql) {
    return $pg->sql($sql, $h->{host}) if $h->{kind} eq 'pgsql';
    open my $fh, '-|', 'sqlite3', database($h), $sql or die "sqlite3: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh or die "sqlite3 failed on: $sql\n";
    chomp $out;
    return $out;
}

# What `prisma migrate` makes of the models User and Session.
sub prisma_tables ($h) {
    database($h);
    my $admin = $h->{admin} ? ', "role" text, "banned" boolean default false, "banReason" text, "banExpires" timestamp(3)' : '';
    sql($h, qq{create table "user" ("id" text primary key, "name" text not null, "email" text not null unique,
        "emailVerified" boolean not null default false, "image" text, "createdAt" timestamp(3) not null default current_timestamp,
        "updatedAt" timestamp(3) not null$admin)});
    sql($h, q{create table "session" ("id" text primary key, "expiresAt" timestamp(3) not null, "token" text not null unique,
        "createdAt" timestamp(3) not null default current_timestamp, "updatedAt" timestamp(3) not null,
        "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade)});
}

sub prisma_session ($h) {
    my $token = 'prisma-' . 'x' x 25;
    sql($h, q{insert into "user" (id, name, email, "updatedAt") values ('prisma-user', 'P', 'p@example.test', now())});
    sql($h, qq{insert into "session" (id, token, "userId", "expiresAt", "updatedAt")
        values ('s', '$token', 'prisma-user', (now() at time zone 'UTC') + interval '7 days', now())});
    return { token => $token, id => 'prisma-user',
        cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed($token) };
}

# The column and the words for a time from now, as this layout has it.
sub later ($h, $seconds) {
    return $h->{adapter} eq 'drizzle' ? "(cast(strftime('%s', 'now') as integer) + $seconds) * 1000"
        : "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '$seconds seconds')"
        if $h->{kind} eq 'sqlite';
    return ($h->{adapter} eq 'kysely' ? 'now()' : "(now() at time zone 'UTC')") . " + interval '$seconds seconds'";
}

sub expire ($h, $session, $seconds) {
    my $column = $h->{adapter} eq 'drizzle' ? 'expires_at' : 'expiresAt';
    sql($h, qq{update "session" set "$column" = @{[ later($h, $seconds) ]} where "token" = '$session->{token}'});
}

sub ban ($h, $session, $seconds = undef) {
    my $column = $h->{adapter} eq 'drizzle' ? 'ban_expires' : 'banExpires';
    my $until = defined $seconds ? later($h, $seconds) : 'null';
    sql($h, qq{update "user" set "banned" = true, "$column" = $until where "id" = '$session->{id}'});
}

# ---- the server ----

my $conf = <<'END';
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /me>
    SetHandler chat
    ChatRoute me
</Location>
END
for my $h (@hosts) {
    my $driver = $h->{kind} eq 'sqlite' ? 'sqlite3' : 'pgsql';
    my $params = $h->{kind} eq 'sqlite' ? database($h) : $pg->params =~ s/dbname=chat/dbname=$h->{host}/r;
    my $admin = $h->{admin} ? ' admin' : '';
    $conf .= <<"END";
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName $h->{host}
    DBDriver $driver
    DBDParams "$params"
    DBDMin 0
    ChatAuthSession $h->{name}$admin
</VirtualHost>
END
}

# A statement of one's own: other names, fractions of a second, a boolean.
my $own = { host => 'own', kind => 'pgsql', adapter => 'own' };
$conf .= <<"END";
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName own
    DBDriver pgsql
    DBDParams "@{[ $pg->params =~ s/dbname=chat/dbname=own/r ]}"
    DBDMin 0
    ChatAuthSession sql "select login, extract(epoch from gone), 'rôle 100%%', locked from visits where key = %s"
</VirtualHost>
END
$t->{conf} = $conf;
$t->write_file('htdocs/members', "for members\n");

for my $h (grep { $_->{adapter} ne 'prisma' } @hosts) {
    $h->{auth} = ChatTest::BetterAuth->new(store => $h->{name}, database => database($h),
        options => { admin => $h->{admin}, ids => $h->{ids} });
}
ChatTest::BetterAuth::start_all(map { $_->{auth} // () } @hosts);

my %session;
for my $h (@hosts) {
    if ($h->{auth}) {
        $h->{auth}->sign_up for 1 .. 2;
        $session{ $h->{host} } = $h->{auth}->sign_up;
    }
    else {
        prisma_tables($h);
        $session{ $h->{host} } = prisma_session($h);
    }
}
$t->start;

sub status ($h, $session) {
    return $t->get('/members', headers => { Host => $h->{host}, Cookie => $session->{cookie} })->{status};
}

# How /me says that somebody is called.
sub called ($h, $session) {
    return [ $t->get('/me', headers => { Host => $h->{host}, Cookie => $session->{cookie} })->{json}->@{qw(name email image)} ];
}

for my $h (@hosts) {
    my $s = $session{ $h->{host} };
    my $auth = $h->{auth};
    subtest "$h->{name}" . ($h->{admin} ? ' admin' : '') . ($h->{ids} ? ", ids: $h->{ids}" : '') => sub {
        my $mark = $t->mark;
        is status($h, $s), 200, 'a signed-in user is let in';
        like $t->error_log($mark), qr/identified by better-auth: user \Q$s->{id}\E$/m, 'under the id of the account';
        like $s->{id}, $h->{id}, 'which is of that kind' if $h->{id};
        my $email = $s->{email} // 'p@example.test';
        is_deeply called($h, $s), [ $auth ? 'Somebody' : 'P', $email, undef ], '... and is told how he is called';
        sql($h, qq{update "user" set "image" = 'https://example.test/p.png' where "id" = '$s->{id}'});
        is called($h, $s)->[2], 'https://example.test/p.png', '... with a picture';
        unlike $t->error_log($mark), qr/\Q$email\E|p\.png/, '... which no log is';

        expire($h, $s, 5);
        is status($h, $s), 200, 'five seconds before the end the session is good';
        is $auth->sees(Cookie => $s->{cookie}), $s->{id}, 'as better-auth sees it' if $auth;
        expire($h, $s, -2);
        is status($h, $s), 401, 'two seconds after it, it is not';
        is $auth->sees(Cookie => $s->{cookie}), undef, 'as better-auth sees it' if $auth;

        return unless $h->{admin};
        $s = $auth ? $auth->sign_up : $s;
        expire($h, $s, 600);
        is status($h, $s), 200, 'a user who may be banned';
        ban($h, $s);
        is status($h, $s), 403, 'is banned';
        ban($h, $s, -2);
        is status($h, $s), 200, 'until the ban ends';
        ban($h, $s, 5);
        is status($h, $s), 403, 'which is not yet';
    };
    $auth->stop if $auth;
}

subtest 'a statement of one\'s own' => sub {
    my %s = map { $_ => { cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed($_) } } qw(a b c d e);
    database($own);
    sql($own, q{create table visits (key text, login text, gone timestamptz, locked boolean);
        insert into visits values ('a', 'anna', now() + interval '1.5 hours', false), ('b', 'bert', now() + interval '1 hour', true),
            ('c', 'carl', now() - interval '1 second', false), ('d', 'dora', now() + interval '1 hour', false),
            ('d', 'otto', now() + interval '1 hour', false), ('e', null, now() + interval '1 hour', false)});
    $t->expect_log(qr/CHAT0203: .* one token has more than one session$/, qr/CHAT0203: .* the user's id, is empty$/,
        qr/CHAT0203: .* the expiry, is not in seconds since 1970$/);
    is status($own, $s{a}), 200, 'a row lets in';
    is_deeply called($own, $s{a}), [ (undef) x 3 ], '... of somebody whose name it does not tell';
    is status($own, $s{b}), 403, 'its fourth column bans';
    is status($own, $s{c}), 401, 'its second ends it, also where the statement does not look';
    is status($own, $s{d}), 503, 'two users for one token are a mistake, not a choice';
    is status($own, $s{e}), 503, 'so is a user without an id';
    sql($own, q{alter table visits alter gone type timestamptz using null});
    is status($own, $s{a}), 503, 'and no expiry';
};

$t->stop;
$pg->stop;
done_testing;
