/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of conversations, in two pieces: it is refused with a
 * sentence, or what was read is a forest that the store can take, and what is
 * written of it is read again as the same. */
#include "fuzz.h"

#include <string.h>

#include "../../src/route/chat_route_format.h"

static const chat_json_limits_t limits = {65536, 64, 10000};

static void init(chat_route_import_t *import, apr_pool_t *p)
{
    memset(import, 0, sizeof(*import));
    import->p = p;
    import->now = 1700000000000;
    import->bounds = (chat_request_bounds_t){200, 16, 64};
    import->messages_max = 50;
    import->bytes_max = 20000;
    import->list = apr_array_make(p, 4, sizeof(chat_route_imported_t));
}

static int read_file(chat_route_import_t *import, const char *data,
                     apr_size_t len, apr_size_t cut, apr_pool_t *p)
{
    chat_json_items_t *items = chat_json_items_create(
        "conversations", &limits, chat_route_format_take, import, p);
    chat_json_t *rest;

    if (chat_json_items_feed(items, data, cut) == APR_SUCCESS &&
        chat_json_items_feed(items, data + cut, len - cut) == APR_SUCCESS &&
        chat_json_items_end(&rest, items) == APR_SUCCESS)
        return 1;
    MUST(chat_json_items_why(items) && *chat_json_items_why(items));
    return 0;
}

static void check_one(const chat_route_imported_t *one)
{
    int i, k, current = 0;

    MUST(chat_request_is_id(one->c.id));
    MUST(one->messages->nelts <= 50);
    for (i = 0; i < one->messages->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(one->messages, i, chat_store_message_t);

        MUST(chat_request_is_id(m->id) && m->parts && m->text);
        MUST(m->created >= 0 && m->status != CHAT_MESSAGE_STREAMING);
        for (k = 0; m->parent && k < i; k++)
            if (!strcmp(
                    APR_ARRAY_IDX(one->messages, k, chat_store_message_t).id,
                    m->parent))
                break;
        MUST(!m->parent || k < i);
        current += one->c.current && !strcmp(one->c.current, m->id);
    }
    MUST(current == (one->c.current != NULL));
}

static chat_buf_t *write_file(const chat_route_import_t *import,
                              chat_route_format_e format, apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i;

    chat_buf_init(out, p);
    chat_route_format_open(out, format, import->now, NULL, p);
    for (i = 0; i < import->list->nelts; i++) {
        const chat_route_imported_t *one =
            &APR_ARRAY_IDX(import->list, i, chat_route_imported_t);

        if (i)
            chat_route_format_between(out, format);
        chat_route_format_write(out, format, &one->c, one->messages, NULL, p);
        MUST(!strpbrk(chat_route_format_disposition(one->c.title, format, p),
                      "\r\n/"));
    }
    chat_route_format_close(out, format);
    return out;
}

static void check_again(const chat_route_import_t *import,
                        chat_route_format_e format, apr_pool_t *p)
{
    chat_route_import_t again;
    const chat_buf_t *out = write_file(import, format, p);

    init(&again, p);
    if (out->len > 60000)
        return;
    MUST(read_file(&again, out->data, out->len, out->len / 2, p));
    MUST(again.list->nelts == import->list->nelts);
    if (format == CHAT_ROUTE_JSON)
        MUST(again.messages == import->messages);
    MUST(again.messages <= import->messages && !again.repaired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_route_import_t import;
    int i;

    init(&import, p);
    if (read_file(&import, (const char *)data, size, size / 3, p)) {
        for (i = 0; i < import.list->nelts; i++)
            check_one(&APR_ARRAY_IDX(import.list, i, chat_route_imported_t));
        write_file(&import, CHAT_ROUTE_MARKDOWN, p);
        check_again(&import, CHAT_ROUTE_JSON, p);
        check_again(&import, CHAT_ROUTE_CHATGPT, p);
    }
    apr_pool_destroy(p);
    return 0;
}
