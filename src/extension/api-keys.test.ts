import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ApiKeys, machineName, type SecretStore } from './api-keys.ts';
import type { CredentialsApi } from './credentials-api.ts';
import { handOver } from './key-handover.ts';

const KEY = { apiKey: 'sk-ant-made-up-key-0000', upstream: 'https://api.example' };

/** One SecretStorage, as all windows of one user see it. */
function store(): SecretStore & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get: (name) => Promise.resolve(entries.get(name)),
    store: (name, value) => Promise.resolve(void entries.set(name, value)),
    delete: (name) => Promise.resolve(void entries.delete(name)),
  };
}

test('a key is kept for its domain until it is forgotten', async () => {
  const secrets = store();
  const keys = new ApiKeys(secrets, () => 'here');
  await keys.keep('b.example', KEY);
  await keys.keep('127.0.0.1', { ...KEY, upstream: 'https://other.example' });
  expect(await keys.all()).toEqual(
    new Map([
      ['127.0.0.1', { ...KEY, upstream: 'https://other.example' }],
      ['b.example', KEY],
    ]),
  );
  expect([...secrets.entries.keys()].map((name) => keys.has(name))).toEqual([true, true, true]);
  expect(keys.has('another extension’s')).toBe(false);
  await keys.forget('b.example');
  expect([...(await keys.all()).keys()]).toEqual(['127.0.0.1']);
  expect([...secrets.entries.values()].join()).not.toContain('b.example');
});

test('a window on another machine does not see it', async () => {
  const secrets = store();
  await new ApiKeys(secrets, () => 'here').keep('127.0.0.1', KEY);
  expect(await new ApiKeys(secrets, () => 'there').all()).toEqual(new Map());
});

test('what somebody else has written there is nothing', async () => {
  const secrets = store();
  const keys = new ApiKeys(secrets, () => 'here');
  await keys.keep('a.example', KEY);
  for (const name of secrets.entries.keys()) secrets.entries.set(name, '{ half');
  expect(await keys.all()).toEqual(new Map());
});

test('a machine keeps its name', () => {
  const root = mkdtempSync(join(tmpdir(), 'nexus-machine-'));
  const dir = join(root, 'storage');
  const name = machineName(dir);
  expect(name).toMatch(/^[\da-f-]{36}$/);
  expect(machineName(dir)).toBe(name);
  expect(machineName(join(root, 'other'))).not.toBe(name);
  rmSync(root, { recursive: true });
});

test('a sidecar gets the keys for its upstream, and no other', async () => {
  const keys = new ApiKeys(store(), () => 'here');
  const held: unknown[] = [];
  const api: Pick<CredentialsApi, 'list' | 'hold'> = {
    list: () =>
      Promise.resolve({
        upstream: KEY.upstream,
        dir: '',
        credentials: [],
        clientKeys: [],
        problems: [],
        warnings: [],
      }),
    hold: (...given) => {
      if (given[0] === 'bad.example') return Promise.reject(new Error('refused'));
      held.push(given);
      return Promise.resolve();
    },
  };
  expect(await handOver(keys, api)).toEqual({ elsewhere: [], failed: [] });
  await keys.keep('127.0.0.1', KEY);
  await keys.keep('a.example', { ...KEY, upstream: 'https://evil.example' });
  expect(await handOver(keys, api)).toEqual({ elsewhere: ['a.example'], failed: [] });
  expect(held).toEqual([['127.0.0.1', { type: 'api_key', apiKey: KEY.apiKey, upstream: KEY.upstream }]]);
  await keys.keep('bad.example', KEY);
  expect(await handOver(keys, api)).toMatchObject({ failed: [new Error('refused')] });
  expect(held).toHaveLength(2);
});
