/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name server for tests, preloaded into httpd: getaddrinfo() answers for the
 * names in CHAT_TEST_DNS, "name=ms:address,address ...", after so many
 * milliseconds, and with EAI_NONAME where no address is given. Every question
 * for one of them is a line in the file CHAT_TEST_DNS_LOG. Built by
 * ChatTest::Streams. Any thread.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int getaddrinfo_t(const char *, const char *, const struct addrinfo *,
                          struct addrinfo **);

/* What stands after "name=", or NULL. */
static const char *find(const char *name)
{
    const char *at = getenv("CHAT_TEST_DNS");
    size_t len = strlen(name);

    while (at && *at) {
        if (!strncmp(at, name, len) && at[len] == '=')
            return at + len + 1;
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return NULL;
}

static void note(const char *name)
{
    const char *file = getenv("CHAT_TEST_DNS_LOG");
    int fd = file ? open(file, O_WRONLY | O_APPEND) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%s\n", name);
    close(fd);
}

/* All addresses of a list, one after another, as one answer. */
static int collect(char *list, const char *service,
                   const struct addrinfo *hints, struct addrinfo **out)
{
    getaddrinfo_t *next = (getaddrinfo_t *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo **end = out;
    char *state, *address;
    int rc = EAI_NONAME;

    *out = NULL;
    for (address = strtok_r(list, ",", &state); address;
         address = strtok_r(NULL, ",", &state)) {
        rc = next(address, service, hints, end);
        if (rc)
            break;
        while (*end)
            end = &(*end)->ai_next;
    }
    return rc;
}

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **out)
{
    getaddrinfo_t *next = (getaddrinfo_t *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *found = name ? find(name) : NULL;
    char list[256] = "";
    int ms = 0;

    if (!found)
        return next(name, service, hints, out);
    sscanf(found, "%d:%255[^ ]", &ms, list);
    note(name);
    usleep(ms * 1000);
    return collect(list, service, hints, out);
}
