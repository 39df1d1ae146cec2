# SPDX-License-Identifier: Apache-2.0
#
# Somebody sets the clock an hour on, or back: windows stay what they were.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Redis;
use ChatTest::Upstream;
use File::Temp ();
use Time::Piece ();

my $SHIM = "$FindBin::Bin/../build/plain/tools/shift_clock.so";
ChatTest::skip_or_fail('not with a checker, which is preloaded itself')
    if ($ENV{CHAT_VARIANT} // 'plain') ne 'plain' || $ENV{CHAT_VALGRIND};
my $clock = File::Temp->new;

sub set_clock ($seconds) {
    open my $fh, '>', "$clock" or die $!;
    print {$fh} $seconds;
    close $fh;
}

set_clock(0);
chmod 0644, "$clock";
my $redis = ChatTest::Redis->new->start;
my $up    = ChatTest::Upstream->new->start;

for my $counter ('', 'ChatRedis ' . $redis->url . ' connect=5s command=5s') {
    my $name = $counter ? 'redis' : 'table';
    my $t = ChatTest->new(env => { LD_PRELOAD => $SHIM, SHIFT_CLOCK => "$clock" }, conf => <<"END")->start;
$counter
<ChatProvider mock>
    ChatProviderType openai
    ChatProviderURL  "${\$up->url};n=1"
    ChatProviderKey  env:CHAT_CANARY_KEY
</ChatProvider>
SetHandler chat
ChatRoute openai
ChatUse mock
ChatAuth guest
ChatLimit minute 3/1m ip
ChatLimit tokens 100000/1d ip unit=tokens
ChatLimit open 5 ip unit=streams
END
    my $ask = sub { $t->sse('/', $t->turn(n => 1)) };

    is join(' ', map { $ask->()->{status} } 1 .. 2), '200 200', "$name: two of three";
    set_clock(3600);
    my $date = $ask->();
    is $date->{status}, 200, "$name: an hour on, the third passes";
    my $there = Time::Piece->strptime($date->{headers}{date}, '%a, %d %b %Y %H:%M:%S GMT')->epoch;
    cmp_ok abs($there - time - 3600), '<', 60, "$name: (the server's clock is an hour on)";
    my ($left) = $date->{headers}{ratelimit} =~ /"minute";r=0;t=(\d+)/;
    ok defined $left && $left > 30 && $left <= 60, "$name: in the window that it was";
    is $ask->()->{status}, 429, "$name: and the fourth does not, though a minute is over on the wall";
    set_clock(-3600);
    my $no = $ask->();
    is $no->{status}, 429, "$name: nor an hour back";
    cmp_ok $no->{headers}{'retry-after'}, '<=', 60, "$name: where it need not wait longer";
    like $no->{headers}{ratelimit}, qr/"open";r=5/, "$name: no place was lost";
    set_clock(0);
    $t->stop;
}

$redis->stop;
$up->stop;
done_testing;
