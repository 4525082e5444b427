import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { databaseUnavailable } from '../errors.ts';
import type { Engine } from './database.ts';
import { Known } from './known.ts';
import { preparedPool } from './prepared-pool.ts';
import { SlowQueries } from './slow-queries.ts';
import type { StatementLog } from './statement-log.ts';
import type { Tables } from './tables.ts';
import { parsers } from './values.ts';

/** Any number of our own: serialises migrations among processes ("nexus" in ASCII, cut to 31 bits). */
const MIGRATION_LOCK = 0x6e657875;
/** Housekeeping is one process's at a time. */
const HOUSEKEEPING_LOCK = MIGRATION_LOCK + 1;
/** The recorder uses one connection; reads may use the others side by side. */
const CONNECTIONS = 4;
/** The server's own limit for a statement, ms; migrations have none. */
const STATEMENT_MS = 30_000;
/** For a server that went silent, ms: its own limit has passed by then. */
const SILENCE_MS = STATEMENT_MS + 10_000;
/** How long to wait for another process's migration before that is told, ms. */
const MIGRATION_LOCK_MS = 20_000;
/** The longest a timer of Node can run, ms. */
const NO_LIMIT_MS = 2 ** 31 - 1;

/** A pool on a PostgreSQL server. @throws NexusError `database_unavailable`. */
export async function openPostgres(url: string, statements: StatementLog | null = null): Promise<Engine> {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'claude-nexus',
    statement_timeout: STATEMENT_MS,
    query_timeout: SILENCE_MS,
    types: {
      getTypeParser: (oid: Parameters<typeof pg.types.getTypeParser>[0]) =>
        parsers[oid] ?? (pg.types.getTypeParser(oid) as (text: string) => unknown),
    },
  });
  // An idle connection that dies reports here; whoever needs a connection next gets the error that matters.
  pool.on('error', () => undefined);
  // One that dies within a transaction, between two statements, reports on itself: the next statement fails.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  const version = await serverVersion(pool).catch(async (error: unknown) => {
    await pool.end();
    throw databaseUnavailable(error);
  });
  const slowQueries = new SlowQueries(statements);
  const dialect = new PostgresDialect({ pool: preparedPool(pool) });
  const db = new Kysely<Tables>({ dialect: statements?.watch(dialect) ?? dialect, log: slowQueries.log });
  return {
    engine: 'postgresql',
    version,
    db,
    known: new Known(),
    async lockTenant(tx, tenant) {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`claude-nexus:${tenant}`}, 0))`.execute(tx);
    },
    analyze: () => Promise.resolve(),
    reuseRows: () => Promise.resolve(),
    slowQueries,
    async vacuum(table, step, signal) {
      const client = await pool.connect();
      try {
        await client.query('set statement_timeout = 0');
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        const cancel = (): void => {
          // Best effort: without it the vacuum runs to its end, which harms nobody.
          pool.query('select pg_cancel_backend($1)', [rows[0]?.pid]).catch(() => undefined);
        };
        signal.addEventListener('abort', cancel);
        const query = { text: `${step} "${table}"`, query_timeout: NO_LIMIT_MS };
        await client.query(query).finally(() => {
          signal.removeEventListener('abort', cancel);
        });
      } finally {
        client.release(true);
      }
    },
    async unlessOthers(work) {
      const client = await pool.connect();
      // A connection that dies gives the lock back: then two may work at once, which costs time and nothing else.
      client.on('error', () => undefined);
      try {
        const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [
          HOUSEKEEPING_LOCK,
        ]);
        if (rows[0]?.mine !== true) return false;
        await work().finally(async () => {
          // Now, and not when the server notices that the connection is closed: whoever asks next would be refused.
          // One that died has given it back.
          await client.query('select pg_advisory_unlock($1)', [HOUSEKEEPING_LOCK]).catch(() => undefined);
        });
        return true;
      } finally {
        client.release(true);
      }
    },
    async exclusively(work) {
      const client = await pool.connect();
      try {
        await client.query(`set statement_timeout = 0; set lock_timeout = ${String(MIGRATION_LOCK_MS)}`);
        await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
        return await work(async (script) => {
          const query = { text: script, query_timeout: NO_LIMIT_MS };
          const results = (await client.query(query)) as unknown as pg.QueryResult | pg.QueryResult[];
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
