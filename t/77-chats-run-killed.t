# SPDX-License-Identifier: Apache-2.0
#
# Children that are killed while they write answers, on SQLite and PostgreSQL:
# whatever a client had received is in the database afterwards, as a part of an
# answer, and the conversation takes the next turn; also when the database does
# not take it at first. t/stress/killed.pl is the long form.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Killed;

my $rounds = $ENV{CHAT_TEST_ROUNDS} // 3;

my %REFUSE = (
    sqlite => [ q{create trigger no before update on chat_message when new.status = 'partial' begin select raise(abort, 'not now'); end}, 'drop trigger no' ],
    pgsql  => [ q{create function no() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$;}
            . q{create trigger no before update on chat_message for each row when (new.status = 'partial') execute function no()}, 'drop trigger no on chat_message; drop function no' ],
);

sub change ($t, $sql) {
    return $t->pg->sql($sql) if $t->pg;
    system('sqlite3', '-bail', '-cmd', '.timeout 5000', $t->dir . '/data/chats.db', $sql) == 0 or die "sqlite3: $?\n";
    return;
}

# One that nobody writes any more, and that the database does not take.
sub is_tried_again ($killed, $kind) {
    my $t = $killed->{t};
    my $c = $t->uuid;
    my ($refuse, $again) = $REFUSE{$kind}->@*;
    my $conn = $killed->open_turn($c, 'Long mock(n=1000;pace=40)');
    my $begun;
    $conn->response(on_event => sub ($event, $res) {
        return 1 if $event->{event} ne 'text' || $begun++;
        change($t, $refuse);
        kill KILL => $t->children;
        return 1;
    });
    wait_for(sub { $t->error_log =~ /cannot end a turn: .*not now/ }, 'the database refuses what is left of it', 30);
    is $t->last_message($c)->{status}, 'streaming', "$kind: what a killed child leaves is not taken at first";
    change($t, $again);
    my $m = $t->settled($c, 15);
    is $m->{status}, 'partial', '... and soon when it can be';
    is $killed->ask($c, 'Next')->{status}, 200, '... and the conversation goes on';
    return;
}

for my $kind ('sqlite', ChatTest::Postgres::bin_dir() ? 'pgsql' : ()) {
    my $killed = ChatTest::Killed->new(kind => $kind, streams => 12);
    $killed->round for 1 .. $rounds;
    is_tried_again($killed, $kind);
    $killed->stop;
}

done_testing;
