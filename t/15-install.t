# SPDX-License-Identifier: Apache-2.0
#
# make install and uninstall: into Debian's layout, where a2enmod then does the
# rest, and into another one.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Stock;

plan skip_all => 'what is installed is the plain build'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};
skip_or_fail('no Debian layout of httpd here') if !ChatTest::Stock->available;

my $stock = ChatTest::Stock->new;
my $out = $stock->dir . '/out';
my $modules = qx(apxs -q LIBEXECDIR) =~ s/\s+\z//r;

my %mode = map { $_ => '0755' } qw(/usr/bin/chat-migrate /usr/bin/chat-keys);
my @files = ("$modules/mod_chat.so", keys %mode,
    (map { "/etc/apache2/mods-available/$_" } qw(chat.load chat.conf)),
    (map { "/usr/share/doc/mod_chat/$_" } qw(README.md CHANGES LICENSE NOTICE t/README.md),
        split /\n/, qx(cd '$FindBin::Bin/..' && find conf docs -path conf/page -prune -o -type f -print)),
    (map { "/usr/share/mod_chat/$_" } 'chat-page.conf', split /\n/, qx(cd '$FindBin::Bin/../conf' && find page -type f 2>/dev/null)));

subtest 'make install puts each file below DESTDIR and says so' => sub {
    my $said = $stock->install;
    for my $file (@files) {
        is sprintf('%04o', ((stat "$out$file")[2] // 0) & 07777), $mode{$file} // '0644', "$file is there for all to read";
        like $said, qr/^\Q$out$file\E$/m, 'and named';
    }
    my %known = map { ("$out$_" => 1) } @files;
    is_deeply [ grep { !$known{$_} } split /\n/, qx(find '$out' -type f) ], [], 'nothing else is there';
};

subtest 'no installed page links to one that is not there' => sub {
    my $doc = "$out/usr/share/doc/mod_chat";
    for my $page (split /\n/, qx(cd '$doc' && find . -name '*.md')) {
        my $text = $stock->read("out/usr/share/doc/mod_chat/$page");
        my $dir  = $page =~ s{[^/]+$}{}r;
        my %to = map { $_ => 1 } $text =~ /\]\((?!\w+:)([^)#\s]+)/g;
        ok -e "$doc/$dir$_", "$page: $_" for sort keys %to;
    }
};

subtest 'a2enmod chat and three secrets are all that a stock httpd needs' => sub {
    my ($ok, $said) = $stock->run('a2enmod', 'chat');
    ok $ok, 'a2enmod accepts the module' or diag $said;
    ok -e $stock->etc . "/mods-enabled/$_", "$_ is enabled"
        for qw(chat.load chat.conf dbd.load socache_shmcb.load);

    my $conf = $stock->read('etc/mods-available/chat.conf');
    mkdir $stock->etc . '/chat' or die $!;
    for my $name (qw(openai.key better-auth.secret)) {
        ($ok, $said) = $stock->configtest;
        ok !$ok, "without $name the configuration is refused";
        like $said, qr{chat/$name cannot be read: }, '... by its name';
        chmod 0600, $stock->write("etc/chat/$name", 'x' x 40);
    }
    like $conf, qr{passfile=\Q${\$stock->etc}\E/chat/pgpass\b}, 'the password of the database is in the third file';
    ($ok, $said) = $stock->configtest;
    ok $ok, 'the configuration as shipped is accepted' or diag $said;
    unlike $said, qr/chat/i, '... and nothing in it is complained of';
    (undef, $said) = $stock->run($stock->httpd('-M'));
    like $said, qr/ chat_module \(shared\)/, 'the module is loaded';
};

subtest 'what an administrator has edited stays' => sub {
    my $conf = 'out/etc/apache2/mods-available/chat.conf';
    my $shipped = $stock->read($conf);
    $stock->write($conf, "# mine\n");
    my ($ok, $said) = $stock->make('install');
    ok $ok, 'a second make install runs through' or diag $said;
    is $stock->read($conf), "# mine\n", 'chat.conf is as it was left';
    is $stock->read("$conf.dist"), $shipped, 'the new one lies beside it';
    like $said, qr/chat\.conf\.dist$/m, 'which is said';
};

subtest 'make uninstall takes the module away, not the configuration' => sub {
    my $enabled = 'out/etc/apache2/mods-enabled';
    mkdir $stock->dir . "/$enabled" or die $!;
    symlink "../mods-available/chat.$_", $stock->dir . "/$enabled/chat.$_" for qw(load conf);
    my ($ok, $said) = $stock->make('uninstall');
    ok $ok, 'it runs through' or diag $said;
    my @left = map { s/^\Q$out\E//r } split /\n/, qx(find '$out' -type f -o -type l | sort);
    is_deeply \@left, [ map { "/etc/apache2/mods-available/chat.conf$_" } '', '.dist' ],
        'only chat.conf is left: no link of mods-enabled that leads nowhere';
};

subtest 'another layout gets a directory to Include' => sub {
    my $etc = $stock->dir . '/httpd';
    mkdir $etc or die $!;
    my $apxs = $stock->write('apxs', <<"END");
#!/bin/sh
case \$2 in
LIBEXECDIR) echo /opt/httpd/modules ;;
SYSCONFDIR) echo $etc ;;
PREFIX) echo /opt/httpd ;;
esac
END
    chmod 0755, $apxs;
    my ($ok, $said) = $stock->run({ APXS => $apxs, DESTDIR => $stock->dir . '/other' },
        'script/install.sh', map { "build/plain/$_" } qw(mod_chat.so chat-migrate chat-keys));
    ok $ok, 'the script runs through' or diag $said;
    my $other = $stock->dir . '/other';
    ok -s "$other/opt/httpd/modules/mod_chat.so", 'the module is where apxs says';
    ok -x "$other/opt/httpd/bin/$_", "$_ is beside its programs" for qw(chat-migrate chat-keys);
    ok -s "$other$etc/chat/chat.conf", 'chat.conf is below the configuration';
    like $stock->read("other$etc/chat/chat.load"), qr{^LoadModule chat_module /opt/httpd/modules/mod_chat\.so$}m,
        'and the line that loads it';
};

done_testing;
