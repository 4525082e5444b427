import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestDatabase } from '../support/databases.ts';
import { databaseOpen, runServe, startSidecar, type TestSidecar, stopRecorded } from '../support/sidecar.ts';
import { startClients } from './clients.ts';
import { randomOf } from './random.ts';
import { startUpstream } from './upstream.ts';
import { verify, type Verdict } from './verify.ts';

export interface KillOptions {
  database: TestDatabase;
  kills: number;
  streams: number;
  seed: number;
  /** Told of each kill. */
  onKill?: (kill: number) => void;
}

/**
 * `kill -9` of a sidecar at random moments under load, each followed by a new one on the same data directory; at the end
 * everything is recorded, the sidecar stops, and the store is compared with what the clients saw.
 */
export async function killAtWork(options: KillOptions): Promise<Verdict> {
  const { dataDir, databaseUrl } = options.database;
  const random = randomOf(options.seed);
  const upstream = await startUpstream();
  const where = { dataDir, upstream: upstream.url, ...(databaseUrl === null ? {} : { databaseUrl }) };
  let sidecar = await startSidecar(where);
  await databaseOpen(sidecar);
  const clients = startClients({
    streams: options.streams,
    seed: options.seed,
    baseUrl: () => (alive(sidecar) ? sidecar.baseUrl : null),
  });
  try {
    for (let kill = 1; kill <= options.kills; kill++) {
      await wait(random.whole(50, 1500));
      await sidecar.kill();
      if (random.chance(0.2)) {
        // Killed while it starts: with the lock, perhaps with the database half opened.
        const early = runServe(where);
        await Promise.race([wait(random.whole(20, 600)), early.exited]);
        early.process.kill('SIGKILL');
        await early.exited;
      }
      sidecar = await startSidecar(where);
      options.onKill?.(kill);
    }
    await wait(random.whole(50, 500));
    await clients.finish();
    await stopRecorded(sidecar);
  } finally {
    // Whatever went wrong: nobody is left behind who works in a directory that is removed.
    await sidecar.kill();
    await clients.finish();
    await upstream.close();
  }
  return await verify(clients.sent, options.database.options, join(dataDir, 'journal'));
}

const alive = ({ process: { exitCode, signalCode } }: TestSidecar): boolean =>
  exitCode === null && signalCode === null;
