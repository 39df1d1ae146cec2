# SPDX-License-Identifier: Apache-2.0
#
# The message that we read out of a UI message stream is the one that the AI SDK
# reads: of streams that nobody wrote down, made from a seed, whole, broken and
# cut, fed in pieces of any length. With version 6 it must be equal to the last
# member, with 5 and 7 where these do not differ from 6 by themselves.
#
#   CHAT_SEED      another seed, or "random"
#   CHAT_STREAMS   how many streams (150)
use v5.36;
use Test::More;
use FindBin;
use File::Temp qw(tempdir);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use lib "$FindBin::Bin/lib";
use ChatTest;

my $ROOT = "$FindBin::Bin/..";
my $SDK = "$ROOT/t/real/ui-message";
my $VARIANT = $ENV{CHAT_VARIANT} || 'plain';
my ($OURS) = grep { -x } map { "$ROOT/build/$_/tools/ui_message" } $VARIANT, 'plain';
my $DIR = tempdir('chat-ui-message-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

die "no ui_message: run make tools\n" if !$OURS;
ChatTest::skip_or_fail('npm ci in t/real/ui-message') unless -d "$SDK/node_modules/ai6";

my $seed = $ENV{CHAT_SEED} // 4;
$seed = int rand 2**31 if $seed eq 'random';
my $count = ChatTest::fewer($ENV{CHAT_STREAMS} // 150);

sub read_lines ($path) {
    open my $in, '<:raw', $path or die "$path: $!";
    chomp(my @lines = <$in>);
    return @lines;
}

# In the form of the SDK's reader. Version 5 keeps no id of thoughts.
sub told ($line, $version) {
    my $told = $JSON->decode($line);
    $told->{broken} = $told->{flags} =~ /B/ ? JSON::PP::true : JSON::PP::false if exists $told->{flags};
    delete $told->@{qw(flags text context)};
    pop $told->{parts}->@* while $told->{parts}->@* && ($told->{parts}[-1]{type} // '') eq 'step-start';
    if ($version == 5) {
        delete $_->{id} for grep { $_->{type} eq 'reasoning' } $told->{parts}->@*;
    }
    return $JSON->encode($told);
}

sub compare ($version, $streams, $ours, $theirs) {
    my $wrong = 0;
    is @$ours, $count, "version $version: there are as many messages as streams";
    for my $i (0 .. $#$theirs) {
        my ($want, $got) = (told($theirs->[$i], $version), told($ours->[$i] // '{"parts":[]}', $version));
        next if $want eq $got || $wrong++ >= 3;
        diag join "\n", decode_base64((split ' ', $streams->[$i])[1]), "SDK:  $want", "ours: $got";
    }
    is $wrong, 0, "version $version: they are what the SDK reads (CHAT_SEED=$seed)";
}

note "CHAT_SEED=$seed";
for my $kind ('', 'plain') {
    my ($streams, $messages) = ("$DIR/streams$kind", "$DIR/messages$kind");
    is system("cd $SDK && node read.mjs make $seed $count $streams $messages $kind"), 0, "$count streams are made";
    is system("$OURS < $streams > $DIR/ours"), 0, 'and read';
    my @streams = read_lines($streams);
    my @ours = read_lines("$DIR/ours");
    my @theirs = read_lines($messages);
    compare(6, \@streams, \@ours, \@theirs);
    cmp_ok scalar(grep { /"flags":"[^"]*B/ } @ours), '>', $count / 20, 'some of them are broken' if !$kind;
    cmp_ok scalar(grep { /"tool-x-c1"/ } @ours), '>', $count / 20, 'some of them have calls' if $kind;
    next if !$kind;
    for my $version (5, 7) {
        next if $version == 7 && `node -p "parseInt(process.versions.node)"` < 20;
        is system("cd $SDK && node read.mjs judge $version < $streams > $messages"), 0, "version $version reads them, too";
        compare($version, \@streams, \@ours, [ read_lines($messages) ]);
    }
}

done_testing;
