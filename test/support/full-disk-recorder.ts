import fs from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import type { WorkerStart } from '../../src/sidecar/recorder/messages.ts';

/**
 * The recorder's thread, whose embedded database finds its disk full while a file `full` is in the data directory. Its
 * text says what a full disk refuses: `growth` (what is there can be written over), or `all` (a file system that never
 * writes over anything). The journal, which calls these functions by other names, is left alone.
 */
const { dataDir } = (workerData as WorkerStart).options;
const full = join(dataDir, 'full');
const ofDatabase = new Set<number>();
const { openSync, closeSync, writeSync } = fs;

fs.openSync = (...args) => {
  const fd = openSync(...args);
  if (String(args[0]).startsWith(join(dataDir, 'pglite-'))) ofDatabase.add(fd);
  return fd;
};
fs.closeSync = (fd) => {
  ofDatabase.delete(fd);
  closeSync(fd);
};
// As the database calls it: always all five.
const write = (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
  if (ofDatabase.has(fd) && refuses(fd, position + length)) {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
  }
  return writeSync(fd, bytes, offset, length, position);
};
fs.writeSync = write as typeof writeSync;

function refuses(fd: number, end: number): boolean {
  if (!fs.existsSync(full)) return false;
  return fs.readFileSync(full, 'utf8') === 'all' || end > fs.fstatSync(fd).size;
}

await import('../../src/sidecar/recorder/worker.ts');
