# SPDX-License-Identifier: Apache-2.0
#
# The chat page before its script is there: its frame is drawn, one may write, and
# the page that comes then takes over what stands there. In the long form (make
# check-page) also how soon, on a phone with a slow network.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new(where => "ChatLimit minute 500/600s user\n")->start;
$t->drive('first.mjs');
$t->drive('soon.mjs') if $ENV{CHAT_TEST_PAGE_LONG};
$t->stop;
done_testing;
