/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of ChatAuthSession's named layouts: how the adapters of
 * better-auth and Auth.js name their columns and write their times.
 * ChatAuthSession keeps the text of one, chat_store_session.c sends it.
 * Constants only.
 *
 * Each has one parameter, the token, and the columns user id, expiry in
 * seconds since the epoch, role, banned. Expiry and ban are compared with the
 * database's clock. In these texts "%s" is the parameter and "%%" a percent
 * sign.
 */
#include "chat_config_int.h"
#include "chat_config_layout.h"

#include <string.h>

#define PG_SECONDS(column)                                                     \
    "cast(floor(extract(epoch from s." column ")) as bigint)"

/* X(name, column of the user's id, of the expiry, of the ban's end, the time
 * as these columns have it, expiry in seconds) */
#define LAYOUTS(X)                                                             \
    /* timestamptz */                                                          \
    X("kysely-pgsql", "\"userId\"", "\"expiresAt\"", "\"banExpires\"",         \
      "now()", PG_SECONDS("\"expiresAt\""))                                    \
    /* ISO 8601 text in UTC with milliseconds, which sorts by time */          \
    X("kysely-sqlite", "\"userId\"", "\"expiresAt\"", "\"banExpires\"",        \
      "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now')",                           \
      "cast(strftime('%%s', s.\"expiresAt\") as integer)")                     \
    /* timestamp without time zone, the digits of UTC */                       \
    X("drizzle-pgsql", "\"user_id\"", "\"expires_at\"", "\"ban_expires\"",     \
      "(now() at time zone 'UTC')", PG_SECONDS("\"expires_at\""))              \
    /* milliseconds since the epoch */                                         \
    X("drizzle-sqlite", "\"user_id\"", "\"expires_at\"", "\"ban_expires\"",    \
      "cast((julianday('now') - 2440587.5) * 86400000 as integer)",            \
      "s.\"expires_at\" / 1000")                                               \
    /* timestamp(3) without time zone, the digits of UTC */                    \
    X("prisma-pgsql", "\"userId\"", "\"expiresAt\"", "\"banExpires\"",         \
      "(now() at time zone 'UTC')", PG_SECONDS("\"expiresAt\""))

#define SELECT(user_id, seconds, role, banned)                                 \
    "select cast(s." user_id " as text), " seconds ", " role ", " banned

#define FROM(user_id, expires, now)                                            \
    " from \"session\" s join \"user\" u on u.\"id\" = s." user_id             \
    " where s.\"token\" = %s and s." expires " > " now

/* Apart from the statements above: who may not read these columns, or has
 * others, signs in all the same. */
#define PROFILE                                                                \
    "select null, null, null, null, null, u.\"name\", u.\"email\", "           \
    "u.\"image\""

#define BANNED(ends, now)                                                      \
    "case when u.\"banned\" and (u." ends " is null or u." ends " > " now      \
    ") then 1 else 0 end"

#define ROW(name, user_id, expires, ban_ends, now, seconds)                    \
    {name,                                                                     \
     {SELECT(user_id, seconds, "null", "0") FROM(user_id, expires, now),       \
      SELECT(user_id, seconds, "u.\"role\"", BANNED(ban_ends, now))            \
          FROM(user_id, expires, now)},                                        \
     PROFILE FROM(user_id, expires, now)},

/* Those of Auth.js, which have no plugin for administrators. X(name, tables of
 * sessions and of users, time now as the column has it, expiry in seconds). A
 * session's name is the key itself: it has no signature. */
#define AUTHJS(X)                                                              \
    /* @auth/pg-adapter: timestamptz */                                        \
    X("authjs-pgsql", "sessions", "users", "now()", PG_SECONDS("expires"))     \
    /* timestamp(3) without time zone, the digits of UTC */                    \
    X("authjs-prisma-pgsql", "\"Session\"", "\"User\"",                        \
      "(now() at time zone 'UTC')", PG_SECONDS("expires"))                     \
    /* timestamp without time zone, the digits of UTC */                       \
    X("authjs-drizzle-pgsql", "\"session\"", "\"user\"",                       \
      "(now() at time zone 'UTC')", PG_SECONDS("expires"))                     \
    /* milliseconds since the epoch */                                         \
    X("authjs-drizzle-sqlite", "\"session\"", "\"user\"",                      \
      "cast((julianday('now') - 2440587.5) * 86400000 as integer)",            \
      "s.expires / 1000")

#define AUTHJS_SQL(table, now, seconds)                                        \
    "select cast(s.\"userId\" as text), " seconds ", null, 0 from " table      \
    " s where s.\"sessionToken\" = %s and s.expires > " now

#define AUTHJS_PROFILE(table, users, now)                                      \
    PROFILE " from " table " s join " users                                    \
            " u on u.\"id\" = s.\"userId\" where s.\"sessionToken\" = %s and " \
            "s.expires > " now

#define AUTHJS_ROW(name, table, users, now, seconds)                           \
    {name,                                                                     \
     {AUTHJS_SQL(table, now, seconds), NULL},                                  \
     AUTHJS_PROFILE(table, users, now)},

#define NAME(name, ...) ", " name

static const struct {
    const char *name;
    const char *sql[2]; /* without, with the columns of better-auth's admin
                           plugin; NULL: there is none */
    const char *profile;
} layouts[] = {LAYOUTS(ROW) AUTHJS(AUTHJS_ROW)};

const char *chat_config_layout(const char *name, int admin)
{
    size_t i;

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (!strcmp(name, layouts[i].name))
            return layouts[i].sql[admin != 0];
    }
    return NULL;
}

const char *chat_config_layout_profile(const char *session_sql)
{
    size_t i;

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        const char *const *sql = layouts[i].sql;

        if (!strcmp(session_sql, sql[0]) ||
            (sql[1] && !strcmp(session_sql, sql[1])))
            return layouts[i].profile;
    }
    return session_sql;
}

const char *chat_config_layout_names(void)
{
    static const char names[] = LAYOUTS(NAME) AUTHJS(NAME);

    return names + 2;
}
