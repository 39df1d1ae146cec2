# SPDX-License-Identifier: Apache-2.0
#
# The unit tests of conversations, which run on SQLite by themselves, on
# PostgreSQL: with the extension unaccent, and where it may not be made.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Postgres;

my $variant = $ENV{CHAT_VARIANT} || 'plain';
my $pg = ChatTest::Postgres->new->start;
$pg->sql('create role plain login');
$pg->sql('create database other owner plain', 'postgres');
$pg->sql('revoke all on database other from plain; grant connect on database other to plain;'
    . ' grant create on schema public to plain', 'other');
my %database = (
    'with unaccent'    => $pg->params,
    'without unaccent' => $pg->params =~ s/dbname=chat user=chat/dbname=other user=plain/r,
);

for my $name (sort keys %database) {
    local $ENV{CHAT_TEST_DB_DRIVER} = 'pgsql';
    local $ENV{CHAT_TEST_DB_PARAMS} = $database{$name};
    for my $unit (qw(chats search race), $name eq 'with unaccent' ? 'explain' : ()) {
        my $said = qx(build/$variant/unit/test_chat_store_$unit 2>&1);
        is $?, 0, "test_chat_store_$unit on PostgreSQL, $name" or diag $said;
        like $said, qr/^1\.\.\d+$/m, '... has run';
    }
}
is $pg->sql("select chat_fold('Zürich')"), 'Zurich', 'one database folds accents';
is $pg->sql("select count(*) from pg_extension where extname = 'unaccent'", 'other'), 0, '... and the other has no extension';

done_testing;
