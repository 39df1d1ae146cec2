# SPDX-License-Identifier: Apache-2.0
#
# The sessions of a real better-auth in its own PostgreSQL tables: who is let
# in, who is not, and what happens while the database is away. AuthType Chat
# guards a file; the handler asks the same function.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Postgres;

my $pg = ChatTest::Postgres->new->start;
my $auth = ChatTest::BetterAuth->new(store => 'kysely-pgsql', database => $pg->url,
    options => { admin => 1 })->start;
my $signed = \&ChatTest::BetterAuth::signed;

my $t = ChatTest->new(
    modules   => [qw(dbd authn_core authz_user)],
    env       => { APP_SECRET => $ChatTest::BetterAuth::SECRET, OLD_SECRET => 'an older secret, kept while cookies live' },
    log_level => 'info chat:trace8 dbd:trace8 authz_core:debug',
    conf      => <<"END");
MaxKeepAliveRequests 0
DBDriver pgsql
DBDParams "${\$pg->params}"
DBDMax 8
DBDKeep 8
ChatAuthSession kysely-pgsql admin
<Location />
    AuthType Chat
    Require valid-user
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /cookie>
    ChatAuth better-auth
</Location>
<Location /bearer>
    ChatAuth bearer better-auth
</Location>
<Location /bare>
    ChatAuth bearer
    ChatAuthBearer unsigned
</Location>
<Location /rotated>
    ChatAuth better-auth
    ChatAuthSecret env:OLD_SECRET env:APP_SECRET
</Location>
<Location /no-secret>
    ChatAuth better-auth
    ChatAuthSecret env:OLD_SECRET
</Location>
<Location /named>
    ChatAuth better-auth
    ChatAuthCookie acme.sid
</Location>
END
$t->write_file("htdocs/$_", "for members\n") for qw(cookie bearer bare rotated no-secret named);
$t->start;

sub status ($path, %headers) {
    return $t->get($path, headers => \%headers)->{status};
}

# How often the database was asked while $sub ran.
sub questions ($sub) {
    my $mark = $pg->mark;
    $sub->();
    return scalar(my @asked = $pg->asked($mark));
}

# ---- who is let in ----

my $s = $auth->sign_up;
my @secrets = ($s);

my $res = $t->get('/cookie', headers => { Cookie => $s->{cookie} });
is $res->{status}, 200, 'a user who signed up is let in';
is $res->{body}, "for members\n", '... to what is guarded';
like $t->error_log, qr/CHAT0301: identified by better-auth: user $s->{id}/, '... under the id of the account';
is $res->{headers}{'cache-control'}, 'private', '... and no shared cache may keep it';
is $res->{headers}{vary}, 'Cookie', '... nor any other for another cookie';
is status('/cookie'), 401, 'nobody is not';
is questions(sub { status('/cookie', Cookie => $s->{cookie}) }), 1, 'one question to the database is enough';
is status('/cookie', Cookie => 'better-auth.session_token=' . $signed->('x' x 32)), 401,
    'a token that no session has is not let in';

my $other = $auth->sign_up;
push @secrets, $other;
isnt $other->{id}, $s->{id}, 'somebody else signs up';
status('/cookie', Cookie => $other->{cookie});
like $t->error_log, qr/identified by better-auth: user $other->{id}/, '... and is taken for nobody else';

is status('/rotated', Cookie => $s->{cookie}), 200, 'any of several secrets may have signed';
is status('/no-secret', Cookie => $s->{cookie}), 401, 'another secret may not';
is status('/named', Cookie => $s->{cookie}), 401, 'another cookie name is another cookie';
is status('/named', Cookie => "acme.sid=$s->{value}"), 200, '... which ChatAuthCookie can name';

# ---- a signature that does not hold costs no query ----

my $tampered = $s->{bearer};
substr($tampered, -20, 1) =~ tr{A-Za-z0-9+/}{B-ZAb-za1-90/+};
my $code;
is questions(sub { $code = status('/cookie', Cookie => "better-auth.session_token=$tampered") }), 0,
    'a tampered signature is not worth a query';
is $code, 401, '... and is a 401';
is questions(sub { status('/bearer', Authorization => "Bearer $s->{token}.AAAA") }), 0,
    'nor is a bad Bearer token';
like $t->error_log, qr/CHAT0303: cookie better-auth.session_token is signed with none/, 'the log says why';

# ---- the same verdicts as better-auth itself ----

my $sig = $s->{bearer} =~ s/^[^.]*\.//r;
my $name = 'better-auth.session_token';
my $malleable = substr($sig, 0, 42) . (substr($sig, 42, 1) =~ tr{A-Za-z0-9+/}{BADCFEHGJILKNMPORQTSVUXWZYbadcfehgjilknmporqtsvuxwzy1032547698/+}r) . '=';
my $bad = $signed->($s->{token}, 'no secret of anybody');

my @cookies = (
    "$name=$s->{token}.$sig",
    "$name=$s->{token}.$malleable",
    "$name=" . ($s->{value} =~ s/(%..)/lc $1/ger),
    "$name=\"$s->{value}\"",
    "$name=\"$s->{value}x",
    "$name=$s->{token}." . substr($sig, 0, 43),
    "$name=$s->{token}." . ($sig =~ tr{+/}{-_}r),
    "$name=$s->{token}",
    "$name=.$sig",
    "$name=$s->{value}; $name=$bad",
    "$name=$bad; $name=$s->{value}",
    "$name=; $name=$s->{value}",
    "a; b=1;;  $name = $s->{value} ; c=2",
    "a=1, $name=$s->{value}",
    "$name=$s->{value}%zz",
    "$name=$s->{value}%00",
    "$name=%" . sprintf('%02x', ord $s->{value}) . substr($s->{value}, 1),
    uc($name) . "=$s->{value}",
    "$name=$s->{value}\xa0",
    "$name=\xe9$s->{value}",
    # another cookie of the app that is signed too
    "$name=" . $signed->('true'),
);
# One random change at a time, the same ones in every run.
srand 20251120;
my @chars = (map(chr, 33 .. 126), ' ', '%', ';', '=', '.', '"');
for (1 .. 200) {
    my $text = "theme=dark; $name=$s->{value}; lang=en";
    my $at = int rand length $text;
    my $char = $chars[ rand @chars ];
    my $how = int rand 4;
    if    ($how == 0) { substr($text, $at, 1) = $char }
    elsif ($how == 1) { substr($text, $at, 1) = '' }
    elsif ($how == 2) { substr($text, $at, 0) = $char }
    else              { substr($text, $at, 2) = reverse substr $text, $at, 2 }
    push @cookies, $text;
}
my (@differ, $yes, $no);
for my $cookie (@cookies) {
    my $theirs = defined $auth->sees(Cookie => $cookie) ? 200 : 401;
    my $ours = status('/cookie', Cookie => $cookie);
    push @differ, "$cookie: better-auth $theirs, AuthType Chat $ours" if $theirs != $ours;
    $theirs == 200 ? $yes++ : $no++;
}
is join("\n", @differ), '', scalar(@cookies) . " Cookie fields get better-auth's own verdict";
cmp_ok $yes, '>', 15, "... of which some let in ($yes)";
cmp_ok $no,  '>', 50, "... and some do not ($no)";

my @bearers = (
    "Bearer $s->{bearer}", "bearer $s->{bearer}", "BEARER   $s->{bearer}", "Bearer $s->{value}",
    "Bearer $s->{token}.$malleable", "Bearer $s->{bearer}x", "Bearer $s->{bearer}.", "Bearer $s->{bearer}.x",
    "Bearer $s->{bearer}=", "Bearer $bad", "Bearer $s->{token}.", "Bearer .$sig", "Bearer .", "Bearer",
    "Bearer \"$s->{bearer}\"", "Bearer $s->{bearer}%zz", "Bearer $s->{token}%2E" . ($s->{value} =~ s/^[^.]*\.//r),
    "Basic $s->{bearer}", "Token $s->{bearer}", "Bearer$s->{bearer}",
    "Bearer $s->{token}", "Bearer $s->{token}x", "Bearer " . substr($s->{token}, 1), "Bearer 'or'1'='1",
);
@differ = ();
for my $bearer (@bearers) {
    my $theirs = defined $auth->sees(Authorization => $bearer) ? 200 : 401;
    my $ours = status('/bare', Authorization => $bearer);
    push @differ, "$bearer: better-auth $theirs, AuthType Chat $ours" if $theirs != $ours;
}
is join("\n", @differ), '', scalar(@bearers) . " Authorization fields get better-auth's own verdict";

# ---- Bearer ----

is status('/bearer', Authorization => "Bearer $s->{bearer}"), 200, 'a signed Bearer token is let in';
is status('/bearer', Authorization => "Bearer $s->{token}"), 401, 'a bare one is not, unless ChatAuthBearer says so';
is status('/bearer', Authorization => 'Bearer ' . ($s->{bearer} =~ tr{+/=}{-_}dr)), 200,
    'a signature may be written in base64url';
is status('/bearer', Cookie => $s->{cookie}), 200, 'without a Bearer token the cookie counts';
is status('/bearer', Cookie => $s->{cookie}, Authorization => "Bearer $bad"), 401,
    'a bad Bearer token is not made good by a cookie';
is status('/bearer', Cookie => $s->{cookie}, Authorization => 'Bearer'), 401, '... nor is an empty one';
is status('/bearer', Cookie => $s->{cookie}, Authorization => 'Basic eDp5'), 200,
    'other Authorization is none of our business';
is status('/cookie', Cookie => $s->{cookie}, Authorization => "Bearer $bad"), 200,
    '... and Bearer is not where ChatAuth does not name it';

# ---- expiry, sign-out, ban ----

my $expired = $auth->sign_in($s->{email});
push @secrets, $expired;
is status('/cookie', Cookie => $expired->{cookie}), 200, 'a second session of the same user is one too';
$pg->sql(qq{update session set "expiresAt" = now() - interval '2 seconds' where token = '$expired->{token}'});
is status('/cookie', Cookie => $expired->{cookie}), 401, 'an expired session is a 401';
is $pg->sql("select count(*) from session where token = '$expired->{token}'"), 1, '... and is left for the app to delete';
my $row = "select * from session where token = '$s->{token}'";
$pg->sql(qq{update session set "expiresAt" = now() + interval '1 day' where token = '$s->{token}'});
my $before = $pg->sql($row);
is status('/cookie', Cookie => $s->{cookie}), 200, 'a session that the app would prolong';
is $pg->sql($row), $before, '... is only read here';

my $leaving = $auth->sign_in($other->{email});
push @secrets, $leaving;
is status('/cookie', Cookie => $leaving->{cookie}), 200, 'a user who is signed in';
$auth->sign_out($leaving);
is status('/cookie', Cookie => $leaving->{cookie}), 401, '... is a 401 once the app has signed him out';
is status('/cookie', Cookie => $other->{cookie}), 200, '... here only, not where else he is signed in';

my $ban = sub ($set) { $pg->sql(qq{update "user" set $set where id = '$other->{id}'}) };
$ban->('banned = true');
is status('/cookie', Cookie => $other->{cookie}), 403, 'a ban is a 403, though the app itself would not look';
is status('/bearer', Authorization => "Bearer $other->{bearer}"), 403, '... by whatever way he comes';
$ban->(q{"banExpires" = now() + interval '1 hour'});
is status('/cookie', Cookie => $other->{cookie}), 403, 'a ban that ends in an hour still holds';
$ban->(q{"banExpires" = now() - interval '1 second'});
is status('/cookie', Cookie => $other->{cookie}), 200, 'one that ended does not';
$ban->('banned = false, "banExpires" = null');
is status('/cookie', Cookie => $other->{cookie}), 200, 'nor does one that was taken back';

# ---- the database goes away and comes back ----

$t->allow_log(qr/\[dbd:error\]/);
$t->expect_log(qr/CHAT0203: session look-up failed: /);

# Connections in use together, so that several are idle when it happens.
sub together ($n, $sub = undef) {
    my @open = map { $t->connect } 1 .. $n;
    $_->send("GET /cookie HTTP/1.1\r\nHost: x\r\nCookie: $s->{cookie}\r\nConnection: close\r\n\r\n") for @open;
    return join ' ', map { $_->response->{status} } @open;
}
my $all_ok = join ' ', ('200') x 8;
is together(8), $all_ok, 'eight at a time';
cmp_ok $pg->sql(q{select count(*) from pg_stat_activity where application_name <> 'psql' and query like '%"user"%'}),
    '>', 1, '... take more than one connection';

$pg->restart;
is status('/cookie', Cookie => $s->{cookie}), 200, 'the first request after a restart of PostgreSQL is answered';
is together(8), $all_ok, '... and so are those on other connections';
like $t->error_log, qr/CHAT0201: asking the database again/, '... after the dead ones were opened again';

$pg->stop;
my $mark = $t->mark;
is join(' ', map { status('/cookie', Cookie => $s->{cookie}) } 1 .. 5), '503 503 503 503 503',
    'without the database there is a 503, never a 401';
like $t->error_log($mark), qr/CHAT0203: session look-up failed: .*connection/, '... and the log names the cause';
is status('/cookie', Cookie => "$name=$tampered"), 401, 'what needs no database is still known: a bad signature';
is status('/cookie'), 401, '... and no cookie at all';
is status('/bearer', Authorization => "Bearer $s->{bearer}"), 503, 'a Bearer token is a 503 too';
$pg->start;
is status('/cookie', Cookie => $s->{cookie}), 200, 'the first request after it is up again is answered';
is together(8), $all_ok, '... and all others';

$pg->kill->start;
is together(8), $all_ok, 'so it is after a crash of the database';

# A backend that is killed under us is a dead connection as well.
$pg->sql(q{select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'});
is status('/cookie', Cookie => $s->{cookie}), 200, '... and after a session of ours was terminated';

# On a live connection a refusal is final: it is not asked twice.
$pg->sql('alter table session rename to session_away');
is questions(sub { $code = status('/cookie', Cookie => $s->{cookie}) }), 0, 'a statement that fails';
is $code, 503, '... is a 503';
my $refusals = () = $pg->log =~ /ERROR:  relation "session" does not exist/g;
is $refusals, 1, '... asked once';
like $t->error_log, qr/CHAT0203: session look-up failed: ERROR:  relation "session" does not exist$/m, '... with the reason in the log';
$pg->sql('alter table session_away rename to session');
is status('/cookie', Cookie => $s->{cookie}), 200, '... and it works again when the table is there';

# ---- nothing is left behind ----

SKIP: {
    skip 'takes too long under a checker', 2 if $t->{checker}->name;
    my ($child) = $t->children;
    my $conn = $t->connect;
    my $after_asking = sub ($n) {
        for (1 .. $n) {
            $conn->request('GET', '/cookie', headers => [ Cookie => $s->{cookie} ]);
            $conn->response->{status} == 200 or die "a look-up failed\n";
        }
        return $t->proc_status($child);
    };
    my $warm = $after_asking->(1000);
    my $later = $after_asking->(10_000);
    $conn->close;
    cmp_ok $later->{VmRSS} - $warm->{VmRSS}, '<', 300, 'ten thousand look-ups leave no memory behind (KiB)';
    # A connection that httpd is just closing may be among them.
    cmp_ok $later->{fds}, '<', $warm->{fds} + 5, '... and no file';
}

# ---- no secret in any log ----

for my $secret (map { $_->{token}, $_->{bearer} =~ s/^[^.]*\.//r, $_->{value} } @secrets) {
    my @where = grep { index($t->slurp($_), $secret) >= 0 } qw(error.log access.log stdout);
    fail("a token is in @where") if @where;
}
is index($t->error_log, $ChatTest::BetterAuth::SECRET), -1, 'no secret is in the log, at any level';

$auth->stop;
$t->stop;
$pg->stop;
done_testing;
