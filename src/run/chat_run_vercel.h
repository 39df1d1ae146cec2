/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat in the tables of an app (ChatStore vercel): what its page asks, and
 * what becomes of the turn before it is streamed. The tap "tables" begins and
 * saves it.
 */
#ifndef CHAT_RUN_VERCEL_H
#define CHAT_RUN_VERCEL_H

#include "chat_run_int.h"

typedef struct chat_run_vercel_t {
    chat_request_vercel_t asked;    /* in request_pool */
    int can_ask_app, can_ask_model; /* of the candidates, once they are found */
} chat_run_vercel_t;

/* 1 when the route and the tables of this location are such. */
int chat_run_vercel_is(const chat_ctx_t *ctx);

/* [request thread] The body, before anybody asks who it is. 400. */
apr_status_t chat_run_vercel_read(chat_run_t *run, chat_json_t *body,
                                  chat_err_t *err);

/* [request thread] Whose it is, and under which ids. 401 for who has no row. */
apr_status_t chat_run_vercel_keep(chat_run_t *run, chat_err_t *err);

/* [request thread] What was said before and the question, as those that may
 * answer take it. Once the candidates are known. */
apr_status_t chat_run_vercel_turn(chat_run_t *run,
                                  const apr_array_header_t *history,
                                  chat_err_t *err);

/* 1 when this server saves the answer of the upstream that is asked now. */
int chat_run_vercel_saves(const chat_run_t *run);

#endif
