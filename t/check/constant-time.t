# SPDX-License-Identifier: Apache-2.0
#
# How long a comparison takes must not tell how much of a signature was right:
# what a secret makes is compared by chat_crypto_equal() and nothing else.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

# What says which byte differs, by its time.
my $COMPARE = qr/\b(?:memcmp|bcmp|strn?cmp|strn?casecmp|strcoll|ap_cstr_casecmpn?|apr_strnat(?:case)?cmp)\b/;
my $BYTE_BY_BYTE = qr/\w\[[^\]]*\]\s*(?:==|!=|\^)\s*\(?(?:\*?\w+\[|\*\w)/;
my $SECRET = qr/(?<![a-z])(?:mac|hmac|sig|signature|digest|password|passwd|secret|expected|credentials?|token)(?![a-z])/i;

sub code ($text) {
    return $text =~ s{/\*.*?\*/}{}gsr;
}

# The arguments of each call of a function that compares.
sub comparisons ($text) {
    return code($text) =~ /$COMPARE\s*(\((?:[^()]++|(?1))*\))/g;
}

guard 'who computes an HMAC compares bytes in constant time only', sub ($files) {
    my @bad;
    for my $path (grep { $_ ne 'src/base/chat_crypto.c' && $files->{$_} =~ /\bchat_crypto_hmac\(/ && /\.c$/ } sources($files)) {
        my $code = code($files->{$path});
        push @bad, "$path: $1" while $code =~ /\b(memcmp|bcmp|strcoll)\s*\(/g;
        push @bad, "$path: $1" while $code =~ /($BYTE_BY_BYTE)/g;
    }
    return @bad;
},
    'memcmp in the check of a token' => sub ($files) {
        $files->{'src/auth/chat_auth_token.c'} =~ s/chat_crypto_equal\(([^()]*), (sizeof\(\w+\))\)/!memcmp($1, $2)/ or die;
    },
    'bytes in a loop' => sub ($files) {
        $files->{'src/auth/chat_auth_token.c'} =~ s/fits \|= .*?;/for (int j = 0; j < 32 && mac[j] == expected[j]; j++) fits = j == 31;/ or die;
    },
    'memcmp under other names' => sub ($files) {
        $files->{'src/limit/x.c'} = "int f(void)\n{\n    chat_crypto_hmac(a, b, 1, c, 1);\n    return bcmp(a, d, 32);\n}\n";
    };

guard 'nothing that is called a secret is compared otherwise', sub ($files) {
    my @bad;
    # Words that providers use for secrets are no secrets themselves.
    for my $path (grep { /\.c$/ && !m{^src/(?:provider|dialect|request)/} } sources($files)) {
        push @bad, map { "$path: $_" } grep { s/"(?:[^"\\]|\\.)*"//gr =~ $SECRET } comparisons($files->{$path});
    }
    return @bad;
},
    'a password'       => sub ($files) { $files->{'src/limit/x.c'} = 'int x = strcmp(conf->redis_password, given);' },
    'a token in a row' => sub ($files) { $files->{'src/auth/x.c'} = 'int x = !strncmp(header + 7, row->token, strlen(row->token));' },
    'a MAC at a place' => sub ($files) { $files->{'src/store/x.c'} = 'int x = memcmp(data + MAC_AT, sum, MAC_LEN);' };

guard 'chat_crypto_equal() is as its name says', sub ($files) {
    my $body = c_function($files->{'src/base/chat_crypto.c'}, 'chat_crypto_equal');
    return $body =~ /^\{\s*return CRYPTO_memcmp\(a, b, len\) == 0;\s*\}$/ ? () : "it is $body";
},
    'memcmp in it' => sub ($files) { $files->{'src/base/chat_crypto.c'} =~ s/CRYPTO_memcmp/memcmp/ or die },
    'a short cut'  => sub ($files) { $files->{'src/base/chat_crypto.c'} =~ s/return CRYPTO_memcmp/if (*(const char *)a != *(const char *)b)\n        return 0;\n    return CRYPTO_memcmp/ or die };

done_testing;
