import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileLocked, NexusError } from '../errors.ts';
import { tryLock } from '../lock.ts';

const POLL_MS = 25;
/** How often a waiting one looks whether the owner still lives (a process is started for that on some systems). */
const LOOK_MS = 1000;
/** Longer than the token endpoint may take. */
const WAIT_MS = 20_000;

/** Someone else has held a file's lock for too long; the message says who and what to do. */
export class FileLocked extends Error {
  override name = 'FileLocked';
}

/**
 * Does the work while no other process on any view of this directory changes the file (one with a log-in, or that of the
 * client keys): whoever reads it, changes it and writes it back does so in here. The lock (`<file>.lock`) ends by
 * release or by proof that its owner is dead, never by age. Calls of one process wait for one another like processes.
 *
 * @throws FileLocked after `waitMs`; NexusError `data_dir_not_writable` where no lock can be made.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  waitMs: number = WAIT_MS,
): Promise<T> {
  const lock = `${path}.lock`;
  for (const giveUp = performance.now() + waitMs; ;) {
    const attempt = attemptLock(lock, dirname(path));
    if ('held' in attempt) {
      try {
        return await work();
      } finally {
        attempt.held.release();
      }
    }
    if (performance.now() >= giveUp) {
      throw new FileLocked(
        `${attempt.who} holds ${lock}; if nothing is at work there any more, delete that file`,
      );
    }
    const look = Math.min(performance.now() + LOOK_MS, giveUp);
    do await sleep(POLL_MS);
    while (existsSync(lock) && performance.now() < look);
  }
}

/**
 * `withFileLock` for whoever has nothing else to do while the file is locked.
 *
 * @throws NexusError `data_dir_not_writable` when it stays locked, and where no lock can be made.
 */
export async function changeLocked<T>(path: string, change: () => T): Promise<T> {
  try {
    return await withFileLock(path, () => Promise.resolve(change()));
  } catch (error) {
    throw error instanceof FileLocked ? fileLocked(path, error) : error;
  }
}

/** One whose life cannot be judged from here (another machine or container) may be at work: it is waited for. */
function attemptLock(
  lock: string,
  dir: string,
): Extract<ReturnType<typeof tryLock>, { held: unknown }> | { who: string } {
  try {
    const attempt = tryLock(lock, dir);
    return 'held' in attempt ? attempt : { who: `process ${String(attempt.owner.pid)}` };
  } catch (error) {
    if (!(error instanceof NexusError) || error.code !== 'data_dir_owned_elsewhere') throw error;
    return { who: 'a process of another machine or container' };
  }
}
