# SPDX-License-Identifier: Apache-2.0
#
# A session ends in the second that its row names, and not in the one after;
# also one that is remembered.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use Time::HiRes qw(time);

# left: how many seconds from now on, by the database's clock; or the end.
my $t = ChatTest->new(
    modules => [qw(dbd authn_core authz_user socache_shmcb)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
    conf    => <<'END');
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession sql "SELECT id, coalesce(ends, cast(strftime('%%s', 'now') AS integer) + left), NULL, 0 FROM s WHERE token = %s"
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName asks
</VirtualHost>
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName remembers
    ChatAuthCache 1h
</VirtualHost>
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
END
my ($now, $soon, $edge) = map { $_ x 32 } 'a' .. 'c';
my $file = $t->dir . '/app.db';

sub sql (@statements) { system('sqlite3', $file, @statements) == 0 or die "sqlite3 failed\n" }

sql('CREATE TABLE s (token, id, left, ends)', "INSERT INTO s VALUES ('$now', 'now', 0, NULL), ('$soon', 'soon', 60, NULL)");
chmod 0644, $file;
$t->write_file('htdocs/page', "for members\n");
$t->start;

sub status ($host, $token) {
    return $t->get('/page', headers => { Host => $host, Cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed($token) })->{status};
}

is status('asks', $soon), 200, 'a session that ends in a minute is good';
is join(' ', map { status('asks', $now) } 1 .. 10), join(' ', (401) x 10), 'one that ends in this second is not, whenever it is asked';

for my $host (qw(asks remembers)) {
    my $end = int(time) + 3;
    sql("DELETE FROM s WHERE token = '$edge'", "INSERT INTO s VALUES ('$edge', 'edge', 0, $end)");
    my ($before, @late) = (0);
    wait_for('the end', sub {
        my $from = time;
        my $good = status($host, $edge) == 200;
        $before++ if $good && $from < $end;
        push @late, $from - $end if $good && $from >= $end;
        return $from > $end + 0.5;
    });
    cmp_ok $before, '>', 1, "$host: it is good until it ends";
    is "@late", '', '... and not for a moment longer';
}

$t->stop;
done_testing;
