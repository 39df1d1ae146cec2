# SPDX-License-Identifier: Apache-2.0
#
# An httpd with the whole API of conversations, for two users, an administrator
# and guests, on SQLite or PostgreSQL. The documentation is at the end.
package ChatTest::Chats;

use v5.36;
use parent 'ChatTest';
use Exporter 'import';
use ChatTest ();
use ChatTest::BetterAuth ();
use ChatTest::Postgres ();

our @EXPORT_OK = qw(databases uuid);

# The databases there are here: SQLite always.
sub databases () {
    return 'sqlite', ChatTest::Postgres::bin_dir() ? 'pgsql' : ();
}

my $made = 0;
my $SECRET = 'a secret that cookies are signed with';

sub uuid () {
    return sprintf '%08x-%04x-7%03x-8000-%012x', time, ++$made, $$ & 0xfff, int rand 2**40;
}

my %SESSIONS = (
    sqlite => q{SELECT column1, 4102444800, column2, 0, column3 FROM},
    pgsql  => q{SELECT column1, 4102444800::bigint, column2, 0, column3 FROM},
);

# %o as for ChatTest; db: which; upstream: a ChatTest::Upstream; locations: more
# lines for a path, { conversations => "..." }; pg: a ChatTest::Postgres that is
# there already; resume: of ChatStreamResume (the spool).
sub new ($class, %o) {
    my $db = delete $o{db} // 'sqlite';
    my $up = delete $o{upstream};
    my $locations = delete $o{locations} // {};
    my $resume = delete $o{resume} // 'spool=%%DIR%%/spool';
    my $given = delete $o{pg};
    my $pg = $given // ($db eq 'pgsql' ? ChatTest::Postgres->new->start : undef);
    my $more = delete $o{conf} // '';
    my $provider = delete $o{provider} // '';
    my $modules = delete $o{modules} // [];
    my $self = $class->SUPER::new(%o, modules => [ 'dbd', @$modules ]);
    @$self{qw(pg pg_is_given)} = ($pg, !!$given);
    $self->write_file('bearer.secret', "$SECRET\n", 0600);
    $self->{db} = $db;
    $self->write_file('run/chats.db', '', 0666) if !$pg;
    mkdir $self->dir . '/spool', 0700 or die $!;
    chown +(getpwnam($self->_user =~ /^User (\S+)/ ? $1 : getpwuid $>))[2, 3], map { $self->dir . "/$_" } qw(run spool) if $> == 0;
    $self->{conf} = _conf($db, $pg, $up, $locations, $resume) . $more;
    $self->{conf} =~ s/(<ChatProvider openai>\n)/$1$provider/;
    return $self;
}

sub _conf ($db, $pg, $up, $locations, $resume) {
    my $database = $pg ? qq{DBDriver pgsql\nDBDParams "@{[ $pg->params ]}"\n} : qq{DBDriver sqlite3\nDBDParams "%%DIR%%/run/chats.db"\n};
    my $users = q{(VALUES ('ann', 'user', 'free'), ('bob', 'user', 'free'), ('eve', 'user,admin', NULL))};
    $users .= ' AS people' if $pg;
    my $url = $up ? $up->url : 'http://127.0.0.1:1/v1';
    my %route = (
        (map { $_ => $_ } qw(conversations search shared export import me usage)),
        shares => 'shared', 'chat/stream' => 'stream');
    my $text = $database . <<"END";
ChatAuthSession sql "$SESSIONS{$db} $users WHERE column1 = %s"
ChatStoreMigrate on
ChatStreamResume $resume
<ChatProvider openai>
    ChatProviderURL $url
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatModel m openai
ChatModelDefault m
SetHandler chat
ChatStore chat
ChatAuth better-auth bearer guest
ChatAuthBearer unsigned
ChatAuthSecret file:bearer.secret
END
    for my $path (sort keys %route) {
        $text .= "<Location /api/v1/$path>\nChatRoute $route{$path}\n" . ($locations->{$path} // '') . "</Location>\n";
    }
    return $text;
}

# A request of a user; user '' is a guest. %o as for ChatTest::request().
sub as ($self, $user, $method, $path, %o) {
    my %headers = ((length $user ? (Authorization => "Bearer $user") : ()), ($o{headers} // {})->%*);
    return $self->request($method, "/api/v1/$path", %o, headers => \%headers);
}

# As the page of a browser does it: with a cookie.
sub cookie ($user) {
    return (Cookie => 'better-auth.session_token=' . ChatTest::BetterAuth::signed($user, $SECRET) =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger);
}

# Statements that the API has no words for.
sub sql ($self, $sql) {
    return $self->{pg}->sql($sql) if $self->{pg};
    open my $fh, '-|', 'sqlite3', '-bail', '-batch', $self->dir . '/run/chats.db', ".timeout 5000", $sql or die "sqlite3: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close $fh or die "sqlite3 failed on: $sql\n";
    chomp $out;
    return $out;
}

sub stop ($self, %o) {
    my $ok = $self->SUPER::stop(%o);
    $self->{pg}->stop if $self->{pg} && !$self->{pg_is_given};
    return $ok;
}

1;

__END__

=head1 NAME

ChatTest::Chats - an httpd with the whole API of conversations

=head1 SYNOPSIS

    for my $db (ChatTest::Chats::databases()) {
        my $t = ChatTest::Chats->new(db => $db)->start;
        my $made = $t->as('ann', 'POST', 'conversations', json => { title => 'x' })->{json};
        $t->stop;
    }

=head1 METHODS

=over

=item new(db => 'sqlite' | 'pgsql', upstream => $up, provider => $conf, locations => { path => $conf }, pg => $pg, resume => $way, %ChatTest)

Everything below /api/v1: conversations, search, shared, shares, export, import,
me, usage, chat/stream. The users are ann, bob and eve, who is an administrator.

=item as($user, $method, $path, %o), sql($statement), stop

A user's name is his bearer token; '' is a guest. stop ends PostgreSQL as well.

=item databases(), uuid(), cookie($user)

Which databases can be tested here. A UUID that nobody has. A header of a
browser where that user is signed in.

=back

=cut
