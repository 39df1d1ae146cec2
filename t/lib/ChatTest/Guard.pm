# SPDX-License-Identifier: Apache-2.0
#
# Guards over the source tree. A guard is a function from the tree (path =>
# text) to complaints. It must find none, and it must find the violations that
# are seeded into a copy of the tree: a guard that cannot fail is worth nothing.
package ChatTest::Guard;

use v5.36;
use Cwd            qw(abs_path);
use Exporter       'import';
use File::Basename qw(dirname);
use File::Find     ();
use Test::More     ();

our @EXPORT = qw(guard log_calls tree root c_function functions sources shell);

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');

sub root () {
    return $ROOT;
}

# Output of a command run in the root directory, and whether it succeeded.
sub shell ($command) {
    my $out = qx(cd '$ROOT' && { $command ; } 2>&1);
    return wantarray ? ($out, $? == 0) : $out;
}

sub _paths () {
    my ($out, $ok) = shell('git ls-files --cached --others --exclude-standard');
    return split /\n/, $out if $ok;
    my @found;    # an unpacked release
    File::Find::find({ no_chdir => 1, wanted => sub {
        $File::Find::prune = 1 if m{/(?:build|\.run|\.git|node_modules)$};
        push @found, s{^\Q$ROOT\E/}{}r if -f;
    } }, $ROOT);
    return @found;
}

# path => text of every file that belongs to the project, but for data and what is built.
sub tree () {
    state %files;
    return { %files } if %files;
    for my $path (_paths()) {
        next if $path =~ m{^t/(?:data|fuzz/corpus)/|^conf/page/|/package-lock\.json$|^LICENSE$};
        open my $fh, '<:raw', "$ROOT/$path" or next;    # deleted, not committed
        local $/;
        $files{$path} = <$fh> // '';
    }
    return { %files };
}

# The product's C files and headers among them.
sub sources ($files) {
    return sort grep { m{^(?:mod_chat\.c|(?:src|include)/.*\.[ch])$} } keys %$files;
}

# [name, first line, length] of the functions of a C file; braces stand in
# column 0.
sub functions ($text) {
    my @found;
    my ($start, $line, $last) = (0, 0, '');
    for (split /\n/, $text) {
        $line++;
        $start = $line if /^\{/;
        if (/^\}\s*$/ && $start) {
            push @found, [ $last, $start, $line - $start + 1 ];
            $start = 0;
        }
        $last = $1 if !$start && /^[a-z].*?\b(\w+)\(/;
    }
    return @found;
}

# The body of one function, or ''.
sub c_function ($text, $name) {
    return $text =~ /^[^\n;=]*\b\Q$name\E\([^;{]*?\)\n(\{\n.*?^\})/ms ? $1 : '';
}

# Calls of ap_log_error and its kin: [level, arguments].
sub log_calls ($text) {
    $text =~ s{/\*.*?\*/}{}gs;
    my @calls;
    while ($text =~ /\bap_log_(?:|r|c|cs|s|p)error(?:_)?(\((?:[^()"]++|"(?:[^"\\]|\\.)*+"|(?1))*\))/g) {
        my $args = $1;
        push @calls, [ $args =~ /\bAPLOG_(EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG|TRACE\d)\b/ ? $1 : '', $args ];
    }
    return @calls;
}

# guard 'sentence', sub ($files) { complaints }, 'what is seeded' => sub ($files) { edit }, ...
sub guard ($name, $check, @seeds) {
    my $files = tree();
    my @bad = $check->($files);
    Test::More::ok(!@bad, $name)
        or Test::More::diag(join "\n", @bad > 30 ? (@bad[ 0 .. 29 ], '...') : @bad);
    my %known = map { $_ => 1 } @bad;
    while (my ($what, $edit) = splice @seeds, 0, 2) {
        my %copy = %$files;
        $edit->(\%copy);
        my @now = grep { !$known{$_} } $check->(\%copy);
        Test::More::ok(scalar @now, "... and $what is noticed");
    }
}

1;
