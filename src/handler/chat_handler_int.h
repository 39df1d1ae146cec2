/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: each is one function, the handler of its locations. */
#ifndef CHAT_HANDLER_INT_H
#define CHAT_HANDLER_INT_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_err.h"
#include "chat_facts.h"
#include "chat_json.h"

typedef int chat_route_fn(request_rec *r, const chat_dir_conf_t *conf);

chat_route_fn chat_walk; /* all that talk to an upstream */
chat_route_fn chat_mock;
chat_route_fn chat_limits; /* their telemetry */
chat_route_fn chat_models; /* what may be asked */
chat_route_fn chat_health; /* is it alive, is it ready */

/* Facts of a request of which nothing is known yet but its id. */
void chat_handler_facts_init(chat_facts_t *facts, request_rec *r);

/* Refuse: the error body, the facts, and what the handler returns. An err
 * without a status means that httpd has answered already. */
int chat_handler_refuse(request_rec *r, const chat_dir_conf_t *conf,
                        chat_facts_t *facts, const chat_err_t *err);

/* The error's answer, in the words of the route. */
void chat_handler_error(request_rec *r, const chat_dir_conf_t *conf,
                        const chat_err_t *err);

/* For subpools that do not live as long as the request. Any thread. */
apr_pool_t *chat_handler_scratch(void);

/* The body's limits, as configured. */
chat_json_limits_t chat_handler_limits(const chat_dir_conf_t *conf);

#endif
