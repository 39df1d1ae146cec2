# SPDX-License-Identifier: Apache-2.0
#
# The threads of a child under a race detector, in every run and therefore
# small: each way in which a stream passes between a worker and an engine.
# "make helgrind" does it more often. That a race would be seen, whatever
# t/helgrind.supp leaves out, is shown by two that are seeded into a copy of the
# sources.
#
#   CHAT_TEST_ROUNDS    how often (1)
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";

my $VARIANT;

BEGIN {
    $VARIANT = $ENV{CHAT_VARIANT} || 'plain';
    $ENV{CHAT_VALGRIND} //= 'helgrind' if $VARIANT eq 'plain';
    plan(skip_all => 'races are for helgrind (plain) and tsan')
        unless $VARIANT eq 'tsan' || $VARIANT eq 'plain' && $ENV{CHAT_VALGRIND} eq 'helgrind';
}
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Load qw(load_start load_wait load_ok);
use ChatTest::Moderator;
use ChatTest::Redis;
use ChatTest::Streams;
use ChatTest::Upstream;
use Time::HiRes qw(sleep);

my $SECRET = 'a-secret-for-the-race-detector-0123456789';
my $redis = ChatTest::Redis->new->start;
my $up = ChatTest::Upstream->new(lean => 1)->start;
my $service = ChatTest::Moderator->start;
my $by_name = $up->url =~ s/127\.0\.0\.1/localhost/r;

# sse_load in the background; heartbeats may come.
sub streams ($t, $path, $params, %o) {
    my $url = $o{port} ? "http://127.0.0.1:$o{port}$path" : $t->url($path, tls => $o{tls});
    delete @o{qw(port tls)};
    return load_start($url, b => load_body($t, $params), p => "lean=1;$params", t => scaled(20), k => 1, C => 1, %o);
}

sub live ($t, $n) {
    return wait_for("$n streams", sub { counters($t)->{Live} >= $n });
}

# Runs the loads side by side; each pair of a name and a load is a test.
sub all_ok (@pairs) {
    while (my ($name, $job) = splice @pairs, 0, 2) {
        load_ok($name, $job);
    }
}

# One stream of each kind, and a restart.
sub come_and_go ($t, $impatient, $cookie) {
    my $short = 'n=8;pace=15';
    my $long = 'n=1000;pace=15';
    my $twice = "$short;status=503;times=1";

    all_ok(
        'streams end, on connections that go on' => streams($t, '/chat', $short, c => 4, m => 3),
        'pipelined'                               => streams($t, '/chat', 'n=3', c => 2, m => 4, P => 2, s => 100),
        'over TLS'                                => streams($t, '/chat', $short, c => 3, m => 2, tls => 1, s => 200),
        'driven by their requests'                => streams($t, '/blocking', $short, c => 2, m => 2, s => 400),
        'calls are made once more'                => streams($t, '/chat', $twice, c => 4, m => 2, s => 450),
        '... by their requests'                   => streams($t, '/blocking', $twice, c => 2, s => 480),
    );
    # Some verdicts are remembered, and shared; a service that breaks rests.
    all_ok(
        'a service and lists look at them'  => streams($t, '/moderated', $short, c => 4, m => 3, s => 130),
        '... at some of them together'      => streams($t, '/moderated', $short, c => 4, m => 2, s => 130),
        '... driven by their requests'      => streams($t, '/judged', $short, c => 2, m => 2, s => 140),
        'clients leave one that is silent'  => streams($t, '/silent', $short, c => 3, A => '0:300', s => 150),
        'one that breaks is not asked long' => streams($t, '/broken', $short, c => 4, m => 3, s => 160),
    );
    # A look-up may come too late here, and then the next second's are refused.
    ok wait_for('members', sub { load_wait(streams($t, '/member', $short, c => 2, m => 2, H => $cookie, s => 300))->{exit} == 0 }, 20),
        'for members';
    all_ok(
        'clients leave'                     => streams($t, '/chat', $long, c => 4, A => 3, s => 500),
        'clients reset, over TLS'           => streams($t, '/chat', $long, c => 2, A => 3, R => 1, tls => 1, s => 600),
        'clients leave before the answer'   => streams($t, '/early', 'head=60000', c => 2, A => '0:100', s => 700),
        'clients leave between two calls'   => streams($t, '/later', 'status=503', c => 2, A => '0:200', s => 750),
        'clients that drive a stream leave' => streams($t, '/blocking', $long, c => 2, A => 3, s => 800),
        'clients read slowly'   => streams($t, '/chat', 'n=600;size=4000', c => 2, w => '20000:300', B => 4096, s => 900),
        'upstreams break off'   => streams($t, '/chat', 'n=20;fault=rst;after=3;pace=15', c => 2, e => 'broken', s => 1000),
    );

    # When a child has stood still for longer than Timeout, the MPM closes its
    # streams before the engine can say that they live. Their heads are out when
    # the upstream is called: without one a client could not tell what was closed.
    my $mark = $t->mark;
    $up->reset;
    my $late = streams($t, '/early', 'n=400;pace=15', port => $impatient, c => 4, e => 'any', s => 1100);
    wait_for('four calls', sub { $up->stats->{open} >= 4 });
    my @children = $t->children;
    CORE::kill STOP => @children;
    sleep 1.3;
    CORE::kill CONT => @children;
    load_ok('the MPM closes streams', $late);
    like $t->error_log($mark), qr/CHAT0507: the MPM closes a parked connection/, '... as it says';

    my @jobs = map { streams($t, '/chat', 'n=200;pace=15', c => 2, tls => $_, s => 1200 + 50 * $_) } 0, 1;
    live($t, 4);
    $t->graceful;
    all_ok('a restart cuts no stream' => $jobs[0], '... over TLS' => $jobs[1]);
}

my $LISTS = 'ChatModerationList words file:%%DIR%%/words.txt';

subtest 'no thread races with another' => sub {
    my $impatient = ChatTest::Httpd::free_port();
    my $t = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf(12), tls => 1, modules => [qw(status dbd ratelimit)],
        env  => { APP_SECRET => $SECRET },
        conf => chat_conf(
            chat     => { url => $up->url, location => <<'END' },
ChatStreamHeartbeat 200ms
ChatRetry 2 backoff=50ms
ChatLimit open 1000 ip unit=streams
ChatLimit tokens 1000000000/1h ip unit=tokens reserve=1000000 cut=on
END
            later    => { url => $by_name, location => 'ChatRetry 2 backoff=60s wait=60s' },
            early    => { url => $by_name, location => 'ChatStreamEarlyHeaders on' },
            blocking => { url => $by_name, location => "SetOutputFilter RATE_LIMIT\nChatRetry 2 backoff=50ms" },
            moderated => { url => $up->url, location => "$LISTS\nChatModerationURL guard @{[ $service->url ]} in=input,output timeout=20s" },
            judged    => { url => $up->url, location => "SetOutputFilter RATE_LIMIT\n$LISTS\nChatModerationURL guard @{[ $service->url ]} run=beside in=input,output timeout=20s" },
            silent    => { url => $up->url, location => "ChatModerationURL silent @{[ $service->url('/delay/60000') ]} timeout=60s cache=off" },
            broken    => { url => $up->url, location => "ChatModerationURL broken @{[ $service->url('/broken') ]} timeout=20s fail=open" },
            ) . <<"END");
ChatRedis @{[ $redis->url ]} command=5s
ChatStreamEngines 2
DBDriver sqlite3
DBDParams "%%DIR%%/app.db"
DBDMax 4
ChatAuthSession kysely-sqlite
<Location /member>
    SetHandler chat
    ChatRoute openai
    ChatUse chat
    ChatAuth better-auth
    ChatAuthSecret env:APP_SECRET
</Location>
Listen 127.0.0.1:$impatient
<VirtualHost 127.0.0.1:$impatient>
    Timeout 1
</VirtualHost>
END
    $t->write_file('words.txt', "banned\nneverever\n");
    system('sqlite3', $t->dir . '/app.db', <<'END') == 0 or die "sqlite3: $?\n";
create table user (id text);
insert into user values ('u');
create table session (token text, "userId" text, "expiresAt" text);
insert into session values ('token', 'u', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 day'));
END
    $t->expect_log(qr/CHAT0902: .* truncated: /);
    # Under helgrind a look-up may take longer than anybody waits for one.
    $t->allow_log(qr/CHAT020[46]: /, qr/CHAT0514: /);
    $t->expect_log(qr/CHAT0847: moderation by broken fails/);
    $t->start;
    my $cookie = 'Cookie: better-auth.session_token=' . ChatTest::BetterAuth::signed('token', $SECRET);
    for my $round (1 .. $ENV{CHAT_TEST_ROUNDS} // 1) {
        note "round $round";
        come_and_go($t, $impatient, $cookie);
    }
    # The engines are at it when the server stops, the workers are not: httpd
    # closes the sockets of those under their hands. So it is the upstream who
    # is asked whether the streams are there.
    $up->reset;
    my @jobs = map { streams($t, '/chat', 'n=1000;pace=15', c => 3, tls => $_, e => 'any', s => 1300 + 50 * $_) } 0, 1;
    wait_for('six calls', sub { $up->stats->{open} >= 6 });
    sleep scaled(0.04);
    $t->signal('TERM');
    ok $t->wait_exit(scaled(20)), 'the server stops in the middle';
    $t->stop(gone => 1, name => 'nothing is found');
    load_wait($_) for @jobs;
};

# ---- seeded ----

# A counter that an engine and workers touch; a request's pool that a worker
# still uses when the engine has it.
my @SEEDS = (
    [ 'chat_stream.c', qr/^(chat_offer_e chat_stream_deliver\(.*?\n\{\n)(.*?\n\n)/ms,
        sub ($head, $vars) { "long chat_seeded;\n$head${vars}chat_seeded++;\napr_palloc(s->r->pool, 8);\n" } ],
    [ 'chat_park.c', qr/^( *)(chat_engine_add\(cc->stream.*?;\n)/m,
        sub ($space, $adopt) { "${space}extern long chat_seeded;\napr_pool_t *p = cc->stream->r->pool;\n$adopt"
            . "chat_seeded++;\napr_palloc(p, 8);\n" } ],
);

# The build directory comes along, so that only what was changed is compiled.
sub seeded_module ($dir) {
    my $root = "$FindBin::Bin/..";
    system("cp -a '$root/Makefile.apxs' '$root/mod_chat.c' '$root/include' '$root/src' '$root/conf' '$root/script' '$dir' && mkdir '$dir/build'"
        . " && cp -a '$root/build/$VARIANT' '$dir/build'") == 0 or die "cp: $?\n";
    for my $seed (@SEEDS) {
        my ($name, $place, $edit) = @$seed;
        my $file = "$dir/src/stream/$name";
        open my $in, '<', $file or die "$file: $!\n";
        my $text = do { local $/; <$in> };
        $text =~ s/$place/$edit->($1, $2)/e or die "$name has no place for a seed\n";
        open my $out, '>', $file or die "$file: $!\n";
        print $out $text;
        close $out or die "$file: $!\n";
    }
    my $said = qx(cd '$dir' && make -f Makefile.apxs VARIANT=$VARIANT WARN= 2>&1);
    die "make: $said\n" if $?;
    return "$dir/build/$VARIANT/mod_chat.so";
}

subtest 'a race is found' => sub {
    my $dir = File::Temp::tempdir('chat-seeded-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $dir;
    my $t = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf(4), modules => ['status'],
        module => seeded_module($dir), conf => chat_conf(chat => $up->url))->start;
    load_ok('streams end all the same', streams($t, '/chat', 'n=5;pace=15', c => 2, m => 2));
    $t->signal('TERM');
    ok $t->wait_exit(scaled(20)), 'the server stops';
    my $found = join '', $t->{checker}->complaints($t->dir . '/check');
    unlink glob $t->dir . '/check/*';
    # The frame that did it comes second after the headline, in both tongues.
    my $by = sub ($function) { qr/data race.*\n.*\n?.* (?:at|#0) .*\b$function\b/ };
    like $found, $by->('(?:chat_stream_deliver|suspend_connection)'), 'a counter that two threads change';
    SKIP: {
        skip 'TSan does not look into libraries', 1 if $VARIANT eq 'tsan';
        like $found, $by->('apr_palloc'), 'a pool that two threads allocate from';
    }
    $t->stop(gone => 1);
};

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
