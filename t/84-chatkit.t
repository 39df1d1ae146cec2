# SPDX-License-Identifier: Apache-2.0
#
# ChatKit's simple contract for the users of a better-auth application: tokens
# for its sessions, their exchange, and /chatkit with them; by the client that
# the contract comes with, in Node.
use v5.36;
use Test::More;
use FindBin;
use IPC::Open2;
use JSON::PP      ();
use MIME::Base64  qw(decode_base64url);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my ($FIRST, $SECOND) = ('first-secret-of-the-server-0123456789', 'second-secret-of-the-server-012345678');
my $up = ChatTest::Upstream->new->start;
my $dir = File::Temp->newdir;
chmod 0755, $dir;
my $auth = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => "$dir/app.db", options => { admin => 1 })->start;
my ($kat, $eve, $gone, $banned) = map { $auth->sign_up } 1 .. 4;
$auth->sign_out($gone);
$auth->stop;
system('sqlite3', "$dir/app.db", qq{update "user" set banned = 1 where id = '$banned->{id}'; update "user" set role = 'standard' where id = '$eve->{id}'}) == 0 or die;
chmod 0666, "$dir/app.db";

my $t = ChatTest->new(
    modules => [qw(dbd socache_shmcb)],
    env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET, FIRST => $FIRST, SECOND => $SECOND },
    conf    => <<"END");
DBDriver sqlite3
DBDParams "$dir/app.db"
ChatAuthSession kysely-sqlite admin
<ChatProvider mock>
    ChatProviderType anthropic
    ChatProviderURL  ${\$up->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
ChatModel mock-1 mock
ChatAuthJWTSecret env:FIRST env:SECOND
ChatAuthJWT issuer=todoapp
<Location /api>
    SetHandler chat
    ChatRoute chatkit-session
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /api/chatkit>
    ChatRoute chatkit-session
</Location>
<Location /api/old>
    ChatRoute chatkit-session
    ChatAuthJWTSecret env:SECOND
</Location>
<Location /api/both>
    ChatRoute chatkit-session
    ChatAuth jwt better-auth guest
</Location>
<Location /api/elsewhere>
    ChatRoute chatkit-session
    ChatAuthJWT issuer=elsewhere
</Location>
<Location /short/api/chatkit>
    SetHandler chat
    ChatRoute chatkit-session
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
    ChatAuthJWT issuer=todoapp expires=3s
</Location>
<Location /short/chatkit>
    SetHandler chat
    ChatRoute chatkit
    ChatModelDefault mock-1
    ChatAuth jwt
    ChatAuthJWT issuer=todoapp leeway=0
</Location>
<Location /chatkit>
    SetHandler chat
    ChatRoute chatkit
    ChatModelDefault mock-1
    ChatAuth jwt
    ChatAuthJWT issuer=todoapp leeway=0
    ChatLimit free-minute     10/1m     user tier=user
    ChatLimit free-day        10000/1d  user tier=user unit=tokens
    ChatLimit standard-minute 60/1m     user tier=standard
    ChatLimit standard-day    100000/1d user tier=standard unit=tokens
</Location>
END
$t->start;

sub post ($path, $cookie, $json = undef, %h) {
    return $t->request(POST => $path, (defined $json ? (json => $json) : ()), headers => { ($cookie ? (Cookie => $cookie) : ()), %h });
}
sub claims ($token) { return $JSON->decode(decode_base64url((split /\./, $token)[1])) }
sub secret ($res) { return $res->{json}{client_secret} // "no secret: $res->{status} $res->{body}" }
sub told ($res) { return "$res->{status} $res->{body}" }

my $UNAUTHORIZED = '401 {"error":"Authentication required","code":"UNAUTHORIZED"}';
my $EXPIRED = '401 {"error":"Session expired","code":"SESSION_EXPIRED"}';

# ---- session ----

my $res = post('/api/chatkit/session', $kat->{cookie}, undef, 'Content-Type' => 'application/json');
is $res->{status}, 200, 'a session of the application';
is_deeply [ keys $res->{json}->%* ], ['client_secret'], '... is a client secret';
like $res->{headers}{'cache-control'}, qr/no-store/, '... that no cache keeps';
my $token = secret($res);
my $claims = claims($token);
is_deeply $JSON->decode(decode_base64url((split /\./, $token)[0])), { alg => 'HS256', typ => 'JWT' }, 'a token by HS256';
is_deeply [ sort keys %$claims ], [qw(exp iat iss role sub)], '... with its claims';
is_deeply [ $claims->@{qw(sub iss role)}, $claims->{exp} - $claims->{iat} ], [ $kat->{id}, 'todoapp', 'user', 3600 ], '... for an hour';
is post('/api/chatkit/session', $kat->{cookie}, {})->{status}, 200, 'an empty object is a body, too';
is post('/api/chatkit/session', $kat->{cookie})->{status}, 200, '... and so is none';
is told(post('/api/chatkit/session', undef)), $UNAUTHORIZED, 'without a session there is none';
is told(post('/api/chatkit/session', $gone->{cookie})), $UNAUTHORIZED, '... nor for one that was ended';
is told(post('/api/chatkit/session', $banned->{cookie})), '403 {"error":"This account is banned.","code":"BANNED"}', '... nor for who is banned';
is told(post('/api/both/session', undef)), $UNAUTHORIZED, '... nor for a guest';
is told(post('/api/both/session', undef, undef, Authorization => "Bearer $token")), $UNAUTHORIZED, '... nor by a token that was made here';
is told(post('/api/chatkit/session', $kat->{cookie}, {}, Origin => 'https://evil.example')),
    '403 {"error":"This origin may not use the session.","code":"FORBIDDEN_ORIGIN"}', '... nor for a page of another site';
is $t->get('/api/chatkit/session', headers => { Cookie => $kat->{cookie} })->{status}, 405, 'a session is asked for by POST';
is post('/api/chatkit/else', $kat->{cookie})->{status}, 404, 'there is nothing else';

# ---- refresh ----

for my $name (qw(token currentClientSecret)) {
    my $new = claims(secret(post('/api/chatkit/refresh', $kat->{cookie}, { $name => $token })));
    is_deeply [ $new->@{qw(sub iss)} ], [ $kat->{id}, 'todoapp' ], "a secret is exchanged by $name";
}
is told(post('/api/chatkit/refresh', undef, { token => $token })), $EXPIRED, 'not without a session';
is told(post('/api/chatkit/refresh', $gone->{cookie}, { token => $token })), $EXPIRED, '... of one that was ended';
is post('/api/chatkit/refresh', $banned->{cookie}, { token => $token })->{status}, 403, '... of who is banned';
is told(post('/api/chatkit/refresh', $eve->{cookie}, { token => $token })), $EXPIRED, '... nor that of another user';
is told(post('/api/chatkit/refresh', $kat->{cookie}, { token => $_ })), $EXPIRED, '... nor what is none'
    for '', 'x.y.z', 'ck_secret_abc123', $token =~ s/\.[^.]*\z/./r;
is told(post('/api/chatkit/refresh', $kat->{cookie}, { token => secret(post('/api/elsewhere/session', $kat->{cookie})) })), $EXPIRED,
    '... nor one of another issuer';
is told(post('/api/chatkit/refresh', $kat->{cookie}, { token => 7 })) =~ /^400 .*"INVALID_REQUEST"/, 1, 'a token is a string';
my $by_old = secret(post('/api/old/session', $kat->{cookie}));
is claims(secret(post('/api/chatkit/refresh', $kat->{cookie}, { token => $by_old })))->{sub}, $kat->{id}, 'one by the secret before is exchanged';
is told(post('/api/old/refresh', $kat->{cookie}, { token => $token })), $EXPIRED, '... for one by the first of them';

# ---- /chatkit ----

my $ask = { message => { role => 'user', content => 'mock(n=2;seed=1)' } };
sub chat ($token, $json = $ask) {
    return post('/chatkit', undef, $json, defined $token ? (Authorization => "Bearer $token") : ());
}
is told(chat(undef)), '401 {"error":"Invalid client secret"}', 'without a secret';
is told(chat($_)), '401 {"error":"Invalid client secret"}', '... and with a wrong one'
    for 'x', $token =~ s/[^.]{8}\z/AAAAAAAA/r, secret(post('/api/elsewhere/session', $kat->{cookie}));
is chat($by_old)->{status}, 200, 'a secret by the one before holds';
$res = chat($token, { %$ask, thread_id => 'thread_abc123' });
is "$res->{status} $res->{headers}{'content-type'}", '200 text/event-stream; charset=utf-8', 'an answer is a stream';
is_deeply [ map { $_->{event} } $res->{events}->@* ],
    [ ('thread.message.delta') x 2, 'thread.message.completed', 'thread.run.completed' ], '... of these events';
is_deeply [ map { sort keys $JSON->decode($_->{data})->%* } $res->{events}->@* ], [qw(content content message_id thread_id)], '... with these members';
is $JSON->decode($res->{events}[-1]{data})->{thread_id}, 'thread_abc123', '... in the thread that was named';
like $JSON->decode(chat($token)->{events}[-1]{data})->{thread_id}, qr/^[0-9a-f-]{36}$/, '... or a new one';
for ([ 'a role', { message => { role => 'system', content => 'x' } } ], [ 'a message', { message => 'x' } ], [ 'a text', { message => { role => 'user', content => ' ' } } ],
    [ 'a thread', { %$ask, thread_id => 'a b' } ]) {
    my ($what, $json) = @$_;
    like told(chat($token, $json)), qr/^400 \{"error":".+","code":"INVALID_REQUEST"\}$/, "$what that is none";
}
is_deeply [ map { chat($token)->{status} } 1 .. 8 ], [ (200) x 7, 429 ], 'ten messages a minute';
$res = chat($token);
is told($res), '429 {"error":"Rate limit exceeded","code":"RATE_LIMITED"}', '... then it is said so';
like $res->{headers}{'retry-after'}, qr/^[1-9]\d*$/, '... and for how long';
my $standard = secret(post('/api/chatkit/session', $eve->{cookie}));
is_deeply { map { chat($standard)->{status} => 1 } 1 .. 12 }, { 200 => 1 }, 'the other tier has more';

# ---- the client of the contract ----

my $pid = open2(my $out, my $in, 'node', "$FindBin::Bin/real/better-auth/chatkit.mjs", $t->url('/short'), $eve->{cookie});
sub client () {
    print $in $JSON->encode({ content => 'mock(n=2;seed=1)' }), "\n";
    $in->flush;
    return $JSON->decode(scalar readline $out);
}
my $said = client;
is_deeply $said->{asked}, [ '/api/chatkit/session 200', '/chatkit 200' ], 'a page gets a secret, and uses it';
is scalar(() = $said->{text} =~ /^event: /mg), 4, '... to the end of the stream';
my $first = $said->{secret};
ok wait_for(sub { ($said = client)->{secret} ne $first }, 'its end is noticed');
is_deeply $said->{asked}, [ '/chatkit 401', '/api/chatkit/refresh 200', '/chatkit 200' ], '... when it is used, and it is exchanged';
is scalar(() = $said->{text} =~ /^event: /mg), 4, '... and the answer is there';
close $in;
waitpid $pid, 0;

# ---- docs/chatkit.md, as it is printed ----

my $page = $t->slurp("$FindBin::Bin/../docs/chatkit.md");
my ($printed) = $page =~ /^```json\n(.*?)^```/ms;
my @events = ($page =~ /^```text\n(.*?)^```/ms)[0] =~ /^event: (\S+)/mg;
my %seen;
is_deeply [ grep { !$seen{$_}++ } map { $_->{event} } chat($standard, $JSON->decode($printed) )->{events}->@* ], \@events, 'the events of the page';
my ($client) = $page =~ /^```js\n(let secret.*?)^```/ms;
$t->write_file('client.mjs', <<"END");
const [origin, cookie] = process.argv.slice(2), browser = fetch;
globalThis.fetch = (path, init) => browser(origin + path, { ...init, headers: { ...init.headers, ...(path.startsWith('/api') ? { Cookie: cookie } : {}) } });
$client
const ask = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: `$printed` };
secret = 'wrong';
const res = await chatkitFetch('/chatkit', ask);
console.log(res.status, (await res.text()).includes('thread_abc123'));
END
open my $run, '-|', 'node', $t->dir . '/client.mjs', $t->url(''), $eve->{cookie} or die $!;
is scalar(readline $run), "200 true\n", 'its client exchanges a secret that does not hold';
close $run;
$up->stop;
is told(chat($standard)), '500 {"error":"Chat service unavailable"}', 'a provider that is away';
$t->expect_log(qr/CHAT0902: /);
$t->stop;
done_testing;
