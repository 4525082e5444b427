import { sql, type Insertable, type RawBuilder, type Updateable } from 'kysely';
import type { ChainPoint } from '../core/chain.ts';
import type { Database } from './database.ts';
import type { ExchangeTable, Store } from './tables.ts';
import { ensureUsageMonth, insertUsage, usageColumns } from './usage.ts';

export type NewExchange = Insertable<ExchangeTable>;

/** What the end of an exchange changes. */
export type ExchangeOutcome = Updateable<
  Omit<ExchangeTable, 'tenant' | 'id' | 'conversation_id' | 'branch_id' | 'parent_id'>
>;

/** What finishing needs of a row: where it hangs, and the node its answer goes on from. */
export type RunningExchange = Pick<
  ExchangeTable,
  'conversation_id' | 'type' | 'model' | 'session_id' | 'project' | 'account_id' | 'request_link'
> & { tool_ids: string[]; messages_tip: ChainPoint | null };

/** True for what is recorded, and for what was recorded and then deleted: its journal is not recorded again. */
export async function exchangeExists(db: Store, tenant: string, id: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from exchange where tenant = ${tenant} and id = ${id}::uuid
    union all select 1 from deleted_exchange where tenant = ${tenant} and id = ${id}::uuid`.execute(db);
  return rows.length > 0;
}

/** Inserts its row, in one statement with `changes` (see `placeRequest`): foreign keys are checked at its end. */
export async function insertExchange(
  db: Store,
  row: NewExchange,
  changes: RawBuilder<unknown>[] = [],
): Promise<void> {
  const columns = Object.keys(row).map((name) => sql.ref(name));
  const insert = sql`insert into exchange (${sql.join(columns)}) values (${sql.join(Object.values(row))})`;
  await sql`${together(changes)} ${insert}`.execute(db);
}

/** The exchange while it is running; null when it is finished already or deleted. */
export async function findRunning(db: Store, tenant: string, id: string): Promise<RunningExchange | null> {
  type Row = Omit<RunningExchange, 'messages_tip'> & { tip: Buffer | null; depth: number };
  const { rows } = await sql<Row>`
    select conversation_id, type, model, session_id, project, account_id, request_link, tool_ids,
      node.key as tip, node.depth
    from exchange left join node on node.tenant = ${tenant} and node.key = exchange.messages_tip
    where exchange.tenant = ${tenant} and exchange.id = ${id} and exchange.state = 'running'`.execute(db);
  if (rows[0] === undefined) return null;
  const { tip, depth, ...row } = rows[0];
  return { ...row, messages_tip: tip === null ? null : { key: tip, depth } };
}

/**
 * Ends a running exchange, counts it in `usage` and applies `totals`, all in one statement. False when it was not
 * running (any more), and then nothing is changed: an exchange ends once. `totals` is given the condition that it did.
 * The month of its start has its partition (see `ensureUsageMonth`). `storedBytes`: what its end added to the store.
 */
export async function finishExchange(
  db: Store,
  key: { tenant: string; id: string },
  outcome: ExchangeOutcome,
  storedBytes: number,
  totals: (finished: RawBuilder<unknown>) => RawBuilder<unknown>[] = () => [],
): Promise<boolean> {
  const set = Object.entries(outcome).map(([name, value]) => sql`${sql.ref(name)} = ${value}`);
  const { rows } = await sql`
    with finished as (
      update exchange set ${sql.join(set)}, stored_bytes = stored_bytes + ${storedBytes}::bigint
      where tenant = ${key.tenant} and id = ${key.id}::uuid and state = 'running'
      returning ${usageColumns}
    ), counted as (${insertUsage(sql`finished`)})${sql.join(
      totals(sql`exists (select from finished)`).map(
        (change, index) => sql`, ${cteName(index)} as (${change})`,
      ),
      sql``,
    )}
    select id from finished`.execute(db);
  return rows.length > 0;
}

/** Shows an exchange whose end cannot be recorded as what it is: neither running nor whole. */
export async function failUnrecorded(database: Database, tenant: string, id: string): Promise<void> {
  const row = await database.db
    .selectFrom('exchange')
    .select('started_at')
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  if (row === undefined) return;
  await ensureUsageMonth(database, row.started_at);
  const outcome = { state: 'failed' as const, error: 'The rest of this exchange could not be recorded' };
  await finishExchange(database.db, { tenant, id }, outcome, 0);
}

function together(changes: RawBuilder<unknown>[]): RawBuilder<unknown> {
  if (changes.length === 0) return sql``;
  return sql`with ${sql.join(changes.map((change, index) => sql`${cteName(index)} as (${change})`))}`;
}

const cteName = (index: number): RawBuilder<unknown> => sql.ref(`change_${String(index)}`);
