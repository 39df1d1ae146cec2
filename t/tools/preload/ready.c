/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of "httpd -t", preloaded into one: it loads the modules of
 * CHAT_READY, one a line, with all their libraries once, and goes on as httpd
 * in a child for each byte that comes on descriptor 3, with CHAT_READY_OUT as
 * the child's stdout and stderr. What waitpid() said of the child goes back as
 * an int. It ends where its input does. ChatTest::Httpd starts it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASKED = 3, TOLD = 4 };

/* The child's side: what httpd's own process would have found. */
static void become_httpd(const char *out)
{
    int fd = open(out, O_WRONLY | O_APPEND);

    close(ASKED);
    close(TOLD);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    close(fd);
}

__attribute__((constructor)) static void serve(void)
{
    char *modules = getenv("CHAT_READY"), *out = getenv("CHAT_READY_OUT");
    char *state, *module, byte;

    if (!modules || !out)
        return;
    modules = strdup(modules);
    out = strdup(out);
    unsetenv("CHAT_READY");
    unsetenv("CHAT_READY_OUT");
    unsetenv("LD_PRELOAD");
    for (module = strtok_r(modules, "\n", &state); module;
         module = strtok_r(NULL, "\n", &state))
        if (!dlopen(module, RTLD_NOW | RTLD_GLOBAL))
            _exit(125);
    while (read(ASKED, &byte, 1) == 1) {
        int status = -1;
        pid_t pid = fork();

        if (!pid) {
            become_httpd(out);
            return;
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid ||
            write(TOLD, &status, sizeof(status)) != sizeof(status))
            break;
    }
    _exit(0);
}
