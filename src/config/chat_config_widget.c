/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the widget of ChatKit is told: ChatKitTools and ChatKitLimited. Config
 * time; for .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define TOOLS_BYTES (256 * 1024)
#define TOOLS_MAX 128
#define NAME_LEN 64

static const chat_json_limits_t limits = {TOOLS_BYTES, 64, 100000};

static const chat_dir_widget_t dir_unset = {
    .tools = NULL,
    .limited = CHAT_UNSET,
};

static const chat_dir_widget_t dir_defaults = {
    .tools = NULL,
    .limited = CHAT_WIDGET_EVENT,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_widget_t *base = basev, *add = addv;
    chat_dir_widget_t *m = mv;

    m->tools = chat_config_pick_ptr(base->tools, add->tools);
    m->limited = chat_config_pick(base->limited, add->limited);
}

static const char *const limited_names[] = {
    [CHAT_WIDGET_EVENT] = "event",
    [CHAT_WIDGET_STATUS] = "status",
    NULL,
};

/* ---- ChatKitTools ---- */

static int is_name(const char *name)
{
    apr_size_t i;

    for (i = 0; name && name[i]; i++)
        if (i == NAME_LEN || !(apr_isalnum(name[i]) || strchr("_-", name[i])))
            return 0;
    return name && *name;
}

static int is_kind(const chat_json_t *v, chat_json_kind_e kind)
{
    return !v || chat_json_kind(v) == kind;
}

/* NULL, or what is wrong with tool i. */
static const char *check_tool(const chat_json_t *list, int i)
{
    const chat_json_t *tool = chat_json_at(list, i);
    const char *name = chat_json_string(chat_json_get(tool, "name"));
    int j;

    if (!is_name(name))
        return "needs a \"name\" of 1 to 64 letters, digits, _ or -";
    if (!is_kind(chat_json_get(tool, "description"), CHAT_JSON_STRING))
        return "has a \"description\" that is no text";
    if (!is_kind(chat_json_get(tool, "parameters"), CHAT_JSON_OBJECT))
        return "has \"parameters\" that are no JSON schema";
    for (j = 0; j < i; j++)
        if (!strcmp(name, chat_json_string(
                              chat_json_get(chat_json_at(list, j), "name"))))
            return "has the name of one before it";
    return NULL;
}

static const char *check_tools(const char *text, apr_size_t len,
                               const char *path, cmd_parms *cmd)
{
    chat_json_reader_t *reader =
        chat_json_reader_create(&limits, cmd->temp_pool);
    chat_json_t *list = NULL;
    const char *why;
    int i;

    if (chat_json_reader_feed(reader, text, len) != APR_SUCCESS ||
        chat_json_reader_end(&list, reader) != APR_SUCCESS)
        return apr_psprintf(cmd->pool, "%s: %s is no JSON: %s", cmd->cmd->name,
                            path, chat_json_reader_why(reader));
    if (chat_json_kind(list) != CHAT_JSON_ARRAY ||
        chat_json_length(list) > TOOLS_MAX)
        return apr_psprintf(cmd->pool,
                            "%s: %s must be a JSON array of at most %d tools",
                            cmd->cmd->name, path, TOOLS_MAX);
    for (i = 0; i < chat_json_length(list); i++)
        if ((why = check_tool(list, i)) != NULL)
            return apr_psprintf(cmd->pool, "%s: %s: tool %d %s", cmd->cmd->name,
                                path, i + 1, why);
    return NULL;
}

static const char *read_tools(const char **ptext, const char *path,
                              cmd_parms *cmd)
{
    apr_file_t *file;
    char *text = apr_palloc(cmd->temp_pool, TOOLS_BYTES + 1);
    apr_size_t len = 0;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ,
                                    APR_FPROT_OS_DEFAULT, cmd->temp_pool);

    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, text, TOOLS_BYTES + 1, &len);
        apr_file_close(file);
    }
    if (rv == APR_SUCCESS)
        return apr_psprintf(cmd->pool, "%s: %s is longer than %d KiB",
                            cmd->cmd->name, path, TOOLS_BYTES / 1024);
    if (rv != APR_EOF)
        return apr_psprintf(cmd->pool, "%s: %s cannot be read: %pm",
                            cmd->cmd->name, path, &rv);
    *ptext = apr_pstrmemdup(cmd->pool, text, len);
    return check_tools(text, len, path, cmd);
}

static const char *set_tools(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_widget_t *widget = &((chat_dir_conf_t *)dirv)->widget;
    const char *why = chat_config_check_dir(cmd);

    if (why)
        return why;
    if (!strcasecmp(value, "off")) {
        widget->tools = "[]";
        return NULL;
    }
    return read_tools(&widget->tools, ap_server_root_relative(cmd->pool, value),
                      cmd);
}

const chat_config_feature_t chat_config_widget_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatKitTools", set_tools, NULL, CHAT_OR_DIRECTORY,
                          "a JSON file of the tools of the page, or off"),
            AP_INIT_TAKE1("ChatKitLimited", chat_config_set,
                          CHAT_CONFIG_IN_DIR(widget.limited,
                                             .set = chat_config_value_name,
                                             .names = limited_names),
                          CHAT_OR_FILEINFO, "event|status"),
        },
    .dir = CHAT_CONFIG_DIR(widget),
};
