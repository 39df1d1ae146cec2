#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to keep an answer: CPU of the server per request of one piece,
# for a conversation that is loaded and two messages that are saved, against the
# same request that nobody keeps; and per event of a stream that can be resumed,
# against one that cannot. On SQLite, and on PostgreSQL where it is installed.
# Both get as many requests a second, each on a connection of its own. What clients
# cost that ask again as soon as they are answered is told, too; but they ask the
# plain server three times as often, and what is done together costs less. Events
# are of two servers at the same time, which are asked for nothing else, for what
# was asked before is put into the index of words later.
# perl t/bench/persisted.pl [ROUNDS [REQUESTS]] (5 of 400).
# Exits with 1 when a request costs more than 2.0 times, or an event more than
# 1.10 times.
use v5.36;
use File::Temp ();
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest qw(wait_for);
use ChatTest::Bench qw(cpu_ns median pin pin_away tree);
use ChatTest::Kept;
use ChatTest::Load qw(load_start load_wait);

my ($rounds, $requests) = ($ARGV[0] || 5, $ARGV[1] || 400);
my ($CLIENTS, $STREAMS, $EVENTS, $RATE) = (8, 50, 100, 200);
my $missed = 0;

my $AUTH = 'Authorization: ' . ChatTest::Kept::as('ann')->{Authorization};

# Microseconds of CPU for each of n, of each of these servers, which are asked at
# the same time.
sub measure ($servers, $path, $body, $n, %load) {
    my @pids = map { [ tree($_->pid) ] } @$servers;
    my @before = map { cpu_ns(@$_) } @pids;
    my @jobs = map { load_start($_->url($path), a => 'completions', D => 'message', b => $body, H => $AUTH, t => 120, %load) } @$servers;
    for my $res (map { load_wait($_) } @jobs) {
        die "$path: $res->{failures}[0]\n" if $res->{failed};
    }
    return map { (cpu_ns($pids[$_]->@*) - $before[$_]) / 1000 / $n } 0 .. $#pids;
}

# Each session has had a turn when it is measured.
sub request ($t, $path, $session, $first, %how) {
    my $kept = $session ? '"session_id":"s{i}",' : '';
    %how = (c => $CLIENTS, m => $requests / $CLIENTS) unless %how;
    return (measure([$t], $path, qq({$kept"message":"mock(seed={i};n=1)"}), $requests, %how, p => 'n=1', s => $first))[0];
}

sub arrivals ($t, $path, $session, $first) {
    return request($t, $path, $session, $first, c => $requests, o => "$RATE:poisson");
}

sub events ($servers, $path, $first) {
    return measure($servers, $path, qq({"session_id":"e{i}","message":"mock(seed={i};n=$EVENTS;pace=20)"}), $STREAMS * $EVENTS,
        c => $STREAMS, p => "n=$EVENTS", s => $first);
}

# $most: what it may cost, undef: it is only told.
sub row ($what, $most, $base, $other) {
    my @ratio = map { $other->[$_] / $base->[$_] } 0 .. $#$base;
    my $ratio = median(@ratio);
    my $allowed = !$most ? '' : sprintf ', %.2f allowed: %s', $most, $ratio <= $most ? 'ok' : 'MISSED';
    $missed = 1 if $most && $ratio > $most;
    printf "%-44s %8.1f us %8.1f us   %.2f x%s\n", $what, median(@$base), median(@$other), $ratio, $allowed;
}

# In memory, as /run is.
sub spool () {
    my $dir = File::Temp::tempdir('chat-bench-XXXXXX', DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp', CLEANUP => 1);
    my ($user) = grep { defined getpwnam $_ } 'www-data', 'nobody';
    chown +(getpwnam $user)[2, 3], $dir if $> == 0;
    chmod 0700, $dir;
    return $dir;
}

sub bench ($kind) {
    my %us;
    my %server = map {
        $_ => ChatTest::Kept->new(kind => $kind, mpm => 'event', log_level => 'notice', resume => $_ eq 'off' ? 'off' : 'spool=' . spool(),
            where => 'ChatModelDefault m', conf => "<Location /plain>\nSetHandler chat\nChatRoute message\nChatUse up\nChatModelDefault m\n"
                . "ChatAuth user\nAuthType Basic\nAuthName members\nAuthUserFile %%DIR%%/users\nRequire valid-user\n</Location>\n",
            mpm_conf => "StartServers 1\nServerLimit 1\nThreadsPerChild 64\nMaxRequestWorkers 64\nMinSpareThreads 1\nMaxSpareThreads 64\n")->start } qw(off spool asked);
    my $t = $server{asked};
    for (values %server) {
        my $s = $_;
        wait_for(sub { $s->ask($s->uuid, 'Ready?')->{status} == 200 }, 'the tables are there');
        pin($s->pid);
        pin_away($$, $s->up->pid);
    }
    my $first = 1;
    for my $round (0 .. $rounds) {
        request($t, '/say', 1, $first);
        my %now = (plain => request($t, '/plain', 0, $first), kept => request($t, '/say', 1, $first),
            plain_rate => arrivals($t, '/plain', 0, $first), kept_rate => arrivals($t, '/say', 1, $first));
        @now{qw(off spool)} = events([ @server{qw(off spool)} ], '/say', $first);
        push $us{$_}->@*, $now{$_} for $round ? keys %now : ();
        $first += $requests;
    }
    row("a request, kept ($kind), $RATE a second", 2.0, @us{qw(plain_rate kept_rate)});
    row("... $CLIENTS clients", undef, @us{qw(plain kept)});
    row("an event, resumable ($kind)", 1.10, @us{qw(off spool)});
    $_->stop for values %server;
}

bench($_) for 'sqlite', ChatTest::Postgres::bin_dir() ? 'pgsql' : ();
done_testing;
exit $missed;
