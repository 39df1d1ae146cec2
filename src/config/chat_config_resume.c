/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that outlive the connection of their client: ChatStreamResume and
 * ChatStreamOnLeave. Config time; for .htaccess a request's thread with its
 * pools.
 */
#include "chat_config_int.h"

#include "chat_log.h"

static const chat_dir_resume_t dir_unset = {
    .finish = CHAT_UNSET,
    .alone = CHAT_UNSET,
};

static const chat_dir_resume_t dir_defaults = {
    .finish = 0,
    .alone = 0,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_resume_t *base = basev, *add = addv;
    chat_dir_resume_t *m = mv;

    m->finish = chat_config_pick(base->finish, add->finish);
    m->alone = chat_config_pick(base->alone, add->alone);
}

static const chat_server_resume_t server_unset = {
    .kind = CHAT_UNSET,
    .directory = NULL,
    .age = CHAT_UNSET,
    .size = CHAT_UNSET,
};

static const chat_server_resume_t server_defaults = {
    .kind = CHAT_RESUME_USUAL,
    .directory = NULL,
    .age = 15 * 60 * APR_USEC_PER_SEC,
    .size = 16 * 1024 * 1024,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_resume_t *base = basev, *add = addv;
    chat_server_resume_t *m = mv;

    m->kind = chat_config_pick(base->kind, add->kind);
    m->directory = chat_config_pick_ptr(base->directory, add->directory);
    m->age = chat_config_pick(base->age, add->age);
    m->size = chat_config_pick(base->size, add->size);
}

/* One log is for all servers, so one that keeps conversations is enough. */
static int is_kept(const server_rec *s)
{
    for (; s; s = s->next) {
        const chat_server_store_t *store = &chat_config_server(s)->store;

        if (store->chats > 0 || store->vercel > 0)
            return 1;
    }
    return 0;
}

void chat_config_resume_settle(server_rec *main_server)
{
    const int kind = is_kept(main_server) ? CHAT_RESUME_SPOOL : CHAT_RESUME_OFF;
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        chat_server_conf_t *conf =
            ap_get_module_config(s->module_config, &chat_module);

        if (conf->resume.kind == CHAT_RESUME_USUAL)
            conf->resume.kind = kind;
    }
}

/* ---- ChatStreamResume ---- */

#define SPOOL_DIR "spool="

static const char *const kind_names[] = {
    [CHAT_RESUME_OFF] = "off",
    [CHAT_RESUME_SPOOL] = "spool",
    [CHAT_RESUME_REDIS] = "redis",
    NULL,
};

static const char *set_kind(chat_server_resume_t *resume, cmd_parms *cmd,
                            const char *value)
{
    apr_size_t len = sizeof(SPOOL_DIR) - 1;

    if (strncmp(value, SPOOL_DIR, len) != 0) {
        if (!chat_config_find(&resume->kind, value, kind_names))
            return chat_config_refuse("ChatStreamResume", value,
                                      "off, spool, spool=DIRECTORY or redis",
                                      cmd->pool);
        return NULL;
    }
    if (value[len] != '/')
        return chat_config_refuse("ChatStreamResume", value,
                                  "spool= with an absolute path", cmd->pool);
    resume->kind = CHAT_RESUME_SPOOL;
    resume->directory = value + len;
    return NULL;
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_server_resume_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("age", age, .set = chat_config_value_time,
           .min = 10 * APR_USEC_PER_SEC, .max = 86400 * APR_USEC_PER_SEC),
    OPTION("size", size, .set = chat_config_value_bytes, .min = 4096,
           .max = 1024 * 1024 * 1024),
    {NULL}};

static const char *set_resume(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[])
{
    chat_server_resume_t *resume = &chat_config_server_of(cmd)->resume;
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    unsigned seen = 0;

    if (!why && argc < 1)
        why = "ChatStreamResume takes off, spool, spool=DIRECTORY or redis";
    if (!why)
        why = set_kind(resume, cmd, argv[0]);
    if (!why && resume->kind == CHAT_RESUME_REDIS)
        chat_config_need(cmd, CHAT_NEED_LOGS, argv[0]);
    return why ? why
               : chat_config_options(resume, options, &seen, cmd, argc - 1,
                                     argv + 1);
}

/* ---- ChatStreamOnLeave ---- */

#define FINISH "finish"

static const char *set_on_leave(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_resume_t *resume = &((chat_dir_conf_t *)dirv)->resume;
    const char *why = chat_config_check_dir(cmd);
    apr_size_t len = sizeof(FINISH) - 1;

    if (why)
        return why;
    resume->finish = !strncmp(value, FINISH, len);
    resume->alone = 0;
    if (!strcmp(value, "stop") || !strcmp(value, FINISH))
        return NULL;
    if (!resume->finish || value[len] != '=')
        return chat_config_refuse("ChatStreamOnLeave", value,
                                  "stop, finish or finish=TIME", cmd->pool);
    return chat_config_parse_time(&resume->alone, "ChatStreamOnLeave finish",
                                  value + len + 1, APR_USEC_PER_SEC,
                                  86400 * APR_USEC_PER_SEC, 0, cmd->pool);
}

const chat_config_feature_t chat_config_resume_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatStreamResume", set_resume, NULL,
                              CHAT_OR_SERVER,
                              "off|spool[=DIRECTORY]|redis [age=TIME] "
                              "[size=BYTES]"),
            AP_INIT_TAKE1("ChatStreamOnLeave", set_on_leave, NULL,
                          CHAT_OR_FILEINFO, "stop|finish[=TIME]"),
        },
    .dir = CHAT_CONFIG_DIR(resume),
    .server = CHAT_CONFIG_SERVER(resume),
};
