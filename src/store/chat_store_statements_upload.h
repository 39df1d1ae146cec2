/* SPDX-License-Identifier: Apache-2.0 */
/* Private to chat_store_statements.c, in whose list these stand: files of
 * users. */
#ifndef CHAT_STORE_STATEMENTS_UPLOAD_H
#define CHAT_STORE_STATEMENTS_UPLOAD_H

/* Columns in the order of chat_store_upload.c. */
#define UPLOAD                                                                 \
    "select u.id, u.user_id, u.status, u.object_key, u.seal, u.filename, "     \
    "u.media_type, u.size, u.sha256, u.width, u.height, u.created_at, "        \
    "u.expires_at from chat_upload u where u.id = %s and u.status <> "         \
    "'deleted'"

#define UPLOAD_USED_BY(conversation, chat)                                     \
    "insert into chat_upload_use (upload_id, conversation_id, chat_id) "       \
    "select u.id, " conversation ", " chat " from chat_upload u "              \
    "where u.id = %s and u.user_id = %s and u.status = 'ready' "               \
    "on conflict do nothing"

/* Nothing has it any more. */
#define UPLOAD_ORPHAN                                                          \
    "u.status = 'ready' and u.used_at is not null and not exists (select 1 "   \
    "from chat_upload_use x where x.upload_id = u.id)"

#define UPLOAD_DELETE                                                          \
    "update chat_upload set status = 'deleted', deleted_at = %s "

#define CHAT_STORE_UPLOADS                                                     \
    /* Of a user one at a time: the quota is looked at and used. */            \
    EACH(UPLOAD_LOCK, "select pg_advisory_xact_lock(hashtextextended(%s, 0))", \
         "select %s"),                                                         \
        BOTH(UPLOAD_COUNT,                                                     \
             "select count(*), coalesce(sum(u.size), 0) from chat_upload u "   \
             "where u.user_id = %s and u.created_at > %s"),                    \
        BOTH(UPLOAD_INSERT,                                                    \
             "insert into chat_upload (id, user_id, status, object_key, "      \
             "seal, filename, media_type, size, sha256, created_at, "          \
             "expires_at) values (%s, %s, 'pending', %s, %s, %s, %s, %s, %s, " \
             "%s, %s)"),                                                       \
        BOTH(UPLOAD_GET, UPLOAD " and u.user_id = %s"),                        \
        BOTH(UPLOAD_FIND, UPLOAD),                                             \
        BOTH(UPLOAD_READY,                                                     \
             "update chat_upload set status = 'ready', width = %s, "           \
             "height = %s, ready_at = %s where id = %s and user_id = %s "      \
             "and status = 'pending'"),                                        \
        BOTH(UPLOAD_REMOVE, UPLOAD_DELETE "where id = %s and user_id = %s "    \
                                          "and status <> 'deleted'"),          \
        BOTH(UPLOAD_TOUCH,                                                     \
             "update chat_upload set used_at = %s where id = %s "              \
             "and user_id = %s and status = 'ready' and used_at is null"),     \
        EACH(UPLOAD_USE,                                                       \
             UPLOAD_USED_BY("cast(%s as uuid)", "cast(%s as uuid)"),           \
             UPLOAD_USED_BY("%s", "%s")),                                      \
        EACH(UPLOAD_FORK,                                                      \
             "insert into chat_upload_use (upload_id, conversation_id) "       \
             "select x.upload_id, cast(%s as uuid) from chat_upload_use x "    \
             "where x.conversation_id = %s on conflict do nothing",            \
             "insert into chat_upload_use (upload_id, conversation_id) "       \
             "select x.upload_id, %s from chat_upload_use x "                  \
             "where x.conversation_id = %s on conflict do nothing"),           \
        BOTH(UPLOAD_LEAVE, "delete from chat_upload_use where chat_id = %s"),  \
        BOTH(UPLOAD_ORPHANS_OF,                                                \
             UPLOAD_DELETE "where id in (select u.id from chat_upload u "      \
                           "where u.user_id = %s and " UPLOAD_ORPHAN ")"),     \
        BOTH(UPLOAD_ORPHANS, UPLOAD_DELETE                                     \
             "where id in (select u.id from chat_upload u "                    \
             "where u.used_at < %s and " UPLOAD_ORPHAN " limit %s)"),          \
        BOTH(UPLOAD_PENDING,                                                   \
             UPLOAD_DELETE "where id in (select u.id from chat_upload u "      \
                           "where u.status = 'pending' and "                   \
                           "u.expires_at < %s limit %s)"),                     \
        BOTH(UPLOAD_UNUSED,                                                    \
             UPLOAD_DELETE "where id in (select u.id from chat_upload u "      \
                           "where u.status = 'ready' and u.used_at is null "   \
                           "and u.ready_at < %s limit %s)"),                   \
        BOTH(UPLOAD_DOOMED,                                                    \
             "select u.id, u.object_key from chat_upload u "                   \
             "where u.status = 'deleted' and u.gone_at is null "               \
             "order by u.deleted_at limit %s"),                                \
        BOTH(UPLOAD_LATER,                                                     \
             "update chat_upload set deleted_at = %s where id = %s"),          \
        BOTH(UPLOAD_GONE,                                                      \
             "update chat_upload set gone_at = %s, filename = '' "             \
             "where id = %s"),                                                 \
        BOTH(UPLOAD_PURGE,                                                     \
             "delete from chat_upload where id in (select u.id from "          \
             "chat_upload u where u.gone_at < %s limit %s)"),                  \
        BOTH(UPLOAD_FORGET,                                                    \
             "update chat_upload set status = 'deleted', deleted_at = %s, "    \
             "user_id = %s, filename = '' where user_id = %s")

#endif
