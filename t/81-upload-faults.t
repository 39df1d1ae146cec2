# SPDX-License-Identifier: Apache-2.0
#
# Files of users where what keeps them fails: a disk that is full, a directory
# that may not be written, a store that is away, slow, or says what is not so. A
# failure is a 503, never a 404, and no file is lost by it. And what providers are
# told of files that they fetch themselves, and how many may be in memory.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use ChatTest;
use ChatTest::Chats;
use ChatTest::Client;
use ChatTest::OddStore;
use ChatTest::Uploads qw(send_to announce put uploaded code);
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $bare = $up->url =~ s{/v1$}{}r;
my $png = "\x89PNG\r\n\x1a\n" . pack('N', 13) . 'IHDR' . pack('NN', 320, 240) . "\x08\2\0\0\0" . "\0" x 100;
my $pdf = "%PDF-1.7\n" . 'x' x 64;
my $AWAY = [ 503, 'uploads_unavailable' ];

sub conf ($place, $more = '') {
    my %where = (responses => "openai $bare/v1", completions => "openai $bare/v1", anthropic => "anthropic $bare/v1", gemini => "gemini $bare/v1beta", compatible => "compatible $bare/v1");
    my $text = "$place\nChatRetention deleted=0\n";
    for my $name (sort keys %where) {
        my ($type, $url) = split / /, $where{$name};
        $text .= "<ChatProvider $name>\nChatProviderType $type\nChatProviderURL $url\nChatProviderKey env:CHAT_CANARY_KEY\n"
            . ({ completions => "ChatProviderAPI chat-completions\n", responses => "ChatProviderAPI responses\n" }->{$name} // '') . "</ChatProvider>\nChatModel $name $name\n";
    }
    return "$text<Location /api/v1/uploads>\nChatRoute uploads\n</Location>\n$more";
}

sub complete ($t, $user, $said) { return $t->as($user, 'POST', "uploads/$said->{json}{id}/complete", body => '') }

sub ask ($t, $user, $model, $id, $text = 'What is it?') {
    return $t->as($user, 'POST', 'chat/stream', json => { model => $model, messages => [ { role => 'user', parts => [ { type => 'text', text => $text }, { type => 'file', uploadId => $id } ] } ] });
}

sub form ($t, $user, $type, $body) {
    return $t->as($user, 'POST', 'uploads', headers => { 'Content-Type' => 'multipart/form-data; boundary=xYz' },
        body => "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: $type\r\n\r\n$body\r\n--xYz--\r\n");
}

# ---- a directory ----

# No file of this process, and of those that it starts, has more bytes: as with a
# quota, or on a disk that is full. -1: as many as there are.
sub files_end_at ($bytes) {
    my ($PRLIMIT, $FSIZE) = (302, 1);
    return syscall($PRLIMIT, 0, $FSIZE, pack('qq', $bytes, -1), 0) == 0;
}

subtest 'a directory' => sub {
    my $t = ChatTest::Chats->new(db => 'sqlite', upstream => $up, conf => '');
    mkdir my $dir = $t->dir . '/files', 0700 or die $!;
    chown +(getpwnam 'www-data')[2, 3], $dir if $> == 0;
    $t->{conf} .= conf("ChatUploads dir:$dir", "ChatModel both responses fallback=completions\nChatUploadsLimit memory=1500\n");
    $t->expect_log(qr/CHAT085[67]/);
    my $files = sub { return split /\n/, qx(find $dir -type f) };

    my $large = $png . "\0" x (3 << 20);
    SKIP: {
        skip 'limits are set as on x86-64', 7 if qx(uname -m) ne "x86_64\n" || !files_end_at(2 << 20);
        $t->start;
        my $said = announce($t, 'ann', 'image/png', $large);
        is_deeply code(put($said, $large)), $AWAY, 'there is no room for a file';
        is_deeply code(form($t, 'ann', 'image/png', $large)), $AWAY, '... nor for that of a form';
        is_deeply [ $files->() ], [], '... and nothing of it is left';
        is_deeply code(complete($t, 'ann', $said)), [ 409, 'upload_incomplete' ], '... it is not there';
        $t->wait_log(qr/CHAT0856: a file of a user cannot be written/);
        $t->stop;
        files_end_at(-1);
    }
    $t->start;
    my ($child) = $t->children;
    my $said = announce($t, 'ann', 'image/png', $large);
    is put($said, $large)->{status}, 200, 'it comes when there is room';
    is complete($t, 'ann', $said)->{json}{status}, 'ready', '... whole';

    SKIP: {
        skip 'root writes anywhere, and so does whoever is not', 4 if $> != 0;
        my $mine = announce($t, 'bob', 'image/png', $png);
        chown 0, 0, $dir;
        chmod 0755, $dir;
        is_deeply code(put($mine, $png)), $AWAY, 'a directory that may not be written';
        chmod 0700, $dir;
        is_deeply code($t->as('ann', 'POST', "uploads/$said->{json}{id}/complete", body => '')), [ 200, undef ], '... what is known of a file is known';
        is_deeply code(send_to('GET', $t->as('ann', 'GET', "uploads/$said->{json}{id}")->{json}{url})), $AWAY, '... or read';
        chown +(getpwnam 'www-data')[2, 3], $dir;
        is put($mine, $png)->{status}, 200, '... until it may';
    }
    rename $dir, "$dir.away" or die $!;
    is_deeply code(ask($t, 'ann', 'responses', $said->{json}{id})), $AWAY, 'a directory that is away is no file that is gone';
    rename "$dir.away", $dir or die $!;

    # A child that is killed in the middle.
    my $half = announce($t, 'ann', 'image/png', $large);
    my ($target) = $half->{json}{upload}{url} =~ m{^http://[^/]+(/.*)};
    my $conn = ChatTest::Client->new(port => $t->port, timeout => 20);
    my %headers = ($half->{json}{upload}{headers}->%*, Host => 'x', 'Content-Length' => length $large);
    $conn->send(join "\r\n", "PUT $target HTTP/1.1", (map { "$_: $headers{$_}" } sort keys %headers), '', substr $large, 0, 100_000);
    wait_for('a part of a file', sub { grep { /\Q$half->{json}{id}\E\./ } $files->() });
    $t->allow_log(qr/AH00051|AH00052|signal/);
    kill KILL => $child;
    wait_for('a new child', sub { my ($c) = $t->children; $c && $c != $child });
    is scalar(grep { /\Q$half->{json}{id}\E\./ } $files->()), 1, 'a child that is killed leaves a part';
    is $t->as('ann', 'DELETE', "uploads/$half->{json}{id}")->{status}, 204, '... the file is deleted';
    ok wait_for('the part is gone', sub { !grep { /\Q$half->{json}{id}\E/ } $files->() }, 20), '... and the part with it';

    # Two of these are more than 1500 bytes; while the first is on its way, there
    # is no room for another.
    my @ids = map { uploaded($t, 'ann', 'image/png', $png . "\0" x 500) } 1 .. 2;
    my $slow = $t->connect;
    $up->reset;
    $slow->request(POST => '/api/v1/chat/stream', headers => [ 'Content-Type' => 'application/json', Authorization => 'Bearer ann' ],
        body => JSON::PP::encode_json({ model => 'both', messages => [ { role => 'user', parts => [ { type => 'text', text => 'mock(head=60000)' }, { type => 'file', uploadId => $ids[0] } ] } ] }));
    wait_for('the first is asked about', sub { $up->stats->{open} });
    my $no = ask($t, 'ann', 'responses', $ids[1]);
    is_deeply code($no), $AWAY, 'no more files than memory= says are on their way at once';
    like $no->{json}{message} // $no->{body}, qr/Too many files/, '... which is said';
    ok $no->{headers}{'retry-after'}, '... with when to come again';
    $slow->close;
    wait_for('the first has gone', sub { !$up->stats->{open} });
    ok wait_for('room', sub { ask($t, 'ann', 'responses', $ids[1])->{status} == 200 }), '... and then there is room';
    is ask($t, 'ann', 'responses', $said->{json}{id})->{status}, 200, '... for one that is alone always';
    $t->stop;
};

# ---- a store ----

subtest 'a store' => sub {
    my $store = ChatTest::OddStore->new->start;
    my $t = ChatTest::Chats->new(db => 'sqlite', upstream => $up, conf => conf('ChatUploads s3://chat-files/p endpoint=' . $store->endpoint . "\nChatUploadsKey file:store.key\n"));
    $t->write_file('store.key', "id secret\n", 0600);
    $t->start;
    $t->expect_log(qr/CHAT085[67]/);
    my $said = announce($t, 'ann', 'image/png', $png);
    is put($said, $png)->{status}, 200, 'a file is there';

    # A store that never answers: beside all that follows.
    my $other = announce($t, 'ann', 'image/png', $png);
    $store->answers(HEAD => 'hang');
    my $slow = $t->connect;
    $slow->request(POST => "/api/v1/uploads/$other->{json}{id}/complete", body => '', headers => [ Authorization => 'Bearer ann' ]);
    wait_for('it is asked', sub { grep { $_ eq 'HEAD' } $store->asked });

    my $head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n";
    my $true = $head . 'Content-Length: ' . length($png) . "\r\n\r\n";
    my %lies = (
        'HEAD says 500'            => [ HEAD => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" ],
        'HEAD says 403'            => [ HEAD => "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" ],
        'HEAD is no HTTP'          => [ HEAD => "hello\r\n\r\n" ],
        'HEAD is nothing'          => [ HEAD => '' ],
        'GET has nothing'          => [ GET => "${head}Content-Length: 0\r\n\r\n" ],
        'GET has too little'       => [ GET => "$head\r\n" . substr $png, 0, 50 ],
        'GET is cut'               => [ GET => $true . substr $png, 0, 50 ],
        'GET says 500'             => [ GET => "HTTP/1.1 500 No\r\nContent-Length: " . length($png) . "\r\n\r\n$png" ],
        'GET leads elsewhere'      => [ GET => "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" ],
    );
    for my $lie (sort keys %lies) {
        $store->answers($lies{$lie}->@*);
        is_deeply code(complete($t, 'ann', $said)), $AWAY, "a store whose $lie";
    }
    $store->answers;
    is complete($t, 'ann', $said)->{json}{status}, 'ready', '... loses no file';

    my $text = uploaded($t, 'ann', 'text/plain', 'some text');
    my $id = $said->{json}{id};
    for my $less (1, 2, 50, length $png) {
        $store->answers(GET => "$head\r\n" . substr $png, 0, length($png) - $less);
        is_deeply code(ask($t, 'ann', 'responses', $id)), $AWAY, "no provider is told a file that lacks $less bytes";
    }
    $store->answers(GET => "$head\r\n$png$png");
    is_deeply code(ask($t, 'ann', 'responses', $id)), $AWAY, '... or has more';
    $store->answers(GET => "$head\r\nsome tex");
    is_deeply code(ask($t, 'ann', 'responses', $text)), $AWAY, '... nor a text';
    $store->answers(GET => "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    is_deeply code(ask($t, 'ann', 'responses', $id)), $AWAY, 'what was there and is not is no fault of who asks';
    $store->answers(PUT => "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n");
    is_deeply code(form($t, 'ann', 'image/png', $png)), $AWAY, 'a form that the store does not take';
    $store->answers(PUT => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HEAD => "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    is_deeply code(form($t, 'ann', 'image/png', $png)), $AWAY, '... or says that it has taken, and has not';
    $store->answers;
    is form($t, 'ann', 'image/png', $png)->{status}, 200, '... until it does';

    $store->stop;
    is_deeply code(complete($t, 'ann', announce($t, 'ann', 'image/png', $png))), $AWAY, 'a store that is away';
    is_deeply code(ask($t, 'ann', 'responses', $id)), $AWAY, '... cannot be asked about';
    is $t->as('ann', 'DELETE', "uploads/$id")->{status}, 204, '... a file may be deleted meanwhile';
    is_deeply code(ask($t, 'ann', 'responses', $id)), [ 400, 'upload_unknown' ], '... and is gone for its user';
    is_deeply code($slow->response), $AWAY, 'a store that never answers is one that is away';
    $store->start;
    ok wait_for('the object is gone', sub { !grep { /\Q$id\E/ } $store->objects }, 90), '... and it is deleted when the store is back' if $ENV{CHAT_TEST_LONG};
    unlike $t->error_log, qr/X-Amz-Signature/, 'no signature is in the log';
    $t->stop;
};

# ---- providers that fetch ----

sub part_of ($body) {
    $body = JSON::PP->new->decode($body) if !ref $body;
    my @lists = map { $_->{content} // $_->{parts} } grep { ref } map { ref $body->{$_} ? $body->{$_}->@* : () } qw(messages input contents);
    return $lists[-1][1];
}

subtest 'by address' => sub {
    my $store = ChatTest::OddStore->new->start;
    my $t = ChatTest::Chats->new(db => 'sqlite', upstream => $up, conf => conf('ChatUploads s3://chat-files/p endpoint=' . $store->endpoint . " public=https://files.example.com reach=on\nChatUploadsKey file:store.key\n"));
    $t->write_file('store.key', "id secret\n", 0600);
    $t->start;
    my %id;
    for ([ 'image/png', $png ], [ 'application/pdf', $pdf ], [ 'text/plain', 'some text' ]) {
        my ($type, $body) = @$_;
        my $said = announce($t, 'ann', $type, $body);
        my $url = $said->{json}{upload}{url};
        like $url, qr{^https://files\.example\.com/chat-files/p/[0-9a-f]{16}/\Q$said->{json}{id}\E/file\?}, "$type: clients are told the public name";
        send_to('PUT', $url =~ s{^https://files\.example\.com}{$store->endpoint}er, headers => $said->{json}{upload}{headers}, body => $body);
        is complete($t, 'ann', $said)->{json}{status}, 'ready', '... this server uses its own';
        $id{$type} = $said->{json}{id};
    }
    my $address = qr{^https://files\.example\.com/chat-files/p/[0-9a-f]{16}/[0-9a-f-]{36}/file\?.*X-Amz-Expires=3600&.*X-Amz-Signature=[0-9a-f]{64}$};
    my $data = sub ($type, $bytes) { return "data:$type;base64," . encode_base64($bytes, '') };
    # Where in the part, and what; the address is put in place of 'URL'.
    my %want = (
        'responses image/png'         => { type => 'input_image', image_url => 'URL' },
        'responses application/pdf'   => { type => 'input_file', file_url => 'URL' },
        'completions image/png'       => { type => 'image_url', image_url => { url => 'URL' } },
        'completions application/pdf' => { type => 'file', file => { filename => 'a file', file_data => $data->('application/pdf', $pdf) } },
        'anthropic image/png'         => { type => 'image', source => { type => 'url', url => 'URL' } },
        'anthropic application/pdf'   => { type => 'document', title => 'a file', source => { type => 'url', url => 'URL' } },
        'gemini image/png'            => { inlineData => { mimeType => 'image/png', data => encode_base64($png, '') } },
        'gemini application/pdf'      => { inlineData => { mimeType => 'application/pdf', data => encode_base64($pdf, '') } },
        'compatible image/png'        => { type => 'image_url', image_url => { url => $data->('image/png', $png) } },
        'responses text/plain'        => { type => 'input_text', text => "a file:\n\nsome text" },
    );
    for my $case (sort keys %want) {
        my ($model, $type) = split / /, $case;
        $store->forget;
        is ask($t, 'ann', $model, $id{$type})->{status}, 200, "$case is asked about";
        my $part = part_of($up->last->{body});
        my ($holder, $key) = map { my $h = $_; map { [ $h, $_ ] } grep { ($h->{$_} // '') =~ /^https:/ } keys %$h } $part, grep { ref eq 'HASH' } values %$part;
        my $by_address = JSON::PP->new->encode($want{$case}) =~ /"URL"/;
        if ($by_address) {
            like $holder->[0]{ $holder->[1] }, $address, '... by an address that lasts';
            $holder->[0]{ $holder->[1] } = 'URL';
        }
        is_deeply $part, $want{$case}, '... in its form';
        is scalar($store->asked), $by_address ? 0 : 1, $by_address ? '... and this server reads nothing of it' : '... and is read once';
    }
    unlike $t->error_log . $t->access_log, qr/X-Amz-Signature/, 'no address is in a log';
    $t->stop;
};

done_testing;
