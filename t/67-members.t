# SPDX-License-Identifier: Apache-2.0
#
# What becomes of each member of a request, at each provider: docs/members.md is
# what this test finds when it sends the request without the member and with it,
# and looks at what reaches the upstream. CHAT_WRITE=1 writes the page.
# Nothing is dropped that the page does not say.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $PAGE = "$FindBin::Bin/../docs/members.md";
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;
my ($TRUE, $FALSE) = (JSON::PP::true(), JSON::PP::false());

my $up = ChatTest::Upstream->new(n => 2)->start;
my $bare = $up->url =~ s{/v1$}{}r;

# name of a column, type, URL, further lines, the model there
my @providers = (
    [ 'openai',            'openai',     "$bare/v1" ],
    [ 'openai, responses', 'openai',     "$bare/v1", 'ChatProviderAPI responses' ],
    [ 'openai, chat-completions', 'openai', "$bare/v1", 'ChatProviderAPI chat-completions' ],
    [ 'anthropic',         'anthropic',  "$bare/anthropic/v1" ],
    [ 'gemini',            'gemini',     "$bare/gemini/v1beta" ],
    [ 'openrouter',        'openrouter', "$bare/openrouter/api/v1" ],
    [ 'deepseek',          'deepseek',   "$bare/deepseek" ],
    [ 'mistral',           'mistral',    "$bare/mistral/v1" ],
    [ 'compatible',        'compatible', "$bare/v1" ],
);

my @TOOL = (tools => [ { type => 'function', function => { name => 'f', parameters => { type => 'object', properties => {} } } } ]);
my %SCHEMA = (type => 'object', properties => { a => { type => 'string' } }, required => ['a'], additionalProperties => $FALSE);
# member, a value, what has to stand beside it
my @members = (
    [ temperature => 0.5 ], [ top_p => 0.5 ], [ max_tokens => 77 ], [ max_completion_tokens => 77 ], [ stop => ['END'] ],
    [ seed => 7 ], [ presence_penalty => 0.5 ], [ frequency_penalty => 0.5 ], [ logit_bias => { 50256 => -100 } ],
    [ reasoning_effort => 'low' ], [ verbosity => 'low' ], [ top_k => 9 ],
    [ 'response_format', { type => 'json_object' } ],
    [ 'response_format (schema)', { type => 'json_schema', json_schema => { name => 'n', schema => \%SCHEMA } } ],
    [ tools => $TOOL[1] ], [ tool_choice => 'required', @TOOL ], [ parallel_tool_calls => $FALSE, @TOOL ],
    [ 'stream_options', { include_usage => $TRUE }, stream => $TRUE ],
    [ n => 2 ], [ logprobs => $TRUE ], [ top_logprobs => 2 ], [ modalities => [ 'text', 'audio' ] ], [ audio => { voice => 'x', format => 'wav' } ],
    [ prediction => { type => 'content', content => 'x' } ], [ web_search_options => { x => 1 } ], [ functions => [ { name => 'f' } ] ],
    [ function_call => 'auto' ], [ models => ['x'] ], [ user => 'u' ], [ metadata => { k => 'v' } ], [ store => $TRUE ],
    [ service_tier => 'flex' ], [ safety_identifier => 's' ], [ prompt_cache_key => 'k' ],
    [ 'any other', 1 ],
);

sub id_of ($name) { return $name =~ s/\W+/-/gr }

my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatRoute completions\nChatAuth guest\n</Location>\n",
    (map {
        my ($name, $type, $url, @lines) = @$_;
        my $id = id_of($name);
        join "\n", "<ChatProvider $id>", "ChatProviderType $type", "ChatProviderURL $url", 'ChatProviderKey env:CHAT_CANARY_KEY', @lines,
            "</ChatProvider>", "<Location /$id>", "ChatUse $id", 'ChatModelDefault mock-1', "</Location>\n";
    } @providers),
    "<Location /stream>\nChatRoute stream\nChatUse openai\n</Location>\n<Location /message>\nChatRoute message\nChatUse openai\n</Location>\n",
    # what models can do
    "<Location /list>\nChatRoute models\n</Location>\n",
    (map { "<ChatProvider listed-$_->[0]>\nChatProviderType $_->[1]\nChatProviderURL $bare/v1\nChatProviderKey env:CHAT_CANARY_KEY\n$_->[2]\n</ChatProvider>\n" }
        [ a => 'openai', '' ], [ b => 'openai', 'ChatProviderAPI responses' ], [ c => 'anthropic', '' ]),
    "ChatModel m-default listed-a\nChatModel m-pinned listed-b\nChatModel m-thinks listed-a upstream=o3-mini\nChatModel m-claude listed-c\n",
)->start;

# ---- what reaches the upstream ----

# path => value, of all that a body says.
sub leaves ($v, $at = '') {
    return map { leaves($v->{$_}, length $at ? "$at.$_" : $_) } keys %$v if ref $v eq 'HASH' && %$v;
    return ($at => $JSON->encode($v));
}

sub sent ($id, %body) {
    $up->reset;
    my $res = $t->post_json("/$id", { messages => [ { role => 'user', content => 'hi' } ], %body });
    return $res if !$up->stats->{requests};
    my $last = $up->last;
    return ($res, $last->{path} =~ s/\?.*//r, { leaves($JSON->decode($last->{body})) });
}

# The outermost members that are new or differ.
sub differ ($base, $is) {
    my @paths = sort grep { ($base->{$_} // '') ne $is->{$_} } keys %$is;
    my %top;
    for my $path (@paths) {
        my @steps = split /\./, $path;
        my $depth = $steps[0] =~ /^(?:generationConfig|output_config|text)$/ && @steps > 1 ? 1 : 0;
        $top{ join '.', @steps[ 0 .. $depth ] } = 1;
    }
    return join ', ', sort keys %top;
}

sub cell ($provider, $member) {
    my ($row, $value, @beside) = @$member;
    my ($id, $name) = (id_of($provider->[0]), $row eq 'any other' ? 'x_other' : $row =~ s/ .*//r);
    my (undef, $usual, $base) = sent($id, @beside);
    my ($res, $path, $is) = sent($id, @beside, $name => $value);
    if ($res->{status} != 200) {
        my $e = $res->{json}{error};
        return "WRONG: $res->{status} $e->{message}" if $res->{status} != 400;
        return "WRONG: 400 without its name: $e->{message}" if ($e->{param} // '') !~ /^\Q$name\E/ ;
        return '400';
    }
    my $how = $path eq $usual ? '' : ' (1)';
    # The instructions of the body of another API differ by nature.
    my ($other) = $how ? { leaves({}) } : $base;
    return (defined $is->{$name} || grep { /^\Q$name\E\./ } keys %$is) ? "`$name`$how" : 'WRONG: lost on the way' if $how;
    my $new = differ($base, $is);
    return length $new ? join ', ', map { "`$_`" } split /, /, $new : 'left out';
}

my @rows;
for my $member (@members) {
    my @cells = map { cell($_, $member) } @providers;
    unlike "@cells", qr/WRONG/, "$member->[0]: carried, refused by name, or left out";
    push @rows, [ $member->[0], @cells ];
}

# ---- the page ----

# What says who asks, and how it is billed, kept and cached, is the administrator's; the rest is left out for a reason.
my %LEFT_OUT = map { $_ => 1 } qw(user metadata store service_tier safety_identifier prompt_cache_key stream_options);
for my $row (@rows) {
    my ($name, @cells) = @$row;
    next if $LEFT_OUT{$name};
    my @silent = grep { $cells[$_] eq 'left out' } 0 .. $#cells;
    is join(' ', map { $providers[$_][0] } @silent), '', "$name: nobody drops it without a word";
}

my $page = do { local (@ARGV, $/) = $PAGE; -e $PAGE ? <> : '' };
my ($head, $foot) = $page =~ /\A(.*<!-- table -->\n).*?(<!-- end of table -->.*)\z/s or die "$PAGE has no table";
my $table = join '', map { '| ' . join(' | ', @$_) . " |\n" } [ 'member', map { $_->[0] } @providers ], [ ('---') x (@providers + 1) ],
    map { [ "`$_->[0]`" =~ s/`any other`/any other/r =~ s/ \(schema\)`/` (schema)/r, $_->@[ 1 .. $#$_ ] ] } @rows;
if ($ENV{CHAT_WRITE}) {
    open my $out, '>', $PAGE or die "$PAGE: $!";
    print $out $head, $table, $foot;
    close $out or die $!;
    pass 'docs/members.md is written';
}
else {
    is $page, "$head$table$foot", 'docs/members.md says the same';
}

# ---- the routes of our own ----

for my $route (qw(stream message)) {
    my %least = $route eq 'stream' ? (messages => [ { role => 'user', content => 'hi' } ]) : (message => 'hi');
    for my $case ([ stop => ['x'] ], [ seed => 0 ], [ seed => 1 ], [ topP => 0.5 ], [ n => 2 ], [ stopSequences => ['x'] ], [ frequency_penalty => 1 ],
        [ logprobs => $TRUE ], [ verbosity => 'low' ], [ max_tokens => 1 ], [ logit_bias => { 1 => 1 } ]) {
        my ($name, $value) = @$case;
        my $res = $t->post_json("/$route", { %least, $name => $value });
        is "$res->{status} $res->{json}{code}", '400 unsupported', "$route: $name is not dropped";
        like $res->{json}{message}, qr/'\Q$name\E'/, '... and named';
    }
    for my $case ([ stop => undef ], [ n => 1 ], [ presence_penalty => 0 ], [ stop => [] ], [ logit_bias => {} ], [ logprobs => $FALSE ], [ top_p => 1 ],
        [ anything => 1 ]) {
        my ($name, $value) = @$case;
        is $t->post_json("/$route", { %least, $name => $value })->{status}, 200, "$route: $name that says nothing is no hindrance";
    }
}

# ---- what models are said to do ----

my %can = map { my $m = $_; ($m->{id} => { map { $_ => 1 } $m->{capabilities}->@* }) } $t->get('/list')->{json}{data}->@*;
ok $can{'m-default'}{stop},      'stop texts reach a model of OpenAI, by Chat Completions';
ok !$can{'m-pinned'}{stop},      '... but not where the Responses API is written down';
ok !$can{'m-thinks'}{stop},      '... nor one that takes none';
ok !$can{'m-thinks'}{temperature}, '... which knows no temperature either';
ok $can{'m-claude'}{stop},       '... and those of Anthropic have them';

$t->stop;
$up->stop;
done_testing;
