# SPDX-License-Identifier: Apache-2.0
#
# A database that is away: before an answer (a 503, and no provider is asked),
# and when it ends (the answer waits in a file, and is written once, also when
# the server has been restarted meanwhile).
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;

my $t = ChatTest::Kept->new(kind => 'pgsql', dbd => "DBDMin 0\nDBDKeep 2\nDBDMax 4")->start;
my $pg = $t->pg;
$t->allow_log(qr/\bdbd:error\b|AH006\d\d/, qr/CHAT02\d\d/, qr/CHAT0902/);
$t->expect_log(qr/CHAT0832: the database did not take an answer/, qr/CHAT0834: the database has taken the answer/);

sub waiting () {
    return map { s{.*/}{}r } glob $t->dir . '/spool/unsaved/*.unsaved';
}

# An answer, in the middle of which the database goes.
sub lose_at_end ($c) {
    my $gone;
    my $res = $t->ask($c, 'Long', model => 'm', mock => { n => 6, pace => 60 }, on_event => sub ($event, $r) {
        $pg->stop unless $gone++;
        1;
    });
    ok $res->{clean}, 'the client has its whole answer while the database is away';
    is scalar($t->events($res, 'done')), 1, '... with its end' or diag $res->{body};
    my ($file, @more) = wait_for(sub { waiting() }, 'the answer waits') ? waiting() : return '';
    is scalar(@more), 0, '... in one file';
    my ($mode, $uid) = (stat $t->dir . "/spool/unsaved/$file")[2, 4];
    is $mode & 07777, 0600, '... which nobody else can read';
    return $t->text($res);
}

sub is_saved ($c, $text) {
    my $m = $t->settled($c);
    is $m->{status}, 'complete', 'the answer is saved when the database is back';
    is $m->{text}, $text, '... as it was';
    is $m->{finish_reason}, 'stop', '... with all that is known';
    wait_for(sub { !waiting() }, 'the file goes');
    is scalar(() = $t->rows("select id from chat_message where conversation_id = '$c' and role = 'assistant'")), 1, '... and there is one';
    is $t->ask($c, 'Next', model => 'm')->{status}, 200, 'the conversation goes on';
}

my $c = $t->uuid;
wait_for(sub { $t->ask($t->uuid, 'Ready?', model => 'm')->{status} == 200 }, 'the tables are there');

my $text = lose_at_end($c);
my $calls = $t->up->calls;
my $res = $t->ask($t->uuid, 'Now?', model => 'm');
is $res->{status}, 503, 'without a database nothing begins';
is $res->{json}{code}, 'store_unavailable', '... and why';
is $t->up->calls, $calls, '... nor is the provider asked';
$pg->start;
is_saved($c, $text);

# The process that has the file is gone when the database comes back.
$c = $t->uuid;
$text = lose_at_end($c);
kill KILL => $t->children;
$t->allow_log(qr/AH00052: child pid \d+ exit signal Killed/);
$pg->start;
is_saved($c, $text);

# Broken files are told of, and kept.
my $dir = $t->dir . '/spool/unsaved';
$t->expect_log(qr/CHAT0833: \S+ is not an answer that waits/);
$t->write_file('spool/unsaved/x.unsaved', '{"answer":', 0644);
wait_for(sub { -e "$dir/x.unsaved.bad" }, 'a file that is none is put aside');
ok !waiting(), '... so that nobody waits for it';

$t->stop;
done_testing;
