import { normaliseText } from '../block-form.ts';
import type { CompactionCandidate, LinkDecision } from '../facts.ts';
import { compactName } from './branch.ts';
import { onto, type Case } from './decision.ts';
import { lastAnswer } from './last-answer.ts';

/** Texts shorter than this never link by themselves. */
const SHORTEST = 100;
/** A shorter summary needs the same session and this much text: it only confirms what the session says. */
const SHORTEST_IN_SESSION = 32;
const PROBE = 2000;
const GONE_ON = 'has its summary in this request, but so has an answer given since';

/**
 * A session that is continued from a summary: the text that carries it contains the answer of an earlier summarising
 * request. It hangs at that request, on a branch of its own.
 */
export function byCompaction(found: Case): LinkDecision | null {
  const text = found.facts.continuedText;
  if (text === null) return null;
  const flat = flatten(text);
  const last = lastAnswer(found)?.candidate;
  // An answer given since in this history: it is not the first one after the summary.
  const hasGoneOn = ({ at }: CompactionCandidate): boolean => last !== undefined && last.at > at;
  for (const candidate of found.candidates.compactions.toSorted((a, b) => b.at - a.at)) {
    const why = whyNot(found, candidate, flat) ?? (hasGoneOn(candidate) ? GONE_ON : null);
    if (why === null) {
      return {
        ...onto(candidate),
        signal: 'compaction',
        matched: 0,
        parentRequestId: candidate.requestId,
        branch: { kind: 'compact', id: compactName(found.query.at), isNew: true },
      };
    }
    found.losers.push({ requestId: candidate.requestId, signal: 'compaction', why });
  }
  return null;
}

function whyNot(found: Case, candidate: CompactionCandidate, continued: string): string | null {
  const { scope } = found.query;
  if (candidate.project !== scope.project) return 'belongs to another project';
  const sameSession = candidate.sessionId !== null && candidate.sessionId === scope.sessionId;
  if (sameSession && candidate.agentId !== scope.agentId) return 'was sent by another agent of this session';
  const summary = flatten(summaryOf(candidate.summary));
  if (summary.length < (sameSession ? SHORTEST_IN_SESSION : SHORTEST)) {
    return 'has a summary that is too short to compare';
  }
  return continued.includes(summary.slice(0, PROBE)) ? null : 'has a summary that is not in this request';
}

/** The body of `<summary>`; without tags, what stands behind the label that took their place; else everything. */
function summaryOf(text: string): string {
  const tagged = /<summary>([^]*?)(?:<\/summary>|$)/.exec(text)?.[1];
  if (tagged !== undefined) return tagged;
  const label = text.lastIndexOf('\nSummary:');
  return label < 0 ? text : text.slice(label + '\nSummary:'.length);
}

const flatten = (text: string): string => (normaliseText(text) ?? '').replace(/\s+/g, ' ').trim();
