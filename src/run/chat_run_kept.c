/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which conversation an answer is kept (ChatStore): the one that the path or
 * the body names, or on the route message the one of its session. Request
 * thread.
 */
#include "chat_run_int.h"

#include <apr_strings.h>

#include "chat_crypto.h"

const char *chat_run_owner(const chat_user_t *user)
{
    return user->subject;
}

/* ---- the conversation of a session ---- */

/* The same for the same owner and name, and nobody else's: a UUID of version 8,
 * whose bits are those of a digest. A session that is named by a UUID is the
 * conversation of that id. */
static apr_status_t session_id(const char **pid, const char *owner,
                               const char *session, chat_err_t *err,
                               apr_pool_t *p)
{
    const char *both = apr_psprintf(p, "%" APR_SIZE_T_FMT ":%s:%s",
                                    strlen(owner), owner, session);
    unsigned char sum[CHAT_SHA256_LEN];
    char hex[2 * CHAT_SHA256_LEN + 1];

    if (chat_request_is_id(session)) {
        *pid = apr_pstrdup(p, session);
        return APR_SUCCESS;
    }
    if (chat_crypto_sha256(sum, both, strlen(both)) != APR_SUCCESS)
        return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                            "internal", "The conversation cannot be found.");
    sum[6] = (sum[6] & 0x0f) | 0x80;
    sum[8] = (sum[8] & 0x3f) | 0x80;
    chat_crypto_hex(hex, sum, 16);
    *pid = apr_psprintf(p, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                        hex + 16, hex + 20);
    return APR_SUCCESS;
}

/* ---- where ---- */

static apr_status_t refuse_guest(chat_err_t *err)
{
    return chat_err_set(err, APR_EACCES, HTTP_UNAUTHORIZED, "unauthorized",
                        "Sign in: a guest has no conversations.");
}

static int is_on(const chat_run_t *run)
{
    return run->conf->store.layout == CHAT_STORE_CHAT;
}

/* NULL: none is named. */
static apr_status_t find_conversation(const char **pid, const chat_run_t *run,
                                      const char *owner, chat_err_t *err)
{
    const chat_request_t *request = &run->request;
    const char *named = request->place.conversation;

    *pid = NULL;
    if (run->question)
        named = run->question->conversation;
    if (named)
        *pid = apr_pstrdup(run->r->pool, named);
    else if (request->session && owner && is_on(run))
        return session_id(pid, owner, request->session, err, run->r->pool);
    return *pid && !owner ? refuse_guest(err) : APR_SUCCESS;
}

apr_status_t chat_run_keep(chat_run_t *run, chat_err_t *err)
{
    const chat_run_question_t *question = run->question;
    const char *owner = chat_run_owner(run->ctx->user);
    apr_pool_t *p = run->r->pool;
    chat_run_kept_t *kept;
    const char *conversation;
    apr_status_t rv = find_conversation(&conversation, run, owner, err);

    if (rv != APR_SUCCESS || !conversation)
        return rv;
    kept = apr_pcalloc(p, sizeof(*kept));
    kept->owner = owner;
    kept->conversation = conversation;
    kept->create = !question || question->create;
    kept->regenerate = question ? question->regenerate : NULL;
    kept->question = run->request.place.id
                         ? apr_pstrdup(p, run->request.place.id)
                         : chat_store_new_id(p);
    kept->answer = chat_store_new_id(p);
    kept->stream =
        question && question->stream ? question->stream : chat_store_new_id(p);
    run->kept = kept;
    return APR_SUCCESS;
}

/* One that is new has none, and one that is not there is refused later. */
apr_status_t chat_run_keep_model(chat_run_t *run, chat_err_t *err)
{
    const chat_turn_t *turn = &run->request.turn;
    const char *model;
    apr_status_t rv;

    if (!run->kept || (turn->model && *turn->model))
        return APR_SUCCESS;
    chat_store_at_t at = {
        .s = run->r->server,
        .r = run->r,
        .p = run->request_pool,
        .owner = run->kept->owner,
    };
    rv = chat_store_conversation_model(&model, &at, run->kept->conversation,
                                       err);
    if (rv == APR_NOTFOUND && run->kept->create) {
        memset(err, 0, sizeof(*err));
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && model)
        run->request.turn.model = model;
    return rv;
}
