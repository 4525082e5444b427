import type { EventName } from '../../protocol/events.ts';
import type { LinkDecision, RequestFacts, SpawnCall } from '../core/facts.ts';
import { decideLink, linkQuery } from '../core/linker.ts';
import { resolveAccount } from '../store/accounts.ts';
import { noCandidates } from '../store/candidate-rows.ts';
import { findLinkCandidates } from '../store/candidates.ts';
import { untilStored } from '../store/again.ts';
import { requestContent, type NewRequestContent } from '../store/contents.ts';
import { placeRequest } from '../store/conversations.ts';
import type { Database } from '../store/database.ts';
import {
  exchangeExists,
  findRunning,
  insertExchange,
  type NewExchange,
  type RunningExchange,
} from '../store/exchanges.ts';
import { claimInvocation, recordInvocations } from '../store/invocations.ts';
import { insertContent, packContent } from '../store/new-content.ts';
import { relinkAfter } from '../store/relink-list.ts';
import { findThread } from '../store/threads.ts';
import { findTitle } from '../store/titles.ts';
import type { Tx } from '../store/tables.ts';
import { cleanText, cleanTextOrNull, timestamp } from '../store/values.ts';
import { linkColumns } from './link-columns.ts';
import type { OpenExchange } from './open-exchange.ts';
import type { Preparation } from './preparation.ts';
import { requestChain } from './request-chain.ts';
import type { Tally } from './tally.ts';

export interface RecordContext {
  database: Database;
  /** HMAC key of account ids. */
  salt: string;
  preparation: Preparation;
  /** Lets whoever waits read: between two pieces of work on the processor, and never within a transaction. */
  pause(): Promise<void>;
  /** Told when something was stored that requests stored earlier may hang from: there is something to link anew. */
  late?(): void;
  /** Counts what reaches the store. */
  tally?: Tally;
}

/** What a commit changed, for the events. */
export type Change = [name: EventName, id: string];

/** Stores a request as running, linked, the moment its body is known. Nothing happens when it is stored already. */
export function recordRequest(context: RecordContext, exchange: OpenExchange): Promise<Change[]> {
  const { database, preparation } = context;
  const { tenant, id, credential } = exchange.head;
  return untilStored(database, async (anew) => {
    if (await exchangeExists(database.db, tenant, id)) return [];
    let prepared = exchange.prepare(preparation);
    if (anew) prepared = exchange.prepareInFull(preparation, prepared);
    await context.pause();
    const wrapping = {
      ...exchange.head,
      bodySize: exchange.body?.length ?? 0,
      systemHash: prepared.facts.systemHash,
    };
    let { row, content } = requestContent(wrapping, prepared.body);
    let packed = await packContent(database, tenant, content);
    if (packed === null) {
      // What it goes on from was deleted since.
      prepared = exchange.prepareInFull(preparation, prepared);
      ({ row, content } = requestContent(wrapping, prepared.body));
      packed = await packContent(database, tenant, content);
    }
    if (packed === null) throw new Error('A whole chain has no base that could be missing');
    const { accountUuid } = prepared.facts;
    const given = cleanTextOrNull(exchange.head.accountId ?? null, 200);
    const evidence = { tenant, given, accountUuid, credential, at: exchange.startedAt };
    const accountId = await resolveAccount(database.db, context.salt, evidence);
    const { keys } = packed;
    await context.pause();
    const { changes, late } = await database.db.transaction().execute(async (tx) => {
      const storedBytes = await insertContent(tx, packed);
      await database.lockTenant(tx, tenant);
      return placeAndInsert(tx, exchange, { ...row, account_id: accountId, stored_bytes: storedBytes });
    });
    database.known.add(tenant, keys);
    preparation.committed(prepared);
    if (late) context.late?.();
    return changes;
  });
}

/** What is known of a row before it is linked. */
type Stored = NewRequestContent & Pick<NewExchange, 'stored_bytes'> & { account_id: string | null };

/** Links it and inserts its row, while nobody else of the tenant can. */
async function placeAndInsert(
  tx: Tx,
  exchange: OpenExchange,
  stored: Stored,
): Promise<{ changes: Change[]; late: boolean }> {
  const { head } = exchange;
  const facts = exchange.facts();
  const thread =
    facts.thread?.type === 'continue'
      ? await findThread(tx, head.tenant, facts.thread.previousMessageId, {
          id: head.id,
          at: exchange.startedAt,
        })
      : null;
  const chain = requestChain(facts, thread, () => exchange.messages());
  // What a thread's server holds has answers in it.
  const ownLinks = thread === null ? facts.ownLinks : 0;
  const decision = await decide(tx, exchange, { ...facts, links: chain.links, ownLinks });
  const messageCount = facts.messageCount + chain.heldMessages;
  const isPart = facts.requestType === 'inference';
  const place = isPart
    ? await placeRequest(
        tx,
        {
          tenant: head.tenant,
          requestId: head.id,
          at: exchange.startedAt,
          project: head.project,
          domain: head.domain,
          accountId: stored.account_id,
          model: cleanTextOrNull(facts.model, 200),
          messageCount,
          title: await titleFor(tx, exchange, decision),
        },
        decision,
      )
    : null;
  const row: NewExchange = {
    ...requestRow(exchange),
    ...stored,
    ...linkColumns(facts, chain, decision, place),
  };
  const late = await insertExchange(tx, row, place?.changes);
  const { toolUseId, parentTaskRequestId: parentId } = decision;
  if (toolUseId !== null && parentId !== null) {
    await claimInvocation(tx, { tenant: head.tenant, parentId, toolUseId, requestId: head.id });
  }
  if (place !== null && late) await relinkAfter(tx, head, exchange.startedAt);
  const changes: Change[] = [['exchange.started', head.id], ...changed(place?.conversationId ?? null)];
  return { changes, late: place !== null && late };
}

/** What the conversation it opens is called. */
async function titleFor(tx: Tx, exchange: OpenExchange, decision: LinkDecision): Promise<string> {
  const { firstUserText, sessionId, preview } = exchange.facts();
  const prompt = { tenant: exchange.head.tenant, sessionId, preview };
  const opens = decision.conversationId === null;
  const title = opens ? await findTitle(tx, prompt, exchange.startedAt) : null;
  return title ?? firstUserText ?? preview;
}

/** The columns that say what was sent. */
function requestRow(exchange: OpenExchange) {
  const { head } = exchange;
  const facts = exchange.facts();
  return {
    tenant: head.tenant,
    id: head.id,
    project: cleanTextOrNull(head.project),
    domain: cleanText(head.domain),
    session_id: cleanTextOrNull(facts.sessionId, 200),
    agent_id: cleanTextOrNull(facts.agentId, 200),
    parent_agent_id: cleanTextOrNull(facts.parentAgentId, 200),
    started_at: timestamp(exchange.startedAt),
    model: cleanTextOrNull(facts.model, 200),
    streaming: facts.streaming,
    preview: cleanText(facts.preview),
    asked: facts.asked,
    request_size: exchange.body?.length ?? 0,
  };
}

/** Stores Task/Agent calls while the response that holds them still streams, so that a fast child finds its parent. */
export async function recordCalls(
  context: RecordContext,
  exchange: OpenExchange,
  calls: SpawnCall[],
  at: number,
): Promise<Change[]> {
  const { tenant, id } = exchange.head;
  const { changes, late } = await context.database.db.transaction().execute(async (tx) => {
    await context.database.lockTenant(tx, tenant);
    const row = await findRunning(tx, tenant, id);
    if (row === null || row.conversation_id === null) return { changes: [], late: false };
    const late = await recordSpawns(tx, exchange, row, calls, at);
    if (late) await relinkAfter(tx, exchange.head, at);
    return { changes: changed(row.conversation_id), late };
  });
  if (late) context.late?.();
  return changes;
}

/** Stores the sub-agents an exchange of a conversation calls; true when later requests are stored that may be theirs. */
export async function recordSpawns(
  tx: Tx,
  exchange: OpenExchange,
  row: RunningExchange,
  calls: SpawnCall[],
  at: number,
): Promise<boolean> {
  if (row.conversation_id === null) return false;
  const { tenant, id: requestId } = exchange.head;
  const { session_id: sessionId, project } = row;
  return recordInvocations(tx, { tenant, requestId, sessionId, project }, calls, at);
}

export function changed(conversationId: string | null): Change[] {
  return conversationId === null ? [] : [['conversation.changed', conversationId]];
}

async function decide(tx: Tx, exchange: OpenExchange, facts: RequestFacts): Promise<LinkDecision> {
  const { head, startedAt } = exchange;
  const query = linkQuery(facts, head.id, startedAt, {
    tenant: head.tenant,
    project: head.project,
    sessionId: facts.sessionId,
    agentId: facts.agentId,
    parentAgentId: facts.parentAgentId,
  });
  const candidates = facts.requestType === 'inference' ? await findLinkCandidates(tx, query) : noCandidates;
  return decideLink(facts, query, candidates);
}
