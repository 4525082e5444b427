import { createHash, hash } from 'node:crypto';
import { canonical, normaliseBlock, toolKey } from './block-form.ts';
import { blocksOf, listOf, member, stringOf } from './json.ts';

/** The link chain of a list of messages. */
interface LinkChain {
  /** l_1 … l_n, one for each block that says something. */
  links: Buffer[];
  /** How many of `links` lie before the first assistant block. */
  ownLinks: number;
  /** The chain so far after each item of the split, 1:1 with `Split.messages`; `NO_LINK` before the first link. */
  perItem: Buffer[];
  /** The last link; null without any. */
  tip: Buffer | null;
  /** Keys of the tool calls and results seen so far, for `extendChain`. */
  seenTools: Set<string>;
}

export const NO_LINK = Buffer.alloc(32);

/**
 * l_k = SHA-256(l_{k-1}, role, normalised block), block by block and not message by message: an interrupted turn
 * appends to a message that was sent before. Messages with role `system` and messages whose tool ids were all seen
 * before (1.0.58 sends them twice) do not count. `from`: continue a chain the server holds (message threads).
 */
export function linkChain(
  messages: unknown,
  from: { tip: Buffer | null; seenTools: ReadonlySet<string> } = { tip: null, seenTools: new Set() },
): LinkChain {
  const chain: LinkChain = {
    links: [],
    ownLinks: 0,
    perItem: [],
    tip: from.tip,
    seenTools: new Set(from.seenTools),
  };
  let answered = from.tip !== null;
  for (const message of listOf(messages)) {
    const role = stringOf(member(message, 'role')) ?? '';
    const content = member(message, 'content');
    const before = chain.links.length;
    addMessage(chain, role, content);
    if (role === 'assistant' && chain.links.length > before) answered = true;
    if (!answered) chain.ownLinks = chain.links.length;
    // A message without blocks is one item of the split all the same.
    if (blocksOf(content).length === 0) chain.perItem.push(chain.tip ?? NO_LINK);
  }
  return chain;
}

/** The request's chain with the response's blocks behind it; null when the response adds none. */
export function extendChain(
  tip: Buffer | null,
  seenTools: ReadonlySet<string>,
  response: unknown,
): Buffer | null {
  const chain = linkChain([{ role: 'assistant', content: member(response, 'content') }], { tip, seenTools });
  return chain.links.length === 0 ? null : chain.tip;
}

/** SHA-256 of the system prompt without its billing block; null when there is none. */
export function systemHash(system: unknown): Buffer | null {
  const texts = blocksOf(system)
    .filter((block) => !isBilling(block))
    .map((block) => normaliseBlock(block) ?? '')
    .filter((form) => form !== '');
  return texts.length === 0 ? null : createHash('sha256').update(canonical(texts)).digest();
}

/** Claude Code's billing block: it changes with every request of some versions. */
export function isBilling(block: unknown): boolean {
  const text = stringOf(member(block, 'text'));
  return text?.trimStart().startsWith('x-anthropic-billing-header') ?? false;
}

function addMessage(chain: LinkChain, role: string, content: unknown): void {
  const blocks = blocksOf(content);
  const keys = blocks.map(toolKey);
  const tools = keys.filter((key) => key !== null);
  const skip = role === 'system' || (tools.length > 0 && tools.every((key) => chain.seenTools.has(key)));
  const run: ResultRun = { base: chain.tip, sum: null };
  for (let index = 0; index < blocks.length; index++) {
    const key = keys[index] ?? null;
    if (!skip && !(key !== null && chain.seenTools.has(key))) addBlock(chain, role, blocks[index], run);
    if (key !== null && role !== 'system') chain.seenTools.add(key);
    chain.perItem.push(chain.tip ?? NO_LINK);
  }
}

/**
 * Tool results that stand side by side count as a set: clients send them in order of the calls or of completion. The
 * set's hash is the sum of its members' hashes, so that each item costs the same.
 */
interface ResultRun {
  base: Buffer | null;
  sum: Buffer | null;
}

function addBlock(chain: LinkChain, role: string, block: unknown, run: ResultRun): void {
  const form = normaliseBlock(block);
  if (form === null) return;
  if (member(block, 'type') === 'tool_result') {
    if (run.sum === null) run.base = chain.tip;
    run.sum = add(run.sum ?? NO_LINK, hash('sha256', form, 'buffer'));
    chain.tip = link(run.base, role, run.sum);
  } else {
    run.sum = null;
    chain.tip = link(chain.tip, role, form);
  }
  chain.links.push(chain.tip);
}

/** Sum of two hashes, word by word. */
function add(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.alloc(32);
  for (let at = 0; at < 32; at += 4) out.writeUInt32LE((a.readUInt32LE(at) + b.readUInt32LE(at)) >>> 0, at);
  return out;
}

function link(parent: Buffer | null, role: string, form: string | Buffer): Buffer {
  const head = Buffer.concat([parent ?? NO_LINK, Buffer.from(`${role}\0`)]);
  const body = typeof form === 'string' ? Buffer.from(form) : form;
  return hash('sha256', Buffer.concat([head, body]), 'buffer');
}
