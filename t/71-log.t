# SPDX-License-Identifier: Apache-2.0
#
# ChatLog: one line of JSON for each chat, whatever a client, an account or a
# provider sends, in a file that is opened anew at a graceful restart; and a
# command that takes nothing keeps nobody waiting.
#   CHAT_TEST_ROUNDS    hostile requests (1000)
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256);
use Encode ();
use MIME::Base64 qw(encode_base64url);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use ChatTest;
use ChatTest::Answers;
use ChatTest::Upstream;

my $ROUNDS = $ENV{CHAT_TEST_ROUNDS} // 1000;
my $SECRET = 'shared-secret-of-the-app-0123456789-abc';
my $JSON = JSON::PP->new->utf8;
my $up = ChatTest::Upstream->new->start;
my $odd = ChatTest::Answers->new(nasty => ChatTest::Answers::whole(500, [ qq{X-Request-Id: up"\\\x1b\xff} . 'x' x 3000 ], ''))->start;

my $t = ChatTest->new(mpm => 'event', modules => [qw(authn_core rewrite)], env => { TOKEN_SECRET => $SECRET }, conf => <<"END")->start;
ChatLog chat.json
ChatModel known openai upstream=gpt-4o-mini price-in=0.5 price-out=2
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<ChatProvider free>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
</ChatProvider>
<ChatProvider odd>
    ChatProviderType gemini
    ChatProviderURL ${\$odd->url}
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatUse openai
    ChatAuth guest
</Location>
<LocationMatch ^/free>
    SetHandler chat
    ChatRoute openai
    ChatUse free
    ChatAuth jwt
    ChatAuthJWTSecret env:TOKEN_SECRET
</LocationMatch>
<Location /odd>
    SetHandler chat
    ChatRoute stream
    ChatUse odd
    ChatAuth guest
    ChatModelDefault m
</Location>
<Location /limited>
    SetHandler chat
    ChatRoute stream
    ChatUse free
    ChatAuth guest
    ChatLimit few 1/1h ip
</Location>
<LocationMatch ^/mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=0 words=1
</LocationMatch>
Listen 127.0.0.1:%%TLS_PORT%%
<VirtualHost 127.0.0.1:%%TLS_PORT%%>
    ChatLog chat.ecs format=ecs
</VirtualHost>
END
my $at_ecs = ChatTest::Client->new(port => $t->tls_port);

sub file ($name) { return $t->dir . "/$name" }

sub lines ($name = 'chat.json') {
    return -e file($name) ? split /(?<=\n)/, $t->slurp(file($name)) : ();
}

# The line of that request.
sub told ($id, $name = 'chat.json') {
    my $line;
    wait_for("the line of $id", sub { ($line) = grep { /"chat\.request_id":"\Q$id\E"/ } lines($name) });
    return $JSON->decode($line);
}

sub told_of ($res) { return told($res->{headers}{'x-request-id'}) }

# ---- what it says ----

subtest 'an answer' => sub {
    my $res = $t->sse('/chat?query=canary-query', { $t->turn(seed => 77001, n => 12, size => 40)->%*, model => 'known' });
    my $is = told_of($res);
    like delete $is->{timestamp}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'when';
    like delete $is->{"chat.$_"}, qr/^\d+$/, $_ for qw(ttft_ms duration_ms);
    is_deeply $is, {
        'severity_text' => 'INFO', 'service.name' => 'mod_chat',
        'http.request.method' => 'POST', 'url.path' => '/chat', 'http.response.status_code' => 200, 'client.address' => '127.0.0.1',
        'gen_ai.provider.name' => 'openai', 'gen_ai.request.model' => 'known', 'gen_ai.response.model' => 'gpt-4o-mini',
        'gen_ai.usage.input_tokens' => 11, 'gen_ai.usage.output_tokens' => 12,
        'chat.request_id' => $res->{headers}{'x-request-id'}, 'chat.route' => 'openai', 'chat.provider' => 'openai', 'chat.outcome' => 'complete',
        'chat.cost_usd' => 0.0000295, 'chat.upstream_status' => 200, 'chat.upstream_request_id' => 'req_77001',
    }, '... and all else' or diag explain $is;
};

subtest 'refusals and failures' => sub {
    my $no = told_of($t->post_json('/chat', { messages => [] }));
    is "@$no{qw(severity_text http.response.status_code chat.outcome error.type)}", 'INFO 400 refused invalid_request', 'a wrong request';
    ok !exists $no->{$_}, "... without $_" for qw(gen_ai.provider.name gen_ai.request.model gen_ai.usage.input_tokens chat.ttft_ms user.id trace_id);
    $t->sse('/limited', $t->turn(n => 1));
    my $limited = told_of($t->post_json('/limited', $t->turn(n => 1)));
    is "@$limited{qw(http.response.status_code chat.outcome chat.limit error.type)}", '429 limited few rate_limited', 'a limit';
    my $failed = told_of($t->sse('/odd', { messages => [ { role => 'user', content => 'answer(nasty)' } ] }));
    is "@$failed{qw(severity_text http.response.status_code chat.outcome chat.upstream_status gen_ai.provider.name)}", 'ERROR 502 upstream_error 500 gcp.gemini', 'a provider that fails';
    $t->expect_log(qr/CHAT0902: /);
};

subtest 'the Elastic Common Schema, of a host of its own' => sub {
    my $res = $at_ecs->request(POST => '/mock/responses', body => '{"model":"m","input":"x"}',
        headers => { 'Content-Type' => 'application/json', 'X-Request-ID' => 'of-elastic' })->response;
    my $is = told('of-elastic', 'chat.ecs');
    like $is->{'@timestamp'}, qr/^20\d\d-.*Z$/, 'when';
    is "@$is{qw(log.level message ecs.version chat.route client.ip)}", 'info complete 8.11.0 mock 127.0.0.1', 'in its words';
    cmp_ok $is->{'event.duration'}, '>', 1000, '... and its unit';
    is scalar(grep { /of-elastic/ } lines()), 0, 'the other file has it not';
};

# ---- whatever is sent ----

# Bytes that break JSON, logs, UTF-8; from a seed, so that a failure comes again.
sub nasty ($n) {
    srand $n;
    my @piece = (qq{"}, '\\', qq{\\"}, '\\u0000', "\n", "\r\n", "\t", "\x01", "\x1b[31m", "\x7f", "\xc3\xa9", "\xff", "\xc0\xaf", "\xed\xa0\x80",
        "\xf0\x9f\x98\x80", "\xe2\x80\xa8", '","chat.outcome":"forged', '}{', '%', '%00', '%0a', "'", '<script>', '${jndi:x}', '$(id)', 'x' x 15, "\xf0\x9f");
    return join '', map { $piece[ rand @piece ] } 1 .. 1 + rand 12;
}

# As a line has it: bytes that are no UTF-8 replaced.
sub shown ($bytes) {
    my $out = '';
    while (length $bytes) {
        my $char = Encode::decode('UTF-8', $bytes, Encode::FB_QUIET);
        $out .= $char;
        $out .= "\x{fffd}", substr($bytes, 0, 1, '') if length $bytes;
    }
    return $out;
}

# A token of that user.
sub token ($user) {
    my $text = join '.', map { encode_base64url($JSON->encode($_)) } { alg => 'HS256', typ => 'JWT' }, { sub => $user, exp => time + 3600 };
    return "$text." . encode_base64url(hmac_sha256($text, $SECRET));
}

sub in_path ($bytes) { return join '', map { /[A-Za-z0-9]/ ? $_ : sprintf '%%%02X', ord } split //, $bytes }

subtest "$ROUNDS hostile requests" => sub {
    my (%want, @pending);
    for my $n (1 .. $ROUNDS) {
        my $id = "hostile-$n";
        my ($path, $model) = (nasty($n), nasty($n + 1e6));
        $path =~ s{/}{}g;
        $model .= 'm' x 400 if $n % 50 == 0;
        my $mock = $n % 4;
        my $user = shown(nasty($n + 2e6));
        my $body = $mock ? '{"model":"m","input":"x"}' : $JSON->encode({ $t->turn(n => 1)->%*, model => shown($model) });
        push @pending, [ $mock ? "/mock$n-" . in_path($path) . '/responses' : "/free$n-" . in_path($path), $body, $id, token($user) ];
        $want{$id} = { path => $mock ? "/mock$n-$path/responses" : "/free$n-$path", $mock ? () : (model => shown($model), user => $user) };
    }
    for my $ask (@pending) {
        my ($path, $body, $id, $token) = @$ask;
        my $header = nasty(length $path) =~ s/[\x00-\x1f\x7f]//gr;
        $t->request(POST => "$path?secret=canary-query", body => $body, headers => [ 'Content-Type' => 'application/json', 'X-Request-ID' => $id,
            'User-Agent' => $header, Referer => $header, Cookie => "canary-cookie=$header", Authorization => "Bearer $token", 'X-Forwarded-For' => $header ]);
    }
    told("hostile-" . ($ROUNDS - $ROUNDS % 4));
    $t->allow_log(qr/AH00036: |AH00127: |AH10244: /);
    my (%seen, @broken, @other);
    for my $line (lines()) {
        my $is = eval { $JSON->decode($line) };
        push(@broken, $line), next if !$is || $line !~ /\A[^\n]*\n\z/;
        my $id = $is->{'chat.request_id'};
        my $want = $want{$id} or next;
        $seen{$id}++;
        my $path = shown($want->{path});
        push @other, "$id: path $is->{'url.path'}" if index($path, $is->{'url.path'}) && $is->{'http.response.status_code'} == 200;
        push @other, "$id: " . ($is->{'gen_ai.request.model'} // 'no model') if exists $want->{model} && index $want->{model}, $is->{'gen_ai.request.model'} // '-';
        push @other, "$id: user " . ($is->{'user.id'} // 'none') if exists $want->{user} && index $want->{user}, $is->{'user.id'} // '-';
        push @other, "$id: $is->{'chat.outcome'}" if $is->{'chat.outcome'} eq 'forged';
        push @other, "$id: " . length $line if length $line > 4096;
    }
    is_deeply \@broken, [], 'every line is one JSON object';
    is_deeply \@other, [], '... with values of its own';
    is_deeply [ grep { $seen{$_} > 1 } keys %seen ], [], 'no request has two lines';
    cmp_ok scalar(keys %seen), '>=', 0.5 * $ROUNDS, 'those that httpd let through have one: ' . keys %seen;
    is scalar(grep { /canary-(?:query|cookie)/ || index($_, $t->canary_prompt) >= 0 || index($_, $t->canary_key) >= 0 } lines()), 0, 'none has a secret';
};

# ---- a graceful restart ----

subtest 'a file that is renamed' => sub {
    my $before = lines();
    rename file('chat.json'), file('chat.json.1') or die $!;
    $t->graceful;
    told_of($t->sse('/chat', $t->turn(n => 1)));
    is scalar(lines()), 1, 'a new file';
    is scalar(lines('chat.json.1')), $before, '... and the old one as it was';
};
$t->stop;

# ---- those that take nothing ----

# %o: lines, before lines are dropped.
subtest 'a command that takes nothing' => sub {
    my $full = ChatTest->new(mpm => 'event', modules => ['authz_host'], conf => <<"END");
ChatLog "|%%DIR%%/sleeper"
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=0 words=1
</Location>
<Location /metrics>
    SetHandler chat
    ChatRoute metrics
</Location>
END
    $full->write_file('sleeper', "#!/bin/sh\nexec sleep 600\n", 0755);
    $full->start;
    # 512 KiB, twice, of each process, and the 64 KiB of the pipe.
    my $dropped = sub { $full->get('/metrics')->{body} =~ /^chat_log_lines_total\{result="dropped"\} (\d+)/m ? $1 : 0 };
    my $path = '/mock/' . 'x' x 700 . '/responses';
    my ($n, $slowest) = (0, 0);
    while ($n < 20_000 && !($n % 100 == 0 && $dropped->())) {
        my $began = clock_gettime(CLOCK_MONOTONIC);
        my $res = $full->post_json($path, { model => 'm', input => 'x' });
        my $took = clock_gettime(CLOCK_MONOTONIC) - $began;
        $slowest = $took if $took > $slowest;
        $n++;
        last if $res->{status} != 200;
    }
    cmp_ok $dropped->(), '>', 0, "lines are dropped, of $n";
    cmp_ok $slowest, '<', scaled(5), '... and nobody has waited: ' . sprintf '%.0f ms', 1000 * $slowest;
    $full->expect_log(qr/CHAT0904: ChatLog "\|.*" does not take its lines fast enough: \d+ were dropped/);
    $full->wait_log(qr/CHAT0904: /);
    $full->stop;
};

subtest 'a command that takes them, and a disk that is full' => sub {
    my $two = ChatTest->new(mpm => 'event', conf => <<"END");
ChatLog "|%%DIR%%/cat"
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=0 words=1
</Location>
Listen 127.0.0.1:%%TLS_PORT%%
<VirtualHost 127.0.0.1:%%TLS_PORT%%>
    ChatLog /dev/full
</VirtualHost>
END
    $two->write_file('cat', "#!/bin/sh\nexec cat >>" . $two->dir . "/taken\n", 0755);
    $two->start;
    $two->post_json('/mock/responses', { model => 'm', input => 'x' }) for 1 .. 3;
    ok wait_for('three lines', sub { -e $two->dir . '/taken' && 3 == (() = $two->slurp($two->dir . '/taken') =~ /\n/g) }), 'the command has them';
    my $client = ChatTest::Client->new(port => $two->tls_port);
    is $client->request(POST => '/mock/responses', body => '{"model":"m","input":"x"}', headers => { 'Content-Type' => 'application/json' })->response->{status},
        200, 'a full disk keeps nobody from chatting';
    $two->expect_log(qr{CHAT0905: ChatLog "/dev/full" cannot be written});
    $two->wait_log(qr/CHAT0905: /);
    my ($ok, $out) = $two->configtest("ChatLog\n");
    like $out, qr/ChatLog takes a file or "\|COMMAND"/, 'what it wants is said';
    ($ok, $out) = $two->configtest("ChatLog x format=xml\n");
    like $out, qr/ChatLog format does not accept "xml": write json or ecs/, '... and of its format';
    $two->stop;
    my $no = ChatTest->new(conf => "ChatLog nowhere/at/all\n");
    like eval { $no->start; '' } // $@, qr/CHAT0903: ChatLog ".*nowhere\/at\/all" cannot be opened/, 'a file that cannot be opened ends the start';
};

$odd->stop;
$up->stop;
done_testing;
