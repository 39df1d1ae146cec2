/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements about the tables of an app (ChatStore vercel), for PostgreSQL.
 * They do what the app's own queries do. Names are quoted, as it made them. See
 * chat_store_statements.h.
 */
#include "chat_store_statements.h"

#define FIRST CHAT_SQL_VERCEL_TABLES
#define SQL(id, sql) [CHAT_SQL_##id - FIRST] = sql

/* Their times are without a zone and mean UTC, in milliseconds. */
#define UTC_NOW                                                                \
    "date_trunc('milliseconds', clock_timestamp() at time zone 'UTC')"
#define UTC_FORM "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'"
#define UTC_TEXT(column) "to_char(" column ", " UTC_FORM ")"
#define UTC_AGE(column)                                                        \
    "(extract(epoch from (clock_timestamp() at time zone 'UTC') - " column     \
    ") * 1000)::bigint"

/* A column that newer ones of these apps do not have any more. Columns in the
 * order of chat_store_vercel_chat.c. */
#define CONTEXT "to_jsonb(c) -> 'lastContext'"
#define CHAT                                                                   \
    "c.\"id\", " UTC_TEXT(                                                     \
        "c.\"createdAt\"") ", c.\"title\", c.\"userId\", "                     \
                           "c.\"visibility\", nullif(" CONTEXT ", 'null'), "   \
                           "(" CONTEXT " is not null)::integer"

static const char *const statements[CHAT_SQL_COUNT - FIRST] = {
    SQL(VERCEL_TABLES,
        "select t.name from (values ('\"User\"'), ('\"Chat\"'), "
        "('\"Message_v2\"'), ('\"Vote_v2\"'), ('\"Stream\"')) as t (name) "
        "where to_regclass(t.name) is null"),
    SQL(VERCEL_COUNT, "select count(m.\"id\") from \"Message_v2\" m "
                      "join \"Chat\" c on m.\"chatId\" = c.\"id\" "
                      "where c.\"userId\" = %s and m.\"role\" = 'user' "
                      "and m.\"createdAt\" >= " UTC_NOW
                      " - cast(%s as bigint) * interval '1 second'"),
    SQL(VERCEL_CHAT_GET, "select " CHAT " from \"Chat\" c where c.\"id\" = %s"),
    /* No row: it is somebody else's, or there is no such user. Who comes second
     * waits for the first, and finds what that has made. */
    SQL(VERCEL_CHAT_MAKE,
        "insert into \"Chat\" as c (\"id\", \"createdAt\", \"userId\", "
        "\"title\", \"visibility\") select cast(%s as uuid), " UTC_NOW ", "
        "u.\"id\", cast(%s as text), cast(%s as varchar) from \"User\" u "
        "where u.\"id\" = %s on conflict (\"id\") do update "
        "set \"id\" = excluded.\"id\" "
        "where c.\"userId\" = excluded.\"userId\" "
        "returning (xmax = 0)::integer"),
    /* It does not go away before the transaction is over. */
    SQL(VERCEL_CHAT_SHARE, "select c.\"userId\" from \"Chat\" c "
                           "where c.\"id\" = %s for key share of c"),
    SQL(VERCEL_CHAT_LOCK, "select c.\"userId\" from \"Chat\" c "
                          "where c.\"id\" = %s for update of c"),
    SQL(VERCEL_CHAT_NAME,
        "update \"Chat\" set \"title\" = %s where \"id\" = %s "
        "and \"userId\" = %s and \"title\" = %s"),
    SQL(VERCEL_CHAT_CONTEXT,
        "update \"Chat\" set \"lastContext\" = cast(%s as jsonb) "
        "where \"id\" = %s"),
    SQL(VERCEL_CHAT_REMOVE, "delete from \"Chat\" c where c.\"id\" = %s "
                            "returning " CHAT),
    SQL(VERCEL_CHAT_UNMAKE,
        "delete from \"Chat\" c where c.\"id\" = %s and c.\"userId\" = %s "
        "and not exists (select 1 from \"Message_v2\" m "
        "where m.\"chatId\" = c.\"id\") "
        "and not exists (select 1 from \"Stream\" s "
        "where s.\"chatId\" = c.\"id\")"),
    SQL(VERCEL_MESSAGE_LIST,
        "select m.\"id\", m.\"chatId\", m.\"role\", m.\"parts\", "
        "m.\"attachments\", " UTC_TEXT("m.\"createdAt\"") ", " UTC_AGE(
            "m.\"createdAt\"") " from \"Message_v2\" m "
                               "where m.\"chatId\" = %s order by "
                               "m.\"createdAt\" desc, "
                               "m.\"id\" desc limit %s"),
    SQL(VERCEL_MESSAGE_INSERT,
        "insert into \"Message_v2\" (\"id\", \"chatId\", \"role\", "
        "\"parts\", \"attachments\", \"createdAt\") "
        "values (%s, %s, %s, cast(%s as json), '[]', " UTC_NOW ") "
        "on conflict (\"id\") do nothing"),
    SQL(VERCEL_MESSAGE_REMOVE, "delete from \"Message_v2\" "
                               "where \"id\" = %s and \"chatId\" = %s"),
    SQL(VERCEL_MESSAGE_REMOVE_ALL,
        "delete from \"Message_v2\" where \"chatId\" = %s"),
    SQL(VERCEL_VOTE_REMOVE_ALL,
        "delete from \"Vote_v2\" where \"chatId\" = %s"),
    SQL(VERCEL_STREAM_INSERT,
        "insert into \"Stream\" (\"id\", \"chatId\", \"createdAt\") "
        "values (%s, %s, " UTC_NOW ")"),
    SQL(VERCEL_STREAM_FIND, "select 1 from \"Stream\" s where s.\"id\" = %s"),
    SQL(VERCEL_STREAM_LAST,
        "select s.\"id\" from \"Stream\" s where s.\"chatId\" = %s "
        "order by s.\"createdAt\" desc, s.\"id\" desc limit 1"),
    SQL(VERCEL_STREAM_REMOVE, "delete from \"Stream\" "
                              "where \"id\" = %s and \"chatId\" = %s"),
    SQL(VERCEL_STREAM_REMOVE_ALL,
        "delete from \"Stream\" where \"chatId\" = %s"),
};

const char *chat_store_statements_vercel(chat_store_sql_e id)
{
    return statements[id - FIRST];
}
