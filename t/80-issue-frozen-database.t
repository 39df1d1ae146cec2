# SPDX-License-Identifier: Apache-2.0
#
# A database that stands still took every worker with it: sign-ins, or readiness
# probes that need no cookie, waited for it without end, and nobody else was
# answered. Now sign-ins get a 503, and nothing else notices.
use v5.36;
use Test::More;
use IO::Select;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Postgres;
use ChatTest::Upstream;

my $pg = ChatTest::Postgres->new->start;
my $up = ChatTest::Upstream->new(n => 2)->start;
my @tokens = map { $_ x 32 } 'a' .. 'c';
$pg->sql(q{create table "user" (id text, role text, banned boolean, "banExpires" timestamptz);
    create table session (token text, "userId" text, "expiresAt" timestamptz)});
$pg->sql(qq{insert into session values ('$_', '$_', now() + interval '1 hour');
    insert into "user" values ('$_', null, false, null)}) for @tokens;

my $ROUTES = <<"END";
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey file:%%DIR%%/key
</ChatProvider>
<LocationMatch "^/(guest|signed)">
    SetHandler chat
    ChatRoute openai
</LocationMatch>
<Location /guest>
    ChatAuth guest
</Location>
<LocationMatch "^/(signed|members)">
    ChatAuth better-auth
    ChatAuthSecret file:%%DIR%%/secret
</LocationMatch>
<Location /members>
    AuthType Chat
    Require valid-user
</Location>
<Location /healthz>
    SetHandler chat
    ChatRoute health
</Location>
END
my $PGSQL = <<"END";
DBDriver pgsql
DBDMin 0
DBDMax 6
ChatAuthSession kysely-pgsql
ChatAuthCache 1h
END

my $t;

# Nobody of @tokens is remembered at first.
sub server ($conf, %o) {
    $t = ChatTest->new(modules => [qw(dbd socache_shmcb authn_core authz_user)], conf => $conf . $ROUTES, %o);
    $t->write_file('key', $t->canary_key . "\n", 0600);
    $t->write_file('secret', $ChatTest::BetterAuth::SECRET . "\n", 0600);
    $t->write_file('htdocs/members', "for members\n");
    $t->write_file('htdocs/page.html', "a page\n");
    $t->allow_log(qr/CHAT0203: /, qr/CHAT0204: session look-up not begun: as many as may/, qr/\[dbd:(?:error|crit)\]/,
        qr/AH00(?:484|161): server reached MaxRequestWorkers/);
    # Sixteen children of prefork take their time to leave under valgrind.
    $t->allow_log(qr/AH00045: child process \d+ still did not exit/) if $t->{checker}->name eq 'memcheck';
    return $t->start;
}

sub cookie ($token) { return 'better-auth.session_token=' . ChatTest::BetterAuth::signed($token) }

sub sign_in ($token) {
    return $t->post_json('/signed', $t->turn, headers => { Cookie => cookie($token) });
}

sub everybody_else ($when) {
    is $t->get('/page.html')->{body}, "a page\n", "$when a page is served";
    is $t->sse('/guest', $t->turn)->{status}, 200, "... a guest chats";
    is sign_in($tokens[0])->{status}, 200, '... and so does who is remembered';
    is $t->get('/healthz')->{status}, 200, '... and the server is alive';
}

# So many requests at once, sent and not yet answered.
sub many ($n, $path, $cookie = undef, $json = undef) {
    my @headers = (Connection => 'close', ($cookie ? (Cookie => $cookie) : ()),
        ($json ? ('Content-Type' => 'application/json') : ()));
    return map {
        $t->connect->request($json ? 'POST' : 'GET', $path, headers => \@headers, body => $json)
    } 1 .. $n;
}

sub answered (@conns) {
    my $select = IO::Select->new(map { $_->{rfh} } @conns);
    my %ready = map { $_ => 1 } $select->can_read(0);
    return grep { $ready{ $_->{rfh} } } @conns;
}

# All of these but $but, while the database stands still: [responses], and who
# is still waiting.
sub told ($but, @conns) {
    my @some;
    # Nothing that follows would be answered either.
    wait_for('answers', sub { @some = answered(@conns); @some >= @conns - $but })
        or die "the server waits for its database\n";
    my %is = map { $_ => 1 } @some;
    return [ map { $_->response } @some ], grep { !$is{$_} } @conns;
}

sub refused ($what, $responses) {
    is join(' ', sort keys %{ { map { $_->{status} => 1 } @$responses } }), '503', "$what get a 503";
    is scalar(grep { ($_->{headers}{'retry-after'} // '') ne '5' } @$responses), 0, '... and are told when to come again';
}

sub it_thaws (@waiting) {
    $pg->thaw;
    is scalar(grep { $_->response->{status} !~ /^(?:200|503)$/ } @waiting), 0, 'who waited is answered';
    wait_for('sign-ins', sub { sign_in($tokens[2])->{status} == 200 });
    is $t->get('/members', headers => { Cookie => cookie($tokens[2]) })->{status}, 200, 'sign-ins work again';
    wait_for('readiness', sub { $t->get('/healthz/ready')->{status} == 200 });
    $t->wait_log(qr/CHAT0207: the database answers again/);
}

# ---- places of a child, or of all children, of so many ----

for my $case (
    [ event => 8, 40, {} ],
    [ prefork => 4, 20, { mpm => 'prefork', mpm_conf => "StartServers 16\nServerLimit 16\nMaxRequestWorkers 16\nMinSpareServers 1\nMaxSpareServers 16\n" } ])
{
    my ($mpm, $places, $n, $o) = @$case;
    my @hold;
    server("$PGSQL" . 'DBDParams "' . $pg->params . qq{"\n}, %$o);
    $t->expect_log(qr/CHAT0206: the database does not answer in time: it is left alone, and tried now and then/);
    is sign_in($tokens[0])->{status}, 200, "$mpm: a sign-in";
    is $t->get('/healthz/ready')->{status}, 200, '... and it is ready';

    $pg->freeze;
    my @conns = many($n, '/members', cookie($tokens[1]));
    (my $got, @hold) = told($places, @conns);
    refused("$mpm: those who sign in at a database that stands still", $got);
    cmp_ok @hold, '<=', $places, '... but for some that it keeps';
    everybody_else("$mpm, frozen:");
    # Now and then one of them tries.
    ($got, my @try) = told(2, many(5, '/members', cookie($tokens[1])));
    refused("$mpm: the next ones", $got);
    push @hold, @try;
    ($got, @try) = told(2, many(5, '/signed', cookie($tokens[1]), '{"messages":[{"role":"user","content":"x"}]}'));
    refused("$mpm: those who chat", $got);
    is $got->[0]{json}{code}, 'store_unavailable', '... with a word for it';
    push @hold, @try;

    ($got, @try) = told(1, many(40, '/healthz/ready'));
    refused("$mpm: readiness probes", $got);
    is $got->[0]{json}{status}, 'unready', '... since the server is not';
    push @hold, @try;
    everybody_else("$mpm, probed:");
    it_thaws(@hold);

    # The probes alone, which need no cookie, from the last good news on.
    my (%status, @open);
    $pg->freeze;
    wait_for('a probe to be late', sub {
        ($got, @try) = told(1, many(20, '/healthz/ready'));
        $status{ $_->{status} }++ for @$got;
        push @open, @try;
        return $status{503};
    });
    (undef, @hold) = told(1, @open) if @open;
    ($got) = told(1, many(40, '/healthz/ready'));
    refused("$mpm: more probes", $got);
    cmp_ok @hold, '<=', 1, '... and one of them all waits at most';
    everybody_else("$mpm, probed alone:");
    $pg->thaw;
    $_->response for @hold;
    wait_for('sign-ins', sub { sign_in($tokens[2])->{status} == 200 });

    # The next generation begins with a database that stands still.
    if ($mpm eq 'event') {
        $pg->freeze;
        $t->graceful;
        (undef, @hold) = told($places, many($n, '/members', cookie($tokens[1])));
        is $t->get('/page.html')->{status}, 200, 'after a reload a page is served';
        is $t->sse('/guest', $t->turn)->{status}, 200, '... and a guest chats';
        $pg->thaw;
        $_->response for @hold;
        wait_for('sign-ins', sub { sign_in($tokens[2])->{status} == 200 });
    }
    $t->stop;
}

# ---- a database that is slow to say no, or says it at once ----

server("$PGSQL" . 'DBDParams "' . $pg->params . qq{"\nChatAuthCache off\n});
is sign_in($tokens[0])->{status}, 200, 'a sign-in';
$pg->restart;
is sign_in($tokens[0])->{status}, 200, 'a database that was restarted is asked again at once';
$pg->stop;
is sign_in($tokens[0])->{status}, 503, 'one that is away is a 503';
is sign_in($tokens[0])->{status}, 503, '... each time' for 1 .. 5;
$pg->start;
is sign_in($tokens[0])->{status}, 200, '... and is asked as soon as it is there';
$t->stop;
unlike $t->error_log, qr/CHAT0206/, 'what fails at once shuts nothing';

server($PGSQL . 'DBDParams "' . ($pg->params =~ s/user=chat/user=nobody/r) . qq{"\n});
is sign_in($tokens[0])->{status}, 503, 'with the wrong credentials a sign-in is a 503';
is sign_in($tokens[0])->{headers}{'retry-after'}, 5, '... each time';
is $t->get('/healthz/ready')->{status}, 503, '... and the server is not ready';
is $t->sse('/guest', $t->turn)->{status}, 200, '... but a guest chats';
$t->stop;

# ---- SQLite, locked by somebody else ----

server(<<'END');
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
ChatAuthSession sql "SELECT id, expires, NULL, 0 FROM s WHERE token = %s"
ChatAuthCache 1h
END
my $file = $t->dir . '/app.db';
system('sqlite3', $file, 'CREATE TABLE s (token, id, expires)',
    map { "INSERT INTO s VALUES ('$_', '$_', 4000000000)" } @tokens) == 0 or die;
chmod 0666, $file;
is sign_in($tokens[0])->{status}, 200, 'SQLite: a sign-in';
my $pid = open(my $shell, '|-', 'sh', '-c', 'exec sqlite3 "$1" > "$2"', 'sh', $file, $t->dir . '/said') or die $!;
$shell->autoflush(1);
print $shell "BEGIN EXCLUSIVE;\nSELECT 'locked';\n";
wait_for('the lock', sub { $t->slurp('said') =~ /locked/ });
my ($got, @hold) = told(8, many(40, '/members', cookie($tokens[1])));
refused('SQLite: those who sign in at a file that is locked', $got);
everybody_else('SQLite, locked:');
print $shell "COMMIT;\n";
close $shell;
$_->response for @hold;
wait_for('sign-ins', sub { sign_in($tokens[1])->{status} == 200 });
is $t->get('/members', headers => { Cookie => cookie($tokens[2]) })->{status}, 200, '... and works again';
$t->allow_log(qr/CHAT0206/);
$t->stop;

$up->stop;
$pg->stop;
done_testing;
