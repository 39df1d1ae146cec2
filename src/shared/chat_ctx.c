/* SPDX-License-Identifier: Apache-2.0 */
/* The context of a request, in its request_config. Whoever owns it. */
#include "chat_ctx.h"

#include <string.h>

#include <apr_network_io.h>

#include "chat_log.h"

/* A context, and the configuration that its dir was merged from. */
typedef struct slot_t {
    chat_ctx_t ctx; /* first: the slot holds its address */
    const ap_conf_vector_t *merged;
} slot_t;

chat_ctx_t *chat_ctx(request_rec *r)
{
    slot_t *slot = ap_get_module_config(r->request_config, &chat_module);

    if (slot && slot->merged == r->per_dir_config)
        return &slot->ctx;
    if (!slot) {
        slot = apr_pcalloc(r->pool, sizeof(*slot));
        slot->ctx.r = r;
        slot->ctx.server = chat_config_server(r->server);
        ap_set_module_config(r->request_config, &chat_module, slot);
    }
    slot->ctx.dir = chat_config_dir(r);
    slot->ctx.tier = NULL; /* ChatLimitTier may be another one now */
    slot->ctx.tier_failed = 0;
    slot->merged = r->per_dir_config;
    return &slot->ctx;
}

const chat_ctx_t *chat_ctx_peek(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &chat_module);
}

int chat_ctx_is_user(const chat_user_t *user, const char *said)
{
    if (!user->id)
        return 0;
    if (strchr(said, ':'))
        return !strcmp(user->subject, said);
    return user->home && !strcmp(user->id, said);
}

int chat_ctx_is_local(request_rec *r)
{
    apr_ipsubnet_t *v4, *v6;

    return apr_ipsubnet_create(&v4, "127.0.0.0", "8", r->pool) == APR_SUCCESS &&
           apr_ipsubnet_create(&v6, "::1", "128", r->pool) == APR_SUCCESS &&
           (apr_ipsubnet_test(v4, r->useragent_addr) ||
            apr_ipsubnet_test(v6, r->useragent_addr));
}
