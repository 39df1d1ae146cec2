# SPDX-License-Identifier: Apache-2.0
#
# Policies, counted in this server's own table: requests, tokens, open streams,
# tiers, exemptions, what a directory changes, and what a client is told.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;
use JSON::PP;

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(modules => [qw(status rewrite)], conf => <<"END");
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  ${\$up->url}
    ChatProviderKey  env:CHAT_CANARY_KEY
    ChatProviderTimeout total=30s
</ChatProvider>
<Directory "%%HTDOCS%%">
    AllowOverride Limit
    Require all granted
</Directory>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
<Location /three>
    ChatLimit three 3/1h ip
</Location>
<Location /both>
    ChatLimit wide 100/1h ip
    ChatLimit narrow 2/1h ip
</Location>
<Location /team>
    ChatLimit team 1/1h "expr=%{HTTP:X-Team}"
</Location>
<Location /tiers>
    ChatLimitTier "%{HTTP:X-Plan}"
    ChatLimit free 1/1h ip tier=free
    ChatLimit paid 3/1h ip tier=paid
</Location>
<Location /models>
    ChatLimit dear 1/1h ip model=gpt-dear
</Location>
<Location /exempt>
    ChatLimit none-for-staff 1/1h ip
    ChatLimitExempt "expr=%{HTTP:X-Staff} == 'yes'"
</Location>
<Location /net>
    ChatLimit net 1/1h ip
    ChatLimitExempt net=127.0.0.0/8
</Location>
<Location /shadow>
    ChatLimit shady 1/1h ip shadow=on
</Location>
<Location /tokens>
    ChatLimit budget 1000/1h ip unit=tokens reserve=300
</Location>
<Location /cut>
    ChatLimit cutting 10000/1h ip unit=tokens reserve=40 cut=on
</Location>
<Location /open>
    ChatLimit at-once 2 ip unit=streams
</Location>
<If "%{HTTP:X-If} == 'tight'">
    ChatLimit if 1/1h ip
</If>
ChatLimit every 500/1h "expr=%{HTTP:X-Who}"
<Location /limits>
    ChatRoute limits
    Require all granted
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
END
mkdir $t->htdocs . "/$_" for qw(dir off);
$t->write_file('htdocs/dir/.htaccess', qq(ChatLimit every 2/1h "expr=%{HTTP:X-Who}"\n));
$t->write_file('htdocs/dir/chat', "x\n");
$t->write_file('htdocs/off/.htaccess', "ChatLimit every off\n");
$t->write_file('htdocs/off/chat', "x\n");
$t->start;
$t->expect_log(qr/CHAT0902: .* upstream=500 /);

sub ask ($path, %o) {
    my $mock = delete $o{mock} // { n => 1 };
    return $t->sse($path, { %{ $t->turn(%$mock) }, %{ delete $o{with} // {} } }, %o);
}

sub statuses ($n, $path, %o) {
    return join ' ', map { ask($path, %o)->{status} } 1 .. $n;
}

# ---- requests ----

is statuses(5, '/three'), '200 200 200 429 429', 'three of three pass, no more';
my $no = ask('/three');
is $no->{headers}{'content-type'}, 'application/json; charset=utf-8', 'a refusal is JSON';
is $no->{json}{code}, 'rate_limited', 'with a code';
like $no->{json}{message}, qr/"three" allows 3\b/, 'and a sentence that names the limit';
like $no->{headers}{'retry-after'}, qr/^\d+$/, 'Retry-After is an integer';
is $no->{json}{retryAfter}, $no->{headers}{'retry-after'}, 'as the body has it';
cmp_ok $no->{headers}{'retry-after'}, '<=', 3600, 'not after the window';
like $no->{headers}{'ratelimit-policy'}, qr/"three";q=3;w=3600/, 'RateLimit-Policy';
like $no->{headers}{ratelimit}, qr/"three";r=0;t=\d+/, 'RateLimit';
is $no->{headers}{'x-ratelimit-limit'}, 3, 'X-RateLimit-Limit';
is $no->{headers}{'x-ratelimit-remaining'}, 0, 'X-RateLimit-Remaining';
cmp_ok $no->{headers}{'x-ratelimit-reset'}, '>', time, 'X-RateLimit-Reset';

my $yes = ask('/both');
is $yes->{status}, 200, 'two policies allow the first';
like $yes->{headers}{ratelimit}, qr/"wide";r=99;t=\d+, "narrow";r=1;t=\d+/, 'a stream tells of both';
is statuses(3, '/both'), '200 429 429', 'the narrower one refuses';
like ask('/both')->{headers}{ratelimit}, qr/"wide";r=98;/, 'and then the wider one is not charged';

is statuses(2, '/team', headers => { 'X-Team' => 'red' }), '200 429', 'an expression is a key';
is statuses(1, '/team', headers => { 'X-Team' => 'blue' }), '200', 'each value for itself';

is statuses(2, '/tiers', headers => { 'X-Plan' => 'free' }), '200 429', 'a tier has its policy';
is statuses(4, '/tiers', headers => { 'X-Plan' => 'paid' }), '200 200 200 429', 'another has another';
is statuses(5, '/tiers'), '200 200 200 200 200', 'and none holds who has no tier';

is statuses(2, '/models', with => { model => 'gpt-dear' }), '200 429', 'a policy for one model';
is statuses(2, '/models', with => { model => 'gpt-cheap' }), '200 200', 'leaves the others alone';

is statuses(3, '/exempt', headers => { 'X-Staff' => 'yes' }), '200 200 200', 'the exempt pass';
is statuses(2, '/exempt'), '200 429', 'and have used nothing up';
is statuses(3, '/net'), '200 200 200', 'a network is exempt';
is statuses(3, '/shadow'), '200 200 200', 'a shadow refuses nobody';

is statuses(2, '/tiers', headers => { 'X-If' => 'tight' }), '200 429', '<If> adds a policy';

# ---- directories ----

my %who = (headers => { 'X-Who' => 'somebody' });
is statuses(3, '/dir/chat', %who), '200 200 429', '.htaccess lowers a limit for its directory';
is statuses(2, '/tiers', %who), '200 200', 'and for no other: there the outer one holds';
is statuses(1, '/dir/chat', %who), '429', 'though both count together, for a name is a counter';
my $off = ask('/off/chat');
is $off->{status}, 200, 'another lifts it';
ok !$off->{headers}{ratelimit}, 'and then no policy is left to tell of';

# ---- who is not let in, or says nothing sensible, pays nothing ----

my $left = sub { ask('/tiers')->{headers}{ratelimit} =~ /"every";r=(\d+)/ and $1 };
my $before = $left->();
is $t->post_json('/tiers', { messages => [] })->{status}, 400, 'an invalid request';
is $left->(), $before - 1, 'costs no point but the one of looking';

# ---- tokens ----

my $spent = sub { 1000 - (ask('/tokens', mock => { n => 1, usage => 0, status => 500 })->{headers}{ratelimit} =~ /"budget";r=(\d+)/ ? $1 : die) };
is ask('/tokens', mock => { n => 5 })->{status}, 200, 'a request with a budget';
is decode_json($up->last->{body})->{max_output_tokens}, 300, 'asks the provider for no more than was reserved';
is ask('/three-more', mock => { n => 1 })->{status}, 200, 'one without';
is decode_json($up->last->{body})->{max_output_tokens}, undef, 'says nothing of it';
# The look itself reserves, and gives it back: the provider refuses it.
my $reserved = $spent->();
my $again    = $spent->();
is $again, $reserved, 'what failed is given back whole';
my $aborted = ask('/tokens', mock => { n => 200, pace => 20, usage => 0 }, abort_after => 6);
wait_for(sub { $spent->() < $reserved + 200 }, 'an aborted stream gives back what it did not use', 10);
cmp_ok $spent->(), '>', $again, 'and is charged what it did use';
is join(' ', map { ask('/tokens', mock => { n => 1 }, with => { maxOutputTokens => 995 })->{status} } 1 .. 1), '429', 'what would not fit any more is refused before the call';

# ---- a budget ends a running answer ----

my $cut = ask('/cut', mock => { n => 400, size => 4 });
is $cut->{status}, 200, 'an answer begins';
my ($last) = grep { $_->{event} eq 'error' } @{ $cut->{events} };
ok $last, 'and ends with an event';
is decode_json($last->{data})->{code}, 'budget_exhausted', 'that says why' if $last;
ok !$cut->{clean}, 'not cleanly';
my $deltas = grep { ($_->{event} // '') =~ /delta$/ } @{ $cut->{events} };
cmp_ok $deltas, '>=', 30, 'not before the reservation was used';
cmp_ok $deltas, '<', 200, 'and not long after';

# ---- open at once ----

my @open = map { $t->connect } 1 .. 2;
my %long = (headers => { 'Content-Type' => 'application/json' }, body => encode_json($t->turn(n => 400, pace => 50)));
$_->send($_->request_text('POST', '/open', %long)) for @open;
wait_for(sub { $up->stats->{open} >= 2 }, 'two answers are open', 10);
my $third = ask('/open');
is $third->{status}, 429, 'a third is refused';
like $third->{headers}{'ratelimit-policy'}, qr/"at-once";q=2;qu="concurrent-requests"/, 'by what is open';
$_->close for @open;
wait_for(sub { ask('/open')->{status} == 200 }, 'there is room again when they are closed', 10);

# ---- telemetry ----

my $stats = decode_json($t->get('/limits')->{body});
my %row = map { $_->{name} => $_ } @{ $stats->{policies} };
is $row{three}{allowed}, 3, 'what a policy allowed';
cmp_ok $row{three}{refused}, '>=', 3, 'what it refused';
is $row{'none-for-staff'}{exempt}, 3, 'whom it had to let pass';
is $row{shady}{shadowed}, 2, 'what a shadow would have refused';
ok @{ $stats->{top} } > 0, 'the keys that asked most';
unlike encode_json($stats->{top}), qr/127\.0\.0\.1/, 'are not shown in clear';
like $t->get('/server-status?auto')->{body}, qr/^ChatLimit-three: 3 \d+ 0 0 0$/m, 'mod_status has the policies';
like $t->error_log, qr/CHAT1002: limit three refuses [0-9a-f]{16}: 3 of 3 used/, 'a refusal is logged';

$t->stop;
$up->stop;
done_testing;
