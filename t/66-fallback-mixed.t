# SPDX-License-Identifier: Apache-2.0
#
# One provider breaks off after each of its events, in the middle of thoughts,
# text and calls of tools, and another one that speaks another API takes over
# (unsafe=on): nothing of the first is left in the answer. Where the client has
# read some of it, it reads one error after that and nothing of the other.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use ChatTest::Ways;
use JSON::PP ();

my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new(keep => 0, n => 3, reason => 2, tools => 2, pieces => 3, both => 1, size => 12)->start;
my $bare = $up->url =~ s{/v1$}{}r;

# Who breaks off, and who takes over.
my @PAIRS = ([ openai => 'anthropic' ], [ anthropic => 'gemini' ], [ gemini => 'compatible' ], [ compatible => 'openai' ]);
my %SEED = (openai => 31, anthropic => 32, gemini => 33, compatible => 34);
my $EVENTS = 30;    # no answer has more

my @WAYS = grep { $_->{name} =~ /^(?:stream|message|completions)/ } ways('responses');

sub provider ($name, $type, $more = '') {
    my $base = $type eq 'gemini' ? 'v1beta' : 'v1';
    return join "\n", "<ChatProvider $name>", "ChatProviderType $type", "ChatProviderURL $bare/$base;seed=$SEED{$type}$more",
        'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off', "</ChatProvider>\n";
}

my $conf = "MaxKeepAliveRequests 0\n";
for my $pair (@PAIRS) {
    my ($first, $next) = @$pair;
    # Where a reason to finish is an end, only a cut tells; where there is no other end, a cut is always one.
    my $fault = $first eq 'gemini' ? 'noend' : 'close';
    $conf .= provider("$first-all" => $first);
    $conf .= provider("$first-$_" => $first, ";fault=$fault;after=$_") for 0 .. $EVENTS;
    for my $way (@WAYS) {
        $conf .= join "\n", "<Location /$way->{name}/$first/$_>", $way->{lines}, "ChatUse $first-$_ " . ($_ eq 'all' ? '' : "$next-all"),
            'ChatRetry 1 unsafe=on', "</Location>\n" for 'all', 0 .. $EVENTS;
    }
}
my $t = ChatTest->new(conf => $conf)->start->expect_log(qr/CHAT0902: .* truncated: /);

# What does not depend on the request: an answer, or the data of each event.
sub plain ($data) {
    $data->{id} = $data->{id} ? 1 : 0 if exists $data->{id};
    delete $data->{created};
    return $JSON->encode($data);
}

sub ask ($way, $path) {
    my $res = $t->post_json("/$way->{name}/$path", $way->{body}->($t->canary_prompt));
    my $said = heard($way, $res);
    $said->{list} = $way->{whole} ? [ plain($res->{json}) ]
        : [ map { $_->{data} eq '[DONE]' ? 'done' : plain($JSON->decode($_->{data})) } $res->{events}->@* ];
    # The provider is another one in each, and so are the ids of calls for which it has none.
    s/"provider":"[^"]*",?//, s/"call_\K[0-9a-f]{16}(?=_\d)//g for $said->{list}->@*;
    return { %$said, status => $res->{status} };
}

sub calls () {
    my %calls;
    my $paths = $up->stats->{paths};
    /;seed=(\d+)/ and $calls{$1} += $paths->{$_} for keys %$paths;
    return join ' ', map { "$_:$calls{$_}" } sort keys %calls;
}

# Begun: what the first one says, as far as it was sent, and an error.
sub is_begun ($said, $whole) {
    my @list = $said->{list}->@*;
    my $error = pop @list;
    return 0 if $said->{code} ne 'upstream_truncated' || $said->{ends}->@* != 1 || @list >= $whole->{list}->@*;
    return "@list" eq join ' ', $whole->{list}->@[ 0 .. $#list ];
}

for my $way (@WAYS) {
    for my $pair (@PAIRS) {
        my ($first, $next) = @$pair;
        my $one = ask($way, "$first/all");
        my $other = ask($way, "$next/all");
        my (%n, @wrong);
        for my $after (0 .. $EVENTS) {
            $up->reset;
            my $said = ask($way, "$first/$after");
            my $calls = calls();
            my $is = "@{$said->{list}}" eq "@{$one->{list}}"  ? 'the whole of the first'
                : "@{$said->{list}}" eq "@{$other->{list}}" ? 'the whole of the other'
                : is_begun($said, $one)                     ? 'begun'
                :                                             'wrong';
            my $want = $is =~ /other/ ? join ' ', sort "$SEED{$first}:1", "$SEED{$next}:1" : "$SEED{$first}:1";
            $n{$is}++;
            push @wrong, [ $after, $is, $calls, $said ] if $is eq 'wrong' || $calls ne $want;
        }
        splice @wrong, 3;
        is_deeply \@wrong, [], "$way->{name}: $first, then $next: the one or the other" or diag explain [ @wrong, $one, $other ];
        is_deeply [ sort keys %n ], [ $way->{whole} ? () : 'begun', 'the whole of the first', 'the whole of the other' ], '... and each of them' or diag explain \%n;
    }
}

$t->stop;
ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
