/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As chat_config_advice.c, where a directive of another module is one half:
 * AuthType, Require. Their structures are their own, so the files are looked
 * at. Main thread, when a configuration is checked.
 */
#include "chat_config_sections.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

typedef struct place_t {
    const chat_section_t *section;
    int guarded;
} place_t;

static const chat_section_t *at(const apr_array_header_t *sections, int i)
{
    return &APR_ARRAY_IDX(sections, i, chat_section_t);
}

/* ---- AuthType Chat ---- */

/* Does anything of that host say who may come in? */
static int has_schemes(const apr_array_header_t *sections)
{
    int i;

    for (i = 0; i < sections->nelts; i++) {
        if (at(sections, i)->conf && at(sections, i)->conf->auth.schemes)
            return 1;
    }
    return 0;
}

/* The same at a path. */
static int has_schemes_at(server_rec *s, const apr_array_header_t *sections,
                          const char *path, apr_pool_t *p)
{
    const core_dir_config core = {.d = (char *)path};
    const chat_section_t section = {.kind = CHAT_SECTION_LOCATION,
                                    .core = &core};
    const chat_view_t *view =
        chat_config_sections_view(s, sections, &section, p);

    return (view->bare && view->bare->auth.schemes) || has_schemes(view->loose);
}

static void check_auth_type(void *ctx, const ap_directive_t *directive,
                            const char *path, server_rec *host)
{
    apr_pool_t *p = ctx;
    const char *args = directive->args;
    const apr_array_header_t *sections;
    server_rec *s;

    if (strcasecmp(ap_getword_conf(p, &args), "Chat") != 0)
        return;
    /* What stands outside hosts may be meant for one of them. */
    for (s = host; s; s = host->is_virtual ? NULL : s->next) {
        sections = chat_config_sections(s, p);
        if (path ? has_schemes_at(s, sections, path, p) : has_schemes(sections))
            return;
    }
    ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, host,
                 CHATNO(0122) "\"AuthType Chat\" at %s:%d: no ChatAuth says "
                              "who may come in there, so everybody gets a 401",
                 directive->filename, directive->line_num);
}

/* ---- Require ---- */

/* It stands for files, which this location has none of. */
static int is_for_files(const ap_directive_t *d)
{
    for (d = d->parent; d; d = d->parent) {
        if (!strncasecmp(d->directive, "<Directory", 10))
            return 1;
    }
    return 0;
}

static void note_guard(void *ctx, const ap_directive_t *directive,
                       const char *path, server_rec *host)
{
    place_t *place = ctx;
    const core_dir_config core = {.d = (char *)path};
    const chat_section_t around = {.kind = CHAT_SECTION_LOCATION,
                                   .core = &core};

    if (is_for_files(directive))
        return;
    place->guarded |=
        !path || place->section->kind != CHAT_SECTION_LOCATION ||
        chat_config_sections_cover(&around, place->section->core->d);
}

int chat_config_advice_places_guard(const chat_view_t *v)
{
    place_t place = {.section = v->section};

    chat_config_tree_visit("Require", note_guard, &place, v->s, v->p);
    chat_config_tree_visit("Deny", note_guard, &place, v->s, v->p);
    return place.guarded;
}

void chat_config_advice_places(server_rec *main_server, apr_pool_t *ptemp)
{
    chat_config_tree_visit("AuthType", check_auth_type, ptemp, main_server,
                           ptemp);
}
