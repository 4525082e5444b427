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
  const call = newestFirst(found).find(
    (one) => !one.claimed && prompts.some((prompt) => prompt.equals(one.promptHash)) && inScope(found, one),
  );
  return call === undefined ? null : claim(call, 'spawn-prompt');
}

/** The same for a sub-agent whose first request was never seen: nothing else knows it, but its prompt does. */
export function byLateSpawn(found: Case): LinkDecision | null {
  if (found.candidates.agent.length > 0) return null;
  const first = found.facts.promptHashes[0];
  const call = newestFirst(found).find(
    (one) => !one.claimed && first?.equals(one.promptHash) === true && inScope(found, one),
  );
  return call === undefined ? null : claim(call, 'spawn-prompt');
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

/** Oldest call first among equal prompts: clients start parallel agents in the order of the calls. */
function newestFirst(found: Case): InvocationCandidate[] {
  return found.candidates.invocations.toSorted((a, b) => a.calledAt - b.calledAt);
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
  if (call.parent.project !== scope.project) return 'its call has this prompt, in another project';
  if (call.parent.sessionId !== scope.sessionId) return 'its call has this prompt, in another session';
  if (hasAgent) {
    return call.parent.agentId === scope.parentAgentId
      ? null
      : 'its call has this prompt, but another agent made it';
  }
  const late = call.parentEndedAt !== null && at - call.parentEndedAt > SPAWN_WINDOW;
  return late ? 'its call has this prompt, but more than 30 s ago' : null;
}
