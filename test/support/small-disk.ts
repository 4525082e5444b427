import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small file system of its own that can be made to have no room, and to have some again. */
export interface Disk {
  dir: string;
  fill(): void;
  makeRoom(): void;
  remove(): void;
}

/** Mounted at `at` (a new directory); needs the right to mount one. */
function mountedDisk(at = mkdtempSync(join(tmpdir(), 'nexus-disk-'))): Disk {
  const dir = at;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=120m,mode=0700', 'tmpfs', dir], { stdio: 'pipe' });
  } catch (error) {
    rmSync(dir, { recursive: true });
    throw error;
  }
  const ballast = join(dir, 'ballast');
  return {
    dir,
    fill() {
      for (let size = 1_000_000; size >= 1; size = Math.floor(size / 10)) {
        try {
          for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
      const { bavail } = statfsSync(dir);
      if (bavail > 0) throw new Error(`still ${String(bavail)} blocks free`);
    },
    makeRoom() {
      rmSync(ballast);
    },
    remove() {
      execFileSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true });
    },
  };
}

function mayMount(): boolean {
  try {
    mountedDisk().remove();
    return true;
  } catch {
    return false; // No right to: what is injected below is tested in any case.
  }
}

/** A real full disk where this user may mount one (CI as root): none elsewhere. For `describe.each`. */
export const disks: [string, (at?: string) => Disk][] = mayMount()
  ? [['a full file system', mountedDisk]]
  : [];
