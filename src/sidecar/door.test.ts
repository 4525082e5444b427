import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { checkDoor } from './door.ts';

const rules = {
  port: 3000,
  allowedHosts: ['nexus.example', 'other.example:8443'],
  isDomain: (name: string) => ['team.example', '127.0.0.1'].includes(name),
};

interface Visit {
  url?: string;
  hosts?: string[];
  origin?: string;
  site?: string;
}

/** A request as Node presents it: `headers.host` is the first of several Host headers. */
function visit({ url = '/v1/messages', hosts = ['127.0.0.1:3000'], origin, site }: Visit): IncomingMessage {
  const headers = {
    ...(hosts[0] === undefined ? {} : { host: hosts[0] }),
    ...(origin === undefined ? {} : { origin }),
    ...(site === undefined ? {} : { 'sec-fetch-site': site }),
  };
  return { url, headers, rawHeaders: hosts.flatMap((host) => ['Host', host]) } as unknown as IncomingMessage;
}

function check(given: Visit, expected: string | null): void {
  expect(checkDoor(visit(given), rules)?.code ?? null).toBe(expected);
}

describe('host', () => {
  test.each([
    '127.0.0.1:3000',
    'localhost:3000',
    'LOCALHOST:3000',
    '[::1]:3000',
    'nexus.example',
    'nexus.example:9000',
    'other.example:8443',
    'team.example',
    'Team.Example:9000',
  ])('%s is ours', (host) => {
    check({ hosts: [host] }, null);
  });
  test.each([
    'evil.example',
    'evil.example:3000',
    'localhost',
    'localhost:3001',
    '127.0.0.1:3001',
    'localhost.evil.example:3000',
    '127.0.0.1.nip.io:3000',
    '127.0.0.1:3000@evil.example',
    '127.0.0.1:3000/',
    '127.0.0.1:',
    '127.0.0.1:03000x',
    'localhost.:3000',
    '0.0.0.0:3000',
    '[::]:3000',
    '2130706433:3000',
    'other.example',
    'sub.nexus.example',
    'sub.team.example',
    ' localhost:3000',
    '',
  ])('"%s" is not', (host) => {
    check({ hosts: [host] }, 'forbidden_host');
  });
  test('none, two, or one beside an absolute target are not', () => {
    check({ hosts: [] }, 'forbidden_host');
    check({ hosts: ['127.0.0.1:3000', '127.0.0.1:3000'] }, 'forbidden_host');
    check({ url: 'http://evil.example/v1/messages' }, 'forbidden_host');
  });
});

describe('origin', () => {
  test.each(['http://127.0.0.1:3000', 'https://127.0.0.1:3000'])('%s is our own', (origin) => {
    check({ origin }, null);
  });
  test.each([
    'https://evil.example',
    'http://localhost:3000',
    'http://127.0.0.1:3001',
    'http://127.0.0.1:3000.evil.example',
    'http://127.0.0.1:3000/',
    'vscode-webview://abc',
    'null',
    '',
  ])('"%s" is foreign', (origin) => {
    check({ origin }, 'forbidden_origin');
  });
});

describe('fetch metadata', () => {
  test.each(['none', 'same-origin'])('%s may pass', (site) => {
    check({ site }, null);
  });
  test.each(['cross-site', 'same-site', 'anything'])('%s may not', (site) => {
    check({ site }, 'forbidden_origin');
  });
});
