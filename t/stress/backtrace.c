/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD for httpd under stress: a thread that crashes writes its stack
 * to $CHAT_CRASH_DIR/PID.TID, one frame a line, and dies as it would have
 * without us. httpd may set its own handlers for these signals as often as it
 * likes; ours stay.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FRAMES 64

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static char dir[256];

static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);

static int is_fatal(int sig)
{
    unsigned i;

    for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        if (fatal[i] == sig)
            return 1;
    return 0;
}

/* "mod_mpm_event.so close_it+0x1f": the file and the nearest exported name. */
static void write_frame(int fd, void *at)
{
    Dl_info info = {0};
    const char *file = "?", *slash;

    if (dladdr(at, &info) && info.dli_fname) {
        slash = strrchr(info.dli_fname, '/');
        file = slash ? slash + 1 : info.dli_fname;
    }
    dprintf(fd, "%s %s 0x%lx\n", file, info.dli_sname ? info.dli_sname : "-",
            (unsigned long)((char *)at - (char *)info.dli_fbase));
}

static void on_crash(int sig)
{
    void *frames[FRAMES];
    char name[sizeof(dir) + 64];
    long tid = syscall(SYS_gettid);
    int i, n, fd;

    snprintf(name, sizeof(name), "%s/%ld.%ld", dir, (long)getpid(), tid);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0) {
        dprintf(fd, "signal %d in the %s thread\n", sig,
                tid == getpid() ? "main" : "other");
        n = backtrace(frames, FRAMES);
        for (i = 0; i < n; i++)
            write_frame(fd, frames[i]);
        close(fd);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    if (!real_sigaction)
        real_sigaction =
            (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(
                RTLD_NEXT, "sigaction");
    if (dir[0] && is_fatal(sig))
        return real_sigaction(sig, NULL, old);
    return real_sigaction(sig, act, old);
}

__attribute__((constructor)) static void start(void)
{
    struct sigaction act = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
    const char *where = getenv("CHAT_CRASH_DIR");
    void *warm[1];
    unsigned i;

    if (!where || strlen(where) >= sizeof(dir))
        return;
    backtrace(warm, 1); /* loads the unwinder while malloc is sound */
    for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        sigaction(fatal[i], &act, NULL);
    strcpy(dir, where);
}
