import { mkdirSync, readdirSync, rmSync, writeFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { sidecarStatus, type RecorderStatus } from '../../src/protocol/status.ts';
import { startClients } from '../durability/clients.ts';
import { plainPlan } from '../durability/plan.ts';
import { startUpstream } from '../durability/upstream.ts';
import { verify } from '../durability/verify.ts';
import { createTestDatabase, migrationsDir } from '../support/databases.ts';
import { SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { startRecording, type Journalled } from '../support/recording.ts';
import { databaseOpen, newDataDir, preparedDataDir, startSidecar, stopRecorded } from '../support/sidecar.ts';
import { disks } from '../support/small-disk.ts';
import { faults, withStore } from '../support/store-checks.ts';
import { until } from '../support/until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const FULL = /no space left|ENOSPC/i;

describe.each(disks)('%s under the database alone', (_name, makeDisk) => {
  test('traffic goes on, it is told, the journal keeps all of it, and all of it is recorded', async () => {
    const dataDir = newDataDir();
    const prepared = await preparedDataDir();
    const [name] = readdirSync(prepared).filter((found) => found.startsWith('pglite-'));
    const place = join(dataDir, name!);
    mkdirSync(place);
    const disk = makeDisk(place);
    cleanups.push(() => {
      disk.remove();
    });
    cpSync(join(prepared, name!), place, { recursive: true });
    const upstream = await startUpstream();
    const sidecar = await startSidecar({ dataDir, upstream: upstream.url });
    cleanups.push(
      () => upstream.close(),
      () => sidecar.kill(),
    );
    await databaseOpen(sidecar);
    let last: RecorderStatus | null = null;
    const status = async (): Promise<RecorderStatus> =>
      (last = sidecarStatus.parse(await (await sidecar.api('/api/status')).json()).recorder);
    const statusWhere = (what: string, wanted: (told: RecorderStatus) => boolean): Promise<RecorderStatus> =>
      until(
        what,
        90_000,
        async () => (wanted(await status()) ? last! : undefined),
        () => JSON.stringify(last),
      );
    const clients = startClients({
      streams: 4,
      seed: 28,
      baseUrl: () => sidecar.baseUrl,
      plan: plainPlan,
    });
    cleanups.push(() => clients.finish());
    await statusWhere('some are recorded', ({ recorded }) => recorded > 20);

    disk.fill();
    const during = await statusWhere(
      'the trouble, and what waits',
      ({ lastError, pending }) => FULL.test(lastError ?? '') && pending > 30,
    );
    expect(during).toMatchObject({ failed: 0, dropped: 0 });
    expect(during.lastError).toContain('kept in the journal');
    disk.makeRoom();
    await clients.finish();
    await statusWhere('everything recorded', ({ pending, lastError }) => pending === 0 && lastError === null);
    expect(last).toMatchObject({ failed: 0, dropped: 0 });
    await stopRecorded(sidecar);

    const options = { dataDir, databaseUrl: null, migrationsDir, creator: null };
    const verdict = await verify(clients.sent, options, join(dataDir, 'journal'));
    expect(verdict.problems).toEqual([]);
    expect(verdict.found).toBe(clients.sent.length);
  }, 300_000);
});

// `all` makes PGlite run in circles: its thread is ended when it has been silent for long enough (minutes outside of this
// test), and started again.
test.each(['growth', 'all'])('an embedded database whose disk refuses for a while: %s', async (refused) => {
  const made = await createTestDatabase('pglite', null);
  const patience = { pingMs: 250, tell: 4, end: 12 };
  const recording = startRecording(made, { worker: './full-disk-recorder.ts', patience });
  cleanups.push(
    () => made.remove(),
    () => recording.close(),
  );
  let n = 0;
  const say = (count: number): Journalled[] =>
    Array.from({ length: count }, () =>
      recording.write({
        at: Date.now(),
        body: turn(`session-${String(++n)}`, [user(`number ${String(n)} ${'word '.repeat(2000)}`)]),
        response: { headers: SSE, chunks: streamOf({ content: [text(`re: ${String(n)}`)] }) },
      }),
    );
  const statusWhere = (wanted: (told: RecorderStatus) => boolean): Promise<RecorderStatus> =>
    until(
      'the status',
      90_000,
      () => Promise.resolve(wanted(recording.status()) ? recording.status() : undefined),
      () => `${JSON.stringify(recording.status())}\n${recording.logs.join('\n')}`,
    );
  const trouble = refused === 'growth' ? FULL : /no space left|ENOSPC|hangs|stopped/i;
  const written = say(5);
  await recording.recorder.drain();
  const full = join(made.dataDir, 'full');
  for (let times = 1; times <= 2; times++) {
    writeFileSync(full, refused);
    written.push(...say(20));
    await statusWhere(({ lastError }) => trouble.test(lastError ?? ''));
    const waiting = recording.files().length;
    expect(waiting).toBeGreaterThan(0);
    rmSync(full);
    await statusWhere(({ lastError, pending }) => lastError === null && pending === 0);
  }
  expect(recording.status()).toMatchObject({ failed: 0, dropped: 0 });
  const { requests } = await recording.read('listRequests', { limit: 200 });
  expect(requests.map((row) => row.requestId).sort()).toEqual(written.map(({ id }) => id).sort());
  expect(requests.filter((row) => row.state !== 'completed')).toEqual([]);
  await recording.close();
  expect(await withStore(made, faults)).toEqual([]);
});
