/* SPDX-License-Identifier: Apache-2.0 */
/* A turn of a chat in the tables of an app, up to its first call. See
 * chat_run_vercel.h. Request thread. */
#include "chat_run_vercel.h"

#include <apr_strings.h>

#include "chat_log.h"
#include "chat_store_vercel.h"

/* Of a message that is kept. */
static const chat_json_limits_t kept_limits = {64 * 1024 * 1024, 100, 1000000};

int chat_run_vercel_is(const chat_ctx_t *ctx)
{
    return ctx->dir->store.layout == CHAT_STORE_VERCEL &&
           ctx->dir->route.id == CHAT_ROUTE_ui_message;
}

/* ---- what ---- */

/* Until what was said before is known the turn is the question alone. */
apr_status_t chat_run_vercel_read(chat_run_t *run, chat_json_t *body,
                                  chat_err_t *err)
{
    chat_run_vercel_t *vercel = apr_pcalloc(run->r->pool, sizeof(*vercel));
    chat_message_t *message = apr_pcalloc(run->request_pool, sizeof(*message));
    chat_turn_t *turn = &run->request.turn;
    apr_status_t rv = chat_request_vercel(
        &vercel->asked, body, run->conf->store.text, err, run->request_pool);

    if (rv != APR_SUCCESS)
        return rv;
    message->role = CHAT_ROLE_USER;
    message->content = vercel->asked.text;
    turn->schema_strict = turn->parallel = -1;
    turn->model = vercel->asked.model;
    turn->messages = message;
    turn->nmessages = 1;
    run->vercel = vercel;
    return APR_SUCCESS;
}

/* ---- who ---- */

/* The rows of the app's users have UUIDs: of whoever has another id there is
 * none. */
apr_status_t chat_run_vercel_keep(chat_run_t *run, chat_err_t *err)
{
    const chat_request_vercel_t *asked = &run->vercel->asked;
    const char *user = run->ctx->user->id;
    apr_pool_t *p = run->r->pool;
    chat_run_kept_t *kept;

    if (!user || !chat_store_is_id(user)) {
        if (user)
            ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, run->r,
                          CHATNO(0845) "the user's id is no UUID, and so none "
                                       "of the app's: ChatAuthClaim id= names "
                                       "the claim that has it");
        return chat_err_set(err, APR_EACCES, HTTP_UNAUTHORIZED, "unauthorized",
                            "Sign in required.");
    }
    kept = apr_pcalloc(p, sizeof(*kept));
    kept->owner = run->ctx->user->subject;
    kept->conversation = apr_pstrdup(p, asked->chat);
    kept->question = apr_pstrdup(p, asked->message);
    kept->answer = chat_store_new_id(p);
    kept->stream = chat_store_new_id(p);
    run->kept = kept;
    return APR_SUCCESS;
}

/* ---- what was said before ---- */

static chat_json_t *parse(const char *text, apr_pool_t *p)
{
    chat_json_t *v;

    return chat_json_parse(&v, text, strlen(text), &kept_limits, p) ==
                   APR_SUCCESS
               ? v
               : chat_json_array(p);
}

/* As the app's own queries give them. */
static chat_json_t *as_rows(const apr_array_header_t *history, apr_pool_t *p)
{
    chat_json_t *rows = chat_json_array(p);
    int i;

    for (i = 0; i < history->nelts; i++) {
        const chat_vercel_message_t *m =
            &APR_ARRAY_IDX(history, i, chat_vercel_message_t);
        chat_json_t *row = chat_json_object(p);

        chat_json_add_string(row, "id", m->id);
        chat_json_add_string(row, "chatId", m->chat);
        chat_json_add_string(row, "role", m->role);
        chat_json_add(row, "parts", parse(m->parts, p));
        chat_json_add(row, "attachments", parse(m->attachments, p));
        chat_json_add_string(row, "createdAt", m->created);
        chat_json_push(rows, row);
    }
    return rows;
}

static int is_app(const chat_candidate_t *c)
{
    return (chat_config_provider_caps(c->conf) & CHAT_PROVIDER_RELAYED) != 0;
}

static void find_who_answers(chat_run_t *run)
{
    int i;

    for (i = 0; i < run->ncandidates; i++) {
        if (is_app(&run->candidates[i]))
            run->vercel->can_ask_app = 1;
        else
            run->vercel->can_ask_model = 1;
    }
}

/* Rows are UIMessages with some members more. */
static apr_status_t set_messages(chat_run_t *run, chat_json_t *rows,
                                 chat_err_t *err)
{
    const chat_request_clamps_t all = {
        .messages = APR_INT32_MAX,
        .message_length = APR_INT32_MAX,
        .total_length = APR_INT32_MAX,
        .uploads = run->ctx->server->upload.location,
    };
    chat_turn_t said = {0};
    apr_array_header_t *list;
    apr_status_t rv;
    int i;

    chat_json_push(rows, run->vercel->asked.json);
    rv = chat_request_ui_messages(&said, rows, &all, err, run->request_pool);
    if (rv != APR_SUCCESS)
        return rv;
    list = apr_array_make(run->request_pool, said.nmessages,
                          sizeof(chat_message_t));
    for (i = 0; i < said.nmessages; i++)
        APR_ARRAY_PUSH(list, chat_message_t) = said.messages[i];
    chat_run_path_set(run, list);
    return APR_SUCCESS;
}

apr_status_t chat_run_vercel_turn(chat_run_t *run,
                                  const apr_array_header_t *history,
                                  chat_err_t *err)
{
    const chat_request_vercel_t *asked = &run->vercel->asked;
    apr_pool_t *p = run->request_pool;

    find_who_answers(run);
    if (run->vercel->can_ask_app)
        run->request.turn.app =
            chat_request_ui_app(asked->chat, asked->json, asked->visibility,
                                as_rows(history, p), p);
    return run->vercel->can_ask_model
               ? set_messages(run, as_rows(history, p), err)
               : APR_SUCCESS;
}

/* ---- who saves ---- */

int chat_run_vercel_saves(const chat_run_t *run)
{
    const chat_candidate_t *c = run->attempt.candidate;

    if (run->conf->vercel.save != CHAT_SAVE_USUAL)
        return run->conf->vercel.save == CHAT_SAVE_APACHE;
    return !c || !is_app(c);
}
