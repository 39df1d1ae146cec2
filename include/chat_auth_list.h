/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity schemes: CHAT_AUTH(name in C, name in ChatAuth). Each is one
 * chat_auth_scheme_t in src/auth/. No include guard, on purpose.
 */
CHAT_AUTH(bearer, "bearer")
CHAT_AUTH(better_auth, "better-auth")
CHAT_AUTH(jwt, "jwt")
CHAT_AUTH(authjs, "authjs")
CHAT_AUTH(authjs_database, "authjs-database")
CHAT_AUTH(user, "user")
CHAT_AUTH(guest, "guest")
