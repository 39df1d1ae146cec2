# SPDX-License-Identifier: Apache-2.0
#
# The directives in the code, in docs/directives.md and in the reference
# configuration are the same.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my ($DOC, $CONF) = ('docs/directives.md', 'conf/mod_chat.reference.conf');

sub in_code ($files) {
    my %found;
    for my $path (grep { m{^src/config/.*\.c$} } keys %$files) {
        $found{$1} = 1 while $files->{$path} =~ /\bAP_INIT_\w+\(\s*"<?(\w+)"/g;
    }
    return %found;
}

# A directive's part of the page starts with its name as a heading or in bold.
my $START = qr/^(?:#+[ ]|>[ ]?)?(?:\*\*)?(?:(?<=\*\*)|(?<=#[ ]))`?<?(Chat[A-Z]\w*)/m;

sub in_doc ($files) {
    my $text = $files->{$DOC} // '';
    return map { $_ => 1 } $text =~ /$START/g;
}

# Live or commented out with one "#"; a comment in prose has a space after it.
sub in_conf ($files) {
    my $text = $files->{$CONF} // '';
    return map { $_ => 1 } $text =~ /^[ \t]*#?[ \t]*<?(Chat[A-Z]\w*)\b/mg;
}

sub missing ($where, $have, $want) {
    return map { "$_ is not in $where" } grep { !$have->{$_} } sort keys %$want;
}

guard 'code, documentation and reference configuration have the same directives', sub ($files) {
    my (%code) = in_code($files);
    my %doc = in_doc($files);
    my %conf = in_conf($files);
    return ('no directives in src/config/') unless %code;
    return (missing($DOC, \%doc, \%code), missing($CONF, \%conf, \%code), missing('src/config/', \%code, \%doc),
        missing("src/config/, but in $CONF", \%code, \%conf));
},
    'a directive without a word about it' => sub ($files) {
        $files->{'src/config/x.c'} = 'AP_INIT_TAKE1("ChatBrandNew", set, NULL, RSRC_CONF, "x"),';
    },
    'a word without a directive' => sub ($files) { ($files->{$DOC} //= '') .= "\n## ChatBrandNew\n" },
    'a line without a directive' => sub ($files) { ($files->{$CONF} //= '') .= "\n#ChatBrandNew on\n" };

# "Context" in the documentation says what the code's flags say. The flags may
# have names of their own: #define CHAT_OR_LIMIT (OR_LIMIT | RSRC_CONF).
sub contexts ($files) {
    my %flags;
    my %named = map { $files->{$_} =~ /^#define (\w+) \(?((?:OR_|ACCESS_CONF|RSRC_CONF)[^\n)]*)/mg }
        grep { m{^src/config/} } keys %$files;
    for my $path (grep { m{^src/config/.*\.c$} } keys %$files) {
        my $text = $files->{$path};
        $text =~ s/\b(\w+)\b/$named{$1} \/\/ $1/ge;
        while ($text =~ /\bAP_INIT_\w+\(\s*"<?(\w+)"(.*?)"/sg) {
            my ($name, $args) = ($1, $2);
            $flags{$name} =
                $args =~ /\bOR_\w+\b/ ? 'htaccess' : $args =~ /\bACCESS_CONF\b/ ? 'directory'
                : $args =~ /\bRSRC_CONF\b/ ? 'server' : 'nowhere';
        }
    }
    return %flags;
}

guard '"Context" in the documentation is where the code allows a directive', sub ($files) {
    my %flags = contexts($files);
    my $text = $files->{$DOC} // return "$DOC is missing";
    my @bad;
    for my $section (split /(?=$START)/m, $text) {
        my ($name) = $section =~ /\A$START/ or next;
        my $flag = $flags{$name} // next;
        my ($context) = $section =~ /\bContext\b[*:| ]*([^\n|]*)/ or do { push @bad, "$name: no Context"; next };
        my $says = $context =~ /htaccess/ ? 'htaccess' : $context =~ /directory/ ? 'directory' : 'server';
        push @bad, "$name: documented for $says, the code says $flag" if $says ne $flag;
    }
    return @bad;
}, 'a wrong Context' => sub ($files) {
    $files->{'src/config/x.c'} = 'AP_INIT_TAKE1("ChatBrandNew", set, NULL, RSRC_CONF, "x"),';
    ($files->{$DOC} //= '') .= "\n## ChatBrandNew\n\nContext server, directory, .htaccess\n";
}, 'flags that nobody knows' => sub ($files) {
    $files->{'src/config/x.c'} = 'AP_INIT_TAKE1("ChatBrandNew", set, NULL, SOMEWHERE, "x"),';
    ($files->{$DOC} //= '') .= "\n## ChatBrandNew\n\nContext server\n";
}, 'none' => sub ($files) {
    $files->{'src/config/x.c'} = 'AP_INIT_TAKE1("ChatBrandNew", set, NULL, RSRC_CONF, "x"),';
    ($files->{$DOC} //= '') .= "\n**ChatBrandNew**: no more\n";
};

done_testing;
