import { toolKey } from '../core/block-form.ts';
import type { RequestFacts } from '../core/facts.ts';
import { blocksOf, listOf, member } from '../core/json.ts';
import { linkChain } from '../core/normalise.ts';
import type { ThreadPoint } from '../store/threads.ts';

/** Raised when the normalisation changes: rows of an older version are linked anew by a rebuild. */
export const linkVersion = 1;

export interface RequestChain {
  links: Buffer[];
  /** The chain hash at the request's last message. */
  tip: Buffer | null;
  /** How many links lead to `tip`, those of a history the server holds included. */
  depth: number;
  /** Messages of that history. */
  heldMessages: number;
}

/** A request's link chain; with a message thread it goes on where the thread's last response ended. */
export function requestChain(body: unknown, facts: RequestFacts, thread: ThreadPoint | null): RequestChain {
  if (thread === null) {
    const { links } = facts;
    return { links, tip: links.at(-1) ?? null, depth: links.length, heldMessages: 0 };
  }
  const chain = linkChain(member(body, 'messages'), { tip: thread.link, seenTools: new Set() });
  return {
    links: chain.links,
    tip: chain.tip,
    depth: thread.depth + chain.links.length,
    heldMessages: thread.messageCount,
  };
}

/** The tool calls and results a request holds, as `extendChain` wants them. */
export function seenTools(body: unknown): Set<string> {
  const keys = new Set<string>();
  for (const message of listOf(member(body, 'messages'))) {
    if (member(message, 'role') === 'system') continue;
    for (const block of blocksOf(member(message, 'content'))) {
      const key = toolKey(block);
      if (key !== null) keys.add(key);
    }
  }
  return keys;
}
