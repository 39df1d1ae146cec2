# SPDX-License-Identifier: Apache-2.0
#
# Connections to the database that are lost at each question of what a request
# does, in turn: before it was asked, and when it was done and nobody was told.
# Whoever has an answer finds it kept, nothing is kept twice or by halves, and
# the conversation goes on.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::CutDatabase;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 3)->start;
my $pg = ChatTest::CutDatabase->new->start;
my $t = ChatTest::Chats->new(db => 'pgsql', pg => $pg, upstream => $up, conf => "ChatUsage on\n")->start;
$t->allow_log(qr/CHAT02\d\d/, qr/\[dbd:error\]/, qr/CHAT083[24]/, qr/CHAT0902/);
my $made = 0;

sub count ($sql) { return $pg->sql("select count(*) from $sql") }

# What must be true of a conversation, whatever happened. Whether it is there.
sub is_sound ($id, $name) {
    my @is;
    my $over = wait_for(sub {
        @is = split /\|/, $pg->sql(<<"END"), -1;
select (select count(*) from chat_stream s where s.conversation_id = c.id and s.status = 'running'),
    (select count(*) from chat_message m where m.conversation_id = c.id and m.status = 'streaming'),
    c.message_count - (select count(*) from chat_message m where m.conversation_id = c.id),
    c.bytes - (select sum(m.bytes) from chat_message m where m.conversation_id = c.id),
    (select count(*) from chat_message m where m.conversation_id = c.id and m.id = c.current_message_id),
    c.deleted_at is null from chat_conversation c where c.id = '$id'
END
        return !$is[0] && !$is[1];
    }, 'no answer is being written', 20);
    my $there = pop @is;
    is_deeply \@is, [ 0, 0, 0, 0, 1 ], "$name: the conversation is sound" or diag "running, streaming, messages too many, bytes too many, leaf: @is";
    return $there eq 't';
}

# One request for each question that it asks, and for each way to lose it.
sub each_cut ($what, $request, $check) {
    for my $when ('before', 'after') {
        for my $n (1 .. 30) {
            my $id = $t->as('ann', 'POST', 'conversations', json => { title => 'before' })->{json}{id};
            my ($first) = $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'First mock(seed=1)' })->{body} =~ /"messageId":"([^"]+)"/;
            $pg->arm($n, $when);
            my $res = $request->($id, $first);
            my $left = $pg->disarm;
            my $name = "$what, question $n lost $when it was done";
            ok $res->{status} =~ /^20\d$/ || $res->{status} == 503, "$name: $res->{status}" or diag $res->{body};
            $check->($id, $res, $name);
            is $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'Next mock(seed=3)' })->{status}, 200, '... and goes on'
                if is_sound($id, $name);
            last if $left;
            $made++;
        }
    }
    return;
}

each_cut('a turn', sub ($id, $first) { $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'Second mock(seed=2)' }) },
    sub ($id, $res, $name) {
        my ($asked, $whole) = split /\|/, $pg->sql("select count(*) filter (where text like 'Second%'),"
            . " count(*) filter (where role = 'assistant' and status = 'complete') from chat_message where conversation_id = '$id'");
        my $done = grep { $_->{data} =~ /"type":"done"/ } ($res->{events} // [])->@*;
        is $asked, $res->{status} == 200 ? 1 : 0, "$name: the question is kept as it was answered";
        is $whole, 1 + $done, '... and the answer once';
    });
each_cut('another answer', sub ($id, $first) { $t->as('ann', 'POST', "conversations/$id/messages/$first/regenerate", json => {}) },
    sub ($id, $res, $name) {
        is count("chat_message where conversation_id = '$id' and role = 'user'"), 1, "$name: no question is added";
    });
each_cut('a name', sub ($id, $first) { $t->as('ann', 'PATCH', "conversations/$id", json => { title => 'after' }) },
    sub ($id, $res, $name) {
        is $pg->sql("select title from chat_conversation where id = '$id'"), 'after', "$name: what was said to be done is" if $res->{status} == 200;
    });
each_cut('a fork', sub ($id, $first) { $t->as('ann', 'POST', "conversations/$id/fork", json => { messageId => $first }) },
    sub ($id, $res, $name) {
        is_sound($res->{json}{id}, "$name, its copy") if $res->{status} == 201;
    });
each_cut('a share', sub ($id, $first) { $t->as('ann', 'POST', "conversations/$id/shares", json => {}) },
    sub ($id, $res, $name) {
        is $t->as('', 'GET', "shared/$res->{json}{id}")->{status}, 200, "$name: who has it sees it" if $res->{status} == 201;
        cmp_ok count("chat_share where conversation_id = '$id'"), '<=', 1, "$name: there is one";
    });
each_cut('a deletion', sub ($id, $first) { $t->as('ann', 'DELETE', "conversations/$id") },
    sub ($id, $res, $name) {
        is count("chat_conversation where id = '$id' and deleted_at is null"), 0, "$name: what was said to be gone is" if $res->{status} == 204;
    });
cmp_ok $made, '>', 20, "$made questions were lost";

# No usage is counted twice, nor forgotten.
my $counted = sub { $pg->sql('select coalesce(sum(requests), 0) from chat_usage') };
wait_for(sub { $counted->() >= $up->calls }, 'what was used is in the database', 20);
is $counted->(), $up->calls, 'each call of the provider is counted once';

$t->stop;
$pg->stop;
$up->stop;
done_testing;
