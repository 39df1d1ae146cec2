-- SPDX-License-Identifier: Apache-2.0
--
-- What users have used: a row for each day (UTC), model and provider. Money is
-- counted in 1e-10 USD, so that sums are exact. A statement ends with a
-- semicolon and an empty line.

create table chat_usage (
  day           text    not null,
  user_id       text    not null,
  model         text    not null,
  provider      text    not null,
  own_key       integer not null default 0,
  requests      integer not null default 0,
  input_tokens  integer not null default 0,
  output_tokens integer not null default 0,
  cached_tokens integer not null default 0,
  cost_e10      integer not null default 0,
  primary key (user_id, day, model, provider, own_key)
) strict, without rowid;

create index chat_usage_day on chat_usage (day);

-- What was added, by the name of its file or of its answer: none is added twice.
create table chat_usage_batch (
  id       text    not null primary key,
  added_at integer not null
) strict, without rowid;

create index chat_usage_batch_old on chat_usage_batch (added_at);
