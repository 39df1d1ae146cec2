/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that pass unchanged, where something has to wait: for a tap to have
 * looked at them, or for what is kept of them. Runs on the stream's driver, or
 * on whoever owns the request at its end.
 */
#include "chat_run_int.h"

#include <string.h>

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
    return rv;
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

    chat_buf_put(&answer->waiting, run->attempt.refusal,
                 run->attempt.refusal_len);
    run->attempt.refusal_len = 0;
    chat_buf_put(&answer->waiting, data, len);
    if (tail == len)
        tail = answer->waiting.len;
    cut = chat_run_tap_progress(run);
    if (cut && cut->filter) {
        answer->cut = cut;
        return answer->sent ? chat_run_cut_off(run, cut) : APR_EOF;
    }
    if (!cut && chat_run_tap_holds(run))
        return APR_SUCCESS;
    rv = let_go(run, answer->waiting.len - tail);
    return rv == APR_SUCCESS && cut ? chat_run_cut_off(run, cut) : rv;
}

/* What taps hold of the answer that has ended goes on, or shows that it must
 * not. */
static void flush(chat_run_t *run)
{
    chat_run_answer_t *answer = &run->answer;

    if (run->whole && !run->dialect)
        chat_run_lists_wire(run, answer->out.data, answer->out.len);
    chat_run_tap_flush(run);
    if (!answer->cut)
        answer->cut = chat_run_tap_progress(run);
    if (answer->cut && answer->cut->filter)
        chat_buf_clear(&answer->waiting);
    else if (!run->dialect)
        let_go(run, answer->waiting.len);
}

void chat_run_flush(chat_run_t *run)
{
    if (run->filter_taps && chat_run_is_answering(run) &&
        !run->attempt.is_refused &&
        !(run->answer.cut && run->answer.cut->filter))
        flush(run);
}
