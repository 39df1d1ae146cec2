# SPDX-License-Identifier: Apache-2.0
#
# Rounds in which a child is killed while it writes answers, and what must be
# true then.
package ChatTest::Killed;

use v5.36;
use JSON::PP ();
use Test::More ();
use Time::HiRes qw(sleep);
use ChatTest qw(wait_for scaled);
use ChatTest::Kept;

my $JSON = JSON::PP->new->utf8->canonical;

# %o: kind, pg, up, more as of ChatTest::Kept; streams => how many at once.
sub new ($class, %o) {
    my $streams = delete $o{streams};
    my $t = ChatTest::Kept->new(%o, mpm_conf => <<'END')->start;
StartServers 2
ServerLimit 4
MinSpareThreads 1
MaxSpareThreads 100
ThreadsPerChild 25
MaxRequestWorkers 100
END
    $t->allow_log(qr/AH00052: child pid \d+ exit signal Killed/, qr/CHAT0838: stream \S+ was left behind/,
        qr/AH\d+: .*(?:long lost child|scoreboard)/, qr/CHAT0902/, qr/CHAT0223/);
    wait_for(sub { $t->ask($t->uuid, 'Ready?', model => 'm')->{status} == 200 }, 'the tables are there');
    return bless { t => $t, streams => $streams, round => 0 }, $class;
}

# The text that a client has: of whole events alone.
sub heard ($bytes) {
    my $text = '';
    for (split /\n\n/, $bytes =~ s/.*\n\n\K.*\z//sr) {
        my ($data) = /^data: (\{"type":"text".*)$/m or next;
        $text .= $JSON->decode($data)->{text};
    }
    return $text;
}

# A stream each, over connections of their own, which are read as far as they
# come while children are killed.
sub open_streams ($self) {
    my $t = $self->{t};
    my @streams;
    for my $i (1 .. $self->{streams}) {
        my $c = $t->uuid;
        my $conn = $t->connect(timeout => 30);
        my $headers = { 'Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%* };
        $conn->request('POST', '/chat', headers => [%$headers], body => $JSON->encode({ conversationId => $c, model => 'm',
            messages => [ { role => 'user', content => "Round mock(n=60;pace=25;seed=$i)" } ] }));
        push @streams, { c => $c, conn => $conn };
    }
    return @streams;
}

sub round ($self) {
    my $t = $self->{t};
    my $round = ++$self->{round};
    my @streams = $self->open_streams;
    wait_for(sub { $t->up->stats->{open} >= @streams }, 'all of them run');
    sleep rand 0.8;
    my @children = sort { $a <=> $b } $t->children;
    my @killed = grep { !($_ % 2) || @children < 2 } @children;
    @killed = ($children[0]) unless @killed;
    kill KILL => @killed;

    my ($cut, $lost, $wrong, $running) = (0, 0, 0, 0);
    for my $s (@streams) {
        my $res = $s->{conn}->response;
        my $text = $t->text($res);
        my $m = $t->settled($s->{c}, 15) or next;
        $cut++ unless $res->{clean};
        $lost++ if index($m->{text}, $text) != 0;
        my $expect = $res->{clean} ? 'complete' : 'partial';
        # One that was killed when all was said may be whole all the same.
        $wrong++ unless $m->{status} eq $expect || (!$res->{clean} && $m->{status} eq 'complete');
        my ($stream) = $t->rows("select status from chat_stream where conversation_id = '$s->{c}'");
        $running++ if !$stream || $stream->{status} eq 'running';
    }
    Test::More::cmp_ok($cut, '>', 0, "round $round: some of the answers were cut") if @killed == @children;
    Test::More::is($lost, 0, "round $round ($cut cut): every character that a client had is kept");
    Test::More::is($wrong, 0, '... with the right status');
    Test::More::is($running, 0, '... and no stream runs');
    my $next = grep { $t->ask($_->{c}, 'Next mock(n=1;pace=0)', model => 'm', parentId => undef)->{status} == 200 } @streams;
    Test::More::is($next, scalar @streams, '... and each conversation takes the next turn');
    return;
}

sub stop ($self) {
    return $self->{t}->stop;
}

1;
