# SPDX-License-Identifier: Apache-2.0
#
# Shares, on both databases: what one shows and what it never shows, how long,
# and to whom; and search, whose words are data. docs/conversations.md says what
# is shown here.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 3)->start;

sub answers ($res, $status, $code, $name) {
    is $res->{status}, $status, $name or diag $res->{body};
    is $res->{json}{code}, $code, "... in a word: $code" if $code;
    return $res;
}

sub run ($db) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up, log_level => 'info chat:debug', locations => {
        shared => "ChatLimit visits 30/1h ip\n<If \"%{HTTP:X-Live} == 'no'\">\nChatShare live=off\n</If>\n",
        conversations => "<If \"%{HTTP:X-Live} == 'yes'\">\nChatShare live=on\n</If>\n" }, conf => "ChatShare live=on\n")->start;
    my $id = $t->as('ann', 'POST', 'conversations', json => { title => 'Trip', system => 'the secret system' })->{json}{id};
    my $path = "conversations/$id";
    $t->as('ann', 'POST', "$path/messages", json => { content => 'Where to? mock(seed=1;reason=2)' });
    my @messages = $t->as('ann', 'GET', "$path/messages")->{json}{data}->@*;
    my $text = $messages[1]{parts}[-1]{text};
    is_deeply [ map { $_->{type} } $messages[1]{parts}->@* ], [qw(reasoning text)], 'an answer has thoughts' or diag explain $messages[1];

    # ---- a snapshot ----
    my $res = $t->as('ann', 'POST', "$path/shares");
    is $res->{status}, 201, 'a share is made' or diag $res->{body};
    my $share = $res->{json};
    like $share->{id}, qr/\A[\w-]{22}\z/, '... with an id that nobody guesses';
    is $share->{url}, "/api/v1/shared/$share->{id}", '... its place';
    is $res->{headers}{location}, "/api/v1/$path/shares/$share->{id}", '... and where it is revoked';
    is_deeply [ $share->@{qw(mode expiresAt showModel leafMessageId)} ], [ 'snapshot', undef, JSON::PP::true, $messages[1]{id} ], '... as it was asked for';
    $res = $t->as('', 'GET', "shared/$share->{id}");
    is $res->{status}, 200, 'anybody may see it' or diag $res->{body};
    is_deeply $res->{json}, { title => 'Trip', mode => 'snapshot', createdAt => $share->{createdAt}, messages => [
        { role => 'user', parts => [ { type => 'text', text => 'Where to? mock(seed=1;reason=2)' } ], createdAt => $messages[0]{createdAt} },
        { role => 'assistant', parts => [ { type => 'text', text => $text } ], model => 'm', createdAt => $messages[1]{createdAt} } ] },
        'what was said, and nothing else';
    is_deeply [ map { $res->{headers}{$_} } qw(x-robots-tag referrer-policy) ], [qw(noindex no-referrer)], 'no search engine is to have it';
    like $res->{headers}{'cache-control'}, qr/no-store/, '... and no cache';
    ok $res->{headers}{ratelimit}, '... and visits are counted';
    my $bare = $t->as('ann', 'POST', "$path/shares", json => { showModel => JSON::PP::false, leafMessageId => $messages[0]{id} })->{json};
    is_deeply [ map { [ $_->@{qw(role model)} ] } $t->as('', 'GET', "shared/$bare->{id}")->{json}{messages}->@* ], [ [ 'user', undef ] ],
        'a share of less: down to a message, without models';
    $t->as('ann', 'POST', "$path/messages", json => { content => 'Later mock(seed=2)' });
    is_deeply $t->as('', 'GET', "shared/$share->{id}")->{json}, $res->{json}, 'what comes later is not shared';

    # ---- live ----
    my $live = $t->as('ann', 'POST', "$path/shares", json => { mode => 'live' })->{json};
    is scalar $t->as('', 'GET', "shared/$live->{id}")->{json}{messages}->@*, 4, 'a live one shows what there is';
    $t->as('ann', 'PATCH', $path, json => { title => 'Journey' });
    is $t->as('', 'GET', "shared/$live->{id}")->{json}{title}, 'Journey', '... at any time';
    answers($t->as('', 'GET', "shared/$live->{id}", headers => { 'X-Live' => 'no' }), 410, 'gone', 'but only where ChatShare says so');

    # ---- wrong ----
    for (
        [ { mode => 'x' }, ['mode'] ], [ { expiresAt => '2020-01-01T00:00:00Z' }, ['expiresAt'] ], [ { expiresAt => '2099-02-30T00:00:00Z' }, ['expiresAt'] ],
        [ { expiresAt => 5 }, ['expiresAt'] ], [ { leafMessageId => 'x' }, ['leafMessageId'] ], [ { showModel => 1 }, ['showModel'] ])
    {
        my $no = answers($t->as('ann', 'POST', "$path/shares", json => $_->[0]), 400, 'invalid_request', "no $_->[1][0]");
        is_deeply $no->{json}{issues}[0]{path}, $_->[1], '... which is named';
    }
    answers($t->as('ann', 'POST', "$path/shares", json => { leafMessageId => ChatTest::Chats::uuid() }), 404, 'not_found', 'a message of elsewhere');

    # ---- the end of it ----
    is_deeply [ sort map { $_->{id} } $t->as('ann', 'GET', "$path/shares")->{json}{data}->@* ], [ sort map { $_->{id} } $share, $bare, $live ], 'all are listed';
    is $t->as('ann', 'DELETE', "$path/shares/$share->{id}")->{status}, 204, 'one is revoked';
    answers($t->as('', 'GET', "shared/$share->{id}"), 410, 'gone', '... and gone');
    is $t->as('', 'GET', "shared/$bare->{id}")->{status}, 200, 'others are not';
    my $short = $t->as('ann', 'POST', "$path/shares", json => { expiresAt => '2099-01-01T00:00:00.5Z' })->{json};
    is $short->{expiresAt}, '2099-01-01T00:00:00.500Z', 'one that expires';
    $t->sql("update chat_share set expires_at = 1");
    answers($t->as('', 'GET', "shared/$short->{id}"), 410, 'gone', '... is gone then');
    my $last = $t->as('ann', 'POST', "$path/shares")->{json};
    cmp_ok $t->as('ann', 'DELETE', 'shares?confirm=all')->{json}{deleted}, '>=', 1, 'all are revoked';
    answers($t->as('', 'GET', "shared/$last->{id}"), 410, 'gone', '... and gone');
    $last = $t->as('ann', 'POST', "$path/shares")->{json};
    is $t->as('ann', 'DELETE', $path)->{status}, 204, 'their conversation is deleted';
    like $t->as('', 'GET', "shared/$last->{id}")->{status}, qr/^4(?:04|10)$/, '... and with it what was shared';
    my $unknown = answers($t->as('', 'GET', 'shared/' . 'A' x 22), 404, 'not_found', 'a share that never was');
    is $unknown->{headers}{'x-robots-tag'}, 'noindex', '... is nothing for search engines either';
    answers($t->as('', 'GET', "shared/$_"), 400, 'invalid_id', "no share: $_") for 'x', 'A' x 23, '%27' x 22;

    # ---- search ----
    my $c = $t->as('bob', 'POST', 'conversations', json => { title => 'Rome in spring' })->{json}{id};
    $t->as('bob', 'POST', "conversations/$c/messages", json => { content => 'Is the Colosseum open? mock(seed=3)' });
    my $found = $t->as('bob', 'GET', 'search?q=colosseum')->{json}{data};
    is scalar @$found, 1, 'a word is found';
    is_deeply [ $found->[0]->@{qw(conversationId title)} ], [ $c, 'Rome in spring' ], '... where it is';
    my ($from, $to) = $found->[0]{ranges}[0]->@*;
    is substr($found->[0]{snippet}, $from, $to - $from), 'Colosseum', '... and at which place';
    is $t->as('bob', 'GET', 'search?q=rome')->{json}{data}[0]{messageId}, undef, 'in titles, too';
    is scalar $t->as('ann', 'GET', 'search?q=colosseum')->{json}{data}->@*, 0, 'but nobody else finds it';
    for my $words ('colosseum OR nothing', 'NOT x', '"', "'", 'col*', '(', 'a:b', '%25', '\\', '&', '') {
        is $t->as('bob', 'GET', 'search?q=' . $words =~ s/([^\w])/sprintf '%%%02X', ord $1/ger)->{status}, 200, "words, not operators: $words";
    }
    is scalar $t->as('bob', 'GET', 'search?q=colosseum+OR+nothing')->{json}{data}->@*, 0, 'each of them is looked for';
    $t->stop;
}

for my $db (ChatTest::Chats::databases()) {
    subtest $db => sub { run($db) };
}
$up->stop;
done_testing;
