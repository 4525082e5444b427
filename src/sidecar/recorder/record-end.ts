import type { ExchangeState } from '../../protocol/rows.ts';
import { answerKey, answerOf } from '../core/answers.ts';
import type { ResponseFacts } from '../core/facts.ts';
import type { EndFrame } from '../core/frames.ts';
import { member } from '../core/json.ts';
import { extendChain } from '../core/normalise.ts';
import { toolIdsOf } from '../core/read-request.ts';
import { titleIn } from '../core/titles.ts';
import { GoneError, untilStored } from '../store/again.ts';
import { addOutcome, type ConversationOutcome } from '../store/conversations.ts';
import {
  findRunning,
  finishExchange,
  type ExchangeOutcome,
  type RunningExchange,
} from '../store/exchanges.ts';
import { insertContent, packContent } from '../store/new-content.ts';
import { relinkAfter } from '../store/relink-list.ts';
import { prepareResponse } from '../store/responses.ts';
import type { Tx } from '../store/tables.ts';
import { toolNumbersOrNull } from '../store/tool-numbers.ts';
import { nameConversations } from '../store/titles.ts';
import { ensureUsageMonth } from '../store/usage.ts';
import { cleanText, cleanTextOrNull } from '../store/values.ts';
import type { OpenExchange } from './open-exchange.ts';
import { changed, recordSpawns, type Change, type RecordContext } from './record.ts';

/** Stores what became of a running exchange. Nothing happens when that is stored already. */
export function recordEnd(
  context: RecordContext,
  exchange: OpenExchange,
  end: EndFrame | null,
  at: number,
): Promise<Change[]> {
  const { database } = context;
  const { tenant, id } = exchange.head;
  return untilStored(database, async () => {
    const row = await findRunning(database.db, tenant, id);
    if (row === null) return [];
    const facts = exchange.responseFacts();
    const content = exchange.responseContent();
    const upstreamId = cleanTextOrNull(exchange.header('request-id'), 200);
    const {
      blocks,
      chain,
      row: columns,
    } = prepareResponse(exchange.response?.headers ?? null, upstreamId, content, row.messages_tip);
    await context.pause();
    const chains = chain === null ? [] : [{ kind: 'message' as const, chain }];
    const packed = await packContent(database, tenant, { blocks, chains });
    // The request's last message is held by its row: without it, the row is gone too.
    if (packed === null) throw new GoneError('The exchange was deleted');
    await ensureUsageMonth(database, exchange.startedAt);
    await context.pause();
    const outcome = { ...outcomeOf(exchange, row, facts, end, at), ...columns, upstream_id: upstreamId };
    const { late, named } = await database.db.transaction().execute(async (tx) => {
      const storedBytes = await insertContent(tx, packed);
      await database.lockTenant(tx, tenant);
      const lateCalls = await recordSpawns(tx, exchange, row, facts?.spawns ?? [], at);
      const totals = conversationOutcome(exchange, row, facts, outcome, at);
      const finished = await finishExchange(tx, { tenant, id, at }, outcome, storedBytes, (ended) =>
        totals === null ? [] : [addOutcome(totals, ended)],
      );
      if (finished === null) throw new GoneError('The exchange was deleted');
      const isLate = row.conversation_id !== null && (lateCalls || finished.late);
      if (isLate) await relinkAfter(tx, { tenant, id }, at);
      return { late: isLate, named: await name(tx, exchange, row, facts) };
    });
    if (late) context.late?.();
    database.known.add(tenant, packed.keys);
    context.tally?.add(row.type, outcome.state, outcome);
    return [
      ['exchange.recorded', id],
      ...[row.conversation_id, ...named].flatMap(changed),
      ['usage.changed', row.account_id ?? ''],
    ];
  });
}

/** The answer to a title call names the conversation that begins with its prompt; the ids of those it named. */
async function name(
  tx: Tx,
  exchange: OpenExchange,
  row: RunningExchange,
  facts: ResponseFacts | null,
): Promise<string[]> {
  const title = row.type === 'query_evaluation' ? titleIn(facts?.text ?? '') : null;
  if (title === null) return [];
  const { sessionId, preview } = exchange.facts();
  return nameConversations(tx, { tenant: exchange.head.tenant, sessionId, preview }, title);
}

function conversationOutcome(
  exchange: OpenExchange,
  row: RunningExchange,
  facts: ResponseFacts | null,
  outcome: { state: ExchangeState },
  at: number,
): ConversationOutcome | null {
  if (row.conversation_id === null) return null;
  return {
    tenant: exchange.head.tenant,
    requestId: exchange.head.id,
    endedAt: at,
    totalTokens: (facts?.usage?.inputTokens ?? 0) + (facts?.usage?.outputTokens ?? 0),
    contextTokens: contextTokens(facts),
    failed: outcome.state === 'failed',
    model: row.model === null ? cleanTextOrNull(facts?.model ?? null, 200) : null,
  };
}

function outcomeOf(
  exchange: OpenExchange,
  row: RunningExchange,
  facts: ResponseFacts | null,
  end: EndFrame | null,
  at: number,
): ExchangeOutcome & { state: ExchangeState } {
  const { response, head, startedAt } = exchange;
  const state = stateOf(exchange, row, facts, end);
  const usage = facts?.usage ?? null;
  const toolIds = toolIdsOf(member(facts?.message, 'content'));
  const note = end?.requestBodyNote ?? null;
  const redactions = JSON.stringify([...head.redactions, ...(end?.redactions ?? [])]);
  return {
    state,
    first_byte_ms: since(startedAt, exchange.firstByteAt),
    first_token_ms: since(startedAt, exchange.firstTokenAt),
    duration_ms: at - startedAt,
    ...(row.model === null ? { model: cleanTextOrNull(facts?.model ?? null, 200) } : {}),
    error: errorOf(exchange, state, facts, end),
    tool_call_count: facts?.toolCallCount ?? 0,
    answer_preview: cleanText(facts?.preview ?? ''),
    input_tokens: usage?.inputTokens ?? 0,
    output_tokens: usage?.outputTokens ?? 0,
    cache_read_tokens: usage?.cacheReadInputTokens ?? 0,
    cache_creation_tokens: usage?.cacheCreationInputTokens ?? 0,
    cache_creation_1h_tokens: usage?.cacheCreation1hTokens ?? 0,
    ...(note === null ? {} : { request_size: note.size, request_sha256: Buffer.from(note.sha256, 'hex') }),
    ...(redactions === JSON.stringify(row.redactions) ? {} : { redactions }),
    response_status: response?.status ?? null,
    response_size: response === null ? null : exchange.responseSize,
    message_id: cleanTextOrNull(facts?.messageId ?? null, 200),
    response_link:
      row.conversation_id === null || facts === null
        ? null
        : extendChain(row.request_link, exchange.seenTools(), facts.message),
    answer_key: row.conversation_id === null ? null : keyOf(exchange, facts),
    tool_ids: toolNumbersOrNull(toolIds),
  };
}

function keyOf(exchange: OpenExchange, facts: ResponseFacts | null): Buffer | null {
  const said = answerOf(facts?.message);
  const { sessionId, agentId } = exchange.facts();
  return said === null ? null : answerKey({ project: exchange.head.project, sessionId, agentId }, said);
}

/** Whether an answer is whole is read from its content; the end frame only says how the connection ended. */
function stateOf(
  exchange: OpenExchange,
  row: RunningExchange,
  facts: ResponseFacts | null,
  end: EndFrame | null,
): ExchangeState {
  const { response } = exchange;
  const said = facts?.error ?? null;
  if (said !== null || (response !== null && response.status >= 400)) return 'failed';
  // Other paths answer with anything (a file, HTML, nothing): for them the connection's end is all there is.
  const message = row.type !== 'other' && exchange.responseSize > 0;
  if (message && facts?.complete === true) return 'completed';
  switch (end?.reason) {
    case 'complete':
      return response === null || message ? 'failed' : 'completed';
    case 'client-aborted':
      return 'aborted';
    case 'upstream-error':
      return 'failed';
    case 'shutdown':
    case undefined:
      return 'interrupted';
  }
}

function errorOf(
  exchange: OpenExchange,
  state: ExchangeState,
  facts: ResponseFacts | null,
  end: EndFrame | null,
): string | null {
  if (state === 'completed') return null;
  const said = facts?.error ?? null;
  const damage = exchange.damage();
  const status = exchange.response?.status ?? 0;
  if (said !== null) return cleanText(`${said.type}: ${said.message}`, 500);
  if (end !== null && end.error !== null) return cleanText(`${end.error.code}: ${end.error.message}`, 500);
  if (damage !== null) return cleanText(`The response could not be decoded: ${damage.message}`, 500);
  if (status >= 400) return `HTTP ${String(status)}`;
  if (state === 'aborted') return 'The client went away before the answer was complete';
  if (state === 'interrupted') return 'The sidecar stopped before the answer was complete';
  return 'The answer ended before it was complete';
}

function contextTokens(facts: ResponseFacts | null): number {
  const usage = facts?.usage ?? null;
  if (usage === null) return 0;
  return usage.inputTokens + usage.cacheReadInputTokens + usage.cacheCreationInputTokens;
}

const since = (start: number, at: number | null): number | null => (at === null ? null : at - start);
