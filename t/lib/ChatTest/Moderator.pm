# SPDX-License-Identifier: Apache-2.0
#
# A service of moderation that does what a word in a text tells it to, in every
# form that ChatModerationURL knows:
#
#   my $service = ChatTest::Moderator->start;
#   ChatModerationURL guard ${\$service->url}
#
#   bad odd secret      blocked; flagged; replaced by *
#   grey                a score of 0.4
#   be-silent be-huge be-no-json be-unknown be-short be-elsewhere be-early
#   be-dripping be-broken    what is no answer
#   be-slow             passes, after a fifth of a second
#
# A path can say more: /block/WORD blocks what has this word, however it is
# hidden, /replace/WORD takes it out, /delay/MS answers so much later, /broken is
# 500. What it was asked since it was looked at last is asked(): [head, body,
# number of the connection], ...
package ChatTest::Moderator;

use v5.36;
use ChatTest::Script;
use File::Temp ();
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(time);

my $JSON = JSON::PP->new->utf8->canonical;
my $TRUE = JSON::PP::true;
my $FALSE = JSON::PP::false;

sub start ($class) {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128, ReuseAddr => 1) or die "no port: $!\n";
    my $file = File::Temp->new;
    open my $tell, '>>:raw', "$file" or die $!;
    open my $seen, '<:raw', "$file" or die $!;
    $tell->autoflush(1);
    my $self = bless { port => $listen->sockport, file => $file, seen => $seen, text => '', owner => $$ }, $class;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        ChatTest::Script::close_others($listen, $tell);
        _serve($listen, $tell);
        POSIX::_exit(0);
    }
    return $self;
}

sub url ($self, $path = '/v1/check') { return "http://127.0.0.1:$self->{port}$path" }

sub asked ($self) {
    while (sysread $self->{seen}, $self->{text}, 65536, length $self->{text}) { }
    my ($whole, $rest) = $self->{text} =~ /\A(.*\n|)(.*)\z/s;
    $self->{text} = $rest;
    return map { my ($number, $head, $body) = /\A(\d+) (.*?)\\n\\n(.*)/s; [ $head =~ s/\\n/\n/gr, $JSON->decode($body), $number ] } split /\n/, $whole;
}

sub stop ($self) {
    my $pid = delete $self->{pid} // return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->stop if $self->{owner} == $$;
}

# ---- its process ----

sub _http ($status, $body, %more) {
    return "HTTP/1.1 $status X\r\nContent-Type: application/json\r\nContent-Length: " . length($body)
        . join('', map { "\r\n$_: $more{$_}" } keys %more) . "\r\n\r\n$body";
}

sub _says (%answer) { return _http(200, $JSON->encode(\%answer)) }

# Lower case, without what nobody sees, and no forms of full width.
sub _plain ($text) {
    return lc($text) =~ s/[\x{200b}-\x{200d}\x{ad}\x{fe0f}\x{feff}\x{2060}\x{e0041}]//gr
        =~ s/([\x{ff01}-\x{ff5e}])/lc chr(ord($1) - 0xfee0)/ger;
}

# Bytes, or undef for silence; the word close behind them, or "drip".
sub _answer ($path, $q) {
    my @texts = $q->{texts} ? map { $_->{content} } $q->{texts}->@* : $q->{input} ? $q->{input}->@* : map { $_->{content} } ($q->{messages} // [])->@*;
    my $all = join ' ', @texts;
    my ($do, $word) = $path =~ m{^/(block|replace)/(\w+)} ? ($1, $2) : ('', '');
    return _says(action => 'block', category => 'violence') if $do eq 'block' && _plain($all) =~ /$word/;
    return _says(action => 'replace', texts => [ map { s/$word/[gone]/r } @texts ]) if $do eq 'replace' && $all =~ /$word/;
    my ($how) = $path eq '/broken' ? 'broken' : $all =~ /be-(\w[\w-]*)/ ? $1 : '';
    return                                          if $how eq 'silent';
    return _http(200, '{"action":"pass"}' . ' ' x 5_000_000) if $how eq 'huge';
    return _http(200, 'safe, honestly')             if $how eq 'no-json';
    return _says(action => 'allow')                 if $how eq 'unknown';
    return _says(action => 'replace', texts => [])  if $how eq 'short';
    return _http(302, '', Location => '/elsewhere') if $how eq 'elsewhere';
    return _http(500, '{"action":"pass"}')          if $how eq 'broken';
    return (substr(_says(action => 'pass'), 0, -4), 'close') if $how eq 'early';
    return ("HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n", 'drip') if $how eq 'dripping';
    return _says(results => [ map { my $bad = /bad/ ? $TRUE : $FALSE;
        { flagged => $bad, categories => { violence => $bad, hate => $FALSE },
          category_scores => { violence => /bad/ ? 0.9 : /grey/ ? 0.4 : 0.01, hate => 0.02 } } } @texts ]) if $q->{input};
    return _says(choices => [ { message => { content => $all =~ /bad/ ? "\n\nunsafe\nS1,S10" : 'safe' } } ]) if $q->{messages};
    return _says(action => 'block', category => 'violence', reason => 'It is bad.') if $all =~ /\bbad/;
    return _says(action => 'flag', category => 'odd') if $all =~ /\bodd/;
    return _says(action => 'replace', texts => [ map { { role => 'x', content => s/secret/*/gr } } @texts ]) if $all =~ /secret/;
    return _says(action => 'pass');
}

sub _delay ($path, $q) {
    return $1 / 1000 if $path =~ m{^/delay/(\d+)};
    return ($q->{texts}[0]{content} // '') =~ /be-slow/ ? 0.2 : 0;
}

# One request whose bytes are there, or undef.
sub _take ($c) {
    return if $c->{text} !~ /\A(.*?)\r\n\r\n/s;
    my $head = $1;
    my ($len) = $head =~ /content-length: (\d+)/i ? $1 : 0;
    return if length $c->{text} < length($head) + 4 + $len;
    my $all = substr $c->{text}, 0, length($head) + 4 + $len, '';
    return ($head, substr $all, -$len);
}

sub _write ($c, $bytes) {
    $c->{fh}->blocking(1);
    while (length $bytes) {
        my $n = syswrite($c->{fh}, $bytes) or last;
        substr $bytes, 0, $n, '';
    }
}

sub _respond ($c, $head, $body) {
    my ($path) = $head =~ m{^POST (\S+)};
    my $q = eval { $JSON->decode($body) } // {};
    my ($bytes, $then) = _answer($path, $q);
    return if !defined $bytes;
    $c->{due} = [ time + _delay($path, $q), $bytes, $then // '' ];
}

sub _serve ($listen, $tell) {
    my %at;    # descriptor => { fh, text, number, due, drips }
    my $connections = 0;
    my $sel = IO::Select->new($listen);
    local $SIG{PIPE} = 'IGNORE';
    my $forget = sub ($c) { $sel->remove($c->{fh}); delete $at{ fileno $c->{fh} }; close $c->{fh} };
    while (1) {
        my $soon = grep { $_->{due} || $_->{drips} } values %at;
        for my $fh ($sel->can_read($soon ? 0.005 : undef)) {
            if ($fh == $listen) {
                my $new = $listen->accept or next;
                $at{ fileno $new } = { fh => $new, text => '', number => ++$connections };
                $sel->add($new);
                next;
            }
            my $c = $at{ fileno $fh };
            if (!sysread $fh, $c->{text}, 65536, length $c->{text}) { $forget->($c); next }
            my ($head, $body) = _take($c) or next;
            print {$tell} "$c->{number} " . ("$head\n\n$body" =~ s{\n}{\\n}gr =~ s{\r}{}gr) . "\n";
            _respond($c, $head, $body);
        }
        for my $c (values %at) {
            _write($c, ' ') if $c->{drips};
            next if !$c->{due} || $c->{due}[0] > time;
            my (undef, $bytes, $then) = (delete $c->{due})->@*;
            _write($c, $bytes);
            $c->{drips} = 1  if $then eq 'drip';
            $forget->($c) if $then eq 'close';
        }
    }
}

1;
