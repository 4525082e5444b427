import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countFailedAttempts, type FailedAttempts } from '../failed-attempts.ts';
import { createAccess, type Access, type AccessRules, type Visitor } from './access.ts';
import { generateClientKey } from './client-keys.ts';
import type { CredentialFile } from './credential-file.ts';
import type { DomainEntry } from './read-directory.ts';

/** Two domains with files and keys, one whose file is broken, and no other. */
const files: Record<string, CredentialFile | null> = {
  'key.example': { type: 'api_key', api_key: 'stored-key', accountId: 'acc_key' },
  'login.example': {
    type: 'oauth',
    oauth: { accessToken: 'stored-token', refreshToken: 'r', expiresAt: 1, scopes: [], isMax: false },
  },
  'broken.example': null,
};
const named: Record<string, string> = {
  'key.example': generateClientKey(),
  'login.example': generateClientKey(),
  'broken.example': generateClientKey(),
};
/** A user's own choice, which somebody may guess. */
const chosen = 'made-up-chosen-key';

const entryOf = (domain: string): DomainEntry | undefined => {
  const file = files[domain];
  const rest = { domain, path: `/made/up/${domain}`, signature: '' };
  if (file === undefined) return undefined;
  return file === null ? { ...rest, file, problem: 'is broken' } : { ...rest, file, problem: null };
};
const credentials: AccessRules['credentials'] = {
  find: entryOf,
  isKeyOf: (domain, key) => named[domain] === key || (domain === 'key.example' && key === chosen),
  isClientKey: (key) => key.startsWith('cnp_live_') || key === chosen,
};

const silent = (): void => undefined;
const rulesOf = (more: Partial<AccessRules> = {}): AccessRules => ({
  credentials,
  clientAuth: true,
  loopback: true,
  attempts: countFailedAttempts(() => 0),
  log: { debug: silent, info: silent, warn: silent, error: silent },
  tokenOf: () => Promise.resolve('stored-token'),
  renewed: (path, refused) => Promise.resolve(`${path} after ${refused}`),
  ...more,
});
const visitor: Visitor = { host: 'key.example', rawHeaders: [], pathKey: false, address: '192.0.2.1' };
const bearer = (key: string): string[] => ['Authorization', `Bearer ${key}`];

function visit(given: Partial<Visitor>, rules: Partial<AccessRules> = {}): Access {
  return createAccess(rulesOf(rules))({ ...visitor, ...given });
}

test('what goes upstream, and what it is counted under', async () => {
  expect(visit({ rawHeaders: bearer(named['key.example']!) })).toEqual({
    kind: 'stored',
    credential: {
      accountId: 'acc_key',
      identity: { kind: 'api-key', text: 'stored-key' },
      auth: { type: 'api_key', key: 'stored-key' },
    },
  });
  const login = visit({ host: 'Login.Example:8443', rawHeaders: ['X-Api-Key', named['login.example']!] });
  expect(login).toMatchObject({
    kind: 'stored',
    credential: { accountId: null, identity: { kind: 'bearer', text: 'credential-file login.example' } },
  });
  if (login.kind !== 'stored' || login.credential.auth.type !== 'oauth') throw new Error('not a login');
  expect(await login.credential.auth.token()).toBe('stored-token');
});

test('each refusal says what to do, and no key', () => {
  const check = (given: Partial<Visitor>, status: number, words: RegExp, loopback = true): void => {
    const access = visit(given, { loopback });
    expect(access).toMatchObject({ kind: 'refused', status, retryAfterSeconds: null });
    const message = access.kind === 'refused' ? access.message : '';
    expect(message).toMatch(words);
    expect(message).not.toMatch(/cnp_live_|stored-/);
  };
  check({}, 401, /generate-api-key --domain key\.example.*, or use the base URL with the path key/);
  check({}, 401, /generate-api-key --domain key\.example(?!.*path key)/, false);
  check({ host: 'other.example' }, 401, /other\.example\.credentials\.json/, false);
  check({ host: 'other.example', rawHeaders: bearer(chosen) }, 401, /not one of "other\.example"/);
  check({ host: 'broken.example', pathKey: true }, 503, /log and status/);
});

describe('too many wrong keys from an address', () => {
  const exhausted = (): FailedAttempts => {
    const attempts = countFailedAttempts(() => 0);
    const ask = createAccess(rulesOf({ attempts }));
    for (let count = 0; count < 20; count++) {
      expect(ask({ ...visitor, rawHeaders: bearer('wrong') })).toMatchObject({ status: 401 });
    }
    return attempts;
  };
  const check = (given: Partial<Visitor>, expected: object): void => {
    expect(visit(given, { attempts: exhausted() })).toMatchObject(expected);
  };
  test('a further one is told to wait, a right guess too', () => {
    check({ rawHeaders: bearer('wrong') }, { kind: 'refused', status: 429, retryAfterSeconds: 60 });
    check({ rawHeaders: bearer(chosen) }, { kind: 'refused', status: 429, retryAfterSeconds: 60 });
  });
  test('keys nobody can guess work on', () => {
    check({ rawHeaders: bearer(named['key.example']!) }, { kind: 'stored' });
    check({ pathKey: true }, { kind: 'stored' });
    check({ host: 'other.example', rawHeaders: bearer('own') }, { kind: 'own' });
  });
  test('other addresses are not concerned, nor is a request without a key', () => {
    check({ address: '192.0.2.2', rawHeaders: bearer(chosen) }, { kind: 'stored' });
    check({}, { kind: 'refused', status: 401 });
  });
  test('what succeeds, what passes and what shows no key is never counted', () => {
    const attempts = countFailedAttempts(() => 0);
    const ask = createAccess(rulesOf({ attempts }));
    for (let count = 0; count < 50; count++) {
      ask({ ...visitor, rawHeaders: bearer(chosen) });
      ask({ ...visitor, host: 'other.example', rawHeaders: bearer('own') });
      ask(visitor);
    }
    expect(attempts.waitOf(visitor.address)).toBeNull();
  });
});

describe('under any configuration and whatever a client sends', () => {
  const words = [...Object.values(named), chosen, 'sk-ant-made-up', generateClientKey(), 'Bearer', ''];
  const header = fc.tuple(
    fc.constantFrom('authorization', 'Authorization', 'x-api-key', 'X-API-KEY', 'x-dashboard-key', 'cookie'),
    fc
      .tuple(fc.constantFrom('', 'Bearer ', 'bearer  ', 'Basic '), fc.constantFrom(...words))
      .map((parts) => parts.join('')),
  );
  const anything = fc.record({
    host: fc.constantFrom(
      'key.example',
      'LOGIN.example:1',
      'broken.example',
      'other.example',
      '[::1]:1',
      '../key.example',
    ),
    headers: fc.array(header, { maxLength: 4 }),
    pathKey: fc.boolean(),
    clientAuth: fc.boolean(),
    loopback: fc.boolean(),
  });
  test('no stored credential without the domain’s key or, on loopback, the path key; no key of ours goes on', () => {
    fc.assert(
      fc.property(anything, ({ host, headers, pathKey, clientAuth, loopback }) => {
        const rawHeaders = headers.flat();
        const access = visit({ host, rawHeaders, pathKey }, { clientAuth, loopback });
        const domain = host.toLowerCase().replace(/:\d+$/, '');
        const sent = rawHeaders.join(' ');
        const shown = [named[domain], domain === 'key.example' ? chosen : undefined].some(
          (key) => key !== undefined && sent.includes(key),
        );
        if (access.kind === 'stored') {
          expect(entryOf(domain)?.file).toBeTruthy();
          expect(shown || (pathKey && loopback)).toBe(true);
        }
        if (access.kind === 'own') {
          const carried = headers.filter(([name]) => /^(?:authorization|x-api-key)$/i.test(name)).join(' ');
          expect(loopback).toBe(true);
          expect(carried).not.toMatch(/cnp_live_|made-up-chosen-key/);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
