import { afterAll, beforeAll, expect, it, describe } from 'vitest';
import { prepareBody } from '../../src/sidecar/core/prepare.ts';
import { packContent, insertContent } from '../../src/sidecar/store/new-content.ts';
import { requestContent } from '../../src/sidecar/store/contents.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { sweepSlice } from '../../src/sidecar/store/sweep.ts';
import { createTestDatabase, type TestDatabase } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { json, startRecording, type Recording } from '../support/recording.ts';
import { faults, withStore } from '../support/store-checks.ts';

const server = usePostgres();

describe.each(['postgresql 15', 'postgresql 18'] as const)('two sidecars on %s', (engine) => {
  let made: TestDatabase;
  let other: TestDatabase;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    // Another data directory, with a journal of its own; the same database.
    other = await createTestDatabase(engine, server());
  });
  afterAll(async () => {
    await made.remove();
    await other.remove();
  });

  it('never deletes content that another connection is about to refer to', async () => {
    const [sweeper, writer]: Database[] = await Promise.all([
      openDatabase(made.options),
      openDatabase(made.options),
    ]);
    const body = json(turn('s', [user('one'), assistant([text('two')]), user('three')]));
    const wrapping = { method: 'POST', path: '/', httpVersion: '1.1', headers: [], redactions: [] };
    const { row, content } = requestContent(
      { ...wrapping, bodySize: body.length, systemHash: null },
      prepareBody(body),
    );
    const [tip, envelope, overlay] = [row.messages_tip!, row.envelope, row.overlay!];
    const { template } = content.envelope!;
    // All of it is there and nobody's, and on the list.
    const packed = await packContent(writer!, 'local', content);
    await writer!.db.transaction().execute((tx) => insertContent(tx, packed!));
    await sweeper!.db
      .insertInto('unused')
      .values([
        { tenant: 'local', kind: 'envelope', key: envelope },
        { tenant: 'local', kind: 'node', key: tip },
        { tenant: 'local', kind: 'block', key: template! },
        { tenant: 'local', kind: 'block', key: overlay },
      ])
      .execute();
    const swept = await writer!.db.transaction().execute(async (tx) => {
      // What the foreign keys of a new row do to the rows it names.
      await tx.selectFrom('envelope').select('key').where('key', '=', envelope).forKeyShare().execute();
      await tx.selectFrom('node').select('key').where('key', '=', tip).forKeyShare().execute();
      await tx.selectFrom('block').select('hash').where('hash', '=', template!).forKeyShare().execute();
      return sweepSlice(sweeper!, 'local', 50);
    });
    expect(swept).toMatchObject({ nodes: 0, blocks: 0, moved: false, done: false });
    const nodes = writer!.db.selectFrom('node').select('key').where('key', '=', tip);
    const envelopes = writer!.db.selectFrom('envelope').select('key');
    expect(await nodes.execute()).toHaveLength(1);
    expect(await envelopes.execute()).toHaveLength(1);
    // The writer went away without a row: now it goes.
    for (let slices = 0; slices < 10 && !(await sweepSlice(sweeper!, 'local', 50)).done; slices++);
    expect(await nodes.execute()).toEqual([]);
    expect(await envelopes.execute()).toEqual([]);
    await Promise.all([sweeper!.close(), writer!.close()]);
    await withStore(made, async (db) => {
      // The envelope was the last to hold its chains and blocks: nothing is left of them.
      expect(await faults(db)).toEqual([]);
    });
  });

  it('record the same content while it is deleted by both', async () => {
    const recordings: Recording[] = [
      startRecording(made),
      startRecording({ dataDir: other.dataDir, databaseUrl: made.databaseUrl }),
    ];
    let at = Date.now() - 3_600_000;
    const talk = (recording: Recording, session: string): string[] =>
      Array.from({ length: 5 }, (_, turns) => {
        const messages = [
          user('the same first words'),
          ...Array.from({ length: turns }, () => [assistant([text('an answer')]), user('go on')]).flat(),
        ];
        return recording.write({
          at: (at += 1000),
          body: turn(session, messages),
          response: { headers: SSE, chunks: streamOf({ content: [text('an answer')] }) },
        }).id;
      });
    const kept: string[] = [];
    for (let round = 0; round < 6; round++) {
      const mine = recordings.map((recording, n) => talk(recording, `doomed-${String(round)}-${String(n)}`));
      await Promise.all(recordings.map((recording) => recording.recorder.drain()));
      const conversations = await Promise.all(
        recordings.map(async (recording, n) => {
          const row = await recording.read('getRequest', mine[n]![0]!, ['conversationId']);
          return row!.conversationId!;
        }),
      );
      // Each deletes what the other one recorded.
      const deleting = recordings.map((recording, n) =>
        recording.command('deleteConversation', conversations[1 - n]!),
      );
      kept.push(
        ...recordings.flatMap((recording, n) => talk(recording, `kept-${String(round)}-${String(n)}`)),
      );
      await Promise.all(deleting);
      await Promise.all(recordings.map((recording) => recording.recorder.drain()));
    }
    for (const id of kept) {
      const detail = (await recordings[0]!.read('getRequest', id))!;
      expect([id, detail.state]).toEqual([id, 'completed']);
      expect(detail.requestBody).toMatchObject({ max_tokens: 1000 });
    }
    const logs = recordings.flatMap((recording) => recording.logs.filter((line) => line.startsWith('error')));
    await Promise.all(recordings.map((recording) => recording.close()));
    expect(logs).toEqual([]);
    expect(await withStore(made, faults)).toEqual([]);
  });
});
