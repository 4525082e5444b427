import { closeSync, fstatSync, ftruncate, linkSync, mkdirSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { reason } from '../errors.ts';
import type { Log } from '../log.ts';
import { journalFiles, type JournalFiles } from './files.ts';

/** Exchanges that are under way or wait for the recorder at the same time; more get files of their own. */
const MOST_SPARES = 16;
const TEND_MS = 50;
const LONGEST_TEND_MS = 2000;
/** A file that the recorder keeps for longer (a database that is away, one set aside) is its alone from then on. */
const KEPT_MS = 60_000;

interface Spare {
  fd: number;
  /** Its own name, which it has besides the journal's. */
  path: string;
  /** `busy`: being written or emptied; `closed`: its exchange is over, and the recorder has not acknowledged it yet. */
  state: 'ready' | 'busy' | 'closed';
  /** `performance.now()`. */
  closedAt: number;
}

/** `close`: lets go of the spares; what is in a journal stays there. For shutdown. */
export type RecycledFiles = JournalFiles & { letGo(): void };

/**
 * Journal files that are used again: each has a second name in `dir` (a hard link) and stays open. The recorder
 * acknowledges by deleting the journal's name as ever; a file that has only its own name left is emptied and gets the
 * next exchange's. That is one `link` per exchange, 8 µs, where a new file takes an `open` of 20 µs, and on a file
 * system that passes over every inode freed in the last minutes (ext4 without its journal, as in many virtual
 * machines) hundreds, 40 % of this thread's time. Where that cannot be done, files are created as they are needed.
 *
 * Not on Windows: whether a name can be deleted while the file is open by another of its names depends on its version.
 */
export function recycledFiles(
  dir: string,
  log: Log,
  files: JournalFiles = journalFiles,
  platform: NodeJS.Platform = process.platform,
): RecycledFiles {
  const spares = new Map<number, Spare>();
  const ready: Spare[] = [];
  let on = platform !== 'win32';
  let missed = 0;
  let made = 0;
  let timer: NodeJS.Timeout | null = null;
  /** Until it fires: longer each time while the recorder takes its time and nothing new comes. */
  let pause = 0;

  const drop = (spare: Spare): void => {
    spares.delete(spare.fd);
    try {
      closeSync(spare.fd);
      unlinkSync(spare.path);
    } catch (error) {
      log.debug('A spare journal file could not be removed', { error: reason(error) });
    }
  };
  /** A busy one is dropped when it is not any more. */
  const turnOff = (): void => {
    on = false;
    ready.length = 0;
    for (const spare of spares.values()) if (spare.state !== 'busy') drop(spare);
  };
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      log.info('Journal files are not used again from now on', { error: reason(error) });
      turnOff();
    }
  };
  const offer = (spare: Spare): void => {
    spare.state = 'ready';
    ready.push(spare);
  };
  const add = (): void => {
    if (made === 0) mkdirSync(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, String(made++));
    const spare: Spare = { fd: openSync(path, 'wx', 0o600), path, state: 'ready', closedAt: 0 };
    spares.set(spare.fd, spare);
    offer(spare);
  };
  const empty = (spare: Spare): void => {
    spare.state = 'busy';
    ftruncate(spare.fd, 0, (error) => {
      if (on && error === null) offer(spare);
      else drop(spare);
    });
  };
  /** Takes back what the recorder has acknowledged, and makes more when there were too few. */
  const tend = (): boolean => {
    let waiting = false;
    for (const spare of spares.values()) {
      if (spare.state !== 'closed') continue;
      if (fstatSync(spare.fd).nlink === 1) empty(spare);
      else if (performance.now() - spare.closedAt > KEPT_MS) drop(spare);
      else waiting = true;
    }
    for (; missed > 0 && spares.size < MOST_SPARES; missed--) add();
    missed = 0;
    return waiting;
  };
  const schedule = (ms: number): void => {
    if (!on || (timer !== null && pause <= ms)) return;
    if (timer !== null) clearTimeout(timer);
    pause = ms;
    timer = setTimeout(() => {
      timer = null;
      attempt(() => {
        if (tend()) schedule(Math.min(2 * ms, LONGEST_TEND_MS));
      });
    }, ms).unref();
  };

  // Left by a life that was killed: what is not recorded of it has its name in the journal.
  attempt(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    ...files,
    create(path) {
      const spare = on ? ready.pop() : undefined;
      if (spare === undefined) {
        missed++;
        schedule(TEND_MS);
        return files.create(path);
      }
      spare.state = 'busy';
      attempt(() => {
        linkSync(spare.path, path);
      });
      if (on) return spare.fd;
      drop(spare);
      return files.create(path);
    },
    close(fd) {
      const spare = spares.get(fd);
      if (spare === undefined) {
        files.close(fd);
        return;
      }
      if (!on) {
        drop(spare);
        return;
      }
      spare.state = 'closed';
      spare.closedAt = performance.now();
      schedule(TEND_MS);
    },
    letGo() {
      if (timer !== null) clearTimeout(timer);
      turnOff();
      attempt(() => {
        rmSync(dir, { recursive: true, force: true });
      });
    },
  };
}
