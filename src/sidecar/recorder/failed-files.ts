import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageReport } from '../../protocol/storage.ts';

const KEPT_DAYS = 30;

/** Removes what could not be recorded and was set aside long ago; the names of those files. */
export async function removeOldFailed(journalDir: string, now: number): Promise<string[]> {
  const dir = join(journalDir, 'failed');
  const removed: string[] = [];
  for (const { name, mtimeMs } of await filesIn(dir)) {
    if (mtimeMs > now - KEPT_DAYS * 86_400_000) continue;
    await rm(join(dir, name), { force: true });
    removed.push(name);
  }
  return removed;
}

/** What waits in the journal, and what was set aside. */
export async function measureJournal(journalDir: string): Promise<StorageReport['journal']> {
  const total = async (dir: string): Promise<{ files: number; bytes: number }> => {
    const files = await filesIn(dir);
    return { files: files.length, bytes: files.reduce((sum, file) => sum + file.size, 0) };
  };
  return { waiting: await total(journalDir), failed: await total(join(journalDir, 'failed')) };
}

/** Journal files come and go: one that is gone meanwhile is not in the list. */
async function filesIn(dir: string): Promise<{ name: string; size: number; mtimeMs: number }[]> {
  const names = await ifThere(readdir(dir));
  const files = await Promise.all(
    (names ?? []).map(async (name) => {
      const found = await ifThere(stat(join(dir, name)));
      return found?.isFile() === true ? [{ name, size: found.size, mtimeMs: found.mtimeMs }] : [];
    }),
  );
  return files.flat();
}

async function ifThere<T>(look: Promise<T>): Promise<T | null> {
  try {
    return await look;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
