/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, times and names of what is stored. Any thread. */
#include "chat_store_chats.h"

#include <string.h>

#include "chat_crypto.h"

int chat_store_is_id(const char *text)
{
    int i;

    for (i = 0; i < CHAT_STORE_ID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return 0;
        }
        else if (!text[i] || !strchr("0123456789abcdef", text[i])) {
            return 0;
        }
    }
    return !text[i];
}

const char *chat_store_new_id(apr_pool_t *p)
{
    char *id = apr_palloc(p, CHAT_STORE_ID_LEN + 1);

    chat_crypto_uuid7(id, apr_time_now());
    return id;
}

apr_int64_t chat_store_now(void)
{
    return apr_time_as_msec(apr_time_now());
}

const char *chat_store_status_name(chat_message_status_e status)
{
    static const char *const names[] = {
        [CHAT_MESSAGE_COMPLETE] = "complete",
        [CHAT_MESSAGE_STREAMING] = "streaming",
        [CHAT_MESSAGE_PARTIAL] = "partial",
        [CHAT_MESSAGE_CANCELLED] = "cancelled",
        [CHAT_MESSAGE_FAILED] = "failed",
    };

    return names[status];
}
