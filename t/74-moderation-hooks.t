# SPDX-License-Identifier: Apache-2.0
#
# Services of moderation (ChatModerationURL): what they are asked, what their
# verdicts do to questions and answers, and that one which is slow, dead, lying
# or huge is an error by its fail=, for which no thread waits and no other
# stream.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Encode qw(encode_utf8);
use JSON::PP ();
use ChatTest;
use ChatTest::Answers;
use ChatTest::Generated qw(answer_to faults generated texts_of);
use ChatTest::Moderator;
use ChatTest::Snippets;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;

# ---- answers ----

sub chunk ($delta) {
    return 'data: ' . $JSON->encode({ choices => [ { index => 0, delta => $delta, finish_reason => undef } ] }) . "\n\n";
}

my @END = ('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}' . "\n\n", "data: [DONE]\n\n");

sub said (@texts) { return ChatTest::Answers::stream((map { chunk({ content => $_ }) } @texts), @END) }

my $GENERATED = $ENV{CHAT_MODERATION_ANSWERS} // 40;
my %generated = generated($GENERATED, sub ($i) { substr 'xyz ' x 100, 0, 96 + $i % 40 }, after => sub { ' xyz' x rand 100 }, most => 12);

my $long = 'quite a long answer ' x 20;
my $call = { tool_calls => [ { index => 0, id => 'c', type => 'function', function => { name => 'look', arguments => '' } } ] };
my $odd = ChatTest::Answers->new(
    (map { ($_ => said($generated{$_}->@*)) } keys %generated),
    late   => said('It is ', 'said.'),
    cut    => said('It is ba', 'nn', 'ed', ', sorry.'),
    call   => ChatTest::Answers::stream(chunk({ content => $long }), chunk($call), @END),
    args   => ChatTest::Answers::stream(chunk($call), chunk({ tool_calls => [ { index => 0, function => { arguments => '{"q":"ban' } } ] }),
        chunk({ tool_calls => [ { index => 0, function => { arguments => 'ned"}' } } ] }), @END),
    think  => ChatTest::Answers::stream(chunk({ reasoning_content => 'ban' }), chunk({ reasoning_content => 'ned' }), chunk({ content => 'Hello' }), @END),
    torn   => ChatTest::Answers::stream(chunk({ content => 'Well' }), substr chunk({ content => 'banned' }), 0, -9),
    last   => ChatTest::Answers::stream(substr chunk({ content => 'banned' }), 0, -2),
    twice  => ChatTest::Answers::stream((map {
        'data: ' . $JSON->encode({ choices => [ { index => 0, delta => { content => $_ }, logprobs => { content => [ { token => $_ } ] } } ] }) . "\n\n" } qw(It is ba nn ed)), @END),
    whole  => ChatTest::Answers::whole(200, ['Content-Type: application/json'],
        '{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"It is banned."},"finish_reason":"stop"}]}'),
    thinks => ChatTest::Answers::stream((map { chunk({ reasoning => $_, reasoning_details => [ { type => 'reasoning.text', text => $_, index => 0 } ] }) } 'It is ', 'banned', ' here'),
        chunk({ content => 'Hello' }), @END),
    large  => said(('a word and another ') x 20_000),
)->start;

my $service = ChatTest::Moderator->start;
my $url = $service->url;
sub asked { return $service->asked }

my $dead = ChatTest::Httpd::free_port();
my $up = ChatTest::Upstream->new(pace => 2, n => 60)->start;
my $quick = ChatTest::Upstream->new(n => 5)->start;
my ($base, $quick_base) = ($up->url, $quick->url);

my $odd_base = $odd->url;
my $service_base = $service->url('');

# What docs/moderation-services.md has to paste, for a service that is here.
open my $page, '<', "$FindBin::Bin/../docs/moderation-services.md" or die $!;
my ($printed) = map { $_->{text} } ChatTest::Snippets::of('docs/moderation-services.md', do { local $/; <$page> });
$printed =~ s{<Location /chat>}{<Location /printed>};
$printed =~ s{ChatUse \s*\Kopenai}{quick};
$printed =~ s{https://api\.openai\.com/v1/moderations}{$url};
$printed =~ s{/etc/apache2/chat/openai\.key}{%%DIR%%/printed.key};

my $conf = <<"CONF";
${printed}LogFormat "%{CHAT_MODERATION}e %U" moderated
CustomLog moderated.log moderated
<ChatProvider mock>
  ChatProviderType compatible
  ChatProviderURL $base
</ChatProvider>
<ChatProvider quick>
  ChatProviderType compatible
  ChatProviderURL $quick_base
</ChatProvider>
<ChatProvider odd>
  ChatProviderType deepseek
  ChatProviderURL $odd_base
  ChatProviderKey env:HOOK_KEY
  ChatProviderBreaker off
</ChatProvider>
<ChatProvider router>
  ChatProviderType openrouter
  ChatProviderURL $odd_base
  ChatProviderKey env:HOOK_KEY
  ChatProviderBreaker off
</ChatProvider>
<ChatProvider soon>
  ChatProviderType deepseek
  ChatProviderURL $odd_base
  ChatProviderKey env:HOOK_KEY
  ChatProviderBreaker off
  ChatProviderTimeout total=1s
</ChatProvider>
ChatModel s soon
ChatModel r router
ChatModel m mock
ChatModel q quick
ChatModel o odd
ChatLog chat.json

<Location />
  SetHandler chat
  ChatAuth guest
  ChatModelDefault m
</Location>
<Location /a>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL guard $url key=env:HOOK_KEY timeout=500ms
  ChatModerationTell category
</Location>
<Location /b>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL guard $url run=beside timeout=500ms
</Location>
<Location /open>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL lenient $url fail=open timeout=1s cache=off
</Location>
<Location /wait>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL patient $url timeout=30s cache=off
</Location>
<Location /never>
  ChatRoute stream
  ChatModelDefault q
</Location>
<Location /o>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL moderations $url format=openai thresholds=violence:0.3,*:0.9 cache=off
</Location>
<Location /l>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL llama $url format=llama-guard model=llama-guard3 cache=off
</Location>
<Location /all>
  ChatRoute stream
</Location>
<Location /out>
  ChatRoute stream
  ChatModerationURL answers $url in=output output-window=256 timeout=500ms cache=off
</Location>
<Location /chase>
  ChatRoute stream
  ChatModerationURL answers $url in=output output-mode=chase timeout=500ms cache=off
</Location>
<Location /held>
  ChatRoute stream
  ChatModerationURL held $service_base/block/s1d30 in=output output-window=256 cache=off
</Location>
<Location /chased>
  ChatRoute stream
  ChatModerationURL chased $service_base/block/s1d30 in=output output-mode=chase cache=off
</Location>
<Location /replaced>
  ChatRoute stream
  ChatModerationURL replaced $service_base/replace/s1d30 in=output output-window=256 cache=off
</Location>
<Location /passed>
  ChatRoute openai
  ChatUse mock
  ChatModerationURL passed $service_base/block/s1d30 in=output output-window=256 cache=off
</Location>
<Location /words>
  ChatRoute stream
  ChatModelDefault o
  ChatModerationURL words $service_base/block/banned in=output output-window=256 cache=off
</Location>
<Location /words-sdk>
  ChatRoute completions
  ChatModelDefault o
  ChatModerationURL words $service_base/block/banned in=output cache=off
</Location>
<Location /words-wire>
  ChatRoute deepseek
  ChatUse odd
  ChatRequestFormat provider
  ChatModerationURL words $service_base/block/banned in=output output-window=256 cache=off
</Location>
<Location /thoughts>
  ChatRoute stream
  ChatModelDefault r
  ChatModerationURL thoughts $service_base/replace/banned in=output cache=off
</Location>
<Location /asked-wire>
  ChatRoute deepseek
  ChatUse odd
  ChatRequestFormat provider
  ChatModerationURL guard $url
</Location>
<Location /late-open>
  ChatRoute stream
  ChatModelDefault s
  ChatModerationURL never $service_base/delay/60000 in=output timeout=60s cache=off fail=open
</Location>
<Location /late-closed>
  ChatRoute stream
  ChatModelDefault s
  ChatModerationURL never $service_base/delay/60000 in=output timeout=60s cache=off fail=closed
</Location>
<Location /large-wire>
  ChatRoute deepseek
  ChatUse odd
  ChatRequestFormat provider
  ChatModerationURL late $service_base/delay/100 in=output output-window=64K cache=off
</Location>
<Location /both>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL one $service_base/replace/red
  ChatModerationURL two $service_base/block/gone
</Location>
<Location /breaker>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL sick $url timeout=1s cache=off
</Location>
<Location /server-status>
  SetHandler server-status
</Location>
<Location /metrics>
  ChatRoute metrics
</Location>
<Location /c>
  ChatRoute completions
  ChatModerationURL both $url in=input,output fail=closed timeout=500ms cache=off
</Location>
<Location /gone>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL dead http://127.0.0.1:$dead/ timeout=500ms
</Location>
CONF

my $t;

sub server (%o) {
    $t = ChatTest->new(env => { HOOK_KEY => 'sk-hook-key-0123456789' }, conf => $conf, modules => ['status'], %o);
    $t->expect_log(qr/CHAT0847/);
    $t->write_file('printed.key', "sk-printed-key-0123456789\n", 0600);
    $t->start;
}

server();
$t->expect_log(qr/CHAT0848/, qr/CHAT0902/);

# The text, and the code of an error.
sub chat ($path, $text, %more) {
    my $res = $t->sse($path, { messages => [ { role => 'user', content => $text } ], %more });
    my $json = eval { $JSON->decode($res->{body} // '') } // {};
    my $said = join '', map { my $d = eval { $JSON->decode($_->{data}) } // {}; $d->{delta} // $d->{text} // '' } ($res->{events} // [])->@*;
    my ($code) = grep { defined } ($json->{code}, map { ($_->{data} // '') =~ /"code":"(\w+)"/ ? $1 : () } ($res->{events} // [])->@*);
    return { res => $res, status => $res->{status}, said => $said, code => $code // '', json => $json };
}

# ---- questions ----

my $r = chat('/a', 'hello there');
is $r->{status}, 200, 'a question that may go on does';
my ($head, $q) = (asked())[0]->@*;
like $head, qr{^POST /v1/check HTTP/1.1\n}, 'the address as it is written';
like $head, qr/Authorization: Bearer sk-hook-key-0123456789/, 'with its secret';
like $head, qr/X-Request-ID: \S+/, 'and the id of the request';
is_deeply [ @$q{qw(phase final route)}, $q->{texts} ], [ 'input', JSON::PP::true, 'stream', [ { role => 'user', content => 'hello there' } ] ],
    'the question alone';
my $before = $quick->calls;
chat('/a', 'hello there');
is scalar(asked()), 0, 'a verdict is remembered';
$before = $quick->calls;
$r = chat('/a', 'something bad');
is_deeply [ @$r{qw(status code)}, $r->{json}{category} ], [ 400, 'content_blocked', 'violence' ], 'a bad one is refused';
is $quick->calls, $before, 'and no provider was asked';
$r = chat('/b', 'something bad beside');
is_deeply [ @$r{qw(status code)} ], [ 400, 'content_blocked' ], 'beside the provider it is as well';
$r = chat('/a', 'my secret is this');
is $r->{status}, 200, 'what is replaced goes on';
unlike $JSON->encode($quick->last), qr/my secret/, 'without it';
like $JSON->encode($quick->last), qr/my \* is this/, 'with what stands in its place';
$r = chat('/a', 'an odd one');
is $r->{status}, 200, 'what is flagged goes on';
{
    my @split = ({ role => 'user', content => 'something bad 2' }, { role => 'user', content => 'Well?' });
    my @history = ({ role => 'user', content => 'something bad 3' }, { role => 'assistant', content => 'No.' }, { role => 'user', content => 'Well?' });
    asked();
    is chat('/a', '', messages => \@split)->{status}, 400, 'a question of two messages is one';
    is +(asked())[0][1]{texts}[0]{content}, "something bad 2\nWell?", '... and is told so';
    is chat('/a', '', messages => \@history)->{status}, 200, '... what was answered is not asked again';
    my $wire = sub (%body) { return $t->post_json('/asked-wire/chat/completions', { model => 'o', %body })->{status} };
    is $wire->(messages => \@split), 400, '... in the form of a provider, too';
    is $wire->(messages => [ { role => 'user', content => 'fine' } ], input => 'something bad 4'), 400, '... wherever one may look for it';
}
is_deeply [ map { chat('/o', $_)->{status} } 'fine', 'grey', 'bad' ], [ 200, 400, 400 ], 'by scores of categories';
asked();
is_deeply [ map { chat('/printed', $_, model => 'q')->{status} } 'fine', 'grey', 'bad' ], [ 200, 200, 400 ], '... as it is printed';
like +(asked())[0][0], qr/Authorization: Bearer sk-printed-key-0123456789/, '... with the key of its file';
is_deeply [ map { chat('/l', $_)->{status} } 'fine', 'bad' ], [ 200, 400 ], 'by a Llama Guard';
asked();
chat('/open', "question $_") for 1 .. 3;
my @by = map { $_->[2] } asked();
is scalar(@by), 3, 'three questions are asked';
is scalar(keys %{ { map { $_ => 1 } @by } }), 1, '... by one connection';

# ---- errors ----

for my $how (qw(silent dripping huge no-json unknown short elsewhere early broken)) {
    $r = chat('/a', "please be-$how");
    is_deeply [ @$r{qw(status code)} ], [ 503, 'moderation_unavailable' ], "$how: refused";
    ok $r->{res}{headers}{'retry-after'}, "$how: and when to come again";
    chat('/a', "fine after $how");
    is chat('/open', "please be-$how")->{status}, 200, "$how: goes on where it fails open";
    chat('/open', "fine after $how");
}
is chat('/wait', 'please be-slow')->{status}, 200, 'one that is slow is waited for, as long as it may take';
is chat('/gone', 'hello')->{status}, 503, 'one that is not there';
like $t->error_log, qr/CHAT0847.*moderation by guard fails: there is no answer in time/, 'the log says what fails';
unlike $t->error_log, qr/please be-/, 'and no word of it';

# ---- answers ----

my $all = chat('/all', 'tell')->{said};
asked();
$r = chat('/out', 'tell');
is $r->{status}, 200, 'an answer in windows';
like $r->{said}, qr/\w/, 'that may be seen is';
my @phases = map { $_->[1]{phase} } asked();
is $phases[-1], 'output', 'the last window is the rest';
is scalar(grep { $_ ne 'output_partial' } @phases[ 0 .. $#phases - 1 ]), 0, 'those before are pieces';
is $r->{said}, $all, 'and all of it is there';
$r = chat('/chase', 'tell');
is $r->{said}, $all, 'the same where it is chased';
my $res = $t->post_json('/c/chat/completions', { model => 'm', messages => [ { role => 'user', content => 'hi' } ] });
is $res->{status}, 200, 'a whole answer';

$r = chat('/held', 'tell');
like $r->{said}, qr/s1d10 /, 'what stands before something bad is shown';
unlike $r->{said}, qr/s1d30/, 'the piece with it is not';
ok index($all, $r->{said}) == 0, 'and what is shown is as it was';
is $r->{code}, 'content_blocked', 'its client learns why it ends';
$r = chat('/chased', 'tell');
is $r->{code}, 'content_blocked', 'so it does where an answer is chased';
$r = chat('/replaced', 'tell');
is $r->{said}, $all =~ s/s1d30/[gone]/r, 'what is replaced goes on as it is then';
$r = chat('/thoughts', 'answer(thinks)');
is $r->{said}, 'It is [gone] hereHello', 'thoughts are replaced';
unlike $r->{res}{body}, qr/banned/, '... and not repeated by what a provider wants back';

# Its provider's time is over while a service is asked about a whole answer.
$r = chat('/late-open', 'answer(late)');
is_deeply [ @$r{qw(said code)} ], [ 'It is said.', '' ], 'a whole answer whose service takes too long is shown where that fails open';
like $r->{res}{body}, qr/"finishReason":"stop"/, '... and has its end';
$r = chat('/late-closed', 'answer(late)');
is_deeply [ @$r{qw(status said code)} ], [ 503, '', 'moderation_unavailable' ], '... and is not where that fails closed';
my $native = $t->sse('/passed/chat/completions', { model => "m", stream => JSON::PP::true, messages => [ { role => 'user', content => 'tell' } ] });
my $text = join '', map { $_->{data} // '' } $native->{events}->@*;
unlike $text, qr/s1d30/, 'where bytes pass none of what must not be seen does';

my $shown = join '', map { ($_->{data} // '') =~ /"content":"([^"]*)"/ ? $1 : () } $native->{events}->@*;
ok length $shown && index($all, $shown) == 0, '... and what stands well before it does';

# ---- answers of every form ----

sub answer ($name, $path = '/words', %more) { return chat($path, "answer($name)", %more) }

sub wire ($name, %more) {
    my $got = $t->post_json('/words-wire/chat/completions',
        { model => 'o', stream => JSON::PP::true, messages => [ { role => 'user', content => "answer($name)" } ], %more });
    return { status => $got->{status}, said => texts_of(content => $got->{body} // ''), body => $got->{body} };
}

$r = answer('call');
is $r->{said}, $long, 'what stands before a call is shown';
like join('', map { $_->{data} // '' } $r->{res}{events}->@*), qr/"name":"look"/, '... and so is a call behind what was looked at last';
is answer($_)->{code}, 'content_blocked', "$_: blocked" for qw(args think);
unlike answer('think')->{res}{body}, qr/ban|ned"/, '... and not shown';
$res = $t->post_json('/words-sdk/chat/completions', { model => 'o', messages => [ { role => 'user', content => 'answer(cut)' } ] });
is_deeply [ $res->{status}, $JSON->decode($res->{body})->{error}{code} ], [ 400, 'content_blocked' ], 'one that is whole is an error';
$r = wire('torn');
is $r->{said}, 'Well', 'where bytes pass a torn event does not';
unlike $r->{body}, qr/banned/, '... not a byte of it';
unlike wire('last')->{body}, qr/banned/, '... and one that the end makes whole is looked at';
unlike wire('twice')->{body}, qr/"nn"|"ed"/, '... texts that alternate are read as two';
$r = wire('whole', stream => JSON::PP::false);
is $r->{status}, 400, '... of a whole one nothing is sent';
unlike $r->{body}, qr/banned/, '... at all';
$res = $t->post_json('/large-wire/chat/completions', { model => 'o', stream => JSON::PP::true, messages => [ { role => 'user', content => 'answer(large)' } ] });
is length(join '', $res->{body} =~ /"content":"([^"]*)"/g), 19 * 20_000, '... and of a large one that waits all is there';

{
    my $ask = sub ($path, $name) {
        return answer_to($t->port, $path, model => 'o', stream => JSON::PP::true, messages => [ { role => 'user', content => "answer($name)" } ]);
    };
    my $found = faults($GENERATED, sub ($i) {
        my $whole = join '', $generated{"good$i"}->@*;
        my ($bad, $good) = map { $ask->('/words', "$_$i") } qw(bad good);
        my ($bad_wire, $good_wire) = map { texts_of(content => $ask->('/words-wire/chat/completions', "$_$i")) } qw(bad good);
        return (texts_of(text => $bad) !~ /\A[xyz ]*\z/ ? 'shown' : (), $bad !~ /"code":"content_blocked"/ ? 'unblocked' : (),
            $bad_wire !~ /\A[xyz ]*\z/ ? 'wire' : (), texts_of(text => $good) ne $whole || $good_wire ne $whole ? 'touched' : ());
    });
    is $found->{looked}, $GENERATED, "$GENERATED answers with a word cut at any place";
    is $found->{shown}, undef, '... no letter is shown';
    is $found->{unblocked}, undef, '... each of them ends';
    is $found->{wire}, undef, '... where bytes pass no letter is, either';
    is $found->{touched}, undef, '... and of as many innocent ones none is touched';
}

# ---- several, and one that fails for long ----

asked();
$r = chat('/both', 'a red one');
is $r->{code}, 'content_blocked', 'the second service sees what the first has made of it';
is_deeply [ map { $_->[1]{texts}[0]{content} } asked() ], [ 'a red one', 'a [gone] one' ], '... one after the other';
chat('/breaker', "please be-broken $_") for 1 .. 5;
asked();
is chat('/breaker', 'hello')->{status}, 503, 'one that fails time and again';
is scalar(asked()), 0, '... is left alone for a while';

# ---- what others learn ----

{
    my $status = $t->get('/server-status?auto')->{body};
    my ($in) = $status =~ /^ChatModeration-guard-input: (.*)$/m;
    like $in // '', qr/^[1-9]\d* [1-9]\d* [1-9]\d* [1-9]\d* [1-9]\d*$/, 'verdicts of a service are counted';
    like $status, qr/^ChatModeration-words-output: \d+ 0 0 [1-9]\d* 0$/m, '... and those of answers';
    my $metrics = $t->get('/metrics')->{body};
    like $metrics, qr/^chat_moderation_total\{[^}]*hook="guard"[^}]*verdict="$_"[^}]*\} [1-9]/m, "chat_moderation has $_" for qw(pass flag replace block error);
    my $moderated = $t->slurp('moderated.log');
    like $moderated, qr{^\Q$_\E /a$}m, "CHAT_MODERATION is $_" for qw(pass flag replace block error);
    like $moderated, qr{^- /all$}m, '... and unset where nothing looks';
    my ($line) = map { $JSON->decode($_) } grep { /"chat.moderation.verdict":"block"/ && /"chat.moderation.by":"guard"/ } split /\n/, $t->slurp('chat.json');
    is_deeply [ @$line{map { "chat.moderation.$_" } qw(phase category)} ], [ 'input', 'violence' ], 'a line of ChatLog has the verdict';
    like $line->{'chat.moderation.duration_ms'}, qr/^\d+$/, '... and how long it took';
    like $t->error_log, qr/CHAT0901.*moderation=block phase=input by=guard category=violence moderation-ms=\d/, '... and so has the error log';
    unlike join('', map { $t->slurp($_) } qw(error.log moderated.log chat.json)), qr/something bad|secret is|It is bad|sk-hook/, 'no log has a text, a reason or a key';
}

# ---- no thread waits, and no stream ----

{
    my @waiting = map {
        my $c = $t->connect;
        $c->request('POST', '/wait', headers => { 'Content-Type' => 'application/json' },
            body => $JSON->encode({ messages => [ { role => 'user', content => "be-silent $_" } ] }));
        $c
    } 1 .. 60;
    my $asked = 0;
    ChatTest::wait_for('sixty questions that wait', sub { ($asked += () = asked()) >= 60 });
    is chat('/never', 'meanwhile')->{status}, 200, 'another is answered while sixty wait for a service';
    is chat('/a', 'hello there')->{status}, 200, '... and so is one that is known';
    $_->close for @waiting;
}
$t->stop;

# ---- by threads that wait ----

# The body of an answer.
sub by_curl ($path, $text, @more) {
    my ($exit, $out) = $t->curl('-N', @more, '-H', 'Content-Type: application/json',
        '-d', $JSON->encode({ messages => [ { role => 'user', content => $text } ] }), $t->url($path));
    return $out;
}

for my $kind ([ 'HTTP/2', ['--http2-prior-knowledge'], modules => [ 'http2', 'status' ], conf => "Protocols h2c http/1.1\n$conf" ],
    [ 'prefork', [], mpm => 'prefork' ]) {
    my ($name, $more, %o) = @$kind;
    server(%o);
    my $ask = sub ($path, $text) { return by_curl($path, $text, @$more) };
    like $ask->('/a', 'hello'), qr/event: text.*event: done/s, "$name: a question that may go on does";
    like $ask->('/a', 'so bad'), qr/content_blocked/, "$name: a bad one is refused";
    like $ask->('/b', 'bad beside'), qr/content_blocked/, "$name: beside the provider, too";
    like $ask->('/a', 'please be-silent'), qr/moderation_unavailable/, "$name: a service that says nothing is an error";
    like $ask->('/open', 'please be-dripping'), qr/event: text/, "$name: ... that may be let pass";
    my $held = $ask->('/held', 'tell');
    like $held, qr/s1d10 .*content_blocked/s, "$name: an answer is shown up to where it must not be";
    unlike $held, qr/s1d30/, "$name: ... and no further";
    like $ask->('/chased', 'tell'), qr/content_blocked/, "$name: one that is chased ends";
    like $ask->('/replaced', 'tell'), qr/\[gone\].*s1d50/s, "$name: one is replaced and goes on";
    $t->stop;
}
done_testing;
