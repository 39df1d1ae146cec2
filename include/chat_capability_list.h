/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model may be able to do: CHAT_CAPABILITY(name in C, name in ChatModel
 * without= and in the models route). No include guard, on purpose.
 */
CHAT_CAPABILITY(TEMPERATURE, "temperature")
CHAT_CAPABILITY(TOP_P, "top-p")
CHAT_CAPABILITY(STOP, "stop")
CHAT_CAPABILITY(EFFORT, "effort")
CHAT_CAPABILITY(SYSTEM, "system")
CHAT_CAPABILITY(TOOLS, "tools")
CHAT_CAPABILITY(JSON, "json")     /* any JSON */
CHAT_CAPABILITY(SCHEMA, "schema") /* JSON by a schema */
CHAT_CAPABILITY(PARTS, "parts")   /* images and the like */
