/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects, each named as its route. No include guard, on purpose:
 * expanded to declare chat_dialect_NAME, which chat_dialect_NAME.c defines,
 * and for the table of them.
 */
CHAT_DIALECT(stream)
CHAT_DIALECT(message)
CHAT_DIALECT(completions)
