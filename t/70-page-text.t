# SPDX-License-Identifier: Apache-2.0
#
# What the chat page shows of others' words is text, in every place where some come
# in, with its Content-Security-Policy and without; and a reader is left in peace
# while an answer comes.
# Runs alone: it has four pages drawn at once, and looks at what they do in time.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new->start;
$t->drive('text.mjs');
$t->stop;
done_testing;
