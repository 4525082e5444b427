import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RequestPage } from '../../src/protocol/rows.ts';
import { PROTOCOL_VERSION, type FailedLine, type ReadyLine } from '../../src/protocol/status.ts';
import type { LockRecord } from '../../src/sidecar/lock.ts';
import { ownIdentity } from '../../src/sidecar/process-identity.ts';
import { ask, askToTheEnd } from '../support/ask.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import {
  newDataDir,
  preparedDataDir,
  runServe,
  startSidecar,
  type ServeRun,
  type SidecarOptions,
  type TestSidecar,
} from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let upstream: FakeAnthropic;
beforeEach(async () => {
  upstream = await createFakeAnthropic({
    script: [
      { when: { lastUserText: /slowly/ }, reply: { content: [text('word '.repeat(400))], chunkDelay: 50 } },
      { reply: { content: [text('hello there')] } },
    ],
  });
  cleanups.push(() => upstream.close());
});

async function sidecarWith(options: SidecarOptions = {}): Promise<TestSidecar> {
  const sidecar = await startSidecar({ upstream: upstream.url, ...options });
  cleanups.push(() => sidecar.remove());
  return sidecar;
}

/** Ten at the same moment, their lines, and the one that owns. */
async function tenAtOnce(dataDir: string): Promise<{ owner: ServeRun; ready: ReadyLine }> {
  const runs = Array.from({ length: 10 }, () => runServe({ dataDir, upstream: upstream.url }));
  cleanups.push(() => runs.map((run) => run.process.kill('SIGKILL')));
  const lines = await Promise.all(runs.map((run) => run.firstLine));
  const ready = lines.filter((line) => line?.ready === true);
  expect(ready).toHaveLength(10);
  expect(new Set(ready.map((line) => `${String(line.pid)} ${line.url} ${line.token}`)).size).toBe(1);
  expect(ready.filter((line) => !line.attached)).toHaveLength(1);
  const owner = runs.find((run) => run.process.pid === ready[0]?.pid)!;
  const others = runs.filter((run) => run !== owner);
  expect(await Promise.all(others.map((run) => run.exited))).toEqual(others.map(() => 0));
  return { owner, ready: ready[0]! };
}

const lockIn = (dataDir: string): LockRecord =>
  JSON.parse(readFileSync(join(dataDir, 'sidecar.lock'), 'utf8')) as LockRecord;
const lockFiles = (dataDir: string): string[] => readdirSync(dataDir).filter((name) => name.includes('lock'));

test('a second serve prints the owner’s line and leaves', async () => {
  const owner = await sidecarWith();
  const second = runServe({ dataDir: owner.dataDir });
  expect(await second.exited).toBe(0);
  expect(await second.firstLine).toEqual({ ...owner.ready, attached: true });
});

test('after kill -9 the next one takes over, on the same port with the same keys', async () => {
  const first = await sidecarWith({ pathKey: true });
  await first.kill();
  const second = await sidecarWith({ pathKey: true, dataDir: first.dataDir });
  expect(second.pid).not.toBe(first.pid);
  expect([second.baseUrl, second.token]).toEqual([first.baseUrl, first.token]);
  expect((await ask(first.baseUrl)).status).toBe(200);
});

test('ten at once end with one; after its kill -9 at work ten more do, and nothing is lost', async () => {
  const dataDir = await preparedDataDir();
  const first = await tenAtOnce(dataDir);
  expect(lockIn(dataDir)).toMatchObject({ pid: first.ready.pid });
  const finished: string[] = [];
  for (const words of ['One.', 'Two.', 'Three.']) {
    finished.push(await askToTheEnd(first.ready.baseUrl, words));
  }
  const cut = await ask(first.ready.baseUrl, 'Count slowly.');
  const reading = cut.text();
  const broken = expect(reading).rejects.toThrow();
  // At once: nobody has asked whether any of it is recorded.
  first.owner.process.kill('SIGKILL');
  await first.owner.exited;
  await broken;
  const stale = lockIn(dataDir);
  expect(stale.pid).toBe(first.ready.pid);

  const second = await tenAtOnce(dataDir);
  expect(second.ready.pid).not.toBe(first.ready.pid);
  expect([second.ready.url, second.ready.token]).toEqual([first.ready.url, first.ready.token]);
  const lock = lockIn(dataDir);
  expect(lock.pid).toBe(second.ready.pid);
  expect(lock.nonce).not.toBe(stale.nonce);
  expect(lockFiles(dataDir)).toEqual(['sidecar.lock']);

  finished.push(await askToTheEnd(second.ready.baseUrl, 'Four.'));
  const states = await until('all five exchanges', 60_000, async () => {
    const answer = await fetch(`${second.ready.url}/api/requests`, {
      headers: { authorization: `Bearer ${second.ready.token}` },
    });
    if (!answer.ok) return undefined;
    const { requests } = (await answer.json()) as RequestPage;
    const settled = requests.length === 5 && requests.every((row) => row.state !== 'running');
    // Its file goes once its rows are committed.
    if (readdirSync(join(dataDir, 'journal')).length > 0) return undefined;
    return settled ? new Map(requests.map((row) => [row.requestId, row.state])) : undefined;
  });
  expect(finished.map((id) => states.get(id))).toEqual(finished.map(() => 'completed'));
  expect(states.get(cut.headers.get('x-nexus-request-id') ?? '')).toBe('interrupted');
  second.owner.process.kill('SIGTERM');
  expect(await second.owner.exited).toBe(0);
  expect(lockFiles(dataDir)).toEqual([]);
});

/** A lock that a living process of that version holds: this one. */
function lockOf(dataDir: string, protocolVersion: number): LockRecord {
  const record = { ...ownIdentity(), nonce: 'its-nonce', port: 4711, protocolVersion };
  writeFileSync(join(dataDir, 'sidecar.lock'), JSON.stringify(record));
  return record;
}

const newer = PROTOCOL_VERSION + 1;
const older = PROTOCOL_VERSION - 1;
const said = { version: '9.8.7', url: 'http://127.0.0.1:4711', token: 'made-up' };

test.each([
  ['a newer one, ready', newer, { nonce: 'its-nonce', ready: { ...said, strange: [] } }, said],
  ['an older one, ready', older, { nonce: 'its-nonce', ready: said }, said],
  ['one that is starting', newer, null, { version: null, url: null, token: null }],
  ['one beside the file of an earlier owner', older, { nonce: 'another', ready: said }, { version: null }],
  ['one whose file cannot be read', newer, { nonce: 'its-nonce', ready: { version: 7 } }, { version: null }],
])('an owner of another protocol is refused with both versions: %s', async (_name, protocol, file, known) => {
  const dataDir = newDataDir();
  const lock = lockOf(dataDir, protocol);
  if (file !== null) writeFileSync(join(dataDir, 'owner.json'), JSON.stringify(file));
  const run = runServe({ dataDir });
  expect(await run.exited).toBe(1);
  const line = (await run.firstLine) as FailedLine;
  expect(line).toMatchObject({
    ready: false,
    code: 'other_version',
    owner: { pid: process.pid, protocolVersion: protocol, ...known },
  });
  expect(line.detail).toContain(dataDir);
  expect(line.detail).toMatch(
    new RegExp(`protocol ${String(protocol)}; .*protocol ${String(PROTOCOL_VERSION)}\\.`),
  );
  if (line.owner?.version !== null) expect(line.detail).toContain('version 9.8.7');
  // What to do: the newer one may stay where it is, the older one may go.
  const way = protocol > PROTOCOL_VERSION ? 'Update this one' : 'VS Code does that by itself';
  expect(line.detail).toContain(way);
  expect(line.detail).toContain(`process ${String(process.pid)}`);
  expect(line.detail).not.toContain('made-up');
  expect(run.stderr()).toBe(`claude-nexus: ${line.detail}\n`);
  expect(lockIn(dataDir)).toEqual(lock);
});

test('a dead owner of another protocol is taken over', async () => {
  const first = await sidecarWith();
  await first.kill();
  const lock = { ...lockIn(first.dataDir), protocolVersion: newer };
  writeFileSync(join(first.dataDir, 'sidecar.lock'), JSON.stringify(lock));
  const second = await sidecarWith({ dataDir: first.dataDir });
  expect(second.ready.attached).toBe(false);
});
