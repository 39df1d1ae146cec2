# SPDX-License-Identifier: Apache-2.0
#
# A prompt may be a thousand times as long as what a stream needs: once its
# answer has begun, a stream does not hold it. Before, it does, for the next
# provider.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Streams;
use ChatTest::Upstream;

my $COUNT  = fewer(100);
my $PROMPT = 300_000;

my $up = ChatTest::Upstream->new->start;
my $t = ChatTest->new(modules => ['status'], mpm => 'event', mpm_conf => mpm_conf(4), log_level => 'notice',
    env => { MALLOC_ARENA_MAX => 1 },
    conf => chat_conf(chat => $up->url) . "ChatRequestMessageLength 400000\nChatRequestTotalLength 400000\n")->start;
# Each prompt holds a thread while it is read.
$t->allow_log(qr/AH00484: server reached MaxRequestWorkers/);
my $pid = child($t);

sub body ($params) {
    my $text = 'x' x $PROMPT;
    return load_body($t, $params) =~ s/mock\(/$text mock(/r;
}

sub file ($name, $params) {
    $t->write_file($name, body($params));
    return '@' . "$t->{dir}/$name";
}

# One after the other first: what parsing needs stays with the child.
load_ok('prompts of 300 KB are answered', $t->url('/chat'), c => 4, m => 5, t => scaled(60), b => file('warm', 'n=1'));

my $before = held($t, $pid)->{rss};
my $job = load_start($t->url('/chat'), c => $COUNT, r => scaled(50), t => scaled(120), e => 'any',
    b => file('slow', 'n=100000;pace=500'));
wait_for("all $COUNT streams to be open and answered", sub {
    sleep 0.1;
    return $up->stats->{open} == $COUNT && $up->stats->{events} > 3 * $COUNT;
}, 60);
my $each = (held($t, $pid)->{rss} - $before) / $COUNT;
note sprintf '%.0f KiB for each of %d streams', $each, $COUNT;
# A checker keeps what is freed.
cmp_ok $each, '<', $PROMPT / 1024 / 2, 'a stream that is answered does not hold its prompt' unless checker()->name;
kill KILL => $job->{pid};
load_wait($job);
settled($t);
$t->stop;
$up->stop;
done_testing;
