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
    [ 'ChatRoute OpenAI', qr/^ChatRoute does not accept "OpenAI": write openai, anthropic, gemini, openrouter, deepseek, stream, message, completions, ui-message, models, health, metrics, mock, limits, conversations, search, shared, export, import, me, usage, chatkit, chatkit-session, keys, admin, openapi, webhook or uploads$/m ],

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

    (map { [ "ChatAdmin $_" ] } 'on', 'off', 'limits=lower', 'on limits=any'),
    [ 'ChatAdmin maybe', qr/^ChatAdmin does not accept "maybe": write on or off$/m ],
    [ 'ChatAdmin limits=none', qr/^ChatAdmin limits does not accept "none": write lower or any$/m ],
    [ 'ChatAdmin on levels=any', qr/^ChatAdmin does not accept "levels=any": write KEY=VALUE with the keys limits$/m ],
    [ "<Location /admin>\nChatRoute admin\n</Location>", qr/ChatRoute admin at \S+: there is no ChatAdmin on/ ],
    (map { [ "ChatUsage $_" ] } qw(off on batch=1s batch=10s batch=1h)),
    (map { [ "ChatUsage $_", qr/^ChatUsage does not accept "\S+": write off, on, or batch=TIME as in batch=10s$/m ] } qw(maybe batch 10s)),
    (map { [ "ChatUsage batch=$_", qr/^ChatUsage batch @{[ $TIME->('1s', '1h') ]}/m ] } qw(0 999ms 61m off)),
    (map { [ "ChatLog $_" ] } 'logs/chat.json', '"|cat" format=ecs', 'chat.json format=json'),
    (map { [ "ChatLog$_", qr/^ChatLog takes a file or "\|COMMAND", and format=json or format=ecs behind it$/m ] } '', ' ""', ' |', ' a format=json b'),
    [ 'ChatLog a format=xml', qr/^ChatLog format does not accept "xml": write json or ecs$/m ],
    [ 'ChatLog a b', qr/^ChatLog does not accept "b": write KEY=VALUE with the keys format$/m ],

    (map { [ "ChatModerationList $_" ] } 'w file:words.txt', 'w-_1 off', 'w file:words.txt action=flag in=output,input match=substring homoglyphs=on marks=keep fail=closed'),
    [ 'ChatModerationList', qr/^ChatModerationList takes 1 to 63 arguments: NAME file:PATH/m ],
    [ 'ChatModerationList w', qr/^ChatModerationList w: write NAME file:PATH \[OPTION=VALUE \.\.\.\], or NAME off$/m ],
    [ 'ChatModerationList w/x off', qr{^ChatModerationList does not accept "w/x": write a name of 1 to 32 letters, digits, _ or -$}m ],
    (map { [ "ChatModerationList w $_", qr/^ChatModerationList does not accept "$_": write file:PATH$/m ] } 'words.txt', 'file:'),
    [ 'ChatModerationList w file:none.txt', qr{^ChatModerationList cannot read \S+/none\.txt: No such file}m ],
    (map { my ($key, $names) = @$_; [ "ChatModerationList w file:words.txt $key=x", qr/^ChatModerationList $key does not accept "x": write $names$/m ] }
        [ action => 'block, replace or flag' ], [ in => 'input, output or input,output' ], [ match => 'word, substring or regex' ],
        [ marks => 'strip or keep' ], [ homoglyphs => 'on or off' ], [ fail => 'open or closed' ]),
    (map { [ "ChatModerationTell $_" ] } qw(off category reason)),
    [ 'ChatModerationTell all', qr/^ChatModerationTell does not accept "all": write off, category or reason$/m ],
    (map { [ "ChatModerationAudit $_" ] } qw(off file:audit.log)),
    [ 'ChatModerationAudit audit.log', qr/^ChatModerationAudit does not accept "audit\.log": write file:PATH$/m ],
    (map { [ "ChatModerationStoreBlocked $_" ] } qw(on off)),
    [ 'ChatModerationStoreBlocked maybe', qr/^ChatModerationStoreBlocked does not accept "maybe": write on or off$/m ],

    (map { [ "ChatTrace $_" ] } 'off', 'on accept=none', 'on accept=any ratio=0', 'on accept=10.0.0.0/8,::1 ratio=0.01'),
    [ 'ChatTrace', qr/^ChatTrace takes 1 to 63 arguments: on or off/m ],
    [ 'ChatTrace maybe', qr/^ChatTrace does not accept "maybe": write on or off$/m ],
    (map { [ "ChatTrace on accept=$_", qr/^ChatTrace accept does not accept "\Q$_\E": write none, any, or networks of clients, as in/m ] } '', 'x', '10.0.0.0/33'),
    (map { [ "ChatTrace on ratio=$_", qr/^ChatTrace ratio does not accept "\Q$_\E": write a number from 0 to 1, as in 0\.01$/m ] } '', qw(1.1 -1 x 0.5x)),
    (map { [ "ChatTraceContent $_" ] } qw(on off)),
    [ 'ChatTraceContent maybe', qr/^ChatTraceContent does not accept "maybe": write on or off$/m ],
    (map { [ "ChatTraceExport $_" ] } 'off', 'http://127.0.0.1:4318', 'https://otel.example.com/x protocol=http/protobuf timeout=100ms delay=10ms queue=1 batch=1'),
    [ 'ChatTraceExport', qr/^ChatTraceExport takes 1 to 63 arguments: URL/m ],
    [ 'ChatTraceExport ftp://x', qr{^ChatTraceExport does not accept "ftp://x"}m ],
    [ 'ChatTraceExport http://x protocol=grpc', qr{^ChatTraceExport protocol does not accept "grpc": write http/json or http/protobuf$}m ],
    [ 'ChatTraceExport http://x timeout=61s', qr/^ChatTraceExport timeout @{[ $TIME->('100ms', '1m') ]}/m ],
    [ 'ChatTraceExport http://x delay=1ms', qr/^ChatTraceExport delay @{[ $TIME->('10ms', '1m') ]}/m ],
    [ 'ChatTraceExport http://x queue=0', qr/^ChatTraceExport queue @{[ $NUMBER->(1, 1_000_000) ]}/m ],
    [ 'ChatTraceExport http://x batch=10001', qr/^ChatTraceExport batch @{[ $NUMBER->(1, 10_000) ]}/m ],
    (map { [ "ChatTraceExport http://x $_=none.pem", qr/^ChatTraceExport $_ does not accept "none\.pem": write a file in PEM$/m ] } qw(ca cert key)),
    [ 'ChatTraceExport http://x cert=words.txt', qr/^ChatTraceExport: cert= and key= belong together$/m ],
    [ "ChatTraceHeader Authorization $SECRET" ],
    [ "ChatTraceHeader a:b $SECRET", qr/^ChatTraceHeader does not accept "a:b": write the name of a header, as in Authorization$/m ],
    [ 'ChatTraceHeader Authorization', qr/^ChatTraceHeader takes two arguments/m ],
    [ 'ChatTraceResource service.name=chat a=b' ],
    (map { [ "ChatTraceResource $_", qr/^ChatTraceResource does not accept "$_": write NAME=VALUE, as in service\.name=chat$/m ] } qw(a =b a=)),

    [ 'ChatPage "name=A page" accent=#0b6e4f logo=/logo.svg sign-in=https://a.example/in sign-out=/out terms=http://a/t privacy=/p' ],
    [ 'ChatPageSuggest "What is on today?" "And, then, what?"' ],
    (map { [ "ChatPageSuggest $_", qr/^ChatPageSuggest must be 1 to 500 bytes of text$/m ] } 'x' x 501),
    [ 'ChatPageSuggest a a', qr/^ChatPageSuggest does not accept "a": write each name once$/m ],
    [ 'ChatPage', qr/^ChatPage takes 1 to 63 arguments: \[name=TEXT\]/m ],
    (map { [ "ChatPage name=$_", qr/^ChatPage name must be 1 to 100 bytes of text$/m ] } '', 'x' x 101),
    (map { [ "ChatPage accent=$_", qr/^ChatPage accent does not accept "$_": write a colour as # and six hexadecimal digits/m ] } 'red', '#abc', '#12345g', '#1234567'),
    (map { my $key = $_; map { [ "ChatPage $key=$_", qr/^ChatPage $key does not accept "\Q$_\E": write a path that begins with \/, or an http/m ] }
        'javascript:x', '//host', 'data:x', '/a<b', 'page' } qw(logo sign-in sign-out terms privacy)),

    [ 'ChatUploads off' ],
    [ 'ChatUploads dir:%%DIR%%' ],
    [ 'ChatUploads dir:%%DIR%% public=https://chat.example.com reach=on' ],
    (map { [ "ChatUploadsKey file:store.key\nChatUploads s3://$_" ] } 'files region=eu-central-1', 'files/a/b endpoint=http://127.0.0.1:9000 public=https://s3.example.com style=virtual reach=off'),
    (map { [ "ChatUploads $_", qr{^ChatUploads does not accept "\Q$_\E": write off, dir:/DIRECTORY or s3://BUCKET\[/PREFIX\]$}m ] } qw(on /tmp files)),
    (map { [ "ChatUploads dir:$_", qr/^ChatUploads does not accept "$_": write dir: with the absolute path of a directory that is there/m ] } '', 'files', '/no/such'),
    [ 'ChatUploads dir:%%DIR%% region=x', qr{^ChatUploads: endpoint=, region= and style= belong to s3://$}m ],
    [ 'ChatUploads dir:%%DIR%% reach=on', qr/^ChatUploads: with dir: reach=on wants public=URL/m ],
    [ 'ChatUploads s3://files', qr{^ChatUploads: s3:// wants region=NAME, or endpoint=URL where the store is not Amazon's$}m ],
    (map { [ "ChatUploads s3://$_ region=x", qr{^ChatUploads does not accept "\Q$_\E": write s3://BUCKET\[/PREFIX\]}m ] } qw(Files ab a..b files/../x files//x)),
    [ 'ChatUploads s3://files region=a/b', qr{^ChatUploads region does not accept "a/b": write letters, digits and "-"$}m ],
    [ 'ChatUploads s3://files region=x style=host', qr/^ChatUploads style does not accept "host": write path or virtual$/m ],
    [ 'ChatUploads s3://files endpoint=https://a/b', qr{^ChatUploads endpoint does not accept "https://a/b": write a URL without a path$}m ],
    [ 'ChatUploads s3://files region=x', qr/ChatUploadsKey/ ],
    [ "ChatUploadsKey $SECRET", qr/^ChatUploadsKey: write the id and the secret of an access key there/m ],
    [ 'ChatUploadsTypes image/png application/pdf=1M text/x-log=1K' ],
    (map { [ "ChatUploadsTypes $_", qr{^ChatUploadsTypes does not accept "\Q$_\E": write image/png, }m ] } qw(text/html image/svg+xml text/xml video/mp4 text/*)),
    [ 'ChatUploadsTypes image/png=0', qr{^ChatUploadsTypes image/png does not accept "0": write a number of bytes from 1 to 1G}m ],
    [ 'ChatUploadsLimit files=0 bytes=0 inline=0 memory=0 pixels=1' ],
    [ 'ChatUploadsLimit pixels=0', qr/^ChatUploadsLimit pixels @{[ $NUMBER->(1, 65535) ]}/m ],
    [ 'ChatUploadsLimit files=1000001', qr/^ChatUploadsLimit files does not accept "1000001": write a whole number from 0 to 1M; K and M/m ],
    [ 'ChatUploadsLimit inline=513M', qr/^ChatUploadsLimit inline does not accept "513M": write a number of bytes from 0 to 512M/m ],
    [ 'ChatUploadsLimit memory=2048G', qr/^ChatUploadsLimit memory does not accept "2048G": write a number of bytes from 0 to 1024G/m ],
    [ 'ChatUploadsTime put=1s get=168h read=60s unused=24h' ],
    (map { [ "ChatUploadsTime $_=0", qr/^ChatUploadsTime $_ @{[ $TIME->('1s', '168h') ]}/m ] } qw(put get)),
    [ 'ChatUploadsTime read=59s', qr/^ChatUploadsTime read @{[ $TIME->('1m', '168h') ]}/m ],
    [ 'ChatUploadsTime unused=0', qr/^ChatUploadsTime unused @{[ $TIME->('1s', '8760h') ]}/m ],

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
    (map { [ "ChatRequestNote $_" ] } qw(on off)),
    [ 'ChatRequestNote maybe', qr/^ChatRequestNote does not accept "maybe": write on or off$/m ],
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
$t->write_file('words.txt', "a word\n");
$t->write_file('store.key', "AKIDEXAMPLE a-secret-of-a-store\n", 0600);
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
    ChatLog => [ 'ChatLog chat.json', [qw(server vhost)] ],
    ChatAdmin => [ 'ChatAdmin off', [qw(server vhost)] ],
    ChatTraceExport => [ 'ChatTraceExport off', ['server'] ],
    ChatTraceHeader => [ "ChatTraceHeader Authorization $SECRET", ['server'] ],
    ChatTraceResource => [ 'ChatTraceResource a=b', ['server'] ],
    ChatUploads => [ 'ChatUploads off', [qw(server vhost)] ],
    ChatUploadsKey => [ 'ChatUploadsKey file:store.key', [qw(server vhost)] ],
    ChatUploadsTime => [ 'ChatUploadsTime put=5m', [qw(server vhost)] ],
    ChatTrace => [ 'ChatTrace off', \@EVERYWHERE ],
    ChatTraceContent => [ 'ChatTraceContent off', \@EVERYWHERE ],
    ChatModerationList => [ 'ChatModerationList words file:words.txt', \@EVERYWHERE ],
    ChatModerationAudit => [ 'ChatModerationAudit off', \@EVERYWHERE ],
    ChatAuthSecret => [ "ChatAuthSecret $SECRET", \@EVERYWHERE ],
    ChatAuthNamespace => [ 'ChatAuthNamespace people', \@EVERYWHERE ],
    ChatAuthInsecure => [ 'ChatAuthInsecure off', \@EVERYWHERE ],
    map({ $_->[0] => [ "$_->[0] $_->[1]", \@EVERYWHERE, 'FileInfo' ] }
        [ ChatRoute => 'mock' ], [ ChatUse => 'openai' ], [ ChatModelDefault => 'm' ],
        [ ChatStreamHeartbeat => '15s' ], [ ChatStreamEarlyHeaders => 'on' ],
        [ ChatStreamStallTimeout => '5s' ], [ ChatStreamOnLeave => 'finish' ], [ ChatMock => 'words=3' ],
        [ ChatRetry => '2 backoff=1s' ], [ ChatContext => '5' ], [ ChatPage => 'name=Chat' ], [ ChatPageSuggest => 'a' ]),
    map({ $_->[0] => [ "$_->[0] $_->[1]", \@EVERYWHERE, 'AuthConfig' ] }
        [ ChatAuth => 'user' ], [ ChatAuthCookie => 'sid' ],
        [ ChatOrigin => 'https://a' ], [ ChatAuthBearer => 'signed' ], [ ChatHealthDetails => 'true' ]),
    map({ $_->[0] => [ "$_->[0] $_->[1]", \@EVERYWHERE, 'Limit' ] }
        [ ChatModelAllow => 'gpt-*' ], [ ChatRequestFormat => 'provider' ], [ ChatRequestNote => 'on' ],
        [ ChatModerationTell => 'category' ], [ ChatModerationStoreBlocked => 'on' ],
        [ ChatUploadsTypes => 'image/png' ], [ ChatUploadsLimit => 'files=5' ],
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
my %LISTED = (ChatAuthSecret => $SECRET, ChatAuthNamespace => 'people', ChatTrace => 'on', ChatModerationList => 'words file:words.txt', ChatModerationAudit => 'file:audit.log');
for (sort keys %LISTED) {
    mkdir $t->htdocs . "/listed-$_" or die $!;
    $t->write_file("htdocs/listed-$_/.htaccess", "$_ $LISTED{$_}\n");
    $t->write_file("htdocs/listed-$_/page", "hello\n");
    $conf .= "<Directory \"%%HTDOCS%%/listed-$_\">\nAllowOverrideList $_\n</Directory>\n";
}
mkdir $t->htdocs . '/wrong' or die $!;
$t->write_file('htdocs/wrong/.htaccess', "ChatMock words=none\n");
$t->write_file('htdocs/wrong/page', "hello\n");

$t->{conf} = $conf . <<'END';
<Directory "%%HTDOCS%%/wrong">
AllowOverride All
</Directory>
END
$t->start;
$t->expect_log(qr{htaccess: Chat\w+ not allowed here});
$t->expect_log(qr{htaccess: Chat\w+ cannot occur within });
$t->expect_log(qr{htaccess: ChatMock words does not accept "none": write a whole number});

for my $d (@WRITTEN) {
    my $own = $SCOPES{$d}[2] // '';
    for my $class (@CLASSES) {
        my $res = $t->get("/$class/$d/page");
        is $res->{status}, $class eq $own ? 200 : 500,
            "$d in .htaccess: AllowOverride $class " . ($class eq $own ? 'lets it' : 'does not let it');
    }
}
is $t->get("/listed-$_/page")->{status}, 500, "$_ is not let in by AllowOverrideList" for sort keys %LISTED;
is $t->get('/wrong/page')->{status}, 500, 'a wrong value in .htaccess is refused';

$t->stop;
done_testing;
