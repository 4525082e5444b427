import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { ToWorker, WorkerStart } from '../../src/sidecar/recorder/messages.ts';
import '../../src/sidecar/recorder/worker.ts';

/**
 * The recorder's thread, which dies of an error nobody catches as often as the file `deaths` of its data directory says:
 * at its start, or with the next notes. With a file `hangs` it runs in circles from the next notes on.
 */
const deaths = join((workerData as WorkerStart).options.dataDir, 'deaths');

const hangs = join((workerData as WorkerStart).options.dataDir, 'hangs');

/** In circles, until somebody ends the thread; the next one does not. */
function hangIfTold(): void {
  if (!existsSync(hangs)) return;
  rmSync(hangs);
  for (;;);
}

function dieIfTold(): void {
  const left = existsSync(deaths) ? Number(readFileSync(deaths, 'utf8')) : 0;
  if (left === 0) return;
  writeFileSync(deaths, String(left - 1));
  throw new Error('made to die by the test');
}

parentPort!.on('message', ({ kind }: ToWorker) => {
  if (kind === 'notes') dieIfTold();
  if (kind === 'notes') hangIfTold();
});
dieIfTold();
