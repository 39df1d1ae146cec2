# SPDX-License-Identifier: Apache-2.0
#
# A real browser, headless, that opens the page of t/real/browser and does there
# what it is told. The documentation is at the end.
package ChatTest::Browser;

use v5.36;
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use File::Temp     ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP    ();
use ChatTest    qw(scaled);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $PEER = abs_path(dirname(__FILE__) . '/../../real/browser');
my $JSON = JSON::PP->new->utf8;

# Why there is no browser here; installs what its page needs.
sub missing () {
    return 'chromium-headless-shell is not installed' if system('chromium-headless-shell --version >/dev/null 2>&1') != 0;
    return "$PEER cannot be installed (npm ci)"
        if !-d "$PEER/node_modules/eventsource-parser"
        && system("cd $PEER && npm ci --silent --no-audit --no-fund >/dev/null 2>&1") != 0;
    return;
}

sub conf () { return "AddType text/javascript .js\nAddType text/html .html\n" }

sub serve ($t) {
    mkdir $t->htdocs . '/eventsource-parser' or die $!;
    $t->write_file('htdocs/page.html', $t->slurp("$PEER/page.html"));
    $t->write_file('htdocs/eventsource-parser/' . s{.*/}{}r, $t->slurp($_))
        for glob "$PEER/node_modules/eventsource-parser/dist/*.js";
    return;
}

# ---- what the page reports ----

# The next report, from whichever of the browser's connections.
sub _next_report ($listener, $open, $until) {
    state %seen;
    while ((my $left = $until - clock_gettime(CLOCK_MONOTONIC)) > 0) {
        for my $fh ($open->can_read($left)) {
            if ($fh == $listener) {
                $open->add(scalar $listener->accept);
                next;
            }
            if (!sysread $fh, $seen{$fh}, 65536, length($seen{$fh} // '')) {
                $open->remove($fh);
                delete $seen{$fh};
                next;
            }
            my ($head, $body) = split /\r\n\r\n/, $seen{$fh}, 2;
            next if !defined $body || length $body < ($head =~ /^content-length: *(\d+)/mi ? $1 : 0);
            syswrite $fh, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            $open->remove($fh);
            delete $seen{$fh};
            return $body;
        }
    }
    die "the browser has not reported in time\n";
}

sub _start ($url, $profile) {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    open STDOUT, '>', "$profile/out";
    open STDERR, '>&', \*STDOUT;
    setpgrp;
    # It is our own page alone that it sees; a root's browser has no sandbox.
    exec 'chromium-headless-shell', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0',
        "--user-data-dir=$profile", $url;
}

sub browse ($url, @jobs) {
    my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $@\n";
    my $task = $JSON->encode({ report => 'http://127.0.0.1:' . $listener->sockport . '/', jobs => \@jobs });
    my $profile = File::Temp::tempdir('chat-browser-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $pid = _start($url . '#' . $task =~ s/([^\w.:-])/sprintf '%%%02X', ord $1/ger, $profile);
    my $open = IO::Select->new($listener);
    my $until = clock_gettime(CLOCK_MONOTONIC) + scaled(60);
    my @reports = eval {
        my @all;
        while ((my $report = _next_report($listener, $open, $until)) ne 'over') {
            push @all, $JSON->decode($report);
        }
        @all;
    };
    my $why = $@;
    kill KILL => -$pid;
    waitpid $pid, 0;
    die "$why" . do { local (@ARGV, $/) = "$profile/out"; <> } if $why;
    return @reports;
}

1;

__END__

=head1 NAME

ChatTest::Browser - a real browser and its page

=head1 SYNOPSIS

    ChatTest::skip_or_fail($_) for ChatTest::Browser::missing() // ();
    my $t = ChatTest->new(modules => ['mime'], conf => ChatTest::Browser::conf() . $conf);
    ChatTest::Browser::serve($t);
    $t->start;
    my @reports = ChatTest::Browser::browse($t->url('/page.html'), { path => '/chat', body => {...} });

=head1 FUNCTIONS

=over

=item missing(), conf(), serve($t)

Why there is none here, or undef. What the page needs of httpd's configuration,
with mod_mime, and of its document root.

=item browse($url, @jobs)

Opens the page there, and returns what it reports of each job. What stands in a
job and in its report: t/real/browser/page.html.

=back

=cut
