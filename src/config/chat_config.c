/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration put together from its features: the array of directives,
 * and the two structures, how they start, merge and are completed. Config time,
 * but for the getters, which any thread may call: they only read.
 */
#include "chat_config_int.h"

#include <apr_strings.h>

#include "chat_log.h"

static const chat_config_feature_t *const features[] = {
#define CHAT_CONFIG(feature) &chat_config_##feature##_feature,
#include "chat_config_list.h"
#undef CHAT_CONFIG
};

#define FEATURES (sizeof(features) / sizeof(features[0]))

/* ---- the directives ---- */

/* The last row stays zero: it ends the array. */
command_rec chat_config_cmds[FEATURES * CHAT_CONFIG_CMDS_MAX + 1];

/* httpd wants one array and reads it when it loads the module, before it calls
 * any of the module's functions: so this runs inside dlopen(). */
static void __attribute__((constructor)) collect(void)
{
    command_rec *to = chat_config_cmds;
    apr_size_t i, row;

    for (i = 0; i < FEATURES; i++) {
        const command_rec *cmds = features[i]->cmds;

        for (row = 0; row < CHAT_CONFIG_CMDS_MAX && cmds[row].name; row++)
            *to++ = cmds[row];
    }
}

/* ---- one part ---- */

static void unset(void *conf, const chat_config_part_t *part)
{
    if (part->size)
        memcpy((char *)conf + part->offset, part->unset, part->size);
}

static void merge(void *m, const void *base, const void *add,
                  const chat_config_part_t *part, apr_pool_t *p)
{
    if (part->size)
        part->merge((char *)m + part->offset, (const char *)base + part->offset,
                    (const char *)add + part->offset, p);
}

static void set_defaults(void *m, const void *conf,
                         const chat_config_part_t *part, apr_pool_t *p)
{
    if (part->size)
        part->merge((char *)m + part->offset, part->defaults,
                    (const char *)conf + part->offset, p);
}

/* ---- of a directory ---- */

void *chat_config_dir_create(apr_pool_t *p, char *dir)
{
    chat_dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    apr_size_t i;

    for (i = 0; i < FEATURES; i++)
        unset(conf, &features[i]->dir);
    return conf;
}

/* Nothing of ours is written there, as mostly outside sections. */
static int is_unset(const void *conf)
{
    apr_size_t i;

    for (i = 0; i < FEATURES; i++) {
        const chat_config_part_t *part = &features[i]->dir;

        if (part->size && memcmp((const char *)conf + part->offset, part->unset,
                                 part->size) != 0)
            return 0;
    }
    return 1;
}

void *chat_config_dir_merge(apr_pool_t *p, void *base, void *add)
{
    chat_dir_conf_t *m;
    apr_size_t i;

    if (is_unset(base))
        return add;
    m = apr_pcalloc(p, sizeof(*m));
    for (i = 0; i < FEATURES; i++)
        merge(m, base, add, &features[i]->dir, p);
    return m;
}

const chat_dir_conf_t *chat_config_dir_complete(const chat_dir_conf_t *conf,
                                                apr_pool_t *p)
{
    chat_dir_conf_t *full = apr_pcalloc(p, sizeof(*full));
    apr_size_t i;

    for (i = 0; i < FEATURES; i++)
        set_defaults(full, conf, &features[i]->dir, p);
    for (i = 0; i < FEATURES; i++) {
        if (features[i]->complete)
            features[i]->complete(full, p);
    }
    return full;
}

const chat_dir_conf_t *chat_config_dir(request_rec *r)
{
    const chat_dir_conf_t *conf =
        ap_get_module_config(r->per_dir_config, &chat_module);

    return conf->full ? conf->full : chat_config_dir_complete(conf, r->pool);
}

/* ---- of a server ---- */

void *chat_config_server_create(apr_pool_t *p, server_rec *s)
{
    chat_server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    apr_size_t i;

    for (i = 0; i < FEATURES; i++)
        unset(conf, &features[i]->server);
    return conf;
}

void *chat_config_server_merge(apr_pool_t *p, void *base, void *add)
{
    chat_server_conf_t *m = apr_pcalloc(p, sizeof(*m));
    apr_size_t i;

    for (i = 0; i < FEATURES; i++)
        merge(m, base, add, &features[i]->server, p);
    return m;
}

void chat_config_server_defaults(chat_server_conf_t *conf, apr_pool_t *p)
{
    const chat_server_conf_t written = *conf;
    apr_size_t i;

    memset(conf, 0, sizeof(*conf));
    for (i = 0; i < FEATURES; i++)
        set_defaults(conf, &written, &features[i]->server, p);
}

const chat_server_conf_t *chat_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &chat_module);
}

chat_server_conf_t *chat_config_server_of(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &chat_module);
}
