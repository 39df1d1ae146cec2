# SPDX-License-Identifier: Apache-2.0
#
# The real better-auth (t/real/better-auth) on a database of the test. The
# documentation is at the end.
package ChatTest::BetterAuth;

use v5.36;
use Cwd            qw(abs_path);
use Digest::SHA    qw(hmac_sha256_base64);
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP         ();
use ChatTest         ();
use ChatTest::Client ();

our $DIR = abs_path(dirname(__FILE__) . '/../../real/better-auth');
our $SECRET = 'chat-test-secret-0123456789-0123456789';

my $JSON = JSON::PP->new->utf8->canonical;

sub new ($class, %o) {
    ChatTest::skip_or_fail('node is not installed') if system('node --version >/dev/null 2>&1') != 0;
    ChatTest::skip_or_fail("better-auth is not installed: npm ci in t/real/better-auth")
        unless -d "$DIR/node_modules/better-auth";
    return bless {
        store   => 'kysely-sqlite',
        secret  => $SECRET,
        options => {},
        %o,
    }, $class;
}

sub start ($self) {
    start_all($self);
    return $self;
}

# Several apps in one process. It leaves when its standard input ends, so also
# when this process does.
sub start_all (@apps) {
    local $ENV{NODE_ENV} = 'test';
    my @args = map { $JSON->encode({ $_->%{qw(store database secret options)} }) } @apps;
    my $pid = open2(my $out, my $in, 'node', "$DIR/server.mjs", @args);
    my $said = '';
    while (defined(my $line = readline $out)) {
        $said .= $line;
        my ($ports) = $line =~ /^listening ([0-9 ]+)$/ or next;
        my @ports = split / /, $ports;
        $_->{port} = shift @ports for @apps;
        my $process = { pid => $pid, in => $in, out => $out, users => scalar @apps };
        $_->{process} = $process for @apps;
        return;
    }
    die "better-auth did not start: $said\n";
}

sub stop ($self) {
    my $process = delete $self->{process} or return;
    return if --$process->{users};
    close $process->{in};
    waitpid $process->{pid}, 0;
}

# The fields go out as they are, byte by byte.
sub request ($self, $method, $path, %o) {
    my $client = ChatTest::Client->new(port => $self->{port}, timeout => ChatTest::scaled(20));
    my $json = exists $o{json} ? $JSON->encode($o{json}) : undef;
    $client->request($method, "/api/auth$path", body => $json, headers => [
        Origin => "http://127.0.0.1:$self->{port}", Connection => 'close',
        (defined $json ? ('Content-Type' => 'application/json') : ()),
        ($o{headers} // {})->%*,
    ]);
    my $res = $client->response;
    $client->close;
    return $res if $res->{status} == ($o{status} // 200);
    die "better-auth answered $res->{status}: $res->{body}\n";
}

# What a browser keeps of an answer: name=value of the session cookie.
sub _signed ($self, $res) {
    my ($cookie) = $res->{raw_head} =~ /^set-cookie: ([^;=]*session_token=[^;]+)/mi;
    my $json = $JSON->decode($res->{body});
    return {
        cookie => $cookie,
        value  => $cookie =~ s/^[^=]*=//r,
        bearer => $res->{headers}{'set-auth-token'},
        token  => $json->{token},
        id     => $json->{user}{id},
    };
}

sub sign_up ($self, $email = 'user' . ++$self->{users} . '@example.test') {
    my $session = $self->_signed($self->request(POST => '/sign-up/email',
        json => { email => $email, password => 'correct horse', name => 'Somebody' }));
    return { %$session, email => $email };
}

sub sign_in ($self, $email, %o) {
    return $self->_signed($self->request(POST => '/sign-in/email',
        json => { email => $email, password => 'correct horse', %o }));
}

sub sign_out ($self, $session) {
    $self->request(POST => '/sign-out', headers => { Cookie => $session->{cookie} }, json => {});
}

# The id of the user whom better-auth itself sees in these headers, or undef.
sub sees ($self, %headers) {
    my $res = $self->request(GET => '/get-session', headers => \%headers);
    return $res->{body} eq 'null' ? undef : $JSON->decode($res->{body})->{user}{id};
}

# The value of a session cookie, not yet encoded, as the app would sign it.
sub signed ($token, $secret = $SECRET) {
    return "$token." . hmac_sha256_base64($token, $secret) . '=';
}

1;

__END__

=head1 NAME

ChatTest::BetterAuth - the real better-auth, on a database of the test

=head1 SYNOPSIS

    my $auth = ChatTest::BetterAuth->new(store => 'kysely-pgsql',
        database => $pg->url, options => { admin => 1 })->start;
    my $s = $auth->sign_up;
    $t->get('/guarded', headers => { Cookie => $s->{cookie} });
    $auth->sign_out($s);

=head1 METHODS

=over

=item new(%o), start, ChatTest::BetterAuth::start_all(@apps), stop

store: kysely-pgsql, kysely-sqlite, drizzle-pgsql, drizzle-sqlite. database: a
connection string, or a file. secret. options: see t/real/better-auth/server.mjs.
start returns when its migrations ran and it listens; start_all starts many in
one process. Skips the test file when
node or the packages are missing.

=item sign_up($email), sign_in($email, %more), sign_out($session)

Over HTTP, as a browser does. A session is a hash of cookie (for a Cookie
field), value (of that cookie, as it came), bearer (what the bearer plugin
handed out), token and id (of the user).

=item ChatTest::BetterAuth::signed($token, $secret)

The value of a session cookie, not encoded, for a token of one's own.

=item sees(%headers)

The id of the user whom better-auth itself finds in a request with these
headers; undef when nobody.

=back

=cut
