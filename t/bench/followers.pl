#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Streams that are kept and each followed by a reader on another connection, all
# at a time, through the routes: what a reader costs in memory and in CPU per
# event, and that no stream and no reader holds a connection to the database.
# perl t/bench/followers.pl [STREAMS [EVENTS]] (1000 of 100). On PostgreSQL;
# BENCH_RESUME=redis for logs in Redis. Exits with 1 when a stream is not whole,
# or a connection to the database is held.
use v5.36;
use FindBin;
use JSON::PP ();
use List::Util qw(min);
use Test::More;
use lib "$FindBin::Bin/../lib";
use ChatTest qw(wait_for);
use ChatTest::Bench qw(cpu pss pin pin_away raise_files);
use ChatTest::Kept;
use ChatTest::Redis;
use ChatTest::Streams qw(counters mpm_conf);

my ($streams, $events) = ($ARGV[0] || 1000, $ARGV[1] || 100);
my $POOL = 4; # connections to the database
my $way = $ENV{BENCH_RESUME} // 'spool';
my $JSON = JSON::PP->new->canonical;
raise_files(8 * $streams + 1000);

my $redis = $way eq 'redis' ? ChatTest::Redis->new->start : undef;
my $t = ChatTest::Kept->new(kind => 'pgsql', mpm => 'event', modules => ['status'], log_level => 'warn', dbd => "DBDMin 1\nDBDKeep $POOL\nDBDMax $POOL", mpm_conf => mpm_conf(64),
    ($redis ? (resume => 'redis') : ()), conf => 'ChatStreamMax ' . (2 * $streams + 100) . "\n" . ($redis ? 'ChatRedis ' . $redis->url . "\n" : ''))->start;
wait_for(sub { $t->ask($t->uuid, 'Ready?', model => 'm')->{status} == 200 }, 'the tables are there', 30);
pin($t->pid);
pin_away($$, $t->up->pid, ($redis ? $redis->{pid} : ()));

my @ann = ('Content-Type' => 'application/json', ChatTest::Kept::as('ann')->%*);

sub send_to ($method, $path, $body = undef) {
    my $conn = $t->connect(timeout => 300);
    $conn->request($method, $path, headers => \@ann, ($body ? (body => $JSON->encode($body)) : ()));
    return $conn;
}

# Silent until all of them are there. Some at a time: who waits too long for the
# database is sent away.
sub open_streams () {
    my $quiet = min(55_000, 5000 + 60 * $streams); # the upstream is given up after a minute
    my @open;
    for my $i (1 .. $streams) {
        push @open, send_to('POST', '/chat', { conversationId => $t->uuid, model => 'm',
            messages => [ { role => 'user', content => "Go mock(n=$events;size=20;pace=40;first=$quiet)" } ] });
        next if $i % 16 && $i < $streams;
        wait_for(sub { $t->up->stats->{open} == @open }, 'all of them run', 30) or die "not in time: " . $t->up->stats->{open} . "\n";
    }
    return @open;
}

sub connections () {
    my ($all, $busy) = split /\|/, $t->pg->sql(
        q{select count(*), count(*) filter (where state <> 'idle') from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()});
    return ($all, $busy);
}

# Their bodies, and what the server has used from now on.
sub finish (@open) {
    my $before = cpu($t->pid);
    my @res = map { my $res = $_->response; $_->close; $res } @open;
    return (cpu($t->pid) - $before, map { $_->{clean} ? $_->{body} : '' } @res);
}

my ($alone) = finish(open_streams());
my @open = open_streams();
my $empty = pss($t->pid);
my @ids = map { $_->{id} } $t->rows(q{select id from chat_stream where status = 'running' order by started_at});
my @readers = map { send_to('GET', "/chat/$_") } @ids;
wait_for(sub { counters($t)->{Live} == 2 * $streams }, 'all readers', 60) or die "not in time: " . join(" ", %{ counters($t) }) . "\n";
my $meanwhile = $t->ask($t->uuid, 'Meanwhile', model => 'm')->{status};
my ($all, $busy) = connections();
my $full = pss($t->pid);
my ($followed, @bodies) = finish(@open, @readers);

my %own = map { $_ => 1 } @bodies[ 0 .. $#open ];
my $whole = grep { $own{$_} && /event: done\n/ } @bodies[ @open .. $#bodies ];
my $fine = $whole == $streams && keys %own == $streams && $all <= $POOL && !$busy && $meanwhile == 200;
printf "%d streams (%s), each followed: %d whole\n", $streams, $way, $whole;
printf "a reader: %.1f KiB, %.2f us per event; a stream by itself: %.2f us per event, with what keeps it\n", ($full - $empty) / $streams,
    1e6 * ($followed - $alone) / ($streams * $events), 1e6 * $alone / ($streams * $events);
printf "connections to the database meanwhile: %d, of which %d held; another request: %d: %s\n", $all, $busy, $meanwhile, $fine ? 'ok' : 'MISSED';
$t->stop;
$redis->stop if $redis;
done_testing;
exit !$fine;
