/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a set of keys and, behind the first line feed, as a token that
 * is checked by it: a set is refused with a sentence, or has keys; and nobody
 * is let in, for nothing here is signed. */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "../../src/auth/chat_auth_jose.h"

static void check(const char *token, const chat_auth_jose_keys_t *keys,
                  apr_pool_t *p)
{
    const apr_array_header_t *none = apr_array_make(p, 1, sizeof(char *));
    const chat_auth_jose_rules_t rules = {.id = "sub",
                                          .role = "role",
                                          .tier = "tier",
                                          .issuers = none,
                                          .audiences = none,
                                          .required = none,
                                          .now = apr_time_from_sec(1)};
    chat_auth_jose_claims_t claims;
    const char *why = NULL;

    chat_auth_jose_wants_key(token, keys, p);
    MUST(chat_auth_jose_verify(&claims, token, none, keys, &rules, &why, p) ==
         APR_EACCES);
    MUST(why && *why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = (const char *)data;
    const char *end = size ? memchr(text, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - text) : size;
    chat_auth_jose_keys_t *keys = NULL;
    const char *why = NULL;

    if (chat_auth_jose_keys(&keys, size ? text : "", len, &why, p) !=
        APR_SUCCESS) {
        MUST(why && *why);
        keys = NULL;
    }
    if (end)
        check(apr_pstrmemdup(p, end + 1, size - len - 1), keys, p);
    apr_pool_destroy(p);
    return 0;
}
