/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talks for the tests of the dialects: an answer is given to a encoder, piece
 * by piece, and what the client would get is read.
 */
#ifndef DIALECT_SUITE_H
#define DIALECT_SUITE_H

#include "unit.h"

#include <apr_pools.h>

#include "chat_dialect.h"
#include "chat_json.h"

typedef struct talk_t {
    chat_answer_t answer; /* id "req_1", model "gpt-x", provider "main" */
    chat_encoder_t *encoder;
    chat_buf_t out;
} talk_t;

extern apr_pool_t *dialect_pool;

/* A case with the pool, for the dialect of that name. */
TCase *dialect_suite_case(const char *dialect);

talk_t *talk_start(int whole);
void talk_text(talk_t *t, chat_delta_e kind, const char *text);
void talk_call(talk_t *t, int index, const char *id, const char *name);
/* ... with what its provider wants back. */
void talk_extra(talk_t *t, int index, const char *id, const char *extra);
void talk_arguments(talk_t *t, int index, const char *text);
void talk_finish(talk_t *t, chat_finish_e why, chat_usage_t usage);
void talk_fail(talk_t *t, chat_err_t err);
const char *talk_refusal(chat_err_t err);

/* Two calls whose arguments come in turns. */
void talk_two_calls(talk_t *t);

/* A long answer in small pieces needs no more memory than its first ones. */
void talk_is_steady(talk_t *t, chat_delta_e kind);

/* What has been said since. */
const char *talk_heard(talk_t *t);
/* ... as JSON; fails the test when it is none. */
chat_json_t *talk_heard_json(talk_t *t);

/* The string at a path of members and indexes, "choices.0.delta.content". */
const char *talk_string(const chat_json_t *v, const char *path);
chat_json_t *talk_at(const chat_json_t *v, const char *path);

/* t/data/dialect/<name>. */
const char *talk_file(const char *name);

static const chat_usage_t talk_usage = {1000, 200, 600, 50};
static const chat_usage_t talk_unknown = {-1, -1, -1, -1};

#endif
