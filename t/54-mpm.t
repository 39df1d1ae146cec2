# SPDX-License-Identifier: Apache-2.0
#
# Every MPM and every protocol that a client may speak: each event arrives as
# it was sent and by itself, an error before the stream is the same JSON, a
# stream that the upstream left unfinished never ends cleanly, and a client
# that leaves is noticed. So, too, for a module that was built without parking
# and for requests that cannot be parked.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP    ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $variant = $ENV{CHAT_VARIANT} || 'plain';
my $up = ChatTest::Upstream->new(lean => 1)->start;

# How curl is told to ask; how it says that an answer was not whole.
my %VIA = (
    'HTTP/1.1'      => { args => ['--http1.1'],               cut => 18 },
    'HTTP/1.1, TLS' => { args => ['--http1.1'], tls => 1,     cut => 18 },
    'HTTP/2, plain' => { args => ['--http2-prior-knowledge'], cut => 92 },
    'HTTP/2, TLS'   => { args => ['--http2'], tls => 1,       cut => 92 },
);
my @H1 = ('HTTP/1.1', 'HTTP/1.1, TLS');
my @ALL = (@H1, 'HTTP/2, plain', 'HTTP/2, TLS');

sub server ($mpm, $h2, %o) {
    my $conf = delete $o{conf} // '';
    return ChatTest->new(mpm => $mpm, tls => 1, modules => [ 'status', ($h2 ? 'http2' : ()), (delete $o{modules} // [])->@* ],
        ($h2 ? (tls_conf => "Protocols h2 http/1.1\n") : ()), %o,
        conf => ($h2 ? "Protocols h2c http/1.1\nLogLevel http2:info\n" : '') . $conf . chat_conf(chat => $up->url))->start;
}

# ---- one request by curl ----

my $seed = 0;

sub question ($mock) {
    my $script = join ';', map { "$_=$mock->{$_}" } sort keys %$mock;
    return JSON::PP::encode_json({ messages => [ { role => 'user', content => "mock($script)" } ] });
}

# curl on its way. o: path, headers.
sub ask ($t, $via, $mock, %o) {
    my $is = { dir => File::Temp::tempdir(CLEANUP => 1), text => '', at => [] };
    my @args = ('-sSN', $VIA{$via}{args}->@*, '--cacert', $t->ca, '-m', scaled(20), '-D', "$is->{dir}/head",
        '-w', '%{stderr}%{http_version}', '-H', 'Content-Type: application/json', (map { ('-H', $_) } ($o{headers} // [])->@*),
        '-d', question($mock), $t->url($o{path} // '/chat', tls => $VIA{$via}{tls}));
    $is->{pid} = open $is->{fh}, '-|', 'sh', '-c', 'err=$1; shift; exec curl "$@" 2>"$err"', 'sh', "$is->{dir}/err", @args
        or die "curl: $!\n";
    return $is;
}

# Take what has come: true until the end.
sub take ($is) {
    my $n = sysread $is->{fh}, $is->{text}, 65536, length $is->{text};
    push $is->{at}->@*, [ clock_gettime(CLOCK_MONOTONIC), length $is->{text} ] if $n;
    return $n;
}

sub answer ($t, $is) {
    1 while take($is);
    close $is->{fh};
    $is->{exit} = $? >> 8;
    $is->{head} = $t->slurp("$is->{dir}/head");
    $is->{error} = $t->slurp("$is->{dir}/err");
    $is->{version} = $1 if $is->{error} =~ s/([\d.]+)\z//;
    ($is->{status}) = $is->{head} =~ m{^HTTP/\S+ (\d+)};
    $t->_witness({ body => $is->{text}, raw_head => $is->{head}, status => $is->{status} }, 'what curl received');
    return $is;
}

sub fetch ($t, $via, $mock, %o) {
    return answer($t, ask($t, $via, $mock, %o));
}

# The same from the upstream itself.
sub original ($t, $mock) {
    my $script = join ';', map { "$_=$mock->{$_}" } sort keys %$mock;
    my (undef, $out) = $t->curl('-H', 'Content-Type: application/json',
        '-d', qq({"model":"gpt-4o-mini","stream":true,"input":"mock($script)"}), $up->url . '/responses');
    return $out;
}

# How many times something came, 15 ms at least after what came before.
sub arrivals ($is) {
    my ($last, $n) = (0, 0);
    for my $at (map { $_->[0] } $is->{at}->@*) {
        $n++ if $at - $last > 0.015;
        $last = $at;
    }
    return $n;
}

# ---- what must hold everywhere ----

my @ERRORS = (
    { status => 400 }, { status => 401 }, { status => 429, retry => 7 }, { status => 500 },
    { fault => 'rst-head' }, { fault => 'html' },
);
my %error;    # as it was first seen

sub errors_are_alike ($t, $via) {
    my @bad;
    for my $mock (@ERRORS) {
        my $name = join ' ', %$mock;
        my $res = fetch($t, $via, $mock, headers => ['X-Request-ID: the-same']);
        my $is = join "\n", $res->{exit}, $res->{status},
            (sort map { lc } grep { /^(?:content-type|cache-control|retry-after|x-request-id|content-length):/i }
                split /\r\n/, $res->{head}), $res->{text};
        push @bad, "$name: $is" if $is ne ($error{$name} //= $is) || $is !~ /"code":/;
    }
    is_deeply \@bad, [], 'errors before the stream are the same everywhere';
}

sub arrives_as_sent ($t, $via, $parks) {
    my $mock = { seed => ++$seed, n => 10, pace => 40 };
    my $is = ask($t, $via, $mock);
    take($is);
    is counters($t)->{Parked}, $parks, $parks ? 'it is parked' : 'it is not parked';
    answer($t, $is);
    is $is->{exit}, 0, 'it ends cleanly' or diag $is->{error};
    is $is->{version}, $via =~ /2,/ ? '2' : '1.1', '... in the protocol that was asked for';
    is $is->{text}, original($t, { %$mock, pace => 0 }), '... with every byte as it was sent';
    # 18 events, and not all of them by themselves where the machine is busy.
    cmp_ok arrivals($is), '>=', 5, '... and its events arrive by themselves';
    cmp_ok $is->{at}[0][1], '<', length($is->{text}) / 2, '... the first of them at once';
}

# What an upstream may do in mid-stream, and how many events come before: a
# break may overtake what is on its way, and so it waits for them.
my @BREAKS = ([ 'close', 6 ], [ 'rst', 6 ], [ 'cut', 6 ], [ 'noend', 6 ], [ 'badchunk', 6 ],
    [ 'error-flat', 7 ], [ 'error-nested', 7 ]);

sub never_ends_cleanly ($t, $via) {
    for my $break (@BREAKS) {
        my ($fault, $events) = @$break;
        my $is = ask($t, $via, { seed => ++$seed, n => 10, fault => $fault, after => 6, gate => 1 });
        my $n = 0;
        while ($n < $events && take($is)) {
            $n = () = $is->{text} =~ /^data: .*\n\n/mg;
        }
        is $n, $events, "$fault: all that comes before it";
        $up->go;
        answer($t, $is);
        is $is->{exit}, $VIA{$via}{cut}, '... and no clean end' or diag "$is->{head}$is->{text}$is->{error}";
    }
}

sub client_may_leave ($t, $via) {
    for my $mock ({ n => 1000, pace => 20 }, { fault => 'hang', after => 3 }) {
        $up->reset;
        my $id = 'leaves-' . ++$seed;
        my $is = ask($t, $via, $mock, headers => ["X-Request-ID: $id"]);
        take($is);
        is $up->stats->{open}, 1, 'a client that ' . ($mock->{fault} ? 'waits' : 'reads');
        kill 'KILL', $is->{pid};
        close $is->{fh};
        ok wait_for('the upstream to be closed', sub { !$up->stats->{open} }), '... and leaves: the upstream is closed';
        ok $t->wait_log(qr/CHAT0901: id=$id .*outcome=cancelled/), '... and the log says so';
    }
}

sub check ($mpm, $parks, @via) {
    return sub {
        my $t = server($mpm, scalar(grep { m{/2} } @via), @_);
        $t->expect_log(qr/CHAT0902: .* (?:truncated|upstream_error): /);
        for my $via (@via) {
            subtest $via => sub {
                arrives_as_sent($t, $via, $parks && $via =~ m{/1} ? 1 : 0);
                errors_are_alike($t, $via);
                never_ends_cleanly($t, $via);
                client_may_leave($t, $via);
            };
        }
        is counters($t)->{Live}, 0, 'nothing is left';
        $t->stop;
    };
}

subtest 'event'   => check('event', $variant ne 'nopark', @ALL);
subtest 'worker'  => check('worker', 0, @ALL);
subtest 'prefork' => check('prefork', 0, @H1);

subtest 'event, built without parking' => sub {
    my $root = $ChatTest::Httpd::ROOT;
    is qx(cd '$root' && grep -rl CHAT_NO_PARKING mod_chat.c include src), "src/stream/chat_park.c\n",
        'it differs in one object, which is linked with those of this build';
    check('event', 0, @ALL)->(module => "$root/build/$variant/tools/mod_chat_nopark.so");
};

# ---- requests that cannot be parked, on an MPM that can ----

subtest 'what cannot be parked streams on its own thread' => sub {
    my $t = server('event', 0, modules => [qw(env rewrite ratelimit substitute ext_filter)],
        conf => "ExtFilterDefine cat cmd=/bin/cat mode=output\n"
            . join('', map { <<"END" } [ rate => 'RATE_LIMIT', 'SetEnv rate-limit 1000' ], [ subst => 'SUBSTITUTE', 'Substitute s/never-there/x/' ], [ ext => 'cat', '' ])
<Location /$_->[0]>
    SetHandler chat
    ChatRoute openai
    ChatUse chat
    ChatAuth guest
    SetOutputFilter $_->[1]
    $_->[2]
</Location>
END
            . "<Directory %%HTDOCS%%>\nAllowOverride FileInfo\n</Directory>\n");
    $t->write_file('htdocs/.htaccess', "RewriteEngine on\nRewriteRule ^old\$ /chat [PT]\n");
    my @CASES = (
        # path, is each event passed on by itself, the reason in the log
        [ '/old',   1, qr/a subrequest or an internal redirect/i ],
        [ '/subst', 1, qr/substitute/i ],
        [ '/rate',  0, qr/rate_limit/i ],
        [ '/ext',   0, qr/cat/i ],
    );
    for my $case (@CASES) {
        my ($path, $prompt, $why) = @$case;
        my $mock = { seed => ++$seed, n => 10, pace => 40 };
        my $mark = $t->mark;
        my $is = ask($t, 'HTTP/1.1', $mock, path => $path);
        $t->wait_log(qr/CHAT0504: not parked: $why/, from => $mark) if $variant ne 'nopark';
        is counters($t)->{Parked}, 0, "$path is not parked";
        answer($t, $is);
        is $is->{exit}, 0, '... and ends cleanly' or diag $is->{error};
        is $is->{text}, original($t, { %$mock, pace => 0 }), '... with every byte as it was sent';
        cmp_ok arrivals($is), '>=', 5, '... and its events arrive by themselves' if $prompt;
        $is = fetch($t, 'HTTP/1.1', { n => 10, pace => 15, fault => 'close', after => 6 }, path => $path);
        is $is->{exit}, 18, '... and an unfinished one does not' or diag "$is->{head}$is->{text}";
    }
    $t->expect_log(qr/CHAT0902: .* truncated: /);
    $t->allow_log(qr/CHAT0514: /);
    $t->stop;
};

$up->stop;
done_testing;
