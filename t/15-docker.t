# SPDX-License-Identifier: Apache-2.0
#
# docker/ without a Docker engine: what the image's steps name exists, and the
# scripts they are do their work here, in temporary directories: make install,
# setup.sh, secrets.sh, entrypoint.sh with a real better-auth in PostgreSQL,
# healthcheck.sh.
use v5.36;
use Test::More;
use CPAN::Meta::YAML;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Client;
use ChatTest::Postgres;
use ChatTest::Stock;

plan skip_all => 'the image holds the plain build'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};
my $root = $ChatTest::Httpd::ROOT;

sub slurp ($file) {
    open my $fh, '<', $file or return '';
    local $/;
    return <$fh> // '';
}

# ---- the Dockerfile ----

my @steps = map { [ /^([A-Z]+) (.*)/ ] }
    grep { /^[A-Z]/ } split /\n/, slurp("$root/docker/Dockerfile");
my @ignored = split /\n/, slurp("$root/.dockerignore");

sub is_ignored ($path) {
    return grep { my $re = join '[^/]*', map { quotemeta } split /\*/, $_, -1; $path =~ m{^$re(?:/|$)} } @ignored;
}

subtest 'each step of the Dockerfile names what exists' => sub {
    my %in_image;
    for my $step (@steps) {
        my ($word, $rest) = @$step;
        if ($word eq 'FROM') {
            %in_image = ();
        }
        elsif ($word eq 'COPY' && $rest !~ /^--from/) {
            my @from = split ' ', $rest;
            my $to = pop @from;
            for my $path (@from) {
                ok -e "$root/$path", "COPY $path: it is in the tree";
                ok !is_ignored($path), '... and .dockerignore lets it pass';
                $in_image{ $path eq '.' ? '.' : $to =~ s{^\./}{}r . $path =~ s{.*/}{}r } = 1;
            }
        }
        elsif ($word eq 'RUN') {
            my ($command) = split ' ', $rest;
            if ($command eq 'make') {
                my ($file, $target) = $rest =~ /^make -f (\S+) (\w+)/;
                like slurp("$root/$file"), qr/^$target:/m, "RUN $rest: $file has the target";
            }
            else {
                ok -x "$root/$command", "RUN $rest: the script is there";
                ok $in_image{$command} || $in_image{'.'}, '... and was copied before';
            }
        }
        elsif ($word eq 'ENTRYPOINT' || $word eq 'HEALTHCHECK') {
            my ($script) = $rest =~ m{\["/src/([^"]+)"\]} or fail "$word $rest: a script in /src";
            ok -x "$root/$script", "$word $script: the script is there";
            ok $in_image{$script}, '... and was copied';
        }
    }
    ok @steps > 12, 'all steps were read';
};

subtest 'nothing secret and nothing built goes into the image' => sub {
    ok is_ignored($_), "$_ is ignored" for qw(docker/secrets/db_password .run/secret build/plain/mod_chat.so .git/HEAD);
    is system('git', '-C', $root, 'check-ignore', '-q', 'docker/secrets/db_password') >> 8, 0,
        'git does not take the secrets either'
        if -e "$root/.git";
};

subtest 'the packages of the image are known and here' => sub {
    for my $what (map { "@$_" =~ m{^RUN script/deps\.sh (\w+)} ? $1 : () } @steps) {
        my $said = qx('$root/script/deps.sh' $what 2>&1);
        is $?, 0, "deps.sh $what has nothing left to do";
        is $said, '', '... and says nothing';
    }
};

# ---- compose.yaml ----

my $compose = CPAN::Meta::YAML->read("$root/docker/compose.yaml")->[0];
my $services = $compose->{services};

subtest 'compose.yaml fits together' => sub {
    is_deeply [ sort keys %$services ], [qw(httpd postgres redis)], 'three services';
    my $build = $services->{httpd}{build};
    ok -e "$root/docker/$build->{context}/$build->{dockerfile}", 'the Dockerfile is where build says';
    for my $name (sort keys %$services) {
        my $service = $services->{$name};
        ok $service->{healthcheck} || $name eq 'httpd', "$name has a health check";
        like $_, qr/^127\.0\.0\.1:/, "$name: port $_ is this machine's alone" for $service->{ports}->@*;
        ok $compose->{secrets}{$_}, "$name: the secret $_ is defined" for ($service->{secrets} // [])->@*;
        ok $services->{$_}{healthcheck}, "$name waits for $_, which has a health check"
            for keys +($service->{depends_on} // {})->%*;
    }
    my $entrypoint = slurp("$root/docker/entrypoint.sh");
    like $entrypoint, qr/\b\Q$_\E\b/, "entrypoint.sh reads $_" for
        sort(keys $services->{httpd}{environment}->%*), $services->{httpd}{secrets}->@*;
    my $secrets = slurp("$root/docker/secrets.sh");
    like $secrets, qr/\b$_\b/, "secrets.sh makes $_" for sort keys $compose->{secrets}->%*;
    is $compose->{secrets}{$_}{file}, "./secrets/$_", "$_ is mounted from there" for sort keys $compose->{secrets}->%*;
};

SKIP: {
    skip 'docker compose is not installed', 1 if system('docker compose version >/dev/null 2>&1') != 0;
    my $said = qx(docker compose -f '$root/docker/compose.yaml' config --quiet 2>&1);
    is $?, 0, 'docker compose accepts the file' or diag $said;
}

# ---- the scripts ----

if (!ChatTest::Stock->available || $> != 0) {
    note 'the rest needs root and Debian\'s httpd, as the image has them';
    done_testing;
    exit;
}

my $stock = ChatTest::Stock->new;
my $port = $stock->port;
my $secrets = $stock->dir . '/secrets';

subtest 'secrets.sh makes the secrets once' => sub {
    my ($ok, $said) = $stock->run('docker/secrets.sh', $secrets);
    ok $ok, 'it runs through' or diag $said;
    my %first = map { $_ => slurp("$secrets/$_") } qw(better_auth_secret db_password);
    like $first{$_}, qr/^[0-9a-f]{64}$/, "$_ is random" for sort keys %first;
    isnt $first{better_auth_secret}, $first{db_password}, 'each on its own';
    is -s "$secrets/openai_key", 0, 'openai_key is empty: the mock answers';
    is sprintf('%o', (stat "$secrets/$_")[2] & 07777), '600', "$_ is its owner's alone"
        for qw(better_auth_secret db_password openai_key);
    $stock->run('docker/secrets.sh', $secrets);
    is slurp("$secrets/$_"), $first{$_}, "$_ stays when it runs again" for sort keys %first;
};

subtest 'setup.sh makes the site of the image' => sub {
    $stock->install;
    my ($ok, $said) = $stock->run('docker/setup.sh');
    ok $ok, 'it runs through' or diag $said;
    my %enabled = map { s{.*/}{}r => 1 } glob $stock->etc . '/{mods,conf,sites}-enabled/*';
    ok $enabled{$_}, "$_ is enabled"
        for qw(mpm_event.load http2.load status.load dbd.load socache_shmcb.load chat.load chat.conf chat-mpm.conf);
    ok !$enabled{$_}, "$_ is not" for qw(mpm_prefork.load 000-default.conf);
    # The image's port 80 is this test's.
    $stock->edit('etc/sites-available/chat.conf', sub { s/\*:80\b/*:$port/; s{127\.0\.0\.1\K/}{:$port/} });
};

my %env = (CHAT_SECRETS => $secrets, CHAT_RUN_DIR => $stock->dir . '/chat');

subtest 'entrypoint.sh says what is missing' => sub {
    my $empty = $stock->dir . '/empty';
    mkdir $empty or die $!;
    my ($ok, $said) = $stock->run({ %env, CHAT_SECRETS => $empty }, 'docker/entrypoint.sh', '-t');
    ok !$ok, 'without secrets it does not start';
    is $said, "entrypoint: $empty/better_auth_secret is missing or empty: the BETTER_AUTH_SECRET of the app\n",
        '... and says why';
};

subtest 'entrypoint.sh writes a configuration that httpd accepts' => sub {
    chmod 0644, glob "$secrets/*";    # as an engine may mount them
    my ($ok, $said) = $stock->run(\%env, 'docker/entrypoint.sh', '-t');
    ok $ok, 'with the mock' or diag $said;
    like $said, qr/^Syntax OK$/m, '... without a word of warning';
    ok !-e "$env{CHAT_RUN_DIR}/openai.key", 'an empty openai_key is none';

    $stock->write('secrets/openai_key', "sk-test\n");
    ($ok, $said) = $stock->run(\%env, 'docker/entrypoint.sh', '-t');
    ok $ok, 'with a key of OpenAI' or diag $said;
    is sprintf('%o', (stat "$env{CHAT_RUN_DIR}/$_")[2] & 07777), '600', "$_ is closed to others"
        for qw(openai.key better-auth.secret pgpass);
    is((stat "$env{CHAT_RUN_DIR}/pgpass")[4], scalar getpwnam('www-data'), 'httpd\'s children can read pgpass');
    $stock->write('secrets/openai_key', '');
};

subtest 'the container\'s httpd streams for a user of the app' => sub {
    my $pg = ChatTest::Postgres->new->start;
    my $auth = ChatTest::BetterAuth->new(store => 'kysely-pgsql', database => $pg->url)->start;
    my $password = 'a:b\\c d';
    $pg->sql("CREATE ROLE app LOGIN PASSWORD 'a:b\\c d'");
    $pg->sql('GRANT SELECT ON "user", "session" TO app');
    my $hba = $pg->dir . '/data/pg_hba.conf';
    my $rules = slurp($hba);
    open my $fh, '>', $hba or die $!;
    print $fh "local all app scram-sha-256\n$rules";
    close $fh;
    $pg->sql('SELECT pg_reload_conf()');
    $stock->write('secrets/db_password', "$password\n");
    $stock->write('secrets/better_auth_secret', "$ChatTest::BetterAuth::SECRET\n");

    $stock->start({ %env, CHAT_DATABASE => 'host=' . $pg->dir . ' dbname=chat user=app' }, 'docker/entrypoint.sh');
    my $user = $auth->sign_up;
    my $res = ask(Cookie => $user->{cookie});
    is $res->{status}, 200, 'a user who signed up is answered' or diag $res->{body}, $stock->read('start.out');
    is scalar(grep { $_->{event} eq 'response.output_text.delta' } $res->{events}->@*), 40,
        'with the words of the mock, which was asked by HTTP';
    is ask()->{status}, 401, 'nobody else is';

    my ($ok, $said) = $stock->run('docker/healthcheck.sh', $port);
    ok $ok, 'healthcheck.sh finds it healthy' or diag $said;
    ok $stock->stop('WINCH'), 'the image\'s stop signal ends it cleanly';
    ($ok) = $stock->run('docker/healthcheck.sh', $port);
    ok !$ok, 'healthcheck.sh sees that it is gone';
    like $stock->read('start.out'), qr/ $user->{id} "POST \/api\/chat-openai HTTP\/1.1" 200 .* complete$/m,
        'the log on stdout knows the user';
    unlike $stock->read('start.out'), qr/\Q$ChatTest::BetterAuth::SECRET\E|\Q$password\E/, '... and no secret';
    $auth->stop;
    $pg->stop;
};

sub ask (%headers) {
    my $client = ChatTest::Client->new(port => $port, timeout => 30);
    $client->request('POST', '/api/chat-openai', body => '{"messages":[{"role":"user","content":"Hello"}]}',
        headers => [ Connection => 'close', 'Content-Type' => 'application/json', %headers ]);
    return $client->response;
}

done_testing;
