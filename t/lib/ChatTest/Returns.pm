# SPDX-License-Identifier: Apache-2.0
#
# Clients that lose their connection to an answer behind each of its events in
# turn, and one that loses it behind every one of them: a browser's EventSource,
# and eventsource-parser in Node. What they have heard in the end is, to the
# byte, the stream of those who have lost nothing.
package ChatTest::Returns;

use v5.36;
use Encode   ();
use Exporter 'import';
use IO::Select;
use Test::More ();
use ChatTest;
use ChatTest::Browser;
use ChatTest::Chats;
use ChatTest::Cutter;
use ChatTest::OpenAI;

our @EXPORT = qw(parser_returns browser_returns returns_server killed_under_readers);

# Of an answer: start, so many pieces of text, done. They come slowly enough for
# a client to be back while the answer goes on.
my $PIECES = 8;
my $EVENTS = $PIECES + 2;

# Of a piece, in bytes, where it is known.
my $LENGTH = 30;

# A browser has six connections to a server, of which one asks.
my $TABS = 5;

# %o as for ChatTest::Chats.
sub returns_server (%o) {
    my $t = ChatTest::Chats->new(%o, modules => ['mime'], locations => { conversations => "ChatStreamOnLeave finish\n" },
        conf => ChatTest::Browser::conf() . ($o{conf} // '') . "CustomLog %%DIR%%/children.log %P\n"
            . qq{<LocationMatch "^/(?:page\\.html|eventsource-parser/)">\nSetHandler default-handler\n</LocationMatch>\n});
    ChatTest::Browser::serve($t);
    $t->start;
    wait_for(sub { $t->as('ann', 'GET', 'conversations')->{status} == 200 }, 'the tables are there');
    return $t;
}

sub _question ($seed) {
    return { content => "Tell me more. mock(seed=$seed;n=$PIECES;pace=" . int(60 * scaled(1)) . ';utf8=1;size=30)' };
}

sub _ask ($t) {
    my $c = wait_for(sub { $t->as('ann', 'POST', 'conversations', json => {})->{json}{id} }, 'a conversation');
    return "/api/v1/conversations/$c/messages";
}

# The stream of a client that has lost nothing, of each of the servers.
sub _whole ($id, @servers) {
    return map { $_->as('ann', 'GET', "chat/stream/$id")->{body} } @servers;
}

sub _is_whole ($heard, $id, $name, @servers) {
    $heard = Encode::encode_utf8($heard); # it has come as JSON
    my @whole = _whole($id, @servers);
    my $events = () = $whole[0] =~ /^id: /mg;
    return Test::More::is($events, $EVENTS, "$name: the stream is there")
        && !grep { !Test::More::is($heard, $_, '... and who came back has heard it, to the byte') } @whole;
}

# That have something to say.
sub _connections ($cut) { return $cut eq 'all' ? $EVENTS : $cut == $EVENTS ? 1 : 2 }

# One answer for each place where it is cut, all at a time; short: the two
# longest ways alone.
sub parser_returns ($name, $servers, %o) {
    my @t = @$servers;
    my $net = ChatTest::Cutter->new(map { $_->port } @t);
    my $client = ChatTest::OpenAI->new(of => 'eventsource', client => 'resume.mjs', base => $net->url);
    my @cuts = ('all', $o{short} ? 4 : 1 .. $EVENTS);
    my @results = $client->run(map { { path => _ask($t[ $_ % @t ]), body => _question(100 + $_), query => "cut=$cuts[$_]",
        stream => '/api/v1/chat/stream', headers => { Authorization => 'Bearer ann' } } } 0 .. $#cuts);
    for my $i (0 .. $#cuts) {
        my $res = $results[$i];
        my $what = "$name, Node, cut behind " . ($cuts[$i] eq 'all' ? 'each event' : "event $cuts[$i]");
        Test::More::is_deeply($res->{error}, undef, "$what: nothing failed") or Test::More::diag(Test::More::explain($res));
        _is_whole($res->{heard}, $res->{streamId}, $what, @t);
        Test::More::is_deeply($res->{statuses}, [ (200) x _connections($cuts[$i]), 204 ], '... over so many connections');
    }
    $client->stop;
    $net->stop;
    return;
}

sub browser_returns ($name, $servers, %o) {
    my @t = @$servers;
    my $net = ChatTest::Cutter->new(map { $_->port } @t);
    my @cuts = ('all', 1 .. $EVENTS);
    my @jobs;
    while (my @some = splice @cuts, 0, $TABS) {
        push @jobs, { path => _ask($t[0]), body => _question(200 + @jobs), stream => '/api/v1/chat/stream',
            follow => [ map { "cut=$_" } @some ], cookie => join '; ', (ChatTest::Chats::cookie('ann'))[1] . '; path=/' };
    }
    for my $report (ChatTest::Browser::browse($net->url('/page.html'), @jobs)) {
        my ($id) = map { $_->[1]{streamId} // () } $report->{events}->@*;
        Test::More::is($report->{end}, 'clean', "$name, a browser that asks has the answer") or Test::More::diag(Test::More::explain($report));
        _is_whole($report->{whole}, $id, "$name, a browser", @t);
        for my $query (sort keys %{ $report->{followed} // {} }) {
            my $f = $report->{followed}{$query};
            _is_whole($f->{heard}, $id, "$name, an EventSource, $query", @t);
            Test::More::is($f->{opened}, _connections($query =~ s/cut=//r), '... over so many connections');
        }
    }
    $net->stop;
    return;
}

# The process of those servers that holds the other end of a connection which has
# been answered.
sub _process ($conn, @servers) {
    IO::Select->new($conn->{rfh})->can_read(scaled(40));
    my ($ours, $theirs) = map { sprintf '%04X', $_ } $conn->{rfh}->sockport, $conn->{rfh}->peerport;
    my ($inode) = $servers[0]->slurp('/proc/net/tcp') =~ /^ *\d+: \w+:$theirs \w+:$ours 01(?: +\S+){5} (\d+)/m or die "no connection from $ours\n";
    for my $pid (map { $_->children } @servers) {
        return $pid if grep { (readlink $_ // '') eq "socket:[$inode]" } glob "/proc/$pid/fd/*";
    }
    die "nobody holds the connection from $ours\n";
}

# A connection to each of @readers that reads the answer, and more to $t until
# one is held by another process than that of $first.
sub _readers ($first, $t, $path, $head, @readers) {
    my $writer = _process($first, $t);
    my (@open, $other);
    while (@readers || !$other && @open < 200) {
        my $server = @readers ? shift @readers : $t;
        my $conn = $server->connect(timeout => scaled(40));
        $conn->request('GET', $path, headers => $head);
        $other ||= _process($conn, $server) != $writer;
        push @open, $conn;
    }
    return @open;
}

# The process that writes the answer is killed while others read it: @readers are
# the servers that they ask, a connection each. Nobody hears nothing: who is not
# cut off with it is told, and all that anybody has heard is kept; but for what has
# not come to Redis yet ($late), one event or two.
sub killed_under_readers ($name, $late, $t, $kill, @readers) {
    my $path = _ask($t);
    my @head = (Authorization => 'Bearer ann', 'Content-Type' => 'application/json');
    my $first = $t->connect(timeout => scaled(40));
    $first->request('POST', $path, headers => \@head, body => qq({"content":"Tell me all. mock(n=4000;pace=50;size=$LENGTH)"}));
    my ($id) = wait_for(sub { ($t->as('ann', 'GET', $path =~ s{^/api/v1/(.*)/messages$}{$1}r)->{json}{stream} // {})->{id} }, 'it is written');
    my @open = _readers($first, $t, "/api/v1/chat/stream/$id", \@head, @readers);
    my ($told, $lost, @silent, @heard) = (0, 0);
    for my $conn ($first, @open) {
        my $n = 0;
        my $res = $conn->response(on_event => sub ($event, $res) {
            $kill->($id) if $conn == $first && ++$n == 20;
            1;
        });
        push @heard, join '', map { $_->{data} =~ /^\{"type":"text",.*"text":"(.*)"\}$/ ? $1 : () } $res->{events}->@*;
        my $last = $res->{events}[-1] // {};
        if ($res->{clean}) { $last->{event} eq 'error' && $last->{data} =~ /"stream_gap"/ ? $told++ : push @silent, $last }
        else { $res->{ended} =~ /timeout/ ? push(@silent, $res->{ended}) : $lost++ }
    }
    Test::More::is_deeply(\@silent, [], "$name: a process is killed: nobody who reads its answer hears nothing");
    Test::More::cmp_ok($told, '>', 0, "... who was not cut off with it ($lost) is told");
    my $kept = wait_for(sub { my ($m) = grep { $_->{role} eq 'assistant' } $t->as('ann', 'GET', $path =~ s{^/api/v1/}{}r)->{json}{data}->@*; $m->{status} ne 'streaming' && $m }, 'it is kept', 30);
    Test::More::is($kept->{status}, 'partial', '... what there was is kept');
    my $text = join '', map { $_->{text} // '' } $kept->{parts}->@*;
    my @lost = grep { index($text, $_) != 0 && !($late && index($_, $text) == 0 && length($_) - length $text < 3 * $LENGTH) } @heard;
    Test::More::is_deeply(\@lost, [], '... all that anybody has heard of it');
    Test::More::is($_->as('ann', 'GET', "chat/stream/$id")->{status}, 204, '... and nobody waits for more') for $t, @readers ? $readers[-1] : ();
    return;
}

1;
