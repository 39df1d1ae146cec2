# SPDX-License-Identifier: Apache-2.0
#
# What a database may answer instead of doing what it was asked, class by class,
# and what a client is told then: one that is gone when it is asked again costs
# nobody anything, and is done once; one that stays is a 503 with a time to come
# back, for reading and for a chat before the provider is asked, and never a 404;
# and what a client may bring that a database refuses never reaches it.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Chats qw(databases uuid);
use ChatTest::Upstream;

# To the server it is a role as any other, which may do less than its owner.
package RoleWeb {
    use parent -norequire, 'ChatTest::Postgres';
    sub params ($self) { return $self->SUPER::params =~ s/user=chat/user=web/r }
}

my $up = ChatTest::Upstream->new(n => 2)->start;
my $SAID = 'said by the database';

# SQLSTATE => what it is, of each class that a statement of ours can meet.
my %STATES = (
    '08006' => 'connection failure',
    '22021' => 'character not in repertoire',
    '22P02' => 'invalid text representation',
    '22P05' => 'untranslatable character',
    '23502' => 'not null violation',
    '23503' => 'foreign key violation',
    '23505' => 'unique violation',
    '23514' => 'check violation',
    '25006' => 'read only transaction',
    '25P02' => 'in failed transaction',
    '40001' => 'serialization failure',
    '40P01' => 'deadlock detected',
    '42501' => 'insufficient privilege',
    '42703' => 'undefined column',
    '42P01' => 'undefined table',
    '53100' => 'disk full',
    '53200' => 'out of memory',
    '54000' => 'program limit exceeded',
    '55P03' => 'lock not available',
    '57014' => 'query canceled',
    '57P01' => 'admin shutdown',
    'XX000' => 'internal error',
    cancel  => 'one that is cancelled indeed',
    kill    => 'one whose process is ended indeed',
);

sub is_unavailable ($res, $name) {
    is $res->{status}, 503, $name or diag $res->{body};
    is_deeply [ $res->{json}{code}, $res->{headers}{'retry-after'} ], [ 'store_unavailable', 5 ], '... and says when to come back';
    unlike $res->{body}, qr/\Q$SAID\E|sql|relation|database is/i, '... and nothing of what the database said';
    return;
}

# A database that did not answer for long is left alone, and tried now and then.
sub is_well ($works, $when) {
    ok wait_for('it to work', $works), "... and all is well when $when";
    return;
}

sub is_said ($t, $words, $from = 0) {
    ok $t->error_log($from) =~ $words, '... which is what the database said' or diag grep { /CHAT02/ } $t->error_log($from) =~ /^.*\n/mg;
    return;
}

sub asked () { my $paths = $up->stats->{paths}; my $n = 0; $n += $_ for values %$paths; return $n }

sub make ($t, $title = 'x') { return $t->as('ann', 'POST', 'conversations', json => { title => $title }) }
sub ask ($t, $id) { return $t->as('ann', 'POST', "conversations/$id/messages", json => { content => 'Hello mock(n=1)', stream => JSON::PP::false }) }
sub titled ($t, $title) { return $t->sql("select count(*) from chat_conversation where title = '$title'") }
sub messages ($t, $id) { return $t->sql("select count(*) from chat_message where conversation_id = '$id'") }

# ---- what never reaches a database ----

sub refuses ($t) {
    my $id = make($t)->{json}{id};
    my $unknown = uuid();
    is make($t, "a\0b")->{status}, 400, 'a title with U+0000 is refused';
    is $t->as('ann', 'POST', "conversations/$id/messages", json => { content => "a\0b" })->{status}, 400, '... and a question';
    is $t->as('ann', 'PATCH', "conversations/$id", json => { metadata => { a => "\0" } })->{status}, 400, '... and what a client keeps for itself';
    for my $body (qq({"title":"\xff\xfe"}), qq({"title":"\xed\xa0\x80"}), '{"title":"\ud800"}') {
        is $t->as('ann', 'POST', 'conversations', body => $body, headers => { 'Content-Type' => 'application/json' })->{status}, 400, 'bytes that are no text are refused';
    }
    is $t->as('ann', 'GET', $_)->{status}, 400, "$_ is refused" for 'search?q=%FF', 'search?q=a%00b', 'conversations/x', "conversations/$id/messages/1",
        'conversations/' . '0' x 36, "conversations?after=x";
    is $t->as('ann', 'GET', "conversations/$unknown")->{status}, 404, 'a conversation that is not there is not found';
    is ask($t, $unknown)->{status}, 404, '... nor asked in';
    is $t->as('ann', 'POST', 'conversations', json => { id => $id })->{json}{code}, 'already_exists', 'an id that is taken is a conflict';
    my $res = ask($t, $id);
    is $res->{status}, 201, 'a question' or diag $res->{body};
    my ($taken) = $t->sql("select id from chat_message where conversation_id = '$id' and role = 'user'");
    $res = $t->as('bob', 'POST', 'chat/stream', json => { conversationId => uuid(), messages => [ { id => $taken, role => 'user', content => 'x' } ] });
    cmp_ok $res->{status}, '<', 500, '... whose id somebody else brings, too' or diag $res->{body};
    is $t->sql("select count(*) from chat_message where id = '$taken' and user_id like '%ann%'"), 1, '... stays whose it is';
    unlike $t->error_log, qr/CHAT022[17]/, '... and the database has refused nothing of this';
    return;
}

# ---- PostgreSQL says so ----

# The next statements that write a conversation meet this state, so many of them.
sub arm ($t, $state, $times) {
    $t->sql("update verdict set state = '$state', times = $times; select setval('fails', 1, false)");
    return;
}

sub met ($t) { return $t->sql('select last_value - case when is_called then 0 else 1 end from fails') }

sub set_up ($t) {
    $t->sql(<<"END");
create sequence fails;
create table verdict (state text, times integer);
insert into verdict values ('', 0);
create function fail() returns trigger language plpgsql security definer as \$\$
declare v record;
begin
  select * into v from verdict;
  if nextval('fails') > v.times then return new; end if;
  if v.state = 'kill' then perform pg_terminate_backend(pg_backend_pid()); end if;
  if v.state = 'cancel' then perform pg_cancel_backend(pg_backend_pid()); end if;
  if v.state in ('kill', 'cancel') then perform pg_sleep(60); end if;
  raise exception '$SAID of %', new.title using errcode = v.state;
end
\$\$;
create trigger fail before insert or update on chat_conversation for each row execute function fail();
END
    return;
}

sub meets ($t, $state) {
    my $name = "$state, $STATES{$state}";
    my ($once, $always) = ("once-$state", "always-$state");
    my $id = make($t, "asked in $state")->{json}{id};

    arm($t, $state, 1);
    my $res = make($t, $once);
    is "$res->{status} " . titled($t, $once), '201 1', "$name: once is nothing to a client, and done once" or diag $res->{body};
    arm($t, $state, 1);
    $res = ask($t, $id);
    is "$res->{status} " . messages($t, $id), '201 2', '... nor to a turn' or diag $res->{body};

    arm($t, $state, 1000);
    is_unavailable(make($t, $always), "$name: for good");
    is met($t) . ' ' . titled($t, $always), '2 0', '... when it was tried twice, and nothing is left';
    my $before = asked();
    is_unavailable(ask($t, $id), '... nor is a question asked');
    is asked() . ' ' . messages($t, $id), "$before 2", '... of the provider, or kept';
    is $t->as('ann', 'GET', "conversations/$id")->{status}, 200, '... but what needs no writing works';
    arm($t, '', 0);
    is $t->as('ann', 'PATCH', "conversations/$id", json => { title => 'z' })->{status}, 200, '... and so does the next';
    return;
}

# A role's settings are those of its next connections.
sub change_role ($t, $change) {
    $t->sql("alter role web $change");
    end_connections($t);
    return;
}

# Others may come at once.
sub end_connections ($t) {
    my $ended = join ', ', 0, split /\n/, $t->sql(q{select pid from pg_stat_activity where case usename when 'web' then pg_terminate_backend(pid) end});
    wait_for('its connections to end', sub { $t->sql("select count(*) from pg_stat_activity where pid in ($ended)") eq '0' });
    return;
}

# Somebody else in a transaction of his own. What he is told he does.
sub other ($pg) {
    open my $in, '|-', "$pg->{bin}/psql", '-h', $pg->dir, '-U', 'chat', '-d', 'chat', '-Xq', '-o', '/dev/null' or die "psql: $!\n";
    $in->autoflush;
    return $in;
}

sub waits ($t, $n, $name) {
    return wait_for($name, sub { $t->sql(q{select count(*) from pg_stat_activity where wait_event_type = 'Lock'}) == $n });
}

sub is_real ($t, $pg) {
    my $id = make($t, 'real')->{json}{id};
    my $path = "conversations/$id";
    my $change = sub ($title) {
        my $conn = $t->connect;
        $conn->request('PATCH', "/api/v1/$path", headers => [ Authorization => 'Bearer ann', 'Content-Type' => 'application/json' ], body => qq({"title":"$title"}));
        return $conn;
    };
    my ($other, $conn);

    end_connections($t);
    is make($t)->{status}, 201, '57P01: connections that were ended meanwhile are nothing to a client';

    # A row that somebody else has changed since this transaction began.
    change_role($t, q{set default_transaction_isolation = 'repeatable read'});
    $other = other($pg);
    print $other "begin; update chat_conversation set metadata = '{}' where id = '$id';\n";
    wait_for('a lock', sub { $t->sql(q{select count(*) from pg_stat_activity where state = 'idle in transaction'}) });
    $conn = $change->('40001');
    waits($t, 1, 'who waits for it');
    print $other "commit;\n";
    is $conn->response->{status}, 200, '40001: a row that others have changed is read again';
    is_said($t, qr/could not serialize access due to concurrent update/);
    change_role($t, 'reset default_transaction_isolation');

    # Each has what the other one wants. The one whose wait makes it so looks first:
    # behind a gate, for the other one has to wait before it. Once: who tries again
    # may be faster than who has waited.
    $t->sql('create sequence waited; create function wait_too() returns trigger language plpgsql security definer as $$ begin'
        . q{ if nextval('waited') = 1 then perform pg_advisory_xact_lock(8), pg_advisory_xact_lock(7); end if; return new; end $$;}
        . ' create trigger wait_too before update on chat_conversation for each row execute function wait_too()');
    change_role($t, q{set deadlock_timeout = '100ms'});
    my $gate = other($pg);
    print $gate "select pg_advisory_lock(8);\n";
    print $other "set deadlock_timeout = '1min'; begin; select pg_advisory_xact_lock(7);\n";
    wait_for('both locks', sub { $t->sql(q{select count(*) from pg_locks where locktype = 'advisory'}) == 2 });
    $conn = $change->('40P01');
    waits($t, 1, 'who waits at the gate');
    print $other "update chat_conversation set metadata = '{}' where id = '$id'; commit;\n";
    waits($t, 2, 'who waits for him');
    print $gate "select pg_advisory_unlock(8);\n";
    is $conn->response->{status}, 200, '40P01: a deadlock is resolved, and done again';
    is_said($t, qr/deadlock detected/);
    close $gate;
    $t->sql('drop trigger wait_too on chat_conversation');

    for my $case ([ statement_timeout => '57014', qr/canceling statement due to statement timeout/ ], [ lock_timeout => '55P03', qr/canceling statement due to lock timeout/ ]) {
        my ($setting, $state, $words) = @$case;
        change_role($t, "set $setting = '200ms'");
        print $other "begin; update chat_conversation set metadata = '{}' where id = '$id';\n";
        wait_for('a lock', sub { $t->sql(q{select count(*) from pg_stat_activity where state = 'idle in transaction'}) });
        is_unavailable($t->as('ann', 'PATCH', $path, json => { title => $state }), "$state: a row that is locked for too long");
        is_said($t, $words);
        print $other "rollback;\n";
        change_role($t, "reset $setting");
    }
    close $other;

    for my $case (
        # state, what is done, what undoes it, what the database says, whether one can read
        [ '53300', 'alter role web connection limit 0',                           'alter role web connection limit -1',                             qr/too many connections for role/, 0 ],
        [ '28000', 'alter role web nologin',                                      'alter role web login',                                           qr/not permitted to log in/,       0 ],
        [ '42P01', 'alter table chat_conversation rename to gone',                'alter table gone rename to chat_conversation',                   qr/relation "chat_conversation" does not exist/, 0 ],
        [ '42703', 'alter table chat_conversation rename title to gone',          'alter table chat_conversation rename gone to title',             qr/column c?.?"?title"? does not exist/,   0 ],
        [ '42501', 'revoke insert, update on chat_conversation from web',         'grant insert, update on chat_conversation to web',               qr/permission denied for table/,   1 ],
        [ '25006', 'alter role web set default_transaction_read_only = on',       'alter role web reset default_transaction_read_only',             qr/cannot execute INSERT in a read-only transaction/, 1 ],
    ) {
        my ($state, $do, $undo, $words, $reads) = @$case;
        my $mark = length $t->error_log;
        $t->sql($do);
        end_connections($t);
        my $before = asked();
        my $res = $t->as('ann', 'GET', $path);
        if ($reads) { is $res->{status}, 200, "$state, where one can read: reading" }
        else        { is_unavailable($res, "$state, where nothing works: reading, which is no 404") }
        is_unavailable(make($t, $state), "$state: writing");
        is_unavailable(ask($t, $id), "$state: a question");
        is asked(), $before, '... and no provider is asked';
        is_said($t, $words, $mark);
        $t->sql($undo);
        end_connections($t);
        is_well(sub { make($t, $state)->{status} == 201 }, 'it is over');
    }

    $pg->stop;
    is_unavailable($t->as('ann', 'GET', $path), '08001: without a server');
    my $before = asked();
    is_unavailable(ask($t, $id), '... a question');
    is asked(), $before, '... and no provider is asked';
    $pg->start;
    is_well(sub { $t->as('ann', 'GET', $path)->{status} == 200 }, 'it is there again');
    return;
}

# ---- SQLite says so ----

sub is_sqlite ($t) {
    my $id = make($t, 'real')->{json}{id};
    my $path = "conversations/$id";
    my $file = $t->dir . '/run/chats.db';

    $t->sql("create trigger no before insert on chat_conversation when new.title like 'no%' begin select raise(abort, '$SAID'); end");
    is_unavailable(make($t, 'none'), 'what a database refuses');
    is titled($t, 'none'), 0, '... nothing is left';
    $t->sql('drop trigger no');
    is_well(sub { make($t, 'none')->{status} == 201 }, 'it is over');

    my $locked = $t->dir . '/locked';
    open my $other, '|-', 'sqlite3', '-bail', '-batch', '-cmd', '.timeout 5000', $file or die "sqlite3: $!\n";
    $other->autoflush;
    print $other "begin immediate;\nupdate chat_message set role = role where n = 0;\n.shell touch $locked\n";
    wait_for('a lock', sub { -e $locked });
    is $t->as('ann', 'GET', $path)->{status}, 200, 'a file that somebody else writes to for long can be read';
    my $before = asked();
    is_unavailable(ask($t, $id), '... but a question');
    is asked(), $before, '... is asked of no provider';
    print $other "rollback;\n";
    close $other;
    is_well(sub { make($t)->{status} == 201 }, 'it is over');

    $t->sql('alter table chat_conversation rename to gone');
    is_unavailable($t->as('ann', 'GET', $path), 'a table that is gone is no 404');
    $t->sql('alter table gone rename to chat_conversation');
    is_well(sub { $t->as('ann', 'GET', $path)->{status} == 200 }, 'it is back');
    return;
}

# ---- both ----

for my $db (databases()) {
    subtest $db => sub {
        my $pg = $db eq 'pgsql' ? RoleWeb->new->start : undef;
        $pg->sql($_) for $pg ? ('create role web login', 'alter database chat owner to web', 'grant create on schema public to web') : ();
        my $t = ChatTest::Chats->new(db => $db, upstream => $up, $pg ? (pg => $pg) : ())->start;
        refuses($t);
        $t->allow_log(qr/CHAT022[1-7]/, qr/CHAT020[36]/, qr/AH006\d\d/, qr/AH02655/);
        if ($pg) {
            set_up($t);
            meets($t, $_) for sort keys %STATES;
            unlike $t->error_log, qr/always-/, 'what a user wrote is in no log, though the database quotes it';
            $t->sql('drop trigger fail on chat_conversation');
            is_real($t, $pg);
        }
        else {
            is_sqlite($t);
        }
        $t->stop;
        $pg->stop if $pg;
    };
}

done_testing;
