# SPDX-License-Identifier: Apache-2.0
#
# ChatLimit and its like at configtest: what is refused, and with which words.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

my $t = ChatTest->new(modules => ['authn_core']);

my @good = (
    'ChatLimit burst 10/1m user',
    'ChatLimit burst 10/60 ip',
    'ChatLimit a-b_C9 0/1s user+ip',
    'ChatLimit day 10000/1d user unit=tokens tier=free model=gpt-4o reserve=500 cut=on fail=closed shadow=on',
    'ChatLimit year 1/366d ip ipv4=24 ipv6=48',
    'ChatLimit week 1/1w "expr=%{HTTP:X-Team}"',
    'ChatLimit open 3 user unit=streams',
    'ChatLimit shared 5/1m user compat=rate-limiter-flexible prefix=app',
    'ChatLimit shared 5/1m user compat=rate-limiter-flexible prefix=',
    'ChatLimit money 5.00/30d user unit=cost',
    'ChatLimit money 0.0000000001/1mo user unit=cost cut=on reserve=5 warn=0',
    'ChatLimit money 900000/1d user zone=local warn=99 unit=cost',
    'ChatLimit burst 10/1mo user',
    'ChatLimit burst 10/1d user zone=+05:30 warn=50',
    'ChatLimit burst 10/24h user zone=-14:00',
    'ChatLimit burst 10/1mo user zone=utc compat=rate-limiter-flexible',
    'ChatLimit burst off',
    'ChatLimitExempt role=admin user=u1 net=10.0.0.0/8 net=::1 "expr=%{HTTP:X} == \'y\'"',
    'ChatLimitExempt none',
    'ChatLimitTier "%{HTTP:X-Plan}"',
    'ChatLimitTable 64K',
    'ChatLimitKeys clear',
    'ChatRedis redis://127.0.0.1',
    'ChatRedis redis://127.0.0.1:6379/3 connect=1s command=50ms user=app password=env:CHAT_CANARY_KEY',
    'ChatRedis unix:///run/redis.sock?db=2',
);
for my $line (@good) {
    my ($ok, $out) = $t->configtest("$line\n");
    ok $ok, $line or diag $out;
}

my @bad = (
    # line, what the sentence says
    [ 'ChatLimit',                          qr/takes 1 to \d+ arguments: NAME POINTS\/WINDOW KEY/ ],
    [ 'ChatLimit burst',                    qr/ChatLimit burst: write NAME POINTS\/WINDOW KEY/ ],
    [ 'ChatLimit burst 10/1m',              qr/ChatLimit burst: write NAME/ ],
    [ 'ChatLimit bad.name 10/1m user',      qr/does not accept "bad\.name": write a name of 1 to 32/ ],
    [ 'ChatLimit ' . 'x' x 33 . ' 1/1m ip', qr/write a name of 1 to 32/ ],
    [ 'ChatLimit burst ten/1m user',        qr/does not accept "ten\/1m": write POINTS\/WINDOW as in 10\/1m/ ],
    [ 'ChatLimit burst -1/1m user',         qr/does not accept "-1\/1m"/ ],
    [ 'ChatLimit burst 10/ user',           qr/does not accept "10\/"/ ],
    [ 'ChatLimit burst 10/0 user',          qr/does not accept "10\/0"/ ],
    [ 'ChatLimit burst 10/0.5 user',        qr/does not accept "10\/0\.5"/ ],
    [ 'ChatLimit burst 10/1y user',         qr/does not accept "10\/1y"/ ],
    [ 'ChatLimit burst 10/367d user',       qr/does not accept "10\/367d".*at most 366 days/ ],
    [ 'ChatLimit burst 10/60w user',        qr/does not accept "10\/60w"/ ],
    [ 'ChatLimit burst 10/-5 user',         qr/does not accept "10\/-5"/ ],
    [ 'ChatLimit burst 10 user',            qr/needs a window, as in 10\/1m/ ],
    [ 'ChatLimit burst 10/1m everybody',    qr/does not accept "everybody": write the key user, ip, user\+ip or expr=/ ],
    [ 'ChatLimit burst 10/1m "expr=%{"',    qr/"%\{" is no expression/ ],
    [ 'ChatLimit burst 10/1m user unit=bytes',      qr/unit does not accept "bytes": write requests, tokens, streams or cost/ ],
    [ 'ChatLimit burst 10/1m user unit=streams',    qr/unit=streams counts what is open now and has no window/ ],
    [ 'ChatLimit burst 10/1m user fail=maybe',      qr/fail does not accept "maybe": write open, closed or local/ ],
    [ 'ChatLimit burst 10/1m user shadow=yes',      qr/shadow does not accept "yes": write on or off/ ],
    [ 'ChatLimit burst 10/1m user cut=on',          qr/cut= and reserve= belong to unit=tokens/ ],
    [ 'ChatLimit burst 10/1m user reserve=5',       qr/cut= and reserve= belong to unit=tokens/ ],
    [ 'ChatLimit t 10/1m user unit=tokens reserve=0', qr/reserve does not accept "0": write a whole number from 1/ ],
    (map { [ "ChatLimit money $_ user unit=cost", qr/does not accept "\Q$_\E": write DOLLARS\/WINDOW as in 5\.00\/1mo/ ] }
        '5,00/1mo', qw(5.00/2mo 900001/1d .5/1d 5./1d -5/1d 0.00000000001/1d 1e3/1d five/1d $5/1d 5/)),
    [ 'ChatLimit money 5.00 user unit=cost',        qr/needs a window/ ],
    [ 'ChatLimit burst 5.5/1m user',                qr/does not accept "5\.5\/1m": write POINTS/ ],
    (map { [ "ChatLimit burst 10/1d user zone=$_", qr/zone does not accept "\Q$_\E": write utc, local, or hours as in \+05:30/ ] }
        qw(Europe/Berlin 5:30 +5:30 +15:00 +05:60 UTC)),
    [ 'ChatLimit burst 10/1h user zone=utc',        qr/zone= belongs to the windows 1mo and 1d/ ],
    [ 'ChatLimit burst 10/1h user warn=100',        qr/warn does not accept "100": write a whole number from 0 to 99/ ],
    [ 'ChatLimit open 3 user unit=streams warn=50', qr/warn= belongs to policies with a window/ ],
    [ 'ChatLimit burst 10/1m user prefix=app',      qr/prefix= belongs to compat=rate-limiter-flexible/ ],
    [ 'ChatLimit burst 10/1m user compat=node',     qr/compat does not accept "node": write rate-limiter-flexible/ ],
    [ 'ChatLimit open 3 user unit=streams compat=rate-limiter-flexible', qr/has no unit=streams/ ],
    [ 'ChatLimit burst 10/1m ip ipv4=33',           qr/ipv4 does not accept "33": write a whole number from 8 to 32/ ],
    [ 'ChatLimit burst 10/1m ip ipv6=15',           qr/ipv6 does not accept "15": write a whole number from 16 to 128/ ],
    [ 'ChatLimit burst 10/1m ip color=red',         qr/does not accept "color=red": write KEY=VALUE with the keys unit/ ],
    [ 'ChatLimit burst 10/1m ip fail=open fail=open', qr/has fail= twice/ ],
    [ 'ChatLimitExempt',                    qr/takes 1 to \d+ arguments/ ],
    [ 'ChatLimitExempt admin',              qr/write KEY=VALUE with the keys role, user, net or expr/ ],
    [ 'ChatLimitExempt role=',              qr/write a value after the =/ ],
    [ 'ChatLimitExempt net=10.0.0.0/40',    qr/net does not accept "10\.0\.0\.0\/40": write an address or a network/ ],
    [ 'ChatLimitExempt net=example.org',    qr/write an address or a network/ ],
    [ 'ChatLimitTier "%{"',                 qr/is no expression/ ],
    [ 'ChatLimitTable 1K',                  qr/does not accept "1K": write a number of bytes from 64K to 1G/ ],
    [ 'ChatLimitKeys plain',                qr/does not accept "plain": write hashed or clear/ ],
    [ 'ChatRedis localhost',                qr/does not accept "localhost": write redis:\/\/HOST:PORT\/DB/ ],
    [ 'ChatRedis redis://',                 qr/write redis:\/\/HOST/ ],
    [ 'ChatRedis redis://u:geheim@h',       qr/takes no user or password in its URL/ ],
    [ 'ChatRedis redis://h password=geheim', qr/env:NAME, file:PATH/ ],
    [ 'ChatRedis redis://h connect=0',      qr/connect does not accept "0": write a time from 1ms to 1m/ ],
    [ 'ChatRedis rediss://h ca=/nonexistent.pem', qr/ca does not accept "\/nonexistent\.pem": write a file with certificates/ ],
    [ 'ChatRedis rediss://h ca=',           qr/ca does not accept "": write a file/ ],
    [ 'ChatRedis rediss://h ca=/etc',       qr/ca does not accept "\/etc": write a file/ ],
    [ 'ChatRedis redis://h ca=/etc/passwd', qr/ca= belongs to rediss:\/\// ],
    [ 'ChatRedis redis://h speed=1s',       qr/write KEY=VALUE with the keys user, password, ca, connect or command/ ],
    [ "<VirtualHost *>\nChatRedis redis://h\n</VirtualHost>",  qr/cannot occur within <VirtualHost> section/ ],
    [ "<Location />\nChatLimitTable 1M\n</Location>",        qr/not allowed/ ],
);
for my $row (@bad) {
    my ($line, $re) = @$row;
    my ($ok, $out) = $t->configtest("$line\n");
    (my $name = $line) =~ s/\n/ /g;
    ok !$ok, "refused: $name";
    like $out, $re, '... with a sentence';
    unlike $out, qr/geheim/, '... that repeats no secret' if $line =~ /geheim/;
}

done_testing;
