import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { subscribe } from '../../src/client/subscribe.ts';
import { credentialList, newClientKey, type CredentialList } from '../../src/protocol/credentials.ts';
import type { NexusEvent } from '../../src/protocol/events.ts';
import { ask, credentialsDir, made, saveCredential, type Told } from '../support/credential-traffic.ts';
import { tokensIn, writeOauthFile } from '../support/credentials.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import {
  CLIENT_ID,
  createFakeTokenEndpoint,
  type FakeTokenEndpoint,
} from '../support/fake-token-endpoint.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

/** Handed over by VS Code. */
const HANDED = 'sk-ant-api03-made-up-handed-over-0000000000';
const HERE = '127.0.0.1';

let upstream: FakeAnthropic;
let endpoint: FakeTokenEndpoint;
let dir: string;
let sidecar: TestSidecar;
/** Every answer of the control API but that of a new key, to be searched for secrets in the end. */
let answers: string[];
let events: NexusEvent[];
let window: AbortController;

beforeAll(async () => {
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
});
afterAll(async () => {
  await upstream.close();
});
beforeEach(async () => {
  endpoint = await createFakeTokenEndpoint();
  dir = credentialsDir({});
  answers = [];
  events = [];
  sidecar = await start();
});
afterEach(async () => {
  window.abort();
  const log = readdirSync(join(sidecar.dataDir, 'logs')).map((name) =>
    readFileSync(join(sidecar.dataDir, 'logs', name), 'utf8'),
  );
  const said = [...answers, ...log, JSON.stringify(events)].join('\n');
  expect(log.join('')).toContain('"Ready"');
  expect(said).not.toMatch(
    /made-up-handed|made-up-stored|made-up-chosen|sk-ant-o[ar]t01|cnp_live_[\w-]{43}|code-\w/,
  );
  await sidecar.remove();
  await endpoint.close();
});

async function start(more: { dataDir?: string; port?: number } = {}): Promise<TestSidecar> {
  const started = await startSidecar({
    upstream: upstream.url,
    pathKey: true,
    ...more,
    env: {
      CREDENTIALS_DIR: dir,
      CLAUDE_OAUTH_CLIENT_ID: CLIENT_ID,
      CLAUDE_OAUTH_TOKEN_URL: endpoint.url,
      LOG_LEVEL: 'debug',
    },
  });
  window = new AbortController();
  const connected = Promise.withResolvers<undefined>();
  void subscribe({
    url: `${started.url}/api/events`,
    token: started.token,
    fetch,
    window: null,
    onEvent: (event) => events.push(event),
    onState: (state) => {
      if (state === 'connected') connected.resolve(undefined);
    },
    signal: window.signal,
  });
  await connected.promise;
  return started;
}

interface Answer {
  status: number;
  json: Record<string, unknown>;
}

async function call(method: string, path: string, body?: object): Promise<Answer> {
  const answer = await sidecar.api(`/api/credentials${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const said = await answer.text();
  if (!(method === 'POST' && path.endsWith('/keys'))) answers.push(said);
  return { status: answer.status, json: said === '' ? {} : (JSON.parse(said) as Record<string, unknown>) };
}

async function list(): Promise<CredentialList> {
  return credentialList.parse((await call('GET', '')).json);
}

/** A request through the base URL with the path key, or (`proof` false) without any. */
async function send(proof = true, host?: string): Promise<Told> {
  const path = proof ? `${new URL(sidecar.baseUrl).pathname}/p/shop/v1/messages` : '/v1/messages';
  const headers = { authorization: `Bearer ${made.own}` };
  return await ask(sidecar, upstream, { path, headers, ...(host === undefined ? {} : { host }) });
}

/** What the upstream got as credential. */
function spent({ upstream: pairs }: Told): string[] {
  return (pairs ?? [])
    .filter(([name]) => name === 'x-api-key' || name === 'authorization')
    .map(([, value]) => value);
}

/** The event that tells views to ask again. */
async function changed(since: number): Promise<void> {
  await until('the event', 20_000, () =>
    Promise.resolve(
      events.slice(since).some(({ name }) => name === 'credentials.changed') ? true : undefined,
    ),
  );
}

const key = (more: object = {}): object => ({ type: 'api_key', apiKey: HANDED, ...more });

describe('a key that VS Code hands over', () => {
  test('is spent on requests with the path key, on no other, and on none after it was taken away', async () => {
    expect(spent(await send())).toEqual([`Bearer ${made.own}`]);
    const before = events.length;
    expect((await call('PUT', `/${HERE}`, key({ accountId: 'acc_made_up' }))).status).toBe(204);
    await changed(before);
    expect(spent(await send())).toEqual([HANDED]);
    const without = await send(false);
    expect([without.status, without.upstream]).toEqual([401, null]);
    // Another domain is another account.
    const { port } = new URL(sidecar.url);
    expect(spent(await send(true, `localhost:${port}`))).toEqual([`Bearer ${made.own}`]);
    expect(await list()).toMatchObject({
      upstream: upstream.url,
      dir,
      credentials: [
        {
          domain: HERE,
          source: 'vscode',
          type: 'api_key',
          accountId: 'acc_made_up',
          file: null,
          state: 'usable',
        },
      ],
    });
    expect((await call('DELETE', `/${HERE}`)).status).toBe(204);
    expect(spent(await send())).toEqual([`Bearer ${made.own}`]);
    expect((await call('DELETE', `/${HERE}`)).status).toBe(404);
  });

  test('is forgotten by a restart, and reaches no file', async () => {
    await call('PUT', `/${HERE}`, key());
    const { dataDir } = sidecar;
    window.abort();
    await sidecar.stop();
    const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    for (const each of files) {
      const found = readFileSync(join(each.parentPath, each.name)).includes('made-up-handed');
      expect([each.name, found]).toEqual([each.name, false]);
    }
    expect(readdirSync(dir)).toEqual([]);
    sidecar = await start({ dataDir });
    expect((await list()).credentials).toEqual([]);
    expect(spent(await send())).toEqual([`Bearer ${made.own}`]);
  });

  test('gives way to a file of its domain, also to a broken one', async () => {
    await call('PUT', `/${HERE}`, key());
    const before = events.length;
    saveCredential(dir, HERE, { type: 'api_key', api_key: made.apiKey });
    await changed(before);
    expect(spent(await send())).toEqual([made.apiKey]);
    const { credentials } = await list();
    expect(credentials).toMatchObject([
      { source: 'file', notice: expect.stringContaining('The file is used') },
    ]);
    const then = events.length;
    writeFileSync(join(dir, `${HERE}.credentials.json`), '{');
    await changed(then);
    expect((await send()).status).toBe(503);
    expect((await list()).credentials).toMatchObject([
      { state: 'invalid', type: null, problem: expect.stringContaining('is not JSON') },
    ]);
    expect((await call('DELETE', `/${HERE}/file`)).status).toBe(204);
    expect(spent(await send())).toEqual([HANDED]);
    expect((await call('DELETE', `/${HERE}/file`)).status).toBe(404);
  });

  test.each<[string, string, object, string]>([
    ['a domain that is none', '/-a', key(), 'domain'],
    ['a domain with a way out', '/..%2Fetc', key(), 'domain'],
    ['a key with a blank', `/${HERE}`, key({ apiKey: 'sk-ant-made-up-handed over' }), 'apiKey'],
    ['a key with a line end', `/${HERE}`, key({ apiKey: 'sk-ant-made-up-handed\r\nx: y' }), 'apiKey'],
    ['a short one', `/${HERE}`, key({ apiKey: 'sk-ant' }), 'apiKey'],
    ['a client key', `/${HERE}`, key({ apiKey: `cnp_live_${'x'.repeat(20)}` }), 'apiKey'],
    ['the token of a log-in', `/${HERE}`, key({ apiKey: `sk-ant-oat${'x'.repeat(20)}` }), 'apiKey'],
    ['no key', `/${HERE}`, { type: 'api_key' }, 'apiKey'],
    ['a log-in', `/${HERE}`, key({ type: 'oauth' }), 'type'],
    ['what nobody knows', `/${HERE}`, key({ path: '/etc' }), ''],
    ['a key for another upstream', `/${HERE}`, key({ upstream: 'https://evil.example' }), 'upstream'],
  ])('%s is refused by name', async (_name, path, body, field) => {
    const { status, json } = await call('PUT', path, body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'bad_request', issues: [{ path: field }] });
    expect((await list()).credentials).toEqual([]);
  });

  test('only who has the token may look or change', async () => {
    const body = JSON.stringify(key());
    for (const [method, path] of [
      ['GET', ''],
      ['PUT', `/${HERE}`],
      ['DELETE', `/${HERE}`],
      ['POST', `/${HERE}/keys`],
      ['POST', `/${HERE}/login`],
      ['GET', `/${HERE}/login/x`],
    ] as const) {
      const answer = await fetch(`${sidecar.url}/api/credentials${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { body }),
      });
      expect([method, path, answer.status]).toEqual([method, path, 401]);
    }
  });
});

describe('client keys', () => {
  test('open their domain from the next request on, until they are revoked', async () => {
    await call('PUT', '/team.example', key());
    const { status, json } = await call('POST', '/team.example/keys', { name: 'laptop' });
    expect(status).toBe(201);
    const fresh = newClientKey.parse(json);
    expect(fresh).toMatchObject({ name: 'laptop', domain: 'team.example' });
    const use = (): Promise<Told> =>
      ask(sidecar, upstream, {
        host: 'team.example',
        path: `${new URL(sidecar.baseUrl).pathname}/v1/messages`,
        headers: { 'x-api-key': fresh.key },
      });
    expect(spent(await use())).toEqual([HANDED]);
    expect((await list()).clientKeys).toEqual([
      { id: fresh.id, name: 'laptop', domain: 'team.example', createdAt: fresh.createdAt },
    ]);
    const twice = await call('POST', '/team.example/keys', { name: 'laptop' });
    expect([twice.status, twice.json['issues']]).toMatchObject([400, [{ path: 'name' }]]);
    const before = events.length;
    expect((await call('DELETE', `/keys/${fresh.id}`)).status).toBe(200);
    await changed(before);
    expect((await list()).clientKeys).toEqual([]);
    expect((await call('DELETE', `/keys/${fresh.id}`)).status).toBe(404);
  });

  test('a name may be left out, and the file’s own key is listed without an id', async () => {
    saveCredential(dir, 'team.example', {
      type: 'api_key',
      api_key: made.apiKey,
      client_api_key: made.chosenKey,
    });
    const { json } = await call('POST', '/team.example/keys', {});
    await until('the file', 20_000, async () => ((await list()).clientKeys.length === 2 ? true : undefined));
    expect((await list()).clientKeys).toMatchObject([
      { id: null, name: 'client_api_key', createdAt: null },
      { id: json['id'], name: json['id'] },
    ]);
    for (const name of ['', ' ', 'a\u0007', 'x'.repeat(101)]) {
      expect((await call('POST', '/team.example/keys', { name })).status).toBe(400);
    }
  });
});

describe('log-ins', () => {
  const begin = async (way: 'loopback' | 'paste'): Promise<{ id: string; url: string }> => {
    const { status, json } = await call('POST', `/${HERE}/login`, { way });
    expect(status).toBe(201);
    return { id: String(json['loginId']), url: String(json['url']) };
  };
  const stateOf = (url: string): string => new URL(url).searchParams.get('state') ?? '';
  /** What the browser asks for in the end. */
  const comeBack = async (url: string, query: string): Promise<number> => {
    const back = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
    back.hostname = '127.0.0.1';
    back.search = query;
    return (await rawRequest({ url: back.origin, path: back.pathname + back.search })).status;
  };
  const path = (): string => join(dir, `${HERE}.credentials.json`);

  test('the code is pasted', async () => {
    const { id, url } = await begin('paste');
    expect(new URL(url).searchParams.get('redirect_uri')).toBe(
      'https://platform.claude.com/oauth/code/callback',
    );
    const paste = (code: string): Promise<Answer> => call('POST', `/${HERE}/login/${id}`, { code });
    for (const wrong of ['half', `code#${stateOf(url).slice(1)}x`]) {
      const { status, json } = await paste(wrong);
      expect([status, json['issues']]).toMatchObject([400, [{ path: 'code' }]]);
    }
    const before = events.length;
    const { status, json } = await paste(`${endpoint.authorize(url)}#${stateOf(url)}`);
    expect([status, json]).toMatchObject([200, { domain: HERE, file: `${HERE}.credentials.json` }]);
    await changed(before);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(spent(await send())).toEqual([`Bearer ${tokensIn(path()).accessToken}`]);
    expect((await list()).credentials).toMatchObject([
      { domain: HERE, source: 'file', type: 'oauth', state: 'usable', expiresAt: json['until'] },
    ]);
  });

  test('a browser on this machine hands it over', async () => {
    const { id, url } = await begin('loopback');
    const end = call('GET', `/${HERE}/login/${id}`);
    expect(await comeBack(url, `?code=evil&state=evil`)).toBe(400);
    expect(await comeBack(url, `?code=${endpoint.authorize(url)}&state=${stateOf(url)}`)).toBe(200);
    expect(await end).toMatchObject({ status: 200, json: { state: 'done', domain: HERE } });
    // Whoever asks late hears of it, too.
    expect(await call('GET', `/${HERE}/login/${id}`)).toMatchObject({ status: 200, json: { state: 'done' } });
    expect(spent(await send())).toEqual([`Bearer ${tokensIn(path()).accessToken}`]);
  });

  test('where the browser could not come back, its address is pasted', async () => {
    const { id, url } = await begin('loopback');
    const back = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
    back.search = `?code=${endpoint.authorize(url)}&state=${stateOf(url)}`;
    expect((await call('POST', `/${HERE}/login/${id}`, { code: back.href })).status).toBe(200);
    expect(tokensIn(path()).refreshToken).toMatch(/^sk-ant-ort01-made-up/);
  });

  test('refused, declined, given up, another domain’s, a file that cannot be read: nothing is written', async () => {
    const refused = await begin('paste');
    const answer = await call('POST', `/${HERE}/login/${refused.id}`, {
      code: `made-up#${stateOf(refused.url)}`,
    });
    expect(answer).toMatchObject({ status: 400, json: { code: 'login_refused' } });

    const declined = await begin('loopback');
    const end = call('GET', `/${HERE}/login/${declined.id}`);
    await comeBack(declined.url, `?error=access_denied&state=${stateOf(declined.url)}`);
    expect(await end).toMatchObject({ status: 400, json: { detail: expect.stringContaining('declined') } });

    const givenUp = await begin('loopback');
    const waiting = call('GET', `/${HERE}/login/${givenUp.id}`);
    await until('it to be given up', 20_000, async () => {
      const { status } = await call('DELETE', `/${HERE}/login/${givenUp.id}`);
      return status === 204 || status === 404 ? true : undefined;
    });
    expect([400, 404]).toContain((await waiting).status);
    await expect(comeBack(givenUp.url, '')).rejects.toThrow(/ECONNREFUSED/);
    expect((await call('GET', `/${HERE}/login/${givenUp.id}`)).status).toBe(404);

    const other = await begin('paste');
    expect((await call('POST', `/a.example/login/${other.id}`, { code: 'a#b' })).status).toBe(404);
    expect(readdirSync(dir)).toEqual([]);

    writeFileSync(path(), '{ half');
    expect(await call('POST', `/${HERE}/login`, {})).toMatchObject({
      status: 400,
      json: { code: 'invalid_credential_file' },
    });
  });

  test('the eleventh takes the place of the first', async () => {
    const first = await begin('paste');
    for (let count = 0; count < 10; count++) await begin('paste');
    const { status } = await call('GET', `/${HERE}/login/${first.id}`);
    expect(status).toBe(404);
  });

  test('refreshed on demand; a refusal is told to views, and is no 401 of the control API', async () => {
    writeOauthFile(dir, endpoint.issue(), Date.now() + 3_600_000, HERE);
    await until('the file', 20_000, async () => ((await list()).credentials.length === 1 ? true : undefined));
    const old = tokensIn(path()).accessToken;
    expect((await call('POST', `/${HERE}/refresh`, {})).status).toBe(200);
    expect(tokensIn(path()).accessToken).not.toBe(old);
    endpoint.revoke(tokensIn(path()).refreshToken);
    const before = events.length;
    expect(await call('POST', `/${HERE}/refresh`, {})).toMatchObject({
      status: 400,
      json: { code: 'login_refused' },
    });
    await changed(before);
    expect((await list()).credentials).toMatchObject([
      { state: 'refused', lastRefusal: { answer: '400 invalid_grant' } },
    ]);
    expect((await call('POST', '/none.example/refresh', {})).status).toBe(404);
  });
});
