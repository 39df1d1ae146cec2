# SPDX-License-Identifier: Apache-2.0
#
# docs/messages.md has every message that an administrator meets: each id at warn
# or above with its level, and no id that the code does not have.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my $DOC = 'docs/messages.md';
my %NAME = (EMERG => 'emerg', ALERT => 'alert', CRIT => 'crit', ERR => 'error', WARNING => 'warning', NOTICE => 'notice',
    INFO => 'info', DEBUG => 'debug');
my %LOUD = map { $_ => 1 } qw(emerg alert crit error warning);

# id => { level => 1, ... }; a level that is computed may be info or debug.
sub in_code ($files) {
    my %levels;
    for my $path (sources($files)) {
        for my $call (log_calls($files->{$path})) {
            my ($id) = $call->[1] =~ /\bCHATNO\(\s*(\d+)\s*\)/ or next;
            my @levels = map { $NAME{$_} } $call->[1] =~ /\bAPLOG_(EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG)\b/g;
            $levels{$id}{$_} = 1 for @levels ? @levels : qw(info debug);
        }
    }
    return %levels;
}

sub in_doc ($files) {
    return ($files->{$DOC} // '') =~ /^\| CHAT(\d{4}) \| (\w+) \| \S/mg;
}

guard "$DOC has each message at warn or above, with its level, and no other", sub ($files) {
    my %code = in_code($files);
    my @rows = in_doc($files);
    my (%doc, @bad);
    while (my ($id, $level) = splice @rows, 0, 2) {
        push @bad, "CHAT$id stands twice in $DOC" if $doc{$id}++;
        push @bad, "CHAT$id is in $DOC, not in the code" if !$code{$id};
        push @bad, "CHAT$id is \"$level\" in $DOC, " . join('/', sort keys $code{$id}->%*) . ' in the code' if $code{$id} && !$code{$id}{$level};
    }
    push @bad, "CHAT$_ (" . join('/', sort keys $code{$_}->%*) . ") is not in $DOC"
        for grep { !$doc{$_} && grep { $LOUD{$_} } keys $code{$_}->%* } sort keys %code;
    return @bad;
},
    'a message without a row' => sub ($files) { $files->{'src/stream/x.c'} = 'ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, CHATNO(0599) "x");' },
    'a row without a message' => sub ($files) { $files->{$DOC} .= "| CHAT0599 | error | x |\n" },
    'a wrong level'           => sub ($files) { $files->{$DOC} =~ s/(CHAT0902 \| )error/$1info/ };

guard "each line of mod_status has its legend in $DOC", sub ($files) {
    my $code = $files->{'src/telemetry/chat_telemetry_status.c'};
    my %line = map { $_ => 1 } $code =~ /"(Chat[A-Z]\w+)(?:"|: %d)/g, map { "$_-NAME" } $code =~ /"(Chat\w+)-%s:/g;
    my %legend = map { $_ => 1 } ($files->{$DOC} // '') =~ /^\| `(Chat[\w-]+)` \|/mg;
    return ('no lines in the code') if keys %line < 10;
    return (map { "$_ has no legend" } grep { !$legend{$_} } sort keys %line), map { "$_ is no line" } grep { !$line{$_} } sort keys %legend;
},
    'a line without' => sub ($files) { $files->{'src/telemetry/chat_telemetry_status.c'} .= '{"ChatNovelty", "x", 0},' },
    'a legend of nothing' => sub ($files) { $files->{$DOC} .= "| `ChatNovelty` | x |\n" };

done_testing;
