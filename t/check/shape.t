# SPDX-License-Identifier: Apache-2.0
#
# The shape of the sources: licence line, sizes, and words that have no place
# in them.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my $SOURCE = qr{(?:\.(?:c|h|pm|pl|t|sh|js|mjs|ts|py|sql|conf|yml|yaml|supp|map)|(?:^|/)(?:Makefile\S*|Dockerfile\S*)|^script/[^.]+|^\.ci/run)$};

sub numbered ($text) {
    my $n = 0;
    return map { [ ++$n, $_ ] } split /\n/, $text;
}

guard 'every source starts with its SPDX line', sub ($files) {
    return grep { $files->{$_} !~ /\A(?:#![^\n]*\n)?[^\n]{0,8}SPDX-License-Identifier: Apache-2\.0\b/ }
        grep { $_ =~ $SOURCE } sort keys %$files;
},
    'a file without' => sub ($files) { $files->{'src/base/x.c'} = "int x;\n" },
    'a script without' => sub ($files) { $files->{'script/x'} = "#!/bin/sh\necho\n" };

guard 'no function is longer than 80 lines', sub ($files) {
    my @bad;
    for my $path (grep { /\.c$/ } sort keys %$files) {
        push @bad, map { "$path: $_->[0]() has $_->[2] lines" } grep { $_->[2] > 80 } functions($files->{$path});
    }
    return @bad;
}, 'one of 81' => sub ($files) { $files->{'src/base/x.c'} = "int f(void)\n{\n" . "    g();\n" x 79 . "}\n" };

# Unit tests are mostly tables of cases.
sub too_long ($path, $text) {
    my $lines = $text =~ tr/\n//;
    return $lines > ($path =~ m{^t/unit/} ? 1000 : 600) ? "$path has $lines lines" : ();
}

guard 'no file is longer than 600 lines', sub ($files) {
    return map { too_long($_, $files->{$_}) } grep { /\.(?:c|h|pm|t|sh|mjs)$/ } sort keys %$files;
}, 'one of 601' => sub ($files) { $files->{'src/base/x.c'} = "int x;\n" x 601 };

# In pieces, or this file would find itself.
my $UNFINISHED = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X';
my $FOREIGN = join '|',
    '/wo' . 'rk/', '/tmp/' . 'src', '/ro' . 'ot/', '(?<!src/)(?<!v1/)(?<!["\'])sha' . 'red/', 'contra' . 'cts/\w',
    '\b(?:des' . 'ign|eng' . 'ine|sty' . 'le|require' . 'ments)\.md\b';

sub lines_with ($files, $pattern, $but) {
    my @bad;
    for my $path (grep { $_ !~ $but } sort keys %$files) {
        push @bad, map { "$path:$_->[0]: $_->[1]" } grep { $_->[1] =~ $pattern } numbered($files->{$path});
    }
    return @bad;
}

guard 'nothing is left unfinished', sub ($files) {
    return lines_with($files, qr/\b(?:$UNFINISHED)\b/, qr{^t/real/});
}, 'a note to oneself' => sub ($files) { $files->{'README.md'} .= "\nTO" . "DO: say it\n" };

guard 'nothing points outside the repository', sub ($files) {
    return lines_with($files, qr/(?:$FOREIGN)/, qr/^$/);
},
    "a machine's path" => sub ($files) { $files->{'README.md'} .= "\nsee /wo" . "rk/main\n" },
    'a foreign page'   => sub ($files) { $files->{'src/base/x.c'} = "/* see des" . "ign.md */\n" };

guard 'the log marks no line as dead: sources hold no #if 0', sub ($files) {
    return grep { $files->{$_} =~ /^\s*#\s*if\s+0\b/m } grep { /\.[ch]$/ } sort keys %$files;
}, 'one that does' => sub ($files) { $files->{'src/base/x.c'} = "#if 0\nint x;\n#endif\n" };

done_testing;
