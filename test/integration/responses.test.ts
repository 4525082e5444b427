import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { newBlock } from '../../src/sidecar/store/blocks.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { readExchange } from '../../src/sidecar/store/read-exchange.ts';
import { createTestDatabase, engines, migrationsDir, type TestDatabase } from '../support/databases.ts';
import {
  assistant,
  JSON_TYPE,
  messageOf,
  SSE,
  streamOf,
  text,
  toolResult,
  toolUse,
  turn,
  user,
  type Reply,
} from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording, type ScriptedExchange } from '../support/recording.ts';
import { useRecording } from '../support/recording-suite.ts';

const T0 = Date.UTC(2026, 10, 22, 12);

const server = usePostgres();

describe.each(engines)('responses on %s', (engine) => {
  let recording: Recording;
  useRecording(engine, server, (begun) => {
    recording = begun;
  });

  const record = async (script: ScriptedExchange): Promise<RequestDetail> => {
    const { id } = recording.write(script);
    await recording.recorder.drain();
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    return (await recording.read('getRequest', id)) as RequestDetail;
  };

  it.each<[string, (Buffer | string)[], [string, string][]]>([
    ['a stream', streamOf({ content: [text('Grüße 🌍'), toolUse('t1', 'Bash', { command: 'ls' })] }), SSE],
    ['a stream in odd chunks', oddly(streamOf({ content: [text('Grüße 🌍 and more')] }).join('')), SSE],
    [
      'a stream that was cut off',
      oddly(
        streamOf({ content: [text('half of it')] })
          .join('')
          .slice(0, -140),
      ),
      SSE,
    ],
    ['a stream with an error', [...streamOf({ content: [text('x')] }).slice(0, 3), ERROR_EVENT], SSE],
    [
      'a stream with broken text',
      [...streamOf({ content: [text('x')] }), Buffer.from([0xff, 0x0a, 0x0a])],
      SSE,
    ],
    ['a message', [JSON.stringify(messageOf({ content: [text('whole')] }))], JSON_TYPE],
    ['an error', ['{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'], JSON_TYPE],
    ['what is neither', ['<html>', '', '</html>'], [['content-type', 'text/html']]],
  ])('give back %s with its chunks, their times and its headers', async (name, chunks, headers) => {
    const all: [string, string][] = [
      ['Date', 'Sun, 22 Nov 2026 14:28:24 GMT'],
      ...headers,
      ['request-id', `req_01made0up0for0tests0${String(name.length)}`],
      ['content-length', '4711'],
    ];
    const detail = await record({
      at: T0,
      body: turn(`session ${name}`, [user(name)]),
      response: { headers: all, chunks, afterMs: 3.4 },
    });
    const bytes = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
    expect(detail.responseHeaders).toEqual(all);
    expect(detail.streamingChunks.map((chunk) => chunk.data).join('')).toBe(bytes.toString());
    expect(detail.streamingChunks.map((chunk) => chunk.offsetMs)).toEqual(
      chunks.map((_, index) => 13.4 + index * 10),
    );
    if (headers === JSON_TYPE) expect(detail.responseBody).toEqual(JSON.parse(bytes.toString()));
  });

  it('give their summary to the conversation that goes on from it', async () => {
    const asked = turn('session-compacted', [
      user('Your task is to create a detailed summary of the conversation so far.'),
    ]);
    const summary =
      'A summary long enough to be told apart from every other summary there is in this store, in words.';
    const first = await record({
      at: T0 + 1000,
      body: asked,
      response: { headers: SSE, chunks: streamOf({ content: [text(`<summary>${summary}</summary>`)] }) },
    });
    const next = await record({
      at: T0 + 2000,
      body: turn('session-compacted', [
        user(
          `This session is being continued from a previous conversation that ran out of context.\n${summary}`,
        ),
      ]),
      response: { headers: SSE, chunks: streamOf({ content: [text('Going on.')] }) },
    });
    expect(next.parentRequestId).toBe(first.requestId);
  });
});

describe.each(engines)('the store on %s', (engine) => {
  let made: TestDatabase;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
  });
  afterAll(() => made.remove());

  it('holds an answer and the history that quotes it once', async () => {
    const answer = [
      { type: 'thinking', thinking: 'Which files are there?', signature: 'c2lnbmVk' },
      text('I look.'),
      toolUse('toolu_1', 'Bash', { command: 'ls' }),
    ];
    const history = [user('look'), assistant(answer), user([toolResult('toolu_1', 'a.txt')])];
    const recording = startRecording(made);
    const whole: Reply[] = [{ content: answer }, { content: [text('One file.')] }];
    recording.write({
      at: T0,
      body: turn('s', history.slice(0, 1)),
      response: { headers: SSE, chunks: streamOf(whole[0]!) },
    });
    recording.write({
      at: T0 + 1000,
      body: turn('s', history),
      response: { headers: SSE, chunks: streamOf(whole[1]!) },
    });
    await recording.recorder.drain();
    await recording.close();

    const database = await openDatabase(made.options);
    const { rows } = await sql<{ depth: number; above: boolean }>`
      select depth, key in (select response_tip from exchange) as above
      from node where run is not null order by depth`.execute(database.db);
    // Three messages and the last answer, each a run; the second message is the first answer.
    expect(rows.map(({ depth, above }) => [depth, above])).toEqual([
      [1, false],
      [4, true],
      [5, false],
      [6, true],
    ]);
    const kinds = sql<{ kind: string; n: number }>`select kind, count(*)::int as n from block group by kind`;
    const counts = Object.fromEntries(
      (await kinds.execute(database.db)).rows.map(({ kind, n }) => [kind, n]),
    );
    expect(counts).toMatchObject({ shape: 2 });
    expect(counts['message']).toBeUndefined();
    expect(counts['response']).toBeUndefined();
    await database.close();
  });
});

describe.each(engines)('rows of before, on %s', (engine) => {
  const BEFORE = '0001_exchanges.sql';
  let made: TestDatabase;
  let oldMigrations: string;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    oldMigrations = await mkdtemp(join(tmpdir(), 'nexus-migrations-'));
    await copyFile(join(migrationsDir, BEFORE), join(oldMigrations, BEFORE));
  });
  afterAll(async () => {
    await made.remove();
    await rm(oldMigrations, { recursive: true });
  });

  it('are read as they were', async () => {
    const old = await openDatabase({ ...made.options, migrationsDir: oldMigrations });
    const body = streamOf({ id: 'msg_old', content: [text('An old answer.')] }).join('');
    await insertOld(old, body);
    await old.close();

    const database = await openDatabase(made.options);
    const detail = (await readExchange(database.db, OLD_ID)) as RequestDetail;
    expect(detail.responseBody).toEqual(messageOf({ id: 'msg_old', content: [text('An old answer.')] }));
    expect(detail.responseHeaders).toEqual([['content-type', 'text/event-stream']]);
    expect(detail.streamingChunks).toEqual([
      { index: 0, offsetMs: 20.5, data: body.slice(0, 300) },
      { index: 1, offsetMs: 40.5, data: body.slice(300) },
    ]);
    await database.close();
  });
});

const OLD_ID = '0198aaaa-0000-7000-8000-000000000001';

/** A finished exchange as the first schema had it: 300 bytes after 20.5 ms, the rest 20 ms later. */
async function insertOld({ db }: Database, body: string): Promise<void> {
  const headers = newBlock('headers', Buffer.from('[["content-type","text/event-stream"]]'));
  const response = newBlock('response', Buffer.from(body));
  for (const { hash, kind, bytes } of [headers, response]) {
    await sql`insert into block (tenant, hash, codec, raw_size, kind, bytes)
      values ('local', ${hash}, 0, ${bytes.length}, ${kind}, ${bytes})`.execute(db);
  }
  const rest = body.length - 300;
  const cuts = Buffer.from([0xac, 0x02, 0xcd, 0x01, (rest % 128) | 0x80, rest >> 7, 0xc8, 0x01]);
  await sql`insert into exchange (tenant, id, domain, type, state, started_at, method, path, http_version, streaming,
      preview, asked, message_count, request_headers, request_size, redactions, response_status, response_headers,
      response_body, response_cuts, response_size, link_depth, link_version, link_signal, link_matched, link_candidates)
    values ('local', ${OLD_ID}, 'localhost', 'inference', 'completed', now(), 'POST', '/v1/messages', '1.1', true,
      '', true, 1, ${headers.hash}, 0, '[]', 200, ${headers.hash},
      ${response.hash}, ${cuts}, ${body.length}, 0, 1, 'root', 0, '[]')`.execute(db);
}

const ERROR_EVENT =
  'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';

/** Cut every 37 bytes: within events, and within characters. */
function oddly(stream: string): Buffer[] {
  const bytes = Buffer.from(stream);
  return Array.from({ length: Math.ceil(bytes.length / 37) }, (_, n) => bytes.subarray(n * 37, (n + 1) * 37));
}
