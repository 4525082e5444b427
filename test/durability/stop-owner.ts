import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestDatabase } from '../support/databases.ts';
import { databaseOpen, runServe, startSidecar, stopRecorded } from '../support/sidecar.ts';
import { startClients } from './clients.ts';
import { startUpstream } from './upstream.ts';
import { verify, type Verdict } from './verify.ts';

export interface StopOwnerOptions {
  database: TestDatabase;
  streams: number;
  seed: number;
  /** How long the owner is stopped, ms. */
  stopMs: number;
}

/**
 * The owner is stopped (SIGSTOP: a laptop asleep) under load, others try to start meanwhile, and it goes on. It must
 * still be the only owner: each newcomer attached to it.
 */
export async function stopOwner(options: StopOwnerOptions): Promise<Verdict> {
  const { dataDir, databaseUrl } = options.database;
  const upstream = await startUpstream();
  const where = { dataDir, upstream: upstream.url, ...(databaseUrl === null ? {} : { databaseUrl }) };
  const owner = await startSidecar(where);
  await databaseOpen(owner);
  const clients = startClients({
    streams: options.streams,
    seed: options.seed,
    baseUrl: () => owner.baseUrl,
  });
  const problems: string[] = [];
  const newcomer = async (): Promise<void> => {
    const run = runServe(where);
    const [line, code] = [await run.firstLine, await run.exited];
    const attached = line?.ready === true && line.attached && line.pid === owner.pid && code === 0;
    if (!attached) problems.push(`corrupt: a newcomer did not attach: ${JSON.stringify(line)}`);
  };
  const lockedBy = (): unknown =>
    (JSON.parse(readFileSync(join(dataDir, 'sidecar.lock'), 'utf8')) as { pid: unknown }).pid;
  try {
    await wait(1000);
    owner.process.kill('SIGSTOP');
    const [first, second] = [newcomer(), newcomer()];
    await wait(options.stopMs);
    const third = newcomer();
    await Promise.all([first, second, third]);
    if (lockedBy() !== owner.pid) problems.push('corrupt: the lock is somebody else’s');
    owner.process.kill('SIGCONT');
    await newcomer();
    await wait(1000);
    await clients.finish();
    if (lockedBy() !== owner.pid) problems.push('corrupt: the lock is somebody else’s in the end');
    await stopRecorded(owner);
  } finally {
    // Whatever went wrong: nobody is left behind who works in a directory that is removed.
    await owner.kill();
    await clients.finish();
    await upstream.close();
  }
  const verdict = await verify(clients.sent, options.database.options, join(dataDir, 'journal'));
  verdict.problems.push(...problems);
  verdict.corrupt += problems.length;
  return verdict;
}
