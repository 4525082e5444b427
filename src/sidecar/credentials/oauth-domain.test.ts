import { join } from 'node:path';
import { expect, test } from 'vitest';
import { credentialPath, domainOf, isCredentialFile, readDomain } from './oauth-domain.ts';

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

test('files and domains', () => {
  expect(credentialPath('dir', 'a.example')).toBe(join('dir', 'a.example.credentials.json'));
  expect(domainOf(join('dir', 'A.example.credentials.json'))).toBe('a.example');
  const names = ['a.credentials.json', '.credentials.json', 'a.credentials.json.lock', 'a.json'];
  expect(names.filter(isCredentialFile)).toEqual(['a.credentials.json']);
});
