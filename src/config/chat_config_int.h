/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside config/ only: value parsers, secrets, the provider section. All run
 * while a configuration is read: at start-up on the main thread, and for
 * .htaccess on a request's thread with that request's pools.
 *
 * Every parser and setter returns NULL, or a sentence that names the
 * directive, the value and what is accepted.
 */
#ifndef CHAT_CONFIG_INT_H
#define CHAT_CONFIG_INT_H

#include <httpd.h>
#include <http_config.h>

#include "chat_config.h"

/* ---- chat_config_parse.c: what is the directive, or "ChatMock words" ---- */

/* NULL-terminated, in the order of the enums in chat_config.h. */
extern const char *const chat_config_route_names[];
extern const char *const chat_config_provider_names[];
extern const char *const chat_config_auth_names[]; /* and "none" at the end */

/* A whole decimal number, min..max. */
const char *chat_config_parse_int(int *pvalue, const char *what,
                                  const char *value, int min, int max,
                                  apr_pool_t *p);

/* Bytes, min..max, with K, M or G for powers of 1024. */
const char *chat_config_parse_bytes(apr_int64_t *pvalue, const char *what,
                                    const char *value, apr_int64_t min,
                                    apr_int64_t max, apr_pool_t *p);

/* A time with us, ms, s, m or h (s when there is none), min..max. With off,
 * the word "off" is accepted too and gives 0. */
const char *chat_config_parse_time(apr_interval_time_t *pvalue,
                                   const char *what, const char *value,
                                   apr_interval_time_t min,
                                   apr_interval_time_t max, int off,
                                   apr_pool_t *p);

/* A whole number, min..max, with K and M for thousands and millions. */
const char *chat_config_parse_count(int *pvalue, const char *what,
                                    const char *value, int min, int max,
                                    apr_pool_t *p);

/* A decimal fraction of US dollars. */
const char *chat_config_parse_price(double *pvalue, const char *what,
                                    const char *value, apr_pool_t *p);

/* 1 when value is one of names: its index. */
int chat_config_find(int *pvalue, const char *value, const char *const *names);

/* The index of value in names; the sentence lists them. */
const char *chat_config_parse_name(int *pvalue, const char *what,
                                   const char *value, const char *const *names,
                                   apr_pool_t *p);

/* on is 1, off is 0. */
const char *chat_config_parse_flag(int *pvalue, const char *what,
                                   const char *value, apr_pool_t *p);

/* key=value, key one of keys and not in *pseen, a bit set that grows. */
const char *chat_config_parse_pair(int *pkey, const char **pvalue,
                                   unsigned *pseen, const char *what,
                                   const char *arg, const char *const *keys,
                                   apr_pool_t *p);

/* Strings of one kind. *pout is the value, or its normal form. */
typedef const char *chat_config_string_cb(const char **pout, const char *what,
                                          const char *value, apr_pool_t *p);
chat_config_string_cb chat_config_parse_word;    /* name of a provider */
chat_config_string_cb chat_config_parse_model;   /* name of a model */
chat_config_string_cb chat_config_parse_pattern; /* ... with * and ? */
chat_config_string_cb chat_config_parse_cookie;  /* name of a cookie */
chat_config_string_cb chat_config_parse_origin;  /* scheme://host[:port] */
chat_config_string_cb chat_config_parse_sql;     /* SELECT with one %s */

/* "a, b or c" */
const char *chat_config_listed(const char *const *names, apr_pool_t *p);

/* "NAME does not accept "VALUE": write ACCEPTED". */
const char *chat_config_refuse(const char *what, const char *value,
                               const char *accepted, apr_pool_t *p);

/* ---- chat_config.c ---- */

/* Give every unset member its default, in place. */
void chat_config_server_defaults(chat_server_conf_t *conf);

/* ---- chat_config_env.c ---- */

/* The value of an environment variable as it was when httpd was started, or
 * NULL. It lives as long as httpd. The variable is gone from the environment
 * afterwards, for everybody but this function. Start-up, main thread. */
const char *chat_config_env(cmd_parms *cmd, const char *name);

/* ---- chat_config_secret.c ---- */

/*
 * The secret that spec points at: "env:NAME", "file:PATH" or "exec:PATH ARGS".
 * *psecret lives in cmd->pool and is overwritten when that is cleared. No
 * sentence ever holds the secret, nor a spec that may be one itself.
 */
const char *chat_config_secret(const char **psecret, cmd_parms *cmd,
                               const char *spec);

/* ---- chat_config_provider.c: <ChatProvider> and what stands in it ---- */

const char *chat_config_provider_section(cmd_parms *cmd, void *dir,
                                         const char *arg);
const char *chat_config_provider_type(cmd_parms *cmd, void *dir,
                                      const char *value);
const char *chat_config_provider_url(cmd_parms *cmd, void *dir,
                                     const char *value);
const char *chat_config_provider_key(cmd_parms *cmd, void *dir,
                                     const char *value);
const char *chat_config_provider_auth(cmd_parms *cmd, void *dir,
                                      const char *value);
const char *chat_config_provider_version(cmd_parms *cmd, void *dir,
                                         const char *value);
const char *chat_config_provider_api(cmd_parms *cmd, void *dir,
                                     const char *value);
const char *chat_config_provider_store(cmd_parms *cmd, void *dir,
                                       const char *value);
const char *chat_config_provider_breaker(cmd_parms *cmd, void *dir, int argc,
                                         char *const argv[]);
const char *chat_config_provider_timeout(cmd_parms *cmd, void *dir, int argc,
                                         char *const argv[]);

/* ---- chat_config_cmds.c ---- */

/* A directive of a directory context, with a sane number of arguments? */
const char *chat_config_check_args(cmd_parms *cmd, int argc);

/* An httpd expression that gives a string, or else yes or no. */
const char *chat_config_parse_expr(cmd_parms *cmd, const ap_expr_info_t **pexpr,
                                   const char *text, int string);

/* "NAME:ARGS" of a shared object cache whose module is loaded. */
const char *chat_config_parse_store(const char **pname, const char **pargs,
                                    cmd_parms *cmd, const char *value);

/* ---- chat_config_auth.c: who may ask ---- */

const char *chat_config_auth(cmd_parms *cmd, void *dir, int argc,
                             char *const argv[]);
const char *chat_config_auth_secret(cmd_parms *cmd, void *dir, int argc,
                                    char *const argv[]);
const char *chat_config_auth_session(cmd_parms *cmd, void *dir,
                                     const char *layout, const char *more);
const char *chat_config_auth_cache(cmd_parms *cmd, void *dir,
                                   const char *value);
const char *chat_config_auth_store(cmd_parms *cmd, void *dir,
                                   const char *value);

/* ---- chat_config_layout.c ---- */

/* The statement of a named layout of sessions ("kysely-pgsql"), with or without
 * the columns of better-auth's admin plugin, or NULL. */
const char *chat_config_layout(const char *name, int admin);
/* "kysely-pgsql, drizzle-pgsql ...", for messages. */
const char *chat_config_layout_names(void);

/* ---- chat_config_model.c: models, and who may use them ---- */

const char *chat_config_model(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[]);
const char *chat_config_model_allow(cmd_parms *cmd, void *dir, int argc,
                                    char *const argv[]);
/* What the models of a server are to each other; how many faults were told. A
 * host's are checked without those it has from the main server. */
int chat_config_model_check(server_rec *s, const chat_server_conf_t *conf,
                            const chat_server_conf_t *main_conf);

/* ---- chat_config_walk.c: how a location goes about it ---- */

const char *chat_config_retry(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[]);
const char *chat_config_context(cmd_parms *cmd, void *dir, int argc,
                                char *const argv[]);
const char *chat_config_context_store(cmd_parms *cmd, void *dir,
                                      const char *value);
const char *chat_config_health(cmd_parms *cmd, void *dir, const char *value);

/* ---- chat_config_limit.c: policies ---- */

const char *chat_config_limit(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[]);
const char *chat_config_limit_exempt(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[]);
const char *chat_config_limit_tier(cmd_parms *cmd, void *dir,
                                   const char *value);

/* Policies of the inner scope replace those of the outer of the same name. */
apr_array_header_t *chat_config_limits_merge(apr_pool_t *p,
                                             const apr_array_header_t *base,
                                             const apr_array_header_t *add);
/* Without those that are off. */
apr_array_header_t *chat_config_limits_on(apr_pool_t *p,
                                          apr_array_header_t *limits);

/* ---- chat_config_redis.c ---- */

const char *chat_config_redis(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[]);
const char *chat_config_limit_table(cmd_parms *cmd, void *dir,
                                    const char *value);
const char *chat_config_limit_keys(cmd_parms *cmd, void *dir,
                                   const char *value);

/* ---- chat_config_check.c: what no single directive can see ---- */

typedef enum {
    CHAT_NEED_PROVIDER, /* ChatUse names one */
    CHAT_NEED_MODEL,    /* ChatModel names a provider */
    CHAT_NEED_REDIS,    /* a policy refuses without it */
    CHAT_NEED_SESSION,  /* ChatAuth has a scheme that reads sessions */
    CHAT_NEED_AUTH,     /* a route that somebody must be let in to */
    CHAT_HAVE_AUTH,     /* ChatAuth is written */
    CHAT_HAVE_ENV       /* a secret is given as env: */
} chat_need_e;

/* Remember it for check_config; nothing happens in .htaccess. */
void chat_config_need(cmd_parms *cmd, chat_need_e kind, const char *name);

/* "file:line" of the directive, in cmd->pool. */
const char *chat_config_where(cmd_parms *cmd);

#endif
