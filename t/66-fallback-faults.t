# SPDX-License-Identifier: Apache-2.0
#
# Whatever an upstream does instead of answering, in whatever words it is asked:
# how often it is asked, whether the next one is, and what the client gets: the
# text of one call with one end, or one error. With and without unsafe=on.
#
# Runs alone: time-outs of upstreams are told from slow ones.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Client;
use ChatTest::Upstream;
use ChatTest::Ways;

my $up = ChatTest::Upstream->new(keep => 0)->start;
my $nobody = ChatTest::Httpd::free_port();
my $mute = ChatTest::Answers->new->start;    # takes a TLS hello, and says nothing
my $FIRST = 'first=' . int(scaled(150)) . 'ms';

# ---- the table ----

# [ name, what the mock is told or the upstream's URL, calls, calls with
# unsafe=on, what the client gets when the next one is not asked ]. Calls are
# those of the first upstream, then those of the next one, of which each may have
# two.
my $GATE = '504 upstream_timeout timeout';
my $DEAD = '502 upstream_unreachable upstream_error';
my $NONE = '502 upstream_error upstream_error';
my $BAD  = '400 upstream_rejected upstream_error';
my @CASES = (
    # It says no: that is safe to try again ...
    [ 'a 429',                      'status=429',           '2 1', '2 1' ],
    [ 'a 429 for no time',          'status=429;retry=0',   '2 1', '2 1' ],
    [ 'a 429 for too long a time',  'status=429;retry=60',  '1 1', '1 1' ],
    [ 'a 503 for too long a time',  'status=503;retry=60',  '1 1', '1 1' ],
    [ 'a 500',                      'status=500',           '2 1', '2 1' ],
    [ 'a 502',                      'status=502',           '2 1', '2 1' ],
    [ 'a 503',                      'status=503',           '2 1', '2 1' ],
    [ 'a 529',                      'status=529',           '2 1', '2 1' ],
    [ 'a 599',                      'status=599',           '2 1', '2 1' ],
    # ... or cannot change soon, there
    [ 'a 401',                      'status=401',           '1 1', '1 1' ],
    [ 'a 402',                      'status=402',           '1 1', '1 1' ],
    [ 'a 403',                      'status=403',           '1 1', '1 1' ],
    [ 'a 404',                      'status=404',           '1 1', '1 1' ],
    [ 'a 429 for want of money',    'status=429;quota=1',   '1 1', '1 1' ],
    # ... or is about the question.
    [ 'a 400',                      'status=400',           '1 0', '1 0', $BAD ],
    [ 'a 409',                      'status=409',           '1 0', '1 0', $BAD ],
    [ 'a 413',                      'status=413',           '1 0', '1 0', $BAD ],
    [ 'a 422',                      'status=422',           '1 0', '1 0', $BAD ],
    [ 'a redirect',                 'fault=redirect',       '1 0', '1 0', $NONE ],
    # It was never reached.
    [ 'nobody there',               "http://127.0.0.1:$nobody/v1", '0 1', '0 1' ],
    [ 'no TLS',                     'tls',                         '0 1', '0 1' ],
    [ 'no hello',                   'mute',                        '0 1', '0 1' ],
    # It may have begun to work.
    [ 'a 408',                      'status=408',           '1 0', '2 1', $GATE ],
    [ 'a 504',                      'status=504',           '1 0', '2 1', $GATE ],
    [ 'a 524',                      'status=524',           '1 0', '2 1', $NONE ],
    [ 'silence',                    'fault=hang-head',      '1 0', '2 1', $GATE ],
    [ 'silence after the head',     'fault=hang;after=0',   '1 0', '2 1', $GATE ],
    [ 'a reset',                    'fault=rst-head',       '1 0', '2 1', $DEAD ],
    [ 'a closed connection',        'fault=close-head',     '1 0', '2 1', $DEAD ],
    [ 'no HTTP',                    'fault=garbage',        '1 0', '2 1', $DEAD ],
    [ 'a page',                     'fault=html',           '1 0', '2 1', $NONE ],
    [ 'a reset after the head',     'fault=rst;after=0',    '1 0', '2 1', $NONE ],
    [ 'an end after the head',      'fault=close;after=0',  '1 0', '2 1', $NONE ],
    [ 'nothing',                    'fault=noend;after=0',  '1 0', '2 1', $NONE ],
    # It is a stream, but no answer, also where its bytes would have passed. An
    # error there has the rules of the status that it would have had, a 500.
    [ 'comments',            'lead=2;fault=noend;after=0',  '1 0', '2 1', $NONE ],
    [ 'comments and a reset', 'lead=2;fault=rst;after=0',   '1 0', '2 1', $NONE ],
    [ 'an error, flat',      'fault=error-flat;after=0',    '2 1', '2 1', $NONE ],
    [ 'an error, nested',    'fault=error-nested;after=0',  '2 1', '2 1', $NONE ],
    [ 'a failed response',   'fault=error-failed;after=0',  '2 1', '2 1', $NONE ],
);

# What only a stream can do: the mock's whole answers are too short for it.
my $STREAMS = qr/fault=(?:hang|rst|close|noend|error-\w+);after=0/;

my @WAYS = ways('responses');

# ---- the server ----

my $tls;

sub url_of ($case, $i) {
    return $case if $case =~ /^http/;
    return $tls->url if $case eq 'tls';
    return 'https://127.0.0.1:' . $mute->port . '/v1' if $case eq 'mute';
    return $up->url(map({ split /=/ } split /;/, $case), seed => 1000 + $i);
}

sub provider ($name, $url, $times = '') {
    return "<ChatProvider $name>\nChatProviderType openai\nChatProviderURL $url\nChatProviderKey env:CHAT_CANARY_KEY\n"
        . "ChatProviderBreaker off\n" . ($times ? "ChatProviderTimeout $times\n" : '') . "</ChatProvider>\n";
}

sub conf () {
    my $text = "MaxKeepAliveRequests 0\n" . provider(next => $up->url(seed => 7));
    for my $i (0 .. $#CASES) {
        my $case = $CASES[$i][1];
        my $times = $case eq 'mute' ? "connect=" . int(scaled(60)) . 'ms' : $case =~ /hang/ ? $FIRST : '';
        $text .= provider("case$i", url_of($case, $i), $times);
        for my $way (@WAYS) {
            $text .= "<Location /$way->{name}/$i>\n$way->{lines}\nChatUse case$i next\nChatRetry 2 backoff=1ms\n</Location>\n"
                . "<Location /$way->{name}/$i/unsafe>\nChatRetry 2 backoff=1ms unsafe=on\n</Location>\n";
        }
    }
    return $text;
}

sub server ($mpm) {
    my $t = ChatTest->new(mpm => $mpm);
    $tls //= ChatTest::Upstream->new(tls => [ $t->certificate ])->start;
    $t->{conf} = conf();
    $t->expect_log(qr/CHAT0902: /);
    return $t->start;
}

# ---- one case ----

# What the mock says to whoever asks with this seed, by its own account.
sub text_of ($seed) {
    my $conn = ChatTest::Client->new(port => $up->port);
    $conn->request('POST', "/v1;seed=$seed/chat/completions", headers => { 'Content-Type' => 'application/json' },
        body => '{"model":"m","messages":[]}');
    return $conn->response->{json}{choices}[0]{message}{content};
}

my $TEXT = text_of(7);
my %want_told;

# Of the case, and of the next one: paths have the parameters in them.
sub calls_of () {
    my $paths = $up->stats->{paths};
    my ($case, $next) = (0, 0);
    for my $path (keys %$paths) {
        my ($seed) = $path =~ /;seed=(\d+)/;
        $seed == 7 ? $next += $paths->{$path} : ($case += $paths->{$path});
    }
    return "$case $next";
}

sub is_api ($way) {
    return $way->{kind} eq 'completions' || ($way->{kind} eq 'own' && $way->{whole});
}

sub check ($t, $way, $i, $unsafe) {
    my ($name, $how, $safe_calls, $unsafe_calls, $error) = $CASES[$i]->@*;
    return if $way->{whole} && $way->{kind} eq 'own' && $how =~ $STREAMS;
    my $calls = $unsafe ? $unsafe_calls : $safe_calls;
    my $id = "$way->{name}-$i-" . ($unsafe ? 'on' : 'off');
    $up->reset;
    my $res = $t->post_json("/$way->{name}/$i" . ($unsafe ? '/unsafe' : ''), $way->{body}->($t->canary_prompt),
        headers => [ 'X-Request-ID' => $id ]);
    my $said = heard($way, $res);
    my ($status, $end, $outcome) = $calls =~ / 1$/ ? (200, 'done', 'complete') : split / /, $error;
    # In a form of the provider's the status is its own.
    $status = $1 if $error && $error eq $BAD && is_api($way) && $how =~ /^status=(\d+)/;
    my $text = $end eq 'done' ? $TEXT : '';
    $want_told{$id} = ($calls =~ / 1$/ ? 'next' : "case$i") . " $status $outcome";
    is_deeply [ $res->{status}, join(',', $said->{ends}->@*), $said->{text}, calls_of(), $res->{clean} ],
        [ $status, $end eq '-' ? '' : $end, $text, $calls, 1 ],
        "$way->{name}, " . ($unsafe ? 'unsafe: ' : '') . "$name: calls $calls, then $status $end";
}

# One line for each request, with who answered and how that ended.
sub check_told ($t) {
    my %told;
    wait_for('a line for each request', sub {
        %told = ();
        for (split /\n/, $t->access_log) {
            my ($status, $id, $provider, $outcome) = /" (\d+) .* id=(\S+) .* provider=(\S+) .* outcome=(\S+)/ or next;
            push $told{$id}->@*, "$provider $status $outcome";
        }
        return keys %told == keys %want_told;
    });
    is_deeply \%told, { map { $_ => [ $want_told{$_} ] } keys %want_told }, 'each is one line in the access log, that tells who answered';
    %want_told = ();
}

for my $mpm (qw(event prefork)) {
    my $t = server($mpm);
    # All of them where streams are parked; elsewhere what differs is the driver.
    my @ways = $mpm eq 'event' ? @WAYS : @WAYS[ 0, 2 ];
    for my $way (@ways) {
        subtest "$mpm: $way->{name}" => sub {
            for my $i (0 .. $#CASES) {
                check($t, $way, $i, $_) for 0, 1;
            }
        };
    }
    check_told($t);
    $t->stop;
}

$mute->stop;
ok $up->stop && $tls->stop, 'the upstreams have seen no nonsense';
done_testing;
