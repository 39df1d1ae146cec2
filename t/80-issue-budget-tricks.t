# SPDX-License-Identifier: Apache-2.0
#
# Ways past a token budget: a text that calls itself a file, an answer of one
# piece that is left after its head, events whose ends never come together with
# the ends of pieces, a bill of nothing, other models and several answers in
# members of their own, fewer tokens than a provider can be asked for.
use v5.36;
use JSON::PP ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;
use ChatTest::Upstream;

my $true  = JSON::PP::true;
my $event = 'data: ' . JSON::PP->new->canonical->encode({ choices => [ { index => 0, delta => { content => 'word ' x 10 } } ] }) . "\n\n";
my $done  = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
my $free  = 'data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}' . "\n\n";
my $head  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
my ($first, $rest) = (substr($event, 0, 20), substr $event, 20);
my $split = substr $event, 0, length($event) - 1;    # between the two newlines
my $up = ChatTest::Answers->new(
    short  => $head . $event . $done,
    free   => $head . $event x 20 . $free . $done,
    held   => [ $head . $event, 'hang' ],
    whole  => [ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n \n", 'hang' ],
    inside => [ $head . $first, ("$rest$first") x 1500, $rest . $done ],
    lines  => [ $head . $split, ("\n$split") x 1500, "\n" . $done ],
)->start;
my $openai = ChatTest::Upstream->new(n => 1)->start;

# Policies of 1000 tokens each, by what is asked.
my $least = join '', map { <<"END" } qw(one sixteen many unsaid direct second);
<Location /least/$_>
    ChatRoute completions
    ChatUse @{[ { direct => 'direct', second => 'up responses' }->{$_} // 'responses' ]}
    ChatLimit least-$_ 1000/1h ip unit=tokens reserve=1
</Location>
END

sub location ($name, $limit, $more = '') {
    return "<Location /$name>\nChatRoute deepseek\nChatUse up\nChatLimit $name $limit unit=tokens\n$more\n</Location>\n";
}
my $t = ChatTest->new(conf => <<"END" . location('native', '1000000/1h ip', 'ChatRequestFormat provider') . location('cut', '3000/1h ip', "ChatRequestFormat provider") =~ s/unit=tokens/unit=tokens cut=on reserve=200/r)->start;
<ChatProvider up>
    ChatProviderType compatible
    ChatProviderURL ${\$up->url}
    ChatProviderBreaker off
</ChatProvider>
<ChatProvider responses>
    ChatProviderType openai
    ChatProviderURL ${\$openai->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
<ChatProvider direct>
    ChatProviderType openai
    ChatProviderAPI  chat-completions
    ChatProviderURL  ${\$openai->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
$least
ChatAuth guest
END
$t->allow_log(qr/CHAT0902/);

sub ask ($path, $answer, %o) {
    my $content = delete $o{content} // [];
    return $t->post_json($path, { model => 'm', stream => $true, max_tokens => 5, messages => [
        { role => 'user', content => [ { type => 'text', text => "answer($answer)" }, @$content ] } ], %o });
}
sub left ($path = '/native') {
    return ask($path, 'short', max_tokens => 1)->{headers}{ratelimit} =~ /r=(\d+)/ ? $1 : -1;
}
# What the budget has lost by it, but for the asking.
sub cost ($do) {
    my ($asking, $before) = (left(), left());
    $asking -= $before;
    $do->();
    return $before - left() - $asking;
}

# ---- a text that calls itself a file ----

my $text = 'so many words ' x 20_000;    # some 70,000 tokens
my %says = (
    'behind a head of base64' => [ { type => 'text', text => 'data:,' . 'A' x 300 . " $text" } ],
    'in a member of a file'   => [ { type => 'image_url', image_url => { url => 'data:,' . 'A' x 300 . " $text" } } ],
    'as a file of text'       => [ { type => 'file', file => { file_data => 'data:text/plain;base64,' . 'QUJD' x 70_000 } } ],
);
for my $how (sort keys %says) {
    cmp_ok cost(sub { ask('/native', 'short', content => $says{$how}) }), '>', 50_000, "a text costs what a text costs, also $how";
}
cmp_ok cost(sub { ask('/native', 'short', tools => [ { type => 'function', function => { name => 'f',
    parameters => { source => { data => 'QUJD' x 70_000 } } } } ]) }), '>', 50_000, '... and in the schema of a tool';
cmp_ok cost(sub { ask('/native', 'short', content => [ { type => 'image_url', image_url => { url => 'data:image/png;base64,' . 'QUJD' x 70_000 } } ]) }),
    '<', 2_000, 'a picture does not';

# ---- leaving ----

cmp_ok cost(sub {
    my $conn = $t->connect;
    my $mark = $t->mark;
    $conn->request(POST => '/native', headers => [ 'Content-Type' => 'application/json' ], body => JSON::PP::encode_json({
        model => 'm', max_tokens => 8000, messages => [ { role => 'user', content => 'answer(whole)' } ] }));
    select undef, undef, undef, 0.3;    # it has the head; sooner costs as much
    $conn->close;
    $t->wait_log(qr/CHAT0901: .* outcome=cancelled/, from => $mark);
}), '>=', 8000, 'who leaves an answer of one piece after its head pays for it';

# ---- a bill of nothing ----

cmp_ok cost(sub { ask('/native', 'free') }), '>', 100, 'an answer whose bill says 0 is counted';

# ---- a cut that never finds the end of an event ----

for my $how (qw(inside lines)) {
    my $res = ask('/cut', $how, max_tokens => undef);
    like $res->{body}, qr/budget_exhausted/, "pieces that end $how of events are cut, too";
    my $words = () = $res->{body} =~ /word/g;
    cmp_ok $words, '<', 7500, '... before all has passed';
    my @events = split /\n\n/, $res->{body};
    is scalar(grep { !eval { JSON::PP::decode_json(s/^data: //r); 1 } } @events), 0, '... between two events';
}

# ---- others, and more ----

my %refused = (models => ['x'], fallbacks => [ { model => 'x' } ], route => 'fallback', preset => 'x', extra_body => { models => ['x'] },
    n => '5', best_of => 5);
is ask('/native', 'short', $_ => $refused{$_})->{status}, 400, "$_ is refused" for sort keys %refused;
is ask('/native', 'short', n => 2.0)->{status}, 400, '... and 2.0';
is ask('/native', 'short', n => $_)->{status}, 200, '... not ' . ($_ // 'null') for 1, undef;

# ---- fewer tokens than the provider can be asked for ----

# What was reserved, in the words of the answer's headers; and what was asked for.
sub reserved ($path, %o) {
    my $res = $t->post_json("/least/$path", { model => 'm', stream => $true, %o,
        messages => [ { role => 'user', content => 'answer(short)' } ] });
    is $res->{status}, 200, "$path is answered";
    my ($left) = $res->{headers}{ratelimit} =~ /r=(\d+)/;
    my $sent = $path eq 'second' ? {} : JSON::PP::decode_json($openai->last->{body});
    return [ 1000 - $left, $sent->{max_output_tokens} // $sent->{max_completion_tokens} ];
}
my $sixteen = reserved('sixteen', max_tokens => 16);
my ($prompt, $asked) = ($sixteen->[0] - 16, $sixteen->[1]);
is $asked, 16, 'the Responses API is asked for 16 tokens';
is_deeply reserved('one', max_tokens => 1), [ $prompt + 16, 16 ], '... also for one: so many are reserved';
is_deeply reserved('unsaid'), [ $prompt + 16, 16 ], '... also by reserve=1';
is_deeply reserved('many', max_tokens => 40), [ $prompt + 40, 40 ], '... and more where more are asked for';
is_deeply reserved('direct', max_tokens => 1), [ $prompt + 1, 1 ], 'an API that takes one token gets one';
is reserved('second', max_tokens => 1)->[0], $prompt + 16, 'who may be asked second counts';

$openai->stop;
$t->stop;
done_testing;
