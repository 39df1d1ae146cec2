# SPDX-License-Identifier: Apache-2.0
#
# Who may include whom. The rooms lie on floors, and no arrow runs upward.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

# Headers by the room that owns them; the rest of include/ is named after it.
my %ROOM_OF = (
    chat_types => 'types', chat_err => 'types', chat_delta => 'types', chat_admission => 'types', chat_log => 'log',
    chat_ctx => 'shared', chat_export => 'telemetry', chat_trace_context => 'base', chat_metric => 'shared', chat_override => 'shared', chat_thread => 'shared', chat_private => 'shared', chat_capability => 'types', chat_store_chats => 'store', chat_store_usage => 'store',
    chat_accounts => 'store', chat_store_admin => 'store', chat_config_admin => 'config', chat_config_entries => 'config', chat_config_hook => 'config', chat_config_layout => 'config', chat_config_moderation => 'config', chat_config_mounts => 'config', chat_store_vercel => 'store', chat_dialect_chatkit => 'dialect', chat_request_chatkit => 'request', chat_request_note => 'request', chat_ui_message => 'dialect',
    map { ("chat_$_" => 'base') } qw(address base64 buf circuit clock http1 json jwt otlp price sse crypto cookie redact scratch seal sigv4 sniff tls words),
);

my @PURE  = qw(types base);
my @HTTPD = (@PURE, qw(config log shared));
my @TOLD  = qw(stream limit upstream);
my @RUN   = (@HTTPD, @TOLD, qw(resume moderation auth dialect model provider reply request store telemetry upload));
my %MAY   = (
    types    => ['types'],
    log      => [],
    base     => [@PURE],
    moderation => [@PURE],
    config   => [ @PURE, 'log', 'moderation' ],
    shared   => [@HTTPD],
    provider => [@PURE],
    dialect  => [ @PURE, 'request' ],
    redis     => [@HTTPD],
    limit     => [ @HTTPD, 'redis' ],
    (map { $_ => [@HTTPD] } qw(request store stream reply upstream model)),
    resume    => [ @HTTPD, qw(redis stream) ],
    upload    => [ @HTTPD, 'stream' ],
    auth      => [ @HTTPD, qw(limit store) ],
    telemetry => [ @HTTPD, @TOLD, 'provider' ],
    run       => [@RUN],
    route     => [ @RUN, 'run' ],
    mock      => [ @HTTPD, qw(reply request route stream telemetry) ],
    front     => undef,    # everything
);

# A library, the header that shows its use, the one place for it.
my @LIBRARY = (
    [ 'curl',    qr{^<curl/},                qr{^src/stream/} ],
    [ 'json-c',  qr{^<(?:json-c/|json\.h)},  qr{^src/base/chat_json} ],
    [ 'SQL',     qr{^<(?:apr_dbd|mod_dbd)},  qr{^src/store/} ],
    [ 'OpenSSL', qr{^<openssl/},             qr{^src/(?:base/chat_(?:crypto|tls)|redis/chat_redis_tls|stream/chat_trust)\.c$} ],
    [ 'libsodium', qr{^<sodium},             qr{^src/base/chat_seal\.c$} ],
    [ 'utf8proc', qr{^<utf8proc},            qr{^src/moderation/} ],
    [ 'PCRE2',   qr{^<pcre2},                qr{^src/moderation/} ],
    [ 'hiredis', qr{^<hiredis/},             qr{^(?:include/chat_redis\.h|src/redis/chat_redis_tls\.c)$} ],
);

my $HTTPD_HEADER = qr{^<(?:httpd|http_\w+|ap_(?!r)\w+|util_\w+|mod_\w+|mpm_\w+|scoreboard|unixd)\.h>};

sub room_of ($path) {
    return 'front' if $path eq 'mod_chat.c';
    return $1 if $path =~ m{^src/(\w+)/};
    my ($name) = $path =~ m{^include/(chat_[a-z0-9]+(?:_chats|_usage|_vercel|_message|_chatkit|_admin|_entries|_hook|_context|_layout|_moderation|_mounts|_note)?)(?:_list)?\.h$} or return 'nobody';
    return $ROOM_OF{$name} // $name =~ s/^chat_//r;
}

sub includes ($text) {
    return $text =~ /^[ \t]*#[ \t]*include[ \t]+([<"][^>"]+[>"])/mg;
}

# Files that link without httpd: pure rooms and what Makefile.apxs lists.
sub pure_files ($files) {
    my ($list) = $files->{'Makefile.apxs'} =~ /^PURE_SRCS\s*=\s*((?:.*\\\n)*.*)/m;
    my @patterns = map { quotemeta($_) =~ s/\\\*/[^\/]+/gr } $list =~ m{([\w/*]+\.c)}g;
    my $pure = join '|', @patterns, 'src/(?:base|provider|dialect|moderation)/.*';
    return grep { /^(?:$pure)$/ } sources($files);
}

guard 'nobody includes a file by way of another directory', sub ($files) {
    return map { my $p = $_; map { "$p includes $_" } grep { m{\.\./} } includes($files->{$p}) } sources($files);
}, '"../"' => sub ($files) { $files->{'src/base/x.c'} = qq{#include "../stream/chat_stream_int.h"\n} };

guard 'headers are included down the floors only', sub ($files) {
    my @bad;
    for my $path (sources($files)) {
        my $room = room_of($path);
        for (grep { /^"/ } includes($files->{$path})) {
            my $header = s/"//gr;
            if (!exists $files->{"include/$header"}) {
                my $own = $path =~ s{[^/]+$}{}r . $header;
                push @bad, "$path: no $header in include/ or beside it" unless exists $files->{$own};
                next;
            }
            my $owner = room_of("include/$header");
            # The enums of the configuration are made of the lists.
            next if $owner eq $room || ($room eq 'config' && $header =~ /_list\.h$/);
            if (!exists $MAY{$room}) {
                push @bad, "$path: the room $room has no rule here";
            }
            elsif ($MAY{$room} && !grep { $_ eq $owner } $MAY{$room}->@*) {
                push @bad, "$path ($room) includes $header ($owner)";
            }
        }
    }
    return @bad;
},
    'an arrow upward'   => sub ($files) { $files->{'src/stream/x.c'} = qq{#include "chat_auth.h"\n} },
    'a neighbour'       => sub ($files) { $files->{'src/reply/x.c'} = qq{#include "chat_stream.h"\n} },
    'a private header'  => sub ($files) { $files->{'src/reply/x.c'} = qq{#include "chat_stream_int.h"\n} },
    'the run'           => sub ($files) { $files->{'src/telemetry/x.c'} = qq{#include "chat_run.h"\n} },
    'a log in provider' => sub ($files) { $files->{'src/provider/x.c'} = qq{#include "chat_log.h"\n} },
    'a new room'        => sub ($files) { $files->{'src/attic/x.c'} = qq{#include "chat_err.h"\n} };

guard 'each library is named in its one place', sub ($files) {
    my @bad;
    for my $path (sources($files)) {
        for my $include (includes($files->{$path})) {
            push @bad, map { "$path names $_->[0]: $include" }
                grep { $include =~ $_->[1] && $path !~ $_->[2] } @LIBRARY;
        }
    }
    return @bad;
},
    'curl in a provider' => sub ($files) { $files->{'src/provider/x.c'} = "#include <curl/curl.h>\n" },
    'SQL in auth'        => sub ($files) { $files->{'src/auth/x.c'} = "#include <apr_dbd.h>\n" },
    'a second crypto'    => sub ($files) { $files->{'src/base/chat_x.c'} = "#include <openssl/evp.h>\n" },
    'json-c in a run'    => sub ($files) { $files->{'src/run/x.c'} = "#include <json-c/json.h>\n" };

# The file and every header of ours that it pulls in.
sub closure ($files, $path) {
    my %seen;
    my @todo = ($path);
    while (defined(my $p = shift @todo)) {
        next if $seen{$p}++ || !exists $files->{$p};
        my $dir = $p =~ s{[^/]+$}{}r;
        push @todo, map { my $h = s/"//gr; ("include/$h", "$dir$h") } grep { /^"/ } includes($files->{$p});
    }
    return sort keys %seen;
}

guard 'what claims to be pure sees no httpd header, not even through another', sub ($files) {
    my @bad;
    for my $path (pure_files($files)) {
        for my $p (grep { exists $files->{$_} } closure($files, $path)) {
            push @bad, map { "$path sees $_ through $p" } grep { $_ =~ $HTTPD_HEADER } includes($files->{$p});
        }
    }
    return @bad;
},
    'httpd.h in base'          => sub ($files) { $files->{'src/base/x.c'} = "#include <httpd.h>\n" },
    'httpd.h behind a header'  => sub ($files) { $files->{'src/provider/x.c'} = qq{#include "chat_reply.h"\n} },
    'httpd.h in a listed file' => sub ($files) {
        $files->{'Makefile.apxs'} =~ s/^(PURE_SRCS\s*=)/$1 src\/auth\/x.c/m;
        $files->{'src/auth/x.c'} = "#include <http_log.h>\n";
    };

done_testing;
