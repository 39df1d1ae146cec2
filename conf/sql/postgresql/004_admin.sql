-- SPDX-License-Identifier: Apache-2.0
--
-- What administrators set at run time, and who did what. PostgreSQL 13 or
-- later. Times are milliseconds since 1970, UTC. A statement ends with a
-- semicolon and an empty line.

-- "model:NAME", "limit:NAME", "user:SUBJECT", "stop:STREAM", each with a JSON
-- object. The row without a name has the newest revision of all.
create table chat_setting (
  name       text    not null primary key,
  value      json    not null,
  revision   integer not null,
  updated_at bigint  not null
);

insert into chat_setting (name, value, revision, updated_at) values ('', '{}', 1, 0);

create table chat_audit (
  id         uuid   not null primary key,
  made_at    bigint not null,
  actor      text   not null,
  action     text   not null,
  target     text   not null,
  old_value  json,
  new_value  json,
  request_id text,
  address    text
);

create index chat_audit_time on chat_audit (made_at desc, id desc);

-- Rows are added, and stay as they are.
create function chat_audit_keep() returns trigger language plpgsql as $$
begin
  raise exception 'chat_audit is append-only';
end
$$;

create trigger chat_audit_keep before update or delete or truncate on chat_audit
  for each statement execute function chat_audit_keep();
