/* SPDX-License-Identifier: Apache-2.0 */
/* The context of a request, in its request_config. Whoever owns it. */
#include "chat_ctx.h"

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
