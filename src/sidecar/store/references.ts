import { sql, type RawBuilder } from 'kysely';
import type { ContentKind, Tx } from './tables.ts';

/**
 * Who refers to content, beside nodes: each column has a foreign key and an index, so that asking costs one look-up.
 * A migration that adds such a column adds it here. Of `node`: the last ones of chains.
 */
export const REFERENCES = {
  request: { envelope: ['envelope'], node: ['messages_tip'], block: ['overlay', 'raw'] },
  answer: {
    envelope: [],
    node: ['response_tip'],
    block: ['response_headers', 'response_body', 'response_shape'],
  },
  envelope: { envelope: [], node: ['system_tip', 'tools_tip'], block: ['request_headers', 'template'] },
} as const;

const TABLES = ['request', 'answer', 'envelope'] as const;
const KINDS = ['envelope', 'node', 'block'] as const;

/** Nearly unique ones, with a hash index. */
const BY_HASH: ReadonlySet<string> = new Set(['messages_tip', 'response_tip', 'raw', 'response_body']);

/**
 * True for a node (its key is `key`) that no exchange ends in and no node goes on from, but for the child given. Each
 * look is a scalar subquery: the planner cannot turn it into a join that reads the whole table.
 */
export function nodeIsUnused(
  tenant: string,
  key: RawBuilder<unknown>,
  child: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return all([
    sql`(select 1 from node below where below.parent = ${key} and ${tenantIs('below', tenant)}
      and below.key is distinct from ${child} limit 1) is null`,
    ...noReference(tenant, 'node', key),
  ]);
}

/** True for a block (its hash is `hash`) that is in no chain and in no exchange. */
export function blockIsUnused(tenant: string, hash: RawBuilder<unknown>): RawBuilder<unknown> {
  return all([
    sql`(select 1 from node above where above.block = ${hash} and ${tenantIs('above', tenant)} limit 1) is null`,
    ...noReference(tenant, 'block', hash),
  ]);
}

/** True for an envelope (its key is `key`) that no request has. */
export function envelopeIsUnused(tenant: string, key: RawBuilder<unknown>): RawBuilder<unknown> {
  return all(noReference(tenant, 'envelope', key));
}

/** The content columns of a row of `table`, one row of (key, kind) each; for `cross join lateral`. */
export function referencesOf(table: keyof typeof REFERENCES, row: string): RawBuilder<unknown> {
  const values = KINDS.flatMap((kind) =>
    REFERENCES[table][kind].map((column) => sql`(${sql.ref(`${row}.${column}`)}, ${sql.lit(kind)})`),
  );
  return sql`(values ${sql.join(values)})`;
}

function noReference(tenant: string, target: ContentKind, key: RawBuilder<unknown>): RawBuilder<unknown>[] {
  const none = (table: string, column: string): RawBuilder<unknown> => {
    const condition = BY_HASH.has(column) ? tenantIs('user_', tenant) : sql`user_.tenant = ${tenant}`;
    return sql`(select 1 from ${sql.table(table)} user_ where ${sql.ref(`user_.${column}`)} = ${key}
      and ${condition} limit 1) is null`;
  };
  return TABLES.flatMap((table) => REFERENCES[table][target].map((column) => none(table, column)));
}

/**
 * For a look-up by a hash index, which has no tenant: a condition no index can be used for. Without statistics the
 * planner takes a tenant for a two-hundredth of the table and would walk through all of it (0.8 ms instead of 0.01 for
 * one look among 1,800 nodes).
 */
export function tenantIs(table: string, tenant: string): RawBuilder<unknown> {
  return sql`${sql.ref(`${table}.tenant`)} || '' = ${tenant}`;
}

/** For a transaction that looks for references, its foreign keys' own looks included: one row at a time, by an index. */
export async function byIndexOnly(tx: Tx): Promise<void> {
  await sql`select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`.execute(
    tx,
  );
}

const all = (conditions: RawBuilder<unknown>[]): RawBuilder<unknown> => sql.join(conditions, sql` and `);
