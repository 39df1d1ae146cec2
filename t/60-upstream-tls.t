# SPDX-License-Identifier: Apache-2.0
#
# An upstream over TLS is who it says it is, or nothing is sent to it: its
# certificate has to be for the host of ChatProviderURL, and from an authority
# that this machine trusts. Parked, and on a thread of its own. A host that is
# known need not prove it by its certificate once more.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Load qw(load_ok load_start load_wait);
use ChatTest::Streams;
use ChatTest::Upstream;
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep);

my $DIR = tempdir('chat-tls-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $MANY = 200; # at once: an engine takes several multi handles for them

sub upstream ($name, $for) {
    my ($cert, $key) = map { "$DIR/$name.$_" } qw(pem key);
    my $out = qx(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$name -addext 'subjectAltName=$for' -keyout $key -out $cert 2>&1);
    die "openssl: $out\n" if $?;
    return ChatTest::Upstream->new(tls => [ $cert, $key ])->start;
}
my %up = (known => upstream('known', 'IP:127.0.0.1'), alien => upstream('alien', 'IP:127.0.0.1'), other => upstream('other', 'DNS:other.example'));

# This machine's authorities, and these two.
open my $out, '>', "$DIR/trusted.pem" or die "$DIR/trusted.pem: $!\n";
for my $name (qw(known other)) {
    open my $in, '<', "$DIR/$name.pem" or die "$DIR/$name.pem: $!\n";
    print {$out} <$in>;
}
close $out or die "$DIR/trusted.pem: $!\n";

# The connection of the stream before is taken, and a second one is needed. (A
# ticket serves once, and the next one comes with an answer.)
sub resumes ($t) {
    my $job = load_start($t->url('/known'), c => 1, t => scaled(60), b => load_body($t, 'n=1000;pace=60000'));
    wait_for('a stream to be open', sub { sleep 0.05; return $up{known}->stats->{open} == 1 }, 30);
    my $before = $up{known}->stats->{resumed};
    is $t->sse('/known', $t->turn(n => 5))->{status}, 200, 'a new connection to the same host';
    is $up{known}->stats->{resumed} - $before, 1, '... resumes the session of the one before';
    kill 'KILL', $job->{pid};
    load_wait($job);
}

for my $mpm (qw(event prefork)) {
    my %checker = checker()->env($DIR);
    my $t = ChatTest->new(mpm => $mpm, modules => ['status'],
        env => { CHAT_TEST_TRUST => "$DIR/trusted.pem", LD_PRELOAD => join ':', grep { defined } $checker{LD_PRELOAD}, ChatTest::Upstream::tool('trust.so') },
        conf => chat_conf(map { $_ => $up{$_}->url } keys %up))->start;

    my $res = $t->sse('/known', $t->turn(n => 5));
    is $res->{status}, 200, "$mpm: an authority that is trusted" or diag $res->{body};
    is scalar($res->{events}->@*), 13, '... its answer comes';
    resumes($t) if $mpm eq 'event';
    load_ok("$mpm: many at once", $t->url('/known'), c => $mpm eq 'event' ? $MANY : 5, t => scaled(60), b => load_body($t, 'n=3'));

    for my $wrong ([ alien => 'one that is not' ], [ other => 'a certificate for another host' ]) {
        my ($name, $what) = @$wrong;
        $t->expect_log(qr{CHAT0902: .* provider=$name .*SSL});
        $res = $t->sse("/$name", $t->turn(n => 5));
        is $res->{status}, 502, "$mpm: $what is refused";
        unlike $res->{body}, qr/SSL|certificate/, '... without a word to the client';
        is $up{$name}->stats->{requests}, 0, '... before anything is sent';
    }
    $t->stop;
}
$_->stop for values %up;
done_testing;
