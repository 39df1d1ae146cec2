# SPDX-License-Identifier: Apache-2.0
#
# A message that is deleted while a copy of its path is made: on PostgreSQL the
# path was read before and copied afterwards, so that a conversation was made
# whose messages were not there, though they were counted.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

grep { $_ eq 'pgsql' } ChatTest::Chats::databases() or ChatTest::skip_or_fail('PostgreSQL is not installed');
my $up = ChatTest::Upstream->new(n => 3)->start;
my $t = ChatTest::Chats->new(db => 'pgsql', upstream => $up)->start;
my $pg = $t->{pg};

my $id = $t->as('ann', 'POST', 'conversations')->{json}{id};
my ($answer) = $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'Hello mock(seed=1)' })->{body} =~ /"messageId":"([^"]+)"/;

# Somebody who deletes, and has not committed yet; no conversation is added
# meanwhile.
open my $other, '|-', "$pg->{bin}/psql", '-h', $pg->dir, '-U', 'chat', '-d', 'chat', '-Xq', '-v', 'ON_ERROR_STOP=1' or die "psql: $!\n";
$other->autoflush;
print $other "begin; select 1 from chat_conversation where id = '$id' for update \\g /dev/null\n",
    "delete from chat_message where conversation_id = '$id';\n",
    "update chat_conversation set message_count = 0, bytes = 0, current_message_id = null where id = '$id';\n",
    "lock table chat_conversation in share mode;\n";
wait_for(sub { $pg->sql("select count(*) from pg_locks where relation = 'chat_conversation'::regclass and mode = 'ShareLock'") }, 'all is locked');

my $conn = $t->connect(timeout => 30);
$conn->request('POST', "/api/v1/conversations/$id/fork",
    headers => [ Authorization => 'Bearer ann', 'Content-Type' => 'application/json' ], body => qq({"messageId":"$answer"}));
wait_for(sub { $pg->sql('select count(*) from pg_locks where not granted') }, 'the copy waits');
print $other "commit;\n";
close $other or die "psql failed\n";

my $res = $conn->response;
is $res->{status}, 404, 'a copy of what was deleted meanwhile is none' or diag $res->{body};
is $pg->sql('select count(*) from chat_conversation c where c.message_count <> (select count(*) from chat_message m where m.conversation_id = c.id)'), 0,
    '... and no conversation counts messages that are not there';

$t->stop;
$up->stop;
done_testing;
