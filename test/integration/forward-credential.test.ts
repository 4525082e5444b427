import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import type { UpstreamCredential } from '../../src/sidecar/core/upstream-credential.ts';
import { cleanups, errorOf, post, reply, setUp } from '../support/forwarding.ts';
import { eventually } from '../support/proxy-target.ts';

/** A login whose token comes when the test says so. */
function login(accountId: string | null = null): {
  credential: UpstreamCredential;
  token: PromiseWithResolvers<string>;
  asked: () => number;
} {
  const token = Promise.withResolvers<string>();
  let asked = 0;
  const credential: UpstreamCredential = {
    accountId,
    identity: { kind: 'bearer', text: 'made-up-file' },
    auth: {
      type: 'oauth',
      token: () => {
        asked++;
        return token.promise;
      },
      renewed: () => Promise.resolve(null),
    },
  };
  return { credential, token, asked: () => asked };
}

const own = ['x-api-key', 'made-up-own-key', 'Content-Type', 'application/json'];

/** The values of a header in a raw list. */
const valuesOf = (raw: readonly string[], wanted: string): string[] =>
  raw.filter((_, index) => index % 2 === 1 && raw[index - 1]!.toLowerCase() === wanted);

test.each<['length' | 'chunked', string]>([
  ['length', '/v1/messages'],
  ['chunked', '/v1/messages'],
  ['length', '/v1/files'],
  ['chunked', '/v1/files'],
])('a %s body to %s waits for the token and then goes up whole', async (framing, target) => {
  const { credential, token, asked } = login();
  const setup = await setUp(() => reply('done'), { credential });
  const body = Buffer.alloc(300_000, 'x');
  const answer = setup.client.send(setup.target.baseUrl, post(body, { target, framing, rawHeaders: own }));
  await eventually(() => asked() === 1);
  expect(setup.upstream.requests).toEqual([]);
  token.resolve('made-up-token');
  expect((await answer).body.toString()).toBe('done');
  const [request] = setup.upstream.requests;
  expect(request?.body.equals(body)).toBe(true);
  expect(valuesOf(request?.rawHeaders ?? [], 'authorization')).toEqual(['Bearer made-up-token']);
  expect(valuesOf(request?.rawHeaders ?? [], 'x-api-key')).toEqual([]);
  expect(asked()).toBe(1);
});

test('without a token the client hears the sentence, and the connection goes on', async () => {
  const { credential, token } = login('acc_made_up');
  const { upstream, target, client } = await setUp(() => reply('done'), { credential });
  token.promise.catch(() => undefined);
  token.reject(new Error('The made-up login has expired.'));
  for (const path of ['/v1/messages', '/v1/files']) {
    const answer = await client.send(target.baseUrl, post('{"a":1}', { target: path }));
    expect([answer.status, answer.complete]).toEqual([401, true]);
    expect(valuesOf(answer.rawHeaders, 'www-authenticate')).toEqual(['Bearer']);
    expect(errorOf(answer.body).error).toMatchObject({
      type: 'authentication_error',
      message: expect.stringContaining('The made-up login has expired.') as string,
    });
  }
  expect(upstream.requests).toEqual([]);
  target.journal.flush();
  expect(target.journaled()[0]).toMatchObject({
    head: { accountId: 'acc_made_up' },
    responseHead: { status: 401, ours: true },
    end: { error: { code: 'unauthorized' } },
  });
});

test('a client that leaves while the token is fetched leaves nothing behind', async () => {
  const { credential, token, asked } = login();
  const { upstream, target } = await setUp(() => reply('done'), { credential });
  const url = new URL(target.baseUrl);
  const socket = connect(Number(url.port), url.hostname);
  cleanups.push(() => {
    socket.destroy();
  });
  socket.write('POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await eventually(() => asked() === 1);
  socket.destroy();
  await eventually(() => target.proxy.active() === 0);
  token.resolve('made-up-token');
  await token.promise;
  await new Promise(setImmediate);
  expect(upstream.requests).toEqual([]);
  target.journal.flush();
  expect(target.journaled()[0]?.end?.reason).toBe('client-aborted');
});

test('a shutdown does not wait for a token', async () => {
  const { credential, asked } = login();
  const { target, client } = await setUp(() => reply('done'), { credential });
  const answer = client.send(target.baseUrl, post('{}'));
  await eventually(() => asked() === 1);
  await target.proxy.close(0);
  expect((await answer).status).toBe(503);
});

const refusal = reply('{"type":"error"}', {
  status: 401,
  reason: 'Not Now',
  rawHeaders: ['Content-Type', 'application/json', 'X-Upstream', 'kept'],
  framing: 'length',
});

/** A log-in whose token is `first`, and then what `renewed` says; `refused`: the tokens it was asked to replace. */
function renewable(renewed: string | null): { credential: UpstreamCredential; refused: string[] } {
  const refused: string[] = [];
  const credential: UpstreamCredential = {
    accountId: null,
    identity: { kind: 'bearer', text: 'made-up-file' },
    auth: {
      type: 'oauth',
      token: () => Promise.resolve('first'),
      renewed: (token) => {
        refused.push(token);
        return Promise.resolve(renewed);
      },
    },
  };
  return { credential, refused };
}

test.each<{
  what: string;
  target: string;
  renewed: string | null;
  good: string;
  status: number;
  tokens: string[];
}>([
  {
    what: 'another token',
    target: '/v1/messages',
    renewed: 'second',
    good: 'second',
    status: 200,
    tokens: ['first', 'second'],
  },
  {
    what: 'another one that is refused too',
    target: '/v1/messages',
    renewed: 'second',
    good: 'third',
    status: 401,
    tokens: ['first', 'second'],
  },
  {
    what: 'no other token',
    target: '/v1/messages',
    renewed: null,
    good: 'second',
    status: 401,
    tokens: ['first'],
  },
  {
    what: 'a body that streams',
    target: '/v1/files',
    renewed: 'second',
    good: 'second',
    status: 401,
    tokens: ['first'],
  },
])('a 401 for a log-in, $what: $status', async ({ target: path, renewed, good, status, tokens }) => {
  const { credential, refused } = renewable(renewed);
  const { upstream, target, client } = await setUp(
    ({ rawHeaders }) =>
      valuesOf(rawHeaders, 'authorization')[0] === `Bearer ${good}` ? reply('done') : refusal,
    { credential },
  );
  const body = Buffer.alloc(100_000, 'x');
  const answer = await client.send(target.baseUrl, post(body, { target: path, rawHeaders: own }));
  expect([answer.status, answer.complete, refused]).toEqual([status, true, ['first']]);
  expect(upstream.requests.map(({ rawHeaders }) => valuesOf(rawHeaders, 'authorization')[0])).toEqual(
    tokens.map((token) => `Bearer ${token}`),
  );
  expect(upstream.requests.every((request) => request.body.equals(body))).toBe(true);
  if (status === 401) {
    expect([answer.reason, answer.body.toString()]).toEqual(['Not Now', '{"type":"error"}']);
    expect(valuesOf(answer.rawHeaders, 'x-upstream')).toEqual(['kept']);
  }
  target.journal.flush();
  expect(target.journaled()).toMatchObject([{ responseHead: { status, ours: false } }]);
});

test('a client that leaves while a refused token is renewed', async () => {
  const renewed = Promise.withResolvers<string | null>();
  const asked = Promise.withResolvers<undefined>();
  const { credential } = renewable(null);
  if (credential.auth.type !== 'oauth') throw new Error('unreachable');
  credential.auth.renewed = () => {
    asked.resolve(undefined);
    return renewed.promise;
  };
  const { upstream, target } = await setUp(() => refusal, { credential });
  const url = new URL(target.baseUrl);
  const socket = connect(Number(url.port), url.hostname);
  socket.write('POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await asked.promise;
  socket.destroy();
  await eventually(() => target.proxy.active() === 0);
  renewed.resolve('second');
  await new Promise(setImmediate);
  expect(upstream.requests).toHaveLength(1);
});

test('the journal has the stored credential’s fingerprint and account, and neither credential', async () => {
  const apiKey: UpstreamCredential = {
    accountId: 'acc_made_up',
    identity: { kind: 'api-key', text: 'made-up-stored-key' },
    auth: { type: 'api_key', key: 'made-up-stored-key' },
  };
  const { target, client } = await setUp(() => reply('done'), { credential: apiKey });
  await client.send(target.baseUrl, post('{}', { rawHeaders: own }));
  target.journal.flush();
  const [exchange] = target.journaled();
  expect(exchange?.head).toMatchObject({
    accountId: 'acc_made_up',
    credential: {
      kind: 'api-key',
      fingerprint: createHmac('sha256', 'salt').update('made-up-stored-key').digest('hex'),
    },
  });
  expect(JSON.stringify(exchange?.head)).not.toMatch(/made-up-(?:own|stored)/);
});
