#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What moderation costs where no directive asks for it: instructions in its code,
# as callgrind counts them, for a request and for an event of its answer, as
# differences of runs that have more of one of them:
# perl t/bench/unused.pl [ROUTE ...] (stream, openai). Exits with 1 when that is
# more than a few tests of pointers: 200 of a request, 20 of an event.
use v5.36;
use FindBin;
use Test::More;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{CHAT_VALGRIND} = 'callgrind' }
use ChatTest;
use ChatTest::Streams qw(mpm_conf);
use ChatTest::Upstream;

my ($FEW, $MANY, $REQUEST, $EVENT) = (5, 25, 200, 20);
my $MODERATION = qr{/(?:src/moderation/|src/run/chat_run_(?:abuse|hook|lists|moderation|verdict))};
my $up = ChatTest::Upstream->new->start;

# Instructions of all of the module, and of moderation.
sub count_in ($file) {
    my ($all, $ours, %names, $at) = (0, 0);
    my $name = sub ($id, $text) { $names{$id} = $text if length $text; return $names{$id} };
    open my $fh, '<', $file or die "$file: $!\n";
    my $called = 0;
    while (<$fh>) {
        if (/^f[lie]=\((\d+)\) ?(.*)$/) { $at = $name->($1, $2) }
        elsif (/^(?:cfi|cfl)=\((\d+)\) ?(.*)$/) { $name->($1, $2) }
        elsif (/^calls=/) { $called = 1 }
        elsif (/^[+\-*\d]\S* (\d+)$/) {
            my $n = $1;
            if ($called) { $called = 0; next }
            next if $at !~ m{(?:^|/)(?:src/\w+/chat_|mod_chat)};
            $all += $n;
            $ours += $n if "/$at" =~ $MODERATION;
        }
    }
    return ($all, $ours);
}

sub measure ($route, $requests, $events) {
    my $t = ChatTest->new(mpm => 'event', mpm_conf => mpm_conf(4), log_level => 'warn', conf => <<"END");
<ChatProvider up>
    ChatProviderType openai
    ChatProviderURL ${\$up->url};n=$events
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute $route
ChatAuth guest
ChatModelDefault mock-1
ChatUse up
END
    $t->allow_log(qr/AH00045/);    # so slow a child does not exit in time
    $t->start;
    for (1 .. $requests) {
        my $res = $t->post_json('/', { messages => [ { role => 'user', content => 'Hello' } ] });
        die "$res->{status}: $res->{body}\n" if $res->{status} != 200;
    }
    my $dir = $t->dir;
    $t->stop;
    my ($all, $ours) = (0, 0);
    for my $file (glob "$dir/check/callgrind.out.*") {
        my @n = count_in($file);
        $all += $n[0];
        $ours += $n[1];
    }
    die "no request was counted in $dir\n" if $all < 1000 * $requests;
    return ($all, $ours);
}

my $missed = 0;
for my $route (@ARGV ? @ARGV : qw(stream openai)) {
    my ($base, $more, $longer) = map { [ measure($route, @$_) ] } [ $FEW, $FEW ], [ $MANY, $FEW ], [ $FEW, $MANY ];
    my @request = map { ($more->[$_] - $base->[$_]) / ($MANY - $FEW) } 0, 1;
    my @event = map { ($longer->[$_] - $base->[$_]) / ($FEW * ($MANY - $FEW)) } 0, 1;
    my $ok = $request[1] <= $REQUEST && $event[1] <= $EVENT;
    $missed ||= !$ok;
    printf "%s: instructions of a request of %d events: %.0f, of moderation %.0f; of an event: %.0f, of moderation %.1f: %s\n",
        $route, $FEW, @request, @event, $ok ? 'ok' : 'MISSED';
}
$up->stop;
done_testing;
exit $missed;
