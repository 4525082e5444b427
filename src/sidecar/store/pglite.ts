import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, sql } from 'kysely';
import { embeddedDatabaseUnreadable } from '../errors.ts';
import type { Engine } from './database.ts';
import { Known } from './known.ts';
import { pgliteDialect } from './pglite-dialect.ts';
import { SlowQueries } from './slow-queries.ts';
import type { StatementLog } from './statement-log.ts';
import type { Tables } from './tables.ts';
import { parsers, serializers } from './values.ts';

/** The PostgreSQL major of the pinned PGlite: a directory of another major cannot be opened. */
const MAJOR = 18;

/** PGlite's own start parameters with a small memory: 16 MB of buffers instead of 128 for one connection. */
const START_PARAMETERS = [
  ...PGlite.defaultStartParams,
  ...[
    'shared_buffers=16MB',
    'wal_buffers=1MB',
    'max_wal_size=64MB',
    'min_wal_size=32MB',
    'work_mem=8MB',
    'maintenance_work_mem=16MB',
    'timezone=UTC',
    // Samples of 3,000 rows: enough for these tables, and quick.
    'default_statistics_target=10',
  ].flatMap((setting) => ['-c', setting]),
];

/** Nothing of a database in memory survives anyway: no second copy of its pages, and the smallest log. */
const MEMORY_PARAMETERS = ['fsync=off', 'full_page_writes=off', 'max_wal_size=32MB'].flatMap((setting) => [
  '-c',
  setting,
]);

/** The embedded database of a data directory, created when it does not exist; null: a new one in memory. One process
 * only: the caller holds the data directory's lock. @throws NexusError `database_unavailable`. */
export async function openPglite(
  dataDir: string | null,
  creator: URL | null,
  statements: StatementLog | null = null,
): Promise<Engine> {
  const dir = dataDir === null ? 'memory' : join(dataDir, `pglite-${String(MAJOR)}`);
  const opening = dataDir === null ? openInMemory() : open(dataDir, dir, creator);
  const pglite = await opening.catch((error: unknown) => {
    throw embeddedDatabaseUnreadable(dir, refusalOf(dir) ?? error);
  });
  const { rows } = await pglite.query<{ server_version: string }>('show server_version');
  const slowQueries = new SlowQueries(statements);
  const dialect = pgliteDialect(pglite);
  const db = new Kysely<Tables>({ dialect: statements?.watch(dialect) ?? dialect, log: slowQueries.log });
  return {
    engine: 'pglite',
    version: rows[0]?.server_version.split(' ')[0] ?? 'unknown',
    db,
    known: new Known(),
    lockTenant: () => Promise.resolve(),
    async analyze(pause) {
      // One table after the other and none of the system's: all at once stop everything for 84 ms.
      const { rows } = await sql<{ name: string }>`
        select relname as name from pg_class
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition`.execute(
        db,
      );
      for (const { name } of rows) {
        await pause();
        await sql`analyze ${sql.ref(name)}`.execute(db);
      }
    },
    async reuseRows() {
      await sql`vacuum conversation, running, unsearched, search_segment, search_piece`.execute(db);
    },
    slowQueries,
    async vacuum(table, step) {
      await sql`${sql.raw(step)} ${sql.ref(table)}`.execute(db);
    },
    async unlessOthers(work) {
      await work(); // The data directory has one owner.
      return true;
    },
    exclusively: (work) => work(async (script) => (await pglite.exec(script)).at(-1)?.rows ?? []),
    close: () => pglite.close(),
  };
}

/**
 * Creates an empty embedded database in `dir`. Takes two seconds and leaves 250 MB behind in its process, so the
 * recorder has it done by another one.
 */
export async function createPgliteDirectory(dir: string): Promise<void> {
  const pglite = await PGlite.create({ dataDir: dir, startParams: START_PARAMETERS });
  await pglite.close();
}

/**
 * What the disk says to a program that wants room in `dir`, or null: a start that fails on a full disk is told by PGlite
 * as "PGlite failed to initialize properly" and no more.
 */
function refusalOf(dir: string): Error | null {
  if (!fs.existsSync(dir)) return null;
  const probe = join(dir, `probe-${randomUUID()}`);
  try {
    const fd = fs.openSync(probe, 'wx', 0o600);
    try {
      fs.writeSync(fd, Buffer.alloc(PAGE_BYTES, 1), 0, PAGE_BYTES, 0);
    } finally {
      fs.closeSync(fd);
      fs.rmSync(probe, { force: true });
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const PAGE_BYTES = 8192;

async function openInMemory(): Promise<PGlite> {
  const startParams = [...START_PARAMETERS, ...MEMORY_PARAMETERS];
  return PGlite.create({ dataDir: 'memory://', startParams, parsers, serializers });
}

async function open(dataDir: string, dir: string, creator: URL | null): Promise<PGlite> {
  if (!fs.existsSync(join(dir, 'PG_VERSION'))) await create(dataDir, dir, creator);
  // PostgreSQL's own lock file, which says nothing here (the pid in it is WebAssembly's; the data directory's lock is what
  // counts). One that a kill -9 left half written would keep the database from opening for ever.
  await rm(join(dir, 'postmaster.pid'), { force: true });
  return PGlite.create({ dataDir: dir, startParams: START_PARAMETERS, parsers, serializers });
}

/**
 * Made beside its place and renamed: a directory under the final name is always a whole one. Its name is new each time,
 * since the process that made one for an owner that was killed may still be at it.
 */
async function create(dataDir: string, dir: string, creator: URL | null): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unfinished = `${dir}.new-${randomUUID()}`;
  if (creator === null) await createPgliteDirectory(unfinished);
  else await createInChild(unfinished, creator);
  await rename(unfinished, dir);
  for (const name of await readdir(dataDir)) {
    const left = join(dataDir, name);
    // Best effort: its maker may still be writing there, and a folder left behind harms nobody.
    if (left.startsWith(`${dir}.new`)) {
      await rm(left, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

async function createInChild(dir: string, creator: URL): Promise<void> {
  await promisify(execFile)(process.execPath, [fileURLToPath(creator), '--create-database', dir], {
    // Inside VS Code the program is Electron and has to be told to be Node.
    env: { ...process.env, ...('electron' in process.versions ? { ELECTRON_RUN_AS_NODE: '1' } : {}) },
    windowsHide: true,
    timeout: 120_000,
  });
}
