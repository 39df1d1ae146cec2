/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of streams that can be resumed (ChatStreamResume): all that the
 * client is sent goes to the log of its stream before. Threads as in
 * chat_run_tap.h.
 */
#include "chat_run_int.h"

#include "chat_log.h"
#include "chat_resume.h"

typedef struct state_t {
    chat_run_t *run;
    chat_resume_writer_t *writer;
    apr_int64_t last; /* of an app's events */
    int torn;         /* one of them is too large */
} state_t;

/* One that comes whole is not sent before it is saved. */
static int resume_wanted(const chat_run_t *run)
{
    return run->kept && !run->whole && run->form->decode &&
           run->ctx->server->resume.kind != CHAT_RESUME_OFF;
}

/* Without a log the answer still comes, and is saved at its end. */
static apr_status_t resume_begin(void **pstate, chat_run_t *run,
                                 chat_err_t *err)
{
    state_t *state = apr_pcalloc(run->r->pool, sizeof(*state));
    chat_err_t why = {0};

    if (chat_resume_create(
            &state->writer, run->r, run->kept->stream, run->kept->owner,
            chat_config_route_name(run->conf->route.id), &why) != APR_SUCCESS)
        return APR_SUCCESS; /* the log says why */
    state->run = run;
    run->kept->numbered = 1;
    *pstate = state;
    return APR_SUCCESS;
}

/* The bytes of an app have no ids: in the log its events have them, in a form
 * that means the same. */
static void put_event(chat_buf_t *out, const chat_sse_event_t *event,
                      apr_int64_t number)
{
    const char *at = event->data, *end = event->data + event->data_len, *eol;

    chat_buf_puts(out, "id: ");
    chat_buf_integer(out, number);
    do {
        eol = memchr(at, '\n', end - at);
        chat_buf_puts(out, "\ndata: ");
        chat_buf_put(out, at, (eol ? eol : end) - at);
        at = eol + 1;
    } while (eol);
    chat_buf_puts(out, "\n\n");
}

static void resume_event(void *ctx, const chat_sse_event_t *event)
{
    state_t *state = ctx;
    apr_pool_t *p;
    chat_buf_t out;

    state->torn |= event->skimmed || event->oversized;
    if (state->torn)
        return;
    apr_pool_create(&p, state->run->r->pool);
    chat_buf_init(&out, p);
    put_event(&out, event, ++state->last);
    chat_run_clean(state->run, &out);
    chat_resume_append(state->writer, state->last, state->last, out.data,
                       out.len);
    apr_pool_destroy(p);
}

static void resume_sent(void *ctx, apr_int64_t first, apr_int64_t last,
                        const char *bytes, apr_size_t len)
{
    const state_t *state = ctx;

    chat_resume_append(state->writer, first, last, bytes, len);
}

static void resume_over(chat_run_t *run, void *ctx)
{
    const state_t *state = ctx;

    chat_resume_end(state->writer);
    /* Nobody knows of it, or it lacks what is too large for it. */
    if (run->refused || state->torn)
        chat_resume_remove(run->r->server, run->kept->stream);
}

const chat_tap_t chat_run_resume = {
    .name = "resume",
    .blocks = 1,
    .wanted = resume_wanted,
    .begin = resume_begin,
    .event = resume_event,
    .sent = resume_sent,
    .over = resume_over,
};
