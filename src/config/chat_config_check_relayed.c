/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider whose streams only pass (ChatProviderType app) can be asked by
 * routes of the form that they have, and by no other, nor for titles. Main
 * thread, when a configuration is checked.
 */
#include "chat_config_sections.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

/* Those that ask a provider, in another form than its own. */
static int is_other(int route)
{
    return (chat_config_route_flags(route) & CHAT_ROUTE_PASSTHROUGH) ||
           route == CHAT_ROUTE_stream || route == CHAT_ROUTE_message ||
           route == CHAT_ROUTE_completions || route == CHAT_ROUTE_conversations;
}

static int is_relayed(const server_rec *s, const char *name)
{
    const chat_provider_conf_t *conf = chat_config_provider(s, name);

    return conf &&
           (chat_config_provider_caps(conf) & CHAT_PROVIDER_RELAYED) != 0;
}

/* What stands outside sections may be meant for those that have a route. */
static int check_section(const chat_view_t *v)
{
    const chat_dir_route_t *route = &v->conf->route;
    int i, faults = 0;

    if (!v->section->conf || !is_other(route->id))
        return 0;
    for (i = 0; i < route->use->nelts; i++) {
        const char *name = APR_ARRAY_IDX(route->use, i, const char *);

        if (!is_relayed(v->s, name))
            continue;
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, v->s,
                     CHATNO(0160) "ChatUse \"%s\" holds at %s, whose ChatRoute "
                                  "is \"%s\": an application answers "
                                  "\"ChatRoute ui-message\" alone",
                     name, v->name, chat_config_route_name(route->id));
        faults++;
    }
    return faults;
}

static const chat_model_conf_t *find_model(const server_rec *s,
                                           const char *name)
{
    const apr_array_header_t *models = chat_config_models(s);
    int i;

    for (i = 0; i < models->nelts; i++) {
        const chat_model_conf_t *model =
            APR_ARRAY_IDX(models, i, const chat_model_conf_t *);

        if (!strcmp(model->name, name))
            return model;
    }
    return NULL;
}

static int check_title(const chat_view_t *v)
{
    const char *name = v->section->conf ? v->section->conf->title.model : NULL;
    const chat_model_conf_t *model = name ? find_model(v->s, name) : NULL;

    if (!model || !is_relayed(v->s, model->provider))
        return 0;
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, v->s,
                 CHATNO(0161) "ChatTitleModel \"%s\" at %s is a model of the "
                              "provider %s: an application makes no titles",
                 name, v->name, model->provider);
    return 1;
}

int chat_config_check_relayed(server_rec *s, apr_pool_t *ptemp)
{
    const apr_array_header_t *sections = chat_config_sections(s, ptemp);
    int i, faults = 0;

    for (i = 0; i < sections->nelts; i++) {
        const chat_view_t *v = chat_config_sections_view(
            s, sections, &APR_ARRAY_IDX(sections, i, chat_section_t), ptemp);

        faults += check_section(v) + check_title(v);
    }
    return faults;
}
