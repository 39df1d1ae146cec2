# SPDX-License-Identifier: Apache-2.0
#
# An answer that breaks off after its first words: whoever has read them gets one
# error and no other call, whatever ChatRetry says; whoever waits for the whole
# has read nothing, so that unsafe=on asks again. And answers that begin before
# any upstream has (ChatStreamEarlyHeaders): those may still come from another.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use ChatTest::Ways;

my $up = ChatTest::Upstream->new(keep => 0, size => 8, n => 5)->start;
my $IDLE = 'ChatProviderTimeout idle=' . int(scaled(150)) . 'ms';

# With deltas of eight bytes, and seeds of four digits.
sub text_of ($seed, $n = 5) { return join '', map { "s${seed}d$_ " } 0 .. $n - 1 }

# ---- what happens after the second piece, the sixth event ----

# [ name, how, code in our words, outcome, the provider's own end ]
my @BREAKS = (
    [ 'a reset',              'rst',          'upstream_truncated', 'truncated' ],
    [ 'an end',               'close',        'upstream_truncated', 'truncated' ],
    [ 'an end in an event',   'cut',          'upstream_truncated', 'truncated' ],
    [ 'an end like any other', 'noend',       'upstream_truncated', 'truncated' ],
    [ 'nonsense',             'badchunk',     'upstream_truncated', 'truncated' ],
    [ 'silence',              'hang',         'upstream_timeout',   'timeout' ],
    [ 'an error, flat',       'error-flat',   'upstream_error',     'upstream_error', 'error' ],
    [ 'an error, nested',     'error-nested', 'upstream_error',     'upstream_error', 'error' ],
    [ 'a failed response',    'error-failed', 'upstream_error',     'upstream_error', 'error' ],
);

my @WAYS = grep { $_->{name} ne 'own-whole' } ways('responses');

sub provider ($name, $seed, $mock, @lines) {
    return join "\n", "<ChatProvider $name>", 'ChatProviderType openai', "ChatProviderURL " . $up->url(seed => $seed) . ($mock && ";$mock"),
        'ChatProviderKey env:CHAT_CANARY_KEY', 'ChatProviderBreaker off', @lines, "</ChatProvider>\n";
}

my $conf = "MaxKeepAliveRequests 0\n" . provider(next => 7000, '') . provider(busy => 1500, 'status=503') . provider(strict => 1501, 'status=400');
$conf .= provider("break$_" => 1000 + $_, "after=6;fault=$BREAKS[$_][1]", $BREAKS[$_][1] eq 'hang' ? $IDLE : ()) for 0 .. $#BREAKS;
for my $way (@WAYS) {
    my $location = sub ($path, @lines) {
        $conf .= join "\n", "<Location /$way->{name}/$path>", $way->{lines}, 'ChatRetry 2 backoff=1ms', @lines, "</Location>\n";
    };
    for my $i (0 .. $#BREAKS) {
        $location->("break$i", "ChatUse break$i next");
        $location->("break$i/unsafe", 'ChatRetry 2 backoff=1ms unsafe=on');
    }
    my @early = 'ChatStreamEarlyHeaders on';
    $location->('early/next', 'ChatUse busy next', @early);
    $location->('early/busy', 'ChatUse busy', @early);
    $location->('early/strict', 'ChatUse strict next', @early);
    $location->('early/named', 'ChatUse m-busy m-next', @early);
}
$conf .= provider('m-busy' => 1502, 'status=503') . provider('m-next' => 7001, '') . "ChatModel mock-1 m-busy fallback=other\nChatModel other m-next\n";

sub server ($mpm) {
    return ChatTest->new(mpm => $mpm, conf => $conf)->start->expect_log(qr/CHAT0902: /);
}

# ---- asking ----

my $n = 0;

sub ask ($t, $way, $path) {
    my $id = 'begun-' . ++$n;
    $up->reset;
    my $res = $t->post_json("/$way->{name}/$path", $way->{body}->($t->canary_prompt), headers => [ 'X-Request-ID' => $id ]);
    my ($model, $provider, $outcome) = $t->wait_access(qr/ id=$id /) =~ / model=(\S+) provider=(\S+) .* outcome=(\S+)/;
    my ($calls, $next) = (0, 0);
    my $paths = $up->stats->{paths};
    /;seed=7/ ? $next += $paths->{$_} : ($calls += $paths->{$_}) for keys %$paths;
    my $said = heard($way, $res);
    return ($res, [ $res->{status}, $said->{text}, join(',', $said->{ends}->@*), $res->{clean}, "$provider $outcome", "$calls $next" ]);
}

sub breaks_off ($t, $way, $i, $unsafe) {
    my ($name, undef, $code, $outcome, $own_end) = $BREAKS[$i]->@*;
    # There it has its own code.
    $code = 'server_error' if $way->{name} =~ /^completions/ && $name =~ /error|failed/;
    my ($res, $got) = ask($t, $way, "break$i" . ($unsafe ? '/unsafe' : ''));
    my $want;
    if (!$way->{whole}) {
        my $end = $way->{kind} eq 'own' ? $own_end // '' : $code;
        $want = [ 200, text_of(1000 + $i, 2), $end, 0, "break$i $outcome", '1 0' ];
    }
    elsif ($unsafe) {
        $want = [ 200, text_of(7000), 'done', 1, 'next complete', '2 1' ];
    }
    else {
        $want = [ $code eq 'upstream_timeout' ? 504 : 502, '', $code, 1, "break$i $outcome", '1 0' ];
    }
    is_deeply $got, $want, ($unsafe ? 'unsafe=on, ' : '') . "$name: $want->[5] calls, then $want->[2]" or diag explain $got;
}

sub early ($t, $way) {
    my $own = $way->{kind} eq 'own';
    my ($res, $got) = ask($t, $way, 'early/next');
    is_deeply $got, [ 200, text_of(7000), 'done', 1, 'next complete', '2 1' ], 'an answer that begins early comes from who has one' or diag explain $got;
    ok scalar $res->{comments}->@*, '... after a comment';
    ($res, $got) = ask($t, $way, 'early/busy');
    is_deeply $got, [ 200, '', $own ? '' : 'upstream_overloaded', 0, 'busy upstream_error', '2 0' ], 'nobody has one: one error, in the stream' or diag explain $got;
    ($res, $got) = ask($t, $way, 'early/strict');
    is_deeply $got, [ 200, '', $own ? '' : 'upstream_rejected', 0, 'strict upstream_error', '1 0' ], 'a question that is refused, too' or diag explain $got;
    ($res, $got) = ask($t, $way, 'early/named');
    is_deeply $got, [ 200, text_of(7001), 'done', 1, 'm-next complete', '2 1' ], 'another model answers' or diag explain $got;
    is $res->{headers}{'x-chat-model'}, undef, '... and no header has named the one that did not';
}

for my $mpm (qw(event worker)) {
    my $t = server($mpm);
    for my $way ($mpm eq 'event' ? @WAYS : grep { $_->{name} =~ /^stream/ } @WAYS) {
        subtest "$mpm: $way->{name}" => sub {
            for my $i (0 .. $#BREAKS) {
                breaks_off($t, $way, $i, $_) for 0, 1;
            }
            early($t, $way) if !$way->{whole};
        };
    }
    $t->stop;
}

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
