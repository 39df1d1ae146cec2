/* SPDX-License-Identifier: Apache-2.0 */
/* Checking what is said in a gateway's own event stream: in order, all of it,
 * once, with one end. Pure. */
#include "load_said.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "load_answer.h"
#include "mock_formats.h"

typedef load_answer_t answer_t;

/* ---- members of an event ---- */

static json_object *member(json_object *v, const char *name)
{
    json_object *found = NULL;

    if (json_object_is_type(v, json_type_object))
        json_object_object_get_ex(v, name, &found);
    return found;
}

static const char *text_of(json_object *v, const char *name)
{
    v = member(v, name);
    return json_object_is_type(v, json_type_string) ? json_object_get_string(v)
                                                    : NULL;
}

/* The number, -1 for none. */
static int number_of(json_object *v, const char *name)
{
    v = member(v, name);
    return json_object_is_type(v, json_type_int) ? json_object_get_int(v) : -1;
}

/* ---- text ---- */

int load_said_expected(const answer_t *a)
{
    int blocked = a->text.api == MOCK_API_GEMINI && a->text.p.refuse;

    if (!a->text.p.size && !a->text.p.ts && a->text.p.json <= 0)
        return 0; /* nothing need come of a piece without text */
    if (a->text.p.fault || blocked)
        return mock_text_said_before(&a->text);
    return mock_text_said(&a->text);
}

/* Delta k as a client sees it. */
static void want_delta(answer_t *a)
{
    load_said_t *s = &a->said;
    buf_t quoted = {0};
    json_object *text;

    buf_puts(&quoted, "\"");
    a->ts_at = mock_text_delta(&quoted, &a->text, a->k, 0);
    buf_puts(&quoted, "\"");
    *buf_room(&quoted, 0) = '\0';
    text = json_tokener_parse(quoted.data);
    buf_put(&s->want, json_object_get_string(text),
            json_object_get_string_len(text));
    json_object_put(text);
    buf_free(&quoted);
    /* Before it stand its quote and, in JSON, escapes that are gone now. */
    if (a->ts_at >= 0)
        a->ts_at -= 1 + (a->text.p.json > 0 ? (a->k ? 1 : 3) : 0);
    s->got = 0;
    s->ts = 0;
}

static int is_ts(const answer_t *a, size_t at)
{
    return a->ts_at >= 0 && at >= (size_t)a->ts_at &&
           at < (size_t)a->ts_at + MOCK_TS_DIGITS;
}

static int same(answer_t *a, char c)
{
    load_said_t *s = &a->said;

    if (!is_ts(a, s->got))
        return c == s->want.data[s->got];
    s->ts = s->ts * 10 + (c - '0');
    return isdigit((unsigned char)c);
}

static void delta_done(answer_t *a, int64_t now)
{
    load_totals_t *t = a->totals;

    a->k++;
    t->events++;
    if (a->last) {
        hist_add(&t->gap, now - a->last);
        hist_add(&t->over, now - a->last - a->text.p.pace * NS_PER_MS);
    }
    a->last = now;
    if (a->ts_at >= 0)
        hist_add(&t->latency, now - a->said.ts);
    buf_clear(&a->said.want);
}

static void take_text(answer_t *a, const char *text, size_t n, int64_t now)
{
    load_said_t *s = &a->said;
    size_t i;

    for (i = 0; i < n; i++) {
        if (!s->want.len && a->k == load_said_expected(a)) {
            load_answer_wrong(a, "more text than the mock said");
            return;
        }
        if (!s->want.len)
            want_delta(a);
        if (!same(a, text[i])) {
            load_answer_wrong(a, "the text differs");
            return;
        }
        if (++s->got == s->want.len)
            delta_done(a, now);
    }
}

static void take_thoughts(answer_t *a, const char *text)
{
    load_said_t *s = &a->said;

    for (; *text; text++) {
        if (*text != "hm"[s->thoughts++ & 1])
            load_answer_wrong(a, "other thoughts than the mock's");
    }
    if (a->k || s->got)
        load_answer_wrong(a, "thoughts after the text");
}

/* ---- calls ---- */

static void end_call(answer_t *a)
{
    load_said_t *s = &a->said;
    buf_t want = {0};
    json_object *said, *meant;

    if (!s->calls)
        return;
    *buf_room(&s->args, 0) = '\0';
    mock_call_arguments(&want, &a->text, s->calls - 1);
    *buf_room(&want, 0) = '\0';
    said = json_tokener_parse(s->args.data);
    meant = json_tokener_parse(want.data);
    if (!json_object_equal(said, meant))
        load_answer_wrong(a, "other arguments than the mock's");
    json_object_put(said);
    json_object_put(meant);
    buf_free(&want);
    buf_clear(&s->args);
}

static void begin_call(answer_t *a, int index, const char *id, const char *name)
{
    load_said_t *s = &a->said;

    end_call(a);
    if (index != s->calls++ || s->calls > a->text.p.tools)
        load_answer_wrong(a, "a call that the mock did not make");
    else if (!id || !*id)
        load_answer_wrong(a, "a call without an id");
    else if (!name || strcmp(name, mock_call_name(&a->text, index)))
        load_answer_wrong(a, "a call by another name");
}

static void take_arguments(answer_t *a, int index, const char *text)
{
    if (index + 1 != a->said.calls)
        load_answer_wrong(a, "arguments of no open call");
    else
        buf_puts(&a->said.args, text);
}

/* ---- the end ---- */

static void check_usage(answer_t *a, json_object *usage, const char *in,
                        const char *out)
{
    const mock_text_t *t = &a->text;
    int cut = t->p.fault != MOCK_FAULT_none || t->p.refuse;

    if (!t->p.usage || cut)
        return;
    if (number_of(usage, in) != mock_input(t) ||
        number_of(usage, out) != mock_output(t))
        load_answer_wrong(a, "the usage differs");
}

static void check_finish(answer_t *a, const char *finish)
{
    const mock_params_t *p = &a->text.p;
    const char *want = p->finish == MOCK_FINISH_LENGTH   ? "length"
                       : p->finish == MOCK_FINISH_FILTER ? "content_filter"
                       : p->tools                        ? "tool_calls"
                                                         : "stop";

    if (p->refuse || p->fault != MOCK_FAULT_none)
        return;
    if (!finish || strcmp(finish, want))
        load_answer_wrong(a, "it ended for another reason");
}

void load_said_check(answer_t *a)
{
    load_said_t *s = &a->said;
    int fails = a->o->end == LOAD_END_FAILED;
    int lossy = a->text.p.fault == MOCK_FAULT_rst;
    int whole = !fails && a->text.p.fault == MOCK_FAULT_none;

    if (s->has_data || s->line.len)
        load_answer_wrong(a, "the last event is not whole");
    else if (s->end != (fails ? SAID_FAILED : SAID_DONE))
        load_answer_wrong(a, s->end == SAID_OPEN ? "no terminal event"
                             : s->end == SAID_FAILED
                                 ? "ended with an error"
                                 : "ended without an error");
    else if (s->want.len || (a->k != load_said_expected(a) && !lossy))
        load_answer_wrong(a, "ended properly, but the text is not whole");
    else if (whole && a->o->dialect != LOAD_MESSAGE &&
             s->thoughts != 2 * a->text.p.reason)
        load_answer_wrong(a, "thoughts are missing");
    else if (whole && s->calls != a->text.p.tools)
        load_answer_wrong(a, "calls are missing");
}

static void end_with(answer_t *a, said_end_e end)
{
    if (end == SAID_DONE)
        end_call(a);
    a->said.end = end;
}

/* ---- the dialects ---- */

static void stream_event(answer_t *a, const char *type, json_object *v,
                         int64_t now)
{
    const char *text = text_of(v, "text");

    if (a->said.name.len && strcmp(a->said.name.data, type))
        load_answer_wrong(a, "type and name differ");
    else if ((a->said.events == 0) != !strcmp(type, "start") &&
             strcmp(type, "error"))
        load_answer_wrong(a, "start is not the first event");
    else if (!strcmp(type, "start") || !strcmp(type, "reasoning_detail"))
        return;
    else if (!strcmp(type, "text") || !strcmp(type, "refusal"))
        take_text(a, text ? text : "?", text ? strlen(text) : 1, now);
    else if (!strcmp(type, "reasoning"))
        take_thoughts(a, text ? text : "?");
    else if (!strcmp(type, "tool_call"))
        begin_call(a, number_of(v, "index"), text_of(v, "callId"),
                   text_of(v, "name"));
    else if (!strcmp(type, "tool_arguments"))
        take_arguments(a, number_of(v, "index"), text ? text : "?");
    else if (!strcmp(type, "error"))
        end_with(a, SAID_FAILED);
    else if (!strcmp(type, "done")) {
        check_finish(a, text_of(v, "finishReason"));
        check_usage(a, member(v, "usage"), "inputTokens", "outputTokens");
        end_with(a, SAID_DONE);
    }
    else
        load_answer_wrong(a, "an event of no known type");
}

static void message_event(answer_t *a, json_object *v, int64_t now)
{
    const char *chunk = text_of(v, "chunk"), *status = text_of(v, "status");

    if (chunk)
        take_text(a, chunk, strlen(chunk), now);
    else if (status && !strcmp(status, "done")) {
        check_usage(a, member(v, "usage"), "input_tokens", "output_tokens");
        end_with(a, SAID_DONE);
    }
    else if (status && !strcmp(status, "error"))
        end_with(a, SAID_FAILED);
    else
        load_answer_wrong(a, "neither chunk nor status");
}

static void chunk_calls(answer_t *a, json_object *calls)
{
    size_t i;

    for (i = 0; calls && i < json_object_array_length(calls); i++) {
        json_object *call = json_object_array_get_idx(calls, i);
        json_object *function = member(call, "function");
        const char *name = text_of(function, "name");
        const char *text = text_of(function, "arguments");
        int index = number_of(call, "index");

        if (name)
            begin_call(a, index, text_of(call, "id"), name);
        if (text && *text)
            take_arguments(a, index, text);
    }
}

static void chunk_delta(answer_t *a, json_object *delta, int64_t now)
{
    static const char *const texts[] = {"content", "refusal"};
    const char *text = text_of(delta, "reasoning_content");
    int i;

    if (text)
        take_thoughts(a, text);
    for (i = 0; i < 2; i++) {
        if ((text = text_of(delta, texts[i])))
            take_text(a, text, strlen(text), now);
    }
    chunk_calls(a, member(delta, "tool_calls"));
}

/* A chunk; [DONE] may come once a reason was told. */
static void completions_event(answer_t *a, json_object *v, int64_t now)
{
    json_object *choices = member(v, "choices"), *choice;
    const char *finish;

    if (member(v, "error")) {
        end_with(a, SAID_FAILED);
        return;
    }
    if (!json_object_is_type(choices, json_type_array)) {
        load_answer_wrong(a, "a chunk without choices");
        return;
    }
    choice = json_object_array_get_idx(choices, 0);
    if (!choice) {
        check_usage(a, member(v, "usage"), "prompt_tokens",
                    "completion_tokens");
        return;
    }
    if (*a->said.finish)
        load_answer_wrong(a, "a choice after its finish_reason");
    chunk_delta(a, member(choice, "delta"), now);
    if ((finish = text_of(choice, "finish_reason"))) {
        snprintf(a->said.finish, sizeof(a->said.finish), "%s", finish);
        check_finish(a, finish);
    }
}

/* [DONE] comes behind the reason, and behind an error as well. */
static void ui_event(answer_t *a, const char *type, json_object *v, int64_t now)
{
    const char *delta = text_of(v, "delta");

    if (!strcmp(type, "text-delta"))
        take_text(a, delta, strlen(delta), now);
    else if (!strcmp(type, "reasoning-delta"))
        take_thoughts(a, delta);
    else if (!strcmp(type, "data-usage"))
        check_usage(a, member(v, "data"), "inputTokens", "outputTokens");
    else if (!strcmp(type, "error"))
        snprintf(a->said.finish, sizeof(a->said.finish), "error");
    else if (!strcmp(type, "finish")) {
        snprintf(a->said.finish, sizeof(a->said.finish), "%s",
                 text_of(v, "finishReason"));
        check_finish(a, a->said.finish);
    }
}

static int has_done(const answer_t *a)
{
    return a->o->dialect == LOAD_COMPLETIONS || a->o->dialect == LOAD_UI;
}

/* All events have the id of the first that has one. */
static void check_id(answer_t *a, json_object *v)
{
    const char *id = text_of(v, "id");
    load_said_t *s = &a->said;

    if (id && !*s->id)
        snprintf(s->id, sizeof(s->id), "%s", id);
    else if (id && strcmp(s->id, id))
        load_answer_wrong(a, "the id changes");
}

static void read_event(answer_t *a, int64_t now)
{
    load_said_t *s = &a->said;
    json_object *v;
    const char *type;

    if (has_done(a) && !strcmp(s->data.data, "[DONE]")) {
        if (!*s->finish)
            load_answer_wrong(a, "[DONE] without a finish_reason");
        end_with(a, strcmp(s->finish, "error") ? SAID_DONE : SAID_FAILED);
        return;
    }
    v = json_tokener_parse(s->data.data);
    if (a->o->dialect != LOAD_UI) /* its ids are those of parts */
        check_id(a, v);
    type = text_of(v, "type");
    if (!json_object_is_type(v, json_type_object))
        load_answer_wrong(a, "an event that is no JSON object");
    else if (a->o->dialect == LOAD_MESSAGE)
        message_event(a, v, now);
    else if (a->o->dialect == LOAD_COMPLETIONS)
        completions_event(a, v, now);
    else if (a->o->dialect == LOAD_UI)
        ui_event(a, type ? type : "none", v, now);
    else
        stream_event(a, type ? type : "none", v, now);
    json_object_put(v);
}

/* ---- lines ---- */

static void set(buf_t *b, const char *text)
{
    buf_clear(b);
    buf_puts(b, text);
    *buf_room(b, 0) = '\0';
}

static void dispatch(answer_t *a, int64_t now)
{
    load_said_t *s = &a->said;

    if (s->end != SAID_OPEN)
        load_answer_wrong(a, "an event after the terminal one");
    else
        read_event(a, now);
    s->events++;
    s->has_data = 0;
    buf_clear(&s->name);
}

static void take_id(answer_t *a, const char *text)
{
    load_said_t *s = &a->said;
    long long id = atoll(text);

    if (id <= s->event_id)
        load_answer_wrong(a, "an id that is not above the one before");
    else if (!a->o->ids && id != (long long)s->events + 1)
        load_answer_wrong(a, "an id that is not the next one");
    s->event_id = id;
}

static void take_line(answer_t *a, int64_t now)
{
    load_said_t *s = &a->said;
    const char *line = s->line.data;

    if (!*line && s->has_data)
        dispatch(a, now);
    else if (!strncmp(line, "data: ", 6) && !s->has_data) {
        set(&s->data, line + 6);
        s->has_data = 1;
    }
    else if (!strncmp(line, "event: ", 7))
        set(&s->name, line + 7);
    else if (*line == ':' && a->o->comments && s->end == SAID_OPEN)
        a->totals->comments++;
    else if (!strncmp(line, "id: ", 4))
        take_id(a, line + 4);
    else if (*line)
        load_answer_wrong(a, "a line that does not belong there");
    buf_clear(&s->line);
}

void load_said_feed(answer_t *a, const char *in, size_t n, int64_t now)
{
    load_said_t *s = &a->said;

    a->body_bytes += (int64_t)n;
    while (n && a->phase == ANSWER_BODY) {
        const char *eol = memchr(in, '\n', n);
        size_t part = eol ? (size_t)(eol - in) : n;

        buf_put(&s->line, in, part);
        if (eol) {
            *buf_room(&s->line, 0) = '\0';
            take_line(a, now);
            part++;
        }
        in += part;
        n -= part;
    }
}

void load_said_clear(load_said_t *s)
{
    load_said_t again = {.line = s->line,
                         .name = s->name,
                         .data = s->data,
                         .want = s->want,
                         .args = s->args};

    buf_clear(&again.line);
    buf_clear(&again.name);
    buf_clear(&again.data);
    buf_clear(&again.want);
    buf_clear(&again.args);
    *s = again;
}

void load_said_free(load_said_t *s)
{
    buf_free(&s->line);
    buf_free(&s->name);
    buf_free(&s->data);
    buf_free(&s->want);
    buf_free(&s->args);
}
