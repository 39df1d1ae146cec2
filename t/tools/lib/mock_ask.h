/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks the model for, beyond the mock's own parameters: tools,
 * JSON, a stream. The mock reads it in what it is sent; the load client in what
 * it sends, which says the same.
 */
#ifndef TOOLS_MOCK_ASK_H
#define TOOLS_MOCK_ASK_H

#include "mock_request.h"
#include "mock_text.h"

/*
 * Names of tools, and JSON where the text shall be that. Where no tool may be
 * called, or the last message says what one gave, tools= becomes 0. root: the
 * body, in any API's form, NULL when it is not JSON.
 */
struct json_object;
void mock_ask_body(mock_text_t *t, struct json_object *root);

/* Everything: t zeroed but for p, the defaults, and api. *pstream: the answer
 * is a stream. 0, or -1 for parameters that do not exist; why says which. */
int mock_ask(mock_text_t *t, int *pstream, const mock_request_t *rq, char *why,
             size_t why_size);

#endif
