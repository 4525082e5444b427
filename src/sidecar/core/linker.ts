import { answerKey } from './answers.ts';
import type { AnswerKey, LinkCandidates, LinkDecision, LinkQuery, LinkScope, RequestFacts } from './facts.ts';
import { byAgent } from './linking/agent.ts';
import { byCompaction } from './linking/compaction.ts';
import { byLastAnswer } from './linking/last-answer.ts';
import { byName } from './linking/named.ts';
import { byPrefix } from './linking/prefix.ts';
import { byLateSpawn, bySpawn } from './linking/spawn.ts';
import { byTool } from './linking/tool.ts';
import { newConversation, unlinked, type Considered, type Signal } from './linking/decision.ts';

/** What to look up for one exchange. `at`: when its request arrived; only earlier exchanges are candidates. */
export function linkQuery(facts: RequestFacts, requestId: string, at: number, scope: LinkScope): LinkQuery {
  return {
    requestId,
    at,
    scope,
    links: facts.links,
    ownLinks: facts.ownLinks,
    answeredLinks: facts.answeredLinks,
    previousMessageId: facts.thread?.type === 'continue' ? facts.thread.previousMessageId : null,
    previousUpstreamId: facts.previousUpstreamId,
    promptHashes: facts.promptHashes,
    anyInvocation: scope.agentId !== null && facts.links.length === facts.ownLinks,
    compactions: facts.continuedText !== null,
    lastToolIds: facts.lastToolIds,
    answers: answerKeys(facts, scope),
  };
}

/**
 * The signals in order of strength. Each is one function: it answers a decision or null, and notes the candidates it
 * looked at with the reason they lost. To add one, write it beside the others and put it where it belongs here.
 */
const SIGNALS: Signal[] = [
  byName,
  bySpawn,
  byPrefix,
  byCompaction,
  byLastAnswer,
  byLateSpawn,
  byAgent,
  byTool,
];

/** At most this many losing candidates are kept for the explanation. */
const MOST_LOSERS = 20;

/**
 * Where an exchange hangs: parent, conversation, branch, sub-task, with the signal that said so and what else was
 * considered. Without any signal it opens a conversation; side calls, counts and the like hang nowhere.
 */
export function decideLink(facts: RequestFacts, query: LinkQuery, candidates: LinkCandidates): LinkDecision {
  if (facts.requestType !== 'inference') return unlinked();
  const losers: Considered[] = [];
  for (const signal of SIGNALS) {
    const decision = signal({ facts, query, candidates, losers });
    if (decision === null) continue;
    const won = [decision.parentRequestId, decision.retryOf];
    return { ...decision, candidates: explained(losers, won) };
  }
  return { ...newConversation(), candidates: explained(losers, []) };
}

/** Each loser once, with the first reason: several signals may have looked at it. */
function explained(losers: Considered[], won: (string | null)[]): Considered[] {
  const byId = new Map<string, Considered>();
  for (const loser of losers) {
    if (!won.includes(loser.requestId) && !byId.has(loser.requestId)) byId.set(loser.requestId, loser);
  }
  return [...byId.values()].slice(0, MOST_LOSERS);
}

function answerKeys(facts: RequestFacts, scope: LinkScope): AnswerKey[] {
  return facts.answers.flatMap((said) => {
    const key = answerKey(scope, said);
    return key === null ? [] : [{ key, telling: said.telling }];
  });
}
