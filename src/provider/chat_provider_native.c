/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests in the provider's own words (turn->native), for every API: which
 * call a path names, the members that concern this server, and what it sets in
 * the body, which is otherwise passed on as it came. Pure, any thread.
 */
#include "chat_provider_content.h"
#include "chat_provider_kit.h"

#include <string.h>

static int ends_with(const char *path, const char *end)
{
    apr_size_t len = strlen(path), most = strlen(end);

    return len >= most && strcmp(path + len - most, end) == 0;
}

/* The location is named as the administrator likes, and that is enough; but a
 * client that names another call of the API must not get this one. */
int chat_provider_native_is_path(const char *path, const char *want)
{
    static const char *const others[] = {
        "/responses",    "/completions",  "/embeddings",  "/messages",
        "/count_tokens", "/input_tokens", "/moderations", "/models",
        "/files",        "/batches",      "/cancel",      "/compact",
        "/generations",  "/edits",        "/speech",      "/transcriptions",
        "/translations"};
    apr_size_t i;

    if (ends_with(path, want))
        return 1;
    for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
        if (ends_with(path, others[i]))
            return 0;
    }
    return strstr(path, "/v1/") == NULL;
}

apr_status_t chat_provider_native_refuse_path(chat_err_t *err,
                                              const char *message)
{
    return chat_err_set(err, APR_EINVAL, 404, "not_found", message);
}

/* Gateways take more than one name, in members of their own: those are past
 * all that is said here of who may use which model. */
static const char *find_other_model(const chat_json_t *body)
{
    static const char *const names[] = {"models", "route", "preset",
                                        "fallbacks", "extra_body"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const chat_json_t *v = chat_json_get(body, names[i]);

        if (v && v != chat_json_null())
            return names[i];
    }
    return NULL;
}

/* Several answers cost as much as that many requests. Servers read "5" and 5.0
 * as five. */
const char *chat_provider_native_several(const chat_json_t *object,
                                         const char *const *names)
{
    for (; *names; names++) {
        const chat_json_t *v = chat_json_get(object, *names);

        if (v && v != chat_json_null() && chat_json_integer(v, 0) != 1)
            return *names;
    }
    return NULL;
}

static apr_status_t refuse_more(const chat_json_t *body, chat_err_t *err)
{
    static const char *const several[] = {"n", "best_of", NULL};

    err->param = find_other_model(body);
    if (err->param)
        return chat_provider_call_refuse(err, "Name one model, in model.");
    err->param = chat_provider_native_several(body, several);
    return err->param ? chat_provider_call_refuse(
                            err, "One answer is given at a time.")
                      : APR_SUCCESS;
}

apr_status_t chat_provider_native_take(chat_turn_t *turn, chat_json_t *body,
                                       chat_err_t *err)
{
    const chat_json_t *model = chat_json_get(body, "model");

    turn->model = chat_json_string(model);
    if (model && model != chat_json_null() && !turn->model) {
        err->param = "model";
        return chat_err_set(err, APR_EINVAL, 400, "invalid_request",
                            "model must be a string.");
    }
    if (refuse_more(body, err) != APR_SUCCESS)
        return APR_EINVAL;
    turn->whole = chat_json_boolean(chat_json_get(body, "stream")) != 1;
    turn->native = body;
    return APR_SUCCESS;
}

/* ---- the body ---- */

chat_json_t *chat_provider_native_copy(const chat_json_t *object,
                                       const char *except, apr_pool_t *p)
{
    chat_json_t *copy = chat_json_object(p);
    const char *key;

    for (key = chat_json_next(object, NULL); key;
         key = chat_json_next(object, key)) {
        if (!except || strcmp(key, except) != 0)
            chat_json_add(copy, key, chat_json_get(object, key));
    }
    return copy;
}

void chat_provider_native_cap(chat_json_t *object, const char *key, int most)
{
    apr_int64_t said = chat_json_integer(chat_json_get(object, key), -1);

    if (most > 0 && (said < 0 || said > most))
        chat_json_add_integer(object, key, most);
}

int chat_provider_native_most(const chat_json_t *v)
{
    apr_int64_t most = chat_json_integer(v, 0);

    if (most < 0)
        return 0;
    return most > APR_INT32_MAX ? APR_INT32_MAX : (int)most;
}
