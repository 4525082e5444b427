import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines, migrationsDir, type TestDatabase } from '../support/databases.ts';
import { SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording } from '../support/recording.ts';

/** The schema of 0.1.0, the release before this one. */
const PREVIOUS = ['0001_exchanges.sql'];

const server = usePostgres();

describe.each(engines)('a database of the previous release, on %s', (engine) => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('is migrated with its rows, read as before, and written on', async () => {
    const database = await createTestDatabase(engine, server());
    const migrations = mkdtempSync(join(tmpdir(), 'nexus-migrations-'));
    cleanups.push(
      () => database.remove(),
      () => {
        rmSync(migrations, { recursive: true });
      },
    );
    for (const name of PREVIOUS) copyFileSync(join(migrationsDir, name), join(migrations, name));
    await fillAsBefore(database, migrations);

    const recording = startRecording(database);
    cleanups.push(() => recording.close());
    await recording.recorder.ready;
    const { conversations } = await recording.read('listConversations', { limit: 10 });
    expect(conversations).toMatchObject([
      { conversationId: CONVERSATION, title: 'An old question', requestCount: 1 },
    ]);
    const detail = await recording.read('getRequest', REQUEST);
    expect(detail).toMatchObject({
      state: 'completed',
      inputTokens: 12,
      outputTokens: 34,
      requestBody: JSON.parse(BODY) as unknown,
      responseBody: { type: 'message', content: [{ type: 'text', text: 'An old answer' }] },
    });
    expect(detail?.streamingChunks?.map((chunk) => chunk.data).join('')).toBe(ANSWER);
    const { id } = recording.write({
      at: Date.now(),
      body: turn('new', [user('A new question')]),
      response: { headers: SSE, chunks: streamOf({ content: [text('A new answer')] }) },
    });
    await recording.recorder.drain();
    expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
  });
});

const CONVERSATION = '01920000-0000-7000-8000-000000000001';
const REQUEST = '01920000-0000-7000-8000-000000000002';
const BODY =
  '{"model":"claude-test-1","stream":true,"messages":[{"role":"user","content":"An old question"}]}';
const ANSWER = streamOf({ id: 'msg_old', content: [text('An old answer')] }).join('');

/** Rows as 0.1.0 left them: written with its own SQL, since the program that wrote them is gone. */
async function fillAsBefore(database: TestDatabase, migrations: string): Promise<void> {
  const old = await openDatabase({ ...database.options, migrationsDir: migrations });
  const { db } = old;
  const block = async (name: string, kind: string, content: string): Promise<void> => {
    const bytes = Buffer.from(content);
    await sql`insert into block (tenant, hash, codec, raw_size, kind, bytes)
      values ('local', ${Buffer.from(name.padEnd(32, '.'))}, 0, ${bytes.length}, ${kind}, ${bytes})`.execute(
      db,
    );
  };
  const hash = (name: string): Buffer => Buffer.from(name.padEnd(32, '.'));
  await block('request headers', 'headers', '[["content-type","application/json"]]');
  await block('response headers', 'headers', '[["content-type","text/event-stream"]]');
  await block('request', 'raw', BODY);
  await block('response', 'response', ANSWER);
  const at = '2026-10-01T08:00:00Z';
  await sql`insert into conversation (tenant, id, domain, title, started_at, last_at, latest_id,
      latest_started_at, request_count, message_count, total_tokens, models)
    values ('local', ${CONVERSATION}, 'localhost', 'An old question', ${at}, ${at}, ${REQUEST}, ${at}, 1, 1, 46,
      '{claude-test-1}')`.execute(db);
  await sql`insert into branch (tenant, conversation_id, branch_id, kind, first_id, created_at)
    values ('local', ${CONVERSATION}, 'main', 'main', ${REQUEST}, ${at})`.execute(db);
  await sql`insert into exchange (tenant, id, domain, type, state, started_at, ended_at, method, path, http_version,
      model, streaming, preview, asked, message_count, input_tokens, output_tokens, request_headers, raw,
      request_size, redactions, response_status, response_headers, response_body, response_cuts, response_size,
      conversation_id, branch_id, link_depth, link_version, link_signal, link_matched, link_candidates)
    values ('local', ${REQUEST}, 'localhost', 'inference', 'completed', ${at}, ${at}, 'POST', '/v1/messages', '1.1',
      'claude-test-1', true, 'An old question', true, 1, 12, 34, ${hash('request headers')}, ${hash('request')},
      ${BODY.length}, '[]', 200, ${hash('response headers')}, ${hash('response')}, ${onePart(ANSWER.length)},
      ${ANSWER.length}, ${CONVERSATION}, 'main', 1, 1, 'none', 0, '[]')`.execute(db);
  await old.close();
}

/** One chunk of that length at 0 ms: LEB128 numbers, as 0.1.0 packed them. */
function onePart(length: number): Buffer {
  const bytes: number[] = [];
  for (let rest = length; ; rest >>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) return Buffer.from([...bytes, 0]);
  }
}
