/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written, but cannot be meant: a route that nothing leads to, or that
 * nobody may use, names that mean nothing there. Each is told once, as a
 * warning and not as a fault: another module may know better. Main thread, when
 * a configuration is checked.
 *
 * What stands outside virtual hosts may be meant for some of them: there it is
 * told only when no host completes it.
 */
#include "chat_config_sections.h"

#include <http_log.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "chat_log.h"

/* 1: it is so at this section. say: tell it, too. */
typedef int fault_fn(const chat_view_t *v, int say);

/* One of the loose sections has it: nothing can be said. */
static int may(const chat_view_t *v, int (*has)(const chat_section_t *))
{
    int i;

    for (i = 0; i < v->loose->nelts; i++) {
        if (has(&APR_ARRAY_IDX(v->loose, i, chat_section_t)))
            return 1;
    }
    return 0;
}

static int sets_handler(const chat_section_t *s)
{
    return s->handler >= CHAT_HANDLER_MAYBE;
}

static int sets_route(const chat_section_t *s)
{
    return s->conf && s->conf->route.id != CHAT_ROUTE_NONE;
}

static int sets_schemes(const chat_section_t *s)
{
    return s->conf && s->conf->auth.schemes;
}

static int sets_secrets(const chat_section_t *s)
{
    return s->conf && s->conf->auth.secrets;
}

static int sets_keys(const chat_section_t *s)
{
    return s->conf && (s->conf->jwt.secrets || s->conf->jwt.jwks);
}

static int sets_use(const chat_section_t *s)
{
    return s->conf && s->conf->route.use;
}

/* ---- a route and its handler ---- */

static int has_route(const chat_view_t *v)
{
    return v->conf->route.id != CHAT_ROUTE_NONE;
}

static int is_handled(const chat_view_t *v)
{
    return v->handler >= CHAT_HANDLER_MAYBE;
}

/* Another module may give a handler, too, and outside sections a .htaccess is
 * as likely. */
static int no_handler(const chat_view_t *v, int say)
{
    if (v->section->kind == CHAT_SECTION_SERVER || !sets_route(v->section) ||
        is_handled(v) || may(v, sets_handler) ||
        chat_config_written("AddHandler") || chat_config_written("RewriteRule"))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0113) "ChatRoute \"%s\" at %s: no \"SetHandler "
                                  "chat\" stands there, so mod_chat is never "
                                  "asked",
                     chat_config_route_name(v->section->conf->route.id),
                     v->section->conf->route.defined_at);
    return 1;
}

static int no_route(const chat_view_t *v, int say)
{
    if (v->section->handler != CHAT_HANDLER_CHAT || has_route(v) ||
        may(v, sets_route))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0114) "%s has \"SetHandler chat\" but no "
                                  "ChatRoute: every answer will be a 404",
                     v->name);
    return 1;
}

/* httpd lets the later of two <Location> win, whichever is longer. */
static int overridden(const chat_view_t *v, int say)
{
    const chat_dir_route_t *own =
        v->section->conf ? &v->section->conf->route : NULL;

    if (v->section->kind != CHAT_SECTION_LOCATION || !sets_route(v->section) ||
        own->defined_at == v->conf->route.defined_at ||
        own->id == v->conf->route.id)
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0115) "ChatRoute \"%s\" at %s is never used: the "
                                  "ChatRoute \"%s\" at %s holds for this path "
                                  "as well and stands later, and then the "
                                  "later one wins: move it to before this one",
                     chat_config_route_name(own->id), own->defined_at,
                     chat_config_route_name(v->conf->route.id),
                     v->conf->route.defined_at);
    return 1;
}

/* ---- who may ask ---- */

static int serves(const chat_view_t *v)
{
    return sets_route(v->section) && is_handled(v) &&
           chat_config_route_has_users(v->conf->route.id);
}

/* The answer to "why does everybody get a 401?", before anybody asks. */
static int no_auth(const chat_view_t *v, int say)
{
    if (!serves(v) || (v->bare && v->bare->auth.schemes) ||
        may(v, sets_schemes))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, v->s,
                     CHATNO(0103) "ChatRoute \"%s\" at %s: no ChatAuth says "
                                  "who may use it, so everybody gets a 401",
                     chat_config_route_name(v->section->conf->route.id),
                     v->section->conf->route.defined_at);
    return 1;
}

static int has_scheme(const chat_dir_conf_t *conf, int scheme)
{
    const apr_array_header_t *schemes = conf->auth.schemes;
    int i;

    for (i = 0; i < schemes->nelts; i++) {
        if (APR_ARRAY_IDX(schemes, i, int) == scheme)
            return 1;
    }
    return 0;
}

static int no_secret(const chat_view_t *v, int say)
{
    const chat_dir_conf_t *conf = v->conf;
    int cookie = has_scheme(conf, CHAT_AUTH_better_auth);
    int bearer =
        has_scheme(conf, CHAT_AUTH_bearer) && !conf->auth.bearer_unsigned;
    int authjs = has_scheme(conf, CHAT_AUTH_authjs);

    if (!(cookie || bearer || authjs) || conf->auth.secrets->nelts > 0 ||
        !(sets_schemes(v->section) || sets_route(v->section)) ||
        may(v, sets_secrets))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0116) "ChatAuth %s in %s: no ChatAuthSecret says "
                                  "what sessions are signed with, so nobody "
                                  "can sign in: write the %s "
                                  "of the application there",
                     cookie   ? "better-auth"
                     : bearer ? "bearer"
                              : "authjs",
                     v->name,
                     cookie || bearer ? "BETTER_AUTH_SECRET" : "AUTH_SECRET");
    return 1;
}

static int no_key(const chat_view_t *v, int say)
{
    const chat_dir_conf_t *conf = v->conf;

    if (!has_scheme(conf, CHAT_AUTH_jwt) || conf->jwt.secrets->nelts > 0 ||
        conf->jwt.jwks ||
        !(sets_schemes(v->section) || sets_route(v->section)) ||
        may(v, sets_keys))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0126) "ChatAuth jwt in %s: neither "
                                  "ChatAuthJWTSecret nor ChatAuthJWKS says "
                                  "what tokens are signed with, so nobody can "
                                  "sign in",
                     v->name);
    return 1;
}

static int signs_in; /* somebody is let in by a session, in some server */

/* A session is looked up for a route, or for AuthType Chat. */
static void note_sessions(const chat_view_t *v)
{
    if (has_scheme(v->conf, CHAT_AUTH_better_auth) ||
        has_scheme(v->conf, CHAT_AUTH_bearer) ||
        has_scheme(v->conf, CHAT_AUTH_authjs_database))
        signs_in |= is_handled(v) || may(v, sets_handler) ||
                    chat_config_written("AuthType");
}

int chat_config_signs_in(void)
{
    return signs_in;
}

/* Who would set the name of a user? TLS does without an AuthType. */
static int no_user(const chat_view_t *v, int say)
{
    if (!sets_schemes(v->section) || !has_scheme(v->conf, CHAT_AUTH_user) ||
        v->conf->auth.schemes->nelts > 1 || chat_config_written("AuthType") ||
        chat_config_written("SSLUserName"))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0117) "ChatAuth user in %s: no AuthType and no "
                                  "SSLUserName stands anywhere, so there is "
                                  "never a user whom Apache has let in",
                     v->name);
    return 1;
}

/* ---- providers and models ---- */

static const chat_model_conf_t *model_at(const chat_view_t *v, int i)
{
    return APR_ARRAY_IDX(chat_config_models(v->s), i,
                         const chat_model_conf_t *);
}

static int has_models(const chat_view_t *v, const char *provider)
{
    int i;

    for (i = 0; i < chat_config_models(v->s)->nelts; i++) {
        if (!strcmp(model_at(v, i)->provider, provider))
            return 1;
    }
    return 0;
}

/* A provider without a ChatModel takes any name. */
static int names_are_known(const chat_view_t *v)
{
    const apr_array_header_t *use = v->conf->route.use;
    int i;

    for (i = 0; i < use->nelts; i++) {
        if (!has_models(v, APR_ARRAY_IDX(use, i, const char *)))
            return 0;
    }
    return chat_config_models(v->s)->nelts > 0;
}

static int is_model(const chat_view_t *v, const char *pattern)
{
    int i, j;

    for (i = 0; i < chat_config_models(v->s)->nelts; i++) {
        const chat_model_conf_t *model = model_at(v, i);

        if (!apr_fnmatch(pattern, model->name, 0))
            return 1;
        for (j = 0; j < model->aliases->nelts; j++) {
            if (!apr_fnmatch(pattern,
                             APR_ARRAY_IDX(model->aliases, j, const char *), 0))
                return 1;
        }
    }
    return 0;
}

static int no_default_model(const chat_view_t *v, int say)
{
    const char *name = v->conf->model.default_name;

    if (!serves(v) || !name || !names_are_known(v) || is_model(v, name))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0118) "ChatModelDefault \"%s\" in %s is no "
                                  "ChatModel of this server: who names no "
                                  "model will be refused",
                     name, v->name);
    return 1;
}

/* By its own name, as ChatModelAllow has it. */
static int is_own_name(const chat_view_t *v, const char *pattern)
{
    int i;

    for (i = 0; i < chat_config_models(v->s)->nelts; i++) {
        if (!apr_fnmatch(pattern, model_at(v, i)->name, 0))
            return 1;
    }
    return 0;
}

/* A name in ChatModelAllow that no model has, or NULL. A pattern may be there
 * for models to come, unless nothing fits any. */
static const char *useless_pattern(const chat_view_t *v)
{
    const apr_array_header_t *allow = v->conf->model.allow;
    const char *useless = NULL;
    int i, j, fits = 0;

    for (i = 0; i < allow->nelts; i++) {
        const chat_model_allow_t *line =
            &APR_ARRAY_IDX(allow, i, const chat_model_allow_t);

        for (j = 0; j < line->names->nelts; j++) {
            const char *pattern = APR_ARRAY_IDX(line->names, j, const char *);

            if (is_own_name(v, pattern))
                fits = 1;
            else if (!useless || !strpbrk(pattern, "*?"))
                useless = pattern;
        }
    }
    return useless && fits && strpbrk(useless, "*?") ? NULL : useless;
}

static int no_allowed_model(const chat_view_t *v, int say)
{
    const char *pattern;

    if (!serves(v) || !names_are_known(v) || !(pattern = useless_pattern(v)))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0119) "ChatModelAllow \"%s\" in %s: no ChatModel "
                                  "of this server is called so",
                     pattern, v->name);
    return 1;
}

static int has_provider(const chat_view_t *v)
{
    const apr_array_header_t *use = v->conf->route.use;
    int i;

    for (i = 0; i < use->nelts; i++) {
        if (chat_config_provider(v->s, APR_ARRAY_IDX(use, i, const char *)))
            return 1;
    }
    return use->nelts == 0 && chat_config_models(v->s)->nelts > 0;
}

/* Where nobody may ask it is of no account. */
static int no_provider(const chat_view_t *v, int say)
{
    if (!serves(v) || v->conf->auth.schemes->nelts == 0 || has_provider(v) ||
        may(v, sets_use))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0120) "ChatRoute \"%s\" at %s has no provider to "
                                  "ask: write a <ChatProvider>, and ChatUse "
                                  "with its name, or a ChatModel for it",
                     chat_config_route_name(v->conf->route.id),
                     v->conf->route.defined_at);
    return 1;
}

/* ---- all of them, at all sections ---- */

static fault_fn *const faults[] = {
    no_handler,
    no_route,
    overridden,
    no_auth,
    no_secret,
    no_key,
    no_user,
    no_default_model,
    no_allowed_model,
    no_provider,
    chat_config_advice_limits_guard,
    chat_config_advice_limits_keys,
    chat_config_advice_moderation_replace,
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* The section in the lists of a host, which has those of the main server. */
static const chat_section_t *same(const apr_array_header_t *sections,
                                  const chat_section_t *section)
{
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const chat_section_t *other =
            &APR_ARRAY_IDX(sections, i, chat_section_t);

        if (other->kind == section->kind &&
            (section->kind == CHAT_SECTION_SERVER ||
             other->core == section->core))
            return other;
    }
    return NULL;
}

/* Does some host complete what is a fault in the main server? */
static int completed(fault_fn *fault, server_rec *main_server,
                     const chat_section_t *section, apr_pool_t *p)
{
    server_rec *s;

    for (s = main_server->next; s; s = s->next) {
        const apr_array_header_t *sections = chat_config_sections(s, p);
        const chat_section_t *own = same(sections, section);

        if (own && !fault(chat_config_sections_view(s, sections, own, p), 0))
            return 1;
    }
    return 0;
}

static void judge(server_rec *s, const apr_array_header_t *sections,
                  const chat_section_t *section, apr_pool_t *p)
{
    const chat_view_t *view =
        chat_config_sections_view(s, sections, section, p);
    apr_size_t i;

    note_sessions(view);
    for (i = 0; i < FAULTS; i++) {
        if (faults[i](view, 0) &&
            (s->is_virtual || !completed(faults[i], s, section, p)))
            faults[i](view, 1);
    }
}

/* Is there anything of ours to look at? */
static int counts(const chat_section_t *section)
{
    return section->conf || section->handler == CHAT_HANDLER_CHAT;
}

/* What a host has of its own, and not from the main server. */
static int is_own(const apr_array_header_t *inherited,
                  const chat_section_t *section)
{
    const chat_section_t *base = inherited ? same(inherited, section) : NULL;

    if (!base || section->kind != CHAT_SECTION_SERVER)
        return !base;
    return section->conf && base->conf &&
           (section->conf->route.defined_at != base->conf->route.defined_at ||
            section->conf->auth.schemes != base->conf->auth.schemes);
}

static void judge_server(server_rec *s, const apr_array_header_t *inherited,
                         apr_pool_t *p)
{
    const apr_array_header_t *sections = chat_config_sections(s, p);
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const chat_section_t *section =
            &APR_ARRAY_IDX(sections, i, chat_section_t);

        if (counts(section) && is_own(inherited, section))
            judge(s, sections, section, p);
    }
}

void chat_config_advice_give(server_rec *main_server, apr_pool_t *ptemp)
{
    const apr_array_header_t *inherited =
        chat_config_sections(main_server, ptemp);
    server_rec *s;

    signs_in = 0;
    for (s = main_server; s; s = s->next)
        judge_server(s, s == main_server ? NULL : inherited, ptemp);
    chat_config_advice_places(main_server, ptemp);
}
