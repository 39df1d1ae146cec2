/* SPDX-License-Identifier: Apache-2.0 */
/* Talks for the tests of the dialects. */
#include "dialect_suite.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define DATA "t/data/dialect/" /* from the top of the tree */

apr_pool_t *dialect_pool;
static const chat_dialect_t *dialect;
static const char *dialect_name;

static void setup(void)
{
    apr_pool_create(&dialect_pool, NULL);
    dialect = chat_dialect_get(dialect_name);
    ck_assert_ptr_nonnull(dialect);
    ck_assert_str_eq(dialect->name, dialect_name);
}

static void teardown(void)
{
    apr_pool_destroy(dialect_pool);
}

TCase *dialect_suite_case(const char *name)
{
    TCase *tc = tcase_create(name);

    dialect_name = name;
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    return tc;
}

/* ---- speaking ---- */

talk_t *talk_start(int whole)
{
    talk_t *t = apr_pcalloc(dialect_pool, sizeof(*t));

    t->answer.id = "req_1";
    t->answer.model = "gpt-x";
    t->answer.provider = "main";
    t->answer.created = apr_time_from_sec(1764000000) + 999999;
    t->answer.whole = whole;
    t->answer.price = (chat_price_t)CHAT_PRICE_UNKNOWN;
    chat_buf_init(&t->out, dialect_pool);
    t->encoder = chat_encoder_create(dialect, &t->answer, dialect_pool);
    return t;
}

/* Everything a delta points to is gone after the call. */
static void say(talk_t *t, chat_delta_t delta, const char *text)
{
    apr_size_t len = strlen(text);
    char *copy = malloc(len + 1), *id = NULL, *name = NULL, *extra = NULL;

    memcpy(copy, text, len);
    delta.text = copy;
    delta.len = len;
    if (delta.id) {
        delta.id = id = strdup(delta.id);
        delta.name = name = strdup(delta.name);
    }
    if (delta.extra)
        delta.extra = extra = strdup(delta.extra);
    chat_encoder_delta(t->encoder, &t->out, &delta);
    if (extra)
        memset(extra, '#', strlen(extra));
    if (id)
        memset(id, '#', strlen(id));
    if (name)
        memset(name, '#', strlen(name));
    memset(copy, '#', len);
    free(id);
    free(name);
    free(extra);
    free(copy);
}

void talk_text(talk_t *t, chat_delta_e kind, const char *text)
{
    say(t, (chat_delta_t){.kind = kind}, text);
}

void talk_call(talk_t *t, int index, const char *id, const char *name)
{
    say(t,
        (chat_delta_t){
            .kind = CHAT_DELTA_TOOL, .index = index, .id = id, .name = name},
        "");
}

void talk_extra(talk_t *t, int index, const char *id, const char *extra)
{
    say(t,
        (chat_delta_t){.kind = CHAT_DELTA_TOOL,
                       .index = index,
                       .id = id,
                       .name = "f",
                       .extra = extra},
        "");
}

void talk_arguments(talk_t *t, int index, const char *text)
{
    say(t, (chat_delta_t){.kind = CHAT_DELTA_ARGUMENTS, .index = index}, text);
}

void talk_two_calls(talk_t *t)
{
    talk_call(t, 0, "call_a", "weather");
    talk_arguments(t, 0, "{\"city\":");
    talk_call(t, 1, "call_b", "clock");
    talk_arguments(t, 1, "{");
    talk_arguments(t, 0, "\"Kyiv\"}");
    talk_arguments(t, 1, "}");
}

void talk_finish(talk_t *t, chat_finish_e why, chat_usage_t usage)
{
    chat_encoder_finish(t->encoder, &t->out, why, &usage);
}

void talk_fail(talk_t *t, chat_err_t err)
{
    chat_encoder_fail(t->encoder, &t->out, &err);
}

const char *talk_refusal(chat_err_t err)
{
    return dialect->refusal(&err, "req_1", dialect_pool);
}

static apr_size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

void talk_is_steady(talk_t *t, chat_delta_e kind)
{
    chat_delta_t delta = {.kind = kind, .text = " \"token\"\n", .len = 9};
    apr_size_t before = 0;
    int i;

    for (i = 0; i < 20000; i++) {
        chat_encoder_delta(t->encoder, &t->out, &delta);
        if (i % 10 == 9)
            chat_buf_clear(&t->out);
        if (i == 100)
            before = allocated();
    }
    ck_assert_uint_eq(allocated(), before);
}

/* ---- listening ---- */

const char *talk_heard(talk_t *t)
{
    const char *heard = apr_pstrmemdup(
        dialect_pool, t->out.data ? t->out.data : "", t->out.len);

    chat_buf_clear(&t->out);
    return heard;
}

chat_json_t *talk_heard_json(talk_t *t)
{
    static const chat_json_limits_t limits = {1 << 26, 32, 100000};
    const char *text = talk_heard(t);
    chat_json_t *root = NULL;

    ck_assert_msg(chat_json_parse(&root, text, strlen(text), &limits,
                                  dialect_pool) == APR_SUCCESS,
                  "not JSON: %.400s", text);
    return root;
}

chat_json_t *talk_at(const chat_json_t *v, const char *path)
{
    char *copy = apr_pstrdup(dialect_pool, path), *state;
    char *step = apr_strtok(copy, ".", &state);
    chat_json_t *at = NULL;

    for (; step; step = apr_strtok(NULL, ".", &state)) {
        at = apr_isdigit(*step) ? chat_json_at(v, atoi(step))
                                : chat_json_get(v, step);
        v = at;
    }
    return at;
}

const char *talk_string(const chat_json_t *v, const char *path)
{
    return chat_json_string(talk_at(v, path));
}

const char *talk_file(const char *name)
{
    const char *path = apr_pstrcat(dialect_pool, DATA, name, NULL);
    apr_file_t *file;
    apr_finfo_t info;
    char *text;

    ck_assert_msg(apr_file_open(&file, path, APR_READ, 0, dialect_pool) ==
                      APR_SUCCESS,
                  "no %s", path);
    apr_file_info_get(&info, APR_FINFO_SIZE, file);
    text = apr_pcalloc(dialect_pool, info.size + 1);
    apr_file_read_full(file, text, info.size, NULL);
    apr_file_close(file);
    return text;
}
