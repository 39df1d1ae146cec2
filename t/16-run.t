# SPDX-License-Identifier: Apache-2.0
#
# make run, with which README.md opens, as somebody would use it: in a copy of
# the tree whose path has spaces, the printed lines pasted into a shell, Ctrl-C
# at the end; as root, as root where only root may look, and as a normal user.
# Without network: apt, npm and sudo are replaced by traps.
use v5.36;
use Test::More;
use File::Temp ();
use JSON::PP   ();
use FindBin;
use POSIX       qw(WNOHANG);
use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Client;

plan skip_all => 'make run serves the plain build'
    if ($ENV{CHAT_VARIANT} || 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};

my $root = $ChatTest::Httpd::ROOT;
my $tmp = File::Temp::tempdir('chat-run-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $tmp;
my @groups;

sub slurp ($file) {
    open my $fh, '<', $file or return '';
    local $/;
    return <$fh> // '';
}

# A program that must not be called.
mkdir "$tmp/traps" or die $!;
for my $name (qw(apt-get npm sudo)) {
    open my $fh, '>', "$tmp/traps/$name" or die $!;
    print $fh "#!/bin/sh\necho \"trap: $name \$*\" >&2\nexit 1\n";
    chmod 0755, "$tmp/traps/$name";
}

sub copy_tree ($name, $owner = undef) {
    my $tree = "$tmp/$name";
    mkdir $tree or die "$tree: $!\n";
    mkdir "$tree/build" or die $!;
    my @parts = grep { -e "$root/$_" } qw(mod_chat.c src include conf script demo Makefile Makefile.apxs);
    system('cp', '-a', (map { "$root/$_" } @parts), $tree) == 0 or die "cp failed\n";
    system('cp', '-a', "$root/build/plain", "$tree/build/plain") == 0 or die "cp failed\n";
    system('chown', '-R', $owner, $tree) == 0 or die "chown failed\n" if $owner;
    return $tree;
}

# Start a command in its own process group, as a shell with job control would.
sub launch ($tree, $out, $env, @command) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp;
        @SIG{qw(INT QUIT)} = ('DEFAULT') x 2; # a suite in the background ignores them
        delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS OPENAI_API_KEY CHAT_RUN_DIR)};
        %ENV = (%ENV, PATH => "$tmp/traps:$ENV{PATH}", %$env);
        chdir $tree or die;
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', $out;
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec @command }
        POSIX::_exit(127);
    }
    push @groups, $pid;
    return $pid;
}

# Wait for its end: its status as the shell shows it, or undef.
sub ended ($pid, $seconds = 20) {
    my $until = clock_gettime(CLOCK_MONOTONIC) + $seconds;
    while (clock_gettime(CLOCK_MONOTONIC) < $until) {
        return $? & 127 ? 128 + ($? & 127) : $? >> 8 if waitpid $pid, WNOHANG;
        sleep 0.02;
    }
    return;
}

my @as_nobody = qw(setpriv --reuid=nobody --regid=nogroup --clear-groups);

# make run, up to the point where it has said all.
sub make_run ($tree, %o) {
    my $self = { tree => $tree, out => "$tmp/out" . @groups, run => "$tree/.run",
        port => ChatTest::Httpd::free_port() };
    $self->{pid} = launch($tree, $self->{out}, { CHAT_PORT => $self->{port}, ($o{env} // {})->%* },
        ($o{as} // [])->@*, @{ $o{command} // ['make', 'run'] });
    wait_for(sub { slurp($self->{out}) =~ /^Ctrl-C stops it/m || waitpid($self->{pid}, WNOHANG) != 0 },
        'make run to be ready', 120);
    $self->{said} = slurp($self->{out});
    @$self{qw(guest user usage nobody sdk leaves many)} = my @lines = $self->{said} =~ /^  (curl .*)$/mg;
    is scalar @lines, 7, 'it prints seven lines for a shell' or diag $self->{said};
    @$self{qw(kept back stopped)} = @lines = $self->{said} =~ /^  (id=.*)$/mg;
    is scalar @lines, 3, '... and three for what is kept';
    return $self;
}

# Once, as another program: what a shell prints for a pasted line, with the
# time of each read.
sub paste ($line) {
    open my $fh, '-|', 'sh', '-c', "cd / && $line 2>/dev/null" or die "sh: $!\n";
    my ($text, @reads) = ('');
    while (sysread $fh, my $bytes, 65536) {
        push @reads, clock_gettime(CLOCK_MONOTONIC);
        $text .= $bytes;
    }
    close $fh;
    return ($text, @reads);
}

sub streams ($self, $who) {
    my ($text, @reads) = paste($self->{user});
    my @words = $text =~ /^event: response\.output_text\.delta$/mg;
    is scalar @words, 40, "$who: the printed line streams forty words";
    like $text, qr/^event: response\.completed\ndata: .*\n\n\z/m, '... up to the last event';
    cmp_ok scalar @reads, '>=', 20, '... which come one by one';
    cmp_ok $reads[-1] - $reads[0], '>', 2, '... over three seconds';
}

# The lines for Python, where it has the SDK.
sub python ($self) {
    my ($lines) = $self->{said} =~ /^  (from openai import .*\n  print.*)$/m;
    ok $lines, 'two lines are for Python' or return;
SKIP: {
        skip 'no SDK for Python here', 1 if system('python3 -c "import openai" 2>/dev/null') != 0;
        open my $fh, '-|', 'python3', '-c', $lines =~ s/^  //mgr or die "python3: $!\n";
        like scalar <$fh>, qr/\AYou said “Hello”\. /, '... and answered';
        close $fh;
    }
}

# What the browser shows, and what else there is to be had.
sub page ($self) {
    my $client = ChatTest::Client->new(port => $self->{port});
    my $get = sub ($path) {
        $client->request('GET', $path);
        return $client->response;
    };
    my $page = $get->('/');
    is "$page->{status} $page->{headers}{'content-type'}", '200 text/html; charset=utf-8', '/ is the chat page';
    like $page->{headers}{'content-security-policy'}, qr/^default-src 'none'; /, '... which may do nothing but chat';
    $page = $get->('/lines.html');
    is "$page->{status} $page->{headers}{'content-type'}", '200 text/html; charset=utf-8', 'a page has the lines';
    my ($lines) = $page->{body} =~ m{^<pre>(.*?)</pre>$}ms;
    my ($printed) = $self->{said} =~ /^Open that page.*?\n\n(.*?)\n\nLogs: /ms;
    my %is = (amp => '&', lt => '<', gt => '>');
    is $lines =~ s/&(\w+);/$is{$1}/gr, $printed =~ s/^  //mgr, '... with the lines that are printed';
    is $get->($_)->{status}, 200, "... and $_ is there" for $page->{body} =~ /href="(\/[^"]*)"/g;
    is $get->($_)->{status}, 403, "$_ is not" for '/auth.db', '/lines.txt', '/sign-in.conf', '/sign-in/nobody';
    signs_in($self, $client, $get->('/sign-in')->{body} =~ m{href="(/sign-in/[^"]+)"}g);
    $client->close;
}

# One click each: a user, and an administrator; signed out, a guest.
sub signs_in ($self, $client, @links) {
    my $me = sub ($cookie, $path = 'me') {
        $client->request('GET', "/api/v1/$path", headers => [ $cookie ? (Cookie => $cookie) : () ]);
        my $res = $client->response;
        return $res->{status} == 200 ? JSON::PP::decode_json($res->{body}) : { status => $res->{status} };
    };
    is_deeply \@links, [ '/sign-in/demo', '/sign-in/admin' ], 'two people can sign in';
    is $me->('')->{signInUrl}, '/sign-in', '... where the page says';
    is_deeply $me->('')->{suggestions}, [ map { "try: $_" } qw(markdown think tool slow long break fail limit) ], '... and it suggests what to try';
    for my $link (@links) {
        $client->request('GET', $link);
        my $res = $client->response;
        my ($cookie) = ($res->{headers}{'set-cookie'} // '') =~ /^(\S+?); Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax\z/;
        is $res->{status}, 303, "$link leads back";
        is "$link", '/sign-in/' . $me->($cookie)->{id}, '... and he is known';
        is $me->($cookie, 'admin/models')->{status} // 200, $link =~ /admin/ ? 200 : 403, '... to the administration, too, if she administers';
    }
    $client->request('GET', '/sign-out');
    like $client->response->{headers}{'set-cookie'}, qr/^better-auth\.session_token=; Path=\/; Max-Age=0;/, 'the cookie goes again';
}

# As Ctrl-C does: the whole foreground group gets the signal.
sub stops ($self, $who, $signal = 'INT', $to = -$self->{pid}) {
    # The port is open before the first child runs.
    wait_for(sub { processes($self) > 1 }, 'the first child', 10);
    pass "$who: httpd and its children run";
    kill $signal, $to;
    my $status = ended($self->{pid});
    ok defined $status, "$who: SIG$signal ends it";
    wait_for(sub { !processes($self) }, 'all processes to end', 5);
    is_deeply [ processes($self) ], [], '... and no process is left';
    unlike slurp($self->{out}), qr{\berror(?!\.log)|fail|trap:|\*\*\*}i, '... and nothing was complained of';
    like slurp($self->{out}), qr/^run: stopped$/m, '... and it says so';
    return $status;
}

# Processes of this demo: those whose command line names its run directory.
sub processes ($self) {
    return grep { slurp("/proc/$_/cmdline") =~ /\0\Q$self->{run}\E\0/ }
        map { m{/proc/(\d+)} } glob '/proc/[0-9]*';
}

sub listing ($tree) {
    return { map { $_ => (lstat "$tree/$_")[9] }
        grep { !m{^\./(?:\.run|build)/} } split /\n/, qx(cd '$tree' && find . -type f) };
}

subtest 'make run in a path with spaces' => sub {
    my $tree = copy_tree('a tree with spaces');
    my $before = listing($tree);
    my $demo = make_run($tree);
    like $demo->{said}, qr{\Arun: the page will be at http://127\.0\.0\.1:$demo->{port}/\n}, 'first it says where it will be';
    unlike $demo->{said}, qr/trap:/, 'nothing is fetched when all is there';
    kill 'WINCH', -$demo->{pid};
    streams($demo, 'a signed-in user');

    my ($text, @reads) = paste($demo->{guest});
    like $text, qr/\AYou said “Hello”\. [^"]*\.\n \{"status":"done","usage":\{.*\}\}\n\z/, 'the line for a guest prints the text alone';
    cmp_ok scalar @reads, '>=', 20, '... word by word';
    ($text) = paste($demo->{guest} =~ s/"Hello"/"And now?"/r);
    like $text, qr/\AYou said “And now\?” after “Hello”\. /, '... and its session remembers the first question';

    ($text) = paste($demo->{nobody});
    like $text, qr{^HTTP/1\.1 401 }, 'without a cookie there is a 401';
    my ($body) = $text =~ /\r\n\r\n(.*)\z/s;
    is $body, '{"code":"unauthorized","message":"Sign in required."}', '... with the body of the contract';

    ($text) = paste($demo->{sdk});
    like $text, qr/^\{"id":"chatcmpl-.*"content":"You said “Hello”\..*"finish_reason":"stop".*\}$/, 'what an SDK asks is answered as a whole';
    python($demo);
    ($text) = paste($demo->{leaves});
    like $text, qr{\A127\.0\.0\.1 demo "POST /api/chat-openai HTTP/1\.1" 200 .* cancelled\n\z}, 'the log shows who hung up';
    unlike slurp("$tree/.run/access.log"), qr{ /mock/|Hello}, '... and neither the mock\'s part nor what was said';
    ($text) = paste($demo->{kept});
    like $text, qr/\AYou said “Hello”\. .*\nYou said “And now\?” after “Hello”\. .*\n# Hello\n\n## User\n\nHello\n\n## Assistant \(gpt-4o-mini\)\n\nYou said “Hello”\. .*\n\n## User\n\nAnd now\?\n\n/,
        'a conversation is kept, and read again' or diag $text;
    ($text) = paste($demo->{back});
    like $text, qr/\Aid: 6\nevent: text\n.*^event: done\n.*"finishReason":"stop"/ms, 'who leaves comes back for the rest' or diag $text;
    ($text) = paste($demo->{usage});
    like $text, qr/"model":"gpt-4o-mini","provider":"openai","ownKey":false,"requests":[3-9],.*"costUsd":0\.000[1-9]\d*.*"limits":\[\{"name":"month","unit":"usd","limit":5\.0+,"remaining":4\.99\d+,/, 'what it used and cost is shown' or diag $text;
    ($text) = paste($demo->{stopped});
    like $text, qr/\A\{"status":"stopping"\}id: 6\n.*^event: done\n.*"finishReason":"stopped"/ms, '... or stops it' or diag $text;
    ($text) = paste($demo->{many});
    my @answers = sort split /\n/, $text;
    is scalar @answers, 12, 'twelve guests at once have twelve answers';
    is scalar(grep { /^200 $/ } @answers), 8, '... of which two of the ten a minute are spent';
    is scalar(grep { /^429 [1-9]\d?$/ } @answers), 4, '... and the rest get a 429 with the seconds to wait';
    ($text) = paste($demo->{sdk});
    like $text, qr/^\{"id":"chatcmpl-/, 'an SDK has a limit of its own';
    page($demo);

    like slurp("$tree/.run/cookie"), qr/\Abetter-auth\.session_token=[A-Za-z0-9]{32}\.[A-Za-z0-9%]+%3D\n\z/,
        '.run/cookie is one line for the Cookie header';
    is sprintf('%o', (stat "$tree/.run/$_")[2] & 07777), '600', ".run/$_ is its owner's alone" for qw(cookie cookie-admin sign-in.conf secret);
    my $client = ChatTest::Client->new(port => $demo->{port});
    $client->request('GET', '/server-status?auto', headers => [ Connection => 'close' ]);
    like $client->response->{body}, qr/^ChatDone: [1-9]/m, 'mod_status counts the stream';

    my $again = "$tmp/again";
    is ended(launch($tree, $again, {}, 'make', 'run')), 2, 'a second make run refuses';
    like slurp($again), qr{^run: it runs already, at http://127\.0\.0\.1:$demo->{port}: stop that one}m, '... and says why';
    is ended(launch($tree, $again, { CHAT_PORT => $demo->{port}, CHAT_RUN_DIR => "$tmp/other run" }, 'make', 'run')), 2,
        'one on a port that is taken refuses';
    like slurp($again), qr/^run: port $demo->{port} on 127\.0\.0\.1 is taken.*CHAT_PORT=\d+ make run$/m, '... and says what to do';
    is ended(launch($tree, $again, { CHAT_PORT => '80a' }, 'script/run.sh')), 1, 'a port that is none is refused';
    like slurp($again), qr/^run: CHAT_PORT is "80a"; a port is a number from 1 to 65535$/m, '... by name';

    stops($demo, 'Ctrl-C');
    unlike slurp("$tree/.run/error.log"), qr/SIGWINCH/, 'a resized terminal was not taken for the order to stop';
    is_deeply listing($tree), $before, 'nothing but .run and build was written';
};

subtest 'what has to be compiled is counted' => sub {
    my $tree = "$tmp/a tree with spaces";
    utime undef, undef, glob "'$tree/src/mock/*.c'";
    my $n = () = glob "'$tree/src/mock/*.c'";
    my $demo = make_run($tree);
    my ($told) = $demo->{said} =~ /^run: the page will be .*\n((?:run: .*\n)+)/;
    like $told, qr/\Arun: compiling $n files\n(?:run: compiling, [1-9]0 %\n)+run: compiled\n\z/, 'how many, how far, the end';
    my @percent = $told =~ /(\d+) %/g;
    is_deeply \@percent, [ sort { $a <=> $b } @percent ], '... ever farther';
    stops($demo, 'Ctrl-C');
};

subtest 'what cannot be compiled ends it' => sub {
    my $tree = "$tmp/a tree with spaces";
    open my $fh, '>>', "$tree/src/mock/chat_mock.c" or die $!;
    print $fh "#error planted\n";
    close $fh;
    my $out = "$tmp/broken";
    is ended(launch($tree, $out, { CHAT_PORT => ChatTest::Httpd::free_port() }, 'script/run.sh'), 60), 2, 'with the status of make';
    like slurp($out), qr/#error planted/, '... and with what the compiler says';
    system('cp', '-p', "$root/src/mock/chat_mock.c", "$tree/src/mock/chat_mock.c") == 0 or die "cp failed\n";
    is ended(launch($tree, $out, {}, 'make', '-s', 'all'), 60), 0, 'mended, it compiles';
};

subtest 'the next make run starts afresh, and SIGTERM ends it' => sub {
    my $tree = "$tmp/a tree with spaces";
    my $old = slurp("$tree/.run/cookie");
    my $demo = make_run($tree, command => ['script/run.sh']);
    isnt slurp("$tree/.run/cookie"), $old, 'the session is new';
    my ($text) = paste($demo->{user} =~ s/"Cookie: .*?\)"/'Cookie: $old'/r =~ s/\n//r);
    like $text, qr/"code":"unauthorized"/, 'and the old one worth nothing';
    is stops($demo, 'SIGTERM', 'TERM', $demo->{pid}), 0, 'the script ends with status 0';
};

subtest 'a key of OpenAI\'s makes OpenAI the upstream' => sub {
    my $tree = "$tmp/a tree with spaces";
    my $key = 'sk-canary-' . int rand 1e9;
    my $demo = make_run($tree, env => { OPENAI_API_KEY => $key }, command => ['script/run.sh']);
    like $demo->{said}, qr/answers come from OpenAI/, 'it says so';
    like slurp("$tree/.run/httpd.conf"),
        qr{ChatProviderURL https://api\.openai\.com/v1\n\s*ChatProviderKey env:OPENAI_API_KEY\n},
        'and is configured so';
    stops($demo, 'it', 'TERM', $demo->{pid});
    unlike $demo->{said} . join('', map { slurp($_) } grep { -f } glob "'$tree/.run/*'"), qr/\Q$key\E/,
        'the key is in no file and no message';
};

SKIP: {
    skip 'not root: this was a normal user already', 2 if $> != 0;
    skip 'no user nobody', 2 if system("@as_nobody true 2>/dev/null") != 0;

    subtest 'root in a directory that is root\'s alone' => sub {
        my $tree = copy_tree('private');
        chmod 0700, $tree;
        my $demo = make_run($tree, env => { TMPDIR => $tmp });
        my ($scratch) = slurp("$tree/.run/httpd.conf") =~ m{^DBDParams "(\Q$tmp\E/mod_chat-run[^"]*)/data/auth\.db"}m;
        ok $scratch && -d $scratch, 'the children read their data elsewhere';
        streams($demo, 'a signed-in user');
        stops($demo, 'Ctrl-C');
        ok !-e $scratch, 'which is gone in the end';
    };

    subtest 'make run as a normal user' => sub {
        my $tree = copy_tree('of nobody', 'nobody:nogroup');
        my $demo = make_run($tree, as => \@as_nobody);
        streams($demo, 'a signed-in user');
        stops($demo, 'Ctrl-C');
        is((stat "$tree/.run/data/auth.db")[4], scalar getpwnam('nobody'), 'all is theirs');
    };
}

subtest 'what is missing is named and asked of sudo' => sub {
    my $tree = $> == 0 ? "$tmp/of nobody" : "$tmp/a tree with spaces";
    plan skip_all => 'no user nobody' if !-d $tree;
    mkdir "$tmp/lacking" or die $!;
    open my $fh, '>', "$tmp/lacking/dpkg-query" or die $!;
    print $fh "#!/bin/sh\nfor p; do :; done\n[ \"\$p\" != sqlite3 ] && printf installed\n";
    close $fh;
    chmod 0755, "$tmp/lacking/dpkg-query";
    my $out = "$tmp/lacking.out";
    my $pid = launch($tree, $out, { PATH => "$tmp/lacking:$tmp/traps:$ENV{PATH}" },
        ($> == 0 ? @as_nobody : ()), 'script/deps.sh', 'build');
    is ended($pid), 1, 'deps.sh fails when it may not install';
    like slurp($out), qr/^deps: installing sqlite3$/m, '... what it names';
    like slurp($out), qr/^trap: sudo sh -c .* install sqlite3$/ms, '... by apt, through sudo';
};

END {
    local $?;
    for my $pid (@groups) {
        kill 'KILL', -$pid if kill 0, -$pid;
    }
}

done_testing;
