import type { Insertable, Updateable } from 'kysely';
import type { ExchangeTable, Store } from './tables.ts';

export type NewExchange = Insertable<ExchangeTable>;

/** What the end of an exchange changes. */
export type ExchangeOutcome = Updateable<
  Omit<ExchangeTable, 'tenant' | 'id' | 'conversation_id' | 'branch_id' | 'parent_id'>
>;

/** What finishing needs of a row: where it hangs. */
export type RunningExchange = Pick<
  ExchangeTable,
  'conversation_id' | 'type' | 'model' | 'session_id' | 'project' | 'account_id' | 'request_link'
> & { tool_ids: string[] };

export async function exchangeExists(db: Store, tenant: string, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('exchange')
    .select('id')
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertExchange(db: Store, row: NewExchange): Promise<void> {
  await db.insertInto('exchange').values(row).execute();
}

/** The exchange while it is running; null when it is finished already, which makes finishing idempotent. */
export async function findRunning(db: Store, tenant: string, id: string): Promise<RunningExchange | null> {
  const row = await db
    .selectFrom('exchange')
    .select([
      'conversation_id',
      'type',
      'model',
      'session_id',
      'project',
      'account_id',
      'request_link',
      'tool_ids',
    ])
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('state', '=', 'running')
    .forUpdate()
    .executeTakeFirst();
  return row ?? null;
}

export async function finishExchange(
  db: Store,
  tenant: string,
  id: string,
  outcome: ExchangeOutcome,
): Promise<void> {
  await db.updateTable('exchange').set(outcome).where('tenant', '=', tenant).where('id', '=', id).execute();
}

/** Shows an exchange whose end cannot be recorded as what it is: neither running nor whole. */
export async function failUnrecorded(db: Store, tenant: string, id: string): Promise<void> {
  await db
    .updateTable('exchange')
    .set({ state: 'failed', error: 'The rest of this exchange could not be recorded' })
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('state', '=', 'running')
    .execute();
}
