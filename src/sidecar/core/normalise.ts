import { canonical, normaliseBlock, toolKey } from './block-form.ts';
import type { ContentBlock } from './content-block.ts';
import { sha256 } from './digest.ts';
import { listOf, member, stringOf } from './json.ts';
import { readMessage } from './message-facts.ts';

/** The link chain of a list of messages, as far as they were added. */
export interface LinkChain {
  /** l_1 … l_n, one for each block that says something. */
  links: Buffer[];
  /** How many of `links` lie before the first assistant block. */
  ownLinks: number;
  /** How many of `links` lie up to the last assistant block. */
  answeredLinks: number;
  /** An assistant block has been added. */
  answered: boolean;
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
    answeredLinks: 0,
    answered: from.tip !== null,
    tip: from.tip,
    seenTools: new Set(from.seenTools),
  };
  for (const message of listOf(messages)) {
    const { role, blocks } = readMessage(message);
    addMessage(chain, role, blocks);
  }
  return chain;
}

/** Adds a message's blocks to the chain. */
export function addMessage(chain: LinkChain, role: string, blocks: ContentBlock[]): void {
  const before = chain.links.length;
  const keys = blocks.map(({ json }) => toolKey(json));
  const tools = keys.filter((key) => key !== null);
  const skip = role === 'system' || (tools.length > 0 && tools.every((key) => chain.seenTools.has(key)));
  const run: ResultRun = { base: chain.tip, sum: null };
  for (let index = 0; index < blocks.length; index++) {
    const key = keys[index] ?? null;
    if (!skip && !(key !== null && chain.seenTools.has(key))) addBlock(chain, role, blocks[index]!, run);
    if (key !== null && role !== 'system') chain.seenTools.add(key);
  }
  if (role === 'assistant' && chain.links.length > before) {
    chain.answered = true;
    chain.answeredLinks = chain.links.length;
  }
  if (!chain.answered) chain.ownLinks = chain.links.length;
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

/** SHA-256 of the system prompt's blocks without the billing one; null when there is none. */
export function systemHash(blocks: unknown[]): Buffer | null {
  const texts = blocks
    .filter((block) => !isBilling(block))
    .map((block) => normaliseBlock(block) ?? '')
    .filter((form) => form !== '');
  return texts.length === 0 ? null : sha256(canonical(texts));
}

/** Claude Code's billing block: it changes with every request of some versions. */
export function isBilling(block: unknown): boolean {
  const text = stringOf(member(block, 'text'));
  return text?.trimStart().startsWith('x-anthropic-billing-header') ?? false;
}

/**
 * Tool results that stand side by side count as a set: clients send them in order of the calls or of completion. The
 * set's hash is the sum of its members' hashes, so that each item costs the same.
 */
interface ResultRun {
  base: Buffer | null;
  sum: Buffer | null;
}

function addBlock(chain: LinkChain, role: string, block: ContentBlock, run: ResultRun): void {
  const form = block.form ?? normaliseBlock(block.json);
  if (form === null) return;
  if (member(block.json, 'type') === 'tool_result') {
    if (run.sum === null) run.base = chain.tip;
    run.sum = add(run.sum ?? NO_LINK, sha256(form));
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

/** One buffer and one call, as for the exact chain. */
function link(parent: Buffer | null, role: string, form: string | Buffer): Buffer {
  const head = `${role}\0`;
  const roleLength = Buffer.byteLength(head);
  const bytes = Buffer.allocUnsafe(32 + roleLength + Buffer.byteLength(form));
  (parent ?? NO_LINK).copy(bytes);
  bytes.write(head, 32);
  if (typeof form === 'string') bytes.write(form, 32 + roleLength);
  else form.copy(bytes, 32 + roleLength);
  return sha256(bytes);
}
