import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { RequestPage } from '../../src/protocol/rows.ts';
import { sidecarStatus, type RecorderStatus } from '../../src/protocol/status.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { verify } from '../durability/verify.ts';
import { startClients, type Sent } from '../durability/clients.ts';
import { startUpstream } from '../durability/upstream.ts';
import { journalFiles, type JournalFiles } from '../../src/sidecar/proxy/files.ts';
import { createTestDatabase, migrationsDir } from '../support/databases.ts';
import { createFakeAnthropic, text } from '../support/fake-anthropic.mjs';
import { turn, user } from '../support/messages.ts';
import { startProxyTarget } from '../support/proxy-target.ts';
import { startRecording } from '../support/recording.ts';
import { databaseOpen, preparedDataDir, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

/** A place for a data directory that can be made to have no room, and to have some again. */
interface Disk {
  dir: string;
  fill(sidecar: TestSidecar): void;
  makeRoom(sidecar: TestSidecar): void;
  remove(): void;
}

/** A small file system of its own; needs the right to mount one. */
function mountedDisk(): Disk {
  const dir = mkdtempSync(join(tmpdir(), 'nexus-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=120m,mode=0700', 'tmpfs', dir], { stdio: 'pipe' });
  } catch (error) {
    rmSync(dir, { recursive: true });
    throw error;
  }
  const ballast = join(dir, 'ballast');
  return {
    dir,
    fill() {
      for (let size = 1_000_000; size >= 1; size = Math.floor(size / 10)) {
        try {
          for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
      const { bavail } = statfsSync(dir);
      if (bavail > 0) throw new Error(`still ${String(bavail)} blocks free`);
    },
    makeRoom() {
      rmSync(ballast);
    },
    remove() {
      execFileSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true });
    },
  };
}

function mayMount(): boolean {
  try {
    mountedDisk().remove();
    return true;
  } catch {
    return false; // No right to: what is injected below is tested in any case.
  }
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

// A real one where this user may mount it (CI as root); the journal's own refusal is tested below in any case.
const disks: [string, () => Disk][] = mayMount() ? [['a full file system', mountedDisk]] : [];

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
      plan: (n, random) => ({
        n,
        seed: random.whole(1, 1e9),
        stream: true,
        gzip: false,
        words: random.whole(10, 300),
        gapMs: 1,
        fault: 'none',
        leaveAfter: 0,
      }),
    });
    cleanups.push(() => clients.finish());
    const sentSince = (from: number): Sent[] => clients.sent.slice(from).filter(({ completed }) => completed);
    await until('some are recorded', 60_000, async () => ((await status()).recorded > 20 ? true : undefined));

    disk.fill(sidecar);
    const full = clients.sent.length;
    const during = await until('some are dropped', 60_000, async () => {
      const told = await status();
      return told.dropped > 10 && sentSince(full).length > 30 ? told : undefined;
    });
    expect(`${String(during.lastError)} ${String(during.lastDrop)}`).toMatch(/ENOSPC|EFBIG/);
    expect(clients.sent.slice(0, -8).filter(({ completed, left }) => !completed && !left)).toEqual([]);

    disk.makeRoom(sidecar);
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
