/* SPDX-License-Identifier: Apache-2.0 */
/* ChatProviderKey: the keys of a provider, or the secrets of tokens that are
 * shown in their place. Main thread, config time. */
#include "chat_config_int.h"

#include <apr_strings.h>

#define JWT "jwt:"
#define JWT_SECRET_MIN 32 /* bytes: RFC 7518, section 3.2 */

/* All keys of a provider are of one kind. */
static const char *read_kind(chat_provider_conf_t *conf, cmd_parms *cmd,
                             const char **pvalue)
{
    int signs = strncmp(*pvalue, JWT, sizeof(JWT) - 1) == 0;

    if (conf->signs != CHAT_UNSET && conf->signs != signs)
        return apr_psprintf(cmd->pool,
                            "%s: either all keys of a provider begin with "
                            "jwt:, or none",
                            cmd->cmd->name);
    conf->signs = signs;
    if (signs)
        *pvalue += sizeof(JWT) - 1;
    return NULL;
}

static const char *read_key(chat_provider_conf_t *conf, cmd_parms *cmd,
                            const char *value)
{
    const char **pkey = apr_array_push(conf->keys);
    const char *why = chat_config_secret(pkey, cmd, value);

    if (!why && conf->signs && strlen(*pkey) < JWT_SECRET_MIN)
        return apr_psprintf(cmd->pool,
                            "%s: the secret of tokens is too short: write at "
                            "least %d characters, as openssl rand -base64 32 "
                            "makes them",
                            cmd->cmd->name, JWT_SECRET_MIN);
    return why;
}

const char *chat_config_provider_key(chat_provider_conf_t *conf, cmd_parms *cmd,
                                     const char *value)
{
    const char *why = read_kind(conf, cmd, &value);

    if (why)
        return why;
    if (!conf->keys)
        conf->keys = apr_array_make(cmd->pool, 1, sizeof(const char *));
    if (conf->keys->nelts == CHAT_PROVIDER_KEYS_MAX)
        return apr_psprintf(cmd->pool, "%s: a provider has %d keys at most",
                            cmd->cmd->name, CHAT_PROVIDER_KEYS_MAX);
    return read_key(conf, cmd, value);
}
