#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The bill of materials of mod_chat, as CycloneDX 1.5: the libraries that the
# module is linked with, and the packages of Debian that they are from.
#
#   script/sbom.pl build/plain/mod_chat.so >mod_chat.cdx.json
#
#   SOURCE_DATE_EPOCH   the time that is told
use strict;
use warnings;
use Digest::SHA ();
use JSON::PP ();
use POSIX qw(strftime);

my $JSON = JSON::PP->new->utf8->canonical->pretty->indent_length(2);
my ($module) = @ARGV or die "usage: script/sbom.pl MODULE\n";

sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}

sub lines {
    my (@command) = @_;
    open my $fh, '-|', @command or die "$command[0]: $!\n";
    my @lines = <$fh>;
    close $fh or die "$command[0] failed\n";
    chomp @lines;
    return @lines;
}

# What the module itself asks for, and where that is found.
my @needed = map { /\(NEEDED\)\s+Shared library: \[(.*)\]/ ? $1 : () } lines('readelf', '-d', $module);
my %path = map { /^\s*(\S+) => (\S+)/ ? ($1 => $2) : () } lines('ldd', $module);

# dpkg knows a file by the name that it was installed under.
my %package;
{
    my @names = map { ($_, s{^/usr}{}r, "/usr$_") } grep { m{^/} } values %path;
    for (split /\n/, qx(dpkg-query -S @names 2>/dev/null)) {
        $package{$2} = $1 if /^([^:,\s]+)[^ ]*: (\S+)$/;
    }
}

sub package_of {
    my ($path) = @_;
    return $package{$path} // $package{ $path =~ s{^/usr}{}r } // $package{"/usr$path"};
}

sub component {
    my ($library) = @_;
    my $package = package_of($path{$library} // return { type => 'library', name => $library });
    return { type => 'library', name => $library } unless $package;
    my ($version, $source) = split /\t/, (lines('dpkg-query', '-W', '-f', '${Version}\t${source:Package}\n', $package))[0];
    my $purl = "pkg:deb/debian/$package\@" . $version =~ s/([^A-Za-z0-9.~_-])/sprintf '%%%02X', ord $1/ger;
    return { type => 'library', 'bom-ref' => $purl, name => $package, version => $version, purl => $purl,
        properties => [ { name => 'mod_chat:source', value => $source } ] };
}

my ($version) = slurp('include/chat_types.h') =~ /^#define CHAT_VERSION "(.*)"$/m or die "no version\n";
# A package may have several of the libraries.
my %seen;
my @components = grep { !$seen{ $_->{'bom-ref'} // $_->{name} }++ } map { component($_) } grep { !/^ld-linux/ } sort @needed;
my $self = "pkg:generic/mod_chat\@$version";
my %bom = (
    bomFormat => 'CycloneDX',
    specVersion => '1.5',
    version => 1,
    metadata => {
        $ENV{SOURCE_DATE_EPOCH} ? (timestamp => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $ENV{SOURCE_DATE_EPOCH})) : (),
        component => { type => 'library', 'bom-ref' => $self, name => 'mod_chat', version => $version, purl => $self,
            licenses => [ { license => { id => 'Apache-2.0' } } ],
            hashes => [ { alg => 'SHA-256', content => Digest::SHA::sha256_hex(slurp($module)) } ] },
    },
    components => \@components,
    dependencies => [ { ref => $self, dependsOn => [ sort map { $_->{'bom-ref'} // () } @components ] } ],
);
# Of the rest, so that the same has the same.
my $hash = Digest::SHA::sha256_hex($JSON->encode(\%bom));
$bom{serialNumber} = 'urn:uuid:' . join '-', $hash =~ /^(.{8})(.{4})/, '5' . substr($hash, 13, 3), '8' . substr($hash, 17, 3), substr $hash, 20, 12;
print $JSON->encode(\%bom);
