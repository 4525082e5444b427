import { join } from 'node:path';
import { expect, test } from 'vitest';
import { credentialPath, domainOf, isCredentialFile } from './credential-path.ts';

test('files and domains', () => {
  expect(credentialPath('dir', 'a.example')).toBe(join('dir', 'a.example.credentials.json'));
  expect(domainOf(join('dir', 'A.example.credentials.json'))).toBe('a.example');
  const names = [
    'a.credentials.json',
    '.credentials.json',
    'a.credentials.json.lock',
    'a.json',
    '._a.credentials.json',
  ];
  expect(names.filter(isCredentialFile)).toEqual(['a.credentials.json']);
});
