# SPDX-License-Identifier: Apache-2.0
#
# Children that are killed while they write answers, on SQLite and PostgreSQL:
# whatever a client had received is in the database afterwards, as a part of an
# answer, and the conversation takes the next turn; also when the database does
# not take it at first, and when the whole server is killed. t/stress/killed.pl is the long form.
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

# Somebody else has opened the file for himself, for three seconds.
sub lock_out ($t) {
    my $db = $t->dir . '/data/chats.db';
    open my $out, '-|', 'sqlite3', '-bail', '-cmd', '.timeout 5000', $db, 'pragma locking_mode = exclusive', 'begin exclusive',
        'update chat_message set role = role where n = 0', '.shell echo locked; sleep 3', 'commit' or die "sqlite3: $!";
    while (<$out>) { last if /^locked/ }
    return $out;
}

# The server and all of its children, as when the machine goes. When it starts its
# database may not be there at once.
sub is_there_at_start ($killed, $kind) {
    my $t = $killed->{t};
    my $c = $t->uuid;
    my $res = $killed->open_turn($c, 'Long mock(n=1000;pace=40)')->response(on_event => sub ($event, $res) {
        $t->kill_group if $res->{events}->@* == 12;
        return 1;
    });
    is $t->last_message($c)->{status}, 'streaming', "$kind: a server is killed while it writes an answer";
    $t->expect_log(qr/AH00098: pid file/);
    my $lock = $t->pg ? undef : lock_out($t);
    $t->start;
    my $m = $t->settled($c, 15);
    is $m->{status}, 'partial', '... which is looked after when it starts';
    ok length $t->text($res) && index($m->{text}, $t->text($res)) == 0, '... and kept as far as its client had it' or diag $m->{text};
    is $killed->ask($c, 'Next')->{status}, 200, '... and the conversation goes on';
    unlike $t->error_log, qr/CHAT0223: ChatStore: database is locked/, '... though its database was locked at first' if $lock;
    return;
}

for my $kind ('sqlite', ChatTest::Postgres::bin_dir() ? 'pgsql' : ()) {
    my $killed = ChatTest::Killed->new(kind => $kind, streams => 12);
    $killed->round for 1 .. $rounds;
    is_tried_again($killed, $kind);
    is_there_at_start($killed, $kind);
    $killed->stop;
}

done_testing;
