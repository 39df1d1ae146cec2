# SPDX-License-Identifier: Apache-2.0
#
# The module shows the server one symbol, so that it cannot clash with another.
use v5.36;
use File::Temp ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

sub exported ($file) {
    my ($out, $ok) = shell("nm -D --defined-only $file");
    die "$file: $out" unless $ok;
    return sort map { (split)[2] } split /\n/, $out;
}

my $built = 'build/' . ($ENV{CHAT_VARIANT} || 'plain') . '/mod_chat.so';
is_deeply [ exported($built) ], ['chat_module'], "$built exports chat_module alone";

my $temp = File::Temp::tempdir(CLEANUP => 1);
my ($out, $ok) = shell("echo 'int chat_module, chat_leak;' | cc -shared -fPIC -x c - -o $temp/x.so");
ok $ok, 'a library with two symbols is made' or diag $out;
isnt scalar(exported("$temp/x.so")), 1, '... and noticed';

done_testing;
