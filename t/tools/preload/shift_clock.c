/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a server under test: its time of day is off by as many
 * seconds as the file of SHIFT_CLOCK says, looked at anew each time. The
 * monotonic clock stays as it is.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/time.h>

int clock_gettime(clockid_t which, struct timespec *t);
int gettimeofday(struct timeval *t, void *zone);
time_t time(time_t *t);

static long shift(void)
{
    const char *name = getenv("SHIFT_CLOCK");
    char text[32] = "";
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t which, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, which, t);

    if (!rc && which == CLOCK_REALTIME)
        t->tv_sec += shift();
    return rc;
}

int gettimeofday(struct timeval *t, void *zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *t)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (t)
        *t = now.tv_sec;
    return now.tv_sec;
}
