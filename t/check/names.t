# SPDX-License-Identifier: Apache-2.0
#
# A name tells where its function is: it begins with the name of its file, or
# with that of the header of its own that declares it for several files. And
# what a comment names is there: a file, a directive.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

# "chat_run" of src/run/chat_run_int.h; a kit is its room's header.
sub stem ($path) {
    return $path =~ s{.*/}{}r =~ s/\.[ch]$//r =~ s/_(?:int|kit)$//r;
}

sub without_comments ($text) {
    return $text =~ s{/\*.*?\*/}{}gsr;
}

# Definitions begin in column 0, and so does their brace.
sub exported ($text) {
    my ($head, @found) = ('');
    for (split /\n/, $text) {
        if (/^\{/) {
            push @found, $1 if $head !~ /^\s*static\b/ && $head =~ /\b(chat_\w+)\(/;
        }
        $head = /^(?:[{}#\/]|\s*$)/ ? '' : "$head $_";
    }
    return @found;
}

# name => stems of the headers that declare it
sub declared ($files) {
    my %in;
    for my $path (grep { /\.h$/ } sources($files)) {
        push $in{$_}->@*, stem($path) for without_comments($files->{$path}) =~ /\b(chat_\w+)\s*\(/g;
    }
    return %in;
}

guard 'an exported function begins with the name of its file or of its header', sub ($files) {
    my %in = declared($files);
    my @bad;
    for my $path (grep { m{^src/.*\.c$} } sources($files)) {
        my $stem = stem($path);
        my $text = without_comments($files->{$path});
        for my $name (exported($text)) {
            next if $name =~ /^\Q$stem\E/;
            next if grep { $name =~ /^\Q$_\E/ && $stem =~ /^\Q$_\E/ } ($in{$name} // [])->@*;
            push @bad, "$path: $name()";
        }
    }
    return @bad;
},
    'a name of another room' => sub ($files) { $files->{'src/reply/chat_reply_x.c'} = "int chat_stream_x(void)\n{\n}\n" },
    'a name that no header has' => sub ($files) { $files->{'src/reply/chat_reply_x.c'} = "int chat_reply_hello(void)\n{\n}\n" };

sub comments ($text) {
    return join "\n", $text =~ m{/\*(.*?)\*/}gs;
}

guard 'a file that a comment names exists', sub ($files) {
    my %known = map { s{.*/}{}r => 1 } keys %$files;
    my @bad;
    for my $path (sources($files)) {
        push @bad, map { "$path names $_" } grep { !$known{$_} }
            comments($files->{$path}) =~ /(?<![\w<>*])((?:mod_)?chat_\w+\.[ch])\b/g;
    }
    return @bad;
}, 'one that does not' => sub ($files) { $files->{'src/base/x.c'} = "/* see chat_base_nowhere.c */\n" };

guard 'a directive that a comment names exists', sub ($files) {
    my %known = map { $_ => 1 } join('', map { $files->{$_} } grep { m{^src/config/} } keys %$files) =~ /AP_INIT_\w+\(\s*"<?(Chat\w+)"/g;
    my @bad;
    for my $path (sources($files)) {
        push @bad, map { "$path names $_" } grep { !$known{$_} && !$known{ s/s$//r } }
            comments($files->{$path}) =~ /\b(Chat(?!GPT|Kit\b)[A-Z]\w+)\b/g;
    }
    return @bad;
}, 'one that does not' => sub ($files) { $files->{'src/base/x.c'} = "/* As ChatNothing says. */\n" };

done_testing;
