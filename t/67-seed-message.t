# SPDX-License-Identifier: Apache-2.0
#
# The route message as a page expects it from a small chat backend, with the
# sample configuration as it is shipped: the shapes of its events to the letter,
# word by word; ids; what is refused; ten requests a minute for each guest; and
# two providers, one of them a mock that needs no key.
use v5.36;
use utf8;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new->start;
my $ROOT = $ChatTest::Httpd::ROOT;

# ---- conf/chat.conf, open for guests, with a mock beside OpenAI ----

my $t = ChatTest->new(modules => [qw(authz_host dbd env remoteip socache_shmcb)]);
my $conf = $t->slurp("$ROOT/conf/chat.conf");
$conf =~ s{/etc/apache2/chat}{$t->dir . '/chat'}ge;
$conf =~ s{^ +\K#(?=ChatAuth better-auth bearer guest$)}{}m or die 'no line for guests';
$conf =~ s{https://api\.openai\.com/v1}{$up->url}e            or die 'no URL';
$conf =~ s{^DBDriver.*\nDBDParams.*\n}{DBDriver sqlite3\nDBDParams "%%DIR%%/run/none.db"\n}m or die 'no database';
mkdir $t->dir . '/chat', 0755 or die $!;
$t->write_file('chat/openai.key',         $t->canary_key . "\n", 0600);
$t->write_file('chat/better-auth.secret', "sample-secret-0123456789-abcdefghijklmnop\n", 0600);
$t->write_file('run/none.db', '', 0666);
chmod 0777, $t->dir . '/run';
$t->{conf} = "Define APACHE_LOG_DIR %%DIR%%\n$conf" . <<'END';
# Guests are told apart by what they say, here.
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  http://127.0.0.1:%%PORT%%/mock
</ChatProvider>
ChatModel mock-model mock
<Location /mock>
    SetHandler chat
    ChatRoute mock
    ChatMock pace=1ms words=10
</Location>
END
$t->start;

# Each with an address of its own, unless it is said.
my $guest = 0;

sub post ($body, %o) {
    my $ip = $o{ip} // '192.0.2.' . ++$guest;
    return $t->request(POST => '/api/v1/chat', body => ref $body ? $JSON->encode($body) : $body, ($o{on_event} ? (on_event => $o{on_event}) : ()),
        headers => [ 'Content-Type' => 'application/json', 'X-Forwarded-For' => $ip, ($o{headers} // [])->@* ]);
}

sub data_of ($res) {
    return map { $JSON->decode($_->{data}) } $res->{events}->@*;
}

# ---- the shapes ----

my $res = post({ message => 'Hello mock(seed=3;n=6;utf8=1;size=40;reason=2)', model_id => 'gpt-4o-mini', session_id => 'a-session' });
is $res->{status}, 200, 'a message is answered' or diag $res->{body};
is $res->{headers}{'content-type'} =~ s/;.*//r, 'text/event-stream', '... as an event stream';
my @data = data_of($res);
my $done = pop @data;
my $id = $data[0]{id};
is scalar @data, 6, '... in the pieces that the provider made';
is_deeply [ map { join ' ', sort keys %$_ } @data ], [ ('chunk id') x 6 ], '... each with "chunk" and "id" and nothing else';
is_deeply [ map { $_->{id} } @data ], [ ($id) x 6 ], '... one id for all';
like join('', map { $_->{chunk} } @data), qr/^s3d0 .*s3d5 /s, '... which are the text';
is_deeply $done, { status => 'done', usage => { input_tokens => 13, output_tokens => 8, total_tokens => 21 } }, 'the last one is the end, with the counts';
is_deeply [ grep { length $_->{event} || defined $_->{id} } $res->{events}->@* ], [], 'events have no name, and no id of the wire';
is $res->{events}[0]{raw}, 'data: {"chunk":' . JSON::PP->new->utf8->allow_nonref->encode($data[0]{chunk}) . qq(,"id":"$id"}\n\n), 'a line each, as a page would write it';
is_deeply [ map { $_->{raw} =~ tr/\n// } $res->{events}->@* ], [ (2) x 7 ], '... and one blank line';
ok $res->{clean}, 'the stream ends cleanly';

is +(data_of(post({ message => 'mock(n=1)', model_id => undef, session_id => undef })))[-1]{status}, 'done', 'null for what is optional is as good as nothing';
is $JSON->decode($up->last->{body})->{model}, 'gpt-4o-mini', '... and then the model is gpt-4o-mini';
post({ message => 'And now? mock(n=1)', session_id => 'a-session' });
like $up->last->{body}, qr/Hello mock.*s3d0 .*And now\?/s, 'a session remembers what was said in it';

# ---- curl ----

# Of an upstream that falls silent: what comes meanwhile was not held back.
sub curl ($message, $enough, @more) {
    my @chunks;
    my $pid = open my $fh, '-|', 'curl', '-sSN', '-X', 'POST', $t->url('/api/v1/chat'), '-H', 'Content-Type: application/json',
        '-H', 'X-Forwarded-For: 192.0.2.' . ++$guest, '-d', $JSON->encode({ message => $message, @more }) or die "curl: $!\n";
    while (my $line = readline $fh) {
        push @chunks, $JSON->decode($1) if $line =~ /^data: (.*)/;
        last if @chunks == $enough;
    }
    my $open = $up->stats->{open};
    kill TERM => $pid;
    close $fh;
    return ($open, @chunks);
}

my ($open, @chunks) = curl('mock(seed=9;fault=hang;after=7)', 3);
is scalar @chunks, 3, 'curl -N -X POST shows every piece as it comes';
like $chunks[2]{chunk}, qr/^s9d2 /, '... the newest as well';
is $open, 1, '... while the provider is still at it';
wait_for('the provider to be let go', sub { !$up->stats->{open} });
(undef, @chunks) = curl('Hello', 0, model_id => 'mock-model');
is_deeply [ map { $_->{chunk} // $_->{status} } @chunks ],
    [ 'You', ' said', ' “Hello”.', (map { " $_" } qw(I am a mock. That is all.)), 'done' ],
    'the mock says one word after the other';

# ---- ids ----

$res = post({ message => 'mock(n=1)' }, headers => [ 'X-Request-ID' => 'req_123' ]);
is_deeply [ $res->{headers}{'x-request-id'}, (data_of($res))[0]{id} ], [ 'req_123', 'req_123' ], 'an X-Request-ID is the "id", and comes back';
is $up->last->{headers}{'x-request-id'}, 'req_123', '... and goes on to the provider';
$res = post({ message => 'mock(n=1)' });
like $res->{headers}{'x-request-id'}, qr/^[\w.-]{8,}$/, 'without one it is made';
is +(data_of($res))[0]{id}, $res->{headers}{'x-request-id'}, '... the same in both places';
isnt $res->{headers}{'x-request-id'}, post({ message => 'mock(n=1)' })->{headers}{'x-request-id'}, '... another one each time';
for my $odd ('a b', '<script>', 'x' x 500, '"}') {
    $res = post({ message => 'mock(n=1)' }, headers => [ 'X-Request-ID' => $odd ]);
    isnt $res->{headers}{'x-request-id'}, $odd, 'one that is no id is replaced';
    is +(data_of($res))[0]{id}, $res->{headers}{'x-request-id'}, '... in both places';
}
$res = post({ message => '' }, headers => [ 'X-Request-ID' => 'req_124' ]);
is "$res->{headers}{'x-request-id'} $res->{json}{requestId}", 'req_124 req_124', 'a refusal has it, too';

# ---- what is refused ----

my $asked = $up->stats->{requests};
for my $case (
    [ { message => '' } => 'an empty message' ], [ { message => " \t\n\x{3000}" } => 'one of blanks' ], [ { message => undef } => 'null' ],
    [ {} => 'none at all' ], [ { message => 7 } => 'a number' ], [ { message => ['x'] } => 'a list' ],
    [ { message => "a\x{7}b" } => 'a bell' ], [ { message => 'x' x 4001 } => 'one that is too long' ], [ { message => 'x', session_id => '../x' } => 'a session that is no name' ],
    [ { message => 'x', model_id => 1 } => 'a model that is no name' ],
) {
    my ($body, $what) = @$case;
    $res = post($body);
    is "$res->{status} $res->{json}{code}", '400 invalid_request', "$what is refused";
    ok $res->{json}{issues}[0]{message} && $res->{json}{issues}[0]{path}, '... with the reason and the place';
}
$res = post('{"message":');
is "$res->{status} $res->{json}{code}", '400 invalid_json', 'what is no JSON is';
is post('{"message":"a\u0000b"}')->{status}, 400, '... or has a NUL in it';
is post({ message => 'x', model_id => 'gpt-99' })->{json}{code}, 'model_not_found', 'a model that is not there is';
is post({ message => 'x', model_id => 'gpt-99' })->{status}, 400, '... with a 400';
is $up->stats->{requests}, $asked, 'the provider hears nothing of all that';
my $text = "<b>Tom & \"Jerry\"</b>\n\ttab \x{1f600} {{x}} mock(n=1)";
post({ message => $text });
is JSON::PP->new->decode($up->last->{body})->{input}[-1]{content}, $text, 'what is only odd arrives as it is';

# ---- how many ----

my @ip = (ip => '198.51.100.1');
is post({ message => '' }, @ip)->{status}, 400, 'what is refused does not count';
my @statuses = map { post({ message => 'mock(n=1)' }, @ip)->{status} } 1 .. 12;
is "@statuses", join(' ', (200) x 10, 429, 429), 'a guest has ten requests a minute';
$res = post({ message => 'mock(n=1)' }, @ip);
is "$res->{status} $res->{json}{code}", '429 rate_limited', '... and then no more';
ok $res->{headers}{'retry-after'} > 0 && $res->{headers}{'retry-after'} <= 60, '... until a time that is said';
is $res->{json}{retryAfter}, $res->{headers}{'retry-after'}, '... in the body as well';
is post({ message => 'mock(n=1)' }, ip => '198.51.100.2')->{status}, 200, 'another address has its own ten';
is post({ message => 'mock(n=1)', session_id => 'another' }, @ip)->{status}, 429, '... another session has not';

# ---- which provider ----

is $up->last->{headers}{authorization}, 'Bearer ' . $t->canary_key, 'OpenAI is asked with the key from its file';
my $before = $up->stats->{requests};
$res = post({ message => 'Hello', model_id => 'mock-model' });
is join('', map { $_->{chunk} // '' } data_of($res)), 'You said “Hello”. I am a mock. That is all.', 'the mock answers by its model, without a key';
is $up->stats->{requests}, $before, '... and OpenAI is not asked';
$res = post({ message => 'mock(fault=error-nested;after=7)' });
my $last = (data_of($res))[-1];
is join(' ', map { $last->{$_} // '-' } qw(status code id)), "error upstream_error $res->{headers}{'x-request-id'}", 'a provider that fails half way is an error, the last thing said';

$t->expect_log(qr/CHAT0902: /);
$t->stop;
$up->stop;
done_testing;
