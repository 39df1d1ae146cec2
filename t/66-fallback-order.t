# SPDX-License-Identifier: Apache-2.0
#
# Who is asked next: the order of ChatUse, the providers of a model, what stands
# in for it, another key. Who is not: another wire, a model that cannot carry the
# request, one that is not allowed, a name that nobody knows. Who answered is
# told, in every way of asking.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Streams;
use ChatTest::Upstream;
use ChatTest::Ways;
use JSON::PP ();
use POSIX ();

my $up = ChatTest::Upstream->new(keep => 0)->start;
my $bare = $up->url =~ s{/v1$}{}r;
my $dates = ChatTest::Answers->new(
    past  => ChatTest::Answers::whole(429, [ 'Retry-After: Fri, 01 Jan 2021 00:00:00 GMT' ], '{}'),
    later => ChatTest::Answers::whole(429, [ POSIX::strftime('Retry-After: %a, %d %b %Y %H:%M:%S GMT', gmtime time + 3600) ], '{}'),
)->start;

# ---- the server ----

my (%seed_of, %name_of);

# A provider whose calls are told from others' by the seed in its URL.
sub provider ($name, $type, $mock, @lines) {
    $seed_of{$name} = 100 + keys %seed_of;
    $name_of{ $seed_of{$name} } = $name;
    my $url = $mock =~ /^http/ ? $mock : "$bare/" . ($type eq 'gemini' ? 'v1beta' : 'v1') . ";seed=$seed_of{$name}" . ($mock && ";$mock");
    return join "\n", "<ChatProvider $name>", "ChatProviderType $type", "ChatProviderURL $url",
        (grep { /Key/ } @lines) ? () : 'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off', @lines, "</ChatProvider>\n";
}

sub location ($path, $route, @lines) {
    return join "\n", "<Location /$path>", 'SetHandler chat', "ChatRoute $route", 'ChatAuth guest', 'ChatModelDefault mock-1',
        (grep { /^ChatRetry/ } @lines) ? () : 'ChatRetry 2 backoff=1ms', @lines, "</Location>\n";
}

# The same in every way of asking.
my @WAYS = ways('responses');

sub locations ($path, @lines) {
    return map { join "\n", "<Location /$_->{name}/$path>", $_->{lines}, 'ChatRetry 2 backoff=1ms', @lines, "</Location>\n" } @WAYS;
}

my $models = '';

sub model (@words) {
    $models .= join ' ', 'ChatModel', @words, "\n";
}

my @keys = map { "ChatProviderKey env:KEY_$_" } qw(bad good worse);
my %env = map { ("KEY_$_" => "sk-secret-$_") } qw(bad good worse);

my @TYPES = qw(openai anthropic gemini openrouter deepseek mistral compatible);

my $conf = join '', "MaxKeepAliveRequests 0\n",
    # in order
    provider(no1 => 'openai', 'status=503'),
    provider(no2 => 'openai', 'status=500'),
    provider(no3 => 'openai', 'status=429;retry=60'),
    provider(yes => 'openai', ''),
    provider(spare => 'openai', ''),
    locations(order => 'ChatUse no1 no2 yes spare'),
    locations(none => 'ChatUse no1 no2 no3'),
    locations(once => 'ChatUse no1 no2 yes spare', 'ChatRetry 1'),
    # names
    provider(lost => 'openai', 'http://nowhere.test/v1'),
    provider(gone => 'openai', 'http://nothere.test/v1'),
    locations(lost => 'ChatUse lost yes'),
    locations('lost-later' => 'ChatUse no1 lost yes'),
    locations('lost-all' => 'ChatUse lost gone'),
    # wires
    provider(claude => 'anthropic', ''),
    provider(chunks => 'openai', '', 'ChatProviderAPI chat-completions'),
    locations(wires => 'ChatUse no1 claude chunks yes'),
    # keys
    provider('two-keys' => 'openai', 'badkey=bad', @keys[ 0, 1 ]),
    provider('two-403' => 'compatible', 'badkey=bad;badcode=403;as=azure', @keys[ 0, 1 ]),
    provider('not-yours' => 'openai', 'badkey=bad,worse;badcode=403', @keys[ 0, 2 ]),
    provider('no-key' => 'openai', 'badkey=bad,worse', @keys[ 0, 2 ]),
    provider('one-key' => 'openai', 'badkey=bad', $keys[0]),
    map({ location("keys/$_", 'stream', "ChatUse $_ yes", 'ChatRetry 1') } qw(two-keys two-403 not-yours no-key one-key)),
    # dates
    provider(dates => 'openai', $dates->url),
    location(dates => 'stream', 'ChatUse dates yes'),
    # how long
    provider(soon => 'openai', 'status=429;retry=1;times=1'),
    location(soon => 'stream', 'ChatUse soon yes', 'ChatRetry 2 backoff=1ms wait=5s'),
    # types
    map({
        my $type = $_;
        map {
            my $name = "$type-$_->[0]";
            (provider($name => $type, $_->[1]), location($name => 'stream', "ChatUse $name yes"));
        } [ 401 => 'status=401' ], [ 404 => 'status=404' ], [ 400 => 'status=400' ], [ 422 => 'status=422' ], [ 429 => 'status=429' ],
            [ later => 'status=429;retry=60' ], [ 500 => 'status=500' ], [ 503 => 'status=503' ], [ 529 => 'status=529' ], [ 504 => 'status=504' ];
    } @TYPES),
    # models
    (map { provider("m-$_" => 'openai', 'status=503') } 1 .. 4),
    (map { provider("m-$_" => 'openai', '') } 5 .. 9),
    locations(models => 'ChatUse m-1 m-2 m-3 m-4 m-5 m-6 m-7 m-8 m-9'),
    location('models/all', 'stream'),
    location('models/few', 'stream', 'ChatUse m-1 m-2'),
    location('models/allowed', 'stream', 'ChatUse m-1 m-2 m-5 m-6', 'ChatModelAllow first second'),
;

model(twice => 'm-6', 'upstream=six-twice');
model(twice => 'm-1', 'upstream=one-twice');
model(twice => 'm-5', 'upstream=five-twice');
model(first => 'm-1', 'upstream=one-first', 'price-in=90', 'price-out=90', 'fallback=second,third');
model(second => 'm-2', 'upstream=two-second', 'fallback=never');
model(third => 'm-6', 'upstream=six-third', 'alias=mine', 'price-in=2', 'price-out=5');
model(never => 'm-7');
# What cannot carry it
model(able => 'm-3', 'fallback=plain,tiny,strict,able-too');
model(plain => 'm-7', 'upstream=plain', 'without=tools,schema,json,temperature');
model(tiny => 'm-8', 'upstream=tiny', 'context=20');
model(strict => 'm-9', 'upstream=strict', 'without=temperature', 'params=refuse');
model(picky => 'm-4', 'fallback=strict,able-too');
model('able-too' => 'm-5', 'upstream=able');
model(unable => 'm-4', 'without=tools,schema', 'fallback=able-too');

my $t = ChatTest->new;
$t->{conf} = "$conf$models";
$t->{env} = { %env, dns_env($t->dir, '', 'nowhere.test=0: nothere.test=0:')->%* };
$t->expect_log(qr/CHAT0902: /, qr/CHAT1106: provider (?:two-keys|two-403|no-key) does not accept key number/);
$t->allow_log(qr/\[chat:(?:error|warn)\] .* nowhere\.test|nothere\.test/);
$t->start;

# ---- asking ----

my $n = 0;

# Calls by provider, as "no1 2, yes 1" in the order of their names in $conf.
sub calls () {
    my %calls;
    my $paths = $up->stats->{paths};
    /;seed=(\d+)/ and $calls{$1} += $paths->{$_} for keys %$paths;
    return join ', ', map { "$name_of{$_} $calls{$_}" } sort { $a <=> $b } keys %calls;
}

# %$with goes into the request. Returns what was heard, with the calls, and what
# the log tells: provider, model, outcome.
sub ask ($way, $path, $with = {}, $text = $t->canary_prompt) {
    my $id = 'order-' . ++$n;
    $up->reset;
    my $res = $t->post_json("/$path", { $way->{body}->($text)->%*, %$with }, headers => [ 'X-Request-ID' => $id ]);
    my ($line) = $t->wait_access(qr/ id=$id /);
    my ($model, $provider, $outcome) = $line =~ / model=(\S+) provider=(\S+) .* outcome=(\S+)/;
    return { heard($way, $res)->%*, res => $res, calls => calls(), answers => $res->{headers}{'x-chat-model'},
        told => "$provider $model $outcome", status => $res->{status} };
}

my ($STREAM) = grep { $_->{name} eq 'stream' } @WAYS;

# The text of its first delta says which seed made it.
sub speaker ($said) {
    return $said->{text} =~ /^s(\d+)d0 / ? $name_of{$1} : '';
}

# One test: who was asked, who answered and how it is told.
sub goes ($name, $said, $calls, $told, $status = 200) {
    my ($provider) = $told =~ /^(\S+)/;
    is_deeply [ $said->{calls}, $said->{told}, $said->{status}, scalar $said->{ends}->@*, speaker($said) ],
        [ $calls, $told, $status, 1, $status == 200 ? $provider : '' ], $name;
}

# ---- in order ----

for my $way (@WAYS) {
    subtest $way->{name} => sub {
        my $name = $way->{name};
        goes('they are asked in the order of ChatUse, until one answers', ask($way, "$name/order"), 'no1 2, no2 2, yes 1', 'yes mock-1 complete');
        goes('... each as often as is set', ask($way, "$name/once"), 'no1 1, no2 1, yes 1', 'yes mock-1 complete');
        my $said = ask($way, "$name/none");
        goes('where none answers', $said, 'no1 2, no2 2, no3 1', 'no3 mock-1 upstream_error', 429);
        is "$said->{code} $said->{res}{headers}{'retry-after'}", ($way->{name} =~ /^completions|^own-whole/ ? 'rate_limit_exceeded 60' : 'upstream_rate_limited 60'), '... the client is told what the last one said';
        is $said->{answers}, undef, '... and that nobody answered';
        goes('a name that is not known is passed over', ask($way, "$name/lost"), 'yes 1', 'yes mock-1 complete');
        goes('... also when its turn comes later', ask($way, "$name/lost-later"), 'no1 2, yes 1', 'yes mock-1 complete');
        $said = ask($way, "$name/lost-all");
        goes('where no name is known', $said, '', 'lost mock-1 ' . $said->{told} =~ s/.* //r, 502);
        is $said->{code}, 'upstream_unreachable', '... nobody can be reached';
        my $own = $way->{kind} eq 'own';
        goes($own ? 'bytes that pass unchanged come from the same API' : 'any provider may stand in for any other', ask($way, "$name/wires"),
            $own ? ('no1 2, yes 1', 'yes mock-1 complete') : ('no1 2, claude 1', 'claude mock-1 complete'));
    };
}

# ---- models ----

for my $way (@WAYS) {
    my $name = $way->{name};
    subtest "$name: models" => sub {
        my %with = map { $_ => [ $way->{kind} eq 'message' ? 'model_id' : 'model', $_ ] } qw(twice first mine);
        my $asked = sub { join ' ', map { JSON::PP::decode_json($_->{body})->{model} } $up->all };
        my $said = ask($way, "$name/models", { $with{twice}->@* });
        goes('a model at several providers', $said, 'm-1 2, m-5 1', 'm-5 twice complete');
        is $asked->(), 'one-twice one-twice five-twice', '... has a name of its own at each';
        is $said->{answers}, 'twice', '... and one for the client';
        $said = ask($way, "$name/models", { $with{first}->@* });
        goes('what stands in for it is asked next', $said, 'm-1 2, m-2 2, m-6 1', 'm-6 third complete');
        is $asked->(), 'one-first one-first two-second two-second six-third', '... by its own name';
        is $said->{answers}, 'third', '... which is told';
        like $said->{res}{body}, qr/"model":"third"/, '... also in the answer' if $name =~ /stream|completions|message-whole/;
        if ($name =~ /^stream/) {
            my ($done) = $way->{whole} ? $said->{res}{json} : map { JSON::PP::decode_json($_->{data}) } grep { $_->{event} eq 'done' } $said->{res}{events}->@*;
            my $usage = $done->{usage};
            is $usage->{costUsd} * 1e6, 2 * $usage->{inputTokens} + 5 * $usage->{outputTokens}, '... at its price';
        }
        $said = ask($way, "$name/models", { $with{mine}->@* });
        goes('an alias', $said, 'm-6 1', 'm-6 third complete');
    };
}

subtest 'which models' => sub {
    goes('without ChatUse the order is that of the lines', ask($STREAM, 'models/all', { model => 'twice' }), 'm-6 1', 'm-6 twice complete');
    my $said = ask($STREAM, 'models/few', { model => 'first' });
    goes('one that this location has not is not asked', $said, 'm-1 2, m-2 2', 'm-2 second upstream_error', 503);
    $said = ask($STREAM, 'models/allowed', { model => 'first' });
    goes('... nor one that is not allowed', $said, 'm-1 2, m-2 2', 'm-2 second upstream_error', 503);
};

# ---- what a model can carry ----

my %tools = (tools => [ { name => 'weather', parameters => { type => 'object' } } ]);
my $LONG = 'word ' x 40;
for my $case (
    [ 'nothing special',      {},                                   '',    'm-3 2, m-7 1', 'm-7 plain complete' ],
    [ 'tools',                \%tools,                              '',    'm-3 2, m-8 1', 'm-8 tiny complete' ],
    [ 'a long question',      {},                                   $LONG, 'm-3 2, m-7 1', 'm-7 plain complete' ],
    [ 'a long one with tools', \%tools,                             $LONG, 'm-3 2, m-9 1', 'm-9 strict complete' ],
    [ 'a temperature',        { temperature => 0.5 },               '',    'm-3 2, m-7 1', 'm-7 plain complete' ],
    [ 'what is refused',      { temperature => 0.5, model => 'picky' }, '',    'm-4 2, m-5 1', 'm-5 able-too complete' ],
    [ 'what is not',          { model => 'picky' },                 '',    'm-4 2, m-9 1', 'm-9 strict complete' ],
) {
    my ($what, $with, $text, $calls, $told) = @$case;
    goes("$what: who cannot carry it is passed over", ask($STREAM, "stream/models", { model => 'able', %$with }, $t->canary_prompt . $text), $calls, $told);
    my $body = JSON::PP::decode_json($up->last->{body});
    is exists $body->{temperature} ? 1 : 0, $with->{model} ? 1 : 0, '... and a parameter goes along where it is known, no further' if $with->{temperature};
    ok $body->{tools}, '... and the tools went along' if $with->{tools};
}
{
    my ($way) = grep { $_->{name} eq 'completions-whole' } @WAYS;
    my %schema = (response_format => { type => 'json_schema', json_schema => { name => 'x', schema => { type => 'object' } } });
    my $said = ask($way, 'completions-whole/models', { model => 'able', %schema });
    is "$said->{calls}; $said->{told}", 'm-3 2, m-8 1; m-8 tiny complete', 'a schema: who cannot carry it is passed over';
    $said = ask($way, 'completions-whole/models', { model => 'unable', %schema });
    is "$said->{status} $said->{code} $said->{calls}", '400 unsupported ', '... and a model that was asked for by name refuses it';
}

# ---- keys ----

sub key () { return (($up->last->{headers}{authorization} // '') =~ /-(\w+)$/)[0] // '' }

for my $name (qw(two-keys two-403)) {
    goes("$name: one is not accepted, the other is", ask($STREAM, "keys/$name"), "$name 2", "$name mock-1 complete");
    is key(), 'good', '... the second';
    goes('... and is used from then on', ask($STREAM, "keys/$name"), "$name 1", "$name mock-1 complete") for 1, 2;
    is key(), 'good', '... alone';
}
# That a model is not for this account is said with a 403 as well.
goes('a model that is refused: the next one is asked', ask($STREAM, 'keys/not-yours'), 'yes 1, not-yours 1', 'yes mock-1 complete') for 1, 2;
goes('none is accepted: the next one is asked', ask($STREAM, 'keys/no-key'), 'yes 1, no-key 2', 'yes mock-1 complete');
goes('... at once, from then on', ask($STREAM, 'keys/no-key'), 'yes 1', 'yes mock-1 complete');
goes('the only one is not accepted', ask($STREAM, 'keys/one-key'), 'yes 1, one-key 1', 'yes mock-1 complete');
goes('... and asked with again, as it is the only one', ask($STREAM, 'keys/one-key'), 'yes 1, one-key 1', 'yes mock-1 complete');

# ---- how long ----

{
    my $mark = $t->mark;
    goes('an hour, as a date, is too long', ask($STREAM, 'dates', {}, $t->canary_prompt . ' answer(later)'), 'yes 1', 'yes mock-1 complete');
    is scalar(() = $t->error_log($mark) =~ /CHAT0803: /g), 1, '... the next one is asked at once';
    $mark = $t->mark;
    goes('a date that is past is no wait', ask($STREAM, 'dates', {}, $t->canary_prompt . ' answer(past)'), 'yes 1', 'yes mock-1 complete');
    is scalar(() = $t->error_log($mark) =~ /CHAT0803: /g), 2, '... and the same one is asked again first';
    $mark = $t->mark;
    goes('a second is waited for', ask($STREAM, 'soon'), 'soon 2', 'soon mock-1 complete');
    my ($ms) = $t->error_log($mark) =~ /CHAT0803: .* again soon in (\d+) ms/;
    cmp_ok $ms, '>=', 1000, '... the whole of it';
}

# ---- every provider ----

# Calls of the first, then of the next: the same whoever it is.
my %CALLS = (401 => '1 1', 404 => '1 1', 400 => '1 0', 422 => '1 0', 429 => '2 1', later => '1 1', 500 => '2 1', 503 => '2 1', 529 => '2 1', 504 => '1 0');
for my $type (@TYPES) {
    my %got = map {
        my $said = ask($STREAM, "$type-$_");
        my %calls = split /,? /, $said->{calls};
        ($_ => ($calls{"$type-$_"} // 0) . ' ' . ($calls{yes} // 0));
    } keys %CALLS;
    is_deeply \%got, \%CALLS, "$type: what is tried again, what elsewhere, and what is not" or diag explain \%got;
}

$t->stop;
$dates->stop;
ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
