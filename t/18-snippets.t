# SPDX-License-Identifier: Apache-2.0
#
# Every code block of README.md and docs/*.md is run as it is printed, in a
# fresh configuration with what the page presupposes there, or against the demo
# of "make run"; ChatTest::Snippets has the marks that say so. Of what is
# printed only ports, hosts of providers, and /etc/apache2/chat are changed.
use v5.36;
use JSON::PP       ();
use Digest::SHA    qw(hmac_sha256);
use MIME::Base64   qw(encode_base64 encode_base64url);
use POSIX          qw(WNOHANG);
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Client;
use ChatTest::OpenAI;
use ChatTest::Postgres;
use ChatTest::Snippets;
use ChatTest::Upstream;

plan skip_all => 'make run serves the plain build'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};

my $ROOT = $ChatTest::Httpd::ROOT;
my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new(n => 3)->start;

sub slurp ($file) {
    open my $fh, '<', $file or return '';
    local $/;
    return <$fh> // '';
}

# ---- what a page may presuppose ----

my $SECRET = 'snippets-secret-0123456789-0123456789';
my $TOKEN = 'snippetstoken' . '0' x 19;
my $COOKIE = 'better-auth.session_token=' . ChatTest::BetterAuth::signed($TOKEN, $SECRET) =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger;

# A database of better-auth in SQLite with one user who is signed in.
my $users = ChatTest->new;
sub database () {
    my $file = $users->dir . '/auth.db';
    return $file if -e $file;
    my $sql = slurp("$ROOT/demo/better-auth-sqlite.sql")
        . "insert into user (id, name, email, emailVerified, createdAt, updatedAt) values ('u', 'U', 'u\@example.test', 1, '2025', '2025');"
        . "insert into session (id, expiresAt, token, createdAt, updatedAt, userId) values ('s', '2099-01-01T00:00:00.000Z', '$TOKEN', '2025', '2025', 'u');";
    open my $fh, '|-', 'sqlite3', '-bail', $file or die "sqlite3: $!\n";
    print $fh $sql;
    close $fh or die "sqlite3 failed\n";
    chmod 0644, $file;
    return $file;
}

# The real one in PostgreSQL, without the admin plugin, with a table of plans.
my ($pg, $app, $person);
sub postgres () {
    return if $pg;
    $pg = ChatTest::Postgres->new->start;
    $app = ChatTest::BetterAuth->new(store => 'kysely-pgsql', database => $pg->url, secret => $SECRET)->start;
    $person = $app->sign_up;
    $pg->sql($_) for 'create table plans (user_id text, plan text)',
        "insert into plans values ('$person->{id}', 'standard')",
        'create view live_sessions as select "userId" as user_id, floor(extract(epoch from "expiresAt")) as expires,'
        . ' null as role, 0 as banned, token from session';
}

sub provider ($name, $type = '') {
    return "<ChatProvider $name>\n$type\nChatProviderURL https://api.example.com/v1\n</ChatProvider>\n";
}

sub chat_conf ($snippet) {
    my $conf = slurp("$ROOT/conf/chat.conf");
    $conf =~ s{^DBDriver.*\nDBDParams.*\nDBDMin.*\n}{}m or die 'no database';
    $conf =~ s{^ChatAuthSession .*\n}{sessions($snippet)}me or die 'no sessions';
    return "Define APACHE_LOG_DIR %%DIR%%\n$conf";
}

sub sessions ($snippet) {
    return "DBDriver sqlite3\nDBDParams \"@{[ database() ]}\"\nChatAuthSession kysely-sqlite\n";
}

# The same, in a place where tables can be made.
sub chats ($snippet) {
    my $dir = $users->dir . '/chats';
    if (mkdir $dir) {
        chmod 0777, $dir;
        system('cp', database(), "$dir/chats.db") and die "cp failed\n";
        chmod 0666, "$dir/chats.db";
    }
    return "DBDriver sqlite3\nDBDParams \"$dir/chats.db\"\nChatAuthSession kysely-sqlite\nChatStoreMigrate on\n";
}

sub location ($path, $auth) {
    return "<Location $path>\nSetHandler chat\nChatRoute completions\n$auth\n</Location>\n";
}

my %PRESUPPOSED = (
    openai      => sub ($snippet) { provider('openai') },
    azure       => sub ($snippet) { provider('azure', 'ChatProviderType compatible') },
    model       => sub ($snippet) { "ChatModel gpt-4o-mini openai\n" },
    guests      => sub ($snippet) { location('/chat', 'ChatAuth guest') },
    users       => sub ($snippet) { location('/chat', "ChatAuth better-auth\nChatAuthSecret file:/etc/apache2/chat/better-auth.secret") },
    sessions    => \&sessions,
    chats       => \&chats,
    'chat.conf' => \&chat_conf,
    # Each provider of the block has a location.
    providers => sub ($snippet) {
        join '', map { location("/$_", "ChatAuth guest\nChatUse $_") } $snippet->{text} =~ /^<ChatProvider (\w+)>/mg;
    },
    pgsql => sub ($snippet) {
        postgres();
        return "DBDriver pgsql\nDBDParams \"@{[ $pg->params ]}\"\n";
    },
);

# ---- configurations ----

# Every module that the samples name; "as printed" leaves LoadModule to the reader.
my @MODULES = qw(dbd socache_shmcb authz_host env http2 authn_core authz_user auth_basic authn_file headers rewrite setenvif);

sub httpd_for ($snippet, $needs) {
    my $t = ChatTest->new(modules => \@MODULES, mpm => 'event');
    my $etc = $t->dir . '/chat';
    mkdir $etc or die $!;
    $t->write_file("chat/$_.key", "a-key-that-nobody-knows\n", 0600) for qw(openai anthropic gemini mistral azure);
    $t->write_file("chat/$_.secret", "$SECRET\n", 0600) for qw(better-auth jwt);
    $t->write_file("chat/$_.txt", "something\n") for qw(words cards trial);
    $t->write_file('chat/htpasswd', "anna:{SHA}" . encode_base64(pack('H*', 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3')));
    $t->{conf} = join('', (map { $PRESUPPOSED{$_}->($snippet) } @$needs), $snippet->{text}) =~ s{/etc/apache2/chat}{$etc}gr;
    return $t;
}

sub mock_for ($t) {
    my $mock = 'http://127.0.0.1:' . $up->port;
    $t->{conf} =~ s{^\s*ChatProviderURL\s+\Khttps?://[^/\s]+}{$mock}gm;
}

# What is wrong with a block for httpd: configtest as it is printed, then each
# location with the mock in the place of the providers.
sub apache ($snippet) {
    my @needs = split ' ', $snippet->{mark}{needs} // '';
    $PRESUPPOSED{$_} or return "nobody knows what \"$_\" is" for @needs;
    my $t = httpd_for($snippet, \@needs);
    my ($ok, $said) = $t->configtest;
    return $said if $said ne "Syntax OK\n";

    mock_for($t);
    my %route = routes($t->{conf});
    my @asked = $snippet->{text} =~ /^<Location "?([^">]+)/mg;
    @asked = sort keys %route if !@asked;
    return if !@asked;
    for my $path (grep { !$route{$_} } @asked) {
        mkdir $t->htdocs . $path or die $!;
        $t->write_file("htdocs$path/index.html", "for members\n");
    }
    $t->start;
    my @wrong = map { $route{$_} ? route($t, $_, $route{$_}) : members($t, $_) } @asked;
    $t->kill;
    return @wrong;
}

# path => the route that the text says for it.
sub routes ($conf) {
    my %route;
    while ($conf =~ m{^<Location "?([^">]+)"?>\n(.*?)^</Location>}msg) {
        my ($path, $inside) = ($1, $2);
        $route{$path} = $1 if $inside =~ /^\s*ChatRoute\s+([\w-]+)/m;
    }
    return %route;
}

# The token of an application that shares a secret with the server (HS256).
sub signed_token () {
    my $part = join '.', map { encode_base64url($JSON->encode($_)) } { alg => 'HS256', typ => 'JWT' },
        { sub => 'anna', plan => 'pro', iss => 'https://app.example.com', aud => 'chat', iat => time, exp => time + 600 };
    return "$part." . encode_base64url(hmac_sha256($part, $SECRET));
}

sub credentials ($t) {
    return (Authorization => 'Bearer ' . signed_token()) if $t->{conf} =~ /^\s*ChatAuthJWTSecret/m;
    return (Cookie => ($t->{conf} =~ /^DBDriver pgsql/m ? $person->{cookie} : $COOKIE),
        ($t->{conf} =~ /AuthType Basic/ ? (Authorization => 'Basic ' . encode_base64('anna:test', '')) : ()));
}

my $HELLO = [ { role => 'user', content => 'Hello' } ];
my %GET = map { $_ => 1 } qw(models health metrics limits openapi conversations search export me usage);
my %SIGN = (completions => qr/"choices":\[/, stream => qr/^event: done$/m, message => qr/^data: \{"status":"done"/m, 'ui-message' => qr/^data: \[DONE\]$/m,
    openai => qr/^event: response\.completed$/m, anthropic => qr/^event: message_stop$/m,
    (map { $_ => qr/^\{"data":\[/ } qw(conversations search usage)), export => qr/"version":1/, import => qr/"imported":0/,
    me => qr/"id":"u"/, shared => qr/"code":"not_found"/, models => qr/"data":|"models":/, health => qr/^\{"status":"ok"\}$/, limits => qr/^\{/, metrics => qr/^chat_build_info\{/m, openapi => qr/"openapi":"3\.1/);

sub route ($t, $path, $route) {
    my ($model) = $t->{conf} =~ /^\s*ChatModelDefault\s+(\S+)/m;
    ($model) = $t->{conf} =~ /^ChatModel\s+(\S+)/m if !$model;
    return shared($t, $path) if $route eq 'shared';
    return client_secret($t, $path) if $route eq 'chatkit-session';
    return chatkit($t, $path) if $route eq 'chatkit';
    my $body = $GET{$route} ? undef : $route eq 'import' ? [] : $route eq 'message' ? { message => 'Hello' }
        : $route eq 'ui-message' ? { id => 'a-chat', messages => [ { id => 'a-message', role => 'user', parts => [ { type => 'text', text => 'Hello' } ] } ] }
        : { messages => $HELLO, model => $model // 'any-model' };
    my $res = $t->request($GET{$route} ? 'GET' : 'POST', $path . ($route eq 'search' ? '?q=hello' : ''), headers => { credentials($t) }, ($body ? (json => $body) : ()));
    return "$path, $route: $res->{status} $res->{body}\n" . $t->error_log if $res->{status} != 200;
    return $res->{body} =~ ($SIGN{$route} // qr/./) ? () : "$path does not speak $route: $res->{body}";
}

# What ChatKit's page gets for its session, and asks with then.
my $client_secret;
sub client_secret ($t, $path) {
    my $res = $t->request('POST', "$path/session", headers => { Cookie => $COOKIE });
    $client_secret = ($res->{json} // {})->{client_secret};
    return $client_secret ? () : "$path, chatkit-session: $res->{status} $res->{body}\n" . $t->error_log;
}
sub chatkit ($t, $path) {
    my $simple = $t->{conf} =~ /^\s*ChatRoute chatkit-session/m;
    my $res = $t->request('POST', $path, headers => { $simple ? (Authorization => "Bearer $client_secret") : credentials($t) },
        json => $simple ? { message => $HELLO->[0] } : { type => 'threads.list', params => {} });
    return if $res->{status} == 200 && $res->{body} =~ ($simple ? qr/^event: thread\.run\.completed$/m : qr/^\{"data":\[/);
    return "$path, chatkit: $res->{status} $res->{body}\n" . $t->error_log;
}

# There is no such share.
sub shared ($t, $path) {
    my $res = $t->get("$path/" . 'A' x 22);
    return $res->{status} == 404 ? () : "$path, shared: $res->{status} $res->{body}\n" . $t->error_log;
}

sub members ($t, $path) {
    my @got = map { $t->get("$path/index.html", headers => $_)->{status} } { credentials($t) }, {};
    return "@got" eq '200 401' ? () : "$path answers members and others with @got";
}

# ---- the demo ----

my %demo;

sub demo () {
    return \%demo if %demo;
    my $t = ChatTest->new;
    %demo = (t => $t, run => $t->dir . '/run', port => $t->port, said => $t->dir . '/demo.out');
    $demo{pid} = fork // die "fork: $!\n";
    if (!$demo{pid}) {
        setpgrp;
        delete @ENV{qw(OPENAI_API_KEY MAKEFLAGS MAKELEVEL MFLAGS)};
        @ENV{qw(CHAT_RUN_DIR CHAT_PORT)} = @demo{qw(run port)};
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', $demo{said};
        open STDERR, '>&', \*STDOUT;
        exec "$ROOT/script/run.sh" or POSIX::_exit(127);
    }
    wait_for(sub { slurp($demo{said}) =~ /^Ctrl-C stops it/m || waitpid($demo{pid}, WNOHANG) }, 'the demo', 200);
    die "the demo did not start:\n" . slurp($demo{said}) if slurp($demo{said}) !~ /^Ctrl-C stops it/m;
    return \%demo;
}

# ---- the server of docs/sdks.md: the blocks of that page that are "by" this test ----

my ($sdks, %pages);

sub sdks () {
    return $sdks if $sdks;
    my @blocks = grep { ($_->{mark}{by} // '') eq 't/18-snippets.t' } ChatTest::Snippets::of('docs/sdks.md', $pages{'docs/sdks.md'});
    my $t = httpd_for({ text => join '', map { $_->{text} } @blocks }, ['sessions']);
    my ($ok, $said) = $t->configtest;
    die "docs/sdks.md: $said" if $said ne "Syntax OK\n";
    mock_for($t);
    return $sdks = $t->start;
}

# The text for the port of that server.
sub there ($text) {
    my $port = sdks()->port;
    return $text =~ s{https://chat\.example\.com}{http://127.0.0.1:$port}gr;
}

# What a command says, when it ends well.
sub said (@command) {
    my $out = $users->dir . '/said';
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $ENV{CHAT_TOKEN} = ChatTest::BetterAuth::signed($TOKEN, $SECRET);
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', $out;
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec @command }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return $? ? (undef, "$command[0] ended with status " . ($? >> 8) . ': ' . slurp($out)) : slurp($out);
}

sub says ($snippet, $said, $why = undef) {
    return $why if !defined $said;
    my $wanted = $snippet->{mark}{says} or return 'nothing says what its output is: write "says"';
    return index($said, $wanted) >= 0 ? () : "it does not say \"$wanted\": $said";
}

# The text for the port and the directory of this demo.
sub here ($text) {
    my $demo = demo();
    return $text =~ s{\b127\.0\.0\.1:8080\b}{127.0.0.1:$demo->{port}}gr =~ s{(?<![\w/])\.run/}{$demo->{run}/}gr;
}

sub sh ($snippet) {
    return says($snippet, said('bash', '-ec', "cd /; set -o pipefail; " . here($snippet->{text})))
        if ($snippet->{mark}{needs} // '') eq 'demo';
    return says($snippet, said('bash', '-ec', "cd /; set -o pipefail; " . there($snippet->{text})))
        if ($snippet->{mark}{needs} // '') eq 'sdks';
    # What Debian's apache2ctl does with them; the limit itself may be out of reach here.
    return says($snippet, said('sh', '-ec', "ulimit() { echo \"ulimit \$*\"; }\n$snippet->{text}\n\$APACHE_ULIMIT_MAX_FILES"))
        if ($snippet->{mark}{needs} // '') eq 'envvars';
    return 'nothing says in what it runs: write "needs demo"';
}

# What a page has around its script: a conversation, somewhere to show it, an origin.
my $PAGE = <<'END';
const messages = [{ role: "user", content: "Hello" }];
const show = (text) => process.stdout.write(text);
const fail = (text) => { throw new Error(text); };
const finish = (usage) => show("\n" + JSON.stringify(usage) + "\n");
const fetch = (path, init) => globalThis.fetch(new URL(path, "http://127.0.0.1:8080/"), init);
END

# The folder of t/real with the packages that a script imports.
sub has_package ($text) {
    return $text =~ m{from "(?:\@anthropic-ai|\@google)/} ? 'providers' : $text =~ m{from "\@ai-sdk/} ? 'ai-sdk' : 'openai';
}

sub js ($snippet) {
    my %needs = map { $_ => 1 } split ' ', $snippet->{mark}{needs} // '';
    my $dir = "$ChatTest::OpenAI::DIR/" . ($needs{page} ? 'eventsource' : has_package($snippet->{text}));
    my $why = ChatTest::OpenAI::missing($dir);
    return $why if $why;
    my $script = $needs{sdks} ? there($snippet->{text}) : here(($needs{page} ? $PAGE : '') . $snippet->{text});
    return says($snippet, said('sh', '-c', 'cd "$1" && exec node --input-type=module -e "$2"', 'sh', $dir, $script));
}

sub python ($snippet) {
    my $text = ($snippet->{mark}{needs} // '') eq 'sdks' ? there($snippet->{text}) : here($snippet->{text});
    return says($snippet, said('python3', '-c', $text));
}

# The SDK that a script needs and this machine does not have, or nothing.
sub missing_sdk ($snippet) {
    return if $snippet->{lang} ne 'python';
    for my $line (grep { !/^import os$/ } $snippet->{text} =~ /^((?:from|import) .*)$/mg) {
        return $line =~ s/^(?:from|import) (\S+).*/$1/r if system('python3', '-c', "try:\n $line\nexcept ImportError:\n raise SystemExit(1)") != 0;
    }
    return;
}

sub ask_demo ($what, $body) {
    my ($method, $path) = split ' ', $what;
    my $client = ChatTest::Client->new(port => demo()->{port}, timeout => scaled(30));
    $client->request($method, $path, body => $body, headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]);
    return $client->response;
}

sub json ($snippet) {
    my $mark = $snippet->{mark};
    my $value = eval { $JSON->decode($snippet->{text}) };
    return "it is no JSON: $@" if !defined $value;
    if ($mark->{'sent as'}) {
        my $res = ask_demo($mark->{'sent as'}, $snippet->{text});
        return $res->{status} == 200 && $res->{ended} eq 'chunked' ? () : "$res->{status} $res->{body}";
    }
    return if !$mark->{is};
    my $got = ask_demo($mark->{is}, $JSON->encode({ messages => $HELLO }))->{body};
    return "$got\n" eq $snippet->{text} ? () : "the answer is $got";
}

# Events, or only the data of some.
sub text ($snippet) {
    return map { my $data = s/^data: //r; defined eval { $JSON->decode($data) } ? () : "no JSON: $_" }
        grep { /\S/ && !/^event: \w+$/ } split /\n/, $snippet->{text};
}

# The files and lines of extending.md, which a test builds.
sub c ($snippet) {
    return $snippet->{about} =~ /^(?:File|Line in|At the end of) `/ && $snippet->{page} eq 'docs/extending.md' ? () : 'no test builds it';
}

sub by ($snippet) {
    my $text = slurp("$ROOT/$snippet->{mark}{by}");
    my $page = $snippet->{page} =~ s{.*/}{}r;
    return $text =~ /\Q$page\E/ ? () : "$snippet->{mark}{by} does not name $page";
}

# ---- every block ----

my %RUNS = (apache => \&apache, sh => \&sh, js => \&js, python => \&python, json => \&json, text => \&text, c => \&c);

sub wrong ($snippet) {
    return by($snippet) if $snippet->{mark}{by};
    my $run = $RUNS{ $snippet->{lang} } or return "no test runs \"$snippet->{lang}\"";
    return $run->($snippet);
}

%pages = map { my $name = s{^\Q$ROOT\E/}{}r; $name => slurp($_) } "$ROOT/README.md", sort glob "$ROOT/docs/*.md";

for my $page (sort keys %pages) {
    for my $snippet (ChatTest::Snippets::of($page, $pages{$page})) {
        my $name = ChatTest::Snippets::name($snippet);
    SKIP: {
            skip "$name: $snippet->{mark}{skip}", 1 if $snippet->{mark}{skip};
            my $missing = missing_sdk($snippet);
            skip "$name: no $missing for Python here", 1 if $missing;
            is join("\n", wrong($snippet)), '', $name;
        }
    }
}

# ---- and a wrong one is found ----

# What is said of the block with $from, once that has become $to.
sub seeded ($page, $from, $to) {
    my ($snippet) = grep { index($_->{text}, $from) >= 0 } ChatTest::Snippets::of($page, $pages{$page});
    ok $snippet, "$page has: $from" or return '';
    $snippet->{text} =~ s/\Q$from\E/$to/;
    return join "\n", wrong($snippet);
}

like seeded('README.md', '"label=GPT-4o mini"', 'label="GPT-4o mini"'), qr/^ChatModel does not accept "mini""/m,
    'quotation marks within a word';
like seeded('docs/directives.md', 'NULL, 0, p.plan', 'u.role, 0, p.plan'), qr/: 503 .*store_unavailable.*column u\.role does not exist/s,
    'a column that better-auth does not have';
{
    my ($first) = ChatTest::Snippets::of('docs/stream.md', $pages{'docs/stream.md'});
    my ($message, $stream, $rest) = $first->{text} =~ m{^(<Location.*?</Location>\n)(<Location.*?</Location>\n)(.*)}s;
    $first->{text} = "$stream$message$rest";
    like join("\n", wrong($first)), qr{CHAT0115: ChatRoute "stream" at \S+ is never used}, 'an outer location after the inner one';
}
like seeded('README.md', '"message":"Hello"', '"massage":"Hello"'), qr/^it does not say "You said.*invalid_request/s, 'a line for a shell that is refused';
is join(' ', wrong({ page => 'x', lang => '', text => 'x', mark => {} })), 'no test runs ""', 'a block without a language';
is eval { ChatTest::Snippets::of('x', "<!-- test: need openai -->\n```sh\n```\n"); 1 }, undef, 'a mark that is none';

# ---- what a browser asks first ----

{
    my ($block) = grep { $_->{text} =~ /ChatOrigin/ } ChatTest::Snippets::of('docs/sdks.md', $pages{'docs/sdks.md'});
    my $t = httpd_for($block, [qw(sessions openai model)]);
    mock_for($t);
    $t->start;
    my @origin = (Origin => 'https://app.example.com');
    my $res = $t->request('OPTIONS', '/api/chat', headers => [ @origin, 'Access-Control-Request-Method' => 'POST' ]);
    is $res->{status}, 204, 'docs/sdks.md: a browser may ask before it posts';
    is $res->{headers}{'access-control-allow-origin'}, 'https://app.example.com', '... and is told yes';
    is $res->{headers}{'access-control-allow-credentials'}, 'true', '... with the cookie';
    my %body = (json => { model => 'gpt-4o-mini', messages => $HELLO });
    $res = $t->request('POST', '/api/chat', headers => [ @origin, Cookie => $COOKIE ], %body);
    is $res->{status}, 200, '... and then gets an answer';
    is $t->request('POST', '/api/chat', headers => [ Origin => 'https://evil.example', Cookie => $COOKIE ], %body)->{status}, 403,
        '... which another origin does not';
    $t->kill;
}

$sdks->kill if $sdks;
kill 'TERM', $demo{pid} and waitpid $demo{pid}, 0 if %demo;
$app->stop if $app;
$pg->stop if $pg;
$up->stop;
done_testing;

END {
    local $?;
    kill 'KILL', -$demo{pid} if %demo && kill 0, -$demo{pid};
}
