# SPDX-License-Identifier: Apache-2.0
#
# An upstream whose answers are written down byte by byte, for what mock_llm
# would never say. A request picks one by naming it in its body: answer(NAME).
#
#   my $odd = ChatTest::Answers->new(
#       gone  => "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
#       quiet => [ $head . $event, 'hang' ],
#   )->start;
#   ChatProviderURL ${\$odd->url}
#
# Steps of a list are bytes, or the word hang: silence until the peer leaves.
# After the last one the connection is closed. What was asked for last by a name
# is asked(NAME), the body, and head(NAME).
package ChatTest::Answers;

use v5.36;
use parent 'ChatTest::Script';

sub new ($class, %answers) { return $class->SUPER::new(answers => \%answers) }

# A whole answer: $status, the header lines and the body.
sub whole ($status, $headers, $body) {
    return "HTTP/1.1 $status Scripted\r\n" . join('', map { "$_\r\n" } @$headers)
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body";
}

# The start of an event stream whose end is the end of the connection.
sub stream (@events) {
    return join '', "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n", @events;
}

sub url ($self) { return "http://127.0.0.1:$self->{port}/v1" }

sub steps ($self, $head, $body) {
    my ($name) = "$head\r\n\r\n$body" =~ /answer\((\w+)\)/;
    $self->write_file("$name.asked", "$head\r\n\r\n$body") if defined $name;
    my $answer = $self->{answers}{ $name // '' } // whole(500, [], "no answer is named so\n");
    return ref $answer ? @$answer : $answer;
}

sub _request ($self, $name) { return split /\r\n\r\n/, $self->read_file("$name.asked") // '', 2 }

sub asked ($self, $name) { return ($self->_request($name))[1] }
sub head ($self, $name)  { return ($self->_request($name))[0] }

1;
