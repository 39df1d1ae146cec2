# SPDX-License-Identifier: Apache-2.0
#
# Nobody's text is told to anybody: lists, services and policies of abuse are all
# at work, at the highest level of logging, and what the server writes or tells of
# it in any way is searched for words of questions, answers, lists and reasons.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use ChatTest;
use ChatTest::Answers;
use ChatTest::Moderator;

# What takes traces, and keeps their bytes.
package Collector {
    use parent -norequire, 'ChatTest::Script';

    sub steps ($self, $head, $body) {
        open my $fh, '>>:raw', "$self->{dir}/traces" or die $!;
        syswrite $fh, $body;
        return ChatTest::Answers::whole(200, ['Content-Type: application/x-protobuf'], '');
    }
}

my $JSON = JSON::PP->new->utf8->canonical;

sub said (@texts) {
    return ChatTest::Answers::stream((map { 'data: ' . $JSON->encode({ choices => [ { index => 0, delta => { content => $_ } } ] }) . "\n\n" } @texts), "data: [DONE]\n\n");
}

# Each is a word of its own, so that it is known whose it was.
my $odd = ChatTest::Answers->new(
    fine  => said('quagga ', 'quokka'),
    bad   => said('quagga is not ', 'axo', 'lotl'),
    dark  => said('quagga is bad, and quokka'),
    swap  => said('quagga and ', 'pango', 'lin'),
)->start;
my $service = ChatTest::Moderator->start;
my $traces = Collector->new->start;
my @SECRET = qw(quagga quokka axolotl axo lotl pangolin numbat tapir ocelot narwhal zzzz okapi sk-silence);

my $t = ChatTest->new(
    modules   => ['status'],
    env       => { HOOK_KEY => 'sk-silence-0123456789' },
    log_level => 'trace8',
    conf      => <<"END");
LogFormat "%{CHAT_MODERATION}e %U %{CHAT_REQUEST_ID}e" moderated
CustomLog moderated.log moderated
ChatLog chat.json
ChatTraceExport http://127.0.0.1:${\$traces->port} delay=20ms
<ChatProvider odd>
  ChatProviderType deepseek
  ChatProviderURL ${\$odd->url}
  ChatProviderKey env:HOOK_KEY
  ChatProviderBreaker off
</ChatProvider>
SetHandler chat
ChatAuth guest
ChatUse odd
ChatModelDefault x
ChatRoute stream
ChatTrace on
ChatModerationList words file:%%DIR%%/words.txt
ChatModerationList swaps file:%%DIR%%/swaps.txt action=replace
ChatModerationList flags file:%%DIR%%/flags.txt action=flag match=substring
ChatModerationList slow file:%%DIR%%/slow.txt match=regex in=input
ChatAbuse repeats=3/1h
ChatAbuse invisible=10%
ChatAbuse blocks=1000/1h then=ban:1s
<Location /guarded>
  ChatModerationURL guard ${\$service->url} key=env:HOOK_KEY in=input,output timeout=500ms
</Location>
<Location /server-status>
  SetHandler server-status
</Location>
<Location /metrics>
  ChatRoute metrics
</Location>
END
$t->write_file(@$_) for [ 'words.txt', "axolotl\ntapir\n" ], [ 'swaps.txt', "pangolin\n" ], [ 'flags.txt', "numbat\n" ], [ 'slow.txt', "(z+)+\$\nocelot\n" ];
$t->expect_log(qr/CHAT0847/, qr/CHAT0848/);
$t->start;

my %seen;

sub ask ($path, $text) {
    my $res = $t->post_json($path, { messages => [ { role => 'user', content => $text } ] });
    $seen{ ($res->{body} =~ /"code":"(\w+)"/)[0] // $res->{status} }++;
    return;
}

for my $path ('/plain', '/guarded') {
    ask($path, $_) for 'answer(fine) narwhal', 'answer(bad) narwhal', 'answer(swap) narwhal', 'so tapir', 'my pangolin answer(fine)',
        'a numbat answer(fine)', 'an ocelot', 'z' x 60 . '!', map({ 'answer(fine) okapi' } 1 .. 4), "narwhal" . "\x{2063}" x 20;
}
ask('/guarded', $_) for 'something bad, narwhal', 'answer(fine) an odd narwhal', 'answer(fine) a secret narwhal', 'answer(dark) narwhal', 'be-silent narwhal',
    'answer(fine) narwhal', 'be-broken narwhal', 'answer(fine) narwhal again';
ok $seen{$_}, "there was $_" for qw(200 content_blocked moderation_unavailable repeated_prompt invisible_characters);
ok wait_for('traces', sub { ($traces->read_file('traces') // '') =~ /chat\.moderation\.verdict/ }), 'there are traces of it';

my %told = map { s{.*/}{}r => $t->slurp($_ =~ s{.*/}{}r) } glob "$t->{dir}/*.log $t->{dir}/*.json";
$told{$_} = $t->get($_)->{body} for '/server-status', '/server-status?auto', '/metrics';
$t->stop;
$told{'error.log, at its end'} = $t->error_log;
$told{traces} = $traces->read_file('traces');
like $told{'error.log'}, qr/moderation=$_/, "the log has $_" for qw(flag replace block error);
for my $name (sort keys %told) {
    my @found = grep { $told{$name} =~ /\b\Q$_\E/i } @SECRET;
    is "@found", '', "$name has " . length($told{$name}) . ' bytes, and no word of anybody';
}
like $told{'/server-status?auto'}, qr/^ChatModeration-words-input: [1-9]/m, 'while the numbers are there';
like $told{'chat.json'}, qr/"chat.moderation.by":"guard"/, '... and the names of those who looked';
done_testing;
