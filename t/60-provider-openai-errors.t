# SPDX-License-Identifier: Apache-2.0
#
# An upstream that says no, says nothing, or stops talking: what the client is
# told, what it is not, and what the log holds. An outage is never a clean end.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $closed = ChatTest::Answers->new->start;
$closed->stop;

my $QUIET = int(1000 * scaled(0.3)) . 'ms';
my $created = qq(event: response.created\ndata: {"type":"response.created","response":{"status":"in_progress"}}\n\n);
my $completed = qq(event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed",)
    . qq("usage":{"input_tokens":3,"output_tokens":4}}}\n\n);
my $failed = qq(event: error\ndata: {"type":"error","code":"server_error","message":"org-mock said so"}\n\n);

my $t = ChatTest->new;
my $key = $t->canary_key;

sub error ($status, $error, @headers) {
    return ChatTest::Answers::whole($status, [ 'Content-Type: application/json', @headers ], qq({"error":{$error}}));
}

sub stream_as ($status, @headers) {
    return join "\r\n", "HTTP/1.1 $status Scripted", @headers, 'Connection: close', '', "$created$completed";
}

my $SSE = 'Content-Type: text/event-stream';
my $odd = ChatTest::Answers->new(
    quota      => error(429, q("code":"insufficient_quota","message":"pay org-mock")),
    quota_type => error(429, q("type":"insufficient_quota","code":null)),
    payment    => error(402, q("code":"billing")),
    numeric    => error(429, q("code":429)),
    says_key   => error(400, qq("code":"$key","message":"$key","param":"$key"), "x-echo: $key"),
    says_org   => error(400, q("code":"org-abcdefghijklmnopqrstuvwx","param":"proj_abc","message":"org-mock")),
    says_param => error(400, q("code":null,"param":"temperature","message":"Unsupported value: mauve")),
    astray     => error(404, q("message":"Invalid URL (POST /v1/responses)","code":null)),
    nginx      => ChatTest::Answers::whole(404, ['Content-Type: text/html'], '<html><h1>404 Not Found</h1></html>'),
    fastapi    => ChatTest::Answers::whole(404, ['Content-Type: application/json'], '{"detail":"Not Found"}'),
    repeats    => error(400, q("message":"I will not: canary prompt is no question","code":null)),
    too_long   => error(400, q("message":"request (1025 tokens) exceeds the available context size","type":"exceed_context_size_error","code":400)),
    no_json    => ChatTest::Answers::whole(500, ['Content-Type: text/html'], '<h1>org-mock</h1>'),
    long       => ChatTest::Answers::whole(400, [], '{"error":{"message":"' . 'org-mock ' x 100_000 . '"}}'),
    empty      => ChatTest::Answers::whole(503, [], ''),
    no_content => "HTTP/1.1 204 No Content\r\n$SSE\r\n\r\n",
    partial    => stream_as(206, $SSE),
    json       => ChatTest::Answers::whole(200, ['Content-Type: application/json'], '{"id":"org-mock"}'),
    near_type  => stream_as(200, "${SSE}s"),
    encoded    => stream_as(200, $SSE, 'Content-Encoding: gzip'),
    moved      => stream_as(307, $SSE, 'Location: /v1/elsewhere'),
    date       => error(429, q("code":"slow_down"), 'Retry-After: Fri, 31 Dec 2027 23:59:59 GMT'),
    junk       => error(429, q("code":"slow_down"), 'Retry-After: 7<script>'),
    endless    => error(429, q("code":"slow_down"), 'Retry-After: ' . '7' x 41),
    # and what is one, if in other words
    no_type   => stream_as(200),
    capitals  => stream_as(200, 'CONTENT-TYPE: Text/Event-Stream ; charset=UTF-8'),
    identity  => stream_as(200, $SSE, 'Content-Encoding: identity'),
    hinted    => "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Type: text/html\r\n\r\n" . stream_as(200, $SSE),
    error_and_silence => [ ChatTest::Answers::stream($created, $failed),    'hang' ],
    end_and_silence   => [ ChatTest::Answers::stream($created, $completed), 'hang' ],
)->start;

sub provider ($name, $url, @lines) {
    return join "\n", "<ChatProvider $name>", 'ChatProviderType openai', "ChatProviderURL $url",
        'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off', @lines, "</ChatProvider>\n", "<Location /$name>\nChatUse $name\n</Location>\n";
}

$t->{conf} = join '', "MaxKeepAliveRequests 0\n",
    provider('responses', $up->url),
    provider('completions', $up->url, 'ChatProviderAPI chat-completions'),
    provider('hasty', $up->url, "ChatProviderTimeout first=$QUIET idle=$QUIET"),
    provider('hasty-completions', $up->url, "ChatProviderTimeout first=$QUIET idle=$QUIET", 'ChatProviderAPI chat-completions'),
    provider('odd', $odd->url, "ChatProviderTimeout first=$QUIET idle=$QUIET"),
    provider('patient', $odd->url),
    provider('closed', $closed->url),
    "<Location />\nSetHandler chat\nChatRoute openai\nChatAuth guest\n</Location>\n",
    "<Location /responses/stalls>\nChatStreamStallTimeout $QUIET\n</Location>\n",
    "<Location /odd/early>\nChatStreamEarlyHeaders on\n</Location>\n";
$t->start;
$t->expect_log(qr/CHAT0902: /);

sub answer ($name) {
    return { messages => [ { role => 'user', content => $t->canary_prompt . " answer($name)" } ] };
}

# What the log says of a request: the variables of its line in the access log,
# and its error, if there is one.
sub told_of ($id) {
    my $line = $t->wait_access(qr/ id=\Q$id\E /);
    my %is = $line =~ / (\w+)=(\S+)/g;
    my ($error) = $t->error_log =~ /\[chat:error\] .*CHAT0902: (id=\Q$id\E .*)/;
    return (\%is, $error // '');
}

my $n = 0;

sub ask ($path, $json, %o) {
    my $id = sprintf 'try-%03d', ++$n;
    my $res = $t->post_json($path, $json, %o, headers => [ 'X-Request-ID' => $id ]);
    return ($res, told_of($id));
}

# A refusal as the contract has it, and a line in the log that says why.
sub refuses ($name, $path, $json, $status, $code, $why, %o) {
    my ($res, $is, $error) = ask($path, $json);
    my $said = $res->{json} // {};
    is "$res->{status} " . ($said->{code} // ''), "$status $code", $name;
    is join(' ', grep { $_ !~ /^(?:retryAfter|upstream|retryable|scope)$/ } sort keys %$said), 'code message requestId', '... in the words of our own';
    is $said->{upstream}{status}, $o{theirs}, '... with the status of the provider' if $o{theirs};
    unlike $res->{raw_head} . $res->{body}, qr/org-|proj_|sk-|canary|mocked|openai|x-echo|cf-ray|ratelimit|set-cookie/i,
        '... and none of the provider';
    is $res->{headers}{'retry-after'}, $o{retry}, '... Retry-After: ' . ($o{retry} // 'none');
    is $is->{outcome}, $o{outcome} // 'upstream_error', '... logged as what it is';
    like $error, $why, '... with the reason';
    ok $res->{clean}, '... in a whole answer';
    return $res;
}

# ---- every status ----

for my $case (
    [ 400, 400, 'upstream_rejected' ],
    [ 401, 502, 'upstream_auth' ],
    [ 403, 400, 'model_not_found' ], # that the account may not use
    [ 404, 400, 'model_not_found' ],
    [ 408, 504, 'upstream_timeout',      outcome => 'timeout' ],
    [ 409, 400, 'upstream_rejected' ],
    [ 410, 502, 'upstream_error' ],
    [ 413, 400, 'upstream_rejected' ],
    [ 418, 502, 'upstream_error' ],
    [ 422, 400, 'upstream_rejected' ],
    [ 429, 429, 'upstream_rate_limited', retry => 7 ],
    [ 500, 502, 'upstream_error' ],
    [ 501, 502, 'upstream_error' ],
    [ 502, 502, 'upstream_error' ],
    [ 503, 503, 'upstream_overloaded',   retry => 7 ],
    [ 504, 504, 'upstream_timeout',      outcome => 'timeout' ],
    [ 529, 503, 'upstream_overloaded',   retry => 7 ],
) {
    my ($theirs, $ours, $code, %o) = @$case;
    my $path = $theirs % 2 ? '/completions' : '/responses';
    refuses("$path: a $theirs of the provider is a $ours", $path, $t->turn(status => $theirs, retry => 7, seed => $theirs),
        $ours, $code, qr/ upstream=$theirs upstream-id=req_$theirs \w+: $code(?: \(it said: .*\))?$/,
        theirs => $code =~ /auth|quota/ ? undef : $theirs, %o);
}
refuses('a 429 without Retry-After', '/responses', $t->turn(status => 429), 429, 'upstream_rate_limited', qr/upstream=429/);

# ---- answers that are none ----

my $R = 'upstream_rejected';
for my $case (
    [ quota      => 502, 'upstream_quota', 429 ],
    [ quota_type => 502, 'upstream_quota', 429 ],
    [ payment    => 502, 'upstream_quota', 402 ],
    [ numeric    => 429, 'upstream_rate_limited', 429 ],
    [ says_key   => 400, $R, 400 ],
    [ says_org   => 400, $R, 400 ],
    [ says_param => 400, $R, 400 ],
    [ no_json    => 502, 'upstream_error', 500 ],
    [ long       => 400, $R, 400 ],
    [ empty      => 503, 'upstream_overloaded', 503 ],
    [ no_content => 502, 'upstream_error', 204 ],
    [ partial    => 502, 'upstream_error', 206 ],
    [ json       => 502, 'upstream_error', 200 ],
    [ near_type  => 502, 'upstream_error', 200 ],
    [ encoded    => 502, 'upstream_error', 200 ],
    [ moved      => 502, 'upstream_error', 307 ],
    [ date       => 429, 'upstream_rate_limited', 429, 'Fri, 31 Dec 2027 23:59:59 GMT' ],
    [ junk       => 429, 'upstream_rate_limited', 429 ],
    [ endless    => 429, 'upstream_rate_limited', 429 ],
) {
    my ($name, $status, $code, $theirs, $retry) = @$case;
    my $res = refuses("an answer of the kind $name", '/odd', answer($name), $status, $code, qr/ upstream=$theirs /, retry => $retry);
    next if $name ne 'says_param';
    like $res->{json}{message}, qr/parameter temperature/, '... the parameter is named';
    is_deeply $res->{json}{upstream}, { status => 400, param => 'temperature', message => 'Unsupported value: mauve' }, '... and what was wrong with it';
}
refuses('an HTML page', '/responses', $t->turn(fault => 'html'), 502, 'upstream_error', qr/ upstream=200 /);
refuses('a redirect', '/responses', $t->turn(fault => 'redirect'), 502, 'upstream_error', qr/ upstream=302 /);
is $up->stats->{trapped}, 0, '... which is not followed';
my $said = $t->post_json('/responses', $t->turn(status => 404))->{json};
is_deeply $said->{upstream}, { status => 404, code => 'model_not_found', type => 'invalid_request_error',
    message => 'The model `mock-2` does not exist or you do not have access to it.' }, 'the words of the provider are passed on';

# An address at which there is no such API is no question's fault.
for my $case ([ astray => 'Invalid URL (POST /v1/responses)' ], [ nginx => undef ], [ fastapi => 'Not Found' ]) {
    my ($name, $text) = @$case;
    my $res = refuses("nobody is there: $name", '/odd', answer($name), 502, 'upstream_not_found',
        qr{ url=\Q${\$odd->url}\E/responses .* upstream=404 upstream-id=- upstream_error: upstream_not_found\Q${\($text ? " (it said: $text)" : '')}\E$},
        theirs => 404);
}
# What a provider repeats of the question is in no error and in no log.
my ($res0, undef, $error0) = ask('/odd', answer('repeats'));
is $res0->{json}{upstream}{message}, 'I will not: ... no question', 'what the provider repeats is left out';
unlike $error0, qr/canary/, '... and not logged';
is $t->post_json('/odd', answer('too_long'))->{json}{code}, 'context_length_exceeded', 'what is too long has one name';

for my $name (qw(capitals identity hinted no_type)) {
    my ($res, $is) = ask('/odd', answer($name));
    is "$res->{status} $res->{ended} $is->{outcome}", '200 chunked complete', "but $name is an event stream";
    is $res->{body}, "$created$completed", '... as it was sent';
}

# ---- no answer ----

refuses('nobody listens', '/closed', $t->turn, 502, 'upstream_unreachable', qr/upstream=- upstream-id=- upstream_error: \S/);
for my $fault (qw(rst-head close-head garbage longhead)) {
    refuses("$fault instead of an answer", '/responses', $t->turn(fault => $fault), 502, 'upstream_unreachable', qr/upstream=- /);
}
for my $fault ('hang-head', 'slow-head;pace=1000') {
    my $before = $up->stats->{open};
    refuses($fault, '/hasty', $t->turn(fault => $fault), 504, 'upstream_timeout',
        qr/ timeout: the upstream did not answer in time$/, outcome => 'timeout');
    wait_for('the call to be given up', sub { $up->stats->{open} <= $before });
}

# A head that promises a stream is no word yet: nothing was said to the client.
refuses('a head and then silence', '/hasty', $t->turn(first => 60000), 504, 'upstream_timeout',
    qr/ upstream=200 upstream-id=req_1 timeout: the upstream did not answer in time$/, outcome => 'timeout');
for my $fault (qw(rst close noend badchunk)) {
    refuses("a head and then $fault", '/responses', $t->turn(fault => $fault, after => 0), 502, 'upstream_error', qr/ upstream=200 /);
}

# A refusal leaves the connection as it was.
my $kept = $t->post_json('/responses', $t->turn(status => 500), keep => 1);
$kept = $t->post_json('/responses', $t->turn, conn => $kept->{conn});
ok $kept->{clean}, 'after a refusal the connection can be used again';
$kept->{conn}->close;

# ---- cut in mid-stream ----

# The bytes of the provider's own stream.
sub original ($path, %mock) {
    my $conn = ChatTest::Client->new(port => $up->port, timeout => scaled(5));
    my $completions = $path =~ /completions/;
    my $json = '{"stream":true,"stream_options":{"include_usage":true},"messages":"mock('
        . join(';', map { "$_=$mock{$_}" } sort keys %mock) . ')"}';
    $conn->request(POST => '/v1' . ($completions ? '/chat/completions' : '/responses'), body => $json,
        headers => [ Connection => 'close' ]);
    my $res = $conn->response;
    $conn->close;
    return $res;
}

sub is_cut ($path, $fault, $why, %mock) {
    my %o = (seed => 5, n => 30, fault => $fault, after => 9, %mock);
    my $whole = original($path, %o, fault => 'none')->{body};
    my ($res, $is, $error) = ask($path, $t->turn(%o));
    is $res->{status}, 200, "$path, $fault: the answer had begun";
    is $res->{body}, substr($whole, 0, length $res->{body}), '... its bytes are right';
    cmp_ok scalar($res->{events}->@*), '>=', $o{after}, '... all that came were passed on';
    ok !$res->{clean}, "... it does not end cleanly ($res->{ended})";
    is "$is->{status} $is->{outcome}", "200 " . ($why =~ /quiet/ ? 'timeout' : 'truncated'), '... and is logged so';
    like $error, qr/upstream=200 upstream-id=req_5 \w+: .*$why/, '... with the reason, under the upstream\'s id';
    return $res;
}

for my $path (qw(/responses /completions)) {
    is_cut($path, 'rst', qr/\w/);
    is_cut($path, 'close', qr/\w/);
    is_cut($path, 'cut', qr/\w/);
    is_cut($path, 'badchunk', qr/\w/);
    is_cut($path, 'noend', qr/the stream ended without its terminal event$/);
}
is_cut('/hasty', 'hang', qr/the upstream went quiet$/);
is_cut('/hasty-completions', 'hang', qr/the upstream went quiet$/);
is_cut('/responses', 'close', qr/\w/, frame => 'close');

my $short = is_cut('/completions', 'rst', qr/\w/, after => 33);
is $short->{events}[-1]{data} =~ /"usage":\{"prompt_tokens"/, 1, 'Chat Completions that are cut before their [DONE] are cut';
my ($undone, $done) = ask('/completions', $t->turn(seed => 5, n => 30, fault => 'noend', after => 33));
ok $undone->{clean}, 'that lack it, in a body that ends well, have a finish_reason';
is "$done->{status} $done->{outcome}", '200 complete', '... which is an end';
is_cut('/responses', 'noend', qr/terminal event/, after => 37);

# HTTP/1.0 has no chunks: only a reset tells.
my ($old, $is) = do {
    my $res = $t->sse('/responses', $t->turn(fault => 'noend'), version => '1.0', headers => [ 'X-Request-ID' => 'old' ]);
    ($res, told_of('old'));
};
is "$old->{status} $old->{ended} $is->{outcome}", '200 reset truncated', 'a client of HTTP/1.0 sees a reset';
# Nor has HTTP/1.1 where httpd closes the connection in any case, as after a
# request with two lengths.
my $json = JSON::PP::encode_json($t->turn(fault => 'noend'));
my $conn = $t->connect;
$conn->request(POST => '/responses', body => sprintf("%x\r\n%s\r\n0\r\n\r\n", length $json, $json),
    headers => [ 'Content-Type' => 'application/json', 'Content-Length' => 9, 'Transfer-Encoding' => 'chunked', 'X-Request-ID' => 'lengths' ]);
my $bare = $conn->response;
($is) = told_of('lengths');
is $bare->{headers}{'transfer-encoding'}, undef, 'an answer in HTTP/1.1 without chunks';
is "$bare->{status} $bare->{ended} $is->{outcome}", '200 reset truncated', '... is reset, too';
$conn->close;

# A client that is given up because it reads nothing may read on later. (Where
# the request's thread drives the stream that takes httpd's Timeout.)
my $parks = $t->mpm eq 'event' && ($ENV{CHAT_VARIANT} // '') ne 'nopark';
for my $version ($parks ? ('1.0', '1.1') : ()) {
    my $slow = $t->connect(rcvbuf => 16384);
    $slow->request(POST => '/responses/stalls', version => $version,
        body => JSON::PP::encode_json($t->turn(seed => 8, n => 1, size => 8 * 1024 * 1024, lean => 1)),
        headers => [ 'Content-Type' => 'application/json', 'X-Request-ID' => "stalls-$version" ]);
    ($is) = told_of("stalls-$version");
    my $late = $slow->response;
    is "$is->{status} $is->{outcome}", '200 cancelled', "a client of HTTP/$version that stalled";
    ok !$late->{clean}, "... never reads a clean end ($late->{ended})";
    $slow->close;
}

my ($exit, $out) = $t->curl('--http1.1', '-H', 'Content-Type: application/json', '-d', JSON::PP::encode_json($t->turn(fault => 'noend')),
    $t->url('/responses'));
is $exit, 18, 'curl calls it a partial file';

# ---- error events ----

for my $case (map { my $path = $_; map { [ $path, $_ ] } qw(error-flat error-nested error-failed) } qw(/responses /completions)) {
    my ($path, $fault) = @$case;
    my %o = (seed => 6, n => 30, fault => $fault, after => 7);
    my ($res, $is, $error) = ask($path, $t->turn(%o));
    is $res->{status}, 200, "$path, $fault: a 200 that fails";
    is $res->{body}, original($path, %o)->{body}, '... forwarded as it came, with its error event';
    ok !$res->{clean}, '... and then no clean end';
    is $is->{outcome}, 'upstream_error', '... it is no success';
    like $error, qr/provider=\w+ upstream=200 upstream-id=req_6 upstream_error: server_error$/, '... but an error in the log';
}
my ($res, $is2, $error) = ask('/responses', $t->turn(seed => 6, fault => 'incomplete'));
is "$res->{ended} $is2->{outcome} $is2->{out} $error", 'chunked complete 5 ', 'an answer that reached its limit is whole, and no error';

# An SDK leaves as soon as it has seen an error event, or the end.
for my $case ([ error_and_silence => 'upstream_error' ], [ end_and_silence => 'complete' ]) {
    my ($name, $outcome) = @$case;
    my $id = "leaves-$outcome";
    $t->sse('/patient', answer($name), headers => [ 'X-Request-ID' => $id ], abort_after => 2);
    my ($is, $error) = told_of($id);
    is $is->{outcome}, $outcome, "a client that leaves after $name has not cancelled anything";
    like $error, $outcome eq 'complete' ? qr/^$/ : qr/upstream_error: server_error$/, '... and the log knows';

    ($res, $is, $error) = ask('/odd', answer($name));
    is $is->{outcome}, $outcome, 'one that waits for the provider to close';
    is $res->{clean}, $outcome eq 'complete' ? 1 : 0, '... learns the same in the end';
}
is((told_of('leaves-complete'))[0]{out}, 4, 'the usage was known by then');

# With early headers the status cannot tell any more; the end does.
($res, $is, $error) = ask('/odd/early', answer('no_json'));
is "$res->{status} $is->{outcome}", '200 upstream_error', 'a refusal after early headers';
ok !$res->{clean}, '... is a broken answer';
is $res->{body}, ": ping\n\n", '... of a comment';
like $error, qr/upstream=500 .*: upstream_error$/, '... and an error in the log';

unlike $t->error_log, qr/org-|proj_|sk-|mockmock/, 'no account and no key is in the log';

$t->stop;
$odd->stop;
$up->stop;
done_testing;
