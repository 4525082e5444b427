import { closeSync, ftruncateSync, mkdirSync, openSync, unlinkSync, write, writeSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The file-system calls of the journal, so that tests can make a slow or a full disk. Each throws Node's own error. */
export interface JournalFiles {
  makeDirectory(dir: string): void;
  /** Creates a file that must not exist, readable by this user only. */
  create(path: string): number;
  /** Writes at `position` and returns how many bytes went in (a full disk may take a part). */
  write(fd: number, bytes: Buffer, offset: number, position: number): number;
  /** The same without blocking the thread. */
  writeLater(fd: number, bytes: Buffer, offset: number, position: number): Promise<number>;
  truncate(fd: number, size: number): void;
  close(fd: number): void;
  remove(path: string): void;
  /** Bytes in all journal files of the directory. */
  usage(dir: string): Promise<number>;
}

export const journalFiles: JournalFiles = {
  makeDirectory(dir) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  },
  create(path) {
    return openSync(path, 'wx', 0o600);
  },
  write(fd, bytes, offset, position) {
    return writeSync(fd, bytes, offset, bytes.length - offset, position);
  },
  writeLater(fd, bytes, offset, position) {
    return new Promise((resolve, reject) => {
      write(fd, bytes, offset, bytes.length - offset, position, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  },
  truncate(fd, size) {
    ftruncateSync(fd, size);
  },
  close(fd) {
    closeSync(fd);
  },
  remove(path) {
    unlinkSync(path);
  },
  async usage(dir) {
    let total = 0;
    for (const name of await readdir(dir)) {
      if (!name.endsWith('.nxj')) continue;
      // A file the recorder has just acknowledged by deleting it counts nothing.
      total += await stat(join(dir, name)).then(
        (found) => found.size,
        () => 0,
      );
    }
    return total;
  },
};
