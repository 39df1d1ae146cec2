# SPDX-License-Identifier: Apache-2.0
#
# Rounds in which a child is killed while it writes answers, and what must be
# true then.
package ChatTest::Killed;

use v5.36;
use JSON::PP ();
use Socket     qw(MSG_DONTWAIT MSG_PEEK);
use Test::More ();
use Time::HiRes qw(sleep);
use ChatTest qw(wait_for scaled);
use ChatTest::Kept;

# Of each answer, of about so many tokens; and what one that runs has reserved.
my $PIECES = 60;
my $RESERVED = 1100;

my $JSON = JSON::PP->new->utf8->canonical;

# %o: kind, pg, up, more as of ChatTest::Kept; streams => how many at once.
sub new ($class, %o) {
    my $streams = delete $o{streams};
    my $t = ChatTest::Kept->new(%o, where => <<'LIMITS', mpm_conf => <<'END')->start;
ChatStoreLimit conversations=100000
ChatLimit asked 1000000000/1d user
ChatLimit spent 1000000000/1d user unit=tokens reserve=1000
ChatLimit open 1000 user unit=streams
LIMITS
StartServers 2
ServerLimit 4
MinSpareThreads 1
MaxSpareThreads 100
ThreadsPerChild 25
MaxRequestWorkers 100
END
    $t->allow_log(qr/AH00052: child pid \d+ exit signal Killed/, qr/CHAT0838: stream \S+ was left behind/,
        qr/AH\d+: .*(?:long lost child|scoreboard)/, qr/CHAT0902/, qr/CHAT022[1-9]/, qr/CHAT020[67]/);
    my $self = bless { t => $t, streams => $streams, round => 0, asked => 0, cut => 0, refused => 0 }, $class;
    wait_for(sub { $self->ask($t->uuid, 'Ready?')->{status} == 200 }, 'the tables are there');
    return $self;
}

# One more answer, however it ends.
sub ask ($self, $conversation, $text, %o) {
    $self->{asked}++;
    my $res = $self->{t}->ask($conversation, "$text mock(n=1;pace=0)", model => 'm', %o);
    $self->{left} = { map { /"(\w+)";r=(\d+)/ ? ($1 => $2) : () } split /,/, $res->{headers}{ratelimit} // '' };
    return $res;
}

# What the policies have counted when this answer began.
sub used ($self) {
    $self->ask($self->{t}->uuid, 'How much?');
    my %most = (asked => 1e9, spent => 1e9, open => 1000);
    return map { $_ => $most{$_} - ($self->{left}{$_} // 0) } keys %most;
}

# Nobody is charged twice, by us or by the provider, and what was reserved by who
# is dead comes back.
sub charged ($self, $round) {
    my $t = $self->{t};
    my %used;
    Test::More::ok(wait_for(sub { %used = $self->used; $used{open} <= 1 }, 'no place is taken any more', 20), '... no place stays taken')
        or Test::More::diag(Test::More::explain(\%used));
    Test::More::cmp_ok($used{asked}, '<=', $self->{asked}, '... each of them was counted once');
    Test::More::cmp_ok($used{asked}, '>=', $self->{asked} - $self->{refused}, '... and was counted');
    my ($sum) = $t->rows('select sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as billed from chat_message');
    # One that ends when its process dies may be here and not there.
    my $unsure = $self->{cut} * 2 * $PIECES;
    Test::More::cmp_ok($used{spent}, '>=', $sum->{billed} - $unsure, '... its tokens, too');
    Test::More::cmp_ok($used{spent}, '<=', $sum->{billed} + $RESERVED + $unsure, '... and none of them twice');
    my $calls = $t->up->_ask('GET', '/_calls');
    my @twice = grep { /^$round\d{3} / && $calls->{$_} != 1 } keys %$calls;
    Test::More::is("@twice", '', '... and the provider was asked once');
    return;
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

sub open_stream ($self, $seed) {
    my $t = $self->{t};
    my $c = $t->uuid;
    my $conn = $t->connect(timeout => 30);
    my $headers = { 'Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%* };
    $conn->request('POST', '/chat', headers => [%$headers], body => $JSON->encode({ conversationId => $c, model => 'm',
        messages => [ { role => 'user', content => "Round mock(n=$PIECES;pace=40;seed=$seed)" } ] }));
    $self->{asked}++;
    return { c => $c, conn => $conn, seed => $seed };
}

# Where the machine is busy, a database may not have answered in time.
sub is_refused ($s) {
    my $status = '';
    return defined recv($s->{conn}{rfh}, $status, 12, MSG_PEEK | MSG_DONTWAIT) && $status eq 'HTTP/1.1 503';
}

# A stream each, over connections of their own, which are read as far as they
# come while children are killed. Some at a time, for all of them write.
sub open_streams ($self) {
    my $t = $self->{t};
    my @streams;
    for my $i (1 .. $self->{streams}) {
        push @streams, $self->open_stream($self->{round} * 1000 + $i);
        next if $i % 10 && $i < $self->{streams};
        wait_for(sub {
            for my $s (grep { is_refused($_) } @streams) {
                $s->{conn}->close;
                $self->{refused}++;
                %$s = $self->open_stream($s->{seed})->%*;
            }
            my $calls = $t->up->_ask('GET', '/_calls');
            @streams == grep { /^$self->{round}\d{3} / } keys %$calls;
        }, 'all of them run', 60);
    }
    return @streams;
}

# How the next turn is answered, when the database is in time for it.
sub next_turn ($self, $conversation) {
    my $status;
    wait_for(sub {
        $status = $self->ask($conversation, 'Next', parentId => undef)->{status};
        $self->{refused}++ if $status == 503;
        return $status != 503;
    }, 'the database to answer in time', 60);
    return $status;
}

sub round ($self) {
    my $t = $self->{t};
    my $round = ++$self->{round};
    my @streams = $self->open_streams;
    sleep rand 0.8;
    my @children = sort { $a <=> $b } $t->children;
    my @killed = grep { !($_ % 2) || @children < 2 } @children;
    @killed = ($children[0]) unless @killed;
    kill KILL => @killed;

    my ($cut, $lost, $wrong, $running) = (0, 0, 0, 0);
    for my $s (@streams) {
        my $res = $s->{conn}->response;
        my $text = $t->text($res);
        my $m = $t->settled($s->{c}, 60) or next;
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
    my $next = grep { $self->next_turn($_->{c}) == 200 } @streams;
    Test::More::is($next, scalar @streams, '... and each conversation takes the next turn');
    $self->{cut} += $cut;
    $self->charged($round);
    return;
}

sub stop ($self) {
    return $self->{t}->stop;
}

1;
