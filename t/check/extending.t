# SPDX-License-Identifier: Apache-2.0
#
# What docs/extending.md promises: a provider, a dialect, an identity scheme, a
# tap and a route are one file and one line each, a directive a member and a row. The examples of that page, as
# printed, are added to a copy of the tree, which is built and driven.
use v5.36;
use Digest::SHA    qw(hmac_sha256_base64);
use File::Basename qw(dirname);
use File::Path     qw(make_path);
use File::Temp     ();
use JSON::PP       ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest;
use ChatTest::Guard;
use ChatTest::Upstream;

plan skip_all => 'the sources are the same in every variant'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};

my $tree = File::Temp->newdir('chat-extending-XXXXXX', TMPDIR => 1);
chmod 0755, "$tree";
my ($out, $ok) = shell("git ls-files -z --cached --others --exclude-standard -- Makefile.apxs mod_chat.c include src conf/sql script/schema.sh script/openapi.pl t/unit t/data"
    . " | xargs -0 cp -p --parents -t '$tree' && mkdir '$tree/build' && cp -a build/plain '$tree/build' 2>&1");
BAIL_OUT("no copy of the tree: $out") if !-e "$tree/build/plain";

# ---- what the page says ----

my $page = tree()->{'docs/extending.md'};
my (%file, %line);
while ($page =~ /^(File|Line in) `([^`]+)`(?:, among `schemas`)?:\n\n(?:<!-- [^\n]*\n)?```(?:c|json)\n(.*?)^```$/msg) {
    my ($kind, $path, $text) = ($1, $2, $3);
    ($kind eq 'File' ? \%file : \%line)->{$path} = $text;
}
is_deeply [ sort map { m{^(?:src|t)/(\w+)/} } keys %file ], [qw(auth dialect provider route route run unit)],
    'the page has a whole file for each';
is_deeply [ sort keys %line ],
    [ (map { "include/chat_${_}_list.h" } qw(auth dialect provider route)), 'src/route/openapi/answers.json', 'src/run/chat_run_tap_list.h' ],
    '... and a line for each';
is scalar(grep { tr/\n// != 1 } values %line), 0, '... which is one line';

sub add ($path, $mode, $text) {
    make_path("$tree/" . dirname($path));
    open my $fh, $mode, "$tree/$path" or die "$path: $!";
    print $fh $text;
    close $fh;
}

sub build (@targets) {
    return shell("make -s -j2 -C '$tree' -f Makefile.apxs CFLAGS=-O0 @targets 2>&1");
}

# [what, path, text]: where a directive is said.
my @place;
push @place, [ $1, $2, $3 ] while $page =~ /^At the end of `([^`]+)` in `([^`]+)`:\n\n```c\n(.*?)^```$/msg;
is scalar @place, 5, '... and five places of a directive';

# ---- all of it ----

# Before what closes it: a type its name, an initializer or a function its brace.
sub add_at_the_end ($what, $path, $text) {
    open my $fh, '<', "$tree/$path" or die "$path: $!";
    my $all = do { local $/; <$fh> };
    my $at = index $all, "} $what;";
    $at = index($all, $what =~ /^\./ ? "\n        }," : "\n}", index $all, $what) + 1 if $at < 0;
    die "$path has no $what" if $at < 1;
    substr $all, $at, 0, $text;
    add($path, '>', $all);
}

my $schema = delete $line{'src/route/openapi/answers.json'};
add($_, '>>', $line{$_}) for sort keys %line;
add($_, '>', $file{$_}) for sort keys %file;
add('src/route/openapi/answers.json', '>', tree()->{'src/route/openapi/answers.json'} =~ s/"schemas": \{\n\K/$schema/r);
add_at_the_end(@$_) for @place;
($out, $ok) = build('all', 'build/plain/unit/test_chat_provider_groq');
ok $ok, 'with them it builds, without a warning' or diag $out;
($out, $ok) = shell("cd '$tree' && build/plain/unit/test_chat_provider_groq");
ok $ok, 'the unit test of the provider passes' or diag $out;

my $up = ChatTest::Upstream->new(n => 3)->start;
my $t = ChatTest->new(
    module => "$tree/build/plain/mod_chat.so",
    env    => { NAMES => 'the secret that names are signed with' },
    conf   => <<"END")->start;
<ChatProvider groq>
    ChatProviderType groq
    ChatProviderURL  ${\$up->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
LogFormat "characters=%{CHAT_CHARACTERS}e" characters
CustomLog "%%DIR%%/characters.log" characters
SetHandler chat
ChatUse groq
ChatModelDefault m
ChatAuthSecret env:NAMES
ChatAuth signed-name guest
<Location /words>
    ChatRoute words
</Location>
<Location /me>
    ChatRoute whoami
</Location>
<Location /openapi.json>
    ChatRoute openapi
</Location>
END

my $turn = { messages => [ { role => 'user', content => 'hello' } ] };
my $res = $t->sse('/words', $turn);
is $res->{status}, 200, 'the new provider answers in the new dialect';
is $res->{headers}{'x-words'}, 'stream', '... with the header of the dialect';
like $res->{body}, qr/\A(?:data: "[^"\n]*"\n\n){3}data: \[DONE\]\n\n\z/, '... in its form' or diag $res->{body};
my $sent = $up->last;
is $sent->{headers}{'groq-model-version'}, 'latest', 'the provider sends its header';
is JSON::PP->new->decode($sent->{body})->{reasoning_format}, 'parsed', '... and its member';
my $words = join '', $res->{body} =~ /^data: "(.*)"$/mg;
wait_for('the request to be logged', sub { $t->slurp('characters.log') =~ /\n/ });
is $t->slurp('characters.log'), 'characters=' . length($words) . "\n", 'the tap has counted';

$res = $t->post_json('/words', { %$turn, stream => JSON::PP::false });
is $res->{headers}{'x-words'}, 'whole', 'an answer in one piece';
is_deeply [ sort keys $res->{json}->%* ], ['words'], '... in the form of the dialect';
$res = $t->post_json('/words', { messages => [] });
is $res->{status}, 400, 'what the dialect does not read is refused';

my $signature = hmac_sha256_base64('ada', 'the secret that names are signed with') =~ tr{+/}{-_}r;
sub me ($credential) {
    return $t->get('/me', headers => { $credential ? (Authorization => $credential) : () });
}
is_deeply me("Token ada.$signature")->{json}, { scheme => 'signed-name', id => 'ada' }, 'the scheme knows who it is, the route says so';
is_deeply me('')->{json}, { scheme => 'guest' }, '... and who it is not';
for ("Token eve.$signature", 'Token ada.' . ('A' x 43), 'Token ada', 'Token ') {
    is me($_)->{status}, 401, 'a forged credential is no guest';
}

my ($fine, $said) = $t->configtest("ChatRequestTools 1000\n");
ok $fine, 'the directive is known' or diag $said;
($fine, $said) = $t->configtest("ChatRequestTools 1001\n");
ok !$fine, '... and a wrong value of it is refused';
like $said, qr/ChatRequestTools does not accept "1001"/, '... in a sentence';
my $told = $t->get('/openapi.json');
is $told->{json}{paths}{'/me'}{get}{operationId}, 'whoAmI', 'the new route is described' or diag $told->{status}, ' ', substr $told->{body}, 0, 500;
$t->stop;
$up->stop;

# ---- a line without its file ----

unlink "$tree/$_" or die "$_: $!" for 'build/plain/mod_chat.so', keys %file;
($out, $ok) = build('all');
ok !$ok, 'lines without their files are no module';
like $out, qr/\b\Q$_\E\b/, "... $_ is missed by name"
    for qw(chat_provider_groq chat_dialect_words chat_auth_signed_name chat_run_characters chat_route_whoami);
done_testing;
