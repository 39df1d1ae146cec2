# SPDX-License-Identifier: Apache-2.0
#
# Log ids: unique, in the block of their room, on every message but TRACE.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my %BLOCK = (config => '01', store => '02', auth => '03', request => '04', stream => '05',
    provider => '06', reply => '07', run => '08', route => '08', telemetry => '09', limit => '10', upload => '08', upstream => '11',
    resume => '12', redis => '13', shared => '14');

sub room_of ($path) {
    return $path =~ m{^src/(\w+)/} ? $1 : 'front';
}

guard 'every log id is used once', sub ($files) {
    my %at;
    for my $path (sources($files)) {
        push $at{$1}->@*, $path while $files->{$path} =~ /CHATNO\(\s*(\d+)\s*\)/g;
    }
    return map { "CHATNO($_) stands in " . join ' and ', $at{$_}->@* } grep { $at{$_}->@* > 1 } sort keys %at;
}, 'one that is used twice' => sub ($files) {
    $files->{'src/stream/x.c'} = 'CHATNO(0599) "a" CHATNO(0599) "b"';
};

guard 'ids have four digits and lie in the block of their room', sub ($files) {
    my @bad;
    for my $path (sources($files)) {
        next if $path eq 'include/chat_log.h';
        while ($files->{$path} =~ /CHATNO\(\s*(\w+)\s*\)/g) {
            my ($id, $block) = ($1, $BLOCK{ room_of($path) } // 'none');
            push @bad, "CHATNO($id) in $path, whose block is $block" unless $id =~ /^\Q$block\E\d\d$/;
        }
    }
    return @bad;
},
    'a foreign block' => sub ($files) { $files->{'src/stream/x.c'} = 'CHATNO(0299) "x"' },
    'a short id'      => sub ($files) { $files->{'src/stream/x.c'} = 'CHATNO(599) "x"' };

guard 'every message has an id, but none on TRACE', sub ($files) {
    my @bad;
    for my $path (sources($files)) {
        for my $call (log_calls($files->{$path})) {
            my ($level, $args) = @$call;
            my $short = substr $args =~ s/\s+/ /gr, 0, 100;
            my $has = $args =~ /\bCHATNO\(/;
            push @bad, "$path: no id: $short" if $level !~ /^TRACE/ && !$has;
            push @bad, "$path: an id on TRACE: $short" if $level =~ /^TRACE/ && $has;
        }
    }
    return @bad;
},
    'a message without' => sub ($files) { $files->{'src/stream/x.c'} = 'ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "x (%d)", f(1));' },
    'one on TRACE' => sub ($files) { $files->{'src/stream/x.c'} = 'ap_log_error(APLOG_MARK, APLOG_TRACE2, 0, s, CHATNO(0599) "x");' };

done_testing;
