import type { LinkCandidate, LinkDecision } from '../facts.ts';
import { continuation, fewest, followers, type Case } from './decision.ts';

/** An exchange whose answer the history ends with, although it does not begin like that exchange's own. */
export interface LastAnswer {
  candidate: LinkCandidate;
  /** The shared answers could not be anybody else's. */
  telling: boolean;
}

/**
 * The front or the middle of the history was cut off, or it was written anew: the newest answers in it still say where it
 * goes on from. Among equal answers: the one in whose conversation most of the others are, then the conversation with
 * the fewest requests, the one nobody went on from, the newest.
 */
export function byLastAnswer(found: Case): LinkDecision | null {
  const [best, ...others] = ranked(found);
  if (best === undefined) return null;
  for (const { candidate, at } of others) {
    const own = candidate.conversationId === best.candidate.conversationId;
    if (own && at > best.at) continue; // Its ancestors did not lose.
    const why =
      at > best.at
        ? 'gave an answer in this history, the winner a later one'
        : 'gave the same answer, but the winner fits better';
    found.losers.push({ requestId: candidate.requestId, signal: 'last-answer', why });
  }
  return continuation(found, 'last-answer', 0, best.candidate);
}

/** The best candidate by its answer, or null. */
export function lastAnswer(found: Case): LastAnswer | null {
  const best = ranked(found)[0];
  if (best === undefined) return null;
  const telling = best.shared > 1 || found.query.answers[best.at]!.telling;
  return { candidate: best.candidate, telling };
}

interface Ranked {
  candidate: LinkCandidate;
  /** Which of the newest answers it gave. */
  at: number;
  /** How many of them were given in its conversation. */
  shared: number;
}

/** Best first. What the history begins like has its own place in it, and is none. */
function ranked(found: Case): Ranked[] {
  const { facts, candidates } = found;
  const isPart = (link: Buffer | null): boolean => facts.links.some((own) => link?.equals(own) === true);
  const inHistory = new Set(
    candidates.prefix.filter(({ responseLink }) => isPart(responseLink)).map(({ requestId }) => requestId),
  );
  return candidates.answers
    .filter((one) => !one.summarises && !inHistory.has(one.requestId))
    .map((candidate) => ({ candidate, at: placeOf(found, candidate), shared: sharedWith(found, candidate) }))
    .filter(({ at }) => at >= 0)
    .toSorted(
      (a, b) =>
        a.at - b.at ||
        b.shared - a.shared ||
        fewest(a.candidate, b.candidate) ||
        followers(a.candidate) - followers(b.candidate) ||
        b.candidate.at - a.candidate.at ||
        (a.candidate.requestId < b.candidate.requestId ? 1 : -1),
    );
}

/** Which of the newest answers is its own. */
function placeOf({ query }: Case, { answerKey }: LinkCandidate): number {
  return answerKey === null ? -1 : query.answers.findIndex(({ key }) => key.equals(answerKey));
}

/** How many of the newest answers were given in its conversation. */
function sharedWith({ query, candidates }: Case, { conversationId }: LinkCandidate): number {
  const own = candidates.answers.filter((one) => one.conversationId === conversationId);
  return query.answers.filter(({ key }) => own.some(({ answerKey }) => answerKey?.equals(key) === true))
    .length;
}
