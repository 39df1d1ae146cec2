# SPDX-License-Identifier: Apache-2.0
#
# Keys and secrets: where they may come from, what is refused, and that no
# message, page or dump ever holds one.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $CANARY = 'sk-c0nf1g-' . join '', map { ('a' .. 'z')[rand 26] } 1 .. 40;

my $t = ChatTest->new(modules => ['info'], env => {
    GOOD  => $CANARY,
    OTHER => $CANARY,    # which no env: takes out
    EMPTY => '',
    LINES => "$CANARY\n$CANARY",
    BELL  => "$CANARY\a",
    HUGE  => $CANARY x 1500,    # over 64 KiB
});

sub provider ($key, $url = 'http://127.0.0.1:1/v1') {
    return join "\n", '<ChatProvider openai>', "ChatProviderURL $url",
        "ChatProviderKey $key", '</ChatProvider>', '';
}

sub script ($name, $body, $mode = 0755) {
    return $t->write_file($name, "#!/bin/sh\n$body\n", $mode);
}

# ---- what is refused: spec => sentence ----

$t->write_file('good', "$CANARY\n", 0600);
$t->write_file('empty', '', 0600);
$t->write_file('newline', "\n", 0600);
$t->write_file('lines', "$CANARY\n$CANARY\n", 0600);
$t->write_file('tab', "$CANARY\tx", 0600);
$t->write_file('nul', "$CANARY\0", 0600);
$t->write_file('del', "$CANARY\x7f", 0600);
$t->write_file('huge', 'x' x 65_537, 0600);
$t->write_file('full', 'x' x 65_536, 0600);
$t->write_file('crlf', "$CANARY\r\n", 0600);
$t->write_file(sprintf('mode%o', $_), $CANARY, $_) for 0400, 0600, 0440, 0640, 0604, 0602, 0601, 0660, 0644, 0777;
POSIX::mkfifo($t->dir . '/fifo', 0600) or die "mkfifo: $!";
mkdir $t->dir . '/folder', 0700 or die $!;

script('say', 'echo "$1$2"');
script('env', 'echo "$OTHER"');
script('fail', "echo $CANARY; exit 3");
script('die', "echo $CANARY; kill -9 \$\$");
script('silent', 'exit 0');
script('loud', 'yes');
script('plain', "echo $CANARY", 0644);
script('shared', "echo $CANARY", 0775);
script('sleeper', "echo $CANARY; exec sleep 60");

my $ONE_LINE = 'write one line of text there';
my $OPEN = qr/is open to others \(mode \d+\): allow its owner to read it, and at most a group/;
my @REFUSED = (
    [ $CANARY, qr/takes no secret in the configuration itself: write env:NAME, file:PATH or "exec:PATH ARGS"$/m ],
    [ "ENV:$CANARY", qr/takes no secret in the configuration itself/ ],
    [ "plain:$CANARY", qr/takes no secret in the configuration itself/ ],
    # what is no name of a variable may well be the key
    [ "env:$CANARY", qr/after env: stands the name of an environment variable/ ],
    [ 'env:', qr/after env: stands the name of an environment variable/ ],
    [ 'env:NOT_THERE', qr/the environment variable NOT_THERE is not set where the server is started$/m ],
    [ 'env:EMPTY', qr/the secret is empty: $ONE_LINE$/m ],
    [ 'env:LINES', qr/the secret has control characters or more than one line: $ONE_LINE$/m ],
    [ 'env:BELL', qr/the secret has control characters or more than one line: $ONE_LINE$/m ],
    [ 'env:HUGE', qr/the secret has more than 64 KiB: $ONE_LINE$/m ],

    [ 'file:', qr/file: cannot be read/ ],
    [ 'file:missing', qr{/missing cannot be read: No such file or directory$}m ],
    [ 'file:folder', qr{/folder is not a regular file$}m ],
    [ 'file:fifo', qr{/fifo is not a regular file$}m ],
    [ 'file:empty', qr/the secret is empty: $ONE_LINE$/m ],
    [ 'file:newline', qr/the secret is empty: $ONE_LINE$/m ],
    (map { [ "file:$_", qr/the secret has control characters or more than one line: $ONE_LINE$/m ] } qw(lines tab nul del)),
    [ 'file:huge', qr/the secret has more than 64 KiB: $ONE_LINE$/m ],
    (map { [ "file:mode$_", qr{/mode$_ $OPEN} ] } qw(604 602 601 660 644 777)),

    [ 'exec:', qr/exec: cannot be read/ ],
    [ 'exec:missing', qr{exec:/\S+/missing cannot be read: No such file or directory$}m ],
    [ 'exec:folder', qr{the program /\S+/folder must be a regular file that only its owner can change} ],
    [ 'exec:shared', qr{the program /\S+/shared must be a regular file that only its owner can change} ],
    [ 'exec:plain', qr{exec:/\S+/plain cannot be read: Permission denied$}m ],
    [ 'exec:fail', qr{the program /\S+/fail failed: it must end with exit code 0$}m ],
    [ 'exec:die', qr{the program /\S+/die failed: it must end with exit code 0$}m ],
    [ 'exec:silent', qr/the secret is empty: $ONE_LINE$/m ],
    [ 'exec:loud', qr/the secret has more than 64 KiB: $ONE_LINE$/m ],
);

# The slow one is asked first and looked at last.
my $slow_from = clock_gettime(CLOCK_MONOTONIC);
my $slow = do {
    open my $fh, '-|' or do {
        my ($ok, $said) = ChatTest->new->configtest(provider('exec:' . $t->dir . '/sleeper'));
        print $ok ? 'ok' : $said;
        POSIX::_exit(0);
    };
    $fh;
};

for my $row (@REFUSED) {
    my ($spec, $sentence) = @$row;
    my $shown = $spec =~ s/\Q$CANARY\E/KEY/gr;
    for my $d (qw(ChatProviderKey ChatAuthSecret)) {
        my ($ok, $said) = $t->configtest($d eq 'ChatProviderKey' ? provider($spec) : "$d $spec\n");
        ok !$ok && $said =~ $sentence && $said =~ /^$d\b/m, "$d $shown is refused with a sentence" or diag $said;
        unlike $said, qr/\Q$CANARY\E/, "$d $shown: the sentence does not hold it";
    }
}

# ---- what is accepted ----

for my $spec ('env:GOOD', 'file:good', 'file:full', 'file:crlf', "file:@{[ $t->dir ]}/good",
    (map { "file:mode$_" } qw(400 600 440 640)), '"exec:say 0123456789abcdef0123456789abcdef two"', 'exec:env')
{
    for my $conf (provider($spec), "ChatAuthSecret $spec\n") {
        my ($d) = $conf =~ /(Chat\w+(?:Key|Secret))/;
        my ($ok, $said) = $t->configtest($conf);
        my $advice = $spec =~ /^env:/ ? qr/[^\n]*CHAT0112: $d $spec at \S+:\d+: what starts the server holds the secret in its environment too; file:PATH, with mode 600, is in none[^\n]*\n/ : '';
        ok $ok && $said =~ /^${advice}Syntax OK\n\z/, ($conf =~ /(Chat\w+(?:Key|Secret))/)[0] . " $spec is accepted" or diag $said;
    }
}
{
    my ($ok, $said) = $t->configtest(provider('env:GOOD') . "ChatAuthSecret env:GOOD\n");
    is scalar(() = $said =~ /CHAT0112/g), 1, 'file: is advised once, not for each secret' or diag $said;
}
{
    my ($ok, $said) = $t->configtest('ChatAuthSecret "exec:say short"');
    ok $ok && $said =~ /CHAT0111: ChatAuthSecret at \S+:\d+: a secret of fewer than 32 characters/,
        'a short ChatAuthSecret is warned of' or diag $said;
    unlike $said, qr/\bshort\b/, 'and not repeated';
}

SKIP: {
    skip 'only root can give a file away', 2 if $> != 0;
    my $nogroup = getgrnam('nogroup') // 65534;
    chown 0, $nogroup, $t->dir . '/mode640' or die $!;
    my ($ok, $said) = $t->configtest(provider('file:mode640'));
    ok $ok && $said =~ m{CHAT0110: ChatProviderKey: a group that is neither root's nor its owner's can read /\S+/mode640$}m,
        'a strange group that can read it is warned of' or diag $said;
    chmod 0600, $t->dir . '/mode640';
    ($ok, $said) = $t->configtest(provider('file:mode640'));
    is $said, "Syntax OK\n", '... and not when it cannot';
}

# ---- what the provider is sent ----

my $up = ChatTest::Upstream->new(n => 1)->start;

sub conf ($key) {
    return provider($key, $up->url) . <<'END';
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatAuth guest
</Location>
<Location /info>
    SetHandler server-info
</Location>
END
}

sub sent () {
    $t->sse('/chat', $t->turn);
    return $up->last->{headers}{authorization};
}

$t->{conf} = conf('file:good');
$t->start;
is sent(), "Bearer $CANARY", 'a file that root alone can read: the key reaches the provider, without the newline';

$t->write_file('good', "rotated-$CANARY\n", 0600);
is sent(), "Bearer $CANARY", 'a changed file changes nothing yet';
$t->graceful;
is sent(), "Bearer rotated-$CANARY", 'a graceful restart reads it again';

for my $row (
    [ 'env:GOOD', $CANARY ],
    [ 'file:crlf', $CANARY ],
    [ 'exec:env', $CANARY ],
    [ q("exec:say 'sk-$HOME' two"), 'sk-$HOMEtwo' ],    # quotes, but no shell
    [ 'file:canary.key', $t->canary_key ])
{
    $t->reload(conf($row->[0]));
    is sent(), "Bearer $row->[1]", "$row->[0] gives the key";
}

# ---- what is shown ----

$t->reload(conf('file:good') . "ChatAuthSecret env:GOOD\n");
my $info = $t->get('/info')->{body};
like $info, qr/ChatProviderKey/, 'mod_info shows the directive';
like $info, qr/file:good/, '... with the place of the key';
unlike $info, qr/\Q$CANARY\E/, '... and without the key';

{
    # as "httpd -t -D DUMP_CONFIG" does
    my ($ok, $dump) = $t->configtest("Define DUMP_CONFIG\n" . conf('file:good') . "ChatAuthSecret env:GOOD\n");
    like $dump, qr/ChatProviderKey file:good/, 'DUMP_CONFIG shows the place of the key';
    unlike $dump, qr/\Q$CANARY\E/, '... and not the key';
}
unlike $t->error_log, qr/\Q$CANARY\E/, 'no log line has a key';
unlike $t->error_log, qr/CHAT0112/, '... and file: is advised to nobody but configtest';

{
    my $said = do { local $/; <$slow> };
    my $took = clock_gettime(CLOCK_MONOTONIC) - $slow_from;
    like $said, qr{the program /\S+/sleeper did not end within 10 seconds$}m,
        'a program that does not end is given up' or diag "$said after $took s";
    unlike $said, qr/\Q$CANARY\E/, '... and what it said is not repeated';
}

$t->stop;
$up->stop;
done_testing;
