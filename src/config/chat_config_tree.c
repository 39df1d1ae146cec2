/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration files as httpd has read them, directive by directive, also
 * those of other modules, whose structures are their own. Main thread, while a
 * configuration is checked.
 */
#include "chat_config_sections.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>

typedef struct walk_t {
    const char *name;
    chat_config_tree_visit_fn *visit;
    void *ctx;
    server_rec *main_server;
    apr_pool_t *p;
} walk_t;

/* The host that begins at that line. */
static server_rec *host_of(const ap_directive_t *section, server_rec *main)
{
    server_rec *s;

    for (s = main->next; s; s = s->next) {
        if (s->defn_name && !strcmp(s->defn_name, section->filename) &&
            s->defn_line_number == (unsigned)section->line_num)
            return s;
    }
    return main;
}

/* "/x" of <Location "/x">; NULL: it has a pattern. */
static const char *location_path(const ap_directive_t *section, apr_pool_t *p)
{
    const char *args = section->args, *path;

    path = ap_getword_conf(p, &args);
    if (*path && path[strlen(path) - 1] == '>')
        path = apr_pstrmemdup(p, path, strlen(path) - 1);
    return *path == '/' && !apr_fnmatch_test(path) ? path : NULL;
}

static int is_place(const char *name)
{
    return !strncasecmp(name, "<Location", 9) ||
           !strncasecmp(name, "<Directory", 10) ||
           !strncasecmp(name, "<Files", 6) || !strncasecmp(name, "<If", 3) ||
           !strncasecmp(name, "<Else", 5) || !strcasecmp(name, "<Proxy") ||
           !strcasecmp(name, "<ProxyMatch");
}

static void walk(const walk_t *w, const ap_directive_t *d, const char *path,
                 server_rec *host)
{
    for (; d; d = d->next) {
        const char *below = path;
        server_rec *in = host;

        if (!strcasecmp(d->directive, w->name))
            w->visit(w->ctx, d, path, host);
        if (!d->first_child)
            continue;
        if (!strcasecmp(d->directive, "<VirtualHost"))
            in = host_of(d, w->main_server);
        else if (!strcasecmp(d->directive, "<Location"))
            below = location_path(d, w->p);
        else if (is_place(d->directive))
            below = NULL;
        walk(w, d->first_child, below, in);
    }
}

void chat_config_tree_visit(const char *name, chat_config_tree_visit_fn *visit,
                            void *ctx, server_rec *main_server, apr_pool_t *p)
{
    const walk_t w = {name, visit, ctx, main_server, p};

    walk(&w, ap_conftree, NULL, main_server);
}

static int stands(const ap_directive_t *d, const char *name)
{
    for (; d; d = d->next) {
        if (!strcasecmp(d->directive, name) || stands(d->first_child, name))
            return 1;
    }
    return 0;
}

int chat_config_written(const char *name)
{
    return stands(ap_conftree, name);
}

static int stands_as(const ap_directive_t *d, const char *name,
                     const char *argument)
{
    for (; d; d = d->next) {
        apr_size_t len = strcspn(d->args ? d->args : "", " \t");

        if (!strcasecmp(d->directive, name) && len == strlen(argument) &&
            !strncmp(d->args, argument, len))
            return 1;
        if (stands_as(d->first_child, name, argument))
            return 1;
    }
    return 0;
}

int chat_config_written_as(const char *name, const char *argument)
{
    return stands_as(ap_conftree, name, argument);
}

static const ap_directive_t *find_at(const ap_directive_t *d, const char *name,
                                     const char *file, unsigned line)
{
    const ap_directive_t *found;

    for (; d; d = d->next) {
        if ((unsigned)d->line_num == line && !strcasecmp(d->directive, name) &&
            !strcmp(d->filename, file))
            return d;
        found = find_at(d->first_child, name, file, line);
        if (found)
            return found;
    }
    return NULL;
}

const char *chat_config_tree_argument(const char *name, const char *file,
                                      unsigned line, apr_pool_t *p)
{
    const ap_directive_t *d = find_at(ap_conftree, name, file, line);
    const char *args = d ? d->args : NULL;

    return args ? ap_getword_conf(p, &args) : NULL;
}
