import type { InvocationCandidate, LinkDecision } from '../facts.ts';
import { continuation, type Case } from './decision.ts';
import { claim } from './spawn.ts';
import { workflowTask } from '../wording.ts';

/**
 * Agent ids, where the client sends them: an agent that is known already goes on from its newest request; a new one
 * belongs to a workflow whose script holds its task, or to the one call of its parent agent that is still open.
 */
export function byAgent(found: Case): LinkDecision | null {
  if (found.query.scope.agentId === null) return null;
  const known = found.candidates.agent[0];
  if (known !== undefined) return continuation(found, 'spawn-agent', 0, known);
  const calls = found.candidates.invocations.filter((call) => ofParentAgent(found, call));
  const workflow = calls.find((call) => call.name === 'Workflow' && holdsTask(found, call));
  if (workflow !== undefined) return claim(workflow, 'spawn-agent');
  const open = calls.filter((call) => !call.claimed);
  const [only, ...others] = open;
  if (only !== undefined && others.length === 0) return claim(only, 'spawn-agent');
  for (const call of open) {
    found.losers.push({
      requestId: call.parent.requestId,
      signal: 'spawn-agent',
      why: 'has an open call, but so have others, and no call has this prompt',
    });
  }
  return null;
}

function ofParentAgent(found: Case, call: InvocationCandidate): boolean {
  const { sessionId, project, parentAgentId } = found.query.scope;
  const { parent } = call;
  return parent.sessionId === sessionId && parent.project === project && parent.agentId === parentAgentId;
}

/** The task is part of the script, or (where the script computes it) at least the preamble says workflow. */
function holdsTask(found: Case, call: InvocationCandidate): boolean {
  const task = workflowTask(found.facts.firstUserText ?? '');
  if (task === null) return false;
  const workflows = found.candidates.invocations.filter((one) => one.name === 'Workflow');
  return call.prompt.includes(task) || workflows.length === 1;
}
