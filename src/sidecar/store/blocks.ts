import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { blockHash } from '../core/chain.ts';
import type { BlockKind, Store } from './tables.ts';

/** Content to be stored once; `hash` is the SHA-256 of `bytes`. */
export interface NewBlock {
  hash: Buffer;
  kind: BlockKind;
  bytes: Buffer;
}

const AS_IS = 0;
const ZSTD = 1;
/** Below this zstd's frame costs more than it saves. */
const SMALLEST_COMPRESSED = 96;
/** Rows per statement: far below the protocol's 65,535 parameters. */
const ROWS_PER_INSERT = 500;

export function newBlock(kind: BlockKind, bytes: Buffer): NewBlock {
  return { hash: blockHash(bytes), kind, bytes };
}

/**
 * Stores what is not stored yet. Sorted by hash, so that two transactions that insert the same content wait for each
 * other in one order and never deadlock.
 */
export async function insertBlocks(db: Store, tenant: string, blocks: NewBlock[]): Promise<void> {
  const distinct = new Map(blocks.map((block) => [block.hash.toString('latin1'), block]));
  const sorted = [...distinct.values()].sort((a, b) => Buffer.compare(a.hash, b.hash));
  for (let from = 0; from < sorted.length; from += ROWS_PER_INSERT) {
    const rows = sorted.slice(from, from + ROWS_PER_INSERT).map(({ hash, kind, bytes }) => {
      const packed = pack(bytes);
      return { tenant, hash, kind, raw_size: bytes.length, ...packed };
    });
    await db
      .insertInto('block')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** The content of one block; throws when it is missing, which a foreign key rules out. */
export async function readBlock(db: Store, tenant: string, hash: Buffer): Promise<Buffer> {
  const row = await db
    .selectFrom('block')
    .select(['codec', 'bytes'])
    .where('tenant', '=', tenant)
    .where('hash', '=', hash)
    .executeTakeFirstOrThrow();
  return unpack(row.codec, row.bytes);
}

export async function readBlockOrNull(
  db: Store,
  tenant: string,
  hash: Buffer | null,
): Promise<Buffer | null> {
  return hash === null ? null : readBlock(db, tenant, hash);
}

/** The bytes of a row, compressed when that is smaller. */
function pack(bytes: Buffer): { codec: number; bytes: Buffer } {
  if (bytes.length >= SMALLEST_COMPRESSED) {
    const compressed = zstdCompressSync(bytes);
    if (compressed.length < bytes.length) return { codec: ZSTD, bytes: compressed };
  }
  return { codec: AS_IS, bytes };
}

export function unpack(codec: number, bytes: Buffer): Buffer {
  return codec === ZSTD ? zstdDecompressSync(bytes) : bytes;
}
