# SPDX-License-Identifier: Apache-2.0
#
# Who somebody is stands in a token: the cookies of NextAuth 4 and Auth.js 5 as
# these packages make them, and signed tokens as jose does, by a shared secret or
# a set of public keys. And names of sessions in Auth.js' own tables.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use IPC::Open2;
use JSON::PP ();
use ChatTest;

my $JSON = JSON::PP->new->utf8->canonical;
my $REAL = "$FindBin::Bin/real/authjs";
ChatTest::skip_or_fail("npm ci in t/real/authjs") unless -d "$REAL/node_modules/jose";

my $SECRET = 'auth-js-secret-0123456789-0123456789-x';
my $OLD    = 'the-secret-before-0123456789-0123456789';
my $SHARED = 'shared-secret-of-the-app-0123456789-abc';
my $DAY    = 86_400;
my $now    = time;

sub mint (@wishes) {
    my $pid = open2(my $out, my $in, 'node', "$REAL/mint.mjs");
    print $in $JSON->encode(\@wishes);
    close $in;
    my $text = do { local $/; readline $out };
    waitpid $pid, 0;
    die "mint.mjs failed\n" if $?;
    return $JSON->decode($text)->@*;
}

my %kat    = (sub => 'user_kat_1', name => 'Kat', email => 'kat@example.test');
my %signed = (sub => 'user_kat_1', picture => 'https://example.test/kat.png', iat => $now, exp => $now + 3600, iss => 'todoapp', aud => 'chat');
my @algs   = qw(RS256 PS256 ES256 ES384 EdDSA);
my ($v4, $v4_old, $v4_other, $v4_expired, $v5, $v5_secure, $v5_long, $v5_guest, $hs, $hs_other, $hs_party, $hs_none, $set, @by_key)
    = mint(
    { by => 'next-auth', claims => \%kat, secret => $SECRET },
    { by => 'next-auth', claims => \%kat, secret => $OLD },
    { by => 'next-auth', claims => \%kat, secret => 'somebody-elses-secret-0123456789-012345' },
    { by => 'next-auth', claims => \%kat, secret => $SECRET, maxAge => -60 },
    { by => 'auth-core', claims => \%kat, secret => $SECRET, salt => 'authjs.session-token' },
    { by => 'auth-core', claims => \%kat, secret => $SECRET, salt => '__Secure-authjs.session-token' },
    { by => 'auth-core', claims => { %kat, picture => 'x' x 3000 }, secret => $SECRET, salt => 'authjs.session-token' },
    { by => 'auth-core', claims => { %kat, id => 'f1e2', type => 'regular' }, secret => $SECRET, salt => 'authjs.session-token' },
    { by => 'hs256', claims => \%signed, secret => $SHARED },
    { by => 'hs256', claims => \%signed, secret => $SECRET },
    { by => 'hs256', claims => { %signed, iss => 'elsewhere' }, secret => $SHARED },
    { by => 'hs256', claims => { %signed, exp => undef }, secret => $SHARED },
    { by => 'jwks', algs => \@algs },
    (map { { by => 'key', alg => $_, claims => \%signed } } @algs),
    );
$_ = $_->{token} for $v4, $v4_old, $v4_other, $v4_expired, $v5, $v5_secure, $v5_long, $v5_guest, $hs, $hs_other, $hs_party, $hs_none, @by_key;

my $dir = File::Temp::tempdir(CLEANUP => 1);

sub spew ($name, $text) {
    open my $fh, '>', "$dir/$name" or die $!;
    print $fh $text;
    close $fh;
}
spew('keys.json', $JSON->encode($set->{jwks}));
chmod 0755, $dir;

my $t = ChatTest->new(
    modules => [qw(dbd dir headers authn_core authz_user)],
    env     => { NEW_SECRET => $SECRET, OLD_SECRET => $OLD, SHARED => $SHARED },
    conf    => <<"END");
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession authjs-drizzle-sqlite
Header always set X-User expr=%{REMOTE_USER}
<Location />
    AuthType Chat
    Require valid-user
</Location>
<Location /authjs>
    ChatAuth authjs
    ChatAuthSecret env:NEW_SECRET env:OLD_SECRET
</Location>
<Location /template>
    ChatAuth authjs
    ChatAuthSecret env:NEW_SECRET
    ChatAuthClaim id=id tier=type
</Location>
<Location /named>
    ChatAuth authjs
    ChatAuthSecret env:NEW_SECRET
    ChatAuthCookie mine
</Location>
<Location /rows>
    ChatAuth authjs-database
</Location>
<Location /shared>
    ChatAuth jwt
    ChatAuthJWTSecret env:SHARED
    ChatAuthJWT issuer=todoapp,other audience=chat
</Location>
<Location /keys>
    ChatAuth jwt
    ChatAuthJWKS file:$dir/keys.json
</Location>
<Location /nothing>
    ChatAuth jwt
</Location>
END
$t->{conf} .= join '', map { "<Location $_/me>\nSetHandler chat\nChatRoute me\n</Location>\n" } qw(/authjs /rows /shared);
mkdir $t->htdocs . "/$_" for qw(authjs template named rows shared keys nothing);
for my $name (qw(authjs template named rows shared keys nothing)) {
    open my $fh, '>', $t->htdocs . "/$name/page" or die $!;
    print $fh "here\n";
}
{
    my $db = $t->dir . '/app.db';
    my ($until, $past) = map { ($now + $_) * 1000 } $DAY, -$DAY;
    system('sqlite3', $db, qq{
        create table "user" (id text primary key, name text, email text, image text);
        create table session ("sessionToken" text primary key, "userId" text, expires integer);
        insert into "user" values ('kat-row', 'Kat', 'kat\@example.test', '/kat.png');
        insert into session values ('0f8fad5b-d9cb-469f-a165-70867728950e', 'kat-row', $until);
        insert into session values ('7c9e6679-7425-40de-944b-e07fc1f90ae7', 'kat-row', $past);
    }) == 0 or die;
    chmod 0666, $db;
}

$t->expect_log(qr/CHAT0(?:126|338)/);
$t->start;

# "200 user", or the status alone
sub who ($path, %headers) {
    my $res = $t->get("$path/page", headers => \%headers);
    return join ' ', grep { defined && length } $res->{status}, $res->{status} == 200 ? $res->{headers}{'x-user'} : ();
}
sub cookie ($name, $value) { return (Cookie => "$name=$value") }
sub bearer ($token) { return (Authorization => "Bearer $token") }

my $IN = '200 user_kat_1';

is who('/authjs', cookie('next-auth.session-token', $v4)), $IN, 'a cookie of NextAuth 4';
is who('/authjs', cookie('next-auth.session-token', $v4_old)), $IN, '... by the secret before';
is who('/authjs', cookie('authjs.session-token', $v5)), $IN, 'a cookie of Auth.js 5';
is who('/authjs', cookie('__Secure-authjs.session-token', $v5_secure)), $IN, '... of https';
is who('/authjs', cookie('next-auth.session-token', $v4_other)), '401', 'one by another secret';
is who('/authjs', cookie('next-auth.session-token', $v4_expired)), '401', 'one that has expired';
is who('/authjs', cookie('__Secure-authjs.session-token', $v5)), '401', 'one under another name';
is who('/authjs', cookie('mine', $v4)), '401', 'one under a name that nobody wrote down';
is who('/named', cookie('mine', $v4)), $IN, '... and under one that ChatAuthCookie has';
is who('/named', cookie('next-auth.session-token', $v4)), '401', '... which then counts alone';
is who('/authjs', cookie('authjs.session-token', substr $v5, 0, -3)), '401', 'one that is cut';
# Where getToken() of Auth.js looks for it, too.
is who('/authjs', bearer($_)), $IN, 'the same token as a Bearer token' for $v4, $v4_old, $v5, $v5_secure;
is who('/authjs', bearer($_)), '401', '... which must hold' for $v4_other, $v4_expired, substr($v5, 0, -3), 'eyJ.a.b.c.d';
is who('/authjs', bearer($v4_expired), cookie('authjs.session-token', $v5)), '401', '... whatever the cookie says';
is who('/authjs', bearer('something else'), cookie('authjs.session-token', $v5)), $IN, 'another Bearer token is for others';
is who('/rows', bearer($v5)), '401', '... as where sessions are rows';
{
    my $post = sub (%headers) { return $t->request('POST', '/authjs/page', headers => { Origin => 'https://elsewhere.test', %headers }, body => '')->{status} };
    is $post->(cookie('authjs.session-token', $v5)), 403, 'a cookie that a page of another site sends';
    isnt $post->(bearer($v5)), 403, '... while no browser sends a Bearer token by itself';
}
is who('/template', cookie('authjs.session-token', $v5_guest)), '200 f1e2', 'the id in a claim of its own';
is who('/template', cookie('authjs.session-token', $v5)), '401', '... which is not there';

my @pieces = $v5_long =~ /(.{1,3936})/gs;
is @pieces, 2, 'a long token comes in pieces';
my @named = map { "authjs.session-token.$_=$pieces[$_]" } 0 .. $#pieces;
is who('/authjs', Cookie => join '; ', @named), $IN, '... which are put together';
is who('/authjs', Cookie => join '; ', reverse @named), $IN, '... in whatever order they come';
is who('/authjs', Cookie => $named[1]), '401', '... but not without one of them';

is who('/rows', cookie('authjs.session-token', '0f8fad5b-d9cb-469f-a165-70867728950e')), '200 kat-row', 'the name of a session in the database';
is who('/rows', cookie('authjs.session-token', '7c9e6679-7425-40de-944b-e07fc1f90ae7')), '401', '... of one that has expired';
is who('/rows', cookie('authjs.session-token', '00000000-0000-0000-0000-000000000000')), '401', '... of none';
is who('/rows', cookie('authjs.session-token', "x' or '1'='1")), '401', '... that is SQL';

is who('/shared', bearer($hs)), $IN, 'a token by the shared secret';
is who('/shared', bearer($hs_other)), '401', '... by another';
is who('/shared', bearer($hs_party)), '401', '... of another issuer';
is who('/shared', bearer($hs_none)), '401', '... without an end';
is who('/shared', Authorization => "bearer $hs"), $IN, 'the word may be written small';
is who('/shared', bearer('abc')), '401', 'no token at all';
is who('/shared', bearer(join '.', (split /\./, $hs)[0, 1], '')), '401', 'one without its signature';

is who('/keys', bearer($by_key[$_])), $IN, "a token by $algs[$_]" for keys @algs;
is who('/keys', bearer($hs)), '401', 'no secret fits where keys are';
is who('/shared', bearer($by_key[0])), '401', '... and no key where a secret is';
is who('/keys', bearer($by_key[2] =~ s/\.[^.]*\z/'.' . ('A' x 86)/er)), '401', 'a signature of zeros';

# ---- how somebody is called ----

sub called ($path, %headers) { return [ $t->get("$path/me", headers => \%headers)->{json}->@{qw(name email image)} ] }
is_deeply called('/authjs', cookie('authjs.session-token', $v5)), [ 'Kat', 'kat@example.test', undef ], 'claims of Auth.js say how somebody is called';
is_deeply called('/authjs', Cookie => join '; ', @named), [ 'Kat', 'kat@example.test', undef ], '... and a picture that is no URL is none';
is_deeply called('/shared', bearer($hs)), [ undef, undef, 'https://example.test/kat.png' ], '... as do those of a signed token';
my $row = { cookie('authjs.session-token', '0f8fad5b-d9cb-469f-a165-70867728950e') };
is_deeply called('/rows', %$row), [ 'Kat', 'kat@example.test', '/kat.png' ], '... and the tables of Auth.js';
system('sqlite3', $t->dir . '/app.db', qq{update "user" set image = '//example.test/kat.png'}) == 0 or die;
is called('/rows', %$row)->[2], undef, '... where a picture of another host is none';
system('sqlite3', $t->dir . '/app.db', 'alter table "user" rename column email to mail') == 0 or die;
is_deeply called('/rows', %$row), [ (undef) x 3 ], 'where these have other columns nobody knows';
is who('/rows', %$row), '200 kat-row', '... but who has a session is let in';
$t->wait_log(qr/CHAT0228: how the user is called cannot be told: /);
unlike $t->error_log, qr/kat\@example|kat\.png/, 'no log has any of it';

is who('/nothing', bearer($hs)), '503', 'without any key nobody can say';
$t->stop;

# ---- configtest ----

sub complaint ($conf) {
    return (ChatTest->new->configtest("$conf\n"))[1];
}
like complaint("ChatAuthJWKS env:KEYS"), qr{ChatAuthJWKS does not accept "env:KEYS": write file:PATH or https://HOST/PATH}, 'keys are a file, or a URL';
like complaint("ChatAuthJWKS file:$dir/none.json"), qr{ChatAuthJWKS: \Q$dir\E/none\.json cannot be opened}, '... that is there';
spew('empty.json', '{"keys":[]}');
like complaint("ChatAuthJWKS file:$dir/empty.json"), qr/CHAT0339: ChatAuthJWKS at .*: .*no JWK set: it has no public key/, '... and has a key';
like complaint('ChatAuthClaim id='), qr/ChatAuthClaim id does not accept ""/, 'a claim has a name';
like complaint('ChatAuthJWT leeway=1h'), qr/ChatAuthJWT leeway/, 'clocks do not differ by an hour';

done_testing;
