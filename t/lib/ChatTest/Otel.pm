# SPDX-License-Identifier: Apache-2.0
#
# A collector of OpenTelemetry (t/real/otel/receiver.py), and what came to it.
package ChatTest::Otel;

use v5.36;
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP ();
use ChatTest ();
use ChatTest::Client;

my $DIR = abs_path(dirname(__FILE__) . '/../../real/otel');

sub _missing () {
    return if -e "$DIR/venv/installed";
    return 'python3 is not installed' if system('python3 -c "import venv" >/dev/null 2>&1') != 0;
    return "$DIR cannot be installed (pip)"
        if system("cd $DIR && python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check -r requirements.txt >/dev/null 2>&1 && touch venv/installed") != 0;
    return;
}

# With the files of a certificate and its key: over TLS.
sub new ($class, @pair) {
    my $why = _missing();
    ChatTest::skip_or_fail($why) if $why;
    my $self = bless { owner => $$, tls => scalar @pair }, $class;
    $self->{pid} = open2($self->{out}, $self->{in}, "$DIR/venv/bin/python", "$DIR/receiver.py", @pair);
    my $port = readline($self->{out}) // '';
    $port =~ /^(\d+)$/ or die "the receiver did not start\n";
    $self->{port} = $1;
    return $self;
}

sub port ($self) { return $self->{port} }
sub pid ($self)  { return $self->{pid} }
sub url ($self)  { return ($self->{tls} ? 'https' : 'http') . "://127.0.0.1:$self->{port}" }

sub _ask ($self, $method, $path, $body = undef) {
    my $conn = ChatTest::Client->new(port => $self->{port}, timeout => 30, tls => $self->{tls});
    $conn->request($method, $path, headers => { Connection => 'close' }, ($body ? (body => $body) : ()));
    return $conn->response->{json};
}

# Requests so far: { path, headers, bytes, raw, at (s), told or wrong, shown: the
# certificate of the client }.
sub requests ($self) { return $self->_ask(GET => '/_all')->@* }

# Forget what came; answer the next requests so.
sub reset ($self, @answers) {
    $self->_ask(POST => '/_answers', JSON::PP::encode_json(\@answers));
    return $self;
}

sub _attributes ($list) {
    my %is;
    for my $a (($list // [])->@*) {
        my ($value) = values $a->{value}->%*;
        $is{ $a->{key} } = ref $value eq 'HASH' ? [ map { values %$_ } $value->{values}->@* ] : $value;
    }
    return \%is;
}

# All of one kind that came, in order, each with its attributes as a hash.
sub _items ($self, $outer, $scoped, $list) {
    return map { { %$_, attributes => _attributes($_->{attributes}) } }
        map { $_->{$list}->@* } map { $_->{$scoped}->@* } map { ($_->{told}{$outer} // [])->@* } $self->requests;
}

sub spans ($self) { return $self->_items(qw(resourceSpans scopeSpans spans)) }
sub logs ($self)  { return $self->_items(qw(resourceLogs scopeLogs logRecords)) }

sub resource ($self) {
    my ($first) = $self->requests;
    my ($all) = values $first->{told}->%*;
    return _attributes($all->[0]{resource}{attributes});
}

# The spans of the request with that id, once they are all there: by name.
sub trace ($self, $id) {
    my ($root) = grep { ($_->{attributes}{'chat.request_id'} // '') eq $id } my @all = $self->spans;
    return if !$root;
    return grep { $_->{traceId} eq $root->{traceId} } @all;
}

sub DESTROY ($self) {
    return if !$self->{pid} || $self->{owner} != $$;
    local ($?, $!);
    close $self->{in};
    waitpid $self->{pid}, 0;
    return;
}

1;
