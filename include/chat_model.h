/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ChatModel line is meant by a name, who may use it, and what it makes of
 * a request. For runs and for the list of models alike, so that what is shown
 * is what can be asked. Looks at nothing but what it is given. Any thread.
 */
#ifndef CHAT_MODEL_H
#define CHAT_MODEL_H

#include "chat_config.h"
#include "chat_err.h"
#include "chat_types.h"

/* 1 when that is its name or one of its aliases. */
int chat_model_named(const chat_model_conf_t *model, const char *name);

/* The first line of that name, or of the model that has this alias; NULL: there
 * is none. models as chat_config_models() gives them. */
const chat_model_conf_t *chat_model_find(const apr_array_header_t *models,
                                         const char *name);

/*
 * May somebody of this tier use it here? name is the model's own name, not an
 * alias of it; model NULL: no ChatModel tells of it. tier is that of
 * chat_limit_tier(): one word, or several with commas between, any of which
 * will do.
 */
int chat_model_allowed(const chat_dir_conf_t *conf,
                       const chat_model_conf_t *model, const char *name,
                       const char *tier);

/* 1 when the location may use this provider by its ChatUse. */
int chat_model_used(const chat_dir_conf_t *conf, const char *provider);

/*
 * What that model makes of the turn: parameters that it does not know are left
 * out, its limits kept. *fit shares all strings with turn. model NULL: no
 * ChatModel tells of it, and nothing is changed.
 * Fails with 400 where leaving out would change what was asked for.
 */
apr_status_t chat_model_fit(chat_turn_t *fit, const chat_turn_t *turn,
                            const chat_model_conf_t *model,
                            apr_int64_t input_tokens, chat_err_t *err);

#endif
