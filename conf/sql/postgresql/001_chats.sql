-- SPDX-License-Identifier: Apache-2.0
--
-- Conversations. PostgreSQL 13 or later. Times are milliseconds since 1970,
-- UTC. A statement ends with a semicolon and an empty line.

create table chat_conversation (
  id                 uuid     not null primary key,
  user_id            text     not null,
  title              text,
  title_by           text     check (title_by in ('text', 'model', 'user')),
  model              text,
  system             text,
  pinned             smallint not null default 0,
  archived           smallint not null default 0,
  current_message_id uuid,
  revision           integer  not null default 1,
  metadata           json     not null default '{}',
  message_count      integer  not null default 0,
  bytes              bigint   not null default 0,
  created_at         bigint   not null,
  updated_at         bigint   not null,
  last_message_at    bigint   not null,
  deleted_at         bigint
);

create index chat_conversation_list on chat_conversation
  (user_id, archived, last_message_at desc, id desc) where deleted_at is null;

create index chat_conversation_purge on chat_conversation (deleted_at)
  where deleted_at is not null;

create index chat_conversation_idle on chat_conversation (last_message_at)
  where deleted_at is null and pinned = 0;

create table chat_message (
  id              uuid   not null primary key,
  conversation_id uuid   not null references chat_conversation (id) on delete cascade,
  parent_id       uuid,
  user_id         text   not null,
  role            text   not null check (role in ('system', 'user', 'assistant', 'tool')),
  status          text   not null check (status in ('complete', 'streaming', 'partial', 'cancelled', 'failed')),
  parts           json   not null,
  text            text   not null,
  bytes           bigint not null,
  model           text,
  provider        text,
  finish_reason   text,
  error_code      text,
  input_tokens    bigint,
  output_tokens   bigint,
  cost_e10        bigint,
  feedback        text   check (feedback in ('positive', 'negative')),
  feedback_reason text,
  created_at      bigint not null,
  updated_at      bigint not null
);

create index chat_message_tree on chat_message (conversation_id, parent_id, created_at, id);

create index chat_message_age on chat_message (conversation_id, created_at, id);

create index chat_message_user on chat_message (user_id, created_at, id);

create table chat_stream (
  id              uuid   not null primary key,
  conversation_id uuid   not null references chat_conversation (id) on delete cascade,
  message_id      uuid   not null,
  user_id         text   not null,
  instance        text   not null,
  status          text   not null check (status in ('running', 'complete', 'cancelled', 'failed', 'lost')),
  last_event      bigint not null default 0,
  started_at      bigint not null,
  heartbeat_at    bigint not null,
  ended_at        bigint
);

create unique index chat_stream_one_running on chat_stream (conversation_id) where status = 'running';

create index chat_stream_message on chat_stream (message_id);

create index chat_stream_conversation on chat_stream (conversation_id);

create index chat_stream_reap on chat_stream (heartbeat_at) where status = 'running';

create index chat_stream_old on chat_stream (ended_at) where ended_at is not null;

create table chat_share (
  id              text     not null primary key,
  conversation_id uuid     not null references chat_conversation (id) on delete cascade,
  user_id         text     not null,
  mode            text     not null check (mode in ('snapshot', 'live')),
  leaf_message_id uuid,
  title           text,
  snapshot        json,
  show_model      smallint not null default 1,
  created_at      bigint   not null,
  expires_at      bigint,
  revoked_at      bigint
);

create index chat_share_conversation on chat_share (conversation_id, created_at);

create index chat_share_user on chat_share (user_id);

create table chat_idempotency (
  user_id    text   not null,
  key        text   not null,
  method     text   not null,
  path       text   not null,
  body_hash  text   not null,
  status     integer,
  response   text,
  created_at bigint not null,
  primary key (user_id, key)
);

create index chat_idempotency_old on chat_idempotency (created_at);

-- Words are found whatever their case is; and without their accents where the
-- extension unaccent is there, or may be made by whoever runs this. What an
-- index is made of must not change: so the dictionary is named with its schema.
do $$
declare
  home text := quote_ident(current_schema());
  place text;
  fold text := 'body';
begin
  begin
    create extension if not exists unaccent;
  exception when others then
    raise notice 'no unaccent: accents count in a search';
  end;
  select quote_ident(n.nspname) into place
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'unaccent';
  if place is not null then
    fold := format('%s.unaccent(%L::regdictionary, body)', place, place || '.unaccent');
  end if;
  execute format('create function %s.chat_fold(body text) returns text'
    ' language sql immutable strict parallel safe as %L', home, 'select ' || fold);
  execute format('create function %s.chat_words(owner text, body text) returns tsvector'
    ' language sql immutable strict parallel safe as %L', home,
    'select to_tsvector(''pg_catalog.simple'', ' || home || '.chat_fold(left(body, 100000)))'
    ' || array_to_tsvector(array[''@'' || md5(owner)])');
end
$$;

create index chat_message_search on chat_message using gin (chat_words(user_id, text));

create index chat_conversation_search on chat_conversation using gin (chat_words(user_id, title))
  where title is not null;
