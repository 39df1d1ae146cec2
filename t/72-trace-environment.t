# SPDX-License-Identifier: Apache-2.0
#
# The variables of OpenTelemetry (docs/traces.md#the-environment): each does what
# it says where no directive says it, and a wrong one ends configtest.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Otel;
use ChatTest::Upstream;

my $otel = ChatTest::Otel->new;
my $up = ChatTest::Upstream->new->start;
my $app = ChatTest::Answers->new(app => ChatTest::Answers::whole(200, ['Content-Type: text/event-stream'],
    join '', map { "data: $_\n\n" } '{"type":"start"}', '{"type":"finish"}', '[DONE]'))->start;
my $TRACE = '0af7651916cd43dd8448eb211c80319c';
my $THEIRS = "00-$TRACE-b7ad6b7169203331";
my $EXPORTER = 'OTEL_EXPORTER_OTLP';
my %SOON = ("${EXPORTER}_ENDPOINT" => $otel->url, OTEL_BSP_SCHEDULE_DELAY => 20);

my $conf = join '', map { <<"END" } [ qw(own compatible stream), $up->url ], [ qw(app app ui-message), $app->url ];
<ChatProvider $_->[0]>
ChatProviderType $_->[1]
ChatProviderURL $_->[3]
ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /$_->[0]>
SetHandler chat
ChatRoute $_->[2]
ChatUse $_->[0]
ChatAuth guest
ChatTrace on accept=any
</Location>
END
my $t = ChatTest->new(mpm => 'event', modules => ['status'], conf => $conf);

# The server as it runs with these.
sub under ($more, %env) {
    $t->stop if $t->pid;
    $t->{conf} = $more . $conf;
    $t->{env} = \%env;
    $otel->reset;
    return $t->start;
}

sub ask ($path = '/own', %headers) {
    my $turn = $path eq '/own' ? $t->turn(delete $headers{fails} ? (status => 500) : ()) : { messages => [ { id => 'a', role => 'user', parts => [ { type => 'text', text => 'answer(app)' } ] } ] };
    my $res = $t->sse($path, { model => 'm', %$turn }, headers => \%headers);
    return $res;
}

sub traced ($res) {
    my %by;
    wait_for('the spans of a request', sub {
        %by = map { $_->{name} =~ s/ .*//r => $_ } $otel->trace($res->{headers}{'x-request-id'});
    });
    return \%by;
}

# What the upstream was told: flags of a trace that begins here, and of one that
# its client has begun and records, or does not.
sub flags () {
    return join ' ', map {
        ask('/own', $_ ? (traceparent => "$THEIRS-$_") : ());
        ($up->last->{headers}{traceparent} // '') =~ /-(\w\w)$/ ? $1 : 'none';
    } undef, '01', '00';
}

sub counted ($name) {
    return $t->get('/server-status?auto')->{body} =~ /^$name: (\d+)$/m ? $1 : undef;
}

# ---- where to, and of what ----

under('', %SOON, "${EXPORTER}_ENDPOINT" => $otel->url . '/base/', "${EXPORTER}_HEADERS" => 'authorization=Bearer%20otlp-canary-77, x-tenant = a%2Cb',
    "${EXPORTER}_PROTOCOL" => 'http/protobuf', OTEL_SERVICE_NAME => 'named', OTEL_RESOURCE_ATTRIBUTES => 'service.name=other,deployment.environment.name=a%20b');
ok traced(ask())->{POST}, 'spans come to the endpoint';
my ($first) = $otel->requests;
is $first->{path}, '/base/v1/traces', '... below its path';
is_deeply [ @{ $first->{headers} }{qw(authorization x-tenant Content-Type)} ], [ 'Bearer otlp-canary-77', 'a,b', 'application/x-protobuf' ],
    '... with its headers, in its form';
is_deeply [ @{ $otel->resource }{qw(service.name deployment.environment.name)} ], [ 'named', 'a b' ], '... and its names';
unlike join('', map { -r "/proc/$_/environ" ? $t->slurp("/proc/$_/environ") : () } $t->children), qr/\0\Q$EXPORTER\E_HEADERS=[^\0]*canary/, 'the headers are in no child\'s environment';
unlike $t->error_log, qr/otlp-canary/, '... and in no log';

under('', %SOON, "${EXPORTER}_TRACES_ENDPOINT" => $otel->url . '/own/v1/traces', "${EXPORTER}_LOGS_ENDPOINT" => $otel->url . '/mine/v1/logs',
    "${EXPORTER}_TRACES_PROTOCOL" => 'http/json', "${EXPORTER}_PROTOCOL" => 'http/protobuf', "${EXPORTER}_TRACES_HEADERS" => 'a=1', "${EXPORTER}_HEADERS" => 'a=2');
traced(ask());
($first) = $otel->requests;
is_deeply [ $first->{path}, @{ $first->{headers} }{qw(a Content-Type)} ], [ '/own/v1/traces', '1', 'application/json' ],
    'what is said for traces alone counts more, and its address is taken as it is';
is $otel->resource->{'service.name'}, 'mod_chat', 'a service that nobody names is mod_chat';

under("ChatTraceExport ${\$otel->url} protocol=http/json timeout=10s delay=20ms queue=2048 batch=512\nChatTraceResource service.name=written\nChatTraceHeader a file:%%DIR%%/header\n",
    "${EXPORTER}_ENDPOINT" => 'http://127.0.0.1:9', "${EXPORTER}_PROTOCOL" => 'http/protobuf', "${EXPORTER}_TIMEOUT" => 100, OTEL_SERVICE_NAME => 'named',
    OTEL_BSP_SCHEDULE_DELAY => 60000, OTEL_BSP_MAX_QUEUE_SIZE => 1, OTEL_BSP_MAX_EXPORT_BATCH_SIZE => 1, "${EXPORTER}_HEADERS" => 'a=2')
    if $t->write_file('header', "3\n", 0600);
traced(ask());
($first) = $otel->requests;
is_deeply [ @{ $first->{headers} }{qw(a Content-Type)}, $otel->resource->{'service.name'}, counted('ChatTraceDropped') ], [ '3', 'application/json', 'written', 0 ],
    'a directive counts more than any variable';

# ---- which ----

my %SAMPLED = (
    parentbased_always_on    => '03 01 00',
    parentbased_always_off   => '02 01 00',
    parentbased_traceidratio => '02 01 00',
    always_on                => '03 01 01',
    always_off               => '02 00 00',
    traceidratio             => '02 00 00',
);
for my $sampler (sort keys %SAMPLED) {
    under('', %SOON, OTEL_TRACES_SAMPLER => $sampler, OTEL_TRACES_SAMPLER_ARG => '0');
    is flags(), $SAMPLED{$sampler}, "OTEL_TRACES_SAMPLER $sampler";
}
under('', %SOON, OTEL_TRACES_SAMPLER => 'traceidratio');
is flags(), '03 01 01', 'without a ratio all are recorded';

my %both = (traceparent => "$THEIRS-01", baggage => 'a=1');
under('', %SOON, OTEL_PROPAGATORS => 'tracecontext,baggage');
ask('/app', %both);
like $app->head('app'), qr/^traceparent: 00-$TRACE-/m, 'a trace goes on';
like $app->head('app'), qr/^baggage: a=1\r$/m, '... and its baggage, to an app';
under('', %SOON, OTEL_PROPAGATORS => 'tracecontext');
ask('/app', %both);
unlike $app->head('app'), qr/^baggage:/m, '... no baggage where it is not among OTEL_PROPAGATORS';
under('', %SOON, OTEL_PROPAGATORS => 'none');
my $spans = traced(ask('/app', %both));
unlike $app->head('app'), qr/^traceparent:/m, '... nor anything where there are none';
isnt $spans->{POST}{traceId}, $TRACE, '... and nothing is taken from a client';

# ---- whether, and how ----

$t->allow_log(qr/CHAT0902/);
under('', %SOON, OTEL_TRACES_EXPORTER => 'none');
ask('/own', fails => 1);
wait_for('a record', sub { $otel->logs });
is_deeply [ $otel->spans ], [], 'OTEL_TRACES_EXPORTER=none: records alone are sent';
under('', %SOON, OTEL_LOGS_EXPORTER => 'none');
traced(ask('/own', fails => 1));
is_deeply [ $otel->logs ], [], 'OTEL_LOGS_EXPORTER=none: spans alone';
under('', %SOON, OTEL_SDK_DISABLED => 'TRUE');
is flags(), 'none none none', 'OTEL_SDK_DISABLED: nothing at all is traced';
$t->stop;
is scalar($otel->requests), 0, '... or sent';

under('', %SOON, OTEL_BSP_SCHEDULE_DELAY => 60000, OTEL_BSP_MAX_EXPORT_BATCH_SIZE => 1);
ok traced(ask())->{POST}, 'a batch that is full does not wait';
under('', %SOON, OTEL_BSP_MAX_QUEUE_SIZE => 1);
ask();
ok wait_for('what is dropped', sub { counted('ChatTraceDropped') }), 'a queue has its end';
under('', %SOON, "${EXPORTER}_TIMEOUT" => 100);
$otel->reset({ wait => 2 });
ask();
ok wait_for('another try', sub { counted('ChatTraceRetried') }), 'a collector has its time';

my @pair = $t->certificate;
chmod 0644, $pair[1]; # children read it
{
    my $otel = ChatTest::Otel->new(@pair);
    under('', %SOON, "${EXPORTER}_ENDPOINT" => $otel->url, "${EXPORTER}_CERTIFICATE" => $pair[0], "${EXPORTER}_CLIENT_CERTIFICATE" => $pair[0], "${EXPORTER}_CLIENT_KEY" => $pair[1]);
    ask();
    my ($came) = wait_for('spans over TLS', sub { [ $otel->requests ]->[0] });
    is $came->{shown}{subject}[0][0][1], 'localhost', 'a collector is known by its certificate, and this server by its own';
    under('', %SOON, "${EXPORTER}_ENDPOINT" => $otel->url, "${EXPORTER}_TIMEOUT" => 100);
    $otel->reset;
    ask();
    wait_for('another try', sub { counted('ChatTraceRetried') });
    is scalar($otel->requests), 0, '... and one that nobody vouches for learns nothing';
}
$t->allow_log(qr/CHAT0815/);
$t->stop;

# ---- what cannot be ----

my %WRONG = (
    "${EXPORTER}_PROTOCOL"             => [ grpc => qr{is grpc, which mod_chat does not speak: write http/protobuf or http/json, and the port of that \(4318\)} ],
    "${EXPORTER}_TRACES_PROTOCOL"      => [ 'http/xml' => qr{does not accept "http/xml": write http/json or http/protobuf} ],
    "${EXPORTER}_COMPRESSION"          => [ gzip => qr/is "gzip", but mod_chat sends traces as they are: write none/ ],
    "${EXPORTER}_TRACES_COMPRESSION"   => [ gzip => qr/is "gzip", but/ ],
    "${EXPORTER}_ENDPOINT"             => [ 'collector:4317' => qr/does not accept "collector:4317", for it is no URL: write/ ],
    "${EXPORTER}_TRACES_ENDPOINT"      => [ 'ftp://x' => qr/does not accept "ftp:/ ],
    "${EXPORTER}_LOGS_ENDPOINT"        => [ 'ftp://x' => qr/does not accept "ftp:/ ],
    "${EXPORTER}_HEADERS"              => [ 'Bearer otlp-canary-78' => qr/is no list of NAME=VALUE, with commas between them/ ],
    "${EXPORTER}_TRACES_HEADERS"       => [ 'a=%0d%0ab' => qr/is no list of NAME=VALUE/ ],
    "${EXPORTER}_TIMEOUT"              => [ '10s' => qr/does not accept "10s": write/ ],
    "${EXPORTER}_CERTIFICATE"          => [ '/none.pem' => qr/does not accept "\/none\.pem": write a file in PEM/ ],
    "${EXPORTER}_CLIENT_CERTIFICATE"   => [ $pair[0] => qr/belong together/ ],
    "${EXPORTER}_CLIENT_KEY"           => [ $pair[1] => qr/belong together/ ],
    OTEL_RESOURCE_ATTRIBUTES           => [ 'a' => qr/is no list of NAME=VALUE/ ],
    OTEL_TRACES_EXPORTER               => [ 'zipkin' => qr/does not accept "zipkin": write otlp or none/ ],
    OTEL_LOGS_EXPORTER                 => [ 'console' => qr/does not accept "console": write otlp or none/ ],
    OTEL_TRACES_SAMPLER                => [ 'jaeger_remote' => qr/does not accept "jaeger_remote": write parentbased_always_on, / ],
    OTEL_BSP_SCHEDULE_DELAY            => [ 1 => qr/does not accept "1": write/ ],
    OTEL_BSP_MAX_QUEUE_SIZE            => [ 0 => qr/does not accept "0": write/ ],
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE     => [ 'x' => qr/does not accept "x": write/ ],
);
for my $name (sort keys %WRONG) {
    my ($value, $says) = $WRONG{$name}->@*;
    $t->{env} = { $name => $value };
    my ($ok, $said) = $t->configtest($conf);
    like $said, qr/CHAT0145: the environment of httpd: [^\n]*$says/, "$name=$value" =~ s/canary.*//r;
    ok !$ok, '... ends configtest';
    like $said, qr/\Q$name\E/ , '... by its name';
    unlike $said, qr/canary/, '... and shows no secret';
}
$t->{env} = { OTEL_TRACES_SAMPLER => 'traceidratio', OTEL_TRACES_SAMPLER_ARG => '1.5' };
like +($t->configtest($conf))[1], qr/OTEL_TRACES_SAMPLER_ARG does not accept "1\.5": write a number from 0 to 1/, 'a ratio is one';
$t->{env} = { map { $_ => '' } keys %WRONG };
like +($t->configtest($conf))[1], qr/^Syntax OK$/m, 'a variable that is empty is none';
$t->{env} = { "${EXPORTER}_COMPRESSION" => 'none' };
like +($t->configtest($conf))[1], qr/^Syntax OK$/m, 'no compression is none';
$t->{env} = { map { $_ => $WRONG{$_}[0] } keys %WRONG };
like +($t->configtest($conf =~ s/^ChatTrace .*\n//mgr))[1], qr/^Syntax OK$/m, 'where nothing is traced, none of them is read';

done_testing;
