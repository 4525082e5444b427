import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { journalOf, startRecording, type Journalled, type Recording } from '../support/recording.ts';
import { until } from '../support/until.ts';

const server = usePostgres();

const exchange = (words: string): Parameters<typeof journalOf>[0] => ({
  at: Date.now(),
  body: turn(words, [user(words)]),
  response: { headers: SSE, chunks: streamOf({ content: [text(`re: ${words}`)] }) },
});

describe.each(engines)('a recorder thread that dies, on %s', (engine) => {
  let database: TestDatabase;
  let recording: Recording;
  beforeEach(async () => {
    database = await createTestDatabase(engine, server());
    const patience = { pingMs: 1000, tell: 1, end: 4 };
    recording = startRecording(database, { worker: './dying-recorder.ts', patience });
    await recording.recorder.ready;
  });
  afterEach(async () => {
    await recording.close();
    await database.remove();
  });
  const dieNext = (times: number): void => {
    writeFileSync(join(database.dataDir, 'deaths'), String(times));
  };
  const recordedIs = (count: number): Promise<true> =>
    until('the count', 60_000, () =>
      Promise.resolve(recording.status().recorded === count ? true : undefined),
    );
  const died = (times: number): Promise<true> =>
    until(
      `death ${String(times)}`,
      60_000,
      () => Promise.resolve(deaths().length >= times ? true : undefined),
      () => recording.logs.join('\n'),
    );
  const deaths = (): string[] => recording.logs.filter((line) => line.includes('is started again in'));

  it('loses nothing of what was told before, while it was dead, and after', async () => {
    const before = recording.write(exchange('before'));
    // What a thread has counted is told a moment later.
    await recordedIs(1);
    dieNext(1);
    // Growing when it dies, ended only after the next one has begun.
    const growing = journalOf(exchange('growing'));
    const half = Math.floor(growing.bytes.length / 2);
    recording.writeRaw(growing.id, growing.bytes.subarray(0, half), { size: half, ended: false });
    await died(1);
    const status = recording.status();
    expect(status.lastError).toMatch(/made to die by the test.*started again in 0\.5 s/);
    expect(status.recorded).toBe(1);
    await expect(recording.read('getStats', {})).rejects.toMatchObject({ code: 'internal' });
    const dead = recording.write(exchange('while it was dead'));
    const all = await until<Journalled[]>('the next thread', 60_000, () =>
      recording.status().lastError === null
        ? Promise.resolve([before, growing, dead, recording.write(exchange('after'))])
        : Promise.resolve(undefined),
    );
    recording.writeRaw(growing.id, growing.bytes, { size: growing.bytes.length, ended: true });
    await recording.recorder.drain();
    for (const { id } of all) {
      expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
    }
    expect(recording.files()).toEqual([]);
    await recordedIs(4);
  });

  it('is ended when it hangs', async () => {
    writeFileSync(join(database.dataDir, 'hangs'), '');
    const { id } = recording.write(exchange('hangs'));
    await died(1);
    expect(recording.logs.some((line) => /busy or hangs: it has not answered for 2 s/.test(line))).toBe(true);
    expect(deaths()[0]).toContain('it has not answered for 5 s');
    await until('everything recorded', 60_000, () =>
      Promise.resolve(recording.files().length === 0 ? true : undefined),
    );
    expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
  });

  it('is started again ever more slowly', async () => {
    dieNext(3);
    const { id } = recording.write(exchange('kept'));
    await died(3);
    expect(deaths().map((line) => /again in ([\d.]+) s/.exec(line)?.[1])).toEqual(['0.5', '1', '2']);
    await until('everything recorded', 60_000, () =>
      Promise.resolve(recording.files().length === 0 ? true : undefined),
    );
    expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
  });
});
