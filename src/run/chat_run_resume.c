/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of streams that can be resumed (ChatStreamResume): all that the
 * client is sent goes to the log of its stream before. Threads as in
 * chat_run_tap.h.
 */
#include "chat_run_int.h"

#include "chat_log.h"
#include "chat_resume.h"

/* One that comes whole is not sent before it is saved. */
static int resume_wanted(const chat_run_t *run)
{
    return run->kept && !run->whole && run->dialect->decode &&
           run->ctx->server->resume.kind != CHAT_RESUME_OFF;
}

/* Without a log the answer still comes, and is saved at its end. */
static apr_status_t resume_begin(void **pstate, chat_run_t *run,
                                 chat_err_t *err)
{
    chat_resume_writer_t *writer;
    chat_err_t why = {0};

    if (chat_resume_create(&writer, run->r, run->kept->stream, run->kept->owner,
                           run->dialect->name, &why) != APR_SUCCESS)
        return APR_SUCCESS; /* the log says why */
    run->kept->numbered = 1;
    *pstate = writer;
    return APR_SUCCESS;
}

static void resume_sent(void *ctx, apr_int64_t first, apr_int64_t last,
                        const char *bytes, apr_size_t len)
{
    chat_resume_append(ctx, first, last, bytes, len);
}

static void resume_over(chat_run_t *run, void *ctx)
{
    chat_resume_end(ctx);
    if (run->refused) /* nobody knows of it */
        chat_resume_remove(run->r->server, run->kept->stream);
}

const chat_tap_t chat_run_resume = {
    .name = "resume",
    .blocks = 1,
    .wanted = resume_wanted,
    .begin = resume_begin,
    .sent = resume_sent,
    .over = resume_over,
};
