/* SPDX-License-Identifier: Apache-2.0 */
/* What several ways to tell of a request have in common. Any thread. */
#include "chat_telemetry_int.h"

#include "chat_config.h"
#include "chat_provider.h"

const char *const chat_telemetry_outcomes[] = {
    [CHAT_OUTCOME_COMPLETE] = "complete",
    [CHAT_OUTCOME_CANCELLED] = "cancelled",
    [CHAT_OUTCOME_UPSTREAM_ERROR] = "upstream_error",
    [CHAT_OUTCOME_TRUNCATED] = "truncated",
    [CHAT_OUTCOME_REFUSED] = "refused",
    [CHAT_OUTCOME_LIMITED] = "limited",
    [CHAT_OUTCOME_TIMEOUT] = "timeout",
};

static const char *const actions[CHAT_MODERATION_COUNT] = {
    [CHAT_MODERATION_PASS] = "pass",       [CHAT_MODERATION_FLAG] = "flag",
    [CHAT_MODERATION_REPLACE] = "replace", [CHAT_MODERATION_ERROR] = "error",
    [CHAT_MODERATION_BLOCK] = "block",
};

const char *chat_telemetry_moderation_name(chat_moderation_e action)
{
    return actions[action];
}

int chat_telemetry_is_failure(const chat_record_t *f)
{
    return f->outcome == CHAT_OUTCOME_UPSTREAM_ERROR ||
           f->outcome == CHAT_OUTCOME_TRUNCATED ||
           f->outcome == CHAT_OUTCOME_TIMEOUT;
}

const char *chat_telemetry_provider(const server_rec *s, const char *name)
{
    const chat_provider_conf_t *conf =
        name ? chat_config_provider(s, name) : NULL;
    const char *known = conf ? chat_provider_get(conf->type)->semconv : NULL;

    return known ? known : conf ? conf->name : NULL;
}
