import { randomBytes } from 'node:crypto';
import type { Store } from './tables.ts';

/** The key of account ids: made once per database, the same for every sidecar on it. */
export async function loadSalt(db: Store): Promise<string> {
  await db
    .insertInto('setting')
    .values({ name: 'account-salt', value: randomBytes(32).toString('hex') })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'account-salt')
    .executeTakeFirstOrThrow();
  return row.value;
}
