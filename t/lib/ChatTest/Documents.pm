# SPDX-License-Identifier: Apache-2.0
#
# An HTTP server of documents that change: GET /NAME answers with what say()
# was last told of NAME, byte by byte. Of one that was told nothing, or hush(),
# the answer waits until there is one.
#
#   my $documents = ChatTest::Documents->new->start;
#   $documents->say(keys => ChatTest::Documents::json($text));
#   ChatAuthJWKS ${\$documents->url('keys')}
#   is $documents->asked('keys'), 1;
package ChatTest::Documents;

use v5.36;
use IO::Select;
use parent 'ChatTest::Answers';

sub json ($text, @headers) { return ChatTest::Answers::whole(200, [ 'Content-Type: application/json', @headers ], $text) }

sub say ($self, $name, $bytes) { return $self->write_file($name, $bytes) }
sub hush ($self, $name) { unlink "$self->{dir}/$name" }

# How often.
sub asked ($self, $name) { return (-s "$self->{dir}/$name.asked") // 0 }
sub url ($self, $name)   { return "http://127.0.0.1:$self->{port}/$name" }

sub steps ($self, $head, $body) {
    my ($name) = $head =~ m{^GET /(\w+) } or return '';
    open my $asked, '>>', "$self->{dir}/$name.asked" or die $!;
    syswrite $asked, '.';
    close $asked;
    return sub ($conn) {
        my $peer = IO::Select->new($conn);
        until (-e "$self->{dir}/$name") {
            return if $peer->can_read(0.02);
        }
        return syswrite $conn, $self->read_file($name) // '';
    };
}

1;
