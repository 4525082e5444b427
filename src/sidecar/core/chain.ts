import { hash } from 'node:crypto';
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

/** SHA-256 of a block's bytes. */
export function blockHash(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

const NO_PARENT = Buffer.alloc(32);
const GOES_ON = 0;
const OPENS = 1;

/** The nodes of one list; key = SHA-256(parent key, shell, block hash), the parent of the first being 32 zero bytes. */
export function chainNodes(items: ChainItem[]): ChainNode[] {
  let parent: Buffer = NO_PARENT;
  return items.map(({ shell, block }, index) => {
    const blockKey = blockHash(block);
    const key = nodeKey(parent, shell, blockKey);
    parent = key;
    return { shell, block, blockHash: blockKey, key, depth: index + 1 };
  });
}

/** One buffer and one call: a streaming hash costs three times as much for so few bytes. */
function nodeKey(parent: Buffer, shell: Buffer | null, blockKey: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(65 + (shell?.length ?? 0));
  parent.copy(bytes, 0);
  blockKey.copy(bytes, 32);
  bytes[64] = shell === null ? GOES_ON : OPENS;
  shell?.copy(bytes, 65);
  return hash('sha256', bytes, 'buffer');
}
