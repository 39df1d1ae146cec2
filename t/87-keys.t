# SPDX-License-Identifier: Apache-2.0
#
# Keys of users' own, on both databases: stored and never read, checked at their
# provider, used instead of the house's, for their own user alone; another master
# key while the server serves; and nowhere a trace of one. docs/keys.md.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use ChatTest;
use ChatTest::Answers;
use ChatTest::Chats;
use ChatTest::Snippets;

my $TIME = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/;
my ($OLD, $NEW) = ('a1' x 32, 'b2' x 32);
my @canaries;    # every key that was ever said

sub key ($word) {
    my $key = sprintf 'sk-proj-%s-CANARY%08x%04x', $word, rand 2**32, scalar @canaries;
    push @canaries, $key;
    return $key;
}

# What docs/keys.md has to paste.
sub blocks ($lang) {
    open my $fh, '<', "$FindBin::Bin/../docs/keys.md" or die $!;
    return map { $_->{text} } grep { $_->{lang} eq $lang } ChatTest::Snippets::of('docs/keys.md', do { local $/; <$fh> });
}

# ---- a provider that knows by the word in a key what it is worth ----

my %STATUS = (bad => 401, limited => 403, busy => 429, sick => 500);
my $answer = qq(data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n)
    . qq(data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\ndata: [DONE]\n\n);

sub serve ($conn, $log) {
    my $head = '';
    while ($head !~ /\r\n\r\n/) {
        sysread $conn, $head, 1, length $head or return;
    }
    my ($method, $path) = $head =~ /^(\w+) (\S+)/;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    read $conn, my $body, $length if $length;
    my ($key) = $head =~ /^Authorization: Bearer (\S+)/mi;
    my ($word) = ($key // '') =~ /^sk-proj-(\w+)-/;
    syswrite $log, join(' ', $method, $path, $key // '-') . "\n";
    my $status = $STATUS{ $word // '' } // 200;
    my $text = $status != 200 ? qq({"error":{"message":"Incorrect API key provided: @{[ $key // '' ]}","code":"no"}})
        : $method eq 'GET' ? '{"data":[]}' : $answer;
    my $type = $status == 200 && $method eq 'POST' ? 'text/event-stream' : 'application/json';
    print $conn "HTTP/1.1 $status X\r\nContent-Type: $type\r\nContent-Length: @{[ length $text ]}\r\nConnection: close\r\n\r\n$text";
    return;
}

sub provider () {
    my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die $!;
    pipe my $read, my $log or die $!;
    my $parent = $$;
    my $pid = fork // die $!;
    if (!$pid) {
        $SIG{ALRM} = sub { exit if getppid != $parent; alarm 1 };
        alarm 1;
        while (1) {
            my $conn = $listener->accept or next;
            serve($conn, $log);
            close $conn;
        }
    }
    close $log;
    $read->blocking(0);
    return { port => $listener->sockport, pid => $pid, log => $read, seen => '' };
}

# What it was asked since the last time: "METHOD PATH KEY".
sub asked ($up) {
    while (sysread $up->{log}, my $more, 65536) { $up->{seen} .= $more }
    my @lines = split /\n/, $up->{seen};
    $up->{seen} = '';
    return @lines;
}

my $up = provider();
END { kill TERM => $up->{pid} if $up && $up->{pid} }

# ---- what is where ----

sub found_in ($text) {
    return grep { index($text, $_) >= 0 } @canaries;
}

# The keys in what a core file of the process would have: memory that can be
# read, is there, and is not marked as left out. And how much that is.
sub found_in_core ($pid) {
    no warnings 'portable';
    my ($bytes, $from, $to, $rss, %found) = (0);
    open my $maps, '<', "/proc/$pid/smaps" or return (0);
    open my $mem, '<:raw', "/proc/$pid/mem" or return (0);
    while (my $line = <$maps>) {
        ($from, $to) = (hex $1, hex $2) if $line =~ /^([0-9a-f]+)-([0-9a-f]+) /;
        $rss = $1 if $line =~ /^Rss:\s+(\d+)/;
        my ($flags) = $line =~ /^VmFlags:(.*)/ or next;
        next if !$rss || " $flags " !~ / rd / || " $flags " =~ / (?:dd|io) /;
        sysseek $mem, $from, 0 or next;
        sysread $mem, my $text, $to - $from or next;
        $bytes += length $text;
        $found{$_} = 1 for found_in($text);
    }
    return ($bytes, sort keys %found);
}

sub no_trace_in_memory ($t, $when) {
    ChatTest::wait_for('nothing runs', sub { $t->get('/server-status?auto')->{body} =~ /^ChatLive: 0$/m });
    for my $pid ($t->children) {
        my ($bytes, @found) = found_in_core($pid);
        cmp_ok $bytes, '>', 1_000_000, "$when: the memory of a child";
        is_deeply \@found, [], '... of which a core file would have no key';
    }
    return;
}

my $HOUSE = 'sk-proj-house-0123456789abcdef';

sub run ($db) {
    my $url = "http://127.0.0.1:$up->{port}/v1";
    my $t = ChatTest::Chats->new(db => $db, modules => ['status'], conf => <<"END");
LogLevel trace8
CoreDumpDirectory %%DIR%%
ExtendedStatus On
ChatKeySecret file:keys.secret
<ChatProvider own>
    ChatProviderType compatible
    ChatProviderURL $url
    ChatProviderKey file:house.secret
    ChatProviderBreaker 2 cooldown=1h
</ChatProvider>
<ChatProvider other>
    ChatProviderType anthropic
    ChatProviderURL $url
    ChatProviderKey file:house.secret
</ChatProvider>
ChatModel plain own fallback=spare
ChatModel spare other
<Location /api/v1/keys>
    ChatRoute keys
    ChatUserKeys allow own other
</Location>
<Location /api/v1/public>
    ChatRoute keys
    ChatUserKeys allow own baseurl=public
    ChatLimit writes 3/1h user
</Location>
<Location /api/v1/off>
    ChatRoute keys
</Location>
<Location /api/v1/allow>
    ChatRoute stream
    ChatStore off
    ChatUse own
    ChatUserKeys allow own
    ChatLimit budget 60/1d user unit=tokens reserve=50
</Location>
<Location /api/v1/require>
    ChatRoute stream
    ChatStore off
    ChatUse own
    ChatUserKeys require own
</Location>
<Location /api/v1/fallback>
    ChatRoute completions
    ChatStore off
    ChatUse own
    ChatUserKeys allow own fallback=on
</Location>
<Location /api/v1/spare>
    ChatRoute stream
    ChatStore off
    ChatUse own other
    ChatUserKeys allow own other
</Location>
<Location /api/v1/address>
    ChatRoute stream
    ChatStore off
    ChatUse own
    ChatUserKeys allow own baseurl=public
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END
    $t->write_file('keys.secret', "$OLD\n", 0600);
    $t->write_file('house.secret', "$HOUSE\n", 0600);
    $t->start;
    $t->expect_log(qr/CHAT(?:0885|0886|0902|1103): /);

    my $put = sub ($user, $json, $place = 'keys/own', %more) {
        return $t->as($user, 'PUT', $place, json => $json, %more);
    };
    my $ask = sub ($user, $place = 'allow') {
        return $t->as($user, 'POST', $place, json => { model => 'plain', messages => [ { role => 'user', content => 'hi' } ] });
    };

    # ---- write-only ----
    is_deeply $t->as('ann', 'GET', 'keys')->{json}, { data => [], providers => [ 'own', 'other' ] }, 'there is none at first';
    my $good = key('good');
    my $res = $put->('ann', { key => " $good " });
    is $res->{status}, 201, 'one is stored' or diag $res->{body}, $t->error_log;
    my $shown = $res->{json};
    like $shown->{createdAt}, $TIME, '... with a time';
    is_deeply { map { $_ => $shown->{$_} } qw(provider last4 status lastUsedAt expiresAt baseUrl) },
        { provider => 'own', last4 => substr($good, -4), status => 'ok', lastUsedAt => undef, expiresAt => undef, baseUrl => undef }, '... and shown by its end';
    is_deeply [ asked($up) ], ["GET /v1/models $good"], 'its provider was asked, for nothing';
    is_deeply $t->as('ann', 'GET', 'keys')->{json}{data}, [$shown], 'it is listed as that';
    is_deeply $t->as('bob', 'GET', 'keys')->{json}{data}, [], '... for its user alone';
    like $t->as('ann', 'GET', 'keys')->{headers}{'cache-control'}, qr/no-store/, '... and no cache keeps it';
    is $put->('ann', { key => $good, check => JSON::PP::false })->{status}, 200, 'another takes its place';
    is $t->as('ann', 'GET', 'keys')->{json}{data}[0]{status}, 'unchecked', '... unchecked, as was asked for';
    is_deeply [ asked($up) ], [], '... so nobody was asked';
    is_deeply $t->as('ann', 'POST', 'keys/own/check')->{json}, { status => 'ok' }, 'it is checked later';
    is $t->as('ann', 'GET', 'keys')->{json}{data}[0]{status}, 'ok', '... and that is kept';
    asked($up);
    my $future = '2099-01-01T00:00:00.000Z';
    is $put->('ann', { key => $good, expiresAt => $future })->{json}{expiresAt}, $future, 'it may expire';

    # ---- what is refused ----
    for my $case (
        [ 400, 'key_rejected',    { key => key('bad') } ],
        [ 201, undef,             { key => key('limited') } ],
        [ 502, 'upstream_error',  { key => key('busy') } ],
        [ 502, 'upstream_error',  { key => key('sick') } ],
        [ 400, 'key_format',      { key => 'a b' } ],
        [ 400, 'key_format',      { key => '' } ],
        [ 400, 'invalid_request', {} ],
        [ 400, 'invalid_request', { key => 7 } ],
        [ 400, 'invalid_request', { key => 'x', check => 'no' } ],
        [ 400, 'invalid_request', { key => 'x', expiresAt => '2001-01-01T00:00:00Z' } ],
        [ 403, 'keys_forbidden',  { key => 'x', baseUrl => 'https://example.com' } ],
        [ 400, 'key_format',      { key => 'sk-or-v1-0123' }, 'keys/other' ],
        [ 404, 'not_found',       { key => 'x' }, 'keys/openai' ],
        [ 403, 'keys_forbidden',  { key => 'x' }, 'off/own' ],
    ) {
        my ($status, $code, $json, @place) = @$case;
        $res = $put->('bob', $json, @place);
        is $res->{status}, $status, ($code // 'stored') . ': ' . substr(JSON::PP->new->canonical->encode($json), 0, 40) or diag $res->{body};
        is $res->{json}{code}, $code, '... in a word' if $code;
        is_deeply [ found_in($res->{raw_head} . $res->{body}) ], [], '... and no key in it';
    }
    is $t->as('', 'GET', 'keys')->{status}, 401, 'a guest has none';
    is $t->as('bob', 'PUT', 'keys/own', body => '{"key":"' . 'k' x 5000 . '"}', headers => { 'Content-Type' => 'application/json' })->{status}, 413, 'a body of 5 KiB';
    like $t->as('bob', 'PUT', 'keys/own', json => { key => $_ })->{status}, qr/\A20[01]\z/, "a key that is a part of a header: $_" for '0', 'application/json';
    is $t->as('bob', 'PUT', 'keys/own', body => 'key=x', headers => { 'Content-Type' => 'text/plain' })->{status}, 415, 'a form';
    is $t->as('bob', 'PUT', 'keys/own', body => '{"key":"x"', headers => { 'Content-Type' => 'application/json' })->{json}{code}, 'invalid_json', 'half of it';
    is $t->as('bob', 'DELETE', 'keys')->{status}, 400, 'all go only if that is said';
    is $t->as('bob', 'DELETE', 'keys?all=true')->{status}, 204, 'all go';
    is $t->as('bob', 'DELETE', 'keys/own')->{status}, 204, 'what is not there goes as well';
    is $t->as('bob', 'POST', 'keys/own/check')->{status}, 404, '... but is not checked';
    is $t->request('PUT', '/api/v1/keys/own', json => { key => 'x' }, headers => { ChatTest::Chats::cookie('bob'), Origin => 'https://evil.example' })->{status}, 403,
        'no page of another site stores one';
    asked($up);

    # ---- which one is used ----
    $res = $ask->('ann');
    like $res->{body}, qr/hello/, 'her key is used' or diag $res->{body}, $t->error_log;
    is $res->{headers}{'x-chat-key'}, 'user', '... as the answer says';
    is_deeply [ asked($up) ], ["POST /v1/chat/completions $good"], '... and the provider';
    $t->wait_log(qr/CHAT0901: .* user=ann .* key=user$/m);
    like $ask->('ann')->{body}, qr/hello/, 'no budget of the house counts it' for 1 .. 16;
    ok $t->as('ann', 'GET', 'keys')->{json}{data}[0]{lastUsedAt}, 'that it was used is known';
    asked($up);
    is $ask->('bob')->{headers}{'x-chat-key'}, 'house', 'who has none is asked for with that of the house';
    is_deeply [ asked($up) ], ["POST /v1/chat/completions $HOUSE"], '... by which it is sent';
    my $spent = 0;
    for (1 .. 15) { last if $spent = $ask->('bob')->{status} == 429 }
    ok $spent, '... and whose budget is spent at some time';
    is $ask->('bob', 'require')->{json}{code}, 'user_key_required', 'or is told to bring one';
    is $ask->('', 'require')->{status}, 403, '... as a guest is';
    is $ask->('ann', 'require')->{headers}{'x-chat-key'}, 'user', '... which she has';
    asked($up);

    # ---- one that its provider refuses ----
    my $bad = key('bad');
    $put->('eve', { key => $bad, check => JSON::PP::false });
    for my $round (1 .. 3) {
        $res = $ask->('eve');
        is "$res->{status} $res->{json}{code}", '400 user_key_rejected', "a key that is refused, time $round";
        is_deeply [ found_in($res->{raw_head} . $res->{body}) ], [], '... is not in the error';
    }
    is_deeply [ asked($up) ], ["POST /v1/chat/completions $bad"], '... and its provider is asked once';
    is $t->as('eve', 'GET', 'keys')->{json}{data}[0]{status}, 'invalid', '... it is known to be worth nothing';
    is $t->as('eve', 'POST', 'keys/own/check')->{json}{status}, 'invalid', '... as a check says';
    asked($up);
    is $ask->('eve', 'fallback')->{status}, 200, 'where the house steps in it is asked';
    is_deeply [ asked($up) ], ["POST /v1/chat/completions $HOUSE"], '... with its own key';

    $put->('eve', { key => $bad, check => JSON::PP::false });
    is $ask->('eve', 'fallback')->{status}, 200, '... also while nobody knows that';
    is_deeply [ asked($up) ], [ "POST /v1/chat/completions $bad", "POST /v1/chat/completions $HOUSE" ], '... after it was tried';
    is $t->as('eve', 'GET', 'keys')->{json}{data}[0]{status}, 'invalid', '... which is known from then on';
    $ask->('eve', 'fallback');
    is_deeply [ asked($up) ], ["POST /v1/chat/completions $HOUSE"], '... and not tried again';

    # ---- and one for what is asked second ----
    is $put->('bob', { key => 'sk-ant-api03-0123456789abcdef', check => JSON::PP::false }, 'keys/other')->{status}, 201, 'a key for a spare';
    $t->sql(q{update chat_user_key set invalid_at = 1 where provider = 'other'});
    is $ask->('bob', 'spare')->{headers}{'x-chat-key'}, 'house', '... that is worth nothing keeps nobody from the first';
    asked($up);
    $t->sql(q{update chat_user_key set invalid_at = null, base_url = 'https://example.com' where provider = 'other'});
    is $t->as('bob', 'POST', 'keys/other/check')->{json}{code}, 'keys_forbidden', 'one for a server of the user\'s own is not checked elsewhere';
    is_deeply [ asked($up) ], [], '... and goes nowhere';
    $t->as('bob', 'DELETE', 'keys/other');

    # ---- and one whose provider fails: not a word of the house's ----
    $put->('eve', { key => key('sick'), check => JSON::PP::false });
    $ask->('eve') for 1 .. 3;
    my $busy = key('busy');
    $put->('eve', { key => $busy, check => JSON::PP::false });
    asked($up);
    $res = $ask->('eve');
    is $res->{json}{code}, 'upstream_unavailable', 'calls with users\' keys have a breaker';
    is_deeply [ asked($up) ], [], '... which is open';
    $t->as('eve', 'DELETE', 'keys/own');
    is $ask->('eve')->{headers}{'x-chat-key'}, 'house', '... and says nothing of the house\'s';
    my $status = $t->get('/server-status?auto')->{body};
    like $status, qr/^ChatProvider-own: closed \d+ 0 0 1 0$/m, '... whose breaker and key are as they were' or diag $status;
    asked($up);

    # ---- a row of another user, and another master key ----
    $t->sql(q{insert into chat_user_key (user_id, provider, blob, key_id, last4, created_at, updated_at) }
        . q{select 'better-auth:eve', provider, blob, key_id, last4, created_at, updated_at from chat_user_key where user_id = 'better-auth:ann'});
    $res = $ask->('eve', 'require');
    is "$res->{status} $res->{json}{code}", '503 key_unavailable', 'a row that was copied does not open';
    is_deeply [ asked($up) ], [], '... and nobody is asked';
    $t->as('eve', 'DELETE', 'keys/own');

    no_trace_in_memory($t, 'keys were stored, checked, used and refused');
    my ($old) = $t->sql(q{select key_id from chat_user_key where user_id = 'better-auth:ann'});
    $t->write_file('keys.secret', "$NEW\n$OLD\n", 0600);
    $t->graceful;
    is $ask->('ann')->{headers}{'x-chat-key'}, 'user', 'with another master key in front an old one opens';
    my ($new) = $t->sql(q{select key_id from chat_user_key where user_id = 'better-auth:ann'});
    isnt $new, $old, '... and is sealed anew when it is used';
    is $ask->('ann')->{headers}{'x-chat-key'}, 'user', '... which opens as well';
    reseal($t, $db, $put, $ask);

    # ---- addresses of users' own ----
    addresses($t, $put, $ask);

    # ---- no trace ----
    no_trace_in_memory($t, 'at the end');
    is_deeply [ found_in($t->error_log) ], [], 'none is in the log, at trace8';
    is_deeply [ found_in($t->get('/server-status')->{body} . $status) ], [], 'none on the page of status';
    my $rows = $db eq 'pgsql' ? $t->{pg}->sql("select encode(blob, 'escape'), * from chat_user_key") : $t->slurp('run/chats.db') . $t->slurp('run/chats.db-wal');
    is_deeply [ found_in($rows) ], [], 'and none in the database';
    is $t->as('ann', 'DELETE', 'me?confirm=all')->{status}, 200, 'who goes';
    is $t->sql(q{select count(*) from chat_user_key where user_id = 'better-auth:ann'}), 0, '... takes his keys along';
    $t->stop;
    return;
}

# All at once, by the program, while others use theirs.
sub reseal ($t, $db, $put, $ask) {
    my $tool = $t->module_file =~ s{[^/]+$}{chat-keys}r;
    my $file = $t->dir . '/db.conf';
    my $database = $t->{pg} ? qq{DBDriver pgsql\nDBDParams "@{[ $t->{pg}->params ]}"\n} : qq{DBDriver sqlite3\nDBDParams "@{[ $t->dir ]}/run/chats.db"\n};
    $t->write_file('db.conf', $database);
    $t->write_file('old.secret', "$OLD\n", 0600);
    my $keys = $t->dir . '/old.secret';
    like qx($tool -f $file -k $keys reseal 2>&1), qr/^resealed 0\n1 were sealed with a master key that is not in the file\n\z/, 'one that it cannot open stays';
    is $? >> 8, 1, '... and it says so';
    my $both = $t->dir . '/both.secret';
    $t->write_file('both.secret', "$OLD\n$NEW\n", 0600);
    is qx($tool -f $file -k $both reseal 2>&1), "resealed 1\n", 'all are sealed anew';
    my ($lines) = grep { /chat-keys/ } blocks('sh');
    $lines =~ s{/etc/apache2/chat/db\.conf}{$file}g;
    $lines =~ s{/etc/apache2/chat}{$t->dir}ge;
    my $bin = $tool =~ s{/[^/]+$}{}r;
    like qx(PATH='$bin':"\$PATH" sh -ec '$lines' 2>&1), qr/^resealed 1\nthe newest master key is (\w+)\n\1 1\n\z/, '... as the page has it, which says how many there are of each';
    is $ask->('ann')->{headers}{'x-chat-key'}, 'user', '... and all open';
    like qx($tool status 2>&1), qr/^usage/, 'it says how it is used';
    return;
}

sub addresses ($t, $put, $ask) {
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
    my $key = key('good');

    is $put->('eve', { key => $key, baseUrl => 'https://127.0.0.1/v1' }, 'public/own')->{json}{code}, 'invalid_request', 'an address is no base URL';
    my $res = $put->('eve', { key => $key, baseUrl => 'https://localhost.localdomain/v1' }, 'public/own');
    is "$res->{status} $res->{json}{code}", '502 upstream_unreachable', 'a name that leads inside is not asked';
    $res = $put->('eve', { key => $key, baseUrl => 'https://localhost.localdomain/v1', check => JSON::PP::false }, 'public/own');
    is $res->{json}{baseUrl}, 'https://localhost.localdomain/v1', 'it may be stored';
    $res = $ask->('eve', 'address');
    is "$res->{status} $res->{json}{code}", '502 upstream_unreachable', '... and is not asked either';
    isnt $ask->('eve', 'allow')->{headers}{'x-chat-key'}, 'user', 'where such addresses are not used the key goes nowhere';
    is $put->('eve', { key => $key, check => JSON::PP::false }, 'public/own')->{status}, 429, 'and ChatLimit counts who stores';
    is_deeply [ grep { /\Q$key\E/ } asked($up) ], [], '... nobody was shown it';
    return;
}

run($_) for ChatTest::Chats::databases();

# ---- configuration ----

my $t = ChatTest->new(modules => ['dbd']);
$t->write_file('keys.secret', "$OLD\n", 0600);
$t->write_file('short.secret', "0123\n", 0600);
$t->write_file('open.secret', "$OLD\n", 0644);
for my $case (
    [ "ChatUserKeys allow\n", qr/CHAT0155: ChatUserKeys at .*: there is no ChatKeySecret/ ],
    [ "ChatKeySecret file:short.secret\n", qr/ChatKeySecret: a line is no key/ ],
    [ "ChatKeySecret file:open.secret\n", qr/is open to others/ ],
    [ "ChatKeySecret $OLD\n", qr/takes no secret in the configuration/ ],
    [ "ChatKeySecret file:keys.secret\nChatUserKeys sometimes\n", qr/ChatUserKeys does not accept "sometimes": write off, allow or require/ ],
    [ "ChatKeySecret file:keys.secret\nChatUserKeys require fallback=on\n", qr/fallback=on cannot stand beside it/ ],
    [ "ChatKeySecret file:keys.secret\nChatUserKeys allow nobody\n", qr/no <ChatProvider nobody>/ ],
    [ "ChatRoute keys\n", qr/must stand in a <Location>/ ],
) {
    my ($conf, $want) = @$case;
    my ($ok, $said) = $t->configtest($conf);
    ok !$ok, 'refused: ' . ($conf =~ s/\n/ /gr =~ s/$OLD/.../r);
    like $said, $want, '... in a sentence';
    unlike $said, qr/$OLD/, '... without the secret';
}
my $etc = $t->dir . '/chat';
mkdir $etc or die $!;
my ($make) = map { s{/etc/apache2/chat}{$etc}gr } grep { /openssl/ } blocks('sh');
is system('sh', '-ec', $make), 0, 'a master key is made as the page says';
my ($ok, $said) = $t->configtest(join "\n", "DBDriver sqlite3\nDBDParams x\nChatAuth guest\n<ChatProvider openai>\nChatProviderURL http://127.0.0.1:1/v1\n</ChatProvider>\nChatUse openai\n", map { s{/etc/apache2/chat}{$etc}gr } blocks('apache'));
is $said, "Syntax OK\n", '... and used so';

done_testing;
