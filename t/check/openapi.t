# SPDX-License-Identifier: Apache-2.0
#
# What the document of the route openapi says of the others is what their sources
# do: a route without operations, an operation without its row, a row whose flags
# are others, an error that the README has in another way.
use v5.36;
use JSON::PP ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my $JSON = JSON::PP->new->utf8->canonical;
my $DIR = 'src/route/openapi';
my %decoded;

# Most texts are the same in every copy of the tree.
sub decoded ($text) { return $decoded{$text} //= eval { $JSON->decode($text) } // [] }

sub routes ($files) {
    return $files->{'include/chat_route_list.h'} =~ /^CHAT_ROUTE\(\w+,\s*"([^"]+)"/mg,
        $files->{'include/chat_dialect_list.h'} =~ /^CHAT_DIALECT\(\w+,\s*"([^"]+)"/mg;
}

sub operations ($files, $route) {
    my $text = $files->{"$DIR/$route.json"} // return;
    return decoded($text)->@*;
}

guard 'every route has its operations', sub ($files) {
    return map { "$DIR/$_.json is missing: docs/extending.md says what stands in it" } grep { !defined $files->{"$DIR/$_.json"} } routes($files);
}, 'a route without' => sub ($files) { $files->{'include/chat_route_list.h'} .= qq{CHAT_ROUTE(x, "brand-new", chat_x, 0)\n} };

guard 'every file of operations is of a route', sub ($files) {
    my %is = map { $_ => 1 } routes($files), qw(answers errors);
    return map { "$_ is of no route" } grep { m{^\Q$DIR\E/(.+)\.json$} && !$is{$1} } sort keys %$files;
}, 'one of none' => sub ($files) { $files->{"$DIR/nobody.json"} = '[]' };

# ---- rows of the routes that have a table ----

sub form ($files, $path) {
    my $paths = decoded($files->{"$DIR/answers.json"})->{paths};
    return $path =~ s/\{(\w+)\}/$paths->{$1}{form} || "{$1}"/ger;
}

# The route of a file: most are named after it.
sub route_of ($file) { return { resume => 'stream', upload => 'uploads' }->{$file} // $file =~ tr/_/-/r }

# [route, method, path, flags], the short names of the flags written out.
sub rows ($files) {
    my @found;
    for my $path (sort grep { m{^src/route/chat_route_\w+\.c$} } keys %$files) {
        my ($file) = $path =~ m{chat_route_(\w+)\.c$};
        my %short = $files->{$path} =~ /^#define (\w+)(?:\s|\\\n)+(\(?CHAT_ROUTE_REST_(?:[^\n\\]|\\\n)*)/mg;
        for my $table ($files->{$path} =~ /^static const (?:chat_route_rest_row_t|row_t) \w+\[\] = \{\n(.*?)^\};/msg) {
            for my $row (split /\},\n/, $table) {
                my ($method, $below, $flags) = $row =~ /\{M_(\w+), "([^"]*)",\s*\w+,\s*(.*)/s or next;
                $flags =~ s/\b(\w+)\b/$short{$1} \/\/ $1/ge;
                push @found, [ route_of($file), lc $method, $below, $flags ];
            }
        }
    }
    return @found;
}

sub find ($files, $route, $method, $below) {
    return (grep { defined $_->{$method} && form($files, $_->{$method}) eq $below } operations($files, $route))[0];
}

# What a flag is called in an operation.
my @FLAGS = (
    [ BODY      => 'body',         sub ($op) { $op->{body} && !$op->{run} && !$op->{reads} } ],
    [ EMPTY     => 'bodyOptional', sub ($op) { $op->{bodyOptional} } ],
    [ REPEAT    => 'repeat',       sub ($op) { $op->{repeat} } ],
    [ RUN       => 'run',          sub ($op) { $op->{run} } ],
    [ UNLIMITED => 'unlimited',    sub ($op) { $op->{unlimited} } ],
    [ PUBLIC    => 'auth: none',   sub ($op) { ($op->{auth} // '') eq 'none' } ],
    [ ANYBODY   => 'auth: guest',  sub ($op) { ($op->{auth} // '') eq 'guest' } ],
    [ NO_TABLES => 'tables: false', sub ($op) { !($op->{tables} // 1) } ],
);

guard 'every row of a table is an operation, as its flags say', sub ($files) {
    my @bad;
    for my $row (rows($files)) {
        my ($route, $method, $below, $flags) = @$row;
        my $op = find($files, $route, $method, $below);
        push @bad, "$DIR/$route.json: no operation for $method \"$below\"" and next unless $op;
        for (@FLAGS) {
            my ($flag, $word, $said) = @$_;
            push @bad, "$DIR/$route.json: $op->{id}: \"$word\" is not as CHAT_ROUTE_REST_$flag is in its row"
                if !!$said->($op) != !!($flags =~ /CHAT_ROUTE_REST_$flag\b/);
        }
    }
    return @bad;
},
    'a new row'     => sub ($files) { $files->{'src/route/chat_route_me.c'} =~ s/(    \{M_DELETE, "", forget, 0\},\n)/$1    {M_POST, "\/x", get, 0},\n/ },
    'another flag'  => sub ($files) { $files->{'src/route/chat_route_me.c'} =~ s/forget, 0/forget, CHAT_ROUTE_REST_UNLIMITED/ },
    'a lost entry'  => sub ($files) { $files->{"$DIR/me.json"} = '[]' };

guard 'every operation of such a route is a row', sub ($files) {
    my (%row, %table);
    for (rows($files)) { $row{"$_->[0] $_->[1] $_->[2]"} = $table{ $_->[0] } = 1 }
    my @bad;
    for my $route (sort keys %table) {
        for my $op (operations($files, $route)) {
            my ($method) = grep { defined $op->{$_} } qw(get put post delete patch);
            my $below = form($files, $op->{$method});
            push @bad, "$DIR/$route.json: $op->{id} is no row" unless $row{"$route $method $below"} || $route eq 'stream' && !length $below;
        }
    }
    return @bad;
}, 'one too many' => sub ($files) { $files->{"$DIR/me.json"} =~ s/\[/[{"put": "", "id": "x", "200": "Me"},/ };

# ---- errors ----

guard 'errors are those of the README', sub ($files) {
    my %said = map { $_->[1] => $_->[0] } map { [ /^\| (\d{3}) \| `(\w+)`/ ] } $files->{'README.md'} =~ /^\| \d{3} \| `\w+` \|.*$/mg;
    my $errors = decoded($files->{"$DIR/errors.json"});
    return map { "$_: README.md has " . ($said{$_} // 'none') . ", $DIR/errors.json " . ($errors->{$_} ? $errors->{$_}[0] : 'none') }
        grep { ($said{$_} // 0) != ($errors->{$_} ? $errors->{$_}[0] : 0) } sort keys %{ { %said, %$errors } };
}, 'a new one' => sub ($files) { $files->{'README.md'} .= "| 418 | `teapot` | short |\n" };

done_testing;
