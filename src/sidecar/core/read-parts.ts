import { readBlock, type ContentBlock } from './content-block.ts';
import { parseJson } from './json.ts';
import { messageFacts, readMessage, type MessageFacts } from './message-facts.ts';
import { addMessage, type LinkChain } from './normalise.ts';
import { CONTENT_HOLE, HOLES } from './overlay.ts';
import { readSystem, type SystemFacts } from './read-request.ts';
import type { ChainItem, FreshSplit } from './split.ts';

/** What was read of a message, and how far the link chain had come behind it. */
export interface ReadMessage {
  facts: MessageFacts;
  links: number;
  ownLinks: number;
  answeredLinks: number;
  answered: boolean;
}

const ZERO = 0x30;

/**
 * Reads what of a split is not messages; null when a piece is no JSON. The pieces are JSON if and only if the whole
 * is: the scanner saw to what stands between them. A part that was known is not read again (`system` is then empty).
 */
export function readParts(split: FreshSplit): { members: unknown; system: SystemFacts } | null {
  const members = parseFilled(split.template, HOLES.tools);
  const system = readBlocks(split.system);
  if (members === undefined || system === null || readBlocks(split.tools) === null) return null;
  return { members, system: readSystem(system.map(({ json }) => json)) };
}

/** Reads the messages that are new, and adds them to `chain`; null when one is no JSON. */
export function readMessages(split: FreshSplit, chain: LinkChain): ReadMessage[] | null {
  const roles = new Map<string, string | null>();
  const out: ReadMessage[] = [];
  let from = 0;
  for (const { items } of split.notes.messages.slice(split.known.messages)) {
    const role = roleOf(split.messages[from]!.shell!, roles);
    const blocks = readBlocks(split.messages.slice(from, from + items));
    if (role === null || blocks === null) return null;
    addMessage(chain, role, blocks);
    const { links, ownLinks, answeredLinks, answered } = chain;
    const facts = messageFacts(role, blocks);
    out.push({ facts, links: links.length, ownLinks, answeredLinks, answered });
    from += items;
  }
  return out;
}

function readBlocks(items: ChainItem[]): ContentBlock[] | null {
  const out: ContentBlock[] = [];
  for (const { block } of items) {
    if (block.length === 0) continue;
    const read = readBlock(block);
    if (read === null) return null;
    out.push(read);
  }
  return out;
}

/** The role of a message by its shell; a body has hundreds of messages and few different shells. */
function roleOf(shell: Buffer, roles: Map<string, string | null>): string | null {
  const name = shell.toString('latin1');
  const known = roles.get(name);
  if (known !== undefined) return known;
  const message = parseFilled(shell, CONTENT_HOLE);
  const role = message === undefined ? null : readMessage(message).role;
  roles.set(name, role);
  return role;
}

/** Parses JSON whose holes (bytes up to `last`) are filled with zeros. */
function parseFilled(bytes: Buffer, last: number): unknown {
  const filled = Buffer.from(bytes);
  for (let at = 0; at < filled.length; at++) if (filled[at]! <= last) filled[at] = ZERO;
  return parseJson(filled.toString());
}
