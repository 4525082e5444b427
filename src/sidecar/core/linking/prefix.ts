import type { LinkCandidate, LinkDecision } from '../facts.ts';
import { continuation, fewest, followers, retryOf, siblingOf, type Case } from './decision.ts';
import { lastAnswer } from './last-answer.ts';

interface Match {
  candidate: LinkCandidate;
  /** How many links are shared. */
  depth: number;
  /** The candidate's response is part of what is shared. */
  answered: boolean;
  sameSession: boolean;
  sameSystem: boolean;
}

/**
 * The deepest earlier exchange whose request, or request and response, is how this one begins. Equal depth: the own
 * session, then a response before a request, then the same system prompt, then the conversation with the fewest
 * requests, then the one nobody went on from, then the newest.
 */
export function byPrefix(found: Case): LinkDecision | null {
  const matches = found.candidates.prefix
    .map((candidate) => match(found, candidate))
    .filter((one) => one !== null)
    .filter((one) => admissible(found, one));
  const { ownLinks, links } = found.facts;
  // A history that goes on in its own session is never looked for elsewhere: twins in other sessions may lie deeper.
  const own = matches.filter(({ sameSession, depth }) => sameSession && depth > ownLinks);
  const pool = own.length > 0 ? own : matches;
  const sorted = pool.toSorted(compare);
  const [first] = sorted;
  if (first === undefined) return null;
  const best = twinOf(found, first, sorted) ?? first;
  const others = sorted.filter((one) => one !== best);
  if (isWeak(found, best)) {
    lose(found, best, 'shares only the first prompt; the summary in this request says more');
    return null;
  }
  if (endsElsewhere(found, best)) {
    lose(found, best, 'begins alike, but this history ends with an answer that was given elsewhere');
    return null;
  }
  for (const other of matches.filter((one) => !pool.includes(one))) {
    lose(found, other, 'belongs to another session, and this session has the history, too');
  }
  const way = wayTo(best, matches);
  for (const other of others) {
    if (!way.has(other.candidate.requestId)) lose(found, other, whyLost(best, other));
  }
  if (best.depth < links.length || best.answered) {
    return continuation(
      found,
      best.answered ? 'response-prefix' : 'request-prefix',
      best.depth,
      best.candidate,
    );
  }
  return best.candidate.complete
    ? siblingOf(found, best.depth, best.candidate)
    : retryOf(best.depth, best.candidate);
}

/**
 * The same request after a whole answer, without a session: where another conversation has the same history and nobody
 * went on from it, this is that one's next turn, and not a second answer for the first.
 */
function twinOf(found: Case, same: Match, pool: Match[]): Match | null {
  const { sessionId } = found.query.scope;
  const { candidate, depth } = same;
  if (sessionId !== null || depth < found.facts.links.length || same.answered || !candidate.complete) {
    return null;
  }
  const parent = pool.find((one) => one.candidate.requestId === candidate.parentRequestId);
  const twins = pool.filter(
    (one) =>
      parent !== undefined &&
      one.answered &&
      one.depth === parent.depth &&
      one.candidate.conversationId !== candidate.conversationId &&
      followers(one.candidate) === 0,
  );
  return twins[0] ?? null;
}

/** The winner's own ancestors share less of the same history: they lead to it, and did not lose. */
function wayTo(best: Match, matches: Match[]): Set<string> {
  const parents = new Map(matches.map(({ candidate }) => [candidate.requestId, candidate.parentRequestId]));
  const way = new Set<string>();
  let next = best.candidate.parentRequestId;
  while (next !== null && !way.has(next)) {
    way.add(next);
    next = parents.get(next) ?? null;
  }
  return way;
}

function match(found: Case, candidate: LinkCandidate): Match | null {
  const { links } = found.facts;
  const depthOf = (link: Buffer | null): number =>
    link === null ? 0 : links.findLastIndex((one) => one.equals(link)) + 1;
  const response = depthOf(candidate.responseLink);
  const request = depthOf(candidate.requestLink);
  const depth = Math.max(response, request);
  if (depth === 0) return null;
  const { sessionId } = found.query.scope;
  const { systemHash } = found.facts;
  return {
    candidate,
    depth,
    answered: response === depth,
    sameSession: candidate.sessionId === sessionId,
    sameSystem: systemHash !== null && candidate.systemHash?.equals(systemHash) === true,
  };
}

/** Keeps apart what only looks alike; notes why. */
function admissible(found: Case, one: Match): boolean {
  const { facts, query } = found;
  const { candidate, depth } = one;
  if (candidate.project !== query.scope.project) return lose(found, one, 'belongs to another project');
  if (one.sameSession && candidate.agentId !== query.scope.agentId) {
    return lose(found, one, 'was sent by another agent of this session');
  }
  if (!one.sameSession && !one.answered && depth === facts.links.length) {
    return lose(found, one, 'is the same request, but in another session');
  }
  if (depth > facts.ownLinks) return true;
  // Only prompts are shared. In another session that is another conversation; without any session only a try that
  // failed and the same request again belong together.
  if (!one.sameSession) return lose(found, one, 'shares only the first prompt, in another session');
  if (query.scope.sessionId !== null) return true;
  const triesAgain = saysAgain(found, candidate) && !candidate.complete && !wasAnswered(found, candidate);
  const again = depth === facts.links.length && triesAgain;
  return again || lose(found, one, 'shares only the first prompt, and there is no session to say more');
}

/**
 * SDKs count their tries; of other programs, the same request beside one that still runs is another one: a client tries
 * again when it was told of the failure.
 */
const saysAgain = ({ facts: { retryCount } }: Case, { running }: LinkCandidate): boolean =>
  retryCount === null ? !running : retryCount > 0;

/** The same request was tried again since, and got its answer. */
function wasAnswered(found: Case, failed: LinkCandidate): boolean {
  return found.candidates.prefix.some(
    (one) =>
      one.complete &&
      one.conversationId === failed.conversationId &&
      one.requestLink.equals(failed.requestLink),
  );
}

/** A continued session may begin with texts an earlier request had too; its summary decides. */
function isWeak(found: Case, best: Match): boolean {
  const { facts, candidates } = found;
  return (
    facts.continuedText !== null &&
    candidates.compactions.length > 0 &&
    best.depth <= facts.ownLinks &&
    best.depth < facts.links.length
  );
}

/**
 * The answer that this history ends with is not the one of `best`: there are others between them. Somebody else gave it,
 * so it was not missed on the way; the middle of the history was cut out, or the first prompt was kept and the rest cut.
 */
function endsElsewhere(found: Case, best: Match): boolean {
  const { answeredLinks, ownLinks } = found.facts;
  if (best.depth >= answeredLinks) return false;
  const newest = found.query.answers[0];
  // Before a prefill, which counts as an answer.
  if (newest === undefined || best.candidate.answerKey?.equals(newest.key) === true) return false;
  const last = lastAnswer(found);
  return last !== null && (last.telling || best.depth <= ownLinks);
}

function compare(a: Match, b: Match): number {
  return (
    b.depth - a.depth ||
    Number(b.sameSession) - Number(a.sameSession) ||
    Number(b.answered) - Number(a.answered) ||
    Number(b.sameSystem) - Number(a.sameSystem) ||
    fewest(a.candidate, b.candidate) ||
    followers(a.candidate) - followers(b.candidate) ||
    b.candidate.at - a.candidate.at ||
    (a.candidate.requestId < b.candidate.requestId ? 1 : -1)
  );
}

function whyLost(best: Match, other: Match): string {
  if (other.depth > best.depth) {
    return 'is the same request and has its answer; the winner has the same history and no next turn';
  }
  if (other.depth < best.depth) {
    return `shares ${String(other.depth)} ${other.depth === 1 ? 'block' : 'blocks'} of the history, the winner ${String(best.depth)}`;
  }
  if (other.sameSession !== best.sameSession) return 'shares as much, but in another session';
  if (other.answered !== best.answered) return 'shares as much, but not with its answer';
  if (other.sameSystem !== best.sameSystem) return 'shares as much, but has another system prompt';
  if (fewest(best.candidate, other.candidate) !== 0) {
    return 'shares as much, but its conversation has more requests';
  }
  return followers(other.candidate) > followers(best.candidate)
    ? 'shares as much, but another request goes on from it already'
    : 'shares as much, but is older';
}

function lose(found: Case, one: Match, why: string): false {
  const signal = one.answered ? 'response-prefix' : 'request-prefix';
  found.losers.push({ requestId: one.candidate.requestId, signal, why });
  return false;
}
