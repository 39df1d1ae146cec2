# SPDX-License-Identifier: Apache-2.0
#
# Questions of which it is known what the mock bills for them, in whatever way
# their answers end, and the rows of chat_usage that must come of it. The
# documentation is at the end.
package ChatTest::Bills;

use v5.36;
use Exporter 'import';
use JSON::PP;

our @EXPORT_OK = qw(question input bill add_bill rows conf %PRICE LEAD);

# Events of the Responses API before the first piece of text.
use constant LEAD => 4;

# 1e-10 USD for a token: in, out, out of the cache.
our %PRICE = (paid => [ 25_000, 100_000, 12_500 ], spare => [ 1_500, 6_000, 1_500 ], free => [ 0, 0, 0 ]);

sub conf ($other) {
    return <<"END";
<ChatProvider other>
    ChatProviderType openai
    ChatProviderURL @{[ $other->url ]}
    ChatProviderKey env:CHAT_CANARY_KEY
    ChatProviderBreaker off
</ChatProvider>
ChatModel paid openai price-in=2.50 price-out=10 price-cached=1.25 fallback=spare
ChatModel spare other price-in=0.15 price-out=0.60
ChatModel free openai
END
}

sub input ($seed) { return 10 + $seed % 100 }

# A piece of the answer is a token, and the question is as long as its tokens
# are reckoned where the mock does not get to say it.
sub question ($seed, %mock) {
    my $script = join ';', "seed=$seed", 'size=4', map { "$_=$mock{$_}" } sort keys %mock;
    my $text = "mock($script) ";
    my $len = 4 * (input($seed) - 4);
    die "the seed $seed is too small for $script\n" if length $text > $len;
    return $text . 'x' x ($len - length $text);
}

# tokens of output; cached: of input, 3 where the mock gets to say it.
sub bill ($model, $seed, $output, $cached = 3) {
    my ($in, $out, $of_cache) = $PRICE{$model}->@*;
    return [ 1, input($seed), $output, $cached, (input($seed) - $cached) * $in + $cached * $of_cache + $output * $out ];
}

sub add_bill ($sums, $key, $bill) {
    $sums->{$key}[$_] += $bill->[$_] for 0 .. $#$bill;
    return;
}

# { "user model provider" => [ requests, input, output, cached, cost ] }
sub rows ($t) {
    my %rows;
    for (split /\n/, $t->sql('select user_id, model, provider, requests, input_tokens, output_tokens, cached_tokens, cost_e10 from chat_usage')) {
        my ($user, $model, $provider, @counts) = split /\|/;
        add_bill(\%rows, $user =~ s/.*://r . " $model $provider", [ map { $_ + 0 } @counts ]);
    }
    return \%rows;
}

1;

__END__

=head1 NAME

ChatTest::Bills - what a mock bills, and what is counted of it

=head1 SYNOPSIS

    my %sums;
    $t->sse('/x', { messages => [ { role => 'user', content => question(50, n => 7) } ], model => 'paid' });
    add_bill(\%sums, 'ann paid openai', bill('paid', 50, 7));
    is_deeply rows($t), \%sums;

=head1 FUNCTIONS

=over

=item conf($other)

Models with prices: paid at the provider openai of ChatTest::Chats, for which
spare at $other stands in, and free, which has none.

=item question($seed, %mock), input($seed), bill($model, $seed, $output, $cached)

=item add_bill(\%sums, $key, $bill), rows($t)

=back

=cut
