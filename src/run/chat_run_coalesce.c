/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of a text that follow each other within a few milliseconds become one
 * event, for a client that asked for it. They are put together before the
 * encoder has them, so that ids count what is sent. The first piece goes at
 * once, and so does one that comes after a pause: nobody waits for a word that
 * stands alone. On whoever owns the run.
 */
#include "chat_run_int.h"

#include "chat_clock.h"
#include "chat_stream.h"

/* More does not wait, however long the client would. */
#define PENDING_MAX 4096

static int is_text(const chat_delta_t *delta)
{
    return delta->kind != CHAT_DELTA_TOOL && delta->kind != CHAT_DELTA_DETAIL;
}

static int fits(const chat_run_pending_t *pending, const chat_delta_t *delta)
{
    return is_text(delta) && delta->kind == pending->kind &&
           delta->index == pending->index &&
           pending->text.len + delta->len <= PENDING_MAX;
}

void chat_run_coalesce_flush(chat_run_t *run)
{
    chat_run_pending_t *pending = &run->answer.pending;
    const chat_delta_t delta = {
        .kind = pending->kind,
        .text = pending->text.data,
        .len = pending->text.len,
        .index = pending->index,
    };

    if (!delta.len)
        return;
    chat_encoder_delta(run->answer.encoder, &run->answer.out, &delta);
    chat_buf_clear(&pending->text);
    pending->told = chat_clock_now();
}

void chat_run_coalesce(chat_run_t *run, const chat_delta_t *delta)
{
    chat_run_pending_t *pending = &run->answer.pending;

    if (pending->text.len && !fits(pending, delta))
        chat_run_coalesce_flush(run);
    if (!is_text(delta)) {
        chat_encoder_delta(run->answer.encoder, &run->answer.out, delta);
        return;
    }
    pending->kind = delta->kind;
    pending->index = delta->index;
    chat_buf_put(&pending->text, delta->text, delta->len);
}

void chat_run_coalesce_wait(chat_run_t *run)
{
    const chat_run_pending_t *pending = &run->answer.pending;
    apr_int64_t left;

    if (!pending->text.len)
        return;
    left = pending->told + apr_time_from_msec(run->request.coalesce) -
           chat_clock_now();
    if (!pending->told || left <= 0)
        chat_run_coalesce_flush(run);
    else
        chat_stream_later(run->r, left);
}
