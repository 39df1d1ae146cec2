/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with the tables of an app (ChatStore vercel): ChatStoreSave,
 * ChatStoreUnanswered, ChatStoreCount. Config time.
 */
#include "chat_config_int.h"

#include <apr_strings.h>

#define MOST 1000000
#define WINDOW_MAX (366 * 24 * 3600 * APR_USEC_PER_SEC)

static const chat_dir_vercel_t dir_unset = {
    .save = CHAT_UNSET,
    .unanswered = CHAT_UNSET,
    .counts = NULL,
};

static const chat_dir_vercel_t dir_defaults = {
    .save = CHAT_SAVE_USUAL,
    .unanswered = CHAT_UNANSWERED_KEEP,
    .counts = CHAT_CONFIG_EMPTY(chat_store_count_t),
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_vercel_t *base = basev, *add = addv;
    chat_dir_vercel_t *m = mv;

    m->save = (int)chat_config_pick(base->save, add->save);
    m->unanswered = (int)chat_config_pick(base->unanswered, add->unanswered);
    m->counts = chat_config_pick_ptr(base->counts, add->counts);
}

/* ---- values ---- */

static const char *const save_names[] = {
    [CHAT_SAVE_USUAL] = "usual",
    [CHAT_SAVE_APP] = "app",
    [CHAT_SAVE_APACHE] = "apache",
    NULL,
};

static const char *const unanswered_names[] = {
    [CHAT_UNANSWERED_KEEP] = "keep",
    [CHAT_UNANSWERED_REMOVE] = "remove",
    NULL,
};

static const chat_config_rule_t count_options[] = {
    CHAT_CONFIG_OPTION("tier", chat_store_count_t, tier,
                       .set = chat_config_value_string,
                       .parse = chat_config_parse_word),
    {NULL}};

/* "10/24h" */
static const char *parse_count(chat_store_count_t *count, cmd_parms *cmd,
                               const char *text)
{
    const char *slash = strchr(text, '/'), *what = cmd->cmd->name;
    const char *why;

    if (!slash)
        return chat_config_refuse(
            what, text, "MESSAGES/TIME as in 50/24h, or off", cmd->pool);
    why = chat_config_parse_int(&count->most, what,
                                apr_pstrmemdup(cmd->pool, text, slash - text),
                                0, MOST, cmd->pool);
    return why ? why
               : chat_config_parse_time(&count->window, what, slash + 1,
                                        APR_USEC_PER_SEC, WINDOW_MAX, 0,
                                        cmd->pool);
}

/* The lines of a scope are together what holds there: each tier has one. */
static const char *check_once(const apr_array_header_t *counts,
                              const chat_store_count_t *count, cmd_parms *cmd)
{
    int i;

    for (i = 0; i < counts->nelts; i++) {
        const char *tier = APR_ARRAY_IDX(counts, i, chat_store_count_t).tier;

        if (tier && count->tier ? !strcmp(tier, count->tier)
                                : !tier && !count->tier)
            return apr_psprintf(cmd->pool,
                                "%s stands here already for %s%s: one line "
                                "for each",
                                cmd->cmd->name,
                                tier ? "the tier "
                                     : "every "
                                       "tier",
                                tier ? tier : "");
    }
    return NULL;
}

static const char *set_count(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    chat_dir_vercel_t *vercel = &((chat_dir_conf_t *)dirv)->vercel;
    const char *why = chat_config_check_args(cmd, argc);
    chat_store_count_t count = {0};
    unsigned seen = 0;

    if (why)
        return why;
    if (!vercel->counts)
        vercel->counts =
            apr_array_make(cmd->pool, 2, sizeof(chat_store_count_t));
    if (argc == 1 && !strcasecmp(argv[0], "off"))
        return NULL;
    why = parse_count(&count, cmd, argv[0]);
    if (!why)
        why = chat_config_options(&count, count_options, &seen, cmd, argc - 1,
                                  argv + 1);
    if (!why)
        why = check_once(vercel->counts, &count, cmd);
    if (!why)
        APR_ARRAY_PUSH(vercel->counts, chat_store_count_t) = count;
    return why;
}

const chat_config_feature_t chat_config_vercel_feature = {
    .cmds =
        {
            AP_INIT_TAKE1(
                "ChatStoreSave", chat_config_set,
                CHAT_CONFIG_IN_DIR(vercel.save, .set = chat_config_value_name,
                                   .names = save_names),
                CHAT_OR_DIRECTORY, "usual, app or apache: who saves answers"),
            AP_INIT_TAKE1("ChatStoreUnanswered", chat_config_set,
                          CHAT_CONFIG_IN_DIR(vercel.unanswered,
                                             .set = chat_config_value_name,
                                             .names = unanswered_names),
                          CHAT_OR_DIRECTORY,
                          "keep or remove: a question that nobody answered"),
            AP_INIT_TAKE_ARGV("ChatStoreCount", set_count, NULL,
                              CHAT_OR_DIRECTORY,
                              "MESSAGES/TIME [tier=TIER], or off"),
        },
    .dir = CHAT_CONFIG_DIR(vercel),
};
