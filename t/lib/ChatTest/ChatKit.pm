# SPDX-License-Identifier: Apache-2.0
#
# An httpd with the ChatKit route for the users ann and ben, and ChatKit's own
# server and types (t/real/chatkit, from PyPI) beside it. The documentation is at
# the end.
package ChatTest::ChatKit;

use v5.36;
use parent 'ChatTest::Kept';
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP  ();
use ChatTest  ();

our $DIR = abs_path(dirname(__FILE__) . '/../../real/chatkit');

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

my @TOOLS = ({
    name => 'refresh_task_list', description => 'Shows the tasks anew.',
    parameters => { type => 'object', properties => { q => { type => 'string' } } },
}, { name => 'open_page' });

# %o as for ChatTest::Kept; widget => lines for the location.
sub new ($class, %o) {
    my $widget = delete $o{widget} // '';
    my $more = delete $o{more} // {};
    my $self = $class->SUPER::new(%o, more => { %$more, chatkit => "ChatRoute chatkit\nChatKitTools %%DIR%%/tools.json\n$widget" });
    $self->write_file('tools.json', $JSON->encode(\@TOOLS));
    return $self;
}

# ---- the widget ----

# A message as the widget sends it; %o: members of it.
sub input ($text, %o) {
    return { content => [ { type => 'input_text', text => $text } ], attachments => [], inference_options => {}, %o };
}

sub kit ($self, $user, $type, $params, %o) {
    return $self->post_json($o{path} // '/chatkit', { type => $type, params => $params },
        headers => ChatTest::Kept::as($user), map { $_ => $o{$_} } grep { $_ ne 'path' } keys %o);
}

# The texts of the events of an answer, decoded; those of one type.
sub said ($res, $type = undef) {
    return grep { !$type || $_->{type} eq $type } map { $JSON->decode($_->{data}) } $res->{events}->@*;
}

# A new thread: its id, and that of what was asked.
sub thread ($self, $user, $text, %o) {
    my $res = $self->kit($user, 'threads.create', { input => input($text, %o) });
    my ($made) = said($res, 'thread.created') or die "no thread: $res->{status} $res->{body}\n";
    my ($asked) = said($res, 'thread.item.done');
    return ($made->{thread}{id}, $asked->{item}{id}, $res);
}

# The UUID that an id stands for.
sub uuid_of ($id) {
    return $id =~ /^[a-z]+_(.{8})(.{4})(.{4})(.{4})(.{12})/ ? "$1-$2-$3-$4-$5" : die "no id: $id\n";
}

# ---- the real one ----

# Why it is not there; installs what is missing.
sub missing () {
    return if -e "$DIR/venv/installed";
    return 'python3 is not installed' if system('python3 -c "import venv" >/dev/null 2>&1') != 0;
    return "$DIR/requirements.txt cannot be installed (pip)"
        if system("cd $DIR && python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check -r requirements.txt >/dev/null 2>&1 && touch venv/installed") != 0;
    return;
}

sub real ($class) {
    my $why = missing();
    ChatTest::skip_or_fail($why) if $why;
    my $self = bless { owner => $$ }, 'ChatTest::ChatKit::Real';
    $self->{pid} = open2($self->{out}, $self->{in}, "$DIR/venv/bin/python", "$DIR/server.py");
    return $self;
}

package ChatTest::ChatKit::Real;

use v5.36;

sub _do ($self, %job) {
    print { $self->{in} } $JSON->encode(\%job), "\n";
    $self->{in}->flush;
    my $line = readline $self->{out};
    return $JSON->decode($line // die "ChatKit's server has ended\n");
}

# What is wrong with a text that should be such a value; "" when nothing is.
sub check ($self, $type, $text) { return $self->_do(do => 'check', type => $type, text => $text) }

sub ask ($self, $user, $type, $params, @script) {
    return $self->_do(do => 'ask', user => $user, script => \@script, request => JSON::PP->new->canonical->encode({ type => $type, params => $params }));
}

sub DESTROY ($self) {
    return if $$ != $self->{owner};
    close $self->{in};
    local $?;
    waitpid $self->{pid}, 0;
}

1;

__END__

=head1 NAME

ChatTest::ChatKit - an httpd with the ChatKit route, and the real server

=head1 METHODS

=over

=item new(widget => $lines, %o), kit($user, $type, $params, %o)

As ChatTest::Kept; the location is /chatkit, its tools are refresh_task_list and
open_page. A request of the widget, whose %o are those of post_json.

=item input($text, %o), said($res, $type), thread($user, $text), uuid_of($id)

Functions and a method for what a widget says and is told.

=item real

The server and the types of PyPI: check($type, $json) and ask($user, $type,
$params, @script), see t/real/chatkit/server.py.

=back

=cut
