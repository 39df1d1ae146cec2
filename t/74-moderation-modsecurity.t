# SPDX-License-Identifier: Apache-2.0
#
# Beside mod_security with the rules of the CRS, both as Debian has them: what is
# asked is where their rules look, and streams are streams.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Snippets;
use ChatTest::Upstream;
use JSON::PP ();

my $JSON    = JSON::PP->new->utf8->canonical;
chomp(my $modules = qx(apxs -q LIBEXECDIR));
my $crs = '/usr/share/modsecurity-crs/rules';
skip_or_fail("needs libapache2-mod-security2 and modsecurity-crs: script/deps.sh test")
    unless -e "$modules/mod_security2.so" && -d $crs;

my $up = ChatTest::Upstream->new->start;

# The blocks of docs/modsecurity.md, for locations of another name.
open my $page, '<', "$FindBin::Bin/../docs/modsecurity.md" or die $!;
my ($limits, $exclusion, $note, $off) = map { $_->{text} } ChatTest::Snippets::of('docs/modsecurity.md', do { local $/; <$page> });
sub at ($path, $text) { return $text =~ s{/api/v1/chat}{$path}gr }

# As Debian includes it, with an engine that is on, and types that would hold streams.
my $engine = <<"END";
SecDataDir %%DIR%%
SecTmpDir %%DIR%%
${limits}SecRequestBodyLimitAction Reject
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:'200001',phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!\@eq 0" "id:'200002',phase:2,t:none,log,deny,status:400"
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml text/event-stream application/json
SecAuditEngine Off
SecStreamInBodyInspection On
Include /etc/modsecurity/crs/crs-setup.conf
@{[ at('/chat/', $exclusion) ]}
Include $crs/*.conf
END

my $locations = <<"END";
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute stream
ChatModelDefault mock-1
ChatUse mock
ChatAuth guest
ChatRequestNote on
SecResponseBodyAccess Off
# Prompts are looked at like everything else.
<Location /strict>
</Location>
# People may talk about SQL; what they may not is a rule of the site's own.
@{[ at('/chat', $note) ]}# The same without the note.
<Location /silent>
    ChatRequestNote off
    SecRule ENV:CHAT_PROMPT "\@rx ." "id:1004,phase:2,deny,status:422"
</Location>
# Nothing of an answer is looked at: streams hold no thread.
@{[ at('/parked', $off) ]}# A rule that changes the body.
<Location /changes>
    SecRule STREAM_INPUT_BODY "\@rsub s/(?i)magic word/m***c w**d/" "id:1006,phase:2,pass,nolog"
</Location>
<Location /openai>
    ChatRoute openai
    ChatRequestFormat provider
    SecRule ENV:CHAT_PROMPT "\@rx (?i)open\\s+sesame" "id:1008,phase:2,deny,status:422"
</Location>
END

my %order = (
    'mod_security first' => ChatTest->new(modules => [qw(unique_id security2)], conf => "$engine$locations"),
    'mod_chat first'     => ChatTest->new(conf => "LoadModule unique_id_module $modules/mod_unique_id.so\n"
        . "LoadModule security2_module $modules/mod_security2.so\n$engine$locations"),
);

my $attack = q{1' UNION SELECT password FROM users WHERE '1'='1' --};

for my $order (sort keys %order) {
    my $t = $order{$order};
    $t->start;
    $t->allow_log(qr/ModSecurity: /, qr/CHAT0514: /);
    my $ask = sub ($path, $text, %o) {
        return $t->sse($path, { messages => [ @{ $o{before} // [] }, { role => 'user', content => $text } ] });
    };

    is $ask->('/strict/stream', 'Hello there')->{status}, 200, "$order: a question that no rule of the CRS knows";
    my $no = $ask->('/strict/stream', $attack);
    is $no->{status}, 403, '... an attack is refused';
    like $t->wait_log(qr/ModSecurity: Access denied with code 403.*/) // '', qr/phase 2/, '... in the phase in which the CRS looks';
    is $ask->('/chat/stream', $attack)->{status}, 200, '... where people may speak of them it is a question';

    is $ask->('/chat/stream', 'Open  Sesame!')->{status}, 422, 'a rule about CHAT_PROMPT has what the user says';
    is $ask->('/chat/stream', 'Open the door', before => [ { role => 'user', content => 'open sesame' }, { role => 'assistant', content => 'No.' } ])->{status},
        200, '... last, and nothing else';
    is $t->sse('/openai/v1/responses', { model => 'mock-1', input => [ { role => 'user', content => [ { type => 'input_text', text => 'open sesame' } ] } ] })->{status},
        422, '... in the words of a provider, too';
    is $ask->('/chat/stream', 'please', before => [ { role => 'user', content => 'open sesame' } ])->{status}, 422, '... in several messages';
    {
        my %fine = (model => 'mock-1', input => [ { role => 'user', content => 'Open the door' } ]);
        my $said = sub (%more) { return $t->sse('/openai/v1/responses', { %fine, %more })->{status} };
        is $said->(), 200, 'a request of one form';
        is $said->(messages => [ { role => 'user', content => 'open sesame' } ]), 422, '... that has another beside it hides nothing';
        is $said->(prompt => { id => 'p', variables => { what => 'open sesame' } }), 422, '... nor has a template';
        is $said->(input => [ { role => 'user', parts => [ { text => 'Open' } ], content => 'open sesame' } ]), 422, '... nor a message of two forms';
        is $said->(input => [ { role => 'user', content => [ { type => 'input_file', filename => 'open sesame.pdf', file_data => 'AA' } ] } ]),
            422, '... nor a part of another kind';
    }
    is $ask->('/silent/stream', 'open sesame')->{status}, 200, '... and nothing without ChatRequestNote';

    my $changed = $ask->('/changes/stream', 'the magic word, please');
    is $changed->{status}, 200, 'a rule may change the body';
    like $up->last->{body}, qr/the m\*\*\*c w\*\*d, please/, '... and what it made of it is asked';

    my $bad = $t->request('POST', '/chat/stream', body => '{"messages":[', headers => { 'Content-Type' => 'application/json' });
    is $bad->{status}, 500, 'what is no JSON mod_security refuses, in its own way';
    my $big = $ask->('/chat/stream', 'x' x 1_200_000);
    is $big->{status}, 413, '... and so is what is too long';

    # A slow answer: its first piece is there long before its last.
    my $slow = $ask->('/chat/stream', 'mock(n=6;pace=200)');
    my @events = $slow->{events}->@*;
    like $events[-1]{data}, qr/"type":"done"/, 'a slow answer comes to its end';
    cmp_ok $events[-1]{at} - $events[0]{at}, '>', 0.6, '... and began long before';
    like $t->wait_log(qr/CHAT0514: .*/) // '', qr/modsecurity_out/, '... on a thread of its own';
    my $mark = $t->mark;
    $slow = $ask->('/parked/stream', 'mock(n=3;pace=100)');
    like $slow->{events}[-1]{data}, qr/"type":"done"/, 'without an engine that looks at answers it is the same';
    unlike $t->error_log($mark), qr/CHAT0504/, '... and on none';
    is $ask->('/parked/stream', $attack)->{status}, 403, '... while questions are looked at';
    unlike $t->error_log, qr/chat:.*(?:UNION|sesame|magic word)/i, 'no line of mod_chat has what was asked';
    $t->stop;
}
$up->stop;
done_testing;
