# SPDX-License-Identifier: Apache-2.0
#
# Files of users: announced, uploaded by a URL that is signed, looked at, asked
# about, deleted; in a directory (on SQLite), and in an object store that checks
# every signature (on PostgreSQL, where there is one). docs/uploads.md.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_base64);
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use ChatTest;
use ChatTest::Answers;
use ChatTest::Chats qw(uuid);
use ChatTest::Snippets;
use ChatTest::Store;
use ChatTest::Uploads qw(send_to announce put uploaded code);
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;

# ---- files ----

my $png = "\x89PNG\r\n\x1a\n" . pack('N', 13) . 'IHDR' . pack('NN', 320, 240) . "\x08\2\0\0\0" . "\0" x 100;
my %bytes = (
    'image/png'       => $png,
    'image/jpeg'      => "\xff\xd8\xff\xc0" . pack('nCnn', 17, 8, 240, 320) . "\3" . "\0" x 50,
    'image/gif'       => 'GIF89a' . pack('vv', 320, 240) . "\0" x 51,
    'image/webp'      => "RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" . pack('V', 319) =~ s/.\z//sr . pack('V', 239) =~ s/.\z//sr . 'z',
    'application/pdf' => "%PDF-1.7\n" . 'x' x 64,
    'text/plain'      => "h\xc3\xa9llo \"world\"\n",
    'text/markdown'   => "# title\n",
    'text/csv'        => "a,b\n1,2\n",
);

# ---- what holds in both places ----

sub announcing ($t) {
    my $said = announce($t, 'ann', 'image/PNG; q=1', $png, filename => "../../etc/\x{202e}pass\"wd.png");
    ok $t->as('ann', 'GET', 'me')->{json}{features}{uploads}, 'a user is told that there may be files';
    is $said->{status}, 201, 'a file is announced';
    my $taken = $t->as('ann', 'GET', 'me')->{json}{uploads};
    is_deeply [ map { "$_->{mediaType}=$_->{maxBytes}" } @{ $taken->{types} }[ 0, -1 ] ], [ 'image/png=20971520', 'text/csv=1000' ], '... of a type and a size that a user is told';
    is $taken->{origin}, $t->{conf} =~ /ChatUploads s3/ ? $said->{json}{upload}{url} =~ m{^(http://[^/]+)/} : undef, '... and goes where it is said, or here';
    is_deeply [ @{ $said->{json} }{qw(status mediaType size filename)} ], [ 'pending', 'image/png', length $png, "../../etc/\x{202e}pass\"wd.png" ], '... as it is told';
    like $said->{json}{upload}{url}, qr{^http://127}, '... with where to put it';
    unlike $said->{json}{upload}{url}, qr/passwd|\.\./, '... in which nothing is the client\'s word';
    my %bad = (
        'no size'           => [ { size => 0 }, 400, 'invalid_request' ],
        'a fraction'        => [ { size => 1.5 }, 400, 'invalid_request' ],
        'more than numbers hold' => [ { size => 1e300 }, 400, 'invalid_request' ],
        'no name'           => [ { filename => '' }, 400, 'invalid_request' ],
        'a line end'        => [ { filename => "a\r\nX: y" }, 400, 'invalid_request' ],
        'a long name'       => [ { filename => 'x' x 256 }, 400, 'invalid_request' ],
        'no digest'         => [ { sha256 => 'abc' }, 400, 'invalid_request' ],
        'HTML'              => [ { mediaType => 'text/html' }, 415, 'upload_type' ],
        'SVG'               => [ { mediaType => 'image/svg+xml' }, 415, 'upload_type' ],
        'a program'         => [ { mediaType => 'application/x-sh' }, 415, 'upload_type' ],
        'one byte too much' => [ { mediaType => 'text/csv', size => 1001 }, 413, 'upload_too_large' ],
    );
    for my $what (sort keys %bad) {
        my ($with, @is) = $bad{$what}->@*;
        is_deeply code(announce($t, 'ann', 'image/png', $png, %$with)), \@is, "refused: $what";
    }
    is announce($t, 'ann', 'text/csv', '', size => 1000)->{status}, 201, 'just as large as may be';
    is announce($t, '', 'image/png', $png)->{status}, 401, 'a guest has no files';
    return;
}

sub putting ($t) {
    my $sum = sha256_base64($png) . '=';
    my $said = announce($t, 'ann', 'image/png', $png, sha256 => $sum);
    my $id = $said->{json}{id};
    is_deeply code($t->as('ann', 'POST', "uploads/$id/complete", body => '')), [ 409, 'upload_incomplete' ], 'nothing is there yet';
    isnt put($said, $png . 'x')->{status}, 200, 'no more bytes';
    isnt put($said, substr $png, 1)->{status}, 200, 'no fewer';
    isnt put($said, $png, headers => { 'Content-Type' => 'text/html' })->{status}, 200, 'no other type';
    isnt put($said, $png =~ s/.\z/!/sr)->{status}, 200, 'no other bytes than those of the digest';
    my $other = announce($t, 'bob', 'image/png', $png)->{json};
    isnt put($said, $png, url => $said->{json}{upload}{url} =~ s/\Q$id\E/$other->{id}/r)->{status}, 200, 'no other file by the same signature';
    isnt put($said, $png, url => $said->{json}{upload}{url} =~ s/(ignature=.)(.)/$1 . ($2 eq '0' ? '1' : '0')/er)->{status}, 200, 'no other signature';
    isnt send_to('GET', $said->{json}{upload}{url})->{status}, 200, 'no other method';
    is put($said, $png)->{status}, 200, 'what was announced';
    isnt put($said, $png)->{status}, 200, '... once';
    my $done = $t->as('ann', 'POST', "uploads/$id/complete", body => '')->{json};
    is_deeply [ @$done{qw(status width height)} ], [ 'ready', 320, 240 ], 'it is ready, and known';
    is $t->as('ann', 'POST', "uploads/$id/complete", body => '')->{json}{status}, 'ready', '... once more does no harm';
    my $got = send_to('GET', $done->{url});
    is $got->{body}, $png, 'it is what was sent';
    is $got->{headers}{'content-type'}, 'image/png', '... as what it is';
    like $got->{headers}{'content-disposition'}, qr/^inline; filename="a file"; filename\*=UTF-8''a%20file$/, '... under its name';
    is send_to('GET', $done->{url}, headers => { Range => 'bytes=1-3' })->{body}, 'PNG', '... also a piece';
    isnt send_to('GET', $done->{url} =~ s/(expires=\d*)(\d)/$1 . ($2 eq '9' ? '8' : '9')/ier)->{status}, 200, '... and not for longer';
    my $moved = $t->as('ann', 'GET', "uploads/$id/content");
    is send_to('GET', $moved->{headers}{location})->{body}, $png, 'a lasting address leads there';
    return $id;
}

# Whoever is not its user.
sub others ($t, $id) {
    for ([ GET => '' ], [ DELETE => '' ], [ POST => '/complete' ], [ GET => '/content' ]) {
        my ($method, $rest) = @$_;
        is_deeply code($t->as('bob', $method, "uploads/$id$rest", $method eq 'POST' ? (body => '') : ())), [ 404, 'not_found' ], "another user: $method$rest";
        is $t->as('', $method, "uploads/$id$rest", $method eq 'POST' ? (body => '') : ())->{status}, 401, '... a guest';
    }
    isnt $t->request($_, "/api/v1/uploads/$id/file")->{status}, 200, "without a signature: $_" for qw(GET PUT);
    is_deeply code($t->as('bob', 'POST', 'chat/stream', json => { messages => [ { role => 'user', parts => [ { type => 'file', uploadId => $id } ] } ] })),
        [ 400, 'upload_unknown' ], 'nor can it be asked about';
    return;
}

# What is not what it says: refused when it is there, and gone soon.
sub sniffing ($t) {
    my $html = '<html><script>alert(1)</script></html>';
    my $wide = $png =~ s/IHDR..../'IHDR' . pack 'N', 8001/ser;
    my %bad = (
        'HTML as PNG'        => [ 'image/png', $html, 415, 'upload_type' ],
        'a GIF as PNG'       => [ 'image/png', $bytes{'image/gif'}, 415, 'upload_type' ],
        'HTML before a PDF'  => [ 'application/pdf', $html . '%PDF-1.7', 415, 'upload_type' ],
        'SVG as WebP'        => [ 'image/webp', '<svg/>', 415, 'upload_type' ],
        'a cut PNG'          => [ 'image/png', substr($png, 0, 18), 415, 'upload_type' ],
        'one pixel too wide' => [ 'image/png', $wide, 413, 'upload_too_large' ],
        'text with a NUL'    => [ 'text/plain', "a\0b", 415, 'upload_type' ],
        'half a character'   => [ 'text/plain', "a\xc3", 415, 'upload_type' ],
    );
    for my $what (sort keys %bad) {
        my ($type, $body, @is) = $bad{$what}->@*;
        my $said = announce($t, 'eve', $type, $body);
        is put($said, $body)->{status}, 200, "$what comes";
        is_deeply code($t->as('eve', 'POST', "uploads/$said->{json}{id}/complete", body => '')), \@is, '... and is refused';
        is $t->as('eve', 'GET', "uploads/$said->{json}{id}")->{status}, 404, '... for good';
    }
    # The file of a polyglot is what it was announced as, and nothing else.
    my $poly = 'GIF89a' . pack('vv', 10, 10) . "/*$html*/=1;alert(1)";
    my $id = uploaded($t, 'eve', 'image/gif', $poly, filename => 'x.html');
    is send_to('GET', $t->as('eve', 'GET', "uploads/$id")->{json}{url})->{headers}{'content-type'}, 'image/gif', 'a file of two kinds is what it was announced as';
    $id = uploaded($t, 'eve', 'text/plain', $html, filename => 'x.html');
    like send_to('GET', $t->as('eve', 'GET', "uploads/$id")->{json}{url})->{headers}{'content-disposition'}, qr/^attachment; /, 'text is never shown';
    return;
}

sub forms ($t) {
    my $form = sub ($type, $body, $name = 'f%22oo.png') {
        return $t->as('ann', 'POST', 'uploads', headers => { 'Content-Type' => 'multipart/form-data; boundary=xYz' },
            body => "--xYz\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n--xY\r\n--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"$name\"\r\nContent-Type: $type\r\n\r\n$body\r\n--xYz--\r\n");
    };
    my $res = $form->('image/png', $png);
    is_deeply [ $res->{status}, @{ $res->{json} }{qw(status name mime_type type contentType pathname size)} ],
        [ 200, 'ready', 'f"oo.png', 'image/png', 'image', 'image/png', 'f"oo.png', length $png ], 'a form with a file' or diag $res->{body};
    is send_to('GET', $res->{json}{preview_url})->{body}, $png, '... which can be looked at';
    my ($path) = $res->{json}{url} =~ m{^http://[^/]+(/.*)};
    is send_to('GET', $t->request('GET', $path, headers => { Authorization => 'Bearer ann' })->{headers}{location})->{body}, $png, '... also later';
    is_deeply code($form->('text/html', $png)), [ 415, 'upload_type' ], '... not of any type';
    is_deeply code($form->('text/csv', 'x' x 1001)), [ 413, 'upload_too_large' ], '... or size';
    is_deeply code($form->('image/png', '')), [ 400, 'invalid_request' ], '... nor empty';
    is_deeply code($form->('image/png', 'nothing')), [ 415, 'upload_type' ], '... nor what it is not';
    is_deeply code($form->('image/png', $png, "\xff.png")), [ 400, 'invalid_request' ], '... nor of a name that is no text';
    is_deeply code($t->as('ann', 'POST', 'uploads', headers => { 'Content-Type' => 'multipart/form-data; boundary=xYz' }, body => "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: text/plain\r\n\r\nabc")),
        [ 400, 'invalid_request' ], '... nor cut';
    return;
}

# ---- what providers are told ----

# The part with the file in what was sent, whoever it was sent to.
sub part_of ($body) {
    my @lists = map { $_->{content} // $_->{parts} } grep { ref } map { ref $body->{$_} ? $body->{$_}->@* : () } qw(messages input contents);
    return $lists[-1];
}

sub asking ($t) {
    my %ids = map { $_ => uploaded($t, 'ann', $_, $bytes{$_}, filename => 'f.' . s{.*/}{}r) } sort keys %bytes;
    for my $provider (qw(responses completions anthropic gemini)) {
        for my $type (sort keys %ids) {
            my $res = $t->as('ann', 'POST', 'chat/stream', json => { model => $provider, messages => [ { role => 'user', parts => [ { type => 'text', text => 'What is it?' }, { type => 'file', uploadId => $ids{$type} } ] } ] });
            is $res->{status}, 200, "$provider: $type is asked about" or diag $res->{body};
            my $sent = $up->last->{body};
            $sent = JSON::PP->new->decode($sent) if !ref $sent;
            my $parts = part_of($sent);
            my $data = encode_base64($bytes{$type}, '');
            my $url = "data:$type;base64,$data";
            my $name = 'f.' . $type =~ s{.*/}{}r;
            my $text = $bytes{$type};
            utf8::decode($text);
            my $want =
                $type =~ /^text/ ? { responses => { type => 'input_text', text => "$name:\n\n$text" }, gemini => { text => "$name:\n\n$text" } }->{$provider} // { type => 'text', text => "$name:\n\n$text" }
              : $type =~ /^image/ ? {
                    responses   => { type => 'input_image', image_url => $url },
                    completions => { type => 'image_url', image_url => { url => $url } },
                    anthropic   => { type => 'image', source => { type => 'base64', media_type => $type, data => $data } },
                    gemini      => { inlineData => { mimeType => $type, data => $data } },
                }->{$provider}
              : {
                    responses   => { type => 'input_file', filename => $name, file_data => $url },
                    completions => { type => 'file', file => { filename => $name, file_data => $url } },
                    anthropic   => { type => 'document', title => $name, source => { type => 'base64', media_type => $type, data => $data } },
                    gemini      => { inlineData => { mimeType => $type, data => $data } },
                }->{$provider};
            is_deeply $parts->[1], $want, '... in its own form' or diag explain $parts;
        }
    }
    is_deeply code($t->as('ann', 'POST', 'chat/stream', json => { model => 'blind', messages => [ { role => 'user', parts => [ { type => 'file', uploadId => $ids{'image/png'} } ] } ] })),
        [ 400, 'unsupported' ], 'a model that reads text alone says so';
    is_deeply code($t->as('ann', 'POST', 'chat/stream', json => { model => 'deepseek', messages => [ { role => 'user', parts => [ { type => 'file', uploadId => $ids{'application/pdf'} } ] } ] })),
        [ 400, 'unsupported' ], '... and so does a provider that reads no PDF';
    return \%ids;
}

# In a conversation: shown, sent again, and deleted with it.
sub keeping ($t, $ids, $files) {
    my $id = uploaded($t, 'bob', 'image/png', $png);
    my $conversation = uuid();
    my $res = $t->as('bob', 'POST', 'chat/stream', json => { conversationId => $conversation, messages => [ { role => 'user', parts => [ { type => 'text', text => 'Look' }, { type => 'file', uploadId => $id } ] } ] });
    is $res->{status}, 200, 'a question with a file is kept' or diag $res->{body};
    my $list = $t->as('bob', 'GET', "conversations/$conversation/messages")->{json}{data};
    is_deeply $list->[0]{parts}, [ { type => 'text', text => 'Look' }, { type => 'file', uploadId => $id, mediaType => 'image/png', name => 'a file', size => length $png } ], '... and shown';
    $res = $t->as('bob', 'POST', "conversations/$conversation/messages", json => { parts => [ { type => 'text', text => 'And again' } ] });
    is $res->{status}, 200, 'the next question' or diag $res->{body};
    my $sent = $up->last->{body};
    $sent = JSON::PP->new->encode($sent) if ref $sent;
    like $sent, qr/\Q@{[ encode_base64($png, '') =~ s{.*(.{40})$}{$1}sr ]}\E/, '... is asked with the file before it';
    my $fork = $t->as('bob', 'POST', "conversations/$conversation/fork", json => { messageId => $list->[0]{id} })->{json};
    my $share = $t->as('', 'GET', 'shared/' . $t->as('bob', 'POST', "conversations/$conversation/shares", json => {})->{json}{id});
    unlike $share->{body}, qr/\Q$id\E/, 'who has a share sees no file';
    like $t->as('bob', 'GET', "conversations/$conversation/export")->{body}, qr/\Q$id\E/, 'an export names it';
    is scalar(grep { /\Q$id\E/ } $files->()), 1, 'the file is there';
    is $t->as('bob', 'DELETE', "conversations/$conversation")->{status}, 204, 'the conversation goes';
    is $t->as('bob', 'GET', "uploads/$id")->{status}, 200, '... the file stays while a copy has it';
    $t->as('bob', 'DELETE', "conversations/$fork->{id}");
    is $t->as('bob', 'GET', "uploads/$id")->{status}, 404, '... and goes with the last';
    wait_for('the file is gone', sub { !grep { /\Q$id\E/ } $files->() }, 20);
    pass '... itself';
    my $mine = uploaded($t, 'bob', 'image/png', $png);
    is $t->as('bob', 'DELETE', 'me?confirm=all')->{status}, 200, 'all of a user goes';
    wait_for('his files, too', sub { !grep { /\Q$mine\E/ } $files->() }, 20);
    pass '... with files';
    return;
}

# ChatKit's attachments, in two steps and as a form, and messages of the AI SDK.
sub widgets ($t) {
    my $kit = sub ($user, $type, $params) { return $t->as($user, 'POST', 'chatkit', json => { type => $type, params => $params }) };
    my $made = $kit->('ann', 'attachments.create', { name => 'x.png', size => length $png, mime_type => 'image/png' })->{json};
    is_deeply [ @$made{qw(name mime_type type)}, $made->{upload_descriptor}{method} ], [ qw(x.png image/png image PUT) ], 'an attachment is announced';
    my $ask = sub ($user, @ids) { return $kit->($user, 'threads.create', { input => { content => [ { type => 'input_text', text => 'See' } ], attachments => [@ids], inference_options => { model => 'completions' } } }) };
    is_deeply code($ask->('ann', $made->{id})), [ 409, 'upload_incomplete' ], '... not there yet';
    is put({ json => { upload => $made->{upload_descriptor} } }, $png)->{status}, 200, '... uploaded';
    is_deeply code($ask->('bob', $made->{id})), [ 400, 'upload_unknown' ], '... for nobody else';
    my $res = $ask->('ann', $made->{id});
    is $res->{status}, 200, '... and asked about, though nobody has said that it is there' or diag $res->{body};
    my @said = map { JSON::PP->new->utf8->decode($_) } $res->{body} =~ /^data: (.*)$/mg;
    my ($item) = map { $_->{item} } grep { $_->{type} eq 'thread.item.done' } @said;
    my $shown = $item->{attachments}[0];
    is_deeply [ @$shown{qw(id name mime_type type)} ], [ $made->{id}, qw(x.png image/png image) ], '... and shown';
    is send_to('GET', $shown->{preview_url})->{body}, $png, '... so that it can be looked at';
    like JSON::PP->new->encode($up->last->{body}), qr/image_url/, '... the model has it';
    my $again = $kit->('ann', 'items.list', { thread_id => $item->{thread_id} })->{json};
    is $again->{data}[-1]{attachments}[0]{id}, $made->{id}, '... and later, too';
    is $kit->('ann', 'threads.retry_after_item', { thread_id => $item->{thread_id}, item_id => $item->{id} })->{status}, 200, '... once more';
    like JSON::PP->new->encode($up->last->{body}), qr/image_url/, '... with it';
    is_deeply code($kit->('bob', 'attachments.delete', { attachment_id => $made->{id} })), [ 404, 'not_found' ], 'another user deletes nothing';
    is_deeply $kit->('ann', 'attachments.delete', { attachment_id => $made->{id} })->{json}, {}, 'its own does';
    is $kit->('ann', 'items.list', { thread_id => $item->{thread_id} })->{json}{data}[-1]{attachments}[0]{type}, 'file', '... and its name stays';
    is_deeply code($kit->('ann', 'attachments.create', { name => 'x', size => 3, mime_type => 'text/html' })), [ 415, 'upload_type' ], 'a type that is not taken';

    my $id = uploaded($t, 'ann', 'image/png', $png);
    my $ui = sub ($user, $url) { return $t->as($user, 'POST', 'ui', json => { model => 'completions', messages => [ { role => 'user', parts => [ { type => 'text', text => 'See' }, { type => 'file', mediaType => 'image/png', url => $url } ] } ] }) };
    my $url = "http://127.0.0.1:@{[ $t->port ]}/api/v1/uploads/$id/content";
    is $ui->('ann', $url)->{status}, 200, 'an address of a file in a message of the AI SDK';
    like JSON::PP->new->encode($up->last->{body}), qr/data:image\/png;base64/, '... is the file itself';
    is_deeply code($ui->('bob', $url)), [ 400, 'upload_unknown' ], '... for its user alone';
    is $ui->('ann', 'https://elsewhere.test/x.png')->{status}, 200, 'other addresses stay what they are';
    like JSON::PP->new->encode($up->last->{body}), qr/elsewhere/, '... for the provider';
    return;
}

# What a model reads of them, by lists.
sub moderated ($t) {
    my $ask = sub ($id, %o) {
        return $t->as('ann', 'POST', $o{path} // 'careful', json => { model => 'completions', exists $o{in} ? (conversationId => $o{in}) : (),
            messages => [ { role => 'user', parts => [ { type => 'text', text => 'What is it?' }, $id ? { type => 'file', uploadId => $id } : () ] } ] });
    };
    my $sent = sub { return $up->last->{body} };
    my ($text, $pdf) = ("so b\xe2\x80\x8banned it is\n", $bytes{'application/pdf'});
    my $bad = uploaded($t, 'ann', 'text/plain', $text, filename => 'fine.txt');
    is $ask->(uploaded($t, 'ann', 'text/plain', "urbanned\n", filename => 'fine.txt'))->{status}, 200, 'a text';
    is_deeply code($ask->($bad)), [ 400, 'content_blocked' ], '... with a word in it';
    is_deeply code($ask->(uploaded($t, 'ann', 'application/pdf', $pdf, filename => 'banned.pdf'))), [ 400, 'content_blocked' ], '... or in its name';
    is $ask->(uploaded($t, 'ann', 'application/pdf', $pdf, filename => 'my darn dog.pdf'))->{status}, 200, 'a name of which a part is replaced';
    like $sent->(), qr/"my \[removed\] dog\.pdf"/, '... is another';
    is $ask->(uploaded($t, 'ann', 'text/plain', 'It is.', filename => 'my darn dog.txt'))->{status}, 200, '... of a text, too';
    like $sent->(), qr/"my \[removed\] dog\.txt:\\n\\nIt is\."/, '... in what the model has';
    is_deeply code($ask->(uploaded($t, 'ann', 'text/plain', 'It is darn.', filename => 'x.txt'))), [ 400, 'content_blocked' ], 'nothing is replaced in a file';
    my $conversation = uuid();
    is $ask->($bad, in => $conversation, path => 'chat/stream')->{status}, 200, 'a text that was asked about where no list looks';
    is $ask->(undef, in => $conversation)->{status}, 200, '... asked on where one does';
    like $sent->(), qr/\[The file fine\.txt is not available\.\]/, '... is not there any more';
    unlike $sent->(), qr/anned/, '... not a word of it';
    like $t->get('/server-status?auto')->{body}, qr/^ChatModeration-words-input: \d+ 0 0 2 0$/m, '... which counts for nothing';
    return;
}

# Five files, then none; 3,000 bytes of the rest. Of bob, who has none by now.
sub quotas ($t) {
    my $few = sub ($size) { return $t->as('bob', 'POST', 'few/uploads', json => { filename => 'x', mediaType => 'image/png', size => $size }) };
    is_deeply [ map { $few->(500)->{status} } 1 .. 6 ], [ (201) x 5, 403 ], 'so many files in a day';
    $t->as('bob', 'DELETE', 'me?confirm=all');
    is_deeply code($few->(3001)), [ 403, 'upload_quota' ], 'so many bytes';
    is $few->(3000)->{status}, 201, '... not one more';
    is_deeply code($few->(1)), [ 403, 'upload_quota' ], '... of all together';
    return;
}

sub conf ($place) {
    my %where = (responses => "openai $bare/v1", completions => "openai $bare/v1", anthropic => "anthropic $bare/v1", gemini => "gemini $bare/v1beta", deepseek => "deepseek $bare/v1;as=deepseek");
    my $text = "$place\nChatUploadsTypes image/png image/jpeg image/gif image/webp application/pdf text/plain text/markdown text/csv=1000\nChatRetention deleted=0\n";
    for my $name (sort keys %where) {
        my ($type, $url) = split / /, $where{$name};
        $text .= "<ChatProvider $name>\nChatProviderType $type\nChatProviderURL $url\nChatProviderKey env:CHAT_CANARY_KEY\n"
            . ($name eq 'completions' ? "ChatProviderAPI chat-completions\n" : '') . "</ChatProvider>\nChatModel $name $name\n";
    }
    return $text . "ChatModel blind responses without=parts\n<Location /api/v1/uploads>\nChatRoute uploads\n</Location>\n"
        . "<Location /api/v1/chatkit>\nChatRoute chatkit\n</Location>\n<Location /api/v1/ui>\nChatRoute ui-message\nChatStore off\n</Location>\n"
        . "<Location /api/v1/few/uploads>\nChatRoute uploads\nChatUploadsLimit files=5 bytes=3000\n</Location>\n";
}

sub everything ($t, $files) {
    announcing($t);
    my $id = putting($t);
    others($t, $id);
    sniffing($t);
    forms($t);
    keeping($t, asking($t), $files);
    quotas($t);
    widgets($t);
    return;
}

# ---- a directory ----

subtest 'in a directory, on SQLite' => sub {
    my $t = ChatTest::Chats->new(db => 'sqlite', modules => ['status'], upstream => $up, conf => '');
    mkdir my $dir = $t->dir . '/files', 0700 or die $!;
    chown +(getpwnam 'www-data')[2, 3], $dir if $> == 0;
    $t->write_file('words.txt', "banned\n");
    $t->write_file('darn.txt', "darn\n");
    $t->{conf} .= conf("ChatUploads dir:$dir") . "<Location /api/v1/careful>\nChatRoute stream\nChatModerationList words file:%%DIR%%/words.txt in=input\n"
        . "ChatModerationList darn file:%%DIR%%/darn.txt in=input action=replace\n</Location>\n<Location /server-status>\nSetHandler server-status\n</Location>\n";
    $t->start;
    my $files = sub { return split /\n/, qx(find $dir -type f) };
    everything($t, $files);
    moderated($t);
    my $id = uploaded($t, 'ann', 'image/png', $png);
    my $got = send_to('GET', $t->as('ann', 'GET', "uploads/$id")->{json}{url});
    is_deeply [ @{ $got->{headers} }{qw(x-content-type-options content-security-policy)} ], [ 'nosniff', q{default-src 'none'; sandbox} ], 'nothing of it runs';
    my ($file) = grep { /\Q$id\E/ } $files->();
    like $file, qr{^\Q$dir\E/[0-9a-f]{16}/\Q$id\E$}, 'where it lies nothing is the client\'s word';
    rename $file, "$file.kept" and symlink '/etc/passwd', $file or die $!;
    $t->expect_log(qr/CHAT0856/);
    is send_to('GET', $t->as('ann', 'GET', "uploads/$id")->{json}{url})->{status}, 503, 'no link is followed';
    my $owner = $file =~ s{/[^/]+$}{}r;
    rename $owner, "$owner.kept" and symlink '/etc', $owner or die $!;
    is send_to('GET', $t->as('ann', 'GET', "uploads/$id")->{json}{url})->{status}, 503, '... not even of a directory';
    ok $t->stop, 'the server ends well';
};

# ---- what docs/uploads.md has to paste, and mistakes ----

subtest 'configurations' => sub {
    open my $fh, '<', "$FindBin::Bin/../docs/uploads.md" or die $!;
    my @blocks = map { $_->{text} } grep { $_->{lang} eq 'apache' } ChatTest::Snippets::of('docs/uploads.md', do { local $/; <$fh> });
    my $t = ChatTest::Chats->new(conf => '');
    my $conf = $t->{conf};
    mkdir $t->dir . '/files' or die $!;
    $t->write_file('store.key', "id secret\n", 0600);
    $t->write_file('bad.key', "id\n", 0600);
    my $dir = $t->dir;
    my $store = "ChatUploadsKey file:store.key\n";
    my $try = sub ($more) {
        $t->{conf} = $conf . $more =~ s{/var/lib/chat-files}{$dir/files}r =~ s{/etc/apache2/chat/better-auth}{bearer}r =~ s{/etc/apache2/chat/}{}r;
        return ($t->configtest)[1];
    };
    like $try->($_), qr/^Syntax OK$/m, 'as it is printed' for @blocks;
    like $try->("${store}ChatUploads s3://b.c.d region=eu-1 reach=off\nChatUploadsTime put=1s get=1s read=60s unused=1s\n"), qr/^Syntax OK$/m, 'at Amazon';
    for (
        [ 'ChatUploads somewhere', qr/ChatUploads does not accept "somewhere": write off, dir:/ ],
        [ 'ChatUploads dir:files', qr/absolute path of a directory/ ],
        [ "ChatUploads dir:$dir/none", qr/that is there/ ],
        [ "ChatUploads dir:$dir/files region=x", qr/belong to s3/ ],
        [ "ChatUploads dir:$dir/files reach=on", qr/wants public=URL/ ],
        [ 'ChatUploads s3://bucket region=x', qr/there is no ChatUploadsKey/ ],
        [ "${store}ChatUploads s3://Bucket region=x", qr/the bucket in lower case/ ],
        [ "${store}ChatUploads s3://bucket/a/../b region=x", qr/between single slashes/ ],
        [ "${store}ChatUploads s3://bucket", qr/wants region=NAME/ ],
        [ "${store}ChatUploads s3://bucket endpoint=https://h/path", qr/a URL without a path/ ],
        [ "${store}ChatUploads s3://bucket region=a/b", qr/letters, digits/ ],
        [ 'ChatUploadsKey file:bad.key', qr/the id and the secret of an access key/ ],
        [ 'ChatUploadsKey secret', qr/takes no secret in the configuration/ ],
        [ 'ChatUploadsTypes text/html', qr/ChatUploadsTypes does not accept "text\/html"/ ],
        [ 'ChatUploadsTypes image/svg+xml', qr/does not accept/ ],
        [ 'ChatUploadsTypes image/png=0', qr/ChatUploadsTypes image\/png does not accept "0"/ ],
        [ 'ChatUploadsLimit pixels=0', qr/ChatUploadsLimit pixels does not accept/ ],
        [ 'ChatUploadsTime put=8d', qr/ChatUploadsTime put does not accept/ ],
    ) {
        my ($line, $says) = @$_;
        like $try->("$line\n"), $says, "refused: $line";
    }
};

# ---- an object store ----

subtest 'in an object store' => sub {
    my $why = ChatTest::Store::missing();
    plan skip_all => $why if $why && !$ENV{CHAT_SKIPS_AS_FAILS};
    die $why if $why;
    my $store = ChatTest::Store->start;
    my ($db) = grep { $_ eq 'pgsql' } ChatTest::Chats::databases();
    my $t = ChatTest::Chats->new(db => $db // 'sqlite', upstream => $up, conf => conf('ChatUploads s3://chat-files/some/prefix endpoint=' . $store->endpoint . "\nChatUploadsKey file:store.key\nChatUploadsTime put=60s get=30s"));
    $t->write_file('store.key', "$store->{id}\n$store->{secret}\n", 0600);
    $t->start;
    my $files = sub { return $store->files };
    everything($t, $files);
    like +(grep { m{/file$} } $files->())[0], qr{^some/prefix/[0-9a-f]{16}/[0-9a-f-]{36}/file$}, 'keys are of the store\'s prefix';
    unlike $t->error_log, qr/X-Amz-Signature|made\/Up/, 'no signature and no secret in the log';

    # The table of what a store that checks signatures accepts and refuses.
    my $path = '/chat-files/x';
    my %h = ('content-length' => 5, 'content-type' => 'text/plain');
    my $put = sub ($target, %o) { return $store->send('PUT', $target, headers => { 'Content-Type' => 'text/plain', ($o{headers} // {})->%* }, body => $o{body} // 'hello')->{status} };
    is $put->($store->sign('PUT', $path, headers => \%h)), 200, 'a valid PUT';
    is $put->($store->sign('PUT', $path, headers => \%h, secret => 'another')), 403, 'another secret';
    is $put->($store->sign('PUT', $path, headers => \%h) =~ s{/x\?}{/y?}r), 403, 'another key';
    is $put->($store->sign('PUT', $path, headers => \%h), headers => { 'Content-Type' => 'text/html' }), 403, 'another type';
    is $put->($store->sign('PUT', $path, headers => \%h), body => 'hello!'), 403, 'another length';
    is $put->($store->sign('PUT', $path, headers => \%h, at => time - 120)), 403, 'expired';
    is $put->($store->sign('PUT', $path, headers => \%h, expires => 604801)), 400, 'for too long';
    is $put->($store->sign('PUT', $path, headers => { %h, 'if-none-match' => '*' }), headers => { 'If-None-Match' => '*' }), 412, 'once';
    is $put->($store->sign('PUT', $path, headers => { %h, 'x-amz-checksum-sha256' => sha256_base64('other') . '=' }), headers => { 'x-amz-checksum-sha256' => sha256_base64('other') . '=' }), 400, 'other bytes';
    is $store->ask('GET', $path)->{body}, 'hello', 'a valid GET';
    is $store->ask('DELETE', $path)->{status}, 204, 'a valid DELETE';

    $t->expect_log(qr/CHAT085[67]/);
    my $said = announce($t, 'ann', 'image/png', $png);
    $store->stop;
    is_deeply code($t->as('ann', 'POST', "uploads/$said->{json}{id}/complete", body => '')), [ 503, 'uploads_unavailable' ], 'a store that is away is no answer';
    ok $t->stop, 'the server ends well';
};

done_testing;
