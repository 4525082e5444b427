import { beforeEach, expect, test } from 'vitest';
import { createGate } from './api/auth.ts';
import { countFailedAttempts } from './failed-attempts.ts';
import { createOwnKeyGuard, type OwnKeyVerdict } from './own-key-guard.ts';

const TOKEN = 'a-made-up-token-of-this-sidecar';
const DASHBOARD = 'a-made-up-dashboard-key';
const CLIENT = 'a-made-up-client-key';
const OWN = 'sk-ant-api03-made-up';
const LIMIT = 20;

let clock = 0;
let look: (key: string, address?: string) => OwnKeyVerdict;

function guardWith(dashboardKey: string | null): void {
  const attempts = countFailedAttempts(() => clock);
  const now = (): number => clock;
  const gate = createGate({ token: TOKEN, dashboardKey, port: () => 3000, now, attempts });
  const guard = createOwnKeyGuard(gate, attempts, (key) => key === CLIENT);
  look = (key, address = '192.0.2.1') =>
    guard({ headers: {}, rawHeaders: ['Authorization', `Bearer ${key}`] }, address);
}

beforeEach(() => {
  clock = 0;
  guardWith(DASHBOARD);
});

const guess = (count: number): void => {
  for (let index = 0; index < count; index++) expect(look(`guess-${String(index)}`)).toBe('pass');
};

test('our own keys and sessions do not pass, all else does', () => {
  expect([TOKEN, DASHBOARD, OWN, CLIENT, 'another'].map((key) => look(key))).toEqual([
    'ours',
    'ours',
    'pass',
    'pass',
    'pass',
  ]);
  const gate = { acceptsKey: () => false, acceptsToken: () => false, couldBeGuess: () => true };
  const guard = createOwnKeyGuard(
    { ...gate, cookieName: 'nexus_session_1' },
    countFailedAttempts(() => 0),
    () => false,
  );
  expect(guard({ headers: { cookie: 'a=b; nexus_session_1=x' }, rawHeaders: [] }, '')).toBe('ours');
});

test('after too many guesses the right one is not told from a wrong one', () => {
  guess(LIMIT);
  expect(look('guess-20')).toEqual({ waitSeconds: 60 });
  expect(look(DASHBOARD)).toEqual({ waitSeconds: 60 });
  expect(look(TOKEN)).toBe('ours');
  expect(look(DASHBOARD, '192.0.2.2')).toBe('ours');
  clock = 60_000;
  expect(look(DASHBOARD)).toBe('ours');
});

test('clients go on: keys of the Claude API, client keys, and odd ones that are known by then', () => {
  for (let count = 0; count < 100; count++) expect(look('the-key-of-a-gateway')).toBe('pass');
  guess(LIMIT - 1);
  expect(look('guess-new')).toEqual({ waitSeconds: 60 });
  expect([OWN, CLIENT, 'the-key-of-a-gateway'].map((key) => look(key))).toEqual(['pass', 'pass', 'pass']);
});

test('where no dashboard key is configured there is nothing to guess', () => {
  guardWith(null);
  guess(100);
});

test('a dashboard key of the Claude API’s form is guarded like any other', () => {
  guardWith('sk-ant-made-up-dashboard');
  for (let index = 0; index < LIMIT; index++) expect(look(`sk-ant-${String(index)}`)).toBe('pass');
  expect(look('sk-ant-made-up-dashboard')).toEqual({ waitSeconds: 60 });
  expect(look('sk-ant-1')).toBe('pass');
});
