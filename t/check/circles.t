# SPDX-License-Identifier: Apache-2.0
#
# The files of a room call each other in one direction: whoever reads one from
# its callers down to what it calls comes to an end.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

# Rooms in which files may call back, with the reason.
my %MAY = (
    base     => 'the JSON scanner and its parts',
    config   => 'the features and the table of directives',
    limit    => 'a counter tells the ticket what it counted',
    mock     => 'a script and what writes its events',
    provider => 'the body of Chat Completions, built or native',
    request  => 'the schema of a request and that of its tools',
);

sub definitions ($files, $room) {
    my (%file_of, %text);
    for my $path (grep { m{^src/\Q$room\E/.*\.c$} } sources($files)) {
        $text{$path} = $files->{$path} =~ s{/\*.*?\*/}{}gsr =~ s/^#include.*//gmr;
        my $head = '';
        for (split /\n/, $text{$path}) {
            $file_of{$1} = $path if /^\{/ && $head !~ /^\s*static\b/ && $head =~ /\b(chat_\w+)\(/;
            $head = /^(?:[{}#\/]|\s*$)/ ? '' : "$head $_";
        }
    }
    return (\%file_of, \%text);
}

# File => the files of its room that it calls, or whose functions it names.
sub arrows ($files, $room) {
    my ($file_of, $text) = definitions($files, $room);
    my %to = map { $_ => {} } keys %$text;
    for my $path (keys %$text) {
        for my $name ($text->{$path} =~ /\b(chat_\w+)\b/g) {
            my $other = $file_of->{$name} // next;
            $to{$path}{$other} = 1 if $other ne $path;
        }
    }
    return \%to;
}

# Whatever is left once files that call nobody left have gone is in a circle, or
# leads to one.
sub circles ($to) {
    my %left = map { $_ => 1 } keys %$to;
    while (1) {
        my @gone = grep {
            my $path = $_;
            !grep { $left{$_} } keys $to->{$path}->%*
        } keys %left;
        last if !@gone;
        delete @left{@gone};
    }
    return sort keys %left;
}

sub rooms ($files) {
    my %room = map { m{^src/(\w+)/} ? ($1 => 1) : () } sources($files);
    return sort keys %room;
}

guard 'no file calls back one that calls it', sub ($files) {
    my @bad;
    for my $room (grep { !$MAY{$_} } rooms($files)) {
        my @circle = circles(arrows($files, $room)) or next;
        push @bad, "$room: " . join ', ', map { s{.*/}{}r } @circle;
    }
    return @bad;
}, 'a run that its end starts anew' => sub ($files) {
    $files->{'src/run/chat_run_end.c'} .= "static void again(void)\n{\n    chat_run_handler(0);\n}\n";
};

guard 'no room is excused that need not be', sub ($files) {
    return grep { my @circle = circles(arrows($files, $_)); !@circle } sort keys %MAY;
}, 'one that has none' => sub ($files) { delete $files->{$_} for grep { m{^src/mock/} } keys %$files };

done_testing;
