# SPDX-License-Identifier: Apache-2.0
#
# What one client asks for, or how it reads, must not take a provider away from
# all others: an answer that took all its time opened the breaker, and a
# question that the provider will not answer suspend the keys.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Streams;
use ChatTest::Upstream;
use JSON::PP ();

my $up = ChatTest::Upstream->new->start;
my $odd = ChatTest::Answers->new(
    moderated => ChatTest::Answers::whole(403, ['Content-Type: application/json'],
        JSON::PP::encode_json({ error => { code => 403, message => 'no', metadata => { reasons => ['violence'] } } })),
    forbidden => ChatTest::Answers::whole(403, ['Content-Type: application/json'],
        JSON::PP::encode_json({ error => { code => 'model_not_found', type => 'invalid_request_error', message => 'no' } })),
    nobody => ChatTest::Answers::whole(403, ['Content-Type: application/json'], '{}'),
    huge => ChatTest::Answers::whole(503, [ 'Content-Type: application/json', 'Retry-After: 99999999999999999999' ], '{}'),
    fine => ChatTest::Answers::stream(qq(data: {"choices":[{"index":0,"delta":{"content":"yes"}}]}\n\n), "data: [DONE]\n\n"),
)->start;

my $total = int(scaled(700)) . 'ms';
my $t = ChatTest->new(modules => ['status'], env => { OTHER_KEY => 'another' }, conf => chat_conf(
    long => { url => $up->url, provider => "ChatProviderBreaker 2 cooldown=60s\nChatProviderTimeout total=$total" },
    quiet => { url => $up->url, provider => "ChatProviderBreaker 2 cooldown=60s\nChatProviderTimeout idle=$total" },
    keys => { url => $odd->url, provider => "ChatProviderAPI chat-completions\nChatProviderKey env:OTHER_KEY" },
    later => { url => $odd->url, provider => 'ChatProviderAPI chat-completions', location => 'ChatRetry 3 backoff=10ms' },
) . <<"END")->start;
<ChatProvider router>
    ChatProviderType openrouter
    ChatProviderURL ${\$odd->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderKey env:OTHER_KEY
</ChatProvider>
<Location /router>
    SetHandler chat
    ChatRoute openrouter
    ChatUse router
    ChatAuth guest
</Location>
END
$t->expect_log(qr/CHAT0902: .* timeout: /, qr/CHAT0902: .* upstream_error: /, qr/CHAT1103: provider quiet /, qr/CHAT1106: provider keys /);

sub row ($name) { return ($t->get('/server-status?auto')->{body} =~ /^ChatProvider-$name: (.*)$/m)[0] }
sub ask ($path, $answer) {
    return $t->post_json($path, { model => 'm', messages => [ { role => 'user', content => "answer($answer)" } ] });
}

# ---- time ----

for (1, 2) {
    my $res = $t->sse('/long', $t->turn(seed => $_, n => 1000, pace => 50));
    ok !$res->{clean} && $res->{events}->@*, 'an answer is ended by its total time';
}
like row('long'), qr/^closed 2 0 0 /, '... which is no failure of the provider';
is $t->sse('/long', $t->turn(seed => 3))->{status}, 200, '... and it is asked by others';
for (4, 5) {
    my $res = $t->sse('/quiet', $t->turn(seed => $_, fault => 'hang'));
    ok !$res->{clean} && $res->{events}->@*, 'an answer that does not go on';
}
like row('quiet'), qr/^open 2 2 1 /, '... is one';

# ---- keys ----

my $res = ask('/router', 'moderated');
is "$res->{status} $res->{json}{code}", '400 upstream_rejected', 'OpenRouter will not answer that question';
is row('router') =~ s/.* //r, 0, '... for which no key is to blame';
is ask('/router', 'fine')->{status}, 200, '... and it answers others';
$res = ask('/keys', 'forbidden');
is "$res->{status} $res->{json}{code}", '400 model_not_found', 'OpenAI has no such model for this account';
is row('keys') =~ s/.* //r, 0, '... for which no key is to blame';
is ask('/keys', 'fine')->{status}, 200, '... and it answers others';
is ask('/keys', 'nobody')->{status}, 502, 'a 403 that says nothing';
is row('keys') =~ s/.* //r, 1, '... is about the key, but never about the last one';

# ---- a wait ----

$res = ask('/later', 'huge');
is "$res->{status} " . ($res->{headers}{'retry-after'} // ''), '503 99999999999999999999', 'a Retry-After beyond all numbers';
like row('later'), qr/^closed 1 1 /, '... is not waited for, and not called again';

$t->stop;
$odd->stop;
$up->stop;
done_testing;
