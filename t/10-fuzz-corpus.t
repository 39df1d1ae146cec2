# SPDX-License-Identifier: Apache-2.0
#
# Every fuzz target still takes every input of its corpus. Looking for new ones
# is "make fuzz".
use v5.36;
use Test::More;
use FindBin;

my $ROOT = "$FindBin::Bin/..";
my $VARIANT = $ENV{CHAT_VARIANT} || 'plain';

my @names = map { m{/(\w+)\.c$} } sort glob "$ROOT/t/fuzz/fuzz_*.c";
cmp_ok scalar @names, '>=', 3, 'there are fuzz targets';

for my $name (@names) {
    my ($program) = grep { -x } map { "$ROOT/build/$_/fuzz/$name" } $VARIANT, 'plain';
    my @inputs = glob "$ROOT/t/fuzz/corpus/$name/*";
    my $said = $program ? qx($program @inputs 2>&1) : 'not built: make fuzz-replay';

    is $said, scalar(@inputs) . " inputs\n", "$name takes its corpus";
    cmp_ok scalar @inputs, '>', 5, "$name has a corpus";
}

done_testing;
