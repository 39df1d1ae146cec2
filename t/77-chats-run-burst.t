# SPDX-License-Identifier: Apache-2.0
#
# Two hundred first requests at once, at a server that has just been started and
# has no connection to its database yet: each is answered. The connections are
# those of conf/chat.conf.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;
use ChatTest::Load qw(load_ok);

my $CLIENTS = 200;

for my $kind (qw(pgsql sqlite)) {
    my $t = ChatTest::Kept->new(kind => $kind, mpm => 'event', dbd => 'DBDMin 0', where => 'ChatModelDefault m',
        mpm_conf => "StartServers 1\nServerLimit 4\nThreadsPerChild 64\nMaxRequestWorkers 256\nMinSpareThreads 1\nMaxSpareThreads 256\n")->start;

    wait_for(sub { $t->ask($t->uuid, 'Ready?')->{status} == 200 }, 'the tables are there');
    $t->restart;
    load_ok "$kind: $CLIENTS first requests at once are answered", $t->url('/say'), a => 'completions', D => 'message',
        b => '{"session_id":"s{i}","message":"mock(seed={i};n=2)"}', H => 'Authorization: ' . ChatTest::Kept::as('ann')->{Authorization},
        c => $CLIENTS, p => 'n=2', t => 120;
    is +($t->rows("select count(*) as n from chat_message where status = 'complete' and role = 'assistant'"))[0]{n},
        $CLIENTS + 1, '... and kept';
    $t->stop;
}

done_testing;
