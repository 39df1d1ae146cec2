# SPDX-License-Identifier: Apache-2.0
#
# Merging, seen from outside: for each directive an outer section, an inner one
# that wins over it, and an <If> in that which wins again.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use Digest::SHA qw(hmac_sha256_base64);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my @SECRET = map { "merge-secret-$_-0123456789-abcdefghijkl" } 1 .. 3;
my $TOKEN = 'mergetoken0123456789abcdefghijkl';

my $a = ChatTest::Upstream->new(n => 1)->start;
my $b = ChatTest::Upstream->new(n => 1)->start;
my $slow = ChatTest::Upstream->new(n => 1, head => 1200, first => 400)->start;
my $t;

sub ask ($path, $json, %o) {
    return $t->sse($path, $json, %o);
}

sub say_all (@texts) {
    return { messages => [ map { { role => 'user', content => $_ } } @texts ] };
}

# A session cookie as better-auth signs it.
sub cookie ($name, $secret) {
    my $sign = hmac_sha256_base64($TOKEN, $secret) . '=';
    return "$name=" . "$TOKEN.$sign" =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger;
}

sub status_with_cookie ($path, $name, $secret, %headers) {
    return ask($path, $t->turn, headers => { Cookie => cookie($name, $secret), %headers })->{status};
}

sub nested ($depth) {
    return qq({"messages":[{"role":"user","content":"x"}],"x":) . '[' x $depth . ']' x $depth . '}';
}

# ---- for each directive: how outer and inner read, and what one sees ----

my $GUEST = "ChatAuth guest\n";
my $COOKIE = "ChatAuth better-auth\nChatAuthSecret file:secret1\nChatAuthCookie sid\n";
my %MERGES = (
    ChatRoute => [ "ChatRoute mock\n$GUEST", 'ChatRoute openai',
        # only the mock wants to be asked at .../responses, and for a model
        sub ($path) { ask("$path/responses", $t->turn)->{status} }, 400, 200 ],
    ChatUse => [ $GUEST . 'ChatUse a', 'ChatUse b',
        sub ($path) {
            $_->reset for $a, $b;
            ask($path, $t->turn);
            return join ' ', $a->stats->{requests}, $b->stats->{requests};
        }, '1 0', '0 1' ],
    ChatModelDefault => [ $GUEST . 'ChatModelDefault m-outer', 'ChatModelDefault m-inner',
        sub ($path) {
            ask($path, $t->turn);
            return $a->last->{body} =~ /"model":"(.*?)"/ ? $1 : undef;
        }, 'm-outer', 'm-inner' ],
    ChatModelAllow => [ "${GUEST}ChatModelAllow m-1\nChatModelAllow m-2", "ChatModelAllow m-3",
        sub ($path) { join ' ', map { ask($path, { $t->turn->%*, model => "m-$_" })->{status} } 1 .. 3 },
        '200 200 403', '403 403 200' ],
    ChatRequestFormat => [ $GUEST . 'ChatRequestFormat chat', 'ChatRequestFormat provider',
        sub ($path) { ask($path, { model => 'm', input => 'x', stream => JSON::PP::true() })->{status} }, 400, 200 ],
    # calls of an upstream that always fails
    ChatRetry => [ "${GUEST}ChatUse sick\nChatRetry 2 backoff=1ms", 'ChatRetry 3',
        sub ($path) {
            $a->reset;
            ask($path, $t->turn);
            return $a->calls;
        }, 2, 3 ],
    'ChatRetry-wait' => [ "${GUEST}ChatUse busy\nChatRetry 2 backoff=1ms wait=0", 'ChatRetry 2 wait=5s',
        sub ($path) {
            $a->reset;
            ask($path, $t->turn);
            return $a->calls;
        }, 1, 2 ],
    # what was said before is said again
    ChatContext => [ "ChatRoute message\n${GUEST}ChatContext 2", 'ChatContext off',
        sub ($path) {
            my $session = join '-', 'merge', $path =~ /(\w+)/g;
            ask($path, { message => 'first', session_id => $session }) for 1 .. 2;
            return scalar(() = $a->last->{body} =~ /first/g);
        }, 2, 1 ],
    # the route in <If>, which has no path of its own
    ChatHealthDetails => [ "<If \"true\">\nChatRoute health\n</If>\nChatHealthDetails \"false\"", 'ChatHealthDetails "true"',
        sub ($path) { exists $t->get("$path/ready")->{json}{details} ? 'shown' : 'hidden' }, 'hidden', 'shown' ],
    # a list is replaced by one of its name, others stay
    ChatModerationList => [ "${GUEST}ChatModerationList two file:second.txt in=input\nChatModerationList one file:first.txt in=input",
        'ChatModerationList one off',
        sub ($path) { join ' ', map { ask($path, say_all($_))->{status} < 400 ? 'passes' : 'blocked' } qw(firstword secondword) },
        'blocked blocked', 'passes blocked' ],
    ChatModerationTell => [ "${GUEST}ChatModerationList one file:first.txt in=input\nChatModerationTell off", 'ChatModerationTell category',
        sub ($path) { ask($path, say_all('firstword'))->{body} =~ /"one"/ ? 'told' : 'silent' }, 'silent', 'told' ],
    ChatModerationAudit => [ "${GUEST}ChatModerationList one file:first.txt in=input\nChatModerationAudit off", 'ChatModerationAudit file:%%DIR%%/audit.log',
        sub ($path) {
            my $before = -s $t->dir . '/audit.log' // 0;
            ask($path, say_all('firstword'));
            return (-s $t->dir . '/audit.log' // 0) > $before ? 'written' : 'nothing';
        }, 'nothing', 'written' ],
    ChatTrace => [ "${GUEST}ChatUse traced\nChatTrace off", 'ChatTrace on',
        sub ($path) {
            ask($path, $t->turn);
            return $a->last->{headers}{traceparent} ? 'traced' : 'alone';
        }, 'alone', 'traced' ],
    ChatPage => [ "ChatRoute me\n${GUEST}ChatPage name=Outer accent=#000000", "ChatRoute me\nChatPage name=Inner",
        # key by key; the route answers at its own path alone
        sub ($path) { join ' ', $t->get($path)->{json}{brand}->@{qw(name accent)} }, 'Outer #000000', 'Inner #000000' ],
    ChatPageSuggest => [ "ChatRoute me\n${GUEST}ChatPageSuggest outer", "ChatRoute me\nChatPageSuggest inner one",
        sub ($path) { join ' ', @{ $t->get($path)->{json}{suggestions} // ['nothing'] } }, 'outer', 'inner one' ],
    ChatAuth => [ 'ChatAuth guest', 'ChatAuth none',
        sub ($path) { ask($path, $t->turn)->{status} }, 200, 401 ],

    # arrays are replaced, not added to; within one scope secrets add up
    ChatAuthSecret => [ $COOKIE =~ s/file:secret1/file:secret1\nChatAuthSecret file:secret2/r, 'ChatAuthSecret file:secret3',
        sub ($path) { join ' ', map { status_with_cookie($path, 'sid', $_) } @SECRET },
        '200 200 401', '401 401 200' ],
    ChatAuthCookie => [ $COOKIE . 'ChatAuthCookie one two', 'ChatAuthCookie three',
        sub ($path) { join ' ', map { status_with_cookie($path, $_, $SECRET[0]) } qw(one two three) },
        '200 200 401', '401 401 200' ],
    ChatOrigin => [ $COOKIE . 'ChatOrigin https://one.example', 'ChatOrigin https://two.example',
        sub ($path) {
            join ' ', map { status_with_cookie($path, 'sid', $SECRET[0], Origin => "https://$_.example") } qw(one two);
        }, '200 403', '403 200' ],
    ChatAuthBearer => [ "ChatAuth bearer\nChatAuthSecret file:secret1\nChatAuthBearer signed", 'ChatAuthBearer unsigned',
        sub ($path) { ask($path, $t->turn, headers => { Authorization => "Bearer $TOKEN" })->{status} }, 401, 200 ],

    # a policy that lets nobody through
    ChatAuthNamespace => [ $COOKIE . "ChatAuthNamespace one\nChatLimit nobody 1/1h user unit=tokens\nChatLimitExempt user=one:u1",
        'ChatAuthNamespace two', sub ($path) { status_with_cookie($path, 'sid', $SECRET[0]) }, 200, 429 ],

    ChatRequestBody => [ $GUEST . 'ChatRequestBody 100', 'ChatRequestBody 1K',
        sub ($path) { ask($path, say_all('x' x 200))->{status} }, 413, 200 ],
    ChatRequestDepth => [ $GUEST . 'ChatRequestDepth 4', 'ChatRequestDepth 9',
        sub ($path) { ask($path, nested(6))->{status} }, 400, 200 ],
    ChatRequestValues => [ $GUEST . 'ChatRequestValues 4', 'ChatRequestValues 99',
        sub ($path) { ask($path, say_all('x', 'y', 'z'))->{status} }, 400, 200 ],
    ChatRequestMessages => [ $GUEST . 'ChatRequestMessages 1', 'ChatRequestMessages 3',
        sub ($path) { ask($path, say_all('x', 'y'))->{status} }, 400, 200 ],
    ChatRequestMessageLength => [ $GUEST . 'ChatRequestMessageLength 3', 'ChatRequestMessageLength 5',
        sub ($path) { ask($path, say_all('four'))->{status} }, 400, 200 ],
    ChatRequestAnswerLength => [ $GUEST . 'ChatRequestAnswerLength 3', 'ChatRequestAnswerLength 5',
        sub ($path) { ask($path, { messages => [ { role => 'assistant', content => 'four' } ] })->{status} }, 400, 200 ],
    # one character, two UTF-16 units
    ChatRequestCount => [ $GUEST . "ChatRequestMessageLength 3\nChatRequestCount utf16", 'ChatRequestCount codepoints',
        sub ($path) { ask($path, say_all("\x{1f600}" x 2))->{status} }, 400, 200 ],
    ChatRequestTotalLength => [ $GUEST . 'ChatRequestTotalLength 5', 'ChatRequestTotalLength 9',
        sub ($path) { ask($path, say_all('four', 'four'))->{status} }, 400, 200 ],
    ChatRequestMaxOutputTokens => [ $GUEST . 'ChatRequestMaxOutputTokens 10', 'ChatRequestMaxOutputTokens 30',
        sub ($path) { ask($path, { say_all('x')->%*, maxOutputTokens => 20 })->{status} }, 400, 200 ],

    ChatStreamHeartbeat => [ $GUEST . "ChatUse slow\nChatStreamHeartbeat off", 'ChatStreamHeartbeat 100ms',
        sub ($path) { ask($path, $t->turn)->{comments}->@* ? 'comments' : 'silence' }, 'silence', 'comments' ],
    ChatStreamEarlyHeaders => [ $GUEST . "ChatUse slow\nChatStreamEarlyHeaders off", 'ChatStreamEarlyHeaders on',
        sub ($path) {
            my $res = ask($path, $t->turn);
            return $res->{head_at} - $res->{sent_at} < 1 ? 'early' : 'late';
        }, 'late', 'early' ],
    # a client that reads nothing, and an upstream that never stops
    ChatStreamStallTimeout => [ $GUEST . "ChatUse flood\nChatStreamStallTimeout 100ms", 'ChatStreamStallTimeout 1h',
        sub ($path) {
            my $mark = $t->mark('access.log');
            my $c = $t->connect(rcvbuf => 4096, timeout => 5);
            $c->request('POST', $path, headers => [ 'Content-Type' => 'application/json' ],
                body => '{"messages":[{"role":"user","content":"x"}]}');
            my $until = clock_gettime(CLOCK_MONOTONIC) + scaled(2);
            my $over = 0;
            while (!$over && clock_gettime(CLOCK_MONOTONIC) < $until) {
                select undef, undef, undef, 0.02;
                $over = length $t->access_log($mark);
            }
            $c->close;
            $t->wait_access(qr/POST \Q$path\E /, from => $mark);
            return $over ? 'cut' : 'kept';
        }, 'cut', 'kept' ],
    ChatMock => [ "ChatRoute mock\nChatMock words=3 pace=1ms", 'ChatMock words=5',
        sub ($path) {
            my $res = ask("$path/responses", { model => 'm', input => 'x', stream => JSON::PP::true() });
            return scalar grep { $_->{event} eq 'response.output_text.delta' } $res->{events}->@*;
        }, 3, 5 ],
    'ChatMock-pace' => [ "ChatRoute mock\nChatMock words=3 pace=400ms", 'ChatMock pace=0',
        sub ($path) {
            my $res = ask("$path/responses", { model => 'm', input => 'x', stream => JSON::PP::true() });
            return $res->{ended_at} - $res->{head_at} > 0.7 ? 'slow' : 'fast';
        }, 'slow', 'fast' ],
);

# A thread that drives a stream itself waits in write(), under httpd's Timeout.
delete $MERGES{ChatStreamStallTimeout} if ($ENV{CHAT_VARIANT} // '') eq 'nopark';

my $conf = <<"END";
DBDriver sqlite3
DBDParams "%%DIR%%/run/sessions.db"
ChatAuthSession sql "SELECT 'u1', 4102444800, 'user', 0 WHERE '$TOKEN' = %s"
ChatTraceExport off
SetHandler chat
ChatRoute openai
ChatUse a
END
my %UPSTREAMS = (a => $a->url, b => $b->url, slow => $slow->url, traced => $a->url,
    sick => $a->url(status => 500), busy => $a->url(status => 429, retry => 1), flood => $a->url(n => 100000, size => 1000));
$conf .= "<ChatProvider $_>\nChatProviderType openai\nChatProviderURL $UPSTREAMS{$_}\nChatProviderBreaker off\n@{[ $_ eq 'traced' ? 'ChatProviderTrace on' : '' ]}\n</ChatProvider>\n"
    for sort keys %UPSTREAMS;
for my $d (sort keys %MERGES) {
    my ($outer, $inner) = $MERGES{$d}->@*;
    # the last line alone, for a list of lines would also set the others again
    my $name = $d =~ s/-.*//r;
    my $again = (split /\n/, $outer)[-1];
    $again = (grep { /^$name / } split /\n/, $outer)[0] if $again !~ /^$name /;
    $conf .= <<"END";
<Location /$d>
$outer
</Location>
<Location /$d/inner>
$inner
</Location>
<Location /$d/inner/if>
<If "%{REQUEST_METHOD} =~ /^(?:POST|GET)\$/">
$again
</If>
</Location>
END
}

# ---- one directive through every kind of scope ----

my @SCOPES = qw(server vhost Directory htaccess Files Location If);
my %WORDS = map { $SCOPES[$_] => $_ + 2 } 0 .. $#SCOPES;
sub mock ($scope) { return "ChatMock words=$WORDS{$scope}" }

$conf .= mock('server') . "\n" . <<"END";
<VirtualHost *:%%PORT%%>
ServerName main
</VirtualHost>
<VirtualHost *:%%PORT%%>
ServerName vhost
@{[ mock('vhost') ]}
ChatRoute mock
ChatMock pace=0
<Directory "%%HTDOCS%%/dir">
@{[ mock('Directory') ]}
AllowOverride FileInfo
<Files "files*">
@{[ mock('Files') ]}
</Files>
</Directory>
<Location /dir/ht/location>
@{[ mock('Location') ]}
<If "%{QUERY_STRING} == 'if'">
@{[ mock('If') ]}
</If>
</Location>
</VirtualHost>
END

$t = ChatTest->new(mpm => 'event', modules => [qw(dbd socache_shmcb)], conf => $conf);
$t->write_file("secret$_", "$SECRET[$_ - 1]\n", 0600) for 1 .. 3;
$t->write_file("$_.txt", "${_}word\n") for qw(first second);
mkdir $t->htdocs . $_ or die $! for qw(/dir /dir/ht);
$t->write_file('htdocs/dir/ht/.htaccess', mock('htaccess') . "\n");
$t->allow_log(qr/CHAT0902: /, qr/the client takes no bytes/);
{
    # mod_dbd opens the file as the unprivileged user
    $t->write_file('run/sessions.db', '', 0666);
    chmod 0777, $t->dir . '/run';
}
$t->start;

for my $d (sort keys %MERGES) {
    my (undef, undef, $probe, $outer, $inner) = $MERGES{$d}->@*;
    is $probe->("/$d"), $outer, "$d: outside";
    is $probe->("/$d/inner"), $inner, "$d: the inner section wins";
    is $probe->("/$d/inner/if"), $outer, "$d: <If> wins over both" unless $d =~ /^Chat(?:AuthSecret|ModelAllow|Page|PageSuggest)$/;
}

sub words ($path) {
    my $res = $t->post_json($path, { model => 'm', input => 'x', stream => JSON::PP::true() }, headers => { Host => 'vhost' });
    return scalar grep { $_->{event} eq 'response.output_text.delta' } $res->{events}->@*;
}

for my $row (
    [ '/responses', 'vhost', 'a virtual host wins over the main server' ],
    [ '/dir/responses', 'Directory', '<Directory> wins over the virtual host' ],
    [ '/dir/ht/responses', 'htaccess', '.htaccess wins over <Directory>' ],
    [ '/dir/ht/files/responses', 'Files', '<Files> wins over .htaccess' ],
    [ '/dir/ht/location/responses', 'Location', '<Location> wins over what belongs to files' ],
    [ '/dir/ht/location/responses?if', 'If', '<If> wins over <Location>' ])
{
    is words($row->[0]), $WORDS{ $row->[1] }, $row->[2];
}

$t->stop;
$_->stop for $a, $b, $slow;
done_testing;
