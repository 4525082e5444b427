import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { databaseUnavailable } from '../errors.ts';
import type { Engine } from './database.ts';
import type { Tables } from './tables.ts';
import { parsers } from './values.ts';

/** Any number of our own: serialises migrations among processes ("nexus" in ASCII, cut to 31 bits). */
const MIGRATION_LOCK = 0x6e657875;
/** The recorder uses one connection; reads may use the others side by side. */
const CONNECTIONS = 4;

/** A pool on a PostgreSQL server. @throws NexusError `database_unavailable`. */
export async function openPostgres(url: string): Promise<Engine> {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'claude-nexus',
    statement_timeout: 30_000,
    types: {
      getTypeParser: (oid: Parameters<typeof pg.types.getTypeParser>[0]) =>
        parsers[oid] ?? (pg.types.getTypeParser(oid) as (text: string) => unknown),
    },
  });
  // An idle connection that dies reports here; whoever needs a connection next gets the error that matters.
  pool.on('error', () => undefined);
  const version = await serverVersion(pool).catch(async (error: unknown) => {
    await pool.end();
    throw databaseUnavailable(error);
  });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    engine: 'postgresql',
    version,
    db,
    async lockTenant(tx, tenant) {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`claude-nexus:${tenant}`}, 0))`.execute(tx);
    },
    analyze: () => Promise.resolve(),
    async exclusively(work) {
      const client = await pool.connect();
      try {
        await client.query('set statement_timeout = 0');
        await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
        return await work(async (script) => {
          const results = (await client.query(script)) as unknown as pg.QueryResult | pg.QueryResult[];
          const last = Array.isArray(results) ? results.at(-1) : results;
          return (last?.rows ?? []) as Record<string, unknown>[];
        });
      } finally {
        // Destroyed, not returned: closing the connection gives back the lock and its settings in every case.
        client.release(true);
      }
    },
    close: () => db.destroy(),
  };
}

async function serverVersion(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ server_version: string }>('show server_version');
  return rows[0]?.server_version.split(' ')[0] ?? 'unknown';
}
