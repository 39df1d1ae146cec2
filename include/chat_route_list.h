/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes: CHAT_ROUTE(name in C, name in ChatRoute, handler, flags). The
 * handler is a chat_route_fn (chat_route.h), the flags are CHAT_ROUTE_* of
 * chat_config.h. Every dialect is a route, too: those are in
 * chat_dialect_list.h. No include guard, on purpose: expanded for the enum, for
 * the directive and for the table of handlers.
 */
CHAT_ROUTE(openai, "openai", chat_run_handler, CHAT_ROUTE_PASSTHROUGH)
CHAT_ROUTE(anthropic, "anthropic", chat_run_handler, CHAT_ROUTE_PASSTHROUGH)
CHAT_ROUTE(gemini, "gemini", chat_run_handler, CHAT_ROUTE_PASSTHROUGH)
CHAT_ROUTE(openrouter, "openrouter", chat_run_handler, CHAT_ROUTE_PASSTHROUGH)
CHAT_ROUTE(deepseek, "deepseek", chat_run_handler, CHAT_ROUTE_PASSTHROUGH)
#define CHAT_DIALECT(id, name) CHAT_ROUTE(id, name, chat_route_resume, 0)
#define CHAT_DIALECT_OF(id, name)
#include "chat_dialect_list.h"
#undef CHAT_DIALECT
CHAT_ROUTE(models, "models", chat_route_models, 0)
CHAT_ROUTE(health, "health", chat_route_health, 0)
CHAT_ROUTE(metrics, "metrics", chat_route_metrics, 0)
CHAT_ROUTE(mock, "mock", chat_mock_handler, 0)
CHAT_ROUTE(limits, "limits", chat_route_limits, 0)
CHAT_ROUTE(conversations, "conversations", chat_route_conversations, 0)
CHAT_ROUTE(search, "search", chat_route_search, 0)
CHAT_ROUTE(shared, "shared", chat_route_shared, 0)
CHAT_ROUTE(export, "export", chat_route_export, 0)
CHAT_ROUTE(import, "import", chat_route_import, 0)
CHAT_ROUTE(me, "me", chat_route_me, 0)
CHAT_ROUTE(usage, "usage", chat_route_usage, 0)
CHAT_ROUTE(chatkit, "chatkit", chat_route_chatkit, 0)
CHAT_ROUTE(chatkit_session, "chatkit-session", chat_route_chatkit_session, 0)
CHAT_ROUTE(keys, "keys", chat_route_keys, 0)
CHAT_ROUTE(admin, "admin", chat_route_admin, 0)
CHAT_ROUTE(openapi, "openapi", chat_route_openapi, 0)
CHAT_ROUTE(webhook, "webhook", chat_route_webhook, 0)
CHAT_ROUTE(uploads, "uploads", chat_route_uploads, 0)
