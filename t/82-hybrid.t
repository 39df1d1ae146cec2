# SPDX-License-Identifier: Apache-2.0
#
# A chat application made with Next.js and the AI SDK (t/real/hybrid, its
# production build) behind Apache: pages get its answers as they are, it is
# shown a token that it accepts, and it sees a page that leaves.
use v5.36;
use Test::More;
use FindBin;
use File::Temp ();
use IO::Socket::INET;
use IPC::Open2;
use JSON::PP ();
use POSIX ();
use lib "$FindBin::Bin/lib";
use ChatTest;

my ($APP, $SDK) = map { "$FindBin::Bin/real/$_" } qw(hybrid ui-message);
my $JSON = JSON::PP->new->utf8->canonical;

# Built when it is not, or not of these sources. Next.js that cannot is a failure.
sub build () {
    my $built = (stat "$APP/.next/BUILD_ID")[9] // 0;
    my @sources = map { (stat $_)[9] } glob "$APP/*.json $APP/*.mjs $APP/app/*.js $APP/app/*/*/*/*.js $APP/lib/*.js";
    return if !grep { $_ > $built } @sources;
    note 'the application is built, which takes a while';
    my $said = qx(cd '$APP' && NEXT_TELEMETRY_DISABLED=1 npm run --silent build 2>&1);
    die "Next.js cannot build t/real/hybrid:\n$said" if $?;
}

for my $dir ($APP, $SDK) {
    ChatTest::skip_or_fail("npm ci in $dir") unless -d "$dir/node_modules";
}
build();

# ---- the application ----

my $SECRET = 'the secret of the web server and its application';
my $log = File::Temp->new;

sub start_app () {
    my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
    my $port = $probe->sockport;
    close $probe;
    my $pid = fork // die $!;
    if (!$pid) {
        chdir $APP or die $!;
        @ENV{qw(NEXTJS_INTERNAL_SECRET NEXTJS_INTERNAL_TOKEN NEXT_TELEMETRY_DISABLED)} = ($SECRET, 'a-token-of-the-web-server', 1);
        open STDOUT, '>&', $log;
        open STDERR, '>&', $log;
        exec('node', 'node_modules/next/dist/bin/next', 'start', '-p', $port, '-H', '127.0.0.1') or POSIX::_exit(1);
    }
    ChatTest::wait_for('Next.js to listen', sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }, ChatTest::scaled(60));
    return ($pid, $port);
}

my ($pid, $port) = start_app();
END { kill TERM => $pid if $pid }

my $secret = File::Temp->new;
print $secret "$SECRET\n";
close $secret;
my $token = File::Temp->new;
print $token "a-token-of-the-web-server\n";
close $token;
my $other = File::Temp->new;
print $other "another secret, which the application does not know\n";
close $other;

my %key = (jwt => "jwt:file:$secret", fixed => "file:$token", forged => "jwt:file:$other", none => undef);
my $t = ChatTest->new(conf => join "\n", '<Location />', 'SetHandler chat', 'ChatRoute ui-message', 'ChatAuth guest', '</Location>',
    map { ("<ChatProvider $_>", 'ChatProviderType app', "ChatProviderURL http://127.0.0.1:$port", ($key{$_} ? "ChatProviderKey $key{$_}" : ()), 'ChatProviderBreaker off', '</ChatProvider>',
        "<Location /$_>", "ChatUse $_", '</Location>') } sort keys %key)->start;

# ---- pages ----

my ($from, $to);
my $node = open2($from, $to, "cd $SDK && exec node chat.mjs");
$to->autoflush(1);

sub chat ($path, %job) {
    print $to $JSON->encode({ version => 6, ($path ? (api => $t->url($path)) : ()), %job }), "\n";
    local $SIG{ALRM} = sub { die "the SDK does not come back\n" };
    alarm ChatTest::scaled(60);
    my $line = <$from> // die "the SDK has ended\n";
    alarm 0;
    return $JSON->decode($line);
}

# The application keeps its usage in the message.
sub parts ($result) {
    return [ grep { $_->{type} ne 'data-usage' } $result->{messages}[1]{parts}->@* ];
}

my @events = ({ reasoning => 'Hm' }, { text => 'Gr' }, { text => "\x{fc}\x{df}e" });
my $text = JSON::PP->new->canonical->encode(\@events);
for my $version (5, 6, 7) {
    my $ours = chat('/jwt', version => $version, text => $text);
    my $theirs = chat(undef, version => $version, text => $text, events => \@events);
    delete $_->{id} for grep { $_->{type} eq 'reasoning' } map { parts($_)->@* } $ours, $theirs;
    is_deeply parts($ours), parts($theirs), "version $version: the message of the application is what its page would have" or diag explain $ours;
    is $ours->{status}, 'ready', '... and no error';
}
is_deeply parts(chat('/fixed', text => '[{"text":"hi"}]')), [ { type => 'step-start' }, { type => 'text', text => 'hi', state => 'done' } ], 'a fixed token is accepted, too';

# ---- tools ----

{
    my $got = chat('/jwt', text => '[{"tool":"weather","id":"c1","input":{"city":"Kyiv"}}]');
    my ($call) = grep { $_->{type} eq 'tool-weather' } parts($got)->@*;
    is_deeply $call->{output}, { city => 'Kyiv', celsius => -3 }, 'a tool of the application is run there';
    is parts($got)->[-1]{text}, 'I have asked.', '... and the answer goes on';
    $got = chat('/jwt', text => '[{"tool":"askUser","id":"c2","input":{"question":"Where?"}}]', output => 'Here.');
    ($call) = grep { $_->{type} eq 'tool-askUser' } parts($got)->@*;
    is $call->{output}, 'Here.', 'a tool of the page is run there';
    is parts($got)->[-1]{text}, 'I have asked.', '... and the application is told';
    is scalar $got->{messages}->@*, 2, '... in the same message';
}

# ---- what is no answer ----

for my $wrong (qw(forged none)) {
    my $got = chat("/$wrong", text => 'hi');
    is $got->{status}, 'error', "$wrong: no token, no answer";
    is $JSON->decode($got->{error})->{code}, 'upstream_auth', '... and the page learns that the server is to blame';
}
{
    my $got = chat('/jwt', text => '[{"fail":"the model is down"}]');
    is $got->{error}, 'An error occurred.', 'an error of the application is its own';
}

# ---- a page that leaves ----

{
    my $res = $t->post_json('/jwt', { id => 'c', messages => [ { id => 'u', role => 'user', parts => [ { type => 'text', text => '[{"wait":200,"text":"a"},' . join(',', ('{"text":"b"}') x 200) . ']' } ] } ] }, abort_after => 6);
    is scalar $res->{events}->@*, 6, 'a page leaves in the middle';
    like $t->wait_access(qr/outcome=cancelled/), qr/provider=jwt/, '... and the call of the application ends';
}

$t->allow_log(qr/CHAT0902: /);
close $to;
waitpid $node, 0;
kill TERM => $pid;
waitpid $pid, 0;
$pid = 0;
$t->stop;
done_testing;
