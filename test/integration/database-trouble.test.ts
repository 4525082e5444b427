import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { sql } from 'kysely';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import type { RecorderStatus } from '../../src/protocol/status.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Journalled, type Recording } from '../support/recording.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Recording on a database of its own; `url` replaces the one it uses. */
async function recordingOn(url?: (databaseUrl: string) => string): Promise<{
  recording: Recording;
  database: TestDatabase;
  name: string;
}> {
  const database = await createTestDatabase('postgresql 18', server());
  const databaseUrl = database.databaseUrl!;
  const recording = startRecording({ ...database, databaseUrl: url?.(databaseUrl) ?? databaseUrl });
  cleanups.push(
    () => database.remove(),
    () => recording.close(),
  );
  return { recording, database, name: new URL(databaseUrl).pathname.slice(1) };
}

let said = 0;
/** Journals exchanges of conversations of their own. */
function say(recording: Recording, count: number): Journalled[] {
  return Array.from({ length: count }, () => {
    const words = `number ${String(++said)}`;
    return recording.write({
      at: Date.now(),
      body: turn(`session-${words}`, [user(words)]),
      response: { headers: SSE, chunks: streamOf({ content: [text(`re: ${words}`)] }) },
    });
  });
}

const statusWhere = (
  recording: Recording,
  wanted: (status: RecorderStatus) => boolean,
): Promise<RecorderStatus> =>
  until(
    'the status',
    90_000,
    () => Promise.resolve(wanted(recording.status()) ? recording.status() : undefined),
    () => `${JSON.stringify(recording.status())}\n${recording.logs.join('\n')}`,
  );

/** Each of them is there once, completed; nothing failed, nothing is wrong any more. */
async function expectCaughtUp(recording: Recording, exchanges: Journalled[]): Promise<void> {
  const status = await statusWhere(
    recording,
    ({ pending, lastError }) => pending === 0 && lastError === null && recording.files().length === 0,
  );
  expect(status).toMatchObject({ failed: 0, dropped: 0, lastErrorAt: null, oldestPendingAt: null });
  const { requests } = await recording.read('listRequests', { limit: 200 });
  expect(requests.map((row) => row.requestId).toSorted()).toEqual(exchanges.map(({ id }) => id).toSorted());
  expect(requests.filter((row) => row.state !== 'completed')).toEqual([]);
}

const wasLogged = (recording: Recording, what: RegExp): boolean =>
  recording.logs.some((line) => what.test(line));

describe('PostgreSQL in trouble', () => {
  it('a wrong password that is put right later', async () => {
    const postgres = await server().of(18);
    await postgres.query(`create role late superuser login password 'not-yet'`);
    const { recording } = await recordingOn((url) => url.replace('nexus:made-up', 'late:made-up-too'));
    const exchanges = say(recording, 3);
    const status = await statusWhere(
      recording,
      ({ lastError, pending }) => lastError !== null && pending === 3,
    );
    expect(status.lastError).toMatch(/password authentication failed/);
    expect(status.lastErrorAt).toBeGreaterThan(0);
    expect(status.oldestPendingAt).toBeGreaterThan(0);
    expect(status.journalBytes).toBeGreaterThan(0);
    await postgres.query(`alter role late password 'made-up-too'`);
    await expectCaughtUp(recording, exchanges);
    expect(wasLogged(recording, /^warn .*password authentication failed/)).toBe(true);
    expect(wasLogged(recording, /^info Recording has caught up {"exchanges":3/)).toBe(true);
  });

  it('a password changed while it runs sets nothing aside', async () => {
    const postgres = await server().of(18);
    await postgres.query(`create role changing superuser login password 'made-up'`);
    const { recording } = await recordingOn((url) => url.replace('nexus:', 'changing:'));
    const before = say(recording, 1);
    await expectCaughtUp(recording, before);
    await postgres.query(`alter role changing password 'other'`);
    await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'changing'`);
    const during = say(recording, 3);
    await statusWhere(recording, ({ lastError }) => /password/.test(lastError ?? ''));
    await postgres.query(`alter role changing password 'made-up'`);
    await expectCaughtUp(recording, [...before, ...during]);
  });

  it('a locked table: says that the database is slow, and goes on', async () => {
    const { recording, database } = await recordingOn();
    const before = say(recording, 1);
    await expectCaughtUp(recording, before);
    const other = new pg.Client({ connectionString: database.databaseUrl! });
    await other.connect();
    cleanups.push(() => other.end());
    await other.query('begin; lock table request in access exclusive mode');
    const during = say(recording, 5);
    const status = await statusWhere(recording, ({ lastError }) => lastError !== null);
    expect(status.lastError).toMatch(/taken more than 3 s/);
    expect(status.pending).toBe(5);
    await other.query('rollback');
    await expectCaughtUp(recording, [...before, ...during]);
  });

  it('statements that are cancelled are repeated', async () => {
    const { recording, database, name } = await recordingOn();
    await recording.recorder.ready;
    const clients = [database.databaseUrl!, database.databaseUrl!].map(
      (connectionString) => new pg.Client({ connectionString }),
    );
    cleanups.push(() => Promise.all(clients.map((client) => client.end())));
    const [locker, watcher] = [clients[0]!, clients[1]!];
    await Promise.all(clients.map((client) => client.connect()));
    await locker.query('begin; lock table request in access exclusive mode');
    const exchanges = say(recording, 2);
    for (let times = 0; times < 4; times++) {
      await until('a statement that waits', 60_000, async () => {
        const { rows } = await watcher.query(
          `select pg_cancel_backend(pid) from pg_stat_activity
           where datname = '${name}' and wait_event_type = 'Lock'`,
        );
        return rows.length > 0 ? true : undefined;
      });
    }
    await locker.query('rollback');
    await expectCaughtUp(recording, exchanges);
  });

  it('57P01: an administrator ends its connections again and again', async () => {
    const { recording, name } = await recordingOn();
    const postgres = await server().of(18);
    const exchanges: Journalled[] = [];
    for (let times = 0; times < 5; times++) {
      exchanges.push(...say(recording, 6));
      await statusWhere(recording, ({ recorded }) => recorded > times * 6);
      await postgres.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      );
    }
    await expectCaughtUp(recording, exchanges);
  });

  it.each([
    ['within a transaction', /insert into/i],
    ['between the commit and its answer', /commit/],
  ])('a connection cut %s', async (_when, cue) => {
    const postgres = await server().of(18);
    const relay = await startRelay(cue, 3);
    const { recording } = await recordingOn((url) => {
      relay.to = Number(new URL(url).port);
      return url.replace(/:\d+\//, `:${String(relay.port)}/`);
    });
    const exchanges = say(recording, 8);
    await expectCaughtUp(recording, exchanges);
    expect(relay.cuts()).toBe(3);
    await postgres.query('select 1');
  });

  it('a database that is dropped, and comes back empty', async () => {
    const { recording, name } = await recordingOn();
    await expectCaughtUp(recording, say(recording, 2));
    const postgres = await server().of(18);
    await postgres.query(`drop database ${name} with (force)`);
    const after = say(recording, 3);
    const status = await statusWhere(recording, ({ lastError }) => /does not exist/.test(lastError ?? ''));
    expect(status.pending).toBe(3);
    await postgres.query(`create database ${name}`);
    await expectCaughtUp(recording, after);
  });

  it('a schema that another process changes makes its prepared statements anew', async () => {
    const { recording, name } = await recordingOn();
    const said = say(recording, 2);
    await expectCaughtUp(recording, said);
    const postgres = await server().of(18);
    // The connection that has prepared them is most often, and not always, the one that is taken next.
    let changes = 0;
    await until('a statement that is stale', 60_000, async () => {
      const type = changes++ % 2 === 0 ? 'bigint' : 'integer';
      await postgres.query(`alter table node alter column depth type ${type}`, name);
      said.push(...say(recording, 1));
      await expectCaughtUp(recording, said);
      return wasLogged(recording, /cached plan must not change result type/) ? true : undefined;
    });
  });

  it('tables that are dropped under its feet are made again', async () => {
    const { recording, name } = await recordingOn();
    await expectCaughtUp(recording, say(recording, 1));
    const postgres = await server().of(18);
    await postgres.query('drop schema public cascade; create schema public', name);
    await expectCaughtUp(recording, say(recording, 2));
  });
});

describe.each(engines)('an exchange the store refuses, on %s', (engine) => {
  it('is tried three times, set aside, and shown as failed; the others go on', async () => {
    const database = await createTestDatabase(engine, server());
    cleanups.push(() => database.remove());
    const prepared = await openDatabase(database.options);
    for (const statement of [
      `create function refuse() returns trigger language plpgsql as
         $$ begin raise exception 'refused by the test'; end $$`,
      `create trigger refuse before insert on answer for each row
         when (new.state = 'completed' and new.answer_preview like '%poison%') execute function refuse()`,
    ]) {
      await sql.raw(statement).execute(prepared.db);
    }
    await prepared.close();
    const recording = startRecording(database);
    cleanups.push(() => recording.close());
    const write = (words: string): Journalled =>
      recording.write({
        at: Date.now(),
        body: turn(words, [user(words)]),
        response: { headers: SSE, chunks: streamOf({ content: [text(`done: ${words}`)] }) },
      });
    const [good, bad, after] = [write('before'), write('poison'), write('after')];
    await recording.recorder.drain();
    const status = await statusWhere(recording, ({ failed, pending }) => failed === 1 && pending === 0);
    expect(status.lastFailure).toContain(bad.id);
    expect(status.lastFailure).toContain('refused by the test');
    expect(status.lastError).toBeNull();
    expect(recording.logs.filter((line) => line.includes('"attempt":'))).toHaveLength(3);
    expect(recording.files()).toEqual(['failed']);
    expect(recording.files('failed')).toEqual([`${bad.id}.nxj`]);
    for (const { id } of [good, after]) {
      expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
    }
    expect(await recording.read('getRequest', bad.id, ['state', 'error'])).toMatchObject({
      state: 'failed',
      error: 'The rest of this exchange could not be recorded',
    });
  });
});

/** A socket between the recorder and its server that is cut the first few times the recorder says what matches. */
async function startRelay(cue: RegExp, times: number): Promise<{ port: number; to: number; cuts(): number }> {
  let cuts = 0;
  const open = new Set<Socket>();
  const relay = { port: 0, to: 0, cuts: () => cuts };
  const listener = createServer((client) => {
    const upstream = connect(relay.to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.pipe(client);
    client.on('data', (bytes: Buffer) => {
      if (cuts < times && cue.test(bytes.toString('latin1'))) {
        cuts++;
        // The server gets the statement, the recorder no answer.
        upstream.unpipe(client);
        upstream.end(bytes);
        client.destroy();
        return;
      }
      upstream.write(bytes);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  relay.port = (listener.address() as AddressInfo).port;
  cleanups.push(() => {
    for (const socket of open) socket.destroy();
    listener.close();
  });
  return relay;
}
