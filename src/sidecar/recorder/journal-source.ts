import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where files go that cannot be recorded; beside the journal's own. */
const FAILED_DIR = 'failed';

/** The bytes of one exchange's journal, while it grows. */
export interface JournalBytes {
  size(): number;
  /** Copies what is at `position` into `target`, as much as fits; how many bytes that was. */
  read(target: Buffer, position: number): number;
  close(): void;
}

/** Where the recorder finds the journals it is told of: files, or in live mode its memory (`MemoryJournal`). */
export interface JournalSource {
  /** Throws when there is none of this exchange. */
  open(id: string): JournalBytes;
  /** The acknowledgement: everything in it is stored. */
  remove(id: string): void;
  /** Keeps a journal that cannot be recorded out of the way of the others. */
  setAside(id: string): void;
}

/** The journal files of a directory. */
export function journalFilesIn(dir: string): JournalSource {
  const path = (id: string): string => join(dir, `${id}.nxj`);
  return {
    open(id) {
      const fd = openSync(path(id), 'r');
      return {
        size: () => fstatSync(fd).size,
        read: (target, position) => readSync(fd, target, 0, target.length, position),
        close() {
          closeSync(fd);
        },
      };
    },
    remove(id) {
      rmSync(path(id), { force: true });
    },
    setAside(id) {
      if (!existsSync(path(id))) return;
      const failed = join(dir, FAILED_DIR);
      mkdirSync(failed, { recursive: true, mode: 0o700 });
      renameSync(path(id), join(failed, `${id}.nxj`));
    },
  };
}
