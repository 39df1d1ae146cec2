# SPDX-License-Identifier: Apache-2.0
#
# session_id on the message route: what the provider is told of what was said
# before, whose it is, how much of it, for how long, and in which child.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->canonical;
my $up = ChatTest::Upstream->new(n => 2)->start;

# Children of one connection each: open connections are different ones.
my $t = ChatTest->new(mpm => 'prefork', modules => [qw(auth_basic authn_core authn_file authz_user socache_shmcb)], conf => <<"END");
MaxKeepAliveRequests 0
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
<Location /chat/four>
    ChatContext 4
</Location>
<Location /chat/small>
    ChatContext 100 bytes=256
</Location>
<Location /chat/brief>
    ChatContext 20 age=1s
</Location>
<Location /chat/off>
    ChatContext off
</Location>
<Location /chat/members>
    AuthType Basic
    AuthName members
    AuthUserFile %%DIR%%/users
    Require valid-user
    ChatAuth user
</Location>
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName here
</VirtualHost>
<VirtualHost 127.0.0.1:%%PORT%%>
    ServerName there
</VirtualHost>
END
$t->write_file('users', "ann:{PLAIN}\nben:{PLAIN}\n" =~ s/\{PLAIN\}/crypt('pw', 'ab')/ger);
$t->start;

my ($session, $answered) = ('s0');

# Say something; the texts that the provider was told, by role.
sub say_to ($path, $text, %o) {
    my $res = $t->post_json($path, { message => "$text", session_id => $o{session} // $session },
        headers => { Host => $o{host} // 'here', ($o{user} ? (Authorization => 'Basic ' . encode_base64("$o{user}:pw", '')) : ()) },
        ($o{conn} ? (conn => $o{conn}, keep => 1) : ()));
    is $res->{status}, 200, "'$text' is answered" or diag $res->{body};
    $answered = join '', map { my $data = eval { $JSON->decode($_->{data}) }; $data->{chunk} // '' } $res->{events}->@*;
    return $JSON->decode($up->last->{body})->{messages};
}

sub asked ($messages) {
    return join ' ', map { $_->{content} } grep { $_->{role} eq 'user' } @$messages;
}

# ---- what the provider is told ----

my $told = say_to('/chat', 'one');
is asked($told), 'one', 'a session begins with the first message';
my $first = $answered;
cmp_ok length $first, '>', 0, '... which is answered';
$told = say_to('/chat', 'two');
is $JSON->encode($told), $JSON->encode([
    { role => 'user', content => 'one' }, { role => 'assistant', content => $first }, { role => 'user', content => 'two' } ]),
    'with the second the provider is told the first and its answer, in this order';
is asked(say_to('/chat', 'three')), 'one two three', '... and so on';
is asked(say_to('/chat', 'mine', session => 's1')), 'mine', 'another session knows nothing of it';
is asked(say_to('/chat', 'here', session => 'S1')), 'here', '... however alike its name is';
my $none = $t->post_json('/chat', { message => 'alone' });
is $none->{status}, 200, 'without a session_id there is an answer too';
is asked($JSON->decode($up->last->{body})->{messages}), 'alone', '... and no session';

# ---- which answers are kept ----

$session = 'failing';
$t->expect_log(qr/CHAT0902: .* truncated/, qr/CHAT0902: .* upstream_rejected/);
say_to('/chat', 'whole');
my $cut = $t->post_json('/chat', { message => 'broken mock(fault=rst;after=4)', session_id => $session });
is $cut->{status}, 200, 'an answer that breaks off';
$t->post_json('/chat', { message => 'refused mock(status=400)', session_id => $session });
is asked(say_to('/chat', 'next')), 'whole next', 'what was not answered to the end is not kept';

# ---- whose it is ----

$session = 'ours';
is asked(say_to('/chat/members', 'a1', user => 'ann')), 'a1', 'a user begins a session';
is asked(say_to('/chat/members', 'b1', user => 'ben')), 'b1', 'a session of the same name of another user is another one';
is asked(say_to('/chat', 'g1')), 'g1', '... and of a guest';
is asked(say_to('/chat/members', 'a2', user => 'ann')), 'a1 a2', '... each goes on with its own';
is asked(say_to('/chat', 'g2')), 'g1 g2', '... the guest too';
is asked(say_to('/chat/members', 'a3', user => 'ann', host => 'there')), 'a3', 'another site has other users of the same name';
is asked(say_to('/chat', 'g3', host => 'there')), 'g3', '... and other guests';

# ---- how much ----

$session = 'many';
say_to('/chat/four', $_) for qw(1 2 3);
is asked(say_to('/chat/four', 4)), '2 3 4', 'ChatContext 4 is two questions and their answers';
is asked(say_to('/chat', 5)), '3 4 5', '... which is all that there is, elsewhere too';
is asked(say_to('/chat', 6)), '3 4 5 6', '... from where it grows again';
is asked(say_to('/chat/four', 7)), '5 6 7', '... and is cut where there is less room';
is asked(say_to('/chat/off', 8)), '8', 'ChatContext off keeps nothing';
is asked(say_to('/chat', 9)), '6 7 9', '... and forgets nothing';

$session = 'long';
my ($x, $y, $z) = map { $_ x 60 } qw(x y z);
say_to('/chat/small', $_) for $x, $y;
is asked(say_to('/chat/small', $z)), "$x $y $z", 'what fits into bytes= is kept';
is asked(say_to('/chat/small', 'end')), "$y $z end", '... and the oldest goes when it does not';
say_to('/chat/small', 'w' x 300);
is asked(say_to('/chat/small', 'last')), "$y $z end last", 'what does not fit alone is not kept, but what was before';
$t->wait_log(qr/CHAT0213: an exchange of \d+ bytes is not kept/);

$session = 'large';
my $large = "l" x 1500 . " mock(n=30;size=1000)";
say_to('/chat', $large);
is asked(say_to('/chat', 'short')), "$large short", 'an exchange of thirty thousand bytes is kept';

# ---- how long ----

$session = 'brief';
say_to('/chat/brief', 'before');
is asked(say_to('/chat', 'soon')), 'before soon', 'a session goes on while it is young';
select undef, undef, undef, 1.1;
is asked(say_to('/chat/brief', 'after')), 'after', '... and begins anew when age= is over';

# ---- in which child ----

$session = 'shared';
my @open = map { $t->connect } 1 .. 4;
my $mark = $t->mark;
for my $i (1 .. 8) {
    $told = say_to('/chat', $i, conn => $open[$i % 4]);
}
is asked($told), '1 2 3 4 5 6 7 8', 'a session goes on in whichever child';
my %pid = map { $_ => 1 } $t->error_log($mark) =~ /\[pid (\d+)[^\n]*CHAT0301/g;
is keys %pid, 4, '... of four';

# All of them at once, each one answer of a session.
$session = 'at-once';
for my $i (0 .. 3) {
    $open[$i]->request('POST', '/chat', headers => { Host => 'here', 'Content-Type' => 'application/json' },
        body => $JSON->encode({ message => "turn$i", session_id => $session }));
}
is $_->response->{status}, 200, 'a turn among four at once' for @open;
is join(' ', sort split / /, asked(say_to('/chat', 'turn4'))), 'turn0 turn1 turn2 turn3 turn4', '... of which none is lost';
$_->close for @open;

# ---- restarts; what is written where ----

$session = 'graceful';
say_to('/chat', 'old');
$t->graceful;
is asked(say_to('/chat', 'new')), 'new', 'shared memory is empty after a graceful restart';
is asked(say_to('/chat', 'newer')), 'new newer', '... and is used';

my $logged = $t->error_log . $t->access_log;
unlike $logged, qr/graceful\b(?!.*restart)|at-once|failing/, 'no log names a session';
$t->stop;

$up->stop;
done_testing;
