# SPDX-License-Identifier: Apache-2.0
#
# The official SDKs (t/real/openai, t/real/providers) and a page's reader of event
# streams (t/real/eventsource) as clients. The documentation is at the end.
package ChatTest::OpenAI;

use v5.36;
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use IO::Select;
use IPC::Open2;
use JSON::PP    ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use ChatTest    ();

our $DIR = abs_path(dirname(__FILE__) . '/../../real');

my $JSON = JSON::PP->new->utf8->canonical;

# Why there is no client in that directory; installs what is not there.
sub missing ($dir) {
    return 'node is not installed' if system('node --version >/dev/null 2>&1') != 0;
    return if -e "$dir/node_modules/.package-lock.json";
    return "$dir cannot be installed (npm ci)"
        if system("cd $dir && npm ci --silent --no-audit --no-fund >/dev/null 2>&1") != 0;
    return;
}

sub new ($class, %o) {
    my $dir = "$DIR/" . ($o{of} // 'openai');
    my $why = missing($dir);
    ChatTest::skip_or_fail($why) if $why;
    local $ENV{NODE_EXTRA_CA_CERTS} = $o{ca} if $o{ca};
    local $ENV{NODE_ENV} = 'test';
    my $self = bless { n => 0, owner => $$, base => $o{base}, buffer => [''] }, $class;
    $self->{pid} = open2($self->{out}, $self->{in}, 'node', "$dir/" . ($o{client} // 'client.mjs'));
    return $self;
}

# Start them all, wait for them all.
sub run ($self, @jobs) {
    my %open = map { my $id = ++$self->{n}; ($id => { base => $self->{base}, params => {}, %$_, id => $id }) } @jobs;
    my @ids = sort { $a <=> $b } keys %open;
    print { $self->{in} } map { $JSON->encode($open{$_}) . "\n" } @ids;
    $self->{in}->flush;
    my %done;
    my $until = clock_gettime(CLOCK_MONOTONIC) + ChatTest::scaled(60);
    while (keys %done < @ids) {
        my $result = $JSON->decode($self->_line($until));
        $done{ $result->{id} } = $result;
    }
    delete $_->{id} for values %done;
    return wantarray ? @done{@ids} : $done{ $ids[0] };
}

sub _line ($self, $until) {
    while ($self->{buffer}->@* < 2) {
        my $left = $until - clock_gettime(CLOCK_MONOTONIC);
        $left > 0 && IO::Select->new($self->{out})->can_read($left)
            or die "the SDK has not answered in time\n";
        sysread($self->{out}, my $more, 65536) or die "the SDK's process has ended\n";
        my @lines = split /(?<=\n)/, $self->{buffer}[0] . $more;
        push @lines, '' if $lines[-1] =~ /\n\z/;
        $self->{buffer} = \@lines;
    }
    return shift $self->{buffer}->@*;
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    close $self->{in};
    waitpid $pid, 0;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    return unless $self->{pid} && $self->{owner} == $$;
    kill 'KILL', $self->{pid};
    waitpid delete $self->{pid}, 0;
}

1;

__END__

=head1 NAME

ChatTest::OpenAI - the official SDKs as clients

=head1 SYNOPSIS

    my $sdk = ChatTest::OpenAI->new(base => $t->url('/mock'), ca => $t->ca);
    my $res = $sdk->run({ api => 'responses', params => { model => 'm', input => 'hi' } });
    is $res->{text}, '...';
    $sdk->stop;

=head1 METHODS

=over

=item new(base => URL, ca => FILE, of => FOLDER, client => FILE), stop

One node process. base: of the API, for jobs that name none. ca: a certificate
to trust. of: the folder in t/real: openai (the default); providers, which has
the SDKs of Anthropic and Google besides; eventsource, for fetch with
eventsource-parser. client: the program there (client.mjs). Installs what is not there, and skips the test file when
that fails.

=item run(@jobs)

Runs the jobs side by side and returns their results, in the jobs' order; the
first one's in scalar context. What stands in a job and in a result:
client.mjs in that folder.

=back

=cut
