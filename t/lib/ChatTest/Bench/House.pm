# SPDX-License-Identifier: Apache-2.0
#
# What peers and workloads of one run share: the mock, the stores with the same
# two users in them for everybody, and folders. Started when first asked for, on
# the cores that are not measured. Peers are installed below build/bench.
package ChatTest::Bench::House;

use v5.36;
use Digest::MD5 ();
use File::Path  qw(make_path remove_tree);
use ChatTest             ();
use ChatTest::Bench      qw(pin_away slurp);
use ChatTest::BetterAuth ();
use ChatTest::Httpd      ();
use ChatTest::Postgres   ();
use ChatTest::Redis      ();
use ChatTest::Upstream   ();

my $HERE = "$ChatTest::Httpd::ROOT/build/bench";

# Where the run leaves its results; its working files are below that.
sub new ($class, $out) {
    my $self = bless { dir => $out || $HERE }, $class;
    make_path("$self->{dir}/run");
    return $self;
}

sub up ($self) {
    return $self->{up} //= _mock();
}

# The same that speaks TLS.
sub tls_up ($self) {
    return $self->{tls_up} //= _mock(tls => [ $self->certificate ]);
}

sub _mock (%o) {
    my $up = ChatTest::Upstream->new(%o)->start;
    pin_away($up->pid);
    return $up;
}

# (certificate, key) of everybody: what is checked is checked by all. By name
# and by address, for mod_ssl looks for names alone.
sub certificate ($self) {
    my ($cert, $key) = map { $self->scratch("tls.$_") } qw(pem key);
    if (!$self->{certified}++) {
        my $out = qx(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \\
            -addext 'subjectAltName=DNS:localhost,DNS:127.0.0.1,IP:127.0.0.1' \\
            -addext 'basicConstraints=critical,CA:FALSE' -keyout $key -out $cert 2>&1);
        die "openssl req failed: $out\n" if $?;
    }
    return ($cert, $key);
}

# ---- folders ----

sub dir ($self) { return $self->{dir} }
sub place ($self, $name)   { return "$HERE/peers/$name" }
sub scratch ($self, $name) { return "$self->{dir}/run/$name" }

sub write ($self, $file, $text) {
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
    return $file;
}

# Once, in a folder of its own; again when the command or $lock changed. Why it
# failed, or nothing.
sub install ($self, $dir, $seconds, $script, $lock = undef) {
    my $is = Digest::MD5::md5_hex($script . ($lock ? slurp($lock) : ''));
    return if slurp("$dir/.installed") eq $is;
    print STDERR "bench: installing into $dir\n";
    remove_tree($dir);
    make_path($dir);
    my $log = "$dir.log";
    my $rc = system 'sh', '-c', 'cd "$1" && exec timeout "$2" sh -c "$3" >"$4" 2>&1', 'sh', $dir, $seconds, $script, $log;
    if ($rc) {
        return "not installed within $seconds s" if $rc >> 8 == 124;
        return 'its installation failed' . _why(slurp($log));
    }
    $self->write("$dir/.installed", $is);
    return;
}

# The line that tells most.
sub _why ($log) {
    for my $like (qr/getaddrinfo|ENOTFOUND|EAI_AGAIN|ECONN\w+/, qr/^(?:npm )?ERR(?:OR|!)?:?\s/i, qr/error|cannot|unable|not found/i) {
        my ($line) = $log =~ /^(.*(?:$like).*)$/m or next;
        return ': ' . substr $line =~ s/[^\x20-\x7e|]+|\|/ /gr =~ s/^\s+|\s+$//gr, 0, 160;
    }
    return '';
}

# ---- stores ----

sub _program ($name) {
    return grep { -x "$_/$name" } split /:/, $ENV{PATH};
}

# Why there are none, or nothing.
sub no_stores ($self) {
    return 'PostgreSQL is not installed' if !ChatTest::Postgres::bin_dir();
    return 'redis-server is not installed' if !_program('redis-server');
    return;
}

sub redis ($self) {
    return $self->{redis} //= do {
        my $redis = ChatTest::Redis->new->start;
        pin_away($redis->{pid});
        $redis;
    };
}

# better-auth's own tables.
my $TABLES = <<'END';
create table "user" (id text primary key, name text not null, email text not null unique,
    "emailVerified" boolean not null, image text, "createdAt" timestamptz not null, "updatedAt" timestamptz not null);
create table session (id text primary key, "expiresAt" timestamptz not null, token text not null unique,
    "createdAt" timestamptz not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text,
    "userId" text not null references "user" (id) on delete cascade);
create table account (id text primary key, "accountId" text not null, "providerId" text not null,
    "userId" text not null references "user" (id) on delete cascade, "accessToken" text, "refreshToken" text,
    "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, scope text, password text,
    "createdAt" timestamptz not null, "updatedAt" timestamptz not null);
create table verification (id text primary key, identifier text not null, value text not null,
    "expiresAt" timestamptz not null, "createdAt" timestamptz not null, "updatedAt" timestamptz not null);
END

sub _token ($user) { return $user x 8 }

sub postgres ($self) {
    return $self->{postgres} //= do {
        my $pg = ChatTest::Postgres->new(conf => { log_statement => 'none' })->start;
        $pg->sql($TABLES);
        for my $user (qw(many few)) {
            $pg->sql(qq{insert into "user" values ('$user', '$user', '$user\@example.test', true, null, now(), now())});
            $pg->sql(qq{insert into session values ('$user', now() + interval '7 days', '${\_token($user)}', now(), now(),
                null, null, '$user')});
        }
        pin_away(ChatTest::Bench::tree($pg->{pid}));
        $pg;
    };
}

sub secret ($self) { return $ChatTest::BetterAuth::SECRET }

# "many", or "few", whose limit is soon reached. Over TLS its name is another.
sub cookie ($self, $user, $tls = 0) {
    my $value = ChatTest::BetterAuth::signed(_token($user), $self->secret);
    return ($tls ? '__Secure-' : '') . 'better-auth.session_token=' . $value =~ s/([^A-Za-z0-9._-])/sprintf '%%%02X', ord $1/ger;
}

# Processor seconds that the stores have used.
sub stores_cpu ($self) {
    return ChatTest::Bench::cpu(grep { defined } map { $_ && $_->{pid} } @$self{qw(redis postgres)});
}

sub stop ($self) {
    for my $name (qw(up tls_up redis postgres)) {
        my $it = delete $self->{$name} or next;
        $it->stop;
    }
    return;
}

1;
