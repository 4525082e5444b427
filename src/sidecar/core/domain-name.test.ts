import { expect, test } from 'vitest';
import { domainName, readDomain } from './domain-name.ts';

function check(host: string, expected: string | null): void {
  expect(domainName(host)).toBe(expected);
}

test('lower-cased, without port', () => {
  check('team.example', 'team.example');
  check('Team.Example:8443', 'team.example');
  check('127.0.0.1:3000', '127.0.0.1');
  check('localhost', 'localhost');
  check('a', 'a');
  check('a'.repeat(200), 'a'.repeat(200));
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
  'a'.repeat(201),
  'nul.example',
  'a-.example',
])('%j is none', (host) => {
  check(host, null);
});

test.each([
  ['localhost', 'localhost'],
  ['Example.COM', 'example.com'],
  ['127.0.0.1', '127.0.0.1'],
  ['a-b.c1.example', 'a-b.c1.example'],
])('%s is a domain', (text, domain) => {
  expect(readDomain(text)).toEqual({ domain });
});

test.each([
  ['', /letters/],
  ['.', /empty part/],
  ['..', /empty part/],
  ['../x', /letters/],
  ['a/b', /letters/],
  ['a\\b', /letters/],
  ['/etc/passwd', /letters/],
  ['a..b', /empty part/],
  ['.hidden', /empty part/],
  ['a.', /empty part/],
  ['-rf', /hyphen/],
  ['a-.b', /hyphen/],
  ['a\0b', /letters/],
  ['a b', /letters/],
  ['a_b', /letters/],
  ['é.example', /letters/],
  ['\u212a.example', /letters/], // the Kelvin sign, which lower-cases to k
  ['nul.example', /device/],
  ['COM1', /device/],
  ['localhost:3000', /without a port/],
  ['a'.repeat(201), /longer/],
])('%j is none', (text, why) => {
  const read = readDomain(text);
  expect('why' in read ? read.why : '').toMatch(why);
});
