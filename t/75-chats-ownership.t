# SPDX-License-Identifier: Apache-2.0
#
# Whose things are whose: every row of every table of routes, as its source has
# it, for its owner, another user, an administrator, a guest and somebody who
# was given a share. A row that is not described here fails.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

my $ROOT = $ChatTest::Httpd::ROOT;
my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new(n => 3)->start;

# What its owner gets, and what it is asked with. mine: no id is in the path,
# and nothing of somebody else is told. all: everybody may.
my %ROW = (
    conversations => {
        'GET '         => { status => 200, mine => 1 },
        'POST '        => { status => 201, mine => 1, json => {} },
        'DELETE '      => { status => 200, mine => 1, query => '?confirm=all' },
        'GET /changes' => { status => 200, mine => 1 },
        'GET /*'       => { status => 200 },
        'PATCH /*'     => { status => 200, json => { title => 'mine' } },
        'DELETE /*'    => { status => 204 },
        'POST /*/restore' => { status => 200, before => 'DELETE /*' },
        'POST /*/fork'    => { status => 201, json => sub ($of) { { messageId => $of->{answer} } } },
        'POST /*/title'   => { status => 200 },
        'GET /*/export'   => { status => 200 },
        'GET /*/messages' => { status => 200 },
        'POST /*/messages'    => { status => 200, json => { content => 'And? mock(seed=8)' } },
        'GET /*/messages/*'   => { status => 200 },
        'PATCH /*/messages/*' => { status => 200, json => { parts => [ { type => 'text', text => 'x' } ] } },
        'DELETE /*/messages/*' => { status => 204 },
        'POST /*/messages/*/regenerate' => { status => 200, json => {} },
        'PUT /*/messages/*/feedback'    => { status => 204, json => { kind => 'positive' } },
        'GET /*/shares'      => { status => 200 },
        'POST /*/shares'     => { status => 201, json => {} },
        'DELETE /*/shares/@' => { status => 204 },
    },
    search => { 'GET ' => { status => 200, mine => 1, query => '?q=canary' } },
    shared => { 'GET /@' => { status => 200, all => 1 } },
    shares => { 'DELETE ' => { status => 200, mine => 1, query => '?confirm=all' } },
    export => { 'GET ' => { status => 200, mine => 1 } },
    import => { 'POST ' => { status => 200, mine => 1, json => [] } },
    me     => {
        'GET '       => { status => 200, mine => 1, guest => 200 },
        'DELETE '    => { status => 200, mine => 1, query => '?confirm=all' },
        'GET /export' => { status => 200, mine => 1 },
    },
    keys => {
        'GET '          => { status => 200, mine => 1 },
        'PUT /$'        => { status => 200, mine => 1, others => 201, json => { key => 'sk-of-whoever-asks-0000', check => JSON::PP::false } },
        'POST /$/check' => { status => 200, mine => 1, others => 404 },
        'DELETE /$'     => { status => 204, mine => 1 },
        'DELETE '       => { status => 204, mine => 1, query => '?all=true' },
    },
    usage => { 'GET ' => { status => 200, mine => 1 } },
    # Bytes go by URLs that say who may: without a signature nobody.
    uploads => {
        'POST '            => { status => 201, mine => 1, json => { filename => 'a', mediaType => 'text/plain', size => 3 } },
        'GET /*'           => { status => 200 },
        'DELETE /*'        => { status => 204 },
        'POST /*/complete' => { status => 409, json => {} },
        'GET /*/content'   => { status => 404 },
        'PUT /*/file'      => { status => 403, all => 403 },
        'GET /*/file'      => { status => 403, all => 403 },
    },
    # What administrators alone may, of whomever: a user is refused whatever it is.
    admin => {
        'GET /models'          => { status => 200, admin => 1 },
        'GET /models/~'        => { status => 200, admin => 1 },
        'PATCH /models/~'      => { status => 200, admin => 1, json => { enabled => JSON::PP::true } },
        'GET /limits'          => { status => 200, admin => 1 },
        'GET /limits/$'        => { status => 404, admin => 1 },
        'PUT /limits/$'        => { status => 404, admin => 1, json => { limit => 1 } },
        'DELETE /limits/$'     => { status => 404, admin => 1 },
        'GET /users'           => { status => 200, admin => 1 },
        'GET /users/$'         => { status => 200, admin => 1 },
        'PUT /users/$/tier'    => { status => 200, admin => 1, json => { tier => undef } },
        'PUT /users/$/block'   => { status => 200, admin => 1, json => { reason => undef } },
        'GET /streams'         => { status => 200, admin => 1 },
        'DELETE /streams/*'    => { status => 404, admin => 1 },
        'GET /audit'           => { status => 200, admin => 1 },
    },
    'chat/stream' => { 'GET /*' => { status => 200 }, 'POST /*/stop' => { status => 200 } },
);

my %FILE = (conversations => 'conversations', search => 'search', shared => 'shared', shares => 'shared', export => 'export',
    import => 'import', me => 'me', keys => 'keys', usage => 'usage', uploads => 'upload', admin => 'admin', 'chat/stream' => 'resume');

sub rows ($file) {
    open my $fh, '<', "$ROOT/src/route/chat_route_$file.c" or die $!;
    my $text = do { local $/; <$fh> };
    my @rows = $text =~ /\{M_(\w+),\s*"([^"]*)",\s*\w+,/g;
    return map { "$rows[2 * $_] $rows[2 * $_ + 1]" } 0 .. @rows / 2 - 1;
}

for my $file (sort { $a cmp $b } grep { defined } map { m{/chat_route_(\w+)\.c\z} ? $1 : undef } glob "$ROOT/src/route/*.c") {
    my @rows = rows($file) or next;
    my @described = map { keys $ROW{$_}->%* } grep { $FILE{$_} eq $file } keys %ROW;
    is_deeply [ sort @rows ], [ sort @described ], "every row of chat_route_$file.c is described, and no other";
}

# The end of ann's key, which she alone is shown.
my $KEY = 'Q7zX';

# A conversation of ann with all that one can have.
sub conversation ($t) {
    my $id = $t->as('ann', 'POST', 'conversations', json => { title => "the canary title" })->{json}{id};
    my $res = $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'canary mock(seed=7)' });
    my ($start) = map { $JSON->decode($_->{data}) } $res->{events}->@*;
    my $share = $t->as('ann', 'POST', "conversations/$id/shares", json => {})->{json}{id};
    $t->as('ann', 'PUT', 'keys/openai', json => { key => "sk-of-ann-alone-$KEY", check => JSON::PP::false });
    my $upload = $t->as('ann', 'POST', 'uploads', json => { filename => 'canary.txt', mediaType => 'text/plain', size => 3 })->{json}{id};
    return { id => $id, answer => $start->{messageId}, stream => $start->{streamId}, share => $share, upload => $upload };
}

# The path of a row with these ids, its query, its body.
sub ask ($t, $user, $route, $row, $of) {
    my ($method, $path) = split / /, $row, 2;
    my $how = $ROW{$route}{$row};
    my @ids = $route eq 'chat/stream' || $route eq 'admin' ? $of->{stream} : $route eq 'uploads' ? $of->{upload} : ($of->{id}, $of->{answer});
    $path =~ s/\*/shift @ids/ge;
    $path =~ s/\@/$of->{share}/;
    $path =~ s/\$/openai/;
    $path =~ s/~/m/;
    my $json = ref $how->{json} eq 'CODE' ? $how->{json}->($of) : $how->{json};
    return $t->as($user, $method, "$route$path" . ($how->{query} // ''), $json ? (json => $json) : ());
}

sub said ($res) { return $res->{body} =~ s/"requestId":"[^"]*"/"requestId":""/r }

# Things of ann's that bob names in what is his own: as what is not there.
sub is_kept_apart ($t, $of) {
    my $c = $t->as('bob', 'POST', 'conversations', json => {})->{json}{id};
    $t->as('bob', 'POST', "conversations/$c/messages", json => { content => 'mine mock(seed=9)' });
    my $before = $t->as('bob', 'GET', "conversations/$c/messages?branch=all")->{json};
    my %asked = (
        (map { my ($method, $path) = split / /, $_, 2; ("$method $path" => [ $method, $path =~ s/\*/$c/r =~ s/\*/$of->{answer}/r, $ROW{conversations}{$_}{json} ]) }
            grep { /\*.*\*/ } keys $ROW{conversations}->%*),
        'a fork from it'     => [ 'POST', "/$c/fork", { messageId => $of->{answer} } ],
        'a share of it'      => [ 'POST', "/$c/shares", { leafMessageId => $of->{answer} } ],
        'to go on behind it' => [ 'POST', "/$c/messages", { content => 'x', parentId => $of->{answer} } ],
        'to show it'         => [ 'PATCH', "/$c", { currentMessageId => $of->{answer} } ],
        'to revoke it'       => [ 'DELETE', "/$c/shares/$of->{share}", undef ],
    );
    for my $what (sort keys %asked) {
        my ($method, $path, $json) = $asked{$what}->@*;
        my $res = $t->as('bob', $method, "conversations$path", $json ? (json => ref $json eq 'CODE' ? $json->($of) : $json) : ());
        like $res->{status}, qr/^40[04]$/, "$what, in a conversation of one's own" or diag $res->{body};
        my $none = $t->as('bob', $method, 'conversations' . $path =~ s/$of->{answer}/ChatTest::Chats::uuid()/er,
            $json ? (json => $JSON->decode($JSON->encode(ref $json eq 'CODE' ? $json->($of) : $json) =~ s/$of->{answer}/ChatTest::Chats::uuid()/er)) : ());
        is said($res), said($none), '... is told no more of than of what there is not' if $what ne 'to revoke it';
    }
    is_deeply $t->as('bob', 'GET', "conversations/$c/messages?branch=all")->{json}, $before, '... and nothing of it has changed';
    $t->as('bob', 'DELETE', "conversations/$c");
    return;
}

sub run ($db) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up,
        modules => ['authn_core'],
        conf => "ChatKeySecret file:keys.secret\n<Location /api/v1/keys>\nChatRoute keys\nChatUserKeys allow\n</Location>\n"
            . "ChatUploads dir:%%DIR%%/files\n<Location /api/v1/uploads>\nChatRoute uploads\n</Location>\n"
            . "ChatAdmin on\n<Location /api/v1/admin>\nChatRoute admin\nAuthType Chat\nAuthzSendForbiddenOnFailure On\nRequire chat-role admin\n</Location>\n");
    $t->allow_log(qr/AH01631: /);
    $t->write_file('keys.secret', 'a1' x 32 . "\n", 0600);
    mkdir my $files = $t->dir . '/files', 0700 or die $!;
    chown +(getpwnam 'www-data')[2, 3], $files if $> == 0;
    $t->start;
    my $of = conversation($t);
    my $none = { share => 'A' x 22, map { $_ => ChatTest::Chats::uuid() } qw(id answer stream upload) };
    my $before = $t->as('ann', 'GET', 'me/export')->{json}{conversations};
    my @secrets = (values %$of, 'the canary title', $KEY);

    for my $route (sort keys %ROW) {
        for my $row (sort keys $ROW{$route}->%*) {
            my $how = $ROW{$route}{$row};
            for my $user (qw(bob eve), '') {
                my $name = "$row of $route for " . ($user || 'a guest, and who has a share');
                my $res = ask($t, $user, $route, $row, $of);
                if ($how->{admin}) {
                    is $res->{status}, !$user ? 401 : $user eq 'eve' ? $how->{status} : 403, $name or diag $res->{body};
                    is index($res->{body}, $_), -1, '... who is told nothing of what is kept' for 'the canary title', $KEY;
                    next;
                }
                if ($how->{all}) {
                    is $res->{status}, $how->{all} == 1 ? 200 : $how->{all}, "$name: may, or none of them";
                    next;
                }
                is $res->{status}, $user ? $how->{mine} ? $how->{others} // $how->{status} : 404 : $how->{guest} // 401, $name or diag $res->{body};
                is scalar(grep { index($res->{body}, $_) >= 0 } @secrets), 0, '... who is told nothing of it';
                is said($res), said(ask($t, $user, $route, $row, $none)), '... and no more than of what there is not' if !$how->{mine};
            }
        }
    }
    is_kept_apart($t, $of);
    is_deeply $t->as('ann', 'GET', 'me/export')->{json}{conversations}, $before, 'and nothing of it has changed';
    is $t->as('ann', 'GET', 'keys')->{json}{data}[0]{last4}, $KEY, '... nor has her key';

    my $shown = $t->as('', 'GET', "shared/$of->{share}");
    is scalar(grep { index($shown->{body}, $_) >= 0 } $of->@{qw(id answer stream)}, 'ann"'), 0, 'who has a share learns no ids from it';
    is $t->as('bob', 'DELETE', "conversations/@{[ conversation($t)->{id} ]}/shares/$of->{share}")->{status}, 404, 'a share of another conversation';

    for my $route (sort keys %ROW) {
        for my $row (sort keys $ROW{$route}->%*) {
            my $of = conversation($t);
            my $how = $ROW{$route}{$row};
            next if $how->{admin};
            ask($t, 'ann', $route, $how->{before}, $of) if $how->{before};
            my $res = ask($t, 'ann', $route, $row, $of);
            is $res->{status}, $how->{status}, "$row of $route for its owner" or diag $res->{body};
        }
    }
    $t->stop;
}

for my $db (ChatTest::Chats::databases()) {
    subtest $db => sub { run($db) };
}
$up->stop;
done_testing;
