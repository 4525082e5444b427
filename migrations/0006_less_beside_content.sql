-- Less beside the content: 4.1 KB a turn instead of 7.
--
-- A row for every block of a message, and one more for where it stands, cost 440 bytes each. Now the blocks that one
-- message adds are one row of `node`, with their bytes in it (`run`). A block that other chains may have too (system,
-- tools, long texts, large ones) keeps its row in `block`, and so do those stored before.
--
-- Fixed widths first, and eight columns: a ninth would cost each row with a null another eight bytes.
create table chain_node (
  depth integer not null,
  -- What `run` is packed with: the items deeper than this, up to the parent's. null: nothing.
  dictionary_from integer,
  tenant text not null,
  key bytea not null,
  parent bytea,
  block bytea,
  shell bytea,
  -- The codec (as in `block`), the length of what signatures stand for, that, and the packed items.
  run bytea,
  check ((block is null) = (run is not null))
);
-- Compressed already, or too small to gain; kept in the row up to half a page.
alter table chain_node alter column run set storage external, set (toast_tuple_target = 4080);
insert into chain_node select depth, null, tenant, key, parent, block, shell, null from node order by depth;
alter table request
  drop constraint request_tenant_messages_tip_fkey,
  drop constraint request_tenant_system_tip_fkey,
  drop constraint request_tenant_tools_tip_fkey;
alter table answer drop constraint answer_tenant_response_tip_fkey;
drop table node;
alter table chain_node rename to node;
alter table node
  add primary key (tenant, key),
  add foreign key (tenant, parent) references node (tenant, key),
  add foreign key (tenant, block) references block (tenant, hash);
create index node_parent on node using hash (parent);
create index node_block on node using hash (block);
alter table request add foreign key (tenant, messages_tip) references node (tenant, key);
alter table answer add foreign key (tenant, response_tip) references node (tenant, key);

-- What stays the same from one request of a session to the next, once: `key` is made of all of it. A request that changed
-- all these columns would take 330 bytes more than it does now.
create table envelope (
  tenant text not null,
  key bytea not null,
  request_headers bytea not null,
  template bytea,
  system_tip bytea,
  tools_tip bytea,
  system_hash bytea,
  method text not null,
  path text not null,
  http_version text not null,
  -- Of its headers; null in `request` means these.
  redactions json not null,
  primary key (tenant, key),
  foreign key (tenant, request_headers) references block (tenant, hash),
  foreign key (tenant, template) references block (tenant, hash),
  foreign key (tenant, system_tip) references node (tenant, key),
  foreign key (tenant, tools_tip) references node (tenant, key)
);
drop view exchange;
alter table request add column envelope bytea, alter column redactions drop not null;
-- Rows of before: one for each that differs, its key made in another way than the program's, so never found by it.
update request set envelope = substr(sha256(convert_to(concat_ws(' ', encode(request_headers, 'hex'),
  coalesce(encode(template, 'hex'), '-'), coalesce(encode(system_tip, 'hex'), '-'),
  coalesce(encode(tools_tip, 'hex'), '-'), coalesce(encode(system_hash, 'hex'), '-'), method, path, http_version,
  redactions), 'UTF8')), 1, 20);
insert into envelope
select distinct on (tenant, envelope) tenant, envelope, request_headers, template, system_tip, tools_tip, system_hash,
  method, path, http_version, redactions
from request;
update request set redactions = null;
alter table request
  alter column envelope set not null,
  drop column request_headers,
  drop column template,
  drop column system_tip,
  drop column tools_tip,
  drop column system_hash,
  drop column method,
  drop column path,
  drop column http_version,
  -- A content length that is not the body's.
  alter column request_length drop not null,
  alter column stored_bytes type integer,
  -- Of recorded bodies, which are 32 MB at most; of others the answer has it.
  alter column request_size type integer using least(request_size, 2147483647),
  add foreign key (tenant, envelope) references envelope (tenant, key);
create index envelope_headers on envelope (tenant, request_headers);
create index envelope_template on envelope (tenant, template) where template is not null;
create index envelope_system_tip on envelope (tenant, system_tip) where system_tip is not null;
create index envelope_tools_tip on envelope (tenant, tools_tip) where tools_tip is not null;
create index request_envelope on request (tenant, envelope);
alter table request alter column envelope set statistics 0;
alter table envelope
  alter column request_headers set statistics 0,
  alter column template set statistics 0,
  alter column system_tip set statistics 0,
  alter column tools_tip set statistics 0;

-- Content that lost a reference is now of three kinds.
alter table unused add column kind text not null default 'block';
update unused set kind = 'node' where is_node;
alter table unused drop constraint unused_pkey, drop column is_node, alter column kind drop default,
  add primary key (tenant, kind, key);

-- One index for both ways to look: an exchange by its id alone, and with its tenant.
alter table answer drop constraint answer_tenant_id_fkey;
alter table invocation drop constraint invocation_tenant_parent_id_fkey;
alter table request drop constraint request_pkey;
drop index request_id;
alter table request add primary key (id, tenant);
alter table answer add foreign key (tenant, id) references request (tenant, id) on delete cascade;
alter table invocation add foreign key (tenant, parent_id) references request (tenant, id) on delete cascade;

-- Closed lists: four bytes instead of up to sixteen, and nothing that is not in them.
create type exchange_type as enum ('inference', 'query_evaluation', 'quota', 'count_tokens', 'other');
create type exchange_state as enum ('running', 'completed', 'failed', 'aborted', 'interrupted');
create type link_signal as enum ('thread', 'response-prefix', 'request-prefix', 'retry', 'spawn-prompt', 'spawn-agent',
  'compaction', 'tool-id', 'root', 'none');
drop index answer_ended_badly;
alter table request
  alter column type type exchange_type using type::exchange_type,
  alter column link_signal type link_signal using link_signal::link_signal;
alter table answer alter column state type exchange_state using state::exchange_state;
create index answer_ended_badly on answer (state) where state <> 'completed';
alter table usage
  alter column type type exchange_type using type::exchange_type,
  alter column state type exchange_state using state::exchange_state;

-- Requests of the same time are sorted when they are read: half as many bytes for each.
drop index request_started;
create index request_started on request (started_at);

-- Tool ids are only compared: the first 32 bits of their SHA-256 are enough within a session.
create function tool_numbers(ids text[]) returns integer[] language sql immutable
  return (select array_agg(('x' || encode(substr(sha256(convert_to(id, 'UTF8')), 1, 4), 'hex'))::bit(32)::integer)
    from unnest(ids) as given (id));
alter table request
  alter column tool_ids drop default,
  alter column tool_ids drop not null,
  alter column tool_ids type integer[] using tool_numbers(tool_ids);
alter table answer
  -- The beginning and the duration say it.
  drop column ended_at,
  alter column tool_ids type integer[] using tool_numbers(tool_ids),
  alter column first_byte_ms type real,
  alter column first_token_ms type real,
  alter column duration_ms type real,
  alter column input_tokens type integer,
  alter column output_tokens type integer,
  alter column cache_read_tokens type integer,
  alter column cache_creation_tokens type integer,
  alter column cache_creation_1h_tokens type integer,
  alter column stored_bytes type integer;
drop function tool_numbers(text[]);

-- Totals read months and hours of it. That an exchange is counted once is seen to where it ends.
alter table usage drop constraint usage_pkey;
drop index usage_domain;
create index usage_at on usage (at);
alter table usage
  alter column input_tokens type integer,
  alter column output_tokens type integer,
  alter column cache_read_tokens type integer,
  alter column cache_creation_5m_tokens type integer,
  alter column cache_creation_1h_tokens type integer,
  alter column duration_ms type real,
  alter column stored_bytes type integer;

create view exchange as
select request.tenant, request.id, request.project, request.domain, request.account_id, request.session_id,
  request.agent_id, request.parent_agent_id, request.type, coalesce(answer.state, 'running') as state,
  request.started_at, request.started_at + answer.duration_ms * interval '1 millisecond' as ended_at, answer.first_byte_ms, answer.first_token_ms, answer.duration_ms,
  envelope.method, envelope.path, envelope.http_version, coalesce(request.model, answer.model) as model,
  request.streaming, answer.error, request.preview, request.asked,
  coalesce(answer.answer_preview, '') as answer_preview, request.message_count,
  coalesce(answer.tool_call_count, 0) as tool_call_count,
  coalesce(answer.input_tokens, 0) as input_tokens,
  coalesce(answer.output_tokens, 0) as output_tokens,
  coalesce(answer.cache_read_tokens, 0) as cache_read_tokens,
  coalesce(answer.cache_creation_tokens, 0) as cache_creation_tokens,
  coalesce(answer.cache_creation_1h_tokens, 0) as cache_creation_1h_tokens,
  envelope.request_headers, request.request_length, envelope.template, request.overlay, request.messages_tip,
  envelope.system_tip, envelope.tools_tip, request.raw,
  coalesce(answer.request_size, request.request_size) as request_size,
  coalesce(answer.request_sha256, request.request_sha256) as request_sha256,
  coalesce(answer.redactions, request.redactions, envelope.redactions) as redactions,
  answer.response_status, answer.response_headers, answer.response_body, answer.response_cuts, answer.response_size,
  answer.message_id, answer.upstream_id, request.conversation_id, request.branch_id, request.parent_id,
  request.retry_of, request.is_subtask, request.parent_task_id, request.request_link, answer.response_link,
  request.link_depth, request.link_version, envelope.system_hash, request.summarises,
  request.tool_ids || answer.tool_ids as tool_ids,
  request.link_signal, request.link_matched, request.link_candidates,
  request.stored_bytes + coalesce(answer.stored_bytes, 0) as stored_bytes,
  answer.response_shape, answer.response_tip, answer.response_packed, answer.response_header_values
from request
left join envelope on envelope.tenant = request.tenant and envelope.key = request.envelope
left join answer on answer.tenant = request.tenant and answer.id = request.id;
