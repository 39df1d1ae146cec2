# SPDX-License-Identifier: Apache-2.0
#
# Traces: whose they are, what upstreams and the collector learn, and that it costs nobody
# anything when the collector is slow, sick or away. What came is read with
# OpenTelemetry's own classes.
use v5.36;
use Test::More;
use IPC::Open2;
use POSIX qw(strftime);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Moderator;
use ChatTest::Otel;
use ChatTest::Upstream;

my $PROMETHEUS = "$FindBin::Bin/real/prometheus";
-x "$PROMETHEUS/venv/bin/python3" or skip_or_fail("$PROMETHEUS is not installed: script/deps.sh test installs it");

my $otel = ChatTest::Otel->new;
my $up = ChatTest::Upstream->new(n => 3)->start;
my $service = ChatTest::Moderator->start;
my $TRACE = '0af7651916cd43dd8448eb211c80319c';
my $PARENT = "00-$TRACE-b7ad6b7169203331";
my $SECRET = 'Bearer otlp-canary-6a1b';

sub location ($path, $more, $use = 'own') {
    return "<Location $path>\nSetHandler chat\nChatRoute stream\nChatUse $use\nChatModelDefault m\nChatAuth guest\n$more\n</Location>\n";
}

sub provider ($name, $type, $url, $more = '') {
    return "<ChatProvider $name>\nChatProviderType $type\nChatProviderURL $url\nChatProviderKey env:CHAT_CANARY_KEY\n$more\n</ChatProvider>\n";
}

sub conf (%o) {
    return join '', "ChatLog chat.json\n<Location /metrics>\nSetHandler chat\nChatRoute metrics\nRequire local\n</Location>\n",
        "ChatTraceExport $o{url} delay=20ms $o{options}\n",
        "ChatTraceHeader Authorization file:%%DIR%%/otlp.secret\n", "ChatTraceResource service.name=chat\n",
        provider('own',   compatible => $up->url), provider('third', openai => $up->url),
        provider('shown', openai => $up->url, 'ChatProviderTrace on'),
        provider('sick',  compatible => $up->url(status => 500), 'ChatProviderBreaker off'),
        "ChatModel twice sick fallback=m\nChatModel bad sick\nChatModel m own\n",
        location('/open', 'ChatTrace on'),
        location('/any',  "ChatTrace on accept=any\nChatLimit few 1000/1h ip"),
        location('/net',  'ChatTrace on accept=10.0.0.0/8,127.0.0.0/8'),
        location('/far',  'ChatTrace on accept=10.0.0.0/8'),
        location('/third', 'ChatTrace on accept=any', 'third'),
        location('/shown', 'ChatTrace on accept=any', 'shown'),
        location('/none', 'ChatTrace on ratio=0'),
        location('/off',  'ChatTrace off'),
        location('/sick', "ChatTrace on ratio=0\nChatModelDefault bad\nChatRetry 1", 'sick'),
        location('/twice', "ChatTrace on\nChatModelDefault twice\nChatRetry 1", 'sick own'),
        location('/asked', "ChatTrace on\nChatModerationURL guard ${\$service->url}"),
        location('/content', "ChatTrace on\nChatTraceContent on");
}

my $t = ChatTest->new(mpm => 'event', modules => [qw(status authz_host)], conf => conf(url => $otel->url, options => ''));
$t->write_file('otlp.secret', "$SECRET\n", 0600);
$t->start;

sub ask ($path, $headers = {}, %mock) {
    return $t->sse($path, $t->turn(%mock), headers => { 'User-Agent' => "t\xffst", %$headers });
}

# The spans of one request, by name, when the collector has them.
sub traced ($res) {
    my %by;
    wait_for('the spans of a request', sub {
        %by = map { $_->{name} =~ s/ .*//r => $_ } $otel->trace($res->{headers}{'x-request-id'});
    });
    return \%by;
}

sub sent ($name) {
    return $up->last->{headers}{$name};
}

sub counted ($name) {
    return $t->get('/server-status?auto')->{body} =~ /^$name: (\d+)$/m ? $1 : undef;
}

# ---- whose trace it is ----

my $res = ask('/any', { traceparent => "$PARENT-03", tracestate => 'a=1 , b=2', baggage => 'user=1' });
my $spans = traced($res);
is $spans->{POST}{traceId}, $TRACE, 'an accepted trace goes on';
is $spans->{POST}{parentSpanId}, 'b7ad6b7169203331', '... below its span';
is $spans->{POST}{flags} & 0x3ff, 0x303, '... whose flags are kept, and which is of another process';
my ($sent_trace, $sent_span) = sent('traceparent') =~ /^00-(\w{32})-(\w{16})-03$/;
is $sent_trace, $TRACE, 'the upstream learns of it';
is $sent_span, $spans->{chat}{spanId}, '... with the span of its call';
is sent('tracestate'), 'a=1,b=2', '... and of its state';
is sent('baggage'), undef, '... but no server that is no app gets baggage';
is join(' ', map { $spans->{$_}{parentSpanId} eq $spans->{POST}{spanId} ? $_ : () } sort keys %$spans),
    'chat identity limit', 'all parts are below the span of the request';

$spans = traced(ask('/net', { traceparent => "$PARENT-01" }));
is $spans->{POST}{traceId}, $TRACE, 'a client in a network that is named is accepted';
like sent('traceparent'), qr/^00-$TRACE-\w{16}-01$/, '... and a trace without the random bit does not get it';
for my $path ('/far', '/open') {
    $spans = traced(ask($path, { traceparent => "$PARENT-01", tracestate => 'a=1' }));
    isnt $spans->{POST}{traceId}, $TRACE, "$path: another client's trace is not continued";
    is $spans->{POST}{links}[0]{traceId}, $TRACE, '... but there is a link to it';
    is $spans->{POST}{parentSpanId}, undef, '... and no parent';
    like sent('traceparent'), qr/^00-$spans->{POST}{traceId}-\w{16}-03$/, '... what begins here is random';
    is sent('tracestate'), undef, '... and its state ends';
}
ok !traced(ask('/open', { traceparent => "$PARENT-1" }))->{POST}{links}, 'what is no traceparent is nothing';

ask('/third', { traceparent => "$PARENT-01" });
is sent('traceparent'), undef, 'a third party learns nothing';
ask('/shown', { traceparent => "$PARENT-01" });
like sent('traceparent'), qr/^00-$TRACE/, '... unless ChatProviderTrace says so';
ask('/off', { traceparent => "$PARENT-01" });
is sent('traceparent'), undef, 'without ChatTrace nothing is passed on';
ask('/none');
like sent('traceparent'), qr/^00-\w{32}-\w{16}-02$/, 'what is not recorded is still a trace';

# ---- what it holds ----

my ($chat, $root) = map { $_->{attributes} } $spans->@{ 'chat', 'POST' };
is_deeply [ @$chat{qw(gen_ai.operation.name gen_ai.provider.name gen_ai.request.model gen_ai.usage.output_tokens)} ],
    [qw(chat own m 3)], 'a call has what the conventions ask for';
is $chat->{'gen_ai.response.finish_reasons'}[0], 'stop', '... and why it ended';
is $spans->{chat}{events}[0]{name}, 'first_chunk', '... and when it began';
is_deeply [ @$root{qw(http.request.method http.route http.response.status_code chat.outcome)} ],
    [qw(POST /open 200 complete)], 'a request has what the conventions ask for';
is $root->{'user_agent.original'}, "t\x{fffd}st", '... and its texts are UTF-8';
cmp_ok $spans->{chat}{endTimeUnixNano}, '<=', $spans->{POST}{endTimeUnixNano}, '... and ends behind its calls';
is $otel->resource->{'service.name'}, 'chat', 'the resource is that of ChatTraceResource';
my ($first) = $otel->requests;
is $first->{headers}{Authorization}, $SECRET, 'the header has its secret';
is $first->{headers}{'User-Agent'}, 'OTel-OTLP-Exporter-mod_chat/0.1.0', '... and the sender says who it is';

my @both = grep { $_->{name} =~ /^chat/ } do { traced(my $r = ask('/twice')); $otel->trace($r->{headers}{'x-request-id'}) };
is_deeply [ map { $_->{status}{code} // 0 } @both ], [ 2, 0 ], 'each call is a span, and the one that failed an error';
isnt $both[0]{spanId}, $both[1]{spanId}, '... with an id of its own';
is $both[0]{attributes}{'error.type'}, 'upstream_error', '... that says why';

unlike join('', map { $_->{raw} } $otel->requests), qr/\Q${\$t->canary_prompt}\E|\Q${\$t->canary_key}\E/, 'no prompt and no key is in a span';
$spans = traced(ask('/asked'));
is $spans->{moderation}{name}, 'moderation guard', 'a call of a service of moderation is a span';
is_deeply [ @{ $spans->{moderation}{attributes} }{qw(chat.moderation.phase chat.moderation.verdict server.address)} ],
    [ 'input', 'pass', '127.0.0.1' ], '... with its verdict';
is $spans->{moderation}{parentSpanId}, $spans->{POST}{spanId}, '... below that of the request';
cmp_ok $spans->{moderation}{endTimeUnixNano}, '<=', $spans->{chat}{startTimeUnixNano}, '... and over before the provider is asked';
$spans = traced($t->sse('/asked', { messages => [ { role => 'user', content => 'so bad' } ] }));
is $spans->{moderation}{attributes}{'chat.moderation.category'}, 'violence', '... with what it found';
is $spans->{chat}, undef, '... and nobody else is asked then';
$spans = traced(ask('/content'));
like $spans->{chat}{attributes}{'gen_ai.input.messages'}, qr/\Q${\$t->canary_prompt}\E/, 'with ChatTraceContent the question is';
like $spans->{chat}{attributes}{'gen_ai.output.messages'}, qr/"role":"assistant".*"content":"./, '... and the answer';

# ---- what points at it ----

sub told ($res) {
    my $line;
    wait_for('the line of a request', sub { ($line) = grep { /"\Q$res->{headers}{'x-request-id'}\E"/ } split /\n/, $t->slurp($t->dir . '/chat.json') });
    return JSON::PP::decode_json($line);
}

# The trace ids of the exemplars of a route, as Prometheus' own parser reads them.
sub exemplars ($route) {
    my $metrics = $t->get('/metrics', headers => { Accept => 'application/openmetrics-text;version=1.0.0' });
    my $pid = open2(my $out, my $in, "$PROMETHEUS/venv/bin/python3", "$PROMETHEUS/read.py", 'openmetrics');
    print $in $metrics->{body};
    close $in;
    my $families = JSON::PP::decode_json(do { local $/; <$out> });
    waitpid $pid, 0;
    my %is = map { $_->[3] => 1 } grep { $_->[3] && ($_->[1]{route} // '') eq $route } map { $_->[3]->@* } @$families;
    return \%is;
}

$res = ask('/any', { traceparent => "$PARENT-01" });
$spans = traced($res);
my $line = told($res);
is_deeply [ @$line{qw(trace_id span_id trace_flags)} ], [ $TRACE, $spans->{POST}{spanId}, '01' ], 'a line of ChatLog names the span';
is $line->{'gen_ai.provider.name'}, $spans->{chat}{attributes}{'gen_ai.provider.name'}, '... and its provider by the same name';
wait_for('an exemplar', sub { exemplars('stream')->{$TRACE} });
ok exemplars('stream')->{$TRACE}, 'numbers have the trace as an example';
my $not = told(ask('/none'));
like "@$not{qw(trace_id trace_flags)}", qr/^\w{32} 00$/, 'the line of what is not recorded says so';
ok !exemplars('stream')->{ $not->{trace_id} }, '... and it is no example';
ok !exists told(ask('/off'))->{trace_id}, '... and one without a trace has none';
$spans = traced($res = ask('/shown'));
is $spans->{chat}{attributes}{'gen_ai.provider.name'}, 'openai', 'a kind of provider has the name of the conventions';
is told($res)->{'gen_ai.provider.name'}, 'openai', '... in the log, too';

# ---- records ----

$otel->reset;
$res = ask('/sick');
$t->expect_log(qr/CHAT0902/);
my $log = wait_for('the record of a failure', sub { ($otel->logs)[0] });
is $log->{eventName}, 'chat.provider.failed', 'a failure is told, recorded or not';
is $log->{attributes}{'chat.request_id'}, $res->{headers}{'x-request-id'}, '... with the id of its request';
is $log->{attributes}{'chat.upstream_status'}, 500, '... and the status of the provider';
is_deeply [ $otel->spans ], [], '... and no span';

# ---- a collector that is sick ----

$otel->reset({ status => 503, headers => { 'Retry-After' => '0' } }, { status => 429 });
my $had = counted('ChatTraceSent');
ask('/open');
ok wait_for('the third try', sub { counted('ChatTraceSent') > $had }), 'what may come is sent again';
is scalar($otel->requests), 3, '... each time';
is counted('ChatTraceRetried'), 2, '... and counted';
my $dropped = counted('ChatTraceDropped');
$t->expect_log(qr/CHAT0815\b.*does not take traces \(status 400\)/, qr/CHAT0817\b.*has rejected 2 of 4/);
$otel->reset({ status => 400 });
ask('/open');
wait_for('a refusal', sub { counted('ChatTraceDropped') > $dropped });
is scalar($otel->requests), 1, 'what is refused is not sent again';
$otel->reset({ body => '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}' });
ask('/open');
$t->wait_log(qr/CHAT0817/);
like $t->error_log, qr/CHAT0816/, 'that it takes some again is said';
is scalar($otel->requests), 1, 'what was taken in part is not sent again';

my $at = time + 2;
$otel->reset({ status => 503, headers => { 'Retry-After' => strftime('%a, %d %b %Y %T GMT', gmtime $at) } });
ask('/open');
wait_for('the second try', sub { $otel->requests == 2 });
cmp_ok +($otel->requests)[1]{at}, '>=', $at, 'a collector says by a date as well when it may be asked again';

$otel->reset({ wait => 2 });
ask('/open');
wait_for('a request that waits', sub { $otel->requests });
my $before = clock_gettime(CLOCK_MONOTONIC);
is ask('/open')->{status}, 200, 'a slow collector delays nobody';
cmp_ok clock_gettime(CLOCK_MONOTONIC) - $before, '<', scaled(1.5), '... in time';
wait_for('what came meanwhile', sub { $otel->spans >= 8 });

# ---- reload and stop: what waits is sent; both forms ----

$otel->reset;
$t->reload(conf(url => $otel->url, options => 'protocol=http/protobuf') =~ s/delay=20ms/delay=60s/r);
$res = ask('/any', { traceparent => "$PARENT-01" });
is scalar(grep { $_->{traceId} eq $TRACE } $otel->spans), 0, 'nothing is sent before its time';
$t->graceful;
$spans = traced($res);
is $spans->{POST}{traceId}, $TRACE, 'a child that ends sends what it has';
is((grep { $_->{headers}{'Content-Type'} eq 'application/x-protobuf' } $otel->requests)[0]{wrong}, undef, '... also as protobuf');
is $spans->{chat}{attributes}{'gen_ai.usage.output_tokens'}, 3, '... with all of it';
is $spans->{POST}{attributes}{'user_agent.original'}, "t\x{fffd}st", '... in UTF-8';
is((grep { $_->{wrong} } $otel->requests), 0, 'nothing that came was wrong');

$otel->reset;
my ($child) = $t->children;
$t->allow_log(qr/AH00051|AH00052|signal/);
kill KILL => $child;
wait_for('a new child', sub { my ($c) = $t->children; $c && $c != $child });
my @asked = ask('/open');
$t->reload(conf(url => $otel->url, options => ''));
push @asked, ask('/open');
traced($_) for @asked;
my $died = wait_for('that a process died', sub { (grep { $_->{eventName} eq 'chat.child.died' } $otel->logs)[0] });
is $died->{attributes}{'process.pid'}, $child, 'a process that was killed is told of';
my @begun = map { $t->connect } 1 .. 2;
$_->request(POST => '/open', body => JSON::PP::encode_json($t->turn(n => 5000, pace => 20)),
    headers => [ 'Content-Type' => 'application/json' ]) for @begun;
wait_for('streams that run', sub { $up->stats->{open} >= 2 });
$otel->reset;
ok $t->stop, 'the server stops';
is scalar(grep { $_->{name} eq 'POST /open' } $otel->spans), 2, 'streams that a stop cuts are told of as well';
unlike $t->error_log, qr/\Q$SECRET\E/, 'the secret is in no log';

# ---- where a conversation is kept ----

$otel->reset;
my $kept = ChatTest::Chats->new(db => 'sqlite', upstream => $up, conf => "ChatTraceExport ${\$otel->url} delay=20ms\nChatTrace on\n")->start;
my $conversation = ChatTest::Chats::uuid();
$spans = traced($kept->as('ann', 'POST', 'chat/stream', json => { conversationId => $conversation, $kept->turn->%* }));
is join(' ', map { ($spans->{$_}{parentSpanId} // '') eq $spans->{POST}{spanId} ? $_ : () } sort keys %$spans), 'chat identity limit save store',
    'what is read and saved are parts of a request, too';
my ($call, $store, $save) = @$spans{qw(chat store save)};
cmp_ok $store->{endTimeUnixNano}, '<=', $call->{startTimeUnixNano}, '... before the call';
cmp_ok $save->{startTimeUnixNano}, '>=', $call->{endTimeUnixNano}, '... and behind it';
is $call->{attributes}{'gen_ai.conversation.id'}, $conversation, '... which names the conversation';
$kept->as('ann', 'GET', "conversations/$conversation");
is_deeply [ grep { $_->{name} =~ /conversations/ } $otel->spans ], [], 'a request that is no chat is no trace';
$kept->stop;

done_testing;
