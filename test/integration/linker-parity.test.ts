import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { histories, type MadeExchange } from '../support/histories.ts';
import { choices, interleave, rewrite } from '../support/interleave.ts';
import { MemoryLinker, type MemoryExchange } from '../support/memory-linker.ts';
import { JSON_TYPE } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';

/** Histories that are told to both; each is a project of its own, so that those without a session stay apart. */
const HISTORIES = 50;
const START = Date.UTC(2026, 10, 23, 8);
/** Between two arrivals, in ms: more than a response takes in a journal. */
const STEP = 100;

const FIELDS: (keyof RequestDetail)[] = [
  'conversationId',
  'parentRequestId',
  'retryOf',
  'branchId',
  'isSubtask',
  'parentTaskRequestId',
];

const server = usePostgres();

interface Told {
  exchange: MadeExchange;
  id: string;
  at: number;
  headers: [string, string][];
  body: { messages: unknown[] };
  memory: MemoryExchange;
}

describe.each(engines)('the linker in memory decides as the recorder does on %s', (engine) => {
  let database: TestDatabase;
  let recording: Recording;
  beforeAll(async () => {
    database = await createTestDatabase(engine, server());
    recording = startRecording(database);
    await recording.recorder.ready;
  });
  afterAll(async () => {
    await recording.close();
    await database.remove();
  });

  const write = ({ id, at, headers, body, exchange }: Told, project: string, endedAt: number | null) => {
    recording.write({
      id,
      at,
      head: { project, headers: [...JSON_TYPE, ...headers] },
      body,
      ...(endedAt === null ? {} : { response: responseOf(exchange, endedAt - at) }),
      end: endedAt === null ? null : {},
    });
    return recording.recorder.drain();
  };

  /** Tells both of the same arrivals, one after the other. */
  const tell = async (exchanges: MadeExchange[], order: number[], index: number): Promise<Told[]> => {
    const project = `p${String(index)}`;
    const linker = new MemoryLinker();
    const told = new Map<string, Told>();
    for (const [step, { kind, exchange }] of interleave(exchanges, order).entries()) {
      const at = START + index * 3_600_000 + step * STEP;
      const known = told.get(exchange.id);
      if (known === undefined) {
        const body = {
          model: 'm',
          tools: [{ name: 'Read' }],
          messages: rewrite(exchange.messages, index + step),
        };
        const headers = headersOf(exchange, project);
        const id = uuidV7(at);
        const request = { requestId: id, at, method: 'POST', path: '/v1/messages', headers, body, project };
        const one = { exchange, id, at, headers, body, memory: linker.request(request) };
        told.set(exchange.id, one);
        await write(one, project, null);
      } else if (kind === 'end') {
        const { status, chunks } = responseOf(exchange, 0);
        linker.response(known.memory, {
          status,
          contentType: 'application/json',
          upstreamId: null,
          bytes: Buffer.from(chunks[0]!),
          messages: known.body.messages,
          at,
        });
        await write(known, project, at);
      }
    }
    return [...told.values()];
  };

  test('parents, retries, conversations, branches, sub-tasks and signals', async () => {
    const made = fc.sample(fc.tuple(histories, choices), { seed: 7, numRuns: HISTORIES });
    const wrong: unknown[] = [];
    let compared = 0;
    for (const [index, [exchanges, order]] of made.entries()) {
      const conversations = new Map<string, string>();
      for (const { exchange, id, memory } of await tell(exchanges, order, index)) {
        const row = (await recording.read('getRequest', id, FIELDS))!;
        const link = (await recording.read('getLink', id))!;
        const { decision } = memory;
        if (!conversations.has(memory.conversationId!)) {
          conversations.set(memory.conversationId!, row.conversationId!);
        }
        const found = {
          signal: link.signal,
          matched: link.matchedMessages,
          parent: row.parentRequestId,
          retryOf: row.retryOf,
          conversation: row.conversationId,
          branch: row.branchId,
          isSubtask: row.isSubtask,
          task: row.parentTaskRequestId,
        };
        const expected = {
          signal: decision.signal,
          matched: decision.matched,
          parent: decision.parentRequestId,
          retryOf: decision.retryOf,
          conversation: conversations.get(memory.conversationId!),
          branch: memory.branchId,
          isSubtask: decision.isSubtask,
          task: decision.parentTaskRequestId,
        };
        compared++;
        if (JSON.stringify(found) !== JSON.stringify(expected)) {
          wrong.push([index, exchange.id, found, expected]);
        }
      }
      expect(new Set(conversations.values()).size).toBe(conversations.size);
    }
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(60);
  });
});

function headersOf({ session, agent, parentAgent }: MadeExchange, project: string): [string, string][] {
  return [
    ['x-claude-code-session-id', session === null ? null : `${project}-${session}`],
    ['x-claude-code-agent-id', agent],
    ['x-claude-code-parent-agent-id', parentAgent],
  ].filter((pair): pair is [string, string] => pair[1] !== null);
}

/** Its end frame is written `after` ms after the request: 20 ms behind the head. */
function responseOf({ id, reply }: MadeExchange, after: number) {
  const message = { id: `msg_${id}`, type: 'message', role: 'assistant', content: reply };
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  return {
    status: reply === null ? 529 : 200,
    headers: JSON_TYPE,
    chunks: [JSON.stringify(reply === null ? error : message)],
    afterMs: after - 20,
  };
}
