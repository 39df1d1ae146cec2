# SPDX-License-Identifier: Apache-2.0
#
# A default is the same where it is said: in docs/directives.md, in the reference
# configuration and in the code.
use v5.36;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ChatTest::Guard;

my ($DOC, $CONF) = ('docs/directives.md', 'conf/mod_chat.reference.conf');

# Directive => the value that the manual gives in `...`; what it says in words is
# not a value.
sub in_doc ($files) {
    my %default;
    my $text = $files->{$DOC} // '';
    while ($text =~ /^Syntax `<?(Chat\w+)[^\n]*? \| Default `([^`]+)`/mg) {
        $default{$1} = $2;
    }
    return %default;
}

guard 'the manual and the reference configuration have the same defaults', sub ($files) {
    my %default = in_doc($files);
    my @bad = keys %default < 15 ? ("$DOC has no defaults") : ();
    for my $name (sort keys %default) {
        my ($value) = ($files->{$CONF} // '') =~ /^\s*#\Q$name\E (.*)$/m;
        push @bad, "$name: $DOC has $default{$name}, $CONF has " . ($value // 'nothing') if ($value // '') ne $default{$name};
    }
    return @bad;
},
    'another one in the reference' => sub ($files) { $files->{$CONF} =~ s/#ChatRequestDepth 64/#ChatRequestDepth 63/ },
    'another one in the manual'    => sub ($files) { $files->{$DOC} =~ s/(Default `)64`/${1}65`/ };

# ---- the code ----

my %UNIT = (us => 1, ms => 1000, s => 1_000_000, m => 60_000_000, h => 3_600_000_000);
my %BINARY = (K => 1024, M => 1024**2, G => 1024**3);

# The number of a value as its setter stores it; undef: not one of these.
sub stored ($setter, $value, $names) {
    return $value eq 'on' ? 1 : $value eq 'off' ? 0 : undef if $setter eq 'flag';
    return $value eq 'off' ? 0 : $value =~ /^(\d+)(us|ms|s|m|h)?$/ ? $1 * $UNIT{ $2 // 's' } : undef if $setter eq 'time';
    return $value =~ /^(\d+)([KMG])?$/ ? $1 * ($2 ? $BINARY{$2} : 1) : undef if $setter eq 'bytes';
    return $value =~ /^\d+$/ ? $value : undef if $setter eq 'int';
    return $names->{$value} if $setter eq 'name';
    return;
}

# A constant expression of a default, or undef.
sub evaluated ($text) {
    $text =~ s/apr_time_from_sec\((\d+)\)/($1 * 1000000)/g;
    $text =~ s/APR_USEC_PER_SEC/1000000/g;
    return $text =~ /^[\d\s*()+-]+$/ ? eval $text : undef;
}

# member => default, of the structures' defaults and of a provider's completion.
sub defaults_of ($text) {
    my %default;
    for my $block ($text =~ /_defaults = \{\n(.*?)^\};/msg) {
        $default{$1} = $2 while $block =~ /^\s*\.(\w+) = (.*?),$/mg;
    }
    $default{$1} = $2 while $text =~ /\bfill\(&conf->([\w.]+), (.+?)\);/g;
    $default{$1} //= $2 while $text =~ /^\s+if \(conf->(\w+) == CHAT_UNSET\)\n\s+conf->\w+ = (\d+);$/mg;
    return %default;
}

# name => index, of each array of names in a file.
sub arrays_of ($text) {
    my %array;
    while ($text =~ /\b(\w+)\[\] = \{(.*?)\};/sg) {
        my ($array, $words) = ($1, $2);
        my $n = 0;
        $array{$array} = { map { $_ => $n++ } $words =~ /"([^"]+)"/g };
    }
    return %array;
}

# "Directive" or "Directive KEY=" => [setter, member, names], of a file.
sub rules_of ($text) {
    my %rule;
    my @all = $text =~ /AP_INIT_\w+\(\s*"<?(Chat\w+)"/g;
    while ($text =~ /AP_INIT_TAKE1\(\s*"(\w+)",\s*\w+,\s*(?:CHAT_CONFIG_IN_\w+|MEMBER)\(\s*([\w.]+),\s*\.set = chat_config_value_(\w+)(.*?)\)/sg) {
        my ($name, $member, $setter, $more) = ($1, $2, $3, $4);
        $rule{$name} = [ $setter, $member =~ s/^\w+\.//r, $more =~ /\.names = (\w+)/ ? $1 : '' ];
    }
    # Short forms of chat_config_request.c.
    while ($text =~ /AP_INIT_TAKE1\(\s*"(\w+)",\s*\w+,\s*(NAME|INT|BYTES)\((\w+), (\w+)/g) {
        $rule{$1} = [ lc $2, $3, $4 ];
    }
    while ($text =~ /\b(?:OPTION|CHAT_CONFIG_OPTION)\("([\w-]+)",\s*(?:chat_\w+_t,\s*)?(\w+),\s*\.set = chat_config_value_(\w+)(.*?)\)/sg) {
        my ($key, $member, $setter, $more) = ($1, $2, $3, $4);
        $rule{"$key="} = [ $setter, $member, $more =~ /\.names = (\w+)/ ? $1 : '' ];
    }
    $rule{"$1="} = [ 'time', "timeouts.$1", '' ] while $text =~ /\bTIMEOUT\((\w+)\)[,;]?/g;
    $rule{ChatRetry}   = [ 'int', 'attempts', '' ];
    $rule{ChatContext} = [ 'int', 'messages', '' ];
    $rule{ChatProviderBreaker} = [ 'int', 'breaker_failures', '' ];
    return \%rule, { map { $_ => 1 } @all };
}

# How many values were compared, and what is wrong with them.
sub compared ($files) {
    my %doc = in_doc($files);
    my ($n, @bad) = (0);
    for my $path (grep { m{^src/config/.*\.c$} } sort keys %$files) {
        my $text = $files->{$path};
        my ($rule, $own) = rules_of($text);
        my (%default, %array) = ();
        %default = defaults_of($text);
        %array   = arrays_of($text);
        for my $name (grep { $doc{$_} } sort keys %$own) {
            for my $word (split ' ', $doc{$name}) {
                my ($key, $value) = $word =~ /^(\w[\w-]*=)(.*)$/ ? ($1, $2) : ($name, $word);
                my ($setter, $member, $names) = ($rule->{$key} // next)->@*;
                my $is = stored($setter, $value, $array{$names} // {}) // next;
                my $set = evaluated($default{$member} // next) // next;
                $n++;
                push @bad, "$name: $DOC has $word, $path has $member = $default{$member}" if $is != $set;
            }
        }
    }
    return $n, @bad;
}

guard 'the code has the defaults of the manual', sub ($files) {
    my ($n, @bad) = compared($files);
    return (@bad, $n < 20 ? "only $n values were found in the code" : ());
},
    'another number' => sub ($files) { $files->{'src/config/chat_config_request.c'} =~ s/(\.depth = )64/${1}63/ },
    'another time'   => sub ($files) { $files->{'src/config/chat_config_retry.c'} =~ s/(\.backoff = )500/${1}400/ },
    'another option' => sub ($files) { $files->{$DOC} =~ s/cooldown=30s`/cooldown=31s`/ };

done_testing;
