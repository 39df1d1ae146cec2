/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of the environment, for chat_config_secret.c. Whoever writes a
 * .htaccess can read the environment of a child (PassEnv, osenv()), and so
 * can every CGI program. Therefore a variable is taken out when its secret is
 * read for the first time, before any other process is forked: the children,
 * mod_cgid's daemon, piped loggers and programs of exec: never have it. The
 * parent keeps the value for the readings to come. Main thread only.
 */
#include "chat_config_int.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

/* Outlives the module, which is loaded anew with each reading. */
#define RETAINED "mod_chat_env_"

/*
 * unsetenv() only forgets where the text is. The text itself lies in the
 * memory that /proc/PID/environ shows, of this process and of all that are
 * forked from it. A name may stand there more than once.
 */
static void take_out(const char *name)
{
    apr_size_t len = strlen(name);
    char **at;

    for (at = environ; at && *at; at++) {
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            explicit_bzero(*at + len + 1, strlen(*at + len + 1));
    }
    unsetenv(name);
}

const char *chat_config_env(cmd_parms *cmd, const char *name)
{
    const char *key = apr_pstrcat(cmd->temp_pool, RETAINED, name, NULL);
    const char *value = getenv(name);
    char *kept = ap_retained_data_get(key);

    if (kept || !value)
        return kept;
    kept = ap_retained_data_create(key, strlen(value) + 1);
    strcpy(kept, value);
    take_out(name);
    return kept;
}
