# SPDX-License-Identifier: Apache-2.0
#
# The short form of "make stress": the server is stopped in the very moment in
# which its clients start, finish or abort. What is compared with what, and
# why: t/stress/stress.pl.
#
# Runs alone: it looks for the moment in which a server is stopped.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use JSON::PP ();

sub stress (@args) {
    my $text = qx($^X $FindBin::Bin/stress/stress.pl -j @args);
    return eval { JSON::PP::decode_json($text) } // { modes => {}, wrong => ["no result: $text"] };
}

my $seen = stress('-n', 1, '-m', 'crash');
is $seen->{modes}{crash}{$_}{foreign}->@*, 1, "a crash is seen ($_)" for qw(module control);
like $seen->{wrong}[0] // '', qr/a crash with a stack of its own:\nsignal 11 in the main thread/, '... and told from httpd\'s own';

sub check ($rounds, @modes) {
    my $is = stress('-n', $rounds, '-m', join ',', @modes);
    for my $mode (@modes) {
        my $module = $is->{modes}{$mode}{module};
        is $module->{rounds}, $rounds, "$mode: $rounds rounds";
        is_deeply [ grep { /^\Q$mode\E: / } $is->{wrong}->@* ], [], '... leave nothing to be explained';
        note "crashes: module $module->{crashes}, control $is->{modes}{$mode}{control}{crashes}; ",
            "slowest stop $module->{slowest} s";
    }
    note "seed $is->{seed}";
    return $is;
}

my $is = check(fewer(25), qw(abort finish start flow));
is_deeply [ grep { !/^\S+: / } $is->{wrong}->@* ], [], 'there are not more crashes than without the module';
check(fewer(10), qw(graceful-stop graceful));

done_testing;
