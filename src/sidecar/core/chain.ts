import { sha256 } from './digest.ts';
import type { ChainItem } from './split.ts';

/** A node of the exact prefix chain. `key` identifies everything sent up to and including it. */
export interface ChainNode {
  shell: Buffer | null;
  block: Buffer;
  blockHash: Buffer;
  key: Buffer;
  /** 1 for the first node. */
  depth: number;
}

/** Where a chain goes on: a node's key and depth. */
export type ChainPoint = Pick<ChainNode, 'key' | 'depth'>;

/**
 * Bytes of a SHA-256 that name content: 160 bits, as git's names have. A key stands in its row, in the rows that refer
 * to it and in their indexes: 12 bytes less each are 150 bytes a turn.
 */
const KEY_BYTES = 20;

/** Names a block by its bytes. */
export function blockHash(bytes: Uint8Array): Buffer {
  return contentKey(bytes);
}

/** The first 160 bits of the SHA-256. */
export function contentKey(bytes: string | Uint8Array): Buffer {
  return sha256(bytes).subarray(0, KEY_BYTES);
}

const NO_PARENT = Buffer.alloc(KEY_BYTES);
const GOES_ON = 0;
const OPENS = 1;

/**
 * The nodes of one list, or of what comes after `base`; key = H(parent key, block hash, shell), the parent of the first
 * being zeros.
 */
export function chainNodes(items: ChainItem[], base: ChainPoint | null = null): ChainNode[] {
  let parent: Buffer = base?.key ?? NO_PARENT;
  let depth = base?.depth ?? 0;
  return items.map(({ shell, block }) => {
    const blockKey = blockHash(block);
    const key = nodeKey(parent, shell, blockKey);
    parent = key;
    return { shell, block, blockHash: blockKey, key, depth: ++depth };
  });
}

/** One buffer and one call: a streaming hash costs three times as much for so few bytes. */
function nodeKey(parent: Buffer, shell: Buffer | null, blockKey: Buffer): Buffer {
  const start = parent.length + blockKey.length;
  const bytes = Buffer.allocUnsafe(start + 1 + (shell?.length ?? 0));
  parent.copy(bytes, 0);
  blockKey.copy(bytes, parent.length);
  bytes[start] = shell === null ? GOES_ON : OPENS;
  shell?.copy(bytes, start + 1);
  return contentKey(bytes);
}
