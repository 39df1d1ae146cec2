# SPDX-License-Identifier: Apache-2.0
#
# What is told about a request: exactly one INFO line for each, whatever came of
# it, the same facts as variables for LogFormat, an error line where an operator
# must look, and never a word of what was said or a secret, at any level of the
# module's own log. (core is left at info: at trace4 it writes down the header
# fields of every request, cookies too, for any handler.)
use v5.36;
use Test::More;
use FindBin;
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::BetterAuth;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $closed = ChatTest::Answers->new->start;
$closed->stop;
my $odd = ChatTest::Answers->new(nasty => ChatTest::Answers::whole(500, [ "X-Request-Id: a\tb\"\x1b[31m\\" . 'x' x 3000 ], ''))->start;
my $HASTE = int(1000 * scaled(0.2)) . 'ms';

my $t = ChatTest->new(
    modules   => [qw(dbd authn_core)],
    env       => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
    log_level => 'info chat:trace8 dbd:trace8',
    conf      => <<"END");
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession kysely-sqlite admin
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderTimeout first=$HASTE
</ChatProvider>
<ChatProvider completions>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey file:%%DIR%%/canary.key
    ChatProviderAPI chat-completions
</ChatProvider>
<ChatProvider closed>
    ChatProviderType openai
    ChatProviderURL ${\$closed->url}
</ChatProvider>
<ChatProvider odd>
    ChatProviderType openai
    ChatProviderURL ${\$odd->url}
</ChatProvider>
<Directory %%HTDOCS%%>
    AllowOverride FileInfo
</Directory>
<Location />
    SetHandler chat
    ChatRoute openai
    ChatAuth better-auth bearer
    ChatAuthSecret env:APP_SECRET
    ChatRequestBody 20K
</Location>
<Location /completions>
    ChatUse completions
</Location>
<Location /closed>
    ChatUse closed
</Location>
<Location /odd>
    ChatUse odd
</Location>
<Location /guest>
    ChatAuth guest
</Location>
<Location /limited>
    LimitRequestBody 5000
</Location>
<Location /mock>
    ChatRoute mock
    ChatMock pace=0 words=3
</Location>
<Location /static>
    SetHandler none
</Location>
END
mkdir $t->htdocs . '/away' or die $!;
$t->write_file('htdocs/away/.htaccess', "ChatUse nowhere\n");
$t->write_file('htdocs/static', "static\n");

# ---- users, one with a name that is made for logs ----

my $db = $t->dir . '/app.db';
my $NASTY = qq{mal"\\ [chat:error] CHAT0902\e[31m\nTue [core:alert] \r fake};

sub sql ($text) {
    open my $fh, '|-', 'sqlite3', $db or die "sqlite3: $!\n";
    print $fh $text;
    close $fh or die "sqlite3 failed\n";
}

sub quoted ($text) {
    return "cast(x'" . unpack('H*', $text) . "' as text)";
}

my %token;
sql($t->slurp("$FindBin::Bin/../demo/better-auth-sqlite.sql"));
for my $user ('alice', $NASTY, 'u' x 5000) {
    my $token = $token{$user} = sprintf 'token%027d', 1 + keys %token;
    my $email = 'x' . keys(%token) . '@example.test';
    sql('insert into user (id, name, email, emailVerified, createdAt, updatedAt) values ('
        . quoted($user) . ", 'x', '$email', 0, '2025-01-01', '2025-01-01');"
        . "insert into session (id, expiresAt, token, createdAt, updatedAt, userId) values ('$token', '2099-01-01T00:00:00.000Z',"
        . " '$token', '2025-01-01', '2025-01-01', " . quoted($user) . ');');
}
sub cookie ($user) {
    return (Cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed($token{$user}) =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger);
}
$t->start;

# ---- every kind of request; each under an id of its own ----

my $n = 0;
my %kind;    # id => what is expected

sub kind ($name, $want, $ask) {
    my $id = sprintf 'kind-%02d', ++$n;
    $kind{$id} = { name => $name, %$want };
    return $ask->($id);
}

sub post ($path, $json, %o) {
    return sub ($id) {
        my @headers = ('X-Request-ID' => $id, $o{nobody} ? () : cookie($o{user} // 'alice'), ($o{headers} // [])->@*);
        return $t->request($o{method} // 'POST', $path, headers => \@headers, json => $json,
            (map { $_ => $o{$_} } grep { exists $o{$_} } qw(abort_after version)));
    };
}

my @walk = (user => 'alice', model => 'gpt-4o-mini', provider => 'openai');
my @known = (ttft => qr/^\d+$/, ms => qr/^\d+$/);
my %script = (seed => 77001, n => 12, size => 40);

kind('a stream of the Responses API', { @walk, @known, status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', $t->turn(%script)));
kind('... with reasoning', { @walk, @known, status => 200, outcome => 'complete', in => 11, out => 15 },
    post('/chat', $t->turn(%script, reason => 3)));
kind('... that counts no tokens', { @walk, @known, status => 200, outcome => 'complete' },
    post('/chat', $t->turn(%script, usage => 0)));
kind('Chat Completions', { @walk, @known, provider => 'completions', status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/completions', $t->turn(%script)));
kind('a model of the client', { @walk, @known, model => 'gpt-4.1', status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', { $t->turn(%script)->%*, model => 'gpt-4.1' }));
kind('a guest', { @walk, @known, user => '-', status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/guest', $t->turn(%script), nobody => 1));
kind('an answer that reached its limit', { @walk, @known, status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', $t->turn(%script, fault => 'incomplete')));
kind('HTTP/1.0', { @walk, @known, status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', $t->turn(%script), version => '1.0'));

my @refused = (outcome => 'refused', ms => qr/^\d+$/);
kind('no JSON', { @refused, user => 'alice', status => 400 }, post('/chat', '{"messages": canary-nonsense'));
kind('not what the schema wants', { @refused, user => 'alice', status => 400 }, post('/chat', { messages => [] }));
kind('nobody', { @refused, status => 401 }, post('/chat', $t->turn, nobody => 1));
kind('a bad signature', { @refused, status => 401 },
    post('/chat', $t->turn, nobody => 1, headers => [ Cookie => 'better-auth.session_token=canary-cookie.AAAA' ]));
kind('another site', { @refused, status => 403 }, post('/chat', $t->turn, headers => [ Origin => 'https://evil.example' ]));
kind('a GET', { @refused, status => 405 }, post('/chat', $t->turn, method => 'GET'));
kind('plain text', { @refused, status => 415 }, post('/chat', 'x', headers => [ 'Content-Type' => 'text/plain' ]));
kind('too much', { @refused, user => 'alice', status => 413 }, post('/chat', { messages => [ { content => 'x' x 30000 } ] }));
kind("what httpd's own limit refuses", { @refused, user => 'alice', status => 413 }, sub ($id) {
    my $chunk = '"' . 'x' x 6000;
    my $res = $t->raw(join "\r\n", 'POST /limited HTTP/1.1', 'Host: x', "X-Request-ID: $id", join(': ', cookie('alice')),
        'Content-Type: application/json', 'Transfer-Encoding: chunked', 'Connection: close', '', sprintf('%x', length $chunk), $chunk, '0', '', '');
    like $res, qr{^HTTP/1\.1 413 }, "it is httpd's answer";
    is scalar(() = $res =~ /HTTP\/1\.1 |requestId/g), 1, '... and the only one';
});
kind('a location that is not set up', { @refused, user => 'alice', status => 500 }, post('/away', $t->turn));
kind('... for a model of the client', { @refused, user => 'alice', model => 'gpt-4.1', status => 500 },
    post('/away', { $t->turn->%*, model => 'gpt-4.1' }));

my @broken = (@walk, ms => qr/^\d+$/);
kind("the provider's 429", { @broken, status => 429, outcome => 'upstream_error', error => qr/upstream=429 upstream-id=req_1 upstream_error: upstream_rate_limited/ },
    post('/chat', $t->turn(status => 429)));
kind("the provider's 500", { @broken, status => 502, outcome => 'upstream_error', error => qr/upstream=500 upstream-id=req_1 upstream_error: upstream_error/ },
    post('/chat', $t->turn(status => 500)));
kind('nobody listens', { @broken, provider => 'closed', status => 502, outcome => 'upstream_error', error => qr/upstream=- upstream-id=- upstream_error: / },
    post('/closed', $t->turn));
kind('no answer in time', { @broken, status => 504, outcome => 'timeout', error => qr/upstream=- upstream-id=- timeout: the upstream did not answer in time/ },
    post('/chat', $t->turn(fault => 'hang-head')));
kind('a stream that stops short', { @broken, @known, status => 200, outcome => 'truncated', error => qr/upstream=200 upstream-id=req_77001 truncated: / },
    post('/chat', $t->turn(%script, fault => 'noend', after => 8)));
kind('a stream that fails', { @broken, @known, status => 200, outcome => 'upstream_error', error => qr/upstream=200 upstream-id=req_77001 upstream_error: server_error/ },
    post('/chat', $t->turn(%script, fault => 'error-nested', after => 8)));
kind('an upstream with a nasty id', { @broken, provider => 'odd', status => 502, outcome => 'upstream_error',
        error => qr/upstream=500 upstream-id=a%09b%22%1B\[31m%5Cx{246} upstream_error: / },
    post('/odd', { messages => [ { role => 'user', content => 'answer(nasty)' } ] }));

kind('a client that leaves in mid-stream', { @walk, @known, status => 200, outcome => 'cancelled' },
    post('/chat', $t->turn(%script, n => 1000, pace => 10), abort_after => 8));
kind('a client that leaves before anything came', { @walk, status => 499, outcome => 'cancelled', ms => qr/^\d+$/ }, sub ($id) {
    my $conn = $t->connect;
    wait_for('the provider to be idle', sub { $up->stats->{open} == 0 });
    $conn->request(POST => '/completions', body => JSON::PP::encode_json($t->turn(fault => 'hang-head')),
        headers => [ 'Content-Type' => 'application/json', 'X-Request-ID' => $id, cookie('alice') ]);
    wait_for('the provider to be asked', sub { $up->stats->{open} == 1 });
    $conn->close;
});
$kind{ sprintf 'kind-%02d', $n }{provider} = 'completions';

my @mock = (provider => 'mock');
kind('the mock route', { @mock, @known, status => 200, outcome => 'complete' },
    post('/mock/responses', { model => 'm', input => $t->canary_prompt, stream => JSON::PP::true }));
kind('... without a stream', { @mock, status => 200, outcome => 'complete', ms => qr/^\d+$/ },
    post('/mock/responses', { model => 'm', input => $t->canary_prompt }));
kind('... refusing', { @mock, @refused, status => 400 }, post('/mock/responses', { input => $t->canary_prompt }));

my $bad_model = "gpt\n[chat:error] CHAT0902 \"\\\e[2J\x{e9}";
kind('a model that is made for logs', { @walk, @known, model => 'gpt%0A[chat:error]%20CHAT0902%20%22%5C%1B[2J%C3%A9', status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', { $t->turn(%script)->%*, model => $bad_model }));
is JSON::PP->new->decode($up->last->{body})->{model}, $bad_model, '... which goes on as it is';
kind('a model of 15,000 letters', { @walk, @known, model => qr/^m{256}$/, status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', { $t->turn(%script)->%*, model => 'm' x 15000 }));
kind('a user who is made for logs', { @walk, @known, user => 'mal%22%5C%20[chat:error]%20CHAT0902%1B[31m%0ATue%20[core:alert]%20%0D%20fake',
        status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', $t->turn(%script), user => $NASTY));
kind('a user with a long id', { @walk, @known, user => qr/^u{256}$/, status => 200, outcome => 'complete', in => 11, out => 12 },
    post('/chat', $t->turn(%script), user => 'u' x 5000));

# ---- one line, the same in both logs ----

my @LINE = qw(user model provider status outcome ttft ms in out);
my @VARS = qw(user model provider status ttft ms in out outcome);    # the order of the access log
my ($line_re, $vars_re) = map { join ' ', map { "$_=(.*?)" } @$_ } \@LINE, \@VARS;

# The INFO line holds words, percent-encoded; httpd escapes what it logs.
sub unencoded ($text) {
    return $text =~ s/%([0-9A-F]{2})/chr hex $1/ger;
}

sub unescaped ($text) {
    my %is = (n => "\n", r => "\r", t => "\t", '"' => '"', '\\' => '\\');
    return $text =~ s/\\(?:x([0-9a-f]{2})|(.))/defined $1 ? chr hex $1 : $is{$2}/ger;
}

for my $id (sort keys %kind) {
    my $want = $kind{$id};
    my $name = "$id, $want->{name}";
    my $access = $t->wait_access(qr/ id=\Q$id\E /);
    my $log = $t->error_log;
    my @told = $log =~ /^\[[^\]]+\] \[chat:info\] .*CHAT0901: id=\Q$id\E $line_re$/mg;
    is @told, @LINE, "$name: one INFO line" or next;
    my %is;
    @is{@LINE} = @told;
    my @wrong;
    for my $part (@LINE) {
        my $value = $want->{$part} // '-';
        push @wrong, "$part: $is{$part}" unless ref $value ? $is{$part} =~ $value : $is{$part} eq $value;
    }
    is "@wrong", '', '... that tells it as it was';
    my ($status) = $access =~ /" (\d+) b=/;
    is $status, $want->{status}, '... as the access log does';
    my @vars = $access =~ / id=\Q$id\E $vars_re$/;
    is join('|', map { unescaped($_) } @vars), join('|', map { unencoded($_) } @is{@VARS}), '... with the same in the variables';
    my @errors = $log =~ /^\[[^\]]+\] \[chat:error\] .*CHAT0902: (id=\Q$id\E .*)$/mg;
    is scalar(@errors), $want->{error} ? 1 : 0, $want->{error} ? '... and one error' : '... and no error';
    like $errors[0], qr/^id=\Q$id\E url=\S+ code=\S+ type=\S+ param=\S+ provider=$is{provider} $want->{error}/, '... which says what'
        if $want->{error};
}
$t->expect_log(qr/CHAT0902: id=kind-/, qr/CHAT0802: .*away: no <ChatProvider> is named nowhere/);
my @all = $t->error_log =~ /CHAT0901/g;
is @all, keys %kind, 'so many requests, so many lines';
is $t->get('/static')->{body}, "static\n", 'what another handler serves';
like $t->wait_access(qr/GET \/static /), qr/ id=- user=- .* outcome=-$/, '... has no facts of ours';

# ---- times ----

my $early = $t->sse('/completions', $t->turn(seed => 3, n => 10, first => 150, pace => 30), headers => [ 'X-Request-ID' => 'times', cookie('alice') ]);
my ($ttft, $ms) = $t->wait_access(qr/ id=times /) =~ / ttft=(\d+) ms=(\d+) /;
my $heard = 1000 * ($early->{first_at} - $early->{sent_at});
my $took = 1000 * ($early->{ended_at} - $early->{sent_at});
cmp_ok $ttft, '>=', 140, "the time to the first token: $ttft ms";
cmp_ok $ttft, '<=', $heard + 2, '... not after the client has it';
cmp_ok $ms, '>=', $ttft + 11 * 30 - 5, "the duration: $ms ms, the pauses in it";
cmp_ok $ms, '<=', $took + 2, '... not longer than the client waited';

# ---- ids ----

sub id_of (@headers) {
    my $res = $t->post_json('/mock/responses', { model => 'm', input => 'x' }, headers => \@headers);
    my $id = $res->{headers}{'x-request-id'};
    $t->wait_access(qr/ id=\Q$id\E /);
    like $t->error_log, qr/CHAT0901: id=\Q$id\E /, '... logged under that';
    return $id;
}

my $UUID = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
for my $fit ('a', 'ABC-xyz_0.9', 'x' x 128, '-', '..') {
    is id_of('X-Request-ID' => $fit), $fit, 'an id of ' . length($fit) . ' fit characters is kept';
}
for my $unfit ('', 'x' x 129, 'two words', 'a,b', 'a;b', 'a"b', "tab\there", "\xc3\xa9", 'a/b', 'a%0ab', '${x}', 'a\\nb', '<b>') {
    like id_of('X-Request-ID' => $unfit), $UUID, 'not kept: "' . substr($unfit, 0, 20) =~ s/([^ -~])/sprintf '\x%02x', ord $1/ger . '"';
}
like id_of('X-Request-ID' => 'one', 'X-Request-ID' => 'two'), $UUID, 'not kept: two of them';
like id_of(), $UUID, 'none: one is made';
isnt id_of(), id_of(), '... for each request another';
for my $control ("a\x01b", "a\x1b[31mb", "a\x00b", "a\x7fb", "a\rb") {
    my $raw = $t->raw("POST /mock/responses HTTP/1.1\r\nHost: x\r\nX-Request-ID: $control\r\nConnection: close\r\n\r\n");
    like $raw, qr{^HTTP/1\.[01] 4\d\d }, sprintf 'httpd itself refuses a control character (%s)', unpack 'H*', $control;
}

# ---- nothing that was said, nothing secret ----

my @secrets = ((map { ($token{$_}, ChatTest::BetterAuth::signed($token{$_}) =~ s/^[^.]*\.//r) } keys %token),
    $ChatTest::BetterAuth::SECRET, 's77001d', 'I am a', 'canary-nonsense', 'canary-cookie', 'org-mock');
for my $log (qw(error.log access.log stdout)) {
    my $text = $t->slurp($log);
    is_deeply [ grep { index($text, $_) >= 0 } @secrets, $t->canary_key, $t->canary_prompt ], [],
        "$log: no key, no secret, no token, no prompt, no answer";
}
like $t->error_log, qr/\[chat:trace\d\]/, '... though the module traced';
unlike $t->error_log, qr/[^\x20-\x7e\n]/, 'the error log is plain text';
is_deeply [ grep { !/^\[\w{3} \w{3} \d\d / && !/^$/ } split /\n/, $t->error_log ], [], '... of which every line is httpd\'s';

$t->stop;

# ---- all places taken ----

my $full = ChatTest->new(mpm => 'event', conf => <<"END")->start;
ChatStreamMax 1
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
</ChatProvider>
<Location />
    SetHandler chat
    ChatAuth guest
    ChatRoute openai
</Location>
<Location /mock>
    ChatRoute mock
</Location>
END
$full->sse('/chat', $full->turn(n => 50, pace => 10), on_event => sub ($event, $res) {
    return 1 if $res->{events}->@* != 1;
    my $busy = $full->post_json('/chat', $full->turn, headers => [ 'X-Request-ID' => 'busy' ]);
    is "$busy->{status} $busy->{json}{code}", '503 busy', 'all places are taken: 503';
    like $busy->{headers}{'retry-after'}, qr/^\d+$/, '... with Retry-After';
    $busy = $full->post_json('/mock/responses', { model => 'm', input => 'x', stream => JSON::PP::true });
    is "$busy->{status} $busy->{json}{error}{code}", '503 busy', '... on the mock route, too';
    like $busy->{headers}{'retry-after'}, qr/^\d+$/, '... with Retry-After';
    return 1;
});
like $full->wait_log(qr/CHAT0901: id=busy .*/), qr/status=503 outcome=refused ttft=- /, '... and told';
$full->stop;

$odd->stop;
$up->stop;
done_testing;
