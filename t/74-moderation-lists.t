# SPDX-License-Identifier: Apache-2.0
#
# ChatModerationList: what is asked and what is answered, by words and patterns.
# Of what is on a list no client has a letter, no log a trace, and no table more
# than was shown.
use v5.36;
use utf8;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(encode_utf8);
use JSON::PP ();
use ChatTest;
use ChatTest::Answers;
use ChatTest::Generated qw(answer_to faults generated texts_of);
use ChatTest::Kept;

my $JSON = JSON::PP->new->utf8->canonical;

# ---- answers ----

sub chunk (%delta) {
    return 'data: ' . $JSON->encode({ choices => [ { index => 0, delta => \%delta, finish_reason => undef } ] }) . "\n\n";
}

sub answer (@deltas) {
    return ChatTest::Answers::stream((map { chunk(%$_) } @deltas),
        'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}' . "\n\n",
        "data: [DONE]\n\n");
}

sub said (@texts) { return answer(map { { content => $_ } } @texts) }

sub args ($text) { return { tool_calls => [ { index => 0, function => { arguments => $text } } ] } }

# Contents as their JSON is written: halves of characters, and what others refuse.
sub written (@contents) {
    return ChatTest::Answers::stream((map { qq(data: {"choices":[{"index":0,"delta":{"content":"$_"},"finish_reason":null}]}\n\n) } @contents), "data: [DONE]\n\n");
}

# A word with tags in it, which nobody sees, cut everywhere between units of UTF-16.
my @units = (qw(b \udb40 \udc41 a \udb40 \udc42), 'nned');
my %halves = map { ("half$_" => written('so ' . join('', @units[ 0 .. $_ - 1 ]), join('', @units[ $_ .. $#units ]) . ', and')) } 1 .. $#units;

# Of OpenAI's Responses.
sub response (@events) {
    return ChatTest::Answers::stream(map { "event: $_->{type}\ndata: " . $JSON->encode($_) . "\n\n" }
        { type => 'response.created', response => { id => 'r', status => 'in_progress', model => 'x', output => [] } }, @events);
}

my $GENERATED = $ENV{CHAT_MODERATION_ANSWERS} // 100;
my %generated = generated($GENERATED, sub ($i) { 'It is ' . 'so ' x rand 4 }, after => sub { ', and more.' }, most => 4, also => ["\x{336}"]);

my $odd = ChatTest::Answers->new(
    (map { ($_ => said($generated{$_}->@*)) } keys %generated),
    (map { $_ => said('Yes.') } qw(titled soiled)),
    plain    => said('All', ' is', ' well', '.'),
    cut      => said('It is ba', 'nn', 'ed', ', sorry.'),
    swap     => said('You d', 'ar', 'n', ' thing, darn it'),
    late     => said('It is ba', 'n'),
    flag     => said('hm', 'mm'),
    dashed   => ChatTest::Answers::whole(200, ['Content-Type: application/json'],
        '{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"It-is-banned-' . 'x' x 300 . '"},"finish_reason":"stop"}]}'),
    call     => answer({ content => 'Look ba' },
        { tool_calls => [ { index => 0, id => 'c', type => 'function', function => { name => 'look', arguments => '' } } ] },
        args('{"q":"so b\\u0061'), args('nn'), args('ed"}')),
    swapcall => answer({ tool_calls => [ { index => 0, id => 'c', type => 'function', function => { name => 'look', arguments => '' } } ] },
        args('{"q":"so d'), args('arn it"}')),
    %halves,
    whole_pair => written('so \ud83d', '\ude00ban', ' it'),
    lone     => written('so ban\ud83d', 'ned it'),
    nul      => written('so ba\u0000', 'n\u0000ned it'),
    bytes    => written("so \xff ba", 'nned it'),
    errs     => ChatTest::Answers::stream(chunk(content => 'so'), qq(data: {"error":{"message":"It fails.","code":500}}\n\n), chunk(content => ' banned'), "data: [DONE]\n\n"),
    erring   => ChatTest::Answers::stream(chunk(content => 'so'), qq(data: {"error":{"message":"It is banned.","code":500}}\n\n)),
    fcall    => response(
        { type => 'response.output_item.added', output_index => 0, item => { id => 'f', type => 'function_call', call_id => 'c', name => 'look', arguments => '' } },
        map { { type => 'response.function_call_arguments.delta', item_id => 'f', output_index => 0, delta => $_ } } '{"q":"so b\\u0061', 'nn', '\\u0065d"}'),
    named    => answer({ tool_calls => [ { index => 0, id => 'c', type => 'function', function => { name => 'get_banned', arguments => '{}' } } ] }),
    darned   => answer({ tool_calls => [ { index => 0, id => 'c', type => 'function', function => { name => 'darn', arguments => '{}' } } ] }),
    detailed => answer({ content => 'Hi', reasoning_details => [ { type => 'reasoning.text', format => 'unknown', text => 'so', parts => [ { text => 'it' }, { note => 'banned' } ] } ] }),
    think    => answer({ reasoning_content => 'ban' }, { reasoning_content => 'ned' }, { content => 'Hello' }),
    whole    => ChatTest::Answers::whole(200, ['Content-Type: application/json'],
        '{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"It is banned."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}'),
)->start;

# ---- the server ----

my $lists = <<'END';
ChatModerationList hard file:%%DIR%%/hard.txt
ChatModerationList soft file:%%DIR%%/soft.txt action=replace homoglyphs=on
ChatModerationList seen file:%%DIR%%/seen.txt action=flag match=substring
ChatModerationList slow file:%%DIR%%/slow.txt match=regex in=input
END

my %files = (
    'hard.txt' => "# words\nbanned\nneverever\n",
    'soft.txt' => "darn\n",
    'seen.txt' => "hmm\n",
    'slow.txt' => "(q+)+\$\ncredit\\s+card\\s+\\d{4}\n",
);

# Of the model that makes titles.
my $titles = ChatTest::Answers->new(titled => said('A fine title'), soiled => said('A banned title'))->start;

my $t = ChatTest::Kept->new(
    modules => ['status'],
    use     => 'odd',
    dbd     => <<"END",
<ChatProvider odd>
    ChatProviderType deepseek
    ChatProviderURL ${\$odd->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
ChatModel x odd
<ChatProvider answers>
    ChatProviderType openai
    ChatProviderURL ${\$odd->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
<ChatProvider titles>
    ChatProviderType deepseek
    ChatProviderURL ${\$titles->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
ChatModel titler titles
LogFormat "%{CHAT_REQUEST_ID}e moderation=%{CHAT_MODERATION}e" moderated
CustomLog %%DIR%%/moderated moderated
<Location /open-wire>
    SetHandler chat
    ChatRoute deepseek
    ChatUse odd
    ChatAuth guest
    ChatRequestFormat provider
    $lists
    ChatModerationTell reason
</Location>
<Location /responses>
    SetHandler chat
    ChatRoute openai
    ChatUse answers
    ChatAuth guest
    ChatRequestFormat provider
    $lists
</Location>
<Location /sdk>
    SetHandler chat
    ChatRoute completions
    ChatUse odd
    ChatAuth guest
    $lists
</Location>
<Location /ui>
    SetHandler chat
    ChatRoute ui-message
    ChatUse odd
    ChatAuth guest
    $lists
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END
    where => "$lists\nChatModerationAudit file:%%DIR%%/audit.log",
    more  => {
        kept => 'ChatModerationStoreBlocked on',
        told => 'ChatModerationTell category',
        named => 'ChatTitleModel titler',
        moved => 'ChatRoute import',
        talks => 'ChatRoute conversations',
        free  => join("\n", map { "ChatModerationList $_ off" } qw(hard soft seen slow)),
    },
);
$t->write_file($_, $files{$_}) for keys %files;

# ---- what configtest says ----

sub refused ($directive) {
    my $out = $t->configtest("<Location /x>\n$directive\n</Location>\n");
    return ref $out ? "@{$out}{qw(output out)}" =~ s/\n/ /gr : $out;
}

{
    $t->write_file('bad.txt', "fine\n(secretpattern\n");
    my $text = refused('ChatModerationList l file:%%DIR%%/bad.txt match=regex');
    like $text, qr{bad\.txt:2: missing closing parenthesis}, 'a pattern that is none is refused, with file and line';
    unlike $text, qr/secretpattern/, '... and without its text';
    like refused('ChatModerationList l file:%%DIR%%/none.txt'), qr{cannot read .*none\.txt}, 'a file must be there';
    like refused('ChatModerationList l hard.txt'), qr/file:PATH/, '... and be named as one';
    like refused('ChatModerationList l file:%%DIR%%/hard.txt action=maim'), qr/block, replace or flag/, 'an action is one of three';
    like refused('ChatModerationList l file:%%DIR%%/hard.txt in=both'), qr/input, output or input,output/, '... and a direction, too';
}

$t->start;

sub conversation { return ChatTest::Kept->uuid }

sub ask ($name, %o) {
    return $t->ask($o{conversation} // conversation(), $o{text} // "answer($name)", path => $o{path} // '/chat');
}

sub error_of ($res) { return (ChatTest::Kept->events($res, 'error'))[0] // {} }
sub code_of ($res)  { return (eval { $JSON->decode($res->{body}) } // {})->{code} // '' }

# ---- what is asked ----

{
    my $before = $t->error_log;
    my $res = ask('plain', text => 'answer(plain) how is b​anned made?');
    is $res->{status}, 400, 'a word in a question: 400';
    is code_of($res), 'content_blocked', '... content_blocked';
    unlike $res->{body}, qr/hard|banned/, '... and no reason';
    ok !$odd->asked('plain'), '... and nobody was asked';
    my $line = $t->wait_log(qr/CHAT0901.*moderation=block.*/) // '';
    like $line, qr/moderation=block phase=input by=hard rule=2 category=hard/, '... the log says which line of which list';
    is code_of(ask('plain', path => '/told', text => 'BANNED answer(plain)')), 'content_blocked', 'where it may be told';
    is $JSON->decode(ask('plain', path => '/told', text => 'BANNED')->{body})->{category}, 'hard', '... the list is';
}

{
    my $id = conversation();
    my $res = ask('plain', conversation => $id, text => 'answer(plain) you dаrn fool');
    is $res->{status}, 200, 'what is replaced is asked all the same';
    my $asked = $odd->asked('plain');
    like $asked, qr/you \[removed\] fool/, '... without it, whatever its letters';
    my ($question) = $t->messages($id);
    is $question->{parts}[0]{text}, 'answer(plain) you [removed] fool', '... and is kept so';
}

{
    my $res = ask('plain', text => 'answer(plain) ' . 'q' x 60 . '!');
    is $res->{status}, 503, 'a pattern that takes for ever: 503';
    is code_of($res), 'moderation_unavailable', '... moderation_unavailable';
    ok $res->{headers}{'retry-after'}, '... to be asked again';
    is code_of(ask('plain', text => 'my credit   card 1234')), 'content_blocked', 'one that does not is looked for';
    is ask('plain', path => '/free', text => 'answer(plain) banned')->{status}, 200, 'where a list is off it holds nobody up';
}

# Characters that nobody sees are not what Unicode's list of such has alone.
is code_of(ask('plain', text => "answer(plain) so b\x{1}an\x{fff9}n\x{9c}ed")), 'content_blocked', 'controls hide nothing';
is code_of(ask('plain', text => "answer(plain) so \x{1d05}\x{1d00}r\x{1f15d}")), '', 'small capitals and black circles are letters';
like $odd->asked('plain'), qr/so \[removed\]/, '... where letters are that look alike';

# What looks like an id, or a file, and is one that a model reads.
{
    my $ask = sub (@more) {
        return ($t->post_json('/open-wire/v1/chat/completions', { model => 'x', stream => JSON::PP::true,
            messages => [ { role => 'user', content => 'answer(plain)' } ], @more }))->{status};
    };
    my $said = sub (@content) { return $ask->(messages => [ { role => 'user', content => [ { type => 'text', text => 'answer(plain)' }, @content ] } ]) };
    is $said->({ type => 'text', text => 'tell-me-about-banned-' . 'a' x 300 }), 400, 'a long text without spaces is no file';
    is $said->({ type => 'image_url', image_url => { url => 'data:image/png;base64,' . 'AAAA/banned/AAAA' x 30 } }), 200, '... and one that is a file is none';
    is $ask->(user => 'x', metadata => { id => 'so banned it is' }), 400, 'nor is an id what no id can be';
    my $tool = sub (%schema) { return $ask->(tools => [ { type => 'function', function => { name => 'f', parameters => { type => 'object', properties => \%schema } } } ]) };
    is $tool->(fine => { type => 'string' }), 200, 'a schema';
    is $tool->(banned => { type => 'string' }), 400, '... whose names are read';
    is $tool->(fine => { default => { id => 'banned' } }), 400, '... and what it has under any name';
}
{
    my $tell = sub (%part) {
        return code_of($t->post_json('/ui', { id => conversation(), messages => [
            { id => 'a', role => 'user', parts => [ { type => 'text', text => 'Hi' } ] },
            { id => 'b', role => 'assistant', parts => [ { type => 'tool-look', toolCallId => 'c', state => 'output-available', %part } ] },
            { id => 'd', role => 'user', parts => [ { type => 'text', text => 'answer(plain)' } ] } ] }));
    };
    is $tell->(input => { about => 'x' }, output => { id => 'x' }), '', 'what a tool has given';
    is $tell->(input => { about => 'x' }, output => { id => 'banned' }), 'content_blocked', '... is looked at under any name';
    is $tell->(input => { about => 'x' }, output => { url => 'how-to-be-banned-' . 'a' x 300 }), 'content_blocked', '... whatever it looks like';
    is $tell->(input => { banned => 1 }, output => 'x'), 'content_blocked', '... and so is what it was given';
}

# Earlier turns are as good as a question.
for my $role (qw(user assistant system)) {
    my @before = $role eq 'assistant' ? { role => 'user', content => 'Hi' } : ();
    my $res = $t->post_json('/open', { messages => [ @before, { role => $role, content => 'banned' }, { role => 'user', content => 'answer(plain)' } ] });
    is code_of($res), 'content_blocked', "what a client says that the $role has said before is looked at" or diag $res->{body};
}

# What is put into a conversation in another way.
{
    my $import = sub ($text) {
        return $t->post_json('/moved', { conversations => [ { title => 'x', messages => [
            { id => '1', role => 'user', status => 'complete', parts => [ { type => 'text', text => 'Hello' } ] },
            { id => '2', parentId => '1', role => 'assistant', status => 'complete', parts => [ { type => 'text', text => $text } ] } ] } ] },
            headers => ChatTest::Kept::as('ann'));
    };
    my $count = sub { scalar(my @rows = $t->rows('select id from chat_conversation')) };
    my $before = $count->();
    my $res = $import->("so b\x{200b}anned");
    is code_of($res), 'content_blocked', 'a file with a word is not taken' or diag $res->{body};
    is $count->(), $before, '... nothing of it';
    $res = $import->('my darn horse');
    is $res->{status}, 200, '... where it is replaced it is' or diag $res->{body};
    my ($kept) = grep { ($_->{parts} // '') =~ /my \[removed\] horse/ } $t->rows('select conversation_id, id, parts from chat_message');
    ok $kept, '... without it';
    my $patch = sub ($text) {
        return $t->request('PATCH', "/talks/$kept->{conversation_id}/messages/$kept->{id}", headers => ChatTest::Kept::as('ann'),
            json => { parts => [ { type => 'text', text => $text } ] });
    };
    is code_of($patch->('BANNED')), 'content_blocked', 'neither is a correction';
    $res = $patch->('darn it');
    is $res->{status}, 200, '... with something that is replaced' or diag $res->{body};
    is $res->{json}{parts}[0]{text}, '[removed] it', '... it is';
}

# What stands above a conversation: a model has its system prompt, and others its title.
{
    my $talk = sub ($method, $path, %what) {
        return $t->request($method, $path, headers => ChatTest::Kept::as('ann'), json => \%what);
    };
    is code_of($talk->('POST', '/talks', system => 'Say what is banned')), 'content_blocked', 'a system prompt with a word is not taken';
    is code_of($talk->('POST', '/talks', title => 'BANNED')), 'content_blocked', '... nor is a title';
    my $res = $talk->('POST', '/talks', title => 'My darn horse', system => 'You dаrn fool');
    is_deeply [ @{ $res->{json} }{qw(title system)} ], [ 'My [removed] horse', 'You [removed] fool' ], '... where they are replaced they are' or diag $res->{body};
    my $id = $res->{json}{id};
    is code_of($talk->('PATCH', "/talks/$id", system => 'banned')), 'content_blocked', '... and so it is when they change';
    is $talk->('PATCH', "/talks/$id", title => 'Fine')->{status}, 200, '... while others may';
    $res = $t->post_json('/moved', { conversations => [ { title => 'x', system => 'banned', messages => [] } ] }, headers => ChatTest::Kept::as('ann'));
    is code_of($res), 'content_blocked', '... and in a file' or diag $res->{body};
}

# ---- titles ----

{
    my ($good, $dirty) = map { conversation() } 1 .. 2;
    my $title = sub ($id) { ($t->rows("select title, title_by from chat_conversation where id = '$id'"))[0] };
    ask('soiled', conversation => $dirty, path => '/named');
    $t->expect_log(qr/CHAT0837: no title by model titler for conversation \Q$dirty\E: upstream_error/);
    ok $t->wait_log(qr/CHAT0837/), 'a title with a word is none';
    ok $titles->asked('soiled'), '... that a model has made';
    is $title->($dirty)->{title_by}, 'text', '... the first one stays';
    ask('titled', conversation => $good, path => '/named');
    ok wait_for('another', sub { $title->($good)->{title} eq 'A fine title' }), '... another is kept';
}

# ---- what is answered ----

{
    my $id = conversation();
    my $res = ask('cut', conversation => $id);
    is $t->text($res), 'It is ', 'of a word in an answer not one letter is shown';
    is error_of($res)->{code}, 'content_blocked', '... but why it ends';
    my ($question, $message) = $t->messages($id);
    is $message->{status}, 'failed', '... it is kept as failed';
    is $message->{error_code}, 'content_blocked', '... with its code';
    is_deeply $message->{parts}, [], '... and without its text';
    $id = conversation();
    ask('cut', conversation => $id, path => '/kept');
    is +($t->messages($id))[1]->{parts}[0]{text}, 'It is ', '... unless that is wanted, as far as it was shown';
    my $logs = join '', map { my $f = $_; local $/; open my $in, '<:raw', $f or (); $in ? <$in> // '' : '' } glob "$t->{dir}/spool/*";
    unlike $logs, qr/anned|"ba"|"nn"/, '... nor is it in the log of a stream';
}

{
    my $id = conversation();
    my $res = ask('swap', conversation => $id);
    is $t->text($res), 'You [removed] thing, [removed] it', 'a word is replaced wherever the answer is cut';
    is +($t->messages($id))[1]->{parts}[0]{text}, 'You [removed] thing, [removed] it', '... and kept so';
    is $t->text(ask('late')), 'It is ban', 'what could have been a word and is none comes at the end';
    is $t->text(ask('flag')), 'hmmm', 'what is flagged goes on';
    my $line = $t->wait_log(qr/CHAT0901.*moderation=flag.*/) // '';
    like $line, qr/phase=output by=seen rule=1/, '... and is logged';
}

{
    my $res = ask('call');
    is $t->text($res), 'Look ba', 'what is held comes before a call';
    is error_of($res)->{code}, 'content_blocked', '... whose arguments are looked at, too';
    unlike $res->{body}, qr/anned|0061/, '... as they read';
    $res = ask('swapcall');
    is join('', map { $_->{text} } ChatTest::Kept->events($res, 'tool_arguments')), '{"q":"so [removed] it"}', '... and replaced';
    $res = ask('think');
    is code_of($res), 'content_blocked', 'thoughts are answers';
    unlike $res->{body}, qr/ban|ned"/, '... of which nothing is shown';
    for my $name (qw(named darned)) {
        $res = ask($name);
        is code_of($res), 'content_blocked', 'so is the name of a call, which nothing else can stand for';
        unlike $res->{body}, qr/banned|darn/, '... of which nothing is shown';
    }
    $res = ask('detailed');
    is code_of($res), 'content_blocked', 'and so are details, whatever is in them';
    unlike $res->{body}, qr/banned/, '... of which nothing is';
}

# ---- other forms ----

{
    my $ask = sub ($path, $name, %more) {
        return $t->post_json($path, { model => 'x', messages => [ { role => 'user', content => "answer($name)" } ], %more });
    };
    my $res = $ask->('/sdk', 'cut', stream => JSON::PP::true);
    like $res->{body}, qr/"finish_reason":"content_filter".*\[DONE\]/s, 'Chat Completions end with content_filter';
    unlike $res->{body}, qr/"ba|nned/, '... and show nothing of it';
    $res = $ask->('/sdk', 'cut', stream => JSON::PP::false);
    is $res->{status}, 400, 'one that is whole is an error';
    is $JSON->decode($res->{body})->{error}{code}, 'content_blocked', '... of that code';

    $res = $ask->('/open-wire/v1/chat/completions', 'cut', stream => JSON::PP::true);
    unlike $res->{body}, qr/nned|\[DONE\]/, 'where bytes pass they are cut';
    $res = $ask->('/open-wire/v1/chat/completions', 'plain', stream => JSON::PP::true);
    like $res->{body}, qr/well.*\[DONE\]/s, '... and all others pass';
    $res = $ask->('/open-wire/v1/chat/completions', 'swap', stream => JSON::PP::true);
    unlike $res->{body}, qr/"ar"|thing/, '... and nothing is replaced there';
    $res = $ask->('/open-wire/v1/chat/completions', 'whole');
    is $res->{status}, 400, '... of a whole one nothing is sent';
    unlike $res->{body}, qr/banned/, '... at all';
    for my $name (sort keys %halves) {
        $res = $ask->('/open-wire/v1/chat/completions', $name, stream => JSON::PP::true);
        unlike $res->{body}, qr/"so b|nned|DONE/, "a word with halves of characters in it is one: $name";
    }
    $res = $ask->('/open-wire/v1/chat/completions', $_, stream => JSON::PP::true) and unlike $res->{body}, qr/nned|DONE/, "... and so it is: $_" for qw(nul bytes);
    $res = $ask->('/open-wire/v1/chat/completions', $_, stream => JSON::PP::true) and like $res->{body}, qr/ it.*DONE/s, "... while what can be seen is none: $_"
        for qw(whole_pair lone);
    $t->allow_log(qr/CHAT0902: /);
    for my $name (qw(errs erring)) {
        $res = $ask->('/open-wire/v1/chat/completions', $name, stream => JSON::PP::true);
        unlike $res->{body}, qr/banned/, "nor is what stands in an error, or behind it: $name";
    }
    $res = $t->post_json('/responses/v1/responses', { model => 'x', input => 'answer(fcall)', stream => JSON::PP::true });
    is $JSON->decode($res->{body})->{error}{code}, 'content_blocked', 'arguments of a call are read as JSON there, too';
    unlike $res->{body}, qr/0061|nn|0065/, '... and nothing of them is shown';
    is $ask->('/open-wire/v1/chat/completions', 'dashed')->{status}, 400, '... nor of a long one without spaces';
    $res = $ask->('/open-wire/v1/chat/completions', 'plain', system => 'banned', stream => JSON::PP::true);
    is $res->{status}, 400, '... and every text of a request is looked at';
}

# ---- many ----

{
    my $ask = sub ($path, $name) {
        return answer_to($t->port, $path, model => 'x', stream => JSON::PP::true, messages => [ { role => 'user', content => "answer($name)" } ]);
    };
    my $found = faults($GENERATED, sub ($i) {
        my ($hidden, $whole) = map { join '', $generated{"$_$i"}->@* } qw(bad good);
        my ($bad, $good) = map { $ask->('/open', "$_$i") } qw(bad good);
        my ($bad_wire, $good_wire) = map { texts_of(content => $ask->('/open-wire/v1/chat/completions', "$_$i")) } qw(bad good);
        return (texts_of(text => $bad) !~ /\AIt (?:is (?:so )*)?\z/ ? 'shown' : (), $bad !~ /"code":"content_blocked"/ ? 'unblocked' : (),
            index($hidden =~ s/\A(?:It is (?:so )*)\K.*//sr, $bad_wire) ? 'wire' : (),
            texts_of(text => $good) ne $whole || $good_wire ne $whole ? 'touched' : ());
    });
    is $found->{looked}, $GENERATED, "$GENERATED answers with a word in them";
    is $found->{shown}, undef, '... no letter is shown';
    is $found->{unblocked}, undef, '... each of them ends there';
    is $found->{wire}, undef, '... where bytes pass no letter is, either';
    is $found->{touched}, undef, '... and of as many innocent ones none is touched';
}

# ---- what others learn ----

{
    my $status = $t->get('/server-status?auto')->{body};
    my ($in)  = $status =~ /^ChatModeration-slow-input: (.*)$/m;
    my ($out) = $status =~ /^ChatModeration-hard-output: (.*)$/m;
    like $in  // '', qr/^\d+ 0 0 1 1$/, 'what a pattern found, and that one took too long, is counted';
    like $out // '', qr/^\d+ 0 0 [1-9]\d* 0$/, '... and so are the answers that were blocked';
    my $logs = join '', map { $t->slurp($_) } qw(error.log moderated);
    unlike $logs, qr/banned|darn|hmm|credit\b.*card|\(q\+/i, 'no log has a text, a word or a pattern';
    like $logs, qr/moderation=\Q$_\E$/m, "CHAT_MODERATION is $_ somewhere" for qw(pass flag block replace error);
    my $audit = $t->slurp('audit.log');
    is sprintf('%o', (stat "$t->{dir}/audit.log")[2] & 0777), '600', 'the file of texts is for one user alone';
    my ($line) = map { $JSON->decode($_) } grep { /"phase":"output"/ && /"by":"hard"/ } split /\n/, $audit;
    like $line->{text}, qr/ban/, '... and has them';
    is $line->{action}, 'block', '... with what was done';
}

# ---- it is read again ----

{
    $t->write_file('hard.txt', "something else\n");
    $t->signal('USR1');
    ok wait_for('the new list', sub { ask('cut')->{body} =~ /sorry/ }), 'a list is read again when httpd is';
}

$t->stop;
done_testing;
