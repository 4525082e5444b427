import { describe, expect, test } from 'vitest';
import { NexusError } from '../errors.ts';
import { proxyFor, readProxyRules, type Variables } from './network.ts';

const HOST = 'https://api.anthropic.com';

/** Where a connection to `origin` goes: `host:port` of the proxy, or `direct`. */
function way(origin: string, variables: Variables): string {
  const proxy = proxyFor(origin, readProxyRules(variables));
  return proxy === null ? 'direct' : `${proxy.host}:${String(proxy.port)}`;
}

describe('which proxy', () => {
  const cases: [Variables, string][] = [
    [{}, 'direct'],
    [{ HTTPS_PROXY: 'http://p.example:3128' }, 'p.example:3128'],
    [{ https_proxy: 'http://p.example:3128' }, 'p.example:3128'],
    [{ HTTPS_PROXY: 'http://upper.example:1', https_proxy: 'http://lower.example:2' }, 'lower.example:2'],
    [{ HTTPS_PROXY: 'http://s.example:1', HTTP_PROXY: 'http://p.example:2' }, 's.example:1'],
    [{ HTTP_PROXY: 'http://p.example:2', ALL_PROXY: 'http://a.example:3' }, 'p.example:2'],
    [{ all_proxy: 'http://a.example:3' }, 'a.example:3'],
    [{ ALL_PROXY: 'socks5://a.example:1080' }, 'direct'],
    [{ HTTPS_PROXY: 'p.example:8080' }, 'p.example:8080'],
    [{ HTTPS_PROXY: 'http://p.example' }, 'p.example:80'],
    [{ HTTPS_PROXY: 'https://p.example' }, 'p.example:443'],
    [{ HTTPS_PROXY: 'http://[2001:db8::1]:3128' }, '2001:db8::1:3128'],
    [{ HTTPS_PROXY: ' ' }, 'direct'],
    [{ HTTPS_PROXY: '', HTTP_PROXY: 'http://p.example:2' }, 'p.example:2'],
  ];
  test.each(cases)('%j: %s', (variables, expected) => {
    expect(way(HOST, variables)).toBe(expected);
  });

  test.each(['http://127.0.0.1:9', 'http://localhost:9', 'https://[::1]:9', 'http://127.9.9.9'])(
    'never for %s, which is this machine',
    (origin) => {
      expect(way(origin, { HTTPS_PROXY: 'http://p.example:3128' })).toBe('direct');
    },
  );
});

describe('NO_PROXY', () => {
  const cases: [string, string, 'direct' | 'proxy'][] = [
    ['*', HOST, 'direct'],
    ['api.anthropic.com', HOST, 'direct'],
    ['API.Anthropic.COM', HOST, 'direct'],
    ['anthropic.com', HOST, 'direct'],
    ['.anthropic.com', HOST, 'direct'],
    ['*.anthropic.com', HOST, 'direct'],
    ['other.example, anthropic.com', HOST, 'direct'],
    ['other.example anthropic.com', HOST, 'direct'],
    ['anthropic.com:443', HOST, 'direct'],
    ['anthropic.com:8443', HOST, 'proxy'],
    ['anthropic.com:8443', 'https://api.anthropic.com:8443', 'direct'],
    ['thropic.com', HOST, 'proxy'],
    ['anthropic', HOST, 'proxy'],
    ['api.anthropic.com.evil.example', HOST, 'proxy'],
    ['', HOST, 'proxy'],
    ['.', HOST, 'proxy'],
    [',,', HOST, 'proxy'],
    ['10.0.0.1', 'https://10.0.0.1', 'direct'],
    ['0.0.1', 'https://10.0.0.1', 'proxy'],
    ['10.0.0.1:443', 'https://10.0.0.1', 'direct'],
    ['10.0.0.0/8', 'https://10.9.8.7', 'direct'],
    ['10.0.0.0/8', 'https://11.9.8.7', 'proxy'],
    ['10.0.0.0/99', 'https://10.9.8.7', 'proxy'],
    ['10.0.0.0/8', HOST, 'proxy'],
    ['2001:db8::1', 'https://[2001:db8::1]', 'direct'],
    ['[2001:db8::1]:443', 'https://[2001:db8::1]', 'direct'],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]', 'proxy'],
    ['anthropic.com', 'https://api.anthropic.com.', 'direct'],
  ];
  test.each(cases)('"%s" for %s: %s', (noProxy, origin, expected) => {
    const found = way(origin, { HTTPS_PROXY: 'http://p.example:1', no_proxy: noProxy });
    expect(found).toBe(expected === 'proxy' ? 'p.example:1' : 'direct');
  });
});

test('user and password of the URL become its authorization, decoded', () => {
  const { proxy } = readProxyRules({ HTTPS_PROXY: 'http://me:p%40ss%3Aword@p.example:1' });
  expect(proxy?.authorization).toBe(`Basic ${Buffer.from('me:p@ss:word').toString('base64')}`);
  expect(proxyFor(HOST, readProxyRules({ HTTPS_PROXY: 'http://me@p.example:1' }))?.authorization).toBe(
    `Basic ${Buffer.from('me:').toString('base64')}`,
  );
});

test.each([
  ['socks5://me:made-up-pass@p.example:1', /^HTTPS_PROXY: .*socks5:/],
  ['http://me:made-up-pass@', /^HTTPS_PROXY: it is not a URL/],
  ['http://me:made-up-pass%@p.example', /^HTTPS_PROXY: .*percent-encoded/],
])('one that cannot be used is named without its password: %s', (value, expected) => {
  let thrown: unknown;
  try {
    readProxyRules({ HTTPS_PROXY: value });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NexusError);
  expect((thrown as NexusError).message).toMatch(expected);
  expect((thrown as NexusError).message).not.toContain('made-up-pass');
});

test('a SOCKS proxy for everything is told as ignored', () => {
  const { ignored } = readProxyRules({ ALL_PROXY: 'socks5h://p.example:1080' });
  expect(ignored).toEqual([{ variable: 'ALL_PROXY', why: 'SOCKS proxies are not supported' }]);
});
