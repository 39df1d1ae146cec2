# SPDX-License-Identifier: Apache-2.0
#
# Files in the chats of Vercel's template: its page posts a form to
# /api/files/upload, and names what it got in a part of its message. The model
# gets the file, the app's own tables have the part as the page sent it, and the
# file goes with its chat.
use v5.36;
use Test::More;
use FindBin;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Hybrid;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 3)->start;
my $t = ChatTest::Hybrid->new(up => $up->url, conf => '');
mkdir my $dir = $t->dir . '/files', 0700 or die $!;
chown +(getpwnam 'www-data')[2, 3], $dir if $> == 0;
$t->{conf} .= <<"END";
ChatStoreMigrate on
ChatUploads dir:$dir
<Location /api/files/upload>
    SetHandler chat
    ChatRoute uploads
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
</Location>
END
$t->start;

my $png = "\x89PNG\r\n\x1a\n" . pack('N', 13) . 'IHDR' . pack('NN', 320, 240) . "\x08\2\0\0\0" . "\0" x 100;
my $base64 = encode_base64($png, '');

# As the template's page does it.
sub upload ($user) {
    return $t->request('POST', '/api/files/upload', headers => { $t->cookie($user), 'Content-Type' => 'multipart/form-data; boundary=xYz' },
        body => "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n$png\r\n--xYz--\r\n");
}

sub ask ($user, $chat, $file) {
    my @parts = ({ type => 'file', mediaType => 'image/png', name => $file->{pathname}, url => $file->{url} }, { type => 'text', text => 'What is it?' });
    is_deeply [ ChatTest::Hybrid::takes(JSON::PP::encode_json($t->body($chat, '', parts => \@parts))) ], [1], "the template's own schema takes the message";
    return $t->ask($user, $chat, '', parts => \@parts);
}

sub files () { return split /\n/, qx(find '$dir' -type f) }

my $said = upload('ann');
is $said->{status}, 200, 'a form is taken' or diag $said->{body};
my $file = $said->{json};
is_deeply [ @$file{qw(pathname contentType)} ], [ 'p.png', 'image/png' ], '... and answered as the template expects it';

my $chat = $t->uuid;
is ask('ann', $chat, $file)->{status}, 200, 'a message with it';
like $up->last->{body}, qr{"type":"image_url","image_url":\{"url":"data:image/png;base64,\Q$base64\E"}, '... brings it to the model';
my ($row) = grep { $_->{role} eq 'user' } $t->messages($chat);
my ($part) = grep { $_->{type} eq 'file' } $row->{parts}->@*;
is_deeply [ @$part{qw(url mediaType)} ], [ $file->{url}, 'image/png' ], '... and the app finds it in its own tables as the page sent it' or diag explain $row->{parts};
is $t->ask('ann', $chat, 'And now?')->{status}, 200, 'the next question';
like $up->last->{body}, qr/\Q$base64\E/, '... is asked with it';

my $theirs = ask('bob', $t->uuid, $file);
is_deeply [ $theirs->{status}, ($theirs->{json} // {})->{code} ], [ 400, 'bad_request:api' ], 'nobody else may name it' or diag $theirs->{body};
is upload('')->{status}, 401, 'who has no session uploads nothing';

is scalar(files()), 1, 'the file is there';
is $t->request('DELETE', "/api/chat?id=$chat", headers => { $t->cookie('ann') })->{status}, 200, 'the chat is deleted';
ok wait_for('the file is gone', sub { !files() }, 20), '... and its file with it';
$t->stop;
done_testing;
