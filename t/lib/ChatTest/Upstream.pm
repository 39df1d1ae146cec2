# SPDX-License-Identifier: Apache-2.0
#
# The mock LLM as an object: starts t/tools/mock_llm on a free port and asks
# its control channel. What it can be told to do: mock_llm -h.
package ChatTest::Upstream;

use v5.36;
use ChatTest::Client;
use ChatTest::Httpd;

sub tool ($name) {
    my $variant = $ENV{CHAT_VARIANT} || 'plain';
    my ($file) = grep { -x } map { "$ChatTest::Httpd::ROOT/build/$_/tools/$name" } $variant, 'plain';
    return $file // die "$name is not built: make tools\n";
}

# %o: tls => [cert, key] files; args => [more arguments for mock_llm]; any
# other pair is a default for every request (pace => 20, n => 50).
sub new ($class, %o) {
    my $tls = delete $o{tls};
    my $args = delete $o{args} // [];
    return bless { tls => $tls, args => $args, default => \%o }, $class;
}

sub start ($self) {
    my $tls = $self->{tls};
    my $default = join ';', map { "$_=$self->{default}{$_}" } sort keys $self->{default}->%*;
    my @command = (tool('mock_llm'), ($tls ? ('-c', $tls->[0], '-k', $tls->[1]) : ()),
        (length $default ? ('-d', $default) : ()), $self->{args}->@*);
    pipe my $their_in, $self->{stdin} or die $!;
    pipe my $stdout, my $their_out or die $!;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<&', $their_in;
        open STDOUT, '>&', $their_out;
        close $_ for $self->{stdin}, $their_in, $stdout, $their_out;
        exec @command or POSIX::_exit(127);
    }
    close $_ for $their_in, $their_out;
    @$self{qw(pid owner)} = ($pid, $$);
    my $port = <$stdout> // '';
    $port =~ /^(\d+)$/ or die "mock_llm did not start: @command\n";
    $self->{port} = $1;
    return $self;
}

sub port ($self) { return $self->{port} }
sub pid ($self)  { return $self->{pid} }

# The base URL for ChatProviderURL; parameters bind every request made with it.
sub url ($self, %params) {
    my $scheme = $self->{tls} ? 'https' : 'http';
    return "$scheme://127.0.0.1:$self->{port}/v1"
        . join '', map { ";$_=$params{$_}" } sort keys %params;
}

sub _ask ($self, $method, $path) {
    my $conn = ChatTest::Client->new(port => $self->{port}, tls => $self->{tls} ? 1 : 0, timeout => 30);
    $conn->request($method, $path, headers => { Connection => 'close' },
        ($method eq 'POST' ? (body => '') : ()));
    my $res = $conn->response;
    $res->{status} == 200 or die "mock_llm: $method $path: $res->{status} $res->{ended}\n";
    return $res->{json};
}

# { open, connections, requests, done, closed_by_peer: [ {seed, ns, events} ],
#   paths: { path => calls }, keys: { end of the key, or "-" => calls } }
sub stats ($self) { return $self->_ask('GET', '/_stats') }

# How many calls there were since the last reset. %only: seed, path (equal, or
# a regular expression), key (its last eight characters; "-" for none).
sub calls ($self, %only) {
    my $calls = $self->_ask('GET', '/_calls');
    my $sum = 0;
    for my $name (keys %$calls) {
        my %is;
        @is{qw(seed path key)} = split / /, $name, 3;
        next if grep { ref $only{$_} ? $is{$_} !~ $only{$_} : $is{$_} ne $only{$_} } keys %only;
        $sum += $calls->{$name};
    }
    return $sum;
}

# { method, path, headers: { lower-case: value }, body } of the last request.
sub last ($self) { return $self->_ask('GET', '/_last') }

# The last 64 of them, the oldest first; long bodies only of the very last.
sub all ($self) { return $self->_ask('GET', '/_all')->@* }

sub reset ($self) { return $self->_ask('POST', '/_reset') }

# One stream that was asked for with gate=1, and stands before its end or its
# fault, goes on.
sub go ($self) { return $self->_ask('POST', '/_go') }

# Its standard input ends: it exits. True when it did so with status 0.
sub stop ($self) {
    my $pid = delete $self->{pid} // return 1;
    close delete $self->{stdin};
    waitpid $pid, 0;
    return $? == 0;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    return unless $self->{pid} && $self->{owner} == $$;
    kill 'KILL', $self->{pid};
    waitpid delete $self->{pid}, 0;
}

1;
