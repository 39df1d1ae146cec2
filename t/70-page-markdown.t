# SPDX-License-Identifier: Apache-2.0
#
# The Markdown of the chat page: in pieces it is what it is as a whole. Needs what
# builds the page.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Page;

ChatTest::skip_or_fail($_) for ChatTest::Page::cannot_build() // ();

ChatTest::Page->new->drive('markdown.mjs');
done_testing;
