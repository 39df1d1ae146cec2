# SPDX-License-Identifier: Apache-2.0
#
# A real browser reads the routes for browsers: a page of the same site POSTs,
# and takes the answer apart as it comes, with fetch's reader and
# eventsource-parser (npm, pinned in t/real/browser).
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Browser;
use ChatTest::Upstream;

ChatTest::skip_or_fail($_) for ChatTest::Browser::missing() // ();

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(mpm => 'event', modules => ['mime'], conf => ChatTest::Browser::conf() . <<"END");
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
ChatTest::Browser::serve($t);
$t->start;

# ---- what it is asked ----

sub mock (%script) {
    return 'mock(' . join(';', map { "$_=$script{$_}" } sort keys %script) . ')';
}

sub ask (%script) {
    return { messages => [ { role => 'user', content => mock(%script) } ] };
}

my %slow = (seed => 5, n => 12, pace => 130, utf8 => 1, size => 30);
my ($stream, $whole, $message, $failed, $refused, $left) = ChatTest::Browser::browse($t->url('/page.html'),
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
