# SPDX-License-Identifier: Apache-2.0
#
# Conversations over HTTP, on both databases: to make, list, read, change,
# delete and restore them; who may, and what is refused. docs/conversations.md
# says what is shown here.
use v5.36;
use Test::More;
use FindBin;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 3)->start;
my $ID = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my $TIME = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/;

sub answers ($res, $status, $code, $name) {
    is $res->{status}, $status, $name or diag $res->{body};
    is $res->{json}{code}, $code, "... in a word: $code" if $code;
    return $res;
}

sub run ($db) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up, conf => "ChatRequestBody 20K\n",
        locations => { search => "ChatLimit looks 2/1h user\n" })->start;

    # ---- one ----
    my $res = $t->as('ann', 'POST', 'conversations', json => { title => 'Kyiv weather', model => 'm', metadata => { a => 'b' } });
    is $res->{status}, 201, 'one is made' or diag $res->{body}, $t->error_log;
    my $made = $res->{json};
    like $made->{id}, qr/\A$ID\z/, '... with a UUIDv7';
    like $made->{createdAt}, $TIME, '... and the time';
    is $res->{headers}{location}, "/api/v1/conversations/$made->{id}", 'Location says where';
    is $res->{headers}{etag}, '"1"', 'ETag which revision';
    like $res->{headers}{'cache-control'}, qr/no-store/, 'and no cache keeps it';
    is_deeply { map { $_ => $made->{$_} } qw(title model system pinned archived messageCount currentMessageId stream metadata revision) },
        { title => 'Kyiv weather', model => 'm', system => undef, pinned => JSON::PP::false, archived => JSON::PP::false, messageCount => 0,
        currentMessageId => undef, stream => undef, metadata => { a => 'b' }, revision => 1 }, 'it is as it was said';
    my $path = "conversations/$made->{id}";
    $res = $t->as('ann', 'GET', $path);
    is_deeply $res->{json}, $made, 'and is read again as that';
    is $t->as('ann', 'HEAD', $path)->{headers}{'content-length'}, length $res->{body}, 'HEAD says how long it is';
    is $t->as('ann', 'POST', 'conversations')->{status}, 201, 'one without anything needs no body';

    # ---- ids of clients ----
    my $id = ChatTest::Chats::uuid();
    answers($t->as('ann', 'POST', 'conversations', json => { id => $id }), 201, undef, 'a client may bring an id');
    my $no = answers($t->as('ann', 'POST', 'conversations', json => { id => $id }), 409, 'already_exists', 'but once');
    is $no->{json}{id}, $id, '... and is told which';
    answers($t->as('bob', 'POST', 'conversations', json => { id => $id }), 409, 'already_exists', 'somebody else has it no more');

    # ---- revisions ----
    $res = $t->as('ann', 'PATCH', $path, json => { title => 'Weather', pinned => JSON::PP::true }, headers => { 'If-Match' => '"1"' });
    is $res->{status}, 200, 'a change of that revision' or diag $res->{body};
    is_deeply [ $res->{json}->@{qw(title pinned model)} ], [ 'Weather', JSON::PP::true, 'm' ], '... changes what is named';
    is $res->{headers}{etag}, '"2"', '... and is another revision';
    for my $stale ('"1"', 'W/"2"', '"7", "1"', 'x') {
        $no = answers($t->as('ann', 'PATCH', $path, json => { title => 'lost' }, headers => { 'If-Match' => $stale }),
            412, 'precondition_failed', "If-Match: $stale");
        is $no->{json}{current}{title}, 'Weather', '... with what is there';
        is $no->{headers}{etag}, '"2"', '... and its revision';
        answers($t->as('ann', 'DELETE', $path, headers => { 'If-Match' => $stale }), 412, 'precondition_failed', '... to delete as well');
    }
    for my $good ('"2"', '*', '"9", "4"', '"5-gzip"') {
        is $t->as('ann', 'PATCH', $path, json => { title => "by $good" }, headers => { 'If-Match' => $good })->{status}, 200, "If-Match: $good";
    }
    is $t->as('ann', 'GET', $path, headers => { 'If-None-Match' => $_ })->{status}, 304, "If-None-Match: $_" for '"6"', 'W/"6"', '"1", "6"', '*';
    $res = $t->as('ann', 'GET', $path, headers => { 'If-None-Match' => '"5"' });
    is $res->{status}, 200, 'another one is told';
    $res = $t->as('ann', 'PATCH', $path, json => { title => undef, model => undef, metadata => undef, archived => JSON::PP::true });
    is_deeply [ $res->{json}->@{qw(title model metadata archived)} ], [ undef, undef, {}, JSON::PP::true ], 'null clears';
    $res = $t->as('ann', 'PATCH', $path, json => {});
    is $res->{status}, 200, 'a change of nothing';
    is $res->{headers}{etag}, '"7"', '... is none';

    # ---- pages ----
    my @made = map { $t->as('bob', 'POST', 'conversations', json => { title => "n $_" })->{json}{id} } 1 .. 5;
    $t->as('bob', 'PATCH', "conversations/$made[1]", json => { pinned => JSON::PP::true });
    $t->as('bob', 'PATCH', "conversations/$made[3]", json => { archived => JSON::PP::true });
    my (@seen, $after, $pages);
    do {
        my $page = $t->as('bob', 'GET', 'conversations?limit=2' . ($after ? "&after=$after" : ''))->{json};
        push @seen, map { $_->{id} } $page->{data}->@*;
        $after = $page->{nextCursor};
    } while ($after && $pages++ < 9);
    is_deeply \@seen, [ @made[4, 2, 1, 0] ], 'pages hold all but archived ones, the newest first';
    my $list = sub ($query) { join ' ', map { $_->{title} } ($t->as('bob', 'GET', "conversations?$query")->{json}{data} // [])->@* };
    is $list->('archived=true'), 'n 4', 'archived ones';
    is $list->('archived=0&pinned=1'), 'n 2', 'pinned ones';
    is $list->('q=3'), 'n 3', 'by a word of the title';
    is $list->('q=nothing'), '', 'or by none';
    is $list->('unknown=1&limit=1'), 'n 5', 'what is not known is ignored';
    for my $query ('limit=0', 'limit=101', 'limit=x', 'limit=', 'archived=maybe', 'pinned=2', 'q=%ff', 'q=%00', 'limit=1&limit=2', 'after=%zz') {
        my ($name) = $query =~ /^(\w+)/;
        $no = answers($t->as('bob', 'GET', "conversations?$query"), 400, 'invalid_request', "400 for $query");
        like $no->{json}{message}, qr/"$name"/, '... which it names';
    }
    answers($t->as('bob', 'GET', 'conversations?after=bm90aGluZw'), 400, 'invalid_request', 'a cursor that is none');

    # ---- what is refused ----
    my %issue = (
        title => [ 'x' x 201, 'too_big' ], model => [ 3, 'invalid_type' ], pinned => [ 'yes', 'invalid_type' ], system => [ [], 'invalid_type' ],
        metadata => [ { map { $_ => 'x' } 1 .. 17 }, 'custom' ], currentMessageId => [ 'x', 'invalid_format' ], id => [ uc $id, 'invalid_format' ]);
    for my $key (sort keys %issue) {
        $no = answers($t->as('bob', 'PATCH', "conversations/$made[0]", json => { $key => $issue{$key}[0] }), 400, 'invalid_request', "a wrong $key");
        is_deeply [ map { [ $_->{path}, $_->{code} ] } $no->{json}{issues}->@* ], [ [ [$key], $issue{$key}[1] ] ], '... is named as zod would';
    }
    is $t->as('bob', 'PATCH', "conversations/$made[0]", json => { title => "\x{1f600}" x 200 })->{status}, 200, '200 characters are as many, whatever they are';
    answers($t->as('bob', 'PATCH', "conversations/$made[0]", json => { metadata => { 'x' => 'y' x 513 } }), 400, 'invalid_request', 'metadata of 513 characters');
    like $t->as('bob', 'PATCH', "conversations/$made[0]", json => qq({"title":"$_"}))->{json}{message}, qr/at byte \d+/, "$_ in a text, and where"
        for '\u0000', '\ud800', "\xff";
    answers($t->as('bob', 'PATCH', "conversations/$made[0]", json => { system => 'x' x 21_000 }), 413, 'payload_too_large', 'a body that is too long');
    answers($t->as('bob', 'PATCH', "conversations/$made[0]", body => '{}'), 415, 'unsupported_media_type', 'a body that is no JSON');
    answers($t->as('bob', 'PATCH', "conversations/$made[0]", json => '[]'), 400, 'invalid_request', 'a body that is no object');
    for my $id ('x', uc $made[0], substr($made[0], 1), "$made[0]0", "$made[0]%27") {
        answers($t->as('bob', 'GET', "conversations/$id"), 400, 'invalid_id', "no id: $id");
    }
    $no = answers($t->as('bob', 'POST', "conversations/$made[0]", json => {}), 405, 'method_not_allowed', 'a method that is not known here');
    is $no->{headers}{allow}, 'GET, HEAD, PATCH, DELETE', '... with those that are';
    $res = $t->as('', 'OPTIONS', "conversations/$made[0]");
    is "$res->{status} $res->{headers}{allow}", '204 GET, HEAD, PATCH, DELETE, OPTIONS', 'OPTIONS says so to everybody';
    answers($t->as('bob', 'GET', "conversations/$made[0]/nothing"), 404, 'not_found', 'a path that is not known');
    answers($t->as('', $_->[0], "conversations$_->[1]", json => {}), 401, 'unauthorized', "a guest: $_->[0] $_->[1]")
        for [ 'GET', '' ], [ 'POST', '' ], [ 'GET', "/$made[0]" ], [ 'DELETE', '?confirm=all' ];

    # ---- how long a 404 takes tells nobody what there is ----
    my %took = map { $_ => [] } $path, my $nowhere = 'conversations/' . ChatTest::Chats::uuid();
    is $t->as('ann', 'GET', $path)->{status}, 200, 'it is there';
    for (1 .. 60) {
        for my $one (sort keys %took) {
            my $begun = clock_gettime(CLOCK_MONOTONIC);
            $t->as('bob', 'GET', $one)->{status} == 404 or fail "$one is no 404";
            push $took{$one}->@*, clock_gettime(CLOCK_MONOTONIC) - $begun;
        }
    }
    my ($theirs, $none) = map { (sort { $a <=> $b } $took{$_}->@*)[ $took{$_}->@* / 2 ] } $path, $nowhere;
    cmp_ok abs(log($theirs / $none)), '<', log 2, "somebody else's takes as long as none" or diag "$theirs $none";

    # ---- pages of other sites ----
    for my $row ([ 'POST', '' ], [ 'PATCH', "/$made[0]" ], [ 'DELETE', "/$made[0]" ], [ 'DELETE', '?confirm=all' ], [ 'POST', "/$made[0]/messages" ],
        [ 'PUT', "/$made[0]/messages/$made[0]/feedback" ])
    {
        answers($t->as('', $row->[0], "conversations$row->[1]", json => {}, headers => { ChatTest::Chats::cookie('bob'), Origin => 'https://evil.example' }),
            403, 'forbidden_origin', "a page of another site: $row->[0] $row->[1]");
    }
    is $t->as('', 'PATCH', "conversations/$made[0]", json => { pinned => JSON::PP::false },
        headers => { ChatTest::Chats::cookie('bob'), Origin => $t->url('') })->{status}, 200, 'one of this site may';

    # ---- limits ----
    answers($t->as('bob', 'GET', 'search'), 400, 'invalid_request', 'a search for nothing');
    $res = $t->as('bob', 'GET', 'search?q=n');
    ok $res->{headers}{ratelimit}, 'ChatLimit counts here as well';
    answers($t->as('bob', 'GET', 'search?q=n'), 429, 'rate_limited', 'and refuses');
    is $t->as('ann', 'GET', 'search?q=n')->{status}, 200, 'but nobody else';

    # ---- deletion ----
    is $t->as('bob', 'DELETE', "conversations/$made[0]")->{status}, 204, "deleted, $_" for 'once', 'and again';
    answers($t->as('bob', 'GET', "conversations/$made[0]"), 404, 'not_found', 'and gone');
    is $t->as('bob', 'POST', "conversations/$made[0]/restore")->{status}, 200, 'restored';
    is $t->as('bob', 'GET', "conversations/$made[0]")->{status}, 200, '... and there';
    answers($t->as('bob', 'DELETE', 'conversations'), 400, 'invalid_request', 'all of them, not by mistake');
    is_deeply $t->as('bob', 'DELETE', 'conversations?confirm=all&archived=true')->{json}, { deleted => 1 }, 'all archived ones';
    is_deeply $t->as('bob', 'DELETE', 'conversations?confirm=all')->{json}, { deleted => 4 }, 'all';
    is $list->(''), '', 'none is left';
    is $t->as('ann', 'GET', $path)->{status}, 200, "somebody else's are";

    # ---- me ----
    my $me = $t->as('ann', 'GET', 'me')->{json};
    is_deeply [ $me->@{qw(id role tier)} ], [qw(ann user free)], 'who one is';
    is $me->{clamps}{conversations}, 5000, '... and what holds';

    # ---- a database that is away ----
    if ($t->{pg}) {
        $t->allow_log(qr/\[chat:error\]|\[dbd:error\]/);
        $t->{pg}->stop;
        for my $row ([ 'GET', $path ], [ 'GET', 'conversations' ], [ 'DELETE', $path ], [ 'POST', "$path/messages" ], [ 'GET', 'export' ], [ 'POST', 'import' ],
            [ 'GET', 'shared/' . 'A' x 22 ], [ 'GET', 'chat/stream/' . ChatTest::Chats::uuid() ])
        {
            answers($t->as('ann', $row->[0], $row->[1], json => []), 503, 'store_unavailable', "$row->[0] $row->[1] without a database");
        }
        answers($t->as('ann', $_->[0], $_->[1], json => {}), 400, 'invalid_id', "$_->[0] $_->[1] does not come to the database")
            for [ 'GET', 'conversations/x' ], [ 'DELETE', 'conversations/x' ], [ 'POST', 'conversations/x/messages' ], [ 'GET', 'chat/stream/x' ];
    }

    $t->stop;
}

for my $db (ChatTest::Chats::databases()) {
    subtest $db => sub { run($db) };
}
$up->stop;
done_testing;
