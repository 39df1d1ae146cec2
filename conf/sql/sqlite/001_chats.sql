-- SPDX-License-Identifier: Apache-2.0
--
-- Conversations. SQLite 3.37 or later with FTS5. Times are milliseconds since
-- 1970, UTC. A statement ends with a semicolon and an empty line.

create table chat_conversation (
  n                  integer primary key,
  id                 text    not null unique,
  user_id            text    not null,
  title              text,
  title_by           text    check (title_by in ('text', 'model', 'user')),
  model              text,
  system             text,
  pinned             integer not null default 0,
  archived           integer not null default 0,
  current_message_id text,
  revision           integer not null default 1,
  metadata           text    not null default '{}',
  message_count      integer not null default 0,
  bytes              integer not null default 0,
  created_at         integer not null,
  updated_at         integer not null,
  last_message_at    integer not null,
  deleted_at         integer
) strict;

create index chat_conversation_list on chat_conversation
  (user_id, archived, last_message_at desc, id desc) where deleted_at is null;

create index chat_conversation_purge on chat_conversation (deleted_at)
  where deleted_at is not null;

create index chat_conversation_idle on chat_conversation (last_message_at)
  where deleted_at is null and pinned = 0;

create table chat_message (
  n               integer primary key,
  id              text    not null unique,
  conversation_id text    not null references chat_conversation (id) on delete cascade,
  parent_id       text,
  user_id         text    not null,
  role            text    not null check (role in ('system', 'user', 'assistant', 'tool')),
  status          text    not null check (status in ('complete', 'streaming', 'partial', 'cancelled', 'failed')),
  parts           text    not null,
  text            text    not null,
  bytes           integer not null,
  model           text,
  provider        text,
  finish_reason   text,
  error_code      text,
  input_tokens    integer,
  output_tokens   integer,
  cost_e10        integer,
  feedback        text    check (feedback in ('positive', 'negative')),
  feedback_reason text,
  created_at      integer not null,
  updated_at      integer not null
) strict;

create index chat_message_tree on chat_message (conversation_id, parent_id, created_at, id);

create index chat_message_age on chat_message (conversation_id, created_at, id);

create table chat_stream (
  id              text    not null primary key,
  conversation_id text    not null references chat_conversation (id) on delete cascade,
  message_id      text    not null,
  user_id         text    not null,
  instance        text    not null,
  status          text    not null check (status in ('running', 'complete', 'cancelled', 'failed', 'lost')),
  last_event      integer not null default 0,
  started_at      integer not null,
  heartbeat_at    integer not null,
  ended_at        integer
) strict, without rowid;

-- All that run, of which there are few.
create unique index chat_stream_one_running on chat_stream (conversation_id) where status = 'running';

create index chat_stream_conversation on chat_stream (conversation_id, message_id);

create index chat_stream_old on chat_stream (ended_at) where ended_at is not null;

create table chat_share (
  id              text    not null primary key,
  conversation_id text    not null references chat_conversation (id) on delete cascade,
  user_id         text    not null,
  mode            text    not null check (mode in ('snapshot', 'live')),
  leaf_message_id text,
  title           text,
  snapshot        text,
  show_model      integer not null default 1,
  created_at      integer not null,
  expires_at      integer,
  revoked_at      integer
) strict;

create index chat_share_conversation on chat_share (conversation_id, created_at);

create index chat_share_user on chat_share (user_id);

create table chat_idempotency (
  user_id    text    not null,
  key        text    not null,
  method     text    not null,
  path       text    not null,
  body_hash  text    not null,
  status     integer,
  response   text,
  created_at integer not null,
  primary key (user_id, key)
) strict;

create index chat_idempotency_old on chat_idempotency (created_at);

-- Words are found whatever their case and their accents are. The owner stands
-- in hexadecimal beside them, as one word, so that an index looks through the
-- words of one user alone. The content is not kept twice.
--
-- To put words into the index of words costs more than all else that is done for
-- a message, and for many messages at once little more than for one. So what is
-- new waits in a list, and goes into the index before the next search, or within
-- seconds.
create table chat_message_unindexed (n integer primary key) strict;

create view chat_message_words as
  select n, hex(user_id) as owner, text as body from chat_message m
    where text <> '' and not exists (select 1 from chat_message_unindexed u where u.n = m.n);

create virtual table chat_message_search using fts5
  (owner, body, content = 'chat_message_words', content_rowid = 'n',
   tokenize = 'unicode61 remove_diacritics 2');

create trigger chat_message_ai after insert on chat_message when new.text <> '' begin
  insert into chat_message_unindexed (n) values (new.n);
end;

create trigger chat_message_ad after delete on chat_message when old.text <> '' begin
  insert into chat_message_search (chat_message_search, rowid, owner, body)
    select 'delete', old.n, hex(old.user_id), old.text
      where not exists (select 1 from chat_message_unindexed where n = old.n);
  delete from chat_message_unindexed where n = old.n;
end;

create trigger chat_message_au after update of text, user_id on chat_message
  when old.text <> '' and (old.text <> new.text or old.user_id <> new.user_id) begin
  insert into chat_message_search (chat_message_search, rowid, owner, body)
    select 'delete', old.n, hex(old.user_id), old.text
      where not exists (select 1 from chat_message_unindexed where n = old.n);
  delete from chat_message_unindexed where n = old.n;
  insert into chat_message_unindexed (n) select new.n where new.text <> '';
end;

create trigger chat_message_aw after update of text on chat_message
  when old.text = '' and new.text <> '' begin
  insert into chat_message_unindexed (n) values (new.n);
end;

create view chat_conversation_words as
  select n, hex(user_id) as owner, coalesce(title, '') as body from chat_conversation;

create virtual table chat_conversation_search using fts5
  (owner, body, content = 'chat_conversation_words', content_rowid = 'n',
   tokenize = 'unicode61 remove_diacritics 2');

create trigger chat_conversation_ai after insert on chat_conversation begin
  insert into chat_conversation_search (rowid, owner, body)
    values (new.n, hex(new.user_id), coalesce(new.title, ''));
end;

create trigger chat_conversation_ad after delete on chat_conversation begin
  insert into chat_conversation_search (chat_conversation_search, rowid, owner, body)
    values ('delete', old.n, hex(old.user_id), coalesce(old.title, ''));
end;

create trigger chat_conversation_au after update of title, user_id on chat_conversation
  when old.title is not new.title or old.user_id <> new.user_id begin
  insert into chat_conversation_search (chat_conversation_search, rowid, owner, body)
    values ('delete', old.n, hex(old.user_id), coalesce(old.title, ''));
  insert into chat_conversation_search (rowid, owner, body)
    values (new.n, hex(new.user_id), coalesce(new.title, ''));
end;
