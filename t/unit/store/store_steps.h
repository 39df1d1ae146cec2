/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of conversations do: people, questions and answers. Each test has
 * a database of its own, see store_link.h, at which nothing may fail.
 */
#ifndef STORE_STEPS_H
#define STORE_STEPS_H

#include "../unit.h"
#include "store_link.h"

#include <string.h>

#include <apr_strings.h>

/* Not every file takes all of them. */
#define STEP __attribute__((unused)) static

static apr_pool_t *p;
static chat_store_at_t ada, eve;
static chat_err_t err;

STEP void set_up(void)
{
    const chat_store_limits_t limits = {.conversations = 1000,
                                        .messages = 100,
                                        .bytes = 100000,
                                        .deleted_ms = 1000};

    apr_pool_create(&p, NULL);
    store_link_limits = limits;
    store_link_open(p);
    ada.p = eve.p = p;
    ada.owner = "better-auth:ada";
    eve.owner = "better-auth:eve";
    memset(&err, 0, sizeof(err));
}

STEP void tear_down(void)
{
    ck_assert_msg(!store_link_failures, "the database failed: %s",
                  store_link_why);
    store_link_close();
    apr_pool_destroy(p);
}

/* ---- steps ---- */

#define OKAY(call)                                                             \
    do {                                                                       \
        memset(&err, 0, sizeof(err));                                          \
        apr_status_t rv_ = (call);                                             \
        ck_assert_msg(rv_ == APR_SUCCESS, "%s: %d %s %s %s", #call, rv_,       \
                      err.code ? err.code : "",                                \
                      err.message ? err.message : "",                          \
                      store_link_why ? store_link_why : "");                   \
    } while (0)

#define REFUSED(call, rv, status_, code_)                                      \
    do {                                                                       \
        memset(&err, 0, sizeof(err));                                          \
        ck_assert_int_eq((call), (rv));                                        \
        ck_assert_int_eq(err.status, (status_));                               \
        ck_assert_str_eq(err.code, (code_));                                   \
    } while (0)

#define NONE(call) REFUSED(call, APR_NOTFOUND, 404, "not_found")

STEP const char *new_id(void)
{
    return chat_store_new_id(p);
}

STEP const char *create(const chat_store_at_t *at, const char *title)
{
    chat_conversation_t c = {.id = new_id(), .title = title};

    OKAY(chat_store_conversation_create(&c, at, &err));
    return c.id;
}

STEP chat_conversation_t *get(const char *id)
{
    chat_conversation_t *c = NULL;

    OKAY(chat_store_conversation_get(&c, &ada, id, &err));
    return c;
}

STEP chat_store_turn_t turn_of(const char *conversation, const char *text)
{
    chat_store_turn_t turn = {
        .conversation = conversation,
        .question = new_id(),
        .text = text,
        .parts = apr_psprintf(p, "[{\"type\":\"text\",\"text\":\"%s\"}]", text),
        .model = "m",
        .answer = new_id(),
        .stream = new_id(),
        .instance = "here/1"};

    return turn;
}

STEP void end(const chat_store_turn_t *turn, const char *text)
{
    chat_store_ending_t ending = {
        .answer = turn->answer,
        .stream = turn->stream,
        .status = CHAT_MESSAGE_COMPLETE,
        .parts = apr_psprintf(p, "[{\"type\":\"text\",\"text\":\"%s\"}]", text),
        .text = text,
        .model = "m-1",
        .provider = "openai",
        .finish_reason = "stop",
        .input_tokens = 7,
        .output_tokens = 11,
        .cost = 1234567890123,
        .last_event = 5};
    int written = 0;

    OKAY(chat_store_turn_end(&written, &ending, &ada, &err));
    ck_assert_int_eq(written, 1);
}

/* A whole turn at the current leaf; the id of its answer. */
STEP const char *talk(const char *conversation, const char *question,
                      const char *answer)
{
    chat_store_turn_t turn = turn_of(conversation, question);

    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    end(&turn, answer);
    return turn.answer;
}

STEP chat_store_message_t *at_row(const apr_array_header_t *rows, int i)
{
    ck_assert_int_lt(i, rows->nelts);
    return &APR_ARRAY_IDX(rows, i, chat_store_message_t);
}

#endif
