# SPDX-License-Identifier: Apache-2.0
#
# A client that wants fewer events: pieces of a text that come within so many
# milliseconds are one. What they say together is the same to the letter, in its
# order; ids count what is sent; nothing waits for what does not come. By an
# engine and by the request's own thread.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Kept;
use JSON::PP ();

my ($t, $mpm);

# What a stream says, where it says it of one piece after another.
sub said (@events) {
    my @said;
    for my $e (@events) {
        my $kind = join ' ', $e->{type}, $e->{index} // ();
        my $is_text = defined $e->{text};
        if ($is_text && @said && $said[-1][0] eq $kind) { $said[-1][1] .= $e->{text} }
        else { push @said, [ $kind, $is_text ? $e->{text} : $e->{finishReason} // $e->{code} // $e->{name} // () ] }
    }
    return \@said;
}

sub texts (@events) { return scalar grep { defined $_->{text} } @events }

# The same question twice, the second time with fewer events.
sub same ($what, $ms, %mock) {
    my @plain = $t->events($t->ask($t->uuid, $what, mock => { seed => 7, %mock }));
    my $res = $t->ask($t->uuid, $what, mock => { seed => 7, %mock }, coalesce => $ms);
    my @fewer = $t->events($res);
    is_deeply said(@fewer), said(@plain), "$mpm: $what: says the same" or return;
    is_deeply [ grep { defined } map { $_->{id} } $res->{events}->@* ], [ 1 .. $res->{events}->@* ], '... under the next ids';
    cmp_ok texts(@fewer), '<', texts(@plain) / 2, '... in fewer events';
    return @fewer;
}

sub whole_answers () {
    same('a fast one', 20, n => 400, size => 8);
    same('one word after another', 1000, n => 12, pace => 10);
    same('thoughts and a text', 1000, reason => 12, n => 12, pace => 2, utf8 => 1);
    same('calls of tools', 1000, tools => 2, pieces => 12, pace => 2);
    same('one that breaks off', 1000, n => 40, after => 20, fault => 'close', pace => 2);
    my ($last) = reverse same('and its end', 1000, n => 12, pace => 2);
    is $last->{type}, 'done', '... the last piece is told before';
}

# The upstream says no more; what it has said does not wait for that.
sub silence () {
    my %mock = (seed => 7, n => 40, after => 6, fault => 'hang', pace => 20);
    my $want = join '', map { $_->{text} // () } ($t->events($t->ask($t->uuid, 'Whole', mock => { %mock, fault => 'none' })));
    my $text = '';
    my $n = 0;
    my $c = $t->uuid;
    my $res = $t->ask($c, 'Part', mock => \%mock, coalesce => 200, onLeave => 'finish', on_event => sub ($event, $r) {
        my $data = JSON::PP::decode_json($event->{data});
        $text .= $data->{text} // '' and $n++ if $data->{type} eq 'text';
        return length $text < 4 * 16;
    });
    cmp_ok length $text, '>=', 4 * 16, "$mpm: what came before a silence is told in it";
    is $text, substr($want, 0, length $text), '... in its order';
    my ($start) = $t->events($res, 'start');
    my $after = $res->{events}[-1]{id};
    is $t->post_json("/chat/$start->{streamId}/stop", {}, headers => ChatTest::Kept::as('ann'))->{status}, 202, '... and it is stopped';
    my $m = $t->settled($c);
    is $m->{text}, substr($want, 0, length $m->{text}), '... kept as it was said';
    my $rest = $t->get("/chat/$start->{streamId}", headers => { ChatTest::Kept::as('ann')->%*, 'Last-Event-ID' => $after });
    is $text . $t->text($rest), $m->{text}, '... and read on behind the last id, without a gap';
    is +($t->events($rest))[-1]{type}, 'done', '... to its end';
}

# Nobody is there, and whoever comes back finds all of it.
sub nobody_there () {
    my $c = $t->uuid;
    my $res = $t->ask($c, 'Left', mock => { seed => 7, n => 60, pace => 5 }, coalesce => 50, onLeave => 'finish', on_event => sub { 0 });
    my ($start) = $t->events($res, 'start');
    my $m = $t->settled($c);
    is $m->{status}, 'complete', "$mpm: one whose client has left is finished";
    my $whole = $t->get("/chat/$start->{streamId}", headers => ChatTest::Kept::as('ann'));
    is $t->text($whole), $m->{text}, '... and its log says the same';
    my @ids = map { $_->{id} } $whole->{events}->@*;
    for my $after (@ids[ 0, 1, -3, -2 ]) {
        my $rest = $t->get("/chat/$start->{streamId}", headers => { ChatTest::Kept::as('ann')->%*, 'Last-Event-ID' => $after });
        is_deeply [ map { $_->{data} } $rest->{events}->@* ], [ map { $_->{data} } @{ $whole->{events} }[ $after .. $#ids ] ], "... behind event $after, too";
    }
}

for my $which (qw(event prefork)) {
    next if $which eq 'prefork' && ($ENV{CHAT_VARIANT} // '') eq 'tsan';
    $mpm = $which;
    $t = ChatTest::Kept->new(mpm => $mpm)->start;
    whole_answers();
    silence();
    nobody_there();
    $t->expect_log(qr/CHAT0902: .* truncated: /);
    last if $mpm eq 'prefork';
    $t->stop;
}

# ---- where it is said ----

my %plain = (mock => { seed => 7, n => 30, pace => 2 });
my $sent = sub (%o) { return texts($t->events($t->ask($t->uuid, 'Where', %plain, %o))) };
cmp_ok $sent->(path => '/chat?coalesce=1000'), '<', 15, 'the query says it, too';
is $sent->(path => '/chat?coalesce=1000', coalesce => 0), 30, '... but the body says more';
is $sent->(path => '/chat?coalesce=0&other=1'), 30, '... and 0 is none';
is $t->ask($t->uuid, 'Where', %plain, coalesce => 1000, stream => JSON::PP::false)->{json}{text},
    $t->text($t->ask($t->uuid, 'Where', %plain)), 'a whole answer is whole';
for my $bad ([ coalesce => 1001 ], [ coalesce => -1 ], [ coalesce => '20' ], [ coalesce => 2.5 ],
    (map { [ path => "/chat?coalesce=$_" ] } '', '1001', '-1', '20ms', '99999999999999999999')) {
    my $res = $t->ask($t->uuid, 'Bad', @$bad);
    is_deeply [ $res->{status}, @{ $res->{json} }{code}, $res->{json}{issues}[0]{path} ], [ 400, 'invalid_request', ['coalesce'] ], "$bad->[0] $bad->[1] is refused";
}

$t->stop;
done_testing;
