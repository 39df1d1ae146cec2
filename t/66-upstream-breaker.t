# SPDX-License-Identifier: Apache-2.0
#
# A provider that fails is left alone for a while, a key that it does not accept
# as well: by all children of a server, with one probe after it, and told in the
# log and on the status page.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP ();

my $up = ChatTest::Upstream->new(lean => 1)->start;
my $other = ChatTest::Upstream->new(lean => 1)->start;
my $BRIEF = 'cooldown=' . int(scaled(400)) . 'ms';
my $LONG = 'cooldown=60s';

sub server ($mpm, $cooldown, %o) {
    my $routes = chat_conf(
        chat  => { url => $up->url, provider => "ChatProviderBreaker 3 $cooldown", location => 'ChatRetry 1' },
        off   => { url => $up->url, provider => 'ChatProviderBreaker off', location => 'ChatRetry 1' },
        other => $other->url,
    );
    return ChatTest->new(mpm => $mpm, modules => ['status'], %o, conf => $routes . <<'END')->start;
<Location /either>
    SetHandler chat
    ChatRoute openai
    ChatUse chat other
    ChatAuth guest
    ChatRetry 1
</Location>
END
}

my $seed = 0;

sub ask ($t, $path, %mock) {
    return $t->sse($path, $t->turn(seed => ++$seed, %mock));
}

sub begin ($t, %mock) {
    my $conn = $t->connect;
    $conn->request('POST', '/chat', body => JSON::PP::encode_json($t->turn(seed => ++$seed, %mock)),
        headers => [ 'Content-Type' => 'application/json', Connection => 'close' ]);
    return $conn;
}

sub code ($res) { return ($res->{body} =~ /"code":\s*"(\w+)"/)[0] // '' }

# What the status page tells of a provider.
sub row ($t, $name) {
    my ($row) = $t->get('/server-status?auto')->{body} =~ /^ChatProvider-$name: (.*)$/m;
    return $row;
}

# The first answer that does not come from an open breaker.
sub ask_until_asked ($t, %mock) {
    my $res;
    wait_for('the breaker to let one through', sub {
        $res = ask($t, '/chat', %mock);
        return code($res) ne 'upstream_unavailable';
    });
    return $res;
}

sub open_breaker ($t) {
    ask($t, '/chat', status => 503) for 1 .. 3;
}

sub logged ($t, $mark, $id) {
    return scalar(() = $t->error_log($mark) =~ /CHAT$id: /g);
}

# ---- the breaker ----

# Several children, and each request goes to any.
for my $mpm (qw(event prefork)) {
    my $t = server($mpm, $LONG);
    $t->expect_log(qr/CHAT0902: .* upstream_error: /, qr/CHAT1103: provider chat has failed 3 times in a row: it is not asked for 60 s/);
    subtest "$mpm: a provider that fails" => sub {
        my $mark = $t->mark;
        $up->reset;
        ask($t, '/chat', status => 503) for 1, 2;
        is ask($t, '/chat')->{status}, 200, 'one that fails twice is still asked';
        ask($t, '/chat', status => 400) for 1 .. 4;
        is row($t, 'chat'), 'closed 7 2 0 1 0', 'one that refuses requests, too';
        ask($t, '/chat', status => 500);
        ask($t, '/chat', fault => 'rst-head');
        is logged($t, $mark, '1103'), 0, '... and has not failed often enough';
        ask($t, '/chat', fault => 'close-head');
        is row($t, 'chat'), 'open 10 5 1 1 0', 'after three failures in a row it is left alone';
        is logged($t, $mark, '1103'), 1, '... as the log says, once';

        $up->reset;
        my @res = map { ask($t, '/chat') } 1 .. 10;
        is_deeply [ grep { $_->{status} != 503 || code($_) ne 'upstream_unavailable' } @res ], [],
            'nobody is let through, whichever child it is';
        my @after = map { $_->{headers}{'retry-after'} } @res;
        is scalar(grep { $_ && $_ > 0 && $_ <= 61 } @after), 10, '... all are told how long' or diag "@after";
        is $up->stats->{requests}, 0, '... and it hears of none';
        is ask($t, '/off')->{status}, 200, 'another that has no breaker is asked, be it at the same address';
        ask($t, '/off', status => 503) for 1 .. 10;
        is row($t, 'off'), 'closed 11 10 0 1 0', '... however often it fails';

        my $res = ask($t, '/either');
        is "$res->{status} $res->{clean}", '200 1', 'a route that has another provider asks that';
        is row($t, 'other'), 'closed 1 0 0 1 0', '... one call';

        $t->graceful;
        is row($t, 'chat'), 'closed 0 0 0 1 0', 'a restart forgets';
        is ask($t, '/chat')->{status}, 200, '... and asks again';
    };
    $t->stop;
}

# ---- the probe ----

{
    my $t = server('prefork', $BRIEF);
    $t->expect_log(qr/CHAT0902: .* upstream_error: /, qr{CHAT1103: }, qr{CHAT1104: });

    subtest 'the probe' => sub {
        my $mark = $t->mark;
        open_breaker($t);
        is code(ask($t, '/chat')), 'upstream_unavailable', 'it is open';
        my $res = ask_until_asked($t, status => 503);
        is $res->{status}, 503, 'after the cooldown one may try, and fails';
        is logged($t, $mark, '1104'), 1, '... which the log says';
        is code(ask($t, '/chat')), 'upstream_unavailable', '... then it is open again';
        is row($t, 'chat'), 'open 4 4 1 1 0', '... which counts as once';

        is ask_until_asked($t)->{status}, 200, 'the next one succeeds';
        is ask($t, '/chat')->{status}, 200, '... and all may';
        is row($t, 'chat'), 'closed 6 4 1 1 0', '... as it is closed';
        is_deeply [ map { logged($t, $mark, $_) } qw(1102 1103 1104 1105) ], [ 2, 1, 1, 1 ], 'the log has each step';
    };
    $t->stop;
}

{
    my $t = server('prefork', 'cooldown=' . int(scaled(1500)) . 'ms');
    $t->expect_log(qr/CHAT0902: .* upstream_error: /, qr{CHAT1103: }, qr{CHAT1104: });

    # A connection that is the probe, whose call lasts.
    my $probe = sub (%mock) {
        my $conn;
        wait_for('a probe', sub {
            $conn = begin($t, %mock);
            wait_for('a call or a refusal', sub { $up->stats->{open} || $conn->closed(0.02) });
            return $up->stats->{open};
        }, 20);
        return $conn;
    };

    subtest 'the probe is out' => sub {
        open_breaker($t);
        my $conn = $probe->(fault => 'hang-head');
        is row($t, 'chat') =~ s/ .*//r, 'half-open', 'its breaker is half-open';
        is code(ask($t, '/chat')), 'upstream_unavailable', 'meanwhile the others wait';
        $conn->close;
        wait_for('its call to be closed', sub { !$up->stats->{open} });
        is ask_until_asked($t, status => 503)->{status}, 503, 'when its client leaves that says nothing, and the next one tries';
    };

    subtest 'the probe is answered' => sub {
        open_breaker($t);
        my $conn = $probe->(n => 2000, pace => 50);
        ok wait_for('its first event', sub { row($t, 'chat') =~ /^closed/ }), 'the breaker closes with its first event';
        is ask($t, '/chat')->{status}, 200, '... the others need not wait for its last';
        is $up->stats->{open}, 1, '... which is far';
        $conn->close;
        wait_for('it to be let go', sub { !$up->stats->{open} });
    };

    subtest 'the probe is lost' => sub {
        open_breaker($t);
        my $mark = $t->mark;
        my $conn = $probe->(fault => 'hang-head');
        my ($pid) = $t->error_log($mark) =~ /.*\[pid (\d+)[:\]].* CHAT1102: /s;
        kill KILL => $pid;
        wait_for('its child to be gone', sub { !$up->stats->{open} });
        is code(ask($t, '/chat')), 'upstream_unavailable', 'nobody hears of it';
        is ask_until_asked($t)->{status}, 200, 'after the cooldown another one tries';
    };
    $t->allow_log(qr/child pid \d+ exit signal Killed/);
    $t->stop;
}

# ---- keys ----

subtest 'a key that is not accepted' => sub {
    my %env = map { ("KEY_$_" => "sk-secret-$_") } qw(one two three);
    my $t = ChatTest->new(mpm => 'prefork', modules => ['status'], env => \%env, conf => chat_conf(
        keys => { url => $up->url(badkey => 'two'), key => 0, provider => join("\n", map { "ChatProviderKey env:KEY_$_" } qw(one two three)) },
        none => { url => $up->url(badkey => 'one,two'), key => 0, provider => join("\n", map { "ChatProviderKey env:KEY_$_" } qw(one two)) },
        unsure => { url => $up->url(badkey => 'one,two', badcode => 403, as => 'vllm'), key => 0,
            provider => join("\n", 'ChatProviderAPI chat-completions', map { "ChatProviderKey env:KEY_$_" } qw(one two)) },
    ))->start;
    $t->expect_log(qr/CHAT0902: .* upstream_auth/,
        qr/CHAT1106: provider unsure does not accept key number \d of 2: it is not used for 60 s, and 1 are left/,
        qr/CHAT1106: provider keys does not accept key number 2 of 3: it is not used for 60 s, and 2 are left/,
        qr/CHAT1106: provider none does not accept key number \d of 2: /);
    $up->reset;
    my $key = sub { (($up->last->{headers}{authorization} // '') =~ /-(\w+)$/)[0] // '' };
    my @used = map { is ask($t, '/keys')->{status}, 200, "answer $_"; $key->() } 1 .. 9;
    is "@used", 'one three one three one three one three one', 'the others are used in turn' or diag "@used";
    is $up->stats->{requests}, 10, '... and that one once';
    like row($t, 'keys'), qr/^closed 10 0 0 3 1$/, '... it is suspended';

    $up->reset;
    is ask($t, '/none')->{status}, 502, 'no key is accepted';
    is row($t, 'none') =~ s/.* //r, 2, '... all are suspended';
    my $asked = $up->stats->{requests};
    is ask($t, '/none')->{status}, 502, 'then there is none to ask with';
    is $up->stats->{requests}, $asked, '... and nobody is asked';
    is ask($t, '/unsure')->{status}, 502, 'a 403 may be about the question';
    is row($t, 'unsure') =~ s/.* //r, 1, '... and does not cost the last key';
    unlike $t->error_log, qr/sk-secret/, 'no key is in the log';
    $t->stop;
};

ok $up->stop && $other->stop, 'the upstreams have seen no nonsense';
done_testing;
