-- Linking anew: what was recorded before something it hangs from, and what a better linker would hang elsewhere.

-- The exchanges to be linked anew, worked off from the oldest on. Written with what made it necessary, in the same
-- transaction, so that nothing is forgotten whenever the program dies. Empty but for the moments after a late arrival.
create table relink (
  tenant text not null,
  started_at timestamptz not null,
  id uuid not null,
  primary key (tenant, started_at, id)
);

-- The beginnings of conversations, and what goes on from a summary or is known by its last answer alone: whoever was recorded before its parent is most likely
-- among them.
create index request_opens on request (tenant, project, started_at) where link_signal in ('root', 'compaction', 'last-answer');
-- Claimed calls, too: to a request that began earlier than the one that claimed it, a call was still open.
create index invocation_prompt_hash on invocation using hash (prompt_hash);

-- Link hashes of the whole store are at least of this version (`linkVersion` of the program).
insert into setting (name, value) values ('link_version', '1');
