# SPDX-License-Identifier: Apache-2.0
#
# The chat page with a thousand messages, and with nothing to do.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new(conf => "ChatStoreLimit import=16M\nChatRequestBody 16M\n")->start;
$t->drive('big.mjs');
$t->stop;
done_testing;
