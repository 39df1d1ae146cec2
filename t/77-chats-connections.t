# SPDX-License-Identifier: Apache-2.0
#
# Answers that are kept, each with somebody who follows it, and one connection to
# the database for all of them: none holds it, so that whoever asks meanwhile is
# answered, and nobody notices when the database ends it. t/bench/followers.pl
# does it with a thousand.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;
use ChatTest::Postgres;
use ChatTest::Redis;

ChatTest::skip_or_fail('PostgreSQL (initdb) is not installed') unless ChatTest::Postgres::bin_dir();

my $STREAMS = fewer(30);
my @ANN = ('Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%*);
my $OURS = q{from pg_stat_activity where datname = 'chat' and backend_type = 'client backend' and pid <> pg_backend_pid()};

sub send_to ($t, $method, $path, $body = undef) {
    my $conn = $t->connect;
    $conn->request($method, $path, headers => \@ANN, body => $body);
    return $conn;
}

# What has come by now, as far as the number of its last event.
sub last_event ($conn) {
    1 while sysread $conn->{rfh}, $conn->{in}, 65536, length $conn->{in};
    return ($conn->{in} =~ /^id: (\d+)$/mg)[-1] // 0;
}

sub all_beyond ($n, @open) {
    return wait_for("event $n of each", sub { !grep { last_event($_) <= $n } @open });
}

# Streams and their readers, all of which have begun.
sub open_all ($t) {
    my @streams = map { send_to($t, 'POST', '/chat', qq({"conversationId":"${\$t->uuid}","messages":[{"role":"user","content":"Go mock(n=100000;pace=50)"}]})) } 1 .. $STREAMS;
    all_beyond(1, @streams);
    my @ids = map { $_->{id} } $t->rows(q{select id from chat_stream where status = 'running'});
    is scalar @ids, $STREAMS, 'so many answers are being written';
    my @readers = map { send_to($t, 'GET', "/chat/$_") } @ids;
    all_beyond(1, @readers);
    return (\@ids, @streams, @readers);
}

my $redis = ChatTest::Redis->new->start;
for my $case ([ event => 'spool=%%DIR%%/spool', '' ], [ worker => 'spool=%%DIR%%/spool', '' ], [ event => 'redis', 'ChatRedis ' . $redis->url . "\n" ]) {
    my ($mpm, $resume, $conf) = @$case;
    my $name = "$mpm, $resume" =~ s/=.*//r;
    my $t = ChatTest::Kept->new(kind => 'pgsql', mpm => $mpm, resume => $resume, where => 'ChatModelDefault m', conf => "ChatStreamMax 200\n$conf",
        dbd => "DBDMin 0\nDBDKeep 1\nDBDMax 1", mpm_conf => "StartServers 1\nServerLimit 1\nThreadLimit 100\nThreadsPerChild 100\nMaxRequestWorkers 100\n")->start;
    $t->allow_log(qr/AH00287/);
    wait_for('the tables are there', sub { $t->ask($t->uuid, 'Ready?')->{status} == 200 });

    my ($ids, @open) = open_all($t);
    is $t->pg->sql("select count(*) $OURS"), 1, "$name: they and their readers have one connection";
    ok wait_for('it to be idle', sub { $t->pg->sql("select count(*) $OURS and (state <> 'idle' or xact_start is not null)") eq '0' }), '... which is idle';
    my $asked = grep { $t->ask($t->uuid, 'Meanwhile')->{status} == 200 } 1 .. 10;
    is $asked, 10, '... and others are answered with it';
    $t->pg->sql("select pg_terminate_backend(pid) $OURS");
    my ($most) = sort { $b <=> $a } map { last_event($_) } @open;
    ok all_beyond($most + 5, @open), '... and they go on when it is ended';

    my $stopped = grep { $t->post_json("/chat/$_/stop", {}, headers => ChatTest::Kept::as('ann'))->{status} == 202 } @$ids;
    is $stopped, $STREAMS, '... until they are stopped';
    my @res = map { my $res = $_->response; $_->close; $res } @open;
    is scalar(grep { $_->{clean} && $_->{body} =~ /"type":"done",.*"finishReason":"stopped"/ } @res), 2 * $STREAMS, '... as each is told';
    my %own = map { $_->{body} => 1 } @res[ 0 .. $STREAMS - 1 ];
    is scalar(grep { $own{ $_->{body} } } @res[ $STREAMS .. $#res ]), $STREAMS, '... and each reader had what the first client had';
    is +($t->rows(q{select count(*) as n from chat_message where status = 'cancelled'}))[0]{n}, $STREAMS, '... which is kept';
    cmp_ok $t->pg->sql("select count(*) $OURS"), '<=', 1, '... over one connection';
    $t->stop;
}
$redis->stop;

done_testing;
