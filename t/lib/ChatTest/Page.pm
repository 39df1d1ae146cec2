# SPDX-License-Identifier: Apache-2.0
#
# The chat page in a real browser: an httpd that serves it with the whole API, and
# a script of t/real/page that drives it. The documentation is at the end.
package ChatTest::Page;

use v5.36;
use parent 'ChatTest::Chats';
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP        ();
use Test::More      ();
use Time::HiRes     ();
use ChatTest        ();
use ChatTest::Chats ();
use ChatTest::Httpd ();

our $PEER = abs_path(dirname(__FILE__) . '/../../real/page');
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

# Where the page lies: as it is shipped, or one that was just built.
sub site () {
    return abs_path($ENV{CHAT_TEST_PAGE} // "$ChatTest::Httpd::ROOT/conf/page");
}

# Why there is no browser here; installs what drives it.
sub missing () {
    return 'chromium-headless-shell is not installed' if system('chromium-headless-shell --version >/dev/null 2>&1') != 0;
    return 'node is not installed' if system('node --version >/dev/null 2>&1') != 0;
    return "$PEER cannot be installed (npm ci)"
        if !-d "$PEER/node_modules/playwright-core" && system("cd $PEER && npm ci --silent --no-audit --no-fund >/dev/null 2>&1") != 0;
    return;
}

# Why the page cannot be built here; installs what builds it.
sub cannot_build () {
    my $node = qx(node -p process.versions.node 2>/dev/null) =~ s/\s+\z//r;
    my ($major, $minor) = split /\./, $node || 0;
    return 'the page needs Node 20.19 or 22.12 to be built, and there is ' . ($node || 'none')
        unless $major > 22 || ($major == 22 && $minor >= 12) || ($major == 20 && $minor >= 19);
    my $source = "$ChatTest::Httpd::ROOT/src/page";
    return "what builds the page cannot be installed (npm ci in src/page)"
        if !-d "$source/node_modules/vite" && system("cd $source && npm ci --silent --no-audit --no-fund --ignore-scripts >/dev/null 2>&1") != 0;
    return;
}

# %o: as for ChatTest::Chats; where => { me => lines for the routes me and
# chat/stream, which are to agree }.
sub new ($class, %o) {
    ChatTest::skip_or_fail($_) for missing() // ();
    my $port = ChatTest::Httpd::free_port();
    my ($conf, $where, $locations) = (delete $o{conf} // '', delete $o{where} // '', delete $o{locations} // {});
    my $both = "ChatUserKeys allow\nChatUsage on\nChatStreamOnLeave finish\nChatPage sign-in=/sign-in sign-out=/sign-out\n";
    my %more = (me => $where, 'chat/stream' => $where, conversations => '');
    my $self = $class->SUPER::new(
        %o,
        upstream  => bless({ port => $port }, 'ChatTest::Page::Upstream'),
        modules   => [ qw(alias authn_core authz_user dir mime headers rewrite), ($o{modules} // [])->@* ],
        provider  => "ChatProviderAPI chat-completions\nChatProviderBreaker off\n",
        locations => { usage => "ChatUsage on\n", %$locations, (map { $_ => $both . $more{$_} . ($locations->{$_} // '') } keys %more) },
        conf      => _conf($port) . $conf);
    $self->{upstream_port} = $port;
    $self->write_file('keys.secret', 'a1' x 32 . "\n", 0600);
    $self->write_file("htdocs/$_->[0]", "<!doctype html><title>$_->[1]</title><h1>$_->[1]</h1>") for [ 'sign-in', 'Sign in' ], [ 'sign-out', 'Signed out' ];
    mkdir $self->dir . '/files', 0700 or die $!;
    chown +(stat $self->dir . '/spool')[4, 5], $self->dir . '/files';
    return $self;
}

sub _conf ($port) {
    my $site = site();
    return <<"END";
Define CHAT_PAGE "$site"
Define CHAT_PAGE_DIR "$site"
Include "$ChatTest::Httpd::ROOT/conf/chat-page.conf"
<LocationMatch "^/(?:chat|sign-in|sign-out)">
    SetHandler none
</LocationMatch>
TypesConfig "%%DIR%%/mime.types"
ChatKeySecret file:keys.secret
ChatUploads dir:%%DIR%%/files
ChatAdmin on
ChatModel swift openai label=Swift context=128K max-output=16384 price-in=0.15 price-out=0.60
ChatModel deep openai "label=Deep Thought" context=400K price-in=1.25 price-out=10
ChatModel grand openai label=Grand tier=standard context=1M price-in=15 price-out=75
ChatModel far other label=Far
ChatModel sure openai label=Sure fallback=far
<ChatProvider other>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL http://127.0.0.1:$port/v1
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
<Location /api/v1/models>
    ChatRoute models
</Location>
<Location /api/v1/keys>
    ChatRoute keys
    ChatUserKeys allow
</Location>
<Location /api/v1/uploads>
    ChatRoute uploads
</Location>
<Location /api/v1/admin>
    ChatRoute admin
    AuthType Chat
    AuthzSendForbiddenOnFailure On
    Require chat-role admin
</Location>
END
}

# ---- what a script asks of us ----

my %DOES = (
    sql     => sub ($self, $statement) { return $self->sql($statement) },
    # One user's request past the page, as of another device.
    api     => sub ($self, $user, $method, $path, $json = undef) {
        my $res = $self->as($user, $method, $path, (defined $json ? (json => $json) : ()));
        return { status => $res->{status}, json => $res->{json} };
    },
    down    => sub ($self) {
        $self->_let_workers_rest;
        $self->signal('TERM');
        ChatTest::wait_for('httpd to leave', sub { !$self->alive }, 20);
        $self->wait_exit(10);
        return 1;
    },
    up      => sub ($self) { $self->launch; return 1 },
    killed  => sub ($self) { $self->kill_group; return 1 },
    restart => sub ($self) { $self->restart; return 1 },
    conf    => sub ($self, $from, $to) {
        my $conf = $self->{conf};
        $conf =~ s/\Q$from\E/$to/ or die "the configuration has no $from\n";
        $self->reload($conf);
        return 1;
    },
);

# Runs t/real/page/$script, whose checks become ours.
sub drive ($self, $script, %more) {
    my $task = $JSON->encode({
        url => $self->url('/chat/'), origin => $self->url('') , upstream => $self->{upstream_port},
        scale => ChatTest::scaled(1), long => $ENV{CHAT_TEST_PAGE_LONG} ? JSON::PP::true : JSON::PP::false,
        shots => $ENV{CHAT_TEST_PAGE_SHOTS}, site => site(), root => $ChatTest::Httpd::ROOT,
        cookies => { map { $_ => (ChatTest::Chats::cookie($_))[1] } qw(ann bob eve) }, %more,
    });
    my $pid = open2(my $out, my $in, 'node', "$PEER/$script", $task);
    $in->autoflush;
    while (defined(my $line = readline $out)) {
        my $said = eval { $JSON->decode($line) };
        if (ref $said ne 'HASH') {
            print STDERR "# $script: $line";
            next;
        }
        if (exists $said->{ok}) {
            Test::More::ok($said->{ok}, $said->{name}) or Test::More::diag($said->{why} // '');
        }
        elsif (exists $said->{note}) {
            Test::More::note($said->{note});
        }
        else {
            my $answer = eval { $DOES{ $said->{ask} }->($self, $said->{args}->@*) };
            print $in $JSON->encode({ answer => $answer, error => $@ || undef }), "\n";
        }
    }
    close $in;
    waitpid $pid, 0;
    Test::More::is($?, 0, "$script ended well");
    return;
}

package ChatTest::Page::Upstream;

use v5.36;

sub url ($self) { return "http://127.0.0.1:$self->{port}/v1" }

1;

__END__

=head1 NAME

ChatTest::Page - the chat page in a real browser

=head1 SYNOPSIS

    my $t = ChatTest::Page->new(where => "ChatLimit minute 10/60s user\n")->start;
    $t->drive('chat.mjs');
    $t->stop;

=head1 METHODS

=over

=item new(%o), drive($script, %more)

What ChatTest::Chats has, the page at /chat/, and routes for all that it asks.
The upstream is the script's own (t/real/page/upstream.mjs): it says what the
script tells it, when it tells it. A script says what it saw, line by line, and
asks here for statements of SQL, requests of another device, and for httpd to be
away; t/real/page/lib.mjs has the words. CHAT_TEST_PAGE is the directory of
another build of the page.

=back

=cut
