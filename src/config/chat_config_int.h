/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside config/ only: what a feature of the configuration is made of, parsers
 * of values, secrets. All run while a configuration is read: at start-up on the
 * main thread, and for .htaccess on a request's thread with that request's
 * pools.
 *
 * Every parser and setter returns NULL, or a sentence that names the
 * directive, the value and what is accepted.
 */
#ifndef CHAT_CONFIG_INT_H
#define CHAT_CONFIG_INT_H

#include <httpd.h>
#include <http_config.h>

#include "chat_config.h"

/*
 * ---- a feature: a file chat_config_<feature>.c and its line in
 * chat_config_list.h ----
 */

/* A feature's members in one of the two structures. */
typedef struct chat_config_part_t {
    apr_size_t offset, size; /* size 0: it has none there */
    const void *unset;       /* the members while nobody has written them */
    const void *defaults;    /* what holds then */
    /* The inner scope (add) wins, one directive at a time. m is neither of the
     * two, and all zero. p lives as long as m. */
    void (*merge)(void *m, const void *base, const void *add, apr_pool_t *p);
} chat_config_part_t;

/* One row more than fits does not compile. */
#define CHAT_CONFIG_CMDS_MAX 16

typedef struct chat_config_feature_t {
    command_rec cmds[CHAT_CONFIG_CMDS_MAX]; /* without a name: no row */
    chat_config_part_t dir;
    chat_config_part_t server;
    /* What defaults alone cannot say of a request's configuration; p is the
     * request's. NULL: nothing. */
    void (*complete)(chat_dir_conf_t *conf, apr_pool_t *p);
} chat_config_feature_t;

/* A feature's part, of dir_unset, dir_defaults and dir_merge (server_unset and
 * so on) of its file. */
#define CHAT_CONFIG_DIR(feature)                                               \
    {                                                                          \
        APR_OFFSETOF(chat_dir_conf_t, feature),                                \
            sizeof(chat_dir_##feature##_t), &dir_unset, &dir_defaults,         \
            dir_merge                                                          \
    }
#define CHAT_CONFIG_SERVER(feature)                                            \
    {                                                                          \
        APR_OFFSETOF(chat_server_conf_t, feature),                             \
            sizeof(chat_server_##feature##_t), &server_unset,                  \
            &server_defaults, server_merge                                     \
    }

#define CHAT_CONFIG(feature)                                                   \
    extern const chat_config_feature_t chat_config_##feature##_feature;
#include "chat_config_list.h"
#undef CHAT_CONFIG

/* Of a number, a time or a flag: what is written inside, else what holds
 * outside. */
static inline apr_int64_t chat_config_pick(apr_int64_t base, apr_int64_t add)
{
    return add == CHAT_UNSET ? base : add;
}

/* The same of a pointer; an array counts as a whole. */
static inline void *chat_config_pick_ptr(const void *base, const void *add)
{
    return (void *)(add ? add : base);
}

/* An array without elements, which is only read and so needs no pool. */
#define CHAT_CONFIG_EMPTY(type)                                                \
    ((apr_array_header_t *)&(const apr_array_header_t){.elt_size =             \
                                                           sizeof(type)})

/* Where a directive may stand: the classes of AllowOverride. RSRC_CONF is
 * added, without which httpd would not take it outside directory sections. */
#define CHAT_OR_LIMIT (OR_LIMIT | RSRC_CONF)
#define CHAT_OR_AUTHCFG (OR_AUTHCFG | RSRC_CONF)
#define CHAT_OR_FILEINFO OR_FILEINFO
#define CHAT_OR_DIRECTORY (ACCESS_CONF | RSRC_CONF) /* not in .htaccess */
#define CHAT_OR_SERVER RSRC_CONF

/* The configuration of the server that a directive is read for. */
chat_server_conf_t *chat_config_server_of(cmd_parms *cmd);

/* A directory's configuration with every default filled in, in p. */
const chat_dir_conf_t *chat_config_dir_complete(const chat_dir_conf_t *conf,
                                                apr_pool_t *p);

/* Give every unset member its default, in place. */
void chat_config_server_defaults(chat_server_conf_t *conf, apr_pool_t *p);

/* ---- chat_config_value.c: from words to members ---- */

typedef struct chat_config_rule_t chat_config_rule_t;

/* Set a member to what value says. what is the directive, or the directive and
 * the option, as in "ChatMock words". */
typedef const char *chat_config_value_cb(void *member,
                                         const chat_config_rule_t *rule,
                                         cmd_parms *cmd, const char *what,
                                         const char *value);

/* Strings of one kind. *pout is the value, or its normal form. */
typedef const char *chat_config_string_cb(const char **pout, const char *what,
                                          const char *value, apr_pool_t *p);

/* How an option KEY=VALUE, or a directive that takes one value, is read. */
struct chat_config_rule_t {
    const char *name;          /* KEY; NULL: of a directive, or the end */
    chat_config_value_cb *set; /* one of those below, or a feature's own */
    apr_size_t offset;         /* of the member in its structure */
    apr_int64_t min, max;      /* of an int, a count, bytes, a time */
    int off;                   /* of a time: "off" is accepted and gives 0 */
    const char *const *names;  /* of a name, ended by NULL; each stands at the
                                  index that it means */
    chat_config_string_cb *parse; /* of strings */
    int main; /* of a directive: a member of the main server */
};

chat_config_value_cb chat_config_value_int;     /* int */
chat_config_value_cb chat_config_value_count;   /* int, with K and M */
chat_config_value_cb chat_config_value_bytes;   /* apr_int64_t */
chat_config_value_cb chat_config_value_time;    /* apr_interval_time_t */
chat_config_value_cb chat_config_value_price;   /* apr_int64_t, as in
                                                   chat_price_t */
chat_config_value_cb chat_config_value_flag;    /* int: on or off */
chat_config_value_cb chat_config_value_name;    /* int: index in names */
chat_config_value_cb chat_config_value_string;  /* const char * */
chat_config_value_cb chat_config_value_strings; /* an array of them: "a,b" */

/* For the rows of directives: CHAT_CONFIG_IN_DIR(request.depth,
 * .set = chat_config_value_int, .min = 1, .max = 1000). */
#define CHAT_CONFIG_RULE(type, member, ...)                                    \
    ((void *)&(const chat_config_rule_t){.offset = APR_OFFSETOF(type, member), \
                                         __VA_ARGS__})
#define CHAT_CONFIG_IN_DIR(member, ...)                                        \
    CHAT_CONFIG_RULE(chat_dir_conf_t, member, __VA_ARGS__)
#define CHAT_CONFIG_IN_MAIN(member, ...)                                       \
    CHAT_CONFIG_RULE(chat_server_conf_t, member, .main = 1, __VA_ARGS__)

/* For the tables of options, in any order. */
#define CHAT_CONFIG_OPTION(key, type, member, ...)                             \
    {                                                                          \
        .name = key, .offset = APR_OFFSETOF(type, member), __VA_ARGS__         \
    }

/* Set the member of a rule in its structure. */
const char *chat_config_apply(void *conf, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value);

/* Functions of directives with a rule: one value; a list of strings, which
 * replaces one in the same scope. */
const char *chat_config_set(cmd_parms *cmd, void *dir, const char *value);
const char *chat_config_set_list(cmd_parms *cmd, void *dir, int argc,
                                 char *const argv[]);

/* KEY=VALUE for members of conf, by the rules of options, of which the last has
 * no name. Each key once: *pseen is a bit set that grows. */
const char *chat_config_options(void *conf, const chat_config_rule_t *options,
                                unsigned *pseen, cmd_parms *cmd, int argc,
                                char *const argv[]);

/* Is that one among those that were seen? */
int chat_config_option_seen(const chat_config_rule_t *options, unsigned seen,
                            const char *name);

/* A directive of a directory context? In <Limit GET> it would still hold for
 * every method, whatever the reader thinks: so none of ours stands there. */
const char *chat_config_check_dir(cmd_parms *cmd);

/* The same, with as many arguments as httpd can hand over, and at least one? */
const char *chat_config_check_args(cmd_parms *cmd, int argc);

/* An httpd expression that gives a string, or else yes or no. */
const char *chat_config_parse_expr(cmd_parms *cmd, const ap_expr_info_t **pexpr,
                                   const char *text, int string);

/* "NAME:ARGS" of a shared object cache whose module is loaded. */
const char *chat_config_parse_store(const char **pname, const char **pargs,
                                    cmd_parms *cmd, const char *value);

/* ---- chat_config_parse.c: what is the directive, or "ChatMock words" ---- */

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
const char *chat_config_parse_price(apr_int64_t *pvalue, const char *what,
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

chat_config_string_cb chat_config_parse_word;    /* name of a provider */
chat_config_string_cb chat_config_parse_model;   /* name of a model */
chat_config_string_cb chat_config_parse_pattern; /* a model, with * and ? */
chat_config_string_cb chat_config_parse_cookie;  /* name of a cookie */
chat_config_string_cb chat_config_parse_origin;  /* scheme://host[:port] */
chat_config_string_cb chat_config_parse_sql;     /* SELECT with one %s */

/* "a, b or c" */
const char *chat_config_listed(const char *const *names, apr_pool_t *p);

/* "NAME does not accept "VALUE": write ACCEPTED". */
const char *chat_config_refuse(const char *what, const char *value,
                               const char *accepted, apr_pool_t *p);

/* ---- chat_config_url.c ---- */

typedef struct chat_config_url_t {
    const char *base; /* scheme://host[:port], in lower case */
    const char *path; /* as it was written; "": none */
    const char *host; /* without brackets */
    apr_port_t port;
    int tls; /* 1: https */
} chat_config_url_t;

/* http or https, without user, query and fragment. example is shown to whoever
 * wrote another. */
const char *chat_config_parse_url(chat_config_url_t *url, const char *what,
                                  const char *value, const char *example,
                                  apr_pool_t *p);

/* 1 when the name can only be of this machine. */
int chat_config_url_is_local(const char *host);

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

/* What is made of the text of a secret that may have several lines. */
typedef const char *chat_config_secret_fn(void *out, const char *text,
                                          apr_size_t len, cmd_parms *cmd);

/* The same for one that keep() makes something of: no copy is left. */
const char *chat_config_secret_lines(cmd_parms *cmd, const char *spec,
                                     chat_config_secret_fn *keep, void *out);

/* ---- chat_config_admin.c ---- */

/* A policy that an administrator may name, unless it is of .htaccess. */
void chat_config_admin_policy(cmd_parms *cmd, const chat_limit_conf_t *policy);

/* ---- chat_config_store.c ---- */

/* A time that is mostly written in days. */
chat_config_value_cb chat_config_store_days;

/* ---- chat_config_provider_key.c ---- */

/* A key more, or why not: as above, with "jwt:" before it the secret of tokens.
 */
const char *chat_config_provider_key(chat_provider_conf_t *conf, cmd_parms *cmd,
                                     const char *value);

/* ---- chat_config_auth.c ---- */

/* A directive of secrets: they are added to the list that its rule names. */
const char *chat_config_auth_secrets(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[]);

/* ---- chat_config_layout.c ---- */

/* The statement of a named layout of sessions ("kysely-pgsql"), with or without
 * the columns of better-auth's admin plugin, or NULL. */
const char *chat_config_layout(const char *name, int admin);
/* "kysely-pgsql, drizzle-pgsql ...", for messages. */
const char *chat_config_layout_names(void);

/* ---- chat_config_model.c ---- */

/* What the models of a server are to each other; how many faults were logged. A
 * host's are checked without those it has from the main server. */
int chat_config_model_check(server_rec *s, const chat_server_conf_t *conf,
                            const chat_server_conf_t *main_conf);

/* ---- chat_config_route.c ---- */

/* Must that route know who asks? The mock stands in for a provider, and those
 * know no users; limits are an administrator's, who has Require; models are
 * shown to everybody where nobody is asked, and health always. */
int chat_config_route_has_users(int route);

/* ---- chat_config_check.c: what no single directive can see ---- */

typedef enum {
    CHAT_NEED_PROVIDER,  /* ChatUse names one */
    CHAT_NEED_MODEL,     /* ChatModel names a provider */
    CHAT_NEED_TITLE,     /* ChatTitleModel names a model */
    CHAT_NEED_REDIS,     /* a policy refuses without it */
    CHAT_NEED_LOGS,      /* ChatStreamResume keeps logs in ChatRedis */
    CHAT_NEED_SECRET,    /* ChatUserKeys seals with it */
    CHAT_NEED_STORE_KEY, /* ChatUploads asks an object store with it */
    CHAT_NEED_ADMIN,     /* ChatRoute admin writes settings */
    CHAT_NEED_SESSION,   /* ChatAuth has a scheme that reads sessions */
    CHAT_HAVE_ROUTE,     /* a route that asks the provider of its name */
    CHAT_HAVE_ENV        /* a secret is given as env: */
} chat_need_e;

/* Remember it for check_config; nothing happens in .htaccess. */
void chat_config_need(cmd_parms *cmd, chat_need_e kind, const char *name);

/* "file:line" of the directive, in cmd->pool. */
const char *chat_config_where(cmd_parms *cmd);

/* ---- chat_config_trace.c ---- */

/* A part of one, as in 0.25, in CHAT_RATIO_ALL of it. */
const char *chat_config_trace_ratio(int *pratio, const char *what,
                                    const char *value, apr_pool_t *p);

/* The path of a file that is there, in p. */
const char *chat_config_trace_file(const char **ppath, const char *what,
                                   const char *value, apr_pool_t *p);

/* ---- chat_config_trace_setup.c ---- */

/* What chat_config_trace() says from now on, in pconf, and how many faults of
 * the environment were logged; before the configuration is complete. */
int chat_config_trace_check(server_rec *main_server, apr_pool_t *pconf);

/* ---- chat_config_resume.c ---- */

/* Of the whole configuration: what ChatStreamResume is where nobody says. */
void chat_config_resume_settle(server_rec *main_server);

/* ---- chat_config_limit.c ---- */

/* What holds where a policy says nothing else. */
extern const chat_limit_conf_t chat_config_limit_defaults;
extern const char *const chat_config_limit_fail_names[];

/* NULL, or that a policy cannot have such a name. */
const char *chat_config_limit_name(cmd_parms *cmd, const char *name);
/* In the place of one of its name, or behind the others. */
void chat_config_limit_add(cmd_parms *cmd, chat_dir_limit_t *limit,
                           chat_limit_conf_t *policy);

/* ---- chat_config_abuse.c ---- */

/* ChatAbuse. */
const char *chat_config_abuse(cmd_parms *cmd, void *dirv, int argc,
                              char *const argv[]);

/* ---- chat_config_limit_points.c ---- */

/* POINTS/WINDOW of a policy, or DOLLARS/WINDOW of one of money. */
const char *chat_config_limit_points(cmd_parms *cmd, chat_limit_conf_t *policy,
                                     const char *text, int money);
/* "utc", "local" or "+05:30" for a chat_limit_zone_t: there is no list of the
 * world's zones here. */
chat_config_value_cb chat_config_limit_points_zone;
/* A day is one of the calendar where its zone is written. */
const char *chat_config_limit_points_period(chat_limit_conf_t *policy,
                                            int zone);

#endif
