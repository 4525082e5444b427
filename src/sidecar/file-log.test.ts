import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFileLog } from './file-log.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-log-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

test('JSON lines, masked, of the level and above, for this user only', () => {
  const log = openFileLog({ dir, level: 'info', mask: (line) => line.replaceAll('secret', '****') });
  log.debug('not this');
  log.warn('a secret', { where: 'secret place' });
  log.close();
  const line = JSON.parse(readFileSync(log.path, 'utf8')) as object;
  expect(line).toMatchObject({ level: 40, msg: 'a ****', where: '**** place' });
  expect(statSync(log.path).mode & 0o777).toBe(0o600);
});

test('it is set aside by size, and only two old ones are kept', () => {
  const log = openFileLog({ dir, level: 'info', mask: (line) => line });
  const megabyte = 'x'.repeat(1024 * 1024);
  for (let index = 0; index < 25; index++) log.info(`${String(index)} ${megabyte}`);
  log.close();
  expect(readdirSync(dir).sort()).toEqual(['sidecar.log', 'sidecar.log.1', 'sidecar.log.2']);
  expect(readFileSync(log.path, 'utf8')).toContain('"24 x');
  for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).size).toBeLessThan(7 * 1024 * 1024);
});

test('a place that cannot be written costs lines, not the caller', () => {
  const log = openFileLog({ dir, level: 'info', mask: (line) => line });
  log.close();
  rmSync(dir, { recursive: true });
  log.info('into nowhere');
  dir = mkdtempSync(join(tmpdir(), 'nexus-log-'));
});
