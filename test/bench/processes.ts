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

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
