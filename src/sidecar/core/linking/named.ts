import type { LinkCandidate, LinkDecision } from '../facts.ts';
import { continuation, retryOf, siblingOf, type Case } from './decision.ts';

/**
 * The client names the parent: `thread.previous_message_id` is the id of a response, `cc_prev_req` an upstream
 * `request-id`. The same turn tried before is among the prefix candidates, at the end of the links.
 */
export function byName(found: Case): LinkDecision | null {
  const { facts, candidates } = found;
  const parent = candidates.named.find(({ project }) => project === found.query.scope.project);
  if (parent === undefined || !(facts.thread?.type === 'continue' || isNext(found, parent))) return null;
  const before = candidates.prefix.find(
    (one) => one.parentRequestId === parent.requestId && facts.links.at(-1)?.equals(one.requestLink) === true,
  );
  if (before === undefined) return continuation(found, 'thread', facts.links.length, parent);
  return before.complete ? siblingOf(found, facts.links.length, before) : retryOf(facts.links.length, before);
}

/**
 * `cc_prev_req` names the client's previous request: the parent, unless this one starts something (a sub-agent, a
 * history after a summary), which other signals tell.
 */
function isNext(found: Case, previous: LinkCandidate): boolean {
  const { links, ownLinks } = found.facts;
  return links.length > ownLinks && previous.agentId === found.query.scope.agentId && !previous.summarises;
}
