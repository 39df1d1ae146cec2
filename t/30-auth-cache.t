# SPDX-License-Identifier: Apache-2.0
#
# ChatAuthCache: how seldom the database is asked, and how long at most a
# session outlives its end.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Postgres;
use Time::HiRes qw(time);

my $pg = ChatTest::Postgres->new->start;
my $auth = ChatTest::BetterAuth->new(store => 'kysely-pgsql', database => $pg->url, options => { admin => 1 })->start;
my $app = { APP_SECRET => $ChatTest::BetterAuth::SECRET };

# The same tables with other rows, as another site has them.
$pg->sql('create database other template template0', 'postgres');
$pg->sql(q{create table "user" (id text, role text, banned boolean, "banExpires" timestamptz);
    create table session (token text, "userId" text, "expiresAt" timestamptz)}, 'other');
my $other = $pg->params =~ s/dbname=chat/dbname=other/r;

my $conf = <<"END";
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
ChatAuthSession kysely-pgsql admin
END
my $hosts = <<"END";
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName long
    DBDriver pgsql
    DBDParams "${\$pg->params}"
    ChatAuthCache 60s
</VirtualHost>
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName short
    DBDriver pgsql
    DBDParams "${\$pg->params}"
    ChatAuthCache 2s
</VirtualHost>
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName off
    DBDriver pgsql
    DBDParams "${\$pg->params}"
    ChatAuthCache off
</VirtualHost>
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName other
    DBDriver pgsql
    DBDParams "$other"
    ChatAuthCache 60s
</VirtualHost>
END

my $t;    # the server that is asked

sub server ($store, %o) {
    $t = ChatTest->new(modules => [qw(dbd authn_core authz_user), $o{modules}->@*], env => $app,
        ($o{mpm} ? (mpm => $o{mpm}) : ()), conf => "$conf$hosts$store\n");
    $t->write_file('htdocs/members', "for members\n");
    return $t->start;
}

sub status ($host, $session, %o) {
    return $t->get('/members', headers => { Host => $host, Cookie => $session->{cookie} }, %o)->{status};
}

sub questions ($sub) {
    my $mark = $pg->mark;
    $sub->();
    return scalar(my @asked = $pg->asked($mark));
}

sub forged ($token) {
    return { cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed($token) };
}

# ---- shared memory ----

server('ChatAuthCacheStore "shmcb:%%DIR%%/run/sessions(512000)"', modules => ['socache_shmcb']);
my $s = $auth->sign_up;
my $code;

is questions(sub { $code = join ' ', map { status('long', $s) } 1 .. 5 }), 1, 'five requests of a session are one question';
is $code, '200 200 200 200 200', '... with the same answer';
my $second = $auth->sign_up;
is questions(sub { status('long', $second) }), 1, 'another session is another question';
my $mark = $t->mark;
status('long', $second);
like $t->error_log($mark), qr/identified by better-auth: user $second->{id}$/m, '... with another answer, also from the cache';
$mark = $t->mark;
is questions(sub { status('off', $s) for 1 .. 3 }), 3, 'with ChatAuthCache off every request is a question';
unlike $t->error_log($mark), qr/CHAT0309/, '... and the cache is left alone';

is status('other', $s), 401, 'what is remembered for one site is nothing to another with the same statement';

$mark = $t->mark;
is questions(sub { status('long', { cookie => "$s->{cookie}x" }) }), 0, 'a bad signature is no question';
unlike $t->error_log($mark), qr/CHAT0309/, '... not even to the cache';
like $t->error_log, qr/CHAT0309: session cache: hit/, '... which says in the log when it is asked';

my $later = 'l' x 32;
is questions(sub { $code = join ' ', map { status('long', forged($later)) } 1 .. 3 }), 3,
    'that there is no session is not remembered';
is $code, '401 401 401', '... it is asked each time';
$pg->sql(qq{insert into session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
    values ('later', '$later', '$s->{id}', now() + interval '1 hour', now(), now())});
is status('long', forged($later)), 200, '... and so a new session is good at once';

# ---- the bound ----

my $leaving = $auth->sign_in($s->{email});
is status('short', $leaving), 200, 'a session that is remembered for two seconds';
my $from = time;
$auth->sign_out($leaving);
status('short', $leaving);
wait_for('the session to end', sub { status('short', $leaving) == 401 });
cmp_ok time - $from, '<', scaled(3), '... ends within that time after the sign-out';
is status('short', $leaving), 401, '... for good';

my $ending = $auth->sign_in($s->{email});
$pg->sql(qq{update session set "expiresAt" = now() + interval '2 seconds' where token = '$ending->{token}'});
is status('long', $ending), 200, 'a session that expires in two seconds';
$from = time;
wait_for('the session to expire', sub { status('long', $ending) == 401 });
cmp_ok time - $from, '<', scaled(3), '... is not remembered for longer than that';

my $banned = $auth->sign_up;
is status('short', $banned), 200, 'a user who is remembered';
$pg->sql(qq{update "user" set banned = true where id = '$banned->{id}'});
ok wait_for('the ban', sub { status('short', $banned) == 403 }), '... is banned within that time';
is status('short', $banned), 403, '... and stays so when that is remembered';

# ---- without the database ----

status('long', $s);
$t->allow_log(qr/\[dbd:error\]/);
$t->expect_log(qr/CHAT0203/);
$pg->stop;
is status('long', $s), 200, 'who is remembered does not notice that the database is away';
is status('off', $s), 503, '... who is not, does';
$pg->start;
is status('off', $s), 200, '... until it is back';
$t->stop;

# ---- all children share it ----

server('ChatAuthCacheStore "shmcb:%%DIR%%/run/sessions(512000)"', modules => ['socache_shmcb'], mpm => 'prefork');
my @open = map { $t->connect } 1 .. 4;
my %pid;
is questions(sub {
    for my $conn (@open) {
        $conn->request('GET', '/members', headers => [ Host => 'long', Cookie => $s->{cookie} ]);
        is $conn->response->{status}, 200, 'a child lets in';
    }
}), 1, 'four children ask once';
$pid{$_} = 1 for $t->error_log =~ /\[chat:debug\] \[pid (\d+)[^\n]*CHAT0301/g;
is keys %pid, 4, '... and were four';
$_->close for @open;
$t->stop;

# ---- other stores, and none ----

server('ChatAuthCacheStore "dbm:%%DIR%%/run/sessions"', modules => ['socache_dbm']);
is questions(sub { status('long', $s) for 1 .. 3 }), 1, 'another store does as well';
my $stored = join '', map { $t->slurp($_) } glob $t->dir . '/run/sessions*';
cmp_ok index($stored, $s->{id}), '>', 0, '... and holds the user';
is index($stored, $s->{token}), -1, '... but not his token';
$t->stop;

server('', modules => ['socache_shmcb']);
is questions(sub { status('long', $s) for 1 .. 3 }), 1, 'without ChatAuthCacheStore there is one in shared memory';
my @old = $t->children;
$t->graceful;
wait_for('the old children to leave', sub { my %is = map { $_ => 1 } $t->children; !grep { $is{$_} } @old });
is questions(sub { $code = status('long', $s) }), 1, '... which a graceful restart empties';
is $code, 200, '... and replaces';
is questions(sub { status('long', $s) }), 0, '... by one that works';
$t->stop;

server('ChatAuthCacheStore memcache:127.0.0.1:9', modules => ['socache_memcache']);
$t->expect_log(qr/CHAT0308: the session cache memcache does not answer: the database is asked/);
$t->allow_log(qr/CHAT0310: the session cache memcache did not take a session/, qr/\[socache_memcache:/);
is join(' ', map { status('long', $s) } 1 .. 3), '200 200 200', 'a store that is away is no reason to turn anybody away';
$t->stop;

for (
    [ '', [], qr/CHAT0314: ChatAuthCache needs mod_socache_shmcb: load it/, 'without any store module' ],
    [ 'ChatAuthCacheStore shmcb:/nowhere(12)', ['socache_shmcb'], qr/CHAT0312: .* shmcb refuses "\/nowhere\(12\)"/, 'with a store that is too small' ],
) {
    my ($store, $modules, $why, $what) = @$_;
    my $refused = ChatTest->new(modules => [qw(dbd authn_core authz_user), @$modules], env => $app, conf => "$conf$hosts$store\n");
    ok !eval { $refused->start; 1 }, "httpd does not start $what";
    like $@, $why, '... and says why';
}

$auth->stop;
$pg->stop;
done_testing;
