import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeRefusal } from './oauth-refusal.ts';
import { credentialLine, describeCredentials } from './oauth-status.ts';

const NOW = Date.parse('2026-01-02T03:04:05.000Z');
const MINUTE = 60_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-status-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function oauth(inMs: number) {
  return {
    accessToken: 'sk-ant-oat01-made-up',
    refreshToken: 'sk-ant-ort01-made-up',
    expiresAt: NOW + inMs,
    scopes: [],
    isMax: false,
  };
}

/** The line for a file of this content. */
function check(content: unknown, line: string): void {
  const path = join(dir, 'a.example.credentials.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  const [status] = describeCredentials(dir, NOW);
  expect(credentialLine(status!).replaceAll(dir, '<dir>')).toBe(line);
  expect(JSON.stringify(status)).not.toContain('sk-ant');
}

test('one line for each kind', () => {
  check({ type: 'api_key', api_key: 'sk-ant-made-up', accountId: 'me' }, 'a.example: api_key, account me');
  check({ type: 'oauth', oauth: oauth(90 * MINUTE) }, 'a.example: oauth, expires in 1 h 30 min');
  check({ type: 'oauth', oauth: oauth(50 * 60 * MINUTE) }, 'a.example: oauth, expires in 2 d 2 h');
  check({ type: 'oauth', oauth: oauth(59_999) }, 'a.example: oauth, expires in 59 s');
  check(
    { type: 'oauth', oauth: oauth(-5 * MINUTE) },
    'a.example: oauth, expired 5 min ago, refreshed by the next request',
  );
  check(
    'sk-ant-half',
    'a.example: invalid, <dir>/a.example.credentials.json: is not JSON. Nobody is served with it until it is mended; the other credential files work.',
  );
});

test('the last refusal, while the file has the tokens that were refused', () => {
  const path = join(dir, 'a.example.credentials.json');
  writeRefusal(path, oauth(0), { at: NOW, answer: '400 invalid_grant', loginHelps: true });
  check(
    { type: 'oauth', oauth: oauth(-MINUTE) },
    'a.example: oauth, expired 1 min ago, refused at 2026-01-02T03:04:05.000Z (400 invalid_grant), log in again: claude-nexus auth login a.example',
  );
  check(
    { type: 'oauth', oauth: { ...oauth(MINUTE), refreshToken: 'another' } },
    'a.example: oauth, expires in 1 min',
  );
});

test('an end beyond all dates, a directory that is not there', () => {
  writeFileSync(
    join(dir, 'a.example.credentials.json'),
    JSON.stringify({ type: 'oauth', oauth: { ...oauth(0), expiresAt: Number.MAX_SAFE_INTEGER } }),
  );
  expect(describeCredentials(dir, NOW)).toMatchObject([
    { state: 'usable', expiresAt: '+275760-09-13T00:00:00.000Z' },
  ]);
  expect(describeCredentials(join(dir, 'none'), NOW)).toEqual([]);
  expect(() => describeCredentials(join(dir, 'a.example.credentials.json'), NOW)).toThrow('ENOTDIR');
});
