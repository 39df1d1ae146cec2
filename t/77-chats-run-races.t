# SPDX-License-Identifier: Apache-2.0
#
# Several clients that do at once to one conversation whatever can be done to it:
# ask, answer anew, stop, delete messages, show another leaf, copy, share, delete
# and restore. Each is answered in words that fit, and afterwards what is counted
# is there. On both databases; CHAT_TEST_SECONDS (3) for longer.
use v5.36;
use Test::More;
use FindBin;
use List::Util  qw(sum);
use Time::HiRes qw(time);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use ChatTest::Upstream;

my $SECONDS = $ENV{CHAT_TEST_SECONDS} || 3;
my $CLIENTS = 6;
my $JSON = JSON::PP->new->utf8->canonical;
my $up = ChatTest::Upstream->new(n => 3)->start;

# What may be said to each; a 503: the machine is busy.
my %FITS = (
    ask        => [ 200, 404, 409, 503 ],
    regenerate => [ 200, 400, 404, 409, 503 ],
    stop       => [ 200, 202, 404, 503 ],
    remove     => [ 204, 404, 503 ],
    show       => [ 200, 400, 404, 503 ],
    copy       => [ 201, 400, 404, 409, 503 ],
    share      => [ 201, 400, 404, 503 ],
    delete     => [ 204, 404, 503 ],
    list       => [ 200, 404, 503 ],
);

sub some (@list) { return $list[ rand @list ] }

# One client, with a seed of its own. What it did, and what did not fit.
sub client ($t, $id, $seed) {
    srand $seed;
    my $path = "conversations/$id";
    my (%done, @wrong);
    my $until = time + $SECONDS;
    while (time < $until) {
        my $what = some(('ask') x 4, ('regenerate') x 3, 'stop', 'stop', 'remove', 'show', 'copy', 'share', 'delete', 'list');
        my $messages = $t->as('ann', 'GET', "$path/messages?branch=all")->{json}{data} // [];
        my $one = $messages->@* ? some($messages->@*)->{id} : ChatTest::Chats::uuid();
        my $text = "Race mock(n=4;pace=@{[ some(0, 0, 20) ]})";
        my $res = $what eq 'ask' ? $t->as('ann', 'POST', "$path/messages", json => { content => $text })
            : $what eq 'regenerate' ? $t->as('ann', 'POST', "$path/messages/$one/regenerate", json => {})
            : $what eq 'stop' ? $t->as('ann', 'POST', 'chat/stream/' . ($t->as('ann', 'GET', $path)->{json}{stream}{id} // ChatTest::Chats::uuid()) . '/stop')
            : $what eq 'remove' ? $t->as('ann', 'DELETE', "$path/messages/$one")
            : $what eq 'show' ? $t->as('ann', 'PATCH', $path, json => { currentMessageId => $one })
            : $what eq 'copy' ? $t->as('ann', 'POST', "$path/fork", json => { messageId => $one })
            : $what eq 'share' ? $t->as('ann', 'POST', "$path/shares", json => { leafMessageId => $one })
            : $what eq 'delete' ? $t->as('ann', 'DELETE', $path)
            : $t->as('ann', 'GET', "$path/messages");
        $t->as('ann', 'POST', "$path/restore") if $what eq 'delete';
        $done{$what}++;
        push @wrong, "$what: $res->{status} $res->{body}" unless grep { $_ == $res->{status} } $FITS{$what}->@*;
    }
    return { done => \%done, wrong => \@wrong };
}

sub race ($t, $id) {
    my @job = map {
        my $seed = $_;
        my $pid = open(my $fh, '-|') // die "fork: $!\n";
        if (!$pid) {
            print $JSON->encode(client($t, $id, $seed));
            close STDOUT;
            POSIX::_exit(0);
        }
        { pid => $pid, fh => $fh };
    } 1 .. $CLIENTS;
    return map { my $text = do { local $/; readline $_->{fh} }; close $_->{fh}; $JSON->decode($text) } @job;
}

sub is_sound ($t, $id) {
    my $is = '';
    wait_for(sub {
        $is = $t->sql(<<"END");
select (select count(*) from chat_stream s where s.conversation_id = c.id and s.status = 'running'),
    (select count(*) from chat_message m where m.conversation_id = c.id and m.status = 'streaming'),
    c.message_count - (select count(*) from chat_message m where m.conversation_id = c.id),
    c.bytes - (select coalesce(sum(m.bytes), 0) from chat_message m where m.conversation_id = c.id),
    case when c.message_count = 0 then c.current_message_id is null else exists (select 1 from chat_message m
        where m.conversation_id = c.id and m.id = c.current_message_id) end,
    (select count(*) from chat_message m where m.conversation_id = c.id and m.parent_id is not null
        and not exists (select 1 from chat_message p where p.id = m.parent_id and p.conversation_id = c.id))
    from chat_conversation c where c.id = '$id'
END
        return $is =~ /^0\|0\|/;
    }, 'no answer is being written', 20);
    like $is, qr/^0\|0\|0\|0\|[1t]\|0$/, "$id is sound: running, streaming, messages and bytes too many, its leaf, lost children";
    return;
}

for my $db (ChatTest::Chats::databases()) {
    my $t = ChatTest::Chats->new(db => $db, upstream => $up)->start;
    $t->allow_log(qr/CHAT0902/, qr/CHAT02(?:0[67]|2\d)/);
    my $id = $t->as('ann', 'POST', 'conversations')->{json}{id};
    my @client = race($t, $id);
    my @wrong = map { $_->{wrong}->@* } @client;
    is join("\n", grep { defined } @wrong[ 0 .. 9 ]), '', "$db: each was answered in words that fit";
    my %done;
    for my $client (@client) { $done{$_} += $client->{done}{$_} for keys $client->{done}->%*; }
    cmp_ok sum(values %done), '>=', 10, join ', ', map { "$done{$_} x $_" } sort keys %done;
    is_sound($t, $_) for split /\n/, $t->sql('select id from chat_conversation');
    is $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'Next mock(seed=3)' })->{status}, 200, 'the conversation goes on';
    $t->stop;
}

$up->stop;
done_testing;
