# SPDX-License-Identifier: Apache-2.0
#
# The tables of conversations: chat-migrate on PostgreSQL and SQLite, several at
# once, refused where they are newer or somebody else's; what httpd does then;
# roles and commands of docs/database.md as printed.
use v5.36;
use File::Temp ();
use IPC::Open3 qw(open3);
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Postgres;
use ChatTest::Snippets;

my $ROOT = $ChatTest::Httpd::ROOT;
# The numbered files of which the tables are made.
my %FILES = map { $_ => [ map { m{([^/]+)\.sql$} } sort glob "$ROOT/conf/sql/$_/*.sql" ] } qw(postgresql sqlite);
my @FILES = $FILES{postgresql}->@*;
my $LAST = @FILES;
my $LATER = sprintf '%03d_later', $LAST + 1;
my $variant = $ENV{CHAT_VARIANT} || 'plain';
my $migrate = "$ROOT/build/$variant/chat-migrate";
my $temp = File::Temp->newdir('chat-migrate-XXXXXX', TMPDIR => 1);

sub slurp ($file) {
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}

sub write_conf ($name, $driver, $params) {
    open my $fh, '>', "$temp/$name" or die $!;
    print $fh "# as httpd has it\n  DBDriver $driver\ndbdparams  \"$params\"\nDBDMax 4\n";
    close $fh;
    return "$temp/$name";
}

# What it says, and how it ends.
sub start (@args) {
    my $pid = open3(my $in, my $out, undef, $migrate, @args);
    close $in;
    return [ $pid, $out ];
}

sub finish ($run) {
    my $said = do { local $/; readline $run->[1] } // '';
    waitpid $run->[0], 0;
    return ($said, $? >> 8);
}

sub run (@args) { return finish(start(@args)) }

# ---- what it is asked ----

my ($said, $status) = run('-h');
is $status, 2, 'help is no success';
like $said, qr/usage: chat-migrate/, '... it says how';
for ([], ['down'], [ 'up', 'now' ], [ '-x', 'up' ]) {
    ($said, $status) = run(@$_);
    is $status, 2, "\"@$_\" is nothing that it does";
}
($said, $status) = run('status');
is $status, 2, 'it has to be told which database';
like $said, qr/set CHAT_DB_DRIVER and CHAT_DB_PARAMS/, '... and says how';
($said, $status) = run('-f', "$temp/nowhere", 'status');
like $said, qr{nowhere cannot be read}, 'a file that is not there';
open my $fh, '>', "$temp/two" or die $!;
print $fh "DBDriver sqlite3\nDBDParams /a\n<VirtualHost *>\nDBDParams /b\n</VirtualHost>\n";
close $fh;
($said, $status) = run('-f', "$temp/two", 'status');
like $said, qr/two names several databases/, 'a file with two of them';
($said, $status) = run('-f', write_conf('none', 'oracle', 'x'), 'up');
is $status, 2, 'a driver that is not there';
like $said, qr/there is no driver oracle/, '... by its name';
($said, $status) = run('-f', write_conf('away', 'pgsql', "host=$temp dbname=x password=secret7"), 'up');
is $status, 2, 'a database that is away';
unlike $said, qr/secret7/, '... and no password in what is said';

# ---- both databases ----

my $pg = ChatTest::Postgres->new->start;
my $file = "$temp/chat.db";

sub sqlite ($sql) {
    open my $fh, '-|', 'sqlite3', '-bail', $file, $sql or die "sqlite3: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh or die "sqlite3 failed on: $sql\n";
    chomp $out;
    return $out;
}

my %DATABASE = (
    PostgreSQL => {
        conf => write_conf('pgsql', 'pgsql', $pg->params),
        sql  => sub ($sql) { $pg->sql($sql) },
        none => sub () { $pg->sql('set client_min_messages = error; drop schema public cascade; create schema public; grant usage on schema public to public') },
    },
    SQLite => {
        conf => write_conf('sqlite', 'sqlite3', $file),
        sql  => \&sqlite,
        none => sub () { unlink $file, "$file-wal", "$file-shm" },
    },
);

for my $name (sort keys %DATABASE) {
    my ($conf, $sql, $none) = $DATABASE{$name}->@{qw(conf sql none)};
    my @FILES = $FILES{ lc $name }->@*;
    my $LAST = @FILES;
    ($said, $status) = run('-f', $conf, 'status');
    is $status, 1, "$name: there are no tables";
    like $said, qr/^there are no tables yet\nversion 0, known $LAST$/, '... which is said';

    my @runs = map { start('-f', $conf, 'up') } 1 .. 6;
    my @ends = map { [ finish($_) ] } @runs;
    is join('', map { $_->[1] } @ends), '000000', 'six that make them at once all succeed';
    is_deeply [ sort map { $_->[0] =~ /^applied (\S+)$/mg } @ends ], \@FILES, '... one has done it';
    is scalar(grep { $_->[0] =~ /^the tables are right, version $LAST$/m } @ends), 6, '... and all say that they are right'
        or diag map { $_->[0] } @ends;
    is $sql->('select version, name from chat_migration order by version'), join("\n", map { $_ + 1 . "|$FILES[$_]" } 0 .. $#FILES), '... it is recorded';
    ($said, $status) = run('-f', $conf, 'up');
    is "$said$status", "the tables are right, version $LAST\n0", 'once more does nothing';
    ($said, $status) = run('-f', $conf, 'check');
    is "$said$status", '0', 'check says nothing';

    $sql->("insert into chat_migration values (77, '077_later', 1)");
    for my $word (qw(status up)) {
        ($said, $status) = run('-f', $conf, $word);
        is $status, 1, "tables of a later version: $word";
        like $said, qr/the tables are newer \(77, "077_later"\) than this mod_chat, which knows them up to $LAST/, '... says so';
    }
    $sql->("delete from chat_migration where version = 77; update chat_migration set name = '001_else' where version = 1");
    ($said, $status) = run('-f', $conf, 'up');
    is $status, 1, 'a record of somebody else';
    like $said, qr/chat_migration has 1, "001_else", where "001_chats" belongs/, '... is not touched';
    $sql->('drop table chat_migration');
    ($said, $status) = run('-f', $conf, 'up');
    is $status, 1, 'tables without a record';
    like $said, qr/there is a table chat_conversation, but chat_migration does not say/, '... are not touched';

    $none->();
    $sql->('create table chat_share (x integer)');
    ($said, $status) = run('-f', $conf, 'up');
    is $status, 2, 'a table that is in the way';
    like $said, qr/001_chats: .*chat_share.* already exists/, '... is named';
    my $tables = $name eq 'SQLite' ? "sqlite_master where type = 'table'" : "pg_tables where schemaname = 'public'";
    is $sql->("select count(*) from $tables"), 1, '... and nothing is left of what was begun';
    $none->();
}

{
    local $ENV{CHAT_DB_DRIVER} = 'sqlite3';
    local $ENV{CHAT_DB_PARAMS} = $file;
    ($said, $status) = run('up');
    is $status, 0, 'the environment names a database';
}
my $pid = open3(my $in, my $out, undef, $migrate, '-f', '-', 'check');
print $in "DBDriver sqlite3\nDBDParams \"$file\"\n";
close $in;
waitpid $pid, 0;
is $? >> 8, 0, '... and standard input does';

# ---- docs/database.md: roles, and what httpd may do ----

my %snippet;
push $snippet{ $_->{lang} }->@*, $_->{text}
    for grep { ($_->{mark}{by} // '') eq 't/78-migrate.t' } ChatTest::Snippets::of('docs/database.md', slurp("$ROOT/docs/database.md"));
is_deeply { map { $_ => scalar $snippet{$_}->@* } keys %snippet }, { sql => 1, apache => 1, sh => 2 }, 'the page has its blocks';

$pg->sql($snippet{sql}[0]);
my $owner_conf = $snippet{apache}[0] =~ s{host=127\.0\.0\.1 dbname=app}{host=${\$pg->dir} dbname=chat}r;
open $fh, '>', "$temp/chat-owner.conf" or die $!;
print $fh $owner_conf;
close $fh;
my $here = $migrate =~ s{/[^/]+$}{}r;
$said = qx{cd '$temp' && PATH='$here':"\$PATH" sh -ec '$snippet{sh}[0]'};
is $said, join('', map { "applied $_\n" } @FILES) . "the tables are right, version $LAST\n", 'the owner makes the tables';
is $pg->sql(q{select chat.chat_fold('Zürich')}), 'Zurich', '... with unaccent';
is $pg->sql(q{set role chat_httpd; set search_path = chat, public;
    insert into chat_conversation (id, user_id, created_at, updated_at, last_message_at) values (gen_random_uuid(), 'x', 1, 1, 1);
    update chat_conversation set title = 'Zürich'; delete from chat_conversation returning title}), 'Zürich',
    'the role of httpd may change rows';
is eval { $pg->sql('set role chat_httpd; create table chat.mine (x integer)'); 'yes' } // 'no', 'no', '... and make no tables';
my $backup = $snippet{sh}[1] =~ s{/var/lib/chat}{$temp}r =~ s{/var/backups/}{$temp/backup-}r;
is system($backup) || -s "$temp/backup-chat.db" ? 0 : 1, 0, 'the backup is made';

# A dump is restored with nothing in the search path.
my $bin = ChatTest::Postgres::bin_dir();
$pg->sql('create database copy', 'postgres');
my $to = "-h '${\$pg->dir}' -U chat";
is system("'$bin/pg_dump' $to -n chat -d chat | '$bin/psql' -qX -v ON_ERROR_STOP=1 $to -d copy"
    . " -c 'create extension unaccent' -f - >'$temp/restore.log' 2>&1"),
    0, 'a dump can be restored' or diag slurp("$temp/restore.log");

# The commands of docs/operations.md, for one who may do all in the database.
{
    my @command = map { $_->{text} =~ s{/var/backups}{$temp}r =~ s/\bapp\b/chat/r }
        grep { ($_->{mark}{by} // '') eq 't/78-migrate.t' } ChatTest::Snippets::of('docs/operations.md', slurp("$ROOT/docs/operations.md"));
    is scalar @command, 2, 'docs/operations.md has a backup and how it is restored';
    local @ENV{qw(PATH PGHOST PGUSER)} = ("$bin:$ENV{PATH}", $pg->dir, 'chat');
    $pg->sql(q{insert into chat.chat_conversation (id, user_id, created_at, updated_at, last_message_at) values (gen_random_uuid(), 'saved', 1, 1, 1)});
    my $said = qx($command[0] 2>&1);
    is "$?$said", '0', 'the backup is made';
    $pg->sql(q{delete from chat.chat_conversation; insert into chat.chat_conversation (id, user_id, created_at, updated_at, last_message_at) values (gen_random_uuid(), 'later', 1, 1, 1)});
    $said = qx($command[1] 2>&1);
    is "$?$said", '0', '... and restored';
    is $pg->sql('delete from chat.chat_conversation returning user_id'), 'saved', '... as it was';
    ($said, $status) = run('-f', "$temp/chat-owner.conf", 'status');
    is $status, 0, '... with the right tables' or diag $said;
}

# ---- httpd ----

my $t;

sub server ($conf, %o) {
    $t = ChatTest->new(modules => ['dbd'], %o, conf => <<"END");
$conf
<Location /healthz>
    SetHandler chat
    ChatRoute health
    ChatStore chat
</Location>
END
    mkdir $t->dir . '/db';
    chmod 0777, $t->dir . '/db';
    return $t->start;
}

sub tables () {
    my $res = $t->get('/healthz/ready');
    return "$res->{status} $res->{json}{details}{tables}";
}

server("DBDriver pgsql\nDBDParams \"${\($pg->params =~ s/user=chat/user=chat_httpd/r)}\"\n");
is tables(), '200 ok', 'a server with a role that may only change rows is ready';
$t->stop;

$pg->sql('set client_min_messages = error; drop schema chat cascade; create schema chat');
server("DBDriver pgsql\nDBDParams \"${\$pg->params}\"\n");
$t->expect_log(qr/CHAT0223: ChatStore: there are no tables yet: see chat-migrate/);
is tables(), '503 down', 'without tables it is not';
$pg->sql('alter role chat_httpd reset search_path');
($said, $status) = run('-f', $DATABASE{PostgreSQL}{conf}, 'up');
wait_for('the server to see them', sub { tables() eq '200 ok' });
pass 'it is when they are made';
$t->allow_log(qr/CHAT0205: /, qr/CHAT0206: /, qr/AH006\d\d: /);
$pg->stop;
wait_for('the outage to be seen', sub { $t->get('/healthz/ready')->{json}{details}{database} eq 'down' });
like tables(), qr/^503 /, 'a database that is away is an outage';
$pg->start;
wait_for('the server to be ready again', sub { tables() eq '200 ok' });
unlike $t->error_log, qr/CHAT0223.*CHAT0223/s, '... and nothing about the tables';
$t->stop;

$pg->sql("insert into chat_migration values (@{[ $LAST + 1 ]}, '$LATER', 1)");
server("DBDriver pgsql\nDBDParams \"${\$pg->params}\"\nChatStoreMigrate on\n");
$t->expect_log(qr/CHAT0223: ChatStore: the tables are newer \(@{[ $LAST + 1 ]}, "$LATER"\) than this mod_chat, which knows them up to $LAST: see chat-migrate/);
is tables(), '503 down', 'with newer tables it is not, also where it may make them';
$t->stop;
$pg->sql('delete from chat_migration where version = ' . ($LAST + 1));

server("DBDriver sqlite3\nDBDParams \"%%DIR%%/db/chat.db\"\nChatStoreMigrate on\nStartServers 8\nServerLimit 8\nMaxRequestWorkers 8\n",
    mpm => 'prefork');
is tables(), '200 ok', 'with ChatStoreMigrate a server makes its own';
wait_for('all children', sub { my @children = $t->children; @children >= 8 });
is scalar(() = $t->error_log =~ /CHAT0222: tables: applied 001_chats/g), 1, '... one of its eight children does';
$t->stop;

server('');
$t->expect_log(qr/CHAT0226: ChatStore needs a database, but no DBDriver names one: no conversation can be kept/);
$t->allow_log(qr/CHAT0205: /, qr/CHAT0223: /, qr/AH02654: not configured/);
is tables(), '503 down', 'without mod_dbd set up it is not ready';
$t->stop;

$t = ChatTest->new(conf => "ChatStore chat\nSetHandler chat\nChatRoute health\n")->start;
$t->expect_log(qr/CHAT0225: ChatStore needs mod_dbd, which is not loaded: no conversation can be kept/);
$t->allow_log(qr/CHAT0205: /, qr/CHAT0223: /);
is $t->get('/ready')->{status}, 503, 'nor without mod_dbd';
$t->stop;

my ($ok, $why) = ChatTest->new->configtest("ChatStore other\n");
like $why, qr/ChatStore does not accept "other"/, 'a layout that is not known is refused';
($ok, $why) = ChatTest->new->configtest("ChatRetention deleted=30x\n");
like $why, qr/ChatRetention deleted does not accept "30x"/, 'and so is a time that is none';
($ok, $why) = ChatTest->new->configtest("ChatRetention deleted=30d idle=365d\nChatStoreLimit messages=1\n");
like $why, qr/ChatStoreLimit messages does not accept "1"/, '... and a limit that lets nobody speak';
done_testing;
