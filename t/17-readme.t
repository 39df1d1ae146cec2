# SPDX-License-Identifier: Apache-2.0
#
# The README holds: its smallest configuration streams, its way into a stock
# Apache ends with a user of a real better-auth in PostgreSQL who chats, and
# what it names exists. (make run, which it opens with, has t/16-run.t.)
use v5.36;
use Test::More;
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Client;
use ChatTest::Postgres;
use ChatTest::Stock;
use ChatTest::Upstream;

plan skip_all => 'what is installed is the plain build'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};

my $root = $ChatTest::Httpd::ROOT;

sub slurp ($file) {
    open my $fh, '<', $file =~ m{^/} ? $file : "$root/$file" or return '';
    local $/;
    return <$fh> // '';
}

my $readme = slurp('README.md');

# The fenced blocks below a heading: [language, text], the indent of a list
# taken away.
sub blocks ($heading) {
    my ($section) = $readme =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms;
    my @found;
    while ($section =~ /^( *)```(\w+)\n(.*?)^\1```$/msg) {
        my ($indent, $lang, $text) = ($1, $2, $3);
        push @found, [ $lang, $text =~ s/^$indent//mgr ];
    }
    return @found;
}

sub source ($glob) {
    return join '', map { slurp($_) } glob "$root/$glob";
}

# ---- what it names ----

subtest 'what the README names exists' => sub {
    my @links = $readme =~ /\]\(([^):#]+)(?:#[^)]*)?\)/g;
    cmp_ok scalar @links, '>', 5, 'it has links';
    ok -e "$root/$_", "$_ is there" for sort { $a cmp $b } keys %{ { map { $_ => 1 } @links } };
    for my $link ($readme =~ /\]\(([^):#]+#[^)]+)\)/g) {
        my ($file, $anchor) = split /#/, $link;
        my %anchors = map { lc(s/[^\w\s-]//gr =~ s/\s+/-/gr) => 1 } slurp($file) =~ /^#+ (.*)$/mg;
        $anchors{$_} = 1 for slurp($file) =~ /^<a id="([\w-]+)"><\/a>$/mg;
        ok $anchors{$anchor}, "$file has a heading or a directive #$anchor";
    }

    my $makefile = slurp('Makefile.apxs');
    for my $target (sort { $a cmp $b } keys %{ { map { $_ => 1 } $readme =~ /(?:`|^\s*|sudo )make\s(\w+)/mg } }) {
        like $makefile, qr/^[\w ]*\b$target\b[\w ]*:(?!=)/m, "make $target is a target";
    }

    my $directives = slurp('docs/directives.md');
    my $numbers = source('src/telemetry/chat_telemetry_status.c');
    for my $name (sort { $a cmp $b } keys %{ { map { $_ => 1 } $readme =~ /\b(Chat[A-Z]\w+(?:-NAME-input)?)\b/g } }) {
        my $printed = $name =~ s/-NAME-input$/-%s-%s:/r;    # of each list
        next if $numbers =~ /"\Q$printed\E"/;
        like $directives, qr/\*\*`?<?$name>?`?\*\*/, "$name is a directive, or a number of mod_status";
    }

    my @rooms = map { s{.*/}{}r } grep { -d } glob "$root/src/*";
    like $readme, qr{`src/$_`}, "src/$_ has its place in the house" for @rooms;
};

subtest 'the variables for LogFormat are those that are set' => sub {
    my %set = map { $_ => 1 } slurp('src/telemetry/chat_telemetry.c') =~ /"(CHAT_[A-Z_]+)"/g;
    my %told = map { $_ => 1 } grep { !/^CHAT_PORT$/ } $readme =~ /\b(CHAT_[A-Z_]+)\b/g;
    is_deeply [ sort keys %told ], [ sort keys %set ], 'no more and no fewer';
};

subtest 'the table of errors is complete' => sub {
    my ($table) = $readme =~ /^\| status \| code.*?\n(.*?)\n\n/ms;
    my %told = map { /^\| (\d+) \| `(\w+)`/ ? ($2 => $1) : () } split /\n/, $table;
    # The mock answers as OpenAI would.
    my @files = grep { !m{/chat_mock} } glob "$root/src/*/*.c";
    my $sources = join '', map { slurp($_) } @files;
    ok $sources =~ /"$_"/, "$told{$_} $_ is in the sources" for sort keys %told;
    my %sent = map { $_ => 1 } $sources =~ /chat_err_set\([^;"]*"([a-z_]+)"/g;
    # Nobody is there to read the last two: the client has left; a bug.
    delete @sent{qw(client_gone request_id)};
    ok $told{$_}, "$_, which is sent, is told" for sort keys %sent;
};

# ---- what it shows ----

my $dir = File::Temp::tempdir('chat-readme-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

subtest 'the smallest configuration streams' => sub {
    my ($conf, $shell) = blocks('Minimal configuration');
    is $conf->[1], slurp('demo/smallest.conf'), 'demo/smallest.conf is what is shown';

    my $port = ChatTest::Httpd::free_port();
    open my $fh, '>', "$dir/smallest.conf" or die $!;
    print $fh $conf->[1] =~ s/\b8081\b/$port/gr =~ s{build/smallest}{$dir/smallest}gr;
    close $fh;
    my $script = $shell->[1] =~ s/\b8081\b/$port/gr =~ s{demo/smallest\.conf}{'$dir/smallest.conf'}r;
    open my $out, '-|', 'bash', '-c', "cd '$root' 2>/dev/null; exec 2>'$dir/stderr'; $script" or die $!;
    my $said = do { local $/; <$out> } // '';
    close $out;
    my @words = $said =~ /^event: response\.output_text\.delta$/mg;
    is scalar @words, 40, 'the lines below it show forty words' or diag slurp("$dir/stderr");
    like $said, qr/^event: response\.completed$/m, '... and the end';
    wait_for(sub { !-e "$dir/smallest.pid" }, 'httpd to end');
    # It is stopped as soon as the answer is there, when a worker of httpd may just be putting the connection away.
    unlike slurp("$dir/smallest.log") =~ s/^.* AH03093: process_socket: .*\n//mgr, qr/:(?:warn|error|crit|alert|emerg)\]/, 'httpd complained of nothing';
};

SKIP: {
    skip 'the steps need root and Debian\'s httpd', 1 if !ChatTest::Stock->available || $> != 0;

    subtest 'the way into a stock Apache' => sub {
        my $stock = ChatTest::Stock->new;
        my $etc = $stock->etc;
        my $pg_port = $ENV{PGPORT} = ChatTest::Httpd::free_port();
        my $pg = ChatTest::Postgres->new(conf => { port => $pg_port, listen_addresses => '127.0.0.1' })->start;
        my $up = ChatTest::Upstream->new(n => 5)->start;
        $pg->sql('CREATE DATABASE app');
        my $url = $pg->url =~ s{/chat\?}{/app?}r;
        my $auth = ChatTest::BetterAuth->new(store => 'kysely-pgsql', database => $url)->start;

        my ($build, $sql, $secrets, $check, $guard) = blocks('Installation');
        is_deeply [ map { $_->[0] } $build, $sql, $secrets, $check, $guard ], [qw(sh sql sh sh apache)], 'steps, and one more use';
        my $accepted = sub ($n) {
            my ($ok, $said) = $stock->configtest;
            ok $ok, "$n: configtest accepts what there is" or diag $said;
        };

        # 1: make install went to a directory, as root of which it is looked at
        for my $line (split /\n/, $build->[1]) {
            if ($line =~ /make install/) {
                ok $stock->install, "1: $line";
                next;
            }
            my ($ok, $said) = $stock->run('sh', '-c', $line =~ s/^sudo //r);
            ok $ok, "1: $line" or diag $said;
        }
        $accepted->(1);
        # 2: the database of the tests belongs to a role "chat" already
        open my $fh, '<', $pg->dir . '/data/pg_hba.conf' or die $!;
        my $rules = do { local $/; <$fh> };
        open $fh, '>', $pg->dir . '/data/pg_hba.conf' or die $!;
        print $fh "host all reader 127.0.0.1/32 scram-sha-256\n$rules";
        close $fh;
        $pg->sql('SELECT pg_reload_conf()');
        for my $line (split /\n/, $sql->[1] =~ s/ROLE \Kchat|TO \Kchat/reader/gr) {
            ok eval { $pg->sql($line, 'app'); 1 }, "2: $line" or diag $@;
        }
        # 3
        for my $line (split /\n/, $secrets->[1]) {
            my $command = $line =~ s/sudo //gr =~ s{/etc/apache2}{$etc}gr =~ s/:5432:app:chat:/:$pg_port:app:reader:/r;
            my ($ok, $said) = $stock->run({ OPENAI_API_KEY => 'sk-test', BETTER_AUTH_SECRET => $ChatTest::BetterAuth::SECRET },
                'sh', '-c', $command);
            ok $ok, "3: $line" or diag $said;
        }
        $accepted->(3);
        # 4
        $stock->edit('etc/mods-available/chat.conf', sub {
            s/dbname=app user=chat/port=$pg_port dbname=app user=reader/ or die;
            s{https://api\.openai\.com/v1}{$up->url}e or die;
        });
        $accepted->(4);
        # 5
        is $check->[1], "sudo a2enmod chat\nsudo apache2ctl configtest\nsudo systemctl restart apache2\n", '5: enabled, checked, restarted';
        my ($ok, $said) = $stock->run('a2enmod', 'chat');
        ok $ok, '... a2enmod enables it' or diag $said;
        $accepted->(5);
        $stock->append('etc/mods-available/chat.conf', $guard->[1] =~ s{/etc/apache2}{$etc}gr);
        ($ok, $said) = $stock->run(qw(a2enmod -q ssl http2 deflate remoteip rewrite status authn_core));
        ok $ok, 'beside the modules that the README names' or diag $said;
        $stock->edit('etc/apache2.conf', sub { s{/var/www/}{$dir/}g });
        $stock->append('etc/apache2.conf', "DocumentRoot $dir/www\nSetOutputFilter DEFLATE\nServerName localhost\n");
        mkdir "$dir/www" or die $!;
        mkdir "$dir/www/members" or die $!;
        open $fh, '>', "$dir/www/members/index.html" or die $!;
        print $fh "for members\n";
        close $fh;
        $accepted->('beside them');
        $stock->start;

        my $user = $auth->sign_up;
        my $res = ask($stock, POST => '/api/chat-openai', Cookie => $user->{cookie}, 'Accept-Encoding' => 'gzip');
        is $res->{status}, 200, 'a user who signed up is answered' or diag $res->{body}, $stock->read('log/error.log');
        is $res->{ended}, 'chunked', '... up to the end';
        ok !$res->{headers}{'content-encoding'}, '... uncompressed';
        like $res->{body}, qr/^event: response\.completed$/m, '... by the provider';
        is ask($stock, POST => '/api/chat-openai', Authorization => "Bearer $user->{bearer}")->{status}, 200,
            'by the Bearer token too';
        is ask($stock, POST => '/api/chat-openai')->{status}, 401, 'nobody else is';
        is ask($stock, GET => '/members/index.html', Cookie => $user->{cookie})->{body}, "for members\n",
            'the same session opens what AuthType Chat guards';
        is ask($stock, GET => '/members/index.html')->{status}, 401, '... and only that';
        like $stock->read('log/chat.log'), qr/ 200 complete user=$user->{id} provider=openai /, 'the sample\'s log has the chat';

        ok $stock->stop, 'httpd ends cleanly';
        unlike $stock->read('log/error.log') . $stock->read('log/chat.log'), qr/sk-test|\Q$ChatTest::BetterAuth::SECRET\E|choose-one/,
            'no secret is in a log';
        $_->stop for $auth, $up, $pg;
    };
}

sub ask ($stock, $method, $path, %headers) {
    my $client = ChatTest::Client->new(port => $stock->port, timeout => 30);
    my $post = $method eq 'POST';
    $client->request($method, $path, body => $post ? '{"messages":[{"role":"user","content":"Hello"}]}' : undef,
        headers => [ Connection => 'close', ($post ? ('Content-Type' => 'application/json') : ()), %headers ]);
    return $client->response;
}

done_testing;
