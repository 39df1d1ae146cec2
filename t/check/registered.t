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
        return map { "$directive: $_ is not described" } grep { $part !~ /^(?:- |\|).*`\Q$_\E`/m } @names;
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

guard 'taps', sub ($files) {
    my @names = $files->{'src/run/chat_run_tap_list.h'} =~ /^CHAT_TAP\((\w+)\)/mg or return 'no names';
    return grep { $files->{'docs/extending.md'} !~ /^\| `\Q$_\E` \|/m } @names;
}, added('src/run/chat_run_tap_list.h', 'CHAT_TAP(brand_new)');

done_testing;
