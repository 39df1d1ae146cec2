/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters and histograms of ChatRoute metrics:
 *
 *   CHAT_METRIC(id, family, unit, series, labels, bounds, help)
 *
 * family is the name without _total; unit is its last word, or "". series is
 * how many different sets of labels are counted apart: further ones are counted
 * as "other". labels are names with commas between them, CHAT_METRIC_LABELS_MAX
 * at most. bounds is one of CHAT_METRIC_BOUNDS_* (chat_metric.h): NONE makes it
 * a counter. No include guard, on purpose.
 */
CHAT_METRIC(REQUESTS, "chat_requests", "", 2000, "route,provider,model,outcome",
            NONE, "Chats, by how they ended.")
CHAT_METRIC(DURATION, "chat_request_duration_seconds", "seconds", 1000,
            "route,provider,outcome", DURATION,
            "From the first byte of the request to the end of the answer.")
CHAT_METRIC(FIRST_CHUNK, "chat_time_to_first_chunk_seconds", "seconds", 1000,
            "provider,model", FIRST_CHUNK,
            "From the call of the provider to the first bytes of its answer.")
CHAT_METRIC(OVERHEAD, "chat_overhead_seconds", "seconds", 100, "route",
            OVERHEAD,
            "From the request having been read to the first call of a "
            "provider.")
CHAT_METRIC(TOKENS, "chat_tokens", "tokens", 2000, "provider,model,type", NONE,
            "Tokens that providers counted; cached ones are among those of the "
            "input, reasoning ones among those of the output.")
CHAT_METRIC(COST, "chat_cost_usd", "usd", 2000, "provider,model", NONE,
            "Dollars that providers bill, by the prices of ChatModel.")
CHAT_METRIC(LIMIT_DECISIONS, "chat_limit_decisions", "", 500, "policy,decision",
            NONE, "What each ChatLimit said.")
CHAT_METRIC(ATTEMPTS, "chat_upstream_attempts", "", 1000, "provider,result",
            NONE, "Calls of providers, by what came of each.")
CHAT_METRIC(MODERATION, "chat_moderation", "", 500, "hook,verdict", NONE,
            "Verdicts of lists and hooks of moderation.")
CHAT_METRIC(REDIS_ERRORS, "chat_redis_errors", "", 1, "", NONE,
            "Connections and commands of Redis that failed.")
CHAT_METRIC(STORE_ERRORS, "chat_store_errors", "", 1, "", NONE,
            "Questions to the database that failed.")
CHAT_METRIC(LOG_LINES, "chat_log_lines", "", 10, "result", NONE,
            "Lines of ChatLog that were written, and those that were dropped "
            "because nobody took them.")
