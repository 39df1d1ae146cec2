/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects: CHAT_DIALECT(name in C, name in ChatRoute). Each is one
 * chat_dialect_t, chat_dialect_<name in C>, in a file of its own in
 * src/dialect/, and the route of that name. No include guard, on purpose.
 */
CHAT_DIALECT(stream, "stream")
CHAT_DIALECT(message, "message")
CHAT_DIALECT(completions, "completions")
CHAT_DIALECT(ui_message, "ui-message")
