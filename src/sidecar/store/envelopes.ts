import { sql, type RawBuilder } from 'kysely';
import { contentKey } from '../core/chain.ts';
import type { EnvelopeTable } from './tables.ts';

/** What a request has in common with the others of its session. */
export type NewEnvelope = Omit<EnvelopeTable, 'tenant' | 'redactions'> & { redactions: string };

/** Named by all that is in it, so that the next request with the same one finds it. */
export function newEnvelope(columns: Omit<NewEnvelope, 'key'>): NewEnvelope {
  const { request_headers, template, system_tip, tools_tip, system_hash, method, path, http_version } =
    columns;
  const hashes = [request_headers, template, system_tip, tools_tip, system_hash];
  const parts = [...hashes.map((hash) => hash?.toString('hex') ?? null), method, path, http_version];
  return { ...columns, key: contentKey(JSON.stringify([...parts, columns.redactions])) };
}

/** The statement that stores it where it is not stored yet. */
export function insertEnvelope(tenant: string, envelope: NewEnvelope): RawBuilder<unknown> {
  const row = { tenant, ...envelope };
  const columns = Object.keys(row).map((name) => sql.ref(name));
  return sql`insert into envelope (${sql.join(columns)}) values (${sql.join(Object.values(row))})
    on conflict do nothing`;
}
