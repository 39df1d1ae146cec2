/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and whole answers in the words of the Responses API, for clients
 * that speak it to us: all that is not ours to say stays as it came. Those of
 * Chat Completions are in _completions_own.c. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <string.h>

static const char most_name[] = "max_output_tokens";

apr_status_t chat_provider_openai_adopt(chat_turn_t *turn, chat_json_t *body,
                                        const char *path,
                                        const chat_upstream_t *up,
                                        chat_err_t *err, apr_pool_t *p)
{
    if (up->completions)
        return chat_provider_completions_adopt(turn, body, path, up, err, p);
    if (!chat_provider_completions_is_path(path, "/responses"))
        return chat_provider_call_refuse(
            err, "Of this provider's API only POST /responses is available "
                 "here.");
    if (chat_json_kind(body) != CHAT_JSON_OBJECT ||
        (chat_json_get(body, "messages") && !chat_json_get(body, "input")))
        return chat_provider_call_refuse(
            err, "This is no request of the Responses API: it has no input.");
    if (chat_json_boolean(chat_json_get(body, "background")) == 1) {
        err->param = "background";
        return chat_provider_call_refuse(
            err, "An answer in the background would go on, and cost, when "
                 "nobody waits for it any more.");
    }
    turn->max_output_tokens =
        chat_provider_content_most(chat_json_get(body, most_name));
    return chat_provider_completions_take(turn, body, err);
}

chat_json_t *chat_provider_openai_own(const chat_turn_t *turn,
                                      const chat_upstream_t *up, apr_pool_t *p)
{
    chat_json_t *body = chat_provider_content_copy(turn->own, NULL, p);

    chat_provider_completions_say(body, turn, up, 1);
    chat_provider_content_cap(
        body, most_name, chat_provider_openai_least(turn->max_output_tokens));
    return body;
}

/* One that only waits, "background", is whole as well: it is all there is. */
void chat_provider_openai_whole(chat_seen_t *seen, const char *body,
                                apr_size_t len, const chat_upstream_t *up,
                                apr_pool_t *p)
{
    static const char *const texts[] = {"text", NULL};
    const chat_json_t *root, *usage;
    const char *status;
    const chat_sse_event_t event = {.type = "", .data = body, .data_len = len};
    chat_watch_t w = {.seen = seen, .event = &event, .up = up, .parent = p};

    if (up->completions) {
        chat_provider_completions_whole(seen, body, len, up, p);
        return;
    }
    root = chat_provider_completions_body(body, len, p);
    status = chat_json_string(chat_json_get(root, "status"));
    usage = chat_json_get(root, "usage");
    chat_provider_watch_measure(&w, texts);
    seen->ended = status != NULL;
    if (chat_provider_watch_is_error(root) ||
        (status && strcmp(status, "failed") == 0)) {
        const chat_json_t *codes[] = {
            chat_json_path(root, "error", "code", NULL),
            chat_json_path(root, "error", "type", NULL),
        };

        chat_provider_watch_fail(&w, codes, 2);
    }
    chat_provider_openai_count(seen, usage);
    chat_provider_watch_done(&w);
}
