# SPDX-License-Identifier: Apache-2.0
#
# The chat page in a real browser: asked, answered, stopped, read again.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new->start;
$t->drive('chat.mjs');
$t->stop;
done_testing;
