/* SPDX-License-Identifier: Apache-2.0 */
/* From the log of a stream to the row of its message. */
#include "chat_run_recover.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_dialect.h"
#include "chat_log.h"
#include "chat_resume.h"
#include "chat_run_parts.h"
#include "chat_sse.h"
#include "chat_store_chats.h"

/* A process says so every ten seconds. */
#define STALE_MS (60 * 1000)
/* At once; the others when it is asked again. */
#define STALE_MAX 100

/* ---- reading a log ---- */

typedef struct reading_t {
    chat_told_t told;
    chat_run_parts_t *parts;
} reading_t;

static void on_delta(void *ctx, const chat_delta_t *delta)
{
    reading_t *reading = ctx;

    chat_run_parts_add(reading->parts, delta);
}

/* No event of one dialect is one of another. */
static void on_event(void *ctx, const chat_sse_event_t *event)
{
    static const char *const kept[] = {"stream", "message"};
    reading_t *reading = ctx;
    apr_size_t i;

    for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
        chat_dialect_get(kept[i])->decode(&reading->told, event);
}

static void read_log(reading_t *reading, const char *frames, apr_size_t len,
                     apr_pool_t *p)
{
    chat_sse_t *sse = chat_sse_create(on_event, reading, p);

    *reading = (reading_t){
        .told = {.on_delta = on_delta,
                 .ctx = reading,
                 .p = p,
                 .usage = {-1, -1, -1, -1}},
        .parts = chat_run_parts_create(p),
    };
    chat_sse_feed(sse, frames, len);
    chat_sse_reset(sse);
}

/* ---- one answer ---- */

/* What had ended was told so, and only could not be saved any more. */
static chat_message_status_e status_of(const chat_told_t *told)
{
    if (!told->finish_reason)
        return CHAT_MESSAGE_PARTIAL;
    return strcmp(told->finish_reason, CHAT_DIALECT_STOPPED)
               ? CHAT_MESSAGE_COMPLETE
               : CHAT_MESSAGE_CANCELLED;
}

static apr_status_t save(const reading_t *reading, apr_int64_t last,
                         const chat_store_stream_t *stream,
                         const chat_store_at_t *at)
{
    const chat_told_t *told = &reading->told;
    chat_store_ending_t ending = {
        .answer = stream->message,
        .stream = stream->id,
        .status = status_of(told),
        .parts = chat_run_parts_json(reading->parts, at->p),
        .text = chat_run_parts_text(reading->parts, at->p),
        .model = told->model,
        .provider = told->provider,
        .finish_reason = told->finish_reason,
        .input_tokens = told->usage.input,
        .output_tokens = told->usage.output,
        .cost = -1,
        .last_event = last,
    };
    chat_err_t err = {0};
    int written = 0;
    apr_status_t rv;

    if (ending.status == CHAT_MESSAGE_PARTIAL)
        ending.error_code = told->error ? told->error : "interrupted";
    rv = chat_store_turn_end(&written, &ending, at, &err);
    if (written)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, at->s,
                     CHATNO(0835) "stream %s was left behind: %" APR_INT64_T_FMT
                                  " events of its answer are kept",
                     stream->id, last);
    return rv;
}

/* 1: it is looked after. */
static int recover(const chat_store_stream_t *stream, server_rec *s,
                   apr_pool_t *p)
{
    const chat_store_at_t at = {.s = s, .p = p};
    const char *frames = "";
    apr_int64_t last = 0;
    apr_size_t len = 0;
    reading_t reading;
    apr_status_t rv;
    int ended;

    rv = chat_resume_load(&frames, &len, &last, &ended, s, stream->id, p);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return 0;
    read_log(&reading, frames, len, p);
    rv = save(&reading, last, stream, &at);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return 0;
    chat_resume_remove(s, stream->id);
    return 1;
}

static int recover_all(const apr_array_header_t *rows, server_rec *s,
                       apr_pool_t *p)
{
    apr_pool_t *each;
    int i, fine = 1;

    apr_pool_create(&each, p);
    for (i = 0; i < rows->nelts; i++) {
        fine &= recover(&APR_ARRAY_IDX(rows, i, chat_store_stream_t), s, each);
        apr_pool_clear(each);
    }
    apr_pool_destroy(each);
    return fine;
}

int chat_run_recover_gone(server_rec *s, const char *instance, apr_pool_t *p)
{
    const chat_store_at_t at = {.s = s, .p = p};
    apr_array_header_t *rows;
    chat_err_t err = {0};

    return chat_store_stream_inherit(&rows, &at, instance, &err) ==
               APR_SUCCESS &&
           recover_all(rows, s, p);
}

int chat_run_recover_stale(server_rec *s, apr_pool_t *p)
{
    const chat_store_at_t at = {.s = s, .p = p};
    apr_array_header_t *rows;
    chat_err_t err = {0};

    return chat_store_stream_adopt(&rows, &at, chat_store_now() - STALE_MS,
                                   STALE_MAX, &err) == APR_SUCCESS &&
           recover_all(rows, s, p);
}
