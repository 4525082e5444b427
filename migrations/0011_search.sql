-- Full-text search: which requests have which words, in parts of up to some hundred requests. What is found is read from
-- the messages themselves each time, so that the index only has to lead there.

-- Ended requests of conversations that are in no part yet. Written with the end, removed when they are in a part.
create table unsearched (
  tenant text not null,
  id uuid not null,
  -- The newest first, of whatever tenant.
  primary key (id, tenant)
);
insert into unsearched
select request.tenant, request.id from request join answer on answer.tenant = request.tenant and answer.id = request.id
where request.conversation_id is not null;

-- A part: the ids of its requests in order, 16 bytes each. Requests may move from conversation to conversation.
create table search_segment (
  id bigint generated always as identity,
  first_id uuid not null,
  last_id uuid not null,
  size integer not null,
  tenant text not null,
  requests bytea not null,
  primary key (tenant, id)
);
alter table search_segment alter column requests set storage external;

-- Its terms from `first` on (UTF-8), each with the places of its requests: see `core/search/segment.ts`.
create table search_piece (
  segment bigint not null,
  tenant text not null,
  first bytea not null,
  bytes bytea not null,
  primary key (tenant, segment, first),
  foreign key (tenant, segment) references search_segment (tenant, id) on delete cascade
);
alter table search_piece alter column bytes set storage external;
