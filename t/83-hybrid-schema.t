# SPDX-License-Identifier: Apache-2.0
#
# Which bodies POST /api/chat takes: those that the chat template's own schema
# takes. Who has no cookie is told of a bad body first, so that a 401 says that
# the body is one.
use v5.36;
use utf8;
use Test::More;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Hybrid;

my $JSON = JSON::PP->new->utf8->canonical;
my $UUID = '0f9619ff-8b86-4d01-b42d-00cf4fc964ff';
my @bodies;

sub part (%o) { return { type => 'text', text => 'hi', %o } }
sub file (%o) { return { type => 'file', mediaType => 'image/png', name => 'a.png', url => 'https://example.test/a.png', %o } }

sub body (%o) {
    my $message = delete $o{message};
    my %body = (id => $UUID, message => { id => $UUID, role => 'user', parts => [ part() ] },
        selectedChatModel => 'chat-model', selectedVisibilityType => 'private', %o);
    $body{message} = { $body{message}->%*, %$message } if $message;
    return $JSON->encode(\%body);
}

sub without ($key) {
    my $body = $JSON->decode(body());
    delete $body->{$key};
    return $JSON->encode($body);
}

sub parts (@parts) { return body(message => { parts => \@parts }) }

push @bodies, body(), body(more => 1), body(message => { more => 1 }), parts(part(more => 1));
push @bodies, map { without($_) } qw(id message selectedChatModel selectedVisibilityType);
push @bodies, map { body(id => $_) } undef, 7, '', 'x', uc $UUID, "$UUID ", "x$UUID", substr($UUID, 1), $UUID =~ tr/-/_/r,
    '00000000-0000-0000-0000-000000000000', '0f9619ff8b864d01b42d00cf4fc964ff', '0f9619ff-8b86-4d01-b42d-00cf4fc964fg';
push @bodies, map { body(message => { id => $_ }) } undef, 'x', uc $UUID, [];
push @bodies, map { body(message => { role => $_ }) } undef, 'assistant', 'User', ['user'];
push @bodies, map { body(message => { parts => $_ }) } undef, 'x', {}, [], [7], [[]], [undef];
push @bodies, map { body(selectedChatModel => $_) } undef, 7, '', 'any model';
push @bodies, map { body(selectedVisibilityType => $_) } undef, '', 'public', 'PUBLIC', 'hidden';
push @bodies, map { body(message => $_) } {}, { parts => [ part(), file() ] };
push @bodies, $JSON->encode({ $JSON->decode(body())->%*, message => $_ }) for undef, [], 'x', 7;
push @bodies, map { parts(part(text => $_)) } undef, 7, '', ' ', 'x' x 2000, 'x' x 2001, '€' x 2000, '€' x 2001, "\x{1f600}" x 1000, "\x{1f600}" x 1001;
push @bodies, map { parts(part(type => $_)) } undef, 'file', 'Text', 'reasoning';
push @bodies, map { parts(file(mediaType => $_)) } undef, 'image/jpeg', 'image/gif', 'image/PNG';
push @bodies, map { parts(file(name => $_)) } undef, '', 'x' x 100, 'x' x 101;
push @bodies, parts(part(), {}), parts({ part()->%*, file()->%* }), parts({ file()->%*, text => 'hi' }), parts(map { part() } 1 .. 300);
push @bodies, map { parts(file(url => $_)) } undef, 7, '', 'x', '/a.png', '//host/a', 'http://', 'http:///x', 'http:x', 'HTTP:x.y', ' data:x ',
    'data:image/png;base64,AAAA', 'a:', '1:', ':x', 'http://a b', 'http://a%20b', 'http://[::1]/', 'http://[::1', 'http://[]/', 'http://[::1]x/', 'http://ex^ample',
    'http://exa<mple/', 'https://?x', 'https://#x', 'https:/x', 'blob:x', 'http://a:99999', 'http://a:65535', 'http://a:80b', 'http://a:', 'http://u@',
    'http://u:p@host/', 'http://a|b', 'ftp://', 'ftp://x', 'javascript:alert(1)', 'foo://', 'foo://h:80x/', 'foo:// x', 'foo:x y', 'http://ａ.com/', 'file:',
    'file:///x', "ht\ntp://x", "http://x\ty/", 'x y:z', 'https://example.test/ä b?q#f', 'wss:\\\\host\\x', 'http://h/%zz', 'http://h?a b';
push @bodies, '', 'null', '[]', '7', '"x"', '{', body() . ',', body() . 'x', '{"a":1,}', "\x{feff}" =~ s/(.)/\xef\xbb\xbf/r . body();
push @bodies, body() =~ s/"id":"[^"]+"/"id":"x","id":"$UUID"/r, body() =~ s/"id":"[^"]+"/"id":"$UUID","id":"x"/r;

my @takes = ChatTest::Hybrid::takes(map { my $text = $_; utf8::decode($text); $text } @bodies);
my $t = ChatTest::Hybrid->new(app => 'http://127.0.0.1:1', where => "ChatStoreLimit text=2000\n")->start;
my (@other, $conn);
for my $i (0 .. $#bodies) {
    my $res = $t->request('POST', '/api/chat', body => $bodies[$i], headers => { 'Content-Type' => 'application/json' });
    my $wants = $takes[$i] ? 'unauthorized:chat' : 'bad_request:api';
    push @other, "$bodies[$i]: $res->{status} $res->{body}" unless $res->{status} == ($takes[$i] ? 401 : 400) && $res->{json}{code} eq $wants;
}
is "@other", '', scalar(@bodies) . ' bodies have the verdict of the template, ' . (grep { $_ } @takes) . ' of them a yes' or diag join "\n", map { substr $_, -300 } @other;
cmp_ok scalar(grep { $_ } @takes), '>', 40, '... and not all of them a no';

my $long = $t->request('POST', '/api/chat', body => body(message => { parts => [ part(text => 'x' x 2001) ] }), headers => { 'Content-Type' => 'application/json' });
is $long->{status}, 400, 'a text of 2001 units is too long';
$t->reload($t->{conf} =~ s/text=2000/text=2001/r);
$long = $t->request('POST', '/api/chat', body => body(message => { parts => [ part(text => 'x' x 2001) ] }), headers => { 'Content-Type' => 'application/json' });
is $long->{status}, 401, '... unless ChatStoreLimit says that the schema of this app takes it';

my $nul = $t->request('POST', '/api/chat', body => body() =~ s/"hi"/"\\u0000"/r, headers => { 'Content-Type' => 'application/json' });
is $nul->{status}, 400, 'a NUL, which PostgreSQL could not keep, is refused here';
is $t->request('PUT', '/api/chat', body => '{}')->{status}, 405, 'no other method';
is $t->request('POST', '/api/chat', body => body(), headers => { 'Content-Type' => 'text/plain' })->{status}, 415, 'no other type: a form on a foreign page could send it';
$t->stop;
done_testing;
