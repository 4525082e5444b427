-- What each exchange used: one narrow row when it ends, whatever its type. Kept longer than content (which may be deleted
-- with its conversation the next day), so that totals and token windows stay true.
--
-- One partition for each month (UTC), created by the program when its first row comes (`store/usage.ts`), dropped as a
-- whole when it is old. No default partition: rows in it would stand in the way of the partition they belong to.

-- What the request newly added to the store; with the end also what the response did. 0 for what was stored before.
alter table exchange add column stored_bytes bigint not null default 0;

create table usage (
  tenant text not null,
  -- When the request arrived.
  at timestamptz not null,
  exchange_id uuid not null,
  account_id text,
  domain text not null,
  project text,
  type text not null,
  model text,
  state text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  -- Cache writes for five minutes and for an hour, apart: they have different prices.
  cache_creation_5m_tokens bigint not null,
  cache_creation_1h_tokens bigint not null,
  duration_ms double precision,
  stored_bytes bigint not null,
  primary key (tenant, at, exchange_id)
) partition by range (at);
create index usage_domain on usage (domain, at);

do $$
declare
  month timestamptz;
begin
  for month in select distinct date_trunc('month', started_at, 'UTC') from exchange where state <> 'running' loop
    execute format('create table %I partition of usage for values from (%L) to (%L)',
      'usage_' || to_char(month at time zone 'UTC', 'YYYY_MM'),
      month, (month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
  end loop;
end $$;

insert into usage
select tenant, started_at, id, account_id, domain, project, type, model, state, input_tokens, output_tokens,
  cache_read_tokens, greatest(0, cache_creation_tokens - cache_creation_1h_tokens), cache_creation_1h_tokens,
  duration_ms, 0
from exchange where state <> 'running';
