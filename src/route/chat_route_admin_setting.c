/* SPDX-License-Identifier: Apache-2.0 */
/* How the admin route shows and changes a setting, whatever it is of. Request
 * thread. */
#include "chat_route_admin_parts.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_route_view.h"
#include "chat_run.h"

typedef chat_route_rest_t rest_t;

chat_json_t *chat_route_admin_setting_value(const char *text, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {64 * 1024, 8, 4096};
    chat_json_t *root;

    return text && chat_json_parse(&root, text, strlen(text), &limits, p) ==
                       APR_SUCCESS
               ? root
               : NULL;
}

const char *chat_route_admin_setting_text(const chat_json_t *object,
                                          apr_pool_t *p)
{
    return chat_json_next(object, NULL) ? chat_json_text(object, NULL, p)
                                        : NULL;
}

apr_status_t chat_route_admin_setting_refuse(chat_err_t *err, const char *path,
                                             const char *message, apr_pool_t *p)
{
    err->issues = apr_pstrcat(p, "[{\"code\":\"custom\",\"message\":\"",
                              message, "\",\"path\":", path, "}]", NULL);
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_request",
                        "The request is not valid.");
}

chat_store_audit_t chat_route_admin_setting_audit(const rest_t *q,
                                                  const char *action,
                                                  const char *target)
{
    return (chat_store_audit_t){.actor = q->at.owner,
                                .action = action,
                                .target = target,
                                .request_id = q->ctx->request_id,
                                .address = q->r->useragent_ip};
}

static const char *shown(rest_t *q, const char *what,
                         const chat_store_setting_t *s,
                         chat_route_admin_show_fn *show)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    show(out, q, what, s);
    return chat_route_view_text(out);
}

apr_status_t chat_route_admin_setting_tell(rest_t *q, const char *kind,
                                           const char *what,
                                           chat_route_admin_show_fn *show)
{
    chat_store_setting_t s = {.name = apr_pstrcat(q->p, kind, what, NULL)};
    apr_status_t rv = chat_store_setting_get(&s, &q->at, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    q->revision = s.revision;
    q->json = shown(q, what, &s, show);
    return APR_SUCCESS;
}

/* 412, with how it is. */
static apr_status_t refuse_stale(rest_t *q, const chat_store_setting_t *s,
                                 const chat_route_admin_change_t *change)
{
    q->revision = s->revision;
    q->more = apr_pstrcat(
        q->p, ",\"current\":", shown(q, change->what, s, change->show), NULL);
    return chat_err_set(&q->err, APR_EMISMATCH, HTTP_PRECONDITION_FAILED,
                        "precondition_failed",
                        "The setting was changed meanwhile.");
}

apr_status_t
chat_route_admin_setting_change(rest_t *q,
                                const chat_route_admin_change_t *change)
{
    chat_store_change_t c = {
        .is.name = apr_pstrcat(q->p, change->kind, change->what, NULL),
        .to = change->to,
        .ctx = change->ctx,
        .stops = change->stops,
        .audit = chat_route_admin_setting_audit(q, NULL, change->what)};
    apr_status_t rv = APR_SUCCESS;

    if (chat_route_rest_has_match(q)) {
        rv = chat_store_setting_get(&c.is, &q->at, &q->err);
        if (rv == APR_SUCCESS && !chat_route_rest_matches(q, c.is.revision))
            return refuse_stale(q, &c.is, change);
        c.revision = c.is.revision;
    }
    if (rv == APR_SUCCESS)
        rv = chat_store_setting_change(&c, &q->at, &q->err);
    if (rv == APR_EMISMATCH)
        return refuse_stale(q, &c.is, change);
    if (rv != APR_SUCCESS)
        return rv;
    chat_run_settings_changed();
    q->revision = c.is.revision;
    q->json = shown(q, change->what, &c.is, change->show);
    return APR_SUCCESS;
}
