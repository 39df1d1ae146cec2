# SPDX-License-Identifier: Apache-2.0
#
# Keys of ChatAuthJWKS from a URL: who is let in before they are there, when
# they change, and while nobody can fetch them.
use v5.36;
use Test::More;
use FindBin;
use IPC::Open2;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Documents;

my $JSON = JSON::PP->new->utf8->canonical;
my $REAL = "$FindBin::Bin/real/authjs";
ChatTest::skip_or_fail("npm ci in t/real/authjs") unless -d "$REAL/node_modules/jose";

sub mint (@wishes) {
    my $pid = open2(my $out, my $in, 'node', "$REAL/mint.mjs");
    print $in $JSON->encode(\@wishes);
    close $in;
    my $text = do { local $/; readline $out };
    waitpid $pid, 0;
    die "mint.mjs failed\n" if $?;
    return map { $_->{token} // $JSON->encode($_->{jwks}) } $JSON->decode($text)->@*;
}
my @ALGS = qw(RS256 PS256 ES256 ES384 EdDSA);
my %claims = (sub => 'user_kat_1', iat => time, exp => time + 3600, iss => 'app', aud => 'chat');
my $SECRET = 'shared-secret-of-the-app-0123456789-abc';
my ($old, $old_set, $hs, @by_alg) = mint(
    { by => 'key', alg => 'EdDSA', kid => 'old-EdDSA', claims => \%claims },
    { by => 'jwks', algs => \@ALGS, prefix => 'old-' },
    { by => 'hs256', claims => \%claims, secret => $SECRET },
    map { { by => 'key', alg => $_, kid => "old-$_", claims => \%claims } } @ALGS);
my ($new, $new_set, @odd) = mint(
    { by => 'key', alg => 'EdDSA', kid => 'new-EdDSA', claims => \%claims },
    { by => 'jwks', algs => \@ALGS, prefix => 'new-' },
    map { { by => 'key', alg => 'EdDSA', kid => "odd-$_", claims => \%claims } } 1 .. 40);
my $none = 'eyJhbGciOiJub25lIiwia2lkIjoibmV3LUVkRFNBIn0.' . (split /\./, $new)[1] . '.';

my $documents = ChatTest::Documents->new->start;
my $real = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => File::Temp->newdir . '.db', options => { jwt => 1 })->start;
my $answer = \&ChatTest::Documents::json;
my %ODD = (
    page     => ChatTest::Answers::whole(200, ['Content-Type: text/html'], '<p>Sign in'),
    twice    => $answer->('{"keys":[],"keys":[]}'),
    long     => $answer->($old_set =~ s/\A\{/'{"x":"' . ('x' x 65536) . '",'/er),
    moved    => ChatTest::Answers::whole(302, [ 'Location: ' . $documents->url('turning') ], ''),
    gone     => ChatTest::Answers::whole(404, [], ''),
    cut      => $answer->($old_set) =~ s/.{40}\z//sr,
    secret   => $answer->('{"keys":[{"kty":"oct","alg":"HS256","k":"AAAA"}]}'),
);
$documents->say($_ => $ODD{$_}) for keys %ODD;
$documents->say(sick => $answer->($old_set));

sub location ($name, $more = '', $url = $documents->url($name)) {
    return "<Location /$name>\n    ChatAuthJWKS $url\n    $more\n</Location>\n";
}
my $t = ChatTest->new(
    modules => [qw(headers authn_core authz_user)],
    env     => { SHARED => $SECRET },
    conf    => join '', <<'END', map { location($_) } sort keys %ODD);
Header always set X-User expr=%{REMOTE_USER}
<Location />
    AuthType Chat
    Require valid-user
    ChatAuth jwt
</Location>
END
$t->{conf} .= location(turning => 'ChatAuthJWT issuer=app,second audience=chat') . location(sick => 'ChatAuthJWTSecret env:SHARED')
    . location(other => 'ChatAuthJWT issuer=second', $documents->url('turning'))
    . location(others => 'ChatAuthJWT issuer=app audience=shop', $documents->url('turning'))
    . location(real => "ChatAuthJWT issuer=http://127.0.0.1:$real->{port}", "http://127.0.0.1:$real->{port}/api/auth/jwks");
for my $name (keys %ODD, qw(turning sick other others real)) {
    mkdir $t->htdocs . "/$name";
    $t->write_file("htdocs/$name/page", "here\n");
}
$t->expect_log(qr/CHAT0346: .*(?:@{[ join '|', sort keys %ODD ]}) cannot be fetched/, qr/CHAT0346: .*sick cannot/);
$t->start;

sub who ($path, $token) {
    my $res = $t->get("/$path/page", headers => { Authorization => "Bearer $token" });
    return join ' ', grep { defined && length } $res->{status}, $res->{status} == 200 ? $res->{headers}{'x-user'} : ();
}
my $IN = '200 user_kat_1';

# ---- before the first answer ----

ok wait_for(sub { $documents->asked('turning') }, 'a set is asked for before anybody needs it');
my $res = $t->get('/turning/page', headers => { Authorization => "Bearer $old" });
is $res->{status}, 503, 'nobody can say who it is before it is there';
is $res->{headers}{'retry-after'}, 5, '... which will pass';
is who('turning', $none), '401', '... but a token without a signature is none';
is who('turning', $hs), '401', '... nor is one of a kind that no set could sign';
is who('sick', $hs), $IN, '... and a secret needs no set';
$documents->say(turning => $answer->($old_set, 'Cache-Control: public, max-age=3600'));
ok wait_for(sub { who('turning', $old) eq $IN }, 'then it is there');
is who('turning', $by_alg[$_]), $IN, "... a token by $ALGS[$_]" for keys @ALGS;
is $documents->asked('turning'), 1, 'one process fetched it, once, for two locations and more';
is who('other', $old), '401', 'a token of one issuer does not open what is for another';
is who('others', $old), '401', '... nor one for another audience';
is who('turning', $old =~ s/[^.]{20}\z/'A' x 20/er), '401', 'a signature that is none';
is who('turning', $hs), '401', 'a secret is no key';

# ---- a process of its own ----

$t->wait_log(qr{CHAT0347: the keys of \S+/$_ have been fetched}) for 'sick', 'api/auth/jwks';
my ($child) = $t->children;
kill KILL => $child;
$t->allow_log(qr/AH00052/);
ok wait_for(sub { !grep { $_ == $child } $t->children }, 'a child is gone');
is who('turning', $old), $IN, 'the others know the keys';
is $documents->asked('turning'), 1, '... and the next one, which asked nobody';

# ---- other keys, under load ----

my @clients = map {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        my %seen;
        my $until = time + 60;
        $seen{ who('turning', -e $t->dir . '/turned' ? $new : $old) }++ until -e $t->dir . '/over' || time > $until;
        $t->write_file("seen.$_", join ',', sort keys %seen);
        require POSIX;
        POSIX::_exit(0);
    }
    $pid;
} 1 .. 3;
my $fresh = JSON::PP::decode_json($new_set);
push $fresh->{keys}->@*, JSON::PP::decode_json($old_set)->{keys}->@*;
$documents->say(turning => $answer->($JSON->encode($fresh)));
$t->write_file('turned', '');
is who('turning', $new), $IN, 'a key that is not known is asked for: its token is good at once';
is who('turning', $old), $IN, '... and those from before, while the set has them';
is $documents->asked('turning'), 2, '... by one more question';
$t->write_file('over', '');
waitpid $_, 0 for @clients;
is_deeply [ map { $t->slurp("seen.$_") } 1 .. 3 ], [ ($IN) x 3 ], 'no request of those that went on has noticed';
is_deeply [ sort keys %{ { map { who('turning', $_) => 1 } @odd } } ], ['401'], 'whoever makes up names of keys is nobody';
is $documents->asked('turning'), 2, '... and makes no questions';

# ---- nobody answers ----

is who('sick', $old), $IN, 'a set that is there';
$documents->say(sick => ChatTest::Answers::whole(500, [], 'sorry'));
is who('sick', $new), '503', 'where the next cannot be had, nobody knows a new key';
is who('sick', $new), '503', '... which is said of each';
is who('sick', $old), $IN, '... and those from before are good';
is who('sick', $hs), $IN, '... as secrets are';
is scalar(() = $t->error_log =~ /warn.*CHAT0346: .*sick cannot/g), 1, 'the log says so once';
like $t->error_log, qr/CHAT0346: the keys of \S+sick cannot be fetched: the answer is a 500; those from before are used on/, '... and what holds now';

# ---- what is no set ----

is who($_, $old), '503', "$_: nobody can be checked" for sort keys %ODD;
my %why = (
    page => 'no JWK set: it is no JSON', twice => 'no JWK set: it is no JSON object, or has a member twice',
    long => 'more than 65536 bytes', moved => 'the answer is a 302', gone => 'the answer is a 404',
    cut => 'before it is whole', secret => 'no JWK set: it has no public key',
);
like $t->error_log, qr{CHAT0346: the keys of \S+/\Q$_\E cannot be fetched: .*\Q$why{$_}\E.*; nobody can be let in}, "... $why{$_}"
    for sort keys %why;

# ---- better-auth's own, as in directives.md ----

my $user = $real->sign_up;
my $token = $JSON->decode($real->request(GET => '/token', headers => { Cookie => $user->{cookie} })->{body})->{token};
is who('real', $token), "200 $user->{id}", 'a token of the jwt plugin, by the keys that better-auth shows';
is who('real', $old), '401', '... which knows no other';

# ---- reload ----

$t->graceful;
is who('turning', $old), $IN, 'the first request behind a reload waits for the keys';
$t->stop;
$_->stop for $real, $documents;

# ---- configtest ----

sub complaint ($conf) { return (ChatTest->new->configtest("$conf\n"))[1] }
like complaint('ChatAuthJWKS http://app.example/jwks'), qr{ChatAuthJWKS does not accept "http://app\.example/jwks": write https://}, 'keys come over TLS';
like complaint('ChatAuthJWKS http://127.evil.example/jwks'), qr{ChatAuthJWKS does not accept}, '... whatever a name begins with';
like complaint('ChatAuthJWKS https://u:p@app.example/jwks'), qr{ChatAuthJWKS does not accept "\(not shown\)"}, 'a URL has no password';
is complaint("ChatAuthJWKS $_") =~ /Syntax OK/, 1, "accepted: $_"
    for 'https://app.example/jwks', 'http://localhost:3000/api/auth/jwks', 'http://[::1]/jwks';
done_testing;
