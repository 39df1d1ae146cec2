# SPDX-License-Identifier: Apache-2.0
#
# A total time-out that came while a call was waited for was counted as a
# failure of that call, which was never made: one request that an upstream had
# refused once was two steps towards its breaker.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(conf => <<"END")->start;
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderTimeout total=300ms
    ChatProviderBreaker 2 cooldown=1h
</ChatProvider>
<Location />
    SetHandler chat
    ChatAuth guest
    ChatRoute openai
    ChatRetry 2 backoff=10s
</Location>
END

$t->expect_log(qr/CHAT0902: .* timeout: the upstream did not answer in time/);

my $res = $t->sse('/chat', $t->turn(status => 503));
is $res->{status}, 504, 'refused, and its time is up before the second call';
is $up->calls, 1, '... which was not made';
is $t->sse('/chat', $t->turn(n => 1))->{status}, 200, 'one failure of two: the next request is let through';

$t->stop;
$up->stop;
done_testing;
