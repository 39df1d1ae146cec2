# SPDX-License-Identifier: Apache-2.0
#
# What users use is in the database, once, by whom it was really asked for: with
# each answer, with an answer that is kept, or gathered; on both databases. And
# the route that shows it to them.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Bills qw(question input bill add_bill rows LEAD);
use ChatTest::Chats qw(databases uuid);
use ChatTest::Upstream;
use JSON::PP;
use POSIX qw(strftime);

my $LOCATIONS = <<'END';
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
<Location /batch>
    ChatRoute stream
    ChatStore off
    ChatUsage batch=1s
</Location>
<Location /pass>
    ChatRoute openai
    ChatUse openai
    ChatStore off
    ChatUsage on
</Location>
<Location /own>
    ChatRoute openai
    ChatUse openai
    ChatRequestFormat provider
    ChatStore off
    ChatUsage on
</Location>
<Location /off>
    ChatRoute stream
    ChatStore off
</Location>
<Location /api/v1/usage>
    ChatRoute usage
    ChatStore off
    ChatLimit month 5.00/1mo user unit=cost
    ChatLimit day 1000/1d user unit=tokens model=paid
    ChatLimit often 1000/1h user
</Location>
<VirtualHost 127.0.0.2:8099>
    ServerName one.test:80
</VirtualHost>
<VirtualHost 127.0.0.2:8099>
    ServerName two.test:80
</VirtualHost>
END

for my $db (databases()) {
    my ($up, $other) = map { ChatTest::Upstream->new->start } 1, 2;
    my $t = ChatTest::Chats->new(
        db => $db, upstream => $up, locations => { conversations => "ChatUsage on\n" },
        conf => ChatTest::Bills::conf($other) . $LOCATIONS)->start;
    $t->allow_log(qr/CHAT0902/, qr/CHAT0803/);
    my $sums = {};
    counted($t, $db, $sums);
    kept($t, $db, $sums);
    gathered($t, $db, $sums);
    shown($t, $db, $sums);
    forgotten($t, $db, $sums);
    ok $t->stop, "$db: the server ends well";
}
done_testing;

sub ask ($t, $path, $user, $seed, $mock, %o) {
    my %more = (model => delete $o{model} // 'paid', exists $o{stream} ? (stream => delete $o{stream}) : ());
    return $t->sse($path, { messages => [ { role => 'user', content => question($seed, %$mock) } ], %more },
        headers => length $user ? { Authorization => "Bearer $user" } : {}, %o);
}

# In whatever way it ends.
sub counted ($t, $db, $sums) {
    my $no = JSON::PP::false;
    my @table = (
        # name, path, seed, mock, how it is asked; who bills, for how much
        [ 'an answer', '/on', 50, { n => 7 }, {}, [ paid => openai => 50, 7 ] ],
        [ 'a whole one', '/on', 51, { n => 3 }, { stream => $no }, [ paid => openai => 51, 3 ] ],
        [ 'thoughts', '/on', 52, { n => 2, reason => 4 }, {}, [ paid => openai => 52, 6 ] ],
        [ 'bytes that pass', '/pass', 53, { n => 6 }, {}, [ paid => openai => 53, 6 ] ],
        [ 'a model without a price', '/on', 54, { n => 5 }, { model => 'free' }, [ free => openai => 54, 5 ] ],
        [ 'a refusal', '/pass', 60, { status => 500 }, {} ],
        [ 'one that is taken over', '/on', 61, { n => 4, badkey => 'x' }, { model => 'spare' }, [ spare => other => 61, 4 ] ],
        [ 'one that broke off', '/on', 90, { n => 9, fault => 'close', after => LEAD + 5 }, {}, [ paid => openai => 90, 5, 0 ] ],
        [ 'bytes that broke off', '/pass', 91, { n => 9, fault => 'close', after => LEAD + 5 }, {}, [ paid => openai => 91, 5, 0 ] ],
        [ 'one that was left', '/on', 92, { n => 9, fault => 'hang', after => LEAD + 6 }, { abort_after => 7 }, [ paid => openai => 92, 6, 0 ] ],
        [ 'bytes that were left', '/pass', 93, { n => 9, fault => 'hang', after => LEAD + 6 }, { abort_after => LEAD + 6 }, [ paid => openai => 93, 6, 0 ] ],
        [ 'two calls', '/twice', 94, { n => 9, fault => 'close', after => LEAD + 5 }, { stream => $no },
            [ paid => openai => 94, 5, 0 ], [ spare => other => 94, 5, 0 ] ],
        [ 'a question of another', '/off', 55, { n => 7 }, {} ],
    );
    for my $case (@table) {
        my ($name, $path, $seed, $mock, $o, @bills) = @$case;
        ask($t, $path, 'ann', $seed, $mock, %$o);
        for (@bills) {
            my ($model, $provider, @tokens) = @$_;
            add_bill($sums, "ann $model $provider", bill($model, @tokens));
        }
        wait_for(sub { eq_hash(rows($t), $sums) }, "$db: $name is counted", 10);
    }
    ask($t, '/on', '', 57, { n => 2 });
    add_bill($sums, 'guest paid openai', bill('paid', 57, 2));
    is_deeply rows($t), $sums, "$db: guests are counted together";
    ask($t, '/on', 'bob', 58, { n => 2 });
    add_bill($sums, 'bob paid openai', bill('paid', 58, 2));
    $t->request('POST', '/own', json => { model => 'paid', input => question(59, n => 3), stream => JSON::PP::false }, headers => { Authorization => 'Bearer bob' });
    add_bill($sums, 'bob paid openai', bill('paid', 59, 3));
    wait_for(sub { eq_hash(rows($t), $sums) }, "$db: and those who ask in the provider's own words", 10);
    return;
}

# With an answer in its transaction.
sub kept ($t, $db, $sums) {
    my $id = uuid();
    $t->as('ann', 'POST', 'conversations', json => { id => $id, model => 'paid' });
    my $res = $t->as('ann', 'POST', "conversations/$id/messages", json => { content => question(70, n => 8) });
    is $res->{status}, 200, "$db: a conversation";
    my $m = $t->as('ann', 'GET', "conversations/$id/messages")->{json}{data}[-1];
    my $bill = bill('paid', $m->{usage}{inputTokens} - 10, 8);
    is sprintf('%.0f', $m->{usage}{costUsd} * 1e10), $bill->[4], '... whose answer has its cost, tokens out of the cache at their price';
    add_bill($sums, 'ann paid openai', $bill);
    is_deeply rows($t), $sums, '... is counted with its answer';
    return;
}

# In a file, and then at once. A file that comes back is not counted again.
sub gathered ($t, $db, $sums) {
    my $dir = $t->dir . '/spool/unsaved';
    for my $seed (71 .. 75) {
        ask($t, '/batch', 'ann', $seed, { n => 5 });
        add_bill($sums, 'ann paid openai', bill('paid', $seed, 5));
    }
    wait_for(sub { eq_hash(rows($t), $sums) }, "$db: what was gathered is counted", 15);
    my $line = JSON::PP->new->canonical->encode({ user => 'x:bob', day => '2026-02-03', model => 'm', provider => 'p', ownKey => 0,
        requests => 2, inputTokens => 3, outputTokens => 4, cachedTokens => 1, cost => 5 });
    my $file = "$dir/" . uuid() . '.usage';
    for my $round (1, 2) {
        $t->write_file('new.usage', "$line\nno JSON\n" . ($line =~ s/"requests":2/"requests":-2/r) . "\n$line", 0666);
        rename $t->dir . '/new.usage', $file or die "$file: $!\n";
        wait_for(sub { !-e $file }, "$db: a file is told, round $round", 15);
        is_deeply rows($t)->{'bob m p'}, [ 4, 6, 8, 2, 10 ], '... once';
    }
    $t->expect_log(qr/CHAT0878: \S+ has a line that is no usage/);

    # Of two servers, which have one database here.
    $t->write_file('new.usage', join("\n", map { $line =~ s/\}\z/,"server":"$_:80"}/r } qw(one.test two.test one.test)) . "\n", 0666);
    rename $t->dir . '/new.usage', $file = "$dir/" . uuid() . '.usage' or die "$file: $!\n";
    wait_for(sub { !-e $file }, "$db: a file of two servers is told", 15);
    is_deeply rows($t)->{'bob m p'}, [ 10, 15, 20, 5, 25 ], '... that of both';
    $t->sql("delete from chat_usage where model = 'm'");

    # An answer that waited for the database, and is deleted when it is back.
    $t->expect_log(qr/CHAT0834: the database has taken the answer/);
    my $answer = JSON::PP->new->canonical->encode({ answer => uuid(), stream => uuid(), status => 0, parts => '[]', text => '', inputTokens => 3,
        outputTokens => 4, cost => 5, lastEvent => 1, usage => [ JSON::PP->new->decode($line) ] });
    for my $round (1, 2) {
        $t->write_file('new.unsaved', $answer, 0666);
        rename $t->dir . '/new.unsaved', $file = "$dir/" . uuid() . '.unsaved' or die "$file: $!\n";
        wait_for(sub { !-e $file }, "$db: it is told, round $round", 15);
        is_deeply rows($t)->{'bob m p'}, [ 2, 3, 4, 1, 5 ], '... and is billed all the same, once';
    }
    $t->sql("delete from chat_usage where model = 'm'");
    return;
}

sub shown ($t, $db, $sums) {
    my $today = strftime '%Y-%m-%d', gmtime;
    my $get = sub ($user, $query = '', %o) { $t->as($user, 'GET', "usage$query", %o) };
    my $res = $get->('ann');
    is $res->{status}, 200, "$db: the route";
    my @rows = map { [ @$_{qw(requests inputTokens outputTokens cachedTokens)}, sprintf '%.0f', $_->{costUsd} * 1e10 ] } $res->{json}{data}->@*;
    is_deeply [ map { "$_->{day} $_->{model} $_->{provider} " . ($_->{ownKey} ? 'own' : '') } $res->{json}{data}->@* ],
        [ "$today free openai ", "$today paid openai ", "$today spare other " ], '... has a row for each day, model and provider';
    is_deeply \@rows, [ map { $sums->{"ann $_"} } 'free openai', 'paid openai', 'spare other' ], '... with their counts, exactly';
    like $res->{body}, qr/"costUsd":\d+\.\d{10}\b/, '... and ten decimals';
    my $total = 0;
    $total += $_->[4] for @rows;
    is sprintf('%.0f', $res->{json}{totals}{costUsd} * 1e10), $total, '... and their sum';
    my %limits = map { $_->{name} => $_ } $res->{json}{limits}->@*;
    is_deeply [ map { @{ $limits{$_} }{qw(unit limit remaining)} } qw(month day) ], [ 'usd', 5, 5, 'tokens', 1000, 1000 ], '... and the limits, untouched';
    like $limits{month}{resetAt}, qr/^\d{4}-\d\d-01T00:00:00\.000Z$/, '... a month ends with its last day';
    is $limits{day}{model}, 'paid', '... of one model';
    is $limits{often}{remaining}, 999, '... and what this request took';

    is_deeply [ map { $_->{model} } $get->('bob')->{json}{data}->@* ], ['paid'], 'nobody sees the rows of others';
    is $get->('')->{status}, 401, 'a guest has none';
    my $csv = $get->('ann', '?format=csv');
    like $csv->{headers}{'content-type'}, qr{^text/csv}, 'as CSV';
    my $cost = sub ($e10) { sprintf '%d.%010d', $e10 / 1e10, $e10 % 1e10 };
    my @paid = $sums->{'ann paid openai'}->@*;
    like $csv->{body}, qr/^\Q$today,"paid","openai",false,@{[ join ',', @paid[0 .. 3] ]},@{[ $cost->($paid[4]) ]}\E\r$/m, '... the same';
    is scalar(() = $csv->{body} =~ /\r\n/g), 4, '... with a head';
    is_deeply [ map { join ' ', sort keys %$_ } $get->('ann', '?groupBy=day')->{json}{data}->@* ],
        ['cachedTokens costUsd day inputTokens outputTokens requests'], 'by day alone';
    is_deeply [ map { $_->{model} } $get->('ann', '?groupBy=model,day')->{json}{data}->@* ], [qw(free paid spare)], 'by model';
    is_deeply $get->('ann', '?from=2025-01-01&to=2025-12-31')->{json}{data}, [], 'of other days';
    is_deeply $get->('ann', "?from=$today&to=$today&groupBy=")->{json}{data}[0]{requests}, $res->{json}{totals}{requests}, 'of one day, by nothing';
    for my $bad ('?from=2026-02-29', '?to=x', '?from=2026-11-2', '?from=2026-02-02&to=2026-02-01', '?from=2025-01-01&to=2026-01-02',
        '?groupBy=user', '?format=xml', '?from=2026-01-01&from=2026-01-02') {
        my $no = $get->('ann', $bad);
        is "$no->{status} $no->{json}{code}", '400 invalid_request', "$bad is refused";
    }
    is $get->('ann', '?from=2024-02-29&to=2024-02-29')->{status}, 200, 'a leap day is one';
    my ($tag) = $csv->{headers}{etag};
    like $tag, qr/^"[0-9a-f]{32}"$/, 'an answer has a tag';
    my $again = $get->('ann', '?format=csv', headers => { 'If-None-Match' => $tag });
    is $again->{status}, 304, '... and is not sent again';
    is $t->as('ann', 'POST', 'usage', json => {})->{status}, 405, 'it is read alone';
    return;
}

# Who is forgotten has used nothing; what was used stays.
sub forgotten ($t, $db, $sums) {
    my $sum = sub { $t->sql('select sum(requests), sum(cost_e10) from chat_usage') };
    my $before = $sum->();
    is $t->as('ann', 'DELETE', 'me?confirm=all')->{status}, 200, "$db: a user goes";
    is $t->sql("select count(*) from chat_usage where user_id like '%ann'"), 0, '... and no row has the name';
    is $sum->(), $before, '... but the money stays countable';
    return;
}
