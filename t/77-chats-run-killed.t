# SPDX-License-Identifier: Apache-2.0
#
# Children that are killed while they write answers, on SQLite and PostgreSQL:
# whatever a client had received is in the database afterwards, as a part of an
# answer, and the conversation takes the next turn. t/stress/killed.pl is the
# long form.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Killed;

my $rounds = $ENV{CHAT_TEST_ROUNDS} || 3;

for my $kind ('sqlite', ChatTest::Postgres::bin_dir() ? 'pgsql' : ()) {
    my $killed = ChatTest::Killed->new(kind => $kind, streams => 12);
    $killed->round for 1 .. $rounds;
    $killed->stop;
}

done_testing;
