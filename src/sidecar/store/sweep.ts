import { sql } from 'kysely';
import type { Database } from './database.ts';
import { blockIsUnused, byIndexOnly, envelopeIsUnused, nodeIsUnused, referencesOf } from './references.ts';
import { BLOCK_BYTES, NODE_BYTES } from './row-costs.ts';
import type { ContentKind, Store, Tx } from './tables.ts';

/** The share of a slice that may be beginnings of chains; the rest is for what hangs above them. */
const STARTS = 4;

interface Swept {
  nodes: number;
  /** Pieces of content: blocks, and runs of them that were rows of `node`. */
  blocks: number;
  bytes: number;
  /** Nothing is left to look at. */
  done: boolean;
  /** Something was deleted or taken off the list; false: another process holds all that was looked at. */
  moved: boolean;
}

/**
 * One slice of removing content that lost its last reference: at most about `size` nodes and as many blocks, chains
 * from their end upwards. Correct by itself and repeatable: what is looked at comes from `unused`, what is deleted is
 * checked in the same transaction.
 *
 * Another process may store the same content meanwhile. What it has just referred to is locked by its foreign key and
 * skipped here (it stays on the list); what is locked here makes it wait for some milliseconds, and then it finds that
 * the row is gone and stores it again. Nobody waits for two things, so nothing deadlocks.
 */
export async function sweepSlice(database: Database, tenant: string, size: number): Promise<Swept> {
  return database.db.transaction().execute(async (tx) => {
    await byIndexOnly(tx);
    await lockHousekeeping(database, tx, tenant);
    const envelopes = await takeSuspects(tx, tenant, 'envelope', size);
    const freed = envelopes.length === 0 ? [] : await deleteEnvelopes(tx, tenant, envelopes);
    const starts = await takeSuspects(tx, tenant, 'node', Math.max(1, Math.ceil(size / STARTS)));
    const nodes = starts.length === 0 ? [] : await deleteChainEnds(tx, tenant, starts, size);
    const listed = starts.length === 0 ? await takeSuspects(tx, tenant, 'block', size) : [];
    const hashes = distinct([...listed, ...nodes.flatMap((node) => node.block ?? [])]);
    const blocks = hashes.length === 0 ? [] : await deleteBlocks(tx, tenant, hashes);
    const keptEnvelopes = await settle(tx, tenant, 'envelope', envelopes, envelopes);
    const keptNodes = await settle(tx, tenant, 'node', starts, [
      ...starts,
      ...keysOf(freed, 'node'),
      ...nodes.flatMap((node) => node.parent ?? []),
    ]);
    const keptBlocks = await settle(tx, tenant, 'block', listed, [
      ...without(hashes, blocks),
      ...keysOf(freed, 'block'),
    ]);
    const taken = envelopes.length + starts.length + listed.length;
    return {
      nodes: nodes.length,
      blocks: blocks.length + nodes.filter((node) => node.block === null).length,
      bytes:
        nodes.reduce((sum, node) => sum + node.bytes + NODE_BYTES, 0) +
        blocks.reduce((sum, block) => sum + block.bytes + BLOCK_BYTES, 0),
      done: taken === 0,
      moved: nodes.length + blocks.length > 0 || keptEnvelopes + keptNodes + keptBlocks < taken,
    };
  });
}

/** Tenants that have content to look at. */
export async function tenantsToSweep(db: Store): Promise<string[]> {
  const rows = await db.selectFrom('unused').select('tenant').distinct().execute();
  return rows.map((row) => row.tenant);
}

/**
 * Held by whoever removes references and whoever removes content: two of them at once could each think that the other
 * one's row is still there, and forget what both lead to. Recording does not wait for it.
 */
export async function lockHousekeeping(database: Database, tx: Tx, tenant: string): Promise<void> {
  await database.lockTenant(tx, `${tenant} housekeeping`);
}

async function takeSuspects(tx: Tx, tenant: string, kind: ContentKind, limit: number): Promise<Buffer[]> {
  const { rows } = await sql<{ key: Buffer }>`
    select key from unused where tenant = ${tenant} and kind = ${kind}
    order by key limit ${limit}`.execute(tx);
  return rows.map((row) => row.key);
}

/** What an envelope, or anything else that is gone, referred to. */
interface Freed {
  kind: ContentKind;
  key: Buffer;
}

const keysOf = (freed: Freed[], kind: ContentKind): Buffer[] =>
  distinct(freed.flatMap((one) => (one.kind === kind ? one.key : [])));

/** Deletes those that no request has (any more), and tells what they referred to. */
async function deleteEnvelopes(tx: Tx, tenant: string, keys: Buffer[]): Promise<Freed[]> {
  const unused = envelopeIsUnused(tenant, sql`envelope.key`);
  const { rows: locked } = await sql<{ key: Buffer }>`
    select key from envelope where tenant = ${tenant} and key = any(${keys}::bytea[]) and ${unused}
    order by key for update skip locked`.execute(tx);
  if (locked.length === 0) return [];
  const { rows } = await sql<Freed>`
    with gone as (
      delete from envelope where tenant = ${tenant} and key = any(${locked.map((row) => row.key)}::bytea[])
        and ${unused} returning *
    )
    select reference.* from gone cross join lateral ${referencesOf('envelope', 'gone')} as reference (key, kind)
    where reference.key is not null`.execute(tx);
  return rows;
}

interface DeletedNode {
  key: Buffer;
  parent: Buffer | null;
  block: Buffer | null;
  bytes: number;
}

/** Deletes from each start upwards as far as nobody else needs it, at most `size` nodes in all. */
async function deleteChainEnds(
  tx: Tx,
  tenant: string,
  starts: Buffer[],
  size: number,
): Promise<DeletedNode[]> {
  // Step by step through all chains at once, so that a cut at `size` leaves no node without its parent.
  const ends = (within: Buffer[] | null) => {
    const allowed = within === null ? sql`true` : sql`node.key = any(${within}::bytea[])`;
    return sql`
      with recursive chain_end (key, parent) as (
        select first.key, first.parent from unnest(${starts}::bytea[]) as start (key)
        cross join lateral (
          select node.key, node.parent from node where node.tenant = ${tenant} and node.key = start.key
            and ${allowed} and ${nodeIsUnused(tenant, sql`node.key`, sql`null::bytea`)} offset 0
        ) first
        union all
        select above.key, above.parent from chain_end
        cross join lateral (
          select node.key, node.parent from node where node.tenant = ${tenant} and node.key = chain_end.parent
            and ${allowed} and ${nodeIsUnused(tenant, sql`node.key`, sql`chain_end.key`)} offset 0
        ) above
      )`;
  };
  const { rows: locked } = await sql<{ key: Buffer }>`${ends(null)}
    select key from node where tenant = ${tenant}
      and key = any(array(select key from chain_end limit ${size})) for update skip locked`.execute(tx);
  if (locked.length === 0) return [];
  // Looked at again now that nobody can refer to them any more.
  const { rows } = await sql<DeletedNode>`${ends(locked.map((row) => row.key))}
    delete from node where tenant = ${tenant} and key = any(array(select key from chain_end))
    returning key, parent, block, coalesce(octet_length(run), 0) as bytes`.execute(tx);
  return rows;
}

interface DeletedBlock {
  hash: Buffer;
  bytes: number;
}

async function deleteBlocks(tx: Tx, tenant: string, hashes: Buffer[]): Promise<DeletedBlock[]> {
  const unused = blockIsUnused(tenant, sql`block.hash`);
  const { rows: locked } = await sql<{ hash: Buffer }>`
    select hash from block where tenant = ${tenant} and hash = any(${hashes}::bytea[]) and ${unused}
    order by hash for update skip locked`.execute(tx);
  if (locked.length === 0) return [];
  const { rows } = await sql<DeletedBlock>`
    delete from block where tenant = ${tenant} and hash = any(${locked.map((row) => row.hash)}::bytea[])
      and ${unused} returning hash, octet_length(bytes) as bytes`.execute(tx);
  return rows;
}

/**
 * Takes what was looked at off the list, and puts there what is (still, or now) unused. Returns how much of that was
 * on the list before.
 */
async function settle(
  tx: Tx,
  tenant: string,
  kind: ContentKind,
  listed: Buffer[],
  remaining: Buffer[],
): Promise<number> {
  if (listed.length > 0) {
    await sql`delete from unused where tenant = ${tenant} and kind = ${kind}
      and key = any(${listed}::bytea[])`.execute(tx);
  }
  if (remaining.length === 0) return 0;
  const found = {
    envelope: sql`select ${tenant}, 'envelope', key from envelope where tenant = ${tenant}
      and key = any(${remaining}::bytea[]) and ${envelopeIsUnused(tenant, sql`envelope.key`)}`,
    node: sql`select ${tenant}, 'node', node.key from node where node.tenant = ${tenant}
      and node.key = any(${remaining}::bytea[]) and ${nodeIsUnused(tenant, sql`node.key`, sql`null::bytea`)}`,
    block: sql`select ${tenant}, 'block', block.hash from block where block.tenant = ${tenant}
      and block.hash = any(${remaining}::bytea[]) and ${blockIsUnused(tenant, sql`block.hash`)}`,
  }[kind];
  const { rows } = await sql<{ key: Buffer }>`
    insert into unused (tenant, kind, key) ${found} on conflict do nothing returning key`.execute(tx);
  const before = new Set(listed.map((key) => key.toString('latin1')));
  return rows.filter((row) => before.has(row.key.toString('latin1'))).length;
}

function distinct(keys: Buffer[]): Buffer[] {
  return [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()];
}

function without(hashes: Buffer[], deleted: DeletedBlock[]): Buffer[] {
  const gone = new Set(deleted.map((block) => block.hash.toString('latin1')));
  return hashes.filter((hash) => !gone.has(hash.toString('latin1')));
}
