/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of built-in providers, made from chat_provider_list.h. Its order
 * is that of chat_provider_e. Read-only, any thread.
 */
#include "chat_provider_kit.h"

const chat_provider_t *chat_provider_get(int type)
{
    static const chat_provider_t *const providers[] = {
#define CHAT_PROVIDER(id, name, caps) &chat_provider_##id,
#include "chat_provider_list.h"
#undef CHAT_PROVIDER
    };

    return providers[type];
}
