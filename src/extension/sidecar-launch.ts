import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from '../protocol/runtime.ts';
import { failedLine, readyLine, type ReadyLine } from '../protocol/status.ts';
import { NexusFailure } from './problems.ts';

/** What the user's settings say about the sidecar. Empty strings mean: the sidecar's own default. */
export interface SidecarOptions {
  readonly upstream: string;
  readonly databaseUrl: string;
  readonly dataDir: string;
  /** 0: any free port, chosen once and kept by the sidecar. */
  readonly port: number;
  /** False: programs of this machine may leave the path key out; what they send is passed through. */
  readonly requirePathKey: boolean;
  /** False: live only, nothing is kept. */
  readonly recording: boolean;
  /** Which secrets are masked in bodies: `own`, `all`, `none`. */
  readonly redactBodies: string;
  /** Conversations untouched for so many days are deleted; 0: never. */
  readonly retentionDays: number;
  /** The oldest are deleted beyond so many megabytes (10^6 bytes); 0: never. */
  readonly retentionMegabytes: number;
  readonly network: NetworkOptions;
}

/** VS Code's own settings (`http.…`) for the way to the upstream, as they stand for the user or the machine. */
export interface NetworkOptions {
  /** A URL, perhaps with a password; empty: the environment's, if it has one. */
  readonly proxy: string;
  readonly noProxy: readonly string[];
  /** False: certificates that come through the proxy are not checked. */
  readonly proxyStrictSsl: boolean;
  readonly systemCertificates: boolean;
}

export interface Launch {
  /** The program that runs JavaScript: the extension host's own executable. */
  readonly node: string;
  readonly script: string;
  readonly options: SidecarOptions;
  /** The working directory: one that only this user writes to, because `serve` reads a `.env` there. */
  readonly cwd: string;
  /** Takes what the sidecar says outside its log: a crash at start, warnings of the runtime. */
  readonly stderrFile: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long to wait for the ready line, in ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Starts `serve` on its own (detached, no window) and resolves with its ready line, also where another sidecar owns
 * the data directory and the line is that one's. Rejects with a `NexusFailure`. After the line nothing of this
 * process is tied to the sidecar: no pipe, no reference.
 */
export async function launchSidecar(launch: Launch): Promise<ReadyLine> {
  mkdirSync(launch.cwd, { recursive: true });
  mkdirSync(dirname(launch.stderrFile), { recursive: true });
  // A file and not a pipe: a pipe whose reader has gone kills whoever writes into it.
  const stderr = openSync(launch.stderrFile, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(launch.node, [...RUNTIME_FLAGS, launch.script, ...serveArguments(launch.options)], {
      cwd: launch.cwd,
      env: { ...RUNTIME_ENVIRONMENT, ...sidecarEnvironment(launch.env, launch.options) },
      detached: true,
      windowsHide: true,
      stdio: ['ignore', 'pipe', stderr],
    });
  } finally {
    closeSync(stderr);
  }
  child.unref();
  return await firstLine(child, launch);
}

/** The command line. The database URL is not on it: it may hold a password, and command lines are public. */
export function serveArguments(options: SidecarOptions): string[] {
  const pathKey = options.requirePathKey ? 'on' : 'off';
  const args = ['serve', `--path-key=${pathKey}`, '--idle-exit=on', '--port', String(options.port)];
  if (options.upstream !== '') args.push('--upstream', options.upstream);
  if (options.dataDir !== '') args.push('--data-dir', options.dataDir);
  return args;
}

/**
 * The sidecar's environment: this one, without what was meant for other programs. A shell's `DATABASE_URL` or `PORT`
 * belongs to the user's own project; in the editor only the editor's settings count.
 */
export function sidecarEnvironment(env: NodeJS.ProcessEnv, options: SidecarOptions): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !FOREIGN.test(name));
  const result: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ELECTRON_RUN_AS_NODE: '1' };
  if (options.databaseUrl !== '') result['DATABASE_URL'] = options.databaseUrl;
  if (!options.recording) result['STORAGE_ENABLED'] = 'false';
  if (options.redactBodies !== 'own') result['REDACT_BODIES'] = options.redactBodies;
  if (options.retentionDays !== 0) result['RETENTION_DAYS'] = String(options.retentionDays);
  if (options.retentionMegabytes !== 0) result['RETENTION_MB'] = String(options.retentionMegabytes);
  return withNetwork(result, options.network);
}

/** The editor's proxy beats the environment's, whatever the case of its variable; so do its exceptions. */
function withNetwork(env: NodeJS.ProcessEnv, network: NetworkOptions): NodeJS.ProcessEnv {
  const replaced: Record<string, string> = {};
  if (network.proxy !== '') replaced['HTTPS_PROXY'] = network.proxy;
  if (network.noProxy.length > 0) replaced['NO_PROXY'] = network.noProxy.join(',');
  const kept = Object.entries(env).filter(([name]) => !(name.toUpperCase() in replaced));
  return {
    ...Object.fromEntries(kept),
    ...replaced,
    ...(network.proxyStrictSsl ? {} : { NEXUS_PROXY_STRICT_SSL: 'false' }),
    ...(network.systemCertificates ? {} : { NEXUS_SYSTEM_CERTIFICATES: 'false' }),
  };
}

const FOREIGN =
  /^(VSCODE_.*|ELECTRON_.*|NODE_OPTIONS|NODE_ENV|HOST|PORT|DATA_DIR|DATABASE_URL|CLAUDE_API_BASE_URL|CREDENTIALS_DIR|PROXY_PATH_KEY|STORAGE_ENABLED|REDACT_BODIES|RETENTION_DAYS|RETENTION_MB|NEXUS_PROXY_STRICT_SSL|NEXUS_SYSTEM_CERTIFICATES|CLAUDE_API_RETRIES|SLOW_QUERY_THRESHOLD_MS|ENABLE_CLIENT_AUTH|ALLOWED_HOSTS|DEBUG|DEBUG_SQL|LOG_LEVEL)$/i;

function firstLine(child: ChildProcess, launch: Launch): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    let text = '';
    const settle = (): void => {
      clearTimeout(timer);
      launch.signal.removeEventListener('abort', aborted);
      child.removeAllListeners();
      // The child may outlive this window: a late error of its handle is nobody's concern.
      child.on('error', () => undefined);
      child.stdout?.removeAllListeners();
      child.stdout?.destroy();
    };
    const fail = (failure: NexusFailure): void => {
      settle();
      reject(failure);
    };
    const aborted = (): void => {
      // Nobody has its ready line, so nobody uses it. Whoever gave up may start another one: the port must be free.
      settle();
      void ended(child).then(() => {
        reject(new NexusFailure('start_timeout', 'The start was given up.'));
      });
    };
    const timer = setTimeout(() => {
      // It never became ready, so nobody else uses it: it must not stay behind.
      endForGood(child);
      fail(new NexusFailure('start_timeout', `No answer in ${String(launch.timeoutMs / 1000)} s.`));
    }, launch.timeoutMs);
    launch.signal.addEventListener('abort', aborted);
    child.on('error', (error) => {
      fail(new NexusFailure('spawn_failed', error.message));
    });
    child.on('close', (code) => {
      const said = lastWords(launch.stderrFile);
      fail(new NexusFailure('spawn_failed', said === '' ? `It ended with code ${String(code)}.` : said));
    });
    child.stdout?.setEncoding('utf8');
    child.stdout?.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0) return;
      const answer = readStartLine(text.slice(0, end));
      if (answer instanceof NexusFailure) fail(answer);
      else {
        settle();
        resolve(answer);
      }
    });
  });
}

/** What the first line on stdout means. */
export function readStartLine(line: string): ReadyLine | NexusFailure {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return new NexusFailure('spawn_failed', `It said something else than expected: ${line.slice(0, 200)}`);
  }
  const ready = readyLine.safeParse(json);
  if (ready.success) return ready.data;
  const failed = failedLine.safeParse(json);
  if (failed.success) return new NexusFailure(failed.data.code, failed.data.detail, failed.data.owner);
  return new NexusFailure(
    'spawn_failed',
    'It said something else than expected; is another version installed?',
  );
}

/** Ends a process that may be stuck; what it had begun survives in its files. */
function endForGood(child: ChildProcess): void {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), 2000).unref();
}

/** Ends it, and resolves when it has ended. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => {
      resolve();
    });
    endForGood(child);
  });
}

/** The error message in what the runtime printed: its `Error: …` line, else the last line. */
function lastWords(file: string): string {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const error = lines.find((line) => /^\s*(\w*Error)\b.*:/.test(line));
  return (error ?? lines.at(-1) ?? '').trim().slice(0, 300);
}
