# SPDX-License-Identifier: Apache-2.0
#
# Every member of the configuration is unset at first, merged, and has a
# default, in the file of its feature; and every feature is put together with
# the others. A member that is forgotten in one of these works until somebody
# nests two scopes.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my ($HEADER, $LIST) = ('include/chat_config.h', 'src/config/chat_config_list.h');

# What a host needs is looked up in that host.
my %NOT_INHERITED = (needs => 1);

sub file_of ($feature) { return "src/config/chat_config_$feature.c" }

sub without_comments ($text) {
    return $text =~ s{[ \t]*/\*.*?\*/}{}gsr;
}

sub body ($files, $struct) {
    my ($body) = $files->{$HEADER} =~ /^typedef struct $struct \{\n(.*?)^\} $struct;/ms or return;
    return without_comments($body);
}

# [feature, [member, is a pointer], ...] of each part of a structure.
sub parts ($files, $kind) {
    my @parts;
    for my $feature ($files->{$HEADER} =~ /^typedef struct chat_${kind}_(\w+)_t \{$/mg) {
        next if $feature eq 'conf';
        my $body = body($files, "chat_${kind}_${feature}_t");
        push @parts, [ $feature, map { /(\*?)(\w+)\z/ ? [ $2, $1 ne '' ] : () } map { s/\s+\z//r } split /;/, $body ];
    }
    return @parts;
}

# member => value of "static const TYPE NAME = { ... };"
sub initial ($text, $name) {
    my ($init) = $text =~ /^static const \w+ \Q$name\E = \{\n(.*?)^\};/ms or return;
    return map { /\A\s*\.(\w+) =\s*(.*?)\s*\z/s ? ($1, $2) : () } split /,\n/, without_comments($init);
}

# member => what it is merged of
sub merged ($text, $name) {
    return without_comments(c_function($text, $name)) =~ /\bm->(\w+)\s*=([^;]*);/g;
}

sub check_member ($kind, $text, $member, $is_pointer) {
    my %unset = initial($text, "${kind}_unset");
    my %default = initial($text, "${kind}_defaults");
    my %merge = merged($text, "${kind}_merge");
    my $value = $unset{$member} // 'nothing';
    my @bad;
    push @bad, "${kind}_unset has $value" if $value !~ ($is_pointer ? qr/\ANULL\z/ : qr/\ACHAT_(?:UNSET|ROUTE_NONE)\z/);
    push @bad, "${kind}_defaults lacks it" if !exists $default{$member};
    push @bad, "... has it as unset" if ($default{$member} // '') eq 'CHAT_UNSET';
    push @bad, "${kind}_merge() does not take it of $_"
        for grep { ($merge{$member} // '') !~ /\b$_->\Q$member\E\b/ } $NOT_INHERITED{$member} ? 'add' : qw(base add);
    return @bad;
}

sub check ($kind) {
    return sub ($files) {
        my $together = body($files, "chat_${kind}_conf_t") // return "chat_${kind}_conf_t not found";
        my %together = $together =~ /^\s*(\S.*?) ?\*?(\w+);/mg;
        delete $together{"const struct chat_${kind}_conf_t"}; # the same with its defaults
        my @bad;
        for my $part (parts($files, $kind)) {
            my ($feature, @members) = @$part;
            my $type = "chat_${kind}_${feature}_t";
            my $text = $files->{ file_of($feature) } // do { push @bad, "$type has no " . file_of($feature); next };
            push @bad, "$type has no members" if !@members;
            push @bad, "chat_${kind}_conf_t has no $type $feature" if (delete $together{$type} // '') ne $feature;
            push @bad, "$LIST lacks $feature" if $files->{$LIST} !~ /^CHAT_CONFIG\($feature\)$/m;
            my $macro = 'CHAT_CONFIG_' . uc $kind;
            push @bad, file_of($feature) . ": chat_config_${feature}_feature lacks .$kind = $macro($feature)"
                if $text !~ /^const chat_config_feature_t chat_config_${feature}_feature = \{[^;]*^\s*\.$kind = $macro\($feature\),/ms;
            for my $m (@members) {
                push @bad, map { "$type.$m->[0]: $_" } check_member($kind, $text, @$m);
            }
        }
        push @bad, "chat_${kind}_conf_t.$together{$_} belongs to no feature" for sort keys %together;
        return @bad;
    };
}

# ---- mistakes ----

sub new_member ($type, $declaration) {
    return "a new member in $type" => sub ($files) { $files->{$HEADER} =~ s/^\} $type;/    $declaration;\n} $type;/m };
}

sub edit ($what, $path, $from, $to) {
    return $what => sub ($files) {
        $files->{$path} =~ s/$from/$to/ or die "$what: nothing to change";
    };
}

my ($STREAM, $REDIS) = map { file_of($_) } qw(stream redis);

guard 'chat_dir_conf_t', check('dir'),
    new_member('chat_dir_stream_t', 'int brand_new'), new_member('chat_dir_conf_t', 'int brand_new'),
    edit('a member that is not unset', $STREAM, qr/^    \.stall = CHAT_UNSET,\n/m, ''),
    edit('one that is 0 at first', $STREAM, qr/\.stall = CHAT_UNSET/, '.stall = 0'),
    edit('a pointer that is -1 at first', file_of('auth'), qr/\.origins = NULL/, '.origins = CHAT_UNSET'),
    edit('a member without a default', $STREAM, qr/^    \.stall = 60[^\n]*\n/m, ''),
    edit('one whose default is unset', $STREAM, qr/\.stall = 60[^,]*/, '.stall = CHAT_UNSET'),
    edit('one that is not merged', $STREAM, qr/^    m->stall = [^;]*;\n/m, ''),
    edit('one that is not inherited', $STREAM, qr/base->stall/, 'add->stall'),
    edit('one that is merged of another', $STREAM, qr/add->stall/, 'add->heartbeat'),
    edit('a feature that is not listed', $LIST, qr/^CHAT_CONFIG\(stream\)\n/m, ''),
    edit('members that no feature hands over', $STREAM, qr/^    \.dir = CHAT_CONFIG_DIR\(stream\),\n/m, ''),
    edit('a structure that is in no other', $HEADER, qr/^    chat_dir_stream_t stream;\n/m, '');

guard 'chat_server_conf_t', check('server'),
    new_member('chat_server_redis_t', 'const char *brand_new'), new_member('chat_server_conf_t', 'const char *brand_new'),
    edit('a member that is not unset', $REDIS, qr/^    \.ca = NULL,\n/m, ''),
    edit('a member without a default', $REDIS, qr/^    \.connect = 200[^\n]*\n/m, ''),
    edit('one that is not merged', $STREAM, qr/^    m->max = [^;]*;\n/m, ''),
    edit('members that no feature hands over', $REDIS, qr/^    \.server = CHAT_CONFIG_SERVER\(redis\),\n/m, '');

guard 'a feature has one file and one line', sub ($files) {
    my %listed = map { $_ => 1 } $files->{$LIST} =~ /^CHAT_CONFIG\((\w+)\)$/mg;
    my %defined;
    for my $path (grep { m{^src/config/.*\.c$} } keys %$files) {
        $defined{$_} = $path for $files->{$path} =~ /^const chat_config_feature_t chat_config_(\w+)_feature = /mg;
    }
    return ((map { "$defined{$_} has $_, $LIST has not" } grep { !$listed{$_} } sort keys %defined),
        (map { "$LIST has $_, no file has" } grep { !$defined{$_} } sort keys %listed),
        (map { "$defined{$_} has the feature $_" } grep { $defined{$_} ne file_of($_) } sort keys %defined));
},
    edit('directives that are not listed', $LIST, qr/^CHAT_CONFIG\(mock\)\n/m, ''),
    edit('a line without a file', $LIST, qr/^CHAT_CONFIG\(mock\)\n/m, "CHAT_CONFIG(mock)\nCHAT_CONFIG(nowhere)\n");

# Tables of names and options say for each row what it means.
guard 'no table of the configuration depends on the order of its rows', sub ($files) {
    my @bad;
    for my $path (grep { m{^src/config/.*\.c$} } sort keys %$files) {
        my $text = $files->{$path};
        push @bad, "$path: $1" while $text =~ /^\s*((?:case \d+:|(?:else )?if \([^\n]*\b(?:key|option) == \d)[^\n]*)/mg;
        push @bad, "$path: $1 has names without [...] ="
            while $text =~ /^static const char \*const (\w*(?:names|formats|counts))\[\] = \{\s*"/mg;
    }
    return @bad;
},
    'a number in a switch'   => sub ($files) { $files->{'src/config/x.c'} = "    case 0:\n        return;\n" },
    'a number asked for'     => sub ($files) { $files->{'src/config/x.c'} = "    if (!why && key == 0)\n" },
    'names in the order of an enum' =>
        sub ($files) { $files->{'src/config/x.c'} = "static const char *const api_names[] = {\"a\", \"b\", NULL};\n" };

done_testing;
