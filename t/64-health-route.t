# SPDX-License-Identifier: Apache-2.0
#
# The health route: alive asks nobody; ready asks the database, Redis and the
# engine, and is no longer when a chat could not be served. With real ones that
# are stopped and started.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use ChatTest;
use ChatTest::Postgres;
use ChatTest::Redis;

my $pg    = ChatTest::Postgres->new->start;
my $redis = ChatTest::Redis->new->start;

my $HEALTH = <<'END';
SetHandler chat
ChatRoute health
<Location /healthz>
    ChatRoute health
</Location>
<Location /proxied>
    ChatRoute health
    ChatHealthDetails "%{HTTP:X-Inside} == 'yes'"
</Location>
<Location /proxied/open>
    ChatRoute health
    ChatHealthDetails "true"
</Location>
<LocationMatch "^/pattern">
    ChatRoute health
</LocationMatch>
END

my $DATABASE = <<"END";
DBDriver pgsql
DBDParams "${\$pg->params} connect_timeout=2"
ChatAuthSession kysely-pgsql
END

my $REDIS = "ChatRedis ${\$redis->url} connect=300ms command=300ms\n";

my $t;

sub server ($conf, @modules) {
    $t = ChatTest->new(modules => \@modules, conf => $conf . $HEALTH);
    $t->allow_log(qr/CHAT1011: Redis is not asked for a while/, qr/CHAT1019: /,
        qr/CHAT0205: the database is not ready: /, qr/AH00639: DBD \[pgsql\] Error: /, qr/CHAT0202: /);
    return $t->start;
}

sub ready ($path = '/healthz/ready', %headers) { return $t->get($path, headers => \%headers) }

# "database redis engine" when details are shown.
sub details ($res) {
    my $d = $res->{json}{details} // return;
    return join ' ', $d->@{qw(database redis engine)};
}

# ---- nothing that could fail ----

server('');
my $res = $t->get('/healthz');
is $res->{status}, 200, 'the server is alive';
is $res->{body}, '{"status":"ok"}', '... and says no more';
like $res->{headers}{'cache-control'}, qr/no-store/, '... to no cache';
is $t->get('/healthz/')->{body}, '{"status":"ok"}', 'also with a slash after it';
is $t->request('HEAD', '/healthz')->{status}, 200, 'and for HEAD';
$res = ready();
is $res->{status}, 200, 'it is ready';
is $res->{json}{status}, 'ready', '... in a word';
is details($res), 'none none ok', '... and tells this machine what it has';
is $t->get('/healthz/else')->{status}, 404, 'there is nothing else below it';
is ready('/pattern/ready')->{json}{status}, 'ready', 'where the location is a pattern the end of the path decides';
is ready('/pattern/alive')->{json}{status}, 'ok', '... what is asked for';
for my $method (qw(POST DELETE)) {
    my $no = $t->request($method, '/healthz');
    is $no->{status}, 405, "$method is refused";
    is $no->{headers}{allow}, 'GET, HEAD', '... with what is not';
}
is details(ready('/proxied/ready')), undef, 'ChatHealthDetails shows them to nobody else';
is ready('/proxied/ready')->{body}, '{"status":"ready"}', '... who sees the word alone';
is details(ready('/proxied/ready', 'X-Inside' => 'yes')), 'none none ok', '... and to those that it names';
is details(ready('/proxied/open/ready')), 'none none ok', '... an inner one replaces it';
$t->stop;

# ---- a full house ----

server('ChatStreamMax 1' . <<'END');

<Location /mock>
    ChatRoute mock
    ChatMock pace=100ms words=100000
</Location>
END
$res = ready();
is $res->{status}, 200, 'with room for a stream it is ready';
my $c = $t->connect;
$c->request('POST', '/mock/responses', headers => [ 'Content-Type' => 'application/json' ],
    body => '{"model":"m","input":"x","stream":true}');
wait_for('the house to be full', sub { ready()->{status} == 503 });
$res = ready();
is $res->{json}{status}, 'unready', 'with every place taken it is not';
is details($res), 'none none down', '... because of the engine';
is $res->{headers}{'retry-after'}, 5, '... and says when to ask again';
is $t->get('/healthz')->{status}, 200, '... but alive';
$c->close;
wait_for('a place', sub { ready()->{status} == 200 });
is ready()->{json}{status}, 'ready', 'when one has left it is again';
$t->stop;

# ---- the database ----

my $TABLES = <<'END';
create table "user" (id text primary key);
create table session (token text unique, "userId" text, "expiresAt" timestamptz);
END
$pg->sql($TABLES);

server($DATABASE, 'dbd');
is details(ready()), 'ok none ok', 'the database answers';
$pg->stop;
# What was heard of it is good for a second.
wait_for('the news', sub { ready()->{status} == 503 });
$res = ready();
is $res->{status}, 503, 'without it the server is not ready';
is details($res), 'down none ok', '... and says why';
is $t->get('/healthz')->{status}, 200, '... but alive';
is ready('/proxied/ready')->{body}, '{"status":"unready"}', '... and says not why to others';
$pg->start;
wait_for('the database', sub { ready()->{status} == 200 });
is details(ready()), 'ok none ok', 'it is again as soon as the database is there';
$t->stop;

server("ChatAuthSession kysely-pgsql\n");
is details(ready()), 'down none ok', 'a ChatAuthSession without mod_dbd is a database that is down';
$t->stop;

# What it lacks is missing for every sign-in, though it answers.
$pg->sql('create role reader login; grant select on session to reader');
my $reader = $pg->params =~ s/user=\S+/user=reader/r;
my @lacks = (
    [ 'a privilege',      "DBDriver pgsql\nDBDParams \"$reader\"\nChatAuthSession kysely-pgsql\n", qr/permission denied for table user/, 'grant select on "user" to reader' ],
    [ 'the columns of a plugin', "DBDriver pgsql\nDBDParams \"${\$pg->params}\"\nChatAuthSession kysely-pgsql admin\n", qr/column u\.role does not exist/,
        'alter table "user" add role text, add banned boolean, add "banExpires" timestamptz' ],
    [ 'the tables of another layout', "DBDriver pgsql\nDBDParams \"${\$pg->params}\"\nChatAuthSession drizzle-pgsql\n", qr/column \S+ does not exist/,
        'alter table session add user_id text, add expires_at timestamp' ],
    [ 'a table', "DBDriver pgsql\nDBDParams \"${\$pg->params}\"\nChatAuthSession sql \"SELECT id, 1 FROM gone WHERE id = %s\"\n", qr/relation "gone" does not exist/,
        'create table gone (id uuid)' ],
    [ 'a column of its own', "DBDriver pgsql\nDBDParams \"${\$pg->params}\"\nChatAuthSession sql \"SELECT id FROM gone WHERE id = %s\"\n", qr/the statement has one column/, undef ],
);
for my $row (@lacks) {
    my ($what, $conf, $why, $mend) = @$row;
    server($conf, 'dbd');
    is details(ready()), 'down none ok', "a database that lacks $what is down";
    is ready()->{status}, 503, '... however often it is asked' for 1 .. 3;
    my @said = grep { /CHAT0205: / } split /^/, $t->error_log;
    is scalar @said, 1, '... and the log says so once';
    like $said[0], qr/CHAT0205: the database is not ready: .*$why/, '... and what is wrong';
    if ($mend) {
        $pg->sql($mend);
        wait_for('the mended database', sub { ready()->{status} == 200 });
        is details(ready()), 'ok none ok', '... until it has it';
        like $t->error_log, qr/CHAT0220: the database is ready again/, '... which is said, too';
    }
    $t->stop;
}

my $files = tempdir(CLEANUP => 1);
chmod 0777, $files;
sub sqlite ($sql) { return system('sqlite3', "$files/app.db", $sql) == 0 }

sqlite('create table other (id text)');
chmod 0666, "$files/app.db";
server("DBDriver sqlite3\nDBDParams \"$files/app.db\"\nChatAuthSession kysely-sqlite\n", 'dbd');
is details(ready()), 'down none ok', 'so it is with SQLite before the application has made its tables';
$t->wait_log(qr/CHAT0205: the database is not ready: no such table/);
sqlite('create table user (id text); create table session (token text, userId text, expiresAt text)');
wait_for('the tables', sub { ready()->{status} == 200 });
is details(ready()), 'ok none ok', '... and not after';
sqlite('alter table session rename column expiresAt to ends');
wait_for('the loss of a column', sub { ready()->{status} == 503 });
is details(ready()), 'down none ok', 'a column that is renamed is missed';
$t->stop;

# ---- Redis ----

server($REDIS);
is details(ready()), 'none ok ok', 'Redis answers';
$redis->stop;
$res = ready();
is details($res), 'none down ok', 'without it that is told';
is $res->{status}, 200, '... but the server counts by itself, and is ready';
is ready()->{status}, 200, "... however often it is asked ($_)" for 1 .. 4;
$redis->start;
wait_for('Redis', sub { details(ready()) eq 'none ok ok' }, 30);
pass 'Redis is found again by those who ask';
$t->stop;

server("${REDIS}ChatLimit strict 1000/1h ip fail=closed\n");
is ready()->{status}, 200, 'where a policy is closed without Redis';
$redis->stop;
is ready()->{status}, 503, '... the server is not ready without it';
is $t->get('/healthz')->{status}, 200, '... but alive';
$redis->start;
wait_for('Redis', sub { ready()->{status} == 200 }, 30);
is details(ready()), 'none ok ok', '... until it is there again';
$t->stop;

server("${REDIS}ChatLimit strict 1000/1h ip fail=closed shadow=on\n");
$redis->stop;
is ready()->{status}, 200, 'a shadow refuses nobody, and so needs no Redis';
$redis->start;

# A Redis that takes the question and gives no answer.
wait_for('Redis', sub { details(ready()) eq 'none ok ok' }, 30);
$redis->freeze;
is details(ready()), 'none down ok', 'a Redis that does not answer in time is down';
$redis->thaw;
$t->stop;

$_->stop for $redis, $pg;
done_testing;
