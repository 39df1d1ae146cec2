/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes: CHAT_ROUTE(name in C, name in ChatRoute). No include guard, on
 * purpose: expanded for the enum, for the directive and for the corridor.
 */
CHAT_ROUTE(openai, "openai")
CHAT_ROUTE(anthropic, "anthropic")
CHAT_ROUTE(gemini, "gemini")
CHAT_ROUTE(openrouter, "openrouter")
CHAT_ROUTE(deepseek, "deepseek")
CHAT_ROUTE(stream, "stream")
CHAT_ROUTE(message, "message")
CHAT_ROUTE(completions, "completions")
CHAT_ROUTE(models, "models")
CHAT_ROUTE(health, "health")
CHAT_ROUTE(mock, "mock")
CHAT_ROUTE(limits, "limits")
