/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatModerationList and the others of that beginning: lists as the
 * administrator writes them, read with the configuration, and how they merge.
 * Start-up, main thread.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "chat_moderation.h"

#define NAME_MAX_LEN 32
#define FILE_PREFIX "file:"
#define FILE_PREFIX_LEN (sizeof(FILE_PREFIX) - 1)
/* 100,000 words are some two megabytes. */
#define FILE_BYTES (32 * 1024 * 1024)

/* ---- names that are counted ---- */

static struct {
    const char *names[CHAT_MODERATION_SLOTS];
    int n;
    apr_array_header_t *audits;
} known;

static apr_status_t forget(void *unused)
{
    memset(&known, 0, sizeof(known));
    return APR_SUCCESS;
}

static void remember(apr_pool_t *pconf)
{
    if (!known.n && !known.audits)
        apr_pool_cleanup_register(pconf, NULL, forget, apr_pool_cleanup_null);
}

int chat_config_moderation_slot(const char *name, apr_pool_t *pconf)
{
    int i;

    for (i = 0; i < known.n; i++)
        if (!strcmp(known.names[i], name))
            return i;
    if (known.n == CHAT_MODERATION_SLOTS)
        return -1;
    remember(pconf);
    known.names[known.n] = name;
    return known.n++;
}

const char *chat_config_moderation_name(int slot)
{
    return slot < known.n ? known.names[slot] : NULL;
}

const apr_array_header_t *chat_config_moderation_audits(void)
{
    return known.audits;
}

/* ---- a list ---- */

/* While its line is read. */
typedef struct line_t {
    chat_moderation_conf_t conf;
    chat_moderation_options_t options;
    int keep; /* marks= */
} line_t;

static const char *const action_names[] = {
    [0] = "block", [1] = "replace", [2] = "flag", [3] = NULL};
static const char *const match_names[] = {[CHAT_MODERATION_WORD] = "word",
                                          [CHAT_MODERATION_SUBSTRING] =
                                              "substring",
                                          [CHAT_MODERATION_REGEX] = "regex",
                                          NULL};
static const char *const mark_names[] = {
    [0] = "strip", [1] = "keep", [2] = NULL};
static const char *const fail_names[] = {
    [0] = "open", [1] = "closed", [2] = NULL};

static const char *set_action(void *member, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    static const chat_moderation_e actions[] = {
        [0] = CHAT_MODERATION_BLOCK,
        [1] = CHAT_MODERATION_REPLACE,
        [2] = CHAT_MODERATION_FLAG,
    };
    int i = 0;
    const char *why =
        chat_config_parse_name(&i, what, value, action_names, cmd->pool);

    *(int *)member = actions[i];
    return why;
}

static const char *set_fail(void *member, const chat_config_rule_t *rule,
                            cmd_parms *cmd, const char *what, const char *value)
{
    int closed = 0;
    const char *why =
        chat_config_parse_name(&closed, what, value, fail_names, cmd->pool);

    *(int *)member =
        closed ? CHAT_MODERATION_FAIL_CLOSED : CHAT_MODERATION_FAIL_OPEN;
    return why;
}

static const char *set_in(void *member, const chat_config_rule_t *rule,
                          cmd_parms *cmd, const char *what, const char *value)
{
    static const struct {
        const char *value;
        int in;
    } all[] = {
        {"input", CHAT_MODERATION_IN_INPUT},
        {"output", CHAT_MODERATION_IN_OUTPUT},
        {"input,output", CHAT_MODERATION_IN_INPUT | CHAT_MODERATION_IN_OUTPUT},
        {"output,input", CHAT_MODERATION_IN_INPUT | CHAT_MODERATION_IN_OUTPUT},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (!strcmp(all[i].value, value)) {
            *(int *)member = all[i].in;
            return NULL;
        }
    return chat_config_refuse(what, value, "input, output or input,output",
                              cmd->pool);
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, line_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("action", conf.action, .set = set_action),
    OPTION("in", conf.in, .set = set_in),
    OPTION("match", options.match, .set = chat_config_value_name,
           .names = match_names),
    OPTION("marks", keep, .set = chat_config_value_name, .names = mark_names),
    OPTION("homoglyphs", options.lookalikes, .set = chat_config_value_flag),
    OPTION("fail", conf.fail, .set = set_fail),
    {NULL}};

static const char *check_name(cmd_parms *cmd, const char *name)
{
    apr_size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (len >= 1 && len <= NAME_MAX_LEN && !name[len])
        return NULL;
    return chat_config_refuse("ChatModerationList", name,
                              "a name of 1 to 32 letters, digits, _ or -",
                              cmd->pool);
}

/* "file:PATH", beside the configuration unless it begins with a slash. */
static const char *parse_path(const char **ppath, cmd_parms *cmd,
                              const char *value)
{
    if (strncmp(value, FILE_PREFIX, FILE_PREFIX_LEN) != 0 ||
        !value[FILE_PREFIX_LEN])
        return chat_config_refuse(cmd->cmd->name, value, "file:PATH",
                                  cmd->pool);
    *ppath = ap_server_root_relative(cmd->pool, value + FILE_PREFIX_LEN);
    return *ppath ? NULL
                  : chat_config_refuse(cmd->cmd->name, value,
                                       "file: and a path that can be used",
                                       cmd->pool);
}

static const char *say_unread(cmd_parms *cmd, const char *path, apr_status_t rv)
{
    char why[120];

    return apr_psprintf(cmd->pool, "%s cannot read %s: %s", cmd->cmd->name,
                        path, apr_strerror(rv, why, sizeof(why)));
}

/* In temp. */
static const char *read_file(char **ptext, apr_size_t *plen, cmd_parms *cmd,
                             const char *path)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv =
        apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, cmd->temp_pool);

    if (rv == APR_SUCCESS)
        rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv != APR_SUCCESS)
        return say_unread(cmd, path, rv);
    if (info.filetype != APR_REG || info.size > FILE_BYTES)
        return apr_psprintf(cmd->pool,
                            "%s needs a file of at most 32 megabytes: %s",
                            cmd->cmd->name, path);
    *plen = (apr_size_t)info.size;
    *ptext = apr_palloc(cmd->temp_pool, *plen + 1);
    rv = *plen ? apr_file_read_full(file, *ptext, *plen, plen) : APR_SUCCESS;
    apr_file_close(file);
    return rv == APR_SUCCESS ? NULL : say_unread(cmd, path, rv);
}

/* Of what stands in the file nothing is said but the line. */
static const char *read_list(line_t *line, cmd_parms *cmd, const char *value)
{
    const char *path = NULL, *why = parse_path(&path, cmd, value);
    char *text = NULL;
    apr_size_t len = 0;

    if (!why)
        why = read_file(&text, &len, cmd, path);
    if (why)
        return why;
    why = chat_moderation_compile(&line->conf.list, text, len, &line->options,
                                  cmd->pool);
    return why ? apr_pstrcat(cmd->pool, "ChatModerationList ", line->conf.name,
                             ": ", path, why, NULL)
               : NULL;
}

static const char *parse_list(line_t *line, cmd_parms *cmd, int argc,
                              char *const argv[])
{
    unsigned seen = 0;
    const char *why =
        chat_config_options(line, options, &seen, cmd, argc - 2, argv + 2);

    line->options.marks = !line->keep;
    if (!why)
        why = read_list(line, cmd, argv[1]);
    if (why)
        return why;
    line->conf.slot = chat_config_moderation_slot(line->conf.name, cmd->pool);
    return line->conf.slot >= 0
               ? NULL
               : "ChatModerationList: there are more than " APR_STRINGIFY(
                     CHAT_MODERATION_SLOTS) " names";
}

static int find(const apr_array_header_t *list, const char *name)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (!strcmp(
                APR_ARRAY_IDX(list, i, const chat_moderation_conf_t *)->name,
                name))
            return i;
    return -1;
}

/* In the place of one of its name, or behind the others. */
static void put(apr_array_header_t *list, const chat_moderation_conf_t *conf)
{
    int i = find(list, conf->name);

    if (i < 0)
        APR_ARRAY_PUSH(list, const chat_moderation_conf_t *) = conf;
    else
        APR_ARRAY_IDX(list, i, const chat_moderation_conf_t *) = conf;
}

static const char *set_list(cmd_parms *cmd, void *dirv, int argc,
                            char *const argv[])
{
    chat_dir_moderation_t *m = &((chat_dir_conf_t *)dirv)->moderation;
    const char *why = chat_config_check_args(cmd, argc);
    line_t line = {
        .conf = {.action = CHAT_MODERATION_BLOCK,
                 .in = CHAT_MODERATION_IN_INPUT | CHAT_MODERATION_IN_OUTPUT}};

    /* Names and audits live as long as the configuration; a request reads
     * .htaccess. */
    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (!why)
        why = check_name(cmd, argv[0]);
    if (why)
        return why;
    line.conf.name = argv[0];
    if (argc == 2 && !strcmp(argv[1], "off"))
        line.conf.off = 1;
    else if (argc < 2)
        why = apr_psprintf(cmd->pool, "ChatModerationList %s: write %s",
                           argv[0], cmd->cmd->errmsg);
    else
        why = parse_list(&line, cmd, argc, argv);
    if (why)
        return why;
    if (!m->lists)
        m->lists = apr_array_make(cmd->pool, 2,
                                  sizeof(const chat_moderation_conf_t *));
    put(m->lists, apr_pmemdup(cmd->pool, &line.conf, sizeof(line.conf)));
    return NULL;
}

/* ---- ChatModerationAudit ---- */

static chat_moderation_audit_t no_audit;

static chat_moderation_audit_t *find_audit(const char *path)
{
    int i;

    for (i = 0; known.audits && i < known.audits->nelts; i++) {
        chat_moderation_audit_t *audit =
            APR_ARRAY_IDX(known.audits, i, chat_moderation_audit_t *);

        if (!strcmp(audit->path, path))
            return audit;
    }
    return NULL;
}

static const char *set_audit(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_moderation_t *m = &((chat_dir_conf_t *)dirv)->moderation;
    const char *path = NULL, *why = chat_config_check_dir(cmd);

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (!why && !strcasecmp(value, "off")) {
        m->audit = &no_audit;
        return NULL;
    }
    if (!why)
        why = parse_path(&path, cmd, value);
    if (why)
        return why;
    m->audit = find_audit(path);
    if (m->audit)
        return NULL;
    remember(cmd->pool);
    if (!known.audits)
        known.audits =
            apr_array_make(cmd->pool, 1, sizeof(chat_moderation_audit_t *));
    m->audit = apr_pcalloc(cmd->pool, sizeof(*m->audit));
    m->audit->path = path;
    APR_ARRAY_PUSH(known.audits, chat_moderation_audit_t *) = m->audit;
    return NULL;
}

/* ---- members ---- */

static const chat_dir_moderation_t dir_unset = {
    .lists = NULL,
    .tell = CHAT_UNSET,
    .audit = NULL,
    .store_blocked = CHAT_UNSET,
};

static const chat_dir_moderation_t dir_defaults = {
    .lists = CHAT_CONFIG_EMPTY(const chat_moderation_conf_t *),
    .tell = CHAT_MODERATION_TELL_OFF,
    .audit = NULL,
    .store_blocked = 0,
};

/* Lists of the inner scope replace those of the outer of the same name. */
static apr_array_header_t *merge_lists(apr_pool_t *p,
                                       const apr_array_header_t *base,
                                       const apr_array_header_t *add)
{
    apr_array_header_t *all;
    int i;

    if (!base || !add)
        return (apr_array_header_t *)(add ? add : base);
    all = apr_array_copy(p, base);
    for (i = 0; i < add->nelts; i++)
        put(all, APR_ARRAY_IDX(add, i, const chat_moderation_conf_t *));
    return all;
}

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_moderation_t *base = basev, *add = addv;
    chat_dir_moderation_t *m = mv;

    m->lists = merge_lists(p, base->lists, add->lists);
    m->tell = chat_config_pick(base->tell, add->tell);
    m->audit = chat_config_pick_ptr(base->audit, add->audit);
    m->store_blocked =
        chat_config_pick(base->store_blocked, add->store_blocked);
}

/* Those that are off have done their work in merging. */
static void complete(chat_dir_conf_t *conf, apr_pool_t *p)
{
    const apr_array_header_t *all = conf->moderation.lists;
    apr_array_header_t *on;
    int i, off = 0;

    if (conf->moderation.audit == &no_audit)
        conf->moderation.audit = NULL;
    for (i = 0; i < all->nelts; i++)
        off += APR_ARRAY_IDX(all, i, const chat_moderation_conf_t *)->off;
    if (!off)
        return;
    on = apr_array_make(p, all->nelts, sizeof(const chat_moderation_conf_t *));
    for (i = 0; i < all->nelts; i++) {
        const chat_moderation_conf_t *one =
            APR_ARRAY_IDX(all, i, const chat_moderation_conf_t *);

        if (!one->off)
            APR_ARRAY_PUSH(on, const chat_moderation_conf_t *) = one;
    }
    conf->moderation.lists = on;
}

/* ---- directives ---- */

static const char *const tell_names[] = {
    [CHAT_MODERATION_TELL_OFF] = "off",
    [CHAT_MODERATION_TELL_CATEGORY] = "category",
    [CHAT_MODERATION_TELL_REASON] = "reason",
    NULL};

const chat_config_feature_t chat_config_moderation_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatModerationList", set_list, NULL,
                              CHAT_OR_DIRECTORY,
                              "NAME file:PATH [OPTION=VALUE ...], or NAME off"),
            AP_INIT_TAKE1("ChatModerationTell", chat_config_set,
                          CHAT_CONFIG_IN_DIR(moderation.tell,
                                             .set = chat_config_value_name,
                                             .names = tell_names),
                          CHAT_OR_LIMIT,
                          "off, category or reason: what a client is told of "
                          "what was found"),
            AP_INIT_TAKE1("ChatModerationAudit", set_audit, NULL,
                          CHAT_OR_DIRECTORY,
                          "file:PATH of a log that has the texts, or off"),
            AP_INIT_TAKE1("ChatModerationStoreBlocked", chat_config_set,
                          CHAT_CONFIG_IN_DIR(moderation.store_blocked,
                                             .set = chat_config_value_flag),
                          CHAT_OR_LIMIT,
                          "on or off: keep an answer that was blocked"),
        },
    .dir = CHAT_CONFIG_DIR(moderation),
    .complete = complete,
};
