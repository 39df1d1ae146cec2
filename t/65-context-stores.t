# SPDX-License-Identifier: Apache-2.0
#
# ChatContextStore: sessions in Redis, where they outlive the server and are
# shared by several; what is seen there; what happens when it is away; small
# stores, and none.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;

my $JSON  = JSON::PP->new->canonical;
my $up    = ChatTest::Upstream->new(n => 2)->start;
my $redis = ChatTest::Redis->new->start;
my $STORE = 'ChatContextStore redis:127.0.0.1:' . $redis->port;

sub server ($store, @modules) {
    return ChatTest->new(modules => \@modules, conf => <<"END");
ServerName one.test
MaxKeepAliveRequests 0
$store
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<Location /chat>
    SetHandler chat
    ChatRoute message
    ChatUse up
    ChatAuth guest
    ChatModelDefault m
</Location>
END
}

sub try_it ($t, $text, $session = 'secret-id') {
    return $t->post_json('/chat', { message => $text, ($session ? (session_id => $session) : ()) });
}

sub say_to ($t, $text, $session = 'secret-id') {
    my $res = try_it($t, $text, $session);
    is $res->{status}, 200, "'" . substr($text, 0, 20) . "' is answered" or diag $res->{body};
    return join ' ', map { $_->{content} } grep { $_->{role} eq 'user' } $JSON->decode($up->last->{body})->{messages}->@*;
}

# ---- Redis ----

my $t = server($STORE, 'socache_redis')->start;
is say_to($t, 'one'), 'one', 'a session begins in Redis';
is say_to($t, 'two'), 'one two', '... and goes on';
$t->graceful;
is say_to($t, 'three'), 'one two three', '... also after a graceful restart';
my $second = server($STORE, 'socache_redis')->start;
is say_to($second, 'four'), 'one two three four', '... and in another server';
is say_to($t, 'five'), 'one two three four five', '... and back';
my @open = map { $second->connect } 1 .. 8;
$_->request('POST', '/chat', headers => { 'Content-Type' => 'application/json', Connection => 'close' },
    body => $JSON->encode({ message => 'same', session_id => 'busy-id' })) for @open;
is join(' ', map { $_->response->{status} } @open), join(' ', (200) x 8), 'eight turns of one session at once';
is say_to($second, 'last', 'busy-id'), join(' ', ('same') x 8, 'last'), '... are all kept';
$second->stop;

my @keys = grep { $redis->ask('STRLEN', $_) > 1 } $redis->ask('KEYS', '*')->@*;
is @keys, 2, 'each session is one entry';
like $_, qr/^chat-context:[0-9a-f]{64}$/, '... under a digest' for @keys;
@keys = grep { $redis->ask('GET', $_) =~ /three/ } @keys;
my $ttl = $redis->ask('TTL', $keys[0]);
ok $ttl > 3500 && $ttl <= 3602, '... which Redis forgets after an hour' or diag $ttl;

$redis->ask('SET', $keys[0], 'something else');
my $mark = $t->mark;
is say_to($t, 'six'), 'six', 'what cannot be read is no history';
like $t->error_log($mark), qr/chat:debug.*CHAT0210/, '... as the log says';
is say_to($t, 'seven'), 'six seven', '... and is replaced';
my $entry = $redis->ask('GET', $keys[0]);
say_to($t, 'other', 'other-id');
my ($other) = grep { $redis->ask('GET', $_) =~ /other/ } $redis->ask('KEYS', '*')->@*;
$redis->ask('SET', $other, $entry);
is say_to($t, 'mine', 'other-id'), 'mine', 'an entry is nothing under the name of another session';
$redis->ask('SET', $keys[0], 'x' x 2_000_000);
$t->expect_log(qr/socache_redis:error.*OVERFLOW/);
is say_to($t, 'eight'), 'eight', 'nor is one that is larger than any session';

# Who asks on as soon as the end is told, before the connection is done with it.
my $soon = 0;
for my $i (1 .. 5) {
    $t->sse('/chat', { message => 'first', session_id => "soon-id$i" }, on_event => sub ($event, $res) {
        $soon += say_to($t, 'second', "soon-id$i") eq 'first second' if $event->{data} =~ /"done"/;
        return 1;
    });
}
is $soon, 5, 'what was said is kept when the client is told that the answer is done';

# ---- Redis is away ----

$t->expect_log(qr/CHAT0212: ChatContextStore: redis does not say what was said before/);
$t->allow_log(qr/\[socache_redis:/);
$redis->stop;
for my $when ('is away', 'is known to be away', 'is still away') {
    my $res = try_it($t, 'nine');
    is $res->{status}, 503, "a session is refused when Redis $when";
    is $res->{json}{code}, 'store_unavailable', '... as such';
}
is try_it($t, 'alone', '')->{status}, 200, '... and a message without session is not';
$redis->start;
wait_for('Redis to be asked again', sub { try_it($t, 'ten', 'new-id')->{status} == 200 });
is say_to($t, 'eleven', 'new-id'), 'ten eleven', 'when it is back, so are sessions';

# It leaves between the question and its answer.
$t->expect_log(qr/CHAT0214: ChatContextStore: redis did not keep what was said/);
my $answered = $t->sse('/chat', { message => 'twelve mock(n=4;first=300;pace=100)', session_id => 'new-id' },
    on_event => sub { $redis->stop; 1 });
is $answered->{status}, 200, 'an answer that cannot be kept';
ok $answered->{clean}, '... is given nevertheless';

unlike $t->error_log . $t->access_log, qr/(?:secret|other|new|busy|soon)-id/, 'no log names a session';
$t->stop;

# ---- a store for small things ----

$t = server('ChatContextStore "dbm:%%DIR%%/run/context"', 'socache_dbm')->start;
my @long = map { $_ x 300 } qw(a b c);
is say_to($t, $long[$_]), join(' ', @long[ 0 .. $_ ]), 'a store that takes little keeps it all while it is little' for 0 .. 2;
is say_to($t, 'd'), "$long[2] d", '... and what is newest then';
my $stored = join '', map { $t->slurp($_) } glob $t->dir . '/run/context*';
cmp_ok index($stored, $long[2]), '>', 0, '... in its file';
is index($stored, 'secret-id'), -1, '... without the name';
$t->stop;

# ---- none ----

$t = server('')->start;
$t->expect_log(qr/CHAT0211: ChatContextStore: shmcb needs mod_socache_shmcb, which is not loaded: sessions are refused/);
is try_it($t, 'one', '')->{status}, 200, 'a server without any store module answers';
is try_it($t, 'one')->{status}, 503, '... but not in a session';
$t->stop;

for (
    [ 'ChatContextStore redis:127.0.0.1', [], qr/ChatContextStore does not accept "redis:127.0.0.1"/, 'a store whose module is missing' ],
    [ 'ChatContextStore shmcb:/nowhere(12)', ['socache_shmcb'], qr/CHAT0216: ChatContextStore: shmcb refuses "\/nowhere\(12\)"/, 'a store that is too small' ],
) {
    my ($store, $modules, $why, $what) = @$_;
    ok !eval { server($store, @$modules)->start; 1 }, "httpd does not start with $what";
    like $@, $why, '... and says why';
}

$redis->stop;
$up->stop;
done_testing;
