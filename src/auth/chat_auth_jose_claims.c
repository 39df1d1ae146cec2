/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of a token that holds (RFC 7519), and sets of public keys (RFC
 * 7517). Pure: any thread. */
#include "chat_auth_jose_int.h"

#include <string.h>

#include <apr_strings.h>

/* The end of the year 9999, in seconds: later was not meant as a date. */
#define SECONDS_MAX 253402300799.0

/* ---- claims ---- */

static json_t *get(json_t *object, const char *name)
{
    json_t *value = NULL;

    json_unpack(object, "{s?o}", name, &value);
    return json_is_null(value) ? NULL : value;
}

/* Seconds since 1970, which may have a fraction. 0: it is no such number. */
static int read_time(apr_time_t *ptime, json_t *value)
{
    double seconds = json_number_value(value);

    if (!json_is_number(value) || seconds < 0 || seconds > SECONDS_MAX)
        return 0;
    *ptime = (apr_time_t)(seconds * APR_USEC_PER_SEC);
    return 1;
}

static const char *check_times(chat_auth_jose_claims_t *claims, json_t *object,
                               const chat_auth_jose_rules_t *rules)
{
    static const char *const not_before[] = {"nbf", "iat"};
    apr_size_t i;

    if (!read_time(&claims->expires, get(object, "exp")))
        return "it does not say when it expires";
    if (rules->now >= claims->expires + rules->leeway)
        return "it has expired";
    for (i = 0; i < sizeof(not_before) / sizeof(*not_before); i++) {
        json_t *value = get(object, not_before[i]);
        apr_time_t at;

        if (value && !read_time(&at, value))
            return "one of its times is no time";
        if (value && at > rules->now + rules->leeway)
            return "it is from the future";
    }
    return NULL;
}

static int is_listed(const apr_array_header_t *list, json_t *value)
{
    const char *text = json_string_value(value);
    int i;

    for (i = 0; text && i < list->nelts; i++)
        if (!strcmp(text, APR_ARRAY_IDX(list, i, const char *)))
            return 1;
    return 0;
}

/* A string, or a list of which one counts. */
static int one_is_listed(const apr_array_header_t *list, json_t *value)
{
    apr_size_t i;

    if (!json_is_array(value))
        return is_listed(list, value);
    for (i = 0; i < json_array_size(value); i++)
        if (is_listed(list, json_array_get(value, i)))
            return 1;
    return 0;
}

static const char *check_parties(json_t *object,
                                 const chat_auth_jose_rules_t *rules)
{
    int i;

    if (rules->issuers->nelts && !is_listed(rules->issuers, get(object, "iss")))
        return "it is from another issuer";
    if (rules->audiences->nelts &&
        !one_is_listed(rules->audiences, get(object, "aud")))
        return "it is for another audience";
    for (i = 0; i < rules->required->nelts; i++)
        if (!get(object, APR_ARRAY_IDX(rules->required, i, const char *)))
            return "a claim that is required is not there";
    return NULL;
}

/* A string, or a whole number as decimal text; "" and all else is nothing. */
static const char *read_name(json_t *value, apr_pool_t *p)
{
    if (json_is_integer(value))
        return apr_psprintf(p, "%" APR_INT64_T_FMT,
                            (apr_int64_t)json_integer_value(value));
    if (!json_is_string(value) || !json_string_length(value))
        return NULL;
    return apr_pstrdup(p, json_string_value(value));
}

/* The same, or a list of strings. */
static const char *read_names(json_t *value, apr_pool_t *p)
{
    const char *names = NULL;
    apr_size_t i;

    if (!json_is_array(value))
        return read_name(value, p);
    for (i = 0; i < json_array_size(value); i++) {
        const char *name = read_name(json_array_get(value, i), p);

        if (name)
            names = names ? apr_pstrcat(p, names, ",", name, NULL) : name;
    }
    return names;
}

const char *chat_auth_jose_check(chat_auth_jose_claims_t *claims,
                                 json_t *object,
                                 const chat_auth_jose_rules_t *rules,
                                 apr_pool_t *p)
{
    const char *why = check_times(claims, object, rules);

    if (!why)
        why = check_parties(object, rules);
    if (why)
        return why;
    claims->id = read_name(get(object, rules->id), p);
    claims->role = read_names(get(object, rules->role), p);
    claims->tier = read_name(get(object, rules->tier), p);
    claims->name = read_name(get(object, "name"), p);
    claims->email = read_name(get(object, "email"), p);
    claims->image = read_name(get(object, "picture"), p);
    if (!claims->image)
        claims->image = read_name(get(object, "image"), p);
    return claims->id ? NULL : "it does not say whose it is";
}

/* ---- keys ---- */

/* The algorithm that a public key is for: what it says itself, where that
 * belongs to its kind, else the usual one. NULL: none that is known here. */
static const char *algorithm_of(json_t *jwk)
{
    static const struct {
        const char *kty, *crv, *alg;
    } kinds[] = {
        {"RSA", NULL, "RS256"},      {"RSA", NULL, "PS256"},
        {"EC", "P-256", "ES256"},    {"EC", "P-384", "ES384"},
        {"OKP", "Ed25519", "EdDSA"},
    };
    const char *kty = chat_auth_jose_text(jwk, "kty");
    const char *crv = chat_auth_jose_text(jwk, "crv");
    const char *alg = chat_auth_jose_text(jwk, "alg");
    apr_size_t i;

    for (i = 0; kty && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kty, kinds[i].kty) &&
            (!kinds[i].crv || (crv && !strcmp(crv, kinds[i].crv))) &&
            (!alg || !strcmp(alg, kinds[i].alg)))
            return kinds[i].alg;
    return NULL;
}

/* What the library is handed: the public members, and the one algorithm. */
static json_t *public_part(json_t *jwk, const char *alg, apr_pool_t *p)
{
    static const char *const members[] = {"kty", "crv", "x", "y", "n", "e"};
    json_t *key = chat_auth_jose_own(json_pack("{s:s}", "alg", alg), p);
    apr_size_t i;

    for (i = 0; key && i < sizeof(members) / sizeof(*members); i++) {
        json_t *value = get(jwk, members[i]);

        if (value && json_object_set(key, members[i], value))
            return NULL;
    }
    return key;
}

static void add_key(chat_auth_jose_keys_t *keys, json_t *jwk, apr_pool_t *p)
{
    const char *use = chat_auth_jose_text(jwk, "use");
    const char *alg = algorithm_of(jwk);
    json_t *key =
        alg && (!use || !strcmp(use, "sig")) ? public_part(jwk, alg, p) : NULL;

    if (!key)
        return;
    keys->key[keys->n].kid = apr_pstrdup(p, chat_auth_jose_text(jwk, "kid"));
    keys->key[keys->n].alg = alg;
    keys->key[keys->n++].jwk = key;
}

apr_status_t chat_auth_jose_keys(chat_auth_jose_keys_t **pkeys,
                                 const char *text, apr_size_t len,
                                 const char **pwhy, apr_pool_t *p)
{
    chat_auth_jose_keys_t *keys = apr_pcalloc(p, sizeof(*keys));
    json_t *set = chat_auth_jose_object(text, len, p);
    json_t *list = set ? get(set, "keys") : NULL;
    apr_size_t i, n = json_array_size(list);

    *pwhy = "it is no JSON object, or has a member twice";
    if (!set)
        return APR_EGENERAL;
    keys->key = apr_pcalloc(p, (n + 1) * sizeof(*keys->key));
    if (!list)
        add_key(keys, set, p);
    for (i = 0; i < n; i++)
        add_key(keys, json_array_get(list, i), p);
    *pwhy = "it has no public key for signatures of RS256, PS256, ES256, "
            "ES384 or EdDSA";
    if (!keys->n)
        return APR_EGENERAL;
    *pwhy = NULL;
    *pkeys = keys;
    return APR_SUCCESS;
}
