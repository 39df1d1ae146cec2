/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider says when it refuses: its words for programs and its
 * sentence, wherever they stand in the body of OpenAI, Azure, Anthropic,
 * Gemini, Mistral, OpenRouter, llama.cpp, vLLM, Ollama, LiteLLM and others, or
 * in an event of a stream. And two things that all of them say in words of
 * their own, which clients have to know apart: that the question is too long,
 * and that there is no such model. Pure, any thread.
 */
#include "chat_provider_kit.h"
#include "chat_provider_mask.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

typedef struct said_t {
    const chat_json_t *root;
    const chat_json_t *error; /* the object that has the members */
    const char *key;          /* of the provider, or NULL */
    apr_pool_t *p;
} said_t;

/* ---- where it stands ---- */

static int is_object(const chat_json_t *v)
{
    return chat_json_kind(v) == CHAT_JSON_OBJECT;
}

/* The object that says most; root, where it is flat. */
static const chat_json_t *find_error(const chat_json_t *root)
{
    const chat_json_t *places[] = {
        chat_json_get(root, "error"),
        chat_json_path(root, "response", "error", NULL),
        chat_json_get(root, "message"),
        chat_json_get(chat_json_at(chat_json_get(root, "choices"), 0), "error"),
        chat_json_at(chat_json_get(root, "errors"), 0),
    };
    apr_size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (is_object(places[i]))
            return places[i];
    }
    return root;
}

/* The first of {"detail":[{"type","loc":["body","temperature"],"msg"}]}. */
static const chat_json_t *find_detail(const said_t *said)
{
    return chat_json_at(chat_json_get(said->error, "detail"), 0);
}

/* That member of whichever of Google's details has it. */
static const chat_json_t *in_details(const said_t *said, const char *member)
{
    const chat_json_t *details = chat_json_get(said->error, "details");
    const chat_json_t *found = NULL;
    int i;

    for (i = 0; !found && i < chat_json_length(details); i++)
        found = chat_json_get(chat_json_at(details, i), member);
    return found;
}

/* ---- words ---- */

/* Some say the status once more, and Python's nothing is a word. */
static int is_empty(const char *word)
{
    return !word || strcmp(word, "None") == 0 ||
           (strspn(word, "0123456789") == 3 && !word[3]);
}

/* The first that is a word, into the room for it. */
static void take_word(char *into, const said_t *said,
                      const chat_json_t *const *from, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n && !*into; i++) {
        const char *word =
            chat_provider_error_word(from[i], "[]", said->key, said->p);

        if (!is_empty(word))
            apr_cpystrn(into, word, CHAT_REFUSAL_WORD_MAX + 1);
    }
}

static void take_code(chat_refusal_t *told, const said_t *said)
{
    const chat_json_t *from[] = {
        chat_json_get(said->error, "code"),
        in_details(said, "reason"),
    };

    take_word(told->code, said, from, 2);
}

/* "error" says no more than that it is one. */
static void take_type(chat_refusal_t *told, const said_t *said)
{
    const chat_json_t *type = chat_json_get(said->error, "type");
    const char *word = chat_json_string(type);
    const chat_json_t *from[] = {
        word && strcmp(word, "error") == 0 ? NULL : type,
        chat_json_get(said->error, "status"),
        chat_json_get(said->error, "error_type"),
        chat_json_get(find_detail(said), "type"),
    };

    take_word(told->type, said, from, 4);
}

static void take_param(chat_refusal_t *told, const said_t *said)
{
    const chat_json_t *place = chat_json_get(find_detail(said), "loc");
    const chat_json_t *fields = in_details(said, "fieldViolations");
    const chat_json_t *from[] = {
        chat_json_get(said->error, "param"),
        chat_json_at(place, chat_json_length(place) - 1),
        chat_json_get(chat_json_at(fields, 0), "field"),
    };

    take_word(told->param, said, from, 3);
}

/* ---- the sentence ---- */

static const char *find_text(const said_t *said)
{
    const chat_json_t *from[] = {
        chat_json_get(said->error, "message"),
        chat_json_get(said->root, "error"),
        chat_json_get(said->root, "message"),
        chat_json_get(find_detail(said), "msg"),
        chat_json_get(said->root, "detail"),
    };
    const char *text = NULL;
    apr_size_t i;

    for (i = 0; !text && i < sizeof(from) / sizeof(from[0]); i++)
        text = chat_json_string(from[i]);
    return text;
}

/* A line of text for a body, as a proxy sends it; a page is none. */
static void take_line(chat_refusal_t *told, const char *body, apr_size_t len,
                      const char *key)
{
    apr_size_t i;

    if (len == 0 || memchr("<{[", *body, 3))
        return;
    for (i = 0; i < len; i++) {
        if ((body[i] & 0x80) ||
            (!apr_isprint(body[i]) && !apr_isspace(body[i])))
            return;
    }
    while (len > 0 && apr_isspace(body[len - 1]))
        len--;
    chat_provider_mask(told->text, sizeof(told->text), body, len, key);
}

/* ---- all of it ---- */

static void take(chat_refusal_t *told, const said_t *said)
{
    const char *text = find_text(said);

    take_code(told, said);
    take_type(told, said);
    take_param(told, said);
    if (text && !*told->text)
        chat_provider_mask(told->text, sizeof(told->text), text, strlen(text),
                           said->key);
}

/* What stands behind a gateway says more than the gateway: OpenRouter quotes
 * it. */
static void take_quoted(chat_refusal_t *told, const said_t *said)
{
    const char *raw =
        chat_json_string(chat_json_path(said->error, "metadata", "raw", NULL));
    said_t inner = *said;

    if (!raw)
        return;
    inner.root = chat_provider_error_body(raw, strlen(raw), said->p);
    inner.error = find_error(inner.root);
    if (is_object(inner.root))
        take(told, &inner);
    else
        take_line(told, raw, strlen(raw), said->key);
}

void chat_provider_told(chat_refusal_t *told, int status, const char *body,
                        apr_size_t len, const char *key, apr_pool_t *p)
{
    said_t said = {.key = key, .p = p};

    memset(told, 0, sizeof(*told));
    told->status = status;
    said.root = chat_provider_error_body(body, len, p);
    if (chat_json_kind(said.root) == CHAT_JSON_ARRAY)
        said.root = chat_json_at(said.root, 0);
    said.error = find_error(said.root);
    if (!is_object(said.root)) {
        take_line(told, body, len, key);
        return;
    }
    take_quoted(told, &said);
    take(told, &said);
}

/* ---- what it means ---- */

static int is_any(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcasecmp(word, *words) == 0)
            return 1;
    }
    return 0;
}

/* Does the sentence hold any of these, in whatever case? */
static int says_any(const chat_refusal_t *told, const char *const *phrases)
{
    char text[sizeof(told->text)];
    apr_size_t i;

    for (i = 0; told->text[i]; i++)
        text[i] = apr_tolower(told->text[i]);
    text[i] = '\0';
    for (; *phrases; phrases++) {
        if (strstr(text, *phrases))
            return 1;
    }
    return 0;
}

static int is_too_long(const chat_refusal_t *told)
{
    static const char *const words[] = {
        "context_length_exceeded",          "exceed_context_size_error",
        "context_window_exceeded",          "ContextWindowExceededError",
        "model_max_prompt_tokens_exceeded", NULL};
    static const char *const phrases[] = {
        "maximum context length",  "available context size",
        "context window",          "context limit",
        "exceeds the context",     "context length exceeded",
        "prompt is too long",      "input is too long",
        "input token count",       "maximum number of tokens allowed",
        "too many input tokens",   "reduce the length of the",
        "max_new_tokens` must be", NULL};

    return is_any(told->code, words) || is_any(told->type, words) ||
           says_any(told, phrases);
}

static int is_no_model(const chat_refusal_t *told)
{
    static const char *const words[] = {"model_not_found", "invalid_model",
                                        "unknown_model", "DeploymentNotFound",
                                        NULL};
    static const char *const phrases[] = {
        "model not exist",    "invalid model name",
        "invalid model:",     "not a valid model",
        "unknown model",      "model not found",
        "no endpoints found", NULL};
    static const char *const of_404[] = {"model", "deployment", NULL};
    static const char *const paths[] = {"invalid url", "unknown url",
                                        "no route", NULL};

    if (is_any(told->code, words) || is_any(told->type, words) ||
        says_any(told, phrases))
        return 1;
    return told->status == 404 &&
           (strcmp(told->param, "model") == 0 ||
            (says_any(told, of_404) && !says_any(told, paths)));
}

/* Where the question is to blame. */
static int is_question(int status)
{
    return status == 400 || status == 403 || status == 404 || status == 409 ||
           status == 413 || status == 422;
}

void chat_provider_told_name(chat_err_t *err, const chat_refusal_t *told)
{
    if (err->cause != CHAT_CAUSE_NONE)
        return;
    err->upstream = told;
    if (is_question(told->status) && is_no_model(told))
        chat_err_set(err, APR_EGENERAL, 400, "model_not_found",
                     "The provider has no such model.");
    else if (told->status == 404)
        chat_err_set(err, APR_EGENERAL, 502, "upstream_not_found",
                     "The provider does not have what this server asks for: "
                     "its address may be wrong.");
    else if (is_question(told->status) && is_too_long(told))
        chat_err_set(err, APR_EGENERAL, 400, "context_length_exceeded",
                     "This is more than the model can read.");
}
