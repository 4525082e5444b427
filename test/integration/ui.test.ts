import { afterAll, beforeAll, expect, test } from 'vitest';
import { rawRequest } from '../support/raw-request.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

let sidecar: TestSidecar;
beforeAll(async () => {
  sidecar = await startSidecar();
});
afterAll(async () => {
  await sidecar.remove();
});

const json = { 'content-type': 'application/json' };
const session = (proof: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${sidecar.url}/ui/session`, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(proof),
  });

async function newCode(): Promise<string> {
  const answer = await sidecar.api('/ui/code', { method: 'POST', headers: json, body: '{}' });
  expect(answer.status).toBe(201);
  const { code, url } = (await answer.json()) as { code: string; url: string };
  // Behind the hash: it stays in the browser, out of logs and referrers.
  expect(url).toBe(`${sidecar.url}/ui/#code=${code}`);
  return code;
}

/** A logged-in browser's Cookie header. */
async function loggedIn(): Promise<string> {
  const answer = await session({ code: await newCode() });
  return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
}

test('a code becomes a session once', async () => {
  const code = await newCode();
  const answer = await session({ code });
  expect(answer.status).toBe(204);
  const cookie = answer.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/^nexus_session_\d+=[\w-]{40,};/);
  for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/']) expect(cookie).toContain(attribute);
  expect(cookie).not.toContain(sidecar.token);
  expect(cookie).not.toContain(code);
  expect((await session({ code })).status).toBe(401);
});

test('the session opens the panels and the control API', async () => {
  const headers = { cookie: await loggedIn() };
  expect((await fetch(`${sidecar.url}/api/status`, { headers })).status).toBe(200);
  const page = await fetch(`${sidecar.url}/ui/conversations?id=x`, { headers });
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('/ui/assets/conversations.js');
  const storage = await (await fetch(`${sidecar.url}/ui/storage`, { headers })).text();
  expect(storage).toContain('/ui/assets/storage.js');
  expect(storage).toContain('<nexus-storage>');
  const requests = await (await fetch(`${sidecar.url}/ui/requests?domain=x`, { headers })).text();
  expect(requests).toContain('/ui/assets/requests.js');
  expect(requests).toContain('<nexus-requests>');
});

test('without one there is a log-in page and nothing else', async () => {
  for (const path of ['/ui', '/ui/', '/ui/conversations', '/ui/requests?domain=x']) {
    const page = await fetch(sidecar.url + path);
    const html = await page.text();
    expect([path, page.status]).toEqual([path, 401]);
    expect(html).toContain('type="password"');
    expect(html).not.toContain(sidecar.token);
  }
  expect((await fetch(`${sidecar.url}/ui/assets/conversations.js`)).status).toBe(401);
  expect((await fetch(`${sidecar.url}/ui/code`, { method: 'POST', headers: json, body: '{}' })).status).toBe(
    401,
  );
});

test('wrong proofs are refused', async () => {
  for (const proof of [{ code: '' }, { code: 'guess' }, { key: 'guess' }, { key: '' }]) {
    const answer = await session(proof);
    expect([proof, answer.status, answer.headers.get('set-cookie')]).toEqual([proof, 401, null]);
  }
  expect((await session({ key: sidecar.token }, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await session({ key: sidecar.token })).status).toBe(204);
});

test('pages may load their own files and run no other script', async () => {
  for (const headers of [{}, { cookie: await loggedIn() }]) {
    const page = await fetch(`${sidecar.url}/ui/`, { headers });
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).toMatch(/frame-ancestors 'none'/);
    const nonce = /script-src 'self' 'nonce-([^']+)'/.exec(policy)?.[1] ?? 'none';
    const html = await page.text();
    for (const [tag] of html.matchAll(/<script[^>]*>/g)) expect(tag).toContain(`nonce="${nonce}"`);
  }
});

test('assets are the built ones only', async () => {
  const headers = { cookie: await loggedIn() };
  const names = [
    'nothing.js',
    '../sidecar.mjs',
    '..%2fsidecar.mjs',
    '%2e%2e/sidecar.mjs',
    '.built',
    'conversations',
    'a//b.js',
  ];
  for (const name of names) {
    const answer = await rawRequest({ url: sidecar.url, path: `/ui/assets/${name}`, headers });
    // A path that leaves the folder before it is looked at is the panels' page, like any other below /ui.
    const harmless =
      answer.status === 404 || answer.headers['content-type']?.startsWith('text/html') === true;
    expect([name, harmless]).toEqual([name, true]);
    expect(answer.body).not.toContain('createRequire');
  }
});
