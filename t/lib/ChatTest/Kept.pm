# SPDX-License-Identifier: Apache-2.0
#
# An httpd whose answers are kept, in SQLite or in PostgreSQL, with the mock
# behind it: what a client is told, and what the tables have then.
package ChatTest::Kept;

use v5.36;
use parent 'ChatTest';
use JSON::PP     ();
use MIME::Base64 qw(encode_base64);
use ChatTest     qw(wait_for scaled skip_or_fail);
use ChatTest::Postgres;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;

# %o: as ChatTest->new; kind => 'sqlite' (default) or 'pgsql', pg => a
# ChatTest::Postgres that is there already; up => {...} for the mock; where =>
# directives of every location; use => of ChatUse (up); dbd => more directives of mod_dbd; resume => of
# ChatStreamResume (a spool; '': nothing is said). Locations: /chat (stream) and /say (message), for
# the users ann and ben, and /open (stream) for guests; more => { name => directives }
# for others, as /chat.
sub new ($class, %o) {
    my ($kind, $pg, $up, $where, $dbd, $conf, $resume, $more, $use) = delete @o{qw(kind pg up where dbd conf resume more use)};
    $kind //= 'sqlite';
    $resume //= 'spool=%%DIR%%/spool';
    $up = ChatTest::Upstream->new(n => 3, ($up // {})->%*)->start;
    $pg = ChatTest::Postgres->new->start if $kind eq 'pgsql' && !$pg;
    my $params = $kind eq 'pgsql' ? "pgsql\nDBDParams \"${\$pg->params}\"" : "sqlite3\nDBDParams \"%%DIR%%/data/chats.db\"";
    my $common = join "\n", 'SetHandler chat', 'ChatUse ' . ($use // 'up'), 'ChatStore chat', 'ChatRequestMessageLength 100000',
        'ChatRequestTotalLength 100000', $where // '';
    my $members = join "\n", $common, 'ChatAuth user', 'AuthType Basic', 'AuthName members', 'AuthUserFile %%DIR%%/users', 'Require valid-user';
    my $self = $class->SUPER::new(
        modules => [ qw(dbd auth_basic authn_core authn_file authz_user socache_shmcb), (delete $o{modules} // [])->@* ],
        conf    => <<"END", %o);
DBDriver $params
@{[ $dbd // '' ]}
ChatStoreMigrate on
@{[ length $resume ? "ChatStreamResume $resume" : '' ]}
<ChatProvider up>
    ChatProviderType openai
    ChatProviderAPI chat-completions
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
ChatModel m up price-in=1 price-out=2
<Location /chat>
    $members
    ChatRoute stream
</Location>
<Location /say>
    $members
    ChatRoute message
</Location>
@{[ map { "<Location /$_>\n$members\nChatRoute stream\n$more->{$_}\n</Location>\n" } sort keys %{ $more // {} } ]}
<Location /open>
    $common
    ChatAuth guest
    ChatRoute stream
</Location>
@{[ $conf // '' ]}
END
    @$self{qw(kind pg up)} = ($kind, $pg, $up);
    $self->write_file('users', "ann:{PLAIN}\nben:{PLAIN}\n" =~ s/\{PLAIN\}/crypt('pw', 'ab')/ger);
    for my $dir (map { "$self->{dir}/$_" } qw(data spool)) {
        mkdir $dir, 0700 or die "$dir: $!";
        chown +(getpwnam($self->_user =~ /^User (\S+)/ ? $1 : getpwuid $>))[2, 3], $dir if $> == 0;
    }
    return $self;
}

sub up ($self) { return $self->{up} }
sub pg ($self) { return $self->{pg} }

sub stop ($self, %o) {
    my $fine = $self->SUPER::stop(%o);
    $self->{up}->stop unless $o{up};
    return $fine;
}

# ---- asking ----

sub uuid ($class = undef) {
    return join '-', map { join '', map { sprintf '%04x', int rand 65536 } 1 .. $_ } 2, 1, 1, 1, 3;
}

sub as ($user) {
    return $user ? { Authorization => 'Basic ' . encode_base64("$user:pw", '') } : {};
}

# A question in a conversation; mock => what mock_llm is to do, user => 'ann', ''
# for nobody; other members go into the body.
sub ask ($self, $conversation, $text, %o) {
    my %http = map { $_ => delete $o{$_} } grep { exists $o{$_} } qw(on_event on_data abort_after conn keep timeout tls);
    my $mock = delete $o{mock} // {};
    my $user = delete $o{user} // 'ann';
    my $path = delete $o{path} // '/chat';
    my $script = join ';', map { "$_=$mock->{$_}" } sort keys %$mock;
    my $headers = { as($user)->%*, (delete $o{headers} // {})->%* };
    return $self->post_json($path, { conversationId => $conversation,
            ($o{messages} ? () : (messages => [ { role => 'user', content => $text . ($script ? " mock($script)" : '') } ])), %o },
        headers => $headers, %http);
}

# The data of its events, decoded; those of one type; the text.
sub events ($class, $res, $type = undef) {
    my @data = map { eval { $JSON->decode($_->{data}) } // () } $res->{events}->@*;
    return grep { !$type || $_->{type} eq $type } @data;
}

sub text ($class, $res) {
    return join '', map { $_->{text} } $class->events($res, 'text');
}

# ---- what is kept ----

# Rows of a statement, as lists of columns; SQL must not need more than both
# databases have.
sub rows ($self, $sql) {
    my $out;
    if ($self->{kind} eq 'pgsql') {
        $out = $self->{pg}->sql("select coalesce(json_agg(x), '[]') from ($sql) x");
    }
    else {
        my $file = "$self->{dir}/data/chats.db";
        open my $in, '-|', 'sqlite3', '-readonly', '-json', '-cmd', '.timeout 5000', $file, $sql or die "sqlite3: $!";
        local $/;
        $out = <$in> || '[]';
    }
    return $JSON->decode(utf8::is_utf8($out) ? do { utf8::encode($out); $out } : $out)->@*;
}

# All messages of a conversation, oldest first; parts are decoded.
sub messages ($self, $conversation) {
    my @rows = $self->rows("select * from chat_message where conversation_id = '$conversation' order by created_at, role = 'assistant', id");
    ref $_->{parts} or $_->{parts} = $JSON->decode(do { my $p = $_->{parts}; utf8::encode($p) if utf8::is_utf8($p); $p }) for @rows;
    return @rows;
}

sub last_message ($self, $conversation) {
    return ($self->messages($conversation))[-1];
}

# When its answer is over.
sub settled ($self, $conversation, $seconds = 10) {
    return wait_for(sub {
        my $m = $self->last_message($conversation);
        $m && $m->{role} eq 'assistant' && $m->{status} ne 'streaming' ? $m : undef;
    }, "the answer in $conversation is over", $seconds);
}

1;
