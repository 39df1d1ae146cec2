# SPDX-License-Identifier: Apache-2.0
#
# The configurations that are shipped: httpd takes each as it is, without a
# warning, with no more than their comments ask for.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $ROOT = "$FindBin::Bin/..";
my $KEYS = '/etc/apache2/chat';

# $text with /etc/apache2/chat below the test's own directory.
sub sample ($t, $name) {
    my $text = $t->slurp("$ROOT/conf/$name");
    $text =~ s/\Q$KEYS\E/$t->dir . '\/chat'/ge;
    return $text;
}

sub keys_for ($t) {
    mkdir $t->dir . '/chat', 0755 or die $!;
    $t->write_file("chat/$_", 'sample-secret-0123456789-abcdefghijklmnop' . "\n", 0600)
        for qw(openai.key better-auth.secret jwt.secret stripe.secret otlp.secret);
    $t->write_file('chat/words.txt', "a word\n");
    $t->write_file('chat/store.key', "AKIDEXAMPLE sample-secret-0123456789-abcdefghijklmnop\n", 0600);
    $t->write_file('chat/keys.secret', '0123456789abcdef' x 4 . "\n", 0600);
    $t->write_file('chat/jwks.json', '{"keys":[{"kty":"RSA","e":"AQAB","n":"' . 'x' x 342 . '"}]}');
}

# ---- chat.conf ----

{
    my $t = ChatTest->new(modules => [qw(dbd socache_shmcb authz_host env authn_core)]);
    my $conf = "Define APACHE_LOG_DIR %%DIR%%\n" . sample($t, 'chat.conf');

    my ($ok, $said) = $t->configtest($conf);
    ok !$ok && $said =~ m{^ChatProviderKey: \S+/chat/openai\.key cannot be read: No such file}m,
        'chat.conf: a missing key is named' or diag $said;
    keys_for($t);
    ($ok, $said) = $t->configtest($conf);
    is $said, "Syntax OK\n", 'chat.conf: accepted, once its files are there';

    # What is there for who operates the server, and not enabled.
    my ($part) = $conf =~ /^(# ---- for who operates .*?)^LogFormat/ms or die 'no such part';
    my $live = $part =~ s/^( *)#(?= *<?\/?(?:Chat|Location|SetHandler|Auth|Require chat))/$1/gmr;
    cmp_ok scalar(() = $live =~ /^(?:Chat|<Location)/gm), '>', 5, 'chat.conf: operators may enable more';
    ($ok, $said) = $t->configtest($conf =~ s/\Q$part\E/$live/r);
    is $said, "Syntax OK\n", '... as it stands there';

    # What it asks to be in place is all it needs.
    my @needs = $conf =~ /^#\s+a2enmod (.*?) chat\b/m ? split ' ', $1 : ();
    my $lean = ChatTest->new(modules => \@needs);
    keys_for($lean);
    ($ok, $said) = $lean->configtest("Define APACHE_LOG_DIR %%DIR%%\n" . sample($lean, 'chat.conf'));
    is $said, "Syntax OK\n", "chat.conf: needs no module but @needs";
}

# What it opens, with the line for guests: a mock answers, and there are no users.
{
    my $up = ChatTest::Upstream->new(n => 2)->start;
    my $t = ChatTest->new(modules => [qw(dbd socache_shmcb authz_host env)]);
    keys_for($t);
    my $conf = sample($t, 'chat.conf');
    $conf =~ s{^ +\K#(?=ChatAuth better-auth bearer guest$)}{}m or die 'no line for guests';
    $conf =~ s{https://api\.openai\.com/v1}{$up->url}e or die 'no URL';
    $conf =~ s{^DBDriver.*\nDBDParams.*\n}{DBDriver sqlite3\nDBDParams "%%DIR%%/run/none.db"\n}m or die 'no database';
    $conf =~ s{^ChatAuthSession \Kkysely-pgsql$}{kysely-sqlite}m or die 'no sessions';
    my $none = $t->dir . '/run/none.db';
    is system("sqlite3 -bail '$none' < '$ChatTest::Httpd::ROOT/demo/better-auth-sqlite.sql'"), 0, 'chat.conf: a database without users';
    chmod 0666, $none;
    chmod 0777, $t->dir . '/run';
    $t->{conf} = "Define APACHE_LOG_DIR %%DIR%%\n$conf";
    $t->start;

    my $said = { message => 'Hello', session_id => 'sample' };
    my $res = $t->sse('/api/v1/chat', $said);
    is $res->{status}, 200, 'chat.conf: a guest is answered' or diag $res->{body};
    like $res->{body}, qr/"chunk":.*"status":"done"/s, '... in the form of the route message';
    is_deeply [ map { $t->sse('/api/v1/chat', $said)->{status} } 1 .. 10 ], [ (200) x 9, 429 ], '... ten times a minute';
    is $t->sse('/api/v1/chat', { message => '' })->{status}, 400, '... but for nothing at all';
    is $t->sse($_, $t->turn)->{status}, 401, "chat.conf: $_ is for users"
        for qw(/api/chat-openai /api/v1/chat/stream /v1/chat/completions);
    is $t->get($_)->{status}, 401, "chat.conf: so is $_" for qw(/api/v1/models /v1/models);
    is $t->get('/healthz')->{body}, '{"status":"ok"}', 'chat.conf: it says that it is alive';
    is $t->get('/healthz/ready')->{json}{status}, 'ready', '... and ready';
    like $t->get('/metrics')->{body}, qr/^chat_requests_total\{/m, 'chat.conf: it counts';
    ok $t->get('/openapi.json')->{json}{paths}{'/v1/chat/completions'}, 'chat.conf: it says what is there';
    $t->stop;
    $up->stop;
}

# ---- chat-mpm.conf ----

for my $mpm (qw(event worker prefork)) {
    my $t = ChatTest->new(mpm => $mpm, mpm_conf => "MaxRequestWorkers 150\n", conf => sample(ChatTest->new, 'chat-mpm.conf'));
    my ($ok, $said) = $t->configtest;
    is $said, "Syntax OK\n", "chat-mpm.conf: accepted with the $mpm MPM, after other numbers";
}
{
    my $t = ChatTest->new(mpm => 'event', modules => ['http2'], conf => sample(ChatTest->new, 'chat-mpm.conf') . "ListenBacklog 511\n");
    my ($ok, $said) = $t->configtest;
    is $said, "Syntax OK\n", 'chat-mpm.conf: accepted with HTTP/2';
    $t->allow_log(qr/CHAT0508: /);    # the limit of open files is this machine's
    $t->start;
    wait_for('a child', sub { my @children = $t->children; return scalar @children });
    is scalar(() = $t->children), 1, 'chat-mpm.conf: one child serves';
    $t->stop(name => 'chat-mpm.conf: httpd starts without a warning, and stops');
}

# ---- mod_chat.reference.conf ----

{
    my $t = ChatTest->new(modules => [qw(socache_shmcb)]);
    my $conf = sample($t, 'mod_chat.reference.conf');
    my ($ok, $said) = $t->configtest($conf);
    is $said, "Syntax OK\n", 'the reference: accepted as it is';

    keys_for($t);
    my $live = $conf =~ s/^(\s*)#(<?\/?Chat\w+)/$1$2/gmr;
    ($ok, $said) = $t->configtest($live);
    is $said, "Syntax OK\n", 'the reference: accepted with everything written out';
    cmp_ok scalar(() = $live =~ /^\s*<?Chat/gm), '>', 30, '... which is all of it';
}

# ---- docs/directives.md ----

{
    my $t = ChatTest->new;
    my %reference = $t->slurp("$ROOT/conf/mod_chat.reference.conf") =~ /^\s*#<?(Chat\w+) (.*?)>?$/gm;
    my $page = $t->slurp("$ROOT/docs/directives.md");
    my %default;
    while ($page =~ /^\*\*`?<?(Chat\w+)>?`?\*\*: .+\\\nSyntax (`.+?`) \| Default (.+?) \| Context .+ \| Since \d/gm) {
        my ($d, $syntax, $default) = ($1, $2, $3);
        $default{$d} = $default;
        like $syntax, qr/^`<?\Q$d\E\b/, "the page's syntax of $d begins with its name";
        is $reference{$d}, $1, "the page and the reference agree on the default of $d" if $default =~ /^`(.+)`$/;
    }
    is_deeply [ sort keys %default ], [ sort keys %reference ], 'the page and the reference have the same directives';
}

done_testing;
