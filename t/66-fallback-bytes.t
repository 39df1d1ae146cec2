# SPDX-License-Identifier: Apache-2.0
#
# An upstream that resets after every single byte of its answer, head and body:
# one call, and a client that gets the beginning of its text and then one error,
# or an error alone; the whole text and its end only when the upstream said so.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::EveryByte;

my $t = byte_server('event');
once($t, $_, 'rst-byte') for byte_ways();
$t->stop;
done_testing;
