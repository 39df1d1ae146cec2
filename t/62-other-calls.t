# SPDX-License-Identifier: Apache-2.0
#
# Calls of a provider's API that are not here: a JSON answer in the form of that
# API, with a status that its SDK knows, and never a page of httpd's.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 1)->start;
my $bare = $up->url =~ s{/v1$}{}r;

# As conf/chat.conf has it.
my ($others) = do { local (@ARGV, $/) = "$FindBin::Bin/../conf/chat.conf"; <> } =~ /^(<LocationMatch "\^\/v1\/\(\?:completions.*?^<\/LocationMatch>)/ms
    or BAIL_OUT('chat.conf does not have them');

my $t = ChatTest->new(conf => join("\n", 'MaxKeepAliveRequests 0',
    (map { ("<ChatProvider $_->[0]>", "ChatProviderType $_->[0]", "ChatProviderURL $_->[1]", 'ChatProviderKey env:CHAT_CANARY_KEY', '</ChatProvider>',
        "<Location /$_->[0]>", 'SetHandler chat', "ChatRoute $_->[0]", 'ChatAuth guest', 'ChatRequestFormat provider', '</Location>') }
        [ openai => "$bare/v1" ], [ anthropic => "$bare/anthropic/v1" ], [ gemini => "$bare/gemini/v1beta" ]),
    'ChatModel known openai', 'ChatModel claude anthropic', 'ChatModel gem gemini',
    '<Location /v1/chat/completions>', 'SetHandler chat', 'ChatRoute completions', 'ChatAuth guest', '</Location>', $others, ''))->start;

sub openai_form ($j)    { return join ' ', grep { defined } $j->{error}{type}, $j->{error}{code} }
sub anthropic_form ($j) { return join ' ', $j->{type}, $j->{error}{type}, length $j->{request_id} ? 'id' : 'no id' }
sub gemini_form ($j)    { return join ' ', $j->{error}{code}, $j->{error}{status} }

my %BODY = (
    openai => { model => 'known', input => 'x' }, anthropic => { model => 'claude', max_tokens => 5, messages => [ { role => 'user', content => 'x' } ] },
    gemini => { contents => [ { parts => [ { text => 'x' } ] } ] }, '' => { model => 'known', input => 'x', messages => [ { role => 'user', content => 'x' } ] },
);
my ($NO, $OPENAI) = ('invalid_request_error not_found', \&openai_form);
for my $case (
    [ POST => '/v1/embeddings',         '', 404, $NO, $OPENAI ],
    [ POST => '/v1/completions',        '', 404, $NO, $OPENAI ],
    [ POST => '/v1/moderations',        '', 404, $NO, $OPENAI ],
    [ POST => '/v1/responses',          '', 404, $NO, $OPENAI ],
    [ GET  => '/v1/responses/resp_1',   '', 404, $NO, $OPENAI ],
    [ POST => '/v1/images/generations', '', 404, $NO, $OPENAI ],
    [ GET  => '/v1/files',              '', 404, $NO, $OPENAI ],
    [ GET  => '/v1/chat/completions',   '', 405, 'invalid_request_error method_not_allowed', $OPENAI ],
    [ POST => '/openai/v1/embeddings',  'openai', 404, $NO, $OPENAI ],
    [ POST => '/openai/v1/chat/completions', 'openai', 404, $NO, $OPENAI ],
    [ POST => '/openai/responses/resp_1/cancel', 'openai', 404, $NO, $OPENAI ],
    [ GET  => '/openai/v1/models',      'openai', 405, 'invalid_request_error method_not_allowed', $OPENAI ],
    [ POST => '/anthropic/v1/messages/count_tokens', 'anthropic', 404, 'error not_found_error id', \&anthropic_form ],
    [ GET  => '/anthropic/v1/models',   'anthropic', 405, 'error invalid_request_error id', \&anthropic_form ],
    [ POST => '/anthropic/v1/complete', 'anthropic', 404, 'error not_found_error id', \&anthropic_form ],
    [ POST => '/gemini/v1beta/models/gem:countTokens',  'gemini', 404, '404 NOT_FOUND', \&gemini_form ],
    [ POST => '/gemini/v1beta/models/gem:embedContent', 'gemini', 404, '404 NOT_FOUND', \&gemini_form ],
    [ GET  => '/gemini/v1beta/models',  'gemini', 405, '405 UNIMPLEMENTED', \&gemini_form ],
) {
    my ($method, $path, $of, $status, $want, $form) = @$case;
    my $res = $method eq 'GET' ? $t->get($path) : $t->post_json($path, $BODY{$of});
    is $res->{status}, $status, "$method $path is a $status";
    is $res->{json} ? $form->($res->{json}) : $res->{body}, $want, '... in the form of its API';
}
is $up->stats->{requests}, 0, 'nobody was asked';

# ---- an unknown model ----

for my $case (
    [ '/v1/chat/completions', { $BODY{''}->%*, model => 'nobody' }, 'invalid_request_error model_not_found', $OPENAI ],
    [ '/openai/v1/responses', { $BODY{openai}->%*, model => 'nobody' }, 'invalid_request_error model_not_found', $OPENAI ],
    [ '/anthropic/v1/messages', { $BODY{anthropic}->%*, model => 'nobody' }, 'error not_found_error id', \&anthropic_form ],
    [ '/gemini/v1beta/models/nobody:generateContent', $BODY{gemini}, '404 NOT_FOUND', \&gemini_form ],
) {
    my ($path, $body, $want, $form) = @$case;
    my $res = $t->post_json($path, $body);
    is "$res->{status} " . $form->($res->{json}), "404 $want", "$path: an unknown model is a 404";
}

# ---- what goes well has the id where the SDK looks ----

my $res = $t->post_json('/anthropic/v1/messages', $BODY{anthropic}, headers => [ 'X-Request-ID' => 'mine-1' ]);
is join(' ', $res->{status}, map { $_ // '-' } $res->{headers}->@{qw(request-id x-request-id)}), '200 mine-1 mine-1', 'Anthropic\'s clients read request-id';
$res = $t->post_json('/openai/v1/responses', $BODY{openai});
is "$res->{status} " . ($res->{headers}{'request-id'} // '-'), '200 -', 'others do not';

$t->stop;
$up->stop;
done_testing;
