# SPDX-License-Identifier: Apache-2.0
#
# Running httpd under a checker: which environment and which command prefix it
# needs, how much slower it is, and what it had to say afterwards.
#
#   CHAT_VARIANT=asan|tsan    the module built so; the runtime is preloaded
#   CHAT_VALGRIND=memcheck|helgrind|callgrind
#
# callgrind complains of nothing, it counts: into check/callgrind.out.PID.
package ChatTest::Checker;

use v5.36;

my %SLOWER = (asan => 3, tsan => 8, memcheck => 12, helgrind => 25, callgrind => 25);

sub new ($class, %o) {
    return bless {
        root    => $o{root},
        variant => $o{variant},
        tool    => $ENV{CHAT_VALGRIND} // '',
    }, $class;
}

sub name ($self) {
    return $self->{tool} || ($self->{variant} =~ /^(?:asan|tsan)$/ ? $self->{variant} : '');
}

sub scale ($self) {
    return $ENV{CHAT_TIME_SCALE} // $SLOWER{ $self->name } // 1;
}

sub _runtime ($self, $lib) {
    chomp(my $file = qx(gcc -print-file-name=$lib.so));
    -e $file or die "$lib.so not found: gcc's sanitizer runtime is missing\n";
    return $file;
}

# Variables for httpd's environment; reports go into $dir, one file per process.
sub env ($self, $dir) {
    my $supp = "$self->{root}/t/tsan.supp";
    if ($self->{variant} eq 'asan') {
        return (
            LD_PRELOAD   => $self->_runtime('libasan'),
            ASAN_OPTIONS => join(':', "log_path=$dir/asan", 'halt_on_error=1',
                'abort_on_error=0', 'exitcode=99', 'detect_stack_use_after_return=1',
                'detect_leaks=' . ($ENV{CHAT_LSAN} ? 1 : 0)),
            UBSAN_OPTIONS => "log_path=$dir/ubsan:print_stacktrace=1:halt_on_error=1",
            LSAN_OPTIONS  => "log_path=$dir/lsan",
        );
    }
    if ($self->{variant} eq 'tsan') {
        return (
            LD_PRELOAD   => $self->_runtime('libtsan') . ':' . $self->_order,
            TSAN_OPTIONS => join(':', "log_path=$dir/tsan", 'halt_on_error=0',
                'exitcode=0', 'history_size=7', 'suppress_equal_addresses=0',
                (-e $supp ? "suppressions=$supp" : ())),
        );
    }
    return (LD_PRELOAD => $self->_order) if $self->{tool} eq 'helgrind';
    return;
}

# What tells a race detector how httpd hands connections from thread to thread.
sub _order ($self) {
    my $file = "$self->{root}/build/$self->{variant}/tools/httpd_order.so";
    -e $file or die "httpd_order.so is not built: make tools\n";
    return $file;
}

# UBSan reads its options when it has something to say, from /proc, which only
# a process that may dump core can read once it has changed its user. It says
# it on stderr, the error log.
sub directives ($self, $dir) {
    return $self->{variant} eq 'asan' ? "CoreDumpDirectory \"$dir\"" : ();
}

# What stands before httpd on its command line.
sub prefix ($self, $dir) {
    return ('setarch', '-R') if $self->{variant} eq 'tsan';
    my $tool = $self->{tool} or return;
    return ('valgrind', '--tool=callgrind', '--log-file=/dev/null', "--callgrind-out-file=$dir/callgrind.out.%p") if $tool eq 'callgrind';
    my $file = $tool eq 'helgrind' ? 'helgrind' : 'valgrind';
    my $supp = "$self->{root}/t/$file.supp";
    return ('valgrind', "--tool=$tool", "--log-file=$dir/$tool.%p", '--num-callers=30',
        '--error-limit=no', (-e $supp ? "--suppressions=$supp" : ()),
        ($tool eq 'memcheck' ? ('--leak-check=no') : ('--history-level=full')));
}

# Every complaint found in $dir, as text; none when all is well.
sub complaints ($self, $dir) {
    my @found;
    for my $file ($self->{tool} eq 'callgrind' ? () : sort glob "$dir/*") {
        open my $fh, '<', $file or next;
        my $text = do { local $/; <$fh> } // '';
        push @found, "$file:\n$text" if $self->_bad($text);
    }
    return @found;
}

sub _bad ($self, $text) {
    return $text =~ /\S/ unless $text =~ /^==\d+== (?:Memcheck|Helgrind),/m;
    return 1 if $text =~ /ERROR SUMMARY: [1-9]/;
    # A process that was killed has no summary, but may have had its say.
    return 0 if $text =~ /ERROR SUMMARY: 0/;
    return $text =~ /^==\d+== (?:Invalid|Conditional|Use of uninit|Syscall param|Process terminating|Possible data race|Thread #\d+: lock order)/m;
}

1;
