# SPDX-License-Identifier: Apache-2.0
#
# A kind of provider is one line in chat_provider_list.h and one file; here is
# what else has to speak of it, and where the line is said to be all.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my ($LIST, $DOC, $CONF) = ('include/chat_provider_list.h', 'docs/directives.md', 'conf/mod_chat.reference.conf');

sub types ($files) {
    return ($files->{$LIST} // '') =~ /^CHAT_PROVIDER\(\w+, "([\w-]+)",/mg;
}

# Both ways: what is missing in the second list, and what is too much there.
sub differences ($where, $want, @have) {
    my %have = map { $_ => 1 } @have;
    my %want = map { $_ => 1 } @$want;
    return ((map { "$_ is not in $where" } grep { !$have{$_} } @$want),
        (map { "$_ in $where is not in $LIST" } grep { !$want{$_} } @have));
}

# The syntax of ChatProviderType and the table below it.
sub documented ($files) {
    my ($part) = ($files->{$DOC} // '') =~ /^\*\*ChatProviderType\*\*(.*?)(?=^\*\*|\z)/ms or return ([], []);
    my ($syntax) = $part =~ /`ChatProviderType ([^`]+)`/;
    return ([ split /\|/, $syntax // '' ], [ $part =~ /^\| `([\w-]+)` \|/mg ]);
}

# The comment right above the directive: "openai, anthropic or compatible (...)".
sub sampled ($files) {
    my ($text) = ($files->{$CONF} // '') =~ /((?:^[ \t]*# [^\n]*\n)+)[ \t]*#ChatProviderType /m or return;
    $text =~ s/^[ \t]*# //mg;
    $text =~ s/\s+/ /g;
    my ($names) = $text =~ /\A((?:[\w-]+, )*[\w-]+ or [\w-]+)/;
    return split /, | or /, $names // '';
}

sub add_line ($files) { $files->{$LIST} .= "CHAT_PROVIDER(brandnew, \"brandnew\", 0)\n" }

guard 'every kind of provider is documented, and no other', sub ($files) {
    my @types = types($files) or return "$LIST has no types";
    my ($syntax, $table) = documented($files);
    return (differences("the syntax of ChatProviderType in $DOC", \@types, @$syntax),
        differences("the table of ChatProviderType in $DOC", \@types, @$table),
        differences("the comment on ChatProviderType in $CONF", \@types, sampled($files)));
},
    'a new kind without a word about it' => \&add_line,
    'a kind that has gone' => sub ($files) { $files->{$LIST} =~ s/^CHAT_PROVIDER\(mistral.*\n//m },
    'one that the syntax leaves out' => sub ($files) { $files->{$DOC} =~ s/\|mistral\|/|/ },
    'one that the table leaves out' => sub ($files) { $files->{$DOC} =~ s/^\| `mistral` .*\n//m },
    'one that the sample leaves out' => sub ($files) { $files->{$CONF} =~ s/, mistral(?=,| or)// };

guard 'every kind of provider has its file and its unit test', sub ($files) {
    my @bad;
    for my $type (types($files)) {
        push @bad, grep { !exists $files->{$_} }
            "src/provider/chat_provider_$type.c", "t/unit/test_chat_provider_$type.c";
    }
    return map { "there is no $_" } @bad;
}, 'a line without a file' => \&add_line, 'a provider without a test' => sub ($files) {
    add_line($files);
    $files->{'src/provider/chat_provider_brandnew.c'} = "int x;\n";
};

# What differs by type stands in the line or the provider: a second list would
# be forgotten.
guard 'no other code names a kind of provider', sub ($files) {
    my $types = join '|', types($files);
    my @bad;
    for my $path (grep { !m{^src/provider/} } sources($files)) {
        push @bad, map { "$path names CHAT_PROVIDER_$_" } $files->{$path} =~ /\bCHAT_PROVIDER_($types)\b/g;
    }
    return @bad;
}, 'a rule by type' => sub ($files) {
    $files->{'src/config/x.c'} = "int f(int type)\n{\n    return type == CHAT_PROVIDER_openai;\n}\n";
};

guard 'what the author of a provider has to read fits on three screens', sub ($files) {
    my $lines = ($files->{'src/provider/chat_provider_kit.h'} // '') =~ tr/\n//;
    return $lines && $lines <= 150 ? () : "chat_provider_kit.h has $lines lines";
}, 'one that grew' => sub ($files) { $files->{'src/provider/chat_provider_kit.h'} .= "int x;\n" x 150 };

done_testing;
