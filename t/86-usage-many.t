# SPDX-License-Identifier: Apache-2.0
#
# A thousand requests of every kind, many at once, some of which fail in every
# way: what is counted of them is what the providers bill, to the token and the
# 1e-10 dollar. Also while the server is killed.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest qw(wait_for);
use ChatTest::Bills qw(question bill add_bill rows LEAD);
use ChatTest::Chats qw(databases uuid);
use ChatTest::Upstream;
use JSON::PP;

my $WORKERS = 5;
my $EACH = ChatTest::fewer(200);
my $JSON = JSON::PP->new->utf8->canonical;
my $no = JSON::PP::false;

my $CONF = <<'END';
<ChatProvider sick>
    ChatProviderType openai
    ChatProviderURL "%%SICK%%"
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
ChatModel taken sick price-in=1 price-out=1 fallback=spare
<Location /on>
    ChatRoute stream
    ChatStore off
    ChatUsage on
</Location>
<Location /twice>
    ChatRoute stream
    ChatStore off
    ChatUsage on
    ChatRetry 1 unsafe=on
</Location>
<Location /cut>
    ChatRoute stream
    ChatStore off
    ChatUsage on
    ChatLimit cut 1000000/1h user unit=tokens cut=on
</Location>
<Location /batch>
    ChatRoute stream
    ChatStore off
    ChatUsage batch=1s
</Location>
<Location /pass>
    ChatRoute openai
    ChatUse openai
    ChatStore off
    ChatUsage batch=1s
</Location>
<Location /own>
    ChatRoute openai
    ChatUse openai
    ChatRequestFormat provider
    ChatStore off
    ChatUsage on
</Location>
<Location /sdk>
    ChatRoute completions
    ChatStore off
    ChatUsage batch=1s
</Location>
END

# Each kind: how it is asked, and what is billed: model, provider, tokens of output
# and, of input, from the cache.
my %KIND = (
    plain    => [ '/on',    { n => 7 },              {}, [ paid => openai => 7, 3 ] ],
    whole    => [ '/batch', { n => 4 }, { stream => $no }, [ paid => openai => 4, 3 ] ],
    gathered => [ '/batch', { n => 3, reason => 2 }, {}, [ paid => openai => 5, 3 ] ],
    passed   => [ '/pass',  { n => 6 },              {}, [ paid => openai => 6, 3 ] ],
    sdk      => [ '/sdk',   { n => 6 }, { stream => JSON::PP::true }, [ paid => openai => 6, 3 ] ],
    whole_sdk => [ '/sdk',  { n => 5 },              {}, [ paid => openai => 5, 3 ] ],
    taken    => [ '/on',    { n => 4 }, { model => 'taken' }, [ spare => other => 4, 3 ] ],
    refused  => [ '/pass',  { status => 429 },       {} ],
    failed   => [ '/on',    { status => 500 },       {} ],
    reset    => [ '/batch', { fault => 'rst-head' }, {} ],
    wrong    => [ '/on',    { n => 1 }, { temperature => 7 } ],
    broken   => [ '/on',    { n => 9, fault => 'close', after => LEAD + 5 }, {}, [ paid => openai => 5, 0 ] ],
    endless  => [ '/pass',  { n => 9, fault => 'noend', after => LEAD + 4 }, {}, [ paid => openai => 4, 0 ] ],
    left     => [ '/batch', { n => 9, fault => 'hang', after => LEAD + 6 }, { -abort_after => 7 }, [ paid => openai => 6, 0 ] ],
    passed_left => [ '/pass', { n => 9, fault => 'hang', after => LEAD + 3 }, { -abort_after => LEAD + 3 }, [ paid => openai => 3, 0 ] ],
    cut      => [ '/cut',   { n => 30, fault => 'hang', after => LEAD + 16 }, { maxOutputTokens => 16 }, [ paid => openai => 16, 0 ] ],
    twice    => [ '/twice', { n => 9, fault => 'close', after => LEAD + 2 }, { stream => $no },
        [ paid => openai => 2, 0 ], [ spare => other => 2, 0 ] ],
    own      => [ '/own',   { n => 2 }, { stream => $no }, [ paid => openai => 2, 3 ] ],
    kept     => [ 'kept',   { n => 3 },              {}, [ paid => openai => 3, 3 ] ],
);

sub ask ($t, $path, $user, $text, %o) {
    my %way = map { s/^-//r => delete $o{$_} } grep { /^-/ } keys %o;
    my $as = { Authorization => "Bearer $user" };
    if ($path eq 'kept') {
        my $id = $t->as($user, 'POST', 'conversations', json => {})->{json}{id};
        return $t->as($user, 'POST', "conversations/$id/messages", json => { content => $text, model => 'paid', %o });
    }
    my $said = $path eq '/own' ? { input => $text } : { messages => [ { role => 'user', content => $text } ] };
    return $t->sse($path, { model => 'paid', %$said, %o }, headers => $as, %way);
}

# In a process of its own: so many requests of kinds that follow each other in
# an order of its own, and their bills.
sub work ($t, $which, $file) {
    my @kinds = sort keys %KIND;
    my (%sums, %of);
    srand 7 * $which;
    for my $i (1 .. $EACH) {
        my $kind = $kinds[ rand @kinds ];
        my ($path, $mock, $more, @bills) = $KIND{$kind}->@*;
        my $user = (qw(ann bob eve))[ $i % 3 ];
        my $seed = 100 * ($i + 1000 * $which) + 60 + $i % 40;
        my $res = ask($t, $path, $user, question($seed, %$mock), %$more);
        $of{$kind}{ $res->{status} }++;
        for (@bills) {
            my ($model, $provider, @tokens) = @$_;
            add_bill(\%sums, "$user $model $provider", bill($model, $seed, @tokens));
        }
    }
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $JSON->encode({ sums => \%sums, of => \%of });
    close $fh or die "$file: $!\n";
    return;
}

# What all workers say; and what of it is wrong.
sub work_all ($t) {
    my (%sums, %of, @pids);
    for my $which (1 .. $WORKERS) {
        my $pid = fork // die "fork: $!\n";
        push @pids, $pid and next if $pid;
        $SIG{__DIE__} = 'DEFAULT';
        eval { work($t, $which, $t->dir . "/work.$which"); 1 } or print STDERR $@;
        require POSIX;
        POSIX::_exit(0);
    }
    waitpid $_, 0 for @pids;
    for my $which (1 .. $WORKERS) {
        my $said = $JSON->decode($t->slurp("work.$which"));
        for my $key (keys $said->{sums}->%*) {
            add_bill(\%sums, $key, $said->{sums}{$key});
        }
        for my $kind (keys $said->{of}->%*) {
            $of{$kind}{$_} += $said->{of}{$kind}{$_} for keys $said->{of}{$kind}->%*;
        }
    }
    return (\%sums, \%of);
}

for my $db (databases()) {
    my ($up, $other) = map { ChatTest::Upstream->new->start } 1, 2;
    my $conf = $CONF =~ s/%%SICK%%/$up->url(status => 500)/er;
    my $t = ChatTest::Chats->new(
        db => $db, upstream => $up, provider => "ChatProviderBreaker off\n", locations => { conversations => "ChatUsage on\n" },
        conf => ChatTest::Bills::conf($other) . $conf)->start;
    $t->allow_log(qr/CHAT0902/, qr/CHAT0803/);
    my ($sums, $of) = work_all($t);
    my $all = 0;
    $all += $_ for map { values %$_ } values %$of;
    is $all, $WORKERS * $EACH, "$db: all were asked";
    is scalar(keys %$of), scalar(keys %KIND), '... of every kind' if $EACH > 100;
    wait_for(sub { eq_hash(rows($t), $sums) }, "$db: what is counted is what was billed", 30)
        or is_deeply rows($t), $sums, '... exactly';
    my ($counted, $billed) = map { my $n = 0; $n += $_->[4] for values %$_; $n } rows($t), $sums;
    is $counted, $billed, "... to the 1e-10 dollar: $billed";
    note "$_: ", $JSON->encode($of->{$_}) for sort keys %$of;
    outage($t, $up, $sums) if $db eq 'pgsql';
    ok $t->stop, "$db: the server ends well";
}

# A database that is away is told when it is back.
sub outage ($t, $up, $sums) {
    $t->{pg}->stop;
    $t->allow_log(qr/CHAT02\d\d/, qr/CHAT03\d\d/, qr/CHAT0832/, qr/AH006\d\d/, qr/dbd/i);
    for my $seed (61 .. 64) {
        my $res = $t->sse('/on', { model => 'paid', messages => [ { role => 'user', content => question($seed, n => 2) } ] });
        is $res->{status}, 200, 'without a database a guest is answered';
        add_bill($sums, 'guest paid openai', bill('paid', $seed, 2));
    }
    $t->{pg}->start;
    wait_for(sub { eq_hash(eval { rows($t) } // {}, $sums) }, '... and counted, once, when it is back', 30)
        or is_deeply rows($t), $sums;
    return;
}

# What is gathered for an hour survives each process.
{
    my $up = ChatTest::Upstream->new->start;
    my $t = ChatTest::Chats->new(
        upstream => $up, conf => ChatTest::Bills::conf($up) . <<'END')->start;
<Location /batch>
    ChatRoute stream
    ChatStore off
    ChatUsage batch=1h
</Location>
END
    my $sums = {};
    $t->allow_log(qr/CHAT0902/, qr/AH00052/, qr/AH00546/, qr/AH\d+: .*(?:long lost child|scoreboard)/, qr/CHAT0838/, qr/AH00098/);
    my $some = sub ($from) {
        for my $seed ($from .. $from + 19) {
            my $res = ask($t, '/batch', 'ann', question($seed, n => 2));
            is $res->{status}, 200, "seed $seed is answered" if $res->{status} != 200;
            add_bill($sums, 'ann paid openai', bill('paid', $seed, 2));
        }
    };
    $some->(50);
    is_deeply rows($t), {}, 'what is gathered is not told yet';
    my @gone = $t->children;
    kill KILL => @gone;
    wait_for(sub { my %now = map { $_ => 1 } $t->children; %now && !grep { $now{$_} } @gone }, 'other children are there', 20);
    wait_for(sub { eq_hash(rows($t), $sums) }, 'what a killed child had gathered is counted', 20) or is_deeply rows($t), $sums;
    $some->(70);
    $t->kill;
    $t->launch;
    wait_for(sub { eq_hash(rows($t), $sums) }, 'and what a killed server had, when it is there again', 20) or is_deeply rows($t), $sums;
    ok $t->stop, 'the server ends well';
}
done_testing;
