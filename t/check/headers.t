# SPDX-License-Identifier: Apache-2.0
#
# Each header compiles on its own: whoever includes it needs nothing before it. One
# that a source includes before all others has shown that when the source compiled.
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

my $tree = tree();

# Headers, by name, that are what a source has first; a name is one file's.
sub first_ones ($tree) {
    return map { m{\.c$} && $tree->{$_} =~ /\A[^"<]*?^#include "([^"]+)"/m ? ($1 => $_) : () } sources($tree);
}

# What a header is in when it may be included again.
sub has_guard ($text) {
    return $text =~ m{\A(?:/\*.*?\*/\s*)*#ifndef (\w+)\n#define \1\n.*^#endif[^\n]*\s*\z}ms;
}

my %first = first_ones($tree);
# The lists are no headers of their own: they are expanded where they stand.
my @headers = grep { /\.h$/ && !/_list\.h$/ } sources($tree);
my @alone = grep { !$first{ s{.*/}{}r } } @headers;
my %named;
$named{ s{.*/}{}r }++ for @headers;
is_deeply [ grep { $named{$_} > 1 } sort keys %named ], [], 'no two headers have one name';
cmp_ok scalar @alone, '<', @headers / 2, 'most headers are the first of a source';
is_deeply [ grep { !has_guard($tree->{$_}) } @headers ], [], 'each may be included twice';
for my $path (@alone) {
    my $name = $path =~ s{.*/}{}r;
    my ($out, $ok) = compiles($path, "#include \"$name\"\nint x;\n");
    ok $ok, "$path compiles on its own" or diag $out;
}
is_deeply { first_ones({ 'src/a/a.c' => qq{/* A. */\n#include "a.h"\n#include "b.h"\n}, 'src/a/b.c' => "#include <x.h>\n#include \"c.h\"\n" }) },
    { 'a.h' => 'src/a/a.c' }, '... and which is the first is seen';
ok !has_guard("/* A. */\n#ifndef A\n#define B\n#endif\n"), '... and a guard that is none';

open my $fh, '>', "$temp/chat_bad.h" or die $!;
print $fh "apr_status_t chat_bad(void);\n";
close $fh;
my ($out, $ok) = compiles("$temp/chat_bad.h", "#include \"chat_bad.h\"\nint x;\n");
ok !$ok, '... and a header that needs another one is noticed';

done_testing;
