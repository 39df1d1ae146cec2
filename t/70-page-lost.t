# SPDX-License-Identifier: Apache-2.0
#
# The chat page loses nothing: drafts, parts of answers and their order are what
# the database has, whatever becomes of the tab, the network, the session or the
# server while one asks.
# Runs alone: it has four pages drawn at once, and looks at what they do in time.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new(where => "ChatLimit minute 4/600s user tier=free\n")->start;
$t->drive('lost.mjs');
# It was killed.
$t->expect_log(qr/AH00098: pid file /);
$t->allow_log(qr/CHAT\d{4}: /);
$t->stop;
done_testing;
