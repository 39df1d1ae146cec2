/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chat page of this location shows of its site: ChatPage, and what it
 * suggests: ChatPageSuggest. Config time; for .htaccess a request's thread with
 * its pools.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define NAME_BYTES 100
#define SUGGEST_BYTES 500
#define LINK_BYTES 2000

static const chat_dir_page_t dir_unset = {
    .name = NULL,
    .accent = NULL,
    .logo = NULL,
    .sign_in = NULL,
    .sign_out = NULL,
    .terms = NULL,
    .privacy = NULL,
    .suggest = NULL,
};

static const chat_dir_page_t dir_defaults = {
    .name = "Chat",
    .accent = NULL,
    .logo = NULL,
    .sign_in = NULL,
    .sign_out = NULL,
    .terms = NULL,
    .privacy = NULL,
    .suggest = NULL,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_page_t *base = basev, *add = addv;
    chat_dir_page_t *m = mv;

    m->name = chat_config_pick_ptr(base->name, add->name);
    m->accent = chat_config_pick_ptr(base->accent, add->accent);
    m->logo = chat_config_pick_ptr(base->logo, add->logo);
    m->sign_in = chat_config_pick_ptr(base->sign_in, add->sign_in);
    m->sign_out = chat_config_pick_ptr(base->sign_out, add->sign_out);
    m->terms = chat_config_pick_ptr(base->terms, add->terms);
    m->privacy = chat_config_pick_ptr(base->privacy, add->privacy);
    m->suggest = chat_config_pick_ptr(base->suggest, add->suggest);
}

static const char *parse_text(const char **pvalue, const char *what,
                              const char *value, int most, apr_pool_t *p)
{
    const unsigned char *c = (const unsigned char *)value;

    while (*c >= ' ' && *c != 0x7f)
        c++;
    if (!*value || *c || strlen(value) > (apr_size_t)most)
        return apr_psprintf(p, "%s must be 1 to %d bytes of text", what, most);
    *pvalue = value;
    return NULL;
}

static const char *parse_name(const char **pvalue, const char *what,
                              const char *value, apr_pool_t *p)
{
    return parse_text(pvalue, what, value, NAME_BYTES, p);
}

static const char *parse_suggestion(const char **pvalue, const char *what,
                                    const char *value, apr_pool_t *p)
{
    return parse_text(pvalue, what, value, SUGGEST_BYTES, p);
}

/* What a style sheet may be told without a look at it again. */
static const char *parse_accent(const char **pvalue, const char *what,
                                const char *value, apr_pool_t *p)
{
    if (*value != '#' || strlen(value) != 7 ||
        value[1 + strspn(value + 1, "0123456789abcdefABCDEF")])
        return chat_config_refuse(what, value,
                                  "a colour as # and six hexadecimal digits, "
                                  "as in #0b6e4f",
                                  p);
    *pvalue = value;
    return NULL;
}

/* A page follows it: it must not be a script. "//" would be a host. */
static const char *parse_link(const char **pvalue, const char *what,
                              const char *value, apr_pool_t *p)
{
    const char *c = value;

    while (apr_isgraph(*c) && !strchr("\"<>\\^`{|}", *c))
        c++;
    if (*c || strlen(value) > LINK_BYTES ||
        (strncmp(value, "https://", 8) && strncmp(value, "http://", 7) &&
         (value[0] != '/' || value[1] == '/')))
        return chat_config_refuse(what, value,
                                  "a path that begins with /, or an http:// or "
                                  "https:// URL",
                                  p);
    *pvalue = value;
    return NULL;
}

#define TEXT(key, member, how)                                                 \
    CHAT_CONFIG_OPTION(key, chat_dir_page_t, member,                           \
                       .set = chat_config_value_string, .parse = how)

static const chat_config_rule_t options[] = {
    TEXT("name", name, parse_name),
    TEXT("accent", accent, parse_accent),
    TEXT("logo", logo, parse_link),
    TEXT("sign-in", sign_in, parse_link),
    TEXT("sign-out", sign_out, parse_link),
    TEXT("terms", terms, parse_link),
    TEXT("privacy", privacy, parse_link),
    {NULL}};

static const char *set_page(cmd_parms *cmd, void *dirv, int argc,
                            char *const argv[])
{
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    return why ? why
               : chat_config_options(&((chat_dir_conf_t *)dirv)->page, options,
                                     &seen, cmd, argc, argv);
}

const chat_config_feature_t chat_config_page_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatPage", set_page, NULL, CHAT_OR_FILEINFO,
                              "[name=TEXT] [accent=#RRGGBB] [logo=URL] "
                              "[sign-in=URL] [sign-out=URL] [terms=URL] "
                              "[privacy=URL]"),
            AP_INIT_TAKE_ARGV(
                "ChatPageSuggest", chat_config_set_list,
                CHAT_CONFIG_IN_DIR(page.suggest, .parse = parse_suggestion),
                CHAT_OR_FILEINFO,
                "TEXT..., what an empty chat suggests to ask"),
        },
    .dir = CHAT_CONFIG_DIR(page),
};
