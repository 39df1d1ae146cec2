/* SPDX-License-Identifier: Apache-2.0 */
/* Private to chat_store_statements.c, in whose list these stand: users' keys,
 * tiers, and what pays for them. */
#ifndef CHAT_STORE_STATEMENTS_ACCOUNTS_H
#define CHAT_STORE_STATEMENTS_ACCOUNTS_H

/* Columns in the order of chat_store_key.c. */
#define KEY_LISTED(blob)                                                       \
    "select k.provider, " blob ", k.key_id, k.last4, k.base_url, "             \
    "k.created_at, k.updated_at, k.checked_at, k.last_used_at, "               \
    "k.invalid_at, k.expires_at from chat_user_key k where k.user_id = %s "    \
    "order by k.provider"
/* What was not sealed with that key, behind that row. */
#define KEY_OTHERS(blob)                                                       \
    "select k.user_id, k.provider, " blob ", k.key_id from chat_user_key k "   \
    "where k.key_id <> %s and (k.user_id, k.provider) > (%s, %s) "             \
    "order by k.user_id, k.provider limit %s"

#define CHAT_STORE_ACCOUNTS                                                    \
    EACH(KEY_LIST, KEY_LISTED("encode(k.blob, 'hex')"),                        \
         KEY_LISTED("lower(hex(k.blob))")),                                    \
        BOTH(                                                                  \
            KEY_PUT,                                                           \
            "insert into chat_user_key (user_id, provider, blob, key_id, "     \
            "last4, "                                                          \
            "base_url, created_at, updated_at, checked_at, expires_at) "       \
            "values (%s, %s, %pDb, %s, %s, %s, %s, %s, %s, %s) "               \
            "on conflict (user_id, provider) do update set blob = "            \
            "excluded.blob, "                                                  \
            "key_id = excluded.key_id, last4 = excluded.last4, "               \
            "base_url = excluded.base_url, updated_at = excluded.updated_at, " \
            "checked_at = excluded.checked_at, last_used_at = null, "          \
            "invalid_at = null, expires_at = excluded.expires_at"),            \
        BOTH(                                                                  \
            KEY_REMOVE,                                                        \
            "delete from chat_user_key where user_id = %s and provider = %s"), \
        BOTH(KEY_REMOVE_ALL, "delete from chat_user_key where user_id = %s"),  \
        BOTH(KEY_MARK,                                                         \
             "update chat_user_key set checked_at = %s, invalid_at = %s "      \
             "where user_id = %s and provider = %s and blob = %pDb"),          \
        BOTH(KEY_USED,                                                         \
             "update chat_user_key set last_used_at = %s "                     \
             "where user_id = %s and provider = %s and blob = %pDb"),          \
        BOTH(KEY_RESEAL,                                                       \
             "update chat_user_key set blob = %pDb, key_id = %s "              \
             "where user_id = %s and provider = %s and blob = %pDb"),          \
        EACH(KEY_OLD, KEY_OTHERS("encode(k.blob, 'hex')"),                     \
             KEY_OTHERS("lower(hex(k.blob))")),                                \
        BOTH(KEY_COUNT,                                                        \
             "select k.key_id, count(*) from chat_user_key k "                 \
             "group by k.key_id order by k.key_id"), /* Events are few, and    \
                                                      * those of one user may  \
                                                      * come at the same       \
                                                      * moment: SQLite has one \
                                                      * writer anyway. Who     \
                                                      * reads a tier does not  \
                                                      * wait. */               \
        EACH(TIER_LOCK,                                                        \
             "lock table chat_subscription in share row exclusive mode",       \
             "select 1"),                                                      \
        BOTH(TIER_GET, "select t.tier, t.valid_until from chat_tier t where "  \
                       "t.user_id = %s"),                                      \
        BOTH(TIER_PUT,                                                         \
             "insert into chat_tier (user_id, tier, source, customer_id, "     \
             "subscription_id, status, event_at, valid_until, updated_at) "    \
             "values (%s, %s, %s, %s, %s, %s, %s, %s, %s) "                    \
             "on conflict (user_id) do update set tier = excluded.tier, "      \
             "source = excluded.source, customer_id = excluded.customer_id, "  \
             "subscription_id = excluded.subscription_id, "                    \
             "status = excluded.status, event_at = excluded.event_at, "        \
             "valid_until = excluded.valid_until, "                            \
             "updated_at = excluded.updated_at where chat_tier.source <> "     \
             "'admin'"),                                                       \
        BOTH(TIER_REMOVE, "delete from chat_tier where user_id = %s"),         \
        BOTH(CUSTOMER_GET, "select c.user_id from chat_customer c "            \
                           "where c.source = %s and c.customer_id = %s"),      \
        BOTH(CUSTOMER_PUT, "insert into chat_customer (source, customer_id, "  \
                           "user_id, updated_at) "                             \
                           "values (%s, %s, %s, %s) on conflict (source, "     \
                           "customer_id) do update "                           \
                           "set user_id = excluded.user_id, updated_at = "     \
                           "excluded.updated_at"),                             \
        BOTH(CUSTOMER_REMOVE, "delete from chat_customer where user_id = %s"), \
        BOTH(                                                                  \
            SUBSCRIPTION_GET,                                                  \
            "select s.user_id, s.customer_id, s.tier, s.tier_rank, s.status, " \
            "s.event_at, s.valid_until from chat_subscription s "              \
            "where s.source = %s and s.subscription_id = %s"),                 \
        BOTH(                                                                  \
            SUBSCRIPTION_PUT,                                                  \
            "insert into chat_subscription (source, subscription_id, "         \
            "customer_id, user_id, tier, tier_rank, status, access, "          \
            "event_at, "                                                       \
            "valid_until, updated_at) "                                        \
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "             \
            "on conflict (source, subscription_id) do update set "             \
            "customer_id = excluded.customer_id, user_id = excluded.user_id, " \
            "tier = excluded.tier, tier_rank = excluded.tier_rank, "           \
            "status = excluded.status, access = excluded.access, "             \
            "event_at = excluded.event_at, valid_until = "                     \
            "excluded.valid_until, "                                           \
            "updated_at = excluded.updated_at"),                               \
        BOTH(SUBSCRIPTION_LINK,                                                \
             "update chat_subscription set user_id = %s "                      \
             "where source = %s and customer_id = %s and user_id is null"),    \
        BOTH(SUBSCRIPTION_OF_USER,                                             \
             "select s.source, s.subscription_id, s.customer_id, s.tier, "     \
             "s.tier_rank, s.status, s.access, s.event_at, s.valid_until "     \
             "from chat_subscription s where s.user_id = %s"),                 \
        BOTH(SUBSCRIPTION_REMOVE,                                              \
             "delete from chat_subscription where user_id = %s"),              \
        BOTH(WEBHOOK_INSERT,                                                   \
             "insert into chat_webhook_event (source, event_id, type, "        \
             "created_at, "                                                    \
             "received_at, outcome) values (%s, %s, %s, %s, %s, 'taken') "     \
             "on conflict (source, event_id) do nothing"),                     \
        BOTH(WEBHOOK_OUTCOME, "update chat_webhook_event set outcome = %s "    \
                              "where source = %s and event_id = %s"),          \
        EACH(                                                                  \
            WEBHOOK_PURGE,                                                     \
            "delete from chat_webhook_event where (source, event_id) in "      \
            "(select "                                                         \
            "source, event_id from chat_webhook_event where received_at < %s " \
            "limit %s)",                                                       \
            "delete from chat_webhook_event where rowid in (select rowid "     \
            "from chat_webhook_event where received_at < %s limit %s)")

#endif
