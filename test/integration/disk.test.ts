import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { RequestPage } from '../../src/protocol/rows.ts';
import { sidecarStatus, type RecorderStatus } from '../../src/protocol/status.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { verify } from '../durability/verify.ts';
import { startClients, type Sent } from '../durability/clients.ts';
import { plainPlan } from '../durability/plan.ts';
import { startUpstream } from '../durability/upstream.ts';
import { journalFiles, type JournalFiles } from '../../src/sidecar/proxy/files.ts';
import { createTestDatabase, migrationsDir } from '../support/databases.ts';
import { createFakeAnthropic, text } from '../support/fake-anthropic.mjs';
import { turn, user } from '../support/messages.ts';
import { startProxyTarget } from '../support/proxy-target.ts';
import { startRecording } from '../support/recording.ts';
import { databaseOpen, preparedDataDir, startSidecar } from '../support/sidecar.ts';
import { disks } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

// The journal's own refusal is tested below in any case.
describe.each(disks)('%s', (_name, makeDisk) => {
  test('traffic goes on, what is dropped is counted with its reason, recording resumes, the database is whole', async () => {
    const disk = makeDisk();
    cleanups.push(() => {
      disk.remove();
    });
    cpSync(await preparedDataDir(), disk.dir, { recursive: true });
    const upstream = await startUpstream();
    const sidecar = await startSidecar({ dataDir: disk.dir, upstream: upstream.url });
    cleanups.push(
      () => upstream.close(),
      () => sidecar.kill(),
    );
    await databaseOpen(sidecar);
    const status = async (): Promise<RecorderStatus> =>
      sidecarStatus.parse(await (await sidecar.api('/api/status')).json()).recorder;
    const clients = startClients({
      streams: 4,
      seed: 5,
      baseUrl: () => sidecar.baseUrl,
      plan: plainPlan,
    });
    cleanups.push(() => clients.finish());
    const sentSince = (from: number): Sent[] => clients.sent.slice(from).filter(({ completed }) => completed);
    await until('some are recorded', 60_000, async () => ((await status()).recorded > 20 ? true : undefined));

    disk.fill();
    const full = clients.sent.length;
    const during = await until('some are dropped', 60_000, async () => {
      const told = await status();
      return told.dropped > 10 && sentSince(full).length > 30 ? told : undefined;
    });
    expect(`${String(during.lastError)} ${String(during.lastDrop)}`).toMatch(/ENOSPC|EFBIG/);
    expect(clients.sent.slice(0, -8).filter(({ completed, left }) => !completed && !left)).toEqual([]);

    disk.makeRoom();
    const roomAt = clients.sent.length;
    await until('some are recorded again', 90_000, async () => {
      const told = await status();
      return told.lastError === null && sentSince(roomAt).length > 30 ? true : undefined;
    });
    await clients.finish();
    const last = clients.sent.at(-1)!;
    const told = await until('everything recorded', 120_000, async () => {
      const now = await status();
      return now.pending === 0 && now.lastError === null ? now : undefined;
    });
    expect(told).toMatchObject({ failed: 0, lastDrop: during.lastDrop });
    await until('the newest is there, whole', 60_000, async () => {
      const page = (await (await sidecar.api('/api/requests?limit=1')).json()) as RequestPage;
      return page.requests[0]?.state === 'completed' ? true : undefined;
    });
    expect(await sidecar.stop()).toBe(0);

    // What is there is right, and what is not there was counted.
    const options = { dataDir: disk.dir, databaseUrl: null, migrationsDir, creator: null };
    const verdict = await verify(clients.sent, options, join(disk.dir, 'journal'));
    const cut = verdict.problems.filter((problem) => /^corrupt: .*\(.*interrupted\)/.test(problem));
    expect(verdict.lost + verdict.ahead + cut.length).toBeLessThanOrEqual(told.dropped);
    expect(verdict.corrupt).toBe(cut.length);
    const database = await openDatabase(options);
    const row = await database.db
      .selectFrom('exchange')
      .select('state')
      .where('id', '=', last.id ?? '')
      .executeTakeFirst();
    await database.close();
    expect(row).toEqual({ state: 'completed' });
  }, 240_000);
});

test('a journal whose disk refuses: the client notices nothing, the rest is recorded and said to be cut', async () => {
  const upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello there')] } }] });
  let room = Number.POSITIVE_INFINITY;
  const files: JournalFiles = {
    ...journalFiles,
    write(fd, bytes, offset, position) {
      if (room-- > 0) return journalFiles.write(fd, bytes, offset, position);
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    },
  };
  const target = await startProxyTarget(upstream.url, { journalOptions: { files, probeMs: 1 } });
  cleanups.push(
    () => upstream.close(),
    () => target.close(),
  );
  const ask = async (): Promise<string> => {
    const answer = await fetch(`${target.baseUrl}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'made-up' },
      body: JSON.stringify({ ...turn('disk', [user('hi')]) }),
    });
    expect(await answer.text()).toContain('message_stop');
    return answer.headers.get('x-nexus-request-id') ?? '';
  };
  const before = await ask();
  // The request fits, the response does not.
  room = 1;
  const cut = await ask();
  expect(target.journal.stats()).toMatchObject({
    dropped: 1,
    lastError: expect.stringContaining('ENOSPC') as string,
  });
  room = Number.POSITIVE_INFINITY;
  const after = await until('room', 20_000, async () => {
    const id = await ask();
    return target.journal.stats().lastError === null ? id : undefined;
  });
  const database = await createTestDatabase('pglite', null);
  cleanups.push(() => database.remove());
  const recording = startRecording(database, { recorder: { journalDir: target.journalDir } });
  cleanups.push(() => recording.close());
  await recording.recorder.drain();
  const states = [before, cut, after].map(async (id) => recording.read('getRequest', id, ['state']));
  expect(await Promise.all(states)).toMatchObject([
    { state: 'completed' },
    { state: 'interrupted' },
    { state: 'completed' },
  ]);
});
