# SPDX-License-Identifier: Apache-2.0
#
# An object store that checks what it is asked with: versitygw, with one bucket,
# in a directory that goes with it. URLs are signed here by code of the tests'
# own.
package ChatTest::Store;

use v5.36;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use ChatTest ();
use ChatTest::Client;
use ChatTest::Httpd;

my $DIR = "$ChatTest::Httpd::ROOT/t/real/versitygw";

# Why there is none, or undef.
sub missing () {
    return -x "$DIR/versitygw" ? undef : 'make check-uploads builds an object store to test with';
}

sub _free_port () {
    return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
}

sub start ($class) {
    my $self = bless { dir => File::Temp->newdir, port => _free_port(), id => 'chat-test-id', secret => 'made/Up+Secret0123456789', bucket => 'chat-files' }, $class;
    $self->{pid} = fork // die $!;
    if (!$self->{pid}) {
        @ENV{qw(ROOT_ACCESS_KEY ROOT_SECRET_KEY)} = @$self{qw(id secret)};
        open STDOUT, '>', "$self->{dir}.log";
        open STDERR, '>&', \*STDOUT;
        exec "$DIR/versitygw", '--port', "127.0.0.1:$self->{port}", '--region', 'us-east-1', 'posix', "$self->{dir}" or POSIX::_exit(127);
    }
    $self->{owner} = $$;
    ChatTest::wait_for('the object store', sub { eval { $self->ask('PUT', "/$self->{bucket}")->{status} == 200 } }, 30);
    return $self;
}

sub endpoint ($self) { return "http://127.0.0.1:$self->{port}" }

sub _encode ($text) { return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

# A path with its signature. %o: expires, headers => { lower-case: value }, at
# (seconds), secret.
sub sign ($self, $method, $path, %o) {
    my @t = gmtime($o{at} // time);
    my $date = POSIX::strftime('%Y%m%dT%H%M%SZ', @t);
    my $day = substr $date, 0, 8;
    my %h = (host => "127.0.0.1:$self->{port}", ($o{headers} // {})->%*);
    my $names = join ';', sort keys %h;
    my %query = ('X-Amz-Algorithm' => 'AWS4-HMAC-SHA256', 'X-Amz-Credential' => "$self->{id}/$day/us-east-1/s3/aws4_request",
        'X-Amz-Date' => $date, 'X-Amz-Expires' => $o{expires} // 60, 'X-Amz-SignedHeaders' => $names);
    my $query = join '&', map { _encode($_) . '=' . _encode($query{$_}) } sort keys %query;
    my $canonical = join "\n", $method, $path, $query, (map { "$_:$h{$_}" } sort keys %h), '', $names, 'UNSIGNED-PAYLOAD';
    my $key = 'AWS4' . ($o{secret} // $self->{secret});
    $key = hmac_sha256($_, $key) for $day, 'us-east-1', 's3', 'aws4_request';
    my $signature = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256', $date, "$day/us-east-1/s3/aws4_request", sha256_hex($canonical)), $key);
    return "$path?$query&X-Amz-Signature=$signature";
}

# A request of that target, signed already.
sub send ($self, $method, $target, %o) {
    my $conn = ChatTest::Client->new(port => $self->{port}, timeout => 20);
    $conn->request($method, $target, headers => { Connection => 'close', ($o{headers} // {})->%* }, body => $o{body});
    return $conn->response;
}

sub ask ($self, $method, $path, %o) {
    return $self->send($method, $self->sign($method, $path), %o, body => $o{body} // ($method eq 'PUT' ? '' : undef));
}

# Paths of all files that are in the bucket, some of which may just be going.
sub files ($self) {
    my $bucket = "$self->{dir}/$self->{bucket}";
    return sort map { s{^\Q$bucket\E/}{}r } split /\n/, qx(find '$bucket' -name .sgwtmp -prune -o -type f -print 2>/dev/null);
}

sub stop ($self) {
    local ($?, $!);
    return if !$self->{pid} || $self->{owner} != $$;
    kill TERM => $self->{pid};
    waitpid delete $self->{pid}, 0;
    unlink "$self->{dir}.log";
    return;
}

sub DESTROY ($self) { $self->stop }

1;
