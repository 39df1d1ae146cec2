# SPDX-License-Identifier: Apache-2.0
#
# The code blocks of a Markdown page, with what a comment before each says
# about its test:
#
#   <!-- test: needs openai guests; says Hello -->
#
#   needs NAMES    what the text around it presupposes; t/18-snippets.t has the
#                  names
#   says TEXT      is in the output
#   by FILE        a test that runs this block, and names the page
#   is METHOD PATH     the block is the answer to that request
#   sent as METHOD PATH    the block is the body of that request
#   skip REASON    it cannot be run
package ChatTest::Snippets;

use v5.36;

my @MARKS = ('needs', 'says', 'by', 'is', 'sent as', 'skip');
my $MARKS = join '|', @MARKS;

# Snippets of $text, in order: {page, line, lang, text, about (the line of text
# before it), mark => {...}}. A block that is only indented has no lang.
sub of ($page, $text) {
    my (@found, $open, $mark, $about, $blank);
    my $n = 0;
    for my $line (split /\n/, $text) {
        $n++;
        if ($open) {
            if ($line =~ /^\Q$open->{indent}\E```$/) {
                push @found, $open;
                ($open, $mark, $about) = ();
                next;
            }
            $open->{text} .= $line =~ s/^\Q$open->{indent}\E//r . "\n";
        }
        elsif ($line =~ /^( *)```(\w*)$/) {
            $open = { page => $page, line => $n, indent => $1, lang => $2, text => '', about => $about // '',
                mark => $mark // {} };
        }
        elsif ($line =~ /^ *<!-- test: (.*) -->$/) {
            $mark = marks("$page:$n", $1);
        }
        elsif ($line =~ /^ {4}(?! )/ && $blank) {
            push @found, { page => $page, line => $n, lang => '', text => $line, about => '', mark => {} };
        }
        elsif ($line =~ /\S/) {
            die "$page:$n: a test is announced, and no code follows\n" if $mark;
            $about = $line;
        }
        $blank = $line !~ /\S/ || ($blank && $line =~ /^ {4}/);
    }
    die "$page: a code block does not end\n" if $open;
    return @found;
}

sub marks ($where, $words) {
    my %mark;
    for my $part (split /\s*;\s*/, $words) {
        my ($name, $value) = $part =~ /^($MARKS) (.+)$/ or die "$where: \"$part\" is none of @MARKS\n";
        $mark{$name} = $value;
    }
    return \%mark;
}

sub name ($snippet) {
    return "$snippet->{page}:$snippet->{line}: " . ($snippet->{lang} || 'code without a language');
}

1;
