-- SPDX-License-Identifier: Apache-2.0
--
-- Users' own keys, and tiers that somebody pays for. PostgreSQL 13 or later.
-- Times are milliseconds since 1970, UTC. A statement ends with a semicolon and
-- an empty line.

-- A key is sealed: blob says nothing without ChatKeySecret, and nothing for
-- another user or provider.
create table chat_user_key (
  user_id      text   not null,
  provider     text   not null,
  blob         bytea  not null,
  key_id       text   not null,
  last4        text   not null,
  base_url     text,
  created_at   bigint not null,
  updated_at   bigint not null,
  checked_at   bigint,
  last_used_at bigint,
  invalid_at   bigint,
  expires_at   bigint,
  primary key (user_id, provider)
);

create index chat_user_key_rotation on chat_user_key (key_id);

-- What a user has by what was paid for, or by an administrator.
create table chat_tier (
  user_id         text   not null primary key,
  tier            text   not null,
  source          text   not null check (source in ('stripe', 'lemonsqueezy', 'admin')),
  customer_id     text,
  subscription_id text,
  status          text,
  event_at        bigint not null,
  valid_until     bigint,
  updated_at      bigint not null
);

create index chat_tier_customer on chat_tier (source, customer_id);

-- Whose a customer of a payment service is.
create table chat_customer (
  source      text   not null,
  customer_id text   not null,
  user_id     text   not null,
  updated_at  bigint not null,
  primary key (source, customer_id)
);

create index chat_customer_user on chat_customer (user_id);

-- How each subscription is by the newest of its events, also while nobody knows
-- whose it is.
create table chat_subscription (
  source          text    not null,
  subscription_id text    not null,
  customer_id     text,
  user_id         text,
  tier            text,
  tier_rank       integer not null,
  status          text    not null,
  access          integer not null,
  event_at        bigint  not null,
  valid_until     bigint,
  updated_at      bigint  not null,
  primary key (source, subscription_id)
);

create index chat_subscription_user on chat_subscription (user_id);

create index chat_subscription_customer on chat_subscription (source, customer_id);

-- Events that were taken: each one counts once.
create table chat_webhook_event (
  source      text   not null,
  event_id    text   not null,
  type        text   not null,
  created_at  bigint not null,
  received_at bigint not null,
  outcome     text   not null,
  primary key (source, event_id)
);

create index chat_webhook_event_old on chat_webhook_event (received_at);
