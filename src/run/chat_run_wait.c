/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that pass unchanged, where something has to wait: for a tap to have
 * looked at them, or for what is kept of them. Runs on the stream's driver, or
 * on whoever owns the request at its end.
 */
#include "chat_run_int.h"

#include <string.h>

#include "chat_run_hook.h"
#include "chat_run_lists.h"

/* An app's end that waits. */
#define END_MAX (256 * 1024)

/* The end of an app's stream waits until what is kept of it is: the piece that
 * it came in, and all behind that. */
int chat_run_keeps_back(const chat_run_t *run, apr_size_t len)
{
    return run->kept && run->answer.seen->ended && !run->answer.seen->failed &&
           chat_run_is_app(run) && run->answer.out.len + len <= END_MAX;
}

/* An answer that passes ends here: as this upstream itself would break off. */
apr_status_t chat_run_cut_off(chat_run_t *run, const chat_cut_t *cut)
{
    const char *event = run->attempt.candidate->provider->make_cut_event(
        &run->attempt.upstream, cut->code, cut->message, run->r->pool);

    run->answer.cut = cut;
    chat_run_send_bytes(run, event, strlen(event));
    return APR_EOF;
}

/* Bytes that waited, to all that look at what passes, and to the client. */
static apr_status_t let_go(chat_run_t *run, apr_size_t len)
{
    chat_buf_t *waiting = &run->answer.waiting;
    apr_status_t rv = APR_SUCCESS;

    if (len == 0)
        return APR_SUCCESS;
    if (run->kept) {
        chat_run_tap_bytes(run, waiting->data, len);
        if (run->answer.shown)
            chat_sse_feed(run->answer.shown, waiting->data, len);
    }
    if (chat_run_keeps_back(run, len))
        chat_buf_put(&run->answer.out, waiting->data, len);
    else
        rv = chat_run_send_bytes(run, waiting->data, len);
    memmove(waiting->data, waiting->data + len, waiting->len - len);
    waiting->len -= len;
    run->answer.gone += len;
    return rv;
}

/* What was kept because it could have been a refusal waits, too. */
void chat_run_wait_held(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;
    apr_size_t len = run->attempt.refusal_len;

    chat_buf_put(&answer->waiting, run->attempt.refusal, len);
    run->attempt.refusal_len = 0;
}

/* Bytes of those that wait, up to the end of an event, of which it is known
 * that they may be seen. Nobody has looked into an event that is not over. */
static apr_size_t may_go(chat_run_t *run)
{
    const chat_run_answer_t *answer = &run->answer;
    apr_off_t judged;

    if (!chat_run_tap_holds(run, CHAT_TAP_COUNT))
        return answer->waiting.len - answer->torn;
    judged = chat_run_hook_judged(run);
    return judged > answer->gone ? (apr_size_t)(judged - answer->gone) : 0;
}

/* Unchanged, but not before it is known that all of it may be seen: what ends
 * with the beginning of something else waits, and so does a torn event. */
apr_status_t chat_run_pass_filtered(chat_run_t *run, const char *data,
                                    apr_size_t len)
{
    chat_run_answer_t *answer = &run->answer;
    apr_size_t tail = chat_sse_tail(answer->sse);
    const chat_cut_t *cut;
    apr_status_t rv;

    answer->torn += run->attempt.refusal_len;
    chat_run_wait_held(run);
    chat_buf_put(&answer->waiting, data, len);
    answer->torn = tail < len ? tail : answer->torn + len;
    cut = chat_run_tap_progress(run);
    if (cut && cut->filter) {
        answer->cut = cut;
        return answer->sent ? chat_run_cut_off(run, cut) : APR_EOF;
    }
    chat_run_hook_reached(run,
                          answer->gone + answer->waiting.len - answer->torn);
    rv = let_go(run, may_go(run));
    if (rv == APR_SUCCESS && cut)
        return chat_run_cut_off(run, cut);
    return rv == APR_SUCCESS && chat_run_hook_is_full(run) ? APR_EAGAIN : rv;
}

static int may_flush(const chat_run_t *run)
{
    return run->filter_taps && chat_run_is_answering(run) &&
           !run->attempt.is_refused &&
           !(run->answer.cut && run->answer.cut->filter);
}

void chat_run_flush_taps(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;

    if (answer->flushed || !may_flush(run))
        return;
    answer->flushed = 1;
    if (run->whole && !run->dialect)
        chat_run_lists_wire(run, answer->out.data, answer->out.len);
    chat_run_tap_flush(run);
    if (!answer->cut)
        answer->cut = chat_run_tap_progress(run);
}

void chat_run_flush(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;

    if (!may_flush(run))
        return;
    chat_run_flush_taps(run);
    chat_run_hook_settle(run);
    if (!answer->cut)
        answer->cut = chat_run_tap_progress(run);
    if (answer->cut && answer->cut->filter)
        chat_buf_clear(&answer->waiting);
    else if (!run->dialect)
        let_go(run, may_go(run));
}

apr_status_t chat_run_went_on(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;
    const chat_cut_t *cut = chat_run_tap_progress(run);
    apr_status_t rv = APR_SUCCESS;

    if (!answer->cut)
        answer->cut = cut;
    if (run->dialect) {
        chat_run_coalesce_flush(run);
        rv = chat_run_send_out(run);
    }
    else if (!cut && !run->whole)
        rv = let_go(run, may_go(run));
    else if (cut && answer->sent)
        return chat_run_cut_off(run, cut);
    return rv == APR_SUCCESS && cut ? APR_EOF : rv;
}
