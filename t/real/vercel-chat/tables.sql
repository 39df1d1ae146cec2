-- SPDX-License-Identifier: Apache-2.0
--
-- The tables of Vercel's chat template, as its migrations leave them.
create table "User" (
  id uuid primary key default gen_random_uuid() not null,
  email varchar(64) not null,
  password varchar(64)
);
create table "Chat" (
  id uuid primary key default gen_random_uuid() not null,
  "createdAt" timestamp not null,
  title text not null,
  "userId" uuid not null references "User" (id),
  visibility varchar default 'private' not null,
  "lastContext" jsonb
);
create table "Message_v2" (
  id uuid primary key default gen_random_uuid() not null,
  "chatId" uuid not null references "Chat" (id),
  role varchar not null,
  parts json not null,
  attachments json not null,
  "createdAt" timestamp not null
);
create table "Vote_v2" (
  "chatId" uuid not null references "Chat" (id),
  "messageId" uuid not null references "Message_v2" (id),
  "isUpvoted" boolean not null,
  primary key ("chatId", "messageId")
);
create table "Stream" (
  id uuid default gen_random_uuid() not null,
  "chatId" uuid not null references "Chat" (id),
  "createdAt" timestamp not null,
  primary key (id)
);
create table "Document" (
  id uuid default gen_random_uuid() not null,
  "createdAt" timestamp not null,
  title text not null,
  content text,
  text varchar default 'text' not null,
  "userId" uuid not null references "User" (id),
  primary key (id, "createdAt")
);
create table "Suggestion" (
  id uuid default gen_random_uuid() not null,
  "documentId" uuid not null,
  "documentCreatedAt" timestamp not null,
  "originalText" text not null,
  "suggestedText" text not null,
  description text,
  "isResolved" boolean default false not null,
  "userId" uuid not null references "User" (id),
  "createdAt" timestamp not null,
  primary key (id),
  foreign key ("documentId", "documentCreatedAt") references "Document" (id, "createdAt")
);
