import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  conversationExport,
  requestExport,
  type ConversationExport,
  type ConversationExportQuery,
} from '../../src/protocol/export.ts';
import type { DocumentPart } from '../../src/protocol/compare.ts';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { comparableText } from '../../src/sidecar/core/comparable.ts';
import { unfoldBody } from '../../src/sidecar/core/export/shared-body.ts';
import type { ExportPlan } from '../../src/sidecar/store/export.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import {
  assistant,
  JSON_TYPE,
  SSE,
  streamOf,
  text,
  toolResult,
  toolUse,
  turn,
  user,
} from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';

const T0 = Date.UTC(2026, 10, 19, 10);
const KEY = 'sk-ant-api03-madeup_1234567890';
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

const server = usePostgres();

describe.each(engines)('exports on %s', (engine) => {
  let database: TestDatabase;
  let recording: Recording;
  const ids: string[] = [];
  let conversationId: string;

  beforeAll(async () => {
    database = await createTestDatabase(engine, server());
    recording = startRecording(database);
    const write = (minute: number, body: unknown, response: object): void => {
      const script = { at: T0 + minute * 60_000, body, response: response as never };
      ids.push(recording.write(script).id);
    };
    const call = toolUse('toolu_1', 'Bash', { command: 'cat .env' });
    const asked = [user('what is in the file?')];
    write(0, turn('s', asked), { headers: SSE, chunks: streamOf({ content: [text('I look'), call] }) });
    const looked = [...asked, assistant([text('I look'), call]), user([toolResult('toolu_1', `KEY=${KEY}`)])];
    write(1, turn('s', looked), {
      headers: SSE,
      chunks: streamOf({ content: [text(`It is ${KEY}, keep it`)] }),
    });
    const said = [...looked, assistant([text(`It is ${KEY}, keep it`)]), user('<b>thanks</b>')];
    write(2, turn('s', said), {
      status: 529,
      headers: JSON_TYPE,
      chunks: ['{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'],
    });
    write(3, turn('s', said), { headers: SSE, chunks: streamOf({ content: [text('you are welcome')] }) });
    recording.write({
      at: T0 + 240_000,
      head: { path: '/v1/messages/count_tokens' },
      body: turn('s', asked),
      response: { headers: JSON_TYPE, chunks: ['{"input_tokens":5}'] },
    });
    await recording.recorder.drain();
    const detail = await recording.read('getRequest', ids[0]!, ['conversationId']);
    conversationId = detail!.conversationId!;
  });
  afterAll(async () => {
    await recording.close();
    await database.remove();
  });

  const exported = async (query: ConversationExportQuery): Promise<string> => {
    const plan = (await recording.read('planExport', conversationId, query)) as ExportPlan;
    let content = plan.head;
    for (let at = 0; at < plan.steps.length;) {
      const bytes = await recording.recorder.read('exportSteps', plan.steps.slice(at), query);
      const slice = Buffer.from(bytes).toString();
      const line = slice.indexOf('\n');
      at += Number(slice.slice(0, line));
      content += slice.slice(line + 1);
    }
    return content + plan.tail;
  };

  it('JSON has everything, each message once', async () => {
    const content = await exported({ format: 'json', redact: 'none' });
    const file: ConversationExport = conversationExport.parse(JSON.parse(content));
    expect(file.requests.map(({ requestId, state }) => [requestId, state])).toEqual(
      ids.map((id, index) => [id, index === 2 ? 'failed' : 'completed']),
    );
    expect(file.sideCalls.map(({ requestType }) => requestType)).toEqual(['count_tokens']);
    expect(file.branches.map(({ branchId }) => branchId)).toEqual(['main']);
    expect(file.requests.map(({ link }) => link.signal)).toEqual([
      'root',
      'response-prefix',
      'response-prefix',
      'retry',
    ]);
    expect(file.requests.map(({ shared }) => shared?.messages ?? null)).toEqual([null, 1, 3, 5]);
    const whole = new Map<string, unknown>();
    for (const request of file.requests) {
      const base = request.shared === null ? null : whole.get(request.shared.requestId);
      whole.set(request.requestId, unfoldBody(request.requestBody, request.shared, base));
      const { link: _link, shared: _shared, requestBody: _body, ...rest } = request;
      const stored = await recording.read('getRequest', request.requestId);
      expect({ ...rest, requestBody: whole.get(request.requestId) }).toEqual(stored);
    }
  });

  it.each(['json', 'md', 'html'] as const)('%s is masked on the way out', async (format) => {
    for (const redact of ['own', 'none'] as const) {
      expect(await exported({ format, redact })).toContain(KEY);
    }
    const content = await exported({ format, redact: 'all' });
    // In the stream the key came in two deltas; none of its halves may be left.
    for (const part of [KEY, KEY.slice(14), 'madeup']) expect(content).not.toContain(part);
    expect(content.match(/sk-ant-\*{4}/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it('Markdown and HTML tell it in order', async () => {
    const check = async (format: 'md' | 'html', words: string[]): Promise<void> => {
      const content = await exported({ format, redact: 'own' });
      const places = words.map((word) => content.indexOf(word));
      expect([words[places.indexOf(-1)], places]).toEqual([undefined, [...places].sort((a, b) => a - b)]);
    };
    const ending = ['Overloaded', 'tried again', 'you are welcome'];
    await check('md', ['# what is in', 'I look', 'cat .env', `KEY=${KEY}`, '&lt;b>thanks', ...ending]);
    await check('html', ['<h1>what is in', 'I look', 'cat .env', `KEY=${KEY}`, '&lt;b&gt;thanks', ...ending]);
  });

  it('a request is a file of its own, its body whole', async () => {
    const bytes = await recording.recorder.read('exportRequest', ids[3]!, 'none');
    const { request, redact } = requestExport.parse(JSON.parse(Buffer.from(bytes).toString()));
    const { link, ...detail } = request;
    expect([link.signal, redact]).toEqual(['retry', 'none']);
    expect(detail).toEqual(await recording.read('getRequest', ids[3]!));
  });

  it('a request is the text of documents', async () => {
    const document = async (id: string, part: DocumentPart): Promise<string> =>
      Buffer.from(await recording.recorder.read('getDocument', id, part)).toString();
    const detail = (await recording.read('getRequest', ids[1]!)) as RequestDetail;
    const { requestBody, responseBody, requestHeaders, responseHeaders, streamingChunks: chunks } = detail;
    const indented = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
    expect(await document(ids[1]!, 'request')).toBe(indented(requestBody));
    expect(await document(ids[1]!, 'response')).toBe(indented(responseBody));
    expect(await document(ids[1]!, 'headers')).toBe(indented({ requestHeaders, responseHeaders }));
    expect(await document(ids[1]!, 'chunks')).toBe(indented(chunks));
    expect(await document(ids[1]!, 'stream')).toBe(chunks.map(({ data }) => data).join(''));
    expect(await document(ids[1]!, 'comparable')).toBe(comparableText(requestBody));
    expect(await recording.read('getDocument', UNKNOWN, 'comparable')).toBeNull();
    expect(await recording.read('getDocument', UNKNOWN, 'request')).toBeNull();
  });

  it('a request is compared with the one before it, or with any', async () => {
    const compared = async (id: string, other?: string): Promise<unknown> => {
      const { firstId, messages, firstDifference } = (await recording.read('getComparison', id, other))!;
      return [
        ids.indexOf(firstId),
        messages.map(({ change }) => change[0]).join(''),
        firstDifference?.index ?? null,
      ];
    };
    expect(await compared(ids[1]!)).toEqual([0, 'eaaa', 1]);
    expect(await compared(ids[3]!, ids[2])).toEqual([2, 'eeeeee', null]);
    expect(await compared(ids[0]!, ids[1])).toEqual([1, 'errr', 1]);
    await expect(recording.read('getComparison', ids[0]!, undefined)).rejects.toThrow(/no turn before it/);
    await expect(recording.read('getComparison', ids[0]!, UNKNOWN)).rejects.toThrow(/not in the store/);
    expect(await recording.read('getComparison', UNKNOWN, undefined)).toBeNull();
  });

  it('what is not there is not exported', async () => {
    const query = { format: 'json', redact: 'own' } as const;
    expect(await recording.read('planExport', UNKNOWN, query)).toBeNull();
    expect(await recording.read('exportRequest', UNKNOWN, 'own')).toBeNull();
    const step = { before: '', requestId: UNKNOWN, base: null, turn: null };
    expect(await recording.read('exportSteps', [step], query)).toBeNull();
  });
});
