# SPDX-License-Identifier: Apache-2.0
#
# Events of payment services, on both databases: the real stripe package signs
# what is accepted here and refuses what is refused, however the body is cut;
# each event counts once, in whatever order they come; and the tier counts with
# the next request, on every server. docs/payments.md.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex);
use IPC::Open2;
use JSON::PP;
use ChatTest;
use ChatTest::Chats;
use ChatTest::Snippets;

my $REAL = "$FindBin::Bin/real/stripe";
ChatTest::skip_or_fail("the stripe package is not installed: make deps") if !-d "$REAL/node_modules/stripe";

my ($SECRET, $OLD, $LEMON) = ('whsec_testSecret0123456789', 'whsec_theOneBefore012345', 'lemonSecret0123456789');
my $json = JSON::PP->new->canonical->utf8;
my $vectors = do { open my $fh, '<', "$FindBin::Bin/data/payments-vectors.json" or die $!; local $/; $json->decode(<$fh>) };
my $serial = 0;

# ---- the real package ----

my $node = open2(my $from, my $to, 'node', "$REAL/events.mjs");
END { close $to if $to; waitpid $node, 0 if $node }

sub real (%o) {
    utf8::decode($o{$_}) for grep { defined $o{$_} } qw(sign check);    # bytes, of which JSON makes bytes again
    print {$to} $json->encode(\%o), "\n";
    $to->flush;
    return $json->decode(scalar readline $from);
}

sub sign ($body, $secret = $SECRET, @at) {
    return real(sign => $body, secret => $secret, (@at ? (timestamp => $at[0]) : ()))->{header};
}

# ---- events ----

# One of a subscription. %o: id, user, customer, price, end (of what is paid),
# old 1: as before 2025-03-31; more: members of the event.
sub event ($type, $status, $created, %o) {
    my %item = (id => 'si_1', price => { id => $o{price} // 'price_pro', lookup_key => $o{lookup}, object => 'price' }, quantity => 1);
    my %object = (id => $o{id} // 'sub_1', object => 'subscription', customer => $o{customer} // 'cus_1', status => $status,
        metadata => { $o{user} ? (user_id => $o{user}) : () });
    my $end = $o{end} // time + 86400;
    ($o{old} ? \%object : \%item)->{current_period_end} = $end;
    $object{items} = { object => 'list', data => [ \%item ] };
    return $json->encode({ id => $o{event} // 'evt_' . ++$serial, object => 'event', created => $created, livemode => JSON::PP::true, pending_webhooks => 1,
        api_version => $o{old} ? '2024-06-20' : '2026-10-28.endive', type => "customer.subscription.$type",
        data => { object => \%object, ($o{before} ? (previous_attributes => { status => $o{before} }) : ()) }, ($o{more} // {})->%* });
}

sub checkout ($user, $customer, $created) {
    return $json->encode({ id => 'evt_' . ++$serial, object => 'event', created => $created, livemode => JSON::PP::true, type => 'checkout.session.completed',
        data => { object => { id => 'cs_1', object => 'checkout.session', mode => 'subscription', customer => $customer, client_reference_id => $user } } });
}

sub lemon ($status, $updated, %o) {
    return $json->encode({ meta => { event_name => 'subscription_updated', custom_data => { user_id => $o{user} // 'eve' } },
        data => { type => 'subscriptions', id => $o{id} // '17', attributes => { status => $status, variant_id => 62501, customer_id => 2,
            updated_at => $updated, renews_at => '2099-01-01T00:00:00.000000Z', ends_at => $o{ends}, test_mode => JSON::PP::false } } });
}

sub permute (@list) {
    return [] if !@list;
    return map { my $i = $_; my @rest = @list; my ($one) = splice @rest, $i, 1; map { [ $one, @$_ ] } permute(@rest) } 0 .. $#list;
}

# ---- the server ----

sub server ($db, $pg = undef) {
    my $t = ChatTest::Chats->new(db => $db, modules => ['socache_shmcb'], locations => { me => "ChatAuthTier database default=basic\nChatLimit x 1000/1h user\n" }, conf => <<"END");
ChatAuthCache 1h
ChatAuthTier database default=basic
<Location /api/v1/webhooks/stripe>
    ChatRoute webhook
    ChatStore off
    ChatAuth none
    ChatWebhook stripe
    ChatWebhookSecret file:stripe.secret
    ChatTierPrice price_standard standard
    ChatTierPrice lookup:pro_monthly pro
    ChatTierPrice price_pro pro
</Location>
<Location /api/v1/webhooks/rolled>
    ChatRoute webhook
    ChatWebhook stripe live=off grace=1d
    ChatWebhookSecret file:old.secret
    ChatWebhookSecret file:stripe.secret
    ChatTierPrice price_pro pro
</Location>
<Location /api/v1/webhooks/lemonsqueezy>
    ChatRoute webhook
    ChatWebhook lemonsqueezy
    ChatWebhookSecret file:lemon.secret
    ChatTierPrice variant:62501 standard
</Location>
<Location /api/v1/webhooks/nothing>
    ChatRoute webhook
</Location>
END
    $t->write_file('stripe.secret', "$SECRET\n", 0600);
    $t->write_file('old.secret', "$OLD\n", 0600);
    $t->write_file('lemon.secret', "$LEMON\n", 0600);
    if ($pg) {    # the other server's database
        my ($params) = $pg->params;
        $t->{conf} =~ s/^DBDParams .*/DBDParams "$params"/m;
    }
    return $t->start;
}

sub post ($t, $body, $header, $path = 'stripe', %o) {
    my $name = $path eq 'lemonsqueezy' ? 'X-Signature' : 'Stripe-Signature';
    return $t->request('POST', "/api/v1/webhooks/$path", body => $body,
        headers => { 'Content-Type' => 'application/json; charset=utf-8', (defined $header ? ($name => $header) : ()), ($o{headers} // {})->%* });
}

sub take ($t, $body) {
    my $res = post($t, $body, sign($body));
    return $res->{status} == 200 ? () : diag "$res->{status} $res->{body}";
}

sub tier ($t, $user) {
    return $t->as($user, 'GET', 'me')->{json}{tier};
}

# Bytes of a body as they are said, on one connection.
sub raw ($t, $body, $header, $size) {
    my $conn = $t->connect;
    my $chunked = $size > 0;
    $conn->send("POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nStripe-Signature: $header\r\n"
        . ($chunked ? "Transfer-Encoding: chunked\r\n\r\n" : 'Content-Length: ' . length($body) . "\r\n\r\n"));
    if ($chunked) {
        my @pieces = unpack "(a$size)*", $body;
        $conn->send(sprintf "%x\r\n%s\r\n", length $_, $_) for @pieces;
        $conn->send("0\r\n\r\n");
    }
    else {
        $conn->send($_) for split //, $body;
    }
    return $conn->response;
}

sub signatures ($t) {
    my $body = event(updated => 'active', 100, user => 'nobody', more => { note => "Z\x{fc}rich" });
    my $good = sign($body);

    like real(check => $body, header => $good, secret => $SECRET)->{ok}, qr/^evt_/, 'what the package signs it takes itself';
    for my $size (0, 1, 7, 100_000) {
        my $res = raw($t, $body, $good, $size);
        is $res->{status}, 200, 'and so does this server, ' . ($size ? "in chunks of $size" : 'byte by byte') or diag $res->{body};
        is $res->{body}, '{"received":true}', '... and says so';
    }
    my @wrong = (
        [ 'another secret', sign($body, $OLD) ], [ 'five minutes ago', sign($body, $SECRET, time - 302) ], [ 'none', undef ],
        [ 'another body', sign("$body ") ], [ 'in capitals', uc($good) =~ s/^T=/t=/r =~ s/V1/v1/r ], [ 'v0 alone', $good =~ s/v1/v0/r ],
    );
    for my $case (@wrong) {
        my ($name, $header) = @$case;
        ok real(check => $body, header => $header, secret => $SECRET)->{error}, "the package refuses: $name" if defined $header;
        my $res = post($t, $body, $header);
        is "$res->{status} $res->{json}{code}", '400 invalid_signature', "... and so does this server: $name";
    }
    is post($t, $body, sign($body, $SECRET, time + 600))->{status}, 200, 'a clock may be ahead, as the package has it';
    is post($t, $body, sign($body, $SECRET, time - 290))->{status}, 200, '... or a little late';
    is post($t, $body, sign($body, $OLD), 'rolled')->{status}, 200, 'while a secret is changed the old one fits';
    is post($t, $body, sign($body), 'rolled')->{status}, 200, '... and the new one';
    is post($t, $body, join(',', sign($body, $OLD, time - 10), $good =~ s/.*,//r))->{status} // '', 400, 'a signature of another time does not';

    # ---- and what is no event of ours ----
    my $big = 'x' x (256 * 1024 + 1);
    is post($t, $big, sign($big))->{status}, 413, 'more than 256 KiB';
    is post($t, 'no JSON', sign('no JSON'))->{json}{code}, 'invalid_event', 'signed, but no JSON';
    is post($t, $body, $good, 'stripe', headers => { 'Content-Encoding' => 'gzip' })->{status}, 415, 'packed';
    is $t->get('/api/v1/webhooks/stripe')->{status}, 405, 'only POST';
    is post($t, $body, $good, 'nothing')->{json}{code}, 'misconfigured', 'a route without ChatWebhook';
    for my $case ([ 'unknown type' => { type => 'invoice.paid' } ], [ 'a test' => { livemode => JSON::PP::false } ], [ 'another account' => { account => 'acct_1' } ],
        [ 'a thin one' => { object => 'v2.core.event' } ]) {
        my ($name, $more) = @$case;
        my $other = event(updated => 'active', 100, user => 'bob', more => $more);
        is post($t, $other, sign($other))->{status}, 200, "$name: 200";
        is tier($t, 'bob'), 'free', '... and nothing comes of it';
    }
    my $lemon = lemon('active', '2026-11-28T12:00:00Z', user => 'nobody', id => 1);
    is post($t, $lemon, hmac_sha256_hex($lemon, $LEMON), 'lemonsqueezy')->{status}, 200, 'one of Lemon Squeezy';
    is post($t, $lemon, uc hmac_sha256_hex($lemon, $LEMON), 'lemonsqueezy')->{status}, 200, '... whose digits may be capitals';
    is post($t, $lemon, $_, 'lemonsqueezy')->{status}, 400, '... and nothing else: ' . ($_ // 'none')
        for hmac_sha256_hex($lemon, 'x'), 'sha256=' . hmac_sha256_hex($lemon, $LEMON), '', undef;
    return;
}

sub orders ($t) {
    my $n = 0;
    for my $end ([ 'canceled', 'basic' ], [ 'active', 'pro' ]) {
        my ($status, $want) = @$end;
        for my $order (permute(0 .. 3)) {
            my ($user, $sub, $customer) = map { "$_-" . $n } qw(user sub cus);
            $n++;
            my @events = (
                checkout($user, $customer, 100),
                event(created => 'incomplete', 100, id => $sub, customer => $customer),
                event(updated => 'active', 100, id => $sub, customer => $customer, before => 'incomplete'),
                event($status eq 'canceled' ? 'deleted' : 'updated', $status, 200, id => $sub, customer => $customer),
            );
            take($t, $_) for @events[@$order];
            take($t, $_) for @events[ reverse @$order ];    # all of them twice
            is $t->sql("select tier || ' ' || status from chat_tier where user_id = '$user'"), "$want $status", "$status: order @$order";
        }
    }
    return;
}

sub tiers ($t, $other) {
    is tier($t, 'ann'), 'free', 'who does not pay has the tier of the session';
    is tier($t, 'eve'), 'basic', '... or the default';
    take($t, event(updated => 'active', 1000, user => 'ann', id => 'sub_a', customer => 'cus_a'));
    is tier($t, 'ann'), 'pro', 'who pays has another with the next request, though sessions are remembered for an hour';
    is tier($other, 'ann'), 'pro', '... on every server' if $other;
    is tier($t, 'bob'), 'free', '... and nobody else has';
    my $same = event(updated => 'canceled', 1500, id => 'sub_a', event => 'evt_same');
    take($t, event(updated => 'active', 1200, id => 'sub_a', price => 'price_standard', event => 'evt_same'));
    is tier($t, 'ann'), 'standard', 'another price is another tier';
    take($t, $same);
    is tier($t, 'ann'), 'standard', 'an event with an id that was taken changes nothing';
    take($t, event(deleted => 'canceled', 2000, id => 'sub_a'));
    is tier($t, 'ann'), 'basic', 'the end is one';
    is tier($other, 'ann'), 'basic', '... on every server' if $other;
    take($t, event(updated => 'active', 1500, id => 'sub_a'));
    take($t, event(updated => 'active', 2000, id => 'sub_a'));
    is tier($t, 'ann'), 'basic', 'what is late, or of the same second, changes nothing';
    take($t, event(updated => 'active', 3000, id => 'sub_a', price => 'price_x', lookup => 'pro_monthly'));
    is tier($t, 'ann'), 'pro', 'what is newer does; by its lookup key';
    take($t, event(updated => 'active', 3100, id => 'sub_a', price => 'price_of_nobody'));
    is tier($t, 'ann'), 'pro', 'a price that nobody knows leaves the tier as it is';

    # ---- several, and who may overwrite what ----
    take($t, event(updated => 'active', 100, user => 'ann', id => 'sub_b', price => 'price_standard'));
    is tier($t, 'ann'), 'pro', 'the best of two subscriptions counts';
    $t->sql("update $_ set valid_until = 1 where tier = 'pro' and user_id = 'ann'") for qw(chat_tier chat_subscription);
    is tier($t, 'ann'), 'standard', '... until it is over, whether an event tells of that or not';
    $t->sql("update $_ set valid_until = 99999999999999 where tier = 'pro' and user_id = 'ann'") for qw(chat_tier chat_subscription);
    take($t, event(deleted => 'canceled', 4000, id => 'sub_a'));
    is tier($t, 'ann'), 'standard', '... and the other one when that has ended';
    $t->sql(q{update chat_tier set source = 'admin', tier = 'gold' where user_id = 'ann'});
    take($t, event(updated => 'active', 5000, id => 'sub_b', price => 'price_pro'));
    is tier($t, 'ann'), 'gold', 'what an administrator has written no event overwrites';

    # ---- versions of the API, and what has an end ----
    my $past = time - 30 * 86400;
    for my $old (0, 1) {
        take($t, event(updated => 'active', 100 + 20 * $old, user => 'bob', id => 'sub_c', end => time + 60, old => $old));
        is tier($t, 'bob'), 'pro', "current_period_end " . ($old ? 'of the subscription' : 'of the item') . ', to come';
        take($t, event(updated => 'active', 110 + 20 * $old, id => 'sub_c', end => $past, old => $old));
        is tier($t, 'bob'), 'basic', '... and past: a lost event gives nothing for ever';
    }
    take($t, event(updated => 'past_due', time, id => 'sub_c'));
    is tier($t, 'bob'), 'pro', 'while a payment fails there is a time of grace';
    take($t, event(updated => 'past_due', time - 8 * 86400, id => 'sub_d', user => 'bob'));
    take($t, event(deleted => 'canceled', time + 1, id => 'sub_c'));
    take($t, event(updated => 'past_due', time, id => 'sub_d'));
    is tier($t, 'bob'), 'basic', '... which another try to be paid makes no longer';

    # ---- Lemon Squeezy ----
    my $lemon = sub (@event) {
        my $body = lemon(@event);
        is post($t, $body, hmac_sha256_hex($body, $LEMON), 'lemonsqueezy')->{status}, 200, "an event of Lemon Squeezy: $event[0]";
    };
    $lemon->('active', '2026-11-28T12:00:00.000001Z');
    is tier($t, 'eve'), 'standard', '... which is another tier';
    $lemon->('cancelled', '2026-11-29T12:00:00Z', ends => '2099-01-01T00:00:00Z');
    is tier($t, 'eve'), 'standard', 'what is cancelled goes on until it ends';
    $lemon->('expired', '2026-11-28T13:00:00Z');
    is tier($t, 'eve'), 'standard', '... and what is late changes nothing';
    $lemon->('expired', '2026-11-30T12:00:00Z');
    is tier($t, 'eve'), 'basic', '... until it has expired';
    return;
}

sub run ($db) {
    my $t = server($db);
    my $other = $t->{pg} ? server($db, $t->{pg}) : undef;
    $t->expect_log(qr/CHAT0(?:887|888|890): /);
    signatures($t);
    tiers($t, $other);
    $other->stop if $other;
    orders($t);
    my $log = $t->error_log;
    like $log, qr/CHAT0888: an event of stripe is refused: the signature is 30\d seconds old, by this clock/, 'the log says why one was refused';
    like $log, qr/CHAT0890: stripe event evt_\d+: no ChatTierPrice has price_of_nobody/, '... and which price is nobody\'s';
    unlike $log, qr/\Q$SECRET\E|\Q$LEMON\E|Z\x{fc}rich/, '... and has no secret and no body';
    is $t->as('ann', 'DELETE', 'me?confirm=all')->{status}, 200, 'who goes';
    is $t->sql(q{select (select count(*) from chat_tier where user_id = 'ann') + (select count(*) from chat_subscription where user_id = 'ann')
        + (select count(*) from chat_customer where user_id = 'ann')}), 0, '... leaves nothing of what was paid';
    return away($t);
}

# A database that is away is no reason to lose an event.
sub away ($t) {
    if (!$t->{pg}) { $t->stop; return }
    my $body = event(updated => 'active', 100, user => 'bob', id => 'sub_e');
    $t->allow_log(qr/./);
    $t->{pg}->kill;
    my $res = post($t, $body, sign($body));
    is $res->{status}, 503, 'while the database is away: 503';
    is $t->as('bob', 'GET', 'me')->{status}, 503, '... and nobody has a tier that is not known';
    $t->{pg}->start;
    ChatTest::wait_for('the event to be taken', sub { post($t, $body, sign($body))->{status} == 200 });
    is tier($t, 'bob'), 'pro', 'sent again it counts';
    $t->stop;
    return;
}

run($_) for ChatTest::Chats::databases();

# ---- configuration ----

my $t = ChatTest->new(modules => ['dbd']);
for my $case (
    [ "ChatWebhook paypal\n", qr/ChatWebhook does not accept "paypal": write stripe or lemonsqueezy/ ],
    [ "ChatWebhook stripe live=maybe\n", qr/ChatWebhook live/ ],
    [ "ChatWebhookSecret whsec_inline\n", qr/takes no secret in the configuration/ ],
    [ "ChatTierPrice plan:x pro\n", qr/ChatTierPrice does not accept "plan:x"/ ],
    [ "ChatTierPrice lookup: pro\n", qr/ChatTierPrice does not accept "lookup:"/ ],
    [ "ChatTierPrice price_x \"a b\"\n", qr/ChatTierPrice does not accept "a b"/ ],
    [ "ChatAuthTier memory\n", qr/ChatAuthTier does not accept "memory": write session or database/ ],
) {
    my ($conf, $want) = @$case;
    my ($ok, $said) = $t->configtest($conf);
    ok !$ok, 'refused: ' . ($conf =~ s/\n//r);
    like $said, $want, '... in a sentence';
}


# ---- docs/payments.md, as it is printed ----

my $etc = $t->dir . '/chat';
mkdir $etc or die $!;
$t->write_file("chat/$_.secret", "$SECRET\n", 0600) for qw(stripe lemonsqueezy);
open my $fh, '<', "$FindBin::Bin/../docs/payments.md" or die $!;
my @blocks = map { $_->{text} =~ s{/etc/apache2/chat}{$etc}gr } ChatTest::Snippets::of('docs/payments.md', do { local $/; <$fh> });
is scalar @blocks, 2, 'the page has two configurations';
is +($t->configtest("DBDriver pgsql\nDBDParams x\n$_"))[1], "Syntax OK\n", '... each as it is printed' for @blocks;

done_testing;
