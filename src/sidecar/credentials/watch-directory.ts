import { statSync, watch, type FSWatcher } from 'node:fs';
import { reason } from '../errors.ts';
import type { Log } from '../log.ts';

/** How long changes are collected before they are looked at: one save is several events. */
const SETTLE_MS = 50;
/**
 * Network file systems and mounts of a container tell nothing, and a directory that was away has no watcher: both are
 * looked at this often.
 */
const LOOK_MS = 30_000;

export interface DirectoryWatch {
  close(): void;
}

/**
 * Calls `look` after anything in the directory may have changed. Node's own `fs.watch` is enough for one flat directory:
 * an event only says "look again", so that it does not matter how a platform reports atomic saves, renames and links.
 * The directory may be missing, and may be put back or replaced later. Keeps no process alive.
 */
export function watchDirectory(dir: string, log: Log, look: () => void): DirectoryWatch {
  let watcher: FSWatcher | null = null;
  let watched: bigint | null = null;
  let settling: NodeJS.Timeout | null = null;

  const unwatch = (): void => {
    watcher?.close();
    watcher = null;
    watched = null;
  };
  const changed = (): void => {
    if (settling !== null) return;
    settling = setTimeout(() => {
      settling = null;
      follow();
      look();
    }, SETTLE_MS);
    settling.unref();
  };
  /** Watches the directory that is there now, which may be another one than before. */
  const follow = (): void => {
    const inode = inodeOf(dir);
    if (watcher !== null && inode === watched) return;
    unwatch();
    if (inode === null) return;
    try {
      watcher = watch(dir, { persistent: false }, changed);
      watched = inode;
      watcher.on('error', (error) => {
        log.warn('A directory is not watched any more; it is looked at every 30 s', {
          dir,
          error: reason(error),
        });
        unwatch();
      });
    } catch (error) {
      log.warn('A directory cannot be watched; it is looked at every 30 s', { dir, error: reason(error) });
    }
  };

  follow();
  const timer = setInterval(() => {
    follow();
    look();
  }, LOOK_MS);
  timer.unref();
  return {
    close: () => {
      clearInterval(timer);
      if (settling !== null) clearTimeout(settling);
      unwatch();
    },
  };
}

/** null: it is not there (or may not be looked at). */
function inodeOf(dir: string): bigint | null {
  try {
    return statSync(dir, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  } catch {
    // Whoever looks at the directory says why it cannot be read.
    return null;
  }
}
