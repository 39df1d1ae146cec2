# SPDX-License-Identifier: Apache-2.0
#
# One id in two schemes is two people: to sessions, to limits in the table and in
# Redis, and to exemptions; unless ChatAuthNamespace says that they are one. What
# is shared with others has the bare id.
use v5.36;
use Digest::SHA  qw(hmac_sha256_base64);
use JSON::PP     ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $SECRET = 'the secret of the same id 0123456789';
my %TOKEN = (kim => 'tokenofkim0123456789abcdefghijkl', 'user:ann' => 'tokenofann0123456789abcdefghijkl');
my $up = ChatTest::Upstream->new(n => 1)->start;

sub server (%o) {
    my $rows = join ' UNION ', map { "SELECT '$_' AS id, '$TOKEN{$_}' AS token" } sort keys %TOKEN;
    my $t = ChatTest->new(
        modules => [qw(auth_basic authn_core authn_file authz_user dbd socache_shmcb)],
        env     => { APP_SECRET => $SECRET },
        conf    => <<"END");
$o{redis}
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession sql "SELECT id, 4102444800, 'user', 0 FROM ($rows) WHERE token = %s"
ChatAuthSecret env:APP_SECRET
ChatAuthBearer unsigned
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI  chat-completions
    ChatProviderURL  ${\$up->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
LogFormat "%U user=%{CHAT_USER}e" users
CustomLog "%%DIR%%/users.log" users
SetHandler chat
ChatUse up
ChatModelDefault m
<Location /say>
    ChatRoute message
    ChatAuth bearer better-auth user guest
</Location>
<LocationMatch "^/(say/basic|limit/basic|who|one/basic|exempt/basic)">
    AuthType Basic
    AuthName members
    AuthUserFile %%DIR%%/users
    Require valid-user
    ChatAuth user
</LocationMatch>
<LocationMatch "^/(limit|one|exempt)">
    ChatRoute completions
</LocationMatch>
<LocationMatch "^/(limit|one|exempt)/app">
    ChatAuth bearer better-auth
</LocationMatch>
<Location /limit>
    ChatLimit mine 2/1h user
    ChatLimit both 2/1h user+ip
    ChatLimit app  9/1h user compat=rate-limiter-flexible
</Location>
<Location /one>
    ChatLimit joint 2/1h user
    ChatAuthNamespace people
</Location>
<Location /exempt>
    ChatLimit none 1/1h user unit=tokens
    ChatLimitExempt user=better-auth:kim
</Location>
<Location /exempt/app/bare>
    ChatLimitExempt user=kim
</Location>
<Location /exempt/basic/other>
    ChatLimitExempt user=people:kim
</Location>
<Location /exempt/basic/one>
    ChatAuthNamespace better-auth
</Location>
<Location /exempt/app/colon>
    ChatLimitExempt user=user:ann
</Location>
<Location /who>
    ChatRoute message
</Location>
END
    $t->write_file('users', "kim:{P}\nann:{P}\n" =~ s/\{P\}/crypt('pw', 'ab')/ger);
    $t->write_file('app.db', '');
    return $t->start;
}

my $t;
my %as = (
    cookie => sub ($id) {
        my $sign = hmac_sha256_base64($TOKEN{$id}, $SECRET) . '=';
        return (Cookie => 'better-auth.session_token=' . "$TOKEN{$id}.$sign" =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger);
    },
    bearer => sub ($id) { return (Authorization => "Bearer $TOKEN{$id}") },
    basic  => sub ($id) { return (Authorization => 'Basic ' . encode_base64("$id:pw", '')) },
    guest  => sub ($id) { return () },
);

sub statuses ($path, $as, $n, $id = 'kim') {
    my $ask = { messages => [ { role => 'user', content => 'q' } ], max_tokens => 5 };
    return join ' ', map { $t->post_json($path, $ask, headers => { $as{$as}->($id) })->{status} } 1 .. $n;
}

# What the provider is told was said before.
sub told ($path, $as, $text) {
    my $res = $t->post_json($path, { message => $text, session_id => 's' }, headers => { $as{$as}->('kim') });
    is $res->{status}, 200, "$as: '$text' is answered" or diag $res->{body};
    my $sent = JSON::PP->new->decode($up->last->{body});
    return join ' ', map { $_->{content} } grep { $_->{role} eq 'user' } $sent->{messages}->@*;
}

my $redis = ChatTest::Redis->new->start;
for my $counter ('the table', 'Redis') {
    $t = server(redis => $counter eq 'Redis' ? 'ChatRedis ' . $redis->url . ' connect=5s command=5s' : '');

    is told('/say', 'cookie', 'secret-1'), 'secret-1', "$counter: a session";
    is told('/say/basic', 'basic', 'two'), 'two', '... is not that of a Basic user of the same name';
    is told('/say', 'bearer', 'three'), 'secret-1 three', '... but that of the same account by its token';
    is told('/say', 'guest', 'four'), 'four', '... and of no guest';

    is statuses('/limit/app', 'cookie', 2), '200 200', "$counter: an account uses up its limits";
    is statuses('/limit/app', 'bearer', 1), '429', '... also by its token';
    is statuses('/limit/basic', 'basic', 3), '200 200 429', '... and a Basic user of the same name its own';
    is statuses('/one/app', 'cookie', 1) . ' ' . statuses('/one/basic', 'basic', 2), '200 200 429',
        'ChatAuthNamespace: they are one';

    is statuses('/exempt/app', 'cookie', 2) . ' ' . statuses('/exempt/app', 'bearer', 1), '200 200 200',
        "$counter: user=better-auth:kim is exempt by cookie and token";
    is statuses('/exempt/basic', 'basic', 1), '429', '... and a Basic user of that name is not';
    is statuses('/exempt/app/bare', 'cookie', 1), '200', 'an id alone is one of the first scheme of ChatAuth';
    is statuses('/exempt/basic/other', 'basic', 1), '429', 'another namespace is another user';
    is statuses('/exempt/basic/one', 'basic', 1), '200', 'ChatAuthNamespace of another scheme: as that';
    is statuses('/exempt/app/colon', 'cookie', 1, 'user:ann'), '429', 'an id that looks like one of another scheme is none';

    is statuses('/who', 'basic', 1), '400', 'a request with a user';
    wait_for('the log', sub { $t->slurp('users.log') =~ m{^/who user=kim$}m });
    unlike $t->slurp('users.log'), qr/user=(?:user|better-auth|people):kim/, 'CHAT_USER is the bare id';
    next if $counter ne 'Redis';

    my %keys = map { $_ => 1 } $redis->ask('KEYS', '*')->@*;
    ok $keys{$_}, "$_ is there"
        for '{chat}:mine:r3600:u:better-auth:kim', '{chat}:mine:r3600:u:user:kim', '{chat}:both:r3600:b:user:kim+127.0.0.1',
        '{chat}:joint:r3600:u:people:kim';
    is $redis->ask('GET', 'rlflx:kim'), 4, 'what is shared with an application has the bare id';
    is_deeply [ grep { /^rlflx/ } sort keys %keys ], ['rlflx:kim'], '... and nothing else';
}
continue {
    $t->stop;
}
$redis->stop;
$up->stop;
done_testing;
