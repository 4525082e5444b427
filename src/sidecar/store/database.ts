import type { Store, Tx } from './tables.ts';
import type { Known } from './known.ts';
import { migrate } from './migrate.ts';
import { openPglite } from './pglite.ts';
import { openPostgres } from './postgres.ts';
import type { SlowQueries } from './slow-queries.ts';
import type { StatementLog } from './statement-log.ts';

export interface DatabaseOptions {
  /** The embedded database is `<dataDir>/pglite-<PostgreSQL major>`; null: in memory, gone with the process. */
  dataDir: string | null;
  /** A `postgres://` URL, or null for the embedded database. */
  databaseUrl: string | null;
  /** Directory of the numbered `.sql` files. */
  migrationsDir: string;
  /** A program that creates an embedded database in the directory given after `--create-database` (the worker's own
   * entry); null: create it in this process. */
  creator: URL | null;
  /** Who hears of statements; default: nobody. */
  statements?: StatementLog | null;
}

/** In this order. Apart, so that on PGlite, where nobody reads during either, reads have their turn between them. */
export const VACUUM_STEPS = ['vacuum', 'analyze'] as const;
export type VacuumStep = (typeof VACUUM_STEPS)[number];

/** An open, migrated database of either engine. */
export interface Database {
  engine: 'pglite' | 'postgresql';
  /** For people: "18.6". */
  version: string;
  db: Store;
  /** What this process knows to be stored. */
  readonly known: Known;
  /** Serialises linking: held until the transaction ends. Only PostgreSQL has anyone to wait for. */
  lockTenant(tx: Tx, tenant: string): Promise<void>;
  /** Refreshes the planner's statistics where nobody else does: PGlite has no autovacuum, and without statistics it
   * walks through the whole tenant to find one link (44 ms instead of 0.5 at 20,000 exchanges). `pause` is called
   * between two tables. */
  analyze(pause: () => Promise<void>): Promise<void>;
  /**
   * Makes the room of outdated rows free again where they come with every exchange, and nobody does it by itself: a
   * conversation's row changes twice a turn and took 180 bytes without it, and each exchange is put into `running` and
   * taken out again (80 bytes), as into the search index, whose small parts are joined.
   */
  reuseRows(): Promise<void>;
  /** Statements of this process that took long. */
  readonly slowQueries: SlowQueries;
  /** One step of clearing up a table, which no transaction may be around. Takes as long as it takes: nothing stops it on
   * PGlite, `signal` does on PostgreSQL (the table is as good as before). */
  vacuum(table: string, step: VacuumStep, signal: AbortSignal): Promise<void>;
  /** Runs `work` unless another process of this database is at the same (then false, and nothing happens). */
  unlessOthers(work: () => Promise<void>): Promise<boolean>;
  close(): Promise<void>;
}

/** What an engine has to offer before it is migrated: scripts of several statements, on one connection. */
export interface Engine extends Database {
  /** Runs `work` with a connection of its own, alone among all processes of this database. */
  exclusively<T>(work: (run: ScriptRunner) => Promise<T>): Promise<T>;
}

/** Runs a script of one or more statements; the rows of the last one. */
export type ScriptRunner = (script: string) => Promise<Record<string, unknown>[]>;

/**
 * Opens the store's database and brings its schema up to date.
 *
 * @throws NexusError `database_unavailable` when it cannot be reached (worth trying again), `database_newer` when a
 * newer program has written it (must not be used).
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const statements = options.statements ?? null;
  const engine =
    options.databaseUrl === null
      ? await openPglite(options.dataDir, options.creator, statements)
      : await openPostgres(options.databaseUrl, statements);
  try {
    await migrate(engine, options.migrationsDir);
  } catch (error) {
    await engine.close().catch(() => undefined); // The first error is the one to tell.
    throw error;
  }
  return engine;
}
