import type { LinkSignal } from '../../../protocol/rows.ts';
import type { LinkCandidate, LinkCandidates, LinkDecision, LinkQuery, RequestFacts } from '../facts.ts';
import { branchName } from './branch.ts';

/** A candidate that lost, and why. */
export type Considered = LinkDecision['candidates'][number];

/** What a signal sees. It pushes what it rejects onto `losers`. */
export interface Case {
  facts: RequestFacts;
  query: LinkQuery;
  candidates: LinkCandidates;
  losers: Considered[];
}

/** One way to find where an exchange hangs; null: this one cannot tell. */
export type Signal = (found: Case) => LinkDecision | null;

/** An exchange that goes on from `parent`'s response: on its branch, or on a new one when somebody else already does. */
export function continuation(
  found: Case,
  signal: LinkSignal,
  matched: number,
  parent: LinkCandidate,
): LinkDecision {
  return {
    ...onto(parent),
    signal,
    matched,
    parentRequestId: parent.requestId,
    branch: branchAfter(found, parent),
  };
}

/** The same request again after a failed try: everything is as it was the first time. */
export function retryOf(matched: number, first: LinkCandidate): LinkDecision {
  return {
    ...onto(first),
    signal: 'retry',
    matched,
    parentRequestId: first.parentRequestId,
    retryOf: first.requestId,
    branch: { kind: branchKind(first.branchId), id: first.branchId, isNew: false },
  };
}

/** The same request again after a whole answer: a sibling on a branch of its own (a summarising one is a leaf). */
export function siblingOf(found: Case, matched: number, first: LinkCandidate): LinkDecision {
  return {
    ...onto(first),
    signal: 'request-prefix',
    matched,
    parentRequestId: first.parentRequestId,
    branch: found.facts.summarises
      ? { kind: branchKind(first.branchId), id: first.branchId, isNew: false }
      : { kind: 'branch', id: branchName(found.query.at), isNew: true },
  };
}

export function newConversation(): LinkDecision {
  return { ...nowhere(), signal: 'root', branch: { kind: 'main', id: 'main', isNew: true } };
}

/** For what is no part of a conversation. */
export function unlinked(): LinkDecision {
  return { ...nowhere(), signal: 'none', branch: { kind: 'main', id: 'main', isNew: false } };
}

/** Conversation and sub-task of an exchange, handed on to the ones behind it. */
export function onto(parent: LinkCandidate): Omit<LinkDecision, 'signal' | 'branch'> {
  return {
    ...nowhere(),
    conversationId: parent.conversationId,
    isSubtask: parent.isSubtask,
    parentTaskRequestId: parent.parentTaskRequestId,
  };
}

function nowhere(): Omit<LinkDecision, 'signal' | 'branch'> {
  return {
    matched: 0,
    parentRequestId: null,
    retryOf: null,
    conversationId: null,
    isSubtask: false,
    parentTaskRequestId: null,
    toolUseId: null,
    candidates: [],
  };
}

/**
 * The parent's branch, unless somebody else already goes on there. A forked session is a branch even when it comes
 * first. A summarising request is a leaf: it opens no branch and makes no sibling one. Sub-tasks, compactions and
 * forks that hang at the same parent have branches of their own and do not count.
 */
function branchAfter(found: Case, parent: LinkCandidate): LinkDecision['branch'] {
  return (followers(parent) > 0 || isFork(found, parent)) && !found.facts.summarises
    ? { kind: 'branch', id: branchName(found.query.at), isNew: true }
    : { kind: branchKind(parent.branchId), id: parent.branchId, isNew: false };
}

/** Orders candidates of different conversations: the one with the fewest requests first. */
export function fewest(a: LinkCandidate, b: LinkCandidate): number {
  if (a.conversationId === b.conversationId) return 0;
  return a.conversationRequestCount - b.conversationRequestCount;
}

/** How many go on from it on its own branch. */
export function followers({ children, branchId }: LinkCandidate): number {
  return children.filter((child) => !child.summarises && child.branchId === branchId).length;
}

function branchKind(branchId: string): LinkDecision['branch']['kind'] {
  return branchId === 'main' ? 'main' : 'same';
}

function isFork({ facts, query }: Case, parent: LinkCandidate): boolean {
  const { sessionId } = query.scope;
  return (
    facts.newSessionForks && sessionId !== null && parent.sessionId !== null && parent.sessionId !== sessionId
  );
}
