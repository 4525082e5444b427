import { setTimeout as sleep } from 'node:timers/promises';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  PROTOCOL_VERSION,
  readyLine,
  type FailedLine,
  type OtherOwner,
  type ReadyLine,
} from '../protocol/status.ts';
import { readConfig, type ServeConfig } from './config.ts';
import { redactText } from './core/redact.ts';
import { prepareDataDir, type DataDirLayout } from './data-dir.ts';
import {
  dataDirOwnedElsewhere,
  internalError,
  invalidOption,
  NexusError,
  otherVersion,
  reason,
} from './errors.ts';
import { openFileLog, type FileLog } from './file-log.ts';
import { tryLock, type HeldLock, type LockRecord } from './lock.ts';
import type { Log } from './log.ts';
import { isLoopback } from './core/loopback.ts';
import { readPrivateJson, writePrivateJson } from './private-file.ts';
import { version } from './version.ts';

/** A sidecar that accepts connections. */
export interface RunningSidecar {
  /** The origin, and what a client gets as ANTHROPIC_BASE_URL. */
  url: string;
  baseUrl: string;
  port: number;
  token: string;
  /** Finishes open exchanges (bounded), records what it can, closes; `stopped` resolves then. May be called again. */
  stop(): void;
  stopped: Promise<void>;
  /** Called with the reason when a window or idleness asks for the end. */
  onStopRequest(listener: (why: string) => void): void;
}

export type StartSidecar = (config: ServeConfig, layout: DataDirLayout, log: Log) => Promise<RunningSidecar>;

const ownerFile = z.object({ nonce: z.string(), ready: readyLine });
/** Of another version: what it may have in common with ours. */
const otherOwnerFile = z.object({
  nonce: z.string(),
  ready: z.object({ version: z.string(), url: z.string(), token: z.string() }).partial(),
});

const POLL_MS = 50;
/** How long a `serve` waits for an owner that is starting or finishing its last streams. */
const OWNER_WAIT_MS = 45_000;

/**
 * The command `serve`: owns the data directory and runs until it is told to stop, or prints the ready line of the
 * sidecar that owns it. Exactly one JSON line goes to stdout. Resolves with the exit code.
 */
export async function serve(
  start: StartSidecar,
  args: string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<number> {
  // Whatever is made from here on, by the database too, is this user's alone.
  if (process.platform !== 'win32') process.umask(0o077);
  // Whoever reads the line may be gone before the sidecar is; a closed pipe must not end it.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  try {
    const config = readConfig(args, env, cwd);
    refuseOpenHost(config);
    const layout = prepareDataDir(config.dataDir);
    // A working directory that is removed later would break the start of every thread; one on Windows could not be.
    process.chdir(layout.root);
    const found = await ownOrFind(layout);
    if ('ready' in found) {
      printLine({ ...found.ready, attached: true });
      return 0;
    }
    if ('other' in found) {
      const own = { version, protocolVersion: PROTOCOL_VERSION };
      return fail(otherVersion(layout.root, found.other, own), found.other);
    }
    return await own(start, config, layout, found.held);
  } catch (error) {
    const code = fail(error instanceof NexusError ? error : internalError(error));
    if (!(error instanceof NexusError)) {
      process.stderr.write(`${redactText(String((error as Error).stack)).text}\n`);
    }
    return code;
  }
}

/** Says why there is no sidecar, to people and to programs; the exit code. */
function fail(failure: NexusError, owner?: OtherOwner): number {
  const { code, title, message: detail } = failure;
  process.stderr.write(`claude-nexus: ${detail}\n`);
  printLine({ ready: false, code, title, detail, ...(owner === undefined ? {} : { owner }) });
  return 1;
}

/** This process owns the data directory: serve until stopped. */
async function own(
  start: StartSidecar,
  config: ServeConfig,
  layout: DataDirLayout,
  lock: HeldLock,
): Promise<number> {
  let log: FileLog | null = null;
  try {
    log = openFileLog({
      dir: layout.logs,
      level: config.debug || config.debugSql ? 'debug' : config.logLevel,
      mask: (line) => redactText(line).text,
    });
    const sidecar = await start(config, layout, log);
    lock.setPort(sidecar.port);
    const ready: ReadyLine = {
      ready: true,
      url: sidecar.url,
      baseUrl: sidecar.baseUrl,
      token: sidecar.token,
      pid: process.pid,
      version,
      protocolVersion: PROTOCOL_VERSION,
      attached: false,
      logFile: join(layout.logs, 'sidecar.log'),
    };
    writePrivateJson(layout.owner, { nonce: lock.nonce, ready } satisfies z.infer<typeof ownerFile>);
    printLine(ready);
    log.info('Ready', { url: sidecar.url, pid: process.pid, version, dataDir: layout.root });
    return await runUntilStopped(sidecar, layout, log);
  } catch (error) {
    log?.error('Could not start', { error: reason(error) });
    throw error;
  } finally {
    rmSync(layout.owner, { force: true });
    lock.release();
    log?.close();
  }
}

async function runUntilStopped(
  sidecar: RunningSidecar,
  layout: DataDirLayout,
  log: FileLog,
): Promise<number> {
  let code = 0;
  const stop = (why: string): void => {
    log.info('Stopping', { why });
    // From here on a newcomer waits for the lock instead of attaching to a sidecar that is on its way out.
    rmSync(layout.owner, { force: true });
    sidecar.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop(signal);
    });
  }
  const broken = (error: unknown): void => {
    log.error('Stopping after an error nobody caught', {
      error: reason(error),
      stack: (error as Error).stack,
    });
    code = 1;
    stop('error');
  };
  process.on('uncaughtException', broken);
  process.on('unhandledRejection', broken);
  sidecar.onStopRequest(stop);
  await sidecar.stopped;
  log.info('Stopped', { code });
  return code;
}

/**
 * The lock, or the ready line of its living owner; waits for one that is still starting or just stopping. One of another
 * protocol version is neither waited for nor attached to.
 */
export async function ownOrFind(
  layout: DataDirLayout,
): Promise<{ held: HeldLock } | { ready: ReadyLine } | { other: OtherOwner }> {
  const giveUp = performance.now() + OWNER_WAIT_MS;
  for (;;) {
    const attempt = tryLock(layout.lock, layout.root);
    if ('held' in attempt) return attempt;
    if (attempt.owner.protocolVersion !== PROTOCOL_VERSION) {
      return { other: otherOwnerOf(layout, attempt.owner) };
    }
    const owner = readPrivateJson(layout.owner, ownerFile);
    if (owner?.nonce === attempt.owner.nonce) return { ready: owner.ready };
    if (performance.now() > giveUp) {
      const who = `process ${String(attempt.owner.pid)}, which has not become ready`;
      throw dataDirOwnedElsewhere(layout.root, who);
    }
    await sleep(POLL_MS);
  }
}

function otherOwnerOf(layout: DataDirLayout, { pid, nonce, protocolVersion }: LockRecord): OtherOwner {
  const said = readPrivateJson(layout.owner, otherOwnerFile);
  const { version = null, url = null, token = null } = said?.nonce === nonce ? said.ready : {};
  return { pid, protocolVersion, version, url, token };
}

/** Whoever can be reached from other machines must ask them who they are (SPEC 2.1). */
function refuseOpenHost({ host, clientAuth, dashboardKey }: ServeConfig): void {
  if (isLoopback(host)) return;
  const missing = [
    ...(clientAuth ? [] : ['ENABLE_CLIENT_AUTH must not be false']),
    ...(dashboardKey === undefined
      ? ['DASHBOARD_API_KEY must be set (16 characters at least; it opens the panels and the control API)']
      : []),
  ];
  if (missing.length === 0) return;
  throw invalidOption(
    '--host (HOST)',
    `"${host}" can be reached from other machines. For that ${missing.join(', and ')}. Or use 127.0.0.1.`,
  );
}

function printLine(line: ReadyLine | FailedLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
