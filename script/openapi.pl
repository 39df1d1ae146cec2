#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What the route openapi tells of each route, as C for
# src/route/chat_route_openapi.h:
#
#   script/openapi.pl >parts.c
#
# src/route/openapi/ROUTE.json has the operations of a route, one a line;
# answers.json, errors.json and src/request/openapi/bodies.json what they name.
# docs/extending.md says how a line is written. In all of them
#
#   "=FILE.c NAME"   is the number that NAME is defined as in src/*/FILE.c
#                    ("=include NAME": in a header of src/), or the words of the
#                    array NAME; NAME may be FUNCTION.ARRAY
#   "$name"          is a bound of the location, known when the server starts
use strict;
use warnings;
use Digest::MD5 ();
use JSON::PP ();
use List::Util qw(uniq);

my $JSON = JSON::PP->new->utf8->canonical;
my $DIR = 'src/route/openapi';
my %text;

sub slurp {
    my ($file) = @_;
    return $text{$file} if defined $text{$file};
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return $text{$file} = <$fh>;
}

sub read_json {
    my ($file) = @_;
    my $value = eval { $JSON->decode(slurp($file)) };
    die "$file: $@" if $@;
    return resolve($value, $file);
}

# ---- what stands in the sources ----

sub source {
    my ($name) = @_;
    return map { slurp($_) } grep { $name eq 'include' ? /\.h$/ : m{/\Q$name\E$} } glob 'src/*/*.[ch]';
}

sub number {
    my ($c, $name) = @_;
    return $c =~ /^#define \Q$name\E\s+(\d+)\b/m ? $1 + 0 : undef;
}

sub words {
    my ($c, $name) = @_;
    my ($function, $array) = $name =~ /^(?:(\w+)\.)?(\w+)$/;
    $c = $c =~ /\b$function\([^;{]*\)\n\{\n(.*?)^\}/ms ? $1 : '' if $function;
    return undef unless $c =~ /\b\Q$array\E\[\]\s*=\s*\{(.*?)\};/s;
    return [ $1 =~ /"([^"]+)"/g ];
}

sub constant {
    my ($value, $where) = @_;
    my ($file, $name) = $value =~ /^=(\S+) (\S+)$/ or die "$where: $value is not \"=FILE NAME\"\n";
    for my $c (source($file)) {
        my $found = number($c, $name) // words($c, $name);
        return $found if defined $found;
    }
    die "$where: there is no $name in $file\n";
}

sub resolve {
    my ($v, $where) = @_;
    return { map { $_ => resolve($v->{$_}, $where) } keys %$v } if ref $v eq 'HASH';
    return [ map { resolve($_, $where) } @$v ] if ref $v eq 'ARRAY';
    return defined $v && !ref $v && $v =~ /^=/ ? constant($v, $where) : $v;
}

# ---- schemas ----

my $answers = read_json("$DIR/answers.json");
my $errors = read_json("$DIR/errors.json");
my $schemas = { %{ $answers->{schemas} }, %{ read_json('src/request/openapi/bodies.json') } };

# What each code means, once.
$schemas->{Error}{properties}{code}{oneOf} = [ map { { const => $_, description => $errors->{$_}[1] } } sort keys %$errors ];

sub references {
    my ($v) = @_;
    return map { references($_) } @$v if ref $v eq 'ARRAY';
    return () unless ref $v eq 'HASH';
    return map { $_ eq '$ref' && $v->{$_} =~ m{^#/components/schemas/(.*)} ? $1 : references($v->{$_}) } sort keys %$v;
}

# Each that is named, and what those name.
sub needed {
    my (@names) = @_;
    my %seen;
    while (defined(my $name = shift @names)) {
        next if $seen{$name}++;
        push @names, references($schemas->{$name} // die "there is no schema $name\n");
    }
    return sort keys %seen;
}

# Has it, or one that it names, a bound of the location?
sub is_bound {
    my ($name) = @_;
    return grep { $JSON->encode($schemas->{$_}) =~ /"\$(?!ref")\w+"/ } needed($name);
}

# ---- operations ----

my %GROUP = (
    user   => [qw(unauthorized banned blocked forbidden_origin https_required identity_unavailable store_unavailable)],
    any    => [qw(internal misconfigured out_of_memory)],
    limits => [qw(rate_limited limits_unavailable)],
    body   => [qw(invalid_json broken_body invalid_request request_timeout payload_too_large unsupported_media_type)],
    query  => [qw(invalid_request)],
    path   => [qw(invalid_id not_found)],
    tables => [qw(store_unavailable)],
    repeat => [qw(invalid_request idempotency_in_progress idempotency_mismatch)],
    run    => [qw(model_required model_not_found unsupported content_blocked invisible_characters repeated_prompt banned context_length_exceeded upstream_rejected user_key_rejected
        upload_unknown upload_too_large uploads_unavailable moderation_unavailable model_forbidden model_disabled user_key_required rate_limited upstream_rate_limited misconfigured internal upstream_auth upstream_quota
        upstream_not_found upstream_error upstream_truncated answer_too_large upstream_unreachable key_unavailable upstream_unavailable
        upstream_overloaded shutdown busy limits_unavailable store_unavailable upstream_timeout budget_exhausted)],
    kept => [qw(already_exists conversation_busy conversation_archived too_many_conversations conversation_too_long not_found
        resume_unavailable)],
);
my @LIMITS = qw(RateLimit RateLimit-Policy X-RateLimit-Limit X-RateLimit-Remaining X-RateLimit-Reset);
my @METHODS = qw(get put post delete patch);

sub ref_to {
    my ($name) = @_;
    die "there is no schema $name\n" unless $schemas->{$name};
    return { '$ref' => "#/components/schemas/$name" };
}

sub headers {
    return { map { $_ => { '$ref' => "#/components/headers/$_" } } @_ };
}

# Where nothing is stored guests may ask.
sub auth {
    my ($op) = @_;
    return $op->{auth} // ($op->{run} && defined $op->{tables} ? 'guest' : 'user');
}

sub groups {
    my ($op, $path) = @_;
    my $auth = auth($op);
    return (
        'any',
        $auth eq 'user' || $auth eq 'guest' ? 'user' : (),
        $op->{unlimited} ? () : 'limits',
        $op->{body} ? 'body' : (),
        $op->{query} ? 'query' : (),
        $path =~ /Id\}/ ? 'path' : (),
        ($op->{tables} // 1) ? 'tables' : (),
        $op->{repeat} ? 'repeat' : (),
        $op->{errors} ? @{ $op->{errors} } : (),
    );
}

# status => [codes]. "KIND:CODE" is told in the form of another route.
sub errors_of {
    my ($op, $path) = @_;
    my %by;
    for my $code (map { @{ $GROUP{$_} // [$_] } } groups($op, $path)) {
        my $name = $code =~ s/^completions://r;
        my $status = $code eq $name ? ($errors->{$name} // die "$op->{id}: there is no error $name\n")->[0] : 404;
        $by{$status}{$name} = 1;
        # SDKs of providers tell errors by their status.
        $by{404}{$name} = 1 if $name eq 'model_not_found' && ($op->{error} // 'Error') ne 'Error';
    }
    return map { $_ => [ sort keys %{ $by{$_} } ] } keys %by;
}

sub refusal {
    my ($op, $status, $codes) = @_;
    my $kind = $op->{error} // ((grep { /^completions:/ } @{ $op->{errors} // [] }) && $status == 404 ? 'CompletionsError' : 'Error');
    my $now = $status == 412 ? { %{ ref_to($op->{current}) }, description => 'As it is now.' } : undef;
    my $schema = $kind eq 'Error'
        ? { allOf => [ ref_to('Error'), { properties => { code => { enum => $codes }, $now ? (current => $now) : () } } ] }
        : ref_to($kind);
    return {
        description => join(', ', @$codes),
        headers => headers('X-Request-ID', $status == 429 || $status == 503 ? 'Retry-After' : (), $status == 429 ? @LIMITS : ()),
        content => { 'application/json' => { schema => $schema } },
    };
}

# A body: the schema of JSON, or those of several media types.
sub content_of {
    my ($what) = @_;
    my %types = ref $what ? %$what : length $what ? ('application/json' => $what) : ();
    return { map { $_ => { schema => ref_to($types{$_}) } } keys %types };
}

sub answer {
    my ($op, $what) = @_;
    my $content = content_of($what);
    my $limits = !$op->{unlimited};
    return {
        description => join(' or ', uniq(sort map { $_->{schema}{'$ref'} =~ m{([^/]+)\z} } values %$content)) || 'Nothing more is said.',
        headers => headers('X-Request-ID', @{ $op->{sends} // [] }, $limits ? @LIMITS : ()),
        %$content ? (content => $content) : (),
    };
}

# httpd itself says these, in a page of its own.
sub add_pages {
    my ($responses, $op) = @_;
    my @pages = ([ 400, 'no request of HTTP' ], [ 404, 'a path that is none' ]);
    push @pages, [ 401, 'the server wants to know who asks' ], [ 403, 'a Require of the server' ] if auth($op) eq 'httpd' || $op->{require};
    push @pages, [ 413, 'more than LimitRequestBody' ] if $op->{body};
    for (@pages) {
        my ($status, $why) = @$_;
        my $response = $responses->{$status} //= { description => '' };
        $response->{description} = join '; ', grep { length } $response->{description}, $why;
        $response->{content}{'text/html'} = { schema => ref_to('Text') };
    }
}

sub parameter {
    my ($in, $name, $said) = @_;
    return { %$said, in => $in, name => $said->{name} // $name, $in eq 'path' ? (required => JSON::PP::true) : $said->{required} ? (required => JSON::PP::true) : () };
}

sub named {
    my ($kind, $name, $id) = @_;
    my %said = %{ $answers->{$kind}{$name} // die "$id: answers.json has no $name in \"$kind\"\n" };
    delete $said{form};
    return \%said;
}

sub parameters {
    my ($op, $path) = @_;
    my @takes = (@{ $op->{takes} // [] }, $op->{repeat} ? 'Idempotency-Key' : ());
    return [
        (map { parameter('path', $_, named('paths', $_, $op->{id})) } $path =~ /\{(\w+)\}/g),
        (map { parameter('query', $_, named('query', $_, $op->{id})) } @{ $op->{query} // [] }),
        (map { parameter('header', $_, named('sent', $_, $op->{id})) } @takes),
    ];
}

# Refusals are many and few of them differ. The name of one is the same as long
# as it is.
my %shared;

sub share {
    my ($status, $response) = @_;
    my $name = "E${status}_" . substr Digest::MD5::md5_hex($JSON->encode($response)), 0, 6;
    $shared{$name} = $response;
    return { '$ref' => "#/components/responses/$name" };
}

sub operation {
    my ($route, $op, $path) = @_;
    my %responses = errors_of($op, $path);
    $responses{$_} = refusal($op, $_, $responses{$_}) for keys %responses;
    $responses{$_} = answer($op, $op->{$_}) for grep { /^\d{3}$/ } keys %$op;
    add_pages(\%responses, $op);
    $responses{$_} = share($_, $responses{$_}) for grep { $_ >= 400 } keys %responses;
    return {
        operationId => $op->{id},
        summary => $op->{summary},
        tags => [$route],
        parameters => parameters($op, $path),
        responses => \%responses,
        $op->{body} ? (requestBody => { required => $op->{bodyOptional} ? JSON::PP::false : JSON::PP::true,
            content => content_of($op->{body}) }) : (),
    };
}

sub entry {
    my ($route, $op) = @_;
    my ($method) = grep { defined $op->{$_} } @METHODS or die "$route: $op->{id} has no method\n";
    my $path = $op->{$method};
    my $operation = operation($route, $op, $path);
    my @responses = map { ($_->{'$ref'} // '') =~ m{([^/]+)\z} ? $1 : () } values %{ $operation->{responses} };
    my @schemas = needed(references($operation), map { references($shared{$_}) } @responses);
    return {
        path => $path,
        method => $method,
        auth => auth($op),
        $op->{unlimited} ? () : (limited => JSON::PP::true),
        (map { $op->{$_} ? ($_ => $op->{$_}) : () } qw(store format)),
        operation => $operation,
        schemas => \@schemas,
        responses => [ sort @responses ],
        bound => [ grep { is_bound($_) } @schemas ],
    };
}

# ---- C ----

sub as_c {
    my ($v) = @_;
    my $text = $JSON->encode($v) =~ s/([\\"])/\\$1/gr;
    return join "\n", map { qq(        "$_") } $text =~ /(.{1,400}(?<!\\))/gs;
}

my @routes = map { m{/([^/]+)\.json$} ? $1 : () } grep { !m{/(?:answers|errors)\.json$} } sort glob "$DIR/*.json";
print qq(#include "chat_route_openapi.h"\n\nconst chat_route_openapi_part_t chat_route_openapi_parts[] = {\n);
for my $route (@routes) {
    my @entries = map { entry($route, $_) } @{ read_json("$DIR/$route.json") };
    print qq(    {"$route",\n), as_c(\@entries), "},\n";
}
print "    {0, 0},\n};\n\nconst char chat_route_openapi_schemas[] =\n", as_c($schemas), ";\n\n";
print "const char chat_route_openapi_responses[] =\n", as_c(\%shared), ";\n\n";
print "const char chat_route_openapi_headers[] =\n", as_c($answers->{headers}), ";\n";
