# SPDX-License-Identifier: Apache-2.0
#
# What a page asks that keeps a list of conversations: what has become of them
# since it last asked, in other tabs and on other devices. On both databases.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats qw(databases uuid);
use JSON::PP     ();
use MIME::Base64 qw(encode_base64url);

my $NEVER = { changed => [], deleted => [], reset => JSON::PP::true };

# Times in the database are set back, for what has just changed is told twice.
sub make_old ($t) {
    $t->sql('update chat_conversation set created_at = created_at - 100000, updated_at = updated_at - 100000, '
            . 'last_message_at = last_message_at - 100000, deleted_at = deleted_at - 100000');
}

sub changes ($t, $user, $cursor = undef) {
    my $res = $t->as($user, 'GET', 'conversations/changes' . (defined $cursor ? "?since=$cursor" : ''));
    is $res->{status}, 200, "$user asks" or diag $res->{body};
    my $said = $res->{json};
    my $next = delete $said->{cursor};
    return ($said, $next);
}

for my $db (databases()) {
    my $t = ChatTest::Chats->new(db => $db, conf => "ChatRetention deleted=30d\n")->start;
    my ($said, $cursor) = changes($t, 'ann');
    is_deeply $said, $NEVER, "$db: who asks first has to read the list";

    my @ids = map { uuid() } 1 .. 3;
    is $t->as('ann', 'POST', 'conversations', json => { id => $_, title => 'A title' })->{status}, 201, '... of what is made' for @ids;
    $t->as('bob', 'POST', 'conversations', json => { id => uuid(), title => 'Of Bob' });
    ($said) = changes($t, 'ann', $cursor);
    is_deeply [ sort map { $_->{id} } $said->{changed}->@* ], [ sort @ids ], '... is told, and not what others make';
    is_deeply $said->{changed}[0], $t->as('ann', 'GET', "conversations/$said->{changed}[0]{id}")->{json}, '... as it is';
    ok !$said->{reset}, '... and the list stays good';

    make_old($t);
    ($said, $cursor) = changes($t, 'ann', $cursor);
    is_deeply $said, { changed => [], deleted => [], reset => JSON::PP::false }, '... once';
    $t->as('ann', 'PATCH', "conversations/$ids[0]", json => { archived => JSON::PP::true });
    is $t->as('ann', 'DELETE', "conversations/$ids[1]")->{status}, 204, 'one is deleted';
    ($said) = changes($t, 'ann', $cursor);
    is_deeply [ map { $_->{id} } $said->{changed}->@* ], [ $ids[0] ], '... another in the archive now';
    is_deeply $said->{deleted}, [ $ids[1] ], '... and its id is told';
    my ($of_bob) = changes($t, 'bob', $cursor);
    is_deeply $of_bob->{deleted}, [], '... to nobody else';
    is $t->as('ann', 'POST', "conversations/$ids[1]/restore")->{status}, 200, 'it comes back';
    ($said) = changes($t, 'ann', $cursor);
    is_deeply [ map { $_->{id} } sort { $a->{id} cmp $b->{id} } $said->{changed}->@* ], [ sort @ids[ 0, 1 ] ], '... which is told';

    # What a message changes.
    make_old($t);
    (undef, $cursor) = changes($t, 'ann', $cursor);
    $t->as('ann', 'POST', "conversations/$ids[2]/messages", json => { content => 'Hello' });
    ($said) = changes($t, 'ann', $cursor);
    is_deeply [ map { "$_->{id} $_->{messageCount}" } $said->{changed}->@* ], ["$ids[2] 2"], 'a question and its answer change a conversation';

    # More than a hundred, and long ago.
    $t->as('ann', 'POST', 'conversations', json => { id => uuid() }) for 1 .. 101;
    ($said) = changes($t, 'ann', $cursor);
    is_deeply $said, $NEVER, 'so many changes are not told one by one';
    my $old = encode_base64url('changes:' . (time - 31 * 86400) . '000:00000000-0000-0000-0000-000000000000');
    ($said) = changes($t, 'ann', $old);
    is_deeply $said, $NEVER, 'nor is what is longer ago than what was deleted is kept';

    my $res = $t->as('ann', 'GET', 'conversations/changes?since=nonsense');
    is "$res->{status} $res->{json}{code}", '400 invalid_request', 'what is no cursor is refused';
    is $t->as('', 'GET', 'conversations/changes')->{status}, 401, 'guests have none';
    $t->allow_log(qr/CHAT090[12]: /);
    $t->stop;
}

my $t = ChatTest::Chats->new(conf => "ChatRetention deleted=0\n")->start;
my (undef, $cursor) = changes($t, 'ann');
is_deeply +(changes($t, 'ann', $cursor))[0], $NEVER, 'where nothing that was deleted is kept, a list is good for nothing';
$t->stop;
done_testing;
