# SPDX-License-Identifier: Apache-2.0
#
# All ways in which a client can ask for a chat, and how each answer is read:
# a provider's own events, or one of our contracts, streamed or whole. Every
# upstream is of the type openai, with one of its APIs. For tests of what holds
# in all of them.
#
#   for my $way (ways('responses')) {
#       my $res = $t->post_json("/$way->{name}", $way->{body}->('mock(seed=3)'));
#       my $said = heard($way, $res);    # { text, ends, code }
#   }
package ChatTest::Ways;

use v5.36;
use Exporter 'import';
use JSON::PP ();

our @EXPORT = qw(ways heard);

my $JSON = JSON::PP->new->utf8;
my ($TRUE, $FALSE) = (JSON::PP::true, JSON::PP::false);

sub _user ($text) {
    return (messages => [ { role => 'user', content => $text } ]);
}

sub _delta ($data) { return ref $data->{choices} && @{ $data->{choices} } ? $data->{choices}[0] : {} }

# Of one event: its text, and what it ends with: done, or the code of an error.
my %EVENT = (
    own => sub ($data) {
        return (_delta($data)->{delta}{content} // '', $data->{error} ? 'error' : ()) if !$data->{type};
        my $type = $data->{type};
        return ($type eq 'response.output_text.delta' ? $data->{delta} : '',
            $type eq 'response.completed' ? 'done' : $type =~ /^(?:error|response\.failed)$/ ? 'error' : ());
    },
    stream => sub ($data) {
        my $type = $data->{type} // '';
        return ($type eq 'text' ? $data->{text} : '',
            $type eq 'done' ? 'done' : $type eq 'error' ? $data->{code} : ());
    },
    message => sub ($data) {
        my $status = $data->{status} // '';
        return ($data->{chunk} // '', $status eq 'done' ? 'done' : $status eq 'error' ? $data->{code} : ());
    },
    completions => sub ($data) {
        return (_delta($data)->{delta}{content} // '', $data->{error} ? $data->{error}{code} : ());
    },
);

# The text of a whole answer.
my %WHOLE = (
    own         => sub ($data) {
        return $data->{choices}[0]{message}{content} if $data->{choices};
        return join '', map { $_->{text} // '' } map { ($_->{content} // [])->@* } $data->{output}->@*;
    },
    stream      => sub ($data) { return $data->{text} },
    message     => sub ($data) { return $data->{message} },
    completions => sub ($data) { return $data->{choices}[0]{message}{content} },
);

my %BODY = (
    responses          => sub ($whole, $text) { return $whole ? { model => 'mock-1', input => $text } : { _user($text) } },
    'chat-completions' => sub ($whole, $text) { return { $whole ? (model => 'mock-1') : (), _user($text) } },
    stream      => sub ($whole, $text) { return { _user($text), $whole ? (stream => $FALSE) : () } },
    message     => sub ($whole, $text) { return { message => $text, $whole ? (stream => $FALSE) : () } },
    completions => sub ($whole, $text) { return { model => 'mock-1', _user($text), $whole ? () : (stream => $TRUE) } },
);

# { name, kind, whole, lines, body }: lines are what the location needs besides
# ChatUse; body->($text) is a request that says so. $api is that of the provider
# (ChatProviderAPI).
sub ways ($api) {
    return map {
        my $kind = $_;
        map {
            my $whole = $_;
            {
                name  => $whole ? "$kind-whole" : $kind,
                kind  => $kind,
                whole => $whole,
                lines => join("\n", 'SetHandler chat', 'ChatRoute ' . ($kind eq 'own' ? 'openai' : $kind), 'ChatAuth guest',
                    'ChatModelDefault mock-1', $kind eq 'own' && $whole ? 'ChatRequestFormat provider' : ()),
                body  => sub ($text) { $BODY{ $kind eq 'own' ? $api : $kind }->($whole, $text) },
            }
        } 0, 1
    } qw(own stream message completions);
}

sub _refused ($res) {
    my $error = $res->{json} // {};
    $error = $error->{error} if ref $error->{error};
    return { text => '', code => $error->{code} // '', ends => [ $error->{code} // '' ] };
}

# What an answer says: its text, its ends (there should be one: done, or the
# code of an error), and that code. A stream that is broken off in a provider's
# own words has none.
sub heard ($way, $res) {
    return _refused($res) if $res->{status} != 200;
    return { text => $WHOLE{ $way->{kind} }->($res->{json}), code => '', ends => ['done'] } if $way->{whole};
    my ($text, @ends) = ('');
    for my $event ($res->{events}->@*) {
        if ($event->{data} eq '[DONE]') {
            push @ends, 'done' if $way->{kind} =~ /^(?:own|completions)$/;
            next;
        }
        my ($more, @end) = $EVENT{ $way->{kind} }->($JSON->decode($event->{data}));
        $text .= $more;
        push @ends, @end;
    }
    my ($code) = grep { $_ ne 'done' } @ends;
    return { text => $text, code => $code // '', ends => \@ends };
}

1;
