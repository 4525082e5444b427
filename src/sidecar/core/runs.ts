import type { ChainNode } from './chain.ts';
import type { ChainItem } from './split.ts';

/**
 * Nodes that are stored as one row, in the order of the chain: `key` and `depth` are those of the last one. Either one
 * item whose block is stored apart, since other chains may have it too (`shared`), or any number of a message's items
 * that are stored in the row itself.
 */
export type ChainRun = Pick<ChainNode, 'key' | 'depth'> & { items: ChainItem[]; shared: Buffer | null };

/** Text that several conversations begin with (memory files, skills, what a sub-agent is told) is longer than this. */
const SHARED_TEXT = 1024;
/** Whatever is as large as this is worth a row of its own: an image, a whole file, sent again in another history. */
const SHARED_BLOCK = 16 * 1024;
/** A run ends before it is longer than this: it is decoded as a whole, and travels in a list of rows. */
const LONGEST_RUN = 64 * 1024;
const TEXT = Buffer.from('{"type":"text"');
const ASSISTANT = Buffer.from('"role":"assistant"');

/**
 * The rows of a chain. `apart`: each item is one, as in `system` and `tools`, whose blocks come back in other orders.
 *
 * In `messages` a run is what a message has between its shared blocks. A row for every block cost 440 bytes beside the
 * content, half of what a turn took; the blocks of one message come and go together. Where a run ends depends on
 * the message alone, so that every request that has it finds it.
 */
export function runsOf(nodes: readonly ChainNode[], apart: boolean): ChainRun[] {
  if (apart) return nodes.map((node) => runOf([node], node.blockHash));
  const runs: ChainRun[] = [];
  let open: ChainNode[] = [];
  let bytes = 0;
  let answer = false;
  const close = (): void => {
    if (open.length > 0) runs.push(runOf(open, null));
    open = [];
    bytes = 0;
  };
  for (const node of nodes) {
    const { shell, block } = node;
    if (shell !== null) {
      close();
      answer = shell.includes(ASSISTANT);
    }
    if (isShared(block, answer)) {
      close();
      runs.push(runOf([node], node.blockHash));
      continue;
    }
    if (bytes + block.length > LONGEST_RUN) close();
    open.push(node);
    bytes += block.length;
  }
  close();
  return runs;
}

/** What the model says is said once; what it is told may be told again. */
function isShared(block: Buffer, answer: boolean): boolean {
  if (block.length >= SHARED_BLOCK) return true;
  return !answer && block.length >= SHARED_TEXT && block.compare(TEXT, 0, TEXT.length, 0, TEXT.length) === 0;
}

function runOf(nodes: ChainNode[], shared: Buffer | null): ChainRun {
  const { key, depth } = nodes.at(-1)!;
  return { key, depth, items: nodes.map(({ shell, block }) => ({ shell, block })), shared };
}
