/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of a chat, in their order, up to its stream. Cheap refusals come
 * first: nobody costs the database a question before the limits have let them
 * in, nor a limit a point before the request is known to be right. Request
 * thread.
 */
#include "chat_run_vercel.h"

#include <apr_strings.h>

#include "chat_auth.h"
#include "chat_reply.h"
#include "chat_run_abuse.h"
#include "chat_run_beside.h"
#include "chat_run_hook.h"
#include "chat_run_trace.h"
#include "chat_scratch.h"

/* A stream without a total time-out still ends within a day. */
#define LASTS_MAX apr_time_from_sec(86400)
/* Time between the end of a call and the settling of what it took. */
#define LASTS_LONGER apr_time_from_sec(60)

/* ---- who ---- */

static apr_status_t identify(chat_run_t *run, chat_err_t *err)
{
    const chat_user_t *user;
    apr_status_t rv;

    chat_run_trace_enter(run, CHAT_STAGE_IDENTITY);
    rv = chat_auth_identify(&user, run->r, err);
    chat_run_trace_leave(run, CHAT_STAGE_IDENTITY);
    if (rv == APR_SUCCESS)
        run->record.user = user->id;
    return rv;
}

/* ---- what ---- */

/* Another call of OpenAI's API than the one that is here. */
static apr_status_t check_call(const chat_run_t *run, chat_err_t *err)
{
    const char *rest = chat_request_rest(run->r, run->conf->route.location);

    if (run->conf->route.id != CHAT_ROUTE_completions ||
        chat_provider_native_is_path(rest ? rest : run->r->uri,
                                     "/chat/completions"))
        return APR_SUCCESS;
    return chat_err_set(err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "Of OpenAI's API POST /chat/completions is available "
                        "here.");
}

/* The SDKs of some providers look for the id of a request in a header of their
 * own. */
static void say_id(const chat_run_t *run)
{
    const chat_provider_t *spoken = chat_run_spoken(run->r, run->conf);

    if (spoken && spoken->id_header)
        apr_table_setn(run->r->err_headers_out, spoken->id_header,
                       run->ctx->request_id);
}

/* In the words of the provider whose route this is. */
static apr_status_t read_native(chat_run_t *run, chat_json_t *body,
                                chat_err_t *err)
{
    const chat_provider_conf_t *conf = NULL;
    const char *rest = chat_request_rest(run->r, run->conf->route.location);
    chat_turn_t *turn = &run->request.turn;
    chat_upstream_t up;
    apr_status_t rv;

    if (run->conf->route.use->nelts)
        conf = chat_config_provider(
            run->r->server,
            APR_ARRAY_IDX(run->conf->route.use, 0, const char *));
    if (!conf) /* chat_run_find() says so */
        return APR_SUCCESS;
    chat_run_describe(&up, conf, NULL);
    rv = chat_provider_get(conf->type)
             ->read_native(turn, body, rest ? rest : run->r->uri, &up, err,
                           run->request_pool);
    if (turn->max_output_tokens > run->conf->request.max_output_tokens)
        turn->max_output_tokens = run->conf->request.max_output_tokens;
    return rv;
}

static apr_status_t read_turn(chat_run_t *run, chat_json_t *body,
                              chat_err_t *err)
{
    const chat_request_clamps_t clamps = {
        .messages = run->conf->request.messages,
        .message_length = run->conf->request.message_length,
        .answer_length = run->conf->request.answer_length,
        .count_utf16 = run->conf->request.count == CHAT_COUNT_UTF16,
        .total_length = run->conf->request.total_length,
        .max_output_tokens = run->conf->request.max_output_tokens,
        .keeps = run->conf->store.layout == CHAT_STORE_CHAT,
        .uploads = run->ctx->server->upload.location,
    };

    if (run->question && run->question->read)
        return run->question->read(run->question->told, &run->request, &clamps,
                                   err, run->request_pool);
    if (chat_run_vercel_is(run->ctx))
        return chat_run_vercel_read(run, body, err);
    if (run->question)
        return chat_request_conversation(&run->request, body,
                                         run->question->regenerate != NULL,
                                         &clamps, err, run->request_pool);
    if (run->dialect)
        return run->dialect->read(&run->request, body, &clamps, err,
                                  run->request_pool);
    if (run->conf->request.native)
        return read_native(run, body, err);
    return chat_request_validate(&run->request.turn, body, &clamps, err,
                                 run->request_pool);
}

static apr_status_t read_request(chat_run_t *run, chat_err_t *err)
{
    const chat_json_limits_t limits = chat_config_json_limits(run->conf);
    chat_json_t *body = run->question ? run->question->body : NULL;
    apr_time_t begin = apr_time_now();
    apr_status_t rv = APR_SUCCESS;

    run->request_pool = run->question && run->question->pool
                            ? run->question->pool
                            : chat_scratch_pool(run->r->pool);
    if (!body && !(run->question && run->question->read))
        rv = chat_request_read(&body, run->r, &limits, err, run->request_pool);
    run->reading = apr_time_now() - begin;
    if (rv == APR_SUCCESS)
        rv = read_turn(run, body, err);
    if (rv == APR_SUCCESS && body && run->form && run->form->status)
        rv = chat_request_wishes(&run->request, body, run->r->args,
                                 run->question ||
                                     run->request.place.conversation,
                                 err, run->request_pool);
    run->request.turn.request_id = run->ctx->request_id;
    run->whole = run->request.turn.whole;
    if (run->whole)
        run->request.coalesce = 0;
    return rv;
}

/* An app's page is told of a bad body first. */
static apr_status_t find_who_and_what(chat_run_t *run, chat_err_t *err)
{
    int body_first = chat_run_vercel_is(run->ctx);
    apr_status_t rv = body_first ? read_request(run, err) : identify(run, err);

    if (rv != APR_SUCCESS)
        return rv;
    return body_first ? identify(run, err) : read_request(run, err);
}

static apr_status_t find_where(chat_run_t *run, chat_err_t *err)
{
    apr_status_t rv;

    if (run->vercel)
        return chat_run_vercel_keep(run, err);
    rv = chat_run_keep(run, err);
    return rv == APR_SUCCESS ? chat_run_keep_model(run, err) : rv;
}

/* Would the first that is asked understand it? Before it costs a point. */
static apr_status_t check_fit(chat_run_t *run, chat_err_t *err)
{
    run->input_tokens = chat_run_cost_input(&run->request.turn);
    run->attempt.fitted = NULL; /* the turn is new, or has changed */
    return chat_run_fit(run, &run->candidates[0], err);
}

/* ---- whether ---- */

static apr_interval_time_t longest(const chat_run_t *run)
{
    apr_interval_time_t most = 0;
    int i;

    for (i = 0; i < run->ncandidates; i++) {
        apr_interval_time_t total = run->candidates[i].conf->timeouts.total;

        if (total <= 0)
            return LASTS_MAX;
        if (total > most)
            most = total;
    }
    return most + LASTS_LONGER;
}

/* [request thread, or the driver] chat_stream_cb_t.admitted */
static void admitted(void *ctx)
{
    chat_run_t *run = ctx;

    chat_run_trace_admitted(run);
    chat_run_move(run, CHAT_RUN_ADMITTED);
    if (run->form && run->form->status)
        run->limits = chat_limit_told(run->ticket, NULL, run->r->pool);
    chat_reply_headers(run->r, chat_limit_headers(run->ticket));
    /* Where the stream has asked, its first call follows at once. */
    if (run->attempt.candidate) {
        chat_run_begin_call(run);
        chat_run_move(run, CHAT_RUN_CALLING);
    }
}

/* Or a budget could be overdrawn by what nobody reserved. */
static void clamp_output(chat_run_t *run)
{
    apr_int64_t reserved = chat_limit_reserved_tokens(run->ticket);
    int most = run->conf->request.max_output_tokens;

    if (run->request.turn.max_output_tokens || reserved == APR_INT64_MAX)
        return;
    run->request.turn.max_output_tokens =
        reserved < most ? (int)reserved : most;
    run->attempt.fitted = NULL; /* the turn has changed */
}

/* The most that one of those that may be called is asked for at least. */
static int least_output(const chat_run_t *run)
{
    int i, least = 0;

    for (i = 0; i < run->ncandidates; i++) {
        const chat_candidate_t *c = &run->candidates[i];
        chat_upstream_t up;

        chat_run_describe(&up, c->conf, NULL);
        if (c->provider->least_output && c->provider->least_output(&up) > least)
            least = c->provider->least_output(&up);
    }
    return least;
}

/*
 * The limits. Where Redis has to be asked, the stream does that:
 * *padmission decides for it. But where a tap will wait for a database the
 * answer is waited for first.
 */
static apr_status_t ask_limits(chat_run_t *run,
                               const chat_admission_t **padmission,
                               chat_err_t *err)
{
    const chat_limit_ask_t ask = {
        .user = run->ctx->user,
        .model = run->candidates[0].name,
        .input_tokens = run->input_tokens,
        .max_tokens = run->request.turn.max_output_tokens,
        .least_tokens = least_output(run),
        .price = chat_run_dearest(run),
        .lasts = longest(run),
        .own_key = run->own_only,
        .prompt = chat_run_abuse_prompt(run),
    };
    apr_status_t rv;

    chat_run_trace_enter(run, CHAT_STAGE_LIMIT);
    rv = chat_limit_reserve(&run->ticket, run->r, &ask, err);
    if (rv == APR_INCOMPLETE && chat_run_tap_blocks(run)) {
        rv = chat_limit_admission.wait(run->ticket) == CHAT_ADMISSION_GRANTED
                 ? APR_SUCCESS
                 : APR_EGENERAL;
        if (rv != APR_SUCCESS)
            *err = *chat_limit_refusal(run->ticket);
    }
    clamp_output(run);
    if (rv == APR_INCOMPLETE) {
        *padmission = &chat_limit_admission;
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS)
        admitted(run);
    else
        chat_reply_headers(run->r, chat_limit_headers(run->ticket));
    return rv;
}

/* What a tap has put before the turn counts, too. */
static apr_status_t
begin_taps(chat_run_t *run, const chat_admission_t *admission, chat_err_t *err)
{
    int messages = run->request.turn.nmessages;
    apr_status_t rv;

    if (chat_run_tap_blocks(run))
        chat_run_trace_enter(run, CHAT_STAGE_STORE);
    rv = chat_run_tap_begin(run, err);
    chat_run_trace_leave(run, CHAT_STAGE_STORE);
    if (rv == APR_SUCCESS)
        rv = chat_run_files_load(run, err);
    /* Who is refused has asked all the same. */
    if (rv != APR_SUCCESS && admission &&
        admission->wait(run->ticket) != CHAT_ADMISSION_GRANTED)
        *err = *chat_limit_refusal(run->ticket);
    return rv == APR_SUCCESS &&
                   (run->kept || run->request.turn.nmessages != messages)
               ? check_fit(run, err)
               : rv;
}

/* ---- the first call ---- */

static const chat_stream_cb_t callbacks = {
    .admitted = admitted,
    .head = chat_run_head,
    .data = chat_run_data,
    .ahead = chat_run_ahead,
    .silence = chat_run_silence,
    .later = chat_run_late,
    .again = chat_run_again,
    .taken = chat_run_taken,
    .ask = chat_run_hook_ask,
    .answered = chat_run_beside_answered,
    .failed = chat_run_failed,
    .complete = chat_run_complete,
};

/* Is an answer finished whose client has left? */
static int stays(const chat_run_t *run)
{
    return run->kept && (run->request.leave == CHAT_LEAVE_USUAL
                             ? run->conf->resume.finish
                             : run->request.leave == CHAT_LEAVE_FINISH);
}

static apr_interval_time_t heartbeat(const chat_run_t *run)
{
    apr_interval_time_t usual = run->conf->stream.heartbeat;

    if (run->whole)
        return 0;
    return run->request.status && (!usual || usual > CHAT_RUN_STATUS_EVERY)
               ? CHAT_RUN_STATUS_EVERY
               : usual;
}

static apr_status_t start(chat_run_t *run, const chat_admission_t *admission,
                          int *prc, chat_err_t *err)
{
    const chat_stream_spec_t spec = {
        .call = &run->call.http,
        .id = run->kept ? run->kept->stream : NULL,
        .finish = stays(run),
        .alone = stays(run) ? run->conf->resume.alone : 0,
        .admission = admission,
        .query = run->ticket,
        .cb = &callbacks,
        .ctx = run,
        .heartbeat = heartbeat(run),
        .asks_first = chat_run_hook_is_first(run),
        .early = run->conf->stream.early_headers && !run->whole,
        .stall = run->conf->stream.stall,
    };
    apr_status_t rv = chat_run_first(run, err);

    if (rv != APR_SUCCESS)
        return rv;
    if (!admission)
        chat_run_begin_call(run);
    rv = chat_stream_start(prc, run->r, &spec, err);
    if (rv != APR_SUCCESS)
        chat_run_drop(run);
    return rv;
}

static int serve(chat_run_t *run)
{
    const chat_admission_t *admission = NULL;
    chat_err_t err = {0};
    int rc = OK;

    say_id(run);
    if (check_call(run, &err) != APR_SUCCESS ||
        chat_request_check(run->r, &err) != APR_SUCCESS ||
        find_who_and_what(run, &err) != APR_SUCCESS ||
        find_where(run, &err) != APR_SUCCESS ||
        chat_run_find(run, &err) != APR_SUCCESS ||
        chat_run_own_find(run, &err) != APR_SUCCESS ||
        chat_run_files_find(run, &err) != APR_SUCCESS ||
        check_fit(run, &err) != APR_SUCCESS ||
        ask_limits(run, &admission, &err) != APR_SUCCESS ||
        begin_taps(run, admission, &err) != APR_SUCCESS ||
        start(run, admission, &rc, &err) != APR_SUCCESS)
        return chat_run_refuse(run, &err);
    return rc;
}

static chat_run_t *create(chat_ctx_t *ctx, const char *dialect)
{
    chat_run_t *run = apr_pcalloc(ctx->r->pool, sizeof(*run));

    run->ctx = ctx;
    run->r = ctx->r;
    run->conf = ctx->dir;
    run->form = run->dialect = chat_dialect_get(dialect);
    chat_telemetry_record(&run->record, ctx->request_id);
    chat_run_trace_begin(run);
    return run;
}

int chat_run_handler(chat_ctx_t *ctx)
{
    return serve(create(ctx, chat_config_route_name(ctx->dir->route.id)));
}

int chat_run_conversation(chat_ctx_t *ctx, const chat_run_question_t *question)
{
    chat_run_t *run =
        create(ctx, question->dialect ? question->dialect : "stream");

    run->question = apr_pmemdup(ctx->r->pool, question, sizeof(*question));
    return serve(run);
}
