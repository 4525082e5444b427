-- For the SQL that users of the old system know: its table of requests, as far as a query can give it. Bodies and headers
-- are packed, and what passed chunk by chunk is in one packed column: those are read through the API.
create view api_requests as
select exchange.id as request_id, exchange.domain, exchange.project, exchange.account_id,
  exchange.started_at as timestamp, exchange.method, exchange.path, exchange.model, exchange.type::text as request_type,
  exchange.state::text as state, exchange.response_status, exchange.streaming as response_streaming,
  exchange.first_token_ms, exchange.duration_ms, exchange.error, exchange.input_tokens, exchange.output_tokens,
  exchange.input_tokens + exchange.output_tokens as total_tokens,
  exchange.cache_creation_tokens as cache_creation_input_tokens,
  exchange.cache_read_tokens as cache_read_input_tokens, exchange.tool_call_count, exchange.conversation_id,
  exchange.branch_id, exchange.message_count, exchange.parent_id as parent_request_id,
  encode(exchange.request_link, 'hex') as current_message_hash,
  encode(parent.request_link, 'hex') as parent_message_hash, encode(exchange.system_hash, 'hex') as system_hash,
  exchange.is_subtask, exchange.parent_task_id as parent_task_request_id, exchange.started_at as created_at
from exchange
left join request parent on parent.tenant = exchange.tenant and parent.id = exchange.parent_id
where (exchange.conversation_id in (select id from conversation where deleted_at is not null)) is not true;
