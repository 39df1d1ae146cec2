# SPDX-License-Identifier: Apache-2.0
#
# Every state of the chat page, on a desktop and a phone, light and dark: axe finds
# nothing in it, and nothing sticks out of the window.
# Runs alone: it has four pages drawn at once, and looks at what they do in time.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

my $t = ChatTest::Page->new(where => "ChatLimit minute 2/600s user tier=free\n");
$t->start;
$t->drive('look.mjs');
$t->allow_log(qr/CHAT\d{4}: /);
$t->stop;
done_testing;
