/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no single directive can see: names that must exist by the end, and
 * combinations that let nobody in. The directives leave a note of what they
 * need; after httpd has merged its servers, the check_config hook looks. Runs
 * at start, at every restart and for configtest. Main thread.
 */
#include "chat_config_sections.h"

#include <http_core.h>
#include <http_main.h>
#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

typedef struct need_t {
    chat_need_e kind;
    const char *name;
    const char *where;
} need_t;

/* ---- members ---- */

static const chat_server_check_t server_unset = {
    .needs = NULL,
};

static const chat_server_check_t server_defaults = {
    .needs = NULL,
};

/* What the main server needs is looked up there. */
static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_check_t *add = addv;
    chat_server_check_t *m = mv;

    m->needs = add->needs;
}

const chat_config_feature_t chat_config_check_feature = {
    .server = CHAT_CONFIG_SERVER(check),
};

/* ---- what is needed ---- */

const char *chat_config_where(cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                        cmd->directive->line_num);
}

void chat_config_need(cmd_parms *cmd, chat_need_e kind, const char *name)
{
    chat_server_check_t *check;
    need_t *need;

    /* A request reads .htaccess: the server's structures are not its own. */
    if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL)
        return;
    check = &chat_config_server_of(cmd)->check;
    if (!check->needs)
        check->needs = apr_array_make(cmd->pool, 4, sizeof(need_t));
    need = apr_array_push(check->needs);
    need->kind = kind;
    need->name = name;
    need->where = chat_config_where(cmd);
}

static int has_model(const server_rec *s, const char *name)
{
    const apr_array_header_t *models = chat_config_models(s);
    int i;

    for (i = 0; i < models->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(models, i, chat_model_conf_t *)->name, name))
            return 1;
    return 0;
}

/* Does this server have what is needed? */
static int has(const server_rec *s, const need_t *need)
{
    if (need->kind == CHAT_NEED_PROVIDER || need->kind == CHAT_NEED_MODEL)
        return chat_config_provider(s, need->name) != NULL;
    if (need->kind == CHAT_NEED_TITLE)
        return has_model(s, need->name);
    if (need->kind == CHAT_NEED_SESSION)
        return chat_config_server(s)->auth.session_sql != NULL;
    if (need->kind == CHAT_NEED_SECRET)
        return chat_config_server(s)->keys.master != NULL;
    if (need->kind == CHAT_NEED_STORE_KEY)
        return chat_config_server(s)->upload.key != NULL;
    if (need->kind == CHAT_NEED_ADMIN)
        return chat_config_admin_home(s) != NULL;
    if (need->kind == CHAT_NEED_LOGS)
        return chat_config_server(s)->redis.url != NULL;
    return 1;
}

/* What stands outside virtual hosts holds in all of them, and may be meant for
 * some: one that has it is enough. */
static int satisfied(const server_rec *s, const need_t *need)
{
    const server_rec *other;

    if (has(s, need))
        return 1;
    for (other = s->is_virtual ? NULL : s->next; other; other = other->next) {
        if (has(other, need))
            return 1;
    }
    return 0;
}

static void report_missing(server_rec *s, const need_t *need)
{
    if (need->kind == CHAT_NEED_PROVIDER || need->kind == CHAT_NEED_MODEL) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0101) "%s \"%s\" at %s: this server has no "
                                  "<ChatProvider %s>",
                     need->kind == CHAT_NEED_MODEL ? "ChatModel with the "
                                                     "provider"
                                                   : "ChatUse",
                     need->name, need->where, need->name);
    }
    else if (need->kind == CHAT_NEED_LOGS) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0130) "ChatStreamResume redis at %s: there is no "
                                  "ChatRedis, which says where it is",
                     need->where);
    }
    else if (need->kind == CHAT_NEED_ADMIN) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
            CHATNO(0132) "ChatRoute admin at %s: there is no ChatAdmin "
                         "on, with which settings of the database "
                         "count",
            need->where);
    }
    else if (need->kind == CHAT_NEED_SECRET) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0155) "ChatUserKeys at %s: there is no "
                                  "ChatKeySecret, which users' keys are "
                                  "sealed with",
                     need->where);
    }
    else if (need->kind == CHAT_NEED_STORE_KEY) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0168) "ChatUploads at %s: there is no "
                                  "ChatUploadsKey, which the object store is "
                                  "asked with",
                     need->where);
    }
    else if (need->kind == CHAT_NEED_TITLE) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
            CHATNO(0131) "ChatTitleModel \"%s\" at %s: this server has "
                         "no ChatModel of that name",
            need->name, need->where);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0102) "ChatAuth \"%s\" at %s: this server has no "
                                  "ChatAuthSession, which says how to find a "
                                  "session",
                     need->name, need->where);
    }
}

static const need_t *find(const chat_server_conf_t *conf, chat_need_e kind)
{
    const apr_array_header_t *needs = conf->check.needs;
    int i;

    for (i = 0; needs && i < needs->nelts; i++) {
        need_t *need = &APR_ARRAY_IDX(needs, i, need_t);

        if (need->kind == kind)
            return need;
    }
    return NULL;
}

/* Only for who asks: the environment is all that some have, as containers. */
static void note_environment(server_rec *s, const need_t *env)
{
    if (!env || ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST)
        return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 CHATNO(0112) "%s at %s: what starts the server holds the "
                              "secret in its environment too; file:PATH, "
                              "with mode 600, is in none, and a reload reads "
                              "it anew",
                 env->name, env->where);
}

/* The first of a server's providers, or NULL. */
static apr_hash_index_t *first(const chat_server_conf_t *conf, apr_pool_t *p)
{
    return conf->provider.by_name ? apr_hash_first(p, conf->provider.by_name)
                                  : NULL;
}

/* Providers whose addresses everybody knows, and the path that their APIs have
 * there. */
static const struct {
    const char *host, *path;
} known_hosts[] = {
    {"api.openai.com", "/v1"},
    {"api.anthropic.com", "/v1"},
    {"generativelanguage.googleapis.com", "/v1beta"},
    {"openrouter.ai", "/api/v1"},
    {"api.mistral.ai", "/v1"},
};

static int is_named(const chat_server_conf_t *conf, const char *provider)
{
    const apr_array_header_t *needs = conf->check.needs;
    int i;

    for (i = 0; needs && i < needs->nelts; i++) {
        const need_t *need = &APR_ARRAY_IDX(needs, i, need_t);

        if ((need->kind == CHAT_NEED_PROVIDER ||
             need->kind == CHAT_NEED_MODEL || need->kind == CHAT_HAVE_ROUTE) &&
            !strcmp(need->name, provider))
            return 1;
    }
    return 0;
}

/* One that no route asks is of no account. */
static int is_asked(const chat_provider_conf_t *conf)
{
    const server_rec *s;

    for (s = ap_server_conf; s; s = s->next) {
        if (is_named(chat_config_server(s), conf->name))
            return 1;
    }
    return 0;
}

static void check_known_host(server_rec *s, const chat_provider_conf_t *conf)
{
    const char *path = strchr(conf->url + strlen("https://"), '/');
    apr_size_t i;

    for (i = 0; i < sizeof(known_hosts) / sizeof(known_hosts[0]); i++) {
        if (strcmp(conf->host, known_hosts[i].host) != 0 || !is_asked(conf))
            continue;
        if (!path)
            ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, s,
                         CHATNO(0124) "<ChatProvider %s> at %s: the API of %s "
                                      "is below a path: write ChatProviderURL "
                                      "%s%s",
                         conf->name, conf->defined_at, conf->host, conf->url,
                         known_hosts[i].path);
        if (conf->keys->nelts == 0)
            ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, s,
                         CHATNO(0125) "<ChatProvider %s> at %s has no "
                                      "ChatProviderKey, and %s refuses "
                                      "whoever sends none",
                         conf->name, conf->defined_at, conf->host);
    }
}

static void check_provider(server_rec *s, const chat_provider_conf_t *conf)
{
    check_known_host(s, conf);
    if (conf->keys->nelts > 0 && strncmp(conf->url, "http:", 5) == 0 &&
        !chat_config_url_is_local(conf->host)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     CHATNO(0104) "<ChatProvider %s> at %s sends its key over "
                                  "plain http to %s",
                     conf->name, conf->defined_at, conf->host);
    }
}

static int check_server(apr_pool_t *p, server_rec *s, server_rec *main_server)
{
    const chat_server_conf_t *conf = chat_config_server(s);
    const chat_server_conf_t *main_conf = chat_config_server(main_server);
    const apr_array_header_t *needs = conf->check.needs;
    apr_hash_index_t *hi;
    int i, faults = 0;

    for (i = 0; needs && i < needs->nelts; i++) {
        need_t *need = &APR_ARRAY_IDX(needs, i, need_t);

        if (!satisfied(s, need)) {
            report_missing(s, need);
            faults++;
        }
    }
    faults += chat_config_model_check(s, conf, main_conf);
    faults += chat_config_check_relayed(s, p);
    for (hi = first(conf, p); hi; hi = apr_hash_next(hi)) {
        const chat_provider_conf_t *own = apr_hash_this_val(hi);

        if (conf == main_conf ||
            own != chat_config_provider(main_server, own->name))
            check_provider(s, own);
    }
    return faults;
}

/* ---- of all servers together; set here, read-only afterwards ---- */

static apr_array_header_t *slots; /* const chat_provider_conf_t * */
static int redis_needed;

static void number(const chat_server_conf_t *conf, apr_pool_t *p)
{
    apr_hash_index_t *hi;

    for (hi = first(conf, p); hi; hi = apr_hash_next(hi)) {
        chat_provider_conf_t *own = apr_hash_this_val(hi);

        /* Hosts share what is written in the main server. */
        if (own->slot == CHAT_UNSET) {
            own->slot = slots->nelts;
            APR_ARRAY_PUSH(slots, const chat_provider_conf_t *) = own;
        }
    }
}

int chat_config_providers_count(void)
{
    return slots ? slots->nelts : 0;
}

const chat_provider_conf_t *chat_config_provider_at(int slot)
{
    return APR_ARRAY_IDX(slots, slot, const chat_provider_conf_t *);
}

int chat_config_redis_needed(void)
{
    return redis_needed;
}

int chat_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                      server_rec *s)
{
    const chat_server_conf_t *main_conf = chat_config_server(s);
    const need_t *env = NULL;
    server_rec *host;
    int faults = 0;

    redis_needed = 0;
    faults += chat_config_trace_check(s, pconf);
    slots = apr_array_make(pconf, 8, sizeof(const chat_provider_conf_t *));
    for (host = s; host; host = host->next) {
        chat_server_conf_t *conf =
            ap_get_module_config(host->module_config, &chat_module);

        /* A host in which nothing of ours is written shares the main one's. */
        if (host != s && conf == main_conf)
            continue;
        chat_config_server_defaults(conf, pconf);
        number(conf, ptemp);
        redis_needed |= find(conf, CHAT_NEED_REDIS) != NULL;
        faults += check_server(ptemp, host, s);
        env = env ? env : find(conf, CHAT_HAVE_ENV);
    }
    chat_config_resume_settle(s);
    if (!faults) {
        chat_config_advice_give(s, ptemp);
        chat_config_mounts_find(s, pconf);
        chat_config_sections_complete(s, pconf);
    }
    note_environment(s, env);
    return faults ? HTTP_INTERNAL_SERVER_ERROR : OK;
}
