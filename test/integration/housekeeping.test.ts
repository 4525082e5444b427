import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { conversationQuery, requestQuery } from '../../src/protocol/queries.ts';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import {
  deletedConversations,
  deleteRequests,
  markDeleted,
} from '../../src/sidecar/store/delete-conversation.ts';
import { REFERENCES } from '../../src/sidecar/store/references.ts';
import { sweepSlice } from '../../src/sidecar/store/sweep.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, toolUse, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { leaveBehind, startRecording, type Recording } from '../support/recording.ts';
import { faults, foreignKeys, withStore } from '../support/store-checks.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
const T0 = Date.now() - 3_600_000;

describe.each(engines)('deleting on %s', (engine) => {
  let made: TestDatabase;
  let recording: Recording;
  let at = T0;
  beforeEach(async () => {
    made = await createTestDatabase(engine, server());
    recording = startRecording(made);
  });
  afterEach(async () => {
    await recording.close();
    await made.remove();
  });

  /** One exchange; its id. */
  const write = (body: unknown, more: Partial<Parameters<Recording['write']>[0]> = {}): string =>
    recording.write({
      at: (at += 1000),
      body,
      response: { headers: SSE, chunks: streamOf({ content: [text('an answer')] }) },
      ...more,
    }).id;
  /** A conversation of so many turns; the ids of its requests. */
  const talk = (session: string, turns: number, first = `begin ${session}`): string[] =>
    Array.from({ length: turns }, (_, n) => write(turn(session, history(session, n, first))));
  const history = (session: string, turns: number, first: string): unknown[] => [
    user(first),
    ...Array.from({ length: turns }, (_, n) => [
      assistant([text('an answer')]),
      user(`go on ${session} ${String(n)}`),
    ]).flat(),
  ];
  const title = (session: string): string => write(turn(session, [user('quota')], { max_tokens: 1 }));
  const details = async (ids: string[]): Promise<RequestDetail[]> =>
    Promise.all(ids.map(async (id) => (await recording.read('getRequest', id)) as RequestDetail));
  const conversationOf = async (id: string): Promise<string> => {
    const { conversationId } = (await recording.read('getRequest', id, ['conversationId']))!;
    return conversationId!;
  };
  const stored = async (): Promise<string[]> => {
    const { requests } = await recording.read('listRequests', requestQuery.parse({ limit: 200 }));
    return requests.map((row) => row.requestId).sort();
  };
  /** Events go out in batches, some milliseconds later. */
  const told = (name: string, id: string): Promise<true> =>
    until(`${name} of ${id}`, 30_000, () =>
      Promise.resolve(
        recording.events.some((event) => event.name === name && event.ids.includes(id)) || undefined,
      ),
    );
  /** Closes the recorder and looks at all rows. */
  const sound = async (): Promise<void> => {
    await recording.close();
    expect(await withStore(made, faults)).toEqual([]);
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
  };

  it('removes everything of a conversation that nobody else uses, and nothing else', async () => {
    const doomed = talk('one', 4, 'the same first words');
    const kept = [...talk('two', 3, 'the same first words'), ...talk('three', 1)];
    await recording.recorder.drain();
    const before = await details(kept);
    const id = await conversationOf(doomed[0]!);

    const answer = await recording.command('deleteConversation', id);
    expect(answer).toMatchObject({
      conversationId: id,
      done: true,
      removed: { conversations: 1, exchanges: 4 },
    });
    expect(answer!.removed.blocks).toBeGreaterThan(3);
    expect(await recording.read('getConversation', id)).toBeNull();
    expect(await recording.read('getRequest', doomed[1]!)).toBeNull();
    expect(await stored()).toEqual([...kept].sort());
    expect(await details(kept)).toEqual(before);
    await told('conversation.deleted', id);
    expect(await recording.command('deleteConversation', id)).toBeNull();
    await sound();
  });

  it('leaves no row of content when the last conversation goes', async () => {
    talk('one', 3);
    title('one');
    write(turn('one', [user('begin one'), assistant([text('an answer')]), user('call someone')]), {
      response: {
        headers: SSE,
        chunks: streamOf({
          content: [toolUse('task-1', 'Task', { prompt: 'look around', description: 'x' })],
        }),
      },
    });
    write(Buffer.from('not JSON at all'), { head: { headers: [['x-session', 'none']] } });
    await recording.recorder.drain();
    const { conversations } = await recording.read('listConversations', conversationQuery.parse({}));
    for (const row of conversations) await recording.command('deleteConversation', row.conversationId);
    expect(await recording.command('prune', { maxBytes: 1, dryRun: false })).toMatchObject({ done: true });
    await recording.close();
    await withStore(made, async (db) => {
      for (const table of [
        'block',
        'node',
        'request',
        'answer',
        'running',
        'conversation',
        'branch',
        'invocation',
        'unused',
      ]) {
        const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db);
        expect([table, rows[0]!.n]).toEqual([table, 0]);
      }
    });
  });

  it('takes the side calls of its own sessions along, not those of a session it shares', async () => {
    const [one] = talk('own', 2);
    const [two] = talk('shared', 2);
    const [other] = talk('shared', 2, 'something else in the same session');
    const ownCall = title('own');
    const sharedCall = title('shared');
    await recording.recorder.drain();
    expect(await conversationOf(two!)).not.toBe(await conversationOf(other!));
    await recording.command('deleteConversation', await conversationOf(one!));
    expect(await stored()).not.toContain(ownCall);
    await recording.command('deleteConversation', await conversationOf(two!));
    expect(await stored()).toContain(sharedCall);
    await recording.command('deleteConversation', await conversationOf(other!));
    expect(await stored()).toEqual([]);
    await sound();
  });

  it('pins and unpins, again and again; a pinned one is deleted when told so', async () => {
    const [first] = talk('pinned', 1);
    await recording.recorder.drain();
    const id = await conversationOf(first!);
    const pinned = async (): Promise<boolean> =>
      (await recording.read('getConversation', id))!.conversation.pinned;
    for (const value of [true, true, false, false, true]) {
      expect(await recording.command('setPinned', id, value)).toEqual({ conversationId: id, pinned: value });
      expect(await pinned()).toBe(value);
    }
    await told('conversation.changed', id);
    expect(await recording.command('deleteConversation', id)).toMatchObject({ done: true });
    expect(await recording.command('setPinned', id, true)).toBeNull();
    await sound();
  });

  it('goes on where an earlier life was interrupted, at whichever slice that was', async () => {
    const kept = talk('kept', 2, 'common');
    const doomed = talk('doomed', 5, 'common');
    await recording.recorder.drain();
    const ids = [...kept, ...doomed];
    const before = await details(kept);
    const id = await conversationOf(doomed[0]!);
    await recording.close();
    const database = await openDatabase(made.options);
    await markDeleted(database, id);
    await database.close();
    // One more slice of one in each life; the last one is a recorder's.
    for (let life = 0; life < 8; life++) {
      const next: Database = await openDatabase(made.options);
      const [left] = await deletedConversations(next.db);
      if (left !== undefined && life % 2 === 0) await deleteRequests(next, left, 1);
      else await sweepSlice(next, 'local', 1);
      await next.close();
    }
    recording = startRecording(made);
    expect(
      (await recording.read('listConversations', conversationQuery.parse({}))).conversations,
    ).toHaveLength(1);
    await until('the end of the deletion', 60_000, () =>
      Promise.resolve(recording.logs.some((line) => line.includes('begun earlier')) ? true : undefined),
    );
    expect(ids).toEqual(expect.arrayContaining(await stored()));
    expect(await details(kept)).toEqual(before);
    await sound();
  });

  it('hides at once what is on its way out, and links nothing to it', async () => {
    const [first] = talk('going', 2);
    await recording.recorder.drain();
    const id = await conversationOf(first!);
    await recording.close();
    const database = await openDatabase(made.options);
    await markDeleted(database, id);
    await database.close();
    // The continuation waits in the journal when the recorder starts: it is recorded first.
    const { id: next } = leaveBehind(made.dataDir, {
      at: (at += 1000),
      body: turn('going', history('going', 2, 'begin going')),
      response: { headers: SSE, chunks: streamOf({ content: [text('an answer')] }) },
    });
    recording = startRecording(made);
    await recording.recorder.drain();
    expect(await recording.read('getRequest', first!)).toBeNull();
    expect(await recording.read('getConversation', id)).toBeNull();
    const row = (await recording.read('getRequest', next))!;
    expect(row.parentRequestId).toBeNull();
    expect(row.conversationId).not.toBe(id);
    await until('the end of the deletion', 60_000, () =>
      Promise.resolve(recording.logs.some((line) => line.includes('begun earlier')) ? true : undefined),
    );
    expect(await stored()).toEqual([next]);
    await sound();
  });

  it('neither fails nor brings back half a conversation when a deleted exchange ends', async () => {
    talk('running', 2);
    const running = write(turn('running', history('running', 2, 'begin running')), {
      response: { headers: SSE, chunks: streamOf({ content: [text('slow')] }).slice(0, 2) },
      end: null,
    });
    await until('the running request', 60_000, async () =>
      (await recording.read('getRequest', running, ['state'])) === null ? undefined : true,
    );
    const id = await conversationOf(running);
    expect(await recording.command('deleteConversation', id)).toMatchObject({ removed: { exchanges: 3 } });
    // The same file, whole now: the client got its answer after the deletion.
    write(turn('running', history('running', 2, 'begin running')), { id: running, at });
    await recording.recorder.drain();
    expect(await stored()).toEqual([]);
    expect(recording.files()).toEqual([]);
    await sound();
    // A life that ended before the file was removed: it is read again from its beginning.
    leaveBehind(made.dataDir, {
      id: running,
      at,
      body: turn('running', history('running', 2, 'begin running')),
      response: { headers: SSE, chunks: streamOf({ content: [text('slow')] }) },
    });
    recording = startRecording(made);
    await recording.recorder.drain();
    expect(await stored()).toEqual([]);
    expect(recording.files()).toEqual([]);
    await sound();
  });

  it('deletes while the same content is recorded', async () => {
    const kept: string[] = [];
    for (let round = 0; round < 5; round++) {
      const [first] = talk(`s${String(round)}`, 6, 'words that all share');
      await recording.recorder.drain();
      const id = await conversationOf(first!);
      const deleting = recording.command('deleteConversation', id);
      kept.push(...talk(`t${String(round)}`, 6, 'words that all share'));
      expect(await deleting).toMatchObject({ done: true });
    }
    await recording.recorder.drain();
    expect(await stored()).toEqual([...kept].sort());
    for (const detail of await details(kept)) expect(detail.requestBody).toMatchObject({ max_tokens: 1000 });
    await sound();
  });
});

describe.each(engines)('what refers to content on %s', (engine) => {
  it('is known to the sweep, and found by an index', async () => {
    const made = await createTestDatabase(engine, server());
    await withStore(made, async (db) => {
      const keys = await foreignKeys(db);
      const users = (target: 'block' | 'node'): Record<string, string[]> => {
        const others = keys.filter((key) => key.target === target && key.table !== 'node');
        const byTable = Map.groupBy(others, (key) => key.table);
        return Object.fromEntries(
          [...byTable].map(([table, found]) => [table, found.map((key) => key.column).sort()]),
        );
      };
      for (const target of ['block', 'node'] as const) {
        const known = Object.entries(REFERENCES).map(([table, columns]) => [
          table,
          columns[target].toSorted(),
        ]);
        expect(users(target)).toEqual(Object.fromEntries(known));
      }
      const { rows } = await sql<{ columns: string[] }>`
        select indrelid::regclass || '.' || (select string_agg(attname, ',' order by nr)
          from unnest(indkey) with ordinality as part (attnum, nr) join pg_attribute using (attnum)
          where attrelid = indrelid) as columns from pg_index`.execute(db);
      const indexed = new Set(rows.map((row) => String(row.columns)));
      for (const { table, column, target } of keys) {
        if (target !== 'block' && target !== 'node') continue;
        const either = [`${table}.${column}`, `${table}.tenant,${column}`];
        expect([table, column, either.some((name) => indexed.has(name))]).toEqual([table, column, true]);
      }
    });
    await made.remove();
  });
});
