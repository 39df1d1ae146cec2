# SPDX-License-Identifier: Apache-2.0
#
# What the ChatKit route says is what ChatKit's own server says (PyPI
# openai-chatkit, t/real/chatkit) when its respond() says what the mock does:
# byte for byte, but for ids and times. And each event and each document is one
# of that package's types, which writes it the same way.
use v5.36;
use utf8;
use Encode qw(decode);
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::ChatKit;

binmode $_, ':encoding(UTF-8)' for Test::More->builder->output, Test::More->builder->failure_output, Test::More->builder->todo_output;

my $real = ChatTest::ChatKit->real;
my $t = ChatTest::ChatKit->new(up => { n => 3 })->start;
my (%seen, %thread, %item);

sub input { return ChatTest::ChatKit::input(@_) }

# Without what nobody can foretell.
sub plain ($text) {
    return $text =~ s/"(thr|msg|wf|tc)_[0-9a-f]+(?:_\d+)?"/"$1"/gr =~ s/"created_at":"[^"]*"/"created_at":"T"/gr
        =~ s/"(?:call_id|after)":"[^"]*"/"X"/gr;
}

sub documents ($res) { return $res->{body} =~ /\Adata: / ? split /(?<=\n\n)/, $res->{body} : () }

# What the mock says to that question, without any httpd of ours.
sub mock ($script, %o) {
    my %said = (text => [], thoughts => []);
    my $res = ChatTest::Client->new(port => $t->up->port)->request('POST', '/v1/chat/completions', headers => { 'Content-Type' => 'application/json' },
        body => JSON::PP::encode_json({ model => 'm', stream => JSON::PP::true, messages => [ { role => 'user', content => "mock($script)" } ], %o }))->response;
    for my $data (map { eval { JSON::PP::decode_json($_->{data}) } // () } $res->{events}->@*) {
        my $delta = ($data->{choices} // [])->[0]{delta} // next;
        push $said{text}->@*, $delta->{content} if length($delta->{content} // '');
        push $said{thoughts}->@*, grep { length } map { $delta->{$_} // '' } qw(reasoning reasoning_content);
        for my $call (($delta->{tool_calls} // [])->@*) {
            $said{id} //= $call->{id};
            $said{name} //= $call->{function}{name};
            $said{arguments} .= $call->{function}{arguments} // '';
        }
    }
    return \%said;
}

# Both servers are asked; ids of the one are not the other's.
sub both ($name, $type, $params, %o) {
    my @asked = map {
        my $i = $_;
        my %mine = %$params;
        $mine{thread_id} = $thread{ $params->{thread_id} }[$i] if $params->{thread_id};
        $mine{item_id} = $item{ $params->{item_id} }[$i] if $params->{item_id};
        $mine{after} = $o{after}[$i] if $o{after};
        $mine{item_ids} = [ map { $item{$_}[$i] } $params->{item_ids}->@* ] if $params->{item_ids};
        \%mine;
    } 0, 1;
    my $ours = $t->kit($o{user} // 'ann', $type, $asked[0]);
    my $theirs = $real->ask($o{user} // 'ann', $type, $asked[1], ($o{script} // [])->@*);
    is $ours->{status}, 200, "$name: 200" or diag $ours->{body};
    $ours->{body} = decode('UTF-8', $ours->{body});
    if ($theirs->{events}) {
        my @events = documents($ours);
        like $ours->{headers}{'content-type'}, qr{^text/event-stream}, '... a stream';
        is plain(join '', @events), plain(join '', $theirs->{events}->@*), '... which says the same';
        is $real->check('ThreadStreamEvent', $_ =~ s/\Adata: |\n\n\z//gr), '', '... ' . (/"type":"([^"]+)"/ ? $1 : $_) for @events;
        $seen{$_}++ for map { /"type":"([^"]+)"/g } @events;
        return [ \@events, $theirs->{events} ];
    }
    is plain($ours->{body}), plain($theirs->{document} // $theirs->{raised}), '... the same document';
    is $real->check($o{as}, $ours->{body}), '', "... which is a $o{as}" if $o{as};
    return [ [ $ours->{body} ], [ $theirs->{document} ] ];
}

# The ids in a pair of answers, under names.
sub note_ids ($pair, %names) {
    while (my ($name, $pattern) = each %names) {
        my @ids = map { join('', @$_) =~ $pattern ? $1 : die "no $name\n" } @$pair;
        ($name =~ /^thread/ ? $thread{$name} : $item{$name}) = \@ids;
    }
}

sub script ($title, $mock) {
    my $said = mock($mock);
    return [ $title ? [ title => $title ] : (), $said->{thoughts}->@* ? [ thoughts => $said->{thoughts} ] : (),
        $said->{text}->@* ? [ text => $said->{text} ] : (),
        $said->{name} ? [ call => $said->{id}, 'refresh_task_list', $said->{arguments} ] : () ];
}

my $THREAD = qr/"thread":\{"id":"(thr_\w+)"/;
my $ASKED = qr/"thread.item.done","item":\{"id":"(msg_\w+)"[^}]*?"type":"user_message"/;
my $ANSWER = qr/"thread.item.done","item":\{"id":"(msg_\w+)"[^}]*?"type":"assistant_message"/;

subtest 'a question, and a second one' => sub {
    my $pair = both('a new thread', 'threads.create', { input => input("Héllo \"you\" mock(n=3;utf8=1)") },
        script => script('Héllo "you" mock(n=3;utf8=1)', 'n=3;utf8=1'));
    note_ids($pair, thread => $THREAD, asked => $ASKED, answer => $ANSWER);
    $pair = both('a second question', 'threads.add_user_message', { thread_id => 'thread', input => input('More mock(n=2;seed=2)') },
        script => script(undef, 'n=2;seed=2'));
    note_ids($pair, asked2 => $ASKED);
    both('with thoughts', 'threads.add_user_message', { thread_id => 'thread', input => input('Think mock(reason=2;n=2;seed=3)') },
        script => script(undef, 'reason=2;n=2;seed=3'));
};

subtest 'all that a message can have' => sub {
    my @content = (
        { type => 'input_text', text => 'Ask mock(n=1;seed=4) ' },
        { type => 'input_tag', id => 'u1', text => 'Bob', data => { mail => 'b@example.com', n => [ 1, { x => undef } ] }, group => 'People', interactive => JSON::PP::true },
        { type => 'input_tag', id => 'u2', text => 'Ann', data => {} },
    );
    both('tags, a quotation, options', 'threads.add_user_message', {
        thread_id => 'thread',
        input => { content => \@content, attachments => [], quoted_text => "> so\nit was", inference_options => { model => 'm', tool_choice => { id => 'open_page' } } },
    }, script => script(undef, 'n=1;seed=4'));
    my ($last) = JSON::PP->new->decode($t->up->last->{body})->{messages}->@[-1];
    is $last->{content}, qq{Ask mock(n=1;seed=4) \@Bob\@Ann\n\nThe user is referring to this in particular: \n> so\nit was\n\n}
        . qq{The user mentions, as JSON:\n{"id":"u1","name":"Bob","data":{"mail":"b\@example.com","n":[1,{"x":null}]}}\n{"id":"u2","name":"Ann","data":{}}},
        'the model reads all of it';
    is_deeply JSON::PP->new->decode($t->up->last->{body})->{tool_choice}, { type => 'function', function => { name => 'open_page' } }, '... and has the choice of the user';
};

subtest 'a tool of the page' => sub {
    both('a call', 'threads.add_user_message', { thread_id => 'thread', input => input('Do mock(tools=1;n=2;seed=5)') },
        script => script(undef, 'tools=1;n=2;seed=5'));
    both('what it gave', 'threads.add_client_tool_output', { thread_id => 'thread', result => { done => JSON::PP::true, 'n' => [ 1, 'two' ] } },
        script => script(undef, 'tools=0;n=2;seed=5'));
    my @told = JSON::PP->new->decode($t->up->last->{body})->{messages}->@*;
    is $told[-1]{content}, '{"done":true,"n":[1,"two"]}', 'the model has it';
    is $told[-1]{role}, 'tool', '... as what a tool gave';
};

subtest 'documents' => sub {
    both('a thread', 'threads.get_by_id', { thread_id => 'thread' }, as => 'Thread');
    my $pair = both('the newest items', 'items.list', { thread_id => 'thread', limit => 3 }, as => 'PageOfItems');
    for my $order (qw(desc asc)) {
        my @after;
        for my $page (1 .. 20) {
            $pair = both("items, $order, page $page", 'items.list', { thread_id => 'thread', limit => 4, order => $order }, as => 'PageOfItems',
                @after ? (after => \@after) : ());
            @after = map { $_->[0] =~ /"after":"([^"]+)"/ ? $1 : () } @$pair;
            last if @after < 2;
        }
    }
    both('feedback', 'items.feedback', { thread_id => 'thread', item_ids => ['answer'], kind => 'positive' });
    both('a title', 'threads.update', { thread_id => 'thread', title => "Of one's \"own\"" }, as => 'Thread');
    both('threads', 'threads.list', {}, as => 'PageOfThreads');
};

subtest 'once more' => sub {
    both('from the second question', 'threads.retry_after_item', { thread_id => 'thread', item_id => 'asked2' }, script => script(undef, 'n=2;seed=2'));
    both('what is left', 'threads.get_by_id', { thread_id => 'thread' }, as => 'Thread');
    $item{nobody} = [ 'msg_' . '0' x 32, 'msg_00000000' ];
    both('of what is not there', 'threads.retry_after_item', { thread_id => 'thread', item_id => 'nobody' });
};

subtest 'what goes wrong' => sub {
    both('the provider fails', 'threads.create', { input => input('mock(status=500)') }, script => [ [ title => 'mock(status=500)' ], ['raise'] ]);
    both('it breaks off', 'threads.create', { input => input('mock(fault=rst;after=3;seed=6)') },
        script => [ [ title => 'mock(fault=rst;after=3;seed=6)' ], [ cut => [ mock('n=3;seed=6')->{text}->@[ 0, 1 ] ] ], ['raise'] ]);
    both('an action that nobody has', 'threads.custom_action', { thread_id => 'thread', action => { type => 'press', payload => { x => 1 } } });
    both('an action of what is no widget', 'threads.custom_action', { thread_id => 'thread', item_id => 'asked', action => { type => 'press' } });
};

subtest 'threads, a page of them' => sub {
    for my $order (qw(desc asc)) {
        my @after;
        for my $page (1 .. 10) {
            my $pair = both("threads, $order, page $page", 'threads.list', { limit => 2, order => $order }, as => 'PageOfThreads', @after ? (after => \@after) : ());
            @after = map { $_->[0] =~ /"after":"([^"]+)"/ ? $1 : () } @$pair;
            last if @after < 2;
        }
    }
    both('it goes', 'threads.delete', { thread_id => 'thread' });
    both('the others', 'threads.list', {}, as => 'PageOfThreads');
};

is_deeply [ grep { !$seen{$_} } qw(thread.created thread.updated thread.item.added thread.item.updated thread.item.done stream_options error
        assistant_message.content_part.added assistant_message.content_part.text_delta assistant_message.content_part.done
        workflow.task.added workflow.task.updated) ], [], 'every kind of event that this server has was seen';

# What the other server has no words for.
subtest 'notices' => sub {
    my $res = $t->kit('ann', 'threads.create', { input => input('mock(n=2;finish=length)') });
    my ($notice) = grep { /"notice"/ } documents($res);
    is $real->check('ThreadStreamEvent', $notice =~ s/\Adata: |\n\n\z//gr), '', 'an answer that was cut off has one';
};

$t->expect_log(qr/CHAT0902: .* upstream=500/, qr/CHAT0902: .* truncated/);
$t->stop;
done_testing;
