import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCredentialFile } from '../../src/sidecar/credentials/credential-file.ts';
import { createTokenKeeper, type TokenKeeper } from '../../src/sidecar/credentials/oauth-keeper.ts';
import { withFileLock } from '../../src/sidecar/credentials/file-lock.ts';
import { NexusError } from '../../src/sidecar/errors.ts';
import { ownIdentity } from '../../src/sidecar/process-identity.ts';
import { jsonIn, OTHER_MEMBERS, tokensIn, writeOauthFile } from '../support/credentials.ts';
import {
  CLIENT_ID,
  createFakeTokenEndpoint,
  type FakeTokenEndpoint,
} from '../support/fake-token-endpoint.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let dir: string;
let endpoint: FakeTokenEndpoint;
let now: number;
let logged: string[];
let keeper: TokenKeeper;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-oauth-'));
  endpoint = await createFakeTokenEndpoint();
  now = Date.now();
  logged = [];
  keeper = newKeeper();
});
afterEach(async () => {
  await endpoint.close();
  rmSync(dir, { recursive: true });
});

function newKeeper(options: { tokenUrl?: string; timeoutMs?: number } = {}): TokenKeeper {
  const log = (message: string, fields?: Record<string, unknown>): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  return createTokenKeeper({
    clientId: CLIENT_ID,
    tokenUrl: endpoint.url,
    now: () => now,
    log: { debug: log, info: log, warn: log, error: log },
    ...options,
  });
}

/** A file whose token ends `inMs` from now. */
function fileEnding(inMs: number, refreshToken = endpoint.issue()): string {
  return writeOauthFile(dir, refreshToken, now + inMs);
}

const ask = (path: string, by = keeper): Promise<string> => by.tokenOf(path, readCredentialFile(path));

/** The error's code, or the token. */
async function outcome(asked: Promise<string>): Promise<string> {
  try {
    return await asked;
  } catch (error) {
    return error instanceof NexusError ? `${error.code}: ${error.message}` : String(error);
  }
}

/** A process with a keeper of its own; what it says, in order. */
async function asker(
  path: string,
): Promise<{ child: ChildProcess; said: (what: RegExp) => Promise<string> }> {
  const script = fileURLToPath(new URL('../support/token-asker.ts', import.meta.url));
  const child = fork(script, [path, endpoint.url], { execArgv: [] });
  const words: string[] = [];
  child.on('message', (word: string) => words.push(word));
  const said = async (what: RegExp): Promise<string> => {
    for (;;) {
      const word = words.find((each) => what.test(each));
      if (word !== undefined) return word;
      await once(child, 'message');
    }
  };
  await said(/ready/);
  return { child, said };
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('when a token is refreshed', () => {
  test.each([
    { what: 'an hour left', left: HOUR, refreshed: false },
    { what: 'a minute and a millisecond left', left: MINUTE + 1, refreshed: false },
    { what: 'exactly a minute left', left: MINUTE, refreshed: true },
    { what: 'ended', left: -HOUR, refreshed: true },
  ])('$what: $refreshed', async ({ left, refreshed }) => {
    const path = fileEnding(left);
    const token = await ask(path);
    expect(endpoint.requests.length).toBe(refreshed ? 1 : 0);
    expect(token !== 'sk-ant-oat01-old').toBe(refreshed);
  });

  test('its end is by our clock, however wrong the endpoint’s is', async () => {
    for (const skewMs of [-24 * HOUR, 24 * HOUR]) {
      endpoint.skewMs = skewMs;
      const path = fileEnding(-1);
      await ask(path);
      expect(tokensIn(path).expiresAt).toBe(now + 8 * HOUR);
    }
  });

  test('what the caller knows may be old: what lies on the disk counts', async () => {
    const path = fileEnding(0);
    const known = readCredentialFile(path);
    const token = await keeper.tokenOf(path, known);
    expect(await keeper.tokenOf(path, known)).toBe(token);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('the request says what Anthropic’s endpoint wants to know', async () => {
    const refreshToken = endpoint.issue();
    await ask(fileEnding(0, refreshToken));
    expect(endpoint.requests).toEqual([
      { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: CLIENT_ID },
    ]);
  });
});

describe('a token the upstream refuses before its time', () => {
  const refusedToken = 'sk-ant-oat01-old';

  test('is renewed once for all who were refused', async () => {
    const path = fileEnding(HOUR);
    const tokens = await Promise.all([1, 2, 3].map(() => keeper.renewed(path, refusedToken)));
    expect(new Set(tokens)).toEqual(new Set([tokensIn(path).accessToken]));
    expect(tokens[0]).not.toBe(refusedToken);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('the disk’s is taken where somebody else has renewed it', async () => {
    const path = fileEnding(HOUR);
    expect(await keeper.renewed(path, 'sk-ant-oat01-older')).toBe(refusedToken);
    expect(endpoint.requests).toEqual([]);
  });

  test('one that was just given out is not renewed again for a minute', async () => {
    const path = fileEnding(HOUR);
    const second = await keeper.renewed(path, refusedToken);
    expect(await keeper.renewed(path, second!)).toBeNull();
    now += MINUTE;
    expect(await keeper.renewed(path, second!)).toBe(tokensIn(path).accessToken);
    expect(endpoint.requests).toHaveLength(2);
  });

  test('where the endpoint refuses, the upstream’s answer stands', async () => {
    const path = fileEnding(HOUR, 'sk-ant-ort01-unknown');
    expect(await keeper.renewed(path, refusedToken)).toBeNull();
    expect(await keeper.renewed(path, refusedToken)).toBeNull();
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe('one refresh for all who wait', () => {
  test('five requests at once', async () => {
    const path = fileEnding(-HOUR);
    const tokens = await Promise.all(Array.from({ length: 5 }, () => ask(path)));
    expect(new Set(tokens)).toEqual(new Set([tokensIn(path).accessToken]));
    expect(endpoint.requests).toHaveLength(1);
    expect(keeper.metrics.snapshot()).toMatchObject({ attempts: 1, successes: 1, waitsShared: 4 });
  });

  test('five requests at once, and the endpoint is away: it is asked once', async () => {
    const path = fileEnding(-HOUR);
    endpoint.misbehave({ status: 500 });
    const said = await Promise.all(Array.from({ length: 5 }, () => outcome(ask(path))));
    expect(new Set(said).size).toBe(1);
    expect(said[0]).toMatch(/^login_unreachable/);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('the one that began it leaves: the others get theirs', async () => {
    const path = fileEnding(-HOUR);
    const held = endpoint.hold();
    const left = Promise.race([ask(path), held.arrived.then(() => 'left')]);
    const waiting = ask(path);
    expect(await left).toBe('left');
    held.release();
    expect(await waiting).toBe(tokensIn(path).accessToken);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('two keepers on one file', async () => {
    const path = fileEnding(-HOUR);
    const other = newKeeper();
    const [a, b] = await Promise.all([ask(path), ask(path, other)]);
    expect(a).toBe(b);
    expect(endpoint.requests).toHaveLength(1);
    expect(other.metrics.snapshot()).toMatchObject({ attempts: 0, waitsShared: 1 });
  });

  test('two processes on one file', async () => {
    const path = fileEnding(-HOUR);
    const askers = await Promise.all([asker(path), asker(path)]);
    const held = endpoint.hold();
    for (const { child } of askers) child.send('go');
    await Promise.all([held.arrived, ...askers.map(({ said }) => said(/asking/))]);
    held.release();
    const tokens = await Promise.all(askers.map(({ said }) => said(/^sk-ant|_/)));
    for (const { child } of askers) child.kill();
    expect(tokens).toEqual([tokensIn(path).accessToken, tokensIn(path).accessToken]);
    expect(endpoint.requests).toHaveLength(1);
    expect(readdirSync(dir)).toEqual(['example.com.credentials.json']);
  });
});

describe('write-back', () => {
  test('rotates, and keeps the other members and the mode', async () => {
    const first = endpoint.issue();
    const path = fileEnding(-HOUR, first);
    chmodSync(path, 0o600);
    await ask(path);
    const second = tokensIn(path).refreshToken;
    now += 9 * HOUR;
    await ask(path);
    expect(endpoint.requests.map((each) => each['refresh_token'])).toEqual([first, second]);
    expect(jsonIn(path)).toMatchObject({ type: 'oauth', ...OTHER_MEMBERS });
    expect(tokensIn(path)).toMatchObject({
      expiresAt: now + 8 * HOUR,
      scopes: ['user:inference', 'user:profile'],
      isMax: true,
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('an endpoint that does not rotate, and does not say how long: the old one stays, for an hour', async () => {
    endpoint.rotates = false;
    endpoint.expiresIn = undefined;
    const refreshToken = endpoint.issue();
    const path = fileEnding(-HOUR, refreshToken);
    await ask(path);
    expect(tokensIn(path)).toMatchObject({ refreshToken, expiresAt: now + HOUR });
  });

  test('a log-in that is written meanwhile wins', async () => {
    const path = fileEnding(-HOUR);
    const held = endpoint.hold();
    const asked = ask(path);
    await held.arrived;
    writeOauthFile(dir, 'sk-ant-ort01-by-hand', now + HOUR);
    held.release();
    expect(await asked).toBe('sk-ant-oat01-old');
    expect(tokensIn(path).refreshToken).toBe('sk-ant-ort01-by-hand');
  });

  test('a file that cannot be written for now: the new token is used, and written later', async () => {
    const path = fileEnding(-HOUR);
    const good = readCredentialFile(path);
    const held = endpoint.hold();
    const asked = ask(path);
    await held.arrived;
    writeFileSync(path, '{ half');
    held.release();
    const token = await asked;
    expect(token).toMatch(/^sk-ant-oat01-made-up/);
    expect(logged.join()).toContain('no file to be written to');
    writeFileSync(path, JSON.stringify(good));
    expect(await ask(path)).toBe(token);
    expect(tokensIn(path).accessToken).toBe(token);
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe('the lock', () => {
  test('of a dead process is taken over', async () => {
    const path = fileEnding(-HOUR);
    const dead = { ...ownIdentity(), pid: await deadPid(), nonce: 'dead', port: 0, protocolVersion: 1 };
    writeFileSync(`${path}.lock`, JSON.stringify(dead));
    expect(await ask(path)).toBe(tokensIn(path).accessToken);
    expect(readdirSync(dir)).toEqual(['example.com.credentials.json']);
  });

  test('of one that may live elsewhere is waited for, then named', async () => {
    const path = fileEnding(-HOUR);
    const far = { ...ownIdentity(), host: 'elsewhere', bootId: 'other', nonce: 'far', port: 0 };
    writeFileSync(`${path}.lock`, JSON.stringify({ ...far, protocolVersion: 1 }));
    const locked = withFileLock(path, () => Promise.resolve('in'), 0);
    await expect(locked).rejects.toThrow(/another machine or container holds .*\.lock; .*delete that file/);
  });

  test('of a living one is waited for', async () => {
    const path = fileEnding(-HOUR);
    const inside = Promise.withResolvers<undefined>();
    const first = withFileLock(path, () => inside.promise);
    await expect(withFileLock(path, () => Promise.resolve(), 0)).rejects.toThrow(
      `process ${String(process.pid)} holds`,
    );
    const asked = ask(path);
    inside.resolve(undefined);
    await first;
    expect(await asked).toBe(tokensIn(path).accessToken);
  });

  test('a crash between refresh and write-back leaves a whole file and a sentence', async () => {
    const path = fileEnding(-HOUR);
    const before = jsonIn(path);
    const { child, said } = await asker(path);
    const held = endpoint.hold();
    child.send('go');
    await said(/asking/);
    await held.arrived;
    child.kill('SIGKILL');
    await once(child, 'exit');
    held.release();
    expect(await outcome(ask(path))).toMatch(
      /^login_refused: .*example\.com \(400 invalid_grant\).* claude-nexus auth login example\.com$/,
    );
    expect(jsonIn(path)).toEqual(before);
  });
});

describe('refused', () => {
  test('remembered for half a minute, by other processes too; said without the endpoint’s words', async () => {
    const path = fileEnding(-HOUR, 'sk-ant-ort01-unknown');
    const first = await outcome(ask(path));
    expect(first).toMatch(/^login_refused: .*claude-nexus auth login example\.com$/);
    now += 29_000;
    expect(await outcome(ask(path))).toBe(first);
    expect(await outcome(ask(path, newKeeper()))).toBe(first);
    expect(endpoint.requests).toHaveLength(1);
    now += 1000;
    expect(await outcome(ask(path))).toBe(first);
    expect(endpoint.requests).toHaveLength(2);
    expect(logged.join()).not.toMatch(/sk-ant|secret detail/);
    expect(statSync(`${path}.refused`).mode & 0o777).toBe(0o600);
    expect(keeper.metrics.snapshot()).toMatchObject({
      attempts: 2,
      refusals: 2,
      domains: [{ domain: 'example.com', lastRefusalAt: new Date(now).toISOString() }],
    });
  });

  test('a new log-in counts at once', async () => {
    const path = fileEnding(-HOUR, 'sk-ant-ort01-unknown');
    await outcome(ask(path));
    fileEnding(-HOUR);
    expect(await ask(path)).toBe(tokensIn(path).accessToken);
    expect(readdirSync(dir)).toEqual(['example.com.credentials.json']);
  });

  test('in its last minute the token is used all the same', async () => {
    const path = fileEnding(MINUTE / 2, 'sk-ant-ort01-unknown');
    expect(await ask(path)).toBe('sk-ant-oat01-old');
    now += MINUTE / 2;
    expect(await outcome(ask(path))).toMatch(/^login_refused/);
  });

  test('a client id it does not know is no reason to log in only', async () => {
    endpoint.misbehave({ status: 403, body: '<html>' });
    expect(await outcome(ask(fileEnding(-HOUR)))).toMatch(/\(403\)\. Check CLAUDE_OAUTH_CLIENT_ID/);
  });
});

describe('out of reach', () => {
  test.each([
    { what: 'a connection that breaks', how: { cut: 'before' }, why: /cannot be reached/ },
    { what: 'an error of its own', how: { status: 500, body: 'sk-ant-secret' }, why: /answered 500\./ },
    { what: 'too many requests', how: { status: 429 }, why: /answered 429/ },
    { what: 'no tokens', how: { status: 200, body: '{}' }, why: /answered without tokens/ },
    { what: 'too much', how: { status: 200, body: ' '.repeat(100_000) }, why: /answered without tokens/ },
    {
      what: 'a redirect',
      how: { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      why: /answered 307, a redirect, which is not followed/,
    },
  ] as const)('$what: the token is used until it ends, then a sentence', async ({ how, why }) => {
    endpoint.misbehave(how);
    endpoint.misbehave(how);
    const path = fileEnding(MINUTE / 2);
    expect(await ask(path)).toBe('sk-ant-oat01-old');
    expect(await ask(path)).toBe('sk-ant-oat01-old');
    expect(endpoint.requests).toHaveLength(1);
    now += MINUTE / 2;
    const said = await outcome(ask(path));
    expect(said).toMatch(/^login_unreachable: /);
    expect(said).toMatch(why);
    expect(said + logged.join()).not.toContain('sk-ant');
    now += 5000;
    expect(await ask(path)).toBe(tokensIn(path).accessToken);
    expect(endpoint.requests).toHaveLength(3);
  });

  test('silence ends', async () => {
    endpoint.misbehave({ silent: true });
    expect(await outcome(ask(fileEnding(-1), newKeeper({ timeoutMs: 50 })))).toMatch(
      /no answer within 0\.05 s/,
    );
  });

  test('where no lock can be made nothing is used up', async () => {
    const path = fileEnding(-HOUR);
    mkdirSync(`${path}.lock`);
    const said = await outcome(ask(path));
    expect(said).toMatch(/^login_unreachable: .* cannot be written \(EISDIR.*Give this user the right/);
    expect(endpoint.requests).toHaveLength(0);
  });
});

test('a refresh by hand asks at once, and anew', async () => {
  const path = fileEnding(HOUR);
  endpoint.misbehave({ status: 500 });
  expect(await outcome(keeper.refreshNow(path))).toMatch(/^login_unreachable/);
  expect(await keeper.refreshNow(path)).toBe(tokensIn(path).accessToken);
  expect(endpoint.requests).toHaveLength(2);
});

test('a file of another type, or a broken one, is named', async () => {
  const path = join(dir, 'b.credentials.json');
  writeFileSync(path, JSON.stringify({ type: 'api_key', api_key: 'sk-ant-made-up' }));
  expect(await outcome(ask(path))).toMatch(/^invalid_credential_file: .*b\.credentials\.json/);
  expect(await outcome(keeper.refreshNow(path))).toMatch(/^invalid_credential_file: .*type: is not oauth/);
});
