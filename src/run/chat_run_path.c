/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in a conversation, for the model that is to go on: the messages
 * of a path as the store has them become those of the turn. Of a long one the
 * newest turns are taken that the model can read. A turn is what begins with a
 * message of the user: none is taken by halves. Request thread.
 */
#include "chat_run_int.h"

#include <apr_strings.h>

/* All parts of one message, as they are stored. */
static const chat_json_limits_t part_limits = {64 * 1024 * 1024, 16, 1000000};

/* What a provider gave, in the text of a part. */
static const chat_json_limits_t private_limits = {16 * 1024 * 1024, 64,
                                                  1000000};

/* Of a model of which nobody knows how much it can read, about four characters
 * are a token. */
#define CHARACTERS_PER_TOKEN 4

typedef struct path_t {
    chat_run_t *run;
    const apr_array_header_t *stored;
    apr_array_header_t *said; /* of chat_message_t */
    apr_pool_t *p;
} path_t;

/* ---- parts ---- */

static const chat_store_message_t *stored_at(const path_t *path, int i)
{
    return i < path->stored->nelts
               ? &APR_ARRAY_IDX(path->stored, i, chat_store_message_t)
               : NULL;
}

static chat_json_t *read_parts(const path_t *path, int i)
{
    const chat_store_message_t *m = stored_at(path, i);
    chat_json_t *parts = NULL;

    if (!m || chat_json_parse(&parts, m->parts, strlen(m->parts), &part_limits,
                              path->p) != APR_SUCCESS)
        return NULL;
    return parts;
}

static const char *member(const chat_json_t *part, const char *name)
{
    const char *text = chat_json_string(chat_json_get(part, name));

    return text ? text : "";
}

static int is_type(const chat_json_t *part, const char *type)
{
    return !strcmp(member(part, "type"), type);
}

/* All texts of that type, joined, or NULL. */
static const char *join(const chat_json_t *parts, const char *type,
                        apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        if (is_type(chat_json_at(parts, i), type))
            APR_ARRAY_PUSH(texts, const char *) =
                member(chat_json_at(parts, i), "text");
    return texts->nelts ? apr_array_pstrcat(p, texts, 0) : NULL;
}

static int has_part(const chat_json_t *parts, const char *type, const char *id)
{
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);

        if (is_type(part, type) && !strcmp(member(part, "callId"), id))
            return 1;
    }
    return 0;
}

/* ---- messages ---- */

static int is_answered(const chat_json_t *call, const chat_json_t *results)
{
    return has_part(results, "tool-result", member(call, "callId"));
}

/* The value whose text is kept there, or NULL. */
static chat_json_t *read_private(const chat_json_t *part, const char *name,
                                 apr_pool_t *p)
{
    const char *text = member(part, name);
    chat_json_t *v;

    return *text && chat_json_parse(&v, text, strlen(text), &private_limits,
                                    p) == APR_SUCCESS
               ? v
               : NULL;
}

/* Of whom the message is, where that wants back what is private in it: with a
 * whole answer alone, of whose calls none is left out, for it is signed as one.
 * NULL: nothing goes back. */
static const char *find_provider(const chat_store_message_t *m,
                                 const chat_json_t *parts,
                                 const chat_json_t *results)
{
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        if (is_type(chat_json_at(parts, i), "tool-call") &&
            !is_answered(chat_json_at(parts, i), results))
            return NULL;
    return m->status == CHAT_MESSAGE_COMPLETE ? m->provider : NULL;
}

static chat_json_t *read_details(const chat_json_t *parts, apr_pool_t *p)
{
    chat_json_t *details = chat_json_array(p), *v;
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);

        if (is_type(part, CHAT_STORE_PART_PRIVATE) &&
            (v = read_private(part, "json", p)) != NULL)
            chat_json_push(details, v);
    }
    return chat_json_length(details) ? details : NULL;
}

/* A call that nobody has answered is none: no provider takes it. */
static void add_calls(const path_t *path, chat_message_t *message,
                      const chat_json_t *parts, const chat_json_t *results)
{
    int i, n = chat_json_length(parts);
    chat_tool_call_t *calls = apr_pcalloc(path->p, n * sizeof(*calls));

    for (i = 0; i < n; i++) {
        const chat_json_t *part = chat_json_at(parts, i);
        chat_tool_call_t *call = &calls[message->ncalls];

        if (!is_type(part, "tool-call") || !is_answered(part, results))
            continue;
        call->id = member(part, "callId");
        call->name = member(part, "name");
        call->arguments = member(part, "arguments");
        if (message->provider)
            call->extra = read_private(part, CHAT_STORE_PART_EXTRA, path->p);
        message->ncalls++;
    }
    message->calls = calls;
}

/* An answer of which nothing was kept says nothing. */
static void add_answer(path_t *path, const chat_json_t *parts, int i)
{
    const chat_store_message_t *next = stored_at(path, i + 1);
    const chat_json_t *results =
        next && next->role == CHAT_ROLE_TOOL ? read_parts(path, i + 1) : NULL;
    const char *text = join(parts, "text", path->p);
    chat_message_t message = {
        .role = CHAT_ROLE_ASSISTANT,
        .content = text ? text : join(parts, "refusal", path->p),
        .reasoning = join(parts, "reasoning", path->p),
        .provider = find_provider(stored_at(path, i), parts, results),
    };

    add_calls(path, &message, parts, results);
    if (message.provider)
        message.details = read_details(parts, path->p);
    if (message.ncalls || (message.content && *message.content))
        APR_ARRAY_PUSH(path->said, chat_message_t) = message;
}

/* Each result is a message of its own. */
static void add_results(path_t *path, const chat_json_t *parts,
                        const chat_json_t *calls)
{
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);
        const chat_message_t message = {
            .role = CHAT_ROLE_TOOL,
            .call_id = member(part, "callId"),
            .content = member(part, "content"),
        };

        if (is_type(part, "tool-result") &&
            has_part(calls, "tool-call", message.call_id))
            APR_ARRAY_PUSH(path->said, chat_message_t) = message;
    }
}

static int has_files(const chat_json_t *parts)
{
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        if (is_type(chat_json_at(parts, i), "file"))
            return 1;
    return 0;
}

/* Texts and files in their order, then what the client told beside them. */
static void add_files(path_t *path, const chat_json_t *parts,
                      const char *context)
{
    chat_message_t message = {.role = CHAT_ROLE_USER,
                              .parts = chat_json_array(path->p)};
    chat_json_t *part;
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        part = chat_json_at(parts, i);
        if (is_type(part, "file") ||
            (is_type(part, "text") && *member(part, "text")))
            chat_json_push(message.parts, part);
    }
    if (context) {
        part = chat_json_object(path->p);
        chat_json_add_string(part, "type", "text");
        chat_json_add_string(part, "text", context);
        chat_json_push(message.parts, part);
    }
    APR_ARRAY_PUSH(path->said, chat_message_t) = message;
}

/* What the client told of it beside the text stands behind that. */
static void add_text(path_t *path, const chat_json_t *parts, chat_role_e role)
{
    const char *context = join(parts, "context", path->p);
    chat_message_t message = {
        .role = role,
        .content = join(parts, "text", path->p),
    };

    if (role == CHAT_ROLE_USER && has_files(parts)) {
        add_files(path, parts, context);
        return;
    }
    if (message.content && context)
        message.content =
            apr_pstrcat(path->p, message.content, "\n\n", context, NULL);
    if (message.content)
        APR_ARRAY_PUSH(path->said, chat_message_t) = message;
}

/* Moderation has let nothing of its answer be said, or had it not answered at
 * all: another question does not bring it back. */
static int is_blocked(const path_t *path, int i)
{
    const chat_store_message_t *m = stored_at(path, i);
    const chat_store_message_t *next = stored_at(path, i + 1);

    return next && m->role == CHAT_ROLE_USER &&
           next->role == CHAT_ROLE_ASSISTANT && next->error_code &&
           !strcmp(next->error_code, "content_blocked") &&
           chat_json_length(read_parts(path, i + 1)) == 0;
}

static void add_message(path_t *path, int i)
{
    const chat_store_message_t *m = stored_at(path, i);
    const chat_json_t *parts = read_parts(path, i);

    if (is_blocked(path, i))
        return;
    if (m->role == CHAT_ROLE_ASSISTANT)
        add_answer(path, parts, i);
    else if (m->role == CHAT_ROLE_TOOL)
        add_results(path, parts, i ? read_parts(path, i - 1) : NULL);
    else
        add_text(path, parts, m->role);
}

/* Every result must be one of a call that was made. */
static apr_status_t check_results(const path_t *path, chat_err_t *err)
{
    int i, last = path->stored->nelts - 1;
    const chat_json_t *results, *calls;

    if (stored_at(path, last)->role != CHAT_ROLE_TOOL)
        return APR_SUCCESS;
    results = read_parts(path, last);
    calls = last ? read_parts(path, last - 1) : NULL;
    for (i = 0; i < chat_json_length(results); i++)
        if (!has_part(calls, "tool-call",
                      member(chat_json_at(results, i), "callId")))
            return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST,
                                "invalid_request",
                                "The message before has no call of that id.");
    return APR_SUCCESS;
}

/* ---- what fits ---- */

/* Tokens for the path; *pmost is how many messages. */
static apr_int64_t find_room(const chat_run_t *run, int *pmost)
{
    const chat_model_conf_t *model = run->candidates[0].model;
    chat_turn_t rest = run->request.turn;
    apr_int64_t answer, context = model ? model->context : 0;

    rest.nmessages = 0;
    *pmost = APR_INT32_MAX;
    if (!context) {
        *pmost = run->conf->request.messages;
        return run->conf->request.total_length / CHARACTERS_PER_TOKEN;
    }
    answer = rest.max_output_tokens  ? rest.max_output_tokens
             : model->max_output > 0 ? model->max_output
                                     : context / 4;
    if (answer > context / 2)
        answer = context / 2;
    return context - answer - chat_run_cost_input(&rest);
}

/* The first message of those that fit. The newest turn always stays. */
static int find_first(const chat_run_t *run, const apr_array_header_t *list)
{
    const chat_message_t *said = (const chat_message_t *)list->elts;
    int most, i, first = -1, n = list->nelts;
    apr_int64_t room = find_room(run, &most);

    for (i = n - 1; i >= 0; i--) {
        room -= chat_run_cost_message(&said[i]);
        if (first >= 0 && (room < 0 || n - i > most))
            break;
        if (said[i].role == CHAT_ROLE_USER)
            first = i;
    }
    return first < 0 ? 0 : first;
}

void chat_run_path_set(chat_run_t *run, const apr_array_header_t *said)
{
    int first = find_first(run, said);

    run->request.turn.messages = (const chat_message_t *)said->elts + first;
    run->request.turn.nmessages = said->nelts - first;
    run->attempt.fitted = NULL;
}

apr_status_t chat_run_path(chat_run_t *run, const chat_store_turn_t *turn,
                           chat_err_t *err)
{
    path_t path = {
        .run = run,
        .stored = turn->path,
        .said = apr_array_make(run->request_pool, turn->path->nelts,
                               sizeof(chat_message_t)),
        .p = run->request_pool,
    };
    apr_status_t rv = check_results(&path, err);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < turn->path->nelts; i++)
        add_message(&path, i);
    if (!run->request.turn.system)
        run->request.turn.system = turn->context_system;
    chat_run_path_set(run, path.said);
    return APR_SUCCESS;
}

/* ---- whose it is ---- */

static int is_foreign(const chat_message_t *m, const char *provider)
{
    return m->provider && strcmp(m->provider, provider) != 0;
}

static void drop_private(chat_message_t *m, apr_pool_t *p)
{
    chat_tool_call_t *calls =
        apr_pmemdup(p, m->calls, m->ncalls * sizeof(*calls));
    int i;

    for (i = 0; i < m->ncalls; i++)
        calls[i].extra = NULL;
    m->calls = calls;
    m->details = NULL;
}

void chat_run_path_address(chat_turn_t *turn, const char *provider,
                           apr_pool_t *p)
{
    chat_message_t *messages = NULL;
    int i;

    for (i = 0; i < turn->nmessages; i++) {
        if (!is_foreign(&turn->messages[i], provider))
            continue;
        if (!messages)
            turn->messages = messages = apr_pmemdup(
                p, turn->messages, turn->nmessages * sizeof(*turn->messages));
        drop_private(&messages[i], p);
    }
}
