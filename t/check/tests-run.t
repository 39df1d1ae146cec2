# SPDX-License-Identifier: Apache-2.0
#
# No test is forgotten: not in its suite, not on the list of what is run.
use v5.36;
use File::Temp ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

guard 'every START_TEST is added to its suite', sub ($files) {
    my @bad;
    for my $path (grep { m{^t/unit/.*\.c$} } sort keys %$files) {
        my $text = $files->{$path} =~ s{/\*.*?\*/}{}gsr;
        for my $name ($text =~ /^START_TEST\((\w+)\)/mg) {
            push @bad, "$path: $name" unless $text =~ /\btcase_add_\w*test\w*\([^;]*\b\Q$name\E\b/;
        }
    }
    return @bad;
}, 'a forgotten one' => sub ($files) {
    $files->{'t/unit/test_x.c'} = "START_TEST(a)\nSTART_TEST(b)\n{ tcase_add_test(tc, a); /* tcase_add_test(tc, b) */ }\n";
};

# What "make check" runs, asked of the script itself by a prove that only says
# what it was given.
sub what_is_run {
    my $bin = File::Temp::tempdir(CLEANUP => 1);
    open my $fh, '>', "$bin/prove" or die $!;
    print $fh qq{#!/bin/sh\nfor a; do echo "RUN \$a"; done\n};
    close $fh;
    chmod 0755, "$bin/prove";
    my $variant = $ENV{CHAT_VARIANT} || 'plain';
    my ($out, $ok) = shell("PATH=$bin:\$PATH CHAT_VARIANT=$variant script/test.sh");
    die "script/test.sh: $out" unless $ok;
    return map { s{^build/\Q$variant\E/unit/(\w+)$}{t/unit/$1.c}r => 1 } $out =~ /^RUN (.+)$/mg;
}

my %run = what_is_run();
guard 'make check runs every unit test and every .t file', sub ($files) {
    return map { "$_ is not run" . (m{^t/unit/} ? ' (or not built: make unit)' : '') } grep { !$run{$_} }
        grep { m{^t/.*\.t$|^t/unit/test_\w+\.c$} } sort keys %$files;
},
    'a .t in a folder of its own' => sub ($files) { $files->{'t/extra/10-config-x.t'} = '' },
    'a unit test nobody builds'   => sub ($files) { $files->{'t/unit/test_brand_new.c'} = '' };

guard 'integration tests are called NN-room-thing.t', sub ($files) {
    return grep { !m{^t/(?:check/)?(?:[a-z-]+|\d\d-[a-z0-9]+(?:-[a-z0-9]+)*)\.t$} || (m{^t/[^/]+$} && !m{^t/\d\d-}) }
        grep { m{^t/.*\.t$} } sort keys %$files;
}, 'another name' => sub ($files) { $files->{'t/mytest.t'} = '' };

done_testing;
