import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { spawnsOf } from '../../src/sidecar/core/spawns.ts';
import { engines } from '../support/databases.ts';
import { histories, type MadeExchange } from '../support/histories.ts';
import { choices, interleave, rewrite, type Arrival } from '../support/interleave.ts';
import { MemoryLinker, type MemoryExchange } from '../support/memory-linker.ts';
import { JSON_TYPE, SSE, streamOf } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import type { Recording } from '../support/recording.ts';
import { useRecording } from '../support/recording-suite.ts';

/** Histories that are told to both; each is a project of its own, so that those without a session stay apart. */
const HISTORIES = 50;
const START = Date.UTC(2026, 10, 23, 8);
/** Between two arrivals, in ms: more than a response takes in a journal. */
const STEP = 1000;

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
  let recording: Recording;
  useRecording(engine, server, (begun) => {
    recording = begun;
  });

  /** What its journal holds at `at`: the request, also its answer as far as its calls, or all of it. */
  const write = (
    { id, at: begun, headers, body, exchange }: Told,
    project: string,
    kind: Arrival['kind'],
    at: number,
  ) => {
    const chunks = chunksOf(exchange);
    const some = kind === 'calls' ? chunks.slice(0, -2) : chunks;
    // A chunk every 10 ms, and the end frame behind them.
    const afterMs = at - begun - 10 * (some.length + (kind === 'end' ? 1 : 0));
    const response = { status: statusOf(exchange), headers: typeOf(exchange), chunks: some, afterMs };
    recording.write({
      id,
      at: begun,
      head: { project, headers: [...JSON_TYPE, ...headers] },
      body,
      ...(kind === 'start' ? {} : { response }),
      end: kind === 'end' ? {} : null,
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
        await write(one, project, kind, at);
        continue;
      }
      const bytes = Buffer.from(chunksOf(exchange).join(''));
      if (kind === 'calls') {
        linker.calls(known.memory, spawnsOf({ content: exchange.reply }), at);
      } else {
        linker.response(known.memory, {
          status: statusOf(exchange),
          contentType: typeOf(exchange)[0]![1],
          upstreamId: null,
          bytes,
          messages: known.body.messages,
          at,
        });
      }
      await write(known, project, kind, at);
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

const statusOf = ({ reply }: MadeExchange): number => (reply === null ? 529 : 200);
const typeOf = ({ reply }: MadeExchange): [string, string][] => (reply === null ? JSON_TYPE : SSE);

/** An answer as a stream, a failure as JSON. */
function chunksOf({ id, reply }: MadeExchange): string[] {
  if (reply !== null) return streamOf({ id: `msg_${id}`, content: reply as Record<string, unknown>[] });
  return [JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })];
}
