/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conversations are kept, and how many of them: ChatStore,
 * ChatStoreMigrate, ChatStoreLimit, ChatRetention, ChatShare. Config time.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_strings.h>

static const chat_dir_store_t dir_unset = {
    .layout = CHAT_UNSET,
    .conversations = CHAT_UNSET,
    .messages = CHAT_UNSET,
    .bytes = CHAT_UNSET,
    .title = CHAT_UNSET,
    .parts = CHAT_UNSET,
    .metadata = CHAT_UNSET,
    .text = CHAT_UNSET,
    .import = CHAT_UNSET,
    .share_snapshot = CHAT_UNSET,
    .share_live = CHAT_UNSET,
};

static const chat_dir_store_t dir_defaults = {
    .layout = CHAT_STORE_OFF,
    .conversations = 5000,
    .messages = 2000,
    .bytes = 4 * 1024 * 1024,
    .title = 200,
    .parts = 64,
    .metadata = 16,
    .text = 2000,
    .import = 32 * 1024 * 1024,
    .share_snapshot = 1,
    .share_live = 0,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_store_t *base = basev, *add = addv;
    chat_dir_store_t *m = mv;

    m->layout = (int)chat_config_pick(base->layout, add->layout);
    m->conversations =
        (int)chat_config_pick(base->conversations, add->conversations);
    m->messages = (int)chat_config_pick(base->messages, add->messages);
    m->bytes = chat_config_pick(base->bytes, add->bytes);
    m->title = (int)chat_config_pick(base->title, add->title);
    m->parts = (int)chat_config_pick(base->parts, add->parts);
    m->metadata = (int)chat_config_pick(base->metadata, add->metadata);
    m->text = (int)chat_config_pick(base->text, add->text);
    m->import = chat_config_pick(base->import, add->import);
    m->share_snapshot =
        (int)chat_config_pick(base->share_snapshot, add->share_snapshot);
    m->share_live = (int)chat_config_pick(base->share_live, add->share_live);
}

static const chat_server_store_t server_unset = {
    .used = CHAT_UNSET,
    .chats = CHAT_UNSET,
    .vercel = CHAT_UNSET,
    .migrate = CHAT_UNSET,
    .deleted = CHAT_UNSET,
    .idle = CHAT_UNSET,
};

#define DAY (24 * 3600 * APR_USEC_PER_SEC)
#define DAYS_MAX 36500

static const chat_server_store_t server_defaults = {
    .used = 0,
    .chats = 0,
    .vercel = 0,
    .migrate = 0,
    .deleted = 30 * DAY,
    .idle = 0,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_store_t *base = basev, *add = addv;
    chat_server_store_t *m = mv;

    m->used = (int)chat_config_pick(base->used, add->used);
    m->chats = (int)chat_config_pick(base->chats, add->chats);
    m->vercel = (int)chat_config_pick(base->vercel, add->vercel);
    m->migrate = (int)chat_config_pick(base->migrate, add->migrate);
    m->deleted = chat_config_pick(base->deleted, add->deleted);
    m->idle = chat_config_pick(base->idle, add->idle);
}

/* ---- values ---- */

static const char *const layouts[] = {
    [CHAT_STORE_OFF] = "off",
    [CHAT_STORE_CHAT] = "chat",
    [CHAT_STORE_VERCEL] = "vercel",
    NULL,
};

/* A location that keeps conversations makes its server one that has a
 * database of them. */
static const char *set_store(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_store_t *store = &((chat_dir_conf_t *)dirv)->store;
    chat_server_store_t *server;
    const char *why = chat_config_check_dir(cmd);

    if (!why)
        why = chat_config_parse_name(&store->layout, cmd->cmd->name, value,
                                     layouts, cmd->pool);
    if (why)
        return why;
    server = &chat_config_server_of(cmd)->store;
    if (store->layout == CHAT_STORE_CHAT)
        server->used = server->chats = 1;
    if (store->layout == CHAT_STORE_VERCEL)
        server->vercel = 1;
    return NULL;
}

static const char *set_migrate(cmd_parms *cmd, void *dir, const char *value)
{
    return chat_config_parse_flag(&chat_config_server_of(cmd)->store.migrate,
                                  cmd->cmd->name, value, cmd->pool);
}

/* Times of this kind are mostly days. */
const char *chat_config_store_days(void *member, const chat_config_rule_t *rule,
                                   cmd_parms *cmd, const char *what,
                                   const char *value)
{
    apr_size_t digits = strspn(value, "0123456789");
    int days = 0;
    const char *why;

    if (!digits || strcmp(value + digits, "d"))
        return chat_config_parse_time(member, what, value, 0, DAYS_MAX * DAY, 0,
                                      cmd->pool);
    why = chat_config_parse_int(&days, what,
                                apr_pstrmemdup(cmd->pool, value, digits), 0,
                                DAYS_MAX, cmd->pool);
    *(apr_interval_time_t *)member = days * DAY;
    return why;
}

#define LIMIT(key, ...) CHAT_CONFIG_OPTION(key, chat_dir_store_t, __VA_ARGS__)

static const chat_config_rule_t limits[] = {
    LIMIT("conversations", conversations, .set = chat_config_value_count,
          .min = 1, .max = 1000000),
    LIMIT("messages", messages, .set = chat_config_value_count, .min = 2,
          .max = 100000),
    LIMIT("bytes", bytes, .set = chat_config_value_bytes, .min = 1024,
          .max = 256 * 1024 * 1024),
    LIMIT("title", title, .set = chat_config_value_int, .min = 1, .max = 1000),
    LIMIT("parts", parts, .set = chat_config_value_int, .min = 1, .max = 1000),
    LIMIT("metadata", metadata, .set = chat_config_value_int, .min = 0,
          .max = 100),
    LIMIT("text", text, .set = chat_config_value_count, .min = 1,
          .max = 10000000),
    LIMIT("import", import, .set = chat_config_value_bytes, .min = 1024,
          .max = 1024 * 1024 * 1024),
    {NULL}};

static const chat_config_rule_t shares[] = {
    CHAT_CONFIG_OPTION("snapshot", chat_dir_store_t, share_snapshot,
                       .set = chat_config_value_flag),
    CHAT_CONFIG_OPTION("live", chat_dir_store_t, share_live,
                       .set = chat_config_value_flag),
    {NULL}};

static const chat_config_rule_t retention[] = {
    CHAT_CONFIG_OPTION("deleted", chat_server_store_t, deleted,
                       .set = chat_config_store_days),
    CHAT_CONFIG_OPTION("idle", chat_server_store_t, idle,
                       .set = chat_config_store_days),
    {NULL}};

static const char *set_dir_options(cmd_parms *cmd, void *dirv, int argc,
                                   char *const argv[])
{
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    return why ? why
               : chat_config_options(&((chat_dir_conf_t *)dirv)->store,
                                     cmd->info, &seen, cmd, argc, argv);
}

static const char *set_retention(cmd_parms *cmd, void *dir, int argc,
                                 char *const argv[])
{
    unsigned seen = 0;

    if (!argc)
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           " needs deleted=TIME or idle=TIME", NULL);
    return chat_config_options(&chat_config_server_of(cmd)->store, retention,
                               &seen, cmd, argc, argv);
}

const chat_config_feature_t chat_config_store_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatStore", set_store, NULL, CHAT_OR_DIRECTORY,
                          "chat, vercel or off: in whose tables conversations "
                          "are kept"),
            AP_INIT_TAKE1("ChatStoreMigrate", set_migrate, NULL, CHAT_OR_SERVER,
                          "on or off: make and change the tables at start"),
            AP_INIT_TAKE_ARGV("ChatStoreLimit", set_dir_options, (void *)limits,
                              CHAT_OR_DIRECTORY,
                              "[conversations=N] [messages=N] [bytes=BYTES] "
                              "[title=N] [parts=N] [metadata=N] "
                              "[text=N] [import=BYTES]"),
            AP_INIT_TAKE_ARGV("ChatRetention", set_retention, NULL,
                              CHAT_OR_SERVER, "[deleted=TIME] [idle=TIME]"),
            AP_INIT_TAKE_ARGV("ChatShare", set_dir_options, (void *)shares,
                              CHAT_OR_DIRECTORY,
                              "[snapshot=on|off] "
                              "[live=on|off]"),
        },
    .dir = CHAT_CONFIG_DIR(store),
    .server = CHAT_CONFIG_SERVER(store),
};
