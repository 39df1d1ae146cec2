/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: the verdict does not depend on how they are cut, nothing
 * passes the guard that json-c does not take, and what was read comes out as
 * text that reads as the same. */
#include "fuzz.h"

#include <string.h>

#include "chat_json.h"

static const chat_json_limits_t limits = {2048, 16, 200};
/* Writing may lengthen: -0 becomes -0.0. */
static const chat_json_limits_t wide = {16384, 16, 200};

static apr_status_t read_pieces(chat_json_t **proot, const char **pwhy,
                                const char *text, apr_size_t len,
                                apr_size_t piece, apr_pool_t *p)
{
    chat_json_reader_t *reader = chat_json_reader_create(&limits, p);
    apr_status_t rv;

    while (len) {
        apr_size_t n = len < piece ? len : piece;
        char *copy = malloc(n);

        memcpy(copy, text, n);
        chat_json_reader_feed(reader, copy, n);
        free(copy);
        text += n;
        len -= n;
    }
    rv = chat_json_reader_end(proot, reader);
    *pwhy = chat_json_reader_why(reader);
    return rv;
}

static void look_at(const chat_json_t *v)
{
    int i;

    MUST(chat_json_kind(v) != CHAT_JSON_UNDEFINED);
    chat_json_coerce(v);
    chat_json_integer(v, 0);
    for (i = 0; i < chat_json_length(v); i++)
        look_at(chat_json_at(v, i));
}

static void check_again(const char *text, apr_size_t len, apr_pool_t *p)
{
    chat_json_t *root;

    MUST(chat_json_parse(&root, text, len, &wide, p) == APR_SUCCESS);
    MUST(strcmp(chat_json_text(root, NULL, p), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const apr_size_t pieces[] = {1, 3, 64};
    apr_pool_t *p = fuzz_pool();
    const char *why, *again, *text = NULL;
    chat_json_t *root;
    apr_size_t len = 0;
    apr_status_t rv;
    int i;

    rv = read_pieces(&root, &why, (const char *)data, size, SIZE_MAX, p);
    MUST(rv == APR_SUCCESS || rv == APR_EINVAL || rv == APR_ENOSPC);
    MUST((rv == APR_SUCCESS) == (*why == '\0'));
    MUST(!strstr(why, "memory"));
    if (rv == APR_SUCCESS) {
        look_at(root);
        text = chat_json_text(root, &len, p);
        MUST(strlen(text) == len);
        check_again(text, len, p);
    }
    for (i = 0; i < 3; i++) {
        MUST(rv == read_pieces(&root, &again, (const char *)data, size,
                               pieces[i], p));
        MUST(strcmp(why, again) == 0);
        if (rv == APR_SUCCESS)
            MUST(strcmp(text, chat_json_text(root, NULL, p)) == 0);
    }
    apr_pool_destroy(p);
    return 0;
}
