/* SPDX-License-Identifier: Apache-2.0 */
/* CHAT_CONFIG(feature): a line per src/config/chat_config_<feature>.c that has
 * members or directives, in the order of docs/directives.md. No guard: this is
 * included with various definitions. */
CHAT_CONFIG(provider)
CHAT_CONFIG(model)
CHAT_CONFIG(route)
CHAT_CONFIG(retry)
CHAT_CONFIG(context)
CHAT_CONFIG(title)
CHAT_CONFIG(store)
CHAT_CONFIG(usage)
CHAT_CONFIG(keys)
CHAT_CONFIG(tier)
CHAT_CONFIG(health)
CHAT_CONFIG(request)
CHAT_CONFIG(auth)
CHAT_CONFIG(jwt)
CHAT_CONFIG(limit)
CHAT_CONFIG(redis)
CHAT_CONFIG(stream)
CHAT_CONFIG(resume)
CHAT_CONFIG(mock)
CHAT_CONFIG(check)
