import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  apiKeyFile,
  ask,
  credentialsAre,
  credentialsDir,
  made,
  oauthFile,
  runProgram,
  saveCredential,
  type Ask,
  type Told,
} from '../support/credential-traffic.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { databaseOpen, runServe, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

let upstream: FakeAnthropic;
beforeAll(async () => {
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
});
afterAll(async () => {
  await upstream.close();
});

const day = 86_400_000;
const files = (): Record<string, object> => ({
  'key.example': apiKeyFile(),
  'login.example': oauthFile(Date.now() + day),
  'late.example': oauthFile(Date.now() - day),
});
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const stored = /made-up-stored/;

/** Refused in the shape a Claude client reads, with nothing passed on. */
function checkRefused(told: Told, status: number, words: RegExp): void {
  expect([told.status, told.upstream]).toEqual([status, null]);
  expect(JSON.parse(told.body)).toMatchObject({
    type: 'error',
    error: { type: expect.any(String) as string, message: expect.stringMatching(words) as string },
  });
  if (status === 401) expect(told.headers['www-authenticate']).toBe('Bearer');
  expect(told.body).not.toMatch(/made-up/);
}

/** The values of these headers as the upstream saw them, in order. */
function seen({ upstream: pairs }: Told, ...names: string[]): string[] {
  return (pairs ?? []).filter(([name]) => names.includes(name)).map(([, value]) => value);
}

describe('on loopback', () => {
  let sidecar: TestSidecar;
  let dir: string;
  const send = (given: Ask): Promise<Told> => ask(sidecar, upstream, given);
  beforeAll(async () => {
    dir = credentialsDir(files());
    sidecar = await startSidecar({ upstream: upstream.url, env: { CREDENTIALS_DIR: dir } });
  });
  afterAll(async () => {
    await sidecar.remove();
  });

  test.each<[string, Record<string, string>]>([
    ['Authorization', bearer(made.chosenKey)],
    ['x-api-key', { 'x-api-key': made.chosenKey }],
    ['both, beside an own one', { 'x-api-key': made.chosenKey, ...bearer(made.own) }],
  ])('an API key goes up for a client key in %s, which does not', async (_name, headers) => {
    const told = await send({ host: 'KEY.example:8443', headers: { ...headers, 'anthropic-beta': 'a,b' } });
    expect(told.status).toBe(200);
    expect(seen(told, 'x-api-key', 'authorization')).toEqual([made.apiKey]);
    expect(seen(told, 'anthropic-beta')).toEqual(['a,b']);
    expect(JSON.stringify(told.upstream)).not.toMatch(/chosen|own-key/);
  });

  test.each<[string, Record<string, string>, string]>([
    ['none', {}, 'oauth-2025-04-20'],
    ['the client’s', { 'anthropic-beta': 'a, b' }, 'a, b,oauth-2025-04-20'],
    ['one that has it', { 'anthropic-beta': 'oauth-2025-04-20,a' }, 'oauth-2025-04-20,a'],
  ])('a login goes up as Bearer, its beta flag added to %s', async (_name, headers, betas) => {
    const told = await send({
      host: 'login.example',
      headers: { 'x-api-key': made.chosenKey, ...headers },
    });
    expect(told.status).toBe(200);
    expect(seen(told, 'x-api-key', 'authorization')).toEqual([`Bearer ${made.accessToken}`]);
    expect(seen(told, 'anthropic-beta')).toEqual([betas]);
  });

  test('a login that has expired says so', async () => {
    checkRefused(
      await send({ host: 'late.example', headers: bearer(made.chosenKey) }),
      // Its token endpoint is not there in this test: the client may try again.
      503,
      /cannot be refreshed now/,
    );
  });

  test('without a right key nothing is sent', async () => {
    for (const headers of [{}, bearer(made.own), bearer('cnp_live_wrong')]) {
      checkRefused(
        await send({ host: 'key.example', headers }),
        401,
        /generate-api-key --domain key\.example/,
      );
    }
    checkRefused(await send({ host: 'key.example', path: '/p/x/v1/messages' }), 401, /client API key/);
  });

  test('a domain without a file passes the client’s own credential, never a key of ours', async () => {
    const told = await send({ headers: bearer(made.own) });
    expect(seen(told, 'authorization', 'x-api-key')).toEqual([`Bearer ${made.own}`]);
    checkRefused(await send({ headers: bearer(made.chosenKey) }), 401, /not passed on/);
    checkRefused(await send({ headers: { 'x-api-key': 'cnp_live_made' } }), 401, /not passed on/);
  });

  test('a client key opens nothing of the control API', async () => {
    for (const path of ['/api/status', '/metrics', '/token-stats', '/mcp', '/ui/assets/x.js']) {
      const told = await send({ host: 'key.example', method: 'GET', path, headers: bearer(made.chosenKey) });
      expect([path, told.status]).toEqual([path, 401]);
    }
  });

  test('files that come, break and go count at once, and only for their domain', async () => {
    const visit = async (): Promise<number> =>
      (await send({ host: 'new.example', headers: bearer(made.chosenKey) })).status;
    const becomes = (problem: boolean | null): Promise<void> =>
      credentialsAre(sidecar, ({ domains }) => {
        const found = domains.find(({ domain }) => domain === 'new.example');
        return problem === null
          ? found === undefined
          : found !== undefined && (found.problem !== null) === problem;
      });
    expect(await visit()).toBe(403);
    saveCredential(dir, 'new.example', apiKeyFile());
    await becomes(false);
    expect(await visit()).toBe(200);
    writeFileSync(join(dir, 'new.example.credentials.json'), '{');
    await becomes(true);
    expect(await visit()).toBe(401);
    expect((await send({ host: 'key.example', headers: bearer(made.chosenKey) })).status).toBe(200);
    saveCredential(dir, 'new.example', {});
    saveCredential(dir, 'new.example', apiKeyFile());
    await becomes(false);
    expect(await visit()).toBe(200);
  });

  test('made keys open their domain until they are revoked', async () => {
    const { stdout } = await runProgram([
      'generate-api-key',
      ...['--domain=key.example', '--name=laptop', `--credentials-dir=${dir}`],
    ]);
    const key = stdout.trim();
    const keysOf = (count: number): Promise<void> =>
      credentialsAre(sidecar, ({ domains }) =>
        domains.some((each) => each.domain === 'key.example' && each.clientKeys === count),
      );
    await keysOf(2);
    const told = await send({ host: 'key.example', headers: bearer(key) });
    expect(seen(told, 'x-api-key', 'authorization')).toEqual([made.apiKey]);
    checkRefused(await send({ host: 'login.example', headers: bearer(key) }), 401, /client API key/);
    await runProgram(['keys', 'revoke', 'laptop', `--credentials-dir=${dir}`]);
    await keysOf(1);
    checkRefused(await send({ host: 'key.example', headers: bearer(key) }), 401, /client API key/);
  });

  test('what is recorded: the file’s account, and no key, not even one a client wrote', async () => {
    await databaseOpen(sidecar);
    const answer = await send({
      host: 'key.example',
      headers: bearer(made.chosenKey),
      text: `my key is ${made.chosenKey}`,
    });
    const id = String(answer.headers['x-nexus-request-id']);
    const row = await until('the request', 60_000, async () => {
      const found = await sidecar.api(`/api/requests/${id}`);
      const body = await found.text();
      return found.status === 200 && body.includes('"completed"') ? body : undefined;
    });
    expect(JSON.parse(row)).toMatchObject({ accountId: 'acc_made_up', domain: 'key.example' });
    expect(row).not.toMatch(/made-up-(?:chosen|stored)/);
    expect(row).toContain('my key is ****');
  });

  test('the status names every domain and no secret', async () => {
    const status = await (await sidecar.api('/api/status')).text();
    expect(JSON.parse(status)).toMatchObject({
      credentials: {
        dir,
        domains: expect.arrayContaining([
          { domain: 'key.example', type: 'api_key', accountId: 'acc_made_up', clientKeys: 1, problem: null },
          { domain: 'login.example', type: 'oauth', accountId: null, clientKeys: 1, problem: null },
        ]) as unknown,
      },
    });
    expect(status).not.toMatch(/made-up-(?:chosen|stored|refresh)/);
  });
});

describe('with a path key', () => {
  test('it is proof on loopback, for the domain it came to', async () => {
    const sidecar = await startSidecar({
      upstream: upstream.url,
      pathKey: true,
      env: { CREDENTIALS_DIR: credentialsDir({ '127.0.0.1': apiKeyFile() }) },
    });
    const path = `${new URL(sidecar.baseUrl).pathname}/p/shop/v1/messages`;
    const told = await ask(sidecar, upstream, { path, headers: bearer(made.own) });
    expect(seen(told, 'x-api-key', 'authorization')).toEqual([made.apiKey]);
    const wrong = await ask(sidecar, upstream, { path: '/k/wrong/v1/messages', headers: bearer(made.own) });
    checkRefused(wrong, 401, /path key/);
    await sidecar.remove();
  });
});

describe('with client authentication switched off', () => {
  test('the client’s own credential passes, the stored one only with proof', async () => {
    const sidecar = await startSidecar({
      upstream: upstream.url,
      env: { CREDENTIALS_DIR: credentialsDir(files()), ENABLE_CLIENT_AUTH: 'false' },
    });
    const host = 'key.example';
    for (const headers of [{}, bearer(made.own)]) {
      const told = await ask(sidecar, upstream, { host, headers });
      expect(seen(told, 'authorization', 'x-api-key')).toEqual(Object.values(headers));
      expect(JSON.stringify(told.upstream)).not.toMatch(stored);
    }
    const proven = await ask(sidecar, upstream, { host, headers: bearer(made.chosenKey) });
    expect(seen(proven, 'x-api-key', 'authorization')).toEqual([made.apiKey]);
    await sidecar.remove();
  });
});

describe('beyond loopback', () => {
  const dashboardKey = 'made-up-dashboard-key';
  const open = { args: ['--host=0.0.0.0'] };

  test.each<[string, Record<string, string>, RegExp]>([
    ['no dashboard key', {}, /DASHBOARD_API_KEY must be set/],
    [
      'client authentication off',
      { DASHBOARD_API_KEY: dashboardKey, ENABLE_CLIENT_AUTH: 'false' },
      /ENABLE_CLIENT_AUTH must not be false/,
    ],
  ])('it does not start with %s', async (_name, env, words) => {
    const run = runServe({ ...open, env });
    expect(await run.firstLine).toMatchObject({
      ready: false,
      code: 'invalid_option',
      detail: expect.stringMatching(words) as string,
    });
    expect(await run.exited).toBe(1);
  });

  test('everybody is asked who they are', async () => {
    const sidecar = await startSidecar({
      ...open,
      upstream: upstream.url,
      pathKey: true,
      env: {
        CREDENTIALS_DIR: credentialsDir({ 'key.example': apiKeyFile(), '127.0.0.1': apiKeyFile() }),
        DASHBOARD_API_KEY: dashboardKey,
        ALLOWED_HOSTS: 'other.example',
      },
    });
    const path = `${new URL(sidecar.baseUrl).pathname}/v1/messages`;
    const send = (given: Ask): Promise<Told> => ask(sidecar, upstream, { path, ...given });
    checkRefused(await send({ headers: bearer(made.own) }), 401, /client API key/);
    checkRefused(await send({ host: 'key.example', headers: bearer(made.own) }), 401, /client API key/);
    checkRefused(await send({ host: 'other.example', headers: bearer(made.own) }), 401, /no credential/);
    const told = await send({ host: 'key.example', headers: bearer(made.chosenKey) });
    expect(seen(told, 'x-api-key', 'authorization')).toEqual([made.apiKey]);

    const status = async (path: string, headers = {}): Promise<number> =>
      (await ask(sidecar, upstream, { host: 'key.example', method: 'GET', path, headers })).status;
    for (const path of ['/', '/health', '/health/live', '/health/ready']) {
      expect(await status(path)).toBe(200);
    }
    for (const path of ['/api/status', '/metrics', '/ui/']) expect(await status(path)).toBe(401);
    expect(await status('/api/status', bearer(made.chosenKey))).toBe(401);
    expect(await status('/api/status', { 'x-dashboard-key': dashboardKey })).toBe(200);
    await sidecar.remove();
  });
});

describe('too many wrong keys', () => {
  test('path keys count too, and the right one works on', async () => {
    const sidecar = await startSidecar({ upstream: upstream.url, pathKey: true });
    const send = (path: string): Promise<Told> => ask(sidecar, upstream, { path, headers: bearer(made.own) });
    for (let count = 0; count < 20; count++) {
      checkRefused(await send('/k/wrong/v1/messages'), 401, /path key/);
    }
    checkRefused(await send('/k/wrong/v1/messages'), 429, /Wait/);
    checkRefused(await send('/v1/messages'), 401, /path key/);
    expect((await send(`${new URL(sidecar.baseUrl).pathname}/v1/messages`)).status).toBe(200);
    await sidecar.remove();
  });

  test('guessing the dashboard key on a path that goes upstream ends like guessing it elsewhere', async () => {
    const dashboardKey = 'made-up-dashboard-key';
    const sidecar = await startSidecar({ upstream: upstream.url, env: { DASHBOARD_API_KEY: dashboardKey } });
    const send = (key: string): Promise<Told> => ask(sidecar, upstream, { headers: bearer(key) });
    const right = await send(dashboardKey);
    expect([right.status, right.upstream]).toEqual([404, null]);
    for (let count = 0; count < 20; count++) expect((await send(`guess-${String(count)}`)).status).toBe(200);
    for (const key of ['guess-20', dashboardKey]) checkRefused(await send(key), 429, /Wait \d+ s/);
    // Whoever has a key of the Claude API, or one that was there before the guessing, goes on.
    for (const key of [made.own, 'guess-7']) expect((await send(key)).status).toBe(200);
    expect((await send(sidecar.token)).status).toBe(404);
    await sidecar.remove();
  });

  test('are told to wait on both sides; the token and made keys work on', async () => {
    const dashboardKey = 'made-up-dashboard-key';
    const sidecar = await startSidecar({
      upstream: upstream.url,
      env: { CREDENTIALS_DIR: credentialsDir(files()), DASHBOARD_API_KEY: dashboardKey },
    });
    const control = (key: string): Promise<Told> =>
      ask(sidecar, upstream, { method: 'GET', path: '/api/status', headers: bearer(key) });
    for (let count = 0; count < 20; count++) expect((await control('wrong')).status).toBe(401);
    const refused = await control('wrong');
    expect([refused.status, refused.headers['content-type']]).toEqual([429, 'application/problem+json']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'too_many_attempts', status: 429 });
    expect((await control(dashboardKey)).status).toBe(429);
    expect((await control(sidecar.token)).status).toBe(200);

    const told = await ask(sidecar, upstream, { host: 'key.example', headers: bearer(made.chosenKey) });
    checkRefused(told, 429, /Wait \d+ s/);
    expect(JSON.parse(told.body)).toMatchObject({ error: { type: 'rate_limit_error' } });
    expect(Number(told.headers['retry-after'])).toBeGreaterThan(0);
    const session = await fetch(`${sidecar.url}/ui/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: dashboardKey }),
    });
    expect(session.status).toBe(429);
    // A client with its own credential proves nothing here, so it has nothing to wait for.
    expect((await ask(sidecar, upstream, { headers: bearer(made.own) })).status).toBe(200);
    await sidecar.remove();
  });
});

test('a credentials directory that cannot be read keeps nobody from starting, and is told', async () => {
  const dir = join(credentialsDir({}), 'a-file');
  writeFileSync(dir, 'where the directory should be');
  const sidecar = await startSidecar({ upstream: upstream.url, env: { CREDENTIALS_DIR: dir } });
  const { credentials } = (await (await sidecar.api('/api/status')).json()) as {
    credentials: { problems: string[] };
  };
  expect(credentials.problems).toEqual([expect.stringContaining(`${dir} cannot be read`)]);
  expect((await ask(sidecar, upstream, { headers: bearer(made.own) })).status).toBe(200);
  await sidecar.remove();
});
