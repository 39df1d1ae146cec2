# SPDX-License-Identifier: Apache-2.0
#
# <ChatProvider>: what a section may hold, what it must, how virtual hosts come
# by theirs, and that each directive reaches the call to the upstream.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use IO::Socket::INET;
use Socket ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $URL = 'ChatProviderURL http://127.0.0.1:1/v1';

sub section ($name, @lines) {
    return join "\n", "<ChatProvider $name>", @lines, '</ChatProvider>', '';
}

sub vhost ($name, @lines) {
    return join "\n", '<VirtualHost *:%%PORT%%>', "ServerName $name", @lines, '</VirtualHost>', '';
}

# The types and what they have, by chat_provider_list.h.
my @TYPES = do {
    open my $fh, '<', "$ChatTest::Httpd::ROOT/include/chat_provider_list.h" or die $!;
    my $list = do { local $/; <$fh> };
    my @rows = $list =~ /^CHAT_PROVIDER\(\w+, "(\w+)",\s+([^)]+)\)/mg;    # a row may have two lines
    map { { name => $rows[$_ * 2], caps => $rows[$_ * 2 + 1] } } 0 .. $#rows / 2;
};

sub types_with ($cap) { return map { $_->{name} } grep { $_->{caps} =~ /\bCHAT_PROVIDER_$cap\b/ } @TYPES }
sub types_without ($cap) { return map { $_->{name} } grep { $_->{caps} !~ /\bCHAT_PROVIDER_$cap\b/ } @TYPES }

# "a, b or c"
sub listed (@names) {
    my $last = pop @names;
    return @names ? join(', ', @names) . " or $last" : $last;
}

cmp_ok scalar @TYPES, '>', 6, 'the list has types';
is_deeply [ types_with('RESPONSES') ], ['openai'], 'OpenAI alone has a Responses API';
is_deeply [ sort(types_with('VERSION')) ], [qw(anthropic compatible openai)], 'three have versions';

# ---- what is refused ----

my $INSIDE = qr/accepted there is ChatProviderType, ChatProviderLabel, ChatProviderURL, ChatProviderKey, ChatProviderAuth, ChatProviderVersion, ChatProviderAPI, ChatProviderStore, ChatProviderTrace, ChatProviderTimeout or ChatProviderBreaker$/m;
my $TYPES = listed(map { $_->{name} } @TYPES);
my $WITH_VERSION = listed(types_with('VERSION'));
my $WITH_RESPONSES = listed(types_with('RESPONSES'));
my $URL_FORM = qr{write https://HOST\[:PORT\]\[/PATH\] or the same with http, as in https://api\.openai\.com/v1$}m;
my $TIME = qr/write a time from 1ms to 24h with the unit us, ms, s, m or h \(s when there is none\), or off$/m;

my @REFUSED = (
    [ "<ChatProvider>\n$URL\n</ChatProvider>", qr/^<ChatProvider> takes one name, as in <ChatProvider openai>$/m ],
    [ section('openai two', $URL), qr/^<ChatProvider> takes one name/m ],
    [ section('""', $URL), qr/^<ChatProvider> takes one name/m ],
    [ section('open/ai', $URL), qr{^<ChatProvider> does not accept "open/ai": write a name of 1 to 64}m ],
    [ "<ChatProvider openai\n$URL\n</ChatProvider>", qr/^<ChatProvider> directive missing closing '>'$/m ],
    [ section('openai'), qr/^<ChatProvider openai> needs a ChatProviderURL, as in ChatProviderURL https/m ],
    [ section('mine', $URL), qr/^<ChatProvider mine> needs a ChatProviderType, for "mine" is none: write $TYPES$/m ],
    [ section('openai', $URL) . section('openai', $URL),
        qr/^<ChatProvider openai> is already defined at \S+:\d+: give it another name, or add to that section$/m ],
    [ vhost('a', section('openai', $URL), section('openai', $URL)),
        qr/^<ChatProvider openai> is already defined at \S+:\d+:/m ],
    [ section('openai', $URL, 'ChatRoute openai'), qr/^ChatRoute cannot stand in <ChatProvider openai>: $INSIDE/m ],
    [ section('openai', $URL, 'ServerName x'), qr/^ServerName cannot stand in <ChatProvider openai>: $INSIDE/m ],
    [ section('openai', $URL, '<Location />', '</Location>'), qr/^<Location cannot stand in <ChatProvider openai>: $INSIDE/m ],
    [ section('openai', $URL, section('two', $URL)), qr/^<ChatProvider cannot stand in <ChatProvider openai>: $INSIDE/m ],
    (map { [ $_->[0], qr/^$_->[1] belongs in a <ChatProvider NAME> section$/m ] }
        [ 'ChatProviderType openai', 'ChatProviderType' ], [ $URL, 'ChatProviderURL' ],
        [ 'ChatProviderKey file:canary.key', 'ChatProviderKey' ],
        [ 'ChatProviderAuth bearer', 'ChatProviderAuth' ], [ 'ChatProviderVersion 1', 'ChatProviderVersion' ], [ 'ChatProviderLabel a', 'ChatProviderLabel' ],
        [ 'ChatProviderAPI responses', 'ChatProviderAPI' ], [ 'ChatProviderStore on', 'ChatProviderStore' ],
        [ 'ChatProviderTrace on', 'ChatProviderTrace' ], [ 'ChatProviderTimeout connect=1s', 'ChatProviderTimeout' ],
        [ 'ChatProviderBreaker off', 'ChatProviderBreaker' ]),

    [ section('x', 'ChatProviderType gemini9', $URL), qr/^ChatProviderType does not accept "gemini9": write $TYPES$/m ],
    [ section('openai', $URL, 'ChatProviderAuth basic'),
        qr/^ChatProviderAuth does not accept "basic": write bearer, api-key, x-api-key or x-goog-api-key$/m ],
    (map { [ section('anthropic', $URL, qq(ChatProviderVersion "$_")),
        qr/^ChatProviderVersion does not accept "\Q$_\E": write a version of 1 to 32 letters/m ] }
        '2023-06-01 x', '2023&a=b', '2023?', 'x' x 33),
    (map { [ section('openai', $URL, qq(ChatProviderLabel "$_")), qr/^ChatProviderLabel must be 1 to 100 bytes of text$/m ] } "a\tb", 'x' x 101),
    (map { [ section($_, $URL, 'ChatProviderVersion 1'),
        qr/^<ChatProvider $_> has a ChatProviderVersion, which only a provider of the type $WITH_VERSION knows$/m ] }
        types_without('VERSION')),
    (map { [ section($_, $URL, 'ChatProviderAPI responses'),
        qr/^<ChatProvider $_> has "ChatProviderAPI responses", which only a provider of the type $WITH_RESPONSES knows$/m ] }
        types_without('RESPONSES')),
    [ section('openai', $URL, 'ChatProviderAPI chat'), qr/^ChatProviderAPI does not accept "chat": write responses or chat-completions$/m ],
    [ section('openai', $URL, 'ChatProviderStore maybe'), qr/^ChatProviderStore does not accept "maybe": write on or off$/m ],
    [ section('openai', $URL, 'ChatProviderTrace maybe'), qr/^ChatProviderTrace does not accept "maybe": write on or off$/m ],

    [ section('openai', $URL, 'ChatProviderTimeout'), qr/^ChatProviderTimeout does not accept "": write one or more of connect=TIME/m ],
    [ section('openai', $URL, 'ChatProviderTimeout 5s'),
        qr/^ChatProviderTimeout does not accept "5s": write KEY=VALUE with the keys connect, first, idle or total$/m ],
    [ section('openai', $URL, 'ChatProviderTimeout read=5s'),
        qr/^ChatProviderTimeout does not accept "read=5s": write KEY=VALUE with the keys connect, first, idle or total$/m ],
    [ section('openai', $URL, 'ChatProviderTimeout idle=5s idle=6s'), qr/^ChatProviderTimeout has idle= twice: write it once$/m ],
    (map { my $value = $_;
        map { [ section('openai', $URL, "ChatProviderTimeout $_=$value"),
            qr/^ChatProviderTimeout $_ does not accept "\Q$value\E": $TIME/m ] } qw(connect first idle total)
    } '0', '999us', '25h', 'never', ''),
);

push @REFUSED, (
    (map { [ section('openai', $URL, "ChatProviderBreaker $_"),
        qr/^ChatProviderBreaker does not accept "$_": write a whole number from 1 to 1000$/m ] } qw(0 1001 on)),
    (map { [ section('openai', $URL, "ChatProviderBreaker$_"),
        qr/^ChatProviderBreaker takes FAILURES \[cooldown=TIME\], or off$/m ] } '', ' 5 cooldown=1s cooldown=2s'),
    [ section('openai', $URL, 'ChatProviderBreaker off cooldown=1s'), qr/^ChatProviderBreaker does not accept "off": write a whole number/m ],
    [ section('openai', $URL, 'ChatProviderBreaker 5 30s'),
        qr/^ChatProviderBreaker does not accept "30s": write KEY=VALUE with the keys cooldown$/m ],
    (map { [ section('openai', $URL, "ChatProviderBreaker 5 cooldown=$_"),
        qr/^ChatProviderBreaker cooldown does not accept "$_": write a time from 100ms to 1h/m ] } qw(99ms 61m off)),
);

# Where a key could stand in it, the value is not repeated.
push @REFUSED, map {
    my ($url, $fault, $shown) = ($_->[0], $_->[1], $_->[2] // $_->[0]);
    [ section('openai', qq(ChatProviderURL "$url")),
        qr/^ChatProviderURL does not accept "\Q$shown\E", for $fault: $URL_FORM/m ];
} (
    [ 'ftp://h/v1', 'it is neither http:// nor https://' ],
    [ 'api.openai.com', 'it is no URL' ],
    [ 'https:/api.openai.com', 'it is no URL' ],
    [ 'https://', 'it is no URL' ],
    [ '/v1', 'it is no URL' ],
    [ 'https://user:hunter2@h/v1', 'a user or a password stands in it', '(not shown)' ],
    [ 'https://user@h/v1', 'a user or a password stands in it', '(not shown)' ],
    [ 'https://:hunter2@h/v1', 'a user or a password stands in it', '(not shown)' ],
    [ 'https://@h/v1', 'a user or a password stands in it', '(not shown)' ],
    [ 'https://h/v1?key=sk-1', 'a query or a fragment stands in it', '(not shown)' ],
    [ 'https://h/v1?', 'a query or a fragment stands in it', '(not shown)' ],
    [ 'https://h?', 'a query or a fragment stands in it', '(not shown)' ],
    [ 'https://h/v1#', 'a query or a fragment stands in it', '(not shown)' ],
    [ 'https://h/v1#top', 'a query or a fragment stands in it', '(not shown)' ],
    [ 'https://h:0/v1', 'its port is not 1 to 65535' ],
    [ 'https://h:65536/v1', 'its port is not 1 to 65535' ],
    [ 'https://h:/v1', 'its port is not 1 to 65535' ],
    [ 'https://a b/v1', 'a character in it must be percent-encoded' ],
    [ 'https://h/v{1}', 'a character in it must be percent-encoded' ],
    [ "https://h/\xc3\xa4", 'a character in it must be percent-encoded', 'https://h/\xc3\xa4' ],
    [ 'https://a,b/v1', 'its host name is none' ],
);

push @REFUSED, [ section('openai', $URL, ('ChatProviderKey file:canary.key') x 33), qr/^ChatProviderKey: a provider has 32 keys at most$/m ];

# An application, where it can be asked and what it is shown.
my $JWT = 'ChatProviderKey "jwt:exec:/bin/echo 0123456789abcdef0123456789abcdef"';
my $APP = section('app', 'ChatProviderURL http://localhost:3000');
sub at ($route, @lines) { return join "\n", '<Location /x>', 'SetHandler chat', 'ChatAuth guest', "ChatRoute $route", @lines, "</Location>\n" }
push @REFUSED,
    (map { [ $APP . at($_, 'ChatUse app'), qr{CHAT0160: ChatUse "app" holds at <Location /x>, whose ChatRoute is "$_": an application answers "ChatRoute ui-message" alone$}m ] }
        qw(stream message completions openai conversations)),
    [ "${APP}ChatModel m app\n" . at('ui-message', 'ChatTitleModel m'), qr{CHAT0161: ChatTitleModel "m" at <Location /x> is a model of the provider app: an application makes no titles$}m ],
    [ section('openai', $URL, $JWT), qr/^<ChatProvider openai> has "ChatProviderKey jwt:", which only a provider of the type app knows$/m ],
    [ section('app', $URL, $JWT, 'ChatProviderKey file:canary.key'), qr/^ChatProviderKey: either all keys of a provider begin with jwt:, or none$/m ],
    [ section('app', $URL, 'ChatProviderKey "jwt:exec:/bin/echo short"'), qr/^ChatProviderKey: the secret of tokens is too short: write at least 32 characters, as openssl rand -base64 32 makes them$/m ],
    [ section('app', $URL, 'ChatProviderKey jwt:secret'), qr/^ChatProviderKey takes no secret in the configuration itself/m ];

my $t = ChatTest->new;
for my $row (@REFUSED) {
    my ($conf, $sentence) = @$row;
    my ($ok, $said) = $t->configtest($conf);
    my $name = join ' | ', grep { $_ } split /\n/, $conf;
    ok !$ok && $said =~ $sentence, "refused with a sentence: $name" or diag $said;
    unlike $said, qr/hunter2|sk-1/, 'which holds no key';
}

# ---- what is accepted ----

for my $conf (
    section('openai', 'ChatProviderURL https://api.openai.com'),
    section('"openai"', $URL),
    section('my-own_1.x', 'ChatProviderType openai', $URL),
    section('openai', 'ChatProviderURL http://[::1]:8080/v1'),
    section('openai', '<IfModule chat_module>', $URL, '</IfModule>', 'ChatProviderStore ON'),
    section('openai', $URL, 'ChatProviderTimeout connect=1ms first=off', 'ChatProviderTimeout idle=24h total=off'),
    (map { section('openai', $URL, "ChatProviderBreaker $_") } 'off', 1, 'Off', '1000 cooldown=100ms', '5 cooldown=1h'),
    (map { section('openai', $URL, ('ChatProviderKey file:canary.key') x $_) } 2, 32),
    (map { section($_, $URL, 'ChatProviderAPI chat-completions') } qw(openai anthropic gemini openrouter deepseek mistral compatible)),
    (map { section($_, $URL, 'ChatProviderVersion 2024-10-21', 'ChatProviderAuth api-key') } qw(openai anthropic compatible)),
    $APP . at('ui-message', 'ChatUse app'),
    "${APP}ChatModel m app\n" . at('stream'),
    section('app', $URL, $JWT),
    section('a', 'ChatProviderType openai', $URL) . section('b', 'ChatProviderType openai', $URL),
    section('openai', $URL) . vhost('a', section('openai', $URL)),
    section('openai', $URL) . vhost('a', 'ChatUse openai'),
    # what stands for all hosts may be meant for one of them
    'ChatUse own' . "\n" . vhost('a', section('own', 'ChatProviderType openai', $URL)),
    vhost('a', '<Location /x>', 'ChatUse openai', '</Location>', section('openai', $URL)),
) {
    my ($ok, $said) = $t->configtest($conf);
    my $name = join ' | ', grep { $_ } split /\n/, $conf;
    is $said, "Syntax OK\n", "accepted: $name";
}
{
    my ($ok, $said) = $t->configtest(vhost('a', section('own', 'ChatProviderType openai', $URL))
        . vhost('b', 'ChatUse own'));
    ok !$ok && $said =~ /^CHAT0101: ChatUse "own" at \S+:\d+: this server has no <ChatProvider own>$/m,
        'a host has not what its neighbour has' or diag $said;
}

# ---- hints ----

{
    my $key = 'ChatProviderKey file:canary.key';
    my ($ok, $said) = $t->configtest(section('openai', 'ChatProviderURL http://llm.example/v1', $key));
    ok $ok && $said =~ /CHAT0104: <ChatProvider openai> at \S+:\d+ sends its key over plain http to llm\.example$/m,
        'a key over plain http is warned of' or diag $said;
    for my $url (qw(https://llm.example http://127.0.0.1:1 http://localhost:1 http://[::1]:1)) {
        ($ok, $said) = $t->configtest(section('openai', "ChatProviderURL $url", $key));
        is $said, "Syntax OK\n", "... and not to $url";
    }
    for my $row (
        [ 'an inherited one is warned of once', section('openai', 'ChatProviderURL http://llm.example', $key)
            . vhost('a', section('own', 'ChatProviderType openai', $URL)) ],
        [ 'one in a virtual host is warned of, too', section('openai', 'ChatProviderURL https://llm.example', $key)
            . vhost('a', section('openai', 'ChatProviderURL http://llm.example', $key)) ])
    {
        ($ok, $said) = $t->configtest($row->[1]);
        is scalar(() = $said =~ /CHAT0104/g), 1, "... $row->[0]" or diag $said;
    }
    my $route = "<Location /x>\nSetHandler chat\nChatRoute openai\n</Location>\n";
    ($ok, $said) = $t->configtest($route);
    ok $ok && $said =~ /CHAT0103: ChatRoute "openai" at \S+:\d+: no ChatAuth says who may use it, so everybody gets a 401$/m,
        'a route that nobody can use is warned of' or diag $said;
    for my $conf ("ChatAuth none\n$route", vhost('a', $route) . "ChatAuth none\n", $route =~ s/openai/mock/r) {
        ($ok, $said) = $t->configtest($conf);
        is $said, "Syntax OK\n", '... and not when somebody is named: ' . $conf =~ s/\n/ | /gr;
    }
}

# ---- what reaches the upstream ----

my $one = ChatTest::Upstream->new(n => 1)->start;
my $two = ChatTest::Upstream->new(n => 1)->start;
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp') or die $!;
my $mute_url = 'http://127.0.0.1:' . $mute->sockport;

# Nobody takes connections there: once its queue is full, the next must wait.
my @queued = map {
    my $s = IO::Socket::INET->new(Proto => 'tcp', Type => Socket::SOCK_STREAM) or die $!;
    $s->blocking(0);
    CORE::connect($s, Socket::pack_sockaddr_in($mute->sockport, Socket::inet_aton('127.0.0.1')));
    $s;
} 1 .. 8;

my @CALLS = (
    # name => lines of the section
    openai   => [ "ChatProviderURL ${\$one->url}/", 'ChatProviderKey file:canary.key' ],
    root     => [ "ChatProviderURL HTTP://127.0.0.1:${\$one->port}/" ],
    chat     => [ "ChatProviderURL ${\$one->url}", 'ChatProviderAPI chat-completions' ],
    store    => [ "ChatProviderURL ${\$one->url}", 'ChatProviderStore on' ],
    params   => [ "ChatProviderURL ${\$one->url(n => 3)}//" ],
    connect  => [ "ChatProviderURL $mute_url", 'ChatProviderTimeout connect=200ms first=off idle=off total=off' ],
    first    => [ "ChatProviderURL ${\$one->url(fault => 'hang-head')}", 'ChatProviderTimeout connect=20s first=200ms idle=off total=off' ],
    idle     => [ "ChatProviderURL ${\$one->url(n => 9, pace => 1, fault => 'hang')}", 'ChatProviderTimeout connect=20s first=20s idle=200ms total=off' ],
    total    => [ "ChatProviderURL ${\$one->url(n => 1000, pace => 50)}", 'ChatProviderTimeout connect=20s first=20s idle=20s total=500ms' ],
    patient  => [ "ChatProviderURL ${\$one->url(head => 300, n => 2, pace => 200)}", 'ChatProviderTimeout connect=1ms first=off idle=off total=off', 'ChatProviderTimeout connect=5s' ],
);
my %calls = @CALLS;
my $sections = join '', map { section($_, 'ChatProviderType openai', $calls{$_}->@*) } sort keys %calls;
my $routes = join '', map { "<Location /$_>\nSetHandler chat\nChatRoute openai\nChatAuth guest\nChatUse $_\n</Location>\n" } sort keys %calls;

$t->{conf} = $sections . $routes
    . "<Location /default>\nSetHandler chat\nChatRoute openai\nChatAuth guest\n</Location>\n"
    . "<Directory \"%%HTDOCS%%\">\nAllowOverride FileInfo\n</Directory>\n"
    . "<Location /late>\nSetHandler chat\nChatRoute openai\nChatAuth guest\n</Location>\n"
    . vhost('first')
    . vhost('second', section('openai', "ChatProviderURL ${\$two->url}"))
    . vhost('third', section('own', 'ChatProviderType openai', "ChatProviderURL ${\$two->url}"), 'ChatUse own');
mkdir $t->htdocs . '/late' or die $!;
$t->write_file('htdocs/late/.htaccess', "ChatUse nobody\n");
$t->allow_log(qr/CHAT090\d: /);
$t->start;

my $asked = sub ($path, %o) {
    my $res = $t->sse($path, $t->turn, %o);
    return ($res, $one->last);
};

{
    my ($res, $call) = $asked->('/openai');
    is $res->{status}, 200, 'a provider answers';
    is $call->{path}, '/v1/responses', 'its URL loses the slash at the end; the API is Responses';
    is $call->{headers}{authorization}, 'Bearer ' . $t->canary_key, 'the key is sent';
    like $call->{body}, qr/"store":false/, 'the provider is told not to keep the answer';
}
{
    my ($res, $call) = $asked->('/root');
    is $call->{path}, '/responses', 'a URL without a path';
    is $call->{headers}{authorization}, undef, 'without a key none is sent';
}
is +($asked->('/chat'))[1]{path}, '/v1/chat/completions', 'ChatProviderAPI chat-completions';
like +($asked->('/store'))[1]{body}, qr/"store":true/, 'ChatProviderStore on';
is +($asked->('/params'))[1]{path}, '/v1;n=3/responses', 'parameters in the path are kept';
is +($asked->('/default'))[0]{status}, 200, 'without ChatUse the provider named as the route is used';

my $timed = sub ($path) {
    my $from = clock_gettime(CLOCK_MONOTONIC);
    my $res = $t->sse($path, $t->turn);
    return ($res, clock_gettime(CLOCK_MONOTONIC) - $from);
};
for my $path (qw(/connect /first)) {
    my ($res, $took) = $timed->($path);
    is $res->{status}, 504, "$path= ends the wait with a 504" or diag "after $took s";
    cmp_ok $took, '<', scaled(15), '... in its time';
}
for my $path (qw(/idle /total)) {
    my ($res, $took) = $timed->($path);
    ok $res->{status} == 200 && !$res->{clean}, "$path= breaks a stream" or diag "after $took s: $res->{ended}";
    cmp_ok $took, '<', scaled(15), '... in its time';
}
ok +($timed->('/patient'))[0]{clean}, 'off waits, and a second line replaces only what it names';

# ---- virtual hosts ----

my $host = sub ($name) {
    $_->reset for $one, $two;
    my $res = $t->sse('/default', $t->turn, headers => { Host => $name });
    return ($res, map { $_->stats->{requests} ? $_->last : undef } $one, $two);
};
{
    my ($res, $first, $second) = $host->('first');
    ok $first && !$second, 'a virtual host inherits the providers of the main server';
    ($res, $first, $second) = $host->('second');
    ok $second && !$first, 'a section of the same name takes its place';
    is $second->{headers}{authorization}, undef, '... as a whole: the main server\'s key is not sent elsewhere';
    ($res, $first, $second) = $host->('third');
    ok $second && !$first, 'a virtual host may have providers of its own';
}

my $mark = $t->mark;
is $t->sse('/late', $t->turn)->{status}, 500, 'an undefined name in .htaccess is refused at the request';
$t->expect_log(qr/CHAT0802: .*nobody/);
$t->wait_log(qr/CHAT0802: .*nobody/, from => $mark);

$t->stop;
$_->stop for $one, $two;
done_testing;
