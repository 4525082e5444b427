import { sql, type Insertable, type RawBuilder } from 'kysely';
import type { ChainPoint } from '../core/chain.ts';
import type { Database } from './database.ts';
import type { AnswerTable, ExchangeTable, RequestTable, Store } from './tables.ts';
import { ensureUsageMonth, insertUsage } from './usage.ts';
import { timestamp } from './values.ts';

export type NewExchange = Insertable<RequestTable>;

/** What the end of an exchange tells. */
export type ExchangeOutcome = Pick<Insertable<AnswerTable>, 'state'> &
  Partial<Omit<Insertable<AnswerTable>, 'tenant' | 'id' | 'state' | 'stored_bytes'>>;

/** What finishing needs of a row: where it hangs, and the node its answer goes on from. */
export type RunningExchange = Pick<
  ExchangeTable,
  'conversation_id' | 'type' | 'model' | 'session_id' | 'project' | 'account_id' | 'request_link'
> & { messages_tip: ChainPoint | null; redactions: { path: string; kind: string }[] };

/** True for what is recorded, and for what was recorded and then deleted: its journal is not recorded again. */
export async function exchangeExists(db: Store, tenant: string, id: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from request where tenant = ${tenant} and id = ${id}::uuid
    union all select 1 from deleted_exchange where tenant = ${tenant} and id = ${id}::uuid`.execute(db);
  return rows.length > 0;
}

/**
 * Inserts its row and that it runs, in one statement with `changes` (see `placeRequest`): foreign keys are checked at its
 * end. True when a request that did not begin earlier is stored already.
 */
export async function insertExchange(
  db: Store,
  row: NewExchange,
  changes: RawBuilder<unknown>[] = [],
): Promise<boolean> {
  const columns = Object.keys(row).map((name) => sql.ref(name));
  const insert = sql`insert into request (${sql.join(columns)}) values (${sql.join(Object.values(row))})`;
  const runs = sql`insert into running (tenant, id) values (${row.tenant}, ${row.id})`;
  const { rows } = await sql<{ late: boolean | null }>`${together([...changes, runs])} ${insert}
    returning ${newest} >= started_at as late`.execute(db);
  return rows[0]?.late === true;
}

/** When the newest stored request began: one look at the end of an index. null: none is stored. */
const newest = sql`(select max(stored.started_at) from request stored)`;

/** The exchange while it is running; null when it is finished already or deleted. */
export async function findRunning(db: Store, tenant: string, id: string): Promise<RunningExchange | null> {
  type Row = Omit<RunningExchange, 'messages_tip'> & { tip: Buffer | null; depth: number };
  const { rows } = await sql<Row>`
    select conversation_id, type, model, session_id, project, account_id, request_link,
      coalesce(request.redactions, (
        select redactions from envelope where envelope.tenant = ${tenant} and envelope.key = request.envelope
      )) as redactions, node.key as tip, node.depth
    from request left join node on node.tenant = ${tenant} and node.key = request.messages_tip
    where request.tenant = ${tenant} and request.id = ${id}::uuid
      and (select 1 from answer where tenant = ${tenant} and id = ${id}::uuid) is null`.execute(db);
  if (rows[0] === undefined) return null;
  const { tip, depth, ...row } = rows[0];
  return { ...row, messages_tip: tip === null ? null : { key: tip, depth } };
}

/**
 * Ends a running exchange, counts it in `usage`, puts it on the list of what to index for search, and applies `totals`,
 * all in one statement. null when it was not running (any more), and then nothing is written: an exchange ends once,
 * which its answer's key sees to. `totals` is given the condition that it did. `late`: a request that began after its end (`at`, ms since the epoch) is stored.
 * The month of its start has its partition (see `ensureUsageMonth`). `storedBytes`: what its end added to the store.
 */
export async function finishExchange(
  db: Store,
  { at, ...key }: { tenant: string; id: string; at: number },
  outcome: ExchangeOutcome,
  storedBytes: number,
  totals: (finished: RawBuilder<unknown>) => RawBuilder<unknown>[] = () => [],
): Promise<{ late: boolean } | null> {
  const row = { ...key, ...outcome, stored_bytes: storedBytes };
  const columns = Object.keys(row).map((name) => sql.ref(name));
  const { rows } = await sql<{ late: boolean }>`
    with finished as (
      insert into answer (${sql.join(columns)})
      select ${sql.join(Object.values(row))}
      from request where tenant = ${key.tenant} and id = ${key.id}::uuid
      for key share on conflict do nothing
      returning *
    ), ended as (
      delete from running where tenant = ${key.tenant} and id = ${key.id}::uuid
    ), queued as (
      insert into unsearched (tenant, id)
      select tenant, id from request where tenant = ${key.tenant} and id = ${key.id}::uuid
        and conversation_id is not null and exists (select from finished)
    ), counted as (${insertUsage(sql`finished`)})${sql.join(
      totals(sql`exists (select from finished)`).map(
        (change, index) => sql`, ${cteName(index)} as (${change})`,
      ),
      sql``,
    )}
    select ${newest} >= ${timestamp(at)}::timestamptz as late from finished`.execute(db);
  return rows[0] ?? null;
}

/** Shows an exchange whose end cannot be recorded as what it is: neither running nor whole. */
export async function failUnrecorded(database: Database, tenant: string, id: string): Promise<void> {
  const row = await database.db
    .selectFrom('request')
    .select('started_at')
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return;
  await ensureUsageMonth(database, row.started_at);
  const outcome = { state: 'failed' as const, error: 'The rest of this exchange could not be recorded' };
  await finishExchange(database.db, { tenant, id, at: row.started_at }, outcome, 0);
}

function together(changes: RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql`with ${sql.join(changes.map((change, index) => sql`${cteName(index)} as (${change})`))}`;
}

const cteName = (index: number): RawBuilder<unknown> => sql.ref(`change_${String(index)}`);
