# SPDX-License-Identifier: Apache-2.0
#
# An upstream that fails after every single byte of its answer, head and body,
# in whatever words it is asked (ChatTest::Ways), and what clients get then.
package ChatTest::EveryByte;

use v5.36;
use Exporter 'import';
use JSON::PP ();
use Test::More ();
use ChatTest;
use ChatTest::Client;
use ChatTest::Upstream;
use ChatTest::Ways;

our @EXPORT = qw(byte_ways byte_server once twice);

my $up = ChatTest::Upstream->new(keep => 0, n => 2, size => 8, usage => 0)->start;
my @WAYS = ways('chat-completions');

# Those of these names, or all.
sub byte_ways (@names) {
    my %is = map { $_ => 1 } @names;
    return grep { !@names || $is{ $_->{name} } } @WAYS;
}

# Of four digits, so that every answer is as long as any other.
my %SEEDS = ('rst-byte' => 1000, 'close-byte' => 5000);

# As the mock makes it, with deltas of eight bytes.
sub text_of ($seed) { return "s${seed}d0 s${seed}d1 " }

# Bytes of an answer, for whom the way asks; counts in it may make it longer by
# a few.
sub length_of ($way) {
    my $body = { model => 'mock-1', messages => [] };
    @$body{qw(stream stream_options)} = (JSON::PP::true, { include_usage => JSON::PP::true })
        unless $way->{kind} eq 'own' && $way->{whole};
    my $conn = ChatTest::Client->new(port => $up->port);
    $conn->request('POST', '/v1;seed=1000/chat/completions', headers => {}, body => JSON::PP::encode_json($body));
    return length $conn->rest;
}

sub byte_server ($mpm) {
    my $t = ChatTest->new(mpm => $mpm, log_level => 'error', conf => <<"END" . join '', map { <<"END2" } @WAYS)->start;
MaxKeepAliveRequests 0
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI  chat-completions
    ChatProviderURL  @{[ $up->url ]}
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
END
<Location /$_->{name}>
$_->{lines}
ChatUse up
ChatRetry 2 backoff=1ms
</Location>
<Location /$_->{name}/unsafe>
ChatRetry 2 backoff=1ms unsafe=on
</Location>
END2
    return $t->expect_log(qr/CHAT0902: /);
}

# How many calls each seed has had.
sub calls_by_seed () {
    my $calls = $up->_ask('GET', '/_calls');
    return { map { /^(\d+) / ? ($1 => $calls->{$_}) : () } keys %$calls };
}

# ---- one way ----

# Every answer, by its seed, many at a time: the fault comes after as many bytes
# as the seed is above $first.
sub ask_all ($t, $path, $way, $script, $first) {
    my (%said, @open);
    my $read = sub {
        my ($seed, $conn) = shift(@open)->@*;
        my $res = $conn->response;
        $said{$seed} = { heard($way, $res)->%*, status => $res->{status}, clean => $res->{clean} };
        $conn->close;
    };
    $up->reset;
    for my $after (0 .. length_of($way) + 5) {
        my $seed = $first + $after;
        $read->() if @open >= 16;
        push @open, [ $seed, $t->connect ];
        $open[-1][1]->request('POST', $path, headers => [ 'Content-Type' => 'application/json', Connection => 'close' ],
            body => JSON::PP::encode_json($way->{body}->($t->canary_prompt . " mock(seed=$seed;$script;after=$after)")));
    }
    $read->() while @open;
    my $calls = calls_by_seed();
    $said{$_}{calls} = $calls->{$_} // 0 for keys %said;
    return \%said;
}

# What an answer is: whole, begun (its text is the beginning, then one end that
# is none), refused (an error alone), or wrong.
sub kind_of ($way, $seed, $said) {
    my $text = text_of($seed);
    my @ends = $said->{ends}->@*;
    my $own = $way->{name} eq 'own';
    return 'whole' if $said->{status} == 200 && "@ends" eq 'done' && $said->{text} eq $text && $said->{clean};
    return 'refused' if $said->{status} == 502 && $said->{code} =~ /^upstream_(?:unreachable|error|truncated)$/ && $said->{clean};
    return 'wrong' if $said->{status} != 200 || $way->{whole} || $said->{clean} || index($text, $said->{text}) != 0;
    # The provider's own words may be there whole, and its connection then fail.
    return 'begun' if $own && (!@ends || "@ends" eq 'done' && $said->{text} eq $text);
    return !$own && "@ends" eq 'upstream_truncated' ? 'begun' : 'wrong';
}

# So many of each kind, by calls; no answer is wrong.
sub sorted ($way, $what, $said) {
    my (%n, @wrong);
    for my $seed (sort keys %$said) {
        my $kind = kind_of($way, $seed, $said->{$seed});
        $n{"$kind after $said->{$seed}{calls}"}++;
        push @wrong, [ $seed, $said->{$seed} ] if $kind eq 'wrong';
    }
    splice @wrong, 5;
    Test::More::is_deeply \@wrong, [], "$way->{name}, $what: no text is doubled, mixed or without an end";
    return %n;
}

# The client gets what that call has said.
sub once ($t, $way, $fault) {
    my %n = sorted($way, $fault, ask_all($t, "/$way->{name}", $way, "fault=$fault", $SEEDS{$fault}));
    my @kinds = $way->{whole} ? qw(refused whole) : qw(begun refused whole);
    Test::More::is_deeply [ sort keys %n ], [ map { "$_ after 1" } @kinds ], "... one call each, and then @kinds"
        or Test::More::diag(Test::More::explain(\%n));
}

# The second call is answered. It is made when nothing was sent.
sub twice ($t, $way, $fault) {
    my %n = sorted($way, $fault, ask_all($t, "/$way->{name}/unsafe", $way, "fault=$fault;times=1", $SEEDS{$fault}));
    my @kinds = $way->{whole} ? ('whole after 1', 'whole after 2') : ('begun after 1', 'whole after 1', 'whole after 2');
    Test::More::is_deeply [ sort keys %n ], \@kinds, "... with unsafe=on: @kinds"
        or Test::More::diag(Test::More::explain(\%n));
}

1;
