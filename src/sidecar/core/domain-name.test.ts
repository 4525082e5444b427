import { expect, test } from 'vitest';
import { domainName } from './domain-name.ts';

function check(host: string, expected: string | null): void {
  expect(domainName(host)).toBe(expected);
}

test('lower-cased, without port', () => {
  check('team.example', 'team.example');
  check('Team.Example:8443', 'team.example');
  check('127.0.0.1:3000', '127.0.0.1');
  check('localhost', 'localhost');
  check('a', 'a');
  check('a'.repeat(253), 'a'.repeat(253));
});

test.each([
  '',
  '.',
  '..',
  'a..b',
  '../team.example',
  'team.example/..',
  'team/example',
  'team\\example',
  '-team.example',
  'team.example.',
  'team.example:',
  'team.example:123456',
  'team.example\0',
  'team.example\n',
  'user@team.example',
  'team example',
  'tëam.example',
  '\u212Aey.example',
  '%2e%2e',
  '[::1]:3000',
  'a'.repeat(254),
])('%j is none', (host) => {
  check(host, null);
});
