# SPDX-License-Identifier: Apache-2.0
#
# Services of moderation (ChatModerationURL): what they are asked, what their
# verdicts do to questions and answers, and that one which is slow, dead, lying
# or huge is an error by its fail=, for which no thread waits and no other
# stream.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use ChatTest;
use ChatTest::Upstream;

my $JSON = JSON::PP->new->utf8->canonical;

# ---- the service: answers as the words in a text tell it to ----

sub read_request ($c, $sel) {
    my $text = '';
    while ($text !~ /\r\n\r\n/ || length($text) < $-[0] + 4 + ($text =~ /content-length: (\d+)/i ? $1 : 0)) {
        last if !sysread $c, $text, 65536, length $text;
        $text =~ /\r\n\r\n/;
    }
    return $text;
}

sub plain ($status, $body, %more) {
    return "HTTP/1.1 $status X\r\nContent-Type: application/json\r\nContent-Length: " . length($body)
        . join('', map { "\r\n$_: $more{$_}" } keys %more) . "\r\nConnection: close\r\n\r\n$body";
}

sub reply_to ($c, $request) {
    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    my $q = eval { $JSON->decode($body) } // {};
    my @texts = $q->{texts} ? map { $_->{content} } $q->{texts}->@* : $q->{input} ? $q->{input}->@* : map { $_->{content} } ($q->{messages} // [])->@*;
    my $all = join ' ', @texts;
    return if $all =~ /be-silent/;
    return print {$c} plain(200, '{"action":"block","category":"violence"}') if $head =~ /block30/ && $all =~ /s1d30/;
    return print {$c} plain(200, $JSON->encode({ action => 'replace', texts => [ map { s/s1d30/[gone]/r } @texts ] })) if $head =~ /replace30/ && $all =~ /s1d30/;
    return print {$c} plain(200, '{"action":"pass"}' . ' ' x 5_000_000) if $all =~ /be-huge/;
    return print {$c} plain(200, 'safe, honestly')                      if $all =~ /be-no-json/;
    return print {$c} plain(200, '{"action":"allow"}')                  if $all =~ /be-unknown/;
    return print {$c} plain(200, '{"action":"replace","texts":[]}')     if $all =~ /be-short/;
    return print {$c} plain(302, '', Location => '/elsewhere')          if $all =~ /be-elsewhere/;
    return print {$c} substr plain(200, '{"action":"pass"}'), 0, -4     if $all =~ /be-early/;
    if ($all =~ /be-dripping/) {
        print {$c} "HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n";
        return 'drip';
    }
    if ($q->{input}) {
        return print {$c} plain(200, $JSON->encode({ results => [ map { my $bad = /bad/ ? JSON::PP::true : JSON::PP::false;
            { flagged => $bad, categories => { violence => $bad, hate => JSON::PP::false },
              category_scores => { violence => /bad/ ? 0.9 : /grey/ ? 0.4 : 0.01, hate => 0.02 } } } @texts ] }));
    }
    if ($q->{messages}) {
        return print {$c} plain(200, $JSON->encode({ choices => [ { message => { content => $all =~ /bad/ ? "\n\nunsafe\nS1,S10" : 'safe' } } ] }));
    }
    return print {$c} plain(200, $JSON->encode({ action => 'block', category => 'violence', reason => 'It is bad.' })) if $all =~ /bad/;
    return print {$c} plain(200, $JSON->encode({ action => 'flag', category => 'odd' })) if $all =~ /odd/;
    if ($all =~ /secret/) {
        return print {$c} plain(200, $JSON->encode({ action => 'replace', texts => [ map { { role => 'x', content => s/secret/*/gr } } @texts ] }));
    }
    return print {$c} plain(200, '{"action":"pass"}');
}

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128, ReuseAddr => 1) or die $!;
pipe my $seen, my $tell or die $!;
my $service = fork // die $!;
if (!$service) {
    my $sel = IO::Select->new($listen);
    my %drips;
    $SIG{PIPE} = 'IGNORE';
    while (1) {
        for my $c ($sel->can_read(keys %drips ? 0.05 : undef)) {
            if ($c == $listen) { $sel->add(scalar $listen->accept); next }
            my $request = read_request($c, $sel);
            if (!length $request) { $sel->remove($c); delete $drips{$c}; close $c; next }
            syswrite $tell, ($request =~ s/\n/\\n/gr =~ s/\r//gr) . "\n";
            $c->autoflush(1);
            my $kind = reply_to($c, $request) // '';
            if    ($kind eq 'drip') { $drips{$c} = $c }
            elsif ($kind)           { $sel->remove($c); close $c }
        }
        print { $_ } ' ' for values %drips;
    }
}
close $tell;
my $port = $listen->sockport;
my $url = "http://127.0.0.1:$port/v1/check";
END { kill 'KILL', $service if $service }

# What it was asked since it was looked at last: [head, body].
sub asked () {
    my $lines = '';
    while (IO::Select->new($seen)->can_read(0)) { sysread $seen, $lines, 65536, length $lines or last }
    return map { my ($head, $body) = split /\\n\\n/, $_, 2; [ $head, $JSON->decode($body) ] } split /\n/, $lines;
}

my $dead = ChatTest::Httpd::free_port();
my $up = ChatTest::Upstream->new(pace => 2, n => 60)->start;
my $quick = ChatTest::Upstream->new(n => 5)->start;
my ($base, $quick_base) = ($up->url, $quick->url);

my $t = ChatTest->new(env => { HOOK_KEY => 'sk-hook-key-0123456789' }, conf => <<"CONF");
LogFormat "%{CHAT_MODERATION}e %U" moderated
CustomLog moderated.log moderated
<ChatProvider mock>
  ChatProviderType compatible
  ChatProviderURL $base
</ChatProvider>
<ChatProvider quick>
  ChatProviderType compatible
  ChatProviderURL $quick_base
</ChatProvider>
ChatModel m mock
ChatModel q quick

<Location />
  SetHandler chat
  ChatAuth guest
  ChatModelDefault m
</Location>
<Location /a>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL guard $url key=env:HOOK_KEY timeout=500ms
  ChatModerationTell category
</Location>
<Location /b>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL guard $url run=beside timeout=500ms
</Location>
<Location /open>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL lenient $url fail=open timeout=1s cache=off
</Location>
<Location /wait>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL patient $url timeout=30s cache=off
</Location>
<Location /never>
  ChatRoute stream
  ChatModelDefault q
</Location>
<Location /o>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL moderations $url format=openai thresholds=violence:0.3,*:0.9 cache=off
</Location>
<Location /l>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL llama $url format=llama-guard model=llama-guard3 cache=off
</Location>
<Location /all>
  ChatRoute stream
</Location>
<Location /out>
  ChatRoute stream
  ChatModerationURL answers $url in=output output-window=256 timeout=500ms cache=off
</Location>
<Location /chase>
  ChatRoute stream
  ChatModerationURL answers $url in=output output-mode=chase timeout=500ms cache=off
</Location>
<Location /held>
  ChatRoute stream
  ChatModerationURL held $url/block30 in=output output-window=256 cache=off
</Location>
<Location /chased>
  ChatRoute stream
  ChatModerationURL chased $url/block30 in=output output-mode=chase cache=off
</Location>
<Location /replaced>
  ChatRoute stream
  ChatModerationURL replaced $url/replace30 in=output output-window=256 cache=off
</Location>
<Location /passed>
  ChatRoute openai
  ChatUse mock
  ChatModerationURL passed $url/block30 in=output output-window=256 cache=off
</Location>
<Location /c>
  ChatRoute completions
  ChatModerationURL both $url in=input,output fail=closed timeout=500ms cache=off
</Location>
<Location /gone>
  ChatRoute stream
  ChatModelDefault q
  ChatModerationURL dead http://127.0.0.1:$dead/ timeout=500ms
</Location>
CONF
$t->expect_log(qr/CHAT0847/, qr/CHAT0848/);
$t->start;

# The text, and the code of an error.
sub chat ($path, $text, %more) {
    my $res = $t->sse($path, { messages => [ { role => 'user', content => $text } ], %more });
    my $json = eval { $JSON->decode($res->{body} // '') } // {};
    my $said = join '', map { my $d = eval { $JSON->decode($_->{data}) } // {}; $d->{delta} // $d->{text} // '' } ($res->{events} // [])->@*;
    my ($code) = grep { defined } ($json->{code}, map { ($_->{data} // '') =~ /"code":"(\w+)"/ ? $1 : () } ($res->{events} // [])->@*);
    return { res => $res, status => $res->{status}, said => $said, code => $code // '', json => $json };
}

# ---- questions ----

my $r = chat('/a', 'hello there');
is $r->{status}, 200, 'a question that may go on does';
my ($head, $q) = (asked())[0]->@*;
like $head, qr{^POST /v1/check HTTP/1.1\\n}, 'the address as it is written';
like $head, qr/Authorization: Bearer sk-hook-key-0123456789/, 'with its secret';
like $head, qr/X-Request-ID: \S+/, 'and the id of the request';
is_deeply [ @$q{qw(phase final route)}, $q->{texts} ], [ 'input', JSON::PP::true, 'stream', [ { role => 'user', content => 'hello there' } ] ],
    'the question alone';
my $before = $quick->calls;
chat('/a', 'hello there');
is scalar(asked()), 0, 'a verdict is remembered';
$before = $quick->calls;
$r = chat('/a', 'something bad');
is_deeply [ @$r{qw(status code)}, $r->{json}{category} ], [ 400, 'content_blocked', 'violence' ], 'a bad one is refused';
is $quick->calls, $before, 'and no provider was asked';
$r = chat('/b', 'something bad beside');
is_deeply [ @$r{qw(status code)} ], [ 400, 'content_blocked' ], 'beside the provider it is as well';
$r = chat('/a', 'my secret is this');
is $r->{status}, 200, 'what is replaced goes on';
unlike $JSON->encode($quick->last), qr/my secret/, 'without it';
like $JSON->encode($quick->last), qr/my \* is this/, 'with what stands in its place';
$r = chat('/a', 'an odd one');
is $r->{status}, 200, 'what is flagged goes on';
is_deeply [ map { chat('/o', $_)->{status} } 'fine', 'grey', 'bad' ], [ 200, 400, 400 ], 'by scores of categories';
is_deeply [ map { chat('/l', $_)->{status} } 'fine', 'bad' ], [ 200, 400 ], 'by a Llama Guard';

# ---- errors ----

for my $how (qw(silent huge no-json unknown short elsewhere early)) {
    $r = chat('/a', "please be-$how");
    is_deeply [ @$r{qw(status code)} ], [ 503, 'moderation_unavailable' ], "$how: refused";
    ok $r->{res}{headers}{'retry-after'}, "$how: and when to come again";
    chat('/a', "fine after $how");
    is chat('/open', "please be-$how")->{status}, 200, "$how: goes on where it fails open";
    chat('/open', "fine after $how");
}
is chat('/gone', 'hello')->{status}, 503, 'one that is not there';
like $t->error_log, qr/CHAT0847.*moderation by guard fails: there is no answer in time/, 'the log says what fails';
unlike $t->error_log, qr/please be-/, 'and no word of it';

# ---- answers ----

my $all = chat('/all', 'tell')->{said};
asked();
$r = chat('/out', 'tell');
is $r->{status}, 200, 'an answer in windows';
like $r->{said}, qr/\w/, 'that may be seen is';
my @phases = map { $_->[1]{phase} } asked();
is $phases[-1], 'output', 'the last window is the rest';
is scalar(grep { $_ ne 'output_partial' } @phases[ 0 .. $#phases - 1 ]), 0, 'those before are pieces';
is $r->{said}, $all, 'and all of it is there';
$r = chat('/chase', 'tell');
is $r->{said}, $all, 'the same where it is chased';
my $res = $t->post_json('/c/chat/completions', { model => 'm', messages => [ { role => 'user', content => 'hi' } ] });
is $res->{status}, 200, 'a whole answer';

$r = chat('/held', 'tell');
like $r->{said}, qr/s1d10 /, 'what stands before something bad is shown';
unlike $r->{said}, qr/s1d30/, 'the piece with it is not';
ok index($all, $r->{said}) == 0, 'and what is shown is as it was';
is $r->{code}, 'content_blocked', 'its client learns why it ends';
$r = chat('/chased', 'tell');
is $r->{code}, 'content_blocked', 'so it does where an answer is chased';
$r = chat('/replaced', 'tell');
is $r->{said}, $all =~ s/s1d30/[gone]/r, 'what is replaced goes on as it is then';
my $native = $t->sse('/passed/chat/completions', { model => "m", stream => JSON::PP::true, messages => [ { role => 'user', content => 'tell' } ] });
my $text = join '', map { $_->{data} // '' } $native->{events}->@*;
unlike $text, qr/s1d30/, 'where bytes pass none of what must not be seen does';

# ---- no thread waits, and no stream ----

my @waiting = map {
    my $c = $t->connect;
    $c->request('POST', '/wait', headers => { 'Content-Type' => 'application/json' },
        body => $JSON->encode({ messages => [ { role => 'user', content => "be-silent $_" } ] }));
    $c
} 1 .. 60;
my $asked = 0;
ChatTest::wait_for('sixty questions that wait', sub { ($asked += () = asked()) >= 60 });
is chat('/never', 'meanwhile')->{status}, 200, 'another is answered while sixty wait for a service';
$_->close for @waiting;

$t->stop;
done_testing;
