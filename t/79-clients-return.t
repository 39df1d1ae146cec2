# SPDX-License-Identifier: Apache-2.0
#
# Clients that come back: a browser's EventSource and eventsource-parser in Node
# lose their connection behind every event of an answer, in one process and in
# several, in each MPM. Several servers: t/79-clients-servers.t.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Browser;
use ChatTest::Returns;
use ChatTest::Upstream;

ChatTest::skip_or_fail($_) for ChatTest::Browser::missing() // ();

my $up = ChatTest::Upstream->new->start;
my $threads = "ThreadsPerChild 16\nThreadLimit 16\nMinSpareThreads 1\nMaxSpareThreads 64\n";
my %mpm = (
    'event, one process'       => [ event  => "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n$threads" ],
    'event, several processes' => [ event  => "StartServers 3\nServerLimit 3\nMaxRequestWorkers 48\n$threads" ],
    'worker'                   => [ worker => "StartServers 3\nServerLimit 3\nMaxRequestWorkers 48\n$threads" ],
    'prefork'                  => [ prefork => "StartServers 12\nServerLimit 40\nMaxRequestWorkers 40\n" ],
);

# The process that has the log locked, as who writes it has.
sub writer ($t, $id) {
    for my $pid ($t->children) {
        for my $fd (grep { (readlink $_ // '') eq $t->dir . "/spool/$id" } glob "/proc/$pid/fd/*") {
            return $pid if $t->slurp($fd =~ s{/fd/}{/fdinfo/}r) =~ /^lock:.* WRITE /m;
        }
    }
    die "nobody writes $id\n";
}

for my $name (sort keys %mpm) {
    my ($mpm, $conf) = $mpm{$name}->@*;
    my $t = returns_server(mpm => $mpm, mpm_conf => $conf, upstream => $up);
    parser_returns($name, [$t], short => $mpm ne 'event');
    browser_returns($name, [$t]) if $mpm eq 'event';
    if ($name eq 'event, several processes') {
        $t->allow_log(qr/exit signal Killed/);
        killed_under_readers($name, 0, $t, sub ($id) { kill KILL => writer($t, $id) }, ($t) x 12);
    }
    my %children = map { $_ => 1 } split /\n/, $t->slurp('children.log');
    cmp_ok scalar keys %children, $name =~ /one/ ? '==' : '>', 1, "$name: so it was";
    $t->stop;
}
$up->stop;
done_testing;
