import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecorderStatus } from '../../src/protocol/status.ts';
import { encodeFrame, FrameKind } from '../../src/sidecar/core/frames.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines, migrationsDir, type TestDatabase } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { assistant, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import {
  journalOf,
  leaveBehind,
  json,
  startRecording,
  type Recording,
  type ScriptedExchange,
} from '../support/recording.ts';
import { until } from '../support/until.ts';

const T0 = Date.UTC(2026, 10, 22, 8);
const exchange = (at: number, said: string, more: Partial<ScriptedExchange> = {}): ScriptedExchange => ({
  at,
  body: turn('session-journal', [user(said)]),
  response: { headers: SSE, chunks: streamOf({ content: [text(`re: ${said}`)] }) },
  ...more,
});

/** The recorder's status once it is as wanted. */
const statusWhere = (
  recording: Recording,
  wanted: (status: RecorderStatus) => boolean,
): Promise<RecorderStatus> =>
  until(
    'the status',
    60_000,
    () => Promise.resolve(wanted(recording.status()) ? recording.status() : undefined),
    () => `${JSON.stringify(recording.status())}\n${recording.logs.join('\n')}`,
  );

const server = usePostgres();

describe.each(engines)('the journal on %s', (engine) => {
  let database: TestDatabase;
  let open: Recording[];
  beforeEach(async () => {
    database = await createTestDatabase(engine, server());
    open = [];
  });
  afterEach(async () => {
    for (const recording of open) await recording.close();
    await database.remove();
  });
  const start = (options: { migrations?: string } = {}): Recording => {
    const recording = startRecording(database, options);
    open.push(recording);
    return recording;
  };
  const stop = async (recording: Recording): Promise<void> => {
    open.splice(open.indexOf(recording), 1);
    await recording.close();
  };
  it('works off what an earlier life left behind, in the order of what happened', async () => {
    const leave = (script: ScriptedExchange) => leaveBehind(database.dataDir, script);
    const parent = leave(exchange(T0, 'first'));
    const child = leave({
      ...exchange(T0 + 60_000, 'second'),
      body: turn('session-journal', [user('first'), assistant([text('re: first')]), user('second')]),
    });
    const died = leave(exchange(T0 + 90_000, 'third', { end: null }));
    const early = leave({ at: T0 + 95_000, body: turn('other', [user('no answer at all')]), end: null });
    const recording = start();
    await recording.recorder.drain();
    expect(await recording.read('getRequest', child.id, ['parentRequestId', 'state'])).toMatchObject({
      parentRequestId: parent.id,
      state: 'completed',
    });
    // All of its content had come: only the end frame is missing.
    expect(await recording.read('getRequest', died.id, ['state'])).toMatchObject({ state: 'completed' });
    expect(await recording.read('getRequest', early.id, ['state', 'error'])).toMatchObject({
      state: 'interrupted',
      error: 'The sidecar stopped before the answer was complete',
    });
    expect(recording.files()).toEqual([]);
    expect(recording.status().failed).toBe(0);
  });

  it('records the same file twice without a trace', async () => {
    const recording = start();
    const script = exchange(T0, 'once');
    const { id } = recording.write(script);
    await recording.recorder.drain();
    const before = [
      await recording.read('getRequest', id),
      await recording.read('listConversations', { limit: 50 }),
      await recording.read('getStats', {}),
    ];
    await stop(recording);
    leaveBehind(database.dataDir, { ...script, id });
    const replayed = start();
    await replayed.recorder.drain();
    expect(replayed.files()).toEqual([]);
    const after = [
      await replayed.read('getRequest', id),
      await replayed.read('listConversations', { limit: 50 }),
      await replayed.read('getStats', {}),
    ];
    expect(after).toEqual(before);
  });

  it('cuts a file at its first damaged frame, and goes on with the others', async () => {
    const recording = start();
    const whole = journalOf(exchange(T0, 'damaged', { end: null }));
    const bytes = Buffer.concat([whole.bytes, Buffer.from('\x09garbage that is no frame at all')]);
    recording.writeRaw(whole.id, bytes, { size: bytes.length, ended: true });
    const flipped = journalOf(exchange(T0 + 1, 'flipped'));
    flipped.bytes[flipped.bytes.length - 3]! ^= 0xff;
    recording.writeRaw(flipped.id, flipped.bytes, { size: flipped.bytes.length, ended: true });
    const good = recording.write(exchange(T0 + 2, 'good'));
    await recording.recorder.drain();
    for (const id of [whole.id, flipped.id, good.id]) {
      expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
    }
    expect(recording.files()).toEqual([]);
  });

  it('ends a file that is shorter than was told, and goes on with the others', async () => {
    const recording = start();
    const short = journalOf({ at: T0, body: turn('short', [user('cut')]), end: null });
    recording.writeRaw(short.id, short.bytes, { size: short.bytes.length + 100, ended: true });
    const growing = journalOf(exchange(T0 + 1, 'still growing'));
    const half = growing.bytes.subarray(0, growing.bytes.length - 40);
    recording.writeRaw(growing.id, half, { size: growing.bytes.length, ended: false });
    const good = recording.write(exchange(T0 + 2, 'good'));
    await recording.recorder.drain();
    expect(await recording.read('getRequest', short.id, ['state'])).toMatchObject({ state: 'interrupted' });
    expect(await recording.read('getRequest', good.id, ['state'])).toMatchObject({ state: 'completed' });
    recording.writeRaw(growing.id, growing.bytes, { size: growing.bytes.length, ended: true });
    await recording.recorder.drain();
    expect(await recording.read('getRequest', growing.id, ['state'])).toMatchObject({ state: 'completed' });
    expect(recording.files()).toEqual([]);
  });

  it('says that nothing waits once the only file turned out to hold nothing', async () => {
    const id = uuidV7(T0);
    mkdirSync(join(database.dataDir, 'journal'), { recursive: true });
    writeFileSync(join(database.dataDir, 'journal', `${id}.nxj`), '');
    const recording = start();
    // The status with which the database opened has come by then: one exchange waits.
    await recording.recorder.ready;
    expect(await statusWhere(recording, ({ pending }) => pending === 0)).toMatchObject({ failed: 0 });
    expect(recording.files()).toEqual([]);
  });

  it('sets a file aside that it can make nothing of', async () => {
    const recording = start();
    const id = uuidV7(T0);
    const bytes = Buffer.concat([
      encodeFrame(FrameKind.requestHead, T0, Buffer.from('{not json')),
      encodeFrame(FrameKind.requestBody, T0, json({})),
    ]);
    recording.writeRaw(id, bytes, { size: bytes.length, ended: true });
    const good = recording.write(exchange(T0 + 5, 'after the bad one'));
    await recording.recorder.drain();
    expect(await recording.read('getRequest', good.id, ['state'])).toMatchObject({ state: 'completed' });
    expect(recording.files()).toEqual(['failed']);
    expect(recording.files('failed')).toEqual([`${id}.nxj`]);
    const told = await statusWhere(recording, (status) => status.failed === 1);
    expect(told.lastFailure).toContain(id);
    // Recording itself works.
    expect(told.lastError).toBeNull();
  });

  it('reads a file as it grows, frame by frame and cut anywhere', async () => {
    const recording = start();
    const { id, bytes } = journalOf(exchange(T0, 'growing'));
    for (let size = 50; size < bytes.length; size += 333) {
      recording.writeRaw(id, bytes.subarray(0, size), { size, ended: false });
    }
    recording.writeRaw(id, bytes, { size: bytes.length, ended: true });
    await recording.recorder.drain();
    expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
  });

  it('refuses a database that a newer program has written, and says so', async () => {
    const newer = mkdtempSync(join(tmpdir(), 'nexus-migrations-'));
    cpSync(migrationsDir, newer, { recursive: true });
    writeFileSync(join(newer, '9999_from_the_future.sql'), 'create table future (id integer primary key);');
    const upgraded = await openDatabase({ ...database.options, migrationsDir: newer });
    await upgraded.close();
    rmSync(newer, { recursive: true });
    const recording = start();
    await expect(recording.recorder.ready).rejects.toMatchObject({ code: 'database_newer' });
    const { id } = recording.write(exchange(T0, 'kept'));
    await expect(recording.read('getRequest', id)).rejects.toMatchObject({
      code: 'database_newer',
      status: 503,
    });
    expect(recording.files()).toEqual([`${id}.nxj`]);
    expect((await statusWhere(recording, (status) => status.lastError !== null)).lastError).toContain(
      'schema 9999',
    );
  });
});

describe('a database that is away', () => {
  it('keeps the journal, says why, and records everything once it is back', async () => {
    const database = await createTestDatabase('postgresql', server());
    const recording = startRecording(database);
    await recording.recorder.ready;
    const before = recording.write(exchange(T0, 'before'));
    await recording.recorder.drain();
    await (await server().of(18)).stop();
    const during = [1, 2, 3].map((n) => recording.write(exchange(T0 + n * 1000, `during ${String(n)}`)));
    await statusWhere(recording, (status) => status.lastError !== null);
    expect(recording.status().lastError).toMatch(/database cannot be reached/i);
    await expect(recording.read('listRequests', { limit: 10 })).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(recording.files()).toHaveLength(3);
    await (await server().of(18)).start();
    await statusWhere(recording, (status) => status.lastError === null && status.recorded === 4);
    expect(recording.files()).toEqual([]);
    const { requests } = await recording.read('listRequests', { limit: 10 });
    expect(requests.map((row) => row.requestId)).toEqual([
      ...during.map((row) => row.id).reverse(),
      before.id,
    ]);
    expect(requests.every((row) => row.state === 'completed')).toBe(true);
    await recording.close();
    await database.remove();
  });

  it.each([
    ['a port nobody listens on', 'postgres://nexus:made-up@127.0.0.1:1/none', /ECONNREFUSED/],
    ['a URL that is none', 'nonsense', /cannot be reached/],
  ])('says what is wrong with %s', async (_name, databaseUrl, why) => {
    const database = await createTestDatabase('postgresql', server());
    const recording = startRecording({ ...database, databaseUrl });
    const { id } = recording.write(exchange(T0, 'kept'));
    const message = (await statusWhere(recording, (status) => status.lastError !== null)).lastError;
    expect(message).toMatch(why);
    expect(recording.files()).toEqual([`${id}.nxj`]);
    await recording.close();
    await database.remove();
  });

  it('says that a password is wrong, without the password', async () => {
    const database = await createTestDatabase('postgresql', server());
    const recording = startRecording({
      ...database,
      databaseUrl: database.databaseUrl!.replace('made-up', 'made-wrong'),
    });
    const message = (await statusWhere(recording, (status) => status.lastError !== null)).lastError;
    expect(message).toMatch(/password authentication failed/);
    expect(message).not.toContain('made-wrong');
    await recording.close();
    await database.remove();
  });

  it.each([
    ['empty', ''],
    ['cut', '4'],
    ['of no use', 'no pid at all'],
  ])('opens an embedded directory with a lock file of a killed process: %s', async (_name, content) => {
    const database = await createTestDatabase('pglite', null);
    writeFileSync(join(database.dataDir, 'pglite-18', 'postmaster.pid'), content);
    const recording = startRecording(database);
    const { id } = recording.write(exchange(T0, 'after a kill'));
    await recording.recorder.drain();
    expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
    await recording.close();
    await database.remove();
  });

  it('says which embedded directory cannot be opened', async () => {
    const database = await createTestDatabase('pglite', null);
    writeFileSync(join(database.dataDir, 'pglite-18', 'global', 'pg_control'), 'scrambled');
    const recording = startRecording(database);
    const message = (await statusWhere(recording, (status) => status.lastError !== null)).lastError;
    expect(message).toContain('pglite-18');
    await recording.close();
    await database.remove();
  });
});
