import { sql, type RawBuilder } from 'kysely';
import type { Tx } from './tables.ts';

/**
 * Who refers to content: each column has a foreign key and an index, so that asking costs one look-up.
 * A migration that adds such a column adds it here.
 */
export const BLOCK_COLUMNS = [
  'request_headers',
  'template',
  'overlay',
  'raw',
  'response_headers',
  'response_body',
  'response_shape',
] as const;

/** Nearly unique ones, with a hash index. */
const BY_HASH: ReadonlySet<string> = new Set(['messages_tip', 'response_tip', 'raw', 'response_body']);

/** Columns of an exchange that name the last node of a chain. */
export const TIP_COLUMNS = ['messages_tip', 'system_tip', 'tools_tip', 'response_tip'] as const;

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
    ...TIP_COLUMNS.map((column) => noExchange(tenant, column, key)),
  ]);
}

/** True for a block (its hash is `hash`) that is in no chain and in no exchange. */
export function blockIsUnused(tenant: string, hash: RawBuilder<unknown>): RawBuilder<unknown> {
  return all([
    sql`(select 1 from node above where above.block = ${hash} and ${tenantIs('above', tenant)} limit 1) is null`,
    ...BLOCK_COLUMNS.map((column) => noExchange(tenant, column, hash)),
  ]);
}

/** The content columns of a row, one row of (key, is_node) each; for `cross join lateral`. */
export function referencesOf(row: string): RawBuilder<unknown> {
  const values = [
    ...TIP_COLUMNS.map((column) => sql`(${sql.ref(`${row}.${column}`)}, true)`),
    ...BLOCK_COLUMNS.map((column) => sql`(${sql.ref(`${row}.${column}`)}, false)`),
  ];
  return sql`(values ${sql.join(values)})`;
}

function noExchange(tenant: string, column: string, key: RawBuilder<unknown>): RawBuilder<unknown> {
  const condition = BY_HASH.has(column) ? tenantIs('user_', tenant) : sql`user_.tenant = ${tenant}`;
  return sql`(select 1 from exchange user_ where ${sql.ref(`user_.${column}`)} = ${key}
    and ${condition} limit 1) is null`;
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
