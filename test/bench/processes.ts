import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ReadyProcess {
  /** The JSON line it printed when it was ready. */
  line: Record<string, unknown>;
  /** From spawn to that line, in ms. */
  readyMs: number;
  pid: number;
  stop(): Promise<void>;
}

/** Starts `node <args>` and resolves with the first line on its stdout, which must be JSON. Rejects after 60 s. */
export async function startNode(args: string[], env: Record<string, string> = {}): Promise<ReadyProcess> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000);
  });
  const line = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${args.join(' ')} was not ready in 60 s\n${complaint}`));
    }, 60_000);
    createInterface(child.stdout).once('line', (text) => {
      clearTimeout(timer);
      resolve(text);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${args.join(' ')} ended with ${String(code)} before it was ready\n${complaint}`));
    });
  });
  const readyMs = performance.now() - started;
  return {
    line: JSON.parse(line) as Record<string, unknown>,
    readyMs,
    pid: child.pid ?? 0,
    stop: () => stop(child),
  };
}

/**
 * Runs `node <args>` to its end and gives the last line of its stdout. Rejects with the end of what it complained of
 * when it fails, or when it takes longer than `limitMs`: it is asked to stop then (so that it can remove what it made),
 * and killed with all that it started 10 s later.
 */
export async function lastLineOf(
  args: string[],
  limitMs: number,
  env: Record<string, string>,
): Promise<string> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    detached: process.platform !== 'win32',
  });
  let said = '';
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-200_000)));
  child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4000)));
  const late = AbortSignal.timeout(limitMs);
  const limit = setTimeout(() => {
    endGroup(child, 'SIGTERM');
  }, limitMs);
  const last = setTimeout(() => {
    endGroup(child, 'SIGKILL');
  }, limitMs + 10_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(limit);
  clearTimeout(last);
  if (late.aborted) throw new Error(`took longer than ${String(limitMs / 1000)} s\n${complaint}`);
  if (code !== 0) throw new Error(`ended with ${String(code)}\n${complaint}`);
  return said.trimEnd().split('\n').at(-1) ?? '';
}

/** The process with all that it started (which only it knows). */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
