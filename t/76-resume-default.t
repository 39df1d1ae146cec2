# SPDX-License-Identifier: Apache-2.0
#
# Where conversations are kept their streams are logged, although nobody says so:
# what a client had of a child that is killed is in the database, and a stream is
# taken up from any process. In a directory of the server's own, which is
# refused in words where it cannot be one.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;

my $PIECES = 40;
my $CHILDREN = "StartServers 2\nServerLimit 8\nMinSpareThreads 1\nMaxSpareThreads 64\nThreadsPerChild 16\nMaxRequestWorkers 128\n";

sub server (%o) {
    return ChatTest::Kept->new(resume => '', where => 'ChatModelDefault m', %o);
}

sub logs ($t) {
    return grep { -f } glob "$t->{dir}/run/chat/*-*-*-*-*";
}

# Its stream, once it has sent an event; with head, before that.
sub begin ($t, $c, %mock) {
    my $conn = $t->connect(timeout => 30);
    my $script = join ';', map { "$_=$mock{$_}" } sort keys %mock;
    $conn->request('POST', '/chat', headers => [ 'Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%* ],
        body => qq({"conversationId":"$c","messages":[{"role":"user","content":"Tell mock($script)"}]}));
    my $row = wait_for('the stream', sub {
        my ($s) = $t->rows("select id from chat_stream where conversation_id = '$c'");
        $s && (-s "$t->{dir}/run/chat/$s->{id}" // 0) > ($mock{head} ? 0 : 300) ? $s : undef;
    }) // {};
    return ($conn, $row->{id} // 'none');
}

# What has come, whole events of it.
sub heard ($t, $bytes) {
    my $whole = $bytes =~ s/.*\n\n\K.*\z//sr;
    return join '', map { JSON::PP::decode_json($_)->{text} } $whole =~ /^data: (\{"type":"text".*)$/mg;
}

sub follow ($t, $stream, $after) {
    return $t->get("/chat/$stream", headers => { ChatTest::Kept::as('ann')->%*, 'Last-Event-ID' => $after });
}

# SQLite's index of titles, in many parts.
sub tear ($t) {
    my $sql = "insert into chat_conversation_search (chat_conversation_search, rank) values ('crisismerge', 100);";
    $sql .= join '', map { "insert into chat_conversation (id, user_id, title, created_at, updated_at, last_message_at)"
        . " values ('00000000-0000-7000-8000-0000000000$_', 'nobody', 'title$_', 1, 1, 1);" } 10 .. 21;
    system('sqlite3', '-bail', '-batch', '-cmd', '.timeout 5000', "$t->{dir}/data/chats.db", $sql) == 0 or die 'sqlite3';
    return;
}

sub parts ($t) {
    return ($t->rows('select count(distinct segid) as n from chat_conversation_search_idx'))[0]{n};
}

for my $mpm (qw(event prefork)) {
    my $t = server(mpm => $mpm, $mpm eq 'event' ? (mpm_conf => $CHILDREN) : (), where => "ChatModelDefault m")->start;
    $t->allow_log(qr/AH00052: child pid \d+ exit signal Killed/, qr/CHAT0835: stream \S+ was left behind/, qr/CHAT0902/, qr/CHAT022[1-9]/);
    my $user = ($> ? getpwuid $> : (grep { defined getpwnam $_ } 'www-data', 'nobody')[0]);

    my $whole = $t->ask($t->uuid, 'All', mock => { n => 3, pace => 1 });
    is join(' ', map { $_->{id} // 'none' } $whole->{events}->@*), join(' ', 1 .. $whole->{events}->@*), "$mpm: events have ids";
    my @stat = stat "$t->{dir}/run/chat";
    is sprintf('%04o', $stat[2] & 07777), '0700', '... and a log, in a directory that is private';
    is getpwuid $stat[4], $user, '... and is that of the children';

    # Another connection takes it up, by whichever process has it.
    my $c = $t->uuid;
    my ($conn, $stream) = begin($t, $c, n => 12, pace => scaled(30));
    my $taken = follow($t, $stream, 2);
    my $all = $conn->response;
    is $taken->{body}, $all->{body} =~ s/\A(?:.*?\n\n){2}//sr, "$mpm: a stream is taken up behind an event, to the byte";

    ($conn, $stream) = begin($t, $c = $t->uuid, n => 3, head => 1000 * scaled(1));
    $taken = follow($t, $stream, 0);
    is $taken->{body}, $conn->response->{body}, '... also by who comes before its first event';

    # Killed in the midst.
    $c = $t->uuid;
    ($conn, $stream) = begin($t, $c, n => $PIECES, pace => scaled(60));
    tear($t) if $mpm eq 'event';
    cmp_ok parts($t), '>', 8, '... and the index of words is in many parts' if $mpm eq 'event';
    kill KILL => $t->children;
    my $had = heard($t, $conn->response->{body});
    my $kept = $t->settled($c, 20);
    my $text = join '', map { $_->{text} // '' } $kept->{parts}->@*;
    ok length $had, "$mpm: a client of a child that is killed had a part";
    is substr($text, 0, length $had), $had, '... all of which is in the database';
    is $kept->{status}, 'partial', '... as a part of an answer';
    is follow($t, $stream, 3)->{status}, 204, '... and whoever comes back is told that it is over';
    is $t->ask($c, 'Next', mock => { n => 1 })->{status}, 200, '... and asks on';
    is $t->messages($c), 4, '... in the same conversation';
    wait_for('an index of words in one part', sub { parts($t) == 1 }, 20) if $mpm eq 'event';

    # A directory that goes is made again by the next start.
    if ($mpm eq 'event') {
        $t->allow_log(qr/CHAT1205/);
        system 'rm', '-rf', "$t->{dir}/run/chat";
        my $res = $t->ask($t->uuid, 'Gone', mock => { n => 3 });
        is $t->text($res), $t->text($whole), 'without its directory an answer comes and is saved';
        is scalar(grep { $_->{id} } $res->{events}->@*), 0, '... but says of no event that it can be resumed';
        like $t->error_log, qr/CHAT1205: .*its directory is gone: restart/, '... and the log says what helps';
        $t->graceful;
        ok scalar(grep { $_->{id} } $t->ask($t->uuid, 'Back', mock => { n => 3 })->{events}->@*), '... which does';

        # Another server would take what waits for this one's database.
        my $other = server(conf => qq{DefaultRuntimeDir "$t->{dir}/run"\nPidFile "other.pid"});
        ok !eval { $other->start; 1 }, 'another server does not start in the same directory';
        like $@, qr/CHAT0839: .*\Q$t->{dir}\E\/run\/chat: the server with the PidFile \Q$t->{dir}\E\/run\/httpd\.pid has it/, '... and says whose it is';
        $other->up->stop;
    }
    $t->stop;
}

# ---- off, and where nothing is kept ----

my $t = server(resume => 'off')->start;
my $res = $t->ask($t->uuid, 'Off', mock => { n => 3 });
is scalar(grep { $_->{id} } $res->{events}->@*), 0, 'off: no event has an id';
is_deeply [ logs($t) ], [], '... and there is no log';
$t->stop;

$t = ChatTest->new(conf => "<Location /x>\nSetHandler chat\nChatRoute mock\n</Location>\n")->start;
ok !-e "$t->{dir}/run/chat", 'where nothing is kept there is no directory';
$t->stop;

# Of one host that keeps conversations, and of one that counts alone.
my $sqlite = qq{DBDriver sqlite3\nDBDParams "%%DIR%%/run/chats.db"\n};
for my $case ([ 'ChatRoute conversations', 'ChatStore chat', 1 ], [ 'ChatRoute stream', 'ChatUsage on', 0 ]) {
    my ($route, $keeps, $logs) = @$case;
    $t = ChatTest->new(modules => ['dbd'], conf => $sqlite . "<VirtualHost *>\n<Location /x>\nSetHandler chat\n$route\n$keeps\nChatAuth guest\n"
        . "</Location>\n</VirtualHost>\n")->start;
    $t->allow_log(qr/CHAT022[0-9]/, qr/CHAT011\d/, qr/AH006(?:29|33|36)/);
    is -d "$t->{dir}/run/chat/stop" ? 1 : 0, $logs, "$keeps in one virtual host: " . ($logs ? 'streams are logged' : 'there is no place for logs');
    $t->stop;
}

# ---- what cannot be the directory ----

my %wrong = (
    'a file' => [ sub ($dir) { open my $file, '>', "$dir/chat" or die $! }, qr/it is no directory/ ],
    'a directory of others' => [ sub ($dir) { mkdir "$dir/chat", 0700; chmod 0777, "$dir/chat" }, qr/others may write there: chmod 700 it/ ],
    $> == 0 ? ('a directory of another user' => [ sub ($dir) { mkdir "$dir/chat", 0700; chown 12345, -1, "$dir/chat" }, qr/does not belong to the User .* chown -R it to \d+/ ]) : (),
);
for my $what (sort keys %wrong) {
    my ($make, $why) = $wrong{$what}->@*;
    my $refused = server();
    $make->("$refused->{dir}/run");
    chown +(getpwnam 'www-data')[2], -1, "$refused->{dir}/run/chat" if $> == 0 && $what eq 'a directory of others';
    my ($ok, $said) = $refused->configtest;
    ok !$ok, "$what is refused by configtest";
    like $said, qr/CHAT1203: streams cannot be logged in \S+\/run\/chat: .*$why.* ChatStreamResume names another directory, or off/, '... in words';
    $refused->up->stop;
}
my $refused = server(resume => 'spool=%%DIR%%/not/there');
ok !eval { $refused->start; 1 }, 'where the directory cannot be made httpd does not start';
like $@, qr/CHAT1203: .*\/not\/there: \S+\/not, in which it lies: No such file/, '... and says what is missing';
$refused->up->stop;

done_testing;
