# SPDX-License-Identifier: Apache-2.0
#
# As 66-fallback-bytes.t, where connections are closed instead, where requests
# have a thread of their own, and with unsafe=on: then there is one more call, if
# and only if the client had got nothing, and the client gets all of that.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::EveryByte;

my $t = byte_server('event');
once($t, $_, 'close-byte') for byte_ways('own', 'stream');
twice($t, $_, 'rst-byte') for byte_ways('own', 'stream', 'completions-whole', 'own-whole');
$t->stop;

$t = byte_server('worker');
once($t, $_, 'rst-byte') for byte_ways('stream');
$t->stop;
done_testing;
