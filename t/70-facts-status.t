# SPDX-License-Identifier: Apache-2.0
#
# The section of mod_status: the counters of streams and of providers, for people
# and for programs, right after traffic that is known, while streams run, summed
# over children, and still there after a graceful restart and after a child was
# killed. Neither it nor mod_info shows anything that is secret.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::BetterAuth;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $PARKS = ($ENV{CHAT_VARIANT} // '') ne 'nopark';
my $HASTE = int(1000 * scaled(0.2)) . 'ms';

my $CONF = <<"END";
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderTimeout first=$HASTE
</ChatProvider>
<ChatProvider secret>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey file:%%DIR%%/canary.key
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatAuth guest
    ChatAuthSecret env:APP_SECRET
</Location>
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=0 words=3
</Location>
<Location /server-info>
    SetHandler server-info
</Location>
END

my %server = (modules => [qw(status info)], mpm => 'event', env => { APP_SECRET => $ChatTest::BetterAuth::SECRET }, conf => $CONF);

# What programs read.
sub numbers ($t) {
    my $page = $t->get('/server-status?auto');
    return { $page->{body} =~ /^(Chat\w+): (\d+)$/mg };
}

# Those that are not zero, as one text.
sub counted ($t) {
    my $is = numbers($t);
    return join ' ', map { $is->{$_} ? "$_=$is->{$_}" : () } sort keys %$is;
}

# The response comes, then its worker counts.
sub wait_counted ($t, $want, $name) {
    my $is = '';
    wait_for(sub { ($is = counted($t)) eq $want }, $name, 5) or diag "counted: $is\nwanted:  $want";
    is $is, $want, $name;
}

sub open_streams ($t, $n, %mock) {
    my @open = map { $t->connect } 1 .. $n;
    $_->request(POST => '/chat', body => JSON::PP::encode_json($t->turn(%mock)),
        headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]) for @open;
    return @open;
}

# ---- known traffic ----

{
    my $t = ChatTest->new(%server, conf => "ChatStreamMax 4\n$CONF")->start;
    my @rows = (
        [ ChatLive           => 'streams open' ],
        [ ChatQueued         => 'waiting for an engine' ],
        [ ChatParked         => 'held by an engine' ],
        [ ChatStarted        => 'started' ],
        [ ChatDone           => 'done' ],
        [ ChatCancelled      => 'cancelled by the client' ],
        [ ChatStalled        => 'given up: client takes nothing' ],
        [ ChatUpstreamErrors => 'upstream errors' ],
        [ ChatTimeouts       => 'upstream time-outs' ],
        [ ChatShutdown       => 'cut by a stop of the server' ],
        [ ChatRefused        => 'refused: all places taken' ],
        [ ChatFiltered       => 'not parked: an output filter may block' ],
        [ ChatBytes          => 'bytes streamed' ],
        [ ChatTraceSent      => 'spans and records sent' ],
        [ ChatTraceDropped   => 'spans and records dropped' ],
        [ ChatTraceRetried   => 'their requests made again' ],
    );
    my $page = $t->get('/server-status?auto');
    is_deeply [ $page->{body} =~ /^(Chat\w+): 0$/mg ], [ map { $_->[0] } @rows ], 'at first every number is there, and 0';
    is $page->{headers}{'content-type'}, 'text/plain; charset=ISO-8859-1', '... as plain text';
    my @providers = $page->{body} =~ /^ChatProvider-(.*)$/mg;
    is_deeply \@providers, [ map { "$_: closed 0 0 0 1 0" } qw(openai secret) ], '... and of each provider, too';
    is scalar(() = $page->{body} =~ /^Chat/mg), @rows + 2, '... each once';

    my $bytes = 0;
    for (1 .. 3) {
        my $res = $t->sse('/chat', $t->turn(seed => $_, n => 20));
        $bytes += length $res->{body};
    }
    wait_counted($t, "ChatBytes=$bytes ChatDone=3 ChatStarted=3", 'three streams are done, so many bytes');

    $bytes += length $t->sse('/mock/responses', { model => 'm', input => 'x', stream => JSON::PP::true })->{body};
    $t->post_json('/mock/responses', { model => 'm', input => 'x' });
    wait_counted($t, "ChatBytes=$bytes ChatDone=4 ChatStarted=4", 'one of the mock; a whole answer is no stream');

    $t->post_json('/chat', { messages => [] });
    $t->get('/chat');
    is counted($t), "ChatBytes=$bytes ChatDone=4 ChatStarted=4", 'a refused request is none either';

    $t->sse('/chat', $t->turn(n => 1000, pace => 5), abort_after => 6);
    wait_for('the cancelled one', sub { numbers($t)->{ChatCancelled} == 1 });
    $bytes = numbers($t)->{ChatBytes};
    wait_counted($t, "ChatBytes=$bytes ChatCancelled=1 ChatDone=4 ChatStarted=5", 'one that the client left is cancelled');

    $t->expect_log(qr/CHAT0902: .* upstream_error: /, qr/CHAT0902: .* timeout: /);
    $t->post_json('/chat', $t->turn(fault => 'rst-head'));
    $t->post_json('/chat', $t->turn(fault => 'hang-head'));
    wait_counted($t, "ChatBytes=$bytes ChatCancelled=1 ChatDone=4 ChatStarted=7 ChatTimeouts=1 ChatUpstreamErrors=1",
        'a reset and a time-out of the upstream');

    like $t->get('/server-status?auto')->{body}, qr/^ChatProvider-openai: closed 6 2 0 1 0$/m,
        'the provider was asked six times and failed twice';

    # While they run.
    my @open = open_streams($t, 4, n => 50, pace => 50);
    wait_for('four to be open', sub { my $is = numbers($t); $is->{ChatLive} == 4 && $is->{ChatParked} == ($PARKS ? 4 : 0) });
    is $t->post_json('/chat', $t->turn)->{status}, 503, 'a fifth one is too many';
    like counted($t), qr/ ChatDone=4 ChatLive=4 (?:ChatParked=4 )?ChatRefused=1 ChatStarted=11 /, 'live ones are counted while they run';

    my $html = $t->get('/server-status');
    like $html->{headers}{'content-type'}, qr{^text/html}, 'for people there is a page';
    my ($section) = $html->{body} =~ m{<h2>mod_chat</h2>\n<table>\n(.*?)</table>}s;
    my @shown = $section =~ m{<tr><td>([^<]+)</td><td align="right">(\d+)</td></tr>\n}g;
    my $is = numbers($t);
    my %shown = @shown;
    is_deeply [ map { $shown[ 2 * $_ ] } 0 .. @shown / 2 - 1 ], [ map { $_->[1] } @rows ], '... with the same rows, named';
    is_deeply { map { $_->[0] => $shown{ $_->[1] } } grep { $_->[0] ne 'ChatBytes' } @rows },
        { map { $_->[0] => $is->{ $_->[0] } } grep { $_->[0] ne 'ChatBytes' } @rows }, '... and the same numbers';

    my ($table) = $html->{body} =~ m{<table border="0"><tr><th>provider</th>(.*?)</table>}s;
    is $table =~ s/<[^>]*>/ /gr =~ s/ +/ /gr, " breaker calls failures opened keys suspended \n openai closed 11 2 0 1 0 \n"
        . " secret closed 0 0 0 1 0 \n", '... and the providers, by name; the fifth one was let through, too';

    # What else the pages show while there is something to show.
    for my $path ('/server-status', '/server-status?auto', '/server-info', '/server-info?config', '/server-info?server') {
        my $res = $t->get($path);
        is $res->{status}, 200, $path;
        is_deeply [ grep { index($res->{body}, $_) >= 0 } $t->canary_key, $t->canary_prompt, $ChatTest::BetterAuth::SECRET ], [],
            '... shows no key, no secret and no prompt';
    }
    like $t->get('/server-info?config')->{body}, qr/ChatProviderKey.*env:CHAT_CANARY_KEY/, '... but where the key is';

    is scalar(grep { $_->response->{clean} } @open), 4, 'the four end';
    wait_for('all to be counted', sub { !numbers($t)->{ChatLive} });
    like counted($t), qr/ ChatDone=8 ChatRefused=1 ChatStarted=11 /, '... and are done';
    $t->stop;
}

# ---- two children, a graceful restart, a killed child ----

SKIP: {
    skip 'without parking a stream holds one of the few workers', 1 if !$PARKS;
    my $t = ChatTest->new(%server, mpm_conf => <<'END')->start;
StartServers 2
ServerLimit 8
ThreadLimit 4
ThreadsPerChild 4
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
AsyncRequestWorkerFactor 1
END
    # More than one child takes.
    my @open = open_streams($t, 10, n => 70, pace => 50);
    wait_for('ten to be open', sub { numbers($t)->{ChatParked} == 10 });
    is numbers($t)->{ChatLive}, 10, 'streams of all children are counted';
    my %pids = map { $_ => 1 } $t->error_log =~ /\[pid (\d+):tid \d+\] .*CHAT0301/g;
    cmp_ok scalar(keys %pids), '>', 1, '... which are more than one';

    $t->graceful;
    is counted($t) =~ s/ChatBytes=\d+ //r, 'ChatLive=10 ChatParked=10 ChatStarted=10', 'after a graceful restart they still are';
    my @more = open_streams($t, 1, n => 2);
    is $more[0]->response->{clean}, 1, 'while new ones come';
    is scalar(grep { $_->response->{clean} } @open), 10, '... and end';
    wait_for('the old children to leave', sub { !grep { $pids{$_} } $t->children });
    wait_for('the last one to be counted', sub { numbers($t)->{ChatLive} == 0 });
    like counted($t), qr/^ChatBytes=\d+ ChatDone=11 ChatStarted=11$/, 'what they did is not forgotten with them';

    my $mark = $t->mark;
    @open = open_streams($t, 3, n => 10000, pace => 50);
    # A stream is live once it is admitted, and started by its engine.
    wait_for('three more to be open', sub { my $n = numbers($t); $n->{ChatLive} == 3 && $n->{ChatStarted} == 14 });
    my %holds = map { $_ => 1 } $t->error_log($mark) =~ /\[pid (\d+):tid \d+\] .*CHAT0301/g;
    kill 'KILL', keys %holds;
    is scalar(grep { !$_->response->{clean} } @open), 3, 'who is told by a child that is killed is cut off';
    wait_for('the server to notice', sub { eval { numbers($t)->{ChatLive} == 0 } });
    like counted($t), qr/^ChatBytes=\d+ ChatDone=11 ChatStarted=14$/, '... and none of them stays "open" for ever';
    $t->stop;
}

$up->stop;
done_testing;
