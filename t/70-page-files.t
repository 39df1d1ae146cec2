# SPDX-License-Identifier: Apache-2.0
#
# conf/chat-page.conf: the files of the chat page as browsers get them, compressed
# or not, with every header that keeps strangers out; below a path of the site, and
# at its root beside the API, whose answers have none of all that. docs/page.md shows
# how it is included.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Client;
use ChatTest::Snippets;

my $SAMPLE = "$FindBin::Bin/../conf/chat-page.conf";
my $JS = "export const words = [\"one\", \"two\"];\n" x 200;

my ($block) = grep { $_->{lang} eq 'apache' } ChatTest::Snippets::of('docs/page.md', do { local (@ARGV, $/) = "$FindBin::Bin/../docs/page.md"; <> });
is scalar(my @lines = split /\n/, $block->{text}), 1, 'one line serves the page';
my $INCLUDE = $block->{text} =~ s{^Include \K\S+}{"$SAMPLE"}mr;

my $t = ChatTest->new(modules => [qw(alias headers mime rewrite)]);
my $dir = $t->dir . '/page files';
mkdir $_, 0755 or die "$_: $!\n" for $dir, "$dir/assets";
$t->write_file('page files/index.html', "<!doctype html><title>Chat</title>\n");
$t->write_file("page files/assets/$_->[0]", $_->[1])
    for [ 'index-Ab_1-x.js', $JS ], [ 'index-Ab_1-x.js.gz', 'as gzip' ], [ 'index-Ab_1-x.js.br', 'as br' ], [ 'style-1.css', 'p{}' ],
    [ 'style-1.css.gz', 'as gzip' ], [ 'math-1.woff2', 'font' ], [ 'plain-1.js', $JS ];
$t->write_file('secret.txt', 'secret');
$t->{conf} = <<"END";
# As distributions have it: what would make another type of a name that ends in .gz.
TypesConfig "%%DIR%%/mime.types"
AddType application/x-gzip .gz
Define CHAT_PAGE_DIR "$dir"
$INCLUDE<Location /api/v1/me>
    SetHandler chat
    ChatRoute me
    ChatAuth guest
</Location>
END
$t->start;

my $client = ChatTest::Client->new(port => $t->port);

sub get ($path, @headers) {
    $client->request('GET', $path, headers => [@headers]);
    return $client->response;
}

sub has ($res, %headers) {
    is $res->{headers}{ lc $_ }, $headers{$_}, "... $_" for sort keys %headers;
}

# ---- below a path ----

my $res = get('/chat');
is $res->{status}, 308, 'a path without its last slash';
like $res->{headers}{location}, qr{/chat/\z}, '... leads to the page';

my %guards = (
    'Content-Security-Policy' => "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
        . "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        . "require-trusted-types-for 'script'; trusted-types 'none'",
    'Cross-Origin-Opener-Policy' => 'same-origin',
    'Referrer-Policy' => 'no-referrer',
    'Permissions-Policy' => 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
    'X-Content-Type-Options' => 'nosniff',
);
for my $path (qw(/chat/ /chat/index.html)) {
    $res = get($path);
    is "$res->{status} $res->{body}", "200 <!doctype html><title>Chat</title>\n", $path;
    has($res, %guards, 'Content-Type' => 'text/html; charset=utf-8', 'Cache-Control' => 'no-cache');
}
is get('/chat/', 'If-None-Match' => $res->{headers}{etag})->{status}, 304, '... which is asked for again, and is the same';

$res = get('/chat/assets/index-Ab_1-x.js');
is "$res->{status} $res->{body}", "200 $JS", 'an asset as it is';
has($res, %guards, 'Content-Type' => 'text/javascript; charset=utf-8', 'Cache-Control' => 'public, max-age=31536000, immutable', Vary => 'Accept-Encoding',
    'Content-Encoding' => undef);
my $etag = $res->{headers}{etag};

for ([ 'gzip, deflate, br, zstd', 'br' ], [ 'gzip, deflate', 'gzip' ], [ 'br;q=0, gzip;q=0.5', 'gzip' ], [ 'br;q=0.0,gzip;q=0', undef ], [ 'br;q=0.1', 'br' ], [ 'gzipped, brother', undef ]) {
    my ($accept, $encoding) = @$_;
    $res = get('/chat/assets/index-Ab_1-x.js', 'Accept-Encoding' => $accept);
    is $res->{body}, $encoding ? "as $encoding" : $JS, "Accept-Encoding: $accept";
    has($res, 'Content-Type' => 'text/javascript; charset=utf-8', 'Content-Encoding' => $encoding, Vary => 'Accept-Encoding');
    isnt $res->{headers}{etag}, $etag, '... is another' if $encoding;
}
$res = get('/chat/assets/style-1.css', 'Accept-Encoding' => 'gzip, br');
has($res, 'Content-Type' => 'text/css; charset=utf-8', 'Content-Encoding' => 'gzip');
$res = get('/chat/assets/plain-1.js', 'Accept-Encoding' => 'gzip, br');
is $res->{body}, $JS, 'what is not there compressed comes as it is';
has(get('/chat/assets/math-1.woff2'), 'Content-Type' => 'font/woff2', 'Cache-Control' => 'public, max-age=31536000, immutable', Vary => undef);

for my $path ('assets/none-1.js', 'assets/', 'assets', 'other.html', 'assets/..%2f..%2fsecret.txt', 'assets/../../secret.txt', 'assets/../secret.txt', '%2e%2e/secret.txt') {
    $res = get("/chat/$path");
    is $res->{status}, 404, "/chat/$path is nothing";
    unlike $res->{headers}{'cache-control'} // '', qr/immutable/, '... and may be something tomorrow';
}

$res = get('/api/v1/me');
is $res->{status}, 200, 'the API beside it';
has($res, (map { $_ => undef } grep { $_ ne 'X-Content-Type-Options' } keys %guards), 'Cache-Control' => 'no-store');
$t->stop;

# ---- at the root ----

my $conf = qq{Define CHAT_PAGE_URL /\nDefine CHAT_PAGE_ORIGINS "'self' https://files.example"\n$t->{conf}};
my $root = ChatTest->new(modules => [qw(alias headers mime rewrite)], conf => <<"END" . $conf)->start;
<Location /api/v1/chat/stream>
    SetHandler chat
    ChatRoute mock
</Location>
END
$client = ChatTest::Client->new(port => $root->port);
$res = get('/');
is "$res->{status} $res->{body}", "200 <!doctype html><title>Chat</title>\n", 'at the root';
like $res->{headers}{'content-security-policy'}, qr{img-src 'self' https://files\.example data: blob:; connect-src 'self' https://files\.example; },
    '... with the origin of the files of users';
is get('/assets/index-Ab_1-x.js', 'Accept-Encoding' => 'br')->{body}, 'as br', '... and its assets';
is get('/api/v1/none')->{status}, 404, 'no page stands for a path of the API that is none';
has(get('/api/v1/me'), 'Content-Security-Policy' => undef, 'Cache-Control' => 'no-store');
$client->request('POST', '/api/v1/chat/stream/responses', headers => [ 'Content-Type' => 'application/json' ], body => '{"model":"m","input":"Hello","stream":true}');
$res = $client->response;
is $res->{status}, 200, 'a stream' or diag $res->{body};
has($res, 'Content-Security-Policy' => undef, 'Cross-Origin-Opener-Policy' => undef, 'Cache-Control' => 'no-store, no-transform');

$root->stop;
done_testing;
