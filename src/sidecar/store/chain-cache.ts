import { sql } from 'kysely';
import { decodeRun, encodeRun, partRun } from '../core/run-bytes.ts';
import type { ChainItem } from '../core/split.ts';
import { unpack } from './blocks.ts';
import type { Store } from './tables.ts';
import { lastBytes, LONGEST_TRAIL } from './trails.ts';

/** As many lines of talk may go on side by side. */
const MOST_CHAINS = 8;
/** In all, of what they do not share. */
const MOST_BYTES = 32 * 1024 * 1024;
/** The turn before, the turn, and the one after it. */
const MOST_BODIES = 3;
const IDLE_MS = 10_000;

interface Chain {
  tenant: string;
  tip: Buffer;
  items: ChainItem[];
  /** Bytes of the items that no other chain had before. */
  bytes: number;
}

/**
 * Chains and bodies that were read last, for whoever reads a conversation turn by turn: each body's chain goes on from one before
 * it, and only what is new is read. (Reading 2,000 growing histories whole takes minutes: a row is 20 µs.) True
 * whatever becomes of the store, since a key stands for its content; forgotten when nobody has asked for a while.
 */
export class ChainCache {
  #chains: Chain[] = [];
  #forget: NodeJS.Timeout | null = null;
  /** Bodies by request: each is needed for the turns on both of its sides. */
  readonly #bodies = new Map<string, Buffer | null>();

  /** The body of a request, made by `read` where it is not among the last ones. */
  async body(requestId: string, read: () => Promise<Buffer | null>): Promise<Buffer | null> {
    this.#touch();
    const known = this.#bodies.get(requestId);
    if (known !== undefined) return known;
    const body = await read();
    this.#bodies.set(requestId, body);
    for (const oldest of this.#bodies.keys()) {
      if (this.#bodies.size <= MOST_BODIES) break;
      this.#bodies.delete(oldest);
    }
    return body;
  }

  /** As `readAfter`. */
  readonly after = async (
    db: Store,
    tenant: string,
    tip: Buffer,
    start: Buffer | null,
  ): Promise<ChainItem[]> => {
    // First the one that is the beginning of the other.
    const head = await this.read(db, tenant, start);
    return (await this.read(db, tenant, tip)).slice(head.length);
  };

  /** As `readChain`. */
  readonly read = async (db: Store, tenant: string, tip: Buffer | null): Promise<ChainItem[]> => {
    if (tip === null) return [];
    this.#touch();
    const mine = this.#chains.filter((chain) => chain.tenant === tenant);
    const known = mine.find((chain) => chain.tip.equals(tip));
    if (known !== undefined) {
      this.#keep(known);
      return known.items;
    }
    const rows = await readRows(db, tenant, tip, mine);
    const parent = rows[0]?.parent ?? null;
    if (rows.length === 0) throw new Error('A chain is not in the store');
    const base = parent === null ? undefined : mine.find((chain) => chain.tip.equals(parent));
    const items = decode(rows, base?.items ?? []);
    const bytes = items.slice(base?.items.length ?? 0).reduce((sum, { block }) => sum + block.length, 0);
    const chain = { tenant, tip, items, bytes };
    if (base !== undefined) {
      chain.bytes += base.bytes;
      base.bytes = 0;
    }
    this.#keep(chain);
    return chain.items;
  };

  #keep(chain: Chain): void {
    this.#chains = [chain, ...this.#chains.filter((other) => other !== chain)].slice(0, MOST_CHAINS);
    let bytes = 0;
    this.#chains = this.#chains.filter((kept, index) => (bytes += kept.bytes) <= MOST_BYTES || index === 0);
  }

  #touch(): void {
    if (this.#forget !== null) clearTimeout(this.#forget);
    this.#forget = setTimeout(() => {
      this.#chains = [];
      this.#bodies.clear();
    }, IDLE_MS).unref();
  }
}

const NO_KEY = Buffer.alloc(1);

interface Row {
  parent: Buffer | null;
  shell: Buffer | null;
  run: Buffer | null;
  /** Of its block, which is apart; null: its items are in `run`. */
  codec: number | null;
  bytes: Buffer | null;
  dictionary_from: number | null;
}

/** The rows of the chain that ends in `tip`, first one first, without those up to the first of `known` that it has. */
async function readRows(
  db: Store,
  tenant: string,
  tip: Buffer,
  known: readonly Pick<Chain, 'tip'>[],
): Promise<Row[]> {
  // Always as many, so that there is one statement to prepare.
  const keys = Array.from({ length: MOST_CHAINS }, (_, index) => sql`${known[index]?.tip ?? NO_KEY}::bytea`);
  const { rows } = await sql<Row>`
    with recursive chain as (
      select parent, block, shell, run, depth, dictionary_from
      from node where tenant = ${tenant} and key = ${tip}
      union all
      select node.parent, node.block, node.shell, node.run, node.depth, node.dictionary_from
      from chain join node on node.tenant = ${tenant} and node.key = chain.parent
      where chain.parent not in (${sql.join(keys)})
    )
    select chain.parent, chain.shell, chain.run, block.codec, block.bytes, chain.dictionary_from
    from chain left join block on block.tenant = ${tenant} and block.hash = chain.block
    order by chain.depth`.execute(db);
  return rows;
}

/** All items of a chain: those before the rows, and those in them. What a row is packed with is among them. */
function decode(rows: readonly Row[], before: readonly ChainItem[]): ChainItem[] {
  const items = [...before];
  for (const { shell, run, codec, bytes, dictionary_from: from } of rows) {
    if (run === null) items.push({ shell, block: inOwnBytes(unpack(codec!, bytes!)) });
    else {
      const text = partRun(run.subarray(1), (packed) =>
        inOwnBytes(unpack(run[0]!, packed, () => trailOf(items, from ?? 0))),
      );
      items.push(...decodeRun(text));
    }
  }
  return items;
}

/** The end of the items behind the first `from`, encoded, as much as a dictionary takes. */
function trailOf(items: readonly ChainItem[], from: number): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  for (let index = items.length - 1; index >= from && size < LONGEST_TRAIL; index--) {
    const item = items[index]!;
    const encoded = encodeRun([item]).text;
    parts.push(encoded);
    size += encoded.length;
  }
  return lastBytes(parts.reverse());
}

/** What zlib gives lies in a piece of 16 KB, which it would keep alive. */
function inOwnBytes(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= 1.25 * bytes.length) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}
