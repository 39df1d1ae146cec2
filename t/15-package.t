# SPDX-License-Identifier: Apache-2.0
#
# Debian's package: what is in it, that it is the same each time, that lintian
# finds nothing; and in a root of its own, over that of this machine: installed,
# enabled, served, upgraded, removed, purged without a trace.
#
# CHAT_PACKAGE_LONG=1 compiles it in two folders and takes a fresh Debian
# (debootstrap) as the root: minutes, and a mirror of Debian. It is kept in
# build/debian, never written to, and made anew when the package needs something
# else or after a week.
use v5.36;
use File::Temp ();
use JSON::PP   ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Httpd    ();
use ChatTest::Snippets ();

plan skip_all => 'what is packaged is the plain build'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};
my $ROOT = $ChatTest::Httpd::ROOT;
my $long = $ENV{CHAT_PACKAGE_LONG};
for my $tool (qw(dpkg-deb dpkg-shlibdeps apxs readelf), ($long ? qw(lintian rpmspec debootstrap) : ())) {
    skip_or_fail("$tool is not installed") if system("command -v $tool >/dev/null") != 0;
}

my $dir = File::Temp->newdir('chat-package-XXXXXX', TMPDIR => 1);
local $ENV{SOURCE_DATE_EPOCH} = 1_795_000_000;

sub run ($command) {
    my $said = qx(cd '$ROOT' && { $command ; } 2>&1);
    return ($said, $? == 0);
}

# A package of what is built below that; its file.
sub package_of ($build, $out, $revision = 1) {
    my ($said, $ok) = run("DEB_REVISION=$revision script/package.sh '$dir/$out' $build/mod_chat.so $build/chat-migrate $build/chat-keys");
    ok $ok, 'a package is made' or diag $said;
    my ($deb) = glob "$dir/$out/*-${revision}_*.deb";
    return $deb // die "no package\n";
}

sub slurp ($file) {
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}

# Compiled in a folder of its own; where that is.
sub compile ($name) {
    my ($said, $ok) = run("mkdir -p '$dir/$name' && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t '$dir/$name'"
        . " && make -s -j2 -C '$dir/$name' deb");
    ok $ok, "it is compiled in $name" or diag $said;
    return "$dir/$name/build/package";
}

my ($first, $second) = $long ? (compile('one'), compile('another/place')) : ("$ROOT/build/plain") x 2;
my $deb = package_of($first, 'out1');
my $again = package_of($second, 'out2');
ok slurp($deb) eq slurp($again), 'the same files give the same bytes' . ($long ? ', also compiled elsewhere' : '');
my ($bom) = glob "$dir/out1/*.cdx.json";
ok slurp($bom) eq slurp($bom =~ s/out1/out2/r), '... and the same bill of materials';

# A Debian with what the package needs, and how it came.
sub debian ($depends) {
    my ($kept, $list, $from) = ("$ROOT/build/debian", "$depends,ca-certificates,curl,openssl,sqlite3", time);
    return ($kept, 'kept') if -e "$kept.list" && -M _ < 7 && slurp("$kept.list") eq $list;
    my ($said, $ok) = run("rm -rf '$kept' '$kept.new' '$kept.list' && mkdir -p build && debootstrap --variant=minbase --include=$list bookworm '$kept.new'"
        . " && mv '$kept.new' '$kept' && printf %s '$list' >'$kept.list'");
    return $ok ? ($kept, (time - $from) . ' s') : die 'debootstrap: ', substr($said, -3000);
}

# ---- what is in it ----

my ($list) = run("dpkg-deb -c '$deb'");
my %in = map { /^(\S+) (\S+)\s.* \.(\/\S*?)(?: -> .*)?$/ ? ($3 => "$1 $2") : () } split /\n/, $list;
is $in{$_}, '-rw-r--r-- root/root', "$_" for '/usr/lib/apache2/modules/mod_chat.so', map { "/etc/apache2/mods-available/chat.$_" } qw(load conf);
is $in{"/usr/bin/$_"}, '-rwxr-xr-x root/root', "/usr/bin/$_" for qw(chat-migrate chat-keys);
ok $in{"/usr/share/man/man1/$_.1.gz"}, "$_ has a page" for qw(chat-migrate chat-keys);
ok $in{"/usr/share/doc/libapache2-mod-chat/$_"}, $_ for qw(README.md README.Debian conf/systemd/chat.conf conf/apparmor/apache2-chat), 
    map { "conf/sql/$_" } qw(postgresql/001_chats.sql sqlite/001_chats.sql);
ok $in{"/usr/share/mod_chat/$_"}, $_ for qw(chat-page.conf page/index.html page/LICENSES.txt);
is_deeply [ sort grep { !m{^/(?:usr/(?:bin|lib/apache2/modules|share/(?:doc/libapache2-mod-chat|man/man1|lintian/overrides|mod_chat))/|etc/apache2/mods-available/)} && !m{/$} } keys %in ], [],
    'nothing is elsewhere';
my ($control) = run("dpkg-deb -f '$deb'");
like $control, qr/^Depends: .*\blibcurl4 \(>= .*\bapache2-api-\d+$/m, 'what it needs is found in the module';
like $control, qr/^Version: 0\.\d+\.\d+-1$/m, 'its version is that of the module';
unlike $control, qr{\@[A-Z]+\@}, 'nothing was left to be filled in';
is_deeply [ split /\n/, (run("dpkg-deb --ctrl-tarfile '$deb' | tar -xO ./conffiles"))[0] ], [ map { "/etc/apache2/mods-available/chat.$_" } qw(conf load) ],
    'what an administrator edits is kept';

my $json = JSON::PP->new->decode(slurp($bom));
is "$json->{bomFormat} $json->{specVersion}", 'CycloneDX 1.5', 'the bill of materials is CycloneDX';
my %part = map { $_->{name} => $_->{version} } $json->{components}->@*;
ok $part{$_}, "... and has $_ with its version" for qw(libcurl4 libssl3 libjson-c5);
is scalar(keys %part), scalar $json->{components}->@*, '... once';

SKIP: {
    skip 'it takes a while: CHAT_PACKAGE_LONG', 1 if !$long;
    my ($said, $ok) = run("lintian --allow-root '$deb'");
    is $said =~ s/^running with root.*\n//mr, '', 'lintian finds nothing';
}
SKIP: {
    skip 'rpmspec is not installed', 1 if system('command -v rpmspec >/dev/null') != 0;
    my ($said, $ok) = run('rpmspec -P packaging/rpm/mod_chat.spec');
    ok $ok, 'the spec file for RPM is one' or diag $said;
}

# ---- in a root of its own ----

my $new = package_of($first, 'out1', 2);
my $root = '/';
if ($long) {
    my ($needs) = $control =~ /^Depends: (.*)$/m;
    my $depends = join ',', map { /^\s*([a-z0-9.+-]+)/ ? $1 : () } split /,/, $needs =~ s/apache2-api-\d+/apache2/r;
    ($root, my $how) = debian($depends);
    ok -e "$root/bin/sh", "a fresh Debian: $how";
}
mkdir "$dir/$_" or die $! for qw(scratch snippets);
my $n = 0;
for my $snippet (ChatTest::Snippets::of('docs/operations.md', slurp("$ROOT/docs/operations.md"))) {
    next if ($snippet->{mark}{by} // '') ne 't/15-package.t';
    open my $fh, '>', sprintf '%s/snippets/%02d-line-%d.sh', $dir, ++$n, $snippet->{line} or die $!;
    print $fh $snippet->{text} =~ s{\blibapache2-mod-chat_\S+\.deb}{/new.deb}gr;
}
cmp_ok $n, '>', 3, 'docs/operations.md has something to paste';
my $port = ChatTest::Httpd::free_port();
my ($said) = run("unshare -m sh t/real/package/try.sh '$root' '$dir/scratch' $port '$deb' '$new' '$dir/snippets'");
SKIP: {
    skip $1, 1 if !$long and $said =~ /^skip (.*)/m || $said =~ /^(unshare: .*)/m;
    is $said =~ /^not ok/m, '', 'every step goes well' or diag $said;
    cmp_ok scalar(() = $said =~ /^ok /mg), '>', 19, '... to the last' or diag $said;
    like $said, qr/^ok \.\.\. without a trace$/m, '... without a trace' or diag $said;
}
done_testing;
