import { expect, test } from 'vitest';
import { withUpstreamAuth, type UpstreamAuth } from './upstream-credential.ts';

const key: UpstreamAuth = { type: 'api_key', key: 'stored-key' };
const token: UpstreamAuth = { type: 'oauth', token: 'stored-token' };
const bearer = ['Authorization', 'Bearer stored-token'];
const flag = 'oauth-2025-04-20';

function check(auth: UpstreamAuth, raw: string[], expected: string[]): void {
  expect(withUpstreamAuth(raw, auth)).toEqual(expected);
}

test('an API key replaces whatever the client sent, and nothing else', () => {
  check(key, [], ['x-api-key', 'stored-key']);
  check(
    key,
    [
      'A',
      '1',
      'authorization',
      'Bearer own',
      'X-API-KEY',
      'own',
      'AUTHORIZATION',
      'x',
      'anthropic-beta',
      'a,b',
      'X-Dashboard-Key',
      'y',
    ],
    ['A', '1', 'anthropic-beta', 'a,b', 'x-api-key', 'stored-key'],
  );
});

test('OAuth sends Bearer and adds its flag to the list', () => {
  check(token, ['x-api-key', 'own'], ['anthropic-beta', flag, ...bearer]);
  check(token, ['anthropic-beta', 'a,b'], ['anthropic-beta', `a,b,${flag}`, ...bearer]);
  check(token, ['Anthropic-Beta', 'a', 'X', '1'], ['Anthropic-Beta', `a,${flag}`, 'X', '1', ...bearer]);
  check(
    token,
    ['anthropic-beta', 'a', 'anthropic-beta', 'b'],
    ['anthropic-beta', 'a', 'anthropic-beta', `b,${flag}`, ...bearer],
  );
  check(token, ['anthropic-beta', ''], ['anthropic-beta', flag, ...bearer]);
});

test('a flag that is there already is not doubled', () => {
  check(token, ['anthropic-beta', `a, ${flag} ,b`], ['anthropic-beta', `a, ${flag} ,b`, ...bearer]);
  check(
    token,
    ['anthropic-beta', flag, 'anthropic-beta', 'b'],
    ['anthropic-beta', flag, 'anthropic-beta', 'b', ...bearer],
  );
});
