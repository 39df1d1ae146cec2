# SPDX-License-Identifier: Apache-2.0
#
# A server with t/tools/module/mod_chat_probe.c, and what to ask of it.
package ChatTest::Probe;

use v5.36;
use parent 'ChatTest';
use File::Temp ();
use ChatTest::Client;
use ChatTest::Httpd;

my $COUNT = 0;

# %o is that of ChatTest; resume is what ChatStreamResume says, leave what
# ChatStreamOnLeave does. memory: logs are in memory_dir().
sub new ($class, %o) {
    my $so = "$ChatTest::Httpd::ROOT/build/" . ($ENV{CHAT_VARIANT} || 'plain') . '/tools/mod_chat_probe.so';
    my $memory = delete $o{memory} ? memory_dir() : undef;
    my $resume = $o{resume} // 'spool';
    $resume =~ s/^spool/spool=$memory/ if $memory;
    my $conf = qq{LoadModule chat_probe_module "$so"\nChatStreamResume $resume\n};
    $conf .= "<Location /probe>\nSetHandler chat-probe\n" . ($o{location} // '') . "\n</Location>\n";
    $conf .= "<Location /probe/finish>\nChatStreamOnLeave " . ($o{leave} // 'finish') . "\n</Location>\n";
    my $self = $class->SUPER::new(%o, module => $so, conf => $conf . ($o{conf} // ''));
    $self->{memory} = $memory;
    return $self;
}

# A new directory of the children on a file system in memory. undef: there is none.
sub memory_dir () {
    return undef if !-w '/dev/shm' || qx(stat -f -c %T /dev/shm) ne "tmpfs\n";
    my $dir = File::Temp::tempdir('chat-probe-XXXXXX', DIR => '/dev/shm', CLEANUP => 1);
    chown +(getpwnam +(grep { defined getpwnam $_ } 'www-data', 'nobody')[0])[2, 3], $dir if !$>;
    return $dir;
}

# A stream's id that nobody has had.
sub new_id ($self) {
    return sprintf '0198%04x-%04x-7%03x-8000-%012x', $$ & 0xffff, ++$COUNT & 0xffff, $COUNT & 0xfff, int rand 2**48;
}

sub client ($self, %o) {
    return ChatTest::Client->new(port => $o{tls} ? $self->tls_port : $self->port, %o);
}

sub get ($self, $path, %o) {
    my $client = $self->client(%o);
    $client->request(GET => "/probe/$path", %o);
    return $client->response(%o);
}

# The bytes of events first..last as the probe writes them.
sub events ($self, $first, $last, $size = 0) {
    return join '', map { "id: $_\nevent: delta\ndata: $_ " . 'x' x $size . "\n\n" } $first .. $last;
}

sub spool ($self) { return $self->{memory} // $self->dir . '/run/chat' }

1;
