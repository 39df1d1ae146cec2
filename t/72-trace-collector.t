# SPDX-License-Identifier: Apache-2.0
#
# A real OpenTelemetry Collector takes what is sent, in both forms, and has
# understood all of it: what it prints is read, for its status alone says little.
# make check-otel builds it.
use v5.36;
use Test::More;
use FindBin;
use IO::Socket::INET;
use POSIX ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Httpd;
use ChatTest::Upstream;

my $COLLECTOR = "$FindBin::Bin/real/otel/collector/collector";
skip_or_fail('make check-otel builds a collector to test with') if !-x $COLLECTOR;

my $up = ChatTest::Upstream->new->start;
my $TRACE = '0af7651916cd43dd8448eb211c80319c';
my $port = ChatTest::Httpd::free_port();

my $t = ChatTest->new(mpm => 'event', modules => ['status'], conf => '');
$t->write_file('collector.yaml', <<"END");
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:$port
exporters:
  debug:
    verbosity: detailed
    use_internal_logger: false
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
END
my $pid = fork // die $!;
if (!$pid) {
    open STDOUT, '>', $t->dir . '/collector.out' or die $!;
    open STDERR, '>&', \*STDOUT;
    exec $COLLECTOR, $t->dir . '/collector.yaml' or POSIX::_exit(127);
}
END {
    local $?;
    kill(TERM => $pid) && waitpid $pid, 0 if $pid;
}
wait_for('the collector', sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }, 30);

sub conf ($protocol) {
    return <<"END";
ChatTraceExport http://127.0.0.1:$port protocol=$protocol delay=20ms
ChatTraceResource service.name=$protocol
<ChatProvider own>
    ChatProviderType compatible
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute stream
    ChatUse own
    ChatModelDefault m
    ChatAuth guest
    ChatTrace on accept=any
    ChatRetry 1
</Location>
END
}

# What the collector has understood of a kind, each as it prints it.
sub told ($kind) { return grep { /^$kind #/ } split /^(?=(?:Span|LogRecord) #\d+$)/m, $t->slurp('collector.out') }
sub counted ($name) { return $t->get('/server-status?auto')->{body} =~ /^$name: (\d+)$/m ? $1 : undef }

$t->expect_log(qr/CHAT0902/);
my $sent = 0;
for my $protocol ('http/json', 'http/protobuf') {
    $t->{conf} = conf($protocol);
    $sent ? $t->reload($t->{conf}) : $t->start;
    my $res = $t->sse('/chat', $t->turn, headers => { traceparent => "00-$TRACE-b7ad6b7169203331-01", 'User-Agent' => "t\xffst \"q\"" });
    my $id = $res->{headers}{'x-request-id'};
    my ($asked) = ($up->last->{headers}{traceparent} // '') =~ /^00-$TRACE-(\w{16})-01$/;
    my $span = wait_for('the span of a call', sub { (grep { /^Span #.*ID +: $asked$/ms } told('Span'))[0] });
    like $span, qr/^    Trace ID +: $TRACE$/m, "$protocol: the call is part of the client's trace";
    like $span, qr/^    Name +: chat m$/m, '... by its name';
    like $span, qr/^    Kind +: Client$/m, '... as a client';
    like $span, qr/^     -> gen_ai\.usage\.output_tokens: Int\(\d+\)$/m, '... with numbers';
    like $span, qr/^     -> gen_ai\.response\.finish_reasons: Slice\(\["stop"\]\)$/m, '... and lists';
    like $span, qr/-> Name: first_chunk$/m, '... and when the answer began';
    my ($parent) = $span =~ /^    Parent ID +: (\w{16})$/m;
    my ($root) = grep { /^    ID +: $parent$/m } told('Span');
    like $root, qr/^    Parent ID +: b7ad6b7169203331$/m, '... below the request, below that of the client';
    like $root, qr/^    Kind +: Server$/m, '... which is a server';
    like $root, qr/^     -> chat\.request_id: Str\(\Q$id\E\)$/m, '... has its id';
    like $root, qr/^     -> user_agent\.original: Str\(t\x{ef}\x{bf}\x{bd}st "q"\)$/m, '... and text that is UTF-8';
    my @parts = grep { /^    Parent ID +: $parent$/m } told('Span');
    is join(' ', sort map { /^    Name +: (\w+)/m } @parts), 'chat identity limit', '... with all its parts';
    like $t->slurp('collector.out'), qr/-> service\.name: Str\(\Q$protocol\E\)/, '... of this server';

    $res = $t->sse('/chat', $t->turn(status => 500));
    my $record = wait_for('a record', sub { (grep { /\Q$res->{headers}{'x-request-id'}\E/ } told('LogRecord'))[0] });
    like $record, qr/^EventName: chat\.provider\.failed$/m, '... a record is one of an event';
    like $record, qr/^SeverityNumber: Error\(17\)$/m, '... that is an error';
    like $record, qr/^     -> chat\.upstream_status: Int\(500\)$/m, '... and says what the provider said';
    like $record, qr/^Trace ID: (?!0{32})\w{32}$/m, '... in its trace';
    wait_for('what is sent', sub { counted('ChatTraceSent') > $sent });
    $sent = counted('ChatTraceSent');
}
is counted('ChatTraceDropped'), 0, 'nothing was dropped';
is counted('ChatTraceRetried'), 0, '... or sent twice';
unlike $t->slurp('collector.out'), qr/\Q${\$t->canary_prompt}\E|\Q${\$t->canary_key}\E/, 'no prompt and no key is there';
$t->stop;
done_testing;
