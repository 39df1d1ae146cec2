-- SPDX-License-Identifier: Apache-2.0
--
-- A turn in one statement: a round trip less is worth more to a server than what
-- the database saves, and there were seventeen in a turn. In functions, because
-- a connection keeps their plans, also behind a pooler: to read these statements
-- and to plan them took twice as long as to do what they say. PostgreSQL 13 or
-- later. A statement ends with a semicolon and an empty line.
--
-- All of a statement sees the tables as they were when it began, but the row that
-- it locks as it is when it has the lock. So the conversation must not have
-- changed in between: its last message and its number of messages are those of
-- the beginning, or the statement finds nothing and does nothing. Then no stream
-- can run that it does not see, and no message of it is new or gone. What may be
-- taken after all is the id of the question, in a conversation of somebody
-- else's: so that is what all the rest hangs on.
--
-- No plan may read more than the rows of this turn, also in the first minutes of
-- a database, which has no statistics then: all indexes look the same to it, and
-- it took that of the list of conversations, of everybody's, and read all
-- messages to find those of the path. So what else is known of a row than its id
-- is compared in a way that no index answers, "offset 0" keeps streams and
-- messages from being joined by other means, and no plan that is kept from the
-- time when there were few rows reads them all.

-- No row: nothing is done, and it needs more than this, or is to be refused.
-- Otherwise the messages before the question, root first, or one row without.
create function chat_turn_begin(in_conversation uuid, in_owner text, in_question uuid, in_parts json,
  in_text text, in_bytes bigint, in_answer uuid, in_stream uuid, in_instance text, in_model text,
  in_title text, in_now bigint, in_has_parent integer, in_parent uuid, in_most bigint,
  in_most_bytes bigint, in_most_path integer)
returns table (title text, title_by text, system text, current_message_id uuid, parent uuid, id uuid,
  parent_id uuid, role text, status text, parts json, body text, provider text, error_code text,
  created_at bigint, asked_at bigint)
language plpgsql set enable_seqscan = off as $$
#variable_conflict use_column
begin
return query
with recursive k as materialized (
  select c.id, c.title, c.title_by, c.system, c.created_at, c.current_message_id,
      greatest(in_now, c.last_message_at + 1) as now,
      case in_has_parent when 1 then in_parent else c.current_message_id end as parent
    from chat_conversation c
    where c.id = in_conversation and c.user_id || '' = in_owner
      and coalesce(c.deleted_at, 0) = 0 and c.archived + 0 = 0
      and c.message_count + 2 <= in_most and c.bytes + in_bytes + 2 <= in_most_bytes
      and (c.last_message_at, c.message_count) =
        (select o.last_message_at, o.message_count from chat_conversation o where o.id = c.id)
      and not exists (select 1 from chat_stream s
        where s.conversation_id = c.id and s.status = 'running' offset 0)
    for update of c),
p (id, parent_id, depth) as (
  select m.id, m.parent_id, 1 from k
    join chat_message m on m.id = k.parent and cast(m.conversation_id as text) = cast(k.id as text)
  union all
  select m.id, m.parent_id, p.depth + 1 from p join chat_message m on m.id = p.parent_id
    where p.depth < in_most_path),
q as (
  insert into chat_message (id, conversation_id, parent_id, user_id, role, status, parts, text, bytes,
      created_at, updated_at)
    select in_question, k.id, k.parent, in_owner, 'user', 'complete', in_parts, in_text, in_bytes,
      k.now, k.now from k
    where (k.parent is null or exists (select 1 from p))
      and (select count(*) from p) < in_most_path - 1
    on conflict (id) do nothing returning id),
m as (
  insert into chat_message (id, conversation_id, parent_id, user_id, role, status, parts, text, bytes,
      model, created_at, updated_at)
    select in_answer, k.id, q.id, in_owner, 'assistant', 'streaming', '[]', '', 2, in_model,
      k.now + 1, k.now + 1 from k cross join q),
s as (
  insert into chat_stream (id, conversation_id, message_id, user_id, instance, status, started_at,
      heartbeat_at)
    select in_stream, k.id, in_answer, in_owner, in_instance, 'running', k.now, k.now
      from k cross join q),
u as (
  update chat_conversation x set message_count = x.message_count + 2,
      bytes = x.bytes + in_bytes + 2, current_message_id = in_answer,
      title = coalesce(x.title, in_title),
      title_by = case when x.title is not null then x.title_by when in_title is not null then 'text' end,
      last_message_at = k.now + 1
    from k, q where x.id = in_conversation)
select k.title, k.title_by, k.system, k.current_message_id, k.parent, m.id, m.parent_id, m.role,
    m.status, m.parts, m.text, m.provider, m.error_code, k.created_at, k.now
  from q cross join k
    left join (p cross join lateral (select x.id, x.parent_id, x.role, x.status, x.parts, x.text,
      x.provider, x.error_code from chat_message x where x.id = p.id offset 0) m) on true
  order by p.depth desc;
end
$$;

-- One row: it is done.
create function chat_turn_end(in_answer uuid, in_stream uuid, in_owner text, in_status text,
  in_stream_status text, in_parts json, in_text text, in_bytes bigint, in_model text,
  in_provider text, in_finish_reason text, in_error_code text, in_input_tokens bigint,
  in_output_tokens bigint, in_cost bigint, in_last_event bigint, in_now bigint, in_used json)
returns setof integer
language plpgsql set enable_seqscan = off as $$
#variable_conflict use_column
begin
return query
with c as materialized (
  select c.id from chat_stream s join chat_conversation c on c.id = s.conversation_id
    where s.id = in_stream and (in_owner is null or c.user_id = in_owner) for update of c),
m as (
  update chat_message m set status = in_status, parts = in_parts, text = in_text, bytes = in_bytes,
      model = in_model, provider = in_provider, finish_reason = in_finish_reason,
      error_code = in_error_code, input_tokens = in_input_tokens,
      output_tokens = in_output_tokens, cost_e10 = in_cost, updated_at = in_now
    from c where m.id = in_answer and m.conversation_id = c.id
      and m.status = 'streaming' returning m.id),
s as (
  update chat_stream s set status = in_stream_status, last_event = in_last_event, ended_at = in_now
    from m where s.id = in_stream and s.status = 'running'),
u as (
  update chat_conversation x set bytes = x.bytes + in_bytes - 2,
      updated_at = greatest(x.updated_at, in_now)
    from c, m where x.id = c.id),
b as (
  insert into chat_usage_batch (id, added_at)
    select in_answer, in_now from m where json_array_length(in_used) > 0
    on conflict (id) do nothing returning id),
z as (
  insert into chat_usage as u (user_id, day, model, provider, own_key, requests, input_tokens,
      output_tokens, cached_tokens, cost_e10)
    select r.user_id, r.day, r.model, r.provider, r.own_key, sum(r.requests), sum(r.input),
        sum(r.output), sum(r.cached), sum(r.cost)
      from b, json_to_recordset(in_used) as r(user_id text, day date, model text, provider text,
        own_key boolean, requests bigint, input bigint, output bigint, cached bigint, cost bigint)
      group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict (user_id, day, model, provider, own_key) do update set
      requests = u.requests + excluded.requests,
      input_tokens = u.input_tokens + excluded.input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens,
      cached_tokens = u.cached_tokens + excluded.cached_tokens,
      cost_e10 = u.cost_e10 + excluded.cost_e10)
select 1 from m;
end
$$;
