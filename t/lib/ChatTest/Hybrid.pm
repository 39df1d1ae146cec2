# SPDX-License-Identifier: Apache-2.0
#
# An httpd in front of an app that began as Vercel's chat template: its tables in
# PostgreSQL, cookies by Auth.js itself, and its route /api/chat. The
# documentation is at the end.
package ChatTest::Hybrid;

use v5.36;
use parent 'ChatTest';
use FindBin;
use IPC::Open2;
use Encode   ();
use JSON::PP ();
use ChatTest ();
use ChatTest::Postgres;

my $JSON  = JSON::PP->new->utf8->canonical;
my $REAL  = "$FindBin::Bin/real";
my $SALT  = 'authjs.session-token';

ChatTest::skip_or_fail("npm ci in t/real/$_") for grep { !-d "$REAL/$_/node_modules" } qw(authjs vercel-chat);
our $SECRET = 'auth-js-secret-0123456789-0123456789-x';

# Rows of "User": ann and bob are regular users, gus is a guest.
our %USERS = (
    ann => [ '11111111-1111-4111-8111-111111111111', 'regular' ],
    bob => [ '22222222-2222-4222-8222-222222222222', 'regular' ],
    gus => [ '33333333-3333-4333-8333-333333333333', 'guest' ],
);

sub _pipe ($input, @command) {
    my $pid = open2(my $out, my $in, @command);
    print $in $JSON->encode($input);
    close $in;
    my $text = do { local $/; readline $out };
    waitpid $pid, 0;
    die "@command failed\n" if $?;
    return $JSON->decode($text);
}

# Tokens as the real packages make them: see t/real/authjs/mint.mjs.
sub mint (@wishes) {
    return map { $_->{token} } _pipe(\@wishes, 'node', "$REAL/authjs/mint.mjs")->@*;
}

# Which of these bodies the template's own schema takes.
sub takes (@bodies) {
    return _pipe(\@bodies, 'node', "$REAL/vercel-chat/schema.mjs")->@*;
}

sub claims ($user) {
    my ($id, $type) = $USERS{$user}->@*;
    return { sub => $id, id => $id, type => $type, email => "$user\@example.test" };
}

# %o as for ChatTest; app: the URL of the app; up: that of an OpenAI; where: more
# lines of /api/chat; pg: a ChatTest::Postgres that is there already; tables => 0:
# there are none.
sub new ($class, %o) {
    my ($app, $up, $where, $pg, $tables, $conf, $resume) = delete @o{qw(app up where pg tables conf resume)};
    my @users = sort keys %USERS;
    my @tokens = mint(map { { by => 'auth-core', secret => $SECRET, salt => $SALT, claims => claims($_) } } @users);
    $pg //= ChatTest::Postgres->new->start;
    my $self = $class->SUPER::new(
        modules => [ qw(dbd), (delete $o{modules} // [])->@* ],
        env     => { AUTH_SECRET => $SECRET, %{ delete $o{env} // {} } },
        %o);
    @$self{qw(pg tokens)} = ($pg, { map { $users[$_] => $tokens[$_] } 0 .. $#users });
    $self->_make_tables if $tables // 1;
    $self->{conf} = _conf($pg, $app, $up, $where // '', $resume // 'spool=%%DIR%%/spool') . ($conf // '');
    return $self;
}

sub _conf ($pg, $app, $up, $where, $resume) {
    my $use = join ' ', $app ? 'app' : (), $up ? 'up' : ();
    my $app_section = $app ? <<"END" : '';
<ChatProvider app>
    ChatProviderType app
    ChatProviderURL $app
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
END
    my $up_section = $up ? <<"END" : '';
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL $up
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
END
    return <<"END";
DBDriver pgsql
DBDParams "@{[ $pg->params ]}"
ChatStreamResume $resume
$app_section$up_section
<Location /api/chat>
    SetHandler chat
    ChatRoute ui-message
    ChatUse $use
    ChatStore vercel
    ChatRetry 1
    ChatAuth authjs
    ChatAuthSecret env:AUTH_SECRET
    ChatAuthClaim id=id tier=type
    $where
</Location>
END
}

sub _make_tables ($self) {
    my $values = join ', ', map { "('$USERS{$_}[0]', '$_\@example.test')" } sort keys %USERS;

    $self->sql($self->slurp("$REAL/vercel-chat/tables.sql"));
    $self->sql(qq{insert into "User" (id, email) values $values});
}

sub id ($user) { return $USERS{$user}[0] }

# user: a name, or '' for nobody.
sub cookie ($self, $user) {
    return length $user ? (Cookie => "$SALT=$self->{tokens}{$user}") : ();
}

my $made = 0;

sub uuid ($self) {
    return sprintf '%08x-%04x-4%03x-8000-%012x', time, ++$made, $$ & 0xfff, int rand 2**40;
}

# A question as the template's page sends it.
sub body ($self, $chat, $text, %o) {
    return {
        id                     => $chat,
        message                => { id => $o{id} // $self->uuid, role => 'user', parts => $o{parts} // [ { type => 'text', text => $text } ] },
        selectedChatModel      => $o{model} // 'chat-model',
        selectedVisibilityType => $o{visibility} // 'private',
    };
}

sub ask ($self, $user, $chat, $text, %o) {
    my %headers = ($self->cookie($user), %{ delete $o{headers} // {} });
    my %how = map { exists $o{$_} ? ($_ => delete $o{$_}) : () } qw(on_event on_data abort_after timeout keep rcvbuf);
    return $self->sse('/api/chat', $self->body($chat, $text, %o), headers => \%headers, %how);
}

# What the chunks of an answer hold.
sub chunks ($self, $res) {
    return map { $_->{data} eq '[DONE]' ? '[DONE]' : $JSON->decode(Encode::encode('UTF-8', $_->{data})) } grep { length $_->{data} } $res->{events}->@*;
}

sub text ($self, $res) {
    return join '', map { ref && $_->{type} eq 'text-delta' ? $_->{delta} : () } $self->chunks($res);
}

# Rows of a statement, as hashes.
sub rows ($self, $sql) {
    my $text = $self->sql("select coalesce(json_agg(t), '[]') from ($sql) t");
    return $JSON->decode($text)->@*;
}

sub messages ($self, $chat) {
    return $self->rows(qq{select * from "Message_v2" where "chatId" = '$chat' order by "createdAt", id});
}

sub chat_row ($self, $chat) {
    my ($row) = $self->rows(qq{select * from "Chat" where id = '$chat'});
    return $row;
}

sub sql ($self, $sql) { return $self->{pg}->sql($sql) }

# A function of the template's own queries: see t/real/vercel-chat/queries.mjs.
sub drizzle ($self, $name, $argument) {
    if (!$self->{queries}) {
        my $pid = open2(my $out, my $in, 'node', "$REAL/vercel-chat/queries.mjs", $self->{pg}->dir);
        $self->{queries} = { pid => $pid, out => $out, in => $in };
    }
    my ($in, $out) = $self->{queries}->@{qw(in out)};
    print $in $JSON->encode([ $name, $argument ]) . "\n";
    $in->flush;
    my $line = <$out> // die "queries.mjs has ended\n";
    return JSON::PP->new->utf8->allow_nonref->decode($line);
}

sub stop ($self, %o) {
    my $ok = $self->SUPER::stop(%o);

    if (my $queries = delete $self->{queries}) {
        close $queries->{in};
        waitpid $queries->{pid}, 0;
    }
    $self->{pg}->stop;
    return $ok;
}

1;

__END__

=head1 NAME

ChatTest::Hybrid - an httpd in front of an app of Vercel's chat template

=head1 SYNOPSIS

    my $app = ChatTest::Answers->new(hello => [ ... ])->start;
    my $t = ChatTest::Hybrid->new(app => $app->url)->start;
    my $res = $t->ask('ann', my $chat = $t->uuid, 'answer(hello)');
    is scalar(() = $t->messages($chat)), 1, 'the question is kept';
    $t->stop;

=head1 METHODS

=over

=item new(app => URL, up => URL, where => $conf, %ChatTest), stop

/api/chat, which uses the provider app, or up, or both in this order. pg is a
PostgreSQL that is there already, tables => 0: without any table in it; resume:
the value of ChatStreamResume. stop ends PostgreSQL as well.

=item ask($user, $chat, $text, %o), body($chat, $text, %o)

A question; %o: id, parts, model, visibility of its body; headers, on_event,
on_data, abort_after, timeout. $user is ann, bob, gus, who is a guest, or ''.

=item chunks($res), text($res)

=item sql($statement), rows($select), messages($chat), chat_row($chat)

=item drizzle($function, $argument)

One of the template's own queries, in the same database.

=item mint(@wishes), takes(@bodies), claims($user), cookie($user), id($user), uuid

=back

=cut
