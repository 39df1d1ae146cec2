# SPDX-License-Identifier: Apache-2.0
#
# The metrics route: Prometheus' own parsers (PyPI prometheus-client, and Go's
# expfmt where make check-metrics has built it; t/real/prometheus) read it in both formats, it tells of known traffic what was,
# and no number ever falls: over graceful restarts, killed children, clients that
# invent names.
#   CHAT_TEST_ROUNDS    restarts (3)
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use ChatTest;
use ChatTest::Upstream;
use Time::HiRes ();

my $DIR = "$FindBin::Bin/real/prometheus";
my $PYTHON = "$DIR/venv/bin/python3";
skip_or_fail("no $PYTHON: script/deps.sh test installs it") unless -x $PYTHON;

my $EXPFMT = "$DIR/expfmt/expfmt";
my $ROUNDS = $ENV{CHAT_TEST_ROUNDS} // 3;
my $JSON = JSON::PP->new->utf8;
my $up = ChatTest::Upstream->new->start;
my $HASTE = int(1000 * scaled(0.2)) . 'ms';

my $t = ChatTest->new(mpm => 'event', modules => [qw(status authz_host)], conf => <<"END")->start;
ChatModel gpt-4o-mini openai price-in=0.5 price-out=2 alias=mini
ChatModel gpt-4o-mini spare  price-in=0.5 price-out=2
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderTimeout first=$HASTE
    ChatProviderBreaker 3 cooldown=10m
</ChatProvider>
<ChatProvider spare>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
</ChatProvider>
<ChatProvider solid>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderBreaker off
</ChatProvider>
<ChatProvider locked>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /locked>
    SetHandler chat
    ChatRoute openai
    ChatUse locked
    ChatAuth guest
</Location>
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatUse openai
    ChatAuth guest
</Location>
<Location /solid>
    SetHandler chat
    ChatRoute openai
    ChatUse solid
    ChatAuth guest
</Location>
<Location /two>
    SetHandler chat
    ChatRoute stream
    ChatUse openai spare
    ChatAuth guest
</Location>
<Location /limited>
    SetHandler chat
    ChatRoute stream
    ChatUse solid
    ChatAuth guest
    ChatLimit few 2/1h ip
    ChatLimit look 1/1h ip shadow=on
</Location>
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=0 words=3
</Location>
<Location /metrics>
    SetHandler chat
    ChatRoute metrics
    Require local
</Location>
<Location /closed>
    SetHandler chat
    ChatRoute metrics
    Require all denied
</Location>
END

# ---- reading ----

my %ACCEPT = (
    text        => 'text/plain;version=0.0.4',
    openmetrics => 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;'
        . 'q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
);

sub parsed ($body, @command) {
    my $pid = open2(my $out, my $in, @command);
    print $in $body;
    close $in;
    my $text = do { local $/; <$out> };
    waitpid $pid, 0;
    return $? ? undef : $JSON->decode($text);
}

sub scrape ($format) {
    my $res = $t->get('/metrics', headers => { Accept => $ACCEPT{$format} });
    my $is = parsed($res->{body}, $PYTHON, "$DIR/read.py", $format);
    agree($is, $res->{body}) if $is && $format eq 'text' && -x $EXPFMT;
    return $is;
}

# name{label="value"} => value, labels in their order in the alphabet.
sub values_of ($families) {
    my %is;
    for my $family (@$families) {
        for my $sample ($family->[3]->@*) {
            my ($name, $labels, $value) = @$sample;
            $is{ $name . '{' . join(',', map { "$_=$labels->{$_}" } sort keys %$labels) . '}' } = $value;
        }
    }
    return \%is;
}

# The server of Prometheus is of Go.
sub agree ($is, $body) {
    my $theirs = parsed($body, $EXPFMT);
    my ($python, $go) = map { values_of($_ // []) } $is, $theirs;
    for my $values ($python, $go) {
        %$values = map { s/\ble=([\d.]+)/'le=' . (0 + $1)/er => 0 + $values->{$_} } keys %$values;
    }
    ok keys %$go, 'expfmt reads it';
    is_deeply $go, $python, '... and sees the same';
}

# The numbers of the plain format, without a parser of others: for many rounds.
sub numbers () {
    my %is;
    for my $line (split /\n/, $t->get('/metrics')->{body}) {
        $is{$1} = $2 if $line =~ /^([^#\s]\S*(?:\{.*\})?) (\S+)$/;
    }
    return \%is;
}

# Those that may only rise.
sub fallen ($before, $after) {
    return map { "$_: $before->{$_}, then " . ($after->{$_} // 'none') }
        grep { /_(?:total|bucket|sum|count)\b/ && ($after->{$_} // -1) < $before->{$_} } sort keys %$before;
}

# ---- before anybody asks ----

subtest 'the formats' => sub {
    my $text = $t->get('/metrics');
    is $text->{status}, 200, 'whoever may ask is answered';
    is $text->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', '... in the old format, where none is asked for';
    is $text->{headers}{'cache-control'}, 'no-store', '... which nobody keeps';
    my $open = $t->get('/metrics', headers => { Accept => $ACCEPT{openmetrics} });
    is $open->{headers}{'content-type'}, 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'Prometheus gets OpenMetrics';
    like $open->{body}, qr/\n# EOF\n\z/, '... which has its end';
    unlike $text->{body}, qr/# EOF/, '... that the other has not';
    is $t->request('HEAD', '/metrics')->{status}, 200, 'a HEAD is served';
    is $t->request('POST', '/metrics', body => 'x')->{status}, 405, '... a POST is not';
    $t->allow_log(qr/AH01630: client denied/);
    is $t->get('/closed')->{status}, 403, 'Require says who may see them';

    my $is = values_of(scrape('text'));
    is $is->{"chat_$_\_errors_total{}"}, 0, "no errors of $_ are a 0" for qw(redis store);
    my ($info) = grep { /^chat_build_info/ } keys %$is;
    like $info, qr/^chat_build_info\{httpd=2\.4\.\d+,version=\d+\.\d+\.\d+\}$/, 'what runs here';
    cmp_ok $is->{'chat_start_time_seconds{}'}, '<=', Time::HiRes::time(), 'when it was started';
    cmp_ok $is->{'chat_start_time_seconds{}'}, '>', time - 600, '... not long ago';
};

# ---- what is made of them ----

# What the dashboard and the alerts ask for, and what is there: in names, and in
# labels.
subtest 'the dashboard and the alerts' => sub {
    my $dir = "$FindBin::Bin/../conf/monitoring";
    my $dashboard = $JSON->decode($t->slurp("$dir/grafana.json"));
    my @asked = map { $_->{expr} } map { $_->{targets}->@* } $dashboard->{panels}->@*;
    my $alerts = $t->slurp("$dir/alerts.yml");
    push @asked, $alerts =~ /^ +(?:expr: |  )(.*\bchat_.*)$/mg;
    cmp_ok scalar(@asked), '>', 25, 'questions: ' . @asked;
    my %type = $t->get('/metrics')->{body} =~ /^# TYPE (\w+) (\w+)$/mg;
    my %has = map { $_ => 1 } map { my $name = $_; $type{$name} eq 'histogram' ? map { "${name}_$_" } qw(bucket sum count) : $name } keys %type;
    is_deeply [ grep { !$has{$_} } map { /\b(chat_\w+)/g } @asked ], [], 'each number is there';
    my $doc = $t->slurp("$FindBin::Bin/../docs/metrics.md");
    is_deeply [ grep { $doc !~ /`\Q$_\E`/ } sort keys %type ], [], '... and described';
    is_deeply [ grep { !$has{$_} && !$type{$_} } $doc =~ /^\| `(chat_\w+)`/mg ], [], '... as nothing else is';
    SKIP: {
        skip 'promtool is not there', 2 unless grep { -x "$_/promtool" } split /:/, $ENV{PATH};
        is system("promtool check rules $dir/alerts.yml >&2"), 0, 'promtool reads the rules';
        open my $fh, '|-', 'promtool check metrics >&2' or die $!;
        print $fh $t->get('/metrics')->{body};
        ok close($fh), '... and finds nothing wrong with the metrics';
    }
};

# ---- known traffic ----

subtest 'known traffic' => sub {
    my %turn = (seed => 77001, n => 12, size => 40);
    $t->sse('/chat', $t->turn(%turn)) for 1 .. 3;
    $t->sse('/chat', { $t->turn(%turn)->%*, model => 'mini' });
    $t->sse('/solid', { $t->turn(%turn)->%*, model => "client-$_" }) for 1 .. 5;
    $t->post_json('/chat', { messages => [] });
    $t->sse('/two', $t->turn(status => 500)) for 1 .. 2;
    $t->sse('/solid', $t->turn(status => 429));
    $t->sse('/locked', $t->turn(status => 401));
    $t->sse('/solid', $t->turn(%turn, fault => 'noend', after => 8));
    $t->sse('/solid', $t->turn(%turn, n => 1000, pace => 10), abort_after => 8);
    $t->sse('/limited', $t->turn(%turn)) for 1 .. 4;
    $t->post_json('/mock/responses', { model => 'm', input => 'x' });
    $t->expect_log(qr/CHAT0902: /, qr/CHAT1002: /, qr/CHAT1103: /);
    wait_for('the last to be counted', sub { (numbers()->{'chat_requests_total{route="openai",provider="solid",model="gpt-4o-mini",outcome="cancelled"}'} // 0) == 1 });

    for my $format (qw(text openmetrics)) {
        my $families = scrape($format);
        ok $families, "Prometheus' own parser reads $format" or next;
        my %type = map { $_->[0] => $_->[1] } @$families;
        is $type{chat_request_duration_seconds}, 'histogram', '... with its types';
        my $is = values_of($families);
        my $requests = sub ($route, $provider, $model, $outcome) {
            return $is->{"chat_requests_total{model=$model,outcome=$outcome,provider=$provider,route=$route}"} // 0;
        };
        is $requests->(qw(openai openai gpt-4o-mini complete)), 4, 'by model, under its own name';
        is $requests->(qw(openai solid other complete)), 5, '... names of clients are one';
        is $requests->(qw(openai none other refused)), 1, 'what was refused had no provider';
        is $requests->(qw(stream spare gpt-4o-mini upstream_error)), 2, 'the one that failed last is told';
        is $requests->(qw(openai solid gpt-4o-mini truncated)), 1, 'truncated';
        is $requests->(qw(openai solid gpt-4o-mini cancelled)), 1, 'cancelled';
        is $requests->(qw(stream none gpt-4o-mini limited)), 2, 'limited: nobody was asked';
        is $requests->(qw(mock mock other complete)), 1, 'the mock';

        my $attempts = sub ($provider, $result) { return $is->{"chat_upstream_attempts_total{provider=$provider,result=$result}"} // 0 };
        is $attempts->(qw(openai ok)), 4, 'calls that were answered';
        is $attempts->(qw(openai failed)), 2, '... that failed';
        is $attempts->(qw(spare failed)), 2, '... and at the next one as well';
        is $attempts->(qw(solid rate_limited)), 1, '... of too many';
        is $attempts->(qw(locked auth)), 1, '... with a key that is none';
        is $attempts->(qw(solid broken)), 1, '... that broke off';
        is $attempts->(qw(solid cancelled)), 1, '... that nobody waited for';

        is $is->{'chat_tokens_total{model=gpt-4o-mini,provider=openai,type=input}'}, 44, 'tokens of the question';
        is $is->{'chat_tokens_total{model=gpt-4o-mini,provider=openai,type=output}'}, 48, '... and of the answer';
        is sprintf('%.7f', $is->{'chat_cost_usd_total{model=gpt-4o-mini,provider=openai}'}), '0.0001180', '... what they cost';
        is $is->{'chat_limit_decisions_total{decision=allowed,policy=few}'}, 2, 'a limit allowed';
        is $is->{'chat_limit_decisions_total{decision=refused,policy=few}'}, 2, '... and refused';
        cmp_ok $is->{'chat_limit_decisions_total{decision=shadow,policy=look}'}, '>=', 1, '... one only looks';

        my $duration = 'chat_request_duration_seconds';
        is $is->{"${duration}_count{outcome=complete,provider=openai,route=openai}"}, 4, 'durations';
        is $is->{"${duration}_bucket{le=$_,outcome=complete,provider=openai,route=openai}"}, 4, "... within $_ s" for qw(600.0 +Inf);
        is $is->{"chat_time_to_first_chunk_seconds_count{model=gpt-4o-mini,provider=openai}"}, 4, 'first chunks';
        is $is->{'chat_overhead_seconds_count{route=openai}'}, 13, 'overheads: of those that were called for';
        cmp_ok $is->{'chat_overhead_seconds_sum{route=openai}'}, '<', $is->{"${duration}_sum{outcome=complete,provider=openai,route=openai}"} + 10, '... in seconds';
        is $is->{'chat_breaker_open{provider=spare}'}, 0, 'a breaker that is closed';
        is $is->{'chat_streams_open{}'}, 0, 'no stream is open';
    }
};

subtest 'what is open now' => sub {
    my $open = $t->connect;
    $open->request(POST => '/chat', body => $JSON->encode($t->turn(fault => 'hang-head')), headers => [ 'Content-Type' => 'application/json' ]);
    $open->close;
    my @open = map { $t->connect } 1 .. 3;
    $_->request(POST => '/solid', body => $JSON->encode($t->turn(n => 2000, pace => 10)), headers => [ 'Content-Type' => 'application/json' ]) for @open;
    wait_for('three streams', sub { numbers()->{chat_streams_open} == 3 });
    my $is = numbers();
    is $is->{chat_streams_open}, 3, 'three streams';
    if (($ENV{CHAT_VARIANT} // '') ne 'nopark') {
        is $is->{chat_streams_parked}, 3, '... that an engine carries';
        cmp_ok $is->{chat_engine_fds}, '>=', 6, '... each with two sockets';
    }
    $_->close for @open;
    ok wait_for('none', sub { numbers()->{chat_streams_open} == 0 }), 'and none';
    $t->sse('/chat', $t->turn(status => 500)) for 1 .. 3;
    is numbers()->{'chat_breaker_open{provider="openai"}'}, 1, 'a breaker that is open';
};

# ---- nothing falls ----

subtest "$ROUNDS restarts, and a child that is killed" => sub {
    my $before = numbers();
    my $served = 'chat_requests_total{route="openai",provider="solid",model="gpt-4o-mini",outcome="complete"}';
    my $answered = $before->{$served} // 0;
    my ($began, @fell) = ($before->{chat_start_time_seconds});
    for my $round (1 .. $ROUNDS) {
        $round % 5 == 3 ? $t->restart : $t->graceful;
        $t->sse('/solid', $t->turn(seed => $round, n => 2));
        my $after = numbers();
        push @fell, map { "round $round, $_" } fallen($before, $after);
        $before = $after;
    }
    is_deeply \@fell, [], 'no number falls';
    is $before->{chat_start_time_seconds}, $began, '... nor begins anew';
    is $before->{$served} - $answered, $ROUNDS, 'each request is counted';
    my $id = $t->sse('/solid', $t->turn(n => 2))->{headers}{'x-request-id'};
    my ($child) = $t->wait_log(qr/\[pid \d+:.*CHAT0901: id=$id /) =~ /\[pid (\d+)/;
    kill KILL => $child;
    wait_for('the server to notice', sub { !-e "/proc/$child" });
    is $t->sse('/solid', $t->turn(n => 2))->{status}, 200, 'a child is killed';
    my $after = numbers();
    is_deeply [ fallen($before, $after) ], [], '... and no number falls';
    is $after->{$served} - $answered, $ROUNDS + 2, '... others count on';
    ok scrape($_), "the parser of $_ reads it still" for sort keys %ACCEPT;
};

$t->stop;
$up->stop;
done_testing;
