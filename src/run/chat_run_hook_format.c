/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of services of moderation. See chat_run_hook_format.h. */
#include "chat_run_hook_format.h"

#include <math.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_json.h"

/* Of an answer: what is around the texts. */
#define AROUND_BYTES (64 * 1024)
#define CATEGORY_MAX 64
#define REASON_MAX 300

static const char *const phase_names[] = {
    [CHAT_RUN_HOOK_ASKED] = "input",
    [CHAT_RUN_HOOK_PARTIAL] = "output_partial",
    [CHAT_RUN_HOOK_WHOLE] = "output",
};

/* A byte may be written as six. */
apr_size_t chat_run_hook_format_most(apr_size_t texts)
{
    return AROUND_BYTES + 6 * texts;
}

/* ---- what is asked ---- */

static void add_known(chat_json_t *body, const char *name, const char *value)
{
    if (value)
        chat_json_add_string(body, name, value);
}

static chat_json_t *message(const char *role, const char *content,
                            apr_pool_t *p)
{
    chat_json_t *m = chat_json_object(p);

    chat_json_add_string(m, "role", role);
    chat_json_add_string(m, "content", content);
    return m;
}

static chat_json_t *messages(const chat_run_hook_query_t *query, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < query->ntexts; i++)
        chat_json_push(
            list, message(query->texts[i].role, query->texts[i].content, p));
    return list;
}

static void ask_generic(chat_json_t *body, const chat_hook_conf_t *hook,
                        const chat_run_hook_query_t *query, apr_pool_t *p)
{
    const chat_run_hook_about_t *about = query->about;

    chat_json_add_string(body, "phase", phase_names[query->phase]);
    add_known(body, "requestId", about->request_id);
    add_known(body, "conversationId", about->conversation);
    add_known(body, "user", about->user);
    add_known(body, "tier", about->tier);
    add_known(body, "route", about->route);
    add_known(body, "model", about->model);
    add_known(body, "provider", about->provider);
    add_known(body, "before", query->before);
    chat_json_add(body, "texts", messages(query, p));
    chat_json_add_boolean(body, "final", query->phase != CHAT_RUN_HOOK_PARTIAL);
}

/* What stands before the first text may change what that means. */
static void ask_openai(chat_json_t *body, const chat_hook_conf_t *hook,
                       const chat_run_hook_query_t *query, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    add_known(body, "model", hook->model);
    for (i = 0; i < query->ntexts; i++)
        chat_json_push_string(
            list,
            i == 0 && query->before
                ? apr_pstrcat(p, query->before, query->texts[i].content, NULL)
                : query->texts[i].content);
    chat_json_add(body, "input", list);
}

static const char *joined(const chat_run_hook_query_t *query, apr_pool_t *p)
{
    apr_array_header_t *all =
        apr_array_make(p, query->ntexts + 1, sizeof(const char *));
    int i;

    if (query->before)
        APR_ARRAY_PUSH(all, const char *) = query->before;
    for (i = 0; i < query->ntexts; i++)
        APR_ARRAY_PUSH(all, const char *) = query->texts[i].content;
    return apr_array_pstrcat(p, all, 0);
}

/* Its last message is what is judged; the model's template does the rest. */
static void ask_llama_guard(chat_json_t *body, const chat_hook_conf_t *hook,
                            const chat_run_hook_query_t *query, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);

    chat_json_push(
        list,
        message(query->phase == CHAT_RUN_HOOK_ASKED ? "user" : "assistant",
                joined(query, p), p));
    chat_json_add_string(body, "model", hook->model);
    chat_json_add(body, "messages", list);
    chat_json_add_integer(body, "max_tokens", 20);
    chat_json_add_integer(body, "temperature", 0);
    chat_json_add_boolean(body, "stream", 0);
}

const char *chat_run_hook_format_body(apr_size_t *plen,
                                      const chat_hook_conf_t *hook,
                                      const chat_run_hook_query_t *query,
                                      apr_pool_t *p)
{
    static void (*const ask[])(chat_json_t *, const chat_hook_conf_t *,
                               const chat_run_hook_query_t *, apr_pool_t *) = {
        [CHAT_HOOK_GENERIC] = ask_generic,
        [CHAT_HOOK_OPENAI] = ask_openai,
        [CHAT_HOOK_LLAMA_GUARD] = ask_llama_guard,
    };
    chat_json_t *body = chat_json_object(p);

    ask[hook->format](body, hook, query, p);
    return chat_json_text(body, plen, p);
}

/* ---- what it says ---- */

/* It goes to logs and to clients: nothing but a name. */
static const char *safe_category(const char *category)
{
    apr_size_t i;

    if (!category || !*category || strlen(category) > CATEGORY_MAX)
        return NULL;
    for (i = 0; category[i]; i++)
        if (!apr_isalnum(category[i]) && !strchr("/_.-", category[i]))
            return NULL;
    return category;
}

static const char *safe_reason(const char *reason)
{
    const char *c;

    if (!reason || !*reason || strlen(reason) > REASON_MAX)
        return NULL;
    for (c = reason; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return NULL;
    return reason;
}

static const char *read_texts(chat_run_hook_answer_t *answer,
                              const chat_json_t *texts, int ntexts,
                              apr_pool_t *p)
{
    int i;

    if (chat_json_kind(texts) != CHAT_JSON_ARRAY ||
        chat_json_length(texts) != ntexts)
        return "it has not as many texts as it was asked about";
    answer->texts = apr_palloc(p, (ntexts + 1) * sizeof(*answer->texts));
    for (i = 0; i < ntexts; i++) {
        const chat_json_t *text = chat_json_at(texts, i);

        answer->texts[i] =
            chat_json_string(chat_json_kind(text) == CHAT_JSON_OBJECT
                                 ? chat_json_get(text, "content")
                                 : text);
        if (!answer->texts[i])
            return "one of its texts is none";
    }
    return NULL;
}

static const char *read_generic(chat_run_hook_answer_t *answer,
                                const chat_hook_conf_t *hook,
                                const chat_json_t *root, int ntexts,
                                apr_pool_t *p)
{
    static const struct {
        const char *name;
        chat_moderation_e action;
    } actions[] = {{"pass", CHAT_MODERATION_PASS},
                   {"flag", CHAT_MODERATION_FLAG},
                   {"replace", CHAT_MODERATION_REPLACE},
                   {"block", CHAT_MODERATION_BLOCK}};
    const char *action = chat_json_string(chat_json_get(root, "action"));
    apr_size_t i, n = sizeof(actions) / sizeof(*actions);

    for (i = 0; i < n; i++)
        if (action && !strcmp(action, actions[i].name))
            break;
    if (i == n)
        return "it has no \"action\" that is pass, block, replace or flag";
    answer->action = actions[i].action;
    answer->category =
        safe_category(chat_json_string(chat_json_get(root, "category")));
    answer->reason =
        safe_reason(chat_json_string(chat_json_get(root, "reason")));
    return answer->action == CHAT_MODERATION_REPLACE
               ? read_texts(answer, chat_json_get(root, "texts"), ntexts, p)
               : NULL;
}

/* From which score on that category counts; more than any: it does not. */
static double least_of(const apr_array_header_t *thresholds,
                       const char *category)
{
    double other = 2;
    int i;

    for (i = 0; i < thresholds->nelts; i++) {
        const chat_hook_threshold_t *t =
            &APR_ARRAY_IDX(thresholds, i, chat_hook_threshold_t);

        if (!strcmp(t->category, category))
            return t->least;
        if (!strcmp(t->category, "*"))
            other = t->least;
    }
    return other;
}

static int is_over(const chat_hook_conf_t *hook, const chat_json_t *result,
                   const char *category, double score)
{
    if (hook->thresholds)
        return score >= least_of(hook->thresholds, category);
    return chat_json_boolean(chat_json_get(chat_json_get(result, "categories"),
                                           category)) == 1;
}

/* The worst category of one that is too much. NULL, or why it is no result. */
static const char *read_result(chat_run_hook_answer_t *answer,
                               const chat_hook_conf_t *hook,
                               const chat_json_t *result)
{
    const chat_json_t *scores = chat_json_get(result, "category_scores");
    int flagged = chat_json_boolean(chat_json_get(result, "flagged"));
    const char *key = NULL;

    if (flagged < 0 || chat_json_kind(scores) != CHAT_JSON_OBJECT)
        return "a result of it has no \"flagged\" or no \"category_scores\"";
    if (flagged && !hook->thresholds)
        answer->action =
            hook->flag ? CHAT_MODERATION_FLAG : CHAT_MODERATION_BLOCK;
    while ((key = chat_json_next(scores, key)) != NULL) {
        double score = chat_json_number(chat_json_get(scores, key));

        if (isnan(score) || !is_over(hook, result, key, score) ||
            score <= answer->score)
            continue;
        answer->score = score > 1 ? 1 : score;
        answer->category = safe_category(key);
        if (hook->thresholds)
            answer->action =
                hook->flag ? CHAT_MODERATION_FLAG : CHAT_MODERATION_BLOCK;
    }
    return NULL;
}

static const char *read_openai(chat_run_hook_answer_t *answer,
                               const chat_hook_conf_t *hook,
                               const chat_json_t *root, int ntexts,
                               apr_pool_t *p)
{
    const chat_json_t *results = chat_json_get(root, "results");
    const char *why = NULL;
    int i;

    if (chat_json_kind(results) != CHAT_JSON_ARRAY ||
        chat_json_length(results) != ntexts)
        return "it has not as many results as it was asked about";
    for (i = 0; i < ntexts && !why; i++)
        why = read_result(answer, hook, chat_json_at(results, i));
    return why;
}

/* "safe", or "unsafe" and a line of "S1,S10". */
static const char *read_llama_guard(chat_run_hook_answer_t *answer,
                                    const chat_hook_conf_t *hook,
                                    const chat_json_t *root, int ntexts,
                                    apr_pool_t *p)
{
    static const char unsafe[] = "unsafe";
    const chat_json_t *choice = chat_json_at(chat_json_get(root, "choices"), 0);
    const char *said =
        chat_json_string(chat_json_path(choice, "message", "content", NULL));
    char *word;

    if (!said)
        return "it has no answer of the model";
    word = apr_pstrdup(p, said);
    apr_collapse_spaces(word, word);
    if (!strcmp(word, "safe"))
        return NULL;
    if (strncmp(word, unsafe, sizeof(unsafe) - 1) ||
        word[strspn(word, "unsafeS0123456789,")])
        return "the model answers neither safe nor unsafe";
    word += sizeof(unsafe) - 1;
    if (*word && (*word != 'S' || !apr_isdigit(word[1])))
        return "the model answers neither safe nor unsafe";
    word[strcspn(word, ",")] = '\0';
    answer->action = hook->flag ? CHAT_MODERATION_FLAG : CHAT_MODERATION_BLOCK;
    answer->category = safe_category(word);
    return NULL;
}

const char *chat_run_hook_format_read(chat_run_hook_answer_t *answer,
                                      const chat_hook_conf_t *hook, int status,
                                      const char *data, apr_size_t len,
                                      int ntexts, apr_pool_t *p)
{
    static const char *(*const read[])(
        chat_run_hook_answer_t *, const chat_hook_conf_t *, const chat_json_t *,
        int, apr_pool_t *) = {
        [CHAT_HOOK_GENERIC] = read_generic,
        [CHAT_HOOK_OPENAI] = read_openai,
        [CHAT_HOOK_LLAMA_GUARD] = read_llama_guard,
    };
    const chat_json_limits_t limits = {len + 1, 16, 10000};
    chat_json_t *root;

    memset(answer, 0, sizeof(*answer));
    answer->action = CHAT_MODERATION_PASS;
    answer->score = -1;
    if (status != 200)
        return apr_psprintf(p, "its status is %d", status);
    if (chat_json_parse(&root, data, len, &limits, p) != APR_SUCCESS)
        return "it is no JSON";
    return read[hook->format](answer, hook, root, ntexts, p);
}
