# SPDX-License-Identifier: Apache-2.0
#
# The models route as OpenAI's own client sees it.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::OpenAI;
use JSON::PP ();

ChatTest::OpenAI->new->stop;    # it is installed now

my $t = ChatTest->new(conf => <<'END')->start;
# The client encodes them.
AllowEncodedSlashes On
<ChatProvider openai>
    ChatProviderURL http://127.0.0.1:1/v1
</ChatProvider>
ChatModel gpt-4o-mini openai alias=org/mini
ChatModel gpt-5 openai
<Location /v1/models>
    SetHandler chat
    ChatRoute models
</Location>
END

my $said = qx{node $ChatTest::OpenAI::DIR/openai/models.mjs ${\$t->url('/v1')} gpt-5 org/mini nobody};
is $?, 0, 'the client is served' or BAIL_OUT($said);
my $sdk = JSON::PP->new->utf8->decode($said);
is_deeply [ map { "$_->{id} $_->{object} $_->{owned_by}" } $sdk->{list}->@* ],
    [ 'gpt-4o-mini model openai', 'gpt-5 model openai' ], 'it lists the models';
is_deeply $sdk->{one}{'gpt-5'}, $sdk->{list}[1], 'it asks for one';
is $sdk->{one}{'org/mini'}{id}, 'gpt-4o-mini', '... also by another name, with a slash in it';
is $sdk->{one}{nobody}{kind}, 'NotFoundError', 'it knows what is not there';
is $sdk->{one}{nobody}{code}, 'model_not_found', '... and why';

$t->stop;
done_testing;
