# SPDX-License-Identifier: Apache-2.0
#
# What a provider says beside text and calls, and wants back, is kept with the
# answer: it goes back to that provider with the next turns of the conversation,
# in its own form and unchanged, to no other, and is shown to nobody.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Kept;
use ChatTest::Said;

my $JSON = JSON::PP->new->canonical->allow_nonref;
# Thoughts themselves are shown, and those of Mistral are nothing else.
my $SECRET = qr/SIG-(?!M)|reasoning\.(?:text|encrypted|summary)|"private"|"extra"/;

# Each of them says its own, whatever it is asked.
my %up = map { my $type = $_; ($type => ChatTest::Answers->new(map { $_ => said($type) } 'turn', keys %CASES)->start) } keys %CASES;
my %tools = (tools => [ \%TOOL ]);

sub told ($type, $name) {
    my $body = $up{$type}->asked($name);
    utf8::decode($body);
    return $JSON->decode($body);
}

sub kept ($kind) {
    return ChatTest::Kept->new(kind => $kind, use => join(' ', sort(keys %CASES), 'second', 'none'), conf => join '',
        (map { "<ChatProvider $_>\nChatProviderType $_\nChatProviderURL ${\$up{$_}->url}\nChatProviderKey env:CHAT_CANARY_KEY\nChatProviderBreaker off\n</ChatProvider>\nChatModel m-$_ $_\n" } sort keys %CASES),
        "<ChatProvider second>\nChatProviderType anthropic\nChatProviderURL ${\$up{anthropic}->url}\nChatProviderKey env:CHAT_CANARY_KEY\n</ChatProvider>\nChatModel m-second second\n",
        # One that cannot be reached, and who stands in for it.
        "<ChatProvider none>\nChatProviderType anthropic\nChatProviderURL http://127.0.0.1:1/v1\nChatProviderKey env:CHAT_CANARY_KEY\n</ChatProvider>\nChatModel m-none none fallback=m-gemini\n",
        "<Location /conversations>\nSetHandler chat\nChatRoute conversations\nChatStore chat\nChatAuth user\nAuthType Basic\nAuthName members\n"
            . "AuthUserFile %%DIR%%/users\nRequire valid-user\n</Location>\n")->start;
}

my ($t, $kind);

# The question, the calls of its answer, and what the tools gave: the messages.
sub turn_with_tools ($type, $c, $name = $type) {
    my $res = $t->ask($c, "answer($name)", model => "m-$type", %tools);
    my @calls = $t->events($res, 'tool_call');
    ok scalar @calls, "$kind, $type: it calls" or diag $res->{body};
    return map { { role => 'tool', toolCallId => $_->{callId}, content => 'Cold.' } } @calls;
}

sub goes_back ($type) {
    my ($look, $want) = $CASES{$type}->@[ 2, 3 ];
    my $c = $t->uuid;
    my @given = turn_with_tools($type, $c);
    is $t->ask($c, '', messages => \@given, model => "m-$type", %tools)->{status}, 200, '... and goes on with what tools gave';
    is $JSON->encode([ $look->(told($type, $type)) ]), $JSON->encode($want), '... and has back what it said, in its own form';

    # An answer that nobody saw whole is not signed as one.
    my ($answer) = grep { $_->{role} eq 'assistant' } $t->messages($c);
    $t->ask($c, 'And?', model => "m-$type", parentId => $answer->{id});
    unlike $up{$type}->asked($type), qr/SIG-/, '... but nothing where its calls are left out';
    return $c;
}

sub is_nothing_for_others ($type, $c) {
    my ($tool) = grep { $_->{role} eq 'tool' } $t->messages($c);
    for my $other ((grep { $_ ne $type } sort keys %CASES), $type eq 'anthropic' ? 'second' : ()) {
        my $at = $other eq 'second' ? 'anthropic' : $other;
        $t->ask($c, "Go on", model => "m-$other", parentId => $tool->{id}, %tools);
        my $body = $up{$at}->asked($type);
        like $body, qr/Cold\./, "$kind, $type: $other is told of the turn";
        # The thoughts themselves are text, which Mistral's are.
        unlike $body, $type eq 'mistral' ? qr/"mistral\// : qr/SIG-|$type\//, '... and of nothing that is private in it';
    }
    return;
}

sub is_hidden ($c) {
    my $ann = ChatTest::Kept::as('ann');
    my $shared = $t->post_json("/conversations/$c/shares", {}, headers => $ann)->{json}{id};
    for my $path ('/messages', '/messages?branch=all', (map { "/export?format=$_" } qw(json markdown chatgpt)), map { "/messages/$_->{id}" } $t->messages($c)) {
        my $res = $t->get("/conversations/$c$path", headers => $ann);
        is $res->{status}, 200, "$kind: $path" or diag $res->{body};
        unlike $res->{body}, $SECRET, '... shows nothing private';
    }
    my ($snapshot) = map { $_->{snapshot} } $t->rows("select snapshot from chat_share where id = '$shared'");
    unlike ref $snapshot ? $JSON->encode($snapshot) : $snapshot, $SECRET, '... nor does a share';
    my ($answer) = grep { $_->{role} eq 'assistant' } $t->messages($c);
    like $JSON->encode($answer->{parts}), $SECRET, '... though it is there';
    my $res = $t->request('PATCH', "/conversations/$c/messages/$answer->{id}", json => { parts => [ { type => 'private', json => '{}' } ] }, headers => $ann);
    is $res->{status}, 400, '... and nobody can say it for the provider';
    return;
}

sub stands_in () {
    my $c = $t->uuid;
    my @given = turn_with_tools('anthropic', $c, 'turn');
    $t->ask($c, '', messages => \@given, model => 'm-none', %tools);
    like $up{gemini}->asked('turn'), qr/Cold\./, "$kind: one that stands in for another is told of the turn";
    unlike $up{gemini}->asked('turn'), qr/SIG-A/, '... and of nothing that is private in it';
    return;
}

for (qw(sqlite pgsql)) {
    $kind = $_;
    next if $kind eq 'pgsql' && !ChatTest::Postgres::bin_dir();
    $t = kept($kind);
    for my $type ($kind eq 'sqlite' ? sort keys %CASES : 'anthropic') {
        my $c = goes_back($type);
        is_nothing_for_others($type, $c) if $kind eq 'sqlite';
        is_hidden($c) if $type eq 'anthropic' || $type eq 'compatible';
    }
    stands_in();
    $t->allow_log(qr/CHAT0902|CHAT0813/);
    $t->stop;
}
$_->stop for values %up;
done_testing;
