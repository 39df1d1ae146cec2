# SPDX-License-Identifier: Apache-2.0
#
# The chat page with many messages, and with nothing to do; in its long form
# (make check-page) with a thousand, and measured by Lighthouse.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new(conf => "ChatStoreLimit import=16M\nChatRequestBody 16M\n")->start;
$t->drive('big.mjs');
if ($ENV{CHAT_TEST_PAGE_LONG}) {
    my $dir = "$ChatTest::Page::PEER/lighthouse";
    is system("cd $dir && [ -d node_modules/lighthouse ] || npm ci --silent --no-audit --no-fund"), 0, 'Lighthouse is there';
    $t->drive('lighthouse.mjs');
    $t->allow_log(qr/CHAT0801: \/robots\.txt /);
}
$t->stop;
done_testing;
