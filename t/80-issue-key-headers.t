# SPDX-License-Identifier: Apache-2.0
#
# The SDKs of Anthropic and Google say their key in headers of their own, so
# that a signed-in user could not use them on the routes that speak these APIs.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Upstream;

my $SECRET = 'a secret of more than thirty-two bytes';
my $up   = ChatTest::Upstream->new(n => 1)->start;
my $bare = $up->url =~ s{/v1$}{}r;
my %url  = (anthropic => "$bare/v1", gemini => "$bare/v1beta", openai => "$bare/v1");
my $t = ChatTest->new(
    modules => ['dbd'],
    env     => { APP_SECRET => $SECRET },
    conf    => join '', <<'END', map { <<"END" } sort keys %url);
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession kysely-sqlite
ChatAuthSecret env:APP_SECRET
SetHandler chat
ChatModelDefault m
END
<ChatProvider $_>
    ChatProviderURL $url{$_}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /$_>
    ChatRoute $_
    ChatAuth bearer guest
</Location>
<Location /members/$_>
    ChatRoute $_
    ChatAuth bearer
</Location>
END
system('sqlite3', $t->dir . '/app.db', <<'END') == 0 or die "sqlite3: $?\n";
create table user (id text);
insert into user values ('u');
create table session (token text, "userId" text, "expiresAt" text);
insert into session values ('token', 'u', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 day'));
END
chmod 0644, $t->dir . '/app.db';
$t->start;

my $token = ChatTest::BetterAuth::signed('token', $SECRET);
sub status ($path, @headers) {
    return $t->post_json($path, { messages => [ { role => 'user', content => 'hello' } ] }, headers => {@headers})->{status};
}

for my $row ([ anthropic => 'x-api-key' ], [ gemini => 'x-goog-api-key' ]) {
    my ($route, $header) = @$row;
    is status("/members/$route", $header => $token), 200, "$route: a session token in $header signs in";
    is status("/members/$route", Authorization => "Bearer $token"), 200, '... and in Authorization';
    is status("/members/$route", $header => 'sk-of-the-provider'), 401, '... and nothing else does';
    is status("/members/$route", $header => 'x', Authorization => "Bearer $token"), 200, '... Authorization counts before it';
    is status("/members/$route", $header => $token, Authorization => 'Bearer x'), 401, '... also when it is a bad one';
}
is status('/members/openai', 'x-api-key' => $token), 401, 'on a route whose clients do not send it, it is nothing';
is status('/members/anthropic', 'x-goog-api-key' => $token), 401, '... nor is that of another API';

$t->stop;
$up->stop;
done_testing;
