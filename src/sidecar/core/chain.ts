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

/** SHA-256 of a block's bytes. */
export function blockHash(bytes: Uint8Array): Buffer {
  return sha256(bytes);
}

const NO_PARENT = Buffer.alloc(32);
const GOES_ON = 0;
const OPENS = 1;

/**
 * The nodes of one list, or of what comes after `base`; key = SHA-256(parent key, shell, block hash), the parent of the
 * first being 32 zero bytes.
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
  const bytes = Buffer.allocUnsafe(65 + (shell?.length ?? 0));
  parent.copy(bytes, 0);
  blockKey.copy(bytes, 32);
  bytes[64] = shell === null ? GOES_ON : OPENS;
  shell?.copy(bytes, 65);
  return sha256(bytes);
}
