import type { ChainPoint } from '../core/chain.ts';
import type { RememberedBody } from '../core/prepare.ts';

const DIGEST_BYTES = 32;

/**
 * The same body in bytes of its own, for whoever keeps it: a digest of 32 bytes lies in one of Node's pools of 64 KB
 * and keeps all of that alive (64 KB for every turn remembered: 158 MB after 2,000 turns). What `before` has was copied
 * when that was kept, and is shared.
 */
export function inOwnBytes(remembered: RememberedBody, before: RememberedBody | null): RememberedBody {
  const { messages, links, system, tools } = remembered;
  const known = before?.messages ?? [];
  const knownLinks = before?.links ?? [];
  const fresh =
    messages.filter((message, index) => message !== known[index]).length +
    links.filter((link, index) => link !== knownLinks[index]).length;
  // One buffer for all of them, which live and die together: each on its own would take six times its 32 bytes.
  const digests = Buffer.allocUnsafeSlow((fresh + 3) * DIGEST_BYTES);
  let used = 0;
  const own = (digest: Buffer): Buffer => {
    const start = used;
    used += digest.copy(digests, start);
    return digests.subarray(start, used);
  };
  const ownPoint = (tip: ChainPoint | null, old: ChainPoint | null = null): ChainPoint | null =>
    tip === null || tip === old ? tip : { ...tip, key: own(tip.key) };
  const { facts } = system;
  const isKnown = facts.hash === null || facts === before?.system.facts;
  return {
    ...remembered,
    body: ownBytes(remembered.body),
    messages: messages.map((message, index) =>
      message === known[index] ? message : { ...message, tip: { ...message.tip, key: own(message.tip.key) } },
    ),
    links: links.map((link, index) => (link === knownLinks[index] ? link : own(link))),
    system: {
      facts: isKnown ? facts : { ...facts, hash: facts.hash === null ? null : own(facts.hash) },
      tip: ownPoint(system.tip, before?.system.tip),
    },
    tools: { tip: ownPoint(tools.tip, before?.tools.tip) },
  };
}

/** A body cut from a larger read would keep all of that alive; `Buffer.from` would take a small one from a pool again. */
function ownBytes(body: Buffer): Buffer {
  if (body.buffer.byteLength <= 1.25 * body.length) return body;
  const own = Buffer.allocUnsafeSlow(body.length);
  body.copy(own);
  return own;
}
