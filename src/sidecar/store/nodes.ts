import { sql } from 'kysely';
import { decodeRun, encodeRun, partRun } from '../core/run-bytes.ts';
import type { ChainItem } from '../core/split.ts';
import { unpack } from './blocks.ts';
import type { Store } from './tables.ts';
import { lastBytes, LONGEST_TRAIL } from './trails.ts';

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

/** A row that was read: the items behind `begin` up to `end`, and the text that they are encoded as. */
interface ReadRow {
  begin: number;
  end: number;
  items: () => ChainItem[];
  text: () => Buffer;
}

/** Items are only taken out of their text where somebody wants them: of most rows above, nobody does. */
function decodeRows(rows: Row[]): ReadNode[] {
  const nodes: ReadNode[] = [];
  const before: ReadRow[] = [];
  for (const row of rows) {
    const read = readRow(row, before);
    if (!row.above) nodes.push({ key: row.key, depth: row.depth, items: read.items() });
    before.push(read);
  }
  return nodes;
}

function readRow(
  { run, shell, codec, bytes, depth, dictionary_from: from }: Row,
  before: ReadRow[],
): ReadRow {
  // The first row may be in the middle of a chain; nothing is packed with what lies above it.
  const begin = before.at(-1)?.end ?? 0;
  if (run === null) {
    const item = { shell, block: unpack(codec!, bytes!) };
    return { begin, end: depth, items: () => [item], text: () => encodeRun([item]).text };
  }
  const parts = partRun(run.subarray(1), (packed) =>
    unpack(run[0]!, packed, () => dictionaryOf(before, from ?? 0)),
  );
  return { begin, end: depth, items: () => decodeRun(parts), text: () => parts.text };
}

/** The end of what stands behind `from`: it may begin within a row that somebody else has stored. */
function dictionaryOf(before: ReadRow[], from: number): Buffer {
  const texts: Buffer[] = [];
  let length = 0;
  for (let index = before.length - 1; index >= 0 && length < LONGEST_TRAIL; index--) {
    const row = before[index]!;
    if (row.end <= from) break;
    const items = row.begin < from ? row.items() : null;
    const text = items === null ? row.text() : encodeRun(items.slice(items.length - (row.end - from))).text;
    texts.push(text);
    length += text.length;
  }
  return lastBytes(texts.reverse());
}
