import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { rawRequest, type RawAnswer } from '../support/raw-request.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

let upstream: FakeAnthropic;
let sidecar: TestSidecar;
beforeAll(async () => {
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
  sidecar = await startSidecar({ upstream: upstream.url, env: { ALLOWED_HOSTS: 'nexus.example' } });
});
afterAll(async () => {
  await sidecar.remove();
  await upstream.close();
});

interface Visit {
  method?: string;
  path: string;
  host?: string | string[];
  headers?: Record<string, string>;
}

/** A key of the Claude API, made up. */
const CLIENT_KEY = 'sk-ant-made-up';

/** Sends the visit, to the control API with its token, with a client's key elsewhere; says how it was answered and how many requests the upstream saw of it. */
async function visit(given: Visit): Promise<RawAnswer & { forwarded: number }> {
  const before = upstream.exchanges.length;
  const messages = given.path.startsWith('/v1/messages');
  const control = given.method !== 'HEAD' && /^\/($|health|api\/status|ui|metrics)/.test(given.path);
  const answer = await rawRequest({
    url: sidecar.url,
    ...given,
    method: given.method ?? (messages ? 'POST' : 'GET'),
    headers: {
      authorization: `Bearer ${control ? sidecar.token : CLIENT_KEY}`,
      'content-type': 'application/json',
      ...given.headers,
    },
    ...(messages
      ? { body: JSON.stringify({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] }) }
      : {}),
  });
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  return { ...answer, forwarded: upstream.exchanges.length - before };
}

const foreign: [string, Omit<Visit, 'path'>, string][] = [
  ['a foreign host', { host: 'evil.example' }, 'forbidden_host'],
  ['a name that was rebound to this machine', { host: 'evil.example:3000' }, 'forbidden_host'],
  ['the right name with another port', { host: 'localhost:1' }, 'forbidden_host'],
  ['a host hidden behind credentials', { host: '127.0.0.1@evil.example' }, 'forbidden_host'],
  ['a foreign origin', { headers: { origin: 'https://evil.example' } }, 'forbidden_origin'],
  ['another port of this machine', { headers: { origin: 'http://127.0.0.1:1' } }, 'forbidden_origin'],
  ['an opaque origin', { headers: { origin: 'null' } }, 'forbidden_origin'],
  ['a cross-site fetch', { headers: { 'sec-fetch-site': 'cross-site' } }, 'forbidden_origin'],
  ['a page on another port', { headers: { 'sec-fetch-site': 'same-site' } }, 'forbidden_origin'],
];

describe.each(foreign)('%s', (_name, given, code) => {
  test('is refused on the control API, whatever it knows', async () => {
    const answer = await visit({ ...given, path: '/api/status' });
    expect(answer.status).toBe(403);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 403, code });
  });
  test('is not forwarded, and hears it in the shape its client reads', async () => {
    const answer = await visit({ ...given, path: '/v1/messages' });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'error', error: { type: 'permission_error' } });
    expect(answer.forwarded).toBe(0);
  });
  test('does not even see the health', async () => {
    expect((await visit({ ...given, path: '/health' })).status).toBe(403);
  });
});

test('a preflight gets no permission', async () => {
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
  for (const path of ['/api/status', '/v1/messages']) {
    expect((await visit({ method: 'OPTIONS', path, headers })).status).toBe(403);
  }
});

test('our own names and our own pages may pass', async () => {
  const port = new URL(sidecar.url).port;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'nexus.example']) {
    expect((await visit({ path: '/api/status', host })).status).toBe(200);
    expect((await visit({ path: '/v1/messages', host })).forwarded).toBe(1);
  }
  expect((await visit({ path: '/api/status', headers: { origin: sidecar.url } })).status).toBe(200);
  expect((await visit({ path: '/api/status', headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(
    200,
  );
});

test.each([
  ['an unknown path of the control API', { path: '/api/statuses' }],
  ['a mistaken base URL', { path: '/v1/models' }],
  ['a browser session', { path: '/favicon.ico', headers: { authorization: '', cookie: 'COOKIE' } }],
  ['another header', { path: '/v1/models', headers: { authorization: '', 'x-api-key': 'TOKEN' } }],
])('our own key is never passed on: %s', async (_name, given) => {
  const headers = { authorization: 'Bearer TOKEN', ...(given as Visit).headers };
  const withToken = Object.entries(headers).map(([name, value]) => [
    name,
    value
      .replace('TOKEN', sidecar.token)
      .replace('COOKIE', `a=b; nexus_session_${new URL(sidecar.url).port}=made-up`),
  ]);
  const answer = await visit({ ...given, headers: Object.fromEntries(withToken) as Record<string, string> });
  expect(answer.status).toBe(404);
  expect(answer.forwarded).toBe(0);
});

test('which paths are ours', async () => {
  const check = async (method: string, path: string, forwarded: number): Promise<void> => {
    const answer = await visit({ method, path });
    expect([method, path, answer.forwarded]).toEqual([method, path, forwarded]);
  };
  await check('GET', '/', 0);
  await check('GET', '/health/ready', 0);
  await check('GET', '/api/status', 0);
  await check('GET', '/ui/', 0);
  await check('GET', '/metrics', 0);
  await check('HEAD', '/', 1);
  await check('HEAD', '/api/hello', 1);
  await check('GET', '/v1/models', 1);
  await check('GET', '/p/web%20shop/api/status', 1);
  await check('POST', '/api/event_logging/batch', 1);
});

describe('with a path key', () => {
  let guarded: TestSidecar;
  beforeAll(async () => {
    guarded = await startSidecar({ upstream: upstream.url, pathKey: true });
  });
  afterAll(async () => {
    await guarded.remove();
  });

  const post = async (base: string): Promise<number> => {
    const answer = await fetch(`${base}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] }),
    });
    await answer.arrayBuffer();
    return answer.status;
  };

  test('traffic needs it, and gets through with it', async () => {
    expect(guarded.baseUrl).toMatch(/\/k\/[A-Za-z0-9_-]{16,}$/);
    expect(await post(guarded.baseUrl)).toBe(200);
    expect(await post(`${guarded.baseUrl}/p/shop`)).toBe(200);
    expect(await post(guarded.url)).toBe(401);
    expect(await post(`${guarded.url}/k/wrong`)).toBe(401);
  });
});
