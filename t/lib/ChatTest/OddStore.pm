# SPDX-License-Identifier: Apache-2.0
#
# An object store that checks nothing, and answers wrongly where it is told so:
#
#   my $store = ChatTest::OddStore->new->start;
#   $store->answers(GET => "HTTP/1.1 200 OK\r\n...");   # 'hang': never
#   $store->answers;                                     # as a store does
#
# Its objects are files below dir; asked() are the methods that it was asked with.
package ChatTest::OddStore;

use v5.36;
use parent 'ChatTest::Script';
use JSON::PP ();

sub new ($class) {
    my $self = $class->SUPER::new;
    $self->answers;
    return $self;
}

sub endpoint ($self) { return "http://127.0.0.1:$self->{port}" }

# What is answered to each method from now on.
sub answers ($self, %all) {
    return $self->write_file('answers', JSON::PP->new->latin1->encode(\%all));
}

sub asked ($self) { return split /\n/, $self->read_file('asked') // '' }

sub forget ($self) { unlink "$self->{dir}/asked"; return }

# The names of its objects.
sub objects ($self) { return map { s{.*/object-}{}r } glob "$self->{dir}/object-*" }

sub _whole ($status, $body = '', $type = 'application/xml', $length = length $body) {
    return "HTTP/1.1 $status As It Is\r\nContent-Type: $type\r\nContent-Length: $length\r\nConnection: close\r\n\r\n$body";
}

sub _do ($self, $method, $name, $type, $body) {
    if ($method eq 'PUT') {
        $self->write_file($name, "$type\n$body");
        return _whole(200);
    }
    if ($method eq 'DELETE') {
        unlink "$self->{dir}/$name";
        return _whole(204);
    }
    my $object = $self->read_file($name) // return _whole(404);
    my ($is, $bytes) = split /\n/, $object, 2;
    return $method eq 'HEAD' ? _whole(200, '', $is, length $bytes) : _whole(200, $bytes, $is);
}

sub steps ($self, $head, $body) {
    my ($method, $name) = $head =~ m{^(\w+) [^? ]*/([0-9a-f-]{36})/file} or return;
    my ($type) = $head =~ /^Content-Type: (.*?)\r?$/mi;
    open my $fh, '>>', "$self->{dir}/asked" or die $!;
    syswrite $fh, "$method\n";
    my $told = JSON::PP->new->latin1->decode($self->read_file('answers'))->{$method};
    return 'hang' if ($told // '') eq 'hang';
    my $answer = $self->_do($method, "object-$name", $type // '', $body);
    return $told // $answer;
}

1;
