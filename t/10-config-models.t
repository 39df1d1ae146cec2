# SPDX-License-Identifier: Apache-2.0
#
# ChatModel and ChatModelAllow: what a line may say, and what the lines of a
# server may not be to each other. What comes of them is in t/63-models-route.t.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

my @PROVIDERS = map { ("<ChatProvider $_>", 'ChatProviderType openai', 'ChatProviderURL http://127.0.0.1:1/v1', '</ChatProvider>') } qw(one two);

sub server (@lines) {
    return join "\n", @PROVIDERS, @lines, '';
}

sub vhost ($name, @lines) {
    return join "\n", '<VirtualHost *:%%PORT%%>', "ServerName $name", @lines, '</VirtualHost>', '';
}

my $KEYS = qr/upstream, label, released, context, max-output, price-in, price-out, price-cached, price-reasoning, tier, alias, fallback, without or params/;
my $COUNT = qr/write a whole number from 1 to 100M; K and M stand for thousands and millions$/m;
my $PRICE = qr/write US dollars for a million tokens, 0 to 999999, as in 2\.50$/m;
my $LABEL = qr/write 1 to 100 bytes of UTF-8 on one line, as in "label=GPT-4o mini"$/m;
my $MODEL = qr/write the name of a model: 1 to 128/;
my $CAN = qr/write temperature, top-p, stop, effort, system, tools, json, schema or parts$/m;
my $PATTERN = qr/write the name of a model, in which \* stands for any characters and \? for one$/m;

# ---- one line: the sentence that refuses it (none: accepted) ----

my @LINES = (
    [ 'ChatModel m one' ],
    [ 'ChatModel accounts/x/models/y:free@2.1_a one upstream=a/b:c' ],
    [ 'ChatModel m one "label=GPT-4o mini" context=128K max-output=16384 price-in=0.15 price-out=.60', qr/^ChatModel price-out does not accept "\.60": $PRICE/m ],
    [ 'ChatModel m one context=1 max-output=100M price-in=0 price-out=999999.999999' ],
    [ 'ChatModel m one tier=free,standard alias=a,b without=temperature,top-p,stop,effort,system,tools,json,schema,parts params=refuse' ],
    [ 'ChatModel m one params=drop' ],
    [ "ChatModel m one \"label=Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80\"" ],

    [ 'ChatModel', qr/^ChatModel takes NAME PROVIDER \[OPTION=VALUE \.\.\.\]$/m ],
    [ 'ChatModel m', qr/^ChatModel takes NAME PROVIDER/m ],
    [ 'ChatModel "m m" one', qr/^ChatModel does not accept "m m": $MODEL/m ],
    [ 'ChatModel m* one', qr/^ChatModel does not accept "m\*": $MODEL/m ],
    [ 'ChatModel m one/two', qr{^ChatModel does not accept "one/two": write a name of 1 to 64}m ],
    [ 'ChatModel m one fast', qr/^ChatModel does not accept "fast": write KEY=VALUE with the keys $KEYS$/m ],
    [ 'ChatModel m one colour=blue', qr/^ChatModel does not accept "colour=blue": write KEY=VALUE with the keys $KEYS$/m ],
    [ 'ChatModel m one context=1 context=2', qr/^ChatModel has context= twice: write it once$/m ],
    [ 'ChatModel m one "upstream=a b"', qr/^ChatModel upstream does not accept "a b": $MODEL/m ],
    (map { my $key = $_; map { [ "ChatModel m one $key=$_", qr/^ChatModel $key does not accept "\Q$_\E": $COUNT/m ] }
        qw(0 -1 1.5K 101M 1G 1e3 x), '' } qw(context max-output)),
    (map { my $key = $_; map { [ "ChatModel m one $key=$_", qr/^ChatModel $key does not accept "\Q$_\E": $PRICE/m ] }
        qw(-1 1. 1e3 0x1 1000000 1.0000001 $1 inf nan), '1,5', '' } qw(price-in price-out price-cached price-reasoning)),
    [ 'ChatModel m one label=', qr/^ChatModel label does not accept "": $LABEL/m ],
    [ 'ChatModel m one label=' . 'x' x 101, qr/^ChatModel label does not accept "x+": $LABEL/m ],
    [ "ChatModel m one \"label=a\tb\"", qr/^ChatModel label does not accept "a\\tb": $LABEL/m ],
    [ "ChatModel m one label=a\xff", qr/^ChatModel label does not accept "a\\xff": $LABEL/m ],
    [ 'ChatModel m one released=2024-02-29' ],
    (map { [ "ChatModel m one released=$_", qr/^ChatModel released does not accept "\Q$_\E": write a day as in 2026-11-28$/m ] }
        qw(2023-02-29 2024-13-01 2024-00-10 1970-01-01 24-07-18 2024-7-18 2024-07-18T00 20240718), ''),
    [ 'ChatModel m one tier=a,', qr/^ChatModel tier does not accept "": write a name of 1 to 64/m ],
    [ 'ChatModel m one "tier=a b"', qr/^ChatModel tier does not accept "a b": write a name of 1 to 64/m ],
    [ 'ChatModel m one alias=,a', qr/^ChatModel alias does not accept "": $MODEL/m ],
    [ 'ChatModel m one fallback=*', qr/^ChatModel fallback does not accept "\*": $MODEL/m ],
    [ 'ChatModel m one without=temperature,colour', qr/^ChatModel without does not accept "colour": $CAN/m ],
    [ 'ChatModel m one params=keep', qr/^ChatModel params does not accept "keep": write drop or refuse$/m ],

    [ 'ChatModelAllow *' ],
    [ 'ChatModelAllow gpt-4o-mini gpt-?o accounts/*:free' ],
    [ 'ChatModelAllow tier=free gpt-*' ],
    [ "ChatModelAllow tier=free gpt-*\nChatModelAllow claude-*" ],
    [ 'ChatModelAllow', qr/^ChatModelAllow takes 1 to 63 arguments: \[tier=NAME\] PATTERN/m ],
    [ 'ChatModelAllow tier=free', qr/^ChatModelAllow takes \[tier=NAME\] PATTERN/m ],
    [ 'ChatModelAllow tier= x', qr/^ChatModelAllow tier does not accept "": write a name of 1 to 64/m ],
    [ 'ChatModelAllow [a-z]*', qr/^ChatModelAllow does not accept "\[a-z\]\*": $PATTERN/m ],
    [ 'ChatModelAllow gpt-4o tier=free', qr/^ChatModelAllow does not accept "tier=free": $PATTERN/m ],
    [ 'ChatModelAllow ""', qr/^ChatModelAllow takes 1 to 63 arguments/m ],
);

# ---- lines together ----

my $AT = qr/at \S+:\d+/;

push @LINES, (
    [ join("\n", 'ChatModel m one', 'ChatModel m two') ],
    [ join("\n", 'ChatModel m one', 'ChatModel n one') ],
    [ join("\n", 'ChatModel m one alias=x', 'ChatModel m two alias=x') ],
    [ join("\n", 'ChatModel m one fallback=n,x', 'ChatModel n one alias=x') ],
    [ join("\n", 'ChatModel m one', vhost('a', 'ChatModel n two fallback=m')) ],
    [ join("\n", vhost('a', 'ChatModel m one'), vhost('b', 'ChatModel m one alias=n'), vhost('c', 'ChatModel n one')) ],

    [ join("\n", 'ChatModel m one', 'ChatModel m one'),
        qr/^CHAT0107: ChatModel m $AT has the provider one, as it already has $AT: write one of them$/m ],
    [ join("\n", 'ChatModel m one', vhost('a', 'ChatModel m one')),
        qr/^CHAT0107: ChatModel m $AT has the provider one/m ],
    [ 'ChatModel m nobody', qr/^CHAT0101: ChatModel with the provider "nobody" $AT: this server has no <ChatProvider nobody>$/m ],
    [ 'ChatModel m one fallback=n', qr/^CHAT0105: ChatModel m $AT has fallback=n, which is no other model of this server$/m ],
    [ 'ChatModel m one fallback=m', qr/^CHAT0105: ChatModel m $AT has fallback=m, which is no other model/m ],
    [ 'ChatModel m one alias=x fallback=x', qr/^CHAT0105: ChatModel m $AT has fallback=x, which is no other model/m ],
    [ join("\n", 'ChatModel m one fallback=n', vhost('a', 'ChatModel n one')),
        qr/^CHAT0105: ChatModel m $AT has fallback=n, which is no other model of this server$/m ],
    [ join("\n", 'ChatModel m one alias=n', 'ChatModel n one'),
        qr/^CHAT0106: ChatModel m $AT has alias=n, which stands for the model n $AT$/m ],
    [ join("\n", 'ChatModel m one alias=x', 'ChatModel n one alias=y,x'),
        qr/^CHAT0106: ChatModel n $AT has alias=x, which stands for the model m $AT$/m ],
    [ join("\n", 'ChatModel m one alias=n', vhost('a', 'ChatModel n one')),
        qr/^CHAT0106: ChatModel m $AT has alias=n, which stands for the model n $AT$/m ],
);

my $t = ChatTest->new;

# What follows the lines, for providers of their own.
sub judge ($conf, $name, $sentence = undef) {
    my ($ok, $said) = $t->configtest($conf);
    $name =~ s/\s*\n\s*/ | /g;
    $name =~ s/[^ -~]/?/g;
    $name = substr($name, 0, 70) . '...' if length $name > 73;
    return is $said, "Syntax OK\n", "accepted: $name" unless $sentence;
    ok !$ok && $said =~ $sentence, "refused with a sentence: $name" or diag $said;
}

judge(server($_->[0]), @$_) for @LINES;

judge(join("\n", 'ChatModel m own', vhost('a', @PROVIDERS[0 .. 3], '<ChatProvider own>', @PROVIDERS[1 .. 3])),
    'what stands for all hosts may be meant for one of them');
judge(join("\n", vhost('a', '<ChatProvider own>', @PROVIDERS[1 .. 3]), vhost('b', 'ChatModel m own')),
    'a host has not what its neighbour has', qr/^CHAT0101: ChatModel with the provider "own"/m);

# ---- who is asked to sign in ----

for my $route (qw(models health)) {
    my (undef, $said) = $t->configtest(server("<Location /x>\nSetHandler chat\nChatRoute $route\n</Location>"));
    is $said, "Syntax OK\n", "$route needs no ChatAuth and no ChatUse";
}
for my $route (qw(stream message completions)) {
    my (undef, $said) = $t->configtest(server("<Location /x>\nSetHandler chat\nChatRoute $route\n</Location>"));
    like $said, qr/CHAT0103: ChatRoute "$route" .* no ChatAuth says who may use it/, "$route without ChatAuth is hinted at";
}

done_testing;
