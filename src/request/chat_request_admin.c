/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of what an administrator sets. A member that nobody knows is
 * refused: who misspells "enabled" must hear of it. Issues look as zod's do.
 * Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

#define WORD_MAX 64
#define WORD_PATTERN "/^[A-Za-z0-9._-]{1,64}$/"
#define TIERS_MAX 32

/* As ChatModel price-in= has them: dollars with six decimals. */
#define PRICE_MOST 999999
#define PRICE_PARTS 1e6

typedef chat_request_zod_t zod_t;

static const char *const prices[] = {"priceIn", "priceOut", "priceCached",
                                     "priceReasoning", NULL};

/* ---- kinds of members ---- */

/* z.strictObject(): the issue does not say what the client has sent. */
static int is_object(zod_t *zod, const chat_json_t *body,
                     const char *const *known)
{
    const char *key = NULL, *names = "";
    int i, strange = 0;

    if (!chat_request_zod_is(zod, body, CHAT_JSON_OBJECT, "object", "[]"))
        return 0;
    for (i = 0; known[i]; i++)
        names = apr_pstrcat(zod->p, names, i ? ", " : "", known[i], NULL);
    while ((key = chat_json_next(body, key)) != NULL && !strange) {
        for (i = 0; known[i] && strcmp(known[i], key); i++)
            continue;
        strange = !known[i];
    }
    if (strange)
        chat_request_zod_custom(
            zod, "[]",
            apr_pstrcat(zod->p, "Unrecognized key: expected ", names, NULL));
    return 1;
}

static int is_null(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_NULL;
}

static const char *path_of(zod_t *zod, const char *key)
{
    return apr_pstrcat(zod->p, "[\"", key, "\"]", NULL);
}

/* chat_request_zod_big() has no number as large as a limit may be. */
static void refuse_big(zod_t *zod, apr_int64_t most, const char *path)
{
    chat_request_zod_issue(
        zod,
        apr_psprintf(zod->p,
                     "\"origin\":\"number\",\"code\":\"too_big\","
                     "\"maximum\":%" APR_INT64_T_FMT ",\"inclusive\":true",
                     most),
        path,
        apr_psprintf(zod->p,
                     "Too big: expected number to be <=%" APR_INT64_T_FMT,
                     most));
}

/* z.number().min(0).max(most) */
static double amount_of(zod_t *zod, const chat_json_t *v, int money,
                        double most, const char *key)
{
    const char *path = path_of(zod, key);
    double n = chat_json_number(v);

    if (!(money ? chat_request_zod_number(zod, v, path)
                : chat_request_zod_integer(zod, v, path)))
        return -1;
    if (n < 0)
        chat_request_zod_small(zod, "number", 0, 1, "number to be", "", path);
    else if (n > most)
        refuse_big(zod, (apr_int64_t)most, path);
    return n;
}

static const char *word_of(zod_t *zod, const chat_json_t *v, const char *path)
{
    return chat_request_zod_word(zod, v, WORD_MAX, "._-", WORD_PATTERN, path);
}

static apr_int64_t until_of(zod_t *zod, const chat_json_t *v, apr_int64_t now)
{
    static const char path[] = "[\"until\"]";
    apr_int64_t until;

    if (!v || is_null(v))
        return 0;
    if (!chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path))
        return 0;
    until = chat_request_rest_time(chat_json_string(v));
    if (until <= now)
        chat_request_zod_custom(
            zod, path, "A time in the future, as 2027-11-29T12:34:56Z");
    return until;
}

static apr_status_t verdict(const zod_t *zod, chat_err_t *err)
{
    return zod->list->nelts ? chat_request_refuse(err, zod) : APR_SUCCESS;
}

/* ---- a model ---- */

static void read_tiers(chat_request_admin_model_t *model, zod_t *zod,
                       chat_json_t *v)
{
    int i, n = chat_json_length(v);

    model->said |= CHAT_REQUEST_ADMIN_TIER;
    if (is_null(v))
        return;
    if (!chat_request_zod_is(zod, v, CHAT_JSON_ARRAY, "array", "[\"tier\"]"))
        return;
    if (n > TIERS_MAX)
        chat_request_zod_big(zod, "array", TIERS_MAX, "array to have",
                             " items", "[\"tier\"]");
    for (i = 0; i < n && i < TIERS_MAX; i++)
        word_of(zod, chat_json_at(v, i),
                apr_psprintf(zod->p, "[\"tier\",%d]", i));
    if (n)
        model->tier = v;
}

static void read_price(chat_request_admin_model_t *model, zod_t *zod,
                       const chat_json_t *v, int i)
{
    double dollars;

    model->said |= CHAT_REQUEST_ADMIN_PRICE << i;
    model->price[i] = -1;
    if (is_null(v))
        return;
    dollars = amount_of(zod, v, 1, PRICE_MOST, prices[i]);
    if (dollars >= 0 && dollars <= PRICE_MOST)
        model->price[i] = (apr_int64_t)(dollars * PRICE_PARTS + 0.5);
}

static void read_model(chat_request_admin_model_t *model, zod_t *zod,
                       const chat_json_t *body)
{
    chat_json_t *v = chat_json_get(body, "enabled");
    int i;

    if (v)
        model->said |= CHAT_REQUEST_ADMIN_ENABLED;
    model->enabled = -1;
    if (v && !is_null(v) &&
        chat_request_zod_is(zod, v, CHAT_JSON_BOOLEAN, "boolean",
                            "[\"enabled\"]"))
        model->enabled = chat_json_boolean(v);
    if ((v = chat_json_get(body, "tier")) != NULL)
        read_tiers(model, zod, v);
    for (i = 0; prices[i]; i++)
        if ((v = chat_json_get(body, prices[i])) != NULL)
            read_price(model, zod, v, i);
}

apr_status_t chat_request_admin_model(chat_request_admin_model_t *model,
                                      const chat_json_t *body, chat_err_t *err,
                                      apr_pool_t *p)
{
    static const char *const known[] = {
        "enabled",     "tier",           "priceIn", "priceOut",
        "priceCached", "priceReasoning", NULL};
    zod_t zod;

    memset(model, 0, sizeof(*model));
    chat_request_zod_init(&zod, p);
    if (is_object(&zod, body, known))
        read_model(model, &zod, body);
    return verdict(&zod, err);
}

/* ---- the others ---- */

apr_status_t chat_request_admin_limit(double *plimit, const chat_json_t *body,
                                      int money, double most, chat_err_t *err,
                                      apr_pool_t *p)
{
    static const char *const known[] = {"limit", NULL};
    zod_t zod;

    chat_request_zod_init(&zod, p);
    if (is_object(&zod, body, known))
        *plimit =
            amount_of(&zod, chat_json_get(body, "limit"), money, most, "limit");
    return verdict(&zod, err);
}

apr_status_t chat_request_admin_tier(const char **ptier, apr_int64_t *puntil,
                                     const chat_json_t *body, apr_int64_t now,
                                     chat_err_t *err, apr_pool_t *p)
{
    static const char *const known[] = {"tier", "until", NULL};
    const chat_json_t *tier = chat_json_get(body, "tier");
    zod_t zod;

    *ptier = NULL;
    *puntil = 0;
    chat_request_zod_init(&zod, p);
    if (is_object(&zod, body, known)) {
        if (!is_null(tier))
            *ptier = word_of(&zod, tier, "[\"tier\"]");
        *puntil = until_of(&zod, chat_json_get(body, "until"), now);
    }
    return verdict(&zod, err);
}

apr_status_t chat_request_admin_block(const char **preason, apr_int64_t *puntil,
                                      const chat_json_t *body, apr_int64_t now,
                                      chat_err_t *err, apr_pool_t *p)
{
    static const char *const known[] = {"reason", "until", NULL};
    const chat_json_t *reason = chat_json_get(body, "reason");
    zod_t zod;

    *preason = NULL;
    *puntil = 0;
    chat_request_zod_init(&zod, p);
    if (is_object(&zod, body, known)) {
        if (!is_null(reason))
            *preason = word_of(&zod, reason, "[\"reason\"]");
        *puntil = until_of(&zod, chat_json_get(body, "until"), now);
    }
    return verdict(&zod, err);
}
