/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Details: what a provider says beside text and calls and wants back with them
 * unchanged, such as signatures of thoughts and thoughts that are encrypted. A
 * client gets each as one JSON object, in the form that OpenRouter made common
 * ("reasoning_details": type, text or data, signature, format, id, index), and
 * gives it back as it got it.
 *
 * One that is made here belongs to a type of providers, whose name its id
 * begins with ("anthropic/0"), and goes back to that type alone. after_text and
 * after_calls say where it stood: behind so many characters of the answer's
 * text, and so many calls; none is 0. One that an upstream itself has in this
 * form has no such id, is handed on as it is, and goes to those who have the
 * form. What a client forged is the provider's to refuse. Pure.
 */
#include "chat_provider_content.h"
#include "chat_provider_event.h"
#include "chat_provider_kit.h"

#include <string.h>

#include <apr_strings.h>

/* A longer text of thoughts comes without what would have been wanted back. */
#define LONGEST_TEXT CHAT_SSE_EVENT_MAX

/* ---- out of a stream ---- */

static void drop(chat_parse_t *parse)
{
    if (parse->detail_pool)
        apr_pool_destroy(parse->detail_pool);
    parse->detail_pool = NULL;
    parse->detail = NULL;
}

static void open_any(chat_parse_t *parse)
{
    chat_provider_detail_close(parse);
    if (!parse->kept || parse->seen.failed)
        return;
    parse->said |= 1 << CHAT_DELTA_DETAIL;
    apr_pool_create(&parse->detail_pool, parse->kept);
    parse->detail = chat_json_object(parse->detail_pool);
    parse->detail_text =
        apr_palloc(parse->detail_pool, sizeof(*parse->detail_text));
    chat_buf_init(parse->detail_text, parse->detail_pool);
}

static void add_place(chat_json_t *detail, const char *name, apr_int64_t n)
{
    if (n > 0)
        chat_json_add_integer(detail, name, n);
}

void chat_provider_detail_open(chat_parse_t *parse, const char *owner,
                               const char *type, const char *format,
                               const char *id)
{
    int number = parse->ndetails;
    char made[16];

    open_any(parse);
    if (!parse->detail)
        return;
    apr_snprintf(made, sizeof(made), "%d", number);
    chat_json_add_string(parse->detail, "type", type);
    chat_json_add_string(parse->detail, "id",
                         apr_pstrcat(parse->detail_pool, owner, "/",
                                     id && *id ? id : made, NULL));
    chat_json_add_string(parse->detail, "format", format);
    chat_json_add_integer(parse->detail, "index", number);
    add_place(parse->detail, "after_text", parse->points);
    add_place(parse->detail, "after_calls", parse->ncalls);
    parse->ndetails++;
}

void chat_provider_detail_text(chat_parse_t *parse, const char *text,
                               apr_size_t len)
{
    if (!parse->detail || !len)
        return;
    if (len > LONGEST_TEXT - parse->detail_text->len) {
        /* The rest of it must not pass for another one. */
        drop(parse);
        parse->kept = NULL;
    }
    else
        chat_buf_put(parse->detail_text, text, len);
}

void chat_provider_detail_add(chat_parse_t *parse, const char *key,
                              chat_json_t *v)
{
    if (parse->detail && v)
        chat_json_add(parse->detail, key, v);
}

int chat_provider_detail_has(const chat_parse_t *parse, const char *key)
{
    return parse->detail && chat_json_get(parse->detail, key) != NULL;
}

/* The member that text is gathered for: of a summary another one. */
static const char *text_name(const chat_json_t *detail)
{
    const char *type = chat_json_string(chat_json_get(detail, "type"));

    if (type && strcmp(type, "reasoning.text") == 0)
        return "text";
    return type && strcmp(type, "reasoning.summary") == 0 ? "summary" : NULL;
}

void chat_provider_detail_close(chat_parse_t *parse)
{
    chat_json_t *detail = parse->detail;
    const char *name = text_name(detail);
    chat_delta_t delta = {.kind = CHAT_DELTA_DETAIL};

    if (!detail)
        return;
    if (name)
        chat_json_add_string(detail, name,
                             apr_pstrmemdup(parse->detail_pool,
                                            parse->detail_text->len
                                                ? parse->detail_text->data
                                                : "",
                                            parse->detail_text->len));
    delta.text = chat_json_text(detail, &delta.len, parse->detail_pool);
    if (!parse->seen.failed)
        chat_provider_parse_pass(parse, &delta);
    drop(parse);
}

void chat_provider_detail_drop(chat_parse_t *parse)
{
    drop(parse);
}

/* ---- such as upstreams have themselves ---- */

static int is_same(const chat_json_t *a, const chat_json_t *b, const char *key)
{
    const char *text = chat_json_string(chat_json_get(a, key));
    const char *other = chat_json_string(chat_json_get(b, key));

    return !text || !other || strcmp(text, other) == 0;
}

/* Is it more of the one that is open? They come in pieces as their texts do,
 * and the signature with the last. */
static int goes_on(const chat_json_t *open, const chat_json_t *piece)
{
    const char *name = text_name(open);
    apr_int64_t index = chat_json_integer(chat_json_get(piece, "index"), -1);

    return name && name == text_name(piece) &&
           !chat_json_string(chat_json_get(open, "signature")) &&
           index == chat_json_integer(chat_json_get(open, "index"), -1) &&
           is_same(open, piece, "id");
}

/* All members of the piece but its text, which is appended. */
static void take_members(chat_parse_t *parse, const chat_json_t *piece)
{
    const char *key = NULL, *name = text_name(piece), *text;

    while ((key = chat_json_next(piece, key)) != NULL) {
        chat_json_t *v = chat_json_get(piece, key);

        if ((!name || strcmp(key, name) != 0) &&
            (v != chat_json_null() || !chat_json_get(parse->detail, key)))
            chat_json_add(parse->detail, key, v);
    }
    text = name ? chat_json_string(chat_json_get(piece, name)) : NULL;
    if (text)
        chat_provider_detail_text(parse, text, strlen(text));
}

void chat_provider_detail_take(chat_parse_t *parse, const chat_json_t *piece)
{
    if (chat_json_kind(piece) != CHAT_JSON_OBJECT)
        return;
    if (!parse->detail || !goes_on(parse->detail, piece))
        open_any(parse);
    if (!parse->detail)
        return;
    parse->ndetails++;
    take_members(parse, piece);
}

/* ---- into a request ---- */

/* Behind "owner/" of its id; NULL: it is not one of that owner's. owner NULL:
 * of any. */
static const char *find_id(const chat_json_t *detail, const char *owner)
{
#define CHAT_PROVIDER(id, name, caps) name,
    static const char *const owners[] = {
#include "chat_provider_list.h"
        NULL};
#undef CHAT_PROVIDER
    const char *id = chat_json_string(chat_json_get(detail, "id"));
    const char *slash = id ? strchr(id, '/') : NULL;
    int i;

    for (i = 0; slash && owners[i]; i++) {
        apr_size_t len = strlen(owners[i]);

        if ((!owner || strcmp(owner, owners[i]) == 0) &&
            (apr_size_t)(slash - id) == len && strncmp(id, owners[i], len) == 0)
            return slash + 1;
    }
    return NULL;
}

static int read_place(const chat_json_t *v, const char *name)
{
    apr_int64_t n = chat_json_integer(chat_json_get(v, name), 0);

    return n < 0 ? 0 : n > APR_INT32_MAX ? APR_INT32_MAX : (int)n;
}

/* On to the next of that owner's. 0: there is none. */
static int find_next(chat_detail_t *w)
{
    const chat_json_t *v;

    while ((v = chat_json_at(w->message->details, w->at++)) != NULL) {
        w->id = find_id(v, w->owner);
        w->type = chat_json_string(chat_json_get(v, "type"));
        if (!w->id || !w->type)
            continue;
        w->json = v;
        w->after_text = read_place(v, "after_text");
        w->after_calls = read_place(v, "after_calls");
        return 1;
    }
    w->after_text = w->after_calls = APR_INT32_MAX;
    return 0;
}

void chat_provider_detail_begin(chat_detail_t *w, const chat_message_t *m,
                                const char *owner)
{
    memset(w, 0, sizeof(*w));
    w->message = m;
    w->owner = owner;
    w->rest = m->content ? m->content : "";
    w->is_found = find_next(w);
}

/* As many characters as stand before the detail. */
static void take_text(chat_detail_t *w, apr_pool_t *p)
{
    const char *end = w->rest;

    for (; *end &&
           (w->points < w->after_text || ((unsigned char)*end & 0xc0) == 0x80);
         end++)
        w->points += ((unsigned char)*end & 0xc0) != 0x80;
    w->text = apr_pstrmemdup(p, w->rest, end - w->rest);
    w->rest = end;
}

chat_detail_e chat_provider_detail_next(chat_detail_t *w, apr_pool_t *p)
{
    if (w->is_given)
        w->is_found = find_next(w);
    w->is_given = 0;
    if (*w->rest && w->points < w->after_text) {
        take_text(w, p);
        return CHAT_DETAIL_TEXT;
    }
    if (w->calls < w->message->ncalls && w->calls < w->after_calls) {
        w->call = &w->message->calls[w->calls++];
        return CHAT_DETAIL_CALL;
    }
    w->is_given = w->is_found;
    return w->is_found ? CHAT_DETAIL_ITSELF : CHAT_DETAIL_END;
}

int chat_provider_detail_is_any(const chat_message_t *m, const char *owner)
{
    chat_detail_t w;

    chat_provider_detail_begin(&w, m, owner);
    return w.is_found;
}

chat_json_t *chat_provider_detail_foreign(const chat_message_t *m,
                                          apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < chat_json_length(m->details); i++) {
        chat_json_t *v = chat_json_at(m->details, i);

        if (!find_id(v, NULL))
            chat_json_push(list, v);
    }
    return chat_json_length(list) ? list : NULL;
}

int chat_provider_detail_is_owned(const chat_message_t *m)
{
    int i;

    for (i = 0; i < chat_json_length(m->details); i++) {
        if (find_id(chat_json_at(m->details, i), NULL))
            return 1;
    }
    return 0;
}
