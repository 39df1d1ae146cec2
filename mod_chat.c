/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module record, the hooks and the order of start-up. No logic lives here.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_auth.h>

#include "chat_auth.h"
#include "chat_config.h"
#include "chat_crypto.h"
#include "chat_export.h"
#include "chat_limit.h"
#include "chat_log.h"
#include "chat_metric.h"
#include "chat_override.h"
#include "chat_redis.h"
#include "chat_request_note.h"
#include "chat_resume.h"
#include "chat_route.h"
#include "chat_run.h"
#include "chat_scratch.h"
#include "chat_store.h"
#include "chat_stream.h"
#include "chat_telemetry.h"
#include "chat_upstream.h"

/* What configtest can find out, so that a reload does not: at each reading of
 * the configuration, before anything is made. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    int rc = chat_config_check(pconf, plog, ptemp, s);

    if (rc != OK)
        return rc;
    if (chat_store_check_config(ptemp, s) != APR_SUCCESS ||
        chat_auth_check_config(pconf, s) != APR_SUCCESS ||
        chat_redis_check_config(pconf, s) != APR_SUCCESS ||
        chat_resume_check_config(pconf, s) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR; /* each has said why */
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    /* The first of two passes at start-up only checks the configuration. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    chat_crypto_init();
    if (chat_metric_post_config(s) != APR_SUCCESS ||
        chat_telemetry_post_config(pconf, s) != APR_SUCCESS ||
        chat_stream_post_config(pconf, s) != APR_SUCCESS ||
        chat_store_post_config(pconf, s) != APR_SUCCESS ||
        chat_override_post_config(pconf, s) != APR_SUCCESS ||
        chat_auth_post_config(pconf, s) != APR_SUCCESS ||
        chat_limit_post_config(pconf, s) != APR_SUCCESS ||
        chat_resume_post_config(pconf, s) != APR_SUCCESS ||
        chat_upstream_post_config(pconf, s) != APR_SUCCESS ||
        chat_export_post_config(pconf, s) != APR_SUCCESS ||
        chat_run_post_config(pconf, s) != APR_SUCCESS ||
        chat_route_openapi_post_config(pconf, s) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR; /* each has said why */
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_scratch_init(pchild);
    chat_telemetry_child_init(pchild, s);
    chat_auth_child_init(pchild, s);
    chat_limit_child_init(pchild, s);
    chat_run_export_child_init(pchild, s); /* stops behind the streams */
    chat_stream_child_init(pchild, s);
    chat_resume_child_init(pchild, s); /* stops before the streams do */
    chat_store_child_init(pchild, s);
    chat_run_child_init(pchild, s);
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const database[] = {"mod_dbd.c", NULL};

    ap_hook_pre_config(chat_auth_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, database, NULL, APR_HOOK_MIDDLE);
    ap_hook_header_parser(chat_auth_cors, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_authn(chat_auth_check_authn, NULL, NULL, APR_HOOK_MIDDLE,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_handler(chat_route_handler, NULL, NULL, APR_HOOK_MIDDLE);
    chat_store_context_register_hooks(p);
    chat_auth_register_hooks(p);
    chat_limit_register_hooks(p);
    chat_request_note_register_hooks(p);
    chat_stream_register_hooks(p);
    chat_telemetry_register_hooks(p);
}

/* AP_DECLARE_MODULE would clash with APLOG_USE_MODULE in chat_log.h. */
module AP_MODULE_DECLARE_DATA chat_module = {
    STANDARD20_MODULE_STUFF,  chat_config_dir_create,
    chat_config_dir_merge,    chat_config_server_create,
    chat_config_server_merge, chat_config_cmds,
    register_hooks,
#if defined(AP_MODULE_FLAG_NONE)
    AP_MODULE_FLAG_NONE,
#endif
};
