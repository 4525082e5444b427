import { sql } from 'kysely';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import type { Store } from '../../src/sidecar/store/tables.ts';
import type { TestDatabase } from './databases.ts';

interface ForeignKey {
  /** `node (parent)`, without the tenant that is in all of them. */
  table: string;
  column: string;
  target: string;
  target_column: string;
}

/** Opens a test's database beside its recorder (PostgreSQL) or after it was closed, for a look at the rows. */
export async function withStore<T>(made: TestDatabase, look: (db: Store) => Promise<T>): Promise<T> {
  const database = await openDatabase(made.options);
  try {
    return await look(database.db);
  } finally {
    await database.close();
  }
}

/**
 * What is wrong with the store, as sentences: content nobody refers to, references to nothing, leftovers of a deletion.
 * Who refers to content is read from the foreign keys, not from the code that is tested.
 */
export async function faults(db: Store): Promise<string[]> {
  const keys = await foreignKeys(db);
  const found: string[] = [];
  const look = async (what: string, from: string): Promise<void> => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.raw(from)}`.execute(db);
    if (rows[0]!.n > 0) found.push(`${String(rows[0]!.n)} × ${what}`);
  };
  for (const target of ['block', 'node', 'envelope']) {
    const users = keys.filter((key) => key.target === target);
    const used = users.map(
      (key) => `not exists (select from "${key.table}" u where u.tenant = t.tenant
        and u."${key.column}" = t."${key.target_column}")`,
    );
    await look(`${target} nobody refers to`, `"${target}" t where ${used.join(' and ')}`);
  }
  for (const key of keys) {
    await look(
      `${key.table}.${key.column} that refers to nothing`,
      `"${key.table}" u where u."${key.column}" is not null and not exists (select from "${key.target}" t
        where t.tenant = u.tenant and t."${key.target_column}" = u."${key.column}")`,
    );
  }
  for (const column of ['parent_id', 'retry_of', 'parent_task_id']) {
    await look(
      `exchange.${column} that refers to nothing`,
      `exchange e where ${column} is not null and not exists (select from exchange p
        where p.tenant = e.tenant and p.id = e.${column})`,
    );
  }
  await look(
    'exchange that runs and is not known to, or the other way round',
    `(select tenant, id from exchange where state = 'running') runs
      full join running known on known.tenant = runs.tenant and known.id = runs.id
      where runs.id is null or known.id is null`,
  );
  await look(
    'conversation without requests',
    `conversation c where not exists (select from exchange e
    where e.tenant = c.tenant and e.conversation_id = c.id)`,
  );
  // Also of a request that another part has, and of ids that are in no order.
  const inIndex = `(select tenant, encode(substr(requests, 16 * place + 1, 16), 'hex')::uuid as id
    from search_segment, generate_series(0, size - 1) place
    union all select tenant, id from unsearched)`;
  await look(
    'request that the search index has twice, or without its being there',
    `(select tenant, id, count(*) as times from ${inIndex} as known group by 1, 2) known
      left join request on request.tenant = known.tenant and request.id = known.id
      where request.id is null or times > 1`,
  );
  await look(
    'ended request of a conversation that the search index does not know of',
    `exchange e where state <> 'running' and conversation_id is not null
      and not exists (select from ${inIndex} as known where known.tenant = e.tenant and known.id = e.id)`,
  );
  await look('conversation half deleted', 'conversation where deleted_at is not null');
  await look('content still to be looked at', 'unused');
  return found;
}

/** The foreign keys with the tenant and one more column. */
export async function foreignKeys(db: Store): Promise<ForeignKey[]> {
  const { rows } = await sql<ForeignKey>`
    select source.relname as "table", own.attname as "column", other.relname as target,
      theirs.attname as target_column
    from pg_constraint fk
    join pg_class source on source.oid = fk.conrelid join pg_class other on other.oid = fk.confrelid
    join pg_attribute own on own.attrelid = fk.conrelid and own.attnum = fk.conkey[2]
    join pg_attribute theirs on theirs.attrelid = fk.confrelid and theirs.attnum = fk.confkey[2]
    where fk.contype = 'f' and source.relnamespace = current_schema()::regnamespace and cardinality(fk.conkey) = 2
    order by 1, 2`.execute(db);
  return rows;
}
