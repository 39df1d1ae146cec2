# SPDX-License-Identifier: Apache-2.0
#
# A real browser reads the routes for browsers: a page of the same site POSTs,
# and takes the answer apart as it comes, with fetch's reader and
# eventsource-parser (npm, pinned in t/real/browser).
use v5.36;
use Test::More;
use File::Copy    ();
use File::Temp    ();
use FindBin;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $PEER = "$FindBin::Bin/real/browser";
my $JSON = JSON::PP->new->utf8;
my $TEXT = JSON::PP->new->latin1->ascii;

ChatTest::skip_or_fail('chromium-headless-shell is not installed')
    if system('chromium-headless-shell --version >/dev/null 2>&1') != 0;
ChatTest::skip_or_fail("$PEER cannot be installed (npm ci)")
    if !-d "$PEER/node_modules/eventsource-parser"
    && system("cd $PEER && npm ci --silent --no-audit --no-fund >/dev/null 2>&1") != 0;

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(mpm => 'event', modules => ['mime'], conf => <<"END");
AddType text/javascript .js
AddType text/html .html
<ChatProvider anthropic>
    ChatProviderURL @{[ $up->url ]}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /api>
    SetHandler chat
    ChatUse anthropic
    ChatModelDefault mock-1
    ChatAuth guest
    ChatStreamHeartbeat 100ms
</Location>
<Location /api/v1/chat>
    ChatRoute message
</Location>
<Location /api/v1/chat/stream>
    ChatRoute stream
</Location>
END
mkdir $t->htdocs . '/eventsource-parser' or die $!;
$t->write_file('htdocs/page.html', $t->slurp("$PEER/page.html"));
$t->write_file('htdocs/eventsource-parser/' . s{.*/}{}r, $t->slurp($_))
    for glob "$PEER/node_modules/eventsource-parser/dist/*.js";
$t->start;

# ---- what the page reports ----

my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $@\n";

# The next report, from whichever of the browser's connections.
sub next_report ($open, $until) {
    state %seen;
    while ((my $left = $until - clock_gettime(CLOCK_MONOTONIC)) > 0) {
        for my $fh ($open->can_read($left)) {
            if ($fh == $listener) {
                $open->add(scalar $listener->accept);
                next;
            }
            if (!sysread $fh, $seen{$fh}, 65536, length($seen{$fh} // '')) {
                $open->remove($fh);
                delete $seen{$fh};
                next;
            }
            my ($head, $body) = split /\r\n\r\n/, $seen{$fh}, 2;
            next if !defined $body || length $body < ($head =~ /^content-length: *(\d+)/mi ? $1 : 0);
            syswrite $fh, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            $open->remove($fh);
            delete $seen{$fh};
            return $body;
        }
    }
    die "the browser has not reported in time\n";
}

sub browse (@jobs) {
    my $task = $JSON->encode({ report => 'http://127.0.0.1:' . $listener->sockport . '/', jobs => \@jobs });
    my $url = $t->url('/page.html') . '#' . $task =~ s/([^\w.:-])/sprintf '%%%02X', ord $1/ger;
    my $profile = File::Temp::tempdir('chat-browser-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', "$profile/out";
        open STDERR, '>&', \*STDOUT;
        setpgrp;
        # It is our own page alone that it sees; a root's browser has no sandbox.
        exec 'chromium-headless-shell', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0',
            "--user-data-dir=$profile", $url;
    }
    my $open = IO::Select->new($listener);
    my $until = clock_gettime(CLOCK_MONOTONIC) + scaled(60);
    my @reports = eval {
        my @all;
        while ((my $report = next_report($open, $until)) ne 'over') {
            push @all, $JSON->decode($report);
        }
        @all;
    };
    my $why = $@;
    kill KILL => -$pid;
    waitpid $pid, 0;
    die "$why" . $t->slurp("$profile/out") if $why;
    return @reports;
}

# ---- what it is asked ----

sub mock (%script) {
    return 'mock(' . join(';', map { "$_=$script{$_}" } sort keys %script) . ')';
}

sub ask (%script) {
    return { messages => [ { role => 'user', content => mock(%script) } ] };
}

my %slow = (seed => 5, n => 12, pace => 130, utf8 => 1, size => 30);
my ($stream, $whole, $message, $failed, $refused, $left) = browse(
    { path => '/api/v1/chat/stream', body => ask(%slow) },
    { path => '/api/v1/chat/stream', body => { ask(%slow)->%*, stream => JSON::PP::false } },
    { path => '/api/v1/chat',        body => { message => mock(%slow) } },
    { path => '/api/v1/chat/stream', body => ask(n => 6, pace => 20, fault => 'error-flat', after => 4) },
    { path => '/api/v1/chat',        body => { message => '' } },
    { path => '/api/v1/chat/stream', body => ask(n => 5000, pace => 10), abort => 4 },
);

is "$stream->{status} $stream->{type} $stream->{end}", '200 text/event-stream; charset=utf-8 clean', 'a browser reads a stream to its end';
is join(' ', map { $_->[0] } $stream->{events}->@*), join(' ', 'start', ('text') x 12, 'done'), '... event by event';
is_deeply [ grep { $_->[0] ne $_->[1]{type} } $stream->{events}->@* ], [], '... each of which says what it is';
cmp_ok $stream->{pieces}, '>=', 12, '... as they come';
my $text = join '', map { $_->[1]{text} // '' } $stream->{events}->@*;
like $text, qr/[^\x00-\x7f]/, '... also those beyond ASCII';
is $stream->{events}[-1][1]{usage}{outputTokens}, 12, '... with the tokens at the end';

is $whole->{status}, 200, 'without a stream it gets one JSON text';
is $whole->{events}->@*, 0, '... and no event';

is join('', map { $_->[1]{chunk} // '' } $message->{events}->@*), $text, 'the message route: the same text, chunk by chunk';
is_deeply [ map { $_->[0] } $message->{events}->@* ], [ ('') x 13 ], '... in events without a name';
is $message->{events}[-1][1]{status}, 'done', '... up to the last, which says so';
is $message->{end}, 'clean', '... and the end';

is $failed->{events}[-1][0], 'error', 'a failure in mid-stream is an event';
like $failed->{events}[-1][1]{code}, qr/^upstream_/, '... that says why';
is $failed->{end}, 'TypeError', '... and no clean end';
is $refused->{status}, 400, 'a refusal is a status';
is $left->{end}, 'AbortError', 'a page that leaves';
ok wait_for('the upstream to be let go', sub { !$up->stats->{open} }), '... stops the upstream';

$t->expect_log(qr/CHAT0902: .*upstream_error/);
$t->stop;
$up->stop;
done_testing;
