# SPDX-License-Identifier: Apache-2.0
#
# Requests with something empty, or in the form that another API has for it, on
# the route completions: what reaches the provider is in the form that it takes.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Answers;

my $JSON = JSON::PP->new->canonical;
my $CACHE = { type => 'ephemeral' };
my $TOOL = { type => 'function', function => { name => 'w', parameters => { type => 'object', properties => {} } } };
my $IMAGE = 'data:image/png;base64,iVBORw0K';

sub asked ($name) { return { role => 'user', content => "answer($name)" } }
sub calling ($arguments, %more) { return { role => 'assistant', content => undef, tool_calls => [ { id => 'c', type => 'function', function => { name => 'w', arguments => $arguments } } ], %more } }
my $result = { role => 'tool', tool_call_id => 'c', content => 'r' };
my $next = { role => 'user', content => 'q' };

# name => [ provider, members beside the question, messages behind it, path in what it got, value there ]
my %CASES = (
    arguments_null => [ anthropic  => {}, [ calling('null'), $result ], [ 'messages', 1, 'content', 0, 'input' ], {} ],
    gemini_null    => [ gemini     => {}, [ calling('null'), $result ], [ 'contents', 1, 'parts', 0, 'functionCall', 'args' ], {} ],
    cached_tool    => [ anthropic  => { tools => [ { %$TOOL, cache_control => $CACHE } ] }, [], [ 'tools', 0, 'cache_control' ], $CACHE ],
    cached_inside  => [ anthropic  => { tools => [ { type => 'function', function => { name => 'w', cache_control => $CACHE } } ] }, [], [ 'tools', 0, 'cache_control' ], $CACHE ],
    cached_router  => [ openrouter => { tools => [ { %$TOOL, cache_control => $CACHE } ] }, [], [ 'tools', 0, 'cache_control' ], $CACHE ],
    no_functions   => [ compatible => { functions => [] }, [], ['functions'], undef ],
    only_thoughts  => [ deepseek   => {}, [ { role => 'assistant', content => undef, reasoning_content => 'hm' }, $next ], [ 'messages', 1 ], { role => 'assistant', content => '', reasoning_content => 'hm' } ],
    other_member   => [ deepseek   => {}, [ calling('{}', reasoning => 'hm'), $result ], [ 'messages', 1, 'reasoning_content' ], 'hm' ],
    member_stays   => [ openrouter => {}, [ calling('{}', reasoning => 'hm'), $result ], [ 'messages', 1, 'reasoning' ], 'hm' ],
    empty_calls    => [ anthropic  => {}, [ { role => 'assistant', content => undef, tool_calls => [] }, $next ], [ 'messages', 1 ], $next ],
    wide_space     => [ anthropic  => {}, [ { role => 'assistant', content => "A:\x{a0}B\x{3000}\x{2003}\x{a0} \n" } ], [ 'messages', 1, 'content' ], "A:\x{a0}B" ],
    only_space     => [ anthropic  => {}, [ { role => 'assistant', content => "\x{a0}" } ], [ 'messages', 1 ], undef ],
);
my %IMAGES = (
    anthropic_image => [ anthropic => [ 'messages', 0, 'content', 1, 'source', 'data' ], 'iVBORw0K' ],
    gemini_image    => [ gemini    => [ 'contents', 0, 'parts', 1, 'inlineData', 'data' ], 'iVBORw0K' ],
    openai_image    => [ openai    => [ 'input', 0, 'content', 1, 'image_url' ], $IMAGE ],
);

my $up = ChatTest::Answers->new(map { $_ => ChatTest::Answers::whole(400, [ 'Content-Type: application/json', 'Connection: close' ], '{}') } keys %CASES, keys %IMAGES)->start;
my $t = ChatTest->new(conf => join '', "MaxKeepAliveRequests 0\n<Location />\nSetHandler chat\nChatAuth guest\nChatModelDefault m\n</Location>\n",
    map { "<ChatProvider $_>\nChatProviderType $_\nChatProviderURL ${\$up->url}\nChatProviderBreaker off\n</ChatProvider>\n<Location /$_>\nChatRoute completions\nChatUse $_\n</Location>\n" }
        qw(anthropic gemini openai openrouter deepseek compatible))->start;
$t->expect_log(qr/CHAT0902: /);

sub reached ($type, $name, $path, %body) {
    $t->sse("/$type", \%body);
    my $at = $up->asked($name);
    return 'nothing reached it' unless defined $at;
    $at = $JSON->utf8->decode($at);
    $at = ref $at eq 'ARRAY' ? $at->[$_] : $at->{$_} for @$path;
    return $at;
}

for my $name (sort keys %CASES) {
    my ($type, $members, $messages, $path, $want) = $CASES{$name}->@*;
    is_deeply reached($type, $name, $path, %$members, messages => [ asked($name), @$messages ]), $want, $name;
}
for my $name (sort keys %IMAGES) {
    my ($type, $path, $want) = $IMAGES{$name}->@*;
    is reached($type, $name, $path, messages => [ { role => 'user', content => [ { type => 'text', text => "answer($name)" }, { type => 'image_url', image_url => $IMAGE } ] } ]),
        $want, "$name: its address alone";
}

$t->stop;
done_testing;
