# SPDX-License-Identifier: Apache-2.0
#
# Who is measured: how each comes here, how it is set up, how it is asked.
# Everybody writes an access log, keeps connections to the mock, and has one
# core. What does not come with Debian is in t/bench/peers, pinned.
package ChatTest::Bench::Peers;

use v5.36;
use Exporter 'import';
use File::Copy ();
use ChatTest ();
use ChatTest::Bench qw(first_line slurp);
use ChatTest::Bench::Peer;
use ChatTest::Httpd ();

our @EXPORT_OK = qw(peers tls_peers duel_peers governed_as);

my $ROOT = $ChatTest::Httpd::ROOT;

sub peers () {
    return map { ChatTest::Bench::Peer->new(@$_) } (
        [ 'direct',    _direct() ],
        [ 'nginx',     _nginx() ],
        [ 'proxy',     _proxy() ],
        [ 'bare',      _bare() ],
        [ 'governed',  _governed() ],
        [ 'reencode',  _reencode() ],
        [ 'next',      _next() ],
        [ 'portkey',   _portkey() ],
        [ 'litellm',   _litellm() ],
        [ 'bifrost',   _bifrost() ],
        [ 'busbar',    _busbar() ],
    );
}

# Those that are measured beside each other: nobody is asked for fewer streams.
sub duel_peers () {
    return map { ChatTest::Bench::Peer->new(@$_) } (
        [ 'nginx',    _nginx() ],
        [ 'haproxy',  _haproxy() ],
        [ 'proxy',    _proxy() ],
        [ 'bare',     _bare() ],
        [ 'governed', _governed() ],
        [ 'reencode', _reencode() ],
        [ 'busbar',   _busbar() ],
    );
}

# Those that are measured with TLS on both sides, too.
sub tls_peers () {
    return map { ChatTest::Bench::Peer->new(@$_, tls => 1) } (
        [ 'nginx',    _nginx() ],
        [ 'proxy',    _proxy() ],
        [ 'bare',     _bare() ],
        [ 'governed', _governed(), load => sub ($bench) { _signed_in($bench, 'many', 1) } ],
    );
}

sub _direct () {
    return (
        title => 'nobody: straight to the mock',
        path  => '/v1/responses',
        begin => sub ($self, $bench) { $self->{port} = $bench->up->port },
    );
}

# ---- nginx ----

# Debian's own, unpacked and not installed, where there is none.
sub _nginx_program ($bench) {
    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin') {
        return "$dir/nginx" if -x "$dir/nginx";
    }
    return $bench->place('nginx') . '/usr/sbin/nginx';
}

sub _nginx () {
    return (
        title   => 'nginx, proxy_buffering off',
        path    => '/v1/responses',
        version => sub ($bench) { first_line(_nginx_program($bench), '-v') =~ s/^nginx version: //r },
        install => sub ($bench) {
            return if -x _nginx_program($bench);
            my $dir = $bench->place('nginx');
            $bench->install($dir, 60, 'apt-get download -q nginx && dpkg -x nginx_*.deb .');
        },
        begin => sub ($self, $bench) {
            my ($dir, $port) = ($self->{dir}, $self->free_port);
            my $files = ChatTest::Bench::open_files();
            my $connections = $files - 200;
            my $user = $> == 0 ? 'user root;' : '';
            my ($mock, $scheme, $tls, $listen) = ($self->mock($bench)->port, 'http', '', '');
            if ($self->{tls}) {
                my ($cert, $key) = $bench->certificate;
                ($scheme, $listen, $tls) = ('https', ' ssl', <<"END");
        ssl_certificate $cert;
        ssl_certificate_key $key;
        ssl_protocols TLSv1.2 TLSv1.3;
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
        proxy_ssl_verify on;
        proxy_ssl_name localhost;
        proxy_ssl_trusted_certificate $cert;
END
            }
            $bench->write("$dir/nginx.conf", <<"END");
$user
daemon off;
pid $dir/pid;
error_log $dir/error.log;
worker_processes 1;
worker_rlimit_nofile $files;
events { worker_connections $connections; }
http {
    access_log $dir/access.log;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    keepalive_requests 100000000;
    upstream mock {
        server 127.0.0.1:$mock;
        keepalive 1024;
        keepalive_requests 100000000;
    }
    server {
        listen 127.0.0.1:$port$listen backlog=8192;
$tls        client_max_body_size 2m;
        location / {
            proxy_pass $scheme://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }
    }
}
END
            $self->run([ _nginx_program($bench), '-e', "$dir/error.log", '-p', $dir, '-c', "$dir/nginx.conf" ]);
        },
    );
}

# ---- HAProxy ----

# Debian's own, unpacked with two libraries, where there is none.
sub _haproxy_program ($bench) {
    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin') {
        return "$dir/haproxy" if -x "$dir/haproxy";
    }
    return $bench->place('haproxy') . '/usr/sbin/haproxy';
}

sub _haproxy_env ($bench) {
    return { LD_LIBRARY_PATH => join ':', glob $bench->place('haproxy') . '/usr/lib/*-linux-*' };
}

sub _haproxy () {
    return (
        title   => 'HAProxy, one thread',
        path    => '/v1/responses',
        version => sub ($bench) {
            local %ENV = (%ENV, _haproxy_env($bench)->%*);
            first_line(_haproxy_program($bench), '-v') =~ s/ - .*//r;
        },
        install => sub ($bench) {
            return if -x _haproxy_program($bench);
            $bench->install($bench->place('haproxy'), 60, 'apt-get download -q haproxy libopentracing-c-wrapper0 libopentracing1 liblua5.3-0 '
                . '&& for p in *.deb; do dpkg -x $p .; done');
        },
        begin => sub ($self, $bench) {
            my ($dir, $port, $mock) = ($self->{dir}, $self->free_port, $self->mock($bench)->port);
            my $connections = int((ChatTest::Bench::open_files() - 200) / 2);
            $bench->write("$dir/haproxy.cfg", <<"END");
global
    nbthread 1
    maxconn $connections
    log stderr format raw local0
defaults
    mode http
    log global
    option httplog
    option http-no-delay
    timeout connect 10s
    timeout client 600s
    timeout server 600s
    timeout http-keep-alive 600s
    http-reuse always
frontend clients
    bind 127.0.0.1:$port backlog 8192
    default_backend mock
backend mock
    server mock 127.0.0.1:$mock
END
            $self->run([ _haproxy_program($bench), '-db', '-f', "$dir/haproxy.cfg" ], env => _haproxy_env($bench));
        },
    );
}

# ---- httpd ----

sub _httpd_version ($bench) {
    return first_line(ChatTest->new->program, '-v') =~ s/^Server version: //r;
}

# As every distribution has it: no .htaccess is looked for.
my $EVERYWHERE = <<'END';
<Directory />
    Options FollowSymLinks
    AllowOverride None
</Directory>
END

sub _httpd ($self, $bench, %o) {
    my $t = $self->{httpd} = ChatTest->new(mpm => 'event', log_level => 'notice', tls => $self->{tls}, %o,
        conf => "$EVERYWHERE$o{conf}");
    if ($self->{tls}) {
        my @pair = $bench->certificate;
        File::Copy::copy($pair[$_], "$t->{dir}/" . (qw(cert.pem cert.key))[$_]) or die "$pair[$_]: $!\n" for 0, 1;
        $t->{env}{CHAT_TEST_TRUST} = "$t->{dir}/cert.pem";
    }
    $t->write_file("htdocs/$_", '') for ($o{files} // [])->@*;
    $t->allow_log(qr/./);
    return $t->start;
}

# The module by its commit, where this is a checkout.
sub _chat_version ($bench) {
    my $commit = first_line('git', '-C', $ROOT, 'describe', '--always', '--dirty');
    return _httpd_version($bench), $commit =~ /^[\w.-]+$/ ? "mod_chat $commit" : ();
}

# A thread for each stream.
sub _proxy () {
    return (
        title   => 'Apache mod_proxy_http, flushpackets=on',
        path    => '/v1/responses',
        idle    => 2000,
        version => \&_httpd_version,
        begin   => sub ($self, $bench) {
            my $to = $self->mock($bench)->url . '/';
            _httpd($self, $bench, chat => 0, modules => ['proxy_http'], mpm_conf => <<'MPM', conf => <<"END", tls_conf => <<'TLS');
StartServers 9
ServerLimit 9
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers 2304
MinSpareThreads 1
MaxSpareThreads 2304
MaxConnectionsPerChild 0
MaxKeepAliveRequests 0
ListenBacklog 8192
MPM
ProxyPass /v1/ $to flushpackets=on
ProxyTimeout 600
END
SSLProxyEngine on
SSLProxyVerify require
SSLProxyCACertificateFile "%%DIR%%/cert.pem"
TLS
        },
    );
}

# As conf/chat-mpm.conf has it.
my $MPM = <<'END';
StartServers 1
ServerLimit 8
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
MinSpareThreads 1
MaxSpareThreads 128
MaxConnectionsPerChild 0
AsyncRequestWorkerFactor 200
MaxKeepAliveRequests 0
ListenBacklog 8192
END

sub _chat ($self, $bench, $conf, %o) {
    my %trust = $self->{tls} ? (LD_PRELOAD => ChatTest::Upstream::tool('trust.so')) : ();
    # See docs/tuning.md: a file of the location's name saves looking for it.
    return _httpd($self, $bench, mpm_conf => $MPM, files => [qw(chat limited)], %o, env => { %trust, ($o{env} // {})->%* }, conf => <<"END");
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  ${\$self->mock($bench)->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatUse mock
ChatRoute openai
ChatRequestMessageLength 400000
ChatRequestTotalLength 400000
$conf
END
}

my %NO_MESSAGES = (b => '{"model":"gpt-4o-mini","stream":true,"messages":[]}');

sub _bare () {
    return (
        title    => 'mod_chat, bare: guests, no limits',
        path     => '/chat',
        version  => \&_chat_version,
        refusals => { 400 => {%NO_MESSAGES} },
        begin    => sub ($self, $bench) { _chat($self, $bench, 'ChatAuth guest') },
    );
}

sub _reencode () {
    return (
        title    => 'mod_chat, re-encoding: route stream',
        path     => '/chat',
        version  => \&_chat_version,
        load     => { D => 'stream' },
        refusals => { 400 => {%NO_MESSAGES} },
        begin    => sub ($self, $bench) { _chat($self, $bench, "ChatAuth guest\nChatRoute stream") },
    );
}

# Who has signed in; whose limit is reached; nobody.
sub _signed_in ($bench, $who, $tls = 0) {
    return (H => 'Cookie: ' . $bench->cookie($who, $tls));
}

sub _governed () {
    return (
        title    => 'mod_chat, governed: session in PostgreSQL, limit in Redis',
        path     => '/chat',
        version  => \&_chat_version,
        install  => sub ($bench) { $bench->no_stores },
        load     => sub ($bench) { _signed_in($bench, 'many') },
        refusals => {
            401 => { H => [] },
            400 => {%NO_MESSAGES},
            429 => sub ($bench) { _signed_in($bench, 'few'), path => '/limited' },
        },
        begin => \&_begin_governed,
    );
}

sub _begin_governed ($self, $bench, $more = '', @mpm) {
    return _chat($self, $bench, <<"END", modules => [qw(dbd socache_shmcb)], env => { APP_SECRET => $bench->secret }, @mpm);
DBDriver pgsql
DBDParams "${\$bench->postgres->params}"
ChatRedis ${\$bench->redis->url}
ChatAuth better-auth
ChatAuthSession kysely-pgsql
ChatAuthSecret env:APP_SECRET
ChatAuthCache 60s
ChatLimit many 1000000000/1h user
<Location /limited>
    ChatLimit few 1/1h user
</Location>
$more
END
}

# The same with settings of the MPM and lines of its own. %o as for ChatTest.
sub governed_as ($title, $mpm, $more, %o) {
    return ChatTest::Bench::Peer->new('governed', _governed(), title => $title,
        begin => sub ($self, $bench) { _begin_governed($self, $bench, $more, mpm_conf => $mpm, %o) });
}

# ---- from the registries ----

# A folder of t/bench/peers, by its lock file. npm ci wants what is for other
# systems, too, which not every registry has. Why not, or nothing.
sub _npm ($bench, $name, $seconds, $then = 'true') {
    return 'node is not installed' if first_line('node', '--version') !~ /^v\d/;
    my $dir = $bench->place($name);
    my $from = "$ROOT/t/bench/peers/$name";
    my $quiet = '--no-audit --no-fund --loglevel=error';
    return $bench->install($dir, $seconds,
        "cp -r '$from/.' . && { npm ci $quiet || npm install $quiet; } && $then", "$from/package-lock.json");
}

sub _npm_version ($bench, $name, $package) {
    my ($version) = slurp($bench->place($name) . "/node_modules/$package/package.json") =~ /"version": "([^"]+)"/;
    return "$package " . ($version // '?') . ', node ' . first_line('node', '--version');
}

sub _next () {
    return (
        title   => 'Next.js: openai SDK, zod, better-auth, rate-limiter-flexible',
        path    => '/api/chat-openai',
        streams => 100,
        idle    => 500,
        arrivals => 20,
        version => sub ($bench) { _npm_version($bench, 'next', 'next') },
        install => sub ($bench) {
            $bench->no_stores // _npm($bench, 'next', 240,
                'NEXT_TELEMETRY_DISABLED=1 BETTER_AUTH_SECRET=' . 'x' x 32 . ' node_modules/.bin/next build');
        },
        load     => sub ($bench) { _signed_in($bench, 'many') },
        refusals => {
            401 => { H => [] },
            400 => {%NO_MESSAGES},
            429 => sub ($bench) { _signed_in($bench, 'few') },
        },
        begin => sub ($self, $bench) {
            my $dir = $bench->place('next');
            $self->run([ 'node', "$dir/node_modules/next/dist/bin/next", 'start', '-H', '127.0.0.1', '-p', $self->free_port ],
                dir => $dir, path => '/', env => {
                    NODE_ENV           => 'production',
                    BETTER_AUTH_SECRET => $bench->secret,
                    DATABASE_URL       => $bench->postgres->url,
                    REDIS_URL          => $bench->redis->url,
                    OPENAI_API_KEY     => 'sk-bench',
                    OPENAI_BASE_URL    => $bench->up->url,
                    NEXT_TELEMETRY_DISABLED => 1,
                });
        },
    );
}

# What these send is made anew, so what it says is checked, not its bytes.
my %COMPLETIONS = (a => 'completions', D => 'completions');

sub _portkey () {
    return (
        title   => 'Portkey gateway',
        path    => '/v1/chat/completions',
        streams => 100,
        idle    => 500,
        arrivals => 20,
        version => sub ($bench) { _npm_version($bench, 'portkey', '@portkey-ai/gateway') },
        install => sub ($bench) { _npm($bench, 'portkey', 120) },
        load    => sub ($bench) {
            return (%COMPLETIONS, H => [ 'x-portkey-provider: openai', 'x-portkey-custom-host: ' . $bench->up->url,
                'Authorization: Bearer sk-bench' ]);
        },
        begin => sub ($self, $bench) {
            $self->run([ 'node', $bench->place('portkey') . '/node_modules/@portkey-ai/gateway/build/start-server.js',
                '--port=' . $self->free_port, '--headless' ], path => '/', env => { NODE_ENV => 'production' });
        },
    );
}

sub _litellm () {
    return (
        title   => 'LiteLLM proxy, one worker',
        path    => '/v1/chat/completions',
        streams => 50,
        idle    => 200,
        arrivals => 10,
        version => sub ($bench) {
            my ($file) = glob $bench->place('litellm') . '/venv/lib/python3*/site-packages/litellm-*.dist-info/METADATA';
            'litellm ' . (slurp($file // '') =~ /^Version: (\S+)/m ? $1 : '?');
        },
        install => sub ($bench) {
            $bench->install($bench->place('litellm'), 240,
                'python3 -m venv venv && venv/bin/pip install -q "litellm[proxy]<1.109"');
        },
        load     => { %COMPLETIONS, H => 'Authorization: Bearer sk-bench' },
        begin    => sub ($self, $bench) {
            $bench->write("$self->{dir}/config.yaml", <<"END");
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: ${\$bench->up->url}
      api_key: sk-mock
litellm_settings:
  telemetry: false
general_settings:
  master_key: sk-bench
END
            $self->run([ $bench->place('litellm') . '/venv/bin/litellm', '--config', "$self->{dir}/config.yaml",
                '--host', '127.0.0.1', '--port', $self->free_port ], seconds => 90, path => '/health/liveliness',
                env => { LITELLM_LOCAL_MODEL_COST_MAP => 'True', LITELLM_MODE => 'PRODUCTION' });
        },
    );
}

# Its package brings the program from a site of its own at the first start.
sub _bifrost () {
    return (
        title   => 'Bifrost',
        path    => '/v1/chat/completions',
        model   => 'openai/gpt-4o-mini',
        version => sub ($bench) { _npm_version($bench, 'bifrost', '@maximhq/bifrost') },
        install => sub ($bench) { _npm($bench, 'bifrost', 120, 'node_modules/.bin/bifrost --help') },
        load    => {%COMPLETIONS},
        begin   => sub ($self, $bench) {
            my $base = $bench->up->url =~ s{/v1$}{}r;
            $bench->write("$self->{dir}/config.json", <<"END");
{"providers": {"openai": {
    "keys": [{"name": "mock", "value": "sk-mock", "models": ["gpt-4o-mini"], "weight": 1}],
    "network_config": {"base_url": "$base"}}}}
END
            $self->run([ $bench->place('bifrost') . '/node_modules/.bin/bifrost', '-app-dir', $self->{dir},
                '-host', '127.0.0.1', '-port', $self->free_port ], seconds => 60, path => '/');
        },
    );
}

# ---- from its source ----

# BENCH_BUSBAR: its program, or a checkout of its source, which is built once.
sub _busbar_program ($bench) {
    my $from = $ENV{BENCH_BUSBAR} // '';
    return -d $from ? $bench->place('busbar') . '/release/busbar' : $from;
}

# An open relay: no keys, no limits, nothing kept.
sub _busbar () {
    return (
        title   => 'Busbar, open relay',
        path    => '/v1/chat/completions',
        version => sub ($bench) { first_line(_busbar_program($bench), '--version') },
        install => sub ($bench) {
            my $from = $ENV{BENCH_BUSBAR} // return 'BENCH_BUSBAR names neither its program nor a checkout of its source';
            return -x $from ? undef : "BENCH_BUSBAR: no program at $from" if !-d $from;
            return $bench->install($bench->place('busbar'), 3600,
                "cargo build --locked --release -p busbar --manifest-path '$from/Cargo.toml' --target-dir .", "$from/Cargo.lock");
        },
        load  => {%COMPLETIONS},
        begin => sub ($self, $bench) {
            my ($dir, $port) = ($self->{dir}, $self->free_port);
            my $admin = ChatTest::Httpd::free_port();
            my $base = $self->mock($bench)->url =~ s{/v1$}{}r;
            $bench->write("$dir/providers.yaml", "mock: { protocol: openai, base_url: \"$base\" }\n");
            $bench->write("$dir/config.yaml", <<"END");
listen: "127.0.0.1:$port"
admin_listen: "127.0.0.1:$admin"
auth: { chain: [] }
limits: { max_inbound_concurrent: 0 }
providers:
  mock: { api_key: { env: BENCH_KEY } }
models:
  gpt-4o-mini: { provider: mock }
END
            $self->run([ _busbar_program($bench) ], path => '/healthz', env => {
                BUSBAR_CONFIG    => "$dir/config.yaml",
                BUSBAR_PROVIDERS => "$dir/providers.yaml",
                BENCH_KEY        => 'sk-bench',
            });
        },
    );
}

1;
