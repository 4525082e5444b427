import { sql } from 'kysely';
import type { ChainNode } from '../core/chain.ts';
import type { PreparedChain } from '../core/prepare.ts';
import type { ChainItem } from '../core/split.ts';
import { unpack, type NewBlock } from './blocks.ts';
import type { BlockKind, Store } from './tables.ts';

/** A chain with the kind of its blocks. */
export interface KindOfChain {
  kind: BlockKind;
  chain: PreparedChain;
}

const ROWS_PER_INSERT = 500;

/** What of these chains is not stored yet: the nodes, parents first, and the blocks they need. null: a base is not. */
export async function missingNodes(
  db: Store,
  tenant: string,
  chains: KindOfChain[],
): Promise<{ nodes: NewNode[]; blocks: NewBlock[] } | null> {
  const known = await knownKeys(db, tenant, chains);
  const nodes = new Map<string, NewNode>();
  const blocks: NewBlock[] = [];
  for (const { kind, chain } of chains) {
    let parent: Buffer | null = chain.base?.key ?? null;
    if (parent !== null && !known.has(parent.toString('latin1'))) return null;
    for (const node of chain.nodes) {
      const name = node.key.toString('latin1');
      if (!known.has(name) && !nodes.has(name)) {
        nodes.set(name, { ...node, parent });
        blocks.push({ hash: node.blockHash, kind, bytes: node.block });
      }
      parent = node.key;
    }
  }
  return { nodes: [...nodes.values()], blocks };
}

export interface NewNode extends ChainNode {
  parent: Buffer | null;
}

/** Their blocks are stored already. */
export async function insertNodes(db: Store, tenant: string, nodes: NewNode[]): Promise<void> {
  // A statement's rows may refer to each other, and parents come before their children: cutting keeps that true.
  for (let from = 0; from < nodes.length; from += ROWS_PER_INSERT) {
    const rows = nodes.slice(from, from + ROWS_PER_INSERT).map((node) => ({
      tenant,
      key: node.key,
      parent: node.parent,
      block: node.blockHash,
      shell: node.shell,
      depth: node.depth,
    }));
    await db
      .insertInto('node')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** The items of the chain that ends in `tip`, first one first. Throws for a tip that is not stored. */
export async function readChain(db: Store, tenant: string, tip: Buffer | null): Promise<ChainItem[]> {
  if (tip === null) return [];
  const { rows } = await sql<{ shell: Buffer | null; codec: number; bytes: Buffer }>`
    with recursive chain as (
      select parent, block, shell, depth from node where tenant = ${tenant} and key = ${tip}
      union all
      select node.parent, node.block, node.shell, node.depth
      from chain join node on node.tenant = ${tenant} and node.key = chain.parent
    )
    select chain.shell, block.codec, block.bytes
    from chain join block on block.tenant = ${tenant} and block.hash = chain.block
    order by chain.depth`.execute(db);
  if (rows.length === 0) throw new Error('A chain is not in the store');
  return rows.map((row) => ({ shell: row.shell, block: unpack(row.codec, row.bytes) }));
}

/** A chain's stored nodes are a prefix of it, so one look-up of all keys finds where the new part begins. */
async function knownKeys(db: Store, tenant: string, chains: KindOfChain[]): Promise<Set<string>> {
  const keys = chains.flatMap(({ chain: { base, nodes } }) => [
    ...(base === null ? [] : [base.key]),
    ...nodes.map((node) => node.key),
  ]);
  if (keys.length === 0) return new Set();
  const { rows } = await sql<{ key: Buffer }>`
    select key from node where tenant = ${tenant} and key = any(${keys}::bytea[])`.execute(db);
  return new Set(rows.map((row) => row.key.toString('latin1')));
}
