/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of a server, and what holds at one of them: see
 * chat_config_sections.h. Main thread, while a configuration is checked. */
#include "chat_config_sections.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "chat_log.h"

static const core_dir_config *core_of(ap_conf_vector_t *vector)
{
    return ap_get_core_module_config(vector);
}

static chat_section_e kind_of_location(const core_dir_config *core)
{
    return core->r || core->d_is_fnmatch || !core->d || *core->d != '/'
               ? CHAT_SECTION_PATTERN
               : CHAT_SECTION_LOCATION;
}

/* httpd compiles every SetHandler into an expression, also a plain name. */
static chat_handler_e handler_of(const core_dir_config *core, apr_pool_t *p)
{
    const ap_expr_info_t *expr = core->expr_handler;
    const char *text = core->handler;

    if (expr)
        text = chat_config_tree_argument("SetHandler", expr->filename,
                                         expr->line_number, p);
    if (!expr && !text)
        return CHAT_HANDLER_UNSET;
    if (!text || strpbrk(text, "%("))
        return CHAT_HANDLER_MAYBE;
    return strcmp(text, "chat") ? CHAT_HANDLER_OTHER : CHAT_HANDLER_CHAT;
}

static void add(apr_array_header_t *list, ap_conf_vector_t *vector,
                chat_section_e kind);

static void add_all(apr_array_header_t *list, const apr_array_header_t *vectors,
                    chat_section_e kind)
{
    int i;

    for (i = 0; vectors && i < vectors->nelts; i++)
        add(list, APR_ARRAY_IDX(vectors, i, ap_conf_vector_t *), kind);
}

/* A section, and the <Files> and <If> in it. */
static void add(apr_array_header_t *list, ap_conf_vector_t *vector,
                chat_section_e kind)
{
    const core_dir_config *core = core_of(vector);
    chat_section_t *section;

    if (!core)
        return;
    section = apr_array_push(list);
    section->kind =
        kind == CHAT_SECTION_LOCATION ? kind_of_location(core) : kind;
    section->core = core;
    section->handler = handler_of(core, list->pool);
    section->conf = ap_get_module_config(vector, &chat_module);
    add_all(list, core->sec_file, CHAT_SECTION_LOOSE);
    add_all(list, core->sec_if, CHAT_SECTION_LOOSE);
}

apr_array_header_t *chat_config_sections(const server_rec *s, apr_pool_t *p)
{
    const core_server_config *core =
        ap_get_core_module_config(s->module_config);
    apr_array_header_t *list = apr_array_make(p, 16, sizeof(chat_section_t));

    add(list, s->lookup_defaults, CHAT_SECTION_SERVER);
    add_all(list, core->sec_dir, CHAT_SECTION_LOOSE);
    add_all(list, core->sec_url, CHAT_SECTION_LOCATION);
    return list;
}

void chat_config_sections_complete(server_rec *main_server, apr_pool_t *pconf)
{
    const server_rec *s;
    int i;

    for (s = main_server; s; s = s->next) {
        const apr_array_header_t *all = chat_config_sections(s, pconf);

        for (i = 0; i < all->nelts; i++) {
            chat_dir_conf_t *conf = APR_ARRAY_IDX(all, i, chat_section_t).conf;

            /* Hosts share the sections of the main server. */
            if (conf && !conf->full)
                conf->full = chat_config_dir_complete(conf, pconf);
        }
    }
}

/* As ap_location_walk() has it. */
static int is_below(const char *path, const char *top)
{
    apr_size_t len = strlen(top);

    return !strncmp(top, path, len) &&
           (!len || top[len - 1] == '/' || path[len] == '/' || !path[len]);
}

int chat_config_sections_cover(const chat_section_t *section, const char *path)
{
    const core_dir_config *core = section->core;

    if (section->kind == CHAT_SECTION_SERVER)
        return 1;
    if (section->kind == CHAT_SECTION_LOCATION)
        return is_below(path, core->d);
    if (section->kind == CHAT_SECTION_LOOSE)
        return 0;
    return core->r
               ? !ap_regexec(core->r, path, 0, NULL, 0)
               : apr_fnmatch(core->d, path, APR_FNM_PATHNAME) == APR_SUCCESS;
}

/* ---- what holds at a section ---- */

/* Every member with its default, as chat_config_dir() gives it to a request. */
static const chat_dir_conf_t *merge(const chat_dir_conf_t *conf,
                                    const chat_dir_conf_t *add, apr_pool_t *p)
{
    if (!add)
        return conf;
    return conf ? chat_config_dir_merge(p, (void *)conf, (void *)add) : add;
}

static void take(chat_view_t *view, const chat_section_t *section)
{
    view->bare = merge(view->bare, section->conf, view->p);
    if (section->handler != CHAT_HANDLER_UNSET)
        view->handler = section->handler;
}

static const char *name_of(const chat_section_t *section, apr_pool_t *p)
{
    static const char *const around[] = {
        [CHAT_SECTION_LOCATION] = "<Location %s>",
        [CHAT_SECTION_PATTERN] = "<LocationMatch %s>",
        [CHAT_SECTION_LOOSE] = "the section %s",
    };

    if (section->kind == CHAT_SECTION_SERVER)
        return "the server, outside sections";
    return apr_psprintf(p, around[section->kind],
                        section->core->d ? section->core->d : "<If>");
}

/* Does it hold wherever the viewed section does? What lies below may be where
 * the rest is written; what has a pattern may match there. */
static int holds(const chat_section_t *viewed, const chat_section_t *other)
{
    if (other == viewed || other->kind == CHAT_SECTION_SERVER)
        return 1;
    return viewed->kind == CHAT_SECTION_LOCATION &&
           chat_config_sections_cover(other, viewed->core->d);
}

static int may_hold(const chat_section_t *viewed, const chat_section_t *other)
{
    return viewed->kind != CHAT_SECTION_LOCATION ||
           other->kind != CHAT_SECTION_LOCATION ||
           is_below(other->core->d, viewed->core->d);
}

chat_view_t *chat_config_sections_view(server_rec *s,
                                       const apr_array_header_t *sections,
                                       const chat_section_t *section,
                                       apr_pool_t *p)
{
    chat_view_t *view = apr_pcalloc(p, sizeof(*view));
    apr_array_header_t *loose = apr_array_make(p, 4, sizeof(chat_section_t));
    int i;

    view->s = s;
    view->section = section;
    view->name = name_of(section, p);
    view->loose = loose;
    view->p = p;
    for (i = 0; i < sections->nelts; i++) {
        const chat_section_t *other =
            &APR_ARRAY_IDX(sections, i, chat_section_t);

        if (holds(section, other))
            take(view, other);
        else if (may_hold(section, other))
            APR_ARRAY_PUSH(loose, chat_section_t) = *other;
    }
    view->conf = chat_config_dir_complete(view->bare, p);
    return view;
}
