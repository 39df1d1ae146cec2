/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chat_store_statements.h. What differs: PostgreSQL locks the rows of a
 * conversation before it changes them, SQLite the whole file at the begin of a
 * transaction; words are found by other means.
 */
#include "chat_store_statements.h"

#include <stddef.h>

#include "chat_store_statements_accounts.h"
#include "chat_store_statements_admin.h"
#include "chat_store_statements_upload.h"

/* "%s" in order: text of both, or of each. */
#define BOTH(id, sql) [CHAT_SQL_##id] = {sql, sql}
#define EACH(id, pgsql, sqlite) [CHAT_SQL_##id] = {pgsql, sqlite}
/* The same text, of which PostgreSQL's locks the rows that it finds. */
#define LOCK(id, sql, of) [CHAT_SQL_##id] = {sql " for update of " of, sql}

/* SQLite's rows have numbers in the order of their times, so that a search by
 * words finds the newest first: of each millisecond there are a million, given
 * out in turn, for a file that is imported may have one time for all that is in
 * it. Only one connection writes at a time. The time is a column, or the
 * parameter of that number. */
#define NEXT(table, time)                                                      \
    "(select coalesce(max(x.n), " time " * 1048576 - 1) + 1 from " table " x " \
    "where x.n >= " time " * 1048576 and x.n < (" time " + 1) * 1048576)"
#define NUMBER(table, time) NEXT(table, "?" #time)

/* Columns in the order of chat_store_conversation.c. */
#define CONVERSATION                                                           \
    "select c.id, c.title, c.title_by, c.model, c.system, c.metadata, "        \
    "c.current_message_id, c.pinned, c.archived, c.message_count, "            \
    "c.revision, c.created_at, c.updated_at, c.last_message_at, "              \
    "s.id, s.message_id from chat_conversation c "                             \
    "left join chat_stream s on s.conversation_id = c.id "                     \
    "and s.status = 'running' "

#define PAGE_OF_CONVERSATIONS                                                  \
    "where c.user_id = %s and c.archived = %s and c.deleted_at is null "       \
    "and c.pinned >= %s and (c.last_message_at, c.id) < (%s, %s) "
#define OLDEST_CONVERSATIONS                                                   \
    "where c.user_id = %s and c.archived = %s and c.deleted_at is null "       \
    "and c.pinned >= %s and (c.last_message_at, c.id) > (%s, %s) "             \
    "order by c.last_message_at, c.id limit %s"
#define NEWEST_CONVERSATIONS                                                   \
    "order by c.last_message_at desc, c.id desc limit %s"

/* Columns in the order of chat_store_message.c. */
#define MESSAGE(siblings, sibling)                                             \
    "select m.id, m.conversation_id, m.parent_id, m.role, m.status, "          \
    "m.parts, m.text, m.model, m.provider, m.finish_reason, m.error_code, "    \
    "m.input_tokens, m.output_tokens, m.cost_e10, m.feedback, "                \
    "m.feedback_reason, m.created_at, m.updated_at, " siblings ", " sibling    \
    " "

/* Two questions instead of one that no index answers. */
#define SIBLINGS(which)                                                        \
    "(case when m.parent_id is null then (select count(*) "                    \
    "from chat_message b where b.conversation_id = m.conversation_id "         \
    "and b.parent_id is null" which ") else (select count(*) "                 \
    "from chat_message b where b.conversation_id = m.conversation_id "         \
    "and b.parent_id = m.parent_id" which ") end)"
#define MESSAGE_COUNTED                                                        \
    MESSAGE(SIBLINGS(""),                                                      \
            SIBLINGS(" and (b.created_at, b.id) <= (m.created_at, m.id)"))

#define USAGE_COUNTS                                                           \
    "requests, input_tokens, output_tokens, cached_tokens, cost_e10 "          \
    "from chat_usage where user_id = %s and day >= %s and day <= %s "          \
    "order by day, model, provider, own_key"

/* To what is there, "u", is added. */
#define USAGE_SUM                                                              \
    "on conflict (user_id, day, model, provider, own_key) do update set "      \
    "requests = u.requests + excluded.requests, "                              \
    "input_tokens = u.input_tokens + excluded.input_tokens, "                  \
    "output_tokens = u.output_tokens + excluded.output_tokens, "               \
    "cached_tokens = u.cached_tokens + excluded.cached_tokens, "               \
    "cost_e10 = u.cost_e10 + excluded.cost_e10"

#define TWELVE "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
#define CONVERSATION_COLUMNS                                                   \
    "id, user_id, title, title_by, model, system, pinned, archived, "          \
    "metadata, created_at, updated_at, last_message_at"
#define MESSAGE_COLUMNS                                                        \
    "id, conversation_id, parent_id, user_id, role, status, parts, text, "     \
    "bytes, model, provider, finish_reason, error_code, input_tokens, "        \
    "output_tokens, cost_e10, feedback, feedback_reason, created_at, "         \
    "updated_at"

#define OWNED                                                                  \
    "join chat_conversation c on c.id = m.conversation_id "                    \
    "and c.user_id = %s and c.deleted_at is null "

/* From a message up to its root, so many of them: id, conversation, owner,
 * limit. By the primary key; that there is no circle, the limit sees to. */
#define PATH                                                                   \
    "with recursive path (id, parent_id, depth) as ("                          \
    "select m.id, m.parent_id, 1 from chat_message m " OWNED                   \
    "where m.id = %s and m.conversation_id = %s "                              \
    "union all select m.id, m.parent_id, path.depth + 1 "                      \
    "from path join chat_message m on m.id = path.parent_id "                  \
    "where path.depth < cast(%s as integer)) "
/* The same by the number of SQLite's rows: no index is looked through twice. */
#define PATH_OF_ROWS                                                           \
    "with recursive path (n, parent_id, depth) as ("                           \
    "select m.n, m.parent_id, 1 from chat_message m " OWNED                    \
    "where m.id = %s and m.conversation_id = %s "                              \
    "union all select m.n, m.parent_id, path.depth + 1 "                       \
    "from path join chat_message m on m.id = path.parent_id "                  \
    "where path.depth < cast(%s as integer)) "
#define ALONG_ROWS                                                             \
    "from path join chat_message m on m.n = path.n order by path.depth desc"
/* What a model is told of a message, and why it is not; the rest of its columns
 * is nothing. */
#define MESSAGE_SAID                                                           \
    "select m.id, m.conversation_id, m.parent_id, m.role, m.status, "          \
    "m.parts, m.text, m.model, m.provider, null, m.error_code, null, null, "   \
    "null, null, null, m.created_at "
/* For PostgreSQL without statistics, see 006_turns.sql. */
#define ALONG_PATH_BY_ID                                                       \
    "from path cross join lateral (select x.* from chat_message x "            \
    "where x.id = path.id offset 0) m order by path.depth desc"
#define ALONG_PATH                                                             \
    "from path join chat_message m on m.id = path.id order by path.depth desc"

/* Columns in the order of chat_store_stream.c. SQLite's "returning" knows no
 * other name of a table. */
#define STREAM                                                                 \
    "s.id, s.conversation_id, s.message_id, s.user_id, s.instance, "           \
    "s.status, s.last_event, s.started_at, s.heartbeat_at "
#define STREAM_BARE                                                            \
    "id, conversation_id, message_id, user_id, instance, status, "             \
    "last_event, started_at, heartbeat_at"

/* A message and all below it: id, conversation, conversation. */
#define BELOW                                                                  \
    "with recursive below (id) as (select id from chat_message "               \
    "where id = %s and conversation_id = %s union all "                        \
    "select m.id from below join chat_message m on m.conversation_id = %s "    \
    "and m.parent_id = below.id) "

#define COPIED                                                                 \
    "role, status, parts, text, bytes, model, provider, finish_reason, "       \
    "error_code, input_tokens, output_tokens, cost_e10, feedback, "            \
    "feedback_reason, created_at, updated_at"

/* Columns in the order of chat_store_conversation.c. */
#define LOCKED_COLUMNS                                                         \
    "c.title, c.title_by, c.model, c.system, c.current_message_id, "           \
    "c.archived, c.message_count, c.bytes, c.revision, c.deleted_at, "         \
    "c.last_message_at, c.created_at"
#define LOCKED                                                                 \
    "select " LOCKED_COLUMNS " from chat_conversation c "                      \
    "where c.id = %s and "                                                     \
    "c.user_id = %s "

/* Of an index of words: how many parts it is in, pages of the largest, and of
 * all others. A part has the words of its pages in the order of words. */
#define PARTS(index)                                                           \
    "with recursive parts (id) as (select min(segid) from " index "_idx "      \
    "union all select (select min(segid) from " index "_idx where segid > "    \
    "parts.id) from parts where parts.id is not null), "                       \
    "pages (n) as (select (select pgno / 2 from " index "_idx where segid = "  \
    "parts.id order by term desc limit 1) from parts where parts.id is not "   \
    "null) select count(*), max(n), sum(n) - max(n) from pages"
#define MERGE(index)                                                           \
    "insert into " index " (" index ", rank) values ('merge', %s)"

/* So many messages PostgreSQL looks at first. */
#define WINDOW "500"

/* Columns in the order of chat_store_search.c. */
#define HIT(columns, rest) "select c.id, c.title, " columns " " rest

/* Columns in the order of chat_store_share.c. */
#define SHARE(snapshot)                                                        \
    "select h.id, h.conversation_id, h.user_id, h.mode, h.leaf_message_id, "   \
    "h.title, h.show_model, h.created_at, h.expires_at, "                      \
    "h.revoked_at, " snapshot                                                  \
    " from chat_share h join chat_conversation c on c.id = h.conversation_id "

static const char *const statements[CHAT_SQL_VERCEL_TABLES][2] = {
    /* ---- tables ---- */
    EACH(MIGRATION_EXISTS,
         "select 1 where to_regclass('chat_migration') is not null",
         "select 1 from sqlite_master where type = 'table' "
         "and name = 'chat_migration'"),
    EACH(TABLES_EXIST,
         "select 1 where to_regclass('chat_conversation') is not null",
         "select 1 from sqlite_master where type = 'table' "
         "and name = 'chat_conversation'"),
    BOTH(MIGRATION_LIST,
         "select version, name from chat_migration order by version"),
    BOTH(MIGRATION_INSERT,
         "insert into chat_migration (version, name, applied_at) "
         "values (%s, %s, %s)"),

    /* SQLite compiles each text anew. */
    EACH(BEGIN, NULL, "begin immediate"),
    EACH(COMMIT, NULL, "commit"),

    /* ---- conversations ---- */
    BOTH(CONVERSATION_GET, CONVERSATION "where c.id = %s and c.user_id = %s "
                                        "and c.deleted_at is null"),
    EACH(CONVERSATION_MODEL,
         "select c.model from chat_conversation c where c.id = %s "
         "and c.user_id || '' = %s and coalesce(c.deleted_at, 0) = 0",
         "select c.model from chat_conversation c where c.id = %s "
         "and c.user_id = %s and c.deleted_at is null"),
    BOTH(CONVERSATION_LIST,
         CONVERSATION PAGE_OF_CONVERSATIONS NEWEST_CONVERSATIONS),
    BOTH(CONVERSATION_LIST_OLDEST, CONVERSATION OLDEST_CONVERSATIONS),
    EACH(CONVERSATION_LIST_TITLED,
         CONVERSATION PAGE_OF_CONVERSATIONS
         "and c.title is not null and chat_words(c.user_id, c.title) @@ "
         "chat_asked(%s, %s, ':*') " NEWEST_CONVERSATIONS,
         CONVERSATION PAGE_OF_CONVERSATIONS
         "and c.n in (select rowid from chat_conversation_search "
         "where chat_conversation_search match %s) " NEWEST_CONVERSATIONS),
    BOTH(CONVERSATION_CHANGED, CONVERSATION
         "where c.user_id = %s and c.archived in (0, 1) "
         "and c.deleted_at is null "
         "and (c.updated_at >= %s or c.last_message_at >= %s) limit %s"),
    BOTH(CONVERSATION_DELETED,
         "select id from chat_conversation where deleted_at is not null "
         "and deleted_at >= %s and user_id = %s limit %s"),
    BOTH(CONVERSATION_CURRENT,
         "select current_message_id from chat_conversation "
         "where id = %s and user_id = %s and deleted_at is null"),
    BOTH(CONVERSATION_COUNT, "select count(*) from chat_conversation "
                             "where user_id = %s and deleted_at is null"),
    EACH(CONVERSATION_INSERT,
         "insert into chat_conversation (" CONVERSATION_COLUMNS ") "
         "values (" TWELVE ") on conflict (id) do nothing",
         "insert into chat_conversation (" CONVERSATION_COLUMNS ", n) "
         "values (" TWELVE
         ", " NUMBER("chat_conversation", 10) ") on conflict (id) do nothing"),
    LOCK(CONVERSATION_LOCK, LOCKED "and c.deleted_at is null", "c"),
    LOCK(CONVERSATION_LOCK_ANY, LOCKED, "c"),
    BOTH(CONVERSATION_UPDATE,
         "update chat_conversation set title = %s, title_by = %s, model = "
         "%s, "
         "system = %s, metadata = %s, current_message_id = %s, pinned = %s, "
         "archived = %s, updated_at = %s, revision = revision + 1 "
         "where id = %s and user_id = %s"),
    BOTH(CONVERSATION_NAME,
         "update chat_conversation set title = %s, title_by = 'model', "
         "updated_at = %s, revision = revision + 1 where id = %s "
         "and user_id = %s and deleted_at is null "
         "and (title_by is null or title_by <> 'user')"),
    BOTH(CONVERSATION_HIDE,
         "update chat_conversation set deleted_at = %s where id = %s "
         "and user_id = %s and deleted_at is null"),
    BOTH(CONVERSATION_REMOVE,
         "delete from chat_conversation where id = %s and user_id = %s"),
    BOTH(CONVERSATION_HIDE_ALL,
         "update chat_conversation set deleted_at = %s where user_id = %s "
         "and archived >= %s and deleted_at is null"),
    BOTH(CONVERSATION_REMOVE_HIDDEN,
         "delete from chat_conversation where id in (select id "
         "from chat_conversation where user_id = %s "
         "and deleted_at is not null limit %s)"),
    BOTH(CONVERSATION_RESTORE,
         "update chat_conversation set deleted_at = null, updated_at = %s "
         "where id = %s and user_id = %s and deleted_at is not null"),
    /* What a turn adds to it, or takes away. */
    BOTH(CONVERSATION_ADD,
         "update chat_conversation set message_count = message_count + %s, "
         "bytes = bytes + %s, current_message_id = %s, title = %s, "
         "title_by = %s, last_message_at = %s where id = %s"),
    /* Its title stays, so nobody looks whether its words do. */
    BOTH(CONVERSATION_ADVANCE,
         "update chat_conversation set message_count = message_count + %s, "
         "bytes = bytes + %s, current_message_id = %s, last_message_at = %s "
         "where id = %s"),
    BOTH(CONVERSATION_FORGET,
         "delete from chat_conversation where id in (select id "
         "from chat_conversation where user_id = %s limit %s)"),
    BOTH(CONVERSATION_HIDE_IDLE,
         "update chat_conversation set deleted_at = %s where id in (select "
         "id "
         "from chat_conversation where deleted_at is null and pinned = 0 "
         "and last_message_at < %s limit %s)"),
    BOTH(CONVERSATION_PURGE,
         "delete from chat_conversation where id in (select id "
         "from chat_conversation where deleted_at is not null "
         "and deleted_at <= %s order by deleted_at limit %s)"),
    /* Its last message is as old as it was: who is in which place of a list
     * does not change, and no index. */
    BOTH(CONVERSATION_TOUCH,
         "update chat_conversation set bytes = bytes + %s, updated_at = "
         "case when updated_at < %s then %s else updated_at end "
         "where id = %s"),

    /* ---- messages ---- */
    BOTH(MESSAGE_GET,
         MESSAGE_COUNTED "from chat_message m " OWNED
                         "where m.id = %s and m.conversation_id = %s"),
    BOTH(MESSAGE_PATH, PATH MESSAGE_COUNTED ALONG_PATH),
    EACH(MESSAGE_TURN_PATH, PATH MESSAGE_SAID ALONG_PATH_BY_ID,
         PATH_OF_ROWS MESSAGE_SAID ALONG_ROWS),
    BOTH(MESSAGE_TURN_ALL,
         MESSAGE_SAID "from chat_message m where m.conversation_id = %s "
                      "order by m.created_at desc, m.id desc limit %s"),
    /* From that one on, or from the root. */
    BOTH(MESSAGE_PATH_DOWN,
         PATH MESSAGE("1", "1") "from path join chat_message m "
                                "on m.id = path.id where path.depth <= "
                                "(select max(b.depth) from path b where "
                                "cast(b.id as text) = "
                                "coalesce(%s, cast(b.id as text))) "
                                "order by path.depth desc limit %s"),
    BOTH(MESSAGE_ALL, MESSAGE_COUNTED
         "from chat_message m " OWNED "where m.conversation_id = %s "
         "and (m.created_at, m.id) < (%s, %s) "
         "order by m.created_at desc, m.id desc limit %s"),
    BOTH(MESSAGE_FIND,
         "select m.role, m.status, m.parent_id, m.bytes from chat_message m "
         "where m.id = %s and m.conversation_id = %s"),
    EACH(MESSAGE_INSERT,
         "insert into chat_message (" MESSAGE_COLUMNS ") values (" TWELVE
         ", %s, %s, %s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
         "insert into chat_message (" MESSAGE_COLUMNS ", n) values (" TWELVE
         ", %s, %s, %s, %s, %s, %s, %s, %s, " NUMBER(
             "chat_message", 19) ") "
                                 "on conflict (id) do nothing"),
    BOTH(MESSAGE_END,
         "update chat_message set status = %s, parts = %s, text = %s, "
         "bytes = %s, model = %s, provider = %s, finish_reason = %s, "
         "error_code = %s, input_tokens = %s, output_tokens = %s, "
         "cost_e10 = %s, updated_at = %s "
         "where id = %s and status = 'streaming'"),
    BOTH(MESSAGE_REMOVE, "delete from chat_message where id = %s "
                         "and conversation_id = %s"),
    /* Is it there, and which stream answered it? */
    BOTH(MESSAGE_ANSWERED,
         "select m.user_id, (select s.id from chat_message a "
         "join chat_stream s on s.conversation_id = a.conversation_id "
         "and s.message_id = a.id "
         "where a.conversation_id = m.conversation_id "
         "and a.parent_id = m.id order by a.created_at limit 1) "
         "from chat_message m where m.id = %s"),

    EACH(MESSAGE_COPY,
         "insert into chat_message (" MESSAGE_COLUMNS ") "
         "select cast(%s as uuid), cast(%s as uuid), cast(%s as uuid), "
         "user_id, " COPIED " from chat_message where id = %s",
         "insert into chat_message (" MESSAGE_COLUMNS ", n) "
         "select %s, %s, %s, user_id, " COPIED
         ", " NEXT("chat_message",
                   "m.created_at") " from chat_message m where id = %s"),
    BOTH(MESSAGE_CORRECT,
         "update chat_message set parts = %s, text = %s, bytes = %s, "
         "updated_at = %s where id = %s and conversation_id = %s"),
    BOTH(MESSAGE_FEEDBACK,
         "update chat_message set feedback = %s, feedback_reason = %s "
         "where id = %s and conversation_id = %s and role = 'assistant'"),
    BOTH(MESSAGE_SUBTREE,
         BELOW "select count(*), coalesce(sum(m.bytes), 0) from below "
               "join chat_message m on m.id = below.id"),
    BOTH(MESSAGE_REMOVE_SUBTREE,
         BELOW "delete from chat_message where id in (select id from below)"),
    BOTH(MESSAGE_NEWEST, "select id from chat_message "
                         "where conversation_id = %s "
                         "order by created_at desc, id desc limit 1"),
    /* Who is newest has no child, and so is a leaf. */
    BOTH(MESSAGE_NEWEST_BELOW,
         BELOW "select m.id from below join chat_message m "
               "on m.id = below.id order by m.created_at desc, m.id desc "
               "limit 1"),

    /* ---- streams ---- */
    /* With its answer what was sent of it is gone. */
    BOTH(STREAM_GET,
         "select " STREAM "from chat_stream s join chat_conversation c "
         "on c.id = s.conversation_id and c.deleted_at is null "
         "join chat_message m on m.id = s.message_id "
         "where s.id = %s and s.user_id = %s"),
    BOTH(STREAM_RUNNING, "select id from chat_stream "
                         "where conversation_id = %s and status = 'running'"),
    BOTH(STREAM_RUNNING_ALL,
         "select s.id from chat_stream s join chat_conversation c "
         "on c.id = s.conversation_id where c.user_id = %s "
         "and c.archived >= %s and c.deleted_at is null "
         "and s.status = 'running'"),
    BOTH(STREAM_RUNNING_BELOW,
         BELOW "select s.id from chat_stream s where s.message_id in "
               "(select id from below) and s.status = 'running'"),
    BOTH(STREAM_INSERT, "insert into chat_stream (id, conversation_id, "
                        "message_id, user_id, "
                        "instance, status, started_at, heartbeat_at) "
                        "values (%s, %s, %s, %s, %s, 'running', %s, %s) "
                        "on conflict do nothing"),
    BOTH(STREAM_HEARTBEAT, "update chat_stream set heartbeat_at = %s "
                           "where status = 'running' and instance = %s"),
    /* Materialized, or else a plan may pick again, and other rows. */
    EACH(STREAM_ADOPT,
         "with old as materialized (select id from chat_stream "
         "where status = 'running' and heartbeat_at < %s "
         "order by heartbeat_at limit %s for update skip locked) "
         "update chat_stream s set heartbeat_at = %s "
         "from old where s.id = old.id returning " STREAM,
         "with old as (select id from chat_stream "
         "where status = 'running' and heartbeat_at < %s "
         "order by heartbeat_at limit %s) "
         "update chat_stream set heartbeat_at = %s "
         "where id in (select id from old) returning " STREAM_BARE),
    EACH(STREAM_INHERIT,
         "update chat_stream s set heartbeat_at = %s "
         "where s.status = 'running' and s.instance = %s returning " STREAM,
         "update chat_stream as s set heartbeat_at = %s "
         "where s.status = 'running' and s.instance = %s "
         "returning " STREAM_BARE),
    /* The conversation first, as everybody does. */
    LOCK(STREAM_LOCK,
         "select c.id, c.user_id from chat_conversation c where c.id = "
         "(select s.conversation_id from chat_stream s where s.id = %s)",
         "c"),
    BOTH(STREAM_END, "update chat_stream set status = %s, last_event = %s, "
                     "ended_at = %s "
                     "where id = %s and status = 'running'"),
    BOTH(STREAM_REMOVE, "delete from chat_stream where id = %s "
                        "and conversation_id = %s"),
    BOTH(STREAM_PURGE,
         "delete from chat_stream where id in (select id from chat_stream "
         "where ended_at is not null and ended_at < %s limit %s)"),

    /* ---- a turn, in few statements ---- */
    EACH(TURN_LOOK, NULL,
         "select " LOCKED_COLUMNS ", p.id from chat_conversation c "
         "left join chat_message p on p.id = case %s when '1' then %s "
         "else c.current_message_id end and p.conversation_id = c.id "
         "where c.id = %s and c.user_id = %s and c.deleted_at is null "
         "and c.archived = 0 and not exists (select 1 from chat_stream s "
         "where s.conversation_id = c.id and s.status = 'running') "
         "and not exists (select 1 from chat_message q where q.id = %s)"),
    /* Columns in the order of chat_store_turn_once.c. */
    EACH(TURN_BEGIN,
         "select title, title_by, system, current_message_id, parent, id, "
         "parent_id, role, status, parts, body, provider, error_code, "
         "created_at, asked_at from chat_turn_begin(" TWELVE
         ", %s, %s, %s, %s, %s)",
         NULL),
    EACH(TURN_END, "select chat_turn_end(" TWELVE ", %s, %s, %s, %s, %s, %s)",
         NULL),

    /* ---- search ---- */
    EACH(SEARCH_MESSAGES,
         HIT("m.id, m.text, m.created_at, 0",
             "from chat_message m join chat_conversation c on c.id = "
             "m.conversation_id and c.deleted_at is null where "
             "m.user_id = %s and chat_words(m.user_id, m.text) @@ "
             "chat_asked(%s, %s, '') and (m.created_at, m.id) < (%s, %s) "
             "and m.created_at >= %s order by m.created_at desc, m.id desc "
             "limit %s"),
         HIT("m.id, m.text, m.created_at, f.rowid",
             "from chat_message_search f join chat_message m on m.n = "
             "f.rowid join chat_conversation c on c.id = "
             "m.conversation_id where f.chat_message_search match %s "
             "and f.rowid < %s and m.user_id = %s and c.deleted_at is "
             "null order by f.rowid desc limit %s")),
    /* By the words alone: the index of users would be read as far as there are
     * messages of this one. */
    EACH(SEARCH_OLDER,
         HIT("m.id, m.text, m.created_at, 0",
             "from chat_message m join chat_conversation c on c.id = "
             "m.conversation_id and c.deleted_at is null where "
             "m.user_id || '' = %s and chat_words(m.user_id, m.text) @@ "
             "chat_asked(%s, %s, '') and (m.created_at, m.id) < (%s, %s) "
             "order by m.created_at desc, m.id desc limit %s"),
         NULL),
    EACH(SEARCH_SINCE,
         "select m.created_at from chat_message m where m.user_id = %s "
         "and (m.created_at, m.id) < (%s, %s) "
         "order by m.created_at desc, m.id desc limit 1 offset " WINDOW,
         NULL),
    /* What waits to be put into the index of words: PostgreSQL does it itself.
     */
    EACH(WORDS_WAIT, NULL, "select 1 from chat_message_unindexed limit 1"),
    EACH(WORDS_INDEX, NULL,
         "insert into chat_message_search (rowid, owner, body) "
         "select n, hex(user_id), text from chat_message where n in (select n "
         "from chat_message_unindexed order by n limit %s)"),
    EACH(WORDS_INDEXED, NULL,
         "delete from chat_message_unindexed where n in (select n "
         "from chat_message_unindexed order by n limit %s)"),
    EACH(WORDS_PARTS, NULL, PARTS("chat_message_search")),
    EACH(WORDS_MERGE, NULL, MERGE("chat_message_search")),
    EACH(WORDS_CHANGES, NULL, "select total_changes()"),
    EACH(TITLES_PARTS, NULL, PARTS("chat_conversation_search")),
    EACH(TITLES_MERGE, NULL, MERGE("chat_conversation_search")),
    EACH(SEARCH_TITLES,
         HIT("null, c.title, c.created_at, 0",
             "from chat_conversation c where c.user_id = %s and "
             "c.deleted_at is null and c.title is not null and "
             "chat_words(c.user_id, c.title) @@ chat_asked(%s, %s, '') "
             "and (c.created_at, c.id) < (%s, %s) order by "
             "c.created_at desc, c.id desc limit %s"),
         HIT("null, c.title, c.created_at, f.rowid",
             "from chat_conversation_search f join chat_conversation c "
             "on c.n = f.rowid where f.chat_conversation_search match "
             "%s and f.rowid < %s and c.user_id = %s and c.deleted_at "
             "is null order by f.rowid desc limit %s")),

    /* ---- shares ---- */
    BOTH(SHARE_INSERT,
         "insert into chat_share (id, conversation_id, user_id, mode, "
         "leaf_message_id, title, snapshot, show_model, created_at, "
         "expires_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
         "on conflict (id) do nothing"),
    BOTH(SHARE_LIST,
         SHARE("null") "where h.conversation_id = %s and h.user_id = %s "
                       "and h.revoked_at is null "
                       "order by h.created_at desc, h.id"),
    BOTH(SHARE_REVOKE,
         "update chat_share set revoked_at = coalesce(revoked_at, %s) "
         "where id = %s and conversation_id = %s and user_id = %s"),
    BOTH(SHARE_REVOKE_ALL, "update chat_share set revoked_at = %s "
                           "where user_id = %s and revoked_at is null"),
    BOTH(SHARE_GET,
         SHARE("h.snapshot") "where h.id = %s and c.deleted_at is null"),

    /* ---- requests that may be repeated ---- */
    BOTH(REPEAT_INSERT,
         "insert into chat_idempotency (user_id, key, method, path, "
         "body_hash, created_at) values (%s, %s, %s, %s, %s, %s) "
         "on conflict (user_id, key) do nothing"),
    LOCK(REPEAT_GET,
         "select i.method, i.path, i.body_hash, i.status, i.response, "
         "i.created_at from chat_idempotency i "
         "where i.user_id = %s and i.key = %s",
         "i"),
    BOTH(REPEAT_TAKE, "update chat_idempotency set method = %s, path = %s, "
                      "body_hash = %s, "
                      "created_at = %s, status = null, response = null "
                      "where user_id = %s and key = %s"),
    BOTH(REPEAT_END, "update chat_idempotency set status = %s, response = %s "
                     "where user_id = %s and key = %s"),
    BOTH(REPEAT_REMOVE, "delete from chat_idempotency where user_id = %s "
                        "and key = %s and status is null"),
    BOTH(REPEAT_REMOVE_ALL, "delete from chat_idempotency where user_id = %s"),
    EACH(REPEAT_PURGE,
         "delete from chat_idempotency where (user_id, key) in (select "
         "user_id, key from chat_idempotency where created_at < %s limit "
         "%s)",
         "delete from chat_idempotency where rowid in (select rowid "
         "from chat_idempotency where created_at < %s limit %s)"),

    /* ---- usage ---- */
    BOTH(USAGE_ADD,
         "insert into chat_usage as u (user_id, day, model, provider, own_key, "
         "requests, input_tokens, output_tokens, cached_tokens, cost_e10) "
         "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, "
         "%s) " USAGE_SUM),
    BOTH(USAGE_BATCH, "insert into chat_usage_batch (id, added_at) "
                      "values (%s, %s) on conflict (id) do nothing"),
    EACH(USAGE_LIST,
         "select to_char(day, 'YYYY-MM-DD'), model, provider, "
         "own_key::integer, " USAGE_COUNTS,
         "select day, model, provider, own_key, " USAGE_COUNTS),
    BOTH(USAGE_FORGET, "update chat_usage set user_id = %s "
                       "where user_id = %s"),
    BOTH(USAGE_PURGE, "delete from chat_usage_batch where id in (select id "
                      "from chat_usage_batch where added_at < %s limit %s)"),

    CHAT_STORE_ACCOUNTS,
    CHAT_STORE_UPLOADS,
    CHAT_STORE_ADMIN,
};

const char *chat_store_statements_text(chat_store_sql_e id, int sqlite)
{
    if (id >= CHAT_SQL_VERCEL_TABLES)
        return sqlite ? NULL : chat_store_statements_vercel(id);
    return statements[id][sqlite ? 1 : 0];
}
