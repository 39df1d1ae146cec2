# SPDX-License-Identifier: Apache-2.0
#
# A request that took several calls is one request: it is charged once, gives its
# place back, and is one line in the log, about who answered. Each of its calls
# counts for the breaker of that provider, which may close it.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use ChatTest::Ways;
use JSON::PP ();

my $up = ChatTest::Upstream->new(keep => 0)->start;
my $nobody = 'http://127.0.0.1:' . ChatTest::Httpd::free_port() . '/v1';
my @WAYS = ways('responses');
my $LONG = 'cooldown=60s';
my $BRIEF = 'cooldown=' . int(scaled(300)) . 'ms';

# What the mock charges for seed 7: 10 + 7 tokens of question, 5 of answer.
my $COST = 22;

# Each has a seed of its own, by which its calls are told from others'.
my %name_of;

sub provider ($name, $mock, $breaker = 'off') {
    my $seed = 7 + keys %name_of;
    $name_of{$seed} = $name =~ s/-.*//r;
    my $url = ref $mock ? $up->url(%$mock, seed => $seed) : $mock;
    return "<ChatProvider $name>\nChatProviderType openai\nChatProviderURL $url\nChatProviderKey env:CHAT_CANARY_KEY\n"
        . "ChatProviderBreaker $breaker\n</ChatProvider>\n";
}

# [ what, how, whether it is a failure ]
my @ODD = (
    [ 'a page',                  { fault => 'html' },                     1 ],
    [ 'a redirect',              { fault => 'redirect' },                 1 ],
    [ 'nothing',                 { fault => 'noend', after => 0 },        1 ],
    [ 'an answer without an end', { fault => 'noend', after => 6 },       1 ],
    [ 'half an answer',          { fault => 'close', after => 6 },        1 ],
    [ 'too much to do',          { status => 429 },                       0 ],
    [ 'a refusal',               { status => 400 },                       0 ],
    [ 'a refusal of the key',    { status => 401 },                       0 ],
    [ 'an answer that is too long', { fault => 'incomplete' },            0 ],
    [ 'an answer',               {},                                      0 ],
);

# The status page has room for 64 providers.
my $WHERE = qr/^(?:own|stream|completions-whole)$/;

my $conf = join '', "MaxKeepAliveRequests 0\n",
    provider(next   => {}),
    provider(busy   => { status => 503 }),
    provider(mute   => { fault => 'close-head' }),
    provider(half   => { fault => 'noend', after => 6 }),
    provider(strict => { status => 400 }),
    provider(nobody => $nobody),
    map {
        my $way = $_;
        my $name = $way->{name};
        my $location = sub ($path, @lines) { join "\n", "<Location /$name$path>", @lines, "</Location>\n" };
        # Below it: the same policies.
        (
            $location->('', $way->{lines}, 'ChatRetry 2 backoff=1ms unsafe=on', "ChatLimit tokens-$name 1000000/1h ip unit=tokens reserve=300",
                "ChatLimit asked-$name 1000/1h ip", "ChatLimit open-$name 1 ip unit=streams"),
            $location->('/look', 'ChatUse strict'),
            $location->('/next', 'ChatUse next'),
            $location->('/busy', 'ChatUse busy next'),
            $location->('/mute', 'ChatUse nobody mute busy next'),
            $location->('/none', 'ChatUse busy mute'),
            $location->('/half', 'ChatUse half next'),
            $location->('/gone', 'ChatUse busy nobody'),
            # A breaker of its own for each way.
            provider("long-$name"  => { status => 503 }, "3 $LONG"),
            provider("quick-$name" => { status => 503 }, "2 $LONG"),
            provider("brief-$name" => { status => 503, times => 2 }, "2 $BRIEF"),
            map({ (provider("odd$_-$name" => $ODD[$_][1], "2 $LONG"), $location->("/odd$_", "ChatUse odd$_-$name", 'ChatRetry 1')) } $name =~ $WHERE ? 0 .. $#ODD : ()),
            $location->('/long', "ChatUse long-$name next", 'ChatRetry 1'),
            $location->('/quick', "ChatUse quick-$name next", 'ChatRetry 5 backoff=1ms'),
            $location->('/alone', "ChatUse quick-$name", 'ChatRetry 5 backoff=1ms'),
            $location->('/brief', "ChatUse brief-$name", 'ChatRetry 1'),
        );
    } @WAYS;

# ---- asking ----

my $n = 0;

# Calls so far, by provider.
sub calls () {
    my %calls;
    my $paths = $up->stats->{paths};
    /;seed=(\d+)/ and $calls{ $name_of{$1} } += $paths->{$_} for keys %$paths;
    return \%calls;
}

sub ask ($t, $way, $path) {
    my $id = 'told-' . ++$n;
    my $before = calls();
    my $res = $t->post_json("/$way->{name}/$path", $way->{body}->($t->canary_prompt), headers => [ 'X-Request-ID' => $id ]);
    $t->wait_access(qr/ id=$id /);
    my $calls = calls();
    $calls->{$_} -= $before->{$_} for keys %$before;
    return { heard($way, $res)->%*, id => $id, res => $res, status => $res->{status},
        calls => join ' ', map { "$_ $calls->{$_}" } grep { $calls->{$_} } sort keys %$calls };
}

# What is left by the policies, as somebody sees it who is refused and gets all
# of his own back but one request.
sub left ($t, $way) {
    my $said = ask($t, $way, 'look');
    my %left = $said->{res}{headers}{ratelimit} =~ /"(tokens|asked)-[\w-]+";r=(\d+)/g;
    return \%left;
}

sub row ($t, $name) {
    return ($t->get('/server-status?auto')->{body} =~ /^ChatProvider-$name: (.*)$/m)[0];
}

# ---- what it costs ----

my @BILLS = (
    # [ what, where, calls, status, tokens ]
    [ 'one call',                       'next', 'next 1',               200, $COST ],
    [ 'two that are refused, and one',  'busy', 'busy 2 next 1',        200, $COST ],
    [ 'two to nobody, two that are not answered, two that are refused, and one', 'mute', 'busy 2 mute 2 next 1', 200, $COST ],
    [ 'none that is answered',          'none', 'busy 2 mute 2',        502, 0 ],
);

sub bills ($t, $way) {
    my @bills = @BILLS;
    # Whoever waits for the whole has got nothing of a half.
    push @bills, [ 'two that break off, and one', 'half', 'half 2 next 1', 200, $COST ] if $way->{whole} && $way->{kind} ne 'own';
    for (@bills) {
        my ($what, $where, $calls, $status, $tokens) = @$_;
        my $before = left($t, $way);
        my $said = ask($t, $way, $where);
        my $after = left($t, $way);
        is_deeply [ $said->{calls}, $said->{status}, $before->{tokens} - $after->{tokens}, $before->{asked} - $after->{asked} ],
            [ $calls, $status, $tokens, 2 ], "$what: $tokens tokens, and one request" or diag explain [ $said->{calls}, $before, $after ];
        my $told = () = $t->error_log =~ /CHAT0901: id=$said->{id} /g;
        is $told, 1, '... in one line';
    }
    is ask($t, $way, 'none')->{code} =~ /rate|limit/ ? 'limited' : 'asked', 'asked', '... and the only place is free again' for 1 .. 3;
}

# ---- what is told of it ----

sub told ($t, $way) {
    my $said = ask($t, $way, 'gone');
    is "$said->{status} $said->{calls}", '502 busy 2', 'one that refuses, and nobody';
    my ($line) = $t->error_log =~ /CHAT0902: id=$said->{id} (.*)/;
    like $line, qr{^url=http://\S+ code=- type=- param=- provider=nobody upstream=- upstream-id=- upstream_error: }, '... is told as nobody, not as what the other one said';
    my @next = $t->error_log =~ /CHAT0803: provider (\w+) failed \(status (\d+).*\): (again|now) (\w+) in/g;
    is_deeply [ @next[ -12 .. -1 ] ], [ 'busy', 503, 'again', 'busy', 'busy', 503, 'now', 'nobody', 'nobody', 0, 'again', 'nobody' ],
        '... with a line for each next call';
}

# ---- what is remembered of it ----

sub remembered ($t) {
    for my $whole (0, 1) {
        my ($way) = grep { $_->{name} eq ($whole ? 'message-whole' : 'message') } @WAYS;
        my $say = sub ($path, $text) {
            my $res = $t->post_json("/$way->{name}/$path", { $way->{body}->($text)->%*, session_id => "session-$whole" });
            return heard($way, $res);
        };
        # Of a half somebody who reads has got something: that is no answer.
        my $said = $say->('half', 'one');
        is $said->{code}, $whole ? '' : 'upstream_truncated', "$way->{name}: a session that begins with " . ($whole ? 'a second try' : 'half an answer');
        my $next = $say->('busy', 'two');
        $say->('next', 'three');
        my @told = map { "$_->{role}: " . (ref $_->{content} ? $_->{content}[0]{text} : $_->{content}) }
            JSON::PP::decode_json($up->last->{body})->{input}->@*;
        is_deeply \@told, [ $whole ? ('user: one', "assistant: $said->{text}") : (), 'user: two', "assistant: $next->{text}", 'user: three' ],
            '... remembers each answer once, and no half of one' or diag explain \@told;
    }
}

# ---- what the breaker makes of it ----

sub breaker ($t, $way) {
    my $name = $way->{name};
    is ask($t, $way, 'long')->{calls}, 'long 1 next 1', 'one that fails is asked, and the next one' for 1 .. 3;
    is row($t, "long-$name"), 'open 3 3 1 1 0', '... until it has failed three times';
    my $said = ask($t, $way, 'long');
    is "$said->{calls} $said->{status}", 'next 1 200', '... from then on the next one alone';

    $said = ask($t, $way, 'quick');
    is "$said->{calls} $said->{status}", 'next 1 quick 2 200', 'of five calls two open the breaker, and are the last';
    is row($t, "quick-$name"), 'open 2 2 1 1 0', '... as the status page has it';
    $said = ask($t, $way, 'alone');
    is "$said->{calls} $said->{status}", ' 503', 'where there is no other one nobody is asked';
    cmp_ok $said->{res}{headers}{'retry-after'} // 0, '>', 0, '... the client is told when to come back';
    like $said->{res}{body}, qr/The provider fails at the moment/, '... and why';

    for my $i (0 .. $#ODD) {
        my ($what, $how, $fails) = $ODD[$i]->@*;
        last if $name !~ $WHERE;
        ask($t, $way, "odd$i") for 1, 2;
        like row($t, "odd$i-$name"), $fails ? qr/^open 2 2 1 / : qr/^closed 2 0 0 /, "$what is " . ($fails ? 'a failure' : 'none');
    }

    ask($t, $way, 'brief') for 1, 2;
    like row($t, "brief-$name"), qr/^open 2 2 1 /, 'one that is open for a while';
    wait_for('the probe', sub { ($said = ask($t, $way, 'brief'))->{calls} });
    is "$said->{calls} $said->{status} @{$said->{ends}}", 'brief 1 200 done', '... is asked again, and answers';
    is row($t, "brief-$name"), 'closed 3 2 1 1 0', '... and closed';
}

for my $mpm (qw(event prefork)) {
    my $t = ChatTest->new(mpm => $mpm, modules => [qw(status socache_shmcb)], conf => $conf)->start;
    $t->expect_log(qr/CHAT0902: /, qr/CHAT1103: /);
    for my $way ($mpm eq 'event' ? @WAYS : grep { $_->{name} =~ /^own$|^completions-whole$/ } @WAYS) {
        subtest "$mpm: $way->{name}" => sub {
            bills($t, $way);
            told($t, $way);
            breaker($t, $way);
        };
    }
    subtest "$mpm: a session" => sub { remembered($t) };
    $t->stop;
    # Its counters of calls that fail at first.
    $up->reset;
}

ok $up->stop, 'the upstream has seen no nonsense';
done_testing;
