# SPDX-License-Identifier: Apache-2.0
#
# Exports and imports, on both databases: files as they are written, that they
# come back as they were, what real exports of ChatGPT have, and files that are
# not what they say. docs/conversations.md says what is shown here.
use v5.36;
use utf8;
use Test::More;
use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new(n => 3)->start;

sub answers ($res, $status, $code, $name) {
    is $res->{status}, $status, $name or diag $res->{body};
    is $res->{json}{code}, $code, "... in a word: $code" if $code;
    return $res;
}

# Ids are new ones in each import: each conversation with the places of its
# messages in their stead.
sub by_place ($export) {
    my @found;
    for my $c (ref $export eq 'ARRAY' ? @$export : $export->{conversations}->@*) {
        my @messages = $c->{messages} ? $c->{messages}->@* : map { $_->{message} // () } values $c->{mapping}->%*;
        my $key = sub ($m) { join ' ', $m->{create_time} // $m->{createdAt}, $JSON->encode($m->{parts} // $m->{content}) };
        my %place = ($c->{id} => 'c');
        @place{ map { $_->{id} } sort { $key->($a) cmp $key->($b) } @messages } = map { "m$_" } 1 .. @messages;
        push @found, $JSON->decode($JSON->encode($c) =~ s{"([0-9a-f]{8}-[0-9a-f-]{27})"}{'"' . ($place{$1} // $1) . '"'}ger);
    }
    return \@found;
}

# A file as ChatGPT writes them, with what they really have.
sub node ($id, $parent, $children, $message = undef) { return ($id => { id => $id, message => $message, parent => $parent, children => $children }) }

sub message ($role, $time, %content) {
    my $more = delete $content{more} // {};
    return { id => 'x', author => { role => $role, name => undef, metadata => {} }, create_time => $time, update_time => undef, content => \%content,
        status => 'finished_successfully', end_turn => JSON::PP::true, weight => 1.0, metadata => { model_slug => 'gpt-4o' }, recipient => 'all', %$more };
}

my $CHATGPT = {
    title => 'Zürich', create_time => 1700000000.5, update_time => 1700000900.25, moderation_results => [], is_archived => JSON::PP::false,
    is_starred => undef, default_model_slug => 'gpt-4o', conversation_id => 'b6a7', mapping => {
        node('root', undef, ['sys']),
        node('sys', 'root', ['q'], message('system', undef, content_type => 'text', parts => [''], more => { metadata => { is_visually_hidden_from_conversation => JSON::PP::true } })),
        node('q', 'sys', [qw(a1 a2)], message('user', 1700000001.123456, content_type => 'multimodal_text',
            parts => [ 'What is this?', { content_type => 'image_asset_pointer', asset_pointer => 'file-service://file-x', width => 1 } ])),
        node('a1', 'q', [], message('assistant', 1700000002.5, content_type => 'text', parts => ['A lake.'])),
        node('a2', 'q', ['code'], message('assistant', 1700000003, content_type => 'thoughts', thoughts => [ { summary => 's', content => 'c' } ])),
        node('code', 'a2', ['out'], message('assistant', 1700000004, content_type => 'code', language => 'python', text => "print('```')")),
        node('out', 'code', ['end'], message('tool', 1700000005, content_type => 'execution_output', text => "```\n")),
        node('end', 'out', [], message('assistant', undef, content_type => 'text', parts => [ 'One.', 'Two.' ])),
    }, current_node => 'end' };

# One of which both have all: branches, times, models, what broke off.
my $PLAIN = {
    title => "Zwei Wege \x{1f600}", create_time => 1700001000.5, update_time => 1700001900.25, is_archived => JSON::PP::true, is_starred => JSON::PP::true,
    default_model_slug => 'gpt-4o', conversation_id => 'b6a8', id => 'b6a8', mapping => {
        node('client-created-root', undef, ['p1']),
        node('p1', 'client-created-root', [qw(p2 p3)], message('user', 1700001001.125, content_type => 'text', parts => [ "What is this?\n\n  \"x\"", 'And that?' ], more => { metadata => {} })),
        node('p2', 'p1', [], message('assistant', 1700001002.25, content_type => 'text', parts => ['A lake.'], more => { metadata => { model_slug => 'o3' } })),
        node('p3', 'p1', ['p4'], message('assistant', 1700001003, content_type => 'text', parts => ['A sea.'], more => { status => 'finished_partial_completion' })),
        node('p4', 'p3', [], message('user', 1700001004.75, content_type => 'text', parts => ["Well\x{fc}"], more => { metadata => {} })),
    }, current_node => 'p2' };

# What both know of a conversation: each message by all that is above it.
sub known ($c) {
    my $nodes = $c->{mapping};
    my $way = sub ($id) {
        my @way;
        for (; defined $id; $id = $nodes->{$id}{parent}) {
            my $m = $nodes->{$id}{message} or next;
            unshift @way, [ $m->{author}{role}, $m->{content}{parts}, $m->{create_time} + 0, $m->{status}, $m->{metadata}{model_slug} ];
        }
        return $JSON->encode(\@way);
    };
    return { (map { $_ => $c->{$_} } qw(title is_archived is_starred default_model_slug)), (map { $_ => $c->{$_} + 0 } qw(create_time update_time)),
        current => $way->($c->{current_node}), messages => [ sort map { $way->($_) } grep { $nodes->{$_}{message} } keys %$nodes ],
        roots => scalar(grep { !defined $nodes->{$_}{parent} } keys %$nodes) };
}

sub copy ($value) { return $JSON->decode($JSON->encode($value)) }

sub run ($db) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up, conf => "ChatStoreLimit import=200K messages=20 bytes=50K\n")->start;

    # ---- a conversation with two branches, thoughts and tools ----
    my $c = $t->as('ann', 'POST', 'conversations', json => { title => "Käse \"& Brot\"/\x{1f600}", model => 'm', system => 'be kind', metadata => { a => 'b' } })->{json}{id};
    $t->as('ann', 'POST', "conversations/$c/messages", json => { content => "Hello\n\nmock(seed=1;reason=2)" });
    my $answer = $t->as('ann', 'GET', "conversations/$c/messages")->{json}{data}[1];
    $t->as('ann', 'POST', "conversations/$c/messages/$answer->{id}/regenerate", json => {});
    $t->as('ann', 'PUT', "conversations/$c/messages/$answer->{id}/feedback", json => { kind => 'positive', reason => 'good' });
    $t->as('ann', 'PATCH', "conversations/$c", json => { pinned => JSON::PP::true });

    my $md = $t->as('ann', 'GET', "conversations/$c/export?format=markdown");
    is $md->{headers}{'content-type'}, 'text/markdown; charset=utf-8', 'markdown';
    is $md->{headers}{'content-disposition'}, q{attachment; filename="K_se __ Brot___.md"; filename*=UTF-8''K%C3%A4se%20%22%26%20Brot%22_%F0%9F%98%80.md}, '... by its name'
        or diag $md->{headers}{'content-disposition'};
    my $shown = $t->as('ann', 'GET', "conversations/$c/messages")->{json}{data}[1];
    is $md->{body}, encode_utf8("# Käse \"& Brot\"/\x{1f600}\n\n## User\n\nHello\n\nmock(seed=1;reason=2)\n\n## Assistant (m)\n\n$shown->{parts}[-1]{text}\n\n"),
        '... with what is shown, word for word';
    my $json = $t->as('ann', 'GET', "conversations/$c/export?format=json");
    is_deeply [ $json->{json}->@{qw(version)}, scalar $json->{json}{conversations}[0]{messages}->@* ], [ 1, 3 ], 'json: all branches';
    is_deeply [ map { $_->{feedback} } $json->{json}{conversations}[0]{messages}->@* ], [ undef, { kind => 'positive', reason => 'good' }, undef ], '... and all that is kept';
    answers($t->as('ann', 'GET', "conversations/$c/export?format=x"), 400, 'invalid_request', 'a format that is none');

    # ---- there and back ----
    for my $format (qw(json chatgpt)) {
        my $user = { json => 'bob', chatgpt => 'eve' }->{$format};
        my $file = $t->as('ann', 'GET', "export?format=$format");
        like $file->{headers}{'content-disposition'}, qr/^attachment; filename="conversations\.json"/, "$format: a file";
        my $checked = $t->as($user, 'POST', 'import?check=1', json => $file->{body});
        is_deeply $checked->{json}, { conversations => 1, messages => 3, leftOut => 0, placeholders => 0, repaired => 0, imported => 0 }, '... that can be imported' or diag $checked->{body};
        is_deeply $t->as($user, 'GET', 'conversations')->{json}{data}, [], '... and to look is not to import';
        my $kept = $t->as($user, 'POST', 'import', json => $file->{body});
        is $kept->{json}{imported}, 1, '... and is imported' or diag $kept->{body};
        my $back = $t->as($user, 'GET', "export?format=$format");
        is_deeply by_place($back->{json}), by_place($file->{json}), "... and is exported as it was";
        my $list = $t->as($user, 'GET', 'conversations')->{json}{data};
        is $t->as($user, 'GET', 'search?q=kase')->{json}{data}[0]{conversationId}, $list->[0]{id}, '... and found' if $db eq 'sqlite';
        my $next = $t->as($user, 'POST', "conversations/$list->[0]{id}/messages", json => { content => 'Go on mock(seed=2)' });
        is $next->{status}, 200, '... and goes on' or diag $next->{body};
    }

    # ---- ChatGPT's own ----
    my $res = $t->as('ann', 'POST', 'import', json => [$CHATGPT]);
    is_deeply $res->{json}, { conversations => 1, messages => 5, leftOut => 2, placeholders => 1, repaired => 0, imported => 1 }, 'a file of ChatGPT' or diag $res->{body};
    my ($got) = grep { $_->{title} eq 'Zürich' } $t->as('ann', 'GET', 'export')->{json}{conversations}->@*;
    is_deeply [ $got->@{qw(createdAt lastMessageAt model archived pinned)} ],
        [ '2023-11-14T22:13:20.500Z', '2023-11-14T22:28:20.250Z', 'gpt-4o', JSON::PP::false, JSON::PP::false ], '... has its times and its model';
    my %by = map { $_->{id} => $_ } $got->{messages}->@*;
    my @path;
    for (my $m = $by{ $got->{currentMessageId} }; $m; $m = $by{ $m->{parentId} // '' }) { unshift @path, $m }
    is_deeply [ map { [ $_->{role}, map { $_->{text} } $_->{parts}->@* ] } @path ], [
        [ 'user', 'What is this?', '[image]' ], [ 'assistant', "````python\nprint('```')\n````" ], [ 'assistant', "````\n```\n\n````" ], [ 'assistant', 'One.', 'Two.' ] ],
        '... the branch that was shown, code in fences, pictures by a word, without what is hidden';
    is $path[0]{createdAt}, '2023-11-14T22:13:21.123Z', '... at its time';
    is $path[-1]{createdAt}, $got->{createdAt}, '... or when there is none, at that of the conversation';
    is $t->as('bob', 'POST', 'import', json => [$PLAIN])->{json}{messages}, 4, 'one of which both have all';
    my ($again) = grep { $_->{title} eq $PLAIN->{title} } $t->as('bob', 'GET', 'export?format=chatgpt')->{json}->@*;
    is_deeply known($again), known($PLAIN), '... is exported to them as it was';
    $t->as('bob', 'DELETE', "conversations/$again->{conversation_id}");

    # What else there may be in one, and who wants what is not shown?
    my $strange = copy($PLAIN);
    $strange->{mapping}{p2}{message}{content} = { content_type => 'text', parts => [ undef, 'A ', 7, [], 'lake.', { content_type => 'audio_transcription', text => 'Said.' }, {} ] };
    $strange->{mapping}{p4}{message}{content} = $_ for { content_type => 'tether_quote', url => 'x', text => 'y' };
    delete $strange->{mapping}{p3}{message}{content};
    $strange->{mapping}{p1}{children} = ['nobody'];
    @$strange{qw(title current_node create_time)} = (undef, 'nobody', undef);
    $res = $t->as('bob', 'POST', 'import', json => [$strange]);
    is_deeply [ $res->{json}->@{qw(messages leftOut placeholders imported)} ], [ 2, 2, 1, 1 ], 'a stranger one' or diag $res->{body};
    my ($odd_one) = grep { $_->{messageCount} == 2 && !$_->{title} } $t->as('bob', 'GET', 'conversations?archived=true')->{json}{data}->@*;
    is_deeply [ map { [ $_->{role}, map { $_->{text} } $_->{parts}->@* ] } $t->as('bob', 'GET', "conversations/$odd_one->{id}/messages")->{json}{data}->@* ],
        [ [ 'user', "What is this?\n\n  \"x\"", 'And that?' ], [ 'assistant', 'A ', 'lake.', 'Said.', '[file]' ] ], '... as far as it is understood';
    $t->as('bob', 'DELETE', "conversations/$odd_one->{id}");

    my $odd = copy($CHATGPT);
    $odd->{mapping}{q}{parent} = 'gone';
    delete $odd->{$_} for qw(current_node title update_time);
    $res = $t->as('ann', 'POST', 'import?check=true', json => [$odd]);
    is_deeply [ $res->{json}->@{qw(messages repaired)} ], [ 5, 1 ], 'a parent that is missing is repaired, and told';

    # ---- as many as there may be, at one time ----
    my @same = map { { id => "m$_", parentId => undef, role => 'user', status => 'complete', createdAt => '2001-01-01T00:00:00Z', parts => [] } } 1 .. 20;
    $res = $t->as('bob', 'POST', 'import', json => { conversations => [ ({ createdAt => '2001-01-01T00:00:00Z', messages => \@same }) x 20 ] });
    is $res->{json}{imported}, 20, 'many of one moment' or diag $res->{body};
    is $t->sql('select count(*), max(n) - min(n) from chat_message where created_at = 978307200000'), '400|399', '... have numbers in turn'
        if $db eq 'sqlite';
    for (1 .. 2) {
        $t->as('bob', 'DELETE', "conversations/$_->{id}")
            for grep { $_->{createdAt} =~ /^2001/ } $t->as('bob', 'GET', 'conversations')->{json}{data}->@*;
    }

    # ---- files that are not what they say ----
    my $own = $t->as('ann', 'GET', "conversations/$c/export")->{json};
    my %wrong = (
        'nothing'        => [ '', qr/ends too early|empty|byte/ ],
        'no list'        => [ '{}', qr/neither an array/ ],
        'another list'   => [ '{"conversations":{}}', qr/neither an array/ ],
        'no objects'     => [ '[{"mapping":{}},7]', qr/element 2 of the list: it is not an object/ ],
        'something else' => [ '[{"a":1}]', qr/element 1 of the list: it is no conversation/ ],
        'no JSON'        => [ '[{"mapping":{}},{"mapping":{]', qr/element 2 of the list: .* byte/ ],
        'half a file'    => [ substr($JSON->encode([$CHATGPT]), 0, 700), qr/element 1 of the list: it ends too early/ ],
        'a NUL'          => [ '[{"mapping":{},"title":"\u0000"}]', qr/element 1 of the list: .* byte/ ],
        'half a character' => [ '[{"mapping":{},"title":"\ud800"}]', qr/element 1 of the list: .* byte/ ],
        'a later version'  => [ '{"version":2,"conversations":[]}', qr/version 1/ ],
        'a circle'         => [ do { my $x = copy($CHATGPT); $x->{mapping}{root}{parent} = 'end'; $JSON->encode([$x]) }, qr/is its own ancestor/ ],
        'a circle of one'  => [ do { my $x = copy($CHATGPT); $x->{mapping}{q}{parent} = 'q'; $JSON->encode([$x]) }, qr/is its own ancestor/ ],
        'a circle beside the tree' => [ do { my $x = copy($CHATGPT); $x->{mapping} = { $x->{mapping}->%*, node('x', 'y', ['y']), node('y', 'x', ['x']) }; $JSON->encode([$x]) }, qr/is its own ancestor/ ],
        'a circle of ours'         => [ do { my $x = copy($own); my $m = $x->{conversations}[0]{messages}; $m->[0]{parentId} = $m->[1]{id}; $JSON->encode($x) }, qr/element 1 of the list: message \d is its own ancestor/ ],
        'a role that is none' => [ do { my $x = copy($own); $x->{conversations}[0]{messages}[1]{role} = 'x'; $JSON->encode($x) }, qr/element 1 of the list: "role" of message 2/ ],
        'a time that is none' => [ do { my $x = copy($own); $x->{conversations}[0]{createdAt} = '2020'; $JSON->encode($x) }, qr/its "createdAt" is no time/ ],
        'a parent that is missing' => [ do { my $x = copy($own); $x->{conversations}[0]{messages}[1]{parentId} = 'x'; $JSON->encode($x) }, qr/the parent of message 2 is missing/ ],
        'an id twice'  => [ do { my $x = copy($own); $x->{conversations}[0]{messages}[1]{id} = $x->{conversations}[0]{messages}[0]{id}; $JSON->encode($x) }, qr/the same id/ ],
        'too many messages' => [ do { my $x = copy($own); my $m = $x->{conversations}[0]{messages}; push @$m, map { { $m->[0]->%*, id => "x$_" } } 1 .. 20; $JSON->encode($x) }, qr/more than 20 messages/ ],
        'too long'          => [ do { my $x = copy($own); $x->{conversations}[0]{messages}[0]{parts}[0]{text} = 'x' x 60_000; $JSON->encode($x) }, qr/more than 51200 bytes/ ],
    );
    my $before = $t->as('ann', 'GET', 'conversations')->{json};
    for my $what (sort keys %wrong) {
        my $no = $t->as('ann', 'POST', 'import', json => $wrong{$what}[0]);
        is $no->{status}, 400, "refused: $what" or diag $no->{body};
        like $no->{json}{message}, $wrong{$what}[1], '... with the place';
    }
    answers($t->as('ann', 'POST', 'import', json => '[' . ' ' x 300_000 . ']'), 413, 'payload_too_large', 'a file that is too long');
    answers($t->as('ann', 'POST', 'import', body => '[]'), 415, 'unsupported_media_type', 'a file of another type');
    is_deeply $t->as('ann', 'GET', 'conversations')->{json}, $before, 'and nothing has changed';

    # ---- everything, and the end of it ----
    my $all = $t->as('ann', 'GET', 'me/export')->{json};
    is_deeply $all->{user}, { id => 'ann', role => 'user', tier => 'free' }, 'all that is stored says of whom';
    is scalar $all->{conversations}->@*, 2, '... all conversations';
    is_deeply $all->{conversations}[0]{shares}, [], '... and their shares';
    answers($t->as('ann', 'DELETE', 'me'), 400, 'invalid_request', 'nobody is forgotten by mistake');
    is_deeply $t->as('ann', 'DELETE', 'me?confirm=all')->{json}, { deleted => 2 }, 'forgotten';
    is $t->as('ann', 'GET', 'me/export')->{body} =~ s/"exportedAt":"[^"]*",//r,
        '{"version":1,"user":{"id":"ann","role":"user","tier":"free"},"conversations":[]}', 'nothing is left';
    is $t->as('ann', 'GET', 'export?format=chatgpt')->{body}, '[]', '... in any format';
    is scalar $t->as('bob', 'GET', 'conversations')->{json}{data}->@*, 1, '... but of others';
    $t->stop;
}

for my $db (ChatTest::Chats::databases()) {
    subtest $db => sub { run($db) };
}
$up->stop;
done_testing;
