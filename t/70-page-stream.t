# SPDX-License-Identifier: Apache-2.0
#
# What a page learns while it asks: how the limits stand, what is waited for, what
# an error means and which limit it was; and that a request says what becomes of an
# answer which is left. Existing clients are told nothing that they do not ask for.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats qw(uuid);
use JSON::PP ();

my $MOCK = 'http://127.0.0.1:%%PORT%%/mock/v1';
my $t = ChatTest::Chats->new(
    provider => "ChatProviderURL $MOCK\nChatProviderLabel \"The first\"\nChatProviderBreaker off\n",
    locations => { 'chat/stream' => "ChatLimit minute 4/60s user tier=paid\nChatLimit money 5/1d user unit=cost tier=free\nChatRetry 2 backoff=10ms\n" },
    conf => <<"END",
<ChatProvider second>
    ChatProviderType openai
    ChatProviderURL $MOCK
    ChatProviderBreaker off
</ChatProvider>
ChatModel small openai price-in=1 price-out=2 fallback=other
ChatModel other second price-in=1 price-out=2
ChatModel dear openai tier=paid
<Location /api/v1/models>
    ChatRoute models
</Location>
<Location /api/v1/few>
    ChatRoute stream
    ChatLimit few 1/60s user
</Location>
<Location /mock>
    ChatRoute mock
    ChatMock pace=0 words=5
    ChatAuth none
    ChatStore off
</Location>
END
);
$t->{conf} =~ s{^    ChatProviderURL http://127\.0\.0\.1:1/v1\n}{}m;
$t->start;

sub ask ($text, %o) {
    my $path = delete $o{path} // 'chat/stream';
    my $res = $t->sse("/api/v1/$path", { model => 'small', messages => [ { role => 'user', content => $text } ], %o }, headers => [ Authorization => 'Bearer ann' ]);
    return ($res, map { JSON::PP::decode_json($_->{data}) } ($res->{events} // [])->@*);
}

# ---- limits ----

my ($res, @events) = ask('Hello');
is $res->{status}, 200, 'an answer' or diag $res->{body};
my ($start, $done) = @events[ 0, -1 ];
is_deeply [ map { $_->{type} } $start, $done ], [qw(start done)], '... with its ends';
is_deeply [ map { "$_->{name} $_->{unit} $_->{limit}" } map { $_->{limits}->@* } $start, $done ], [ ('money usd 5') x 2 ], '... both say how the limits stand';
cmp_ok $start->{limits}[0]{remaining}, '<', $done->{limits}[0]{remaining}, '... first with what is reserved, then with what was used';
cmp_ok abs(5 - $done->{usage}{costUsd} - $done->{limits}[0]{remaining}), '<', 1e-9, '... to the point';
like $start->{limits}[0]{resetAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/, '... and when there is all of it again';
($res) = ask('Hello', stream => JSON::PP::false);
is_deeply [ map { $_->{name} } JSON::PP::decode_json($res->{body})->{limits}->@* ], ['money'], 'a whole answer says it, too';

ask('Hello', path => 'few', model => 'm');
($res) = ask('Hello', path => 'few', model => 'm');
my $said = JSON::PP::decode_json($res->{body});
is "$res->{status} $said->{code}", '429 rate_limited', 'a limit that refuses';
is_deeply [ map { $said->{limit}{$_} } qw(name unit limit remaining) ], [ few => requests => 1, 0 ], '... tells which it is';
is_deeply [ @$said{qw(retryable scope)} ], [ JSON::PP::true, 'user' ], '... and that it may go better later';

# ---- errors ----

($res) = ask('try: fail', model => 'other');
$said = JSON::PP::decode_json($res->{body});
is_deeply [ $res->{status}, @$said{qw(code retryable scope limit)} ], [ 502, 'upstream_error', JSON::PP::true, 'provider', undef ], 'a provider that fails';
is_deeply $said->{models}, [qw(m small)], '... with the models that may answer instead, but no other tier\'s';
($res) = ask('try: fail');
is_deeply JSON::PP::decode_json($res->{body})->{models}, ['m'], '... and but those that were asked';
($res) = ask('Hello', model => 'none');
is_deeply [ @{ JSON::PP::decode_json($res->{body}) }{qw(code retryable scope)} ], [ 'model_not_found', JSON::PP::false, 'model' ], 'a model that is none';
(undef, @events) = ask('try: break');
is_deeply [ @{ $events[-1] }{qw(type code retryable scope)} ], [ 'error', 'upstream_truncated', JSON::PP::true, 'provider' ], 'one that breaks off';
is_deeply $events[-1]{models}, [qw(m)], '... says it, too';
($res) = ask('Hello', model => 'dear');
is_deeply [ @{ JSON::PP::decode_json($res->{body}) }{qw(code models)} ], [ model_forbidden => [qw(m small other)] ], 'a model of another tier is told of by what there is for this one';

# ---- what is waited for ----

($res, @events) = ask('try: fail', events => ['status']);
is $res->{status}, 200, 'who wants to know what is waited for gets a stream';
is_deeply [ map { join ' ', grep { defined } @$_{qw(type stage model provider attempt code)} } @events ],
    [ 'status retrying small openai 2', 'status fallback other second 1', 'status retrying other second 2', 'error upstream_error' ], '... which tells of each call that follows';
(undef, @events) = ask('Hello', events => ['status']);
is scalar(grep { $_->{type} eq 'status' } @events), 0, '... and of nothing where nothing is waited for';
my @early;
$t->sse('/api/v1/chat/stream', { model => 'small', messages => [ { role => 'user', content => 'try: slow' } ], events => ['status'] },
    headers => [ Authorization => 'Bearer ann' ], on_event => sub ($event, @) { push @early, $event; 0 });
is_deeply [ map { @{ JSON::PP::decode_json($_->{data}) }{qw(type stage attempt)} } @early ], [ status => 'thinking', 1 ], '... a provider that is silent is thinking' or diag explain \@early;

for my $case ([ events => ['other'], 'events' ], [ events => 'status', 'events' ], [ onLeave => 'maybe', 'onLeave' ]) {
    my ($member, $value, $path) = @$case;
    ($res) = ask('Hello', $member => $value);
    is "$res->{status} " . JSON::PP::decode_json($res->{body})->{issues}[0]{path}[0], "400 $path", "$member that is none is refused";
}

# ---- what the conversation is called ----

my $c = uuid();
my $wish = sub ($text, %o) { [ ask($text, conversationId => $c, events => ['conversation'], %o) ] };
(undef, @events) = $wish->('  What  is up?')->@*;
is_deeply [ map { $_->{type} } @events[ -2, -1 ] ], [qw(conversation done)], 'who wants to know is told what the conversation is called, before the end';
is_deeply [ @{ $events[-2] }{qw(conversationId title revision)} ], [ $c, 'What is up?', 1 ], '... by its first question';
my $etag = $t->as('ann', 'PATCH', "conversations/$c", json => { title => 'Mine' })->{headers}{etag};
(undef, @events) = $wish->('And now?')->@*;
is_deeply [ @{ $events[-2] }{qw(type title)}, qq("$events[-2]{revision}") ], [ conversation => 'Mine', $etag ], '... and by its user, with the revision of that';
(undef, @events) = $wish->('try: break')->@*;
is_deeply [ map { $_->{type} } @events[ -2, -1 ] ], [qw(conversation error)], '... before an error, too';
(undef, @events) = ask('And now?', conversationId => $c);
is scalar(grep { $_->{type} eq 'conversation' } @events), 0, 'nobody else is told';
(undef, @events) = ask('Hello', events => ['conversation']);
is scalar(grep { $_->{type} eq 'conversation' } @events), 0, '... nor is anybody where nothing is kept';

# ---- who leaves ----

($res) = ask('Hello', onLeave => 'finish');
is_deeply [ $res->{status}, @{ JSON::PP::decode_json($res->{body}) }{qw(code message)} ],
    [ 400, 'unsupported', 'onLeave "finish" needs a conversationId: nobody could read the rest of an answer that is not kept.' ], 'what is not kept cannot be finished';

my %ended;
for my $leave ('finish', 'stop', undef) {
    my $id = uuid();
    $t->sse('/api/v1/chat/stream', { model => 'small', conversationId => $id, messages => [ { role => 'user', content => 'try: markdown' } ], ($leave ? (onLeave => $leave) : ()) },
        headers => [ Authorization => 'Bearer ann' ], on_event => sub ($event, @) { $event->{event} ne 'text' });
    my $message = sub () { ($t->as('ann', 'GET', "conversations/$id/messages")->{json}{data} // [])->[-1] // {} };
    wait_for(sub { ($message->()->{status} // 'streaming') ne 'streaming' }, 'its end', 20);
    $ended{ $leave // 'usual' } = $message->()->{status};
}
is_deeply \%ended, { finish => 'complete', stop => 'cancelled', usual => 'cancelled' }, 'what becomes of an answer that is left is as its request says';

# ---- names of providers ----

my $models = $t->as('ann', 'GET', 'models')->{json};
is_deeply { map { $_->{id} => $_->{label} } $models->{providers}->@* }, { openai => 'The first', second => 'second' }, 'providers have names for people';
is_deeply { map { $_->{id} => $_->{providerLabel} } grep { $_->{id} ne 'm' } $models->{data}->@* }, { small => 'The first', other => 'second' }, '... and models those of theirs';

$t->allow_log(qr/CHAT0902: /);
$t->stop;
done_testing;
