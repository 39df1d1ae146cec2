/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistral AI: Chat Completions, of which it checks more than others do: the
 * ids of calls, the range of the temperature, how much to reason, members it
 * does not know. Its usage comes unasked, and thoughts are parts of the
 * content. Pure, any thread.
 */
#include "chat_provider_content.h"
#include "chat_provider_kit.h"

#include <string.h>

#include <apr_strings.h>

#define ID_LENGTH 9

/* Clients say up to 2, as OpenAI has it. */
#define MOST_TEMPERATURE 1.5

static const char *const renamed[][2] = {{"seed", "random_seed"}, {NULL, NULL}};

static const chat_provider_completions_t completions = {
    .most = "max_tokens",
    .effort = "reasoning_effort",
    .schema = 1,
    .required = "any",
    .renamed = renamed,
};

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int is_fit(const char *id)
{
    return strspn(id, letters) == ID_LENGTH && !id[ID_LENGTH];
}

/* Ids of other providers are refused. The same one becomes the same, so that
 * calls and what the tools gave still meet. */
static const char *fit_id(const char *id, apr_pool_t *p)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037);
    char *made;
    int i;

    if (!id || is_fit(id))
        return id;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * APR_UINT64_C(1099511628211);
    made = apr_pcalloc(p, ID_LENGTH + 1);
    for (i = 0; i < ID_LENGTH; i++) {
        made[i] = letters[hash % (sizeof(letters) - 1)];
        hash /= sizeof(letters) - 1;
    }
    return made;
}

/* Its thoughts are parts of the content, before what they led to. */
static chat_json_t *make_chunks(const chat_message_t *m, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    chat_detail_e next;
    chat_detail_t w;

    chat_provider_detail_begin(&w, m, "mistral");
    while ((next = chat_provider_detail_next(&w, p)) != CHAT_DETAIL_END) {
        chat_json_t *chunk = chat_json_object(p), *text = chunk;
        chat_json_t *thinking = chat_json_array(p);

        if (next == CHAT_DETAIL_CALL)
            continue;
        chat_json_push(list, chunk);
        if (next == CHAT_DETAIL_ITSELF) {
            text = chat_json_object(p);
            chat_json_push(thinking, text);
            chat_json_add_string(chunk, "type", "thinking");
            chat_json_add(chunk, "thinking", thinking);
            chat_json_add(chunk, "signature",
                          chat_json_get(w.json, "signature"));
            w.text = chat_json_string(chat_json_get(w.json, "text"));
        }
        chat_json_add_string(text, "type", "text");
        chat_json_add_string(text, "text", w.text ? w.text : "");
    }
    return list;
}

static void fit_messages(chat_turn_t *turn, apr_pool_t *p)
{
    chat_message_t *list =
        apr_pmemdup(p, turn->messages, turn->nmessages * sizeof(*list));
    int i, k;

    for (i = 0; i < turn->nmessages; i++) {
        chat_message_t *m = &list[i];
        chat_tool_call_t *calls =
            apr_pmemdup(p, m->calls, m->ncalls * sizeof(*calls));

        for (k = 0; k < m->ncalls; k++)
            calls[k].id = fit_id(calls[k].id, p);
        m->calls = calls;
        m->call_id = fit_id(m->call_id, p);
        if (!m->parts && chat_provider_detail_is_any(m, "mistral"))
            m->parts = make_chunks(m, p);
    }
    turn->messages = list;
}

/* Nothing between the two is taken. */
static void fit_effort(chat_turn_t *turn)
{
    static const char *const little[] = {"none", "minimal", "low"};
    const char *effort = turn->effort;
    apr_size_t i;

    if (effort)
        turn->effort = "high";
    for (i = 0; effort && i < sizeof(little) / sizeof(little[0]); i++) {
        if (strcmp(effort, little[i]) == 0)
            turn->effort = "none";
    }
}

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    chat_turn_t fit = *turn;

    if (fit.temperature > MOST_TEMPERATURE)
        fit.temperature = MOST_TEMPERATURE;
    fit_messages(&fit, p);
    fit_effort(&fit);
    return chat_provider_completions_build_call(call, &fit, up, &completions,
                                                err, p);
}

/* The first of {"detail":[{"type","loc":["body","temperature"]}]}. */
static const chat_json_t *find_detail(const chat_json_t *root)
{
    const chat_json_t *detail = chat_json_get(root, "detail");

    if (!detail)
        detail = chat_json_path(root, "message", "detail", NULL);
    return chat_json_at(detail, 0);
}

static void map_error(chat_err_t *err, int status, const char *body,
                      apr_size_t len, apr_pool_t *p)
{
    const chat_json_t *detail =
        find_detail(chat_provider_error_body(body, len, p));
    const chat_json_t *place = chat_json_get(detail, "loc");

    if (status != 422 || !detail) {
        chat_provider_completions_map_error(err, status, body, len, p);
        return;
    }
    place = chat_json_at(place, chat_json_length(place) - 1);
    chat_provider_error_status(
        err, status,
        chat_provider_error_word(chat_json_get(detail, "type"), "", NULL, p),
        chat_provider_error_word(place, "", NULL, p), p);
}

const chat_provider_t chat_provider_mistral = {
    CHAT_PROVIDER_COMPLETIONS,
    .semconv = "mistral_ai",
    .build_call = build_call,
    .map_error = map_error,
};
