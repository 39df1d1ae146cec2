/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model makes of a turn: parameters that it does not know are left out,
 * its limits are kept. Pure but for the configuration's types; any thread.
 */
#include "chat_model.h"

static const struct {
    unsigned lacks;
    const char *param, *message;
} refusals[] = {
    {CHAT_LACKS_SYSTEM, "messages", "This model takes no system messages."},
    {CHAT_LACKS_TOOLS, "tools", "This model cannot use tools."},
    {CHAT_LACKS_JSON, "response_format", "This model cannot promise JSON."},
    {CHAT_LACKS_SCHEMA, "response_format",
     "This model cannot answer by a JSON schema."},
    {CHAT_LACKS_PARTS, "messages", "This model takes nothing but text."},
    {CHAT_LACKS_TEMPERATURE, "temperature", "This model knows no temperature."},
    {CHAT_LACKS_TOP_P, "top_p", "This model knows no top_p."},
    {CHAT_LACKS_STOP, "stop", "This model knows no stop texts."},
    {CHAT_LACKS_EFFORT, "reasoning_effort", "This model knows no effort."},
};

/* What may be left out: it changes how an answer is found, not what it is. */
#define SAMPLING (CHAT_LACKS_TEMPERATURE | CHAT_LACKS_TOP_P | CHAT_LACKS_EFFORT)

static unsigned wanted_of(const chat_turn_t *turn)
{
    unsigned wanted = (turn->system ? CHAT_LACKS_SYSTEM : 0) |
                      (turn->ntools ? CHAT_LACKS_TOOLS : 0) |
                      (turn->json ? CHAT_LACKS_JSON : 0) |
                      (turn->schema ? CHAT_LACKS_SCHEMA : 0) |
                      (turn->has_temperature ? CHAT_LACKS_TEMPERATURE : 0) |
                      (turn->has_top_p ? CHAT_LACKS_TOP_P : 0) |
                      (turn->nstop ? CHAT_LACKS_STOP : 0) |
                      (turn->effort ? CHAT_LACKS_EFFORT : 0);
    int i;

    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        wanted |=
            (m->role == CHAT_ROLE_SYSTEM ? CHAT_LACKS_SYSTEM : 0) |
            (m->parts ? CHAT_LACKS_PARTS : 0) |
            (m->ncalls || m->role == CHAT_ROLE_TOOL ? CHAT_LACKS_TOOLS : 0);
    }
    return wanted;
}

static apr_status_t refuse_first(unsigned lacks, chat_err_t *err)
{
    apr_size_t i;

    for (i = 0; i + 1 < sizeof(refusals) / sizeof(*refusals); i++) {
        if (lacks & refusals[i].lacks)
            break;
    }
    err->param = refusals[i].param;
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "unsupported",
                        refusals[i].message);
}

apr_status_t chat_model_fit(chat_turn_t *fit, const chat_turn_t *turn,
                            const chat_model_conf_t *model,
                            apr_int64_t input_tokens, chat_err_t *err)
{
    unsigned lacks, most;

    *fit = *turn;
    if (!model)
        return APR_SUCCESS;
    lacks = model->without & wanted_of(turn);
    if (lacks & (model->refuse ? ~0u : ~(unsigned)SAMPLING))
        return refuse_first(model->refuse ? lacks : lacks & ~SAMPLING, err);
    if (model->context && input_tokens > model->context) {
        err->param = "messages";
        return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "context_length_exceeded",
                            "This is more than the model can read.");
    }
    if (lacks & CHAT_LACKS_TEMPERATURE)
        fit->has_temperature = 0;
    if (lacks & CHAT_LACKS_TOP_P)
        fit->has_top_p = 0;
    if (lacks & CHAT_LACKS_EFFORT)
        fit->effort = NULL;
    most = model->max_output;
    if (most && (unsigned)fit->max_output_tokens > most)
        fit->max_output_tokens = most;
    return APR_SUCCESS;
}
