/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of other APIs in a request of ours: those that would change the
 * answer are refused by name, or who sends them would think that they do. A
 * value that says what goes without saying is none. Pure, any thread.
 */
#include "chat_request.h"

#include <math.h>

#include <apr_strings.h>

#include "chat_request_int.h"

typedef struct foreign_t {
    const char *name;
    double usual; /* the number that goes without saying; NAN: none does */
} foreign_t;

static const foreign_t members[] = {
    {"top_p", 1},
    {"topP", 1},
    {"top_k", NAN},
    {"topK", NAN},
    {"stop", NAN},
    {"stopSequences", NAN},
    {"stop_sequences", NAN},
    {"seed", NAN},
    {"presence_penalty", 0},
    {"presencePenalty", 0},
    {"frequency_penalty", 0},
    {"frequencyPenalty", 0},
    {"logit_bias", NAN},
    {"logitBias", NAN},
    {"logprobs", NAN},
    {"top_logprobs", 0},
    {"n", 1},
    {"verbosity", NAN},
    {"reasoning_effort", NAN},
    {"reasoningEffort", NAN},
    {"tool_choice", NAN},
    {"functions", NAN},
    {"response_format", NAN},
    {"max_tokens", NAN},
    {"maxTokens", NAN},
    {"max_completion_tokens", NAN},
};

/* null, false, no text, an empty list, no member. */
static int says_nothing(const chat_json_t *v, double usual)
{
    switch (chat_json_kind(v)) {
    case CHAT_JSON_STRING:
        return !*chat_json_string(v);
    case CHAT_JSON_NUMBER:
        return chat_json_number(v) == usual;
    case CHAT_JSON_ARRAY:
        return chat_json_length(v) == 0;
    case CHAT_JSON_OBJECT:
        return chat_json_next(v, NULL) == NULL;
    case CHAT_JSON_BOOLEAN:
        return !chat_json_boolean(v);
    default:
        return 1;
    }
}

apr_status_t chat_request_refuse_foreign(const chat_json_t *body,
                                         chat_err_t *err, apr_pool_t *p)
{
    apr_size_t i;

    for (i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const foreign_t *m = &members[i];

        if (says_nothing(chat_json_get(body, m->name), m->usual))
            continue;
        err->param = m->name;
        return chat_err_set(err, APR_EINVAL, 400, "unsupported",
                            apr_pstrcat(p, "Unsupported parameter: '", m->name,
                                        "'. This route has no such member.",
                                        NULL));
    }
    return APR_SUCCESS;
}
