/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the taps of a run. Threads as in chat_run_tap.h. */
#include "chat_run_int.h"

static const chat_tap_t *const taps[CHAT_TAP_COUNT] = {
#define CHAT_TAP(id) &chat_run_##id,
#include "chat_run_tap_list.h"
#undef CHAT_TAP
};

static int is_wanted(const chat_tap_t *tap, const chat_run_t *run)
{
    return !tap->wanted || tap->wanted(run);
}

int chat_run_tap_blocks(const chat_run_t *run)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->blocks && is_wanted(taps[i], run))
            return 1;
    return 0;
}

apr_status_t chat_run_tap_begin(chat_run_t *run, chat_err_t *err)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++) {
        const chat_tap_t *tap = taps[i];
        apr_status_t rv;

        if (!tap->begin || !is_wanted(tap, run))
            continue;
        rv = tap->begin(&run->tap_state[i], run, err);
        if (rv != APR_SUCCESS)
            return rv;
        if (!run->tap_state[i])
            continue;
        if (tap->filter)
            run->filter_taps |= 1u << i;
        if (tap->delta)
            run->delta_taps |= 1u << i;
        if (tap->progress)
            run->progress_taps |= 1u << i;
    }
    return APR_SUCCESS;
}

void chat_run_tap_restart(chat_run_t *run)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->restart && run->tap_state[i])
            taps[i]->restart(run->tap_state[i]);
}

/* What every filter has let through. */
static void arrive(chat_run_t *run, const chat_delta_t *delta)
{
    unsigned left = run->delta_taps;
    int i;

    if (!run->dialect)
        return;
    for (i = 0; left; i++, left >>= 1)
        if (left & 1)
            taps[i]->delta(run->tap_state[i], delta);
    if (run->request.coalesce)
        chat_run_coalesce(run, delta);
    else
        chat_encoder_delta(run->answer.encoder, &run->answer.out, delta);
}

void chat_run_tap_pass(chat_run_t *run, int tap, const chat_delta_t *delta)
{
    int i;

    for (i = tap + 1; i < CHAT_TAP_COUNT; i++)
        if (run->filter_taps & 1u << i) {
            taps[i]->filter(run->tap_state[i], delta);
            return;
        }
    arrive(run, delta);
}

void chat_run_tap_filter(chat_run_t *run, const chat_delta_t *delta)
{
    if (run->filter_taps)
        chat_run_tap_pass(run, -1, delta);
    else
        arrive(run, delta);
}

void chat_run_tap_flush(chat_run_t *run)
{
    unsigned left = run->filter_taps;
    int i;

    for (i = 0; left; i++, left >>= 1)
        if ((left & 1) && taps[i]->flush)
            taps[i]->flush(run->tap_state[i]);
}

int chat_run_tap_holds(chat_run_t *run, int ntaps)
{
    unsigned left = run->filter_taps & ((1u << ntaps) - 1);
    int i;

    for (i = 0; left; i++, left >>= 1)
        if ((left & 1) && taps[i]->holds && taps[i]->holds(run->tap_state[i]))
            return 1;
    return 0;
}

const chat_cut_t *chat_run_tap_progress(chat_run_t *run)
{
    unsigned left = run->progress_taps;
    const chat_cut_t *cut = NULL;
    int i;

    for (i = 0; left && !cut; i++, left >>= 1)
        if (left & 1)
            cut = taps[i]->progress(run->tap_state[i]);
    return cut;
}

void chat_run_tap_sent(chat_run_t *run, apr_int64_t first, apr_int64_t last,
                       const char *bytes, apr_size_t len)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->sent && run->tap_state[i])
            taps[i]->sent(run->tap_state[i], first, last, bytes, len);
}

void chat_run_tap_event(chat_run_t *run, const chat_sse_event_t *event)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->event && run->tap_state[i])
            taps[i]->event(run->tap_state[i], event);
}

void chat_run_tap_bytes(chat_run_t *run, const char *data, apr_size_t len)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->bytes && run->tap_state[i])
            taps[i]->bytes(run->tap_state[i], data, len);
}

void chat_run_tap_over(chat_run_t *run)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->over && run->tap_state[i])
            taps[i]->over(run, run->tap_state[i]);
}

void chat_run_tap_end(chat_run_t *run)
{
    int i;

    for (i = 0; i < CHAT_TAP_COUNT; i++)
        if (taps[i]->end)
            taps[i]->end(run, run->tap_state[i]);
}
