# SPDX-License-Identifier: Apache-2.0
#
# What a chat page asks before anything else: who somebody is, what holds for
# them, how the site presents itself; and which models there are, with those that
# other tiers may use.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats;
use JSON::PP ();

my $t = ChatTest::Chats->new(
    locations => {
        me => <<'END',
ChatPage "name=Chat of Grün & Co." accent=#0b6e4f logo=/logo.svg sign-in=https://app.example/sign-in?from=/chat
ChatPage sign-out=/api/auth/sign-out terms=https://example.org/terms privacy=/privacy
ChatPageSuggest "What, then?" "„Und?“"
ChatLimit minute 10/60s user
ChatLimit money 5/1d user unit=cost warn=20
ChatStreamOnLeave finish
ChatUsage on
ChatUserKeys allow
END
        usage => "ChatUsage on\n",
    },
    conf => <<'END',
ChatKeySecret file:keys.secret
ChatModel small openai price-in=0.1 price-out=0.4
ChatModel large openai tier=standard
ChatModel hidden openai
ChatModelDefault little
ChatModel little-one openai alias=little
<Location /api/v1/models>
    ChatRoute models
    ChatModelAllow small large little-one
</Location>
<Location /closed/me>
    ChatRoute me
    ChatStore off
    ChatAuth bearer
    ChatPage sign-in=/sign-in
</Location>
<Location /plain/me>
    ChatRoute me
    ChatStore off
</Location>
END
);
# The statement of one's own tells who somebody is, too.
$t->{conf} =~ s/0, column3 FROM/0, column3, upper(column1) || ' O''Hara', column1 || '\@example.test', 'javascript:x' FROM/ or die;
$t->write_file('keys.secret', 'k' x 43 . "\n", 0600);
$t->start;

# ---- who somebody is ----

my $res = $t->as('ann', 'GET', 'me');
is $res->{status}, 200, 'a user' or diag $res->{body};
my $me = $res->{json};
is_deeply [ @$me{qw(id role tier guest)} ], [ 'ann', 'user', 'free', JSON::PP::false ], '... with id, role and tier';
is_deeply [ @$me{qw(name email image)} ], [ "ANN O'Hara", 'ann@example.test', undef ], '... is called as the statement says, and has a picture only where that is a URL';
is_deeply $me->{features}, { uploads => JSON::PP::false, map { $_ => JSON::PP::true } qw(conversations changes shares keys usage) }, '... may have all there is';
is_deeply [ map { "$_->{name} $_->{unit} $_->{limit} $_->{remaining}" } $me->{limits}->@* ], [ 'minute requests 10 10', 'money usd 5 5' ],
    '... and knows how the limits stand, which this costs nothing of';
is $me->{onLeave}, 'finish', '... and what becomes of an answer that is left';
is_deeply $me->{brand}, { name => "Chat of Gr\x{fc}n & Co.", accent => '#0b6e4f', logo => '/logo.svg', termsUrl => 'https://example.org/terms', privacyUrl => '/privacy' },
    'the site shows itself';
is_deeply [ @$me{qw(signInUrl signOutUrl version)} ], [ 'https://app.example/sign-in?from=/chat', '/api/auth/sign-out', '0.1.0' ], '... and where to sign in and out';
is_deeply [ @{ $me->{clamps} }{qw(messageLength answerLength requestMessages title)} ], [ 4000, 65536, 200, 200 ], 'what can be sent is known before'
    or diag explain $me->{clamps};
is_deeply $me->{suggestions}, [ 'What, then?', "\x{201e}Und?\x{201c}" ], 'what may be asked is suggested';
like $res->{headers}{'cache-control'}, qr/no-store/, 'no cache keeps it';

$me = $t->as('', 'GET', 'me')->{json};
is_deeply [ @$me{qw(id name email image role guest)} ], [ (undef) x 5, JSON::PP::true ], 'a guest is nobody';
is $me->{uploads}, undef, '... and files are none';
is_deeply $me->{features}, { map { $_ => JSON::PP::false } qw(conversations changes shares keys usage uploads) }, '... of whom nothing is kept';
is_deeply [ $t->get('/plain/me')->{json}->@{qw(signInUrl)}, $t->get('/plain/me')->{json}{brand}{name} ], [ undef, 'Chat' ], 'without ChatPage there is a name';

$res = $t->get('/closed/me');
is $res->{status}, 401, 'where guests are not let in';
is $res->{json}{signInUrl}, '/sign-in', '... they are told where to sign in';
for my $path ('', '/export') {
    $res = $t->as('', $path ? ('GET', "me$path") : ('DELETE', 'me?confirm=all'));
    is $res->{status}, 401, "a guest has nothing stored: $path";
    is $res->{json}{signInUrl}, 'https://app.example/sign-in?from=/chat', '... and is told where to sign in';
}

# ---- models ----

sub models ($user, $args) {
    return map { $_->{id} => $_ } $t->as($user, 'GET', "models$args")->{json}{data}->@*;
}

my %models = models('ann', '');
is_deeply [ sort keys %models ], [qw(little-one small)], 'one sees what one may use';
ok $models{'little-one'}{default}, '... and which is asked where none is named, by whatever name';
ok !$models{small}{default}, '... the others are not';
%models = models('ann', '?locked=1');
is_deeply [ sort keys %models ], [qw(large little-one small)], 'a page can show what is for others, and nothing that is for nobody here';
is_deeply [ @{ $models{large} }{qw(available reason)} ], [ JSON::PP::false, { code => 'tier', tiers => ['standard'] } ], '... with the reason';
is_deeply [ @{ $models{small} }{qw(available reason)} ], [ JSON::PP::true, undef ], '... which the others have not';
is $t->as('ann', 'GET', 'models/large?locked=1')->{status}, 200, 'one of them likewise';
is $t->as('ann', 'GET', 'models/large')->{status}, 404, '... or it is not there';

$t->stop;

# ---- Redis is away ----

$t = ChatTest->new(conf => <<'END')->start;
ChatRedis redis://127.0.0.1:1
ChatLimit minute 10/60s ip fail=open
<Location /me>
    SetHandler chat
    ChatRoute me
    ChatAuth guest
</Location>
END
$res = $t->get('/me');
is $res->{status}, 200, 'without Redis a page begins all the same' or diag explain $res;
ok exists $res->{json}{limits} && !defined $res->{json}{limits}, '... and knows that it does not know the limits';
$t->allow_log(qr/CHAT10\d\d: /);
$t->stop;
done_testing;
