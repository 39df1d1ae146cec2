/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The providers: CHAT_PROVIDER(name in C, name in ChatProviderType). Each has
 * a file src/provider/chat_provider_<name>.c. No include guard, on purpose.
 */
CHAT_PROVIDER(openai, "openai")
CHAT_PROVIDER(anthropic, "anthropic")
CHAT_PROVIDER(gemini, "gemini")
CHAT_PROVIDER(openrouter, "openrouter")
CHAT_PROVIDER(deepseek, "deepseek")
CHAT_PROVIDER(mistral, "mistral")
CHAT_PROVIDER(compatible, "compatible")
