import type { LinkDecision } from '../facts.ts';
import { continuation, type Case } from './decision.ts';

/** Last: the newest earlier request of the session that called or answered the newest tool call of this one. */
export function byTool(found: Case): LinkDecision | null {
  const { scope } = found.query;
  for (const candidate of found.candidates.tool) {
    const fits =
      candidate.project === scope.project &&
      candidate.sessionId === scope.sessionId &&
      candidate.agentId === scope.agentId;
    if (fits) return continuation(found, 'tool-id', 0, candidate);
    found.losers.push({
      requestId: candidate.requestId,
      signal: 'tool-id',
      why: 'has the same tool call, but in another session, project or agent',
    });
  }
  return null;
}
