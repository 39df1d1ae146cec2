/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to chat_store_statements.c: a turn in one statement, which PostgreSQL
 * alone can. A round trip less is worth more to a server than what the database
 * saves: there were seventeen in a turn.
 *
 * All of a statement sees the tables as they were when it began, but the row
 * that it locks as it is when it has the lock. So the conversation must not
 * have changed in between: its last message and its number of messages are
 * those of the beginning, or the statement finds nothing and does nothing. Then
 * no stream can run that it does not see, and no message of it is new or gone.
 * What may be taken after all is the id of the question, in a conversation of
 * somebody else's: so that is what all the rest hangs on.
 */
#ifndef CHAT_STORE_STATEMENTS_TURN_H
#define CHAT_STORE_STATEMENTS_TURN_H

/* Columns in the order of chat_store_turn_once.c. */
#define CHAT_STORE_TURN_BEGIN                                                  \
    "with recursive a as materialized (select "                                \
    "cast(%s as uuid) as conversation, cast(%s as text) as owner, "            \
    "cast(%s as uuid) as question, cast(%s as json) as parts, "                \
    "cast(%s as text) as text, cast(%s as bigint) as bytes, "                  \
    "cast(%s as uuid) as answer, cast(%s as uuid) as stream, "                 \
    "cast(%s as text) as instance, cast(%s as text) as model, "                \
    "cast(%s as text) as title, cast(%s as bigint) as now, "                   \
    "cast(%s as integer) as has_parent, cast(%s as uuid) as parent, "          \
    "cast(%s as bigint) as most, cast(%s as bigint) as most_bytes, "           \
    "cast(%s as integer) as most_path), "                                      \
    "k as materialized (select c.id, c.title, c.title_by, c.system, "          \
    "c.created_at, "                                                           \
    "c.current_message_id, greatest(a.now, c.last_message_at + 1) as now, "    \
    "case a.has_parent when 1 then a.parent else c.current_message_id end "    \
    "as parent from a join chat_conversation c "                               \
    "on c.id = a.conversation and c.user_id = a.owner "                        \
    "where c.deleted_at is null and c.archived = 0 "                           \
    "and c.message_count + 2 <= a.most "                                       \
    "and c.bytes + a.bytes + 2 <= a.most_bytes "                               \
    "and (c.last_message_at, c.message_count) = (select o.last_message_at, "   \
    "o.message_count from chat_conversation o where o.id = c.id) "             \
    "and not exists (select 1 from chat_stream s "                             \
    "where s.conversation_id = c.id and s.status = 'running') "                \
    "for update of c), "                                                       \
    "p (id, parent_id, depth) as (select m.id, m.parent_id, 1 from k "         \
    "join chat_message m on m.id = k.parent and m.conversation_id = k.id "     \
    "union all select m.id, m.parent_id, p.depth + 1 from p "                  \
    "join chat_message m on m.id = p.parent_id "                               \
    "where p.depth < (select most_path from a)), "                             \
    "q as (insert into chat_message (id, conversation_id, parent_id, "         \
    "user_id, role, status, parts, text, bytes, created_at, updated_at) "      \
    "select a.question, k.id, k.parent, a.owner, 'user', 'complete', "         \
    "a.parts, a.text, a.bytes, k.now, k.now from a cross join k "              \
    "where (k.parent is null or exists (select 1 from p)) "                    \
    "and (select count(*) from p) < a.most_path - 1 "                          \
    "on conflict (id) do nothing returning id), "                              \
    "m as (insert into chat_message (id, conversation_id, parent_id, "         \
    "user_id, role, status, parts, text, bytes, model, created_at, "           \
    "updated_at) select a.answer, k.id, q.id, a.owner, 'assistant', "          \
    "'streaming', '[]', '', 2, a.model, k.now + 1, k.now + 1 "                 \
    "from a cross join k cross join q), "                                      \
    "s as (insert into chat_stream (id, conversation_id, message_id, "         \
    "user_id, instance, status, started_at, heartbeat_at) "                    \
    "select a.stream, k.id, a.answer, a.owner, a.instance, 'running', "        \
    "k.now, k.now from a cross join k cross join q), "                         \
    "u as (update chat_conversation x set "                                    \
    "message_count = x.message_count + 2, bytes = x.bytes + a.bytes + 2, "     \
    "current_message_id = a.answer, title = coalesce(x.title, a.title), "      \
    "title_by = case when x.title is not null then x.title_by "                \
    "when a.title is not null then 'text' end, "                               \
    "last_message_at = k.now + 1 from a, k, q where x.id = k.id) "             \
    "select k.title, k.title_by, k.system, k.current_message_id, k.parent, "   \
    "m.id, m.parent_id, m.role, m.status, m.parts, m.text, m.provider, "       \
    "k.created_at, k.now "                                                     \
    "from q cross join k left join (p join chat_message m on m.id = p.id) "    \
    "on true order by p.depth desc"

/* To what is there, "u", is added. */
#define CHAT_STORE_USAGE_SUM                                                   \
    "on conflict (user_id, day, model, provider, own_key) do update set "      \
    "requests = u.requests + excluded.requests, "                              \
    "input_tokens = u.input_tokens + excluded.input_tokens, "                  \
    "output_tokens = u.output_tokens + excluded.output_tokens, "               \
    "cached_tokens = u.cached_tokens + excluded.cached_tokens, "               \
    "cost_e10 = u.cost_e10 + excluded.cost_e10"

/* One row: it is done. */
#define CHAT_STORE_TURN_END                                                    \
    "with a as materialized (select cast(%s as uuid) as answer, "              \
    "cast(%s as uuid) as stream, cast(%s as text) as owner, "                  \
    "cast(%s as text) as status, cast(%s as text) as stream_status, "          \
    "cast(%s as json) as parts, cast(%s as text) as text, "                    \
    "cast(%s as bigint) as bytes, cast(%s as text) as model, "                 \
    "cast(%s as text) as provider, cast(%s as text) as finish_reason, "        \
    "cast(%s as text) as error_code, cast(%s as bigint) as input_tokens, "     \
    "cast(%s as bigint) as output_tokens, cast(%s as bigint) as cost, "        \
    "cast(%s as bigint) as last_event, cast(%s as bigint) as now, "            \
    "cast(%s as json) as used), "                                              \
    "c as materialized (select c.id from a "                                   \
    "join chat_stream s on s.id = a.stream "                                   \
    "join chat_conversation c on c.id = s.conversation_id "                    \
    "where (a.owner is null or c.user_id = a.owner) for update of c), "        \
    "m as (update chat_message m set status = a.status, parts = a.parts, "     \
    "text = a.text, bytes = a.bytes, model = a.model, "                        \
    "provider = a.provider, finish_reason = a.finish_reason, "                 \
    "error_code = a.error_code, input_tokens = a.input_tokens, "               \
    "output_tokens = a.output_tokens, cost_e10 = a.cost, "                     \
    "updated_at = a.now from a, c where m.id = a.answer "                      \
    "and m.conversation_id = c.id and m.status = 'streaming' "                 \
    "returning m.id), "                                                        \
    "s as (update chat_stream s set status = a.stream_status, "                \
    "last_event = a.last_event, ended_at = a.now from a, m "                   \
    "where s.id = a.stream and s.status = 'running'), "                        \
    "u as (update chat_conversation x set bytes = x.bytes + a.bytes - 2, "     \
    "last_message_at = greatest(x.last_message_at, a.now) "                    \
    "from a, c, m where x.id = c.id), "                                        \
    "b as (insert into chat_usage_batch (id, added_at) "                       \
    "select a.answer, a.now from a, m where json_array_length(a.used) > 0 "    \
    "on conflict (id) do nothing returning id), "                              \
    "z as (insert into chat_usage as u (user_id, day, model, provider, "       \
    "own_key, requests, input_tokens, output_tokens, cached_tokens, cost_e10)" \
    " select r.user_id, r.day, r.model, r.provider, r.own_key, "               \
    "sum(r.requests), sum(r.input), sum(r.output), sum(r.cached), "            \
    "sum(r.cost) from a, b, json_to_recordset(a.used) as r(user_id text, "     \
    "day date, model text, provider text, own_key boolean, requests bigint, "  \
    "input bigint, output bigint, cached bigint, cost bigint) "                \
    "group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5 " CHAT_STORE_USAGE_SUM      \
    ") select 1 from m"

#endif
