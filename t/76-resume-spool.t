# SPDX-License-Identifier: Apache-2.0
#
# Logs of streams in files: a client that comes back has every event once,
# whatever it had before and whichever process answers it; what is missing is
# said; and a stream is stopped from anywhere. On a disk, and in memory, where
# files are mapped. By a module of the tests, below the routes
# (t/tools/module/mod_chat_probe.c).
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Probe;
use Time::HiRes qw(sleep);

# Among mounts of its own: what is mounted here goes with the last process of this
# test, however that ends.
exec 'unshare', '--mount', $^X, $0 if !$> && !$ENV{CHAT_TEST_OWN_MOUNTS}++ && system('unshare --mount true 2>/dev/null') == 0;

my $EVENTS = 12;
# TSan takes the end of prefork's children, inside a signal handler, for an error.
my $TSAN = ($ENV{CHAT_VARIANT} // '') eq 'tsan';

sub server (%o) {
    my %mpm = ($o{mpm} // 'event') eq 'prefork' ? () : (mpm_conf => "StartServers 3\nServerLimit 16\nThreadLimit 16\n"
        . "ThreadsPerChild 16\nMaxRequestWorkers 96\nMinSpareThreads 48\nMaxSpareThreads 96\n"
        . (($o{mpm} // 'event') eq 'event' ? "AsyncRequestWorkerFactor 50\n" : ''));
    return ChatTest::Probe->new(%mpm, %o)->start;
}

sub ends ($t, $id) {
    my $found = wait_for("the end of $id", sub { $t->error_log =~ /probe (?:write|call) $id: (why=\S+ left=\d+ bytes=\d+)/ && $1 });
    return $found // '';
}

my ($COMPLETE, $GONE, $CANCELLED) = map { "why=$_" } 0, 2, 4;

# A client that reads events 1..$n and is gone.
sub read_some ($t, $path, $n) {
    my $client = $t->client;
    $client->request(GET => "/probe/$path");
    my $left = $n;
    my $res = $client->response(on_event => sub (@) { --$left > 0 });
    $client->close;
    return $res->{body} =~ s/\A((?:.*?\n\n){$n}).*/$1/sr;
}

for my $mpm (qw(event worker), $TSAN ? () : 'prefork') {
    my $t = server(mpm => $mpm, memory => $mpm eq 'event');
    my $whole = $t->events(1, $EVENTS, 10);

    # It is resumed after each event in turn, by whichever process accepts: all
    # connections are new ones.
    my $id = $t->new_id;
    my $first = $t->client;
    $first->request(GET => "/probe/finish/write/$id?n=$EVENTS&ms=" . scaled(40) . '&size=10');
    $first->response(on_event => sub (@) { 0 });
    $first->close;
    my ($had, $n) = ('', 0);
    while ($n < $EVENTS) {
        my $more = read_some($t, "follow/$id?after=$n", 1);
        last if $more eq '';
        $had .= $more;
        $n++;
    }
    is $had, $whole, "$mpm: a client that leaves after each event has all of them, to the byte";
    like ends($t, $id), qr/^$COMPLETE left=1/, '... and its stream has ended by itself, without it';
    is $t->get("follow/$id")->{body}, $whole, '... which can be read again';
    is $t->get("follow/$id?after=$EVENTS")->{status}, 204, '... with nothing behind its end';
    is $t->get("load/$id")->{body}, "last=$EVENTS ended=1\n$whole", '... and loaded';
    is $t->get("find/$id")->{body}, "$id owner=the same route=stream ended=1 broken=0\n", '... by whom it belongs to';

    # Many readers of one that is being written.
    $id = $t->new_id;
    my $writer = $t->client;
    $writer->request(GET => "/probe/write/$id?n=$EVENTS&ms=" . scaled(30) . '&size=10');
    wait_for('the stream', sub { $t->get("find/$id")->{status} == 200 });
    read_some($t, "follow/$id", 2);
    my @readers = map { my $c = $t->client; $c->request(GET => "/probe/follow/$id?after=" . $_ % 3); $c } 1 .. fewer(30);
    my $same = grep { $_ } map {
        my $res = $readers[$_]->response;
        $res->{clean} && $res->{body} eq $t->events(1 + ($_ + 1) % 3, $EVENTS, 10);
    } 0 .. $#readers;
    is $same, @readers, "$mpm: so many readers follow one stream in several processes";
    $writer->rest(timeout => 10);

    # Stopped by any process: most of these requests are another's.
    for my $what ('write', 'finish/write') {
        $id = $t->new_id;
        my $client = $t->client;
        $client->request(GET => "/probe/$what/$id?n=1000&ms=100");
        my $events = 0;
        my $res = $client->response(on_event => sub (@) { ++$events == 2 ? $t->get("stop/$id")->{status} == 200 : 1 });
        like $res->{body}, qr/event: cancelled\n/, "$mpm: $what that is stopped says so";
        ok $res->{clean} && $events < 100, '... soon';
        like ends($t, $id), qr/^$CANCELLED left=0/, '... and is cancelled';
        is $t->get("stop/$id")->{status}, 200, '... which may be asked for again';
    }

    # Nobody has to be there, and a stop is heard before the stream begins.
    $id = $t->new_id;
    # A client is watched once its stream is older than a short answer.
    read_some($t, "finish/write/$id?n=1000&ms=100", 2);
    $t->get("stop/$id");
    like ends($t, $id), qr/^$CANCELLED left=1/, "$mpm: one whose client has left is stopped, too";
    $id = $t->new_id;
    $t->get("stop/$id");
    wait_for('all processes to have heard it', sub { $t->get("write/$id?n=1&log=0")->{body} eq '{}' });
    pass 'a stream that was stopped before it began does not begin';

    $t->stop;
}

# ---- files in memory ----

SKIP: {
    skip 'no file system in memory', 1 if !ChatTest::Probe::memory_dir();
    my $t = server(memory => 1);
    my $mapped = sub ($id) {
        return scalar grep { open my $maps, '<', "/proc/$_/maps"; $maps && grep { /\Q$id\E/ } <$maps> } $t->children;
    };
    my ($id, $client, %is);
    for my $case ([ short => 1, 60_000 ], [ long => 8, 10 ]) {
        my ($name, $after, $ms) = @$case;
        my $events = 0;
        $id = $t->new_id;
        $client = $t->client;
        $client->request(GET => "/probe/write/$id?n=1000&ms=$ms");
        $client->response(on_event => sub (@) { $is{$name} = $mapped->($id) if ++$events == $after; $events < $after });
        $client->close;
        ends($t, $id);
    }
    is_deeply \%is, { short => 0, long => 1 }, 'the log of a short answer is written, that of one that goes on is mapped';
    ok wait_for('its end', sub { !$mapped->($id) }), '... until it ends';
    like $t->get("follow/$id")->{body}, qr/\A\Q${\ $t->events(1, 8)}\E/, '... and is read to its end';
    is +(-s $t->spool . "/$id") % 4096, 0, '... however long its file is';

    # Longer than what is mapped of it, in files of many sizes.
    my $whole = $t->events(1, 900, 500);
    $id = $t->new_id;
    $client = $t->client;
    $client->request(GET => "/probe/write/$id?n=900&size=500");
    wait_for('the stream', sub { $t->get("find/$id")->{status} == 200 });
    my @readers = map { my $c = $t->client; $c->request(GET => "/probe/follow/$id"); $c } 1 .. 4;
    is $client->response->{body}, $whole, 'a stream that is longer than a map';
    is scalar(grep { $_->response->{body} eq $whole } @readers), 4, '... is followed meanwhile, to the byte';
    is $t->get("load/$id")->{body}, "last=900 ended=1\n$whole", '... and loaded';
    $t->stop;
}

# ---- what is missing ----

my $t = server(memory => 1, resume => 'spool age=10s size=8K', conf => <<'END');
<Location /probe/short>
ChatStreamOnLeave finish=1s
</Location>
END
my ($id, $res);

is $t->get('follow/' . $t->new_id)->{status}, 404, 'what nobody has written is not found';
is $t->get($_)->{status}, 404, "$_ is no name" for 'follow/stop', 'follow/' . 'a' x 36, 'load/../../etc/passwd';

$id = $t->new_id;
$res = $t->get("write/$id?n=100&size=200");
is $res->{body}, $t->events(1, 100, 200), 'a stream that is longer than its log goes on';
is $t->get("follow/$id")->{status}, 404, '... but its log is gone when it has ended';
$t->allow_log(qr/CHAT1206/);
like $t->error_log, qr/CHAT1206: .*the log of the stream $id cannot be written.*: it has reached its size/, '... and that is logged';

$id = $t->new_id;
my $writer = $t->client;
$writer->request(GET => "/probe/write/$id?n=1000&ms=5&size=200");
wait_for('the stream', sub { $t->get("find/$id")->{status} == 200 });
$res = $t->get("follow/$id");
like $res->{body}, qr/\A(?:id: \d+\nevent: delta\n.*\n\n){20,40}event: error\ndata: \{"type":"error","code":"stream_gap",.*\}\n\n\z/,
    'a follower has what there is, and is told that the rest is missing';
ok $res->{clean}, '... which is the end';
$t->get("stop/$id");
ends($t, $id);

$res = $t->get("write/" . ($id = $t->new_id) . '?n=3');
like $t->get("follow/$id?after=1")->{body}, qr/\Aid: 2\n.*\n.*\n\nid: 3\n/, 'behind the first event are the others';
is $t->get("follow/$id?after=7")->{status}, 204, 'nothing is behind what never was, once the end is known';
$t->get("remove/$id");
is $t->get("follow/$id")->{status}, 404, 'what was removed is gone';

# ---- what a killed process leaves ----

$id = $t->new_id;
my $follower = $t->client;
my $client = $t->client;
$client->request(GET => "/probe/write/$id?n=50&ms=" . scaled(50) . '&kill=8');
wait_for('the stream', sub { $t->get("find/$id")->{status} == 200 });
$follower->request(GET => "/probe/follow/$id");
$res = $follower->response;
SKIP: {
    skip 'the same process had both', 1 if !$res->{clean};
    like $res->{body}, qr/\Q${\ $t->events(1, 8)}\Eevent: error\n.*stream_gap/, 'a follower of a process that dies is told at once';
}
is $t->get("load/$id")->{body}, "last=8 ended=0\n" . $t->events(1, 8), 'all that was sent is there';
is $t->get('orphans/x')->{body}, "$id owner=the same route=stream ended=0 broken=0\n", '... and known to be left behind';
$t->allow_log(qr/exit signal Killed/);
is $t->get('sweep/x')->{status}, 200, 'sweeping';
is $t->get("load/$id")->{status}, 200, '... leaves that alone';
my $old = $t->new_id;
$t->get("write/$old?n=1");
utime time - 20, time - 20, $t->spool . "/$_" for $old, $id;
$t->get("stop/$old");
utime time - 70, time - 70, $t->spool . "/stop/$old";
$t->get('sweep/x');
is $t->get("load/$old")->{status}, 404, '... but removes what has ended when it is old';
is $t->get("load/$id")->{status}, 200, '... not what was left behind';
ok !-e $t->spool . "/stop/$old", '... and old stops';
is $t->get('orphans/x')->{body} =~ /^$id/, 1, '... which is still known';
$t->get("remove/$id");
is $t->get('orphans/x')->{body}, '', '... until it is removed';

# Files that nobody here has written.
my %foreign = (empty => '', line => "\0" x 16 . "chat-log 1 o 1 stream a\n", noise => join('', map { chr $_ * 7 % 256 } 0 .. 5000));
for my $name (sort keys %foreign) {
    $id = $t->new_id;
    open my $file, '>:raw', $t->spool . "/$id" or die $!;
    print $file $foreign{$name};
    close $file;
    chown +(stat $t->spool)[4, 5], $t->spool . "/$id";
    chmod 0644, $t->spool . "/$id";
    is $t->get("follow/$id")->{status} == 404, $name ne 'line', "a file of $name";
}
symlink '/etc/passwd', $t->spool . '/' . ($id = $t->new_id) or die $!;
isnt $t->get("follow/$id")->{status}, 200, 'a link is not followed';
isnt $t->get("write/$id?n=1")->{status}, 200, '... nor written through';
$t->allow_log(qr/CHAT120[57]/);
is sprintf('%o', (stat $t->spool)[2] & 07777), '700', 'the directory is private';
is_deeply [ map { sprintf '%o', (lstat)[2] & 0777 } grep { !-l && -f && -s > 5100 } glob $t->spool . '/*' ], [], 'and so are its files';

# ---- a directory below ChrootDir ----

SKIP: {
    skip 'only root changes its root', 1 if $>;
    my $jailed = ChatTest::Probe->new(conf => qq{ChrootDir "%%DIR%%/jail"\nLoadFile libgcc_s.so.1\n});
    my $jail = $jailed->dir . '/jail';
    system 'mkdir', '-p', $jail . $jailed->dir . '/run';
    $jailed->start;
    my $id = $jailed->new_id;
    $jailed->get("write/$id?n=3");
    is $jailed->get("follow/$id")->{body}, $jailed->events(1, 3), 'children that see nothing but a directory log their streams there';
    ok -s $jail . $jailed->spool . "/$id", '... below it';
    $jailed->stop;
}

# ---- a file system that is full ----

SKIP: {
    my $small = ChatTest::Probe->new;
    my ($uid, $gid) = (stat $small->dir . '/run')[4, 5];
    ($uid, $gid) = (getpwnam +(grep { defined getpwnam $_ } 'www-data', 'nobody')[0])[2, 3] if !$>;
    mkdir $small->spool, 0700 or die $!;
    skip 'only root mounts a file system', 1
        if system("mount -t tmpfs -o size=64k,mode=700,uid=$uid,gid=$gid none '${\ $small->spool}' 2>/dev/null") != 0;
    $small->start;
    my ($first, $second) = ($small->new_id, $small->new_id);
    for my $id ($first, $second) {
        $small->get("write/$id?n=35&size=700");
        utime time - 70, time - 70, $small->spool . "/$_" for grep { -e $small->spool . "/$_" } $first, $second;
        $small->get('sweep/x');
        is $small->get("load/$first")->{status}, $id eq $first ? 200 : 404,
            $id eq $first ? 'what has ended stays' : '... but not for long where the file system is almost full';
    }
    my $large = $small->new_id;
    is $small->get("write/$large?n=150&size=700")->{body}, $small->events(1, 150, 700), 'a stream for which no space is left goes on';
    is $small->get("follow/$large")->{status}, 404, '... and has no log';
    $small->allow_log(qr/CHAT1206/);
    like $small->error_log, qr/CHAT1206: .*the log of the stream $large cannot be written.*: No space left/, '... and that is logged';
    $small->stop;
    system 'mount', '-o', 'remount,ro', $small->spool;
    my ($ok, $said) = $small->configtest;
    ok !$ok, 'configtest refuses one that is read-only';
    like $said, qr/CHAT1203: streams cannot be logged in .*: its file system is read-only/, '... in words';
    ($ok, $said) = ChatTest::Probe->new(resume => 'spool=' . $small->spool . '/new')->configtest;
    like $said, qr/CHAT1203: .*\/new: it is not there, and cannot be made: its file system is read-only/, '... and one that cannot be made there';
    system 'umount', $small->spool;
}

# ---- leaving ----

$id = $t->new_id;
read_some($t, "short/write/$id?n=1000&ms=50", 1);
like ends($t, $id), qr/^$GONE left=1/, 'finish=TIME ends a stream whose client does not come back';
$id = $t->new_id;
read_some($t, "write/$id?n=1000&ms=50", 1);
like ends($t, $id), qr/^$GONE left=0/, 'without finish the stream ends when its client leaves';
$t->stop;

# ---- configuration ----

for my $case (
    [ 'spool=run',            qr/spool= with an absolute path/ ],
    [ 'somewhere',            qr/write off, spool/ ],
    [ 'spool age=1s',         qr/age/ ],
    [ 'spool size=1',         qr/size/ ],
    [ 'spool depth=1',        qr/depth/ ],
) {
    my ($ok, $out) = ChatTest::Probe->new(resume => $case->[0])->configtest;
    ok !$ok, "ChatStreamResume $case->[0] is refused";
    like $out, $case->[1], '... in words';
}
my ($ok, $out) = ChatTest::Probe->new(leave => 'run')->configtest;
like $out, qr/write stop, finish or finish=TIME/, 'ChatStreamOnLeave run is refused';

for my $mode (0770, 0707) {
    my $probe = ChatTest::Probe->new(resume => 'spool=%%DIR%%/mine');
    mkdir $probe->dir . '/mine';
    chown +(getpwnam 'www-data')[2, 3], $probe->dir . '/mine' if !$>;
    chmod $mode, $probe->dir . '/mine';
    ($ok, $out) = $probe->configtest;
    ok !$ok, sprintf 'a directory with mode %o is refused', $mode;
    like $out, qr/CHAT1203: .*others may write there/, '... in words';
}

done_testing;
