-- SPDX-License-Identifier: Apache-2.0
--
-- What administrators set at run time, and who did what. SQLite 3.37 or later.
-- Times are milliseconds since 1970, UTC. A statement ends with a semicolon and
-- an empty line.

-- "model:NAME", "limit:NAME", "user:SUBJECT", "stop:STREAM", each with a JSON
-- object. The row without a name has the newest revision of all.
create table chat_setting (
  name       text    not null primary key,
  value      text    not null,
  revision   integer not null,
  updated_at integer not null
) strict;

insert into chat_setting (name, value, revision, updated_at) values ('', '{}', 1, 0);

create table chat_audit (
  id         text    not null primary key,
  made_at    integer not null,
  actor      text    not null,
  action     text    not null,
  target     text    not null,
  old_value  text,
  new_value  text,
  request_id text,
  address    text
) strict;

create index chat_audit_time on chat_audit (made_at desc, id desc);

-- Rows are added, and stay as they are.
create trigger chat_audit_update before update on chat_audit begin
  select raise(abort, 'chat_audit is append-only');
end;

create trigger chat_audit_delete before delete on chat_audit begin
  select raise(abort, 'chat_audit is append-only');
end;
