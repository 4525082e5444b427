import { sql } from 'kysely';
import type { ChainItem } from '../core/split.ts';
import { unpack } from './blocks.ts';
import type { Store } from './tables.ts';

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
