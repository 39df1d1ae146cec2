# SPDX-License-Identifier: Apache-2.0
#
# Whatever stands in a list is in the manual: routes and identity schemes where
# their directive is described, capabilities of models, taps where it is said how
# one is added. (Providers have a guard of their own.)
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my $DOC = 'docs/directives.md';

# The names of a list, as the configuration has them.
sub names ($files, $list, $macro) {
    return $files->{$list} =~ /^$macro\(\w+,\s*"([^"]+)"/mg;
}

# What the manual says of a directive.
sub part ($files, $directive) {
    return $files->{$DOC} =~ /^\*\*\Q$directive\E\*\*:.*?(?=^<a id=|\z)/ms ? $& : '';
}

sub described ($directive, $list, $macro) {
    return sub ($files) {
        my $part = part($files, $directive) or return "$directive is not described";
        my @names = names($files, $list, $macro) or return "$list has no names";
        my ($syntax) = $part =~ /^Syntax `\S+ ([^`]*)`/m;
        return (map { "$DOC, $directive: $_ is not described (\"- `$_` ...\")" } grep { $part !~ /^(?:- |\|).*`\Q$_\E`/m } @names),
            $syntax =~ /\|\w+\|/ ? map { "$DOC, $directive: $_ is not in the syntax line" } grep { "|$syntax|" !~ /\|\Q$_\E\|/ } @names : ();
    };
}

sub added ($list, $line) {
    return 'a new one' => sub ($files) { $files->{$list} .= "$line\n" };
}

guard 'routes', sub ($files) {
    return described('ChatRoute', 'include/chat_route_list.h', 'CHAT_ROUTE')->($files),
        described('ChatRoute', 'include/chat_dialect_list.h', 'CHAT_DIALECT')->($files);
}, added('include/chat_route_list.h', 'CHAT_ROUTE(x, "brand-new", chat_x, 0)'),
    'a new dialect' => sub ($files) { $files->{'include/chat_dialect_list.h'} .= qq{CHAT_DIALECT(x, "brand-new")\n} };

guard 'identity schemes', described('ChatAuth', 'include/chat_auth_list.h', 'CHAT_AUTH'),
    added('include/chat_auth_list.h', 'CHAT_AUTH(x, "brand-new")');

guard 'capabilities of models', sub ($files) {
    my $part = part($files, 'ChatModel') or return 'ChatModel is not described';
    my @names = names($files, 'include/chat_capability_list.h', 'CHAT_CAPABILITY') or return 'no names';
    my ($without) = $part =~ /^- `without=.*?(?=^- |\z)/ms ? $& : "";
    return grep { $without !~ /(?<![\w-])\Q$_\E(?![\w-])/ } @names;
}, added('include/chat_capability_list.h', 'CHAT_CAPABILITY(X, "brand-new")');

# A record of a kind, in a file of its own, that no list names.
my %RECORD = (
    chat_auth_scheme_t => [ 'include/chat_auth_list.h',     'CHAT_AUTH' ],
    chat_dialect_t     => [ 'include/chat_dialect_list.h',  'CHAT_DIALECT' ],
    chat_provider_t    => [ 'include/chat_provider_list.h', 'CHAT_PROVIDER' ],
    chat_tap_t         => [ 'src/run/chat_run_tap_list.h',  'CHAT_TAP' ],
);

guard 'what is written is in its list', sub ($files) {
    my @bad;
    for my $path (grep { m{^src/.*\.c$} } sources($files)) {
        while ($files->{$path} =~ /^const (chat_\w+_t) (chat_\w+) = \{/mg) {
            my ($list, $macro) = ($RECORD{$1} // next)->@*;
            my $id = $2 =~ s/^chat_[a-z]+_//r;
            push @bad, "$path: $list has no $macro($id)" unless $files->{$list} =~ /^$macro(?:_OF)?\($id\b/m;
        }
    }
    return @bad;
}, 'a scheme without its line' => sub ($files) { $files->{'src/auth/chat_auth_x.c'} = "const chat_auth_scheme_t chat_auth_x = {\n" };

guard 'every dialect has a unit test', sub ($files) {
    return map { "t/unit/test_chat_dialect_$_.c is missing" } grep { !$files->{"t/unit/test_chat_dialect_$_.c"} }
        $files->{'include/chat_dialect_list.h'} =~ /^CHAT_DIALECT(?:_OF)?\((\w+),/mg;
}, 'one without' => sub ($files) { $files->{'include/chat_dialect_list.h'} .= qq{CHAT_DIALECT(brand_new, "brand-new")\n} };

guard 'taps', sub ($files) {
    my @names = $files->{'src/run/chat_run_tap_list.h'} =~ /^CHAT_TAP\((\w+)\)/mg or return 'no names';
    return grep { $files->{'docs/extending.md'} !~ /^\| `\Q$_\E` \|/m } @names;
}, added('src/run/chat_run_tap_list.h', 'CHAT_TAP(brand_new)');

done_testing;
