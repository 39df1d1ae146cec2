# SPDX-License-Identifier: Apache-2.0
#
# The chat page by keyboard alone, with an input method, in windows of every size,
# in other languages, without motion and on paper.
# Runs alone: it has four pages drawn at once, and looks at what they do in time.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new->start;
$t->drive('hands.mjs');
$t->stop;
done_testing;
