import type { LinkSignal } from '../../protocol/rows.ts';
import { answerKey, answerOf } from '../core/answers.ts';
import type { LinkDecision, RequestFacts } from '../core/facts.ts';
import { member, parseJson } from '../core/json.ts';
import { decideLink, linkQuery } from '../core/linker.ts';
import { extendChain } from '../core/normalise.ts';
import { findLinkCandidates } from '../store/candidates.ts';
import { noCandidates } from '../store/candidate-rows.ts';
import { ensureConversation, rootConversation } from '../store/conversations.ts';
import { uniqueBranch } from '../store/branches.ts';
import { recordInvocations } from '../store/invocations.ts';
import {
  branchesThen,
  claimOf,
  readStoredExchange,
  readStoredRequest,
  readStoredResponse,
  releaseClaim,
  takeClaim,
  updateHashes,
  updateLink,
  updateResponseLinks,
  updateUsageType,
  type StoredExchange,
} from '../store/link-rows.ts';
import { relinkAround, relinkThese, type ExchangeKey } from '../store/relink-list.ts';
import { moveCalls } from '../store/settle.ts';
import { searchAnew } from '../store/search-index.ts';
import { findThread } from '../store/threads.ts';
import type { Tx } from '../store/tables.ts';
import { findTitle } from '../store/titles.ts';
import { toolNumbersOrNull } from '../store/tool-numbers.ts';
import { cleanTextOrNull } from '../store/values.ts';
import { branchesMoved, explainsOtherwise, linkColumns, movesTree } from './link-columns.ts';
import type { Preparation } from './preparation.ts';
import { linkVersion, requestChain, type RequestChain } from './request-chain.ts';

/** Where an exchange hangs. */
export interface Place {
  conversationId: string | null;
  branchId: string | null;
  parentRequestId: string | null;
  signal: LinkSignal;
}

export interface Relinked {
  at: number;
  before: Place;
  after: Place;
  /** It hangs elsewhere, or what others are linked by has changed. */
  changed: boolean;
  /** Its conversation did not exist before. */
  opened: boolean;
}

/** What is read anew of a stored exchange. */
interface Reading {
  row: StoredExchange;
  facts: RequestFacts;
  chain: RequestChain;
  seenTools: ReadonlySet<string>;
  /** The server holds what came before. */
  isThread: boolean;
}

/**
 * Links a stored exchange anew, as if everything earlier, and nothing later, were there. Within a transaction that
 * holds the tenant's lock. What depends on it and began later goes on the list; conversations are to be settled
 * afterwards. Its content stays as it is. null: it is gone.
 */
export async function relinkExchange(
  tx: Tx,
  preparation: Preparation,
  key: ExchangeKey,
): Promise<Relinked | null> {
  const reading = await read(tx, preparation, key);
  if (reading === null) return null;
  const { row, facts, chain } = reading;
  await updateDerived(tx, reading);
  // What a thread's server holds has answers in it.
  const linked = { ...facts, links: chain.links, ownLinks: reading.isThread ? 0 : facts.ownLinks };
  const query = linkQuery(linked, row.id, row.started_at, {
    tenant: row.tenant,
    project: row.project,
    sessionId: facts.sessionId,
    agentId: facts.agentId,
    parentAgentId: facts.parentAgentId,
  });
  const isPart = facts.requestType === 'inference';
  const candidates = isPart ? await findLinkCandidates(tx, { ...query, past: true }) : noCandidates;
  const decision = decideLink(linked, query, candidates);
  const place = isPart ? await placeAnew(tx, reading, decision) : null;
  const columns = linkColumns(facts, chain, decision, place);
  const changed = movesTree(row, columns);
  if (changed || explainsOtherwise(row, columns)) await updateLink(tx, key, columns);
  const claimed = await settleClaim(tx, row, decision);
  if (row.conversation_id !== (place?.conversationId ?? null)) await takeCallsAlong(tx, reading, place);
  if (row.type !== facts.requestType) await updateUsageType(tx, row, facts.requestType);
  if (changed || claimed) {
    await relinkAround(tx, {
      ...key,
      at: row.started_at,
      parents: [row.parent_id, decision.parentRequestId],
      links: [row.request_link, columns.request_link ?? null],
      branches: branchesMoved(row, place),
      claimedIn: claimed ? { sessionId: facts.sessionId, project: row.project } : null,
    });
  }
  return {
    at: row.started_at,
    before: {
      conversationId: row.conversation_id,
      branchId: row.branch_id,
      parentRequestId: row.parent_id,
      signal: row.link_signal,
    },
    after: {
      conversationId: place?.conversationId ?? null,
      branchId: place?.branchId ?? null,
      parentRequestId: decision.parentRequestId,
      signal: decision.signal,
    },
    changed,
    opened: place?.opened ?? false,
  };
}

/**
 * Computes the link hashes of a stored exchange anew, and nothing else: it stays where it is. With a message thread, the
 * exchange it goes on from comes first; that one's key is returned instead.
 */
export async function rehashExchange(
  tx: Tx,
  preparation: Preparation,
  key: ExchangeKey,
): Promise<ExchangeKey | null> {
  const reading = await read(tx, preparation, key);
  if (reading === null) return null;
  const { row, facts, chain } = reading;
  if (chain.outdated !== null) return { tenant: row.tenant, id: chain.outdated };
  await updateDerived(tx, reading);
  await updateLink(tx, key, {
    request_link: row.conversation_id === null ? null : chain.tip,
    link_depth: chain.depth,
    link_version: linkVersion,
    tool_ids: toolNumbersOrNull(facts.lastToolIds),
  });
  return null;
}

async function read(tx: Tx, preparation: Preparation, key: ExchangeKey): Promise<Reading | null> {
  const row = await readStoredExchange(tx, key);
  if (row === null) return null;
  const { head, body } = await readStoredRequest(tx, row);
  const prepared = preparation.prepare(head, body);
  preparation.committed(prepared);
  const { facts, seenTools } = prepared;
  const thread =
    facts.thread?.type === 'continue'
      ? await findThread(tx, row.tenant, facts.thread.previousMessageId, { id: row.id, at: row.started_at })
      : null;
  const messages = (): unknown =>
    body === null ? undefined : member(parseJson(body.toString()), 'messages');
  return { row, facts, seenTools, isThread: thread !== null, chain: requestChain(facts, thread, messages) };
}

/** What is derived from content and lies outside the request's row: the hash behind its answer, those of its calls. */
async function updateDerived(tx: Tx, { row, facts, chain, seenTools }: Reading): Promise<void> {
  const outdated = row.link_version !== linkVersion;
  const link = facts.requestType === 'inference' ? chain.tip : null;
  const same = link === null ? row.request_link === null : row.request_link?.equals(link) === true;
  if (!outdated && same && row.type === facts.requestType) return;
  const response = await readStoredResponse(tx, row);
  if (response === null) return;
  const isPart = facts.requestType === 'inference';
  const said = isPart ? answerOf(response.message) : null;
  await updateResponseLinks(tx, row, {
    link: isPart ? extendChain(link, seenTools, response.message) : null,
    key:
      said === null
        ? null
        : answerKey({ project: row.project, sessionId: facts.sessionId, agentId: facts.agentId }, said),
  });
  if (outdated) await updateHashes(tx, row, facts.systemHash, response.spawns);
}

async function placeAnew(
  tx: Tx,
  { row, facts, chain }: Reading,
  decision: LinkDecision,
): Promise<{ conversationId: string; branchId: string; opened: boolean }> {
  const { tenant, id, started_at: at } = row;
  const conversationId = decision.conversationId ?? (await rootConversation(tx, row));
  let opened = false;
  if (decision.conversationId === null) {
    const prompt = { tenant, sessionId: facts.sessionId, preview: facts.preview };
    opened = await ensureConversation(tx, conversationId, {
      tenant,
      requestId: id,
      at,
      project: row.project,
      domain: row.domain,
      accountId: row.account_id,
      model: cleanTextOrNull(facts.model, 200),
      messageCount: facts.messageCount + chain.heldMessages,
      title: (await findTitle(tx, prompt, at)) ?? facts.firstUserText ?? facts.preview,
    });
  }
  const { branch } = decision;
  if (!branch.isNew || branch.kind === 'main') return { conversationId, branchId: branch.id, opened };
  const taken = await branchesThen(tx, { tenant, id, at, conversationId });
  return { conversationId, branchId: uniqueBranch(branch.id, taken), opened };
}

/** Lets go of the call it had claimed, and claims the one it belongs to; true when that has changed anything. */
async function settleClaim(tx: Tx, row: StoredExchange, decision: LinkDecision): Promise<boolean> {
  const { tenant, id, started_at: at, parent_id: oldParent } = row;
  const { toolUseId, parentRequestId: parentId } = decision;
  const old = await claimOf(tx, tenant, oldParent, id);
  if (old === toolUseId && (old === null || oldParent === parentId)) return false;
  if (old !== null && oldParent !== null) await releaseClaim(tx, tenant, oldParent, old);
  if (toolUseId !== null && parentId !== null) {
    const before = await takeClaim(tx, { tenant, parentId, toolUseId, id, at });
    if (before !== null) await relinkThese(tx, tenant, [before]);
  }
  return true;
}

/** Its calls of sub-agents go where it goes; what is part of a conversation now can be searched for. */
async function takeCallsAlong(
  tx: Tx,
  { row }: Reading,
  place: { conversationId: string } | null,
): Promise<void> {
  await moveCalls(tx, row.tenant, row.id, place?.conversationId ?? null);
  if (row.conversation_id !== null || place === null) return;
  await searchAnew(tx, row);
  const response = await readStoredResponse(tx, row);
  const { tenant, id: requestId, session_id: sessionId, project } = row;
  const calling = { tenant, requestId, sessionId, project };
  await recordInvocations(tx, calling, response?.spawns ?? [], row.ended_at ?? row.started_at);
}
