# SPDX-License-Identifier: Apache-2.0
#
# Every member that the official SDK (npm openai, pinned in t/real/openai) knows
# of a Chat Completions request is decided: it reaches the turn, is left out, is
# refused by name, or goes on to an upstream that speaks it too, and those that
# go on are listed here. A newer SDK with a new member fails this test.
use v5.36;
use Test::More;
use FindBin;
use File::Temp qw(tempdir);
use JSON::PP   ();
use MIME::Base64 qw(encode_base64);

my $ROOT = "$FindBin::Bin/..";
my $SDK = "$ROOT/t/real/openai";
my $TYPES = "$SDK/node_modules/openai/resources/chat/completions/completions.d.ts";
my $VARIANT = $ENV{CHAT_VARIANT} || 'plain';
my ($VALIDATE) = grep { -x } map { "$ROOT/build/$_/tools/validate" } $VARIANT, 'plain';
my $DIR = tempdir('chat-completions-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $JSON = JSON::PP->new->utf8->allow_nonref;

BAIL_OUT('no validate: run make tools') if !$VALIDATE;

my %GOES_ON = map { $_ => 1 } qw(frequency_penalty logit_bias presence_penalty seed verbosity);

sub missing () {
    return 'node is not installed' if system('node --version > /dev/null 2>&1') != 0;
    return if -e $TYPES;
    return 'the SDK cannot be installed (npm ci)'
        if system("cd $SDK && npm ci --silent --no-audit --no-fund > /dev/null 2>&1") != 0;
    return;
}

# The names of what an interface in the types declares itself.
sub members_of ($interface) {
    open my $in, '<', $TYPES or die "$TYPES: $!";
    my $text = do { local $/; <$in> };
    my ($body) = $text =~ /^export interface \Q$interface\E \{\n(.*?)^\}/ms or die "no $interface";
    return $body =~ /^    (\w+)\??:/mg;
}

sub judged (@bodies) {
    open my $out, '>', "$DIR/bodies" or die $!;
    print $out map { encode_base64($_, '') . "\n" } @bodies;
    close $out or die $!;
    return map { $JSON->decode($_) } qx($VALIDATE --completions < $DIR/bodies);
}

# Of every kind, so that one is right for each member, or at least for nothing.
my @VALUES = ('true', 'false', '1', '0', '"low"', '[]', '["text"]', '{}');

sub bodies_with ($name) {
    return map { qq({"messages":[{"role":"user","content":"q"}],"$name":$_}) } @VALUES;
}

if (my $why = missing()) {
    fail("the SDK is asked: $why") if $ENV{CHAT_SKIPS_AS_FAILS};
    plan skip_all => $why;
}

my @members = members_of('ChatCompletionCreateParamsBase');
cmp_ok scalar @members, '>', 30, 'the types tell the members of a request';

for my $name (grep { $_ ne 'messages' } @members) {
    my @judged = judged(bodies_with($name));
    my @extra = grep { $_->{verdict} eq 'accept' && $_->{turn}{extra} } @judged;
    my @elsewhere = grep { $_->{verdict} eq 'reject' && $_->{param} !~ /^\Q$name\E\b/ } @judged;
    is scalar @extra, $GOES_ON{$name} ? @VALUES : 0, $GOES_ON{$name} ? "$name goes on" : "$name is known";
    is_deeply \@elsewhere, [], "$name: what is wrong with it is said of it";
}

my ($unknown) = judged('{"messages":[{"role":"user","content":"q"}],"no_such":[1.50]}');
is_deeply $unknown->{turn}{extra}, {no_such => [1.5]}, 'what nobody knows goes on';

done_testing;
