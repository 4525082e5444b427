-- The store's first schema: content once, as an exact prefix chain, and the exchanges that point into it.
--
-- Tenant first in every primary and foreign key of the chain, so that content never crosses tenants and the same
-- schema distributes by tenant. Identity is exact bytes (block.hash, node.key); what linking compares
-- (exchange.request_link, response_link) is derived, kept apart and can be computed anew (link_version).
-- Dialect: PostgreSQL 15, the same file on PostgreSQL and on PGlite.

create table setting (
  name text primary key,
  value text not null,
  updated_at timestamptz not null default now()
);

-- codec: 0 = as is, 1 = zstd. hash = SHA-256 of the uncompressed bytes.
create table block (
  tenant text not null,
  hash bytea not null,
  codec smallint not null,
  raw_size integer not null,
  kind text not null,
  bytes bytea not null,
  primary key (tenant, hash)
);
-- Compressed already, or too small to gain.
alter table block alter column bytes set storage external;

-- One step of a chain: key = H(parent's key, shell, block). A shell opens a message, null goes on with the open one.
-- The key is the primary key (no surrogate id): one index instead of two, no look-up of ids while inserting, and
-- rows copy from store to store as they are.
create table node (
  tenant text not null,
  key bytea not null,
  parent bytea,
  block bytea not null,
  shell bytea,
  depth integer not null,
  primary key (tenant, key),
  foreign key (tenant, parent) references node (tenant, key),
  foreign key (tenant, block) references block (tenant, hash)
);

-- The totals are kept, not aggregated: a list page reads 50 rows instead of 50 conversations. They change in the
-- transaction that moves an exchange from one state to the next, which happens once, so a retry cannot count twice.
create table conversation (
  tenant text not null,
  id uuid not null,
  project text,
  domain text not null,
  account_id text,
  title text not null,
  source text not null default 'live',
  pinned boolean not null default false,
  started_at timestamptz not null,
  last_at timestamptz not null,
  latest_id uuid not null,
  latest_started_at timestamptz not null,
  request_count integer not null default 0,
  message_count integer not null default 0,
  total_tokens bigint not null default 0,
  context_tokens bigint not null default 0,
  error_count integer not null default 0,
  models text[] not null default '{}',
  primary key (tenant, id)
);
create index conversation_id on conversation (id);
create index conversation_last on conversation (last_at desc, id desc);

create table branch (
  tenant text not null,
  conversation_id uuid not null,
  branch_id text not null,
  kind text not null,
  parent_id uuid,
  first_id uuid not null,
  created_at timestamptz not null,
  primary key (tenant, conversation_id, branch_id),
  foreign key (tenant, conversation_id) references conversation (tenant, id) on delete cascade
);

create table exchange (
  tenant text not null,
  id uuid not null,
  project text,
  domain text not null,
  account_id text,
  session_id text,
  agent_id text,
  parent_agent_id text,
  type text not null,
  state text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  first_byte_ms double precision,
  first_token_ms double precision,
  duration_ms double precision,
  method text not null,
  path text not null,
  http_version text not null,
  model text,
  streaming boolean not null,
  error text,
  -- What was asked (or which tools' results were brought), and what Claude did: what lists and trees show.
  preview text not null,
  asked boolean not null,
  answer_preview text not null default '',
  message_count integer not null,
  tool_call_count integer not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  cache_creation_tokens bigint not null default 0,
  cache_creation_1h_tokens bigint not null default 0,

  -- The request's content: template with its chains and overlay, or raw; neither when there was no body. A body over
  -- the recording limit is only a size and a hash.
  request_headers bytea not null,
  request_length text,
  template bytea,
  overlay bytea,
  messages_tip bytea,
  system_tip bytea,
  tools_tip bytea,
  raw bytea,
  request_size bigint not null,
  request_sha256 bytea,
  redactions json not null,

  -- The response's content, decoded; response_cuts holds the length and time of each chunk as it arrived.
  response_status integer,
  response_headers bytea,
  response_body bytea,
  response_cuts bytea,
  response_size bigint,
  message_id text,
  upstream_id text,

  conversation_id uuid,
  branch_id text,
  parent_id uuid,
  retry_of uuid,
  is_subtask boolean not null default false,
  parent_task_id uuid,
  request_link bytea,
  response_link bytea,
  link_depth integer not null,
  link_version smallint not null,
  system_hash bytea,
  summarises boolean not null default false,
  tool_ids text[] not null default '{}',
  link_signal text not null,
  link_matched integer not null,
  link_candidates json not null,

  primary key (tenant, id),
  foreign key (tenant, conversation_id) references conversation (tenant, id),
  foreign key (tenant, request_headers) references block (tenant, hash),
  foreign key (tenant, template) references block (tenant, hash),
  foreign key (tenant, overlay) references block (tenant, hash),
  foreign key (tenant, raw) references block (tenant, hash),
  foreign key (tenant, response_headers) references block (tenant, hash),
  foreign key (tenant, response_body) references block (tenant, hash),
  foreign key (tenant, messages_tip) references node (tenant, key),
  foreign key (tenant, system_tip) references node (tenant, key),
  foreign key (tenant, tools_tip) references node (tenant, key)
);
alter table exchange alter column response_cuts set storage external;

-- Linking: the chain, the names a request may call its parent by, the session (agents, tool ids, side calls).
create index exchange_request_link on exchange (tenant, request_link) where request_link is not null;
create index exchange_response_link on exchange (tenant, response_link) where response_link is not null;
create index exchange_message_id on exchange (tenant, message_id) where message_id is not null;
create index exchange_upstream_id on exchange (tenant, upstream_id) where upstream_id is not null;
create index exchange_session on exchange (tenant, session_id, agent_id, started_at) where session_id is not null;
create index exchange_summary on exchange (tenant, started_at) where summarises;
create index exchange_parent on exchange (tenant, parent_id) where parent_id is not null;
-- Reading: a conversation's requests, and the lists.
create index exchange_conversation on exchange (tenant, conversation_id, started_at);
create index exchange_id on exchange (id);
create index exchange_started on exchange (started_at desc, id desc);
create index exchange_account on exchange (account_id, started_at desc);
create index exchange_domain on exchange (domain, started_at desc);

-- A Task / Agent tool call: its branch is given when the call is recorded, its sub-task claims it later.
create table invocation (
  tenant text not null,
  parent_id uuid not null,
  tool_use_id text not null,
  conversation_id uuid not null,
  ordinal integer not null,
  branch_id text not null,
  name text not null,
  prompt text not null,
  prompt_hash bytea not null,
  agent_type text,
  session_id text,
  project text,
  called_at timestamptz not null,
  claimed_by uuid,
  primary key (tenant, parent_id, tool_use_id),
  foreign key (tenant, parent_id) references exchange (tenant, id) on delete cascade,
  foreign key (tenant, conversation_id) references conversation (tenant, id) on delete cascade
);
create unique index invocation_branch on invocation (tenant, conversation_id, ordinal);
create index invocation_prompt on invocation (tenant, prompt_hash, called_at) where claimed_by is null;
create index invocation_session on invocation (tenant, session_id, called_at) where session_id is not null;

-- The account last seen with a credential's keyed fingerprint: an account survives token rotation.
create table credential (
  tenant text not null,
  fingerprint text not null,
  account_id text not null,
  seen_at timestamptz not null,
  primary key (tenant, fingerprint)
);
