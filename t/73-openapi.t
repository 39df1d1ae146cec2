# SPDX-License-Identifier: Apache-2.0
#
# The document of the route openapi: it says what is mounted in this server and
# with which bounds, limits and identity; it is OpenAPI to a validator, gives the
# types that the page is built with, and schemathesis gets nothing from the
# server that is not in it. CHAT_FUZZ_EXAMPLES=100 lets that one ask for longer.
use v5.36;
use JSON::PP ();
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::OpenAPI;
use ChatTest::Upstream;

my $TYPES = "$FindBin::Bin/../src/page/api.d.ts";
my $why = ChatTest::OpenAPI::missing();
ChatTest::skip_or_fail($why) if $why;

my $up = ChatTest::Upstream->new(n => 3)->start;
my $t = ChatTest::OpenAPI->new(upstream => $up, conf => <<'END')->start;
<VirtualHost *>
    ServerName first.test
</VirtualHost>
<VirtualHost *>
    ServerName other.test
    <Location /only.json>
        ChatRoute openapi
    </Location>
    <Location /v1/models>
        SetHandler none
    </Location>
</VirtualHost>
END
my $res = $t->get('/openapi.json');
is $res->{status}, 200, 'there is a document' or diag $t->error_log;
my $doc = $res->{json};
is $doc->{openapi}, '3.1.0', '... of OpenAPI 3.1';

# ---- what is mounted ----

sub operation ($method, $path, $of = $doc) { return $of->{paths}{$path}{$method} }

is operation('post', '/api/v1/chat/stream')->{operationId}, 'stream', 'a location is its path';
is operation('get', '/api/v1/conversations/{conversationId}')->{operationId}, 'getConversation', 'what lies below it, too';
is operation('post', '/api/v1/brief')->{operationId}, 'stream_2', 'a second location of a route has a name of its own';
ok !exists $doc->{paths}{'/api/chat/{chatId}/stream'}, 'what needs ChatStore vercel is not there without';
my $other = $t->get('/only.json', headers => { Host => 'other.test' })->{json};
ok $other->{paths}{'/only.json'} && $other->{paths}{'/api/v1/me'}, 'a virtual host has its own places and those of all';
ok !$other->{paths}{'/v1/models'}, '... but for those that it takes away';
ok !$doc->{paths}{'/only.json'}, 'which others do not have';
is $t->get('/only.json')->{status}, 404, '... nor serve';

# ---- what holds there ----

sub schema ($method, $path) {
    my ($name) = operation($method, $path)->{requestBody}{content}{'application/json'}{schema}{'$ref'} =~ m{([^/]+)\z};
    return $doc->{components}{schemas}{$name};
}

is schema('post', '/api/v1/chat/stream')->{properties}{messages}{maxItems}, 200, 'a bound is that of the route';
is schema('post', '/api/v1/brief')->{properties}{messages}{maxItems}, 3, '... or what the configuration says';
ok !exists schema('post', '/v1/chat/completions')->{properties}{messages}{maxItems}, '... and is not there where there is none';
is_deeply operation('post', '/api/v1/message')->{'x-limits'}, [ { name => 'talk', unit => 'requests', limit => 1000000, seconds => 60 } ], 'limits are told';
my $cookie = { 'better-auth.session_token' => [] };
is_deeply operation('get', '/api/v1/usage')->{security}, [ $cookie, { bearer => [] } ], 'who may ask';
is_deeply operation('post', '/api/v1/chat/stream')->{security}, [ $cookie, { bearer => [] }, {} ], '... guests where they may';
is_deeply operation('get', '/api/v1/shared/{shareId}')->{security}, [], '... and everybody';
is_deeply [ grep { !$doc->{paths}{"/api/v1/admin$_"} } '/models/{modelName}', '/limits/{limitName}', '/users/{userId}/block', '/audit' ], [], 'administration is told';
is_deeply [ sort keys operation('post', '/api/v1/uploads')->{requestBody}{content}->%* ], [qw(application/json multipart/form-data)], 'a body may be of several types';
is $doc->{components}{securitySchemes}{'Stripe-Signature'}{in}, 'header', 'events of payments are signed';
my ($name) = operation('patch', '/api/v1/conversations/{conversationId}')->{responses}{412}{'$ref'} =~ m{([^/]+)\z};
is_deeply $doc->{components}{responses}{$name}{content}{'application/json'}{schema}{allOf}[1]{properties}{code}{enum}, ['precondition_failed'],
    'errors are told by their codes';

# ---- how it is asked for ----

like $res->{headers}{etag}, qr/\A"[0-9a-f]{32}"\z/, 'it has a tag';
is $t->get('/openapi.json', headers => { 'If-None-Match' => $res->{headers}{etag} })->{status}, 304, '... by which it is not sent again';
is $t->request('POST', '/openapi.json')->{status}, 405, 'it is read alone';
is $t->get('/openapi.json/x')->{json}{code}, 'not_found', 'nothing is below it';
my $no = $t->request('POST', '/api/limits');
is $no->{status}, 405, 'so is the route limits';
is $no->{headers}{allow}, 'GET, HEAD', '... which says so';

# ---- what others make of it ----

$t->write_file('openapi.json', JSON::PP->new->utf8->canonical->encode($doc));
my $file = $t->dir . '/openapi.json';
my ($said, $status) = ChatTest::OpenAPI::lint($file);
is $status, 0, 'a validator takes it' or diag $said;

($said, $status) = ChatTest::OpenAPI::types($file);
is $status, 0, 'it gives types' or diag $said;
$said = "/* SPDX-License-Identifier: Apache-2.0 */\n$said";
if ($ENV{CHAT_WRITE_TYPES}) {
    open my $fh, '>', $TYPES or die "$TYPES: $!\n";
    print $fh $said;
}
open my $fh, '<', $TYPES or die "$TYPES: $!\n";
my $kept = do { local $/; <$fh> };
ok $said eq $kept, 'src/page/api.d.ts is what it gives' or diag 'CHAT_WRITE_TYPES=1 prove t/73-openapi.t writes it anew';

# ---- schemathesis ----

my $long = $ENV{CHAT_FUZZ_EXAMPLES};
$t->allow_log(qr/CHAT0801: /, qr/CHAT0888: /, qr/AH00135: /, qr/AH\d+: /);
my @checks = qw(not_a_server_error status_code_conformance content_type_conformance response_schema_conformance response_headers_conformance
    unsupported_method allow_header_conformance negative_data_rejection use_after_free);
# An invented name is that of nothing: these are of what is there. What is deleted
# would not be there for the others.
my $upload = $t->as('ann', 'POST', 'uploads', json => { filename => 'a', mediaType => 'text/plain', size => 1 });
is $upload->{status}, 201, 'a file is announced' or diag $upload->{body};
my %there = (modelName => 'm', limitName => 'talk', userId => 'bob', uploadId => $upload->{json}{id});
my $real = JSON::PP->new->utf8->decode($t->slurp('openapi.json'));
my $about = 0;
for my $operation (map { grep { ref eq 'HASH' && $_->{operationId} } values %$_ } values $real->{paths}->%*) {
    my ($id) = grep { $_->{in} eq 'path' && $there{ $_->{name} } } $operation->{parameters}->@*;
    next if !$id || $operation->{operationId} eq 'deleteUpload';
    $id->{schema} = { enum => [ $there{ $id->{name} } ] };
    $about++;
}
cmp_ok $about, '>', 10, 'operations have names of what is there';
$t->write_file('there.json', JSON::PP->new->utf8->canonical->encode($real));
my @fuzz = ('--checks', join(',', @checks), '--continue-on-failure', '--no-shrink', '--request-retries', 2);
if ($long) {
    ($said, $status) = $t->fuzz($file, @fuzz, '--phases', 'coverage,fuzzing,stateful', '--max-examples', $long);
    is $status, 0, 'schemathesis finds nothing that is not said' or diag substr $said, -20_000;
}
($said, $status) = $t->fuzz($t->dir . '/there.json', @fuzz, '--phases', 'fuzzing', '--max-examples', $long // 2, '--seed', 1);
is $status, 0, '... nor of what is there' or diag substr $said, -20_000;
my ($cases) = $said =~ /(\d+) generated/;
cmp_ok $cases, '>', 56, "... of $cases requests";
# Where a schema says all that is looked at, it says it rightly.
if ($long) {
    ($said, $status) = $t->fuzz($file, '--checks', 'positive_data_acceptance', '--no-shrink', '--phases', 'fuzzing',
        '--max-examples', $long, map { ('--include-operation-id', $_) } qw(rateMessage correctMessage));
    is $status, 0, 'what a schema accepts the server does, too' or diag substr $said, -20_000;
}

$t->stop;
$up->stop;
done_testing;
