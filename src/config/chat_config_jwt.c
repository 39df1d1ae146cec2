/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that carry their claims themselves: which keys sign them, what they
 * must say, and which claims tell who somebody is: ChatAuthJWT, ChatAuthJWKS,
 * ChatAuthJWTSecret, ChatAuthClaim. None stands in .htaccess: whoever could
 * write them there would make himself anybody. Config time.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

/* A set of keys has some kilobytes. */
#define JWKS_MAX (1024 * 1024)

/* ---- members ---- */

static const chat_dir_jwt_t dir_unset = {
    .secrets = NULL,
    .jwks = NULL,
    .issuers = NULL,
    .audiences = NULL,
    .required = NULL,
    .leeway = CHAT_UNSET,
    .expires = CHAT_UNSET,
    .id = NULL,
    .role = NULL,
    .tier = NULL,
};

static const chat_dir_jwt_t dir_defaults = {
    .secrets = CHAT_CONFIG_EMPTY(const char *),
    .jwks = NULL,
    .issuers = CHAT_CONFIG_EMPTY(const char *),
    .audiences = CHAT_CONFIG_EMPTY(const char *),
    .required = CHAT_CONFIG_EMPTY(const char *),
    .leeway = 15 * APR_USEC_PER_SEC,
    .expires = 3600 * APR_USEC_PER_SEC,
    .id = "sub",
    .role = "role",
    .tier = "tier",
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_jwt_t *base = basev, *add = addv;
    chat_dir_jwt_t *m = mv;

    m->secrets = chat_config_pick_ptr(base->secrets, add->secrets);
    m->jwks = chat_config_pick_ptr(base->jwks, add->jwks);
    m->issuers = chat_config_pick_ptr(base->issuers, add->issuers);
    m->audiences = chat_config_pick_ptr(base->audiences, add->audiences);
    m->required = chat_config_pick_ptr(base->required, add->required);
    m->leeway = chat_config_pick(base->leeway, add->leeway);
    m->expires = chat_config_pick(base->expires, add->expires);
    m->id = chat_config_pick_ptr(base->id, add->id);
    m->role = chat_config_pick_ptr(base->role, add->role);
    m->tier = chat_config_pick_ptr(base->tier, add->tier);
}

static const chat_server_jwt_t server_unset = {
    .sets = NULL,
};

static const chat_server_jwt_t server_defaults = {
    .sets = NULL,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_jwt_t *base = basev, *add = addv;
    chat_server_jwt_t *m = mv;

    m->sets = chat_config_pick_ptr(base->sets, add->sets);
}

/* ---- KEY=VALUE ---- */

static const char *parse_text(const char **pout, const char *what,
                              const char *value, apr_pool_t *p)
{
    if (!*value)
        return chat_config_refuse(what, value, "a name", p);
    *pout = value;
    return NULL;
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_dir_jwt_t, member, __VA_ARGS__)

static const chat_config_rule_t rules[] = {
    OPTION("issuer", issuers, .set = chat_config_value_strings,
           .parse = parse_text),
    OPTION("audience", audiences, .set = chat_config_value_strings,
           .parse = parse_text),
    OPTION("require", required, .set = chat_config_value_strings,
           .parse = parse_text),
    OPTION("leeway", leeway, .set = chat_config_value_time, .min = 0,
           .max = 600 * APR_USEC_PER_SEC),
    OPTION("expires", expires, .set = chat_config_value_time,
           .min = APR_USEC_PER_SEC, .max = 86400 * APR_USEC_PER_SEC),
    {NULL}};

static const chat_config_rule_t claims[] = {
    OPTION("id", id, .set = chat_config_value_string, .parse = parse_text),
    OPTION("role", role, .set = chat_config_value_string, .parse = parse_text),
    OPTION("tier", tier, .set = chat_config_value_string, .parse = parse_text),
    {NULL}};

static const char *set_options(cmd_parms *cmd, void *dirv, int argc,
                               char *const argv[])
{
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    return why ? why
               : chat_config_options(&((chat_dir_conf_t *)dirv)->jwt, cmd->info,
                                     &seen, cmd, argc, argv);
}

/* ---- sets of keys ---- */

static const char *read_keys(chat_jwks_conf_t *jwks, cmd_parms *cmd)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *text;
    apr_status_t rv = apr_file_open(&file, jwks->path, APR_FOPEN_READ,
                                    APR_FPROT_OS_DEFAULT, cmd->temp_pool);

    if (rv != APR_SUCCESS)
        return apr_psprintf(cmd->pool, "%s: %s cannot be opened: %pm",
                            cmd->cmd->name, jwks->path, &rv);
    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv != APR_SUCCESS || info.filetype != APR_REG || info.size > JWKS_MAX) {
        apr_file_close(file);
        return apr_psprintf(cmd->pool,
                            "%s: %s is no regular file of at most 1 MiB",
                            cmd->cmd->name, jwks->path);
    }
    text = apr_palloc(cmd->pool, (apr_size_t)info.size + 1);
    rv = apr_file_read_full(file, text, (apr_size_t)info.size, &jwks->len);
    apr_file_close(file);
    if (rv != APR_SUCCESS && rv != APR_EOF)
        return apr_psprintf(cmd->pool, "%s: %s cannot be read: %pm",
                            cmd->cmd->name, jwks->path, &rv);
    text[jwks->len] = '\0';
    jwks->text = text;
    return NULL;
}

/* Whoever can change what is fetched can make himself anybody. */
static const char *parse_location(chat_jwks_conf_t *jwks, cmd_parms *cmd,
                                  const char *value)
{
    chat_config_url_t url;
    const char *why = chat_config_parse_url(
        &url, cmd->cmd->name, value, "https://app.example.com/api/auth/jwks",
        cmd->pool);

    if (why)
        return why;
    if (!url.tls && !chat_config_url_is_local(url.host))
        return chat_config_refuse(cmd->cmd->name, value,
                                  "https://, or a host of this machine",
                                  cmd->pool);
    jwks->url = apr_pstrcat(cmd->pool, url.base, url.path, NULL);
    return NULL;
}

static const char *parse_set(chat_jwks_conf_t *jwks, cmd_parms *cmd,
                             const char *value)
{
    if (!strncmp(value, "http://", 7) || !strncmp(value, "https://", 8))
        return parse_location(jwks, cmd, value);
    if (strncmp(value, "file:", 5) || !value[5])
        return chat_config_refuse(cmd->cmd->name, value,
                                  "file:PATH or https://HOST/PATH", cmd->pool);
    jwks->path = ap_server_root_relative(cmd->pool, value + 5);
    return read_keys(jwks, cmd);
}

/* What the keys of a file are worth auth/ says, at configtest. */
static const char *set_jwks(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_server_jwt_t *server = &chat_config_server_of(cmd)->jwt;
    chat_jwks_conf_t *jwks;
    const char *why = chat_config_check_dir(cmd);

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (why)
        return why;
    jwks = apr_pcalloc(cmd->pool, sizeof(*jwks));
    jwks->where = chat_config_where(cmd);
    why = parse_set(jwks, cmd, value);
    if (why)
        return why;
    if (!server->sets)
        server->sets = apr_array_make(cmd->pool, 2, sizeof(jwks));
    APR_ARRAY_PUSH(server->sets, chat_jwks_conf_t *) = jwks;
    ((chat_dir_conf_t *)dirv)->jwt.jwks = jwks;
    return NULL;
}

const chat_config_feature_t chat_config_jwt_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatAuthJWT", set_options, (void *)rules,
                              CHAT_OR_DIRECTORY,
                              "[issuer=NAME,...] [audience=NAME,...] "
                              "[require=CLAIM,...] [leeway=TIME] "
                              "[expires=TIME]"),
            AP_INIT_TAKE_ARGV("ChatAuthJWTSecret", chat_config_auth_secrets,
                              CHAT_CONFIG_IN_DIR(jwt.secrets),
                              CHAT_OR_DIRECTORY,
                              "env:NAME, file:PATH or \"exec:PATH ARGS\""),
            AP_INIT_TAKE1("ChatAuthJWKS", set_jwks, NULL, CHAT_OR_DIRECTORY,
                          "file:PATH or https://HOST/PATH of a JWK set"),
            AP_INIT_TAKE_ARGV("ChatAuthClaim", set_options, (void *)claims,
                              CHAT_OR_DIRECTORY,
                              "[id=CLAIM] [role=CLAIM] [tier=CLAIM]"),
        },
    .dir = CHAT_CONFIG_DIR(jwt),
    .server = CHAT_CONFIG_SERVER(jwt),
};
