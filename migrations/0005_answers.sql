-- An exchange as two rows, each written once: `request` when it is recorded, `answer` when it ends. As one row it was
-- written twice, and since the end changed indexed columns, every index got a second entry and the table a dead row:
-- half of what it took. Only housekeeping changes a request (its parent, when that is deleted).
--
-- Fixed widths come first, so that nothing is lost to alignment.

create table request (
  id uuid not null,
  conversation_id uuid,
  parent_id uuid,
  retry_of uuid,
  parent_task_id uuid,
  started_at timestamptz not null,
  request_size bigint not null,
  -- What this newly added to the store. 0 for what was stored before.
  stored_bytes bigint not null default 0,
  message_count integer not null,
  link_depth integer not null,
  link_matched integer not null,
  link_version smallint not null,
  streaming boolean not null,
  asked boolean not null,
  is_subtask boolean not null default false,
  summarises boolean not null default false,
  tenant text not null,
  project text,
  domain text not null,
  account_id text,
  session_id text,
  agent_id text,
  parent_agent_id text,
  type text not null,
  method text not null,
  path text not null,
  http_version text not null,
  model text,
  branch_id text,
  -- What was asked (or which tools' results were brought): what lists and trees show.
  preview text not null,

  -- Template with its chains and overlay, or raw; neither when there was no body. A body over the recording limit is
  -- only a size and a hash.
  request_headers bytea not null,
  request_length text,
  template bytea,
  overlay bytea,
  messages_tip bytea,
  system_tip bytea,
  tools_tip bytea,
  raw bytea,
  request_sha256 bytea,
  redactions json not null,

  request_link bytea,
  system_hash bytea,
  tool_ids text[] not null default '{}',
  link_signal text not null,
  link_candidates json not null,

  primary key (tenant, id)
);

create table answer (
  id uuid not null,
  ended_at timestamptz,
  first_byte_ms double precision,
  first_token_ms double precision,
  duration_ms double precision,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  cache_creation_tokens bigint not null default 0,
  cache_creation_1h_tokens bigint not null default 0,
  stored_bytes bigint not null default 0,
  response_size bigint,
  -- Where the end knows better: of a body that was not recorded.
  request_size bigint,
  tool_call_count integer not null default 0,
  response_status integer,
  tenant text not null,
  state text not null,
  error text,
  -- Of a request that named none.
  model text,
  -- What Claude did.
  answer_preview text not null default '',
  request_sha256 bytea,
  -- All of them, when the end found more; null: those of the request.
  redactions json,
  message_id text,
  upstream_id text,
  response_link bytea,
  -- Of the tools it calls, if any.
  tool_ids text[],

  -- See 0003.
  response_headers bytea,
  response_header_values bytea,
  response_shape bytea,
  response_tip bytea,
  response_packed bytea,
  response_body bytea,
  response_cuts bytea,

  primary key (tenant, id)
);
alter table answer
  alter column response_cuts set storage external,
  alter column response_packed set storage external,
  alter column response_header_values set storage external;

insert into request (id, conversation_id, parent_id, retry_of, parent_task_id, started_at, request_size, stored_bytes,
  message_count, link_depth, link_matched, link_version, streaming, asked, is_subtask, summarises, tenant, project,
  domain, account_id, session_id, agent_id, parent_agent_id, type, method, path, http_version, model, branch_id,
  preview, request_headers, request_length, template, overlay, messages_tip, system_tip, tools_tip, raw,
  request_sha256, redactions, request_link, system_hash, tool_ids, link_signal, link_candidates)
select id, conversation_id, parent_id, retry_of, parent_task_id, started_at, request_size, stored_bytes,
  message_count, link_depth, link_matched, link_version, streaming, asked, is_subtask, summarises, tenant, project,
  domain, account_id, session_id, agent_id, parent_agent_id, type, method, path, http_version, model, branch_id,
  preview, request_headers, request_length, template, overlay, messages_tip, system_tip, tools_tip, raw,
  request_sha256, redactions, request_link, system_hash, tool_ids, link_signal, link_candidates
from exchange order by started_at, id;

insert into answer (id, ended_at, first_byte_ms, first_token_ms, duration_ms, input_tokens, output_tokens,
  cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, response_size, tool_call_count, response_status,
  tenant, state, error, answer_preview, message_id, upstream_id, response_link, response_headers,
  response_header_values, response_shape, response_tip, response_packed, response_body, response_cuts)
select id, ended_at, first_byte_ms, first_token_ms, duration_ms, input_tokens, output_tokens,
  cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, response_size, tool_call_count, response_status,
  tenant, state, error, answer_preview, message_id, upstream_id, response_link, response_headers,
  response_header_values, response_shape, response_tip, response_packed, response_body, response_cuts
from exchange where state <> 'running' order by started_at, id;

alter table invocation drop constraint invocation_tenant_parent_id_fkey;
drop table exchange;

alter table request
  add foreign key (tenant, conversation_id) references conversation (tenant, id),
  add foreign key (tenant, request_headers) references block (tenant, hash),
  add foreign key (tenant, template) references block (tenant, hash),
  add foreign key (tenant, overlay) references block (tenant, hash),
  add foreign key (tenant, raw) references block (tenant, hash),
  add foreign key (tenant, messages_tip) references node (tenant, key),
  add foreign key (tenant, system_tip) references node (tenant, key),
  add foreign key (tenant, tools_tip) references node (tenant, key);
alter table answer
  add foreign key (tenant, id) references request (tenant, id) on delete cascade,
  add foreign key (tenant, response_headers) references block (tenant, hash),
  add foreign key (tenant, response_body) references block (tenant, hash),
  add foreign key (tenant, response_shape) references block (tenant, hash),
  add foreign key (tenant, response_tip) references node (tenant, key);
alter table invocation
  add foreign key (tenant, parent_id) references request (tenant, id) on delete cascade;

-- Nearly unique columns that are only ever compared: a hash index (20 bytes an entry, and nothing for null; a b-tree
-- over a tenant and 32 bytes takes 52). Columns with few values, or with runs of the same one: a b-tree, which keeps a
-- value once with the list of its rows (6 bytes each) as long as nothing unique stands behind it.
create index request_id on request using hash (id);
create index request_link on request using hash (request_link);
create index answer_link on answer using hash (response_link);
create index answer_message_id on answer using hash (message_id);
create index answer_upstream_id on answer using hash (upstream_id);
create index request_parent on request using hash (parent_id);
create index request_session on request (tenant, session_id, agent_id) where session_id is not null;
-- Lists of what went wrong: few rows, found without a walk through both tables.
create index answer_ended_badly on answer (state) where state <> 'completed';
create index answer_status on answer (response_status) where response_status >= 400;
create index request_summary on request (tenant, started_at) where summarises;
create index request_conversation on request (tenant, conversation_id) where conversation_id is not null;
create index request_loose on request (tenant, started_at, id) where conversation_id is null;
create index request_started on request (started_at, id);
create index request_account on request (account_id);
create index request_domain on request (domain);

-- Rows come in the order of their time: what grows at its end fills its pages, at its beginning it splits them in half.
-- Read backwards for the newest first.
drop index conversation_last;
create index conversation_last on conversation (last_at, id);

-- For whoever deletes content (see 0004).
create index request_headers on request (tenant, request_headers);
create index request_template on request (tenant, template) where template is not null;
create index request_overlay on request (tenant, overlay) where overlay is not null;
create index request_messages_tip on request using hash (messages_tip);
create index request_system_tip on request (tenant, system_tip) where system_tip is not null;
create index request_tools_tip on request (tenant, tools_tip) where tools_tip is not null;
create index request_raw on request using hash (raw);
create index answer_headers on answer (tenant, response_headers) where response_headers is not null;
create index answer_shape on answer (tenant, response_shape) where response_shape is not null;
create index answer_body on answer using hash (response_body);
create index answer_tip on answer using hash (response_tip);
alter table request
  alter column request_headers set statistics 0,
  alter column template set statistics 0,
  alter column overlay set statistics 0,
  alter column system_tip set statistics 0,
  alter column tools_tip set statistics 0;
alter table answer
  alter column response_headers set statistics 0,
  alter column response_shape set statistics 0;

-- For whoever reads: an exchange as one row, running until it has an answer.
create view exchange as
select request.tenant, request.id, request.project, request.domain, request.account_id, request.session_id,
  request.agent_id, request.parent_agent_id, request.type, coalesce(answer.state, 'running') as state,
  request.started_at, answer.ended_at, answer.first_byte_ms, answer.first_token_ms, answer.duration_ms,
  request.method, request.path, request.http_version, coalesce(request.model, answer.model) as model,
  request.streaming, answer.error, request.preview, request.asked,
  coalesce(answer.answer_preview, '') as answer_preview, request.message_count,
  coalesce(answer.tool_call_count, 0) as tool_call_count,
  coalesce(answer.input_tokens, 0) as input_tokens,
  coalesce(answer.output_tokens, 0) as output_tokens,
  coalesce(answer.cache_read_tokens, 0) as cache_read_tokens,
  coalesce(answer.cache_creation_tokens, 0) as cache_creation_tokens,
  coalesce(answer.cache_creation_1h_tokens, 0) as cache_creation_1h_tokens,
  request.request_headers, request.request_length, request.template, request.overlay, request.messages_tip,
  request.system_tip, request.tools_tip, request.raw,
  coalesce(answer.request_size, request.request_size) as request_size,
  coalesce(answer.request_sha256, request.request_sha256) as request_sha256,
  coalesce(answer.redactions, request.redactions) as redactions,
  answer.response_status, answer.response_headers, answer.response_body, answer.response_cuts, answer.response_size,
  answer.message_id, answer.upstream_id, request.conversation_id, request.branch_id, request.parent_id,
  request.retry_of, request.is_subtask, request.parent_task_id, request.request_link, answer.response_link,
  request.link_depth, request.link_version, request.system_hash, request.summarises,
  request.tool_ids || answer.tool_ids as tool_ids,
  request.link_signal, request.link_matched, request.link_candidates,
  request.stored_bytes + coalesce(answer.stored_bytes, 0) as stored_bytes,
  answer.response_shape, answer.response_tip, answer.response_packed, answer.response_header_values
from request left join answer on answer.tenant = request.tenant and answer.id = request.id;
