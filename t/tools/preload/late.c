/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into httpd with MPM event: a worker that begins with a connection
 * waits as long as there is a file $CHAT_TEST_LATE/hold. It says so by a file
 * "held" there. The connection is accepted by then, but not counted.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <apr_buckets.h>

static int there(const char *dir, const char *name, int create)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (!create)
        return !access(path, F_OK);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return fd >= 0 && !close(fd);
}

APR_DECLARE(apr_bucket_alloc_t *) apr_bucket_alloc_create(apr_pool_t *p)
{
    static apr_bucket_alloc_t *(*next)(apr_pool_t *);
    const char *dir = getenv("CHAT_TEST_LATE");

    if (!next)
        next = (apr_bucket_alloc_t * (*)(apr_pool_t *))
            dlsym(RTLD_NEXT, "apr_bucket_alloc_create");
    if (dir && there(dir, "hold", 0) && there(dir, "held", 1))
        while (there(dir, "hold", 0))
            usleep(1000);
    return next(p);
}
