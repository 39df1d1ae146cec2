/* SPDX-License-Identifier: Apache-2.0 */
/* Private to chat_store_statements.c, in whose list these stand: settings, the
 * record of who changed them, and what an administrator sees. */
#ifndef CHAT_STORE_STATEMENTS_ADMIN_H
#define CHAT_STORE_STATEMENTS_ADMIN_H

/* Ids behind one that have some text in them, at most so many. Distinct ones:
 * each table has many rows of a user. */
#define USERS_OF(id, from, in)                                                 \
    "select a.id from (select distinct " id " as id from " from " and " id     \
    " > %s and " in "(" id ", %s) > 0 order by 1 limit %s) a"
#define USERS(in)                                                              \
    "select u.id, s.value, s.revision from (select b.id from (" USERS_OF(      \
        "x.user_id", "chat_usage x where x.user_id like '%%:%%'",              \
        in) " union " USERS_OF("x.user_id",                                    \
                               "chat_conversation x where x.user_id like "     \
                               "'%%:%%'",                                      \
                               in) " union " USERS_OF("substr(x.name, 6)",     \
                                                      "chat_setting x where "  \
                                                      "x.name like "           \
                                                      "'user:%%'",             \
                                                      in) " union "            \
                                                          "select a.id from "  \
                                                          "(select %s || "     \
                                                          "x.user_id as id "   \
                                                          "from chat_tier x) " \
                                                          "a "                 \
                                                          "where a.id > %s "   \
                                                          "and " in            \
                                                          "(a.id, %s) > 0) b " \
                                                          "order by b.id "     \
                                                          "limit %s) u "       \
                                                          "left join "         \
                                                          "chat_setting s on " \
                                                          "s.name = 'user:' "  \
                                                          "|| u.id order by "  \
                                                          "u.id"

#define CHAT_STORE_ADMIN                                                       \
    BOTH(SETTING_LIST,                                                         \
         "select s.name, s.value, s.revision from chat_setting s where "       \
         "(select n.revision from chat_setting n where n.name = '') <> "       \
         "cast(%s as integer)"),                                               \
        BOTH(SETTING_GET, "select s.name, s.value, s.revision from "           \
                          "chat_setting s where s.name = %s"),                 \
        BOTH(SETTING_NEXT, "update chat_setting set revision = revision + 1, " \
                           "updated_at = %s where name = ''"),                 \
        BOTH(SETTING_PUT,                                                      \
             "insert into chat_setting (name, value, revision, updated_at) "   \
             "values (%s, %s, %s, %s) on conflict (name) do update set "       \
             "value = excluded.value, revision = excluded.revision, "          \
             "updated_at = excluded.updated_at"),                              \
        BOTH(SETTING_REMOVE, "delete from chat_setting where name = %s"),      \
        BOTH(SETTING_STOP,                                                     \
             "insert into chat_setting (name, value, revision, updated_at) "   \
             "select 'stop:' || x.id, '{}', cast(%s as integer), "             \
             "cast(%s as bigint) from chat_stream x where x.user_id = %s "     \
             "and x.status = 'running' on conflict (name) do update set "      \
             "revision = excluded.revision, updated_at = "                     \
             "excluded.updated_at"),                                           \
        BOTH(SETTING_STOPPED, "delete from chat_setting where name like "      \
                              "'stop:%%' and updated_at < %s"),                \
        BOTH(AUDIT_INSERT,                                                     \
             "insert into chat_audit (id, made_at, actor, action, target, "    \
             "old_value, new_value, request_id, address) "                     \
             "values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"),                   \
        BOTH(AUDIT_LIST,                                                       \
             "select a.id, a.made_at, a.actor, a.action, a.target, "           \
             "a.old_value, a.new_value, a.request_id, a.address "              \
             "from chat_audit a where (a.made_at, a.id) < (%s, %s) "           \
             "order by a.made_at desc, a.id desc limit %s"),                   \
        BOTH(STREAM_LIST,                                                      \
             "select " STREAM "from chat_stream s"                             \
             " where s.status = 'running' and (s.started_at, s.id) < (%s, "    \
             "%s) and (cast(%s as text) is null or s.user_id = %s) "           \
             "order by s.started_at desc, s.id desc limit %s"),                \
        BOTH(STREAM_RUNS, "select " STREAM "from chat_stream s"                \
                          " where s.id = %s and s.status = 'running'"),        \
        EACH(USER_LIST, USERS("strpos"), USERS("instr"))

#endif
