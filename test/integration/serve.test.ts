import { createServer, type Server } from 'node:http';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { PROTOCOL_VERSION, type FailedLine } from '../../src/protocol/status.ts';
import { ask } from '../support/ask.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import {
  newDataDir,
  preparedDataDir,
  runServe,
  startSidecar,
  type SidecarOptions,
  type TestSidecar,
} from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 60_000;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function sidecarWith(options: SidecarOptions = {}): Promise<TestSidecar> {
  const sidecar = await startSidecar(options);
  cleanups.push(() => sidecar.remove());
  return sidecar;
}

async function upstreamWith(options: Parameters<typeof createFakeAnthropic>[0] = {}): Promise<FakeAnthropic> {
  const fake = await createFakeAnthropic({
    script: [{ reply: { content: [text('hello there')] } }],
    ...options,
  });
  cleanups.push(() => fake.close());
  return fake;
}

/** A program that has the port already. */
async function occupyPort(port = 0): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** A start that must fail: its line, its sentence, its exit code. */
async function checkFails(
  options: SidecarOptions,
  code: FailedLine['code'],
  sentence: RegExp,
): Promise<void> {
  const run = runServe(options);
  expect(await run.exited).toBe(1);
  const line = await run.firstLine;
  expect(line).toMatchObject({ ready: false, code });
  expect((line as FailedLine).detail).toMatch(sentence);
  expect(run.stdout().trim().split('\n')).toHaveLength(1);
  expect(run.stderr()).toBe(`claude-nexus: ${(line as FailedLine).detail}\n`);
}

describe('ready', () => {
  test('one line says where it is; its secrets are nobody else’s and not in the log', async () => {
    const sidecar = await sidecarWith();
    expect(sidecar.ready).toMatchObject({
      ready: true,
      attached: false,
      pid: sidecar.process.pid,
      protocolVersion: PROTOCOL_VERSION,
    });
    expect(sidecar.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(sidecar.token.length).toBeGreaterThanOrEqual(40);
    for (const name of ['state.json', 'owner.json', 'sidecar.lock', 'logs/sidecar.log']) {
      expect([name, statSync(join(sidecar.dataDir, name)).mode & 0o077]).toEqual([name, 0]);
    }
    expect(statSync(sidecar.dataDir).mode & 0o077).toBe(0);
    await sidecar.stop();
    expect(readFileSync(join(sidecar.dataDir, 'logs/sidecar.log'), 'utf8')).not.toContain(sidecar.token);
  });

  test('it does not die with whoever read the line', async () => {
    const sidecar = await sidecarWith();
    sidecar.process.stdout?.destroy();
    sidecar.process.stderr?.destroy();
    expect((await sidecar.api('/api/status')).status).toBe(200);
  });
});

describe('what is in the way is said with a way out', () => {
  test('port taken', async () => {
    const port = await occupyPort();
    const dataDir = newDataDir();
    await checkFails(
      { port, dataDir },
      'port_in_use',
      new RegExp(`127\\.0\\.0\\.1:${String(port)} .*--port`),
    );
    // Nothing stays behind that would keep the next one from starting.
    expect(existsSync(join(dataDir, 'sidecar.lock'))).toBe(false);
    await sidecarWith({ dataDir });
  });

  test('a kept port that somebody else has by now is replaced', async () => {
    const first = await sidecarWith();
    await first.stop();
    const taken = await occupyPort(Number(new URL(first.url).port));
    const second = await sidecarWith({ dataDir: first.dataDir });
    expect(new URL(second.url).port).not.toBe(String(taken));
    await second.stop();
    const third = await sidecarWith({ dataDir: first.dataDir });
    expect(third.url).toBe(second.url);
  });

  test('data directory not writable', async () => {
    const file = join(newDataDir(), 'file');
    writeFileSync(file, '');
    await checkFails({ dataDir: join(file, 'data') }, 'data_dir_not_writable', /file\/data .*--data-dir/);
    // Where nobody may create anything, and the file system says so in an unusual way.
    if (process.platform === 'linux') {
      await checkFails({ dataDir: '/proc/nexus' }, 'data_dir_not_writable', /\/proc\/nexus .*--data-dir/);
    }
  });

  test('settings that cannot be', async () => {
    await checkFails({ args: ['--host=0.0.0.0'] }, 'invalid_option', /--host.*0\.0\.0\.0/);
    await checkFails({ upstream: 'http://claude.example' }, 'invalid_option', /--upstream.*https/);
    await checkFails({ args: ['--upsteam=x'] }, 'invalid_option', /--upsteam.*--upstream/);
    await checkFails(
      { env: { DATABASE_URL: 'mysql://u:hunter2@h/d' } },
      'invalid_option',
      /^DATABASE_URL(?!.*hunter2)/,
    );
  });
});

describe('traffic goes on', () => {
  test('without a database, and the status says so', async () => {
    const upstream = await upstreamWith();
    const databaseUrl = 'postgresql://nobody:hunter2@127.0.0.1:1/none';
    const sidecar = await sidecarWith({ upstream: upstream.url, databaseUrl });
    expect((await ask(sidecar.baseUrl, 'hi', { stream: false })).status).toBe(200);
    const status = await until('the reason', LIMIT_MS, async () => {
      const answer = await (await sidecar.api('/api/status')).text();
      return answer.includes('"lastError":null') ? undefined : answer;
    });
    expect(JSON.parse(status)).toMatchObject({ database: { engine: 'postgresql', version: null } });
    expect(status).not.toContain('hunter2');
    const answer = await sidecar.api('/api/conversations');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'database_unavailable' });
    expect(await (await fetch(`${sidecar.url}/health`)).json()).toMatchObject({
      status: 'degraded',
      database: 'away',
    });
    expect((await fetch(`${sidecar.url}/health/ready`)).status).toBe(200);
    expect(await sidecar.stop()).toBe(0);
    expect(readFileSync(join(sidecar.dataDir, 'logs/sidecar.log'), 'utf8')).not.toContain('hunter2');
  });

  test('with recording switched off', async () => {
    const upstream = await upstreamWith();
    const sidecar = await sidecarWith({ upstream: upstream.url, env: { STORAGE_ENABLED: 'false' } });
    expect((await ask(sidecar.baseUrl, 'hi', { stream: false })).status).toBe(200);
    expect(readdirSync(join(sidecar.dataDir, 'journal'))).toEqual([]);
  });

  test('an unreachable upstream is a 502 that its client understands', async () => {
    const sidecar = await sidecarWith({ upstream: 'http://127.0.0.1:1' });
    const answer = await ask(sidecar.baseUrl, 'hi', { stream: false });
    expect(answer.status).toBe(502);
    const body = (await answer.json()) as { error: { message: string } };
    expect(body).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect(body.error.message).toContain('http://127.0.0.1:1');
  });
});

describe('the end', () => {
  test('an open stream is finished first; a newcomer waits and then owns', async () => {
    const upstream = await upstreamWith({ chunkDelay: 20, chunkChars: 1 });
    const sidecar = await sidecarWith({ upstream: upstream.url });
    const answer = await ask(sidecar.baseUrl);
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let body = (await reader.read()).value ?? '';
    const stopped = sidecar.stop();
    for (let part = await reader.read(); !part.done; part = await reader.read()) body += part.value;
    expect(body).toContain('message_stop');
    const next = await sidecarWith({ upstream: upstream.url, dataDir: sidecar.dataDir });
    expect(await stopped).toBe(0);
    expect(next.ready.attached).toBe(false);
  });

  test('a stream that does not end is cut after the grace', async () => {
    const upstream = await upstreamWith({ chunkDelay: 3_600_000 });
    const sidecar = await sidecarWith({ upstream: upstream.url, env: { NEXUS_SHUTDOWN_GRACE_MS: '200' } });
    const answer = await ask(sidecar.baseUrl);
    const stopped = sidecar.stop();
    await answer.text().catch(() => 'cut');
    expect(await stopped).toBe(0);
  });

  test('a window can ask for it', async () => {
    const sidecar = await sidecarWith();
    const headers = { 'content-type': 'application/json' };
    expect((await sidecar.api('/api/shutdown', { method: 'POST', headers, body: '{}' })).status).toBe(202);
    await until('the end', LIMIT_MS, () => Promise.resolve(sidecar.process.exitCode ?? undefined));
    expect(sidecar.process.exitCode).toBe(0);
    expect(existsSync(join(sidecar.dataDir, 'owner.json'))).toBe(false);
  });

  test('nobody needs it: it leaves', async () => {
    const run = runServe({
      dataDir: await preparedDataDir(),
      args: ['--idle-exit'],
      env: { NEXUS_IDLE_WINDOW_MS: '50', NEXUS_IDLE_TRAFFIC_MS: '50' },
    });
    expect(await run.exited).toBe(0);
    expect(await run.firstLine).toMatchObject({ ready: true });
  });
});
