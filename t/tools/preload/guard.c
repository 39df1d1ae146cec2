/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory that may be touched in its lock alone, preloaded into httpd:
 * a mapping of CHAT_TEST_GUARD bytes begins with its lock, and all of its pages
 * but the first are out of reach while no thread of the process holds that. Who
 * touches them then is killed by SIGSEGV, and the line "touched" stands in the
 * file CHAT_TEST_GUARD_LOG. For one thing at a time: whoever holds the lock lets
 * all threads of his process in. Any thread.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static char *guarded; /* set by the first process, before it has threads */
static size_t size;

static void touched(int signo, siginfo_t *info, void *unused)
{
    const char *at = info->si_addr;
    const char *file = getenv("CHAT_TEST_GUARD_LOG");
    int fd = -1;

    if (file && at >= guarded && at < guarded + size)
        fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (fd >= 0 && write(fd, "touched\n", 8) == 8)
        close(fd);
    signal(signo, SIG_DFL);
    raise(signo);
}

static void watch(void)
{
    struct sigaction action = {.sa_sigaction = touched,
                               .sa_flags = SA_SIGINFO};

    sigaction(SIGSEGV, &action, NULL);
}

static void reach(const void *lock, int how)
{
    if (guarded && lock == guarded)
        mprotect(guarded + PAGE, size - PAGE, how);
}

/* Where offsets have 64 bits that is what mmap() is called. */
void *mmap64(void *at, size_t length, int prot, int flags, int fd, off64_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off64_t);
    const char *wanted = getenv("CHAT_TEST_GUARD");
    void *memory;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "mmap64");
    memory = real(at, length, prot, flags, fd, offset);
    if (memory != MAP_FAILED && wanted && (flags & MAP_SHARED) &&
        (flags & MAP_ANONYMOUS) && length == (size_t)atol(wanted)) {
        guarded = memory;
        size = length;
    }
    return memory;
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
    static int (*real)(pthread_mutex_t *);
    int rv;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    rv = real(lock);
    if (guarded && (void *)lock == guarded) {
        watch();
        reach(lock, PROT_READ | PROT_WRITE);
    }
    return rv;
}

int pthread_mutex_unlock(pthread_mutex_t *lock)
{
    static int (*real)(pthread_mutex_t *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    reach(lock, PROT_NONE);
    return real(lock);
}
