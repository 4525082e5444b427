import { chainNodes, type ChainNode, type ChainPoint } from './chain.ts';
import type { RequestFacts } from './facts.ts';
import { member, parseJson } from './json.ts';
import { rebuilds } from './join.ts';
import { seenToolsOf } from './message-facts.ts';
import { linkChain } from './normalise.ts';
import { readMessages, readParts, type ReadMessage } from './read-parts.ts';
import { readRequest, requestFacts, type RequestHead, type SystemFacts } from './read-request.ts';
import { isCompact } from './scan.ts';
import { splitBody, type Before, type ChainItem, type FreshSplit } from './split.ts';

/** A chain on its way into the store. `tip` is the key of its last node; null for an empty chain. */
export interface PreparedChain {
  /** The node that `nodes` go on from, known to have been stored a moment ago; null: `nodes` are the whole chain. */
  base: ChainPoint | null;
  /** Parents first; their depths go on from the base's. */
  nodes: ChainNode[];
  tip: Buffer | null;
}

/** A request body as it is stored: nothing, one raw block, or a template with its chains and overlay. */
export type PreparedBody =
  | { kind: 'none' }
  | { kind: 'raw'; bytes: Buffer }
  | {
      kind: 'chains';
      template: Buffer;
      overlay: Buffer | null;
      messages: PreparedChain;
      system: PreparedChain;
      tools: PreparedChain;
    };

/** A request ready for its transaction. */
export interface PreparedRequest {
  body: PreparedBody;
  facts: RequestFacts;
  /** The tool calls and results in its messages, as `extendChain` wants them. */
  seenTools: ReadonlySet<string>;
  /** What the requests after this one may go on from, once it is stored; null: they cannot. */
  remembered: RememberedBody | null;
}

/** A stored body and what was read of it: by message, so that another body can go on after any of them. */
export interface RememberedBody extends Before {
  messages: RememberedMessage[];
  links: Buffer[];
  system: { facts: SystemFacts; tip: ChainPoint | null };
  tools: { tip: ChainPoint | null };
}

interface RememberedMessage extends ReadMessage {
  tip: ChainPoint;
}

/**
 * Reads a request and takes its body apart: splits, rebuilds and compares, hashes, links, collects facts. A body that
 * is no JSON, or that the split does not give back byte for byte, is kept raw. Never throws.
 *
 * `before`: a stored body that may begin alike; what both share is taken over from it. The result is the same with
 * and without it but for the chains, which then go on from nodes that are stored, and whoever stores them must be
 * ready for these to be gone.
 */
export function prepareRequest(
  head: RequestHead,
  body: Buffer | null,
  before: RememberedBody | null = null,
): PreparedRequest {
  const { method, path, headers } = head;
  if (body === null) return unread({ method, path, headers }, { kind: 'none' }, undefined);
  return (
    (before === null ? null : takeApart(head, body, before)) ??
    takeApart(head, body, null) ??
    unread({ method, path, headers }, { kind: 'raw', bytes: body }, parseJson(body.toString()))
  );
}

/** The body alone, for whoever has no use for what it says. */
export function prepareBody(body: Buffer | null): PreparedBody {
  return prepareRequest({ method: 'POST', path: '/', headers: [] }, body).body;
}

function unread(head: RequestHead, body: PreparedBody, json: unknown): PreparedRequest {
  const { seenTools } = linkChain(member(json, 'messages'));
  return { body, facts: readRequest({ ...head, body: json }), seenTools, remembered: null };
}

function takeApart(head: RequestHead, body: Buffer, before: RememberedBody | null): PreparedRequest | null {
  const split = splitBody(body, before);
  if (split === null || !rebuilds(split, body)) return null;
  const { known, notes, spans } = split;
  const parts = readParts(split);
  if (parts === null) return null;

  const knownMessages = before?.messages.slice(0, known.messages) ?? [];
  const last = knownMessages.at(-1);
  const chain = {
    links: before?.links.slice(0, last?.links ?? 0) ?? [],
    ownLinks: last?.ownLinks ?? 0,
    answeredLinks: last?.answeredLinks ?? 0,
    answered: last?.answered ?? false,
    tip: null as Buffer | null,
    seenTools: seenToolsOf(knownMessages.map(({ facts }) => facts)),
  };
  chain.tip = chain.links.at(-1) ?? null;
  const fresh = readMessages(split, chain);
  if (fresh === null) return null;

  const messages = chainFrom(split.messages, last?.tip ?? null);
  const system = known.system ? chainFrom([], before!.system.tip) : chainFrom(split.system, null);
  const tools = known.tools ? chainFrom([], before!.tools.tip) : chainFrom(split.tools, null);
  const systemFacts = known.system ? before!.system.facts : parts.system;
  const all = [...knownMessages, ...withTips(fresh, split, messages)];
  return {
    body: { kind: 'chains', template: split.template, overlay: split.overlay, messages, system, tools },
    facts: requestFacts(head, {
      members: parts.members,
      messages: all.map(({ facts }) => facts),
      system: systemFacts,
      hasTools: notes.tools.items > 0,
      chain,
    }),
    seenTools: chain.seenTools,
    remembered:
      isCompact(notes.spacing.messages) && isCompact(notes.spacing.content)
        ? {
            body,
            notes,
            spans,
            messages: all,
            links: chain.links,
            system: { facts: systemFacts, tip: pointOf(system) },
            tools: { tip: pointOf(tools) },
          }
        : null,
  };
}

function chainFrom(items: ChainItem[], base: ChainPoint | null): PreparedChain {
  const nodes = chainNodes(items, base);
  return { base, nodes, tip: nodes.at(-1)?.key ?? base?.key ?? null };
}

function pointOf({ base, nodes }: PreparedChain): ChainPoint | null {
  const last = nodes.at(-1);
  return last === undefined ? base : { key: last.key, depth: last.depth };
}

/** Each message with the last of its nodes. */
function withTips(fresh: ReadMessage[], split: FreshSplit, { nodes }: PreparedChain): RememberedMessage[] {
  let next = 0;
  return fresh.map((message, index) => {
    next += split.notes.messages[split.known.messages + index]!.items;
    const { key, depth } = nodes[next - 1]!;
    return { ...message, tip: { key, depth } };
  });
}
