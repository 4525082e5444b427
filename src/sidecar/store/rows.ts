import { sql, type RawBuilder, type Selectable } from 'kysely';
import type { ExchangeState, RequestRow } from '../../protocol/rows.ts';
import type { ExchangeTable } from './tables.ts';
import { isoTime } from './values.ts';

/** The columns of an exchange that a list shows: never a body. */
export const REQUEST_COLUMNS = [
  'exchange.id',
  'exchange.conversation_id',
  'exchange.project',
  'exchange.branch_id',
  'exchange.parent_id',
  'exchange.retry_of',
  'exchange.is_subtask',
  'exchange.parent_task_id',
  'exchange.domain',
  'exchange.account_id',
  'exchange.model',
  'exchange.type',
  'exchange.state',
  'exchange.started_at',
  'exchange.ended_at',
  'exchange.input_tokens',
  'exchange.output_tokens',
  'exchange.cache_read_tokens',
  'exchange.cache_creation_tokens',
  'exchange.first_byte_ms',
  'exchange.first_token_ms',
  'exchange.duration_ms',
  'exchange.response_status',
  'exchange.streaming',
  'exchange.error',
  'exchange.message_count',
  'exchange.tool_call_count',
  'exchange.path',
  'exchange.preview',
  'exchange.asked',
  'exchange.answer_preview',
] as const;

/** Not of a conversation that is on its way out; there is hardly ever one, so the subquery costs nothing. */
export const notDeleted = sql<boolean>`(exchange.conversation_id in (
  select id from conversation where deleted_at is not null)) is not true`;

/**
 * The state of a row of `exchange`, under whatever name. Those that run and those that did not end well are few: what
 * their own table, or their answers, say means the same, and leads to an index.
 */
export function inState(row: string, state: ExchangeState): RawBuilder<boolean> {
  const same = sql<boolean>`${sql.ref(`${row}.state`)} = ${state}`;
  if (state === 'completed') return same;
  const few =
    state === 'running'
      ? sql`select tenant, id from running`
      : sql`select tenant, id from answer where state = ${state} and state <> 'completed'`;
  return sql<boolean>`${same} and (${sql.ref(`${row}.tenant`)}, ${sql.ref(`${row}.id`)}) in (${few})`;
}

type ColumnName<Name> = Name extends `exchange.${infer Column extends keyof ExchangeTable}` ? Column : never;

/** A row of `REQUEST_COLUMNS`. */
export type ExchangeSummary = Pick<Selectable<ExchangeTable>, ColumnName<(typeof REQUEST_COLUMNS)[number]>>;

export function toRequestRow(row: ExchangeSummary): RequestRow {
  return {
    requestId: row.id,
    conversationId: row.conversation_id,
    project: row.project,
    branchId: row.branch_id,
    parentRequestId: row.parent_id,
    retryOf: row.retry_of,
    isSubtask: row.is_subtask,
    parentTaskRequestId: row.parent_task_id,
    domain: row.domain,
    accountId: row.account_id,
    model: row.model,
    requestType: row.type,
    state: row.state,
    timestamp: isoTime(row.started_at),
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cacheReadInputTokens: row.cache_read_tokens,
    cacheCreationInputTokens: row.cache_creation_tokens,
    totalTokens: row.input_tokens + row.output_tokens,
    contextTokens: contextTokens(row),
    cost: null,
    firstByteMs: row.first_byte_ms,
    firstTokenMs: row.first_token_ms,
    durationMs: row.duration_ms,
    responseStatus: row.response_status,
    streaming: row.streaming,
    error: row.error,
    messageCount: row.message_count,
    toolCallCount: row.tool_call_count,
    path: row.path,
    preview: row.preview,
    asked: row.asked,
    answerPreview: row.answer_preview,
  };
}

export function contextTokens(
  row: Pick<ExchangeSummary, 'input_tokens' | 'cache_read_tokens' | 'cache_creation_tokens'>,
): number {
  return row.input_tokens + row.cache_read_tokens + row.cache_creation_tokens;
}
