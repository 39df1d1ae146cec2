# SPDX-License-Identifier: Apache-2.0
#
# What administrators change while the server runs, on both databases: models,
# limits, users and streams, each change recorded; who may, and what is refused;
# a database that is away; and three servers that hear of a change within two
# seconds while requests run.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX ();
use Time::HiRes ();
use ChatTest;
use ChatTest::Chats;
use ChatTest::Postgres;
use ChatTest::Snippets;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 3)->start;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

# A change is effective in time.
sub soon ($is) {
    my (undef, undef, $line) = caller;
    return ChatTest::wait_for("what line $line wants, two seconds later", $is, 2);
}

# What docs/admin.md has to paste, by its language.
open my $page, '<', "$FindBin::Bin/../docs/admin.md" or die $!;
my @INCIDENT = map { $_->{text} } grep { ($_->{mark}{by} // '') eq 't/88-admin.t' }
    ChatTest::Snippets::of('docs/operations.md', do { local (@ARGV, $/) = "$FindBin::Bin/../docs/operations.md"; <> });
my %block = map { $_->{lang} => $_->{text} } ChatTest::Snippets::of('docs/admin.md', do { local $/; <$page> });

sub conf () {
    return $block{apache} . <<"END";
ChatModel n openai price-in=1 price-out=2.5 tier=free,pro alias=enn
ChatModel with/slash openai
<ChatProvider open>
    ChatProviderType openai
    ChatProviderURL @{[ $up->url ]}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /api/v1/unguarded>
    ChatRoute admin
</Location>
<Location /api/v1/methods>
    ChatRoute admin
    AuthType Chat
    <Limit GET>
        Require chat-role admin
    </Limit>
    <LimitExcept GET>
        Require valid-user
    </LimitExcept>
</Location>
<Location /api/v1/models>
    ChatRoute models
    ChatAuth bearer
</Location>
<Location /api/v1/open>
    ChatRoute stream
    ChatStore off
    ChatUse open
</Location>
<Location /api/v1/limited>
    ChatRoute stream
    ChatStore off
    ChatLimit often 3/1h user
</Location>
<Location /api/v1/moneyed>
    ChatRoute stream
    ChatStore off
    ChatLimit money 5.00/1d user unit=cost
</Location>
<Location /api/v1/tiered>
    ChatRoute stream
    ChatStore off
    ChatModelAllow tier=gold *
</Location>
<Location /roles-admin>
    SetHandler none
    AuthType Chat
    AuthzSendForbiddenOnFailure On
    Require chat-role owner admin
</Location>
<Location /roles-gold>
    SetHandler none
    AuthType Chat
    AuthzSendForbiddenOnFailure On
    Require chat-tier gold
</Location>
<Location /roles-bob>
    SetHandler none
    AuthType Chat
    AuthzSendForbiddenOnFailure On
    Require chat-user better-auth:zoe bob
</Location>
END
}

sub admin ($t, $method, $path, @more) { return $t->as('eve', $method, "admin/$path", @more) }

sub ask ($t, $place = 'chat/stream', $model = 'n', $user = 'ann', %o) {
    return $t->as($user, 'POST', $place, json => { model => $model, messages => [ { role => 'user', content => 'Hello' } ] }, %o);
}

sub code ($res) { return join ' ', $res->{status}, $res->{json} && ref $res->{json} eq 'HASH' ? $res->{json}{code} // () : () }

# What was done, without what differs each time.
sub audit ($t, $from = 0) {
    my @rows = reverse admin($t, 'GET', 'audit?limit=100')->{json}{data}->@*;
    splice @rows, 0, $from;
    return @rows;
}

# ---- who may ----

sub is_guarded ($t) {
    my %asked = (
        'a guest' => [ '', 401 ], 'a user' => [ 'ann', 403 ], 'an administrator' => [ 'eve', 200 ],
    );
    for my $who (sort keys %asked) {
        my ($user, $status) = $asked{$who}->@*;
        is $t->as($user, 'GET', 'admin/models')->{status}, $status, "$who asks";
        is $t->as($user, 'PATCH', 'admin/models/n', json => {})->{status}, $status, '... and writes';
    }
    is code($t->as('eve', 'GET', 'unguarded/models')), '403 admin_required', 'a location without a Require of ours has no administrators';
    is code($t->as('eve', 'PATCH', 'unguarded/models/n', json => { enabled => $FALSE })), '403 admin_required', '... of any method';
    is code($t->as('ann', 'PATCH', 'methods/models/n', json => { enabled => $FALSE })), '403 admin_required', '... nor has a method without one';
    is $t->as('eve', 'GET', 'methods/models')->{status}, 200, '... while others have';

    # As a browser would be made to ask by a foreign page.
    my %cookie = ChatTest::Chats::cookie('eve');
    my $forged = $t->as('', 'PATCH', 'admin/models/n', json => { enabled => $FALSE }, headers => { %cookie, Origin => 'https://evil.example' });
    is $forged->{status}, 403, 'a page of elsewhere writes nothing with a cookie';
    is $t->as('', 'PATCH', 'admin/models/n', json => {}, headers => { %cookie, 'Sec-Fetch-Site' => 'cross-site' })->{status}, 403, '... nor does a form';
    is $t->as('', 'PATCH', 'admin/models/n', json => {}, headers => { %cookie, Origin => $t->url('') =~ s{/\z}{}r })->{status}, 200, '... one of this site does';
    is_deeply [ audit($t) ], [], 'and nothing was changed or recorded';
    return;
}

sub requires_hold ($t) {
    $t->write_file("htdocs/roles-$_", "here\n") for qw(admin gold bob);
    my %may = (admin => { eve => 200, ann => 403, bob => 403, '' => 401 }, gold => { ann => 403, '' => 401 }, bob => { bob => 200, ann => 403, eve => 403, '' => 401 });
    for my $place (sort keys %may) {
        for my $user (sort keys $may{$place}->%*) {
            my $res = $t->get("/roles-$place", headers => { length $user ? (Authorization => "Bearer $user") : () });
            is $res->{status}, $may{$place}{$user}, "the file for $place, and '$user'";
        }
    }
    return;
}

# ---- models ----

sub models_are_changed ($t) {
    my $from = audit($t);
    my $list = admin($t, 'GET', 'models')->{json};
    is_deeply [ map { $_->{name} } $list->{data}->@* ], [qw(m n with/slash)], 'every model is listed';
    my ($n) = grep { $_->{name} eq 'n' } $list->{data}->@*;
    my $prices = { priceIn => 1, priceOut => 2.5, priceCached => undef, priceReasoning => undef };
    is_deeply $n, { name => 'n', label => 'n', providers => ['openai'], enabled => $TRUE, tier => [qw(free pro)], %$prices,
        configured => { tier => [qw(free pro)], %$prices }, revision => 1 }, '... as the configuration has it';
    my $got = admin($t, 'GET', 'models/n');
    is_deeply $got->{json}, $n, '... alone, too';
    is $got->{headers}{etag}, '"1"', '... with its revision';
    is admin($t, 'GET', 'models/with/slash')->{json}{name}, 'with/slash', 'a name may have slashes';
    is code(admin($t, $_, 'models/none', json => {})), '404 not_found', "$_ of a model that is none" for qw(GET PATCH);
    is code(admin($t, 'PATCH', 'models/enn', json => { enabled => $FALSE })), '404 not_found', 'an alias is none';

    {
        local $ENV{TOKEN} = 'eve';
        my $said = qx(@{[ $block{sh} =~ s{https://chat\.example}{ 'http://127.0.0.1:' . $t->port }er =~ s/gpt-4o/none/r ]});
        like $said, qr/"code":"not_found"/, 'curl is enough';
    }
    is ask($t)->{status}, 200, 'it answers';
    my $off = admin($t, 'PATCH', 'models/n', json => { enabled => $FALSE }, headers => { 'If-Match' => '"1"' });
    is $off->{status}, 200, 'it is switched off' or diag $off->{body};
    is $off->{json}{enabled}, $FALSE, '... which is told';
    my $tag = $off->{headers}{etag};
    cmp_ok $off->{json}{revision}, '>', 1, '... with a new revision';
    is $tag, qq("$off->{json}{revision}"), '... as ETag, too';
    soon(sub { code(ask($t)) eq '403 model_disabled' });
    is code(ask($t, 'chat/stream', 'enn')), '403 model_disabled', '... by its alias, too';
    is ask($t, 'chat/stream', 'm')->{status}, 200, '... and others answer';
    is code(ask($t, 'open')), '403 model_disabled', '... it is off where a provider takes any name';
    is ask($t, 'open', 'any')->{status}, 200, '... others are not';
    is_deeply [ map { $_->{id} } $t->as('ann', 'GET', 'models')->{json}{data}->@* ], [qw(m with/slash)], '... and it is not in the list of models';

    my $stale = admin($t, 'PATCH', 'models/n', json => { enabled => $TRUE }, headers => { 'If-Match' => '"1"' });
    is code($stale), '412 precondition_failed', 'a stale revision';
    is_deeply $stale->{json}{current}, $off->{json}, '... is told how it is';
    is $stale->{headers}{etag}, $tag, '... and its ETag';
    is admin($t, 'PATCH', 'models/n', json => { enabled => $FALSE })->{json}{revision}, $off->{json}{revision}, 'what changes nothing has no new revision';

    my $priced = admin($t, 'PATCH', 'models/n', json => { enabled => $TRUE, priceIn => 0.000001, priceOut => 999_999, tier => ['pro'] });
    is_deeply [ $priced->{json}->@{qw(enabled priceIn priceOut tier)} ], [ $TRUE, 0.000001, 999_999, ['pro'] ], 'prices and tiers are set' or diag $priced->{body};
    is_deeply $priced->{json}{configured}, $n->{configured}, '... beside those of the configuration';
    soon(sub { code(ask($t)) eq '403 model_forbidden' });
    admin($t, 'PATCH', 'models/n', json => { tier => ['gold'] });
    soon(sub { admin($t, 'GET', 'models/n')->{json}{tier}[0] eq 'gold' });
    is code(ask($t)), '403 model_forbidden', 'no tier is let in that the configuration does not let in';
    my $reset = admin($t, 'PATCH', 'models/n', json => { map { $_ => undef } qw(enabled tier priceIn priceOut priceCached priceReasoning) });
    is_deeply { $reset->{json}->%*, revision => 1 }, $n, 'null takes back';
    soon(sub { ask($t)->{status} == 200 });

    my @done = audit($t, $from);
    is_deeply [ map { "$_->{action} $_->{target} $_->{actor}" } @done ],
        [ map { "$_ n better-auth:eve" } qw(model.disable model.enable model.change model.change) ], 'each change was recorded, once';
    is_deeply [ $done[0]->@{qw(before after address)} ], [ undef, { enabled => $FALSE }, '127.0.0.1' ], '... with what was before and after, and from where';
    is_deeply $done[1]{before}, $done[0]{after}, '... of each other';
    is $done[0]{requestId}, $off->{headers}{'x-request-id'}, '... and the id of the request';
    return;
}

sub bad_bodies ($t) {
    my $from = audit($t);
    my %bad = (
        'PATCH models/n' => [ '[]', '1', '{"enabled":"no"}', '{"enabled":0}', '{"enable":false}', '{"tier":"pro"}', '{"tier":[""]}', '{"tier":["a b"]}', '{"tier":[1]}',
            '{"priceIn":-1,"priceOut":1}', '{"priceIn":1e400,"priceOut":1}', '{"priceIn":1000000}', '{"priceIn":"1"}', '{"priceOut":9e99}', '{"__proto__":{}}' ],
        'PATCH models/m' => [ '{"priceIn":1}', '{"priceOut":1}' ],
        'PUT limits/often' => [ '{}', '{"limit":-1}', '{"limit":1.5}', '{"limit":4}', '{"limit":1e400}', '{"limit":"2"}', '{"limit":null}', '{"limit":18446744073709551617}', '{"limit":1,"x":1}' ],
        'PUT limits/money' => [ '{"limit":5.01}', '{"limit":900001}', '{"limit":-0.01}' ],
        'PUT users/ann/tier' => [ '{}', '{"tier":""}', '{"tier":"a,admin"}', '{"tier":"pro","until":"yesterday"}', '{"tier":"pro","until":"2001-01-01T00:00:00Z"}' ],
        'PUT users/ann/block' => [ '{}', '{"reason":"bad words"}', '{"reason":"x","until":"2001-01-01T00:00:00Z"}', '{"reason":"x","until":5}' ],
        'PUT users/eve/block' => ['{"reason":"oneself"}'],
    );
    for my $what (sort keys %bad) {
        for my $body ($bad{$what}->@*) {
            my $res = admin($t, (split / /, $what), body => $body, headers => { 'Content-Type' => 'application/json' });
            is code($res), '400 invalid_request', "$what $body" or diag $res->{body};
            ok $res->{json}{issues} && $res->{json}{issues}->@* && $res->{json}{issues}[0]{message}, '... with issues';
        }
    }
    is code(admin($t, 'PATCH', 'models/n', body => '{', headers => { 'Content-Type' => 'application/json' })), '400 invalid_json', 'no JSON';
    is code(admin($t, 'PATCH', 'models/n', body => '{}', headers => { 'Content-Type' => 'text/plain' })), '415 unsupported_media_type', 'a form';
    is scalar(audit($t, $from)), 0, 'nothing of it was recorded';
    is admin($t, 'GET', "$_?after=nonsense")->{status}, 400, "a cursor of $_ that is none" for qw(audit streams users);
    return;
}

# ---- limits ----

sub limits_are_changed ($t) {
    my $from = audit($t);
    my %of = map { $_->{name} => $_ } admin($t, 'GET', 'limits')->{json}{data}->@*;
    is_deeply $of{money}{policies}[0], { unit => 'usd', limit => 5, configured => 5, windowSeconds => 86400, tier => undef, model => undef }, 'limits of money are dollars';
    is $of{often}{limit}, undef, 'nothing was set yet';
    is code(admin($t, $_, 'limits/none', json => { limit => 1 })), '404 not_found', "$_ of a limit that is none" for qw(GET PUT DELETE);
    is ask($t, 'limited')->{status}, 200, 'three are allowed';
    my $set = admin($t, 'PUT', 'limits/often', json => { limit => 1 });
    is_deeply [ $set->{json}->@{qw(name limit)}, $set->{json}{policies}[0]->@{qw(limit configured)} ], [ 'often', 1, 1, 3 ], 'one is' or diag $set->{body};
    soon(sub { code(ask($t, 'limited', 'n', 'bob')) eq '429 rate_limited' });
    is code(ask($t, 'limited')), '429 rate_limited', 'what was counted before counts';
    is admin($t, 'PUT', 'limits/often', json => { limit => 0 })->{status}, 200, 'none is';
    soon(sub { code(ask($t, 'limited', 'm', 'eve')) eq '429 rate_limited' });
    is admin($t, 'DELETE', 'limits/often', headers => { 'If-Match' => '"1"' })->{status}, 412, 'DELETE of a stale revision';
    is admin($t, 'DELETE', 'limits/often')->{status}, 204, 'as the configuration has it';
    is admin($t, 'DELETE', 'limits/often')->{status}, 204, '... again';
    soon(sub { ask($t, 'limited')->{status} == 200 });
    is admin($t, 'PUT', 'limits/money', json => { limit => 0.001 })->{status}, 200, 'a tenth of a cent';
    soon(sub { code(ask($t, 'moneyed')) eq '429 rate_limited' });
    admin($t, 'DELETE', 'limits/money');
    is_deeply [ map { "$_->{action} $_->{target} " . JSON::PP->new->canonical->encode([ $_->@{qw(before after)} ]) } audit($t, $from) ],
        [ 'limit.set often [null,{"limit":1}]', 'limit.set often [{"limit":1},{"limit":0}]', 'limit.clear often [{"limit":0},null]',
            'limit.set money [null,{"limit":0.001}]', 'limit.clear money [{"limit":0.001},null]' ], 'each was recorded';
    return;
}

# ---- users ----

sub users_are_changed ($t) {
    my $from = audit($t);
    my $c = $t->as('ann', 'POST', 'conversations', json => {})->{json}{id};
    my $list = admin($t, 'GET', 'users');
    is_deeply $list->{json}, { data => [ { id => 'better-auth:ann', tier => undef, block => undef, revision => 1 } ], nextCursor => undef }, 'who has used anything is listed' or diag $list->{body};
    is scalar admin($t, 'GET', 'users?q=nobody')->{json}{data}->@*, 0, '... or searched for';
    my $ann = admin($t, 'GET', 'users/ann');
    is_deeply [ $ann->{json}->@{qw(id tier block streams)} ], [ 'better-auth:ann', undef, undef, [] ], 'one of them' or diag $ann->{body};
    is $ann->{json}{usage}{requests}, 0, '... with what was used';
    is_deeply admin($t, 'GET', 'users/better-auth:ann')->{json}, $ann->{json}, '... by the whole name';

    is code(ask($t, 'tiered', 'm')), '403 model_forbidden', 'a tier has it not';
    my $later = '2031-01-02T03:04:05.000Z';
    my $tier = admin($t, 'PUT', 'users/ann/tier', json => { tier => 'gold', until => $later });
    is_deeply $tier->{json}{tier}, { name => 'gold', source => 'admin', until => $later }, 'ann has another' or diag $tier->{body};
    soon(sub { ask($t, 'tiered', 'm')->{status} == 200 });
    is code(ask($t, 'tiered', 'm', 'bob')), '403 model_forbidden', '... and bob has not';
    is $t->get('/roles-gold', headers => { Authorization => 'Bearer ann' })->{status}, 200, '... Require chat-tier knows it';
    is admin($t, 'PUT', 'users/ann/tier', json => { tier => undef })->{json}{tier}, undef, 'it is taken back';
    soon(sub { code(ask($t, 'tiered', 'm')) eq '403 model_forbidden' });

    my $blocked = admin($t, 'PUT', 'users/ann/block', json => { reason => 'abuse', until => $later });
    is_deeply $blocked->{json}{block}, { reason => 'abuse', until => $later }, 'ann is blocked' or diag $blocked->{body};
    soon(sub { code(ask($t)) eq '403 blocked' });
    my $no = ask($t);
    like $no->{json}{message}, qr/\AThis account is blocked until 2031-01-02T03:04:05Z: abuse\.\z/, '... and is told until when and why';
    cmp_ok $no->{headers}{'retry-after'}, '>', 86400, '... in seconds, too';
    is code($t->as('ann', 'GET', $_)), '403 blocked', "... $_ refuses" for 'conversations', "conversations/$c/messages", 'me', 'usage';
    is $t->as('bob', 'GET', 'conversations')->{status}, 200, '... others are not';
    is $t->as('', 'GET', 'shared/' . 'A' x 22)->{status}, 404, '... nor are guests';
    is admin($t, 'GET', 'users?q=ann')->{json}{data}[0]{block}{reason}, 'abuse', 'the list tells';
    is admin($t, 'PUT', 'users/ann/block', json => { reason => undef })->{json}{block}, undef, 'she is let in again';
    soon(sub { ask($t)->{status} == 200 });

    # Ids with odd bytes: each is itself, and no other.
    my @odd = ('a b', 'a%2Fb', 'ünï', q{'; drop table chat_setting; --}, '%', '_', 'a"b\\c', "tab\there", '<script>', 'x' x 1000);
    for my $id (@odd) {
        my $path = 'users/' . $id =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger;
        my $res = admin($t, 'PUT', "$path/block", json => { reason => 'odd' });
        is $res->{status}, 200, "an id with odd bytes: " . substr($id, 0, 40) or diag $res->{body};
        is $res->{json}{id}, 'better-auth:' . do { my $x = $id; utf8::decode($x); $x }, '... is what it is' if $res->{json};
    }
    is admin($t, 'PUT', 'users/%FF%FE/block', json => { reason => 'odd' })->{status}, 400, 'an id that is no UTF-8';
    is admin($t, 'PUT', 'users/' . 'x' x 1100 . '/block', json => { reason => 'odd' })->{status}, 400, '... or too long';
    my (@seen, $after);
    do {
        my $page = admin($t, 'GET', 'users?limit=4' . ($after ? "&after=$after" : ''))->{json};
        push @seen, map { $_->{id} } $page->{data}->@*;
        $after = $page->{nextCursor};
    } while $after;
    is scalar(@seen), @odd + 1, 'pages have each once' or diag join ', ', @seen;
    is_deeply { map { $_ => 1 } @seen }, { map { my $x = "better-auth:$_"; utf8::decode($x); $x => 1 } 'ann', @odd }, '... and all';
    is scalar admin($t, 'GET', 'users?q=%25')->{json}{data}->@*, 2, 'what is searched for is no pattern';
    is_deeply [ map { "$_->{action} $_->{target}" } (audit($t, $from))[ 0 .. 3 ] ],
        [ map { "$_ better-auth:ann" } qw(user.tier user.untier user.block user.unblock) ], 'each was recorded';

    # As docs/operations.md has it: a model off, a user out.
    is scalar @INCIDENT, 2, 'docs/operations.md has what to do at once';
    for my $curl (@INCIDENT) {
        local $ENV{TOKEN} = 'eve';
        my $said = qx(@{[ $curl =~ s{https://chat\.example}{ 'http://127.0.0.1:' . $t->port }er =~ s/gpt-4o/m/r ]} 2>/dev/null);
        like $said, qr/"(?:enabled":false|reason":"abuse")/, $curl =~ /(\S+) -H/ ? $1 : $curl;
    }
    is admin($t, 'PATCH', 'models/m', json => { enabled => $TRUE })->{status}, 200, '... and the model is on again';
    is admin($t, 'PUT', 'users/ann/block', json => { reason => undef })->{status}, 200, '... and she may ask again';
    return;
}

# ---- streams ----

# A question of which nobody waits for the answer.
sub begin ($t, $user, $c) {
    my $conn = $t->connect(timeout => scaled(30));
    $conn->request('POST', "/api/v1/conversations/$c/messages", headers => [ 'Content-Type' => 'application/json', Authorization => "Bearer $user" ],
        body => JSON::PP->new->utf8->encode({ content => 'Long mock(n=4000;pace=20)' }));
    return $conn;
}

sub streams_are_stopped ($t, $u = $t) {
    my $c = $t->as('bob', 'POST', 'conversations', json => {})->{json}{id};
    my $conn = begin($t, 'bob', $c);
    my ($stream) = ChatTest::wait_for(sub { my ($s) = admin($u, 'GET', 'streams')->{json}{data}->@*; $s }, 'it runs');
    is $stream->{userId}, 'better-auth:bob', 'whose it is';
    is_deeply [ map { $_->{id} } admin($u, 'GET', 'users/bob')->{json}{streams}->@* ], [ $stream->{id} ], '... is told with him, too';
    is code(admin($u, 'DELETE', 'streams/' . ChatTest::Chats::uuid())), '404 not_found', 'a stream that is none';
    is code(admin($u, 'DELETE', "streams/$stream->{id}")), '202', 'it is stopped';
    my $res = $conn->response;
    is $res->{status}, 200, '... and ends';
    like $res->{body}, qr/"finishReason":"stopped"/, '... as stopped' or diag substr $res->{body}, -400;
    ChatTest::wait_for(sub { !admin($u, 'GET', 'streams')->{json}{data}->@* }, 'none runs');
    is code(admin($u, 'DELETE', "streams/$stream->{id}")), '404 not_found', 'once more';

    $conn = begin($t, 'bob', $c);
    ChatTest::wait_for(sub { admin($u, 'GET', 'streams')->{json}{data}->@* }, 'another runs');
    admin($u, 'PUT', 'users/bob/block', json => { reason => 'abuse' });
    like $conn->response->{body}, qr/"finishReason":"stopped"/, 'who is blocked is stopped';
    admin($u, 'PUT', 'users/bob/block', json => { reason => undef });
    soon(sub { $t->as('bob', 'GET', 'conversations')->{status} == 200 });
    my @done = audit($u);
    is_deeply [ map { "$_->{action} $_->{target}" } @done[ -3 .. -1 ] ], [ "stream.stop $stream->{id}", 'user.block better-auth:bob', 'user.unblock better-auth:bob' ], 'recorded';
    return;
}

# ---- the record ----

sub record_is_kept ($t) {
    $t->sql("create role chat_httpd; $block{sql}") if $t->{pg};
    for my $sql ("update chat_audit set actor = 'nobody'", 'delete from chat_audit') {
        my $n = $t->sql('select count(*) from chat_audit');
        ok !eval { $t->sql($sql); 1 }, "refused: $sql";
        is $t->sql("select count(*) from chat_audit where actor <> 'nobody'"), $n, '... and nothing of the record is changed';
    }
    my (@seen, $after);
    do {
        my $page = admin($t, 'GET', 'audit?limit=3' . ($after ? "&after=$after" : ''))->{json};
        push @seen, map { $_->{id} } $page->{data}->@*;
        $after = $page->{nextCursor};
    } while $after;
    is_deeply \@seen, [ map { $_->{id} } reverse audit($t) ], 'pages of it have each row once';
    return;
}

# ---- a database that is away ----

sub status ($t) { return $t->get('/server-status?auto')->{body} =~ /^ChatSettings: (\d+) (\w+)/m ? [ $1, $2 ] : [] }

# Whose session is in the database cannot sign in: so guests ask.
sub outlives_the_database ($t, $pg) {
    admin($t, 'PATCH', 'models/m', json => { enabled => $FALSE });
    soon(sub { code(ask($t, 'open', 'm', '')) eq '403 model_disabled' });
    is status($t)->[1], 'current', 'mod_status says that settings are known';
    $t->expect_log(qr/CHAT02\d\d: /);
    $t->allow_log(qr/DBD|dbd|AH0\d+/);
    $pg->stop;
    ChatTest::wait_for(sub { status($t)->[1] eq 'stale' }, 'mod_status says that they are stale', 15);
    is code(ask($t, 'open', 'm', '')), '403 model_disabled', 'with no database what was known last holds';
    is ask($t, 'open', 'any', '')->{status}, 200, '... and no more than that';
    is admin($t, 'PATCH', 'models/m', json => { enabled => $TRUE })->{status}, 503, '... nothing can be set';
    $t->graceful;
    is code(ask($t, 'open', 'm', '')), '403 model_disabled', 'children that start meanwhile know it, too';
    $pg->start;
    ChatTest::wait_for(sub { admin($t, 'PATCH', 'models/m', json => { enabled => $TRUE })->{status} == 200 }, 'it is back', 20);
    soon(sub { ask($t, 'open', 'm', '')->{status} == 200 });
    return;
}

# ---- three servers ----

# Clients that ask each of them: with CHAT_TEST_LOADS=4 a quiet machine has 500
# requests/s and more.
my $LOADS = $ENV{CHAT_TEST_LOADS} // 1;

# Requests as fast as they go, until told to end: when each was sent, and its
# status, as a file of lines.
sub load ($t, $file) {
    my $pid = fork // die $!;
    return $pid if $pid;
    open my $out, '>', $file or POSIX::_exit(1);
    $out->autoflush;
    my $going = 1;
    local $SIG{TERM} = sub { $going = 0 };
    my $conn = $t->connect(timeout => 10);
    while ($going) {
        my $at = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
        my $res = ask($t, 'open', 'n', 'ann', conn => $conn, keep => 1);
        print {$out} "$at $res->{status}\n" if $res->{status};
        $conn = $res->{status} && $res->{conn} ? $res->{conn} : $t->connect(timeout => 10);
    }
    POSIX::_exit(0);
}

sub three_servers () {
    my $pg = ChatTest::Postgres->new->start;
    my @t = map { ChatTest::Chats->new(db => 'pgsql', pg => $pg, upstream => $up, modules => [qw(authn_core authz_user status)], conf => conf())->start } 1 .. 3;
    is ask($_, 'open')->{status}, 200, 'each server answers' for @t;
    my @load = map { my $i = $_; map { load($t[$i], $t[$i]->dir . "/load$_") } 1 .. $LOADS } 0 .. 2;
    my $lines = sub ($i) { map { split /\n/, $t[$i]->slurp("load$_") } 1 .. $LOADS };
    ChatTest::wait_for(sub { 3 == grep { $lines->($_) > 20 } 0 .. 2 }, 'requests run', 20);
    my $rev = admin($t[0], 'PATCH', 'models/n', json => { enabled => $FALSE })->{json}{revision};
    my $at = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
    ChatTest::wait_for(sub { 3 == grep { ($lines->($_))[-1] =~ / 403$/ } 0 .. 2 }, 'each refuses', 10);
    Time::HiRes::sleep(0.05) until Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) > $at + 2.2;
    kill TERM => @load;
    waitpid $_, 0 for @load;
    my $rate = 0;
    for my $i (0 .. 2) {
        my @sent = sort { $a->[0] <=> $b->[0] } map { [split] } $lines->($i);
        my ($first, $last) = map { $_->[0] } @sent[ 0, -1 ];
        my @late = grep { $_->[1] == 200 && $_->[0] > $at + 2 } @sent;
        my ($no) = map { $_->[0] - $at } grep { $_->[1] == 403 } @sent;
        is scalar(@late), 0, 'server ' . ($i + 1) . ' answers nothing that was sent two seconds later';
        note sprintf 'server %d refused after %.2f s, with %d requests/s', $i + 1, $no, @sent / ($last - $first);
        $rate += @sent / ($last - $first);
    }
    note sprintf '%d requests/s in all', $rate;
    is scalar(audit($t[2])), 1, 'and one thing was done';
    is_deeply [ map { status($_)->[0] } @t ], [ ($rev) x 3 ], '... which each server says it knows';
    streams_are_stopped($t[0], $t[1]);
    $_->stop for @t[ 1, 2 ];
    outlives_the_database($t[0], $pg);
    $t[0]->stop;
    $pg->stop;
    return;
}

sub one_server ($db) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up, modules => [qw(authn_core authz_user status)], conf => conf())->start;
    $t->expect_log(qr/CHAT0807: /, qr/AH01631: /);
    is_guarded($t);
    requires_hold($t);
    models_are_changed($t);
    bad_bodies($t);
    limits_are_changed($t);
    users_are_changed($t);
    streams_are_stopped($t);
    record_is_kept($t);
    $t->stop;
    return;
}

for my $db (ChatTest::Chats::databases()) {
    subtest $db => sub { one_server($db) };
}
subtest 'three servers' => sub { three_servers() } if ChatTest::Postgres::bin_dir();
$up->stop;
done_testing;
