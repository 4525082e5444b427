import type { LinkSignal } from '../../../protocol/rows.ts';
import type { InvocationCandidate, LinkDecision } from '../facts.ts';
import { onto, type Case } from './decision.ts';

/** How long after the end of its parent's response a sub-agent is found by its prompt alone, in milliseconds. */
const SPAWN_WINDOW = 30_000;

/** The first request of a sub-agent: its prompt, a fork's directive or a workflow's task is that of an open call. */
export function bySpawn(found: Case): LinkDecision | null {
  if (found.candidates.agent.length > 0) return null;
  const { links, ownLinks, promptHashes } = found.facts;
  const opens = links.length === ownLinks;
  // The first text names the call only while nothing was answered; behind it stands what a fork is told to do.
  const prompts = opens ? promptHashes : promptHashes.slice(1);
  return byPrompt(found, prompts);
}

/** The same for a sub-agent whose first request was never seen: nothing else knows it, but its prompt does. */
export function byLateSpawn(found: Case): LinkDecision | null {
  if (found.candidates.agent.length > 0) return null;
  return byPrompt(found, found.facts.promptHashes.slice(0, 1));
}

function byPrompt(found: Case, prompts: Buffer[]): LinkDecision | null {
  const [call, ...others] = inOrder(found).filter(
    (one) => !one.claimed && prompts.some((prompt) => prompt.equals(one.promptHash)) && inScope(found, one),
  );
  if (call === undefined) return null;
  for (const { parent } of others) {
    found.losers.push({
      requestId: parent.requestId,
      signal: 'spawn-prompt',
      why: 'has a call with this prompt, but the winner has a newer one',
    });
  }
  return claim(call, 'spawn-prompt');
}

/** Takes a call: its conversation, the branch it was given, its request as parent and as parent task. */
export function claim(call: InvocationCandidate, signal: LinkSignal): LinkDecision {
  return {
    ...onto(call.parent),
    signal,
    matched: 0,
    parentRequestId: call.parent.requestId,
    parentTaskRequestId: call.parent.requestId,
    isSubtask: true,
    toolUseId: call.toolUseId,
    // A Workflow call starts several agents: the first has its branch, the others one beside it.
    branch: { kind: 'subtask', id: call.branchId, isNew: call.claimed },
  };
}

/**
 * Calls of answers that came whole before those of tries that failed, the newest answer's first: an older call of the same
 * prompt was refused, or never carried out. Of one answer the first call: clients start parallel agents in their order.
 */
function inOrder(found: Case): InvocationCandidate[] {
  const hasFailed = ({ parent }: InvocationCandidate): number => Number(!parent.complete && !parent.running);
  return found.candidates.invocations.toSorted(
    (a, b) => hasFailed(a) - hasFailed(b) || b.parent.at - a.parent.at || a.ordinal - b.ordinal,
  );
}

function inScope(found: Case, call: InvocationCandidate): boolean {
  const { scope, at } = found.query;
  const why = outOfScope(found, call, scope.agentId !== null, at);
  if (why === null) return true;
  found.losers.push({ requestId: call.parent.requestId, signal: 'spawn-prompt', why });
  return false;
}

function outOfScope(found: Case, call: InvocationCandidate, hasAgent: boolean, at: number): string | null {
  const { scope } = found.query;
  if (call.parent.project !== scope.project) return 'has a call with this prompt, but in another project';
  if (call.parent.sessionId !== scope.sessionId) return 'has a call with this prompt, but in another session';
  if (hasAgent) {
    return call.parent.agentId === scope.parentAgentId
      ? null
      : 'has a call with this prompt, but another agent made it';
  }
  const late = call.parentEndedAt !== null && at - call.parentEndedAt > SPAWN_WINDOW;
  return late ? 'has a call with this prompt, but ended more than 30 s ago' : null;
}
