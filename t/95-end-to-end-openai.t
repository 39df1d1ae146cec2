# SPDX-License-Identifier: Apache-2.0
#
# The main job, with the real peers: users who signed up in a real better-auth
# (PostgreSQL and SQLite, cookie and Bearer token, plain and TLS) chat through
# Apache, and the official OpenAI SDK decodes what arrives exactly as it decodes
# the provider's own stream. Whoever is signed out gets the contract's 401.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::OpenAI;
use ChatTest::Postgres;
use ChatTest::Upstream;

my $pg = ChatTest::Postgres->new->start;
my $up = ChatTest::Upstream->new->start;

# One connection to the database for everybody: who holds it while a stream
# runs stops all others.
sub server ($layout, $driver, $params, %o) {
    return ChatTest->new(
        modules => [qw(dbd)],
        env     => { APP_SECRET => $ChatTest::BetterAuth::SECRET },
        %o,
        conf => <<"END");
DBDriver $driver
DBDParams "$params"
DBDMin 1
DBDKeep 1
DBDMax 1
ChatAuthSession $layout
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<ChatProvider completions>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderAPI chat-completions
</ChatProvider>
<Location /api/>
    SetHandler chat
    ChatRoute openai
    ChatAuth better-auth bearer
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /api/chat-completions>
    ChatUse completions
</Location>
END
}

my %route = (responses => '/api/chat-openai', completions => '/api/chat-completions');

# What the SDK makes of the provider itself, and the same through Apache: our
# request carries the script for the mock in its message, so does the SDK's.
sub direct ($api, $turn, %more) {
    return {
        api    => $api,
        base   => $up->url,
        params => {
            model => 'gpt-4o-mini',
            $api eq 'responses'
            ? (input => $turn->{messages})
            : (messages => $turn->{messages}, stream_options => { include_usage => JSON::PP::true }),
        },
        %more,
    };
}

sub through ($t, $api, $turn, $headers, %more) {
    my $tls = delete $more{tls};
    return {
        direct($api, $turn, %more)->%*,
        route => {
            url     => $t->url($route{$api}, tls => $tls),
            headers => { 'Content-Type' => 'application/json', %$headers },
            body    => $turn,
        },
    };
}

sub sqlite ($file, $sql) {
    system('sqlite3', $file, $sql) == 0 or die "sqlite3 failed on: $sql\n";
}

# Exactly the contract's body.
sub is_401 ($res, $name) {
    is $res->{status}, 401, $name;
    is $res->{body}, '{"code":"unauthorized","message":"Sign in required."}',
        '... with the body of the contract';
    is $res->{headers}{'content-type'}, 'application/json; charset=utf-8', '... as JSON';
}

my %script = (seed => 4711, n => 30, size => 40, utf8 => 1, reason => 2, comments => 1, split => 700);

sub users_can_chat ($t, $app, $sdk, $expire) {
    my $s = $app->sign_up;
    my %cookie = (Cookie => $s->{cookie});
    my %bearer = (Authorization => "Bearer $s->{bearer}");

    # ---- decoded as from the provider ----

    for my $api (qw(responses completions)) {
        my $turn = $t->turn(%script);
        my $simple = $t->turn(%script, reason => 0);
        my ($theirs, $ours, $their_sum, $our_sum, $by_token) = $sdk->run(
            direct($api, $turn), through($t, $api, $turn, \%cookie),
            direct($api, $simple, how => 'helper'), through($t, $api, $simple, \%cookie, how => 'helper'),
            through($t, $api, $turn, \%bearer));
        is $ours->{error}, undef, "$api: the SDK is content with what came through Apache";
        is $ours->{status}, 200, '... a 200';
        ok $ours->{finished}, '... that ends';
        is $ours->{text}, $theirs->{text}, '... the same text as from the provider itself';
        like $ours->{text}, qr/^s4711d0 .*s4711d29 /s, '... all of it';
        is_deeply $ours->{usage}, $theirs->{usage}, '... the same usage';
        is_deeply $ours->{events}, $theirs->{events}, '... the same ' . $ours->{events}->@* . ' events';
        is_deeply $our_sum->{whole}, $their_sum->{whole}, '... and the same object, accumulated by the SDK';
        is $our_sum->{text}, $theirs->{text}, '... with the same text';
        is_deeply $by_token->{events}, $theirs->{events}, '... so for a Bearer token';
        like $ours->{headers}{'x-request-id'}, qr/^[0-9a-f-]{36}$/, '... under an id of ours';
        my ($line) = grep { /id=\Q$ours->{headers}{'x-request-id'}\E / } split /\n/, $t->access_log;
        like $line, qr/ user=\Q$s->{id}\E model=gpt-4o-mini provider=(?:openai|completions) status=200 .* outcome=complete/,
            '... and the access log knows whom';
    }

    # ---- who may not ----

    my $turn = $t->turn(seed => 1);
    my $before = $up->stats->{requests};
    is_401($t->post_json($route{responses}, $turn), 'nobody is a 401');
    is_401($t->post_json($route{responses}, $turn, headers => { Cookie => "$s->{cookie}x" }), 'so is a bad signature');
    my ($refused) = $sdk->run(through($t, responses => $turn, {}));
    is "$refused->{error}{name} $refused->{error}{status}", 'AuthenticationError 401', 'the SDK knows it as what it is';

    my $other = $app->sign_in($s->{email});
    my %other = (Cookie => $other->{cookie});
    is $t->sse($route{responses}, $turn, headers => \%other)->{status}, 200, 'a second session of the same user';
    $expire->($other->{token});
    is_401($t->post_json($route{responses}, $turn, headers => \%other), '... is a 401 when it has expired');
    is_401($t->post_json($route{responses}, $turn, headers => { Authorization => "Bearer $other->{bearer}" }),
        '... by its token too');

    # A stream that runs outlives its session, and holds no connection to the
    # database meanwhile: there is but one.
    my $leaving = $app->sign_in($s->{email});
    my $live = $t->sse($route{responses}, $t->turn(seed => 2, n => 6, pace => 60), headers => { Cookie => $leaving->{cookie} },
        on_event => sub ($event, $res) {
            return 1 unless $res->{events}->@* == 1;
            is $t->sse($route{responses}, $turn, headers => \%cookie)->{status}, 200, 'while a stream runs another can start';
            $app->sign_out($leaving);
            is_401($t->post_json($route{responses}, $turn, headers => { Cookie => $leaving->{cookie} }),
                'who has signed out is a 401');
            return 1;
        });
    ok $live->{clean}, '... and what he was being told, he is told to the end';
    is $up->stats->{requests} - $before, 3, 'no refused request has reached the provider';
    return $s;
}

# ---- PostgreSQL, plain and TLS ----

my $t = server('kysely-pgsql', 'pgsql', $pg->params, tls => 1)->start;
my $sqlite = server('kysely-sqlite', 'sqlite3', '%%DIR%%/app.db');
my $app = ChatTest::BetterAuth->new(store => 'kysely-pgsql', database => $pg->url);
my $file = $sqlite->dir . '/app.db';
my $small = ChatTest::BetterAuth->new(store => 'kysely-sqlite', database => $file,
    options => { auth => { advanced => { useSecureCookies => JSON::PP::true } } });
ChatTest::BetterAuth::start_all($app, $small);
my $sdk = ChatTest::OpenAI->new(ca => $t->ca);

my $s = users_can_chat($t, $app, $sdk,
    sub ($token) { $pg->sql(qq{update session set "expiresAt" = now() - interval '1 second' where token = '$token'}) });

my %cookie = (Cookie => $s->{cookie});
my $turn = $t->turn(%script);
my ($theirs, $plain, $tls, $bare) = $sdk->run(direct(responses => $turn), through($t, responses => $turn, \%cookie),
    through($t, responses => $turn, { Cookie => "__Secure-$s->{cookie}" }, tls => 1),
    through($t, responses => $turn, \%cookie, tls => 1));
is_deeply $tls->{events}, $theirs->{events}, 'over TLS, with the cookie that TLS has, the SDK decodes the same';
is $bare->{error}{status}, 401, '... the other one is nobody there';

# ---- what a client cannot see by itself, it sees through Apache ----

for my $api (qw(responses completions)) {
    my $cut = $t->turn(fault => 'noend', after => 7, n => 20);
    my ($theirs, $ours) = $sdk->run(direct($api, $cut), through($t, $api, $cut, \%cookie));
    ok $theirs->{finished} && !$theirs->{error}, "$api: the SDK takes an answer that stops short for a whole one";
    ok !$ours->{finished} && $ours->{error}, '... but not through Apache';
    is_deeply $ours->{events} // [], [ $theirs->{events}->@[ 0 .. ($ours->{events} // [])->$#* ] ],
        '... and what it had decoded until then is right';
}
my $limited = $sdk->run(through($t, responses => $t->turn(status => 429, retry => 7), \%cookie));
is "$limited->{error}{name} $limited->{headers}{'retry-after'}", 'RateLimitError 7', "the provider's 429 is the SDK's";
my $failed = $sdk->run(through($t, completions => $t->turn(fault => 'error-flat'), \%cookie));
is "$failed->{error}{name} $failed->{error}{code}", 'APIError server_error', 'an error event is one to the SDK';

$sdk->run(through($t, responses => $t->turn(seed => 99, n => 500, pace => 20), \%cookie, abort => 3));
wait_for('the SDK leaves, and the provider is told so', sub {
    grep { $_->{seed} == 99 && $_->{events} < 60 } $up->stats->{closed_by_peer}->@*;
});

my $mark = $t->mark('access.log');
$sdk->run(through($t, responses => $t->turn, \%cookie)) for 1 .. 3;
my @k = wait_for('three more lines', sub {
    my @k = $t->access_log($mark) =~ / k=(\d+) /g;
    return @k >= 3 ? \@k : undef;
})->@*;
ok scalar(grep { $_ } @k), "the SDK goes on with a connection after a stream (@k)";

# It failed, it was cut: each is an error in the log; leaving is none.
$t->expect_log(qr/CHAT0902: .* truncated: the stream ended without its terminal event/,
    qr/CHAT0902: .* upstream_error: server_error/, qr/CHAT0902: .* upstream=429 .* upstream_rate_limited/);

# ---- SQLite; an app with secure cookies, which have their own name ----

$sqlite->start;
my $users = users_can_chat($sqlite, $small, $sdk,
    sub ($token) { sqlite($file, qq{update session set "expiresAt" = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 seconds') where token = '$token'}) });
like $users->{cookie}, qr/^__Secure-better-auth\.session_token=/, 'the cookie of that app was a secure one';

$sdk->stop;
$_->stop for $app, $small;
$t->stop;
$sqlite->stop;
$pg->stop;
$up->stop;
done_testing;
