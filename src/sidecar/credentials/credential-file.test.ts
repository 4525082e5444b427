import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { NexusError } from '../errors.ts';
import { readCredentialFile, writeOauthTokens } from './credential-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'nexus-credential-file-'));
const path = join(dir, 'team.example.credentials.json');
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const oauth = { accessToken: 'made-up-access', refreshToken: 'made-up-refresh', expiresAt: 1 };

function save(value: unknown): void {
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 });
}

/** What is wrong with the file: one line for each member, which names it and none of its values. */
function check(value: unknown, ...expected: RegExp[]): void {
  save(value);
  let thrown: unknown;
  try {
    readCredentialFile(path);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NexusError);
  const { code, issues = [], message } = thrown as NexusError;
  expect(code).toBe('invalid_credential_file');
  expect(message).toContain(path);
  expect(message).not.toMatch(/made-up/);
  expect(issues).toHaveLength(expected.length);
  for (const [index, words] of expected.entries()) {
    expect(`${issues[index]!.path}: ${issues[index]!.message}`).toMatch(words);
  }
}

test('both types are read, with what is missing filled in', () => {
  save({ type: 'api_key', api_key: 'made-up', accountId: 'a', client_api_key: 'made-up-client-key' });
  expect(readCredentialFile(path)).toMatchObject({ type: 'api_key', api_key: 'made-up', accountId: 'a' });
  save({ type: 'oauth', oauth, slack: { webhook_url: 'https://hooks.example/x', enabled: true } });
  expect(readCredentialFile(path)).toMatchObject({
    oauth: { ...oauth, scopes: [], isMax: false },
    slack: { enabled: true },
  });
});

test('each thing that is wrong is named, and no value of it', () => {
  check('{"type": "api_key", "api_key": "made-up', /^: is not JSON$/);
  check([], /^/);
  check({ api_key: 'made-up' }, /^type: /);
  check({ type: 'made-up' }, /^type: /);
  check({ type: 'api_key' }, /^api_key: /);
  check({ type: 'api_key', api_key: '' }, /^api_key: /);
  check({ type: 'api_key', api_key: 'made-up', client_api_key: 'made-up' }, /^client_api_key: at least 16/);
  check({ type: 'oauth', oauth: { ...oauth, expiresAt: 'made-up' } }, /^oauth\.expiresAt: /);
  check({ type: 'oauth', oauth: {} }, /accessToken/, /refreshToken/, /expiresAt/);
  check({ type: 'api_key', api_key: 'made-up', slack: { webhook_url: 'made-up' } }, /^slack\.webhook_url: /);
  check(`"${'x'.repeat(256 * 1024)}"`, /^: is larger than 256 KB$/);
});

test('new tokens leave all else as it is, and the file is this user’s alone', () => {
  const rest = {
    type: 'oauth',
    accountId: 'a',
    client_api_key: 'made-up-client-key',
    ours: { not: ['known'] },
  };
  save({ ...rest, oauth: { ...oauth, scopes: ['one'], isMax: true, later: 'kept' } });
  const tokens = { accessToken: 'new', refreshToken: 'newer', expiresAt: 2, scopes: ['two'], isMax: false };
  expect(writeOauthTokens(path, tokens)).toMatchObject({ oauth: tokens });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ ...rest, oauth: tokens });
  expect(readdirSync(dir)).toEqual(['team.example.credentials.json']);
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
});
