-- SPDX-License-Identifier: Apache-2.0
--
-- Files of users: what is known of each, and which conversations have it. The
-- files themselves are elsewhere (ChatUploads). PostgreSQL 13 or later. Times are
-- milliseconds since 1970, UTC. A statement ends with a semicolon and an empty
-- line.

-- object_key is where it is kept. seal is what its URLs are signed with where
-- that is a directory. A row that is deleted stays for a day: it counts for the
-- quota. gone_at: the file is not there any more.
create table chat_upload (
  id          uuid    not null primary key,
  user_id     text    not null,
  status      text    not null check (status in ('pending', 'ready', 'deleted')),
  object_key  text    not null unique,
  seal        text    not null,
  filename    text    not null,
  media_type  text    not null,
  size        bigint  not null,
  sha256      text,
  width       bigint  not null default 0,
  height      bigint  not null default 0,
  created_at  bigint  not null,
  expires_at  bigint  not null,
  ready_at    bigint,
  used_at     bigint,
  deleted_at  bigint,
  gone_at     bigint
);

create index chat_upload_user on chat_upload (user_id, created_at);

create index chat_upload_pending on chat_upload (expires_at) where status = 'pending';

create index chat_upload_unused on chat_upload (ready_at) where status = 'ready' and used_at is null;

create index chat_upload_used on chat_upload (used_at) where status = 'ready' and used_at is not null;

create index chat_upload_deleted on chat_upload (deleted_at) where status = 'deleted' and gone_at is null;

create index chat_upload_gone on chat_upload (gone_at) where gone_at is not null;

-- A conversation of this server, or a chat of an app.
create table chat_upload_use (
  upload_id       uuid not null references chat_upload (id) on delete cascade,
  conversation_id uuid references chat_conversation (id) on delete cascade,
  chat_id         uuid,
  unique (upload_id, conversation_id),
  unique (upload_id, chat_id)
);

create index chat_upload_use_conversation on chat_upload_use (conversation_id);

create index chat_upload_use_chat on chat_upload_use (chat_id) where chat_id is not null;
