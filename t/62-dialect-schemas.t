# SPDX-License-Identifier: Apache-2.0
#
# The events of the stream route are what docs/schemas/ says, by an independent
# validator (npm, pinned in t/real/ajv): those that the unit tests hold the code
# to (t/data/dialect/) and those that docs/stream.md shows. And the schemas are
# tight: what is not said there is refused.
use v5.36;
use Test::More;
use FindBin;
use IPC::Open2;
use JSON::PP ();

my $ROOT = "$FindBin::Bin/..";
my $AJV = "$ROOT/t/real/ajv";
my $SCHEMAS = "$ROOT/docs/schemas";
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

sub missing () {
    return 'node is not installed' if system('node --version > /dev/null 2>&1') != 0;
    return if -d "$AJV/node_modules/ajv";
    return 'ajv cannot be installed (npm ci)'
        if system("cd $AJV && npm ci --silent --no-audit --no-fund > /dev/null 2>&1") != 0;
    return;
}

if (my $why = missing()) {
    die "would be skipped, but CHAT_SKIPS_AS_FAILS is set: $why\n" if $ENV{CHAT_SKIPS_AS_FAILS};
    plan skip_all => $why;
}

sub slurp ($path) {
    open my $in, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$in>;
}

my $ajv = open2(my $out, my $in, 'node', "$AJV/validate.mjs", $SCHEMAS);

# What is wrong with a value (JSON text), "" when nothing is.
sub wrong ($schema, $value) {
    print $in qq({"schema":"$schema","value":$value}\n);
    $in->flush;
    my $line = <$out> // die "the validator has ended\n";
    return join '; ', @{ $JSON->decode($line) };
}

# [event, data] of each event; dies of anything else.
sub events ($text) {
    return map { /\A(?:id: \d+\n)?event: (\w+)\ndata: (\{.*\})\z/ ? [ $1, $2 ] : die "no event: $_\n" } split /\n\n/, $text;
}

my %seen;

sub check_event ($event, $where) {
    my ($type, $data) = @$event;
    $seen{$type} = $data;
    is wrong($type, $data), '', "$where: $type is as documented";
    is $JSON->decode($data)->{type}, $type, '... and is named in its data';
}

# The order that the page promises.
sub check_order ($where, @types) {
    like "@types", qr/\A(?:start (?:(?:text|reasoning|reasoning_detail|refusal|tool_\w+) )*(?:conversation )?(?:done|error)|error)\z/, "$where: one start, one end";
}

for my $path (sort glob "$ROOT/t/data/dialect/*.sse") {
    my $name = $path =~ s{.*/}{}r;
    my @events = events(slurp($path));
    check_event($_, $name) for @events;
    check_order($name, map { $_->[0] } @events);
}
for my $path (sort glob "$ROOT/t/data/dialect/*.json") {
    my $name = $path =~ s{.*/}{}r;
    is wrong('answer', slurp($path)), '', "$name is as documented";
}

# ---- the page ----

my $page = slurp("$ROOT/docs/stream.md");
my %blocks = (text => [], json => []);
push $blocks{$2}->@*, $3 =~ s/^$1//mgr while $page =~ /^( *)```(text|json)\n(.*?)^ *```$/msg;

my @shown = events($blocks{text}[0]);
check_event($_, 'stream.md, besides') for map { events($_) } grep { /\Aevent: (?:status|conversation)$/m } $blocks{text}->@*;
check_event($_, 'stream.md') for @shown;
check_order('stream.md', map { $_->[0] } @shown);
my ($whole) = grep { /"finishReason"/ } $blocks{json}->@*;
is wrong('answer', $JSON->encode($JSON->decode($whole))), '', 'the whole answer on the page is as documented';

my @files = map { s{.*/|\.json$}{}gr } sort glob "$SCHEMAS/*.json";
my %linked = map { $_ => 1 } $page =~ m{\(schemas/(\w+)\.json\)}g;
is_deeply [ sort keys %linked ], \@files, 'the page links every schema and no other';
my @rows = $page =~ /^\| `(\w+)` \| .*\(schemas\/\1\.json\)/mg;
is_deeply [ sort keys %seen ], [ sort @rows ], 'every event on the page was seen';
is_deeply [ sort grep { !/^(?:answer|limit|notice|usage)$/ } @files ], [ sort @rows ], 'every event has a schema';

# ---- tight ----

sub changed ($data, $how) {
    my $value = $JSON->decode($data);
    $how->($value);
    return $JSON->encode($value);
}

my %sample = (%seen, answer => slurp("$ROOT/t/data/dialect/all.json"));
for my $schema (sort keys %sample) {
    my $data = $sample{$schema};
    isnt wrong($schema, changed($data, sub ($v) { $v->{another} = {} })), '', "$schema: no other member";
    my @required = $JSON->decode(slurp("$SCHEMAS/$schema.json"))->{required}->@*;
    for my $member (@required) {
        isnt wrong($schema, changed($data, sub ($v) { delete $v->{$member} })), '', "$schema: not without $member";
        isnt wrong($schema, changed($data, sub ($v) { $v->{$member} = [] })), '', "$schema: $member is no array";
    }
    next if $schema eq 'answer';
    my $other = $schema eq 'text' ? 'start' : 'text';
    isnt wrong($schema, changed($data, sub ($v) { $v->{type} = $other })), '', "$schema: no other type";
}

my @bad = (
    [ done => 'a word of another contract', sub ($v) { $v->{finishReason} = 'end_turn' } ],
    [ done => 'a count that is less than none', sub ($v) { $v->{usage}{inputTokens} = -1 } ],
    [ done => 'a count that is a text', sub ($v) { $v->{usage}{outputTokens} = '5' } ],
    [ done => 'an unknown count of a part', sub ($v) { $v->{usage}{reasoningTokens} = undef } ],
    [ done => 'a count nobody knows', sub ($v) { $v->{usage}{tokens} = 1 } ],
    [ text => 'an empty piece', sub ($v) { $v->{text} = '' } ],
    [ start => 'an id with a space', sub ($v) { $v->{id} = 'a b' } ],
    [ error => 'a code for people', sub ($v) { $v->{code} = 'Went wrong' } ],
    [ error => 'a date to come back', sub ($v) { $v->{retryAfter} = 'Fri' } ],
    [ tool_call => 'an index before the first', sub ($v) { $v->{index} = -1 } ],
    [ answer => 'no call where there are calls', sub ($v) { $v->{toolCalls} = [] } ],
    [ answer => 'arguments that are no text', sub ($v) { $v->{toolCalls}[0]{arguments} = {} } ],
    [ tool_call => 'what goes back as a text', sub ($v) { $v->{extra} = '{}' } ],
    [ reasoning_detail => 'a detail that is a text', sub ($v) { $v->{detail} = 'Eq' } ],
    [ answer => 'an empty list of details', sub ($v) { $v->{reasoningDetails} = [] } ],
    [ answer => 'more about a call', sub ($v) { $v->{toolCalls}[0]{type} = 'function' } ],
);
for (@bad) {
    my ($schema, $what, $how) = @$_;
    isnt wrong($schema, changed($sample{$schema}, $how)), '', "$schema: not $what";
}

close $in;
waitpid $ajv, 0;
is $?, 0, 'the validator has nothing against the schemas themselves';

done_testing;
