import { sql } from 'kysely';
import { decodeRun, encodeRun, partRun } from '../core/run-bytes.ts';
import type { ChainItem } from '../core/split.ts';
import { unpack } from './blocks.ts';
import type { Store } from './tables.ts';
import { lastBytes } from './trails.ts';

/** The items of the chain that ends in `tip`, first one first. Throws for a tip that is not stored. */
export async function readChain(db: Store, tenant: string, tip: Buffer | null): Promise<ChainItem[]> {
  if (tip === null) return [];
  const items = await readAfter(db, tenant, tip, null);
  if (items.length === 0) throw new Error('A chain is not in the store');
  return items;
}

/** A row of a chain: its items, the last of which is at `depth`. */
export interface ReadNode {
  key: Buffer;
  depth: number;
  items: ChainItem[];
}

interface Row {
  key: Buffer;
  shell: Buffer | null;
  depth: number;
  run: Buffer | null;
  /** Of its block, which is apart; null: its items are in `run`. */
  codec: number | null;
  bytes: Buffer | null;
  dictionary_from: number | null;
  /** Not asked for: what comes after is packed with it. */
  above: boolean;
}

/** The items of the chain that ends in `tip`, without those up to the node `start` (null: from its beginning). */
export async function readAfter(
  db: Store,
  tenant: string,
  tip: Buffer,
  start: Buffer | null,
): Promise<ChainItem[]> {
  const nodes = await readNodesAfter(db, tenant, tip, start === null ? [] : [start]);
  return nodes.flatMap(({ items }) => items);
}

/**
 * The nodes of the chain that ends in `tip`, without those up to whichever of `starts` is met first from its end (none of
 * them: from its beginning). Reads further up only as far as runs are packed with what is there, which is 64 rows at most.
 */
export async function readNodesAfter(
  db: Store,
  tenant: string,
  tip: Buffer,
  starts: Buffer[],
): Promise<ReadNode[]> {
  const starting = sql`coalesce(chain.parent = any(${starts}::bytea[]), true)`;
  const { rows } = await sql<Row>`
    with recursive chain as (
      select key, parent, block, shell, run, depth, dictionary_from, coalesce(dictionary_from, depth) as needed,
        false as above
      from node where tenant = ${tenant} and key = ${tip}
      union all
      select node.key, node.parent, node.block, node.shell, node.run, node.depth, node.dictionary_from,
        least(chain.needed, coalesce(node.dictionary_from, node.depth)), chain.above or ${starting}
      from chain join node on node.tenant = ${tenant} and node.key = chain.parent
      where not (chain.above or ${starting}) or node.depth > chain.needed
    )
    select chain.key, chain.shell, chain.depth, chain.run, block.codec, block.bytes, chain.dictionary_from,
      chain.above
    from chain left join block on block.tenant = ${tenant} and block.hash = chain.block
    order by chain.depth`.execute(db);
  return decodeRows(rows);
}

function decodeRows(rows: Row[]): ReadNode[] {
  const nodes: ReadNode[] = [];
  /** Each item as it is in a run, by its depth, as far as it is known. */
  const encoded: Buffer[] = [];
  const packed = rows.some((row) => row.dictionary_from !== null);
  let before = 0;
  for (const { key, shell, depth, run, codec, bytes, dictionary_from: from, above } of rows) {
    const dictionary = (): Buffer => lastBytes(encoded.slice((from ?? 0) + 1, before + 1));
    const own =
      run !== null
        ? decodeRun(partRun(run.subarray(1), (packed) => unpack(run[0]!, packed, dictionary)))
        : [{ shell, block: unpack(codec!, bytes!) }];
    if (!above) nodes.push({ key, depth, items: own });
    if (packed) {
      for (const [index, item] of own.entries()) {
        encoded[depth - own.length + 1 + index] = encodeRun([item]).text;
      }
    }
    before = depth;
  }
  return nodes;
}
