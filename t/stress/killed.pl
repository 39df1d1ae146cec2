#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The long form of t/77-chats-run-killed.t: children are killed at a random
# moment of 50 answers, again and again; nothing that a client had received is
# lost.
#
#   killed.pl [ROUNDS [KIND]]      (200 on SQLite, or on pgsql)
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest::Killed;

my $killed = ChatTest::Killed->new(kind => $ARGV[1] || 'sqlite', streams => 50, pieces => 150);
$killed->round for 1 .. $ARGV[0] || 200;
$killed->stop;
done_testing;
