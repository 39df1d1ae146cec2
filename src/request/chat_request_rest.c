/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of the routes of conversations: what may be set of one, feedback,
 * shares. The parts of a message are in chat_request_rest_parts.c. Issues look
 * as zod's do. Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "chat_request_int.h"

#define MODEL_MAX 256
#define SYSTEM_MAX 100000
#define KEY_MAX 64
#define VALUE_MAX 512
#define REASON_MAX 1000

static const chat_request_clamps_t by_codepoints;

/* ---- times ---- */

/* So many digits at *ptext as a number, and what follows them; -1. */
static int number(const char **ptext, int digits, char then)
{
    int n = 0;

    while (digits-- > 0) {
        if (**ptext < '0' || **ptext > '9')
            return -1;
        n = n * 10 + *(*ptext)++ - '0';
    }
    if (!then)
        return n;
    return *(*ptext)++ == then ? n : -1;
}

/* Its first three digits count. */
static int fraction(const char **ptext)
{
    int ms = 0, weight = 100;

    if (**ptext != '.')
        return 0;
    if ((*ptext)[1] < '0' || (*ptext)[1] > '9')
        return -1;
    while (*++*ptext >= '0' && **ptext <= '9') {
        ms += (**ptext - '0') * weight;
        weight /= 10;
    }
    return ms;
}

apr_int64_t chat_request_rest_time(const char *text)
{
    apr_time_exp_t e = {0}, back;
    apr_time_t t;
    int ms;

    e.tm_year = number(&text, 4, '-') - 1900;
    if (e.tm_year < 70 || (e.tm_mon = number(&text, 2, '-') - 1) < 0 ||
        (e.tm_mday = number(&text, 2, 'T')) < 1 ||
        (e.tm_hour = number(&text, 2, ':')) < 0 ||
        (e.tm_min = number(&text, 2, ':')) < 0 ||
        (e.tm_sec = number(&text, 2, 0)) < 0 || (ms = fraction(&text)) < 0 ||
        strcmp(text, "Z") != 0 || e.tm_mon > 11 || e.tm_mday > 31 ||
        e.tm_hour > 23 || e.tm_min > 59 || e.tm_sec > 59)
        return -1;
    apr_time_exp_gmt_get(&t, &e);
    apr_time_exp_gmt(&back, t);
    if (back.tm_mday != e.tm_mday) /* the 30th of February */
        return -1;
    return apr_time_as_msec(t) + ms;
}

/* ---- kinds of members ---- */

/* z.string().min(1).max(max).nullish(): the text, NULL for null. */
static const char *text_of(chat_request_zod_t *zod, const chat_json_t *v,
                           int max, const char *path)
{
    if (!v || chat_json_kind(v) == CHAT_JSON_NULL)
        return NULL;
    if (chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path))
        chat_request_zod_length(zod, v, &by_codepoints, 1, max, path);
    return chat_json_string(v);
}

static int boolean_of(chat_request_zod_t *zod, const chat_json_t *v,
                      const char *path)
{
    return chat_request_zod_is(zod, v, CHAT_JSON_BOOLEAN, "boolean", path) &&
           chat_json_boolean(v);
}

static int length(const char *text)
{
    return (int)chat_request_length(text, &by_codepoints);
}

/* z.record(): but no issue says what a key was. */
static const char *metadata_of(chat_request_zod_t *zod, const chat_json_t *v,
                               int max)
{
    static const char path[] = "[\"metadata\"]";
    const char *key = NULL, *value;
    int n = 0, bad = 0;

    if (!v || chat_json_kind(v) == CHAT_JSON_NULL)
        return NULL;
    if (!chat_request_zod_is(zod, v, CHAT_JSON_OBJECT, "record", path))
        return NULL;
    while ((key = chat_json_next(v, key)) != NULL && ++n <= 10000) {
        value = chat_json_string(chat_json_get(v, key));
        bad |= length(key) > KEY_MAX || !value || length(value) > VALUE_MAX;
    }
    if (n > max || bad)
        chat_request_zod_custom(
            zod, path,
            apr_psprintf(zod->p,
                         "Metadata must be at most %d pairs of a key of at "
                         "most %d characters and a string of at most %d",
                         max, KEY_MAX, VALUE_MAX));
    return chat_json_text(v, NULL, zod->p);
}

/* ---- a conversation ---- */

static const chat_json_t *member(unsigned *said, unsigned bit,
                                 const chat_json_t *body, const char *key)
{
    const chat_json_t *v = chat_json_get(body, key);

    if (v)
        *said |= bit;
    return v;
}

static void read_conversation(chat_request_conversation_t *c,
                              chat_request_zod_t *zod, const chat_json_t *body,
                              const chat_request_bounds_t *bounds)
{
    const chat_json_t *v;

    if ((v = member(&c->said, CHAT_REQUEST_HAS_ID, body, "id")) != NULL)
        c->id = chat_request_zod_id(zod, v, "[\"id\"]");
    v = member(&c->said, CHAT_REQUEST_HAS_TITLE, body, "title");
    c->title = text_of(zod, v, bounds->title, "[\"title\"]");
    if ((v = member(&c->said, CHAT_REQUEST_HAS_PINNED, body, "pinned")) != NULL)
        c->pinned = boolean_of(zod, v, "[\"pinned\"]");
    v = member(&c->said, CHAT_REQUEST_HAS_ARCHIVED, body, "archived");
    if (v)
        c->archived = boolean_of(zod, v, "[\"archived\"]");
    v = member(&c->said, CHAT_REQUEST_HAS_MODEL, body, "model");
    c->model = text_of(zod, v, MODEL_MAX, "[\"model\"]");
    v = member(&c->said, CHAT_REQUEST_HAS_SYSTEM, body, "system");
    c->system = text_of(zod, v, SYSTEM_MAX, "[\"system\"]");
    v = member(&c->said, CHAT_REQUEST_HAS_METADATA, body, "metadata");
    c->metadata = metadata_of(zod, v, bounds->metadata);
    v = member(&c->said, CHAT_REQUEST_HAS_CURRENT, body, "currentMessageId");
    if (v)
        c->current = chat_request_zod_id(zod, v, "[\"currentMessageId\"]");
}

static apr_status_t verdict(const chat_request_zod_t *zod, chat_err_t *err)
{
    return zod->list->nelts ? chat_request_refuse(err, zod) : APR_SUCCESS;
}

apr_status_t chat_request_rest_conversation(chat_request_conversation_t *c,
                                            const chat_json_t *body,
                                            const chat_request_bounds_t *bounds,
                                            chat_err_t *err, apr_pool_t *p)
{
    chat_request_zod_t zod;

    memset(c, 0, sizeof(*c));
    chat_request_zod_init(&zod, p);
    if (chat_request_zod_is(&zod, body, CHAT_JSON_OBJECT, "object", "[]"))
        read_conversation(c, &zod, body, bounds);
    return verdict(&zod, err);
}

/* ---- the others ---- */

apr_status_t chat_request_rest_feedback(const char **pkind,
                                        const char **preason,
                                        const chat_json_t *body,
                                        chat_err_t *err, apr_pool_t *p)
{
    static const char *const kinds[] = {"positive", "negative", NULL};
    const chat_json_t *kind = chat_json_get(body, "kind");
    chat_request_zod_t zod;
    int i;

    *pkind = *preason = NULL;
    chat_request_zod_init(&zod, p);
    if (chat_request_zod_is(&zod, body, CHAT_JSON_OBJECT, "object", "[]")) {
        if (chat_json_kind(kind) != CHAT_JSON_NULL &&
            (i = chat_request_zod_enum(&zod, kind, kinds, "[\"kind\"]")) >= 0)
            *pkind = kinds[i];
        *preason = text_of(&zod, chat_json_get(body, "reason"), REASON_MAX,
                           "[\"reason\"]");
    }
    return verdict(&zod, err);
}

static apr_int64_t expiry_of(chat_request_zod_t *zod, const chat_json_t *v,
                             apr_int64_t now)
{
    static const char path[] = "[\"expiresAt\"]";
    apr_int64_t expires;

    if (!v || chat_json_kind(v) == CHAT_JSON_NULL)
        return 0;
    if (!chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path))
        return 0;
    expires = chat_request_rest_time(chat_json_string(v));
    if (expires <= now)
        chat_request_zod_custom(zod, path,
                                "Must be a time in the future, as "
                                "2026-11-28T12:34:56.789Z");
    return expires;
}

apr_status_t chat_request_rest_share(chat_request_share_t *share,
                                     const chat_json_t *body, apr_int64_t now,
                                     chat_err_t *err, apr_pool_t *p)
{
    static const char *const modes[] = {"snapshot", "live", NULL};
    const chat_json_t *v;
    chat_request_zod_t zod;

    *share = (chat_request_share_t){.show_model = 1};
    chat_request_zod_init(&zod, p);
    if (!body)
        return APR_SUCCESS;
    if (chat_request_zod_is(&zod, body, CHAT_JSON_OBJECT, "object", "[]")) {
        if ((v = chat_json_get(body, "mode")) != NULL)
            share->live =
                chat_request_zod_enum(&zod, v, modes, "[\"mode\"]") == 1;
        if ((v = chat_json_get(body, "leafMessageId")) != NULL &&
            chat_json_kind(v) != CHAT_JSON_NULL)
            share->leaf = chat_request_zod_id(&zod, v, "[\"leafMessageId\"]");
        share->expires = expiry_of(&zod, chat_json_get(body, "expiresAt"), now);
        if ((v = chat_json_get(body, "showModel")) != NULL)
            share->show_model = boolean_of(&zod, v, "[\"showModel\"]");
    }
    return verdict(&zod, err);
}

apr_status_t chat_request_rest_message_id(const char **pid,
                                          const chat_json_t *body,
                                          chat_err_t *err, apr_pool_t *p)
{
    chat_request_zod_t zod;

    *pid = NULL;
    chat_request_zod_init(&zod, p);
    if (chat_request_zod_is(&zod, body, CHAT_JSON_OBJECT, "object", "[]"))
        *pid = chat_request_zod_id(&zod, chat_json_get(body, "messageId"),
                                   "[\"messageId\"]");
    return verdict(&zod, err);
}
