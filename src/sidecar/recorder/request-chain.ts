import type { RequestFacts } from '../core/facts.ts';
import { linkChain } from '../core/normalise.ts';
import type { ThreadPoint } from '../store/threads.ts';

/** Raised when the normalisation changes: rows of an older version are linked anew by a rebuild. */
export const linkVersion = 2;

export interface RequestChain {
  links: Buffer[];
  /** The chain hash at the request's last message. */
  tip: Buffer | null;
  /** How many links lead to `tip`, those of a history the server holds included. */
  depth: number;
  /** Messages of that history. */
  heldMessages: number;
  /** The exchange the chain goes on from, when its own hashes are of an older version. */
  outdated: string | null;
}

/**
 * A request's link chain; with a message thread it goes on where the thread's last response ended. `messages`: the
 * parsed ones, called for only with a thread, whose requests hold few.
 */
export function requestChain(
  facts: RequestFacts,
  thread: ThreadPoint | null,
  messages: () => unknown,
): RequestChain {
  if (thread === null) {
    const { links } = facts;
    return { links, tip: links.at(-1) ?? null, depth: links.length, heldMessages: 0, outdated: null };
  }
  const chain = linkChain(messages(), { tip: thread.link, seenTools: new Set() });
  return {
    links: chain.links,
    tip: chain.tip,
    depth: thread.depth + chain.links.length,
    heldMessages: thread.messageCount,
    outdated: thread.version === linkVersion ? null : thread.id,
  };
}
