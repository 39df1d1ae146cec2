# SPDX-License-Identifier: Apache-2.0
#
# Every member of the configuration is created unset, merged, and (in a
# directory) has a default. A member that is forgotten in one of these works
# until somebody nests two scopes.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

sub members ($files, $struct) {
    my ($body) = $files->{'include/chat_config.h'} =~ /^typedef struct $struct \{\n(.*?)^\} $struct;/ms
        or return;
    $body =~ s{/\*.*?\*/}{}gs;
    return $body =~ /(\w+)\s*;/g;
}

# A function of src/config with the static structures that it names.
sub with_statics ($files, $function) {
    for my $path (grep { m{^src/config/.*\.c$} } sort keys %$files) {
        my $body = c_function($files->{$path}, $function) or next;
        while ($files->{$path} =~ /^static const \w+ (\w+) = (\{(?:[^{}]++|(?2))*\});/mg) {
            my ($name, $init) = ($1, $2);
            $body .= $init if $body =~ /\b\Q$name\E\b/;
        }
        return $body;
    }
    return '';
}

sub check ($struct, @functions) {
    return sub ($files) {
        my @members = members($files, $struct) or return "$struct not found";
        my @bad;
        for my $function (@functions) {
            my $text = with_statics($files, $function) or push @bad, "$function() not found";
            push @bad, map { "$struct.$_ is not mentioned in $function()" }
                grep { $text !~ /(?:->|\.)\Q$_\E\b/ } @members;
        }
        return @bad;
    };
}

sub new_member ($struct) {
    return 'a new member' => sub ($files) {
        $files->{'include/chat_config.h'} =~ s/^\} $struct;/    int brand_new;\n} $struct;/m;
    };
}

sub forgotten ($member, $function) {
    return "$member forgotten in $function" => sub ($files) {
        for my $path (grep { m{^src/config/} } keys %$files) {
            my $body = c_function($files->{$path}, $function) or next;
            my $without = $body =~ s/->\Q$member\E\b/->other/gr;
            $files->{$path} =~ s/\Q$body\E/$without/;
        }
    };
}

guard 'chat_dir_conf_t', check('chat_dir_conf_t',
    qw(chat_config_dir_create chat_config_dir_merge chat_config_dir)),
    new_member('chat_dir_conf_t'), 'a member without a default' => sub ($files) {
        $files->{'src/config/chat_config.c'} =~ s/(dir_defaults = \{.*?)\.stall\b/$1.other/s;
    }, forgotten('stall', 'chat_config_dir_merge');

guard 'chat_server_conf_t', check('chat_server_conf_t',
    qw(chat_config_server_create chat_config_server_merge)),
    new_member('chat_server_conf_t'), forgotten('stream_max', 'chat_config_server_merge');

done_testing;
