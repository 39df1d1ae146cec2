/* SPDX-License-Identifier: Apache-2.0 */
/* What moderation decides of a run: see chat_run_verdict.h. */
#include "chat_run_verdict.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"
#include "chat_log.h"

/* Of a text that is written to ChatModerationAudit. */
#define AUDIT_TEXT_MAX (16 * 1024)
/* Lines that one run writes there. */
#define AUDIT_LINES_MAX 32

struct chat_run_verdicts_t {
    chat_cut_t cut;
    int stopped;               /* 1: cut is why the answer ends */
    apr_array_header_t *lines; /* const char *: for ChatModerationAudit; NULL:
                                  none */
};

static struct chat_run_verdicts_t *verdicts_of(chat_run_t *run)
{
    if (!run->verdicts)
        run->verdicts = apr_pcalloc(run->r->pool, sizeof(*run->verdicts));
    return run->verdicts;
}

/* ---- for the log ---- */

static void record(chat_run_t *run, const chat_run_verdict_t *verdict)
{
    chat_moderation_told_t *told = &run->record.moderation;

    if (verdict->action < told->action)
        return;
    told->action = verdict->action;
    told->output = verdict->output;
    told->by = verdict->by;
    told->rule = verdict->rule;
    told->category = verdict->category;
    told->score = verdict->score;
    told->latency = verdict->latency;
}

/* ---- for ChatModerationAudit ---- */

static const char *name_of(chat_moderation_e action)
{
    return chat_telemetry_moderation_name(action);
}

/* A longer text is cut at a character. */
static const char *bounded(const char *text, apr_size_t len, apr_pool_t *p)
{
    if (len > AUDIT_TEXT_MAX) {
        len = AUDIT_TEXT_MAX;
        while (len && (text[len] & 0xc0) == 0x80)
            len--;
    }
    return apr_pstrmemdup(p, text, len);
}

static const char *make_line(const chat_run_t *run,
                             const chat_run_verdict_t *verdict,
                             const char *text, apr_size_t len)
{
    apr_pool_t *p = run->r->pool;
    chat_json_t *line = chat_json_object(p);
    char time[APR_RFC822_DATE_LEN];

    apr_rfc822_date(time, apr_time_now());
    chat_json_add_string(line, "time", time);
    chat_json_add_string(line, "requestId", run->ctx->request_id);
    if (run->record.user)
        chat_json_add_string(line, "user", run->record.user);
    chat_json_add_string(line, "phase", verdict->output ? "output" : "input");
    chat_json_add_string(line, "action", name_of(verdict->action));
    chat_json_add_string(line, "by", verdict->by);
    if (verdict->rule)
        chat_json_add_string(line, "rule", verdict->rule);
    if (verdict->category)
        chat_json_add_string(line, "category", verdict->category);
    if (verdict->reason)
        chat_json_add_string(line, "reason", verdict->reason);
    if (text)
        chat_json_add_string(line, "text", bounded(text, len, p));
    return chat_json_text(line, NULL, p);
}

static void keep_line(chat_run_t *run, const chat_run_verdict_t *verdict,
                      const char *text, apr_size_t len)
{
    struct chat_run_verdicts_t *verdicts = verdicts_of(run);
    const char *line;

    if (!run->conf->moderation.audit || verdict->action < CHAT_MODERATION_FLAG)
        return;
    if (!verdicts->lines)
        verdicts->lines = apr_array_make(run->r->pool, 2, sizeof(const char *));
    if (verdicts->lines->nelts == AUDIT_LINES_MAX)
        return;
    line = make_line(run, verdict, text, len);
    if (line)
        APR_ARRAY_PUSH(verdicts->lines, const char *) = line;
}

void chat_run_verdict_end(chat_run_t *run)
{
    const chat_moderation_audit_t *audit = run->conf->moderation.audit;
    int i;

    if (!run->verdicts || !run->verdicts->lines || !audit->file)
        return;
    for (i = 0; i < run->verdicts->lines->nelts; i++) {
        const char *line = apr_pstrcat(
            run->r->pool, APR_ARRAY_IDX(run->verdicts->lines, i, const char *),
            "\n", NULL);
        apr_size_t len = strlen(line);
        apr_status_t rv = apr_file_write(audit->file, line, &len);

        if (rv != APR_SUCCESS)
            ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, run->r,
                          CHATNO(0840) "ChatModerationAudit: cannot write %s",
                          audit->path);
    }
    run->verdicts->lines = NULL;
}

/* It has what nobody else is to read. As root, before there are children. */
static apr_status_t open_audit(chat_moderation_audit_t *audit,
                               apr_pool_t *pconf, server_rec *s)
{
    apr_status_t rv = apr_file_open(&audit->file, audit->path,
                                    APR_WRITE | APR_APPEND | APR_CREATE,
                                    APR_FPROT_UREAD | APR_FPROT_UWRITE, pconf);

    /* One that was there before may have been readable. */
    if (rv == APR_SUCCESS)
        rv =
            apr_file_perms_set(audit->path, APR_FPROT_UREAD | APR_FPROT_UWRITE);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     CHATNO(0841) "ChatModerationAudit: cannot open %s",
                     audit->path);
        return rv;
    }
    return APR_SUCCESS;
}

apr_status_t chat_run_verdict_post_config(apr_pool_t *pconf, server_rec *s)
{
    const apr_array_header_t *audits = chat_config_moderation_audits();
    apr_status_t rv = chat_telemetry_moderation_create(pconf);
    int i;

    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     CHATNO(0842) "no shared memory for the counters of "
                                  "moderation");
    for (i = 0; audits && rv == APR_SUCCESS && i < audits->nelts; i++)
        rv = open_audit(APR_ARRAY_IDX(audits, i, chat_moderation_audit_t *),
                        pconf, s);
    return rv;
}

void chat_run_verdict_note(chat_run_t *run, const chat_run_verdict_t *verdict,
                           const char *text, apr_size_t len)
{
    chat_telemetry_moderation_count(verdict->slot, verdict->output,
                                    verdict->action);
    chat_telemetry_count_moderation(verdict->by, name_of(verdict->action));
    record(run, verdict);
    keep_line(run, verdict, text, len);
}

/* ---- for the client ---- */

static const char *told_category(const chat_run_t *run,
                                 const chat_run_verdict_t *verdict)
{
    return run->conf->moderation.tell >= CHAT_MODERATION_TELL_CATEGORY
               ? verdict->category
               : NULL;
}

static const char *told_reason(const chat_run_t *run,
                               const chat_run_verdict_t *verdict)
{
    return run->conf->moderation.tell == CHAT_MODERATION_TELL_REASON
               ? verdict->reason
               : NULL;
}

apr_status_t chat_run_verdict_refuse(chat_err_t *err, const chat_run_t *run,
                                     const chat_run_verdict_t *verdict)
{
    if (verdict->action == CHAT_MODERATION_ERROR) {
        err->retry_after = "5";
        return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                            "moderation_unavailable",
                            "This request could not be checked.");
    }
    err->category = told_category(run, verdict);
    err->reason = told_reason(run, verdict);
    return chat_err_set(err, APR_EGENERAL, HTTP_BAD_REQUEST, "content_blocked",
                        "This request was not accepted.");
}

static const chat_cut_t blocked = {
    .status = HTTP_BAD_REQUEST,
    .code = "content_blocked",
    .message = "This answer was withheld.",
    .outcome = CHAT_OUTCOME_REFUSED,
    .detail = "moderation blocked the answer",
    .filter = 1,
};

static const chat_cut_t unchecked = {
    .status = HTTP_SERVICE_UNAVAILABLE,
    .code = "moderation_unavailable",
    .message = "This answer could not be checked.",
    .outcome = CHAT_OUTCOME_REFUSED,
    .detail = "moderation could not check the answer",
    .retry_after = "5",
    .filter = 1,
};

void chat_run_verdict_stop(chat_run_t *run, const chat_run_verdict_t *verdict)
{
    struct chat_run_verdicts_t *verdicts = verdicts_of(run);

    if (verdicts->stopped)
        return;
    verdicts->stopped = 1;
    verdicts->cut =
        verdict->action == CHAT_MODERATION_ERROR ? unchecked : blocked;
    verdicts->cut.category = told_category(run, verdict);
    verdicts->cut.reason = told_reason(run, verdict);
}

const chat_cut_t *chat_run_verdict_cut(const chat_run_t *run)
{
    return run->verdicts && run->verdicts->stopped ? &run->verdicts->cut : NULL;
}

int chat_run_verdict_empties(const chat_run_t *run)
{
    return run->answer.cut && run->answer.cut->filter &&
           !run->conf->moderation.store_blocked;
}
