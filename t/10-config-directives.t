# SPDX-License-Identifier: Apache-2.0
#
# Every directive: what it accepts, the sentence for what it does not, and
# where it may stand.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

my $SESSION = "ChatAuthSession sql \"SELECT %s\"\n";
my $PROVIDER = "ChatProviderURL http://127.0.0.1:1/v1";
my $SECRET = 'file:canary.key';
my $OFF_LIMITS = qr/not allowed (?:here|in <\w+> context)|cannot occur within/;

sub in_provider (@lines) {
    return join "\n", '<ChatProvider openai>', $PROVIDER, @lines, '</ChatProvider>', '';
}

sub words ($n, $word = 'w') {
    return join ' ', map { "$word$_" } 1 .. $n;
}

# ---- values: a line, and the sentence that refuses it (none: accepted) ----

my $NUMBER = sub ($min, $max) { qr/does not accept "[^"]*": write a whole number from $min to $max$/m };
my $TIME = sub ($min, $max, $off = '') {
    qr/does not accept "[^"]*": write a time from $min to $max with the unit us, ms, s, m or h \(s when there is none\)$off$/m;
};

my @NUMBERS = (
    # directive, least, most
    [ ChatRequestDepth           => 1, 1000 ],
    [ ChatRequestValues          => 1, 10_000_000 ],
    [ ChatRequestMessages        => 1, 10_000 ],
    [ ChatRequestMessageLength   => 1, 10_000_000 ],
    [ ChatRequestAnswerLength    => 1, 10_000_000 ],
    [ ChatRequestTotalLength     => 1, 100_000_000 ],
    [ ChatRequestMaxOutputTokens => 1, 10_000_000 ],
    [ ChatStreamMax              => 0, 1_000_000 ],
    [ ChatStreamEngines          => 1, 64 ],
);

my @VALUES = (
    map { my ($d, $min, $max) = @$_;
        ([ "$d $min" ], [ "$d $max" ],
         map { [ "$d $_", qr/^$d @{[ $NUMBER->($min, $max) ]}/m ] }
            $min - 1, $max + 1, qw(x 1x 1.5 1e3 0x10 +1 -5), '" 1"', '99999999999999999999')
    } @NUMBERS,
);

push @VALUES, (
    [ 'ChatRequestBody 1' ],
    [ 'ChatRequestBody 1024' ],
    [ 'ChatRequestBody 64k' ],    # either case
    [ 'ChatRequestBody 1G' ],
    (map { [ "ChatRequestBody $_", qr/^ChatRequestBody does not accept "\Q$_\E": write a number of bytes from 1 to 1G; K, M and G/m ] }
        qw(0 2G 1025M 1T K 1.5M -1 1MB 17179869185G 99999999999999999999)),    # 2**34 + 1: 1G in 64 bits

    [ 'ChatStreamHeartbeat off' ],
    [ 'ChatStreamHeartbeat OFF' ],
    [ 'ChatStreamHeartbeat 15' ],    # seconds
    [ 'ChatStreamHeartbeat 100ms' ],
    [ 'ChatStreamHeartbeat 100000us' ],
    [ 'ChatStreamHeartbeat 1h' ],
    [ 'ChatStreamHeartbeat 60M' ],
    (map { [ "ChatStreamHeartbeat $_", qr/^ChatStreamHeartbeat @{[ $TIME->('100ms', '1h', ', or off') ]}/m ] }
        qw(0 99ms 61m 2h on 1d 5sec s 1.5s -1s 9999999999999h)),
    [ 'ChatStreamStallTimeout 100ms' ],
    [ 'ChatStreamStallTimeout 60' ],
    (map { [ "ChatStreamStallTimeout $_", qr/^ChatStreamStallTimeout @{[ $TIME->('100ms', '1h') ]}/m ] }
        qw(0 off 50ms 2h never)),
    (map { [ "ChatStreamResume $_" ] } 'off', 'spool', 'spool=%%DIR%%/run/logs', 'spool age=10s size=4K', 'spool age=24h size=1G'),
    (map { [ "ChatStreamResume $_", qr/^ChatStreamResume (?:does not accept "\S+": write |takes )\S/m ] }
        '', 'on', 'spool=', 'spool=run/chat', 'file', 'spool depth=1', 'spool x'),
    (map { [ "ChatStreamResume spool age=$_", qr/^ChatStreamResume age @{[ $TIME->('10s', '24h') ]}/m ] } qw(9s 25h off 0)),
    (map { [ "ChatStreamResume spool size=$_", qr/^ChatStreamResume size does not accept/m ] } qw(4095 2G x)),
    (map { [ "ChatStreamOnLeave $_" ] } qw(stop finish finish=1s finish=24h)),
    (map { [ "ChatStreamOnLeave $_", qr/^ChatStreamOnLeave does not accept "\S+": write stop, finish or finish=TIME/m ] }
        qw(on off go stop=1s finish5s)),
    (map { [ "ChatStreamOnLeave finish=$_", qr/^ChatStreamOnLeave finish @{[ $TIME->('1s', '24h') ]}/m ] } qw(0 25h off)),
    [ 'ChatAuthCache off' ],
    [ 'ChatAuthCache 1s' ],
    [ 'ChatAuthCache 60m' ],
    (map { [ "ChatAuthCache $_", qr/^ChatAuthCache @{[ $TIME->('1s', '1h', ', or off') ]}/m ] }
        qw(0 999ms 3601 on)),

    [ 'ChatMock pace=0 words=1' ],
    [ 'ChatMock words=100000' ],
    [ 'ChatMock pace=1m' ],
    [ 'ChatMock pace=61s', qr/^ChatMock pace @{[ $TIME->('0', '1m') ]}/m ],
    [ 'ChatMock pace=off', qr/^ChatMock pace @{[ $TIME->('0', '1m') ]}/m ],
    [ 'ChatMock words=0', qr/^ChatMock words @{[ $NUMBER->(1, 100000) ]}/m ],
    [ 'ChatMock words=', qr/^ChatMock words @{[ $NUMBER->(1, 100000) ]}/m ],
    [ 'ChatMock', qr/^ChatMock takes 1 to 63 arguments: pace=TIME words=N/m ],
    [ 'ChatMock 40', qr/^ChatMock does not accept "40": write KEY=VALUE with the keys pace or words$/m ],
    [ 'ChatMock speed=1s', qr/^ChatMock does not accept "speed=1s": write KEY=VALUE with the keys pace or words$/m ],
    [ 'ChatMock words=1 words=2', qr/^ChatMock has words= twice: write it once$/m ],

    [ 'ChatRoute openai' ],
    [ 'ChatRoute mock' ],
    [ 'ChatRoute OpenAI', qr/^ChatRoute does not accept "OpenAI": write openai, anthropic, gemini, openrouter, deepseek, stream, message, completions, ui-message, models, health, mock, limits, conversations, search, shared, export, import, me, usage, chatkit, chatkit-session, keys or webhook$/m ],

    [ in_provider() . 'ChatUse openai' ],
    [ 'ChatUse', qr/^ChatUse takes 1 to 63 arguments: names of providers/m ],
    [ 'ChatUse a/b', qr{^ChatUse does not accept "a/b": write a name of 1 to 64 letters, digits, \., _ or -$}m ],
    [ 'ChatUse ' . 'n' x 65, qr/^ChatUse does not accept "n+": write a name of 1 to 64/m ],
    [ in_provider() . 'ChatUse openai openai', qr/^ChatUse does not accept "openai": write each name once$/m ],
    [ 'ChatUse ' . words(64), qr/^ChatUse takes 1 to 63 arguments/m ],    # httpd drops what follows
    [ 'ChatUse nobody', qr/^CHAT0101: ChatUse "nobody" at \S+:\d+: this server has no <ChatProvider nobody>$/m ],

    [ 'ChatModelDefault gpt-4o-mini' ],
    [ 'ChatModelDefault ' . 'm' x 128 ],
    [ 'ChatModelDefault accounts/x/models/y:free@2.1_a' ],
    [ 'ChatModelDefault ' . 'm' x 129, qr/^ChatModelDefault does not accept "m+": write the name of a model: 1 to 128/m ],
    [ 'ChatModelDefault "gpt 4"', qr/^ChatModelDefault does not accept "gpt 4": write the name of a model/m ],

    [ 'ChatRetry 1' ],
    [ 'ChatRetry 10 backoff=1ms wait=0 unsafe=on' ],
    [ 'ChatRetry 2 backoff=60s wait=5m unsafe=OFF' ],
    (map { [ "ChatRetry $_", qr/^ChatRetry @{[ $NUMBER->(1, 10) ]}/m ] } qw(0 11 off wait=1s)),
    [ 'ChatRetry', qr/^ChatRetry takes 1 to 63 arguments: ATTEMPTS/m ],
    [ 'ChatRetry 2 3', qr/^ChatRetry does not accept "3": write KEY=VALUE with the keys backoff, wait or unsafe$/m ],
    [ 'ChatRetry 2 backoff=0', qr/^ChatRetry backoff @{[ $TIME->('1ms', '1m') ]}/m ],
    [ 'ChatRetry 2 wait=301', qr/^ChatRetry wait @{[ $TIME->('0', '5m') ]}/m ],
    [ 'ChatRetry 2 unsafe=maybe', qr/^ChatRetry unsafe does not accept "maybe": write on or off$/m ],
    [ 'ChatRetry 2 wait=1s wait=2s', qr/^ChatRetry has wait= twice: write it once$/m ],

    (map { [ "ChatUsage $_" ] } qw(off on batch=1s batch=10s batch=1h)),
    (map { [ "ChatUsage $_", qr/^ChatUsage does not accept "\S+": write off, on, or batch=TIME as in batch=10s$/m ] } qw(maybe batch 10s)),
    (map { [ "ChatUsage batch=$_", qr/^ChatUsage batch @{[ $TIME->('1s', '1h') ]}/m ] } qw(0 999ms 61m off)),
    [ 'ChatContext off' ],
    [ 'ChatContext Off' ],
    [ 'ChatContext 1 bytes=256 age=1s' ],
    [ 'ChatContext 1000 bytes=1M age=720h' ],
    (map { [ "ChatContext $_", qr/^ChatContext @{[ $NUMBER->(1, 1000) ]}/m ] } qw(0 1001 on), 'off age=1s'),
    [ 'ChatContext', qr/^ChatContext takes 1 to 63 arguments: MESSAGES/m ],
    [ 'ChatContext 5 bytes=255', qr/^ChatContext bytes does not accept "255": write a number of bytes from 256 to 1M/m ],
    [ 'ChatContext 5 age=721h', qr/^ChatContext age @{[ $TIME->('1s', '720h') ]}/m ],
    [ 'ChatContext 5 6', qr/^ChatContext does not accept "6": write KEY=VALUE with the keys bytes or age$/m ],
    [ 'ChatContextStore shmcb' ],
    [ 'ChatContextStore shmcb:%%DIR%%/context(512000)' ],
    [ 'ChatContextStore memory', qr/^ChatContextStore does not accept "memory": write NAME or NAME:ARGUMENT of a cache whose module is loaded/m ],

    [ 'ChatHealthDetails "-R \'10.0.0.0/8\'"' ],
    [ 'ChatHealthDetails "true"' ],
    [ 'ChatHealthDetails "-R"', qr/^ChatHealthDetails: "-R" is no expression: /m ],
    [ 'ChatRequestFormat chat' ],
    [ 'ChatRequestFormat provider' ],
    [ 'ChatRequestFormat openai', qr/^ChatRequestFormat does not accept "openai": write chat or provider$/m ],

    [ 'ChatAuth none' ],
    [ $SESSION . 'ChatAuth better-auth bearer user guest' ],
    [ 'ChatAuth user none', qr/^ChatAuth does not accept "none": write none alone, or else the schemes$/m ],
    [ 'ChatAuth user user', qr/^ChatAuth does not accept "user": write each scheme once$/m ],
    [ 'ChatAuth guest user', qr/^ChatAuth does not accept "user": write guest last/m ],
    [ 'ChatAuth kerberos', qr/^ChatAuth does not accept "kerberos": write bearer, better-auth, jwt, authjs, authjs-database, user, guest or none$/m ],
    [ 'ChatAuth', qr/^ChatAuth takes 1 to 63 arguments: identity schemes/m ],
    [ 'ChatAuth better-auth', qr/^CHAT0102: ChatAuth "better-auth" at \S+:\d+: this server has no ChatAuthSession/m ],
    [ 'ChatAuth bearer', qr/^CHAT0102: ChatAuth "bearer" at \S+:\d+: this server has no ChatAuthSession/m ],

    [ 'ChatAuthSecret file:canary.key file:canary.key' ],
    [ 'ChatAuthSecret', qr/^ChatAuthSecret takes 1 to 63 arguments: env:NAME, file:PATH or "exec:PATH ARGS"/m ],

    [ 'ChatAuthCookie __Host-sid app.session_token' ],
    [ 'ChatAuthCookie "a b"', qr/^ChatAuthCookie does not accept "a b": write the name of a cookie: 1 to 128/m ],
    [ 'ChatAuthCookie a=b', qr/^ChatAuthCookie does not accept "a=b": write the name of a cookie/m ],
    [ 'ChatAuthCookie sid sid', qr/^ChatAuthCookie does not accept "sid": write each name once$/m ],

    [ 'ChatOrigin https://app.example.com http://127.0.0.1:3000 http://[::1]:3000 https://xn--bcher-kva.example' ],
    [ 'ChatOrigin chrome-extension://abcdefghijklmnop' ],
    (map { [ "ChatOrigin $_", qr/^ChatOrigin does not accept "\Q$_\E": write an origin as browsers send it, scheme:\/\/host or scheme:\/\/host:port/m ] }
        qw(* null app.example.com https:// https:app https://a/ https://a/b https://*.a https://u@a https://a?x
           https://a:0 https://a:65536 https://a: https://a:b //a)),
    # the same to a browser
    [ 'ChatOrigin https://a HTTPS://A:443', qr/^ChatOrigin does not accept "HTTPS:\/\/A:443": write each name once$/m ],

    [ 'ChatAuthNamespace people' ],
    [ 'ChatAuthNamespace better-auth' ],
    (map { [ qq(ChatAuthNamespace "$_"), qr/^ChatAuthNamespace does not accept "\Q$_\E": write a name of 1 to 64 letters, digits, ., _ or -$/m ] }
        'a:b', 'a b', 'a/b', 'x' x 65),

    [ 'ChatAuthBearer signed' ],
    [ 'ChatAuthBearer unsigned' ],
    [ 'ChatAuthBearer on', qr/^ChatAuthBearer does not accept "on": write signed or unsigned$/m ],
    [ 'ChatRequestCount codepoints' ],
    [ 'ChatRequestCount utf16' ],
    [ 'ChatRequestCount bytes', qr/^ChatRequestCount does not accept "bytes": write codepoints or utf16$/m ],
    [ 'ChatStreamEarlyHeaders on' ],
    [ 'ChatStreamEarlyHeaders Off' ],
    [ 'ChatStreamEarlyHeaders yes', qr/^ChatStreamEarlyHeaders does not accept "yes": write on or off$/m ],

    [ 'ChatAuthSession kysely-pgsql' ],
    [ 'ChatAuthSession kysely-pgsql admin' ],
    [ 'ChatAuthSession sql "select 1 where t = %s and n like \'50%%\'"' ],
    [ 'ChatAuthSession sql "WITH s AS (SELECT %s) SELECT * FROM s"' ],
    [ 'ChatAuthSession mysql', qr/^ChatAuthSession does not accept "mysql": write a layout \(.*kysely-pgsql.*\), with the word admin .* or sql "SELECT/m ],
    [ 'ChatAuthSession kysely-pgsql root', qr/^ChatAuthSession does not accept "root": write nothing or the word admin after a layout$/m ],
    [ 'ChatAuthSession sql', qr/^ChatAuthSession does not accept "sql": write the statement after it, in quotes$/m ],
    (map { [ qq(ChatAuthSession sql "$_"), qr/^ChatAuthSession sql does not accept "\Q$_\E": write a SELECT with exactly one %s/m ] }
        'SELECT 1', 'SELECT %s, %s', 'SELECT %s LIKE a%', 'SELECT %d', 'SELECT %%s', 'DELETE FROM t WHERE a = %s'),

    [ 'ChatAuthCacheStore shmcb' ],
    [ 'ChatAuthCacheStore shmcb:%%DIR%%/cache(512000)' ],
    [ 'ChatAuthCacheStore memory', qr/^ChatAuthCacheStore does not accept "memory": write NAME or NAME:ARGUMENT of a cache whose module is loaded/m ],
);

# Nothing, and too much, for what takes one value.
push @VALUES, map {
    my ($d, $value) = @$_;
    map { [ "$d$_", qr/^$d takes one argument/m ] } " $value $value", ' ""', '';
} (
    (map { [ $_->[0], $_->[1] ] } @NUMBERS),
    [ ChatRoute => 'mock' ], [ ChatModelDefault => 'm' ], [ ChatRequestBody => '1M' ],
    [ ChatRequestCount => 'utf16' ], [ ChatAuthBearer => 'signed' ], [ ChatAuthCache => '1m' ], [ ChatAuthNamespace => 'people' ],
    [ ChatAuthCacheStore => 'shmcb' ], [ ChatStreamHeartbeat => '15s' ],
    [ ChatStreamEarlyHeaders => 'on' ], [ ChatStreamStallTimeout => '60s' ],
    [ ChatContextStore => 'shmcb' ], [ ChatHealthDetails => 'true' ], [ ChatRequestFormat => 'chat' ],
);

my $t = ChatTest->new(modules => ['socache_shmcb']);
for my $row (@VALUES) {
    my ($line, $sentence) = @$row;
    my ($ok, $said) = $t->configtest($line);
    my $name = $line =~ s/\s*\n\s*/ | /gr;
    $name = substr($name, 0, 60) . '...' if length $name > 63;
    if ($sentence) {
        ok !$ok && $said =~ $sentence, "refused with a sentence: $name" or diag $said;
    }
    else {
        ok $ok, "accepted: $name" or diag $said;
    }
}

# ---- scopes ----

# What opens and closes each place; the line that is tried goes between.
my %PLACES = (
    server    => [ '', '' ],
    vhost     => [ "<VirtualHost *:%%PORT%%>\nServerName v", '</VirtualHost>' ],
    Location  => [ '<Location /x>', '</Location>' ],
    Directory => [ '<Directory "%%HTDOCS%%">', '</Directory>' ],
    Files     => [ '<Files x>', '</Files>' ],
    If        => [ '<If "true">', '</If>' ],
);
my @EVERYWHERE = qw(server vhost Location Directory Files If);

# name => [ a line, its places, its class of AllowOverride ]
my %SCOPES = (
    '<ChatProvider' => [ in_provider(), [qw(server vhost)] ],
    ChatStreamMax => [ 'ChatStreamMax 5', ['server'] ],
    ChatStreamResume => [ 'ChatStreamResume spool', ['server'] ],
    ChatStreamEngines => [ 'ChatStreamEngines 2', ['server'] ],
    ChatAuthSession => [ $SESSION, [qw(server vhost)] ],
    ChatAuthCache => [ 'ChatAuthCache 1m', [qw(server vhost)] ],
    ChatAuthCacheStore => [ 'ChatAuthCacheStore shmcb', ['server'] ],
    ChatContextStore => [ 'ChatContextStore shmcb', ['server'] ],
    ChatModel => [ 'ChatModel m openai', [qw(server vhost)] ],
    ChatAuthSecret => [ "ChatAuthSecret $SECRET", \@EVERYWHERE ],
    ChatAuthNamespace => [ 'ChatAuthNamespace people', \@EVERYWHERE ],
    ChatAuthInsecure => [ 'ChatAuthInsecure off', \@EVERYWHERE ],
    map({ $_->[0] => [ "$_->[0] $_->[1]", \@EVERYWHERE, 'FileInfo' ] }
        [ ChatRoute => 'mock' ], [ ChatUse => 'openai' ], [ ChatModelDefault => 'm' ],
        [ ChatStreamHeartbeat => '15s' ], [ ChatStreamEarlyHeaders => 'on' ],
        [ ChatStreamStallTimeout => '5s' ], [ ChatStreamOnLeave => 'finish' ], [ ChatMock => 'words=3' ],
        [ ChatRetry => '2 backoff=1s' ], [ ChatContext => '5' ]),
    map({ $_->[0] => [ "$_->[0] $_->[1]", \@EVERYWHERE, 'AuthConfig' ] }
        [ ChatAuth => 'user' ], [ ChatAuthCookie => 'sid' ],
        [ ChatOrigin => 'https://a' ], [ ChatAuthBearer => 'signed' ], [ ChatHealthDetails => 'true' ]),
    map({ $_->[0] => [ "$_->[0] $_->[1]", \@EVERYWHERE, 'Limit' ] }
        [ ChatModelAllow => 'gpt-*' ], [ ChatRequestFormat => 'provider' ],
        [ ChatRequestBody => '1M' ], [ ChatRequestCount => 'utf16' ],
        grep { $_->[0] =~ /^ChatRequest/ } @NUMBERS),
);

{
    my $page = do { local (@ARGV, $/) = "$FindBin::Bin/../docs/directives.md"; <> };
    for my $d (sort keys %SCOPES) {
        my (undef, $places, $class) = $SCOPES{$d}->@*;
        my $context = join ', ', (grep { /server|vhost/ } @$places),
            (grep { $_ eq 'If' } @$places) ? 'directory' : (), $class ? '.htaccess' : ();
        my $name = $d =~ s/^<//r;
        like $page, qr/^\*\*`?<?\Q$name\E>?`?\*\*: .*\n.* \| Context $context \| @{[ $class ? "Override $class" : 'Since' ]}/m,
            "$name: docs/directives.md has the same scopes";
    }
}

my $FIRST = in_provider();
for my $d (sort keys %SCOPES) {
    my ($line, $places) = $SCOPES{$d}->@*;
    for my $place (@EVERYWHERE) {
        my ($open, $close) = $PLACES{$place}->@*;
        my $before = $d =~ /^Chat(?:Use|Model)$/ ? $FIRST : '';
        my ($ok, $said) = $t->configtest(join "\n", $before, $open, $line, $close);
        if (grep { $_ eq $place } @$places) {
            ok $ok, "$d may stand in $place" or diag $said;
        }
        else {
            ok !$ok && $said =~ $OFF_LIMITS, "$d may not stand in $place" or diag $said;
        }
    }
    my ($ok, $said) = $t->configtest("<Location /x>\n<Limit GET>\n$line\n</Limit>\n</Location>");
    ok !$ok && $said =~ $OFF_LIMITS, "$d may not stand in <Limit>" or diag $said;
}

# ---- .htaccess ----

my @CLASSES = qw(FileInfo AuthConfig Limit Options Indexes);
my @WRITTEN = grep { $_ ne '<ChatProvider' } sort keys %SCOPES;
my $conf = in_provider() . join '', map {
    my $class = $_;
    mkdir $t->htdocs . "/$class" or die $!;
    for my $d (@WRITTEN) {
        mkdir $t->htdocs . "/$class/$d" or die $!;
        $t->write_file("htdocs/$class/$d/.htaccess", "$SCOPES{$d}[0]\n");
        $t->write_file("htdocs/$class/$d/page", "hello\n");
    }
    "<Directory \"%%HTDOCS%%/$class\">\nAllowOverride $class\n</Directory>\n";
} @CLASSES;

# By name even what belongs to no class passes httpd; secrets must not, nor what says who is who.
my %LISTED = (listed => "ChatAuthSecret $SECRET", namespace => 'ChatAuthNamespace people');
for (sort keys %LISTED) {
    mkdir $t->htdocs . "/$_" or die $!;
    $t->write_file("htdocs/$_/.htaccess", "$LISTED{$_}\n");
    $t->write_file("htdocs/$_/page", "hello\n");
}
mkdir $t->htdocs . '/wrong' or die $!;
$t->write_file('htdocs/wrong/.htaccess', "ChatMock words=none\n");
$t->write_file('htdocs/wrong/page', "hello\n");

$t->{conf} = $conf . <<'END';
<Directory "%%HTDOCS%%/listed">
AllowOverrideList ChatAuthSecret
</Directory>
<Directory "%%HTDOCS%%/namespace">
AllowOverrideList ChatAuthNamespace
</Directory>
<Directory "%%HTDOCS%%/wrong">
AllowOverride All
</Directory>
END
$t->start;
$t->expect_log(qr{htaccess: Chat\w+ not allowed here});
$t->expect_log(qr{htaccess: ChatAuth(?:Secret|Namespace) cannot occur within htaccess files});
$t->expect_log(qr{htaccess: ChatMock words does not accept "none": write a whole number});

for my $d (@WRITTEN) {
    my $own = $SCOPES{$d}[2] // '';
    for my $class (@CLASSES) {
        my $res = $t->get("/$class/$d/page");
        is $res->{status}, $class eq $own ? 200 : 500,
            "$d in .htaccess: AllowOverride $class " . ($class eq $own ? 'lets it' : 'does not let it');
    }
}
is $t->get('/listed/page')->{status}, 500, 'ChatAuthSecret is not let in by AllowOverrideList';
is $t->get('/namespace/page')->{status}, 500, '... nor is ChatAuthNamespace';
is $t->get('/wrong/page')->{status}, 500, 'a wrong value in .htaccess is refused';

$t->stop;
done_testing;
