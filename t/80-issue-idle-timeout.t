# SPDX-License-Identifier: Apache-2.0
#
# An engine looked at a stream again when its first deadline was due. One that
# comes sooner once bytes have come (idle after first), or once the client has
# caught up, was not noticed before that, or before a tick: up to half of httpd's
# Timeout late.
use v5.36;
use Test::More;
use FindBin;
use Time::HiRes qw(sleep);
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new->start;
my $IDLE = int(1000 * scaled(0.3)) . 'ms';
my $t = ChatTest->new(conf => <<"END")->start;
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderTimeout first=60s idle=$IDLE
</ChatProvider>
<Location />
    SetHandler chat
    ChatAuth guest
    ChatRoute openai
</Location>
END
$t->expect_log(qr/CHAT0902: .* timeout: the upstream went quiet/);

my $res = $t->sse('/chat', $t->turn(n => 5, fault => 'hang', after => 6), timeout => 10);
is scalar($res->{events}->@*), 6, 'an upstream that falls silent after six events';
isnt $res->{ended}, 'timeout', '... is given up';
cmp_ok $res->{ended_at} - $res->{first_at}, '<', scaled(1.5), '... when ChatProviderTimeout idle says so';

# The same after a pause that the client made: four events of 1 MiB, of which it
# takes none for a while.
my $paused = 0;
$res = $t->sse('/chat', $t->turn(n => 4, size => 1024 * 1024, fault => 'hang', after => 8), timeout => 10, rcvbuf => 16384,
    on_data => sub ($data, $res) {
        sleep scaled(0.6) if !$paused++;
        return 1;
    });
is scalar($res->{events}->@*), 8, 'one that falls silent after the client was slow';
isnt $res->{ended}, 'timeout', '... is given up';
cmp_ok $res->{ended_at} - $res->{events}[-1]{at}, '<', scaled(1.5), '... in time, too';

$t->stop;
$up->stop;
done_testing;
