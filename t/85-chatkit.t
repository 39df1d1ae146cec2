# SPDX-License-Identifier: Apache-2.0
#
# The ChatKit route where no other server can be asked: whose threads they are,
# what is refused and how, limits, answers that are broken off, long threads, and
# that a conversation is the same thing by either name. t/85-chatkit-real.t has
# the events and documents.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest qw(wait_for);
use ChatTest::ChatKit;

my $NOBODY = 'thr_' . '0' x 32;

sub input { return ChatTest::ChatKit::input(@_) }
sub said  { return ChatTest::ChatKit::said(@_) }
sub uuid_of { return ChatTest::ChatKit::uuid_of(@_) }

sub ids ($page) { return map { $_->{id} } $page->{data}->@* }

# Every kind that names a thread, as its owner would ask.
sub kinds ($thread, $asked) {
    return (
        [ 'threads.add_user_message'       => { thread_id => $thread, input => input('mine now') } ],
        [ 'threads.add_client_tool_output' => { thread_id => $thread, result => 1 } ],
        [ 'threads.add_structured_input'   => { thread_id => $thread, item_id => $asked, input => {} } ],
        [ 'threads.retry_after_item'       => { thread_id => $thread, item_id => $asked } ],
        [ 'threads.custom_action'          => { thread_id => $thread, action => { type => 'x' } } ],
        [ 'threads.sync_custom_action'     => { thread_id => $thread, action => { type => 'x' } } ],
        [ 'threads.get_by_id'              => { thread_id => $thread } ],
        [ 'threads.update'                 => { thread_id => $thread, title => 'mine now' } ],
        [ 'threads.delete'                 => { thread_id => $thread } ],
        [ 'items.list'                     => { thread_id => $thread } ],
        [ 'items.feedback'                 => { thread_id => $thread, item_ids => [$asked], kind => 'negative' } ],
    );
}

sub body ($res) { return $res->{body} =~ s/"requestId":"[^"]*"//r }

# ---- whose it is ----

sub ownership ($t, $kind) {
    my ($thread, $asked) = $t->thread('ann', 'the canary mock(n=2)');
    my $before = $t->kit('ann', 'threads.get_by_id', { thread_id => $thread })->{body};
    my @nobodys = kinds($NOBODY, $asked);
    for my $row (kinds($thread, $asked)) {
        my ($type, $params) = @$row;
        my $none = shift @nobodys;
        next if $type =~ /sync_custom|structured/; # for nobody at all
        my $res = $t->kit('ben', $type, $params);
        is $res->{status}, 404, "$kind: $type of another's thread" or diag $res->{body};
        unlike $res->{body}, qr/canary|\Q$thread\E/, '... and nothing is told of it';
        is body($res), body($t->kit('ben', @$none)), '... no more than of what there is not';
    }
    for my $type (qw(threads.sync_custom_action threads.add_structured_input)) {
        my ($row) = grep { $_->[0] eq $type } kinds($thread, $asked);
        is $t->kit('ben', @$row)->{status}, 400, "$kind: $type is for nobody";
    }
    is $t->kit('ann', 'threads.get_by_id', { thread_id => $thread })->{body}, $before, "$kind: nothing has changed";
    is_deeply $t->kit('ben', 'threads.list', {})->{json}, { data => [], has_more => JSON::PP::false }, '... and ben has no thread';
    is $t->kit('ann', 'threads.retry_after_item', { thread_id => $thread, item_id => $asked =~ s/^msg/tc/r })->{status}, 200, 'its owner may';
    is $t->kit('', 'threads.list', {})->{status}, 401, 'nobody is nobody';
}

# ---- the same thing by another name ----

sub conversations ($t, $kind) {
    my $c = $t->uuid;
    my $thread = 'thr_' . $c =~ tr/-//dr;
    is $t->ask($c, 'Asked elsewhere', mock => { n => 2 }, model => 'm')->{status}, 200, "$kind: asked by another route";
    my $got = $t->kit('ann', 'threads.get_by_id', { thread_id => $thread })->{json};
    is $got->{title}, 'Asked elsewhere mock(n=2)', '... it is a thread';
    is_deeply [ map { $_->{type} } $got->{items}{data}->@* ], [qw(user_message assistant_message)], '... with items';
    is_deeply $got->{items}{data}[0]{content}, [ { type => 'input_text', text => 'Asked elsewhere mock(n=2)' } ], '... that say the same';

    my $res = $t->kit('ann', 'threads.add_user_message', { thread_id => $thread, input => input('And here mock(n=2)') });
    is scalar(said($res, 'thread.updated')), 0, 'it keeps its title';
    is_deeply [ map { $_->{role} } $t->messages($c) ], [qw(user assistant user assistant)], 'its messages are those of the conversation';
    my @items = map { $_->{item} } said($res, 'thread.item.done');
    is_deeply [ reverse $t->kit('ann', 'items.list', { thread_id => $thread, limit => 2 })->{json}{data}->@* ], \@items, '... and are listed as they were told, with their times';
    my ($answer) = grep { $_->{type} eq 'assistant_message' } @items;
    is uuid_of($answer->{id}), $t->last_message($c)->{id}, 'an id stands for the message';
    is $t->kit('ann', 'items.feedback', { thread_id => $thread, item_ids => [ $answer->{id}, "$answer->{id}_1" ], kind => 'negative' })->{body}, '{}', 'feedback is taken';
    is $t->last_message($c)->{feedback}, 'negative', '... and kept';
    my $asked = (ids($got->{items}))[0];
    is $t->kit('ann', 'items.feedback', { thread_id => $thread, item_ids => [ $answer->{id}, $asked ], kind => 'positive' })->{status}, 400, 'a question cannot be judged';
    is $t->last_message($c)->{feedback}, 'negative', '... and nothing is, then';

    $t->kit('ann', 'threads.update', { thread_id => $thread, title => 'New' });
    is_deeply [ map { $_->{title} } $t->kit('ann', 'threads.list', { limit => 1 })->{json}{data}->@* ], ['New'], 'a title of one\'s own';
    is $t->kit('ann', 'threads.delete', { thread_id => $thread })->{body}, '{}', 'it can be deleted';
    is $t->kit('ann', 'threads.get_by_id', { thread_id => $thread })->{status}, 404, '... and is gone';
}

# ---- long ones ----

sub long_threads ($t, $kind) {
    my ($thread) = $t->thread('ann', 'mock(n=1;reason=1;both=1)');
    $t->kit('ann', 'threads.add_user_message', { thread_id => $thread, input => input("q$_ mock(n=1)") }) for 1 .. 24;
    my $all = $t->kit('ann', 'items.list', { thread_id => $thread, limit => 100, order => 'asc' })->{json};
    is scalar($all->{data}->@*), 51, "$kind: a thread of many items";
    ok !$all->{has_more}, '... has no more';
    for my $limit (1, 7, 17) {
        my %pages = map {
            my ($order, @ids, $after) = $_;
            do {
                my $page = $t->kit('ann', 'items.list', { thread_id => $thread, limit => $limit, order => $order, after => $after })->{json};
                push @ids, ids($page);
                $after = $page->{after};
            } while ($after && @ids < 100);
            ($order => \@ids);
        } qw(asc desc);
        is_deeply $pages{asc}, [ ids($all) ], "... in pages of $limit";
        is_deeply [ reverse $pages{desc}->@* ], [ ids($all) ], '... and from its end';
    }
    my $first = $t->kit('ann', 'threads.get_by_id', { thread_id => $thread })->{json}{items};
    is_deeply [ ids($first), $first->{has_more}, $first->{after} ], [ (ids($all))[ 0 .. 19 ], JSON::PP::true, (ids($all))[19] ], 'a thread has the first of them';
    is $t->kit('ann', 'items.list', { thread_id => $thread, after => 'msg_nothing' })->{status}, 404, 'a page behind what is no item';
    is $t->kit('ann', 'threads.list', { after => 'nothing' })->{status}, 400, '... behind what is no cursor';
}

# ---- asking ----

sub answers ($t, $kind) {
    my ($thread, $asked) = $t->thread('ann', 'mock(n=2)', inference_options => { model => 'm' });
    is $t->kit('ann', 'threads.add_client_tool_output', { thread_id => $thread, result => 1 })->{status}, 400, "$kind: a tool that nobody called";
    my $res = $t->kit('ann', 'threads.create', { input => input('x', inference_options => { model => 'another' }) });
    is $res->{status}, 400, 'a model that is not there' or diag $res->{body};
    $res = $t->kit('ann', 'threads.create', { input => input('x', inference_options => { tool_choice => { id => 'another' } }) });
    is $res->{status}, 400, 'a tool that is not there' or diag $res->{body};
    $res = $t->kit('ann', 'threads.create', { input => input('x', attachments => ['atc_1']) });
    is_deeply [ $res->{status}, $res->{json}{code} ], [ 400, 'upload_unknown' ], 'attachments that nobody has';
    is $t->kit('ann', 'attachments.create', { name => 'a', size => 1, mime_type => 'a/b' })->{json}{code}, 'unsupported', '... nor are any made without ChatUploads';
    is $t->kit('ann', 'input.transcribe', { audio_base64 => '', mime_type => 'audio/webm' })->{json}{code}, 'unsupported', 'nor speech';
    $res = $t->kit('ann', 'threads.retry_after_item', { thread_id => $thread, item_id => (map { $_->{id} } $t->kit('ann', 'items.list', { thread_id => $thread })->{json}{data}[0])[0] });
    is $res->{status}, 400, 'an answer cannot be asked again';
    is $t->request('POST', '/chatkit', body => '{"type":', headers => { ChatTest::Kept::as('ann')->%*, 'Content-Type' => 'application/json' })->{json}{code}, 'invalid_json', 'no JSON';
    is $t->get('/chatkit', headers => ChatTest::Kept::as('ann'))->{status}, 405, 'GET';

    # What the user chose is chosen again.
    ($thread, $asked) = $t->thread('ann', 'mock(n=1)', inference_options => { tool_choice => { id => 'open_page' } });
    $t->kit('ann', 'threads.retry_after_item', { thread_id => $thread, item_id => $asked });
    my $asked_again = JSON::PP->new->decode($t->up->last->{body});
    is $asked_again->{tool_choice}{function}{name}, 'open_page', 'once more, with the tool that was chosen';
    is scalar(grep { $_->{role} eq 'assistant' } $t->messages(uuid_of($thread))), 2, '... which is a branch: the first answer stays';
    is scalar($t->kit('ann', 'items.list', { thread_id => $thread })->{json}{data}->@*), 2, '... but the thread shows the new one';
}

sub broken ($t, $kind) {
    my $seen = 0;
    my $res = $t->kit('ann', 'threads.create', { input => input('mock(n=500;pace=20)') }, on_event => sub ($e, @) { return $e->{data} !~ /text_delta/ || ++$seen < 3 });
    my ($made) = said($res, 'thread.created');
    my $c = uuid_of($made->{thread}{id});
    is $t->settled($c)->{status}, 'cancelled', "$kind: who leaves ends the answer";
    my ($item) = grep { $_->{type} eq 'assistant_message' } $t->kit('ann', 'items.list', { thread_id => $made->{thread}{id} })->{json}{data}->@*;
    like $item->{content}[0]{text}, qr/\As1d0 .+s1d1/, '... what there was of it is kept';

    my ($thread) = $t->thread('ann', 'mock(status=500)');
    is $t->last_message(uuid_of($thread))->{status}, 'failed', 'an answer that failed is kept as such';
    is_deeply [ map { $_->{type} } $t->kit('ann', 'items.list', { thread_id => $thread })->{json}{data}->@* ], ['user_message'], '... and is no item';
}

sub limited ($t) {
    is $t->kit('ann', 'threads.create', { input => input('mock(n=1)') }, path => '/limited')->{status}, 200, 'within a limit';
    my $res = $t->kit('ann', 'threads.create', { input => input('mock(n=1)') }, path => '/limited');
    is $res->{status}, 200, 'a limit is told as an event';
    my ($error, @more) = said($res);
    like delete $error->{message}, qr/\w+ .*\./, '... in a sentence';
    is_deeply [ $error, @more ], [ { type => 'error', code => 'custom', allow_retry => JSON::PP::false } ], '... and nothing else is told';
    like $res->{headers}{'retry-after'} // $res->{headers}{ratelimit} // '', qr/\d/, '... with the headers of a limit';
    is $t->kit('ann', 'threads.list', {}, path => '/limited')->{status}, 200, 'documents are not counted';
    is $t->kit('ann', 'threads.create', { input => input('mock(n=1)') }, path => '/strict')->{status}, 200, 'another location';
    $res = $t->kit('ann', 'threads.create', { input => input('mock(n=1)') }, path => '/strict');
    is_deeply [ $res->{status}, $res->{json}{code} ], [ 429, 'rate_limited' ], '... whose limit is a status' or diag $res->{body};
}

for my $kind ('sqlite', ChatTest::Postgres::bin_dir() ? 'pgsql' : ()) {
    my $t = ChatTest::ChatKit->new(kind => $kind, up => { n => 2 },
        more => {
            limited => "ChatRoute chatkit\nChatLimit few 1/60s user",
            strict  => "ChatRoute chatkit\nChatLimit strict 1/60s user\nChatKitLimited status",
        })->start;
    ownership($t, $kind);
    conversations($t, $kind);
    long_threads($t, $kind);
    answers($t, $kind);
    broken($t, $kind);
    limited($t) if $kind eq 'sqlite';
    $t->expect_log(qr/CHAT0902: .* upstream=500/);
    $t->stop;
    $t->pg->stop if $t->pg;
}

# ---- configuration ----

my $t = ChatTest::ChatKit->new;
my $tools = sub ($text) {
    $t->write_file('tools.json', $text);
    return join ' ', $t->configtest;
};
for my $case (
    [ '[{"name":"a b"}]', qr/tools\.json: tool 1 needs a "name" of 1 to 64 letters/ ],
    [ '[{"name":"a"},{"name":"a"}]', qr/tool 2 has the name of one before it/ ],
    [ '[{"name":"a","parameters":[]}]', qr/tool 1 has "parameters" that are no JSON schema/ ],
    [ '[{"name":"a","description":7}]', qr/tool 1 has a "description" that is no text/ ],
    [ '{}', qr/must be a JSON array of at most 128 tools/ ],
    [ '[', qr/tools\.json is no JSON: / ],
    [ ' ' x 300_000, qr/is longer than 256 KiB/ ],
) {
    like $tools->($case->[0]), $case->[1], 'configtest says: ' . $case->[1];
}
unlink $t->dir . '/tools.json';
like join(' ', $t->configtest), qr/tools\.json cannot be read: No such file/, '... and where there is none';

done_testing;
