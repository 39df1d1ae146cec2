# SPDX-License-Identifier: Apache-2.0
#
# The built chat page as it lies in conf/page: it fits its sums, it is small, its
# policy lets it run, and it is what its source gives, where that can be built here.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use ChatTest ();
use ChatTest::Page;

my $root = "$FindBin::Bin/..";
my $dir = ChatTest::Page::site();

sub slurp ($name) {
    open my $fh, '<:raw', "$dir/$name" or die "$dir/$name: $!\n";
    local $/;
    return <$fh>;
}

my @files = map { s{^\Q$dir\E/}{}r } grep { -f } glob("$dir/* $dir/*/*");
my @plain = sort grep { !/\.(?:gz|br)$/ && $_ ne 'SHA256SUMS' } @files;

# ---- sums ----

my %sum = map { /^([0-9a-f]{64})  (.+)$/ ? ($2 => $1) : () } split /\n/, slurp('SHA256SUMS');
is_deeply [ sort keys %sum ], \@plain, 'there is a sum for each file, and a file for each sum';
is_deeply [ grep { ($sum{$_} // '') ne Digest::SHA::sha256_hex(slurp($_)) } @plain ], [], '... which it has';
for my $name (sort grep { /\.gz$/ } @files) {
    my ($packed, $text) = (slurp($name), '');
    gunzip(\$packed => \$text) or die "$name: $GunzipError\n";
    my $plain = $name =~ s/\.gz$//r;
    ok $text eq slurp($plain), "$name is $plain" if $text ne slurp($plain);
    ok -e "$dir/$plain.br", "... and there is a .br of $plain" if !-e "$dir/$plain.br";
}

# ---- budgets ----

my $index = slurp('index.html');
my @first = $index =~ m{(?:src|href)="\./(assets/[^"]+)"}g;
ok @first >= 2, 'the page names a script and a style' or diag $index;
ok !(grep { !-e "$dir/$_.gz" || !-e "$dir/$_.br" } @first), '... which are there compressed';
my $bytes = length $index;
$bytes += -s "$dir/$_.gz" for @first;
note "$bytes bytes are loaded first";
cmp_ok $bytes, '<=', 60 * 1024, 'what is loaded first is at most 60 KB compressed';

unlike $index, qr{<script(?![^>]*\bsrc=)[^>]*>}i, 'nothing in it is inline: no script';
unlike $index, qr{<style|\bstyle=|\bon\w+=}i, '... no style, no handler';
unlike $index, qr{(?:src|href)="(?!\./|data:)}i, '... and its addresses are relative';

# ---- what may be said of each file of its source ----

SKIP: {
    my $why = ChatTest::Page::cannot_build();
    skip $why, 1 if $why && !$ENV{CHAT_SKIPS_AS_FAILS};
    my $out = qx("$root/script/page.sh" --check 2>&1);
    is $?, 0, 'it is what its source gives' or diag $out;
}

done_testing;
