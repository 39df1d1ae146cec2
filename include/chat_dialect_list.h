/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects: CHAT_DIALECT(name in C, name in ChatRoute). Each is one
 * chat_dialect_t, chat_dialect_<name in C>, in a file of its own in
 * src/dialect/, and the route of that name. CHAT_DIALECT_OF is one that a
 * route of chat_route_list.h speaks; who does not tell them apart has it as
 * CHAT_DIALECT. No include guard, on purpose.
 */
#ifndef CHAT_DIALECT_OF
#define CHAT_DIALECT_OF(id, name) CHAT_DIALECT(id, name)
#endif
CHAT_DIALECT(stream, "stream")
CHAT_DIALECT(message, "message")
CHAT_DIALECT(completions, "completions")
CHAT_DIALECT(ui_message, "ui-message")
CHAT_DIALECT_OF(chatkit, "chatkit")
CHAT_DIALECT_OF(chatkit_seed, "chatkit-seed")
#undef CHAT_DIALECT_OF
