# SPDX-License-Identifier: Apache-2.0
#
# Tiers and exemptions of real accounts: better-auth's users in its own tables,
# a column for the plan they pay for, its admin plugin's roles.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Upstream;
use File::Temp ();

my $dir = File::Temp->newdir('chat-tiers-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";
my $file = "$dir/app.db";
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $file, options => { admin => 1 })->start;
chmod 0666, $file;
my $up = ChatTest::Upstream->new->start;

sub sql ($sql) {
    open my $fh, '-|', 'sqlite3', $file, $sql or die "sqlite3: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh or die "sqlite3 failed on: $sql\n";
    chomp $out;
    return $out;
}
sql('create table plans (user_id text primary key, tier text)');

my $seconds = q{cast(strftime('%%s', s.\"expiresAt\") as integer)};
my $from    = q{from session s join \"user\" u on u.id = s.\"userId\" left join plans p on p.user_id = u.id where s.token = %s};
my %session = (
    five => qq{sql "select s.\\"userId\\", $seconds, u.role, 0, p.tier $from"},
    four => qq{sql "select s.\\"userId\\", $seconds, u.role, 0 $from"},
    admin => 'kysely-sqlite admin',
);

sub server ($session, $cache) {
    return ChatTest->new(
        modules => [qw(dbd authn_core socache_shmcb)],
        env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
        conf    => <<"END")->start;
DBDriver sqlite3
DBDParams "$file"
ChatAuthSession $session
ChatAuthCache $cache
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth better-auth guest
ChatAuthSecret env:APP_SECRET
<Location /tiers>
    ChatLimit free 1/1h user tier=free
    ChatLimit standard 3/1h user tier=standard
    ChatLimit users 2/1h user tier=user
    ChatLimit admins 4/1h user tier=admin
    ChatLimit guests 1/1h user tier=guest
</Location>
<Location /exempt>
    ChatLimit all 1/1h user
    ChatLimitExempt role=admin
</Location>
END
}

sub statuses ($t, $n, $path, $who) {
    my @as = $who ? (headers => { Cookie => $who->{cookie} }) : ();
    return join ' ', map { $t->sse($path, $t->turn(n => 1), @as)->{status} } 1 .. $n;
}

for my $cache ('off', '60s') {
    my $t = server($session{five}, $cache);
    my %user = map { $_ => $auth->sign_up("$_-$cache\@example.test") } qw(free standard none empty admin both);
    sql("insert into plans values ('$user{$_}{id}', '$_')") for qw(free standard);
    sql("insert into plans values ('$user{empty}{id}', '')");
    sql(qq{update "user" set role = 'admin' where id = '$user{admin}{id}'});
    sql(qq{update "user" set role = 'user,admin' where id = '$user{both}{id}'});

    is statuses($t, 2, '/tiers', $user{free}), '200 429', "cache $cache: the fifth column is the tier";
    is statuses($t, 4, '/tiers', $user{standard}), '200 200 200 429', "cache $cache: of each user";
    is statuses($t, 3, '/tiers', $user{none}), '200 200 429', "cache $cache: without one it is the role";
    is statuses($t, 3, '/tiers', $user{empty}), '200 200 429', "cache $cache: with an empty one too";
    is statuses($t, 5, '/tiers', $user{admin}), '200 200 200 200 429', "cache $cache: whatever it is";
    is statuses($t, 3, '/tiers', $user{both}), '200 200 429', "cache $cache: who has two roles is of both";
    is statuses($t, 2, '/tiers', undef), '200 429', "cache $cache: a guest is one";

    is statuses($t, 3, '/exempt', $user{admin}), '200 200 200', "cache $cache: an admin is exempt";
    is statuses($t, 3, '/exempt', $user{both}), '200 200 200', "cache $cache: also with another role";
    is statuses($t, 2, '/exempt', $user{none}), '200 429', "cache $cache: others are not";
    is statuses($t, 2, '/exempt', undef), '200 429', "cache $cache: nor are guests";
    if ($cache ne 'off') {
        my @hits = $t->error_log =~ /CHAT0309: session cache: hit/g;
        cmp_ok scalar @hits, '>', 10, 'and most of that came from the cache';
    }

    # A role is a whole word: what only contains the name of one is another.
    for my $role ('xadmin', 'adminx', 'user-admin', 'admin-user', 'xadmin,adminx', 'Admin', 'user,xadmin') {
        my $user = $auth->sign_up(($role =~ s/,/./r) . "-$cache\@roles.example.test");
        sql(qq{update "user" set role = '$role' where id = '$user->{id}'});
        is statuses($t, 2, '/exempt', $user), '200 429', "cache $cache: $role is not exempt as admin is";
        is statuses($t, 5, '/tiers', $user), $role =~ /\buser,/ ? '200 200 429 429 429' : '200 200 200 200 200',
            "cache $cache: $role is not of admin's tier";
    }
    $t->stop;
}

for my $which (qw(four admin)) {
    my $t = server($session{$which}, 'off');
    my $user = $auth->sign_up("$which\@example.test");
    is statuses($t, 3, '/tiers', $user), '200 200 429', "$which: a statement without a fifth column has the role";
    $t->stop;
}

$auth->stop;
$up->stop;
done_testing;
