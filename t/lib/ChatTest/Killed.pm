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

# What one that runs has reserved.
my $RESERVED = 1100;

my $JSON = JSON::PP->new->utf8->canonical;

# %o: kind, pg, up, more as of ChatTest::Kept; streams => how many at once; pieces
# => of each answer, of about so many tokens, 40 ms each.
sub new ($class, %o) {
    my ($streams, $pieces) = (delete $o{streams}, delete $o{pieces} // 60);
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
        qr/AH\d+: .*(?:long lost child|scoreboard)/, qr/CHAT0902/, qr/CHAT022[1-9]/, qr/CHAT020[67]/,
        qr/CHAT0832/); # where the machine is busy: each round sees that the answer is kept after all
    my $self = bless { t => $t, streams => $streams, pieces => $pieces, round => 0, asked => 0, cut => 0, refused => 0 }, $class;
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
    my $unsure = $self->{cut} * 2 * $self->{pieces};
    Test::More::cmp_ok($used{spent}, '>=', $sum->{billed} - $unsure, '... its tokens, too');
    Test::More::cmp_ok($used{spent}, '<=', $sum->{billed} + $RESERVED + $unsure, '... and none of them twice');
    my $calls = $t->up->_ask('GET', '/_calls');
    my @twice = grep { /^$round\d{3} / && $calls->{$_} != 1 } keys %$calls;
    Test::More::is("@twice", '', '... and the provider was asked once');
    return;
}

# A question, over a connection of its own.
sub open_turn ($self, $conversation, $content, %o) {
    my $conn = $self->{t}->connect(timeout => 30);
    $conn->request('POST', '/chat', headers => [ 'Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%* ],
        body => $JSON->encode({ conversationId => $conversation, model => 'm', messages => [ { role => 'user', content => $content } ], %o }));
    $self->{asked}++;
    return $conn;
}

sub open_stream ($self, $seed) {
    my $c = $self->{t}->uuid;
    return { c => $c, conn => $self->open_turn($c, "Round mock(n=$self->{pieces};pace=40;seed=$seed)"), seed => $seed };
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

# What is kept of their answers when all are over, by conversation.
sub kept ($self, @streams) {
    my $t = $self->{t};
    my $in = join ', ', map { "'$_->{c}'" } @streams;
    my @kept;
    wait_for(sub {
        @kept = $t->rows('select m.conversation_id, m.status, m.text, s.status as stream from chat_message m'
                . " left join chat_stream s on s.message_id = m.id where m.role = 'assistant' and m.conversation_id in ($in)");
        return @kept == @streams && !grep { $_->{status} eq 'streaming' } @kept;
    }, 'all answers to be over', 60);
    return map { $_->{conversation_id} => $_ } @kept;
}

# The next turn of each, some at a time. How many are answered; when the database
# is not in time for one, it is asked again.
sub next_turns ($self, @streams) {
    my $answered = 0;
    my @left = map { $_->{c} } @streams;
    wait_for(sub {
        my @open = map { [ $_, $self->open_turn($_, 'Next mock(n=1;pace=0)', parentId => undef) ] } splice @left, 0, 10;
        for (@open) {
            my ($c, $conn) = @$_;
            my $status = $conn->response->{status};
            $answered++ if $status == 200;
            next if $status != 503;
            $self->{refused}++;
            push @left, $c;
        }
        return !@left;
    }, 'the database to answer in time', 120);
    return $answered;
}

# How many connections each child has.
sub held ($self) {
    return map { my $pid = $_; $pid => scalar grep { (readlink // '') =~ /^socket:/ } glob "/proc/$pid/fd/*" } $self->{t}->children;
}

# One of the children that have streams: two to a stream, and some of their own.
sub one_of_them ($self) {
    my %held = $self->held;
    my ($most) = sort { $b <=> $a } values %held;
    my @with = grep { $held{$_} > $most / 2 } keys %held;
    return $with[rand @with];
}

sub round ($self) {
    my $t = $self->{t};
    my $round = ++$self->{round};
    my @streams = $self->open_streams;
    sleep rand 0.8;
    kill KILL => $self->one_of_them;

    my ($cut, @lost, @wrong) = (0);
    $_->{res} = $_->{conn}->response for @streams;
    my %kept = $self->kept(@streams);
    for my $s (@streams) {
        my ($m, $text) = ($kept{ $s->{c} } // {}, $t->text($s->{res}));
        $cut++ unless $s->{res}{clean};
        push @lost, "$s->{c}: heard '$text', kept '$m->{text}'" if index($m->{text} // '', $text) != 0;
        my $expect = $s->{res}{clean} ? 'complete' : 'partial';
        # One that was killed when all was said may be whole all the same.
        push @wrong, "$s->{c}: $m->{status}" unless $m->{status} eq $expect || (!$s->{res}{clean} && $m->{status} eq 'complete');
    }
    Test::More::is("@lost", '', "round $round ($cut cut): every character that a client had is kept");
    Test::More::is("@wrong", '', '... with the right status');
    Test::More::is(scalar(grep { ($_->{stream} // 'running') eq 'running' } values %kept), 0, '... and no stream runs');
    Test::More::is($self->next_turns(@streams), scalar @streams, '... and each conversation takes the next turn');
    $self->{cut} += $cut;
    $self->charged($round);
    return;
}

sub stop ($self) {
    Test::More::cmp_ok($self->{cut}, '>', 0, "of $self->{round} rounds with $self->{streams} answers each: $self->{cut} were cut") if $self->{round};
    return $self->{t}->stop;
}

1;
