import { chainNodes, type ChainNode } from './chain.ts';
import { joinBody } from './join.ts';
import { splitBody, type ChainItem } from './split.ts';

/** A chain on its way into the store. `tip` is the key of its last node; null for an empty chain. */
export interface PreparedChain {
  /** The node that `nodes` go on from, known to have been stored a moment ago; null: `nodes` are the whole chain. */
  base: { key: Buffer; depth: number } | null;
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

/**
 * The full path: splits the body, rebuilds it from the split and compares, hashes every node. A body the split does not
 * give back byte for byte is kept raw. Never throws.
 */
export function prepareBody(body: Buffer | null): PreparedBody {
  if (body === null) return { kind: 'none' };
  const split = splitBody(body);
  if (split === null || !joinBody(split).equals(body)) return { kind: 'raw', bytes: body };
  const { template, overlay, messages, system, tools } = split;
  return {
    kind: 'chains',
    template,
    overlay,
    messages: wholeChain(messages),
    system: wholeChain(system),
    tools: wholeChain(tools),
  };
}

export function wholeChain(items: ChainItem[]): PreparedChain {
  const nodes = chainNodes(items);
  return { base: null, nodes, tip: nodes.at(-1)?.key ?? null };
}
