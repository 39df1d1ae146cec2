/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native requests of Chat Completions: what a client of that API sent stays as
 * it came, but for the members that this server sets. Pure, any thread.
 */
#include "chat_provider_completions_int.h"

/* ---- a client's request ---- */

apr_status_t chat_provider_completions_read_native(
    chat_turn_t *turn, chat_json_t *body, const char *path,
    const chat_upstream_t *up, chat_err_t *err, apr_pool_t *p)
{
    int most =
        chat_provider_native_most(chat_json_get(body, "max_completion_tokens"));

    if (!chat_provider_native_is_path(path, "/chat/completions"))
        return chat_provider_native_refuse_path(
            err, "Of this provider's API only POST /chat/completions is "
                 "available here.");
    if (chat_json_kind(chat_json_get(body, "messages")) != CHAT_JSON_ARRAY)
        return chat_provider_call_refuse(
            err, "This is no Chat Completions request: it has no messages.");
    if (!most)
        most = chat_provider_native_most(chat_json_get(body, "max_tokens"));
    turn->max_output_tokens = most;
    return chat_provider_native_take(turn, body, err);
}

/* ---- to the provider ---- */

void chat_provider_completions_say(chat_json_t *body, const chat_turn_t *turn,
                                   const chat_upstream_t *up, int store)
{
    chat_json_add_string(body, "model", turn->model);
    chat_json_add_boolean(body, "stream", !turn->whole);
    /* Also where we know of no such thing, but the client does. */
    if (!up->store && (store || chat_json_get(body, "store")))
        chat_json_add_boolean(body, "store", 0);
}

chat_json_t *chat_provider_completions_native(
    const chat_turn_t *turn, const chat_upstream_t *up,
    const chat_provider_completions_t *kind, apr_pool_t *p)
{
    static const char *const names[] = {"max_completion_tokens", "max_tokens"};
    chat_json_t *body = chat_provider_native_copy(turn->native, NULL, p);
    int i, said = 0;

    chat_provider_completions_say(body, turn, up, kind->store);
    for (i = 0; i < 2; i++) {
        if (!chat_json_get(body, names[i]))
            continue;
        chat_provider_native_cap(body, names[i], turn->max_output_tokens);
        said = 1;
    }
    if (!said)
        chat_provider_native_cap(body, kind->most, turn->max_output_tokens);
    if (kind->usage && !turn->whole)
        chat_provider_completions_usage(body, p);
    return body;
}
