# SPDX-License-Identifier: Apache-2.0
#
# A secret that is given as env: belonged to every author of a .htaccess
# (PassEnv, osenv(), SSI) and to every CGI program. It is in no environment any
# more, and reloads still find it.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Upstream;

my $up = ChatTest::Upstream->new(n => 1)->start;
my $SECRET = 'session-secret-of-the-app-0123456789';
my $PROVIDER = <<"END";
<ChatProvider openai>
    ChatProviderURL ${\$up->url}
    ChatProviderKey env:CHAT_CANARY_KEY
</ChatProvider>
ChatAuthSecret env:APP_SECRET
<Location /chat>
    SetHandler chat
    ChatRoute openai
    ChatAuth guest
</Location>
END
my $SITE = <<'END';
AccessFileName .htaccess
<Directory %%HTDOCS%%>
    AllowOverride All
    Options +Includes +ExecCGI
    Require all granted
</Directory>
END

my $CGI = <<'END';
#!/bin/sh
echo Content-Type: text/plain
echo
echo "the environment:"
env
for p in self $PPID; do (cat /proc/$p/environ) 2>/dev/null | tr "\0" "\n"; done
exit 0
END

my $t;

sub key_arrives ($when) {
    $t->sse('/chat', $t->turn);
    is $up->last->{headers}{authorization}, 'Bearer ' . $t->canary_key, "$when the provider gets the key";
}

# What is read of a page, by .htaccess.
sub page ($htaccess, $page = 'x.html') {
    $t->write_file('htdocs/.htaccess', $htaccess);
    return $t->raw("GET /$page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

sub is_secret ($text, $what) {
    ok length $text, "$what: there is something to look at";
    my @seen = grep { index($text, $_) >= 0 } $t->canary_key, $SECRET;
    is @seen, 0, "... and no secret in it";
}

sub environments ($when) {
    my @children = $t->children;
    cmp_ok @children, '>', 0, "$when there are children";
    is_secret($t->slurp("/proc/$_/environ"), "$when /proc/PID/environ of " . ($_ == $t->pid ? 'httpd' : 'a child'))
        for $t->pid, @children;
}

for my $mpm (qw(event prefork)) {
    my $cgi = $mpm eq 'prefork' ? 'cgi' : 'cgid';
    my $sock = $cgi eq 'cgid' ? "ScriptSock %%DIR%%/run/cgisock\n" : '';
    # PassEnv of the administrator is in front, where it would still find it.
    $t = ChatTest->new(mpm => $mpm, modules => [ qw(env headers include mime setenvif), $cgi ], env => { APP_SECRET => $SECRET },
        conf => "PassEnv CHAT_CANARY_KEY APP_SECRET\nHeader set X-Server \"%{CHAT_CANARY_KEY}e\"\n"
            . "$SITE$sock$PROVIDER");
    $t->write_file('htdocs/x.html', "hello\n");
    $t->write_file('htdocs/x.shtml', qq{hello <!--#echo var="CHAT_CANARY_KEY" --> <!--#printenv -->\n});
    $t->write_file('htdocs/env.cgi', $CGI, 0755);
    $t->allow_log(qr/AH01506: PassEnv variable \w+ was undefined/);
    $t->start;

    for my $when ("$mpm, at first:", "$mpm, after a graceful restart:", "$mpm, after a restart:") {
        $t->graceful if $when =~ /graceful/;
        $t->restart if $when =~ /a restart/;
        key_arrives($when);
        environments($when);
    }

    is_secret(page("PassEnv CHAT_CANARY_KEY\nHeader set X-Stolen \"%{CHAT_CANARY_KEY}e\"\n"), 'PassEnv in .htaccess');
    is_secret(page("Header set X-Stolen \"expr=%{osenv:CHAT_CANARY_KEY} %{osenv:APP_SECRET}\"\n"), 'osenv() in .htaccess');
    is_secret(page("AddOutputFilter INCLUDES .shtml\nPassEnv CHAT_CANARY_KEY\n", 'x.shtml'), 'echo and printenv of SSI');
    $t->write_file('htdocs/.htaccess', "SetHandler chat\nChatRoute openai\nChatAuth guest\nChatLimit none 0/1h ip\n"
        . "ChatLimitExempt \"expr=osenv('CHAT_CANARY_KEY') =~ /./\"\n");
    is $t->post_json('/x.html', $t->turn)->{status}, 429, 'an expression on it does not exempt';
    my $program = page("AddHandler cgi-script .cgi\nPassEnv CHAT_CANARY_KEY APP_SECRET\n", 'env.cgi');
    like $program, qr/the environment:\n.*SCRIPT_NAME/s, 'a CGI program runs';
    is_secret($program, '... and looks around');
    key_arrives("$mpm, at last:");
    $t->stop;
}

# What httpd starts itself has it no more than others.
$t = ChatTest->new(env => { APP_SECRET => $SECRET }, conf => $PROVIDER
        . qq{CustomLog "|%%DIR%%/piped" "%r"\n<Location /exec>\nChatAuthSecret "exec:program"\n</Location>\n});
$t->write_file($_, "#!/bin/sh\ntr '\\0' '\\n' < /proc/\$\$/environ >> \$0.env\n" . { piped => "cat >/dev/null\n", program => "echo 0123456789abcdef0123456789abcdef\n" }->{$_}, 0755)
    for qw(piped program);
$t->start;
wait_for('the piped logger', sub { $t->slurp('piped.env') =~ /PATH=/ });
is_secret($t->slurp("$_.env"), "the environment of $_") for qw(piped program);
key_arrives('with both');
$t->stop;
$up->stop;
done_testing;
