/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request to the mock route wants besides text: a call of one of its
 * tools, or JSON. Private to mock/. Knows JSON and pools only.
 */
#ifndef CHAT_MOCK_REQUEST_H
#define CHAT_MOCK_REQUEST_H

#include <apr_pools.h>

#include "chat_json.h"

typedef struct chat_mock_request_t {
    const char *call; /* name of the tool to be called; NULL: none */
    const char *json; /* its arguments, else the answer; NULL: plain text */
    const char *said; /* by the user, where that is the last message, and does
                         not want one of the above; or NULL */
} chat_mock_request_t;

/*
 * A tool is called when the request says that one must be, or when its name
 * stands in the last message; never in answer to what a tool gave. JSON fits
 * the schema where that is simple: types, enums, properties and items, not
 * bounds and patterns. messages: the request's. The result lives in p.
 */
void chat_mock_request_read(chat_mock_request_t *asked, const chat_json_t *body,
                            const chat_json_t *messages, apr_pool_t *p);

#endif
