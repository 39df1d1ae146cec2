/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The providers: CHAT_PROVIDER(name in C, name in ChatProviderType, what its
 * <ChatProvider> section may hold beyond the rest, and what it can do:
 * chat_provider_caps_e, or 0).
 * Each has a file src/provider/chat_provider_<name>.c. No include guard, on
 * purpose.
 */
CHAT_PROVIDER(openai, "openai",
              CHAT_PROVIDER_RESPONSES | CHAT_PROVIDER_VERSION |
                  CHAT_PROVIDER_DOCUMENTS | CHAT_PROVIDER_FETCHES |
                  CHAT_PROVIDER_FETCHES_FILES)
CHAT_PROVIDER(anthropic, "anthropic",
              CHAT_PROVIDER_VERSION | CHAT_PROVIDER_DOCUMENTS |
                  CHAT_PROVIDER_FETCHES | CHAT_PROVIDER_FETCHES_FILES)
CHAT_PROVIDER(gemini, "gemini", CHAT_PROVIDER_DOCUMENTS)
CHAT_PROVIDER(openrouter, "openrouter",
              CHAT_PROVIDER_DOCUMENTS | CHAT_PROVIDER_FETCHES)
CHAT_PROVIDER(deepseek, "deepseek", 0)
CHAT_PROVIDER(mistral, "mistral", 0)
CHAT_PROVIDER(compatible, "compatible",
              CHAT_PROVIDER_VERSION | CHAT_PROVIDER_DOCUMENTS |
                  CHAT_PROVIDER_TRACED)
CHAT_PROVIDER(app, "app",
              CHAT_PROVIDER_RELAYED | CHAT_PROVIDER_TRACED |
                  CHAT_PROVIDER_BAGGAGE)
