# SPDX-License-Identifier: Apache-2.0
#
# The schemas of the chat requests give the verdict and the issues that zod
# gives: for every known case, and for bodies that nobody wrote down, made from
# a seed and judged by the real zod (npm, pinned in t/real/zod) and by ours.
# What zod is asked is in t/real/zod/schemas.mjs.
#
#   CHAT_SEED     another seed, or "random"
#   CHAT_BODIES   how many bodies for each schema (10000)
use v5.36;
use Test::More;
use FindBin;
use File::Temp qw(tempdir);
use JSON::PP   ();
use MIME::Base64 qw(decode_base64 encode_base64);

my $ROOT = "$FindBin::Bin/..";
my $ZOD = "$ROOT/t/real/zod";
my $VARIANT = $ENV{CHAT_VARIANT} || 'plain';
my ($VALIDATE) = grep { -x } map { "$ROOT/build/$_/tools/validate" } $VARIANT, 'plain';
my $DIR = tempdir('chat-zod-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $JSON = JSON::PP->new->canonical->allow_nonref;

BAIL_OUT('no validate: run make tools') if !$VALIDATE;

sub write_lines ($path, @lines) {
    open my $out, '>:raw', $path or die "$path: $!";
    print $out map { "$_\n" } @lines;
    close $out or die "$path: $!";
}

sub read_lines ($path) {
    open my $in, '<:raw', $path or die "$path: $!";
    chomp(my @lines = <$in>);
    return @lines;
}

# Run a command on a file of bodies; the lines that it prints.
sub judged_by ($bodies, @command) {
    system("@command < $bodies > $DIR/judged") == 0 or die "@command failed: $?";
    return read_lines("$DIR/judged");
}

sub base64 ($bytes) {
    return encode_base64($bytes, '');
}

# ---- the known cases ----

# Where mod_chat refuses, on purpose, what JSON.parse and zod take. The reason
# and, where a limit is it, the options that lift it.
my %DEVIATION = (
    content_lone_surrogate => [qr/^lone surrogate at byte \d+$/],
    content_nul_char       => [qr/^\\u0000 at byte \d+$/],
    rf_deep_100            => [qr/^nesting deeper than 64$/, '--depth 103'],
    rf_deep_5000           => [qr/^nesting deeper than 64$/, '--depth 5003'],
);

my @cases = do {
    my ($text) = join "\n", read_lines("$ROOT/t/data/zod-cases.json");
    @{ JSON::PP->new->utf8->decode($text)->{cases} };
};
my %body = map {
    my $payload = $_->{payload};
    utf8::encode($payload);
    ($_->{name} => base64($payload));
} @cases;

sub expected_of ($case) {
    return {verdict => 'json_error', issues => []} if defined $case->{json_error};
    return {verdict => $case->{accepted} ? 'accept' : 'reject', issues => $case->{issues} // []};
}

sub strip ($line) {
    my $got = $JSON->decode($line);
    delete $got->{turn};
    return $got;
}

is scalar @cases, 111, 'all known cases are there';
write_lines("$DIR/cases", map { $body{ $_->{name} } } @cases);
my @got = judged_by("$DIR/cases", $VALIDATE, '--why');
for my $case (@cases) {
    my ($name, $got) = ($case->{name}, strip(shift @got));
    my $why = delete $got->{why};
    if (my $deviation = $DEVIATION{$name}) {
        is $got->{verdict}, 'json_error', "$name is refused on purpose";
        like $why, $deviation->[0], "$name: and the reason is told";
        next;
    }
    is_deeply $got, expected_of($case), "$name is judged as zod does";
}

for my $name (grep { $DEVIATION{$_}[1] } sort keys %DEVIATION) {
    write_lines("$DIR/one", $body{$name});
    my ($line) = judged_by("$DIR/one", $VALIDATE, $DEVIATION{$name}[1]);
    is strip($line)->{verdict}, 'accept', "$name is accepted with $DEVIATION{$name}[1]";
}

# ---- bodies that nobody wrote down ----

# Why the real zod cannot be asked, if so. It is installed when missing.
sub missing () {
    return 'node is not installed' if system('node --version > /dev/null 2>&1') != 0;
    return if -d "$ZOD/node_modules/zod";
    return 'zod cannot be installed (npm ci)'
        if system("cd $ZOD && npm ci --silent --no-audit --no-fund > /dev/null 2>&1") != 0;
    return;
}

sub show ($number, $body, $expected, $got) {
    my $bytes = decode_base64($body);
    diag "body $number: ", length $bytes > 400 ? substr($bytes, 0, 400) . '...' : $bytes;
    diag "in base64: $body" if length $body < 20_000;
    diag "zod:  $expected";
    diag "ours: $got";
}

# Lines must be equal as text: every key in its place. The few bodies on which
# zod throws have no issues to compare, but are to be refused.
sub same ($expected, $got) {
    return $got =~ /^\{"verdict":"reject"/ if $expected eq '{"verdict":"throws"}';
    return $got eq $expected;
}

# How many of the verdicts were which, once all have been compared.
sub compare ($bodies, $verdicts, @got) {
    my (%verdicts, $wrong, $number);
    open my $body_in, '<:raw', $bodies or die "$bodies: $!";
    open my $verdict_in, '<:raw', $verdicts or die "$verdicts: $!";
    while (my $expected = <$verdict_in>) {
        chomp(my $body = <$body_in>);
        chomp $expected;
        my $got = shift @got // 'nothing';
        $verdicts{ ($expected =~ /"verdict":"(\w+)"/)[0] }++;
        $number++;
        next if same($expected, $got);
        show($number, $body, $expected, $got) if ++$wrong <= 5;
    }
    return ($wrong // 0, $number, %verdicts);
}

my $seed = $ENV{CHAT_SEED} // 4;
$seed = int rand 2**31 if $seed eq 'random';
my $count = $ENV{CHAT_BODIES} // 10_000;
my %OPTION = (chat => [], tools => ['--tools'], message => ['--message']);
my $why = missing();

SKIP: {
    if ($why) {
        fail("the real zod is asked: $why") if $ENV{CHAT_SKIPS_AS_FAILS};
        skip $why, 1 + 6 * keys %OPTION;
    }

    my @ours = judged_by("$DIR/cases", $VALIDATE);
    my @zods = judged_by("$DIR/cases", 'node', "$ZOD/diff.mjs", 'judge', 'chat');
    is_deeply \@ours, \@zods, 'the known cases give the same text, key by key';

    note "CHAT_SEED=$seed";
    for my $schema (sort keys %OPTION) {
        my @files = ("$DIR/bodies", "$DIR/verdicts");
        is system('node', "$ZOD/diff.mjs", 'make', $schema, $seed, $count, @files), 0,
            "$schema: zod judges $count made bodies";
        my ($wrong, $compared, %verdicts) = compare(@files, judged_by($files[0], $VALIDATE, @{ $OPTION{$schema} }));
        is $wrong, 0, "$schema: verdict and issues are equal for all (CHAT_SEED=$seed)";
        is $compared, $count, "$schema: and none was left out";

        # Else the comparison would have been of little.
        my $few = $count / 20;
        cmp_ok $verdicts{$_} // 0, '>', $few, "$schema: among them enough with verdict $_"
            for qw(accept reject json_error);
        note join ', ', map { "$_: $verdicts{$_}" } sort keys %verdicts;
    }
}

done_testing;
