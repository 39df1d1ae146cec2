/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request, told: the INFO line and the variables for LogFormat. Whatever
 * thread owns the request.
 */
#include "chat_telemetry_int.h"

#include <apr_strings.h>

#include "chat_log.h"

const char *chat_telemetry_outcome(chat_outcome_e outcome)
{
    return chat_telemetry_outcomes[outcome];
}

/* A client may name a model as long as its body may be. */
#define TEXT_MAX 256

typedef void set_fn(apr_table_t *t, const char *name, const char *value);

/* All these names begin alike, and apr_table_setn() compares a name with every
 * one that does: where none is there yet they are added. */
static set_fn *choose(const apr_table_t *env)
{
    const apr_array_header_t *all = apr_table_elts(env);
    int i;

    for (i = 0; i < all->nelts; i++)
        if (!strncasecmp(APR_ARRAY_IDX(all, i, apr_table_entry_t).key, "CHAT_",
                         5))
            return apr_table_setn;
    return apr_table_addn;
}

static void set_text(request_rec *r, set_fn *set, const char *name,
                     const char *value)
{
    if (value)
        set(r->subprocess_env, name, apr_pstrndup(r->pool, value, TEXT_MAX));
}

static void set_number(request_rec *r, set_fn *set, const char *name,
                       apr_int64_t n)
{
    if (n >= 0)
        set(r->subprocess_env, name, apr_off_t_toa(r->pool, n));
}

static apr_int64_t ms(apr_interval_time_t t)
{
    return t < 0 ? -1 : (t + 500) / 1000;
}

static void set_variables(request_rec *r, const chat_record_t *f)
{
    set_fn *set = choose(r->subprocess_env);

    set_text(r, set, "CHAT_REQUEST_ID", f->request_id);
    set_text(r, set, "CHAT_USER", f->user);
    set_text(r, set, "CHAT_MODEL", f->model);
    set_text(r, set, "CHAT_PROVIDER", f->provider);
    set_text(r, set, "CHAT_OUTCOME", chat_telemetry_outcomes[f->outcome]);
    set_number(r, set, "CHAT_STATUS", f->status);
    set_number(r, set, "CHAT_TTFT_MS", ms(f->ttft));
    set_number(r, set, "CHAT_DURATION_MS", ms(f->duration));
    set_number(r, set, "CHAT_INPUT_TOKENS", f->usage.input);
    set_number(r, set, "CHAT_OUTPUT_TOKENS", f->usage.output);
    set_text(r, set, "CHAT_MODERATION",
             chat_telemetry_moderation_name(f->moderation.action));
}

/* A number, or "-" where it is not known. */
static const char *known(request_rec *r, apr_int64_t n)
{
    return n < 0 ? "-" : apr_off_t_toa(r->pool, n);
}

/*
 * What came from outside is one word of the line, whatever it holds: visible
 * ASCII as it is, the rest percent-encoded.
 */
static const char *word(request_rec *r, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *end;
    char *out, *to;

    if (!text || !*text)
        return "-";
    end = text + strnlen(text, TEXT_MAX);
    out = to = apr_palloc(r->pool, 3 * (end - text) + 1);
    for (; text < end; text++) {
        if (*text > ' ' && *text < 0x7f && !strchr("%\"\\", *text)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*text >> 4];
        *to++ = hex[(unsigned char)*text & 15];
    }
    *to = '\0';
    return out;
}

/* What moderation said, where it said more than that all may pass. */
static const char *moderation(request_rec *r, const chat_moderation_told_t *m)
{
    if (m->action <= CHAT_MODERATION_PASS)
        return "";
    return apr_pstrcat(
        r->pool, " moderation=", chat_telemetry_moderation_name(m->action),
        " phase=", m->output ? "output" : "input", " by=", word(r, m->by),
        m->rule ? " rule=" : "", m->rule ? word(r, m->rule) : "",
        m->category ? " category=" : "",
        m->category ? word(r, m->category) : "",
        m->score < 0 ? "" : apr_psprintf(r->pool, " score=%.3f", m->score),
        m->latency < 0 ? "" : " moderation-ms=",
        m->latency < 0 ? "" : known(r, ms(m->latency)), NULL);
}

static void log_failure(request_rec *r, const chat_record_t *f)
{
    static const chat_refusal_t nothing;
    const chat_refusal_t *told = f->told ? f->told : &nothing;

    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(0902) "id=%s url=%s code=%s type=%s param=%s "
                               "provider=%s upstream=%s "
                               "upstream-id=%s %s: %s%s%s%s",
                  f->request_id, word(r, f->upstream_url), word(r, told->code),
                  word(r, told->type), word(r, told->param),
                  word(r, f->provider),
                  f->upstream_status ? known(r, f->upstream_status) : "-",
                  word(r, f->upstream_id), chat_telemetry_outcomes[f->outcome],
                  f->detail ? f->detail : "-", f->said ? " (it said: " : "",
                  f->said ? f->said : "", f->said ? ")" : "");
}

void chat_telemetry_record(chat_record_t *record, const char *request_id)
{
    memset(record, 0, sizeof(*record));
    record->request_id = request_id;
    record->ttft = record->overhead = record->cost = -1;
    record->usage.input = record->usage.output = -1;
    record->outcome = CHAT_OUTCOME_REFUSED;
    record->moderation.score = record->moderation.latency = -1;
}

void chat_telemetry_write(request_rec *r, const chat_record_t *f)
{
    set_variables(r, f);
    chat_telemetry_count(r, f);
    chat_telemetry_log(r, f);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  CHATNO(0901) "id=%s user=%s model=%s provider=%s status=%d "
                               "outcome=%s ttft=%s ms=%s in=%s out=%s%s%s",
                  f->request_id, word(r, f->user), word(r, f->model),
                  word(r, f->provider), f->status,
                  chat_telemetry_outcomes[f->outcome], known(r, ms(f->ttft)),
                  known(r, ms(f->duration)), known(r, f->usage.input),
                  known(r, f->usage.output), f->own_key ? " key=user" : "",
                  moderation(r, &f->moderation));
    if (chat_telemetry_is_failure(f))
        log_failure(r, f);
}
