import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { defaultDataDir, prepareDataDir } from './data-dir.ts';

const home = mkdtempSync(join(tmpdir(), 'nexus-data-dir-'));
afterAll(() => {
  rmSync(home, { recursive: true });
});

test('the platform’s per-user folder', () => {
  const check = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv, expected: string): void => {
    expect(defaultDataDir(platform, env, '/home/ada').replaceAll('\\', '/')).toBe(expected);
  };
  check('linux', {}, '/home/ada/.local/share/claude-nexus');
  check('linux', { XDG_DATA_HOME: '/data' }, '/data/claude-nexus');
  check('linux', { XDG_DATA_HOME: 'relative' }, '/home/ada/.local/share/claude-nexus');
  check('darwin', { XDG_DATA_HOME: '/data' }, '/home/ada/Library/Application Support/claude-nexus');
  check('win32', { LOCALAPPDATA: 'C:/Users/ada/Local' }, 'C:/Users/ada/Local/claude-nexus');
});

test('created with what is missing above it, for this user only', () => {
  const layout = prepareDataDir(join(home, 'a', 'b', 'data'));
  for (const dir of [layout.root, layout.journal, layout.logs]) {
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  }
  expect(prepareDataDir(layout.root)).toEqual(layout);
});

test('an existing one keeps its mode, what is made in it is closed', () => {
  const dir = join(home, 'open');
  mkdirSync(dir, { mode: 0o755 });
  const layout = prepareDataDir(dir);
  expect(statSync(dir).mode & 0o777).toBe(0o755);
  expect(statSync(layout.journal).mode & 0o777).toBe(0o700);
});

test('one that cannot be is named', () => {
  writeFileSync(join(home, 'file'), '');
  expect(() => prepareDataDir(join(home, 'file'))).toThrow(join(home, 'file'));
  expect(() => prepareDataDir(join(home, 'file', 'data'))).toThrow(/--data-dir/);
});
