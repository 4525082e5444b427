import { expect, test } from 'vitest';
import { noProxyVariables } from './no-proxy.ts';

function check(
  env: Record<string, string>,
  expected: string[],
  { httpProxy = '', platform = 'linux' }: { httpProxy?: string; platform?: NodeJS.Platform } = {},
): void {
  expect(noProxyVariables(env, httpProxy, platform)).toEqual(expected);
}

const proxy = 'http://proxy.example:8080';

test('without a proxy nothing is touched', () => {
  check({}, []);
  check({ HTTPS_PROXY: '' }, []);
  check({ NO_PROXY: 'a.example' }, []);
});

test('with one, by whatever name, the sidecar becomes an exception', () => {
  for (const name of ['HTTP_PROXY', 'https_proxy', 'ALL_PROXY']) {
    check({ [name]: proxy }, ['NO_PROXY', 'no_proxy']);
  }
  check({}, ['NO_PROXY', 'no_proxy'], { httpProxy: proxy });
});

test('the user’s own list is added to, not hidden behind a new one', () => {
  check({ HTTPS_PROXY: proxy, no_proxy: 'a.example' }, ['no_proxy']);
  check({ HTTPS_PROXY: proxy, NO_PROXY: 'a.example' }, ['NO_PROXY']);
  check({ HTTPS_PROXY: proxy, NO_PROXY: 'a', no_proxy: 'b' }, ['NO_PROXY', 'no_proxy']);
});

test('what has the sidecar already stays as it is', () => {
  check({ HTTPS_PROXY: proxy, NO_PROXY: 'localhost, 127.0.0.1' }, []);
  check({ HTTPS_PROXY: proxy, NO_PROXY: '*', no_proxy: 'b' }, ['no_proxy']);
});

test('Windows knows one name in any case', () => {
  check({ Https_Proxy: proxy }, ['NO_PROXY'], { platform: 'win32' });
  check({ https_proxy: proxy, no_proxy: '127.0.0.1' }, [], { platform: 'win32' });
});
