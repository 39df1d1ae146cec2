# SPDX-License-Identifier: Apache-2.0
#
# The models route: the list, one model, and who sees which. What is shown is
# what can be asked for, and nothing of how.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

my $t = ChatTest->new(modules => ['dbd'], conf => <<'END');
DBDriver sqlite3
DBDParams "%%DIR%%/run/sessions.db"
ChatAuthSession sql "SELECT column1, 4102444800, column2, 0, column3 FROM (VALUES ('ann', 'user', 'free'), ('bob', 'user', 'standard'), ('eve', 'user,admin', NULL)) WHERE column1 = %s"

<ChatProvider openai>
    ChatProviderURL https://openai.hidden.example:1/v1
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<ChatProvider azure>
    ChatProviderType compatible
    ChatProviderURL  http://azure.hidden.example:1/v1
</ChatProvider>

ChatModel gpt-4o-mini openai upstream=hidden-1 "label=GPT-4o mini" released=2024-07-18 context=128K max-output=16384 price-in=0.15 price-out=0.60 alias=mini,small without=parts
ChatModel gpt-5 openai tier=standard,admin context=400K without=temperature,top-p,stop,effort,system,tools,json,schema,parts
ChatModel gpt-4o-mini azure upstream=hidden-2 alias=deployed
ChatModel org/model:free azure "label=Gr\"u\"n" price-in=0
ChatModel later own

SetHandler chat
ChatRoute models
<Location /public>
    ChatRoute models
</Location>
<Location /none/>
    ChatRoute models
    ChatAuth none
</Location>
<Location /users>
    ChatRoute models
    ChatAuth bearer
    ChatAuthSecret file:canary.key
    ChatAuthBearer unsigned
</Location>
<Location /guests>
    ChatRoute models
    ChatAuth guest
    ChatLimitTier "%{HTTP:X-Tier}"
    ChatModelAllow org/*
    ChatModelAllow tier=standard gpt-?o-mini gpt-5
    ChatModelAllow tier=admin *
</Location>
<Location /guests/all>
    ChatRoute models
    ChatModelAllow *
</Location>
<Location /one-provider>
    ChatRoute models
    ChatUse azure
</Location>
<Location /nothing>
    ChatRoute models
    ChatModelAllow nothing
</Location>
<LocationMatch "^/pattern">
    ChatRoute models
</LocationMatch>
<VirtualHost *:%%PORT%%>
    ServerName main
</VirtualHost>
<VirtualHost *:%%PORT%%>
    ServerName host
    <ChatProvider own>
        ChatProviderType openai
        ChatProviderURL  http://127.0.0.1:1/v1
    </ChatProvider>
    ChatModel extra own
</VirtualHost>
END
$t->write_file('run/sessions.db', '', 0666);
chmod 0777, $t->dir . '/run';
$t->allow_log(qr/CHAT0111: /);
$t->start;

sub ids ($path, %o) {
    my $res = $t->get($path, %o);
    return $res->{status} == 200 ? join ' ', map { $_->{id} } $res->{json}{data}->@* : $res->{status};
}

sub ids_of ($user) { return ids('/users', headers => { Authorization => "Bearer $user" }) }
sub ids_for ($tier) { return ids('/guests', headers => { 'X-Tier' => $tier }) }

# ---- the list ----

my $res = $t->get('/public');
is $res->{status}, 200, 'the list is there';
is $res->{headers}{'content-type'}, 'application/json; charset=utf-8', 'as JSON';
like $res->{headers}{'cache-control'}, qr/no-store/, 'that no cache gives to somebody else';
my $list = $res->{json};
is $list->{object}, 'list', 'it is a list of OpenAI\'s shape';
is_deeply $list->{data}[0], {
    id => 'gpt-4o-mini', object => 'model', created => 1721260800, owned_by => 'openai',
    label => 'GPT-4o mini', provider => 'openai', providerLabel => 'OpenAI', providers => [qw(openai azure)],
    contextTokens => 128000, maxOutputTokens => 16384,
    price => { inputPerMillion => 0.15, outputPerMillion => 0.6, currency => 'USD' },
    tiers => [], aliases => [qw(mini small)],
    capabilities => [qw(temperature top-p stop effort system tools json schema)],
    default => JSON::PP::false, available => JSON::PP::true,
}, 'a model has all that is configured for it, and each name is one entry';
is_deeply $list->{data}[1], {
    id => 'org/model:free', object => 'model', created => 0, owned_by => 'azure',
    label => 'Gr"u"n', provider => 'azure', providerLabel => 'azure', providers => ['azure'],
    contextTokens => undef, maxOutputTokens => undef,
    price => { inputPerMillion => 0, outputPerMillion => undef, currency => 'USD' },
    tiers => [], aliases => [],
    capabilities => [qw(temperature top-p stop effort system tools json schema parts)],
    default => JSON::PP::false, available => JSON::PP::true,
}, 'what is not configured is null: it is not known, which is not 0';
is_deeply $list->{providers}, [
    { id => 'openai', label => 'OpenAI', models => ['gpt-4o-mini'] },
    { id => 'azure', label => 'azure', models => [ 'gpt-4o-mini', 'org/model:free' ] },
], 'and grouped by provider';
for my $secret ('hidden', 'canary', 'http') {
    unlike $res->{body}, qr/\Q$secret\E/, "nothing of how a provider is reached: no \"$secret\"";
}
is $t->request('HEAD', '/public')->{headers}{'content-length'}, length $res->{body}, 'HEAD says how long it is';

# ---- who sees what ----

is ids('/public'), 'gpt-4o-mini org/model:free', 'without ChatAuth the list is a guest\'s';
is ids('/none'), ids('/public'), 'so it is with none';
is ids('/users'), 401, 'with ChatAuth one has to sign in';
is_deeply [ sort keys $t->get('/users')->{json}->%* ], [qw(code message)], '... as everywhere';
is ids_of('nobody'), 401, 'with a session that there is';
is ids_of('ann'), 'gpt-4o-mini org/model:free', 'a tier that a model is not for does not see it';
is ids_of('bob'), 'gpt-4o-mini gpt-5 org/model:free', 'one that it is for does';
is ids_of('eve'), 'gpt-4o-mini gpt-5 org/model:free', 'and so does one of several roles';

is ids_for('free'), 'org/model:free', 'ChatModelAllow without a tier holds for all';
is ids_for('standard'), 'gpt-4o-mini gpt-5 org/model:free', 'with one for that tier besides';
is ids_for('admin'), 'gpt-4o-mini gpt-5 org/model:free', '* lets all through';
is ids_for($_), 'org/model:free', "a tier is not the beginning of another: $_" for qw(stand standards);
is ids_for(''), 'org/model:free', 'and no tier is none';
is ids('/guests/all', headers => { 'X-Tier' => 'free' }), 'gpt-4o-mini org/model:free', 'an inner ChatModelAllow replaces the outer ones';
is ids('/nothing'), '', 'where nothing is allowed the list is empty';
is_deeply $t->get('/nothing')->{json}{providers}, [], '... of providers too';
is ids('/one-provider'), 'gpt-4o-mini org/model:free', 'ChatUse narrows the list to its providers';
is_deeply [ $t->get('/one-provider')->{json}{data}[0]->@{qw(provider providers label)} ],
    [ 'azure', ['azure'], 'gpt-4o-mini' ], '... and says what holds there';
is ids('/public', headers => { Host => 'host' }), 'gpt-4o-mini org/model:free later extra',
    'a virtual host has the main server\'s models and its own';

# ---- one ----

is_deeply $t->get('/public/gpt-4o-mini')->{json}, $list->{data}[0], 'LOCATION/ID is that one';
is_deeply $t->get('/public/org/model:free')->{json}, $list->{data}[1], 'also with a slash in it';
is $t->get("/public/$_")->{json}{id}, 'gpt-4o-mini', "an alias is the model that it stands for: $_" for qw(mini deployed);
is_deeply $t->get('/none/mini')->{json}{id}, 'gpt-4o-mini', 'also where the location ends in a slash';
for my $id (qw(gpt-5 gpt-4 later hidden-1 gpt-4o-mini/)) {
    my $no = $t->get("/public/$id");
    is $no->{status}, 404, "there is no $id for a guest";
    is $no->{json}{error}{code}, 'model_not_found', '... in OpenAI\'s words';
}
is ids("/public/"), ids('/public'), 'a slash after the location is not one';
is ids('/pattern/gpt-4o-mini'), ids('/public'), 'where the location is a pattern there is only the list';

for my $method (qw(POST PUT DELETE OPTIONS)) {
    my $no = $t->request($method, '/public');
    is $no->{status}, 405, "$method is refused";
    is $no->{headers}{allow}, 'GET, HEAD', '... with what is not';
}

$t->stop;
done_testing;
