import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  failedLine,
  readyLine,
  sidecarStatus,
  type FailedLine,
  type ReadyLine,
  type SidecarStatus,
} from '../../src/protocol/status.ts';
import { until } from './until.ts';

const script = fileURLToPath(new URL('../../dist/sidecar.mjs', import.meta.url));

export interface SidecarOptions {
  /** The fake Claude API; default: a port nothing listens on. */
  upstream?: string;
  /** Default: a new directory with a prepared empty database, removed by `remove()`. */
  dataDir?: string;
  /** 0 (any free one, the default) or a port. */
  port?: number;
  databaseUrl?: string;
  pathKey?: boolean;
  args?: string[];
  env?: Record<string, string>;
}

/** A sidecar started from the built `dist/sidecar.mjs`, in a process of its own. */
export interface TestSidecar {
  ready: ReadyLine;
  url: string;
  /** What a client gets as ANTHROPIC_BASE_URL. */
  baseUrl: string;
  token: string;
  pid: number;
  dataDir: string;
  process: ChildProcess;
  /** `fetch` of a path below `url`, with the token. */
  api(path: string, init?: RequestInit): Promise<Response>;
  /** SIGTERM; resolves with the exit code when the process has ended. */
  stop(): Promise<number | null>;
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** Stops it if it still runs, and removes its data directory. */
  remove(): Promise<void>;
}

/** Starts a sidecar and waits for its ready line. Rejects with what it said when it does not start. */
export async function startSidecar(options: SidecarOptions = {}): Promise<TestSidecar> {
  const run = runServe({ ...options, dataDir: options.dataDir ?? (await dataDirFor(options)) });
  const first = await run.firstLine;
  if (first === null || !first.ready) {
    await run.exited;
    throw new Error(
      `The sidecar did not start: ${first === null ? '' : JSON.stringify(first)} ${run.stderr()}`,
    );
  }
  const stopWith = async (signal: NodeJS.Signals): Promise<number | null> => {
    run.process.kill(signal);
    return await run.exited;
  };
  return {
    ready: first,
    url: first.url,
    baseUrl: first.baseUrl,
    token: first.token,
    pid: first.pid,
    dataDir: run.dataDir,
    process: run.process,
    api: (path, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${first.token}`);
      return fetch(first.url + path, { ...init, headers });
    },
    stop: () => stopWith('SIGTERM'),
    kill: async () => {
      await stopWith('SIGKILL');
    },
    remove: async () => {
      await stopWith('SIGTERM');
      rmSync(run.dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface ServeRun {
  process: ChildProcess;
  dataDir: string;
  /** The one line on stdout, or null when it ended without one. */
  firstLine: Promise<ReadyLine | FailedLine | null>;
  /** The exit code, null when killed. */
  exited: Promise<number | null>;
  stdout(): string;
  stderr(): string;
}

/** Runs `serve` for a test that looks at the process itself: failures, attaching, exit codes. */
export function runServe(options: SidecarOptions = {}): ServeRun {
  const dataDir = options.dataDir ?? newDataDir();
  const args = [
    'serve',
    `--port=${String(options.port ?? 0)}`,
    `--data-dir=${dataDir}`,
    `--upstream=${options.upstream ?? 'http://127.0.0.1:9'}`,
  ];
  if (options.databaseUrl !== undefined) args.push(`--database-url=${options.databaseUrl}`);
  if (options.pathKey === true) args.push('--path-key');
  const child = spawn(process.execPath, [script, ...args, ...(options.args ?? [])], {
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'] ?? '',
      // No made-up login is ever shown to the real endpoint.
      CLAUDE_OAUTH_TOKEN_URL: 'http://127.0.0.1:9',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const firstLine = new Promise<ReadyLine | FailedLine | null>((resolve, reject) => {
    const look = (ended: boolean): void => {
      const end = out.indexOf('\n');
      if (end < 0) {
        if (ended) resolve(null);
        return;
      }
      const parsed = readyLine.or(failedLine).safeParse(JSON.parse(out.slice(0, end)));
      if (parsed.success) resolve(parsed.data);
      else reject(new Error(`Not a ready line: ${out}`));
    };
    child.stdout.on('data', () => {
      look(false);
    });
    child.on('close', () => {
      look(true);
    });
  });
  return {
    process: child,
    dataDir,
    firstLine,
    exited: once(child, 'close').then(([code]) => code as number | null),
    stdout: () => out,
    stderr: () => err,
  };
}

/** An empty directory that is removed with this process at the latest. */
export function newDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nexus-test-'));
  if (created.length === 0) {
    process.on('exit', () => {
      for (const each of created) rmSync(each, { recursive: true, force: true });
    });
  }
  created.push(dir);
  return dir;
}

const created: string[] = [];

/** Waits until the sidecar's status is as wanted; what it said last is in the failure. */
async function statusWhere(
  sidecar: TestSidecar,
  what: string,
  wanted: (status: SidecarStatus) => boolean,
): Promise<void> {
  let seen = '';
  await until(
    what,
    120_000,
    async () => {
      seen = await (await sidecar.api('/api/status')).text();
      return wanted(sidecarStatus.parse(JSON.parse(seen))) ? true : undefined;
    },
    () => seen,
  );
}

/** Waits until the sidecar's database is open: answers come from the store then. */
export async function databaseOpen(sidecar: TestSidecar): Promise<void> {
  await statusWhere(sidecar, 'the database', ({ database }) => database.version !== null);
}

/** Waits until so many exchanges are recorded and none waits. Throws when one could not be. */
export async function allRecorded(sidecar: TestSidecar, count: number): Promise<void> {
  await statusWhere(sidecar, 'everything recorded', ({ recorder }) => {
    if (recorder.failed > 0) throw new Error(`${String(recorder.failed)} exchanges could not be recorded`);
    return recorder.recorded >= count && recorder.pending === 0;
  });
}

/** Stops a sidecar once everything that passes or has passed is recorded. */
export async function stopRecorded(sidecar: TestSidecar): Promise<void> {
  await statusWhere(
    sidecar,
    'everything recorded',
    ({ recorder, activeRequests, database }) =>
      database.version !== null && recorder.pending === 0 && activeRequests === 0,
  );
  await sidecar.stop();
}

/**
 * A new data directory with an empty embedded database in it. Creating one takes seconds of processor time, so it is
 * done once for each schema and copied.
 */
export async function preparedDataDir(): Promise<string> {
  const dataDir = newDataDir();
  const template = join(tmpdir(), `nexus-test-template-${schemaHash()}`);
  if (!existsSync(template)) await makeTemplate(template);
  for (const name of readdirSync(template)) {
    cpSync(join(template, name), join(dataDir, name), { recursive: true });
  }
  return dataDir;
}

/** Names what a new database is made of: the engine's program and the migrations. */
function schemaHash(): string {
  const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
  const migrations = readdirSync(join(dist, 'migrations')).sort();
  const hash = createHash('sha256').update(String(statSync(join(dist, 'pglite.wasm')).size));
  for (const name of migrations) hash.update(name).update(readFileSync(join(dist, 'migrations', name)));
  return hash.digest('hex').slice(0, 16);
}

async function dataDirFor(options: SidecarOptions): Promise<string> {
  const embedded = options.databaseUrl === undefined && options.env?.['DATABASE_URL'] === undefined;
  return embedded ? await preparedDataDir() : newDataDir();
}

async function makeTemplate(template: string): Promise<void> {
  const sidecar = await startSidecar({ dataDir: newDataDir() });
  await databaseOpen(sidecar);
  await sidecar.stop();
  const made = `${template}.${String(process.pid)}`;
  mkdirSync(made);
  for (const name of readdirSync(sidecar.dataDir)) {
    if (name.startsWith('pglite-')) renameSync(join(sidecar.dataDir, name), join(made, name));
  }
  await sidecar.remove();
  try {
    renameSync(made, template);
  } catch {
    // Another test process was first; its template is as good.
    rmSync(made, { recursive: true });
  }
}
