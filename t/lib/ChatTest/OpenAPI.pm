# SPDX-License-Identifier: Apache-2.0
#
# An httpd with every route that mod_chat has, and the programs that read the
# document of its route openapi. The documentation is at the end.
package ChatTest::OpenAPI;

use v5.36;
use parent -norequire, 'ChatTest::Chats';
use ChatTest ();
use ChatTest::Chats ();
use ChatTest::Httpd ();

my $DIR = "$ChatTest::Httpd::ROOT/t/real/openapi";

my %PLACES = (
    '/openapi.json'          => "ChatRoute openapi\n",
    '/healthz'               => "ChatRoute health\n",
    '/v1/models'             => "ChatRoute models\n",
    '/v1/chat/completions'   => "ChatRoute completions\n",
    '/api/limits'            => "ChatRoute limits\nRequire all granted\n",
    '/api/chat-openai'       => "ChatRoute openai\n",
    '/api/native'            => "ChatRoute openai\nChatRequestFormat provider\n",
    '/api/chat'              => "ChatRoute ui-message\nChatStore off\n",
    '/api/v1/message'        => "ChatRoute message\nChatLimit talk 1000000/1m user\n",
    '/api/v1/keys'           => "ChatRoute keys\nChatUserKeys allow openai\n",
    '/api/v1/uploads'        => "ChatRoute uploads\n",
    '/api/v1/admin'          => "ChatRoute admin\nAuthType Chat\nAuthzSendForbiddenOnFailure On\nRequire chat-role user\n",
    '/metrics'               => "ChatRoute metrics\nRequire all granted\n",
    '/api/v1/brief'          => "ChatRoute stream\nChatRequestMessages 3\n",
    '/chatkit'               => "ChatRoute chatkit\n",
    '/api/chatkit'           => "ChatRoute chatkit-session\n",
    '/payments'              => "ChatRoute webhook\nChatWebhook stripe\nChatWebhookSecret file:stripe.secret\nChatTierPrice price_1 paid\n",
);

# %o as for ChatTest::Chats.
sub new ($class, %o) {
    my $conf = join '', map { "<Location $_>\nSetHandler chat\n$PLACES{$_}</Location>\n" } sort keys %PLACES;
    my $self = $class->SUPER::new(%o, modules => ["authn_core"], conf => "TraceEnable off\nChatAdmin on\nChatUploads dir:%%DIR%%/files\nChatKeySecret file:master.secret\nChatAuthJWTSecret file:jwt.secret\n" . ($o{conf} // '') . $conf);
    mkdir my $files = $self->dir . '/files', 0700 or die $!;
    chown +(getpwnam($self->_user =~ /^User (\S+)/ ? $1 : getpwuid $>))[2, 3], $files if $> == 0;
    $self->write_file('stripe.secret', 'whsec_' . 'c2VjcmV0' x 8 . "\n", 0600);
    $self->write_file('jwt.secret', 'jwt-secret' x 8 . "\n", 0600);
    $self->write_file('master.secret', 'a1' x 32 . "\n", 0600);
    return $self;
}

# ---- programs ----

# Why they are not there; installs what is missing.
sub missing () {
    return 'npm is not installed' if !-e "$DIR/node_modules/openapi-typescript" && system('command -v npm >/dev/null') != 0;
    return "$DIR/package-lock.json cannot be installed (npm)"
        if !-e "$DIR/node_modules/openapi-typescript" && system("cd $DIR && npm ci --no-audit --no-fund --loglevel=error >/dev/null 2>&1") != 0;
    return if -e "$DIR/venv/installed";
    return 'python3 is not installed' if system('python3 -c "import venv" >/dev/null 2>&1') != 0;
    return "$DIR/requirements.txt cannot be installed (pip)"
        if system("cd $DIR && python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check -r requirements.txt >/dev/null 2>&1 && touch venv/installed") != 0;
    return;
}

# What a program says, and its status.
sub run (@command) {
    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "$command[0]: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;
    return ($said, $? >> 8);
}

sub lint ($file)  { return run("$DIR/venv/bin/openapi-spec-validator", $file) }
sub types ($file) { return run("$DIR/node_modules/.bin/openapi-typescript", $file, '--default-non-nullable', 'false') }

sub fuzz ($self, $file, @options) {
    return run('env', '-C', $self->dir, 'PYTHONDONTWRITEBYTECODE=1', "$DIR/venv/bin/st", '--config-file', "$DIR/schemathesis.toml", 'run', $file, '--output-sanitize', 'false', '--url', $self->url('/') =~ s{/\z}{}r,
        '--header', 'Authorization: Bearer ann', @options);
}

1;

__END__

=head1 NAME

ChatTest::OpenAPI - an httpd with every route, and what reads its OpenAPI document

=head1 METHODS

=over

=item new(%ChatTest::Chats)

As a ChatTest::Chats, with all the other routes beside.

=item missing()

Why the programs of t/real/openapi are not there, else nothing.

=item lint($file), types($file), fuzz($file, @options)

What openapi-spec-validator, openapi-typescript and schemathesis say of a document, and their
status.

=back
