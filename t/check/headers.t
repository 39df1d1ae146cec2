# SPDX-License-Identifier: Apache-2.0
#
# Each header compiles on its own: whoever includes it needs nothing before it.
use v5.36;
use File::Temp ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my $apxs = $ENV{APXS} || 'apxs';
chomp(my $flags = shell(qq{echo "-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter"}
    . qq{ -Iinclude -I\$($apxs -q INCLUDEDIR) \$(apr-1-config --includes --cppflags) \$(apu-1-config --includes)}
    . q{ $(pkg-config --cflags libcurl json-c)}));
my $cc = $ENV{CC} || 'cc';
my $temp = File::Temp::tempdir(CLEANUP => 1);

sub compiles ($path, $text) {
    my $dir = $path =~ s{/[^/]+$}{}r;
    open my $fh, '>', "$temp/x.c" or die $!;
    print $fh $text;
    close $fh;
    return shell("$cc $flags -I$dir -fsyntax-only $temp/x.c");
}

# The lists are no headers of their own: they are expanded where they stand.
for my $path (grep { /\.h$/ && !/_list\.h$/ } sources(tree())) {
    my $name = $path =~ s{.*/}{}r;
    my ($out, $ok) = compiles($path, "#include \"$name\"\n#include \"$name\"\nint x;\n");
    ok $ok, "$path compiles on its own, twice" or diag $out;
}

open my $fh, '>', "$temp/chat_bad.h" or die $!;
print $fh "apr_status_t chat_bad(void);\n";
close $fh;
my ($out, $ok) = compiles("$temp/chat_bad.h", "#include \"chat_bad.h\"\nint x;\n");
ok !$ok, '... and a header that needs another one is noticed';

done_testing;
