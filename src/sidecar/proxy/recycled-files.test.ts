import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { journalFiles } from './files.ts';
import { recycledFiles } from './recycled-files.ts';

const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

function setUp(platform: NodeJS.Platform = 'linux') {
  const root = mkdtempSync(join(tmpdir(), 'nexus-recycled-'));
  const spareDir = join(root, 'spare');
  const files = recycledFiles(spareDir, log, journalFiles, platform);
  onTestFinished(() => {
    files.letGo();
    rmSync(root, { recursive: true });
  });
  const journal = (name: string): string => join(root, `${name}.nxj`);
  const write = (name: string, text: string): number => {
    const fd = files.create(journal(name));
    files.write(fd, Buffer.from(text), 0, 0);
    files.close(fd);
    return fd;
  };
  const spares = (): string[] => (existsSync(spareDir) ? readdirSync(spareDir) : []);
  return { root, spareDir, files, journal, write, spares };
}

const made = (spares: () => string[], count: number): Promise<void> =>
  vi.waitFor(() => {
    expect(spares()).toHaveLength(count);
  });

describe.skipIf(process.platform === 'win32')('journal files that are used again', () => {
  it('gives a file the next name once its last one was deleted, and empty', async () => {
    const { journal, write, spares } = setUp();
    write('first', 'a file of its own: there is no spare yet');
    await made(spares, 1);
    const fd = write('second', 'more than what comes next');
    expect(readFileSync(journal('second'), 'utf8')).toBe('more than what comes next');
    rmSync(journal('second'));
    let tries = 0;
    await vi.waitFor(() => {
      expect(write(`next-${String(++tries)}`, 'short')).toBe(fd);
    });
    expect(readFileSync(journal(`next-${String(tries)}`), 'utf8')).toBe('short');
  });

  it('leaves a file alone that is not acknowledged, whatever its name is by now', async () => {
    const { root, journal, write, spares } = setUp();
    write('first', '');
    await made(spares, 1);
    const fd = write('second', 'kept');
    renameSync(journal('second'), join(root, 'set-aside'));
    const other = write('third', 'other');
    await made(spares, 2);
    expect(other).not.toBe(fd);
    expect(readFileSync(join(root, 'set-aside'), 'utf8')).toBe('kept');
  });

  it('lets go of all files, and of what a killed life has left; the journals stay', async () => {
    const { root, spareDir, files, journal, write, spares } = setUp();
    write('first', '');
    await made(spares, 1);
    write('second', 'not recorded');
    files.letGo();
    expect(existsSync(spareDir)).toBe(false);
    expect(readFileSync(journal('second'), 'utf8')).toBe('not recorded');
    mkdirSync(spareDir);
    writeFileSync(join(spareDir, '0'), 'of a killed life');
    recycledFiles(spareDir, log, journalFiles, 'linux');
    expect(existsSync(spareDir)).toBe(false);
    expect(readdirSync(root).sort()).toEqual(['first.nxj', 'second.nxj']);
  });

  it('creates files as they are needed where there are no links', async () => {
    const { journal, write, spares, spareDir } = setUp();
    write('first', '');
    await made(spares, 1);
    rmSync(spareDir, { recursive: true });
    write('second', 'new');
    write('third', 'new too');
    expect(readFileSync(journal('second'), 'utf8')).toBe('new');
    expect(readFileSync(journal('third'), 'utf8')).toBe('new too');
  });

  it('does nothing on Windows', () => {
    const { journal, write, spares } = setUp('win32');
    write('first', 'one');
    write('second', 'two');
    expect(readFileSync(journal('second'), 'utf8')).toBe('two');
    expect(spares()).toEqual([]);
  });
});
